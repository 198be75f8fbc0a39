//! Reading the access log: search, checkpoints, proofs. It has no `append`, and its connections cannot write.

use super::{
    filter::{Countable, Filter, bound, matching},
    leaf::{Commitments, Part},
    merkle::{Hash, NodeId},
    proof::{self, OutOfTree, Span},
    sqlite::hash_of,
    state::Unavailable,
};
use crate::{database, pseudonym::RestrictionName};
use sqlx::{Row, SqlitePool, sqlite::SqliteRow};
use std::{collections::HashSet, path::Path};

/// The capability to read the access log.
#[derive(Debug, Clone)]
pub struct Reader {
    pool: SqlitePool,
}

/// An entry as an auditor sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its index.
    pub index: u64,
    /// Who, when, for what.
    pub actor: Part,
    /// About whom.
    pub subject: Part,
    /// Commitment to the answer part.
    pub answer_commitment: Hash,
}

/// A reading that failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The database said no.
    #[error("the access log cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// What was asked for lies outside the tree.
    #[error("{0}")]
    OutOfTree(#[from] OutOfTree),
    /// The access log cannot be written, and a search is recorded first.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The log does not hold what it must.
    #[error("the access log is damaged: {0}")]
    Damaged(&'static str),
}

/// How many entries have something in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What: one value for each part counted by, empty where entries have none.
    pub values: Vec<String>,
    /// Entries.
    pub entries: u64,
    /// Records told or put in.
    pub records: u64,
}

/// More groups than these are cut off: the largest come first.
const GROUPS: i64 = 10_000;

impl Reader {
    /// Opens a log that is there.
    pub async fn open(database: &Path) -> sqlx::Result<Self> {
        Ok(Self { pool: database::open_reader(database).await? })
    }

    /// At most `limit` entries from index `from` on that match, and whether there may be more.
    pub async fn search(&self, filter: &Filter, from: u64, limit: u32) -> Result<(Vec<Found>, bool), SearchError> {
        let rows = bound(
            sqlx::query(matching!(
                "SELECT idx, actor, actor_salt, subject, subject_salt, answer_commitment FROM entry",
                "AND idx >= ?10 ORDER BY idx LIMIT ?11"
            )),
            filter,
        )
        .bind(from as i64)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        let more = rows.len() == limit as usize;
        Ok((rows.iter().map(found).collect::<Result<_, _>>()?, more))
    }

    /// How many entries match, by parts of theirs.
    pub async fn count(&self, filter: &Filter, by: &[Countable]) -> Result<Vec<Group>, SearchError> {
        let mut query = bound(
            sqlx::query(matching!(
                "SELECT CASE ?10 WHEN 'day' THEN substr(actor ->> '$.time', 1, 10) ELSE actor ->> ('$.' || ?10) END AS a, \
                 CASE ?11 WHEN 'day' THEN substr(actor ->> '$.time', 1, 10) ELSE actor ->> ('$.' || ?11) END AS b, \
                 CASE ?12 WHEN 'day' THEN substr(actor ->> '$.time', 1, 10) ELSE actor ->> ('$.' || ?12) END AS c, \
                 count(*), sum(coalesce(actor ->> '$.records', actor ->> '$.batch_records', 0)) FROM entry",
                "GROUP BY a, b, c ORDER BY count(*) DESC, a, b, c LIMIT ?13"
            )),
            filter,
        );
        for at in 0..3 {
            query = query.bind(by.get(at).map(|part| part.0));
        }
        let rows = query.bind(GROUPS).fetch_all(&self.pool).await?;
        let group = |row: &SqliteRow| {
            let value = |at| Ok(row.try_get::<Option<String>, _>(at)?.unwrap_or_default());
            Ok(Group {
                values: (0..by.len()).map(value).collect::<Result<_, sqlx::Error>>()?,
                entries: row.try_get::<i64, _>(3)?.unsigned_abs(),
                records: row.try_get::<i64, _>(4)?.unsigned_abs(),
            })
        };
        rows.iter().map(group).collect()
    }

    /// The sealed keys of the months that have one, by month: under each a subject has another tag.
    pub(super) async fn month_keys(&self) -> Result<Vec<(String, Vec<u8>)>, SearchError> {
        Ok(sqlx::query_as("SELECT month, sealed FROM month_key ORDER BY month").fetch_all(&self.pool).await?)
    }

    /// The latest checkpoint, or that of a size.
    pub async fn checkpoint(&self, size: Option<u64>) -> Result<Option<String>, SearchError> {
        let note =
            sqlx::query_scalar("SELECT note FROM checkpoint WHERE ?1 IS NULL OR size = ?1 ORDER BY size DESC LIMIT 1")
                .bind(size.map(|size| size as i64))
                .fetch_optional(&self.pool)
                .await?;
        Ok(note)
    }

    /// All checkpoints, oldest first.
    pub async fn checkpoints(&self) -> Result<Vec<String>, SearchError> {
        Ok(sqlx::query_scalar("SELECT note FROM checkpoint ORDER BY size").fetch_all(&self.pool).await?)
    }

    /// Entries in the log.
    pub async fn size(&self) -> Result<u64, SearchError> {
        let size: i64 = sqlx::query_scalar("SELECT coalesce(max(size), 0) FROM head").fetch_one(&self.pool).await?;
        Ok(size.unsigned_abs())
    }

    /// Proof that an entry is in the tree of a size: its commitments and the path.
    pub async fn prove_inclusion(&self, index: u64, size: u64) -> Result<(Commitments, Vec<Hash>), SearchError> {
        self.check_size(size).await?;
        let path = self.hashes(&proof::inclusion(index, size)?).await?;
        let row =
            sqlx::query("SELECT actor_commitment, subject_commitment, answer_commitment FROM entry WHERE idx = ?1")
                .bind(index as i64)
                .fetch_one(&self.pool)
                .await?;
        let commitments = Commitments { actor: hash(&row, 0)?, subject: hash(&row, 1)?, answer: hash(&row, 2)? };
        Ok((commitments, path))
    }

    /// Proof that the tree of one size begins with the tree of another.
    pub async fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, SearchError> {
        self.check_size(new).await?;
        self.hashes(&proof::consistency(old, new)?).await
    }

    /// Whose data may not be used.
    pub(crate) async fn restricted(&self) -> Result<HashSet<RestrictionName>, SearchError> {
        let names: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT name FROM restriction AS change WHERE restricted = 1 AND NOT EXISTS \
             (SELECT 1 FROM restriction AS later WHERE later.name = change.name AND later.epoch > change.epoch)",
        )
        .fetch_all(&self.pool)
        .await?;
        let name = |bytes: &Vec<u8>| RestrictionName::stored(bytes).ok_or(SearchError::Damaged("a restriction"));
        names.iter().map(name).collect()
    }

    /// Batches put in since the broker was last started, by dataset and name, oldest first: what start-up reconciles.
    pub async fn inputs_since_last_start(&self, started: &str) -> Result<Vec<(String, String)>, SearchError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT actor ->> '$.dataset', actor ->> '$.batch' FROM entry WHERE actor ->> '$.kind' = 'input' AND idx > \
             (SELECT coalesce(max(idx), -1) FROM entry WHERE actor ->> '$.kind' = 'administration' AND actor ->> '$.event' = ?1) \
             ORDER BY idx",
        )
        .bind(started)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// Closes its connections, for every clone.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    async fn check_size(&self, size: u64) -> Result<(), SearchError> {
        if size > self.size().await? { Err(OutOfTree.into()) } else { Ok(()) }
    }

    async fn hashes(&self, spans: &[Span]) -> Result<Vec<Hash>, SearchError> {
        let mut hashes = Vec::with_capacity(spans.len());
        for span in spans {
            let mut nodes = Vec::new();
            for id in span.nodes() {
                nodes.push(self.node(id).await?);
            }
            hashes.push(span.fold(&nodes).ok_or(SearchError::Damaged("a span without nodes"))?);
        }
        Ok(hashes)
    }

    async fn node(&self, id: NodeId) -> Result<Hash, SearchError> {
        let row = sqlx::query(hash_of(id))
            .bind(i64::from(id.level))
            .bind(id.position as i64)
            .fetch_optional(&self.pool)
            .await?
            .ok_or(SearchError::Damaged("a node is missing"))?;
        hash(&row, 0)
    }
}

fn found(row: &SqliteRow) -> Result<Found, SearchError> {
    Ok(Found {
        index: row.try_get::<i64, _>(0)?.unsigned_abs(),
        actor: Part { text: row.try_get(1)?, salt: salt(row, 2)? },
        subject: Part { text: row.try_get(3)?, salt: salt(row, 4)? },
        answer_commitment: hash(row, 5)?,
    })
}

fn salt(row: &SqliteRow, at: usize) -> Result<[u8; 16], SearchError> {
    row.try_get::<Vec<u8>, _>(at)?.try_into().map_err(|_| SearchError::Damaged("a salt has another length"))
}

fn hash(row: &SqliteRow, at: usize) -> Result<Hash, SearchError> {
    Hash::try_from(row.try_get::<Vec<u8>, _>(at)?.as_slice())
        .map_err(|_| SearchError::Damaged("a hash has another length"))
}
