//! Many at once: one order, proofs for everybody, and every answer under the policy that was in force when it was recorded.

mod reload;

use crate::{harness::*, kill::verify_receipt};
use disown::{
    access_log::{checkpoint::Checkpoint, proof::verify_consistency, verify::verify_log},
    pb,
};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use tonic_health::ServingStatus;

const ASKERS: u64 = 200;

/// So many ask at once, in three roles; their receipts.
async fn many_ask(broker: &TestBroker) -> Vec<pb::Receipt> {
    // A client knows how many requests a connection has room for once the broker has said so, and lets the others wait.
    broker.health_becomes(ServingStatus::Serving).await;
    let asked = (0..ASKERS).map(|at| async move {
        let asker = [clinician(), tracer(), police()][at as usize % 3].clone();
        let number = [ISOLATING, FREE, HEALTHY, NOBODY][at as usize % 4];
        broker.told(&asker, number).await.response.receipt.unwrap()
    });
    join_all(asked).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_at_once_get_receipts_without_gap_or_repeat_that_verify_offline() {
    let broker = TestBroker::populated().await;
    // The month's key is made at the first question, which is not what is tried here.
    let before = broker.told(&clinician(), ISOLATING).await.index();
    let receipts = many_ask(&broker).await;
    let key = broker.deployment.log_key();
    assert!(receipts.iter().all(|receipt| verify_receipt(receipt, &key).is_some()));
    let indices: BTreeSet<u64> = receipts.iter().map(|receipt| receipt.index).collect();
    assert!(indices.into_iter().eq(before + 1..=before + ASKERS), "an index is missing or there twice");

    // Each commit has its checkpoint, stored with the next.
    let notes = broker.deployment.reader().await.checkpoints().await.unwrap();
    let commits = notes.iter().filter(|note| Checkpoint::open(note, &key).unwrap().size() > before + 1).count() as u64;
    println!("sequencing: {ASKERS} entries in {commits} commits");
    assert!((1..ASKERS).contains(&commits), "nothing shared a commit");
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_checkpoint_is_consistent_with_every_earlier_one() {
    let broker = TestBroker::populated().await;
    let receipts = many_ask(&broker).await;
    let deployment = broker.stop().await;
    let broker = deployment.serve().await;
    many_ask(&broker).await;
    let deployment = broker.stop().await;

    let reader = deployment.reader().await;
    let key = deployment.log_key();
    let held = receipts.iter().map(|receipt| receipt.checkpoint.clone());
    let notes = reader.checkpoints().await.unwrap().into_iter().chain(held);
    let mut checkpoints = BTreeMap::new();
    for note in notes {
        let checkpoint = Checkpoint::open(&note, &key).unwrap();
        let known = checkpoints.entry(checkpoint.size()).or_insert_with(|| *checkpoint.root());
        assert_eq!(known, checkpoint.root(), "two roots of size {}", checkpoint.size());
    }
    let mut proven = 0;
    for (new, new_root) in &checkpoints {
        for (old, old_root) in checkpoints.range(..new) {
            let path = reader.prove_consistency(*old, *new).await.unwrap();
            verify_consistency(*old, old_root, *new, new_root, &path).unwrap();
            // The same proof does not lead to another root.
            assert!(path.is_empty() || verify_consistency(*old, new_root, *new, new_root, &path).is_err());
            proven += 1;
        }
    }
    println!("sequencing: {} checkpoints, {proven} pairs consistent", checkpoints.len());
    assert!(proven > 30);
    deployment.serve().await.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_verifies_while_it_is_written() {
    let broker = TestBroker::populated().await;
    let (log, key) = (broker.deployment.reader().await, broker.deployment.log_key());
    let verifying = async {
        let mut sizes = BTreeSet::new();
        for _ in 0..25 {
            sizes.insert(verify_log(&log, &key).await.unwrap().entries);
        }
        sizes.len()
    };
    let (_, sizes) = tokio::join!(many_ask(&broker), verifying);
    println!("sequencing: verified at {sizes} sizes while it grew");
    broker.finish().await;
}
