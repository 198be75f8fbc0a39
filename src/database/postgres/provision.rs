//! Databases and roles, made by an administrator once: each database has an owner that nobody logs in as, and roles that may do what
//! their duty needs.

use super::{
    super::identity::{self, StoreIdentity, not_the_store},
    privileges::{Duty, grant},
    schema::Schema,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, migrate::MigrateError, postgres::PgConnectOptions,
};
use zeroize::Zeroizing;

/// A database to be made, or to be brought up to date.
#[expect(missing_debug_implementations, reason = "holds passwords")]
pub struct Provision<'a> {
    /// Its name.
    pub database: String,
    /// Its layout.
    pub schema: Schema<'a>,
    /// Who may do what in it, with the password of those that log in with one.
    pub roles: Vec<(String, Duty, Option<Zeroizing<String>>)>,
}

/// A database that was not made.
#[derive(Debug, thiserror::Error)]
pub enum NotProvisioned {
    /// A name that could be something else in a statement.
    #[error("`{0}` is not a name for a database or role: lower-case letters, digits and `_`, at most 60")]
    Name(String),
    /// The server said no.
    #[error("{database}: {source}")]
    Database {
        /// Which database.
        database: String,
        /// Why.
        source: sqlx::Error,
    },
    /// A migration failed.
    #[error("{database}: {source}")]
    Migration {
        /// Which database.
        database: String,
        /// Why.
        source: MigrateError,
    },
}

impl Provision<'_> {
    /// Makes what is not there: roles, database, tables, privileges. What is there stays as it is, save that it is brought up to date.
    pub async fn make(&self, admin: &PgConnectOptions, store: &StoreIdentity) -> Result<(), NotProvisioned> {
        self.check_names()?;
        let failed = |source| NotProvisioned::Database { database: self.database.clone(), source };
        let mut connection = admin.connect().await.map_err(failed)?;
        self.make_database(&mut connection).await.map_err(failed)?;
        drop(connection.close().await);
        self.migrate(admin).await?;
        self.name(admin, store).await.map_err(failed)
    }

    /// What the database says of itself; none: it is not there, or no store was ever made in it.
    pub async fn identity(&self, admin: &PgConnectOptions) -> Result<Option<Vec<u8>>, NotProvisioned> {
        self.check_names()?;
        let failed = |source| NotProvisioned::Database { database: self.database.clone(), source };
        let mut connection = match admin.clone().database(&self.database).connect().await {
            Ok(connection) => connection,
            Err(error) if not_the_store(&error).is_some() => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let found = identity::on_server(&mut connection).await.map_err(failed)?;
        drop(connection.close().await);
        Ok(found)
    }

    /// Last: what has no name is not whole.
    async fn name(&self, admin: &PgConnectOptions, store: &StoreIdentity) -> sqlx::Result<()> {
        let mut connection = admin.clone().database(&self.database).connect().await?;
        execute(&mut connection, format!("SET ROLE {}", self.owner())).await?;
        let named = sqlx::query("INSERT INTO store (identity) VALUES ($1) ON CONFLICT DO NOTHING");
        named.bind(&store.as_bytes()[..]).execute(&mut connection).await?;
        connection.close().await
    }

    /// Applies the migrations that are missing, and grants what they need.
    pub async fn migrate(&self, admin: &PgConnectOptions) -> Result<(), NotProvisioned> {
        self.check_names()?;
        let failed = |source| NotProvisioned::Database { database: self.database.clone(), source };
        let mut connection = admin.clone().database(&self.database).connect().await.map_err(failed)?;
        execute(&mut connection, format!("SET ROLE {}", self.owner())).await.map_err(failed)?;
        let applied = self.schema.apply(&mut connection).await;
        applied.map_err(|source| NotProvisioned::Migration { database: self.database.clone(), source })?;
        for (role, duty, _) in &self.roles {
            execute(&mut connection, format!("GRANT USAGE ON SCHEMA public TO {role}")).await.map_err(failed)?;
            grant(&mut connection, role, *duty).await.map_err(failed)?;
        }
        drop(connection.close().await);
        Ok(())
    }

    /// They become part of statements that take no parameters.
    fn check_names(&self) -> Result<(), NotProvisioned> {
        self.roles.iter().map(|(role, ..)| role).chain([&self.database]).try_for_each(|name| check_name(name))
    }

    fn owner(&self) -> String {
        format!("{}_owner", self.database)
    }

    async fn make_database(&self, admin: &mut PgConnection) -> sqlx::Result<()> {
        // One at a time: two that make the same role at once would trip over each other. It is let go with the connection.
        sqlx::query("SELECT pg_advisory_lock(hashtext('disownctl database init'))").execute(&mut *admin).await?;
        let (database, owner) = (&self.database, self.owner());
        make_role(admin, &owner, "NOLOGIN").await?;
        for (role, duty, password) in &self.roles {
            make_role(admin, role, if *duty == Duty::Eraser { "NOLOGIN" } else { "LOGIN" }).await?;
            if let Some(password) = password {
                // A statement of this kind takes no parameters; the server itself quotes the password.
                let quoted: String = sqlx::query_scalar("SELECT quote_literal($1)")
                    .bind(password.as_str())
                    .fetch_one(&mut *admin)
                    .await?;
                execute(admin, format!("ALTER ROLE {role} PASSWORD {quoted}")).await?;
            }
        }
        let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(database)
            .fetch_one(&mut *admin)
            .await?;
        if !there {
            // An administrator who is no superuser has to be a member of the owner.
            execute(admin, format!("GRANT {owner} TO CURRENT_USER")).await?;
            execute(
                admin,
                format!("CREATE DATABASE {database} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"),
            )
            .await?;
        }
        execute(admin, format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC")).await?;
        for (role, ..) in &self.roles {
            execute(admin, format!("GRANT CONNECT ON DATABASE {database} TO {role}")).await?;
        }
        Ok(())
    }
}

async fn make_role(admin: &mut PgConnection, role: &str, login: &str) -> sqlx::Result<()> {
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)")
        .bind(role)
        .fetch_one(&mut *admin)
        .await?;
    if there {
        return Ok(());
    }
    execute(admin, format!("CREATE ROLE {role} {login} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"))
        .await
}

/// A statement that takes no parameters, of names that were checked.
async fn execute(connection: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}

fn check_name(name: &str) -> Result<(), NotProvisioned> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let fits =
        name.len() <= 60 && name.bytes().all(letter) && name.starts_with(|first: char| first.is_ascii_lowercase());
    if fits { Ok(()) } else { Err(NotProvisioned::Name(name.to_owned())) }
}
