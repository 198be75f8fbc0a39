//! A primary and a synchronous standby: what a client holds a receipt for outlives the loss of either.

use super::{Outcome, Trial, held};
use crate::{
    harness::*,
    kill::{Ongoing, Received},
};
use disown::access_log::LogState;
use rustix::process::Signal;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::block_in_place;
use tonic::Code;
use tonic_health::ServingStatus;

/// The first answer after a standby takes writes comes within this.
const RECOVERS_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_is_on_the_standby_that_is_promoted() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F25", "the primary is lost under load and its synchronous standby is promoted", 1, 10);
    let pair = block_in_place(|| Arc::new(Pair::start()));
    let mut broker = Deployment::on_servers(NOW.parse().unwrap(), pair.clone()).serve().await;
    broker.populate().await;
    let (mut outcome, mut slowest) = (Outcome::default(), Duration::ZERO);
    for cycle in 0..trial.cycles() {
        let load = Ongoing::begin(&broker.deployment, vec![broker.channel.clone()], &format!("{cycle}"));
        load.until_answered(60).await;
        block_in_place(|| pair.fail_over());
        let promoted = Instant::now();
        load.until_answered(1).await;
        slowest = slowest.max(promoted.elapsed());
        load.until_answered(60).await;
        let (received, refused) = load.end().await;
        println!(
            "failover {cycle}: {} answers, {} puts, {} not answered",
            received.answers.len(),
            received.puts.len(),
            refused.len()
        );
        // What came in and did not arrive is noted by a start.
        broker = broker.stop().await.serve().await;
        outcome.add(held(&broker.deployment, &received).await);
        block_in_place(|| pair.rebuild());
    }
    println!("failover: the first answer {slowest:?} after the promotion, at the latest");
    assert!(slowest < RECOVERS_WITHIN, "{slowest:?}");
    broker.health_becomes(ServingStatus::Serving).await;
    broker.finish().await;
    trial.passed(outcome);
}

/// Waits until the access log's connection waits for the standby, and has its wait cancelled.
fn cancel_the_wait(primary: &Node, role: &str) {
    let waiting = format!("FROM pg_stat_activity WHERE usename = '{role}' AND wait_event = 'SyncRep'");
    primary.until("wait for the standby", || primary.psql(&format!("SELECT count(*) > 0 {waiting}")) == "t");
    primary.psql(&format!("SELECT pg_cancel_backend(pid) {waiting}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_the_standby_does_not_have_releases_nothing() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F26", "the wait for the synchronous standby is cancelled", 1, 20);
    let pair = block_in_place(|| Arc::new(Pair::start()));
    // Who runs the server may like it quiet; the one warning that counts is asked for all the same.
    pair.primary().psql("ALTER SYSTEM SET client_min_messages = 'error'");
    pair.primary().psql("SELECT pg_reload_conf()");
    let broker = Deployment::on_servers(NOW.parse().unwrap(), pair.clone()).serve().await;
    broker.populate().await;
    let mut receipts = Vec::new();
    for _ in 0..trial.cycles() {
        receipts.push(broker.told(&clinician(), ISOLATING).await.response);
        let before = broker.deployment.verify().await.entries;
        pair.standby().signal("walreceiver", Signal::STOP);
        let (clinician, primary) = (clinician(), pair.primary());
        let asking = broker.refused(&clinician, clinician.question(ISOLATING));
        let cancelling = async { block_in_place(|| cancel_the_wait(primary, "disown_appender")) };
        let ((code, message), ()) = tokio::join!(asking, cancelling);
        assert_eq!(code, Code::Unavailable, "{message}");
        assert!(
            matches!(&*broker.log_state.borrow(), LogState::Unwritable(why) if why.contains("one host only")),
            "{:?}",
            broker.log_state.borrow()
        );
        broker.health_becomes(ServingStatus::NotServing).await;
        pair.standby().signal("walreceiver", Signal::CONT);
        broker.recovers().await;
        // It was committed, and is read on from: nothing of it was released.
        assert!(broker.deployment.verify().await.entries > before);
    }
    receipts.push(broker.told(&clinician(), ISOLATING).await.response);
    let received = Received { answers: receipts, puts: vec![] };
    let outcome = held(&broker.deployment, &received).await;
    broker.finish().await;
    trial.passed(outcome);
}
