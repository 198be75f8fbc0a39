//! Which store a database is. The row that says so is made with the store and never again: a database that has none, or another's, is not
//! the store that it is taken for, and what vanished is not empty.

use sqlx::{PgConnection, SqliteConnection};

/// Which store of which deployment a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreIdentity([u8; 32]);

/// A database that is not the store that it is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTheStore {
    /// There is no database, or an empty one.
    #[error("is not there")]
    Gone,
    /// It was made for another deployment, or is another store of this one.
    #[error("is another one: it was made for another deployment, or under another name")]
    Foreign,
}

impl From<[u8; 32]> for StoreIdentity {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl StoreIdentity {
    /// For the database.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether what a database says of itself is this.
    pub(crate) fn is(&self, found: Option<&[u8]>) -> Result<(), NotTheStore> {
        match found {
            None => Err(NotTheStore::Gone),
            Some(found) if found == self.0 => Ok(()),
            Some(_) => Err(NotTheStore::Foreign),
        }
    }
}

const READ: &str = "SELECT identity FROM store";

/// What a database on a file says of itself; none: nothing.
pub(super) async fn in_file(connection: &mut SqliteConnection) -> sqlx::Result<Option<Vec<u8>>> {
    let there: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'store'")
        .fetch_one(&mut *connection)
        .await?;
    if there == 0 { Ok(None) } else { sqlx::query_scalar(READ).fetch_optional(connection).await }
}

/// What a database on a server says of itself; none: nothing.
pub(super) async fn on_server(connection: &mut PgConnection) -> sqlx::Result<Option<Vec<u8>>> {
    const NO_TABLE: &str = "42P01";
    match sqlx::query_scalar(READ).fetch_optional(connection).await {
        Err(error) if code(&error).as_deref() == Some(NO_TABLE) => Ok(None),
        read => read,
    }
}

/// Whether a connection failed because the database is not the store that it is taken for.
pub(crate) fn not_the_store(error: &sqlx::Error) -> Option<NotTheStore> {
    const NO_DATABASE: &str = "3D000";
    match error {
        sqlx::Error::Configuration(source) => source.downcast_ref::<NotTheStore>().copied(),
        error => code(error).filter(|code| code == NO_DATABASE).map(|_| NotTheStore::Gone),
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
