//! Reading the access log: search, checkpoints, proofs. It has no `append`, and its connections cannot write.

use super::{
    leaf::{Commitments, Part},
    merkle::{Hash, NodeId},
    proof::{self, OutOfTree, Span},
    sqlite::hash_of,
};
use crate::database;
use sqlx::{Row, SqlitePool, sqlite::SqliteRow};
use std::{fmt, path::Path};

/// The capability to read the access log.
#[derive(Debug, Clone)]
pub struct Reader {
    pool: SqlitePool,
}

/// What to look for. Every part that is there must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Earliest time, RFC 3339.
    pub from: Option<String>,
    /// Time before which, RFC 3339.
    pub until: Option<String>,
    /// Who asked.
    pub caller: Option<String>,
    /// For whom.
    pub organisation: Option<String>,
    /// What for.
    pub purpose: Option<String>,
    /// Under which agreement.
    pub agreement: Option<String>,
    /// What was told.
    pub outcome: Option<String>,
    /// Which kind of entry.
    pub kind: Option<String>,
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
    /// The log does not hold what it must.
    #[error("the access log is damaged: {0}")]
    Damaged(&'static str),
}

impl Reader {
    /// Opens a log that is there.
    pub async fn open(database: &Path) -> sqlx::Result<Self> {
        Ok(Self { pool: database::open_reader(database).await? })
    }

    /// At most `limit` entries from index `from` on that match, and whether there may be more.
    pub async fn search(&self, filter: &Filter, from: u64, limit: u32) -> Result<(Vec<Found>, bool), SearchError> {
        // The filter looks into the part that is hashed, not at columns beside it that could say something else.
        let rows = sqlx::query(
            "SELECT idx, actor, actor_salt, subject, subject_salt, answer_commitment FROM entry WHERE idx >= ?1 \
             AND (?2 IS NULL OR actor ->> '$.time' >= ?2) AND (?3 IS NULL OR actor ->> '$.time' < ?3) \
             AND (?4 IS NULL OR actor ->> '$.caller' = ?4) AND (?5 IS NULL OR actor ->> '$.organisation' = ?5) \
             AND (?6 IS NULL OR actor ->> '$.purpose' = ?6) AND (?7 IS NULL OR actor ->> '$.agreement' = ?7) \
             AND (?8 IS NULL OR actor ->> '$.outcome' = ?8) AND (?9 IS NULL OR actor ->> '$.kind' = ?9) \
             ORDER BY idx LIMIT ?10",
        )
        .bind(from as i64)
        .bind(&filter.from)
        .bind(&filter.until)
        .bind(&filter.caller)
        .bind(&filter.organisation)
        .bind(&filter.purpose)
        .bind(&filter.agreement)
        .bind(&filter.outcome)
        .bind(&filter.kind)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        let more = rows.len() == limit as usize;
        Ok((rows.iter().map(found).collect::<Result<_, _>>()?, more))
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

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("from", &self.from),
            ("until", &self.until),
            ("caller", &self.caller),
            ("organisation", &self.organisation),
            ("purpose", &self.purpose),
            ("agreement", &self.agreement),
            ("outcome", &self.outcome),
            ("kind", &self.kind),
        ];
        let set: Vec<String> =
            parts.iter().filter_map(|(name, value)| Some(format!("{name}={}", (*value).as_ref()?))).collect();
        f.write_str(if set.is_empty() { "everything" } else { "" })?;
        f.write_str(&set.join(" "))
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
