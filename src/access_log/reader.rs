//! Reading the access log: search, checkpoints, proofs. It has no `append`, and its connections cannot write.

use super::{
    epoch::Epoch,
    filter::{Countable, Filter},
    leaf::{Commitments, Part},
    merkle::{Hash, NodeId},
    postgres::PostgresReader,
    proof::{self, OutOfTree, Span},
    sqlite::SqliteReader,
    state::Unavailable,
    storage::{InForceNow, ReadStorage, Snapshot},
};
use crate::database::{Durability, postgres::Server};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::time::sleep;

/// The capability to read the access log.
#[derive(Debug, Clone)]
pub struct Reader {
    storage: Arc<dyn ReadStorage>,
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
    /// Opens a log on a server, as a role that reads.
    pub fn on(server: Server) -> Self {
        Self { storage: Arc::new(PostgresReader::open(server)) }
    }

    /// Opens a log that is there, in a file.
    pub async fn open(database: &Path) -> sqlx::Result<Self> {
        Ok(Self { storage: Arc::new(SqliteReader::open(database).await?) })
    }

    /// At most `limit` entries from index `from` on that match, and whether there may be more.
    pub async fn search(&self, filter: &Filter, from: u64, limit: u32) -> Result<(Vec<Found>, bool), SearchError> {
        let found = self.storage.search(filter, from, limit).await?;
        let more = found.len() == limit as usize;
        Ok((found, more))
    }

    /// How many entries match, by parts of theirs.
    pub async fn count(&self, filter: &Filter, by: &[Countable]) -> Result<Vec<Group>, SearchError> {
        Ok(self.storage.count(filter, by, GROUPS).await?)
    }

    /// The sealed keys of the months that have one, by month: under each a subject has another tag.
    pub(super) async fn month_keys(&self) -> Result<Vec<(String, Vec<u8>)>, SearchError> {
        Ok(self.storage.month_keys().await?)
    }

    /// The latest checkpoint, or that of a size.
    pub async fn checkpoint(&self, size: Option<u64>) -> Result<Option<String>, SearchError> {
        Ok(self.storage.checkpoint(size).await?)
    }

    /// All checkpoints, oldest first.
    pub async fn checkpoints(&self) -> Result<Vec<String>, SearchError> {
        Ok(self.storage.checkpoints().await?)
    }

    /// Entries in the log.
    pub async fn size(&self) -> Result<u64, SearchError> {
        Ok(self.storage.size().await?)
    }

    /// Proof that an entry is in the tree of a size: its commitments and the path.
    pub async fn prove_inclusion(&self, index: u64, size: u64) -> Result<(Commitments, Vec<Hash>), SearchError> {
        self.check_size(size).await?;
        let path = self.hashes(&proof::inclusion(index, size)?).await?;
        let commitments = self.storage.commitments(index).await?;
        Ok((commitments.ok_or(SearchError::Damaged("an entry is missing"))?, path))
    }

    /// Proof that the tree of one size begins with the tree of another.
    pub async fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, SearchError> {
        self.check_size(new).await?;
        self.hashes(&proof::consistency(old, new)?).await
    }

    /// What is in force now, or was in an epoch; none: nothing was yet.
    pub async fn in_force(&self, epoch: Option<u64>) -> Result<Option<InForceNow>, SearchError> {
        Ok(self.storage.in_force(epoch).await?)
    }

    /// A text that was kept under its hash.
    pub async fn archived(&self, version: &str, name: &str) -> Result<Option<String>, SearchError> {
        Ok(self.storage.archived(version, name).await?)
    }

    /// What the epochs after one opened, up to another, oldest first, believed of nobody yet.
    pub(crate) async fn epochs(&self, after: u64, until: u64) -> Result<Vec<Epoch>, SearchError> {
        Ok(self.storage.epochs(after, until).await?)
    }

    /// Batches that a broker put in since it was last started, by dataset and name, oldest first: what start-up reconciles.
    pub async fn inputs_since_last_start(
        &self,
        started: &str,
        broker: &str,
    ) -> Result<Vec<(String, String)>, SearchError> {
        Ok(self.storage.inputs_since(started, broker).await?)
    }

    /// Where an entry is when its receipt is given.
    pub async fn durability(&self) -> Result<Durability, SearchError> {
        Ok(self.storage.durability().await?)
    }

    /// Tells whoever runs the broker what a receipt is worth when a host is lost, at once and whenever it changes, for as long as it is
    /// polled.
    pub(crate) async fn tell_durability(&self) {
        const EVERY: Duration = Duration::from_secs(1);
        let mut told = None;
        loop {
            match self.durability().await {
                Ok(known) if told.as_ref() != Some(&known) => {
                    match &known {
                        Durability::OneHost => tracing::warn!(
                            "the access log is durable on one host: a synchronous standby would keep it when that host is lost"
                        ),
                        Durability::Replicated { standbys } => {
                            tracing::info!(place = standbys, "the access log is durable on a synchronous standby too");
                        }
                    }
                    told = Some(known);
                }
                // Who appends finds out that a server is not reached, and says so.
                _ => {}
            }
            sleep(EVERY).await;
        }
    }

    pub(super) fn most_unsigned(&self) -> u64 {
        self.storage.most_unsigned()
    }

    /// The log as it is now, to be verified.
    pub(super) async fn snapshot(&self) -> sqlx::Result<Box<dyn Snapshot>> {
        self.storage.snapshot().await
    }

    /// Closes its connections, for every clone.
    pub(crate) async fn close(&self) {
        self.storage.close().await;
    }

    async fn check_size(&self, size: u64) -> Result<(), SearchError> {
        if size > self.size().await? { Err(OutOfTree.into()) } else { Ok(()) }
    }

    async fn hashes(&self, spans: &[Span]) -> Result<Vec<Hash>, SearchError> {
        let nodes: Vec<Vec<NodeId>> = spans.iter().map(Span::nodes).collect();
        // All with one question: a proof takes as long as its way to the server.
        let mut stored = self.storage.hashes(&nodes.concat()).await?.into_iter();
        let fold = |(span, nodes): (&Span, &Vec<NodeId>)| {
            let hashes: Option<Vec<Hash>> = stored.by_ref().take(nodes.len()).collect();
            let hashes = hashes.ok_or(SearchError::Damaged("a node is missing"))?;
            span.fold(&hashes).ok_or(SearchError::Damaged("a span without nodes"))
        };
        spans.iter().zip(&nodes).map(fold).collect()
    }
}
