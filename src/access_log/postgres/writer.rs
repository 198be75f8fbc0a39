//! Appending to an access log on PostgreSQL, beside other brokers: whose head comes first wins, and who comes second reads on.

use super::{BROKERS, hash_at};
use crate::{
    access_log::{
        batch::{Batch, NewEntry, WriteError},
        epoch::{Epoch, SealedEpoch},
        leaf::Part,
        merkle::{Hash, NodeId},
        sequencer::BATCH_ENTRIES,
        storage::{Head, HeadRow, Storage, Tail, corrupt, hash_of, head_of, salt_of},
    },
    clock::Clock,
    database::postgres::{Server, durability, heard, refused},
};
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use sqlx::{
    Connection, PgConnection, Postgres, Row,
    postgres::{PgArguments, PgDatabaseError, PgRow},
    query::Query,
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// The one connection of a broker that writes. A new one is made after each failure that leaves it in doubt.
pub(in crate::access_log) struct PostgresStorage {
    server: Server,
    clock: Arc<dyn Clock>,
    connection: Option<PgConnection>,
}

/// Head, entries, subtrees and the checkpoint before, in one statement and one round trip, if the head, and with it the epoch, is the one
/// that the batch was made for; nothing otherwise. It gives the entries as the server has them. A broker whose clock is not the server's
/// divides by zero: an error tells that from a race that was lost.
const APPEND: &str = "\
WITH at AS (SELECT 1 WHERE (SELECT coalesce(max(size), 0) FROM head) = $1 \
AND coalesce((SELECT root FROM head WHERE size = $1), $22) = $22 \
AND coalesce(1 / (abs(extract(epoch FROM clock_timestamp()) * 1000000 - $23::bigint) <= $24::bigint)::int, 1) = 1), \
new_head AS (INSERT INTO head (size, predecessor, root, epoch, epoch_seal, seal) SELECT $3, $1, $4, $2, $25, $5 FROM at RETURNING size), \
new_checkpoint AS (INSERT INTO checkpoint (size, note) SELECT $6, $7 FROM new_head WHERE $7::text IS NOT NULL \
ON CONFLICT (size) DO NOTHING), \
new_node AS (INSERT INTO node (level, position, hash) SELECT node.* FROM new_head, \
unnest($8::bigint[], $9::bigint[], $10::bytea[]) AS node) \
INSERT INTO entry (idx, actor, actor_salt, subject, subject_salt, answer, answer_salt, actor_commitment, \
subject_commitment, answer_commitment, leaf) SELECT entry.* FROM new_head, \
unnest($11::bigint[], $12::text[], $13::bytea[], $14::text[], $15::bytea[], $16::text[], $17::bytea[], $18::bytea[], $19::bytea[], \
$20::bytea[], $21::bytea[]) AS entry RETURNING idx, actor, actor_salt, subject, subject_salt, answer, answer_salt";

/// A broker's clock may be so far from the server's, by which all brokers are held against each other: what it says stands in the log,
/// and by it tokens and agreements end.
const APART: SignedDuration = SignedDuration::from_secs(5);
/// What takes longer is given up; whether a commit happened is found out afterwards. It can take for ever where the synchronous standby
/// is gone.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// What a warning means: it is all that tells of a commit that the synchronous standby does not have.
const ONE_HOST: &str = "the server warned that the commit may be on one host only";

impl PostgresStorage {
    /// Connects.
    pub(in crate::access_log) async fn open(server: Server, clock: Arc<dyn Clock>) -> sqlx::Result<Self> {
        let mut storage = Self { server, clock, connection: None };
        storage.connection().await?;
        Ok(storage)
    }

    /// The connection, a new one where the last failed.
    async fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut fresh = self.server.connect().await?;
                // Another host may be set otherwise than the one that the broker started on.
                let told = timeout(ENDS_WITHIN, durability(&mut fresh)).await.map_err(|_| silent())??;
                told.map_err(|not| sqlx::Error::Configuration(not.into()))?;
                fresh
            }
        };
        Ok(self.connection.insert(connection))
    }

    /// Does something else than to append. A server that does not answer is as good as a connection that broke off: it is not used again.
    async fn run<T, W>(&mut self, work: W) -> sqlx::Result<T>
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>> + Send,
    {
        let connection = self.connection().await?;
        let done = timeout(ENDS_WITHIN, work(connection)).await.unwrap_or_else(|_| Err(silent()));
        if done.as_ref().is_err_and(|error| !refused(error)) {
            self.connection = None;
        }
        done
    }

    async fn append(&mut self, batch: &Batch) -> Result<Vec<NewEntry>, WriteError> {
        let clock = self.clock.clone();
        let connection = self.connection().await.map_err(|error| WriteError::Rejected(error.to_string()))?;
        let now = clock.of_machine();
        // From here on the batch may be committed whatever is reported.
        let writing = async {
            if batch.epochs.is_empty() {
                return bound(batch, now).fetch_all(connection).await;
            }
            let mut transaction = connection.begin().await?;
            let rows = bound(batch, now).fetch_all(&mut *transaction).await?;
            if !rows.is_empty() {
                for epoch in &batch.epochs {
                    insert_epoch(&mut transaction, epoch).await?;
                }
            }
            transaction.commit().await?;
            Ok(rows)
        };
        match timeout(ENDS_WITHIN, heard(writing)).await {
            Ok((Ok(_), true)) => Err(WriteError::Lost(ONE_HOST.to_owned())),
            // Another broker was first, or the policy changed.
            Ok((Ok(rows), false)) if rows.is_empty() => Err(WriteError::Conflict),
            Ok((Ok(rows), false)) => {
                let entries: sqlx::Result<Vec<_>> = rows.iter().map(entry).collect();
                let mut entries = entries.map_err(|error| WriteError::StateUnknown(error.to_string()))?;
                // They come in no order that anybody promised.
                entries.sort_by_key(|entry| entry.index);
                Ok(entries)
            }
            Ok((Err(error), _)) if said(&error, &[DIVISION_BY_ZERO]) => Err(WriteError::Rejected(format!(
                "the clock of this machine is more than {} s from that of the database's server",
                APART.as_secs()
            ))),
            // Something that no broker recorded has the place of what the batch would record: to read on changes nothing.
            Ok((Err(error), _)) if taken(&error) => Err(WriteError::Rejected(error.to_string())),
            Ok((Err(error), _)) if said(&error, LOST_THE_RACE) => Err(WriteError::Conflict),
            Ok((Err(error), _)) if refused(&error) => Err(WriteError::Rejected(error.to_string())),
            Ok((Err(error), _)) => Err(WriteError::Lost(error.to_string())),
            Err(_) => Err(WriteError::Lost("the commit did not end in time".to_owned())),
        }
    }
}

fn bound(batch: &Batch, now: Option<Timestamp>) -> Query<'_, Postgres, PgArguments> {
    let commitments = &batch.commitments;
    let parts = |of: fn(&NewEntry) -> &Part| {
        let (texts, salts): (Vec<&str>, Vec<&[u8]>) =
            batch.entries.iter().map(of).map(|part| (part.text.as_str(), &part.salt[..])).unzip();
        (texts, salts)
    };
    let (actors, actor_salts) = parts(|entry| &entry.actor);
    let (subjects, subject_salts) = parts(|entry| &entry.subject);
    let (answers, answer_salts) = parts(|entry| &entry.answer);
    let leaves: Vec<_> = commitments.iter().map(|of| of.leaf().as_bytes().to_vec()).collect();
    sqlx::query(APPEND)
        .bind(batch.predecessor as i64)
        .bind(batch.epoch.number as i64)
        .bind(batch.size as i64)
        .bind(batch.root.as_bytes().to_vec())
        .bind(batch.seal.to_vec())
        .bind(batch.checkpoint.as_ref().map(|(size, _)| *size as i64))
        .bind(batch.checkpoint.as_ref().map(|(_, note)| note.as_str()))
        .bind(batch.nodes.iter().map(|(id, _)| i64::from(id.level)).collect::<Vec<_>>())
        .bind(batch.nodes.iter().map(|(id, _)| id.position as i64).collect::<Vec<_>>())
        .bind(batch.nodes.iter().map(|(_, hash)| hash.as_bytes().to_vec()).collect::<Vec<_>>())
        .bind(batch.entries.iter().map(|entry| entry.index as i64).collect::<Vec<_>>())
        .bind(actors)
        .bind(actor_salts)
        .bind(subjects)
        .bind(subject_salts)
        .bind(answers)
        .bind(answer_salts)
        .bind(commitments.iter().map(|of| of.actor.as_bytes().to_vec()).collect::<Vec<_>>())
        .bind(commitments.iter().map(|of| of.subject.as_bytes().to_vec()).collect::<Vec<_>>())
        .bind(commitments.iter().map(|of| of.answer.as_bytes().to_vec()).collect::<Vec<_>>())
        .bind(leaves)
        .bind(batch.predecessor_root.as_bytes().to_vec())
        .bind(now.map(Timestamp::as_microsecond))
        .bind(APART.as_micros() as i64)
        .bind(batch.epoch.seal.to_vec())
}

async fn insert_epoch(
    connection: &mut PgConnection,
    Epoch { sealed: SealedEpoch { number, seal }, opened: epoch }: &Epoch,
) -> sqlx::Result<()> {
    let number = *number as i64;
    sqlx::query("INSERT INTO epoch (number, policy_version, files, seal) VALUES ($1, $2, $3, $4)")
        .bind(number)
        .bind(&epoch.policy_version)
        .bind(&epoch.files)
        .bind(&seal[..])
        .execute(&mut *connection)
        .await?;
    for text in &epoch.archive {
        sqlx::query(
            "INSERT INTO archive (version, name, content) VALUES ($1, $2, $3) ON CONFLICT (version, name) DO NOTHING",
        )
        .bind(&text.version)
        .bind(&text.name)
        .bind(&text.content)
        .execute(&mut *connection)
        .await?;
    }
    for act in &epoch.acts {
        sqlx::query(
            "INSERT INTO act (matter, number, epoch, deed, object, approver, reason, signature) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(act.matter.to_string())
        .bind(act.number as i64)
        .bind(number)
        .bind(act.deed.name())
        .bind(act.deed.object())
        .bind(act.approver.as_str())
        .bind(&act.reason)
        .bind(&act.signature[..])
        .execute(&mut *connection)
        .await?;
    }
    for event in &epoch.events {
        sqlx::query("INSERT INTO event (about, number, epoch, what) VALUES ($1, $2, $3, $4)")
            .bind(event.about.to_string())
            .bind(event.number as i64)
            .bind(number)
            .bind(&event.what)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

#[async_trait]
impl Storage for PostgresStorage {
    async fn tail(&mut self) -> sqlx::Result<Tail> {
        let size = self.size().await?;
        let frontier = self.frontier(size).await?;
        let head = sqlx::query_as("SELECT predecessor, root FROM head WHERE size = $1").bind(size as i64);
        let head: Option<(i64, Vec<u8>)> = self.run(|connection| Box::pin(head.fetch_optional(connection))).await?;
        if head.as_ref().is_some_and(|(_, root)| *root != frontier.root().as_bytes()) {
            return Err(corrupt("the last head does not fit the tree"));
        }
        let note = sqlx::query_scalar("SELECT note FROM checkpoint WHERE size <= $1 ORDER BY size DESC LIMIT 1")
            .bind(size as i64);
        let note = self.run(|connection| Box::pin(note.fetch_optional(connection))).await?;
        let last_actor = self.last_actor(size).await?;
        Ok(Tail { frontier, predecessor: head.map_or(0, |(at, _)| at.unsigned_abs()), last_actor, note })
    }

    async fn size(&mut self) -> sqlx::Result<u64> {
        let size = sqlx::query_scalar("SELECT coalesce(max(size), 0) FROM head");
        let size: i64 = self.run(|connection| Box::pin(size.fetch_one(connection))).await?;
        Ok(size.unsigned_abs())
    }

    async fn last_epoch(&mut self) -> sqlx::Result<SealedEpoch> {
        let epoch = sqlx::query_as("SELECT number, seal FROM epoch ORDER BY number DESC LIMIT 1");
        let epoch: Option<(i64, Vec<u8>)> = self.run(|connection| Box::pin(epoch.fetch_optional(connection))).await?;
        epoch.map_or(Ok(SealedEpoch::default()), |(number, seal)| SealedEpoch::stored(number, &seal))
    }

    async fn last_actor(&mut self, size: u64) -> sqlx::Result<Option<String>> {
        let actor = sqlx::query_scalar("SELECT actor FROM entry WHERE idx = $1").bind(size as i64 - 1);
        let actor: Option<Option<String>> = self.run(|connection| Box::pin(actor.fetch_optional(connection))).await?;
        Ok(actor.flatten())
    }

    async fn heads(&mut self, after: u64) -> sqlx::Result<Vec<Head>> {
        let heads = sqlx::query_as(
            "SELECT size, predecessor, root, epoch, epoch_seal, seal FROM head WHERE size > $1 ORDER BY size",
        )
        .bind(after as i64);
        let heads: Vec<HeadRow> = self.run(|connection| Box::pin(heads.fetch_all(connection))).await?;
        heads.into_iter().map(head_of).collect()
    }

    fn most_unsigned(&self) -> u64 {
        BROKERS * BATCH_ENTRIES as u64
    }

    async fn hash(&mut self, id: NodeId) -> sqlx::Result<Option<Hash>> {
        let hash = sqlx::query_scalar(hash_at(id)).bind(i64::from(id.level)).bind(id.position as i64);
        let hash: Option<Vec<u8>> = self.run(|connection| Box::pin(hash.fetch_optional(connection))).await?;
        hash.as_deref().map(hash_of).transpose()
    }

    async fn entries(&mut self, from: u64, until: u64) -> sqlx::Result<Vec<NewEntry>> {
        let entries = sqlx::query(
            "SELECT idx, actor, actor_salt, subject, subject_salt, answer, answer_salt FROM entry \
             WHERE idx >= $1 AND idx < $2 ORDER BY idx",
        )
        .bind(from as i64)
        .bind(until as i64);
        self.run(|connection| Box::pin(entries.fetch_all(connection))).await?.iter().map(entry).collect()
    }

    async fn leaves(&mut self, from: u64, until: u64) -> sqlx::Result<Vec<Hash>> {
        let leaves = sqlx::query_scalar("SELECT leaf FROM entry WHERE idx >= $1 AND idx < $2 ORDER BY idx")
            .bind(from as i64)
            .bind(until as i64);
        let leaves: Vec<Vec<u8>> = self.run(|connection| Box::pin(leaves.fetch_all(connection))).await?;
        leaves.iter().map(|leaf| hash_of(leaf)).collect()
    }

    async fn commit(&mut self, batch: &Batch) -> Result<Vec<NewEntry>, WriteError> {
        let written = self.append(batch).await;
        if matches!(written, Err(WriteError::Lost(_) | WriteError::StateUnknown(_))) {
            self.connection = None;
        }
        written
    }

    async fn store_checkpoint(&mut self, size: u64, note: &str) -> sqlx::Result<()> {
        let store = sqlx::query("INSERT INTO checkpoint (size, note) VALUES ($1, $2) ON CONFLICT (size) DO NOTHING")
            .bind(size as i64)
            .bind(note.to_owned());
        self.run(|connection| Box::pin(on_both(store.execute(connection)))).await.map(drop)
    }

    async fn month_key(&mut self, month: &str, fresh: &[u8]) -> sqlx::Result<Vec<u8>> {
        let store = sqlx::query("INSERT INTO month_key (month, sealed) VALUES ($1, $2) ON CONFLICT (month) DO NOTHING")
            .bind(month.to_owned())
            .bind(fresh.to_vec());
        self.run(|connection| Box::pin(on_both(store.execute(connection)))).await?;
        let kept = sqlx::query_scalar("SELECT sealed FROM month_key WHERE month = $1").bind(month.to_owned());
        self.run(|connection| Box::pin(kept.fetch_one(connection))).await
    }

    async fn close(self: Box<Self>) -> sqlx::Result<()> {
        match self.connection {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

fn entry(row: &PgRow) -> sqlx::Result<NewEntry> {
    let part = |at| Ok::<_, sqlx::Error>(Part { text: row.try_get(at)?, salt: salt_of(row.try_get(at + 1)?)? });
    Ok(NewEntry {
        index: row.try_get::<i64, _>(0)?.unsigned_abs(),
        actor: part(1)?,
        subject: part(3)?,
        answer: part(5)?,
    })
}

const DIVISION_BY_ZERO: &str = "22012";
/// Another broker's head has the place already: unique violation, serialization failure, deadlock.
const LOST_THE_RACE: &[&str] = &["23505", "40001", "40P01"];

/// Whether what comes into force with a batch has no place: it is numbered by what stood there before.
fn taken(error: &sqlx::Error) -> bool {
    let table = error.as_database_error().and_then(|said| said.table());
    said(error, &LOST_THE_RACE[..1]) && matches!(table, Some("epoch" | "act" | "event"))
}

/// Whether the server refused with one of these codes.
fn said(error: &sqlx::Error, codes: &[&str]) -> bool {
    let said = error.as_database_error().and_then(|said| said.try_downcast_ref::<PgDatabaseError>());
    refused(error) && said.is_some_and(|said| codes.contains(&said.code()))
}

/// What is written beside batches, where the synchronous standby has it too.
async fn on_both<T>(writing: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    match heard(writing).await {
        (Ok(_), true) => Err(sqlx::Error::Protocol(ONE_HOST.to_owned())),
        (written, _) => written,
    }
}

fn silent() -> sqlx::Error {
    sqlx::Error::Protocol("the server did not answer in time".to_owned())
}
