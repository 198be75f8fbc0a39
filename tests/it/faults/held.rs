//! What clients hold, against what the log has.

use super::Outcome;
use crate::{
    harness::Deployment,
    kill::{Received, Stored},
};
use std::collections::HashSet;

/// How much was released, and how much of it the log does not bear out; it must verify, and its indices are each given once. Whatever
/// came in is stored, or noted as lost.
pub(super) async fn held(deployment: &Deployment, received: &Received) -> Outcome {
    deployment.verify().await;
    let stored = Stored::read(deployment, 0).await;
    let missing = received.missing(&stored, &deployment.log_key());
    assert!(missing.is_empty(), "{missing:#?}");
    stored.assert_accounted_for();
    assert_eq!(stored.unrecorded(), 0, "batches are stored that stand in no entry");
    let answers = received.answers.iter().filter_map(|answer| answer.receipt.as_ref());
    let indices: Vec<u64> = answers.chain(&received.puts).map(|receipt| receipt.index).collect();
    assert_eq!(indices.iter().collect::<HashSet<_>>().len(), indices.len(), "an index was given twice");
    let released = received.answers.len() as u64;
    assert!(released > 0, "nothing was received, so nothing was shown");
    Outcome { released, without_entry: missing.len() as u64 }
}
