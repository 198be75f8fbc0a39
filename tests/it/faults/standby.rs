//! A primary and a synchronous standby: what a client holds a receipt for outlives the loss of either.

use super::{Outcome, Trial, held};
use crate::{
    harness::*,
    kill::{Ongoing, Received},
};
use disown::{access_log::LogState, pb};
use rustix::process::Signal;
use sqlx::Connection;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{task::block_in_place, time::sleep};
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
        block_in_place(|| {
            pair.primary().kill();
            pair.promote();
        });
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

/// What comes of a call while every wait of a role for the standby is cancelled, once there is one.
async fn while_cancelled<T>(primary: &Node, role: &str, call: impl Future<Output = T>) -> T {
    let cancel = format!(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = '{role}' AND wait_event = 'SyncRep'"
    );
    let cancelling = async {
        loop {
            block_in_place(|| primary.psql(&cancel));
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        came = call => came,
        () = cancelling => unreachable!(),
    }
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
    for cycle in 0..trial.cycles() {
        receipts.push(broker.told(&clinician(), ISOLATING).await.response);
        let before = broker.deployment.verify().await.entries;
        pair.standby().signal("walreceiver", Signal::STOP);
        let clinician = clinician();
        let asking = broker.refused(&clinician, clinician.question(ISOLATING));
        let (code, message) = while_cancelled(pair.primary(), "disown_appender", asking).await;
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
        a_batch_that_the_standby_does_not_have_is_not_told_as_stored(&broker, &pair, &format!("L{cycle}")).await;
    }
    receipts.push(broker.told(&clinician(), ISOLATING).await.response);
    let received = Received { answers: receipts, puts: vec![] };
    let outcome = held(&broker.deployment, &received).await;
    broker.finish().await;
    trial.passed(outcome);
}

async fn a_batch_that_the_standby_does_not_have_is_not_told_as_stored(broker: &TestBroker, pair: &Pair, name: &str) {
    // Its entry is on both, and its records wait: they are on one host only then.
    let mut holding = broker.deployment.as_superuser("clinical").await;
    sqlx::raw_sql("BEGIN; LOCK TABLE batch IN EXCLUSIVE MODE").execute(&mut holding).await.unwrap();
    let (registrar, primary) = (registrar(), pair.primary());
    let values = [("jy_number", ISOLATING), ("record_id", name), ("event_date", "2026-01-05"), ("code", "195967001")];
    let putting = broker.put(&registrar, "clinical.condition", &values);
    let letting_go = async {
        let waiting =
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'disown_clinical' AND wait_event_type = 'Lock'";
        block_in_place(|| primary.until("wait for the lock", || primary.psql(waiting) == "t"));
        pair.standby().signal("walreceiver", Signal::STOP);
        holding.close().await.unwrap();
    };
    let putting = async { tokio::join!(putting, letting_go).0 };
    let told = while_cancelled(primary, "disown_clinical", putting).await;
    pair.standby().signal("walreceiver", Signal::CONT);
    assert_eq!(told.err().map(|status| status.code()), Some(Code::Internal));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_lost_primary_had_is_given_up_and_nothing_follows_it() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F25", "the primary is lost with what it alone had, which brokers had read", 1, 5);
    let mut outcome = Outcome::default();
    for _ in 0..trial.cycles() {
        outcome.add(a_primary_is_lost_with_what_it_alone_had().await);
    }
    trial.passed(outcome);
}

async fn a_primary_is_lost_with_what_it_alone_had() -> Outcome {
    let pair = block_in_place(|| Arc::new(Pair::start()));
    let (first, clinician) = (Deployment::of_today_on(pair.clone()), clinician());
    let second = first.beside("broker-2");
    let command = first.command();
    let (first, one) = first.serve_apart(command).await;
    let command = second.command();
    let (second, other) = second.serve_apart(command).await;
    first.populate().await;
    let mut answers = Vec::new();
    for broker in [&first, &second] {
        answers.push(broker.told(&clinician, ISOLATING).await.response);
    }
    let both_have = first.deployment.verify().await.entries;

    // One entry that the standby never gets, which the second broker reads and follows.
    block_in_place(|| pair.standby().kill());
    let asking = first.refused(&clinician, clinician.question(FREE));
    let (code, _) = while_cancelled(pair.primary(), "disown_appender", asking).await;
    assert_eq!(code, Code::Unavailable);
    one.signal(Signal::STOP);
    assert_eq!(first.deployment.verify().await.entries, both_have + 1);
    let asking = second.refused(&clinician, clinician.question(HEALTHY));
    let losing = async {
        let waiting =
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'disown_appender' AND wait_event = 'SyncRep'";
        block_in_place(|| pair.primary().until("wait for the standby", || pair.primary().psql(waiting) == "t"));
        other.signal(Signal::STOP);
        block_in_place(|| {
            pair.primary().kill();
            pair.standby().start();
            pair.promote();
        });
        assert_eq!(first.deployment.verify().await.entries, both_have);

        // The first one notes that it can append again: there are as many entries again as the second one knows, and not the same.
        one.signal(Signal::CONT);
        first.health_becomes(ServingStatus::Serving).await;
        assert_eq!(first.deployment.verify().await.entries, both_have + 1);
        other.signal(Signal::CONT);
    };
    let ((code, _), ()) = tokio::join!(asking, losing);
    assert_eq!(code, Code::Unavailable);
    second.health_becomes(ServingStatus::Serving).await;
    for broker in [&second, &first, &second] {
        answers.push(answered(broker).await);
    }
    let outcome = held(&first.deployment, &Received { answers, puts: vec![] }).await;
    for (broker, process) in [(first, one), (second, other)] {
        assert!(process.end().await.success());
        broker.finish().await;
    }
    outcome
}

/// The answer, once connections to the lost primary are found out to be none.
async fn answered(broker: &TestBroker) -> pb::QueryResponse {
    loop {
        match broker.ask(&clinician(), clinician().question(ISOLATING)).await {
            Ok(told) => return told.response,
            Err(status) => assert_eq!(status.code(), Code::Internal, "{status:?}"),
        }
    }
}

/// What a receipt is worth, as the broker tells an auditor.
async fn durability(broker: &TestBroker) -> &'static str {
    let auditor = auditor();
    let request = pb::GetCheckpointRequest { terms: auditor.pb_terms(), size: 0 };
    let told = broker.audit().get_checkpoint(auditor.request(&broker.deployment, request)).await.unwrap();
    told.into_inner().durability().as_str_name()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receipt_is_worth_is_told_as_it_changes() {
    if !on_a_server() {
        return;
    }
    let trial =
        Trial::new("F27", "commits stop waiting for the standby, or for the disk, while the broker serves", 1, 5);
    let pair = block_in_place(|| Arc::new(Pair::start()));
    let deployment = Deployment::of_today_on(pair.clone());
    let mut command = deployment.command();
    command.env("DISOWN_TELEMETRY", "info");
    let (broker, process) = deployment.serve_apart(command).await;
    broker.populate().await;
    let said = async |what: &str, times: u64| {
        until(async || broker.deployment.telemetry().matches(what).count() as u64 == times).await;
    };
    let mut answers = Vec::new();
    for cycle in 1..=trial.cycles() {
        assert_eq!(durability(&broker).await, "DURABILITY_REPLICATED");
        said("the access log is durable on a synchronous standby too", cycle).await;
        block_in_place(|| pair.commit_with(""));
        assert_eq!(durability(&broker).await, "DURABILITY_ONE_HOST");
        said("the access log is durable on one host", cycle).await;
        answers.push(broker.told(&clinician(), ISOLATING).await.response);

        // A server that does not sync is not appended to, whenever it became one.
        block_in_place(|| sync(&pair, "off"));
        // The first finds the connection cut, the second makes a new one.
        for _ in 0..2 {
            let (code, _) = broker.refused(&clinician(), clinician().question(ISOLATING)).await;
            assert_eq!(code, Code::Unavailable);
        }
        broker.health_becomes(ServingStatus::NotServing).await;
        block_in_place(|| sync(&pair, "on"));
        broker.health_becomes(ServingStatus::Serving).await;
        block_in_place(|| pair.commit_with("standby"));
    }
    let outcome = held(&broker.deployment, &Received { answers, puts: vec![] }).await;
    assert!(process.end().await.success());
    broker.finish().await;
    trial.passed(outcome);
}

/// With connections made anew: as after a failover to a server that is set otherwise.
fn sync(pair: &Pair, whether: &str) {
    let primary = pair.primary();
    primary.psql(&format!("ALTER SYSTEM SET fsync = '{whether}'"));
    primary.psql("SELECT pg_reload_conf()");
    primary.until("reload", || primary.psql("SHOW fsync") == whether);
    primary.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'disown_appender'");
}
