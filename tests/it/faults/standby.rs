//! A primary and a synchronous standby: what a client holds a receipt for outlives the loss of either.

use super::{Outcome, Trial, held};
use crate::{harness::*, kill::Ongoing};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::block_in_place;
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
