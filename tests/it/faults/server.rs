//! The one server of a deployment: killed and started again, made read-only, and left alone by clients who hang up.

use super::{Outcome, Trial, held};
use crate::{
    harness::*,
    kill::{Ongoing, Received, random, record},
};
use disown::{access_log::LogState, entropy::SystemEntropy};
use futures_util::future::join_all;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::block_in_place;
use tonic::Code;
use tonic_health::ServingStatus;

/// A broker goes on so soon after its server answers again.
const RECOVERS_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_started_again_is_used_again() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F24", "the server is killed under load and started again", 1, 20);
    let server = block_in_place(|| Arc::new(Node::start_new()));
    let mut broker = Deployment::on_servers(NOW.parse().unwrap(), server.clone()).serve().await;
    broker.populate().await;
    let (mut outcome, mut slowest) = (Outcome::default(), Duration::ZERO);
    for cycle in 0..trial.cycles() {
        let load = Ongoing::begin(&broker.deployment, vec![broker.channel.clone()], &format!("{cycle}"));
        load.until_answered(60).await;
        block_in_place(|| server.kill());
        broker.health_becomes(ServingStatus::NotServing).await;
        block_in_place(|| server.start());
        let started = Instant::now();
        load.until_answered(1).await;
        slowest = slowest.max(started.elapsed());
        load.until_answered(60).await;
        let (received, _) = load.end().await;
        // What came in and did not arrive is noted by a start.
        broker = broker.stop().await.serve().await;
        outcome.add(held(&broker.deployment, &received).await);
    }
    // With nobody asking, too.
    block_in_place(|| server.kill());
    broker.health_becomes(ServingStatus::NotServing).await;
    block_in_place(|| server.start());
    broker.health_becomes(ServingStatus::Serving).await;
    println!("server: the first answer {slowest:?} after it was started, at the latest");
    assert!(slowest < RECOVERS_WITHIN, "{slowest:?}");
    broker.finish().await;
    trial.passed(outcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_writes_any_more_is_not_released_on() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F28", "the server becomes read-only, and writable again", 1, 20);
    let pair = block_in_place(|| Arc::new(Pair::start()));
    let server = pair.primary();
    let read_only = |whether: &str| {
        server.psql(&format!("ALTER SYSTEM SET default_transaction_read_only = '{whether}'"));
        server.psql("SELECT pg_reload_conf()");
        server.until("reload", || server.psql("SHOW default_transaction_read_only") == whether);
    };
    let broker = Deployment::on_servers(NOW.parse().unwrap(), pair.clone()).serve().await;
    broker.populate().await;
    let mut answers = Vec::new();
    for _ in 0..trial.cycles() {
        answers.push(broker.told(&clinician(), ISOLATING).await.response);
        block_in_place(|| read_only("on"));
        for _ in 0..3 {
            let (code, _) = broker.refused(&clinician(), clinician().question(ISOLATING)).await;
            assert_eq!(code, Code::Unavailable);
        }
        assert!(matches!(&*broker.log_state.borrow(), LogState::Unwritable(_)));
        broker.health_becomes(ServingStatus::NotServing).await;
        block_in_place(|| read_only("off"));
        broker.recovers().await;
    }
    // It stays so, and another one takes writes instead: a connection that still stands is no reason not to go there.
    block_in_place(|| {
        read_only("on");
        pair.promote();
    });
    broker.refused(&clinician(), clinician().question(ISOLATING)).await;
    broker.recovers().await;
    answers.push(broker.told(&clinician(), ISOLATING).await.response);
    let outcome = held(&broker.deployment, &Received { answers, puts: vec![] }).await;
    broker.finish().await;
    trial.passed(outcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_who_hang_up_leave_no_transaction_open_and_nobody_elses_answer_behind() {
    const AT_ONCE: u64 = 25;
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F23", "clients hang up at any time, while they ask or put something in", 200, 10_000);
    let broker = Deployment::on(Engine::Postgres).serve().await;
    broker.populate().await;
    let mut alone = Vec::new();
    let about = |at: usize| [ISOLATING, FREE, HEALTHY, NOBODY][at % 4];
    for at in 0..4 {
        alone.push(broker.told(&clinician(), about(at)).await.response.answer);
    }
    let (mut received, mut hung_up) = (Received::default(), 0);
    for storm in 0..trial.cycles() / AT_ONCE {
        let calls = join_all((0..AT_ONCE).map(|at| {
            let broker = &broker;
            async move {
                // From before it is sent until after it is answered.
                let patience = Duration::from_micros(random(&SystemEntropy) % 60_000);
                if at.is_multiple_of(5) {
                    let request = clerk().request(&broker.deployment, record(&clerk(), &format!("storm-{storm}"), at));
                    tokio::time::timeout(patience, broker.intake().put(request)).await.is_err()
                } else {
                    let clinician = clinician();
                    let asking = broker.ask(&clinician, clinician.question(about(at as usize)));
                    tokio::time::timeout(patience, asking).await.is_err()
                }
            }
        }))
        .await;
        hung_up += calls.into_iter().filter(|hung_up| *hung_up).count();
        for (at, alone) in alone.iter().enumerate() {
            let told = broker.told(&clinician(), about(at)).await.response;
            assert!(told.answer == *alone, "another answer than to the same question alone");
            received.answers.push(told);
        }
    }
    println!("storm: {hung_up} of {} hung up", trial.cycles());
    assert!(hung_up > 0);
    for database in ["control", "people", "clinical", "public_health"] {
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        until(async || broker.deployment.count(database, open).await == 0).await;
    }
    let broker = broker.stop().await.serve().await;
    let outcome = held(&broker.deployment, &received).await;
    broker.finish().await;
    trial.passed(outcome);
}
