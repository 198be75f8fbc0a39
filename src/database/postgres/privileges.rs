//! What a role may do: given by `disownctl database init`, and held against the server's own word at every start. A role that may do
//! more could reach across to another dataset or rewrite the access log, and the broker does not start with one.

use sqlx::{AssertSqlSafe, PgConnection};

/// A role of the broker, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Keeps one dataset.
    Dataset,
    /// Appends to the access log.
    Appender,
    /// Reads the access log.
    Reader,
    /// Erases parts of entries, when their time is over. No process has it while it serves.
    Eraser,
}

/// A privilege on a table.
type Grant = (&'static str, &'static [&'static str]);

const DATASET: &[Grant] = &[
    ("record", &["SELECT", "INSERT", "DELETE"]),
    ("record_history", &["SELECT", "INSERT"]),
    ("alias", &["SELECT", "INSERT"]),
    ("batch", &["SELECT", "INSERT"]),
    ("store", &["SELECT"]),
    ("_sqlx_migrations", &["SELECT"]),
];
const APPENDER: &[Grant] = &[
    ("entry", &["SELECT", "INSERT"]),
    ("node", &["SELECT", "INSERT"]),
    ("head", &["SELECT", "INSERT"]),
    ("checkpoint", &["SELECT", "INSERT"]),
    ("epoch", &["SELECT", "INSERT"]),
    ("archive", &["SELECT", "INSERT"]),
    ("month_key", &["SELECT", "INSERT"]),
    ("restriction", &["SELECT", "INSERT"]),
    ("act", &["SELECT", "INSERT"]),
    ("event", &["SELECT", "INSERT"]),
    ("store", &["SELECT"]),
    ("_sqlx_migrations", &["SELECT"]),
];
const READER: &[Grant] = &[
    ("entry", &["SELECT"]),
    ("node", &["SELECT"]),
    ("head", &["SELECT"]),
    ("checkpoint", &["SELECT"]),
    ("epoch", &["SELECT"]),
    ("archive", &["SELECT"]),
    ("month_key", &["SELECT"]),
    ("restriction", &["SELECT"]),
    ("act", &["SELECT"]),
    ("event", &["SELECT"]),
    ("store", &["SELECT"]),
    ("_sqlx_migrations", &["SELECT"]),
];
const ERASER: &[Grant] = &[("entry", &["SELECT", "UPDATE"]), ("month_key", &["SELECT", "DELETE"])];

impl Duty {
    fn grants(self) -> &'static [Grant] {
        match self {
            Duty::Dataset => DATASET,
            Duty::Appender => APPENDER,
            Duty::Reader => READER,
            Duty::Eraser => ERASER,
        }
    }
}

/// A role that may do more than its duty, or less.
#[derive(Debug, thiserror::Error)]
pub enum WrongPrivileges {
    /// The server does not say.
    #[error("what the role may do cannot be read: {0}")]
    Unreadable(#[from] sqlx::Error),
    /// It could do harm.
    #[error("the role `{role}` {may}: it must not, and the broker does not start while it may")]
    TooMany {
        /// Which role.
        role: String,
        /// What it may do.
        may: String,
    },
    /// It could not do its work.
    #[error("the role `{role}` may not {what}; `disownctl database init` grants it")]
    TooFew {
        /// Which role.
        role: String,
        /// What it lacks.
        what: String,
    },
}

/// Gives a role what its duty needs, as the owner of the tables that are there.
pub(super) async fn grant(connection: &mut PgConnection, role: &str, duty: Duty) -> sqlx::Result<()> {
    for (table, privileges) in duty.grants() {
        let there: bool = sqlx::query_scalar("SELECT to_regclass('public.' || $1) IS NOT NULL")
            .bind(table)
            .fetch_one(&mut *connection)
            .await?;
        if there {
            let grant = format!("GRANT {} ON {table} TO {role}", privileges.join(", "));
            sqlx::raw_sql(AssertSqlSafe(grant)).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// What a role could use to get beyond its own database, or beyond what it is granted there.
const POWERS: &str = "\
SELECT array_remove(ARRAY[CASE WHEN rolsuper THEN 'is a superuser' END, CASE WHEN rolcreaterole THEN 'may create roles' END, \
CASE WHEN rolcreatedb THEN 'may create databases' END, CASE WHEN rolreplication THEN 'may replicate' END, \
CASE WHEN rolbypassrls THEN 'passes row level security by' END, \
CASE WHEN has_schema_privilege('public', 'CREATE') THEN 'may create tables in its database' END, \
CASE WHEN has_database_privilege(current_database(), 'CREATE') THEN 'may create schemas in its database' END, \
CASE WHEN has_database_privilege(current_database(), 'TEMP') THEN 'may create temporary tables' END], NULL) \
|| ARRAY(SELECT 'is a member of ' || other.rolname FROM pg_roles AS other WHERE other.oid <> own.oid AND pg_has_role(own.oid, other.oid, 'MEMBER')) \
|| ARRAY(SELECT 'may use the foreign server ' || srvname FROM pg_foreign_server WHERE has_server_privilege(oid, 'USAGE')) \
|| ARRAY(SELECT 'may connect to ' || datname FROM pg_database WHERE datname = ANY ($1) AND datname <> current_database() \
AND has_database_privilege(oid, 'CONNECT')) \
|| ARRAY(SELECT 'may run as its owner the function ' || proname FROM pg_proc WHERE prosecdef AND has_function_privilege(oid, 'EXECUTE') \
AND pronamespace <> 'pg_catalog'::regnamespace) \
FROM pg_roles AS own WHERE rolname = current_user";

const ON_TABLES: &str = "\
SELECT relname::text, privilege FROM pg_class, \
unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege \
WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) AND relkind IN ('r', 'p', 'v', 'm', 'f') \
AND (has_table_privilege(oid, privilege) \
OR (privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(oid, privilege)))";

/// Whether the role of a connection may do what its duty needs, and nothing else; `others` are all databases of the deployment.
pub async fn check(connection: &mut PgConnection, duty: Duty, others: &[String]) -> Result<(), WrongPrivileges> {
    let role: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(&mut *connection).await?;
    let powers: Vec<String> = sqlx::query_scalar(POWERS).bind(others).fetch_one(&mut *connection).await?;
    if let Some(may) = powers.into_iter().next() {
        return Err(WrongPrivileges::TooMany { role, may });
    }
    let found: Vec<(String, String)> = sqlx::query_as(ON_TABLES).fetch_all(&mut *connection).await?;
    let needed = |table: &str, privilege: &str| {
        duty.grants().iter().any(|(known, privileges)| *known == table && privileges.contains(&privilege))
    };
    if let Some((table, privilege)) = found.iter().find(|(table, privilege)| !needed(table, privilege)) {
        let may = format!("may {privilege} on the table {table}");
        return Err(WrongPrivileges::TooMany { role, may });
    }
    let there = |table: &str, privilege: &str| found.iter().any(|(known, held)| known == table && held == privilege);
    for (table, privileges) in duty.grants().iter().filter(|(table, _)| *table != "_sqlx_migrations") {
        if let Some(privilege) = privileges.iter().find(|privilege| !there(table, privilege)) {
            return Err(WrongPrivileges::TooFew { role, what: format!("{privilege} on the table {table}") });
        }
    }
    Ok(())
}
