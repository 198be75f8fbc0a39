//! What a broker sees to before it stands on a server of PostgreSQL: a layout that it knows, roles that can do what they must and
//! nothing else, and commits that are on the medium.

use super::AppError;
use crate::{
    config::PostgresConfig,
    database::{
        NotTheStore, StoreIdentity, identity,
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
    Store(#[from] NotTheStore),
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
    let mut duties: Vec<(Server, Schema<'_>, Duty)> = vec![
        (postgres.appender()?, Schema::Control, Duty::Appender),
        (postgres.reader()?, Schema::Control, Duty::Reader),
    ];
    let control = keyring.store_identity(CONTROL).await;
    let mut stores = vec![(CONTROL, control), (CONTROL, control)];
    for (_, spec) in catalogue.datasets() {
        duties.push((postgres.dataset(&spec.id)?, Schema::Dataset(catalogue, spec), Duty::Dataset));
        stores.push((spec.id.as_str(), keyring.store_identity(spec.id.as_str()).await));
    }
    for ((server, schema, duty), (name, store)) in duties.iter().zip(stores) {
        let fit = fit(server, *schema, *duty, &all, &store).await;
        fit.map_err(|why| match why {
            NotFit::Store(source) => {
                AppError::NoStore { name: name.to_owned(), at: server.name().to_owned(), source: source.into() }
            }
            why => AppError::Server(server.name().to_owned(), why),
        })?;
    }
    Ok(())
}

async fn fit(
    server: &Server,
    schema: Schema<'_>,
    duty: Duty,
    all: &[String],
    store: &StoreIdentity,
) -> Result<(), NotFit> {
    let mut connection = match server.connect().await {
        Ok(connection) => connection,
        Err(error) => return Err(identity::not_the_store(&error).map_or_else(|| error.into(), NotFit::Store)),
    };
    // First: an empty database lacks its layout too, and that is not what is wrong with it.
    store.is(identity::on_server(&mut connection).await?.as_deref())?;
    schema.check(&mut connection).await?;
    check(&mut connection, duty, all).await?;
    durability(&mut connection).await??;
    drop(connection.close().await);
    Ok(())
}
