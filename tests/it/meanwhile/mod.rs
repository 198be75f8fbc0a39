//! What is in force changes while somebody asks, between any two stages of the request: nothing is released under what is no longer
//! in force when its entry is appended.

mod change;

use crate::{harness::*, warrant::clinical_fields_for_the_police};
use change::{ALL, Affected, Change};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tonic::{Code, Status};

/// A change before one of these comes after the decision and before the entry.
const BETWEEN: [&str; 7] = ["authorise", "plan", "translate", "fetch", "link", "redact", "record"];
const PATIENCE: Duration = Duration::from_secs(30);

/// A broker that answers, one at which changes are made, and where requests to them can be kept.
struct Brokers {
    answering: Arc<TestBroker>,
    changing: Arc<TestBroker>,
    halts: Halts,
}

impl Brokers {
    /// Both are one.
    async fn one(halts: Halts) -> Self {
        let deployment = Deployment::new();
        clinical_fields_for_the_police(&deployment);
        let broker = Arc::new(deployment.serve().await);
        broker.populate().await;
        Self { answering: broker.clone(), changing: broker, halts }
    }

    /// Two on one log.
    async fn two(halts: Halts) -> Self {
        let first = Deployment::on(Engine::Postgres);
        clinical_fields_for_the_police(&first);
        let second = first.beside("broker-2");
        let answering = Arc::new(first.serve().await);
        answering.populate().await;
        Self { answering, changing: Arc::new(second.serve().await), halts }
    }

    /// Asks, and has something changed when the request comes to a stage. What the request came to, and what one after it does.
    async fn ask(&self, change: Change, stage: &'static str) -> [Result<Told, Status>; 2] {
        let Self { answering, changing, halts } = self;
        let affected = change.affects(answering).await;
        let before = self.ask_until_known(&affected).await;
        assert!(!change.is_after(&before), "{change:?} is made already");
        let mut halted = halts.before(stage);
        let meanwhile = async {
            let reached = tokio::time::timeout(PATIENCE, &mut halted.reached).await;
            reached.unwrap_or_else(|_| panic!("no request comes to `{stage}`")).unwrap();
            change.make(changing, &affected).await;
            drop(halted);
        };
        let (outcome, ()) = tokio::join!(answering.ask(&affected.asker, affected.question.clone()), meanwhile);
        let again = self.ask_until_known(&affected).await;
        if change.undo(changing).await {
            // The other broker hears of it in a while.
            until(async || !change.is_after(&self.ask_until_known(&affected).await)).await;
        }
        [outcome, again]
    }

    /// Asks for as long as it is told to try again: a broker follows another one.
    async fn ask_until_known(&self, affected: &Affected) -> Result<Told, Status> {
        let begun = Instant::now();
        loop {
            let outcome = self.answering.ask(&affected.asker, affected.question.clone()).await;
            if !is_told_to_try_again(&outcome) {
                return outcome;
            }
            assert!(begun.elapsed() < PATIENCE, "the broker does not follow");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// No entry names an epoch that was over when it was appended.
    async fn finish(self) {
        let Self { answering, changing, .. } = self;
        let (mut epoch, mut releases) = (0, 0);
        for (index, actor, _) in answering.entries().await {
            if actor["kind"] == "release" {
                assert_eq!(actor["control_epoch"], epoch, "entry {index}");
                releases += 1;
            }
            epoch += u64::from(opens_epoch(&actor));
        }
        println!("{releases} answers, each of the epoch in which its entry was appended, in {epoch} epochs");
        for broker in [Arc::into_inner(answering), Arc::into_inner(changing)].into_iter().flatten() {
            broker.finish().await;
        }
    }
}

/// Whether something else is in force after an entry than before it.
fn opens_epoch(actor: &serde_json::Value) -> bool {
    let event = actor["event"].as_str().unwrap_or_default();
    let administers = actor["kind"] == "administration"
        && ["policy ", "agreement:", "dataset:", "warrant "].iter().any(|what| event.starts_with(what));
    let uses_a_warrant = actor["kind"] == "release" && actor.get("warrant").is_some();
    administers || uses_a_warrant || actor["kind"] == "change"
}

fn is_told_to_try_again(outcome: &Result<Told, Status>) -> bool {
    let Err(status) = outcome else { return false };
    let told = "the policy changed while the request was under way; try again";
    status.code() == Code::Unavailable && status.message() == told && status.details().is_empty()
}

/// Before a request is decided, and between any two of its stages.
async fn changed_before_the_entry(brokers: &Brokers) {
    for change in ALL {
        for stage in BETWEEN {
            let [outcome, again] = brokers.ask(change, stage).await;
            assert!(is_told_to_try_again(&outcome), "{change:?} before `{stage}`: answered, or otherwise refused");
            assert!(change.is_after(&again), "{change:?} before `{stage}`: as if nothing had changed");
        }
    }
}

/// What was recorded before the change was told rightly.
async fn changed_after_the_entry(brokers: &Brokers) {
    for change in ALL {
        let [outcome, again] = brokers.ask(change, "release").await;
        assert!(!change.is_after(&outcome), "{change:?} after the entry");
        assert!(change.is_after(&again), "{change:?} after the entry: as if nothing had changed");
    }
}

#[test]
fn what_changes_between_two_stages_of_a_request_keeps_it_from_being_answered() {
    let (runtime, halts) = Halts::runtime();
    runtime.block_on(async {
        let brokers = Brokers::one(halts).await;
        changed_before_the_entry(&brokers).await;
        brokers.finish().await;
    });
}

#[test]
fn what_changes_before_the_decision_is_decided_by_and_what_changes_after_the_entry_is_not() {
    let (runtime, halts) = Halts::runtime();
    runtime.block_on(async {
        let brokers = Brokers::one(halts).await;
        for change in ALL {
            for outcome in brokers.ask(change, "query").await {
                assert!(change.is_after(&outcome), "{change:?} before the decision");
            }
        }
        changed_after_the_entry(&brokers).await;
        brokers.finish().await;
    });
}

/// It learns of the change only when it appends: the last moment of all is that before the commit.
#[test]
fn what_changes_at_another_broker_keeps_a_request_from_being_answered_up_to_its_commit() {
    let (runtime, halts) = Halts::runtime();
    runtime.block_on(async {
        let brokers = Brokers::two(halts).await;
        changed_before_the_entry(&brokers).await;
        for change in ALL {
            let [outcome, again] = brokers.ask(change, "commit").await;
            assert!(is_told_to_try_again(&outcome), "{change:?} before the commit");
            assert!(change.is_after(&again), "{change:?} before the commit: as if nothing had changed");
        }
        changed_after_the_entry(&brokers).await;
        brokers.finish().await;
    });
}
