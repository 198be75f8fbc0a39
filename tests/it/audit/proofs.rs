//! Checkpoints and proofs hold by this crate's own verifiers, which trust nothing that the broker says.

use crate::harness::*;
use disown::{
    access_log::{
        checkpoint::Checkpoint,
        leaf::{Commitments, PartLabel, commitment},
        merkle::{Hash, leaf_hash},
        proof::{verify_consistency, verify_inclusion},
    },
    pb,
};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use tonic::{Code, Status};

const OUTSIDE: &str = "`index, size`: an entry and a size of the log as it is";

async fn checkpoint(broker: &TestBroker, size: u64) -> Result<Checkpoint, Status> {
    let request = pb::GetCheckpointRequest { terms: auditor().pb_terms(), size };
    let response = broker.audit().get_checkpoint(auditor().request(&broker.deployment, request)).await?;
    let response = response.into_inner();
    // Neither a file nor the server that tests share is on two hosts.
    assert_eq!(response.durability().as_str_name(), "DURABILITY_ONE_HOST");
    Ok(Checkpoint::open(&response.checkpoint, &broker.deployment.log_key()).unwrap())
}

async fn inclusion(broker: &TestBroker, index: u64, size: u64) -> Result<pb::ProveInclusionResponse, Status> {
    let request = pb::ProveInclusionRequest { terms: auditor().pb_terms(), index, size };
    let response = broker.audit().prove_inclusion(auditor().request(&broker.deployment, request)).await?;
    Ok(response.into_inner())
}

async fn consistency(broker: &TestBroker, old_size: u64, new_size: u64) -> Result<Vec<Hash>, Status> {
    let request = pb::ProveConsistencyRequest { terms: auditor().pb_terms(), old_size, new_size };
    let response = broker.audit().prove_consistency(auditor().request(&broker.deployment, request)).await?;
    Ok(hashes(&response.into_inner().path))
}

/// A log with a dozen entries, and the sizes it was signed at.
async fn a_small_log() -> (TestBroker, Vec<Checkpoint>) {
    let broker = TestBroker::populated().await;
    let mut signed = vec![checkpoint(&broker, 0).await.unwrap()];
    for number in [ISOLATING, FREE, HEALTHY, NOBODY, ISOLATING] {
        broker.told(&clinician(), number).await;
        let latest = checkpoint(&broker, 0).await.unwrap();
        if latest.size() > signed[signed.len() - 1].size() {
            signed.push(latest);
        }
    }
    (broker, signed)
}

#[tokio::test]
async fn checkpoints_of_older_sizes_stay() {
    let (broker, signed) = a_small_log().await;
    assert!(signed.len() > 1, "the log was signed once only");
    for known in &signed {
        assert_eq!(checkpoint(&broker, known.size()).await.unwrap().note(), known.note());
    }
    broker.finish().await;
}

#[tokio::test]
async fn every_entry_is_in_every_tree_that_was_signed_after_it() {
    let (broker, signed) = a_small_log().await;
    for known in &signed {
        for index in 0..known.size() {
            let proof = inclusion(&broker, index, known.size()).await.unwrap();
            let leaf = leaf_hash(&proof.leaf_data);
            assert_eq!(proof.leaf_hash, leaf.as_bytes());
            verify_inclusion(&leaf, index, known.size(), &hashes(&proof.path), known.root()).unwrap();
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn what_a_search_shows_makes_the_leaf_that_is_proven() {
    let (broker, _) = a_small_log().await;
    let request = pb::SearchRequest { terms: auditor().pb_terms(), page_size: 1000, ..Default::default() };
    let mut pages = broker.audit().search(auditor().request(&broker.deployment, request)).await.unwrap().into_inner();
    let found = pages.message().await.unwrap().unwrap().entries;
    let size = found.len() as u64;
    for entry in found {
        let part = |label, salt: &[u8], text: &[u8]| commitment(label, &salt.try_into().unwrap(), text);
        let commitments = Commitments {
            actor: part(PartLabel::Actor, &entry.actor_salt, &entry.actor_part),
            subject: part(PartLabel::Subject, &entry.subject_salt, &entry.subject_part),
            answer: Hash::try_from(entry.answer_commitment.as_slice()).unwrap(),
        };
        let proof = inclusion(&broker, entry.index, size).await.unwrap();
        assert_eq!(proof.leaf_hash, commitments.leaf().as_bytes());
    }
    broker.finish().await;
}

/// Made again from the documented form, with nothing of this crate: label, salt, part; and no salt is there twice.
#[tokio::test]
async fn a_leaf_is_made_of_three_parts_under_salts_of_their_own() {
    if !on_files() {
        return;
    }
    type Row = (String, Vec<u8>, String, Vec<u8>, String, Vec<u8>, Vec<u8>);
    let (broker, _) = a_small_log().await;
    let rows: Vec<Row> =
        sqlx::query_as("SELECT actor, actor_salt, subject, subject_salt, answer, answer_salt, leaf FROM entry")
            .fetch_all(&broker.deployment.database("control").await)
            .await
            .unwrap();
    let mut salts = HashSet::new();
    for (actor, actor_salt, subject, subject_salt, answer, answer_salt, stored) in &rows {
        let mut leaf = Sha256::new_with_prefix([0, 1]);
        for (label, salt, part) in [
            ("disown.v1/actor", actor_salt, actor),
            ("disown.v1/subject", subject_salt, subject),
            ("disown.v1/answer", answer_salt, answer),
        ] {
            assert!(salt.len() == 16 && salts.insert(salt.clone()), "a salt is there twice: {label}");
            leaf.update(Sha256::new_with_prefix(label).chain_update(salt).chain_update(part).finalize());
        }
        assert_eq!(leaf.finalize().as_slice(), stored);
    }
    assert!(rows.len() >= 9);
    broker.finish().await;
}

#[tokio::test]
async fn every_tree_that_was_signed_begins_with_every_one_before_it() {
    let (broker, signed) = a_small_log().await;
    for (at, old) in signed.iter().enumerate() {
        for new in &signed[at..] {
            let path = consistency(&broker, old.size(), new.size()).await.unwrap();
            verify_consistency(old.size(), old.root(), new.size(), new.root(), &path).unwrap();
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn what_lies_outside_the_log_is_an_invalid_argument() {
    let broker = TestBroker::empty().await;
    let size = checkpoint(&broker, 0).await.unwrap().size();
    // Each refusal is an entry, so the log grows: far outside stays outside.
    let far = [1_000_000, 1 << 62, 1 << 63, u64::MAX];
    let mut told = Vec::new();
    for far in far {
        told.push(checkpoint(&broker, far).await.err());
        told.push(inclusion(&broker, far, size).await.err());
        told.push(inclusion(&broker, 0, far).await.err());
        told.push(inclusion(&broker, far, far).await.err());
        told.push(consistency(&broker, far, size).await.err());
        told.push(consistency(&broker, 1, far).await.err());
        told.push(consistency(&broker, far, far).await.err());
    }
    told.push(inclusion(&broker, size, size).await.err());
    told.push(inclusion(&broker, 0, 0).await.err());
    told.push(consistency(&broker, 0, size).await.err());
    told.push(consistency(&broker, 2, 1).await.err());
    let calls = told.len();
    for status in told {
        let status = status.unwrap();
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, OUTSIDE));
    }
    let invalid = broker.entries().await.into_iter().filter(|(_, actor, _)| actor["outcome"] == "invalid").count();
    assert_eq!(invalid, calls);
    broker.finish().await;
}
