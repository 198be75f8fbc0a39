//! Where a server keeps what it commits, by its own word.

use crate::database::Durability;
use sqlx::PgConnection;

/// A commit is not on the medium when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}`: what is committed could be lost, and nothing may be released on that")]
pub struct NotDurable(pub &'static str);

/// Asks a server how safe what it commits is.
pub async fn durability(connection: &mut PgConnection) -> sqlx::Result<Result<Durability, NotDurable>> {
    let (fsync, full_pages, commit, standbys): (String, String, String, String) = sqlx::query_as(
        "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), \
         current_setting('synchronous_standby_names')",
    )
    .fetch_one(connection)
    .await?;
    Ok(match (fsync.as_str(), full_pages.as_str(), commit.as_str()) {
        ("off", ..) => Err(NotDurable("fsync = off")),
        (_, "off", _) => Err(NotDurable("full_page_writes = off")),
        (.., "off" | "local" | "remote_write") => Err(NotDurable("synchronous_commit")),
        _ if standbys.is_empty() => Ok(Durability::OneHost),
        _ => Ok(Durability::Replicated { standbys }),
    })
}
