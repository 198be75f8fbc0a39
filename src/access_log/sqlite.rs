//! The access log's storage on SQLite.

use super::{
    batch::{Batch, NewEntry, WriteError},
    guard::{FileFault, FileGuard},
    insert::{insert_checkpoint, insert_entry, insert_epoch},
    leaf::Part,
    merkle::{Frontier, Hash, NodeId},
};
use crate::database;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::path::Path;

/// The one connection that writes, and one that reads back what is there: the writer's own cache would only repeat what was meant.
#[derive(Debug)]
pub(super) struct Storage {
    connection: SqliteConnection,
    read_back: SqliteConnection,
    guard: FileGuard,
}

/// What the log ends with.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) frontier: Frontier,
    /// Size of the head before the last.
    pub(super) predecessor: u64,
    pub(super) epoch: u64,
    pub(super) last_actor: Option<String>,
    /// The last checkpoint that is stored, believed of nobody yet.
    pub(super) note: Option<String>,
}

impl Storage {
    /// Opens the database, lays it out if it is new, and limits its size where asked (in pages of 4 KiB).
    pub(super) async fn open(path: &Path, max_pages: Option<u32>) -> Result<Self, sqlx::Error> {
        let options: SqliteConnectOptions = database::writable(path);
        let options = match max_pages {
            Some(pages) => options.pragma("max_page_count", pages.to_string()),
            None => options,
        };
        let mut connection = options.connect().await?;
        database::migrate_control(&mut connection).await.map_err(|error| sqlx::Error::Migrate(Box::new(error)))?;
        let guard = FileGuard::new(path).map_err(sqlx::Error::Io)?;
        check_durability(&mut connection).await?;
        let read_back = database::read_only(path).connect().await?;
        Ok(Self { connection, read_back, guard })
    }

    /// Reads what the log ends with.
    pub(super) async fn tail(&mut self) -> Result<Tail, sqlx::Error> {
        let head: Option<(i64, i64, Vec<u8>)> =
            sqlx::query_as("SELECT size, predecessor, root FROM head ORDER BY size DESC LIMIT 1")
                .fetch_optional(&mut self.connection)
                .await?;
        let (size, predecessor, root) = head.map_or((0, 0, None), |(size, predecessor, root)| {
            (size.unsigned_abs(), predecessor.unsigned_abs(), Some(root))
        });
        let frontier = self.frontier(size).await?;
        if root.is_some_and(|root| root != frontier.root().as_bytes()) {
            return Err(corrupt("the last head does not fit the tree"));
        }
        let epoch: i64 =
            sqlx::query_scalar("SELECT coalesce(max(number), 0) FROM epoch").fetch_one(&mut self.connection).await?;
        let last: Option<(i64, Option<String>)> =
            sqlx::query_as("SELECT idx, actor FROM entry ORDER BY idx DESC LIMIT 1")
                .fetch_optional(&mut self.connection)
                .await?;
        if last.as_ref().map_or(0, |(index, _)| index.unsigned_abs() + 1) != size {
            return Err(corrupt("the last head does not fit the entries"));
        }
        let note = sqlx::query_scalar("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")
            .fetch_optional(&mut self.connection)
            .await?;
        let last_actor = last.and_then(|(_, actor)| actor);
        Ok(Tail { frontier, predecessor, epoch: epoch.unsigned_abs(), last_actor, note })
    }

    /// The right edge of the tree of that size, as it is stored.
    pub(super) async fn frontier(&mut self, size: u64) -> Result<Frontier, sqlx::Error> {
        let mut nodes = Vec::new();
        for id in Frontier::nodes_of(size) {
            let hash: Option<Vec<u8>> = sqlx::query_scalar(hash_of(id))
                .bind(i64::from(id.level))
                .bind(id.position as i64)
                .fetch_optional(&mut self.connection)
                .await?;
            let hash = hash.ok_or_else(|| corrupt("nodes are missing"))?;
            nodes.push(Hash::try_from(hash.as_slice()).map_err(|_| corrupt("a node is not a hash"))?);
        }
        Frontier::at(size, nodes).map_err(|_| corrupt("nodes are missing"))
    }

    /// Writes a batch in one transaction, conditional on the head and on the epoch.
    pub(super) async fn commit(&mut self, batch: &Batch) -> Result<(), WriteError> {
        self.guard.check().map_err(rejected)?;
        if let Err(error) = self.stage(batch).await {
            // A crash here leaves an open transaction, which SQLite rolls back.
            return match sqlx::query("ROLLBACK").execute(&mut self.connection).await {
                Err(rollback) if !no_transaction(&rollback) => Err(WriteError::StateUnknown(rollback.to_string())),
                _ => Err(error),
            };
        }
        // From here on the batch may be on the medium whatever is reported. A crash before the commit returns leaves it there whole
        // or not at all, and the next start finds out which.
        match sqlx::query("COMMIT").execute(&mut self.connection).await {
            Ok(_) => self.guard.check().map_err(|fault: FileFault| WriteError::StateUnknown(fault.to_string())),
            Err(error) => Err(self.after_failed_commit(batch.predecessor, error).await),
        }
    }

    /// A full disk is the one failure of a commit that leaves no doubt: SQLite writes the frame that makes a transaction count last,
    /// and that one had no room. The head is read all the same. After any other failure (a sync above all) the batch may be there.
    async fn after_failed_commit(&mut self, predecessor: u64, error: sqlx::Error) -> WriteError {
        const SQLITE_FULL: &str = "13";
        let full = error.as_database_error().and_then(|known| known.code()).is_some_and(|code| code == SQLITE_FULL);
        let rolled_back = match sqlx::query("ROLLBACK").execute(&mut self.connection).await {
            Ok(_) => true,
            Err(rollback) => no_transaction(&rollback),
        };
        let head: Result<i64, _> =
            sqlx::query_scalar("SELECT coalesce(max(size), 0) FROM head").fetch_one(&mut self.connection).await;
        match head {
            Ok(head) if full && rolled_back && head.unsigned_abs() == predecessor => rejected(error),
            _ => WriteError::StateUnknown(error.to_string()),
        }
    }

    async fn stage(&mut self, batch: &Batch) -> Result<(), WriteError> {
        let connection = &mut self.connection;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await.map_err(rejected)?;
        let head: i64 = sqlx::query_scalar("SELECT coalesce(max(size), 0) FROM head")
            .fetch_one(&mut *connection)
            .await
            .map_err(rejected)?;
        if head.unsigned_abs() != batch.predecessor {
            return Err(WriteError::Conflict);
        }
        let epoch: i64 = sqlx::query_scalar("SELECT coalesce(max(number), 0) FROM epoch")
            .fetch_one(&mut *connection)
            .await
            .map_err(rejected)?;
        if epoch.unsigned_abs() != batch.epoch {
            return Err(WriteError::EpochMoved(epoch.unsigned_abs()));
        }
        if let Some((size, note)) = &batch.checkpoint {
            insert_checkpoint(connection, *size, note).await.map_err(rejected)?;
        }
        for entry in &batch.entries {
            insert_entry(connection, entry).await.map_err(rejected)?;
        }
        for (id, hash) in &batch.nodes {
            sqlx::query("INSERT INTO node (level, position, hash) VALUES (?1, ?2, ?3)")
                .bind(i64::from(id.level))
                .bind(id.position as i64)
                .bind(&hash.as_bytes()[..])
                .execute(&mut *connection)
                .await
                .map_err(rejected)?;
        }
        for (number, epoch) in &batch.epochs {
            insert_epoch(connection, *number, epoch).await.map_err(rejected)?;
        }
        sqlx::query("INSERT INTO head (size, predecessor, root) VALUES (?1, ?2, ?3)")
            .bind(batch.size as i64)
            .bind(batch.predecessor as i64)
            .bind(&batch.root.as_bytes()[..])
            .execute(&mut *connection)
            .await
            .map_err(rejected)?;
        Ok(())
    }

    /// Reads entries back as they are stored.
    pub(super) async fn read_back(&mut self, from: u64, until: u64) -> Result<Vec<NewEntry>, sqlx::Error> {
        type Row = (i64, String, Vec<u8>, String, Vec<u8>, String, Vec<u8>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT idx, actor, actor_salt, subject, subject_salt, answer, answer_salt FROM entry \
             WHERE idx >= ?1 AND idx < ?2 ORDER BY idx",
        )
        .bind(from as i64)
        .bind(until as i64)
        .fetch_all(&mut self.read_back)
        .await?;
        let part = |text, salt: Vec<u8>| -> Result<Part, sqlx::Error> {
            Ok(Part { text, salt: salt.try_into().map_err(|_| corrupt("a salt has another length"))? })
        };
        rows.into_iter()
            .map(|(index, actor, actor_salt, subject, subject_salt, answer, answer_salt)| {
                Ok(NewEntry {
                    index: index.unsigned_abs(),
                    actor: part(actor, actor_salt)?,
                    subject: part(subject, subject_salt)?,
                    answer: part(answer, answer_salt)?,
                })
            })
            .collect()
    }

    /// The leaves as they are stored.
    pub(super) async fn leaves(&mut self, from: u64, until: u64) -> Result<Vec<Hash>, sqlx::Error> {
        let leaves: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT leaf FROM entry WHERE idx >= ?1 AND idx < ?2 ORDER BY idx")
                .bind(from as i64)
                .bind(until as i64)
                .fetch_all(&mut self.connection)
                .await?;
        leaves.iter().map(|leaf| Hash::try_from(leaf.as_slice()).map_err(|_| corrupt("a leaf is not a hash"))).collect()
    }

    /// Stores a checkpoint outside a batch.
    pub(super) async fn store_checkpoint(&mut self, size: u64, note: &str) -> Result<(), sqlx::Error> {
        self.guard.check().map_err(|fault| sqlx::Error::Io(std::io::Error::other(fault)))?;
        insert_checkpoint(&mut self.connection, size, note).await
    }

    /// The sealed key of a month, which `fresh` becomes where there is none.
    pub(super) async fn month_key(&mut self, month: &str, fresh: &[u8]) -> Result<Vec<u8>, sqlx::Error> {
        self.guard.check().map_err(|fault| sqlx::Error::Io(std::io::Error::other(fault)))?;
        sqlx::query("INSERT INTO month_key (month, sealed) VALUES (?1, ?2) ON CONFLICT (month) DO NOTHING")
            .bind(month)
            .bind(fresh)
            .execute(&mut self.connection)
            .await?;
        sqlx::query_scalar("SELECT sealed FROM month_key WHERE month = ?1")
            .bind(month)
            .fetch_one(&mut self.connection)
            .await
    }

    /// Closes, the writer last: that moves the write-ahead log into the database, unless another file is in the database's place.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        self.read_back.close().await?;
        self.connection.close().await
    }
}

/// What was asked for is what is: a file system without shared memory leaves SQLite in another journal mode without a word.
async fn check_durability(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    const FULL: i64 = 2;
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await?;
    if journal == "wal" && synchronous == FULL {
        Ok(())
    } else {
        Err(corrupt("its database does not sync every commit"))
    }
}

fn rejected(error: impl std::fmt::Display) -> WriteError {
    WriteError::Rejected(error.to_string())
}

/// SQLite ends a transaction by itself on some errors (a full disk is one); there is nothing to roll back then.
fn no_transaction(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|known| known.message().contains("no transaction is active"))
}

/// The statement that reads a perfect subtree's hash; parameters: level, position. A leaf's stands with its entry.
pub(super) fn hash_of(id: NodeId) -> &'static str {
    match id.level {
        0 => "SELECT leaf FROM entry WHERE idx = ?2 AND ?1 = 0",
        _ => "SELECT hash FROM node WHERE level = ?1 AND position = ?2",
    }
}

pub(super) fn corrupt(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(what.into())
}
