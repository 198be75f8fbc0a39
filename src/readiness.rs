//! Whether a broker can serve what is in force. While something is in its way it answers nothing, and health says so.

use crate::ids::DatasetId;
use std::{collections::BTreeSet, fmt};
use tokio::sync::watch;

/// What is in the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// The catalogue in force is not the one that the stores were opened with: a column would be shown under another's name.
    Catalogue,
    /// The store of this dataset is gone or was replaced: nobody can say what it held.
    Store(DatasetId),
}

/// Tells what to do about it.
impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Catalogue => f.write_str(
                "the catalogue in force is another than this broker was started with; bring its policy folder up to date and start it again",
            ),
            Obstacle::Store(dataset) => write!(
                f,
                "the store of `{dataset}` is gone or is not this deployment's; put it back, or restore it from a backup"
            ),
        }
    }
}

/// All that is in the way of a broker, as its parts find it.
#[derive(Debug)]
pub struct Readiness(watch::Sender<BTreeSet<Obstacle>>);

impl Default for Readiness {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeSet::new()))
    }
}

impl Readiness {
    /// Something is in the way from now on. Whoever runs the broker is told once.
    pub fn lost(&self, obstacle: Obstacle) {
        let error = obstacle.to_string();
        if self.0.send_if_modified(|obstacles| obstacles.insert(obstacle)) {
            tracing::error!(error, "nothing is answered");
        }
    }

    /// It is no longer in the way.
    pub fn regained(&self, obstacle: &Obstacle) {
        if self.0.send_if_modified(|obstacles| obstacles.remove(obstacle)) {
            tracing::info!("something that was in the way of answers no longer is");
        }
    }

    /// Whether nothing is in the way.
    pub fn is_ready(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Follows what is in the way.
    pub fn follow(&self) -> watch::Receiver<BTreeSet<Obstacle>> {
        self.0.subscribe()
    }
}
