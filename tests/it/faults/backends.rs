//! On PostgreSQL it is a process of the server that writes: each of its system calls fails once, or it is killed instead. The server
//! takes most of that for a reason to begin anew; the broker goes on by itself.

use super::{
    Outcome, Trial,
    strace::{Attached, Fault, Instead, may_attach},
};
use crate::{
    harness::*,
    kill::{Received, Stored},
};
use disown::access_log::merkle::Frontier;
use std::sync::Arc;
use tokio::task::block_in_place;
use tonic_health::ServingStatus;

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_killed_at_any_call_loses_nothing_that_was_received() {
    let what = "the server's process that writes is killed at a system call";
    try_each("F02", what, 3, |_| vec![Instead::Kill]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_call_of_the_writer_fails_nothing_is_released_without_its_entry() {
    let room = ["pwrite64", "pwritev", "fallocate", "ftruncate", "fdatasync", "fsync", "openat"];
    let faults = |call: &str| {
        let mut faults = vec![Instead::Error("EIO")];
        faults.extend(room.contains(&call).then_some(Instead::Error("ENOSPC")));
        faults
    };
    try_each("F03", "a system call of the server's process that writes fails, once", 4, faults).await;
}

/// As on files, on a server of its own.
async fn try_each(id: &'static str, what: &'static str, short: usize, faults: impl Fn(&str) -> Vec<Instead>) {
    if !on_a_server() {
        return;
    }
    if !may_attach() {
        return Trial::new(id, what, 0, 0).not_tried();
    }
    let server = block_in_place(|| Arc::new(Node::start_new()));
    let broker = Deployment::on_servers(NOW.parse().unwrap(), server).serve().await;
    broker.populate().await;
    let mut round = Round { tree: Frontier::new(), asked: 0, outcome: Outcome::default() };
    round.ask(&broker, &mut Received::default()).await;

    let following = Attached::to(writer(&broker).await, None);
    round.ask(&broker, &mut Received::default()).await;
    let calls = following.end().calls();
    println!("backends: {calls:?}");
    assert!(calls.contains_key("pwrite64") && calls.contains_key("fdatasync"), "the process does not write");
    let all = Fault::all(calls, faults);
    let mut trial = Trial::new(id, what, short.min(all.len()) as u64, all.len() as u64);
    let chosen = usize::try_from(trial.cycles()).unwrap();
    let mut befell = 0;
    for fault in Fault::spread(&all, chosen) {
        befell += u64::from(round.once(&broker, fault).await);
    }
    Fault::assert_most_befell(befell, chosen);
    broker.finish().await;
    trial.happened(befell);
    trial.passed(round.outcome);
}

struct Round {
    tree: Frontier,
    asked: usize,
    outcome: Outcome,
}

impl Round {
    /// Whether the fault befell a call.
    async fn once(&mut self, broker: &TestBroker, fault: &Fault) -> bool {
        let mut received = Received::default();
        let following = Attached::to(writer(broker).await, Some(fault));
        // How many calls an answer takes depends on what else is written at the time.
        for _ in 0..8 {
            self.ask(broker, &mut received).await;
            if following.befell() {
                break;
            }
        }
        let befell = following.end().befell();
        broker.health_becomes(ServingStatus::Serving).await;
        until(async || broker.ask(&clinician(), clinician().question(ISOLATING)).await.is_ok()).await;
        let stored = Stored::read(&broker.deployment, self.tree.size()).await;
        let key = broker.deployment.log_key();
        stored.grow(&mut self.tree, &key);
        let missing = received.missing(&stored, &key);
        assert!(missing.is_empty(), "{fault:?}: {missing:#?}");
        let released = (received.answers.len() + received.puts.len()) as u64;
        self.outcome.add(Outcome { released, without_entry: missing.len() as u64 });
        befell
    }

    /// Questions and a record put in, answered or not.
    async fn ask(&mut self, broker: &TestBroker, received: &mut Received) {
        for (asker, number) in [(clinician(), ISOLATING), (police(), NOBODY), (tracer(), ISOLATING)] {
            let told = broker.ask(&asker, asker.question(number)).await;
            received.answers.extend(told.map(|told| told.response));
        }
        self.asked += 1;
        let record = format!("P{}", self.asked);
        let values = [("jy_number", FREE), ("record_id", record.as_str()), ("event_date", "2026-01-05")];
        received.puts.extend(broker.put(&registrar(), "public_health.isolation", &values).await);
    }
}

/// The process of the server that writes the log of a broker.
pub(super) async fn writer(broker: &TestBroker) -> u32 {
    // After a failure the broker connects again with the next that it writes.
    until(async || broker.ask(&clinician(), clinician().question(ISOLATING)).await.is_ok()).await;
    let mut log = broker.deployment.as_superuser("control").await;
    let own = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'disown_appender'";
    let found: Vec<i32> = sqlx::query_scalar(own).fetch_all(&mut log).await.unwrap();
    assert_eq!(found.len(), 1, "one connection of a broker writes");
    u32::try_from(found[0]).unwrap()
}
