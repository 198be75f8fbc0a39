//! Reading an access log on PostgreSQL, as a role that can do nothing else.

use super::BROKERS;
use crate::{
    access_log::{
        Countable, Filter, Found, Group,
        epoch::{Epoch, epochs_of},
        leaf::{Commitments, Part},
        merkle::{Hash, NodeId},
        sequencer::BATCH_ENTRIES,
        storage::{InForceNow, Kept, ReadStorage, Show, Snapshot, commitments_of, corrupt, hash_of, salt_of},
    },
    database::{
        Durability,
        postgres::{Lanes, Server, durability},
    },
};
use async_trait::async_trait;
use futures_util::TryStreamExt;
use sqlx::{
    PgConnection, Postgres, Row, ValueRef,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use std::{fmt, ops::Range};

/// A log that is there, on a server.
pub(in crate::access_log) struct PostgresReader {
    server: Server,
    lanes: Lanes,
}

/// Connections of one broker for those who read the log.
const LANES: usize = 2;

impl PostgresReader {
    pub(in crate::access_log) fn open(server: Server) -> Self {
        Self { lanes: Lanes::open(&server, LANES), server }
    }
}

impl fmt::Debug for PostgresReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresReader").field("server", &self.server.name()).finish_non_exhaustive()
    }
}

// The filter looks into the part that is hashed, not at columns beside it that could say something else.
macro_rules! matching {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " FROM entry, LATERAL (SELECT entry.actor::json AS a, entry.subject::json AS s) AS part",
            " WHERE ($1::text IS NULL OR a ->> 'time' COLLATE \"C\" >= $1) AND ($2::text IS NULL OR a ->> 'time' COLLATE \"C\" < $2)",
            " AND ($3::text IS NULL OR a ->> 'caller' = $3) AND ($4::text IS NULL OR a ->> 'organisation' = $4)",
            " AND ($5::text IS NULL OR a ->> 'purpose' = $5) AND ($6::text IS NULL OR a ->> 'agreement' = $6)",
            " AND ($7::text IS NULL OR a ->> 'outcome' = $7) AND ($8::text IS NULL OR a ->> 'kind' = $8)",
            " AND ($9::text IS NULL OR EXISTS (SELECT FROM json_array_elements_text(s -> 'alarms') AS raised WHERE $9 IN ('any', raised)))",
            " AND ($10::text[] IS NULL OR s ->> 'tag' = ANY ($10)) ",
            $rest
        )
    };
}

type PostgresQuery<'q> = Query<'q, Postgres, PgArguments>;

/// With the filter's parts in the places that `matching!` has for them.
fn bound<'q>(query: PostgresQuery<'q>, filter: &Filter) -> PostgresQuery<'q> {
    let texts = filter.texts().map(|text| text.map(str::to_owned));
    let query = texts.into_iter().fold(query, |query, text| query.bind(text));
    query.bind(filter.tags.as_ref().map(|tags| tags.iter().map(|tag| tag.as_str().to_owned()).collect::<Vec<_>>()))
}

#[async_trait]
impl ReadStorage for PostgresReader {
    async fn search(&self, filter: &Filter, from: u64, limit: u32) -> sqlx::Result<Vec<Found>> {
        let query = bound(
            sqlx::query(matching!(
                "SELECT idx, actor, actor_salt, subject, subject_salt, answer_commitment",
                "AND idx >= $11 ORDER BY idx LIMIT $12"
            )),
            filter,
        )
        .bind(from as i64)
        .bind(i64::from(limit));
        let rows = self.lanes.run(|connection| Box::pin(query.fetch_all(connection))).await?;
        rows.iter().map(found).collect()
    }

    async fn count(&self, filter: &Filter, by: &[Countable], most: i64) -> sqlx::Result<Vec<Group>> {
        let mut query = bound(
            sqlx::query(matching!(
                "SELECT CASE $11::text WHEN 'day' THEN substr(a ->> 'time', 1, 10) ELSE a ->> $11 END, \
                 CASE $12::text WHEN 'day' THEN substr(a ->> 'time', 1, 10) ELSE a ->> $12 END, \
                 CASE $13::text WHEN 'day' THEN substr(a ->> 'time', 1, 10) ELSE a ->> $13 END, \
                 count(*), sum(coalesce((a ->> 'records')::bigint, (a ->> 'batch_records')::bigint, 0))::bigint",
                "GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1 NULLS FIRST, 2 NULLS FIRST, 3 NULLS FIRST LIMIT $14"
            )),
            filter,
        );
        for at in 0..3 {
            query = query.bind(by.get(at).map(|part| part.as_str()));
        }
        let query = query.bind(most);
        let rows = self.lanes.run(|connection| Box::pin(query.fetch_all(connection))).await?;
        let group = |row: &PgRow| {
            let value = |at| Ok(row.try_get::<Option<String>, _>(at)?.unwrap_or_default());
            Ok(Group {
                values: (0..by.len()).map(value).collect::<sqlx::Result<_>>()?,
                entries: row.try_get::<i64, _>(3)?.unsigned_abs(),
                records: row.try_get::<i64, _>(4)?.unsigned_abs(),
            })
        };
        rows.iter().map(group).collect()
    }

    async fn month_keys(&self) -> sqlx::Result<Vec<(String, Vec<u8>)>> {
        let query = sqlx::query_as("SELECT month, sealed FROM month_key ORDER BY month");
        self.lanes.run(|connection| Box::pin(query.fetch_all(connection))).await
    }

    async fn checkpoint(&self, size: Option<u64>) -> sqlx::Result<Option<String>> {
        let query = sqlx::query_scalar(
            "SELECT note FROM checkpoint WHERE $1::bigint IS NULL OR size = $1 ORDER BY size DESC LIMIT 1",
        )
        .bind(size.map(|size| size as i64));
        self.lanes.run(|connection| Box::pin(query.fetch_optional(connection))).await
    }

    async fn checkpoints(&self) -> sqlx::Result<Vec<String>> {
        let query = sqlx::query_scalar("SELECT note FROM checkpoint ORDER BY size");
        self.lanes.run(|connection| Box::pin(query.fetch_all(connection))).await
    }

    async fn size(&self) -> sqlx::Result<u64> {
        let query = sqlx::query_scalar("SELECT coalesce(max(size), 0) FROM head");
        let size: i64 = self.lanes.run(|connection| Box::pin(query.fetch_one(connection))).await?;
        Ok(size.unsigned_abs())
    }

    async fn hashes(&self, ids: &[NodeId]) -> sqlx::Result<Vec<Option<Hash>>> {
        let query = sqlx::query_scalar(
            "SELECT CASE id.level WHEN 0 THEN (SELECT leaf FROM entry WHERE idx = id.position) \
             ELSE (SELECT hash FROM node WHERE node.level = id.level AND node.position = id.position) END \
             FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS id (level, position, place) ORDER BY place",
        )
        .bind(ids.iter().map(|id| i64::from(id.level)).collect::<Vec<_>>())
        .bind(ids.iter().map(|id| id.position as i64).collect::<Vec<_>>());
        let hashes: Vec<Option<Vec<u8>>> = self.lanes.run(|connection| Box::pin(query.fetch_all(connection))).await?;
        hashes.iter().map(|hash| hash.as_deref().map(hash_of).transpose()).collect()
    }

    async fn commitments(&self, index: u64) -> sqlx::Result<Option<Commitments>> {
        let query =
            sqlx::query_as("SELECT actor_commitment, subject_commitment, answer_commitment FROM entry WHERE idx = $1")
                .bind(index as i64);
        let row: Option<(Vec<u8>, Vec<u8>, Vec<u8>)> =
            self.lanes.run(|connection| Box::pin(query.fetch_optional(connection))).await?;
        row.map(commitments_of).transpose()
    }

    async fn inputs_since(&self, started: &str, broker: &str) -> sqlx::Result<Vec<(String, String)>> {
        // The first condition of each is the index's; the second is meant.
        let query = sqlx::query_as(
            "SELECT actor::json ->> 'dataset', actor::json ->> 'batch' FROM entry \
             WHERE strpos(actor, '\"kind\":\"input\"') > 0 AND actor::json ->> 'kind' = 'input' AND actor::json ->> 'broker' = $2 AND idx > \
             (SELECT coalesce(max(idx), -1) FROM entry WHERE strpos(actor, '\"kind\":\"administration\"') > 0 \
             AND actor::json ->> 'kind' = 'administration' AND actor::json ->> 'broker' = $2 AND actor::json ->> 'event' = $1) \
             ORDER BY idx",
        )
        .bind(started.to_owned())
        .bind(broker.to_owned());
        self.lanes.run(|connection| Box::pin(query.fetch_all(connection))).await
    }

    async fn in_force(&self, epoch: Option<u64>) -> sqlx::Result<Option<InForceNow>> {
        let query = sqlx::query_as(
            "SELECT number, files FROM epoch WHERE number = coalesce($1, (SELECT max(number) FROM epoch))",
        )
        .bind(epoch.map(|epoch| epoch as i64));
        let row: Option<(i64, String)> =
            self.lanes.run(|connection| Box::pin(query.fetch_optional(connection))).await?;
        Ok(row.map(|(epoch, files)| InForceNow { epoch: epoch.unsigned_abs(), files }))
    }

    async fn archived(&self, version: &str, name: &str) -> sqlx::Result<Option<String>> {
        let query = sqlx::query_scalar("SELECT content FROM archive WHERE version = $1 AND name = $2")
            .bind(version.to_owned())
            .bind(name.to_owned());
        self.lanes.run(|connection| Box::pin(query.fetch_optional(connection))).await
    }

    async fn epochs(&self, after: u64, until: u64) -> sqlx::Result<Vec<Epoch>> {
        let (after, until) = (after as i64, until as i64);
        let epochs =
            sqlx::query_as("SELECT number, policy_version, files, seal FROM epoch WHERE number > $1 AND number <= $2");
        let acts = sqlx::query_as(
            "SELECT epoch, matter, number, deed, object, approver, reason, signature FROM act \
             WHERE epoch > $1 AND epoch <= $2 ORDER BY epoch, matter, number",
        );
        let events = sqlx::query_as(
            "SELECT epoch, about, number, what FROM event WHERE epoch > $1 AND epoch <= $2 ORDER BY epoch, about, number",
        );
        let (epochs, acts) = (epochs.bind(after).bind(until), acts.bind(after).bind(until));
        let events = events.bind(after).bind(until);
        epochs_of(
            self.lanes.run(|connection| Box::pin(epochs.fetch_all(connection))).await?,
            self.lanes.run(|connection| Box::pin(acts.fetch_all(connection))).await?,
            self.lanes.run(|connection| Box::pin(events.fetch_all(connection))).await?,
        )
    }

    async fn durability(&self) -> sqlx::Result<Durability> {
        let told = self.lanes.run(|connection| Box::pin(durability(connection))).await?;
        told.map_err(|not| sqlx::Error::Configuration(not.into()))
    }

    fn most_unsigned(&self) -> u64 {
        BROKERS * BATCH_ENTRIES as u64
    }

    async fn snapshot(&self) -> sqlx::Result<Box<dyn Snapshot>> {
        let mut connection = self.server.connect().await?;
        sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut connection).await?;
        Ok(Box::new(PostgresSnapshot(connection)))
    }

    async fn close(&self) {
        self.lanes.close().await;
    }
}

/// A transaction that reads.
struct PostgresSnapshot(PgConnection);

#[async_trait]
impl Snapshot for PostgresSnapshot {
    async fn checkpoints(&mut self) -> sqlx::Result<Vec<(u64, String)>> {
        let notes: Vec<(i64, String)> =
            sqlx::query_as("SELECT size, note FROM checkpoint ORDER BY size").fetch_all(&mut self.0).await?;
        Ok(notes.into_iter().map(|(size, note)| (size.unsigned_abs(), note)).collect())
    }

    async fn heads(&mut self) -> sqlx::Result<Vec<(u64, Vec<u8>)>> {
        let heads: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT size, root FROM head ORDER BY size").fetch_all(&mut self.0).await?;
        Ok(heads.into_iter().map(|(size, root)| (size.unsigned_abs(), root)).collect())
    }

    async fn entries(&mut self, from: u64, limit: u32, show: Show<'_>) -> sqlx::Result<()> {
        let mut rows = sqlx::query(
            "SELECT idx, actor, actor_salt, subject, subject_salt, answer, answer_salt, actor_commitment, subject_commitment, \
             answer_commitment, leaf FROM entry WHERE idx >= $1 ORDER BY idx LIMIT $2",
        )
        .bind(from as i64)
        .bind(i64::from(limit))
        .fetch(&mut self.0);
        while let Some(row) = rows.try_next().await? {
            show(&kept(&row)?);
        }
        Ok(())
    }

    async fn subtrees(&mut self, level: u8, positions: Range<u64>) -> sqlx::Result<Vec<u8>> {
        let hashes: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT string_agg(hash, ''::bytea ORDER BY position) FROM node \
             WHERE level = $1 AND position >= $2 AND position < $3 AND octet_length(hash) = 32",
        )
        .bind(i64::from(level))
        .bind(positions.start as i64)
        .bind(positions.end as i64)
        .fetch_one(&mut self.0)
        .await?;
        Ok(hashes.unwrap_or_default())
    }

    async fn count_subtrees(&mut self) -> sqlx::Result<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM node").fetch_one(&mut self.0).await?;
        Ok(count.unsigned_abs())
    }
}

fn found(row: &PgRow) -> sqlx::Result<Found> {
    let salt = |at| salt_of(row.try_get::<&[u8], _>(at)?);
    Ok(Found {
        index: row.try_get::<i64, _>(0)?.unsigned_abs(),
        actor: Part { text: row.try_get(1)?, salt: salt(2)? },
        subject: Part { text: row.try_get(3)?, salt: salt(4)? },
        answer_commitment: hash_of(row.try_get(5)?)?,
    })
}

fn kept(row: &PgRow) -> sqlx::Result<Kept<'_>> {
    // As they came: whether they are text or bytes was asked by the statement already.
    let bytes = |at| {
        let value = row.try_get_raw(at)?;
        if value.is_null() { Ok(None) } else { value.as_bytes().map(Some).map_err(sqlx::Error::Decode) }
    };
    let needed = |at| bytes(at)?.ok_or_else(|| corrupt("a hash is missing"));
    Ok(Kept {
        index: row.try_get::<i64, _>(0)?.unsigned_abs(),
        parts: [(bytes(1)?, bytes(2)?), (bytes(3)?, bytes(4)?), (bytes(5)?, bytes(6)?)],
        commitments: [needed(7)?, needed(8)?, needed(9)?],
        leaf: needed(10)?,
    })
}
