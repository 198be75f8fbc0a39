//! Several brokers on one log: one tree whoever appends to it, and what one puts in force is in force on all. On PostgreSQL alone.

use crate::{harness::*, kill::verify_receipt};
use disown::{access_log::verify::verify_log, approval::Deed, pb};
use futures_util::future::join_all;
use prost::Message;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use tonic::Code;

/// So many brokers on the same databases, the first of them populated.
async fn brokers(count: usize) -> Vec<TestBroker> {
    let first = Deployment::on(Engine::Postgres);
    let others: Vec<Deployment> = (2..=count).map(|at| first.beside(&format!("broker-{at}"))).collect();
    let mut brokers = vec![first.serve().await];
    brokers[0].populate().await;
    for other in others {
        brokers.push(other.serve().await);
    }
    brokers
}

async fn finish(brokers: Vec<TestBroker>) {
    for broker in brokers {
        broker.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_brokers_append_to_one_tree_without_gap_fork_or_repeat() {
    const EACH: usize = 60;
    let brokers = brokers(3).await;
    let asked_by = |at: usize| [clinician(), tracer(), police()][at / 3 % 3].clone();
    let about = |at: usize| [ISOLATING, FREE, HEALTHY, NOBODY][at % 4];
    let mut alone = Vec::new();
    for at in 0..36 {
        // Each of them: a connection that is new knows not yet how much it may ask at once.
        alone.push(brokers[at % 3].told(&asked_by(at), about(at)).await.response.answer);
    }
    let before = brokers[0].told(&clinician(), ISOLATING).await.index();
    let asked = (0..EACH * 3).map(|at| {
        let (broker, alone) = (&brokers[at % 3], &alone);
        async move {
            let told = broker.told(&asked_by(at), about(at)).await;
            // Look-ups share statements, and nobody gets what another asked for.
            assert!(told.response.answer == alone[at % 36], "another answer than to the same question alone");
            told.response.receipt.unwrap()
        }
    });
    let receipts: Vec<pb::Receipt> = join_all(asked).await;
    let key = brokers[0].deployment.log_key();
    assert!(receipts.iter().all(|receipt| verify_receipt(receipt, &key).is_some()));
    let indices: BTreeSet<u64> = receipts.iter().map(|receipt| receipt.index).collect();
    assert!(indices.into_iter().eq(before + 1..=before + (EACH * 3) as u64), "an index is missing or there twice");
    let by: BTreeSet<String> =
        brokers[0].entries().await.iter().map(|(_, actor, _)| actor["broker"].as_str().unwrap().to_owned()).collect();
    assert_eq!(by.len(), 3, "{by:?}");
    let reader = brokers[0].deployment.reader().await;
    verify_log(&reader, &key).await.unwrap();
    finish(brokers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_broker_restricts_no_broker_tells_from_then_on() {
    let brokers = brokers(3).await;
    for broker in &brokers {
        assert!(!broker.told(&clinician(), ISOLATING).await.answer.records.is_empty());
    }
    brokers[1].restrict(ISOLATING).await;
    let restricted = Instant::now();
    for broker in &brokers {
        loop {
            // From the moment of the receipt nobody is told: a broker that has not heard of it cannot record its answer.
            match broker.ask(&clinician(), clinician().question(ISOLATING)).await {
                Ok(told) => {
                    assert!(told.answer.records.is_empty(), "a broker told of a restricted subject");
                    break;
                }
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
            }
            assert!(restricted.elapsed() < Duration::from_secs(10), "a broker does not follow");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    finish(brokers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_approver_suspends_at_one_broker_no_broker_answers_under_from_then_on() {
    let brokers = brokers(3).await;
    for broker in &brokers {
        assert!(!broker.told(&clinician(), ISOLATING).await.answer.records.is_empty());
    }
    brokers[1].act("data-protection-officer", &agreement("clinical-care"), Deed::Suspend).await;
    let suspended = Instant::now();
    for broker in &brokers {
        while broker.refused(&clinician(), clinician().question(ISOLATING)).await.0 != Code::PermissionDenied {
            assert!(suspended.elapsed() < Duration::from_secs(10), "a broker does not follow");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    finish(brokers).await;
}

/// Two approvers who act at the same time at two brokers: one comes second, and nothing is counted twice or lost.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_acts_in_one_place_one_counts() {
    let brokers = brokers(2).await;
    let matter = agreement("clinical-care");
    let number = brokers[0].standing("registrar", &matter).await.next_act;
    let suspending = ["chief-officer", "data-protection-officer"].into_iter().zip(&brokers).map(|(name, broker)| {
        let act = broker.deployment.signed(name, (&matter, number), Deed::Suspend);
        async move { broker.send_act(&broker.deployment.approver(name), act_request(&act)).await }
    });
    let taken = join_all(suspending).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(taken, 1);
    // Whichever was second comes to know of the first.
    for broker in &brokers {
        until(async || broker.standing("registrar", &matter).await.next_act == number + 1).await;
    }
    finish(brokers).await;
}

/// Restrictions begun and lifted at two brokers at the same time: what was told to be done is what stands, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn of_restrictions_changed_at_two_brokers_none_is_lost() {
    let brokers = brokers(2).await;
    let (officer, today) = (rights_officer(), today().to_string());
    let restrict = |at: usize| {
        let (broker, identifier) = (&brokers[at], format!("jy:{ISOLATING}"));
        let request = pb::RestrictRequest { terms: officer.pb_terms(), identifier, ground: 1 };
        let request = officer.request(&broker.deployment, request);
        async move { broker.rights().restrict(request).await.map(|begun| begun.into_inner().id) }
    };
    let standing = async |broker: &TestBroker| {
        let listed = broker.restrictions(&officer, ISOLATING).await.ok()?;
        let listed = pb::Restrictions::decode(listed.answer.as_slice()).unwrap();
        Some(listed.in_force.into_iter().map(|one| one.id).collect::<BTreeSet<_>>())
    };
    let mut expected: BTreeSet<String> = BTreeSet::new();
    for _ in 0..5 {
        let oldest: Option<String> = expected.first().cloned();
        let lift = |at: usize| {
            let (broker, oldest, today) = (&brokers[at], oldest.clone(), &today);
            async move { Some(broker.lift(ISOLATING, &oldest?, today).await) }
        };
        let (one, other, lifted, again) = tokio::join!(restrict(0), restrict(1), lift(0), lift(1));
        for begun in [one, other] {
            match begun {
                Ok(id) => assert!(expected.insert(id)),
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
            }
        }
        let lifted: Vec<_> = [lifted, again].into_iter().flatten().collect();
        assert!(lifted.iter().filter(|lifted| lifted.is_ok()).count() <= 1, "lifted twice");
        for refused in lifted.iter().filter_map(|lifted| lifted.as_ref().err()) {
            assert!([Code::Unavailable, Code::InvalidArgument].contains(&refused.code()), "{refused:?}");
        }
        if lifted.iter().any(Result::is_ok) {
            expected.remove(oldest.as_ref().unwrap());
        }
        for broker in &brokers {
            until(async || standing(broker).await.as_ref() == Some(&expected)).await;
        }
    }
    assert!(!expected.is_empty());
    finish(brokers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_put_in_force_by_one_broker_is_followed_by_all() {
    let brokers = brokers(2).await;
    let version = |told: &Told| told.actor()["policy_version"].as_str().unwrap().to_owned();
    let before = version(&brokers[1].told(&clinician(), FREE).await);
    let denied = "p, clinician, clinical_care, category:contact, full, deny";
    brokers[0].deployment.append("policies/policy.csv", &format!("\n{denied}\n"));
    brokers[0].reload.send_modify(|count| *count += 1);
    let changed = async || match brokers[1].ask(&clinician(), clinician().question(FREE)).await {
        Ok(told) => version(&told) != before && told.cells("people.person.phone").is_empty(),
        Err(_) => false,
    };
    until(changed).await;
    let told = brokers[0].told(&clinician(), FREE).await;
    assert_ne!(version(&told), before);
    finish(brokers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_the_policy_that_is_in_force_opens_no_epoch() {
    let brokers = brokers(1).await;
    let epoch = |told: &Told| told.actor()["control_epoch"].as_u64().unwrap();
    let before = epoch(&brokers[0].told(&clinician(), FREE).await);
    let second = brokers[0].deployment.beside("broker-2").serve().await;
    assert_eq!(epoch(&second.told(&clinician(), FREE).await), before);
    assert_eq!(epoch(&brokers[0].told(&clinician(), FREE).await), before);
    second.finish().await;
    finish(brokers).await;
}

/// It learns of the change by itself, and not by an entry that comes second.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_nobody_asked_meanwhile_answers_after_another_ones_change() {
    let brokers = brokers(2).await;
    brokers[1].told(&clinician(), ISOLATING).await;
    let before = brokers[1].told(&clinician(), FREE).await.actor()["control_epoch"].as_u64().unwrap();
    brokers[0].restrict(ISOLATING).await;
    // Longer than a broker takes to follow.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let told = brokers[1].told(&clinician(), ISOLATING).await;
    assert!(told.answer.records.is_empty());
    assert_eq!(told.actor()["control_epoch"].as_u64(), Some(before + 1));
    finish(brokers).await;
}
