//! What a broker sees to before it stands on a server of PostgreSQL: a layout that it knows, roles that can do what they must and
//! nothing else, and commits that are on the medium.

use super::AppError;
use crate::{
    config::PostgresConfig,
    database::{
        NotTheStore, not_the_store,
        postgres::{Duty, NotDurable, Schema, Server, UnknownSchema, WrongPrivileges, check, durability},
    },
    dataset::Catalogue,
    deployment::CONTROL,
    pseudonym::Keyring,
};
use sqlx::Connection;

/// Why a server will not do.
#[derive(Debug, thiserror::Error)]
pub enum NotFit {
    /// It is not reached.
    #[error("not reached: {0}; is the server running, and has `disownctl database init` made its databases and roles?")]
    Unreachable(#[from] sqlx::Error),
    /// It is not the store that it is taken for.
    #[error("{0}")]
    Store(NotTheStore),
    /// Its layout.
    #[error(transparent)]
    Schema(#[from] UnknownSchema),
    /// Its roles.
    #[error(transparent)]
    Privileges(#[from] WrongPrivileges),
    /// Its commits.
    #[error(transparent)]
    NotDurable(#[from] NotDurable),
}

/// Looks at every database as every role that the broker has.
pub(super) async fn inspect(
    postgres: &PostgresConfig,
    catalogue: &Catalogue,
    keyring: &Keyring,
) -> Result<(), AppError> {
    let all = postgres.databases(catalogue);
    let control = keyring.store_identity(CONTROL).await;
    let mut duties: Vec<(&str, Server, Schema<'_>, Duty)> = vec![
        (CONTROL, postgres.appender()?.expecting(control), Schema::Control, Duty::Appender),
        (CONTROL, postgres.reader()?.expecting(control), Schema::Control, Duty::Reader),
    ];
    for (_, spec) in catalogue.datasets() {
        let name = spec.id.as_str();
        let server = postgres.dataset(&spec.id)?.expecting(keyring.store_identity(name).await);
        duties.push((name, server, Schema::Dataset(catalogue, spec), Duty::Dataset));
    }
    for (name, server, schema, duty) in &duties {
        fit(server, *schema, *duty, &all).await.map_err(|why| match why {
            NotFit::Store(source) => {
                AppError::NoStore { name: (*name).to_owned(), at: server.name().to_owned(), source: source.into() }
            }
            why => AppError::Server(server.name().to_owned(), why),
        })?;
    }
    Ok(())
}

async fn fit(server: &Server, schema: Schema<'_>, duty: Duty, all: &[String]) -> Result<(), NotFit> {
    // First of all whether it is the store: an empty database lacks its layout too, and that is not what is wrong with it.
    let connected = server.connect().await;
    let mut connection =
        connected.map_err(|error| not_the_store(&error).map_or_else(|| error.into(), NotFit::Store))?;
    schema.check(&mut connection).await?;
    check(&mut connection, duty, all).await?;
    durability(&mut connection).await??;
    drop(connection.close().await);
    Ok(())
}
