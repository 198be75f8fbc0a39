//! Restrictions: begun, listed and lifted one by one by who is entitled to it, in force at once and after a restart, and recorded about
//! their subject.

use crate::harness::*;
use disown::pb::{self, RestrictionGround};
use jiff::{Timestamp, ToSpan};
use prost::Message;
use serde_json::Value;
use tonic::{Code, Status};

async fn restrict(
    broker: &TestBroker,
    asker: &Asker,
    identifier: &str,
    ground: i32,
) -> Result<pb::RestrictResponse, Status> {
    let request = pb::RestrictRequest { terms: asker.pb_terms(), identifier: identifier.to_owned(), ground };
    Ok(broker.rights().restrict(asker.request(&broker.deployment, request)).await?.into_inner())
}

/// Restricts on that ground, and gives the id.
async fn restricted(broker: &TestBroker, number: &str, ground: RestrictionGround) -> String {
    restrict(broker, &rights_officer(), &format!("jy:{number}"), ground.into()).await.unwrap().id
}

/// Id, ground and day of each restriction that stands.
async fn standing(broker: &TestBroker, number: &str) -> Vec<(String, &'static str, String)> {
    let listed = broker.restrictions(&rights_officer(), number).await.unwrap();
    let restrictions = pb::Restrictions::decode(listed.answer.as_slice()).unwrap();
    assert!(!restrictions.unclear);
    restrictions.in_force.iter().map(|one| (one.id.clone(), one.ground().as_str_name(), one.since.clone())).collect()
}

/// Whether each of those who could see something of the subject does.
async fn seen(broker: &TestBroker, number: &str) -> Vec<bool> {
    let mut seen = Vec::new();
    for asker in [clinician(), tracer(), police()] {
        seen.push(!broker.told(&asker, number).await.answer.records.is_empty());
    }
    seen
}

/// That a lift is refused, by which argument, and that this stands in the access log.
async fn not_lifted(broker: &TestBroker, number: &str, id: &str, told_on: &str, argument: &str) {
    let refused = broker.lift(number, id, told_on).await.err().unwrap_or_else(|| panic!("lifted: {id}, {told_on}"));
    assert_eq!(refused.code(), Code::InvalidArgument, "{id}, {told_on}: {refused:?}");
    assert!(refused.message().starts_with(&format!("`{argument}`: ")), "{}", refused.message());
    let (_, actor, _) =
        broker.entries().await.into_iter().rev().find(|(_, actor, _)| actor["kind"] == "denial").unwrap();
    assert_eq!((&actor["outcome"], &actor["refusal"]), (&"invalid".into(), &Value::from(argument)));
    assert_eq!((&actor["caller"], &actor["role"]), (&"ro.de-gruchy".into(), &"rights_officer".into()));
}

#[tokio::test]
async fn a_restricted_subject_is_told_to_nobody_until_it_is_lifted() {
    let broker = TestBroker::populated().await;
    assert_eq!(seen(&broker, ISOLATING).await, [true; 3]);
    let others = seen(&broker, FREE).await;
    let pb::RestrictResponse { id, receipt } = broker.restrict(ISOLATING).await;
    let actor = broker.deployment.proven(&receipt.unwrap());
    assert_eq!((&actor["kind"], &actor["outcome"]), (&"change".into(), &"restricted".into()));
    assert_eq!(actor["event"], format!("restriction {id}: objection"));
    assert_eq!(seen(&broker, ISOLATING).await, [false; 3]);
    assert_eq!(seen(&broker, FREE).await, others);

    // It outlives the broker, and a policy that is put in force meanwhile.
    let broker = broker.stop().await.serve().await;
    assert_eq!(seen(&broker, ISOLATING).await, [false; 3]);
    // Nor does it end with another one.
    broker.restrict(HEALTHY).await;
    assert_eq!(seen(&broker, ISOLATING).await, [false; 3]);
    let actor = broker.deployment.proven(&broker.lift(ISOLATING, &id, "2026-11-21").await.unwrap());
    assert_eq!((&actor["kind"], &actor["outcome"]), (&"change".into(), &"lifted".into()));
    assert_eq!(actor["event"], format!("restriction {id} lifted; the subject was told on 2026-11-21"));
    assert_eq!(seen(&broker, ISOLATING).await, [true; 3]);
    let broker = broker.stop().await.serve().await;
    assert_eq!(seen(&broker, ISOLATING).await, [true; 3]);
    broker.finish().await;
}

/// On two grounds, and twice on one: what is lifted for the one does not end the other.
#[tokio::test]
async fn while_one_restriction_stands_the_subject_is_restricted() {
    let broker = TestBroker::populated().await;
    let grounds = [RestrictionGround::Objection, RestrictionGround::LegalClaims, RestrictionGround::Objection];
    let mut ids = Vec::new();
    for ground in grounds {
        ids.push(restricted(&broker, ISOLATING, ground).await);
    }
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{ids:?}");
    let other = restricted(&broker, FREE, RestrictionGround::Objection).await;
    let broker = broker.stop().await.serve().await;
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(seen(&broker, ISOLATING).await, [false; 3], "{at} of three lifted");
        let left = ids[at..].iter().zip(&grounds[at..]).map(|(id, ground)| (id.clone(), ground.as_str_name()));
        let mut left: Vec<_> = left.collect();
        let mut listed: Vec<_> =
            standing(&broker, ISOLATING).await.into_iter().map(|(id, ground, _)| (id, ground)).collect();
        left.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, left);
        broker.lift(ISOLATING, id, "2026-11-21").await.unwrap();
    }
    assert_eq!(seen(&broker, ISOLATING).await, [true; 3]);
    assert!(standing(&broker, ISOLATING).await.is_empty());
    assert_eq!(
        standing(&broker, FREE).await,
        [(other, RestrictionGround::Objection.as_str_name(), today().to_string())]
    );
    assert_eq!(seen(&broker, FREE).await, [false; 3]);
    broker.finish().await;
}

#[tokio::test]
async fn what_does_not_stand_is_not_lifted() {
    let broker = TestBroker::populated().await;
    let never = "r-0123456789abcdef";
    not_lifted(&broker, ISOLATING, never, "2026-11-21", "restriction").await;
    let objection = restricted(&broker, ISOLATING, RestrictionGround::Objection).await;
    let evidence = restricted(&broker, ISOLATING, RestrictionGround::Evidence).await;
    let another = restricted(&broker, FREE, RestrictionGround::Objection).await;
    for id in [never, "", "objection", "r-", &objection.to_uppercase(), &another, "*", "a\nb"] {
        not_lifted(&broker, ISOLATING, id, "2026-11-21", "restriction").await;
    }
    not_lifted(&broker, NOBODY, &objection, "2026-11-21", "restriction").await;
    broker.lift(ISOLATING, &objection, "2026-11-21").await.unwrap();
    not_lifted(&broker, ISOLATING, &objection, "2026-11-21", "restriction").await;
    let left: Vec<_> = standing(&broker, ISOLATING).await.into_iter().map(|(id, ..)| id).collect();
    assert_eq!(left, [evidence]);
    assert_eq!(seen(&broker, ISOLATING).await, [false; 3]);
    assert_eq!(standing(&broker, FREE).await.len(), 1);
    broker.finish().await;
}

#[tokio::test]
async fn the_subject_is_told_after_the_restriction_began_and_before_it_is_lifted() {
    let broker = TestBroker::populated().await;
    let first = restricted(&broker, ISOLATING, RestrictionGround::Objection).await;
    let (day, later): (_, Timestamp) = (today().to_string(), "2026-11-24T20:00:00Z".parse().unwrap());
    broker.deployment.clock.set(later);
    let second = restricted(&broker, ISOLATING, RestrictionGround::Evidence).await;
    let since = |back: i64| today().saturating_add((3 - back).days()).to_string();
    assert_eq!(
        standing(&broker, ISOLATING).await,
        [
            (first.clone(), RestrictionGround::Objection.as_str_name(), day.clone()),
            (second.clone(), RestrictionGround::Evidence.as_str_name(), since(0))
        ]
    );
    for told_on in ["", "yesterday", "20261120", "2026-11-22T10:00:00", " 2026-11-22", "2026-11-31"] {
        not_lifted(&broker, ISOLATING, &first, told_on, "subject_told_on").await;
    }
    // Before the first began, and tomorrow; when the second had not begun yet.
    for told_on in [since(4), since(-1)] {
        not_lifted(&broker, ISOLATING, &first, &told_on, "subject_told_on").await;
    }
    for told_on in [day.clone(), since(1)] {
        not_lifted(&broker, ISOLATING, &second, &told_on, "subject_told_on").await;
    }
    assert_eq!(standing(&broker, ISOLATING).await.len(), 2);
    // The day on which it began, and today.
    broker.lift(ISOLATING, &first, &day).await.unwrap();
    broker.lift(ISOLATING, &second, &since(0)).await.unwrap();
    assert!(standing(&broker, ISOLATING).await.is_empty());
    broker.finish().await;
}

#[tokio::test]
async fn a_list_is_recorded_before_it_is_told_and_found_by_its_subject() {
    let broker = TestBroker::populated().await;
    let id = restricted(&broker, ISOLATING, RestrictionGround::AccuracyContested).await;
    for (number, expected) in [(ISOLATING, 1), (NOBODY, 0)] {
        let listed = broker.restrictions(&rights_officer(), number).await.unwrap();
        let restrictions = pb::Restrictions::decode(listed.answer.as_slice()).unwrap();
        assert_eq!(restrictions.in_force.len(), expected);
        assert!(restrictions.in_force.iter().all(|one| one.id == id && one.since == today().to_string()));
        let receipt = listed.receipt.unwrap();
        let actor = broker.deployment.proven(&receipt);
        assert_eq!((&actor["kind"], &actor["outcome"]), (&"inspection".into(), &"listed".into()));
        assert_eq!(actor["event"], "restrictions in force");
        let covered: Value = serde_json::from_slice(&receipt.answer_part).unwrap();
        assert_eq!(covered["digest"], disown::access_log::digest(&listed.answer).to_string());
        let found = broker.search_by_subject(&rights_officer(), number).await;
        assert!(found.contains(&receipt.index), "a subject does not find who looked at its restrictions");
    }
    let clinician = clinician();
    let refused = broker.restrictions(&clinician, ISOLATING).await.err().unwrap();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let refused = broker.restrictions(&rights_officer(), "JY1").await.err().unwrap();
    assert_eq!(refused.code(), Code::InvalidArgument);
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
    let id = broker.restrict(ISOLATING).await.id;
    let after = broker.told(&clinician(), FREE).await;
    assert_eq!(epoch(&after), before + 1);
    broker.lift(ISOLATING, &id, "2026-11-21").await.unwrap();
    assert_eq!(epoch(&broker.told(&clinician(), FREE).await), before + 2);
    // A look at what stands changes nothing.
    standing(&broker, ISOLATING).await;
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
        let refused = broker.restrictions(&asker, ISOLATING).await.err().unwrap();
        assert_eq!(refused.code(), Code::PermissionDenied, "{}", asker.caller);
    }
    let officer = rights_officer();
    for (identifier, ground) in [("jy:JY1", objection), ("", objection), ("jy:JY100001A", 0), ("jy:JY100001A", 99)] {
        let refused = restrict(&broker, &officer, identifier, ground).await.err().unwrap();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    assert_eq!(seen(&broker, ISOLATING).await, [true; 3]);
    broker.finish().await;
}
