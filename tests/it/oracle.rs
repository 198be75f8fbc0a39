//! No oracle: whatever keeps an answer empty, it reads the same, save index, salts, times and the handle of whom was asked about.

mod counters;
mod others;
mod refusals;

use crate::harness::*;
use prost::Message;
use serde_json::Value;

/// Held by the clinic alone: for the police, nothing is held.
const PATIENT: &str = "JY411111A";

/// Everything of a response that may differ, taken out, and the length that must not differ.
fn comparable(told: &Told) -> (Vec<u8>, Value, Value, usize) {
    let receipt = told.response.receipt.clone().unwrap();
    let mut answer = told.answer.clone();
    assert_eq!(answer.handle.len(), 64, "handles have one length");
    answer.handle.clear();
    let mut actor: Value = serde_json::from_slice(&receipt.actor_part).unwrap();
    for varying in ["time", "trace"] {
        assert!(actor.as_object_mut().unwrap().remove(varying).is_some());
    }
    let mut rest: Value = serde_json::from_slice(&receipt.answer_part).unwrap();
    assert_eq!(rest.as_object_mut().unwrap().remove("digest").unwrap().as_str().unwrap().len(), 64);
    assert_eq!([receipt.actor_salt.len(), receipt.answer_salt.len(), receipt.subject_commitment.len()], [16, 16, 32]);
    // The path from the leaf and the size in the checkpoint grow with the index alone.
    let path = receipt.inclusion.iter().map(|hash| hash.len() + 2).sum::<usize>();
    let length = told.response.encoded_len() - path - receipt.checkpoint.len();
    (answer.encode_to_vec(), actor, rest, length)
}

#[tokio::test]
async fn unknown_nothing_held_restricted_and_condition_not_met_are_one_answer() {
    let broker = TestBroker::populated().await;
    let row = format!("C9,{PATIENT},condition,SNOMED,195967001,Asthma,2015-03-01,,,,active,GP surgery A");
    broker.load(&registrar(), "clinical", CLINICAL, &[row]).await.unwrap();
    assert!(!broker.told(&police(), ISOLATING).await.answer.records.is_empty());
    broker.restrict(ISOLATING).await;
    for asker in [police(), sergeant(), parish_officer(), border_officer()] {
        // Unknown everywhere; known elsewhere; held, and outside the condition; restricted.
        let first = broker.told(&asker, NOBODY).await;
        assert!(first.answer.records.is_empty());
        for number in [NOBODY, PATIENT, FREE, HEALTHY, ISOLATING, "JY999982D"] {
            let told = broker.told(&asker, number).await;
            assert_eq!(comparable(&told), comparable(&first), "{} about {number}", asker.caller);
        }
    }
    // What it really was is for those who watch, and for no recipient.
    let reasons: Vec<_> = broker
        .entries()
        .await
        .into_iter()
        .filter_map(|(_, _, subject)| subject["reason"].as_str().map(str::to_owned))
        .collect();
    for reason in ["nothing_held", "restricted", "condition_not_met"] {
        assert!(reasons.iter().any(|known| known == reason), "{reasons:?}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn an_answer_that_lacks_something_leaves_at_the_end_of_a_slot_and_any_other_at_once() {
    let broker = TestBroker::populated().await;
    let mut whole = clinician().question(ISOLATING);
    whole.fields = vec!["people.person.given_name".to_owned()];
    let mut lacking = clinician().question(ISOLATING);
    lacking.fields = vec!["people.person.given_name".to_owned(), "clinical.death.code".to_owned()];
    let mut quickest = [std::time::Duration::MAX; 2];
    for _ in 0..20 {
        for (question, quickest) in [&whole, &lacking].into_iter().zip(&mut quickest) {
            let begun = std::time::Instant::now();
            broker.ask(&clinician(), question.clone()).await.unwrap();
            *quickest = begun.elapsed().min(*quickest);
        }
    }
    // Noise makes answers later, never earlier.
    assert!(quickest[1] >= std::time::Duration::from_millis(25), "{quickest:?}");
    assert!(quickest[0] < quickest[1], "{quickest:?}");
    broker.finish().await;
}
