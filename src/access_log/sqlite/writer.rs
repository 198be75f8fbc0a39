//! Appending to an access log on SQLite.

use super::{
    guard::{FileFault, FileGuard},
    hash_at,
    insert::{insert_checkpoint, insert_entry, insert_epoch, insert_head},
};
use crate::{
    access_log::{
        batch::{Batch, NewEntry, WriteError},
        epoch::SealedEpoch,
        leaf::Part,
        merkle::{Hash, NodeId},
        sequencer::BATCH_ENTRIES,
        storage::{Head, HeadRow, Storage, Tail, corrupt, hash_of, head_of, salt_of},
    },
    database,
};
use async_trait::async_trait;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{fs, path::Path};

/// Bytes of a page.
const PAGE: u64 = 4096;
const SQLITE_IOERR: u32 = 10;
const SQLITE_FULL: u32 = 13;
/// What a lock comes to that the system did not take back: it is held until the process ends, and who asks for it waits ten seconds each
/// time.
const SQLITE_PROTOCOL: u32 = 15;

/// The one connection that writes, and one that reads back what is there: the writer's own cache would only repeat what was meant.
#[derive(Debug)]
pub(in crate::access_log) struct SqliteStorage {
    connection: SqliteConnection,
    read_back: SqliteConnection,
    guard: FileGuard,
    /// The medium failed other than in a commit: no sync after that is believed.
    failed: Option<String>,
}

impl SqliteStorage {
    /// Opens the database, lays it out if it is new, and limits its size where asked (in pages of 4 KiB).
    pub(in crate::access_log) async fn open(path: &Path, max_pages: Option<u32>) -> Result<Self, sqlx::Error> {
        // SQLite takes for new what has less than a page: the log would begin anew.
        let length = fs::metadata(path).map_or(0, |file| file.len());
        if (1..PAGE).contains(&length) {
            return Err(corrupt("its file was cut short"));
        }
        let options: SqliteConnectOptions = database::sqlite::writable(path);
        let options = match max_pages {
            Some(pages) => options.pragma("max_page_count", pages.to_string()),
            None => options,
        };
        let mut connection = options.connect().await?;
        database::sqlite::migrate_control(&mut connection)
            .await
            .map_err(|error| sqlx::Error::Migrate(Box::new(error)))?;
        let guard = FileGuard::new(path).map_err(sqlx::Error::Io)?;
        check_durability(&mut connection).await?;
        let read_back = database::sqlite::read_only(path).connect().await?;
        Ok(Self { connection, read_back, guard, failed: None })
    }

    /// Nothing is written on a medium that failed, nor to files that are no longer there.
    fn sound(&mut self) -> sqlx::Result<()> {
        match &self.failed {
            Some(failed) => Err(sqlx::Error::Io(std::io::Error::other(failed.clone()))),
            None => self.guard.check().map_err(|fault| sqlx::Error::Io(std::io::Error::other(fault))),
        }
    }

    /// What the database gave other than for a commit. A sync that failed may work the next time with nothing of it on the medium.
    fn checked<T>(&mut self, outcome: sqlx::Result<T>) -> sqlx::Result<T> {
        if let Err(error) = &outcome
            && matches!(code(error), Some(SQLITE_IOERR | SQLITE_PROTOCOL))
        {
            self.failed = Some(error.to_string());
        }
        outcome
    }

    /// A full disk is the one failure of a commit that leaves no doubt: SQLite writes the frame that makes a transaction count last,
    /// and that one had no room. The head is read all the same. After any other failure (a sync above all) the batch may be there.
    async fn after_failed_commit(&mut self, predecessor: u64, error: sqlx::Error) -> WriteError {
        let full = code(&error) == Some(SQLITE_FULL);
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

    /// Whether the head is the one that the batch was made for, and with it the epoch.
    async fn stage(&mut self, batch: &Batch) -> sqlx::Result<bool> {
        let connection = &mut self.connection;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        let head: i64 =
            sqlx::query_scalar("SELECT coalesce(max(size), 0) FROM head").fetch_one(&mut *connection).await?;
        if head.unsigned_abs() != batch.predecessor {
            return Ok(false);
        }
        if let Some((size, note)) = &batch.checkpoint {
            insert_checkpoint(connection, *size, note).await?;
        }
        for (entry, commitments) in batch.entries.iter().zip(&batch.commitments) {
            insert_entry(connection, entry, commitments).await?;
        }
        for (id, hash) in &batch.nodes {
            sqlx::query("INSERT INTO node (level, position, hash) VALUES (?1, ?2, ?3)")
                .bind(i64::from(id.level))
                .bind(id.position as i64)
                .bind(&hash.as_bytes()[..])
                .execute(&mut *connection)
                .await?;
        }
        for epoch in &batch.epochs {
            insert_epoch(connection, epoch).await?;
        }
        insert_head(connection, batch).await?;
        Ok(true)
    }

    async fn write(&mut self, batch: &Batch) -> Result<(), WriteError> {
        if let Some(failed) = &self.failed {
            return Err(WriteError::StateUnknown(failed.clone()));
        }
        self.guard.check().map_err(rejected)?;
        let staged = self.stage(batch).await;
        let staged = self.checked(staged);
        if !matches!(staged, Ok(true)) {
            // A crash here leaves an open transaction, which SQLite rolls back.
            return match sqlx::query("ROLLBACK").execute(&mut self.connection).await {
                Err(rollback) if !no_transaction(&rollback) => Err(WriteError::StateUnknown(rollback.to_string())),
                _ => Err(staged.map_or_else(rejected, |_| WriteError::Foreign)),
            };
        }
        // From here on the batch may be on the medium whatever is reported. A crash before the commit returns leaves it there whole
        // or not at all, and the next start finds out which.
        match sqlx::query("COMMIT").execute(&mut self.connection).await {
            Ok(_) => self.guard.check().map_err(|fault: FileFault| WriteError::StateUnknown(fault.to_string())),
            Err(error) => Err(self.after_failed_commit(batch.predecessor, error).await),
        }
    }
}

#[async_trait]
impl Storage for SqliteStorage {
    async fn tail(&mut self) -> Result<Tail, sqlx::Error> {
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
        Ok(Tail { frontier, predecessor, last_actor, note })
    }

    async fn size(&mut self) -> sqlx::Result<u64> {
        self.sound()?;
        let size = sqlx::query_scalar("SELECT coalesce(max(size), 0) FROM head").fetch_one(&mut self.connection).await;
        let size: i64 = self.checked(size)?;
        Ok(size.unsigned_abs())
    }

    async fn last_epoch(&mut self) -> sqlx::Result<SealedEpoch> {
        let epoch: Option<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT number, seal FROM epoch ORDER BY number DESC LIMIT 1")
                .fetch_optional(&mut self.connection)
                .await?;
        epoch.map_or(Ok(SealedEpoch::default()), |(number, seal)| SealedEpoch::stored(number, &seal))
    }

    async fn last_actor(&mut self, size: u64) -> sqlx::Result<Option<String>> {
        let actor: Option<Option<String>> = sqlx::query_scalar("SELECT actor FROM entry WHERE idx = ?1")
            .bind(size as i64 - 1)
            .fetch_optional(&mut self.connection)
            .await?;
        Ok(actor.flatten())
    }

    async fn heads(&mut self, after: u64) -> sqlx::Result<Vec<Head>> {
        let heads: Vec<HeadRow> = sqlx::query_as(
            "SELECT size, predecessor, root, epoch, epoch_seal, coalesce(seal, x'') FROM head WHERE size > ?1 ORDER BY size",
        )
        .bind(after as i64)
        .fetch_all(&mut self.connection)
        .await?;
        heads.into_iter().map(head_of).collect()
    }

    fn most_unsigned(&self) -> u64 {
        BATCH_ENTRIES as u64
    }

    async fn hash(&mut self, id: NodeId) -> sqlx::Result<Option<Hash>> {
        let hash: Option<Vec<u8>> = sqlx::query_scalar(hash_at(id))
            .bind(i64::from(id.level))
            .bind(id.position as i64)
            .fetch_optional(&mut self.connection)
            .await?;
        hash.as_deref().map(hash_of).transpose()
    }

    async fn commit(&mut self, batch: &Batch) -> Result<Vec<NewEntry>, WriteError> {
        self.write(batch).await?;
        self.entries(batch.predecessor, batch.size).await.map_err(|error| WriteError::StateUnknown(error.to_string()))
    }

    async fn entries(&mut self, from: u64, until: u64) -> Result<Vec<NewEntry>, sqlx::Error> {
        type Row = (i64, String, Vec<u8>, String, Vec<u8>, String, Vec<u8>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT idx, actor, actor_salt, subject, subject_salt, answer, answer_salt FROM entry \
             WHERE idx >= ?1 AND idx < ?2 ORDER BY idx",
        )
        .bind(from as i64)
        .bind(until as i64)
        .fetch_all(&mut self.read_back)
        .await?;
        let part = |text, salt: Vec<u8>| -> Result<Part, sqlx::Error> { Ok(Part { text, salt: salt_of(&salt)? }) };
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

    async fn leaves(&mut self, from: u64, until: u64) -> Result<Vec<Hash>, sqlx::Error> {
        let leaves: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT leaf FROM entry WHERE idx >= ?1 AND idx < ?2 ORDER BY idx")
                .bind(from as i64)
                .bind(until as i64)
                .fetch_all(&mut self.connection)
                .await?;
        leaves.iter().map(|leaf| hash_of(leaf)).collect()
    }

    async fn store_checkpoint(&mut self, size: u64, note: &str) -> Result<(), sqlx::Error> {
        self.sound()?;
        let stored = insert_checkpoint(&mut self.connection, size, note).await;
        self.checked(stored)?;
        self.sound()
    }

    async fn month_key(&mut self, month: &str, fresh: &[u8]) -> Result<Vec<u8>, sqlx::Error> {
        self.sound()?;
        let insert =
            sqlx::query("INSERT INTO month_key (month, sealed) VALUES (?1, ?2) ON CONFLICT (month) DO NOTHING");
        let inserted = insert.bind(month).bind(fresh).execute(&mut self.connection).await;
        self.checked(inserted)?;
        self.sound()?;
        let kept = sqlx::query_scalar("SELECT sealed FROM month_key WHERE month = ?1").bind(month);
        let kept = kept.fetch_one(&mut self.connection).await;
        self.checked(kept)
    }

    /// The writer last: that moves the write-ahead log into the database, unless another file is in the database's place.
    async fn close(self: Box<Self>) -> Result<(), sqlx::Error> {
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

/// SQLite's primary result code, where the error is one of its own.
fn code(error: &sqlx::Error) -> Option<u32> {
    let extended: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

fn rejected(error: impl std::fmt::Display) -> WriteError {
    WriteError::Rejected(error.to_string())
}

/// SQLite ends a transaction by itself on some errors (a full disk is one); there is nothing to roll back then.
fn no_transaction(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|known| known.message().contains("no transaction is active"))
}
