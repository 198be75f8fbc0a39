//! Nor do the log's places, the traces, the metadata or the proofs tell why an answer is empty, and a refusal tells of nobody.

use crate::harness::*;
use disown::pb;
use std::collections::BTreeSet;
use tonic::Code;

/// Unknown; nothing held; outside the condition; restricted; and told.
const CLASSES: [&str; 5] = [NOBODY, HEALTHY, FREE, RESTRICTED, ISOLATING];
const RESTRICTED: &str = "JY411111A";

async fn with_every_class() -> TestBroker {
    let broker = TestBroker::populated().await;
    let (recent, until) =
        (today().saturating_sub(jiff::Span::new().days(3)), today().saturating_add(jiff::Span::new().days(7)));
    let row = format!("H9,{RESTRICTED},isolation,{recent},{until},positive_test,,St Helier,,,");
    broker.load(&registrar(), "public_health", PUBLIC_HEALTH, &[row]).await.unwrap();
    assert!(!broker.told(&police(), RESTRICTED).await.answer.records.is_empty());
    broker.restrict(RESTRICTED).await;
    broker
}

#[tokio::test]
async fn every_answer_takes_one_place_in_the_log_whomever_it_is_about() {
    let broker = with_every_class().await;
    let mut last = broker.told(&police(), NOBODY).await.index();
    let (mut traces, mut names) = (BTreeSet::new(), BTreeSet::new());
    for number in CLASSES.iter().chain(&CLASSES) {
        let asker = police();
        let response = broker.access().query(asker.request(&broker.deployment, asker.question(number))).await.unwrap();
        names.insert(response.metadata().keys().map(|key| format!("{key:?}")).collect::<Vec<_>>());
        let receipt = response.into_inner().receipt.unwrap();
        assert_eq!(receipt.index, last + 1, "{number}");
        last = receipt.index;
        let actor: serde_json::Value = serde_json::from_slice(&receipt.actor_part).unwrap();
        let trace = actor["trace"].as_str().unwrap().to_owned();
        assert_eq!(trace.len(), 16);
        assert!(traces.insert(trace), "the same question has the same name again");
    }
    assert_eq!(names.len(), 1, "{names:?}");
    broker.finish().await;
}

#[tokio::test]
async fn a_refusal_is_the_same_whomever_it_would_have_been_about() {
    let broker = with_every_class().await;
    let mut unfit = police();
    unfit.terms.3 = String::new();
    let fields = vec!["clinical.condition.code".to_owned()];
    let mut told = BTreeSet::new();
    let before = broker.entries().await.len();
    for number in CLASSES {
        for (asker, question) in [
            (&unfit, unfit.question(number)),
            (&statistician(), statistician().question(number)),
            (&police(), pb::QueryRequest { fields: fields.clone(), ..police().question(number) }),
            (&police(), pb::QueryRequest { warrant: "w-0000000000000000".to_owned(), ..police().question(number) }),
        ] {
            let status = broker.ask(asker, question).await.err().unwrap();
            let metadata: Vec<_> = status.metadata().keys().map(|key| format!("{key:?}")).collect();
            told.insert(format!("{:?} {} {metadata:?} {:?}", status.code(), status.message(), status.details()));
        }
    }
    assert_eq!(told.len(), 1, "{told:?}");
    let entries = broker.entries().await;
    let denials: Vec<_> = entries.iter().filter(|(_, actor, _)| actor["kind"] == "denial").collect();
    assert_eq!(denials.len(), 4 * CLASSES.len());
    // Each took one place, and so did the search before.
    assert_eq!(entries.len(), before + 4 * CLASSES.len() + 1);
    assert!(denials.iter().all(|(_, _, subject)| *subject == serde_json::json!({})));
    broker.finish().await;
}

/// A recipient can hold its own receipt against the log, and is told nothing of anybody else's place.
#[tokio::test]
async fn a_recipient_is_given_no_proof_but_that_of_its_own_receipt() {
    let broker = with_every_class().await;
    for number in CLASSES {
        let asker = police();
        let receipt = broker.told(&asker, number).await.response.receipt.unwrap();
        broker.deployment.proven(&receipt);
        let (terms, deployment) = (asker.pb_terms(), &broker.deployment);
        for index in [receipt.index - 1, receipt.index, receipt.index + 1, u64::MAX] {
            let request = pb::ProveInclusionRequest { terms: terms.clone(), index, size: receipt.index + 1 };
            let refused = broker.audit().prove_inclusion(asker.request(deployment, request)).await.err().unwrap();
            assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "permission denied"));
        }
    }
    broker.finish().await;
}
