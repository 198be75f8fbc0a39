//! Nor does an answer tell of other callers: what they asked, how much is left to them, that glass was broken or a look-up allowed.

use super::{PATIENT, comparable};
use crate::{
    break_glass::use_for,
    harness::*,
    limits::{constable, unheld, with_limits},
    watch::{look_up, watch},
};
use disown::pb::{self, WatchReason};
use prost::Message;
use tonic::Code;

/// For the police: unknown; nothing held; outside the condition; restricted; a honey subject.
const CLASSES: [&str; 5] = [NOBODY, PATIENT, FREE, ISOLATING, HONEY];
const HONEY: &str = "JY999981B";
/// Unknown, and nobody else has anything to do with it.
const UNTOUCHED: &str = "JY999982D";

/// A colleague may ask about so many subjects: those of each class, and one more.
const LIMIT: &str = "subjects_per_caller_per_day = 6";

async fn with_every_class() -> TestBroker {
    let broker = with_limits(Deployment::new(), LIMIT).serve().await;
    broker.populate().await;
    let row = format!("C9,{PATIENT},condition,SNOMED,195967001,Asthma,2015-03-01,,,,active,GP surgery A");
    broker.load(&registrar(), "clinical", CLINICAL, &[row]).await.unwrap();
    broker.restrict(ISOLATING).await;
    broker.watched(watch(HONEY, WatchReason::Honey)).await.unwrap();
    broker
}

impl TestBroker {
    /// Each of them is answered to that caller as the subject is about whom nobody else did anything.
    async fn are_one_answer(&self, asker: &Asker, numbers: &[&str], since: &str) -> Vec<u8> {
        let untouched = self.told(asker, UNTOUCHED).await;
        assert!(untouched.answer.records.is_empty());
        for number in numbers {
            let told = self.told(asker, number).await;
            assert_eq!(comparable(&told), comparable(&untouched), "{} about {number}, {since}", asker.caller);
        }
        comparable(&untouched).0
    }
}

#[tokio::test]
async fn nothing_that_another_caller_did_shows_in_an_empty_answer() {
    let broker = with_every_class().await;
    let (own, colleague) = (police(), constable("pc.other"));
    let first = broker.are_one_answer(&own, &CLASSES, "at first").await;
    for number in CLASSES {
        broker.told(&colleague, number).await;
    }
    assert_eq!(broker.are_one_answer(&own, &CLASSES, "after a colleague asked the same").await, first);
    broker.told(&colleague, &unheld(1)).await;
    let refused = broker.refused(&colleague, colleague.question(&unheld(2))).await;
    assert_eq!(refused.0, Code::PermissionDenied, "the colleague is at the limit");
    assert_eq!(broker.are_one_answer(&own, &CLASSES, "after a colleague reached the limit").await, first);
    for number in CLASSES {
        let look_up = pb::AllowLookUpRequest { caller: colleague.caller.clone(), ..look_up(number) };
        broker.allowed("superintendent", look_up).await.unwrap();
    }
    assert_eq!(broker.are_one_answer(&own, &CLASSES, "after look-ups were allowed to a colleague").await, first);
    for (at, number) in CLASSES.iter().enumerate() {
        let doctor = Asker { caller: format!("dr.{at}"), ..clinician() };
        broker.breaks(&doctor, use_for(&doctor, number)).await.unwrap();
    }
    assert_eq!(broker.are_one_answer(&own, &CLASSES, "after glass was broken for them").await, first);
    broker.finish().await;
}

/// In the same organisation, and under the same agreement.
#[tokio::test]
async fn that_a_colleague_broke_glass_shows_neither_in_an_empty_answer_nor_in_a_full_one() {
    let broker = with_every_class().await;
    let doctor = clinician();
    let empty = [NOBODY, ISOLATING, HONEY];
    let held = async || broker.told(&doctor, FREE).await.answer.encode_to_vec();
    let (first, first_held) = (broker.are_one_answer(&doctor, &empty, "at first").await, held().await);
    for (at, number) in empty.into_iter().chain([FREE]).enumerate() {
        let colleague = Asker { caller: format!("dr.{at}"), ..clinician() };
        broker.breaks(&colleague, use_for(&colleague, number)).await.unwrap();
        let question = pb::QueryRequest { break_glass: true, ..colleague.question(number) };
        broker.ask(&colleague, question).await.unwrap();
    }
    assert_eq!(broker.are_one_answer(&doctor, &empty, "after colleagues broke glass").await, first);
    assert_eq!(held().await, first_held);
    broker.finish().await;
}

/// One who needs a second person is refused the same way, whether or not somebody else was allowed it.
#[tokio::test]
async fn that_a_colleague_may_look_up_a_protected_person_shows_in_no_refusal() {
    let broker = with_every_class().await;
    broker.watched(watch(FREE, WatchReason::Protected)).await.unwrap();
    let colleague = constable("pc.other");
    let refused = async || {
        let status = broker.ask(&police(), police().question(FREE)).await.err().unwrap();
        (status.code(), status.message().to_owned(), status.details().to_owned(), status.metadata().len())
    };
    let first = refused().await;
    let look_up = pb::AllowLookUpRequest { caller: colleague.caller.clone(), ..look_up(FREE) };
    broker.allowed("superintendent", look_up).await.unwrap();
    assert_eq!(refused().await, first);
    broker.told(&colleague, FREE).await;
    assert_eq!(refused().await, first);
    broker.finish().await;
}
