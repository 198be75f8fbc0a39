//! Who may not read the access log, and what may not be asked of it.

use crate::harness::*;
use disown::pb;
use tonic::{Code, Request, Status};

/// What each of the four calls is told.
async fn calls(broker: &TestBroker, asker: &Asker) -> Vec<Result<(), Status>> {
    let (terms, deployment) = (asker.pb_terms(), &broker.deployment);
    let search = pb::SearchRequest { terms: terms.clone(), ..Default::default() };
    let checkpoint = pb::GetCheckpointRequest { terms: terms.clone(), size: 0 };
    let inclusion = pb::ProveInclusionRequest { terms: terms.clone(), index: 0, size: 1 };
    let consistency = pb::ProveConsistencyRequest { terms, old_size: 1, new_size: 1 };
    vec![
        broker.audit().search(asker.request(deployment, search)).await.map(drop),
        broker.audit().get_checkpoint(asker.request(deployment, checkpoint)).await.map(drop),
        broker.audit().prove_inclusion(asker.request(deployment, inclusion)).await.map(drop),
        broker.audit().prove_consistency(asker.request(deployment, consistency)).await.map(drop),
    ]
}

#[tokio::test]
async fn only_auditors_read_the_access_log_and_attempts_are_recorded() {
    let broker = TestBroker::populated().await;
    // In its own terms, and in those of an auditor with a token that does not hold the role or the organisation.
    let mut posing = clinician();
    posing.terms = auditor().terms;
    let mut posing_in_role = posing.clone();
    posing_in_role.roles = auditor().roles;
    let askers = [clinician(), tracer(), police(), statistician(), clerk(), registrar(), posing, posing_in_role];
    for asker in &askers {
        for told in calls(&broker, asker).await {
            let status = told.err().unwrap();
            assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "permission denied"));
        }
    }
    assert!(calls(&broker, &auditor()).await.iter().all(Result::is_ok));
    let denials = broker.entries().await.into_iter().filter(|(_, actor, _)| actor["kind"] == "denial").count();
    assert_eq!(denials, 4 * askers.len());
    broker.finish().await;
}

#[tokio::test]
async fn a_filter_that_could_name_a_subject_is_refused_and_recorded_nowhere() {
    let broker = TestBroker::empty().await;
    let mark = "MARK-OF-A-FILTER";
    let named = format!("{mark}-{ISOLATING}");
    let (lower, visitor, long) =
        (named.to_lowercase(), format!("{mark} V0000123"), format!("{mark}{}", "x".repeat(128)));
    let (escape, line) = (format!("{mark}\u{1b}[2J"), format!("{mark}\n[AUDIT] released"));
    let mut calls = 0;
    for value in [&named, &lower, &visitor, &long, &escape, &line] {
        let filtered =
            |filter| pb::SearchRequest { filter: Some(filter), terms: auditor().pb_terms(), ..Default::default() };
        let fresh = || pb::SearchRequest { terms: auditor().pb_terms(), ..Default::default() };
        let value = || value.to_owned();
        for request in [
            filtered(pb::LogFilter { caller: value(), ..Default::default() }),
            filtered(pb::LogFilter { organisation: value(), ..Default::default() }),
            filtered(pb::LogFilter { purpose: value(), ..Default::default() }),
            filtered(pb::LogFilter { agreement: value(), ..Default::default() }),
            filtered(pb::LogFilter { outcome: value(), ..Default::default() }),
            filtered(pb::LogFilter { kind: value(), ..Default::default() }),
            filtered(pb::LogFilter { from: value(), ..Default::default() }),
            pb::SearchRequest { page: value(), ..fresh() },
        ] {
            let status = broker.audit().search(auditor().request(&broker.deployment, request)).await.err().unwrap();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(!status.message().contains(mark));
            calls += 1;
        }
    }
    let entries = broker.entries().await;
    assert_eq!(entries.iter().filter(|(_, actor, _)| actor["outcome"] == "invalid").count(), calls);
    assert!(entries.iter().all(|(_, actor, _)| !actor.to_string().to_uppercase().contains(mark)));
    broker.finish().await;
}

#[tokio::test]
async fn attempts_of_nobody_known_are_counted_and_recorded_once() {
    let broker = TestBroker::empty().await;
    for attempt in 0..7 {
        let request = pb::GetCheckpointRequest { terms: auditor().pb_terms(), size: 0 };
        let request = if attempt == 0 { Request::new(request) } else { with_token("a.b.c", request) };
        let status = broker.audit().get_checkpoint(request).await.err().unwrap();
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "not authenticated"));
    }
    // What was not recorded by the minute is recorded at the end.
    let broker = broker.stop().await.serve().await;
    let recorded: Vec<_> =
        broker.entries().await.into_iter().filter(|(_, actor, _)| actor["outcome"] == "unauthenticated").collect();
    let events: Vec<_> = recorded.iter().map(|(_, actor, _)| actor["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["7 unauthenticated attempts from 127.0.0.1"]);
    assert!(recorded[0].1.get("caller").is_none());
    broker.finish().await;
}
