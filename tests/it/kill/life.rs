//! One log from its beginning to its end, with many a kill in between.

use super::{
    Death, Outcome,
    ledger::{Received, Stored},
    load, random,
};
use crate::harness::*;
use disown::{access_log::merkle::Frontier, entropy::Entropy};
use std::time::Duration;

/// Each time what is new is held against what was received of it, at the end the whole against all of it.
pub(super) async fn live(cycles: u64, death: &dyn Death, entropy: &dyn Entropy) -> Outcome {
    let deployment = Deployment::of_today();
    deployment.provision().await;
    let command = death.command(&deployment);
    let (mut broker, mut process) = deployment.serve_apart(command).await;
    let key = broker.deployment.log_key();
    broker.populate().await;
    let (mut all, mut tree) = (Received::default(), Frontier::new());
    for cycle in 0..cycles {
        let load = load::begin(&broker, cycle);
        // On a busy machine a kill may come before anything is received. It may, but not every time: that would show nothing.
        if cycle == 0 {
            load.is_answered().await;
        }
        // The time of the kill is what is tried here: there is no event to wait for.
        tokio::time::sleep(Duration::from_millis(20 + random(entropy) % 381)).await;
        process.kill();
        let received = load.end().await;
        let deployment = broker.stop().await;
        death.leaves(&deployment, entropy);
        let command = death.command(&deployment);
        (broker, process) = deployment.serve_apart(command).await;

        let stored = Stored::read(&broker.deployment, tree.size()).await;
        stored.grow(&mut tree, &key);
        let missing = received.missing(&stored, &key);
        assert!(missing.is_empty(), "cycle {cycle}: {missing:#?}");
        stored.assert_accounted_for();
        all.add(received);
    }
    assert!(process.end().await.success());
    // All of it once more: no later kill took away what an earlier one had left.
    let stored = Stored::read(&broker.deployment, 0).await;
    let missing = all.missing(&stored, &key);
    assert!(missing.is_empty(), "{missing:#?}");
    assert_eq!(stored.unrecorded(), 0, "batches are stored that stand in no entry");
    assert!(!all.answers.is_empty() && !all.puts.is_empty(), "nothing was received, so nothing was shown");
    a_falsified_receipt_is_reported(&all, &stored, &broker.deployment);
    broker.finish().await;
    Outcome { released: (all.answers.len() + all.puts.len()) as u64, without_entry: missing.len() as u64 }
}

/// The check finds what is not there: each falsified receipt is reported, and only it.
fn a_falsified_receipt_is_reported(genuine: &Received, stored: &Stored, deployment: &Deployment) {
    type Falsify = fn(&mut Received);
    let falsify: [(&str, Falsify); 6] = [
        ("another actor part", |received| receipt(received).actor_part[20] ^= 1),
        ("another salt", |received| receipt(received).actor_salt[0] ^= 1),
        ("an index that is not there yet", |received| receipt(received).index += 1_000_000),
        ("the index of another entry", |received| receipt(received).index -= 1),
        ("other bytes released", |received| received.answers[0].answer.push(0)),
        ("a batch that never came in", |received| {
            let put = &mut received.puts[0].actor_part;
            let text = String::from_utf8(put.clone()).unwrap();
            let at = text.find("\"batch\":\"").unwrap() + 9;
            put[at] = if put[at] == b'0' { b'1' } else { b'0' };
        }),
    ];
    let few = Received {
        answers: genuine.answers.iter().take(20).cloned().collect(),
        puts: genuine.puts.iter().take(20).cloned().collect(),
    };
    for (what, falsify) in falsify {
        let mut falsified = few.clone();
        falsify(&mut falsified);
        let missing = falsified.missing(stored, &deployment.log_key());
        assert_eq!(missing.len(), 1, "{what}: {missing:?}");
    }
}

fn receipt(received: &mut Received) -> &mut disown::pb::Receipt {
    received.answers[0].receipt.as_mut().unwrap()
}
