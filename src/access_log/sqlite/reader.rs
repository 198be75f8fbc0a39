//! Reading an access log on SQLite.

use super::hash_at;
use crate::{
    access_log::{
        Countable, Filter, Found, Group,
        epoch::{Epoch, epochs_of},
        leaf::{Commitments, Part},
        merkle::{Hash, NodeId},
        sequencer::BATCH_ENTRIES,
        storage::{InForceNow, Kept, ReadStorage, Show, Snapshot, commitments_of, hash_of, salt_of},
    },
    database::{self, Durability},
};
use async_trait::async_trait;
use futures_util::TryStreamExt;
use sqlx::{
    ConnectOptions, Row, Sqlite, SqliteConnection, SqlitePool,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use std::{
    ops::Range,
    path::{Path, PathBuf},
};

/// A log that is there, in a file.
#[derive(Debug)]
pub(in crate::access_log) struct SqliteReader {
    path: PathBuf,
    pool: SqlitePool,
}

impl SqliteReader {
    pub(in crate::access_log) async fn open(path: &Path) -> sqlx::Result<Self> {
        Ok(Self { path: path.to_owned(), pool: database::sqlite::open_reader(path).await? })
    }
}

// The filter looks into the part that is hashed, not at columns beside it that could say something else.
macro_rules! matching {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " WHERE (?1 IS NULL OR actor ->> '$.time' >= ?1) AND (?2 IS NULL OR actor ->> '$.time' < ?2)",
            " AND (?3 IS NULL OR actor ->> '$.caller' = ?3) AND (?4 IS NULL OR actor ->> '$.organisation' = ?4)",
            " AND (?5 IS NULL OR actor ->> '$.purpose' = ?5) AND (?6 IS NULL OR actor ->> '$.agreement' = ?6)",
            " AND (?7 IS NULL OR actor ->> '$.outcome' = ?7) AND (?8 IS NULL OR actor ->> '$.kind' = ?8)",
            " AND (?9 IS NULL OR EXISTS (SELECT 1 FROM json_each(subject, '$.alarms') WHERE ?9 IN ('any', value)))",
            " AND (?10 IS NULL OR subject ->> '$.tag' IN (SELECT value FROM json_each(?10))) ",
            $rest
        )
    };
}

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;

/// With the filter's parts in the places that `matching!` has for them.
fn bound<'q>(query: SqliteQuery<'q>, filter: &'q Filter) -> SqliteQuery<'q> {
    let query = filter.texts().into_iter().fold(query, |query, text| query.bind(text));
    let tags = filter.tags.as_ref().map(|tags| {
        let quoted: Vec<String> = tags.iter().map(|tag| format!("\"{}\"", tag.as_str())).collect();
        format!("[{}]", quoted.join(","))
    });
    query.bind(tags)
}

#[async_trait]
impl ReadStorage for SqliteReader {
    async fn search(&self, filter: &Filter, from: u64, limit: u32) -> sqlx::Result<Vec<Found>> {
        let rows = bound(
            sqlx::query(matching!(
                "SELECT idx, actor, actor_salt, subject, subject_salt, answer_commitment FROM entry",
                "AND idx >= ?11 ORDER BY idx LIMIT ?12"
            )),
            filter,
        )
        .bind(from as i64)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(found).collect()
    }

    async fn count(&self, filter: &Filter, by: &[Countable], most: i64) -> sqlx::Result<Vec<Group>> {
        let mut query = bound(
            sqlx::query(matching!(
                "SELECT CASE ?11 WHEN 'day' THEN substr(actor ->> '$.time', 1, 10) ELSE actor ->> ('$.' || ?11) END AS a, \
                 CASE ?12 WHEN 'day' THEN substr(actor ->> '$.time', 1, 10) ELSE actor ->> ('$.' || ?12) END AS b, \
                 CASE ?13 WHEN 'day' THEN substr(actor ->> '$.time', 1, 10) ELSE actor ->> ('$.' || ?13) END AS c, \
                 count(*), sum(coalesce(actor ->> '$.records', actor ->> '$.batch_records', 0)) FROM entry",
                "GROUP BY a, b, c ORDER BY count(*) DESC, a, b, c LIMIT ?14"
            )),
            filter,
        );
        for at in 0..3 {
            query = query.bind(by.get(at).map(|part| part.as_str()));
        }
        let rows = query.bind(most).fetch_all(&self.pool).await?;
        let group = |row: &SqliteRow| {
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
        sqlx::query_as("SELECT month, sealed FROM month_key ORDER BY month").fetch_all(&self.pool).await
    }

    async fn checkpoint(&self, size: Option<u64>) -> sqlx::Result<Option<String>> {
        sqlx::query_scalar("SELECT note FROM checkpoint WHERE ?1 IS NULL OR size = ?1 ORDER BY size DESC LIMIT 1")
            .bind(size.map(|size| size as i64))
            .fetch_optional(&self.pool)
            .await
    }

    async fn checkpoints(&self) -> sqlx::Result<Vec<String>> {
        sqlx::query_scalar("SELECT note FROM checkpoint ORDER BY size").fetch_all(&self.pool).await
    }

    async fn size(&self) -> sqlx::Result<u64> {
        let size: i64 = sqlx::query_scalar("SELECT coalesce(max(size), 0) FROM head").fetch_one(&self.pool).await?;
        Ok(size.unsigned_abs())
    }

    async fn hashes(&self, ids: &[NodeId]) -> sqlx::Result<Vec<Option<Hash>>> {
        let mut connection = self.pool.acquire().await?;
        let mut hashes = Vec::with_capacity(ids.len());
        for id in ids {
            let hash: Option<Vec<u8>> = sqlx::query_scalar(hash_at(*id))
                .bind(i64::from(id.level))
                .bind(id.position as i64)
                .fetch_optional(&mut *connection)
                .await?;
            hashes.push(hash.as_deref().map(hash_of).transpose()?);
        }
        Ok(hashes)
    }

    async fn commitments(&self, index: u64) -> sqlx::Result<Option<Commitments>> {
        let row: Option<(Vec<u8>, Vec<u8>, Vec<u8>)> =
            sqlx::query_as("SELECT actor_commitment, subject_commitment, answer_commitment FROM entry WHERE idx = ?1")
                .bind(index as i64)
                .fetch_optional(&self.pool)
                .await?;
        row.map(commitments_of).transpose()
    }

    async fn inputs_since(&self, started: &str, broker: &str) -> sqlx::Result<Vec<(String, String)>> {
        sqlx::query_as(
            "SELECT actor ->> '$.dataset', actor ->> '$.batch' FROM entry WHERE actor ->> '$.kind' = 'input' \
             AND actor ->> '$.broker' = ?2 AND idx > (SELECT coalesce(max(idx), -1) FROM entry \
             WHERE actor ->> '$.kind' = 'administration' AND actor ->> '$.broker' = ?2 AND actor ->> '$.event' = ?1) ORDER BY idx",
        )
        .bind(started)
        .bind(broker)
        .fetch_all(&self.pool)
        .await
    }

    async fn in_force(&self, epoch: Option<u64>) -> sqlx::Result<Option<InForceNow>> {
        let row: Option<(i64, String)> = sqlx::query_as(
            "SELECT number, coalesce(files, '') FROM epoch WHERE number = coalesce(?1, (SELECT max(number) FROM epoch))",
        )
        .bind(epoch.map(|epoch| epoch as i64))
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(epoch, files)| InForceNow { epoch: epoch.unsigned_abs(), files }))
    }

    async fn archived(&self, version: &str, name: &str) -> sqlx::Result<Option<String>> {
        sqlx::query_scalar("SELECT content FROM archive WHERE version = ?1 AND name = ?2")
            .bind(version)
            .bind(name)
            .fetch_optional(&self.pool)
            .await
    }

    async fn epochs(&self, after: u64, until: u64) -> sqlx::Result<Vec<Epoch>> {
        let (after, until) = (after as i64, until as i64);
        let epochs =
            "SELECT number, policy_version, coalesce(files, ''), seal FROM epoch WHERE number > ?1 AND number <= ?2";
        let acts = "SELECT epoch, matter, number, deed, object, approver, reason, signature FROM act \
                    WHERE epoch > ?1 AND epoch <= ?2 ORDER BY epoch, matter, number";
        let events = "SELECT epoch, about, number, what FROM event WHERE epoch > ?1 AND epoch <= ?2 \
                      ORDER BY epoch, about, number";
        epochs_of(
            sqlx::query_as(epochs).bind(after).bind(until).fetch_all(&self.pool).await?,
            sqlx::query_as(acts).bind(after).bind(until).fetch_all(&self.pool).await?,
            sqlx::query_as(events).bind(after).bind(until).fetch_all(&self.pool).await?,
        )
    }

    async fn durability(&self) -> sqlx::Result<Durability> {
        Ok(Durability::OneHost)
    }

    fn most_unsigned(&self) -> u64 {
        BATCH_ENTRIES as u64
    }

    async fn snapshot(&self) -> sqlx::Result<Box<dyn Snapshot>> {
        let mut connection = database::sqlite::read_only(&self.path).connect().await?;
        sqlx::query("BEGIN").execute(&mut connection).await?;
        Ok(Box::new(SqliteSnapshot(connection)))
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

/// A transaction that reads.
struct SqliteSnapshot(SqliteConnection);

#[async_trait]
impl Snapshot for SqliteSnapshot {
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
             answer_commitment, leaf FROM entry WHERE idx >= ?1 ORDER BY idx LIMIT ?2",
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
        let hashes: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT hash FROM node WHERE level = ?1 AND position >= ?2 AND position < ?3 AND length(hash) = 32 ORDER BY position",
        )
        .bind(i64::from(level))
        .bind(positions.start as i64)
        .bind(positions.end as i64)
        .fetch_all(&mut self.0)
        .await?;
        Ok(hashes.concat())
    }

    async fn count_subtrees(&mut self) -> sqlx::Result<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM node").fetch_one(&mut self.0).await?;
        Ok(count.unsigned_abs())
    }
}

fn found(row: &SqliteRow) -> sqlx::Result<Found> {
    let salt = |at| salt_of(row.try_get::<&[u8], _>(at)?);
    Ok(Found {
        index: row.try_get::<i64, _>(0)?.unsigned_abs(),
        actor: Part { text: row.try_get(1)?, salt: salt(2)? },
        subject: Part { text: row.try_get(3)?, salt: salt(4)? },
        answer_commitment: hash_of(row.try_get(5)?)?,
    })
}

fn kept(row: &SqliteRow) -> sqlx::Result<Kept<'_>> {
    let part = |at| Ok::<_, sqlx::Error>((row.try_get(at)?, row.try_get(at + 1)?));
    Ok(Kept {
        index: row.try_get::<i64, _>(0)?.unsigned_abs(),
        parts: [part(1)?, part(3)?, part(5)?],
        commitments: [row.try_get(7)?, row.try_get(8)?, row.try_get(9)?],
        leaf: row.try_get(10)?,
    })
}
