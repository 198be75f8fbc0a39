//! `kill -9` under load: whatever a client holds a receipt for is in the log, and whatever it was told is stored is stored.

mod ledger;
mod load;
mod ongoing;

use crate::{
    faults::{Outcome, Trial},
    harness::*,
};
use disown::{
    access_log::verify::verify_log,
    entropy::{Entropy, SeededEntropy, SystemEntropy},
};
use ledger::Ledger;
pub(crate) use ledger::verify as verify_receipt;
pub(crate) use ledger::{Received, Stored};
pub(crate) use load::record;
pub(crate) use ongoing::{NOT_BEGUN, Ongoing};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_received_is_missing_after_kills_under_load() {
    let trial = Trial::new("F01", "a broker is killed under load, at any time", 4, 2_000);
    let cycles = trial.cycles();
    let seed = told("DISOWN_SEED").unwrap_or_else(|| random(&SystemEntropy) % 1_000_000_000);
    println!("kill: seed {seed} (DISOWN_SEED repeats it)");
    let entropy = SeededEntropy::new(seed);
    let deployment = Deployment::of_today();
    let command = deployment.command();
    let (mut broker, mut process) = deployment.serve_apart(command).await;
    broker.populate().await;
    let mut ledger = Ledger::default();
    let mut missing = Vec::new();
    let mut seen = 0;
    for cycle in 0..cycles {
        let load = load::begin(&broker, cycle);
        // The time of the kill is what is tried here: there is no event to wait for.
        tokio::time::sleep(Duration::from_millis(20 + random(&entropy) % 381)).await;
        process.kill();
        let received = load.end().await;
        let deployment = broker.stop().await;
        let command = deployment.command();
        (broker, process) = deployment.serve_apart(command).await;

        let verified = verify_log(&broker.deployment.reader().await, &broker.deployment.log_key())
            .await
            .unwrap_or_else(|error| panic!("cycle {cycle}, seed {seed}: {error}"));
        let stored = Stored::read(&broker.deployment, seen).await;
        missing.extend(received.missing(&stored, &broker.deployment.log_key()));
        stored.assert_accounted_for();
        seen = verified.entries;
        ledger.add(received);
    }
    // All of it once more: no later kill took away what an earlier one had left.
    let stored = Stored::read(&broker.deployment, 0).await;
    missing.extend(ledger.all.missing(&stored, &broker.deployment.log_key()));
    assert_eq!(stored.unrecorded(), 0, "seed {seed}: batches are stored that stand in no entry");
    let (answers, puts) = (ledger.all.answers.len(), ledger.all.puts.len());
    println!("kill: {cycles} cycles, {answers} answers and {puts} puts received, {} missing", missing.len());
    assert!(missing.is_empty(), "seed {seed}: {missing:#?}");
    assert!(answers > 0 && puts > 0, "nothing was received, so nothing was shown");

    a_falsified_receipt_is_reported(&ledger.all, &stored, &broker.deployment);
    assert!(process.end().await.success());
    broker.finish().await;
    trial.passed(Outcome { released: answers as u64, without_entry: missing.len() as u64 });
}

/// The check finds what is not there: each falsified receipt is reported, and only it.
fn a_falsified_receipt_is_reported(genuine: &Received, stored: &Stored, deployment: &Deployment) {
    type Falsify = fn(&mut Received);
    let falsify: [(&str, Falsify); 6] = [
        ("another actor part", |ledger| receipt(ledger).actor_part[20] ^= 1),
        ("another salt", |ledger| receipt(ledger).actor_salt[0] ^= 1),
        ("an index that is not there yet", |ledger| receipt(ledger).index += 1_000_000),
        ("the index of another entry", |ledger| receipt(ledger).index -= 1),
        ("other bytes released", |ledger| ledger.answers[0].answer.push(0)),
        ("a batch that never came in", |ledger| {
            let put = &mut ledger.puts[0].actor_part;
            let text = String::from_utf8(put.clone()).unwrap();
            let at = text.find("\"batch\":\"").unwrap() + 9;
            put[at] = if put[at] == b'0' { b'1' } else { b'0' };
        }),
    ];
    for (what, falsify) in falsify {
        let mut ledger = genuine.clone();
        falsify(&mut ledger);
        let missing = ledger.missing(stored, &deployment.log_key());
        assert_eq!(missing.len(), 1, "{what}: {missing:?}");
    }
}

fn receipt(ledger: &mut Received) -> &mut disown::pb::Receipt {
    ledger.answers[0].receipt.as_mut().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "how long a test goes on is told from outside")]
fn told(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

pub(crate) fn random(entropy: &dyn Entropy) -> u64 {
    u64::from_le_bytes(entropy.bytes().unwrap())
}
