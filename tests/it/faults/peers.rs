//! Several brokers, each a process of its own, on one log: killed, stopped, ended and started while all of them append.

use super::{Outcome, Trial, held};
use crate::{
    harness::*,
    kill::{NOT_BEGUN, Ongoing, random},
};
use disown::entropy::SystemEntropy;
use rustix::process::Signal;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tonic::{Code, transport::Channel};

/// Brokers, each with its process.
struct Peers(Vec<Option<(TestBroker, Process)>>);

impl Peers {
    /// So many, on the same databases.
    async fn start(count: usize) -> Self {
        let first = Deployment::of_today();
        let others: Vec<_> = (2..=count).map(|at| first.beside(&format!("broker-{at}"))).collect();
        let mut peers = Vec::new();
        for deployment in std::iter::once(first).chain(others) {
            let command = deployment.command();
            peers.push(Some(deployment.serve_apart(command).await));
        }
        let peers = Self(peers);
        peers.broker(0).populate().await;
        peers
    }

    fn broker(&self, at: usize) -> &TestBroker {
        &self.0[at].as_ref().unwrap().0
    }

    fn process(&self, at: usize) -> &Process {
        &self.0[at].as_ref().unwrap().1
    }

    fn load(&self, name: &str) -> Ongoing {
        let channels = (0..self.0.len()).map(|at| self.broker(at).channel.clone()).collect();
        Ongoing::begin(&self.broker(0).deployment, channels, name)
    }

    /// Ends one as `end` does, and starts it again. It is somewhere else then.
    async fn restart(&mut self, at: usize, end: impl AsyncFnOnce(Process)) -> Channel {
        let (broker, process) = self.0[at].take().unwrap();
        end(process).await;
        let deployment = broker.stop().await;
        let command = deployment.command();
        self.0[at] = Some(deployment.serve_apart(command).await);
        self.broker(at).channel.clone()
    }

    /// What clients hold is held against the log once all have ended, as they must: within ten seconds, and well.
    async fn finish(mut self, load: Ongoing) -> (Outcome, Vec<(Code, String)>) {
        let (received, refused) = load.end().await;
        for at in 0..self.0.len() {
            // A batch that did not arrive is noted by the next start of the same broker.
            self.restart(at, end).await;
        }
        let outcome = held(&self.broker(0).deployment, &received).await;
        for (broker, process) in self.0.into_iter().flatten() {
            end(process).await;
            broker.finish().await;
        }
        println!(
            "peers: {} answers, {} puts, {} not answered",
            received.answers.len(),
            received.puts.len(),
            refused.len()
        );
        (outcome, refused)
    }
}

async fn end(process: Process) {
    let told = Instant::now();
    assert!(process.end().await.success());
    assert!(told.elapsed() < Duration::from_secs(10), "it took {:?} to end", told.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_brokers_any_may_be_killed_at_any_time() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F21", "of three brokers one is killed under load, at any time", 3, 100);
    let mut peers = Peers::start(3).await;
    let load = peers.load("0");
    for _ in 0..trial.cycles() {
        sleep(Duration::from_millis(100 + random(&SystemEntropy) % 600)).await;
        let one = (random(&SystemEntropy) % 3) as usize;
        load.moved(one, peers.restart(one, async |mut process| process.kill()).await);
    }
    load.until_answered(30).await;
    trial.passed(peers.finish(load).await.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stood_still_while_others_appended_reads_on() {
    if !on_a_server() {
        return;
    }
    let trial =
        Trial::new("F20", "a broker is stopped past every limit of time while others append, and goes on", 1, 20);
    // Longer than a transaction that does nothing is let live, than a lock is waited for, and than a commit is.
    let stopped = if trial.cycles() == 1 { Duration::from_secs(1) } else { Duration::from_secs(12) };
    let peers = Peers::start(3).await;
    let load = peers.load("0");
    for cycle in 0..trial.cycles() {
        load.until_answered(20).await;
        let one = peers.process((cycle % 3) as usize);
        one.signal(Signal::STOP);
        let began = Instant::now();
        load.until_answered(20).await;
        sleep(stopped.saturating_sub(began.elapsed())).await;
        one.signal(Signal::CONT);
        peers.broker((cycle % 3) as usize).told(&clinician(), ISOLATING).await;
    }
    trial.passed(peers.finish(load).await.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_are_restarted_one_after_the_other_leave_nothing_unrecorded_and_tear_no_answer() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F45", "three brokers are ended under load and started again, one after the other", 1, 10);
    let mut peers = Peers::start(3).await;
    let load = peers.load("0");
    for _ in 0..trial.cycles() {
        for one in 0..3 {
            load.until_answered(20).await;
            load.moved(one, peers.restart(one, end).await);
        }
    }
    let (outcome, refused) = peers.finish(load).await;
    // Who asked a broker that ends finds nobody there, and is told nothing else.
    let nobody_there = |code: Code, said: &str| match code {
        Code::Unavailable => !said.contains("access log"),
        code => code == Code::Cancelled || said == NOT_BEGUN,
    };
    let told = refused.iter().find(|(code, said)| !nobody_there(*code, said));
    assert!(told.is_none(), "{told:?}");
    trial.passed(outcome);
}
