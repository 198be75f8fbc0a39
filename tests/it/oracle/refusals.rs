//! Refusals that go by the subject: they read like every other, and leave when an empty answer would.

use crate::{
    break_glass::{by_it, use_for},
    harness::*,
    limits::with_limits,
    warrant::{clinical_fields_for_the_police, document, officer},
    watch::watch,
};
use disown::pb::{QueryRequest, WatchReason, query_request::Subject};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// As often as it takes for one of them to meet no noise.
const TIMES: usize = 10;

/// A question, who asks it, and why it is refused.
struct Refused {
    why: &'static str,
    asker: Asker,
    question: QueryRequest,
}

/// A broker at which each of them is refused, those first that go by the subject, and one by nothing but its terms.
async fn with_refusals() -> (TestBroker, [Refused; 6]) {
    let deployment = Deployment::new();
    clinical_fields_for_the_police(&deployment);
    let broker = with_limits(deployment, "subjects_per_caller_per_day = 1").serve().await;
    broker.populate().await;
    let handle = broker.told(&police(), NOBODY).await.answer.handle;
    broker.watched(watch(ISOLATING, WatchReason::Protected)).await.unwrap();
    let warrant = broker.enter(document()).await;
    broker.breaks(&clinician(), use_for(&clinician(), FREE)).await.unwrap();
    let of = |why, asker: Asker, question| Refused { why, asker, question };
    let mut unfit = police();
    unfit.terms.3 = String::new();
    let refusals = [
        of("limit", police(), police().question(FREE)),
        of("second_person", sergeant(), sergeant().question(ISOLATING)),
        of("warrant", officer(), QueryRequest { warrant, ..officer().question(FREE) }),
        of("break_glass", clinician(), by_it(&clinician(), HEALTHY)),
        of(
            "handle",
            clinician(),
            QueryRequest { subject: Some(Subject::Handle(handle)), ..clinician().question(FREE) },
        ),
        of("case_reference", unfit.clone(), unfit.question(FREE)),
    ];
    (broker, refusals)
}

#[tokio::test]
async fn every_refusal_reads_the_same_whyever_it_is_one() {
    let (broker, refusals) = with_refusals().await;
    let mut told = BTreeSet::new();
    for Refused { why, asker, question } in &refusals {
        let status = broker.ask(asker, question.clone()).await.err().expect("it was answered");
        let metadata: Vec<_> = status.metadata().keys().map(|key| format!("{key:?}")).collect();
        assert_eq!(status.details(), b"", "{why}");
        told.insert(format!("{:?} {} {metadata:?}", status.code(), status.message()));
        let entries = broker.entries().await;
        let (_, actor, _) = entries.into_iter().rfind(|(_, actor, _)| actor["kind"] == "denial").unwrap();
        assert_eq!(actor["refusal"], *why);
    }
    assert_eq!(told.len(), 1, "{told:?}");
    broker.finish().await;
}

#[tokio::test]
async fn a_refusal_that_goes_by_the_subject_leaves_at_the_end_of_a_slot_and_any_other_at_once() {
    let (broker, refusals) = with_refusals().await;
    let mut quickest = [Duration::MAX; 6];
    for _ in 0..TIMES {
        for (Refused { asker, question, .. }, quickest) in refusals.iter().zip(&mut quickest) {
            let begun = Instant::now();
            assert!(broker.ask(asker, question.clone()).await.is_err());
            *quickest = begun.elapsed().min(*quickest);
        }
    }
    let [by_subject @ .., by_terms] = quickest;
    // Noise makes them later, never earlier.
    for (took, Refused { why, .. }) in by_subject.iter().zip(&refusals) {
        assert!(*took >= Duration::from_millis(25), "{why}: {took:?}");
        assert!(by_terms < *took, "{why}: {took:?}, and one by its terms {by_terms:?}");
    }
    broker.finish().await;
}
