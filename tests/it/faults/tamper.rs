//! What `verify` finds.

use super::{LOG, Outcome, Trial};
use crate::harness::*;
use disown::access_log::{
    leaf::{Commitments, PartLabel, commitment},
    merkle::Hash,
    verify::NotVerified,
};
use sqlx::Row;

const ENTRY: [&str; 10] = [
    "actor",
    "actor_salt",
    "subject",
    "subject_salt",
    "answer",
    "answer_salt",
    "actor_commitment",
    "subject_commitment",
    "answer_commitment",
    "leaf",
];

/// A small log, stopped.
async fn small() -> Deployment {
    let broker = TestBroker::populated().await;
    for asker in [clinician(), police(), tracer()] {
        broker.told(&asker, ISOLATING).await;
    }
    broker.refused(&police(), police().question("nobody at all")).await;
    broker.stop().await
}

/// What verifying says of a copy with that done to it.
async fn after(deployment: &Deployment, alteration: &str) -> NotVerified {
    let mut copy = Tampered::copy(&deployment.path(LOG)).await;
    alter(&mut copy.connection, alteration).await;
    match copy.verify(&deployment.log_key()).await {
        Ok(_) => panic!("not found: {alteration}"),
        Err(found) => found,
    }
}

fn entry_of(found: &NotVerified) -> Option<u64> {
    if let NotVerified::Entry { index, .. } = found { Some(*index) } else { None }
}

#[tokio::test]
async fn an_untouched_copy_verifies() {
    if !on_files() {
        return;
    }
    let deployment = small().await;
    let verified = Tampered::copy(&deployment.path(LOG)).await.verify(&deployment.log_key()).await.unwrap();
    assert_eq!(verified.entries, verified.signed);
    assert!(verified.entries >= 9 && verified.checkpoints >= 5, "{verified:?}");
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_an_entry_is_found_where_it_is() {
    if !on_files() {
        return;
    }
    let deployment = small().await;
    let entries = deployment.verify().await.entries;
    let mut trial = Trial::new("F13", "a bit of a stored entry flips: verifying names it", 0, 0);
    trial.happened(entries * ENTRY.len() as u64);
    for index in 0..entries {
        for column in ENTRY {
            let mut copy = Tampered::copy(&deployment.path(LOG)).await;
            let byte = usize::try_from(index * 7 + 5).unwrap();
            flip(&mut copy.connection, "entry", column, &format!("idx = {index}"), byte).await;
            let found = copy.verify(&deployment.log_key()).await.unwrap_err();
            assert_eq!(entry_of(&found), Some(index), "{column}: {found}");
        }
    }
    trial.passed(Outcome::default());
}

#[tokio::test]
async fn a_missing_part_or_entry_is_found_where_it_was() {
    if !on_files() {
        return;
    }
    let deployment = small().await;
    let entries = deployment.verify().await.entries;
    for part in ["actor", "subject", "answer"] {
        let found =
            after(&deployment, &format!("UPDATE entry SET {part} = NULL, {part}_salt = NULL WHERE idx = 2")).await;
        assert_eq!(entry_of(&found), Some(2), "{found}");
    }
    for index in 0..entries {
        let found = after(&deployment, &format!("DELETE FROM entry WHERE idx = {index}")).await;
        assert_eq!(entry_of(&found), Some(index), "{found}");
        let found = after(&deployment, &format!("DELETE FROM entry WHERE idx >= {index}")).await;
        assert_eq!(entry_of(&found), Some(index), "{found}");
    }
}

#[tokio::test]
async fn swapped_entries_changed_nodes_heads_and_checkpoints_are_found() {
    if !on_files() {
        return;
    }
    let deployment = small().await;
    let swap = "UPDATE entry SET idx = -1 WHERE idx = 3; UPDATE entry SET idx = 3 WHERE idx = 4; UPDATE entry SET idx = 4 WHERE idx = -1";
    after(&deployment, swap).await;
    let count: u64 = deployment.verify().await.checkpoints;
    for (table, column, key) in
        [("node", "hash", "level || '-' || position"), ("head", "root", "size"), ("checkpoint", "note", "size")]
    {
        let mut copy = Tampered::copy(&deployment.path(LOG)).await;
        let rows: Vec<String> = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT CAST({key} AS TEXT) FROM {table}")))
            .fetch_all(&mut copy.connection)
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert!(rows.len() as u64 >= count.min(4));
        for row in rows {
            for byte in [0, 7, 31, 50] {
                let mut copy = Tampered::copy(&deployment.path(LOG)).await;
                flip(&mut copy.connection, table, column, &format!("CAST({key} AS TEXT) = '{row}'"), byte).await;
                let found = copy.verify(&deployment.log_key()).await;
                assert!(found.is_err(), "not found: {table} {row}, byte {byte}");
            }
        }
    }
    after(&deployment, "DELETE FROM node WHERE level = 1 AND position = 1").await;
    // One after another they read as before, but where one ends and the next begins is elsewhere.
    let shift = "UPDATE node SET hash = CAST(hash || (SELECT substr(next.hash, 1, 1) FROM node AS next WHERE level = 1 AND position = 1) AS BLOB) \
                 WHERE level = 1 AND position = 0; \
                 UPDATE node SET hash = substr(hash, 2) WHERE level = 1 AND position = 1";
    after(&deployment, shift).await;
    after(&deployment, "INSERT INTO node VALUES (9, 9, zeroblob(32))").await;
    after(&deployment, "UPDATE checkpoint SET size = size + 1 WHERE size = (SELECT max(size) FROM checkpoint)").await;
    after(&deployment, "DELETE FROM checkpoint").await;
    after(&deployment, "DELETE FROM head WHERE size = (SELECT max(size) FROM head)").await;
}

/// Whoever rewrites an entry with everything that hangs on it, but has no key, is found by the next checkpoint.
#[tokio::test]
async fn an_entry_rewritten_with_its_commitment_and_leaf_is_found() {
    if !on_files() {
        return;
    }
    let deployment = small().await;
    let mut copy = Tampered::copy(&deployment.path(LOG)).await;
    let row = sqlx::query("SELECT actor, actor_salt, subject_commitment, answer_commitment FROM entry WHERE idx = 5")
        .fetch_one(&mut copy.connection)
        .await
        .unwrap();
    let actor = row.get::<String, _>(0).replace("20", "19");
    let salt: [u8; 16] = row.get::<Vec<u8>, _>(1).try_into().unwrap();
    let hash = |at: usize| Hash::try_from(row.get::<Vec<u8>, _>(at).as_slice()).unwrap();
    let rewritten =
        Commitments { actor: commitment(PartLabel::Actor, &salt, actor.as_bytes()), subject: hash(2), answer: hash(3) };
    sqlx::query("UPDATE entry SET actor = ?1, actor_commitment = ?2, leaf = ?3 WHERE idx = 5")
        .bind(actor)
        .bind(&rewritten.actor.as_bytes()[..])
        .bind(&rewritten.leaf().as_bytes()[..])
        .execute(&mut copy.connection)
        .await
        .unwrap();
    let found = copy.verify(&deployment.log_key()).await.unwrap_err();
    assert!(matches!(found, NotVerified::Checkpoint { size: 6.., .. }), "{found}");
}

/// A log cut back whole, to what an earlier checkpoint says, is a log that was. Only a later checkpoint can tell: every receipt
/// holds one.
#[tokio::test]
async fn a_log_cut_back_whole_is_found_by_whoever_holds_a_receipt() {
    if !on_files() {
        return;
    }
    let broker = TestBroker::populated().await;
    broker.told(&clinician(), ISOLATING).await;
    let receipt = broker.told(&clinician(), ISOLATING).await.response.receipt.unwrap();
    let deployment = broker.stop().await;
    let mut copy = Tampered::copy(&deployment.path(LOG)).await;
    let size = receipt.index;
    alter(
        &mut copy.connection,
        &format!(
            "DELETE FROM entry WHERE idx >= {size}; DELETE FROM head WHERE size > {size}; \
             DELETE FROM checkpoint WHERE size > {size}; DELETE FROM node WHERE (position + 1) << level > {size}"
        ),
    )
    .await;
    let verified = copy.verify(&deployment.log_key()).await.unwrap();
    let known = disown::access_log::checkpoint::Checkpoint::claimed_size(&receipt.checkpoint).unwrap();
    assert!(verified.entries < known, "the receipt's checkpoint is over more entries than there are");
}
