//! One database, on whichever of its hosts takes writes.

use super::super::identity::{self, StoreIdentity};
use sqlx::{
    ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgDatabaseError, PgSeverity, PgSslMode},
};
use std::{path::PathBuf, time::Duration};

/// Where a server is: a name or address and a port, or the folder of its socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// Over a network.
    Network(String, u16),
    /// On this machine: the folder, and the port that is part of the socket's name.
    Socket(PathBuf, u16),
}

/// As whom a role connects; whatever is left out the server must not ask for.
#[derive(Clone, Default)]
#[expect(missing_debug_implementations, reason = "holds a password")]
pub struct Credentials {
    /// Its password.
    pub password: Option<zeroize::Zeroizing<String>>,
    /// The authority of the server's certificate: the server is verified, its name too (`verify-full`).
    pub authority: Option<PathBuf>,
    /// A client certificate and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// A database and a role in it. It may have several hosts, of which one takes writes: that one is found at each connection, so that
/// a standby that was promoted needs no change of configuration.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "holds a password")]
pub struct Server {
    hosts: Vec<Host>,
    options: PgConnectOptions,
    name: String,
    /// The store that its database has to be.
    store: Option<StoreIdentity>,
}

/// A host that does not answer in this time is passed over.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

impl Server {
    /// A database on one of these hosts, as that role. Times are in milliseconds; a statement may take `statement_ms`, 0: as long as
    /// it needs.
    pub fn new(hosts: Vec<Host>, database: &str, role: &str, credentials: &Credentials, statement_ms: u32) -> Self {
        let mut options = PgConnectOptions::new_without_pgpass()
            .database(database)
            .username(role)
            .application_name("disown")
            .options([
                ("statement_timeout", statement_ms.to_string().as_str()),
                ("lock_timeout", "5000"),
                ("idle_in_transaction_session_timeout", "10000"),
                // A transaction is on the medium, and on that of a synchronous standby if there is one, when it is committed.
                ("synchronous_commit", "on"),
                ("default_transaction_isolation", "read committed"),
                // Statements are small, prepared once and planned once: to plan one anew costs more than to execute it.
                ("jit", "off"),
                ("plan_cache_mode", "force_generic_plan"),
                // They find few rows by their key. A plan stands while tables grow: one that was made when a table was empty must not
                // read all of it later, and for few rows a map of pages to visit costs more than it spares.
                ("enable_seqscan", "off"),
                ("enable_bitmapscan", "off"),
                ("search_path", "public"),
                // The warning that a commit may be on one host only must come through, whatever is set for the role.
                ("client_min_messages", "warning"),
            ]);
        if let Some(password) = &credentials.password {
            options = options.password(password);
        }
        options = match &credentials.authority {
            Some(authority) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(authority),
            None => options.ssl_mode(PgSslMode::Disable),
        };
        if let Some((certificate, key)) = &credentials.certificate {
            options = options.ssl_client_cert(certificate).ssl_client_key(key);
        }
        Self { hosts, options, name: format!("{role}@{database}"), store: None }
    }

    /// The same, of a database that has to be that store: every connection is held against it.
    pub fn expecting(self, store: StoreIdentity) -> Self {
        Self { store: Some(store), ..self }
    }

    /// Role and database, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection to the host that takes writes.
    pub async fn connect(&self) -> sqlx::Result<PgConnection> {
        let mut last = sqlx::Error::Configuration("no host is named".into());
        for host in &self.hosts {
            let options = match host {
                Host::Network(name, port) => self.options.clone().host(name).port(*port),
                Host::Socket(folder, port) => self.options.clone().socket(folder).port(*port),
            };
            let connecting = async {
                let mut connection = options.connect().await?;
                let standby: bool =
                    sqlx::query_scalar("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool")
                        .fetch_one(&mut connection)
                        .await?;
                if standby {
                    drop(connection.close().await);
                    return Err(sqlx::Error::Configuration("takes no writes".into()));
                }
                if let Some(store) = &self.store {
                    let found = identity::on_server(&mut connection).await?;
                    store.is(found.as_deref()).map_err(|not| sqlx::Error::Configuration(not.into()))?;
                }
                Ok(connection)
            };
            match tokio::time::timeout(ANSWERS_WITHIN, connecting).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => last = error,
                Err(_) => last = sqlx::Error::PoolTimedOut,
            }
        }
        Err(last)
    }
}

/// Whether the server refused and said so: nothing was done, and the connection is as it was. A host that takes no writes any more is
/// not gone on with: another one may.
pub fn refused(error: &sqlx::Error) -> bool {
    const READ_ONLY: &str = "25006";
    let said = error.as_database_error().and_then(|said| said.try_downcast_ref::<PgDatabaseError>());
    said.is_some_and(|said| said.severity() == PgSeverity::Error && said.code() != READ_ONLY)
}
