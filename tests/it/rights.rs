//! Restriction: begun and lifted by who is entitled to it, in force at once and after a restart, and recorded about its subject.

use crate::harness::*;
use disown::pb::{self, RestrictionGround};
use tonic::{Code, Status};

async fn restrict(broker: &TestBroker, asker: &Asker, identifier: &str, ground: i32) -> Result<pb::Receipt, Status> {
    let request = pb::RestrictRequest { terms: asker.pb_terms(), identifier: identifier.to_owned(), ground };
    let response = broker.rights().restrict(asker.request(&broker.deployment, request)).await?;
    Ok(response.into_inner().receipt.unwrap())
}

async fn lift(broker: &TestBroker, number: &str, told_on: &str) -> Result<pb::Receipt, Status> {
    let (officer, identifier) = (rights_officer(), format!("jy:{number}"));
    let subject_told_on = told_on.to_owned();
    let request = pb::LiftRestrictionRequest { terms: officer.pb_terms(), identifier, subject_told_on };
    let response = broker.rights().lift_restriction(officer.request(&broker.deployment, request)).await?;
    Ok(response.into_inner().receipt.unwrap())
}

/// Whether each of those who could see something of the subject does.
async fn seen(broker: &TestBroker, number: &str) -> Vec<bool> {
    let mut seen = Vec::new();
    for asker in [clinician(), tracer(), police()] {
        seen.push(!broker.told(&asker, number).await.answer.records.is_empty());
    }
    seen
}

#[tokio::test]
async fn a_restricted_subject_is_told_to_nobody_until_it_is_lifted() {
    let broker = TestBroker::populated().await;
    assert_eq!(seen(&broker, ISOLATING).await, [true; 3]);
    let others = seen(&broker, FREE).await;
    let receipt = broker.restrict(ISOLATING).await;
    let actor = broker.deployment.proven(&receipt);
    assert_eq!((&actor["kind"], &actor["outcome"]), (&"change".into(), &"restricted".into()));
    assert_eq!(actor["event"], "restriction: objection");
    assert_eq!(seen(&broker, ISOLATING).await, [false; 3]);
    assert_eq!(seen(&broker, FREE).await, others);

    // It outlives the broker, and a policy that is put in force meanwhile.
    let broker = broker.stop().await.serve().await;
    assert_eq!(seen(&broker, ISOLATING).await, [false; 3]);
    // Nor does it end with another one.
    broker.restrict(HEALTHY).await;
    assert_eq!(seen(&broker, ISOLATING).await, [false; 3]);
    broker.restrict(ISOLATING).await;
    let actor = broker.deployment.proven(&lift(&broker, ISOLATING, "2026-11-20").await.unwrap());
    assert_eq!((&actor["kind"], &actor["outcome"]), (&"change".into(), &"lifted".into()));
    assert_eq!(actor["event"], "restriction lifted; the subject was told on 2026-11-20");
    assert_eq!(seen(&broker, ISOLATING).await, [true; 3]);
    let broker = broker.stop().await.serve().await;
    assert_eq!(seen(&broker, ISOLATING).await, [true; 3]);
    broker.finish().await;
}

#[tokio::test]
async fn a_restriction_is_found_by_its_subject_and_names_nobody_in_the_clear() {
    let broker = TestBroker::populated().await;
    broker.restrict(ISOLATING).await;
    broker.told(&clinician(), ISOLATING).await;
    let entries = broker.entries().await;
    let of = |kind: &str| entries.iter().find(|(_, actor, _)| actor["kind"] == kind).unwrap().2.clone();
    assert_eq!(of("change")["tag"], of("release")["tag"]);
    assert_eq!(of("release")["reason"], "restricted");
    let deployment = broker.stop().await;
    assert_no_identifier(deployment.base());
}

/// What was decided before a restriction is not recorded after it, hence not released: its epoch is over.
#[tokio::test]
async fn a_restriction_opens_an_epoch_of_its_own() {
    let broker = TestBroker::populated().await;
    let epoch = |told: &Told| told.actor()["control_epoch"].as_u64().unwrap();
    let before = epoch(&broker.told(&clinician(), FREE).await);
    broker.restrict(ISOLATING).await;
    let after = broker.told(&clinician(), FREE).await;
    assert_eq!(epoch(&after), before + 1);
    lift(&broker, ISOLATING, "2026-11-21").await.unwrap();
    assert_eq!(epoch(&broker.told(&clinician(), FREE).await), before + 2);
    broker.finish().await;
}

#[tokio::test]
async fn only_who_is_entitled_restricts_and_what_is_not_in_form_changes_nothing() {
    let broker = TestBroker::populated().await;
    let objection = RestrictionGround::Objection.into();
    for asker in everybody().into_iter().filter(|asker| asker.terms.0 != "rights_officer") {
        let refused = restrict(&broker, &asker, &format!("jy:{ISOLATING}"), objection).await.err().unwrap();
        assert_eq!(refused.code(), Code::PermissionDenied, "{}", asker.caller);
    }
    let officer = rights_officer();
    for (identifier, ground) in [("jy:JY1", objection), ("", objection), ("jy:JY100001A", 0), ("jy:JY100001A", 99)] {
        let refused = restrict(&broker, &officer, identifier, ground).await.err().unwrap();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    broker.restrict(ISOLATING).await;
    for told_on in ["", "yesterday", "2026-11-22", "20261120", "2026-11-20T10:00:00"] {
        let refused = lift(&broker, ISOLATING, told_on).await.err().unwrap();
        assert_eq!(refused.code(), Code::InvalidArgument, "{told_on}");
        assert!(refused.message().starts_with("`subject_told_on`"), "{}", refused.message());
    }
    assert_eq!(seen(&broker, ISOLATING).await, [false; 3]);
    broker.finish().await;
}
