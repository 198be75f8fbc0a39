//! Limits of a day: how many subjects and records are told, to a caller, to an organisation, under an agreement. By the entries of the
//! access log, so whichever broker is asked and however often it starts.

use crate::harness::*;
use disown::pb::QueryRequest;
use futures_util::future::join_all;
use jiff::{ToSpan, tz::TimeZone};
use tonic::{Code, Status};

/// The police's agreement with these limits.
async fn limited(limits: &str) -> TestBroker {
    let broker = with_limits(Deployment::new(), limits).serve().await;
    broker.populate().await;
    broker
}

pub fn with_limits(deployment: Deployment, limits: &str) -> Deployment {
    let known = "limits = { subjects_per_caller_per_day = 60, subjects_per_organisation_per_day = 1000 }";
    deployment.edit("policies/agreements/sojp-isolation.toml", known, &format!("limits = {{ {limits} }}"));
    deployment
}

pub fn constable(name: &str) -> Asker {
    Asker { caller: name.to_owned(), ..police() }
}

/// A number about which nothing is held.
pub fn unheld(nth: usize) -> String {
    format!("JY{:06}B", 700_000 + nth)
}

impl TestBroker {
    async fn above_the_limit(&self, asker: &Asker, number: &str) {
        assert_eq!(
            self.refused(asker, asker.question(number)).await,
            (Code::PermissionDenied, "permission denied".to_owned())
        );
        let entries = self.entries().await;
        let (_, actor, subject) = entries.iter().rev().find(|(_, actor, _)| actor["kind"] == "denial").unwrap();
        assert_eq!((actor["refusal"].as_str(), actor["caller"].as_str()), (Some("limit"), Some(asker.caller.as_str())));
        assert_eq!(subject["alarms"], serde_json::json!(["limit"]), "{subject}");
    }
}

#[tokio::test]
async fn a_caller_asks_about_so_many_subjects_in_a_day_held_or_not() {
    let broker = limited("subjects_per_caller_per_day = 3").await;
    for number in [ISOLATING, &unheld(1), NOBODY, ISOLATING, &unheld(1)] {
        broker.told(&police(), number).await;
    }
    for number in [FREE, HEALTHY, &unheld(2)] {
        broker.above_the_limit(&police(), number).await;
    }
    // About whom it asked today it may ask again; that is told to nobody who does not know it.
    let again = broker.told(&police(), ISOLATING).await;
    assert!(!again.answer.records.is_empty());
    let by_handle = disown::pb::query_request::Subject::Handle(again.answer.handle.clone());
    let question = QueryRequest { subject: Some(by_handle), ..police().question(ISOLATING) };
    broker.ask(&police(), question).await.unwrap();
    // Nobody else's are used up.
    broker.told(&constable("pc.other"), FREE).await;
    broker.told(&sergeant(), FREE).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_limit_outlives_the_broker_and_ends_with_the_islands_day() {
    let broker = limited("subjects_per_caller_per_day = 2").await;
    let tomorrow = today().saturating_add(1.day());
    let midnight = tomorrow.to_zoned(TimeZone::get("Europe/Jersey").unwrap()).unwrap().timestamp();
    for number in [ISOLATING, FREE] {
        broker.told(&police(), number).await;
    }
    broker.above_the_limit(&police(), NOBODY).await;
    let deployment = broker.stop().await;
    deployment.clock.set(midnight - 1.second());
    let broker = deployment.serve().await;
    broker.above_the_limit(&police(), NOBODY).await;
    broker.deployment.clock.set(midnight);
    // Neither was asked about the day before.
    for number in [NOBODY, HEALTHY] {
        broker.told(&police(), number).await;
    }
    // A start counts the entries of its day and none before.
    let deployment = broker.stop().await;
    let broker = deployment.serve().await;
    broker.told(&police(), NOBODY).await;
    broker.above_the_limit(&police(), FREE).await;
    let deployment = broker.stop().await;
    deployment.clock.set(midnight + 24.hours());
    let broker = deployment.serve().await;
    for number in [FREE, HEALTHY] {
        broker.told(&police(), number).await;
    }
    broker.above_the_limit(&police(), NOBODY).await;
    broker.finish().await;
}

#[tokio::test]
async fn what_a_colleague_asked_about_is_no_ones_to_find_out() {
    for first_asks_about in [FREE, NOBODY] {
        let broker = limited("subjects_per_organisation_per_day = 3").await;
        broker.told(&police(), first_asks_about).await;
        let (other, third) = (constable("pc.other"), constable("pc.third"));
        broker.told(&other, FREE).await;
        broker.told(&other, HEALTHY).await;
        // As many subjects are used up by that whether or not the two asked about the same one.
        for number in [FREE, NOBODY, ISOLATING] {
            broker.above_the_limit(&third, number).await;
        }
        // Another organisation has limits of its own, another agreement too.
        broker.told(&parish_officer(), FREE).await;
        broker.finish().await;
    }
}

#[tokio::test]
async fn records_are_counted_too_and_what_is_held_on_a_subject_denies_nothing() {
    let broker = limited("records_per_caller_per_day = 3, records_per_day = 4").await;
    let told = broker.told(&police(), ISOLATING).await.answer.records.len();
    assert_eq!(told, 2, "a person and an order");
    // One more is allowed, and two come: a denial that went by what is held would tell of it.
    broker.told(&police(), ISOLATING).await;
    for number in [ISOLATING, NOBODY] {
        broker.above_the_limit(&police(), number).await;
    }
    broker.above_the_limit(&sergeant(), NOBODY).await;
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_are_told_however_many_ask_at_once() {
    let broker = limited("subjects_per_caller_per_day = 5").await;
    broker.told(&police(), &unheld(0)).await;
    let (asker, numbers) = (police(), (1..=40).map(unheld).collect::<Vec<_>>());
    let asked = numbers.iter().map(|number| broker.ask(&asker, asker.question(number)));
    assert_eq!(told(join_all(asked).await), 4);
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_brokers_have_one_limit() {
    if !on_a_server() {
        return;
    }
    let first = with_limits(Deployment::on(Engine::Postgres), "subjects_per_caller_per_day = 20");
    let others: Vec<_> = (2..=3).map(|at| first.beside(&format!("broker-{at}"))).collect();
    let mut brokers = vec![first.serve().await];
    for other in others {
        brokers.push(other.serve().await);
    }
    let (asker, numbers) = (police(), (0..90).map(unheld).collect::<Vec<_>>());
    for (at, broker) in brokers.iter().enumerate() {
        // Each of them: a connection that is new knows not yet how much it may ask at once.
        broker.told(&asker, &numbers[at]).await;
    }
    let asked =
        numbers.iter().enumerate().skip(3).map(|(at, number)| brokers[at % 3].ask(&asker, asker.question(number)));
    assert_eq!(told(join_all(asked).await), 17);
    for broker in &brokers {
        broker.above_the_limit(&asker, NOBODY).await;
    }
    for broker in brokers {
        broker.finish().await;
    }
}

/// How many were told; all others were refused.
fn told(outcomes: Vec<Result<Told, Status>>) -> usize {
    let refused = |outcome: &Result<Told, Status>| {
        outcome.as_ref().err().is_some_and(|status| status.code() == Code::PermissionDenied)
    };
    let (refused, told): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(refused);
    assert!(told.iter().all(Result::is_ok), "refused for another reason");
    assert!(!refused.is_empty());
    told.len()
}

/// A33: somebody tries one number after the other.
#[tokio::test]
async fn whoever_tries_numbers_is_stopped_after_sixty() {
    let broker = TestBroker::populated().await;
    for nth in 0..60 {
        broker.told(&police(), &unheld(nth)).await;
    }
    for nth in 60..63 {
        broker.above_the_limit(&police(), &unheld(nth)).await;
    }
    broker.finish().await;
}
