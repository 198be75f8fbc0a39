//! Requests that no client makes: bytes that are no message, or more than one meaning (A27, A28).

use crate::harness::*;
use disown::pb::{self, load_request::Part, query_request::Subject};
use prost::Message;
use tonic::Code;

const QUERY: &str = "/disown.v1.AccessService/Query";

fn question() -> Vec<u8> {
    clinician().question(ISOLATING).encode_to_vec()
}

fn with(message: Vec<u8>, more: &[u8]) -> Vec<u8> {
    [message, more.to_vec()].concat()
}

/// A field of a number, length-delimited.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut bytes);
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    with(bytes, content)
}

fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let terms = clinician().pb_terms().unwrap().encode_to_vec();
    let identifier = format!("jy:{ISOLATING}");
    let mut deep = Vec::new();
    for _ in 0..5000 {
        deep = field(1, &deep);
    }
    vec![
        ("an unknown field", with(question(), &[0xc0, 0x3e, 0x01])),
        (
            "an unknown field inside the terms",
            with(field(1, &with(terms.clone(), &[0x78, 0x01])), &field(2, identifier.as_bytes())),
        ),
        ("a field of another type", with(field(1, &terms), &[0x10, 0x01])),
        ("the terms twice", with(question(), &field(1, &terms))),
        (
            "the role twice",
            with(field(1, &with(terms.clone(), &field(1, b"auditor"))), &field(2, identifier.as_bytes())),
        ),
        ("the identifier twice", with(question(), &field(2, b"jy:JY224737A"))),
        ("identifier and handle", with(question(), &field(3, b"handle"))),
        ("text that is not UTF-8", with(field(1, &terms), &field(2, b"jy:\xff\xfe"))),
        ("a length beyond the end", with(field(1, &terms), &[0x12, 0xff, 0xff, 0xff, 0xff, 0x07])),
        (
            "a length of 2^64 - 1",
            with(field(1, &terms), &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ),
        ("a varint without end", vec![0xff; 20]),
        ("field number 0", vec![0x02, 0x00]),
        ("groups", vec![0x0b, 0x0c]),
        ("nesting without end", deep),
        ("noise", (0..=255).rev().collect()),
        ("JSON", br#"{"terms":{"role":"clinician"}}"#.to_vec()),
        ("cut off", question()[..question().len() - 3].to_vec()),
    ]
}

#[tokio::test]
async fn bytes_that_are_not_strictly_a_request_are_refused_in_one_constant_sentence() {
    let broker = TestBroker::populated().await;
    let token = clinician().token(&broker.deployment);
    assert!(broker.raw(QUERY, Some(&token), vec![question()]).await.is_ok());
    for (what, bytes) in malformed() {
        let told = broker.raw(QUERY, Some(&token), vec![bytes]).await.unwrap_err();
        assert_eq!((told.code(), told.message()), (Code::InvalidArgument, "not a request of this service"), "{what}");
        assert!(told.details().is_empty());
    }
    // Whoever is not let in learns nothing about forms either.
    for (what, bytes) in malformed() {
        let told = broker.raw(QUERY, None, vec![bytes]).await.unwrap_err();
        assert_eq!((told.code(), told.message()), (Code::Unauthenticated, "not authenticated"), "{what}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_million_fields_and_a_message_too_large_are_refused_without_work() {
    let broker = TestBroker::populated().await;
    let token = clinician().token(&broker.deployment);
    let mut many = clinician().question(ISOLATING);
    many.fields = vec![String::new(); 30_000];
    let told = broker.raw(QUERY, Some(&token), vec![many.encode_to_vec()]).await.unwrap_err();
    assert_eq!((told.code(), told.message()), (Code::InvalidArgument, "`fields`: at most 500 fields"));
    many.fields = vec!["f".to_owned(); 1_000_000];
    let told = broker.raw(QUERY, Some(&token), vec![many.encode_to_vec()]).await.unwrap_err();
    assert_eq!(told.code(), Code::OutOfRange);
    broker.finish().await;
}

#[tokio::test]
async fn a_part_of_a_load_that_is_none_ends_it_and_is_recorded() {
    let broker = TestBroker::empty().await;
    let asker = registrar();
    let begin = pb::LoadRequest { part: Some(Part::Start(start(&asker, "people", PEOPLE))) }.encode_to_vec();
    let token = asker.token(&broker.deployment);
    let told = broker
        .raw("/disown.v1.IntakeService/Load", Some(&token), vec![begin.clone(), with(begin, &[0xc0, 0x3e, 0x01])])
        .await
        .unwrap_err();
    assert_eq!((told.code(), told.message()), (Code::InvalidArgument, "`row`: not a part of a load"));
    let entries = broker.entries().await;
    assert_eq!(entries.iter().filter(|(_, actor, _)| actor["outcome"] == "invalid").count(), 1);
    broker.finish().await;
}

#[tokio::test]
async fn times_that_are_none_are_refused_and_none_is_taken_for_another() {
    let broker = TestBroker::empty().await;
    for wrong in [
        "0000-00-00T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-21",
        "2026-11-21T25:00:00Z",
        "-9999999-01-01T00:00:00Z",
        "99999-01-01T00:00:00Z",
        "2026-11-21T20:00:00",
        "1e300",
        "-1",
        "now",
    ] {
        let filter = pb::LogFilter { from: wrong.to_owned(), ..Default::default() };
        let request = pb::SearchRequest { terms: auditor().pb_terms(), filter: Some(filter), ..Default::default() };
        let told = broker.audit().search(auditor().request(&broker.deployment, request)).await.unwrap_err();
        assert_eq!(told.code(), Code::InvalidArgument, "{wrong}");
        assert!(
            told.message().starts_with("`from, until`") && !told.message().contains(&format!("`{wrong}`")),
            "{told}"
        );
    }
    broker.finish().await;
}

/// A31: what looks like a JY number to people or to Unicode is none.
#[tokio::test]
async fn only_the_one_spelling_of_an_identifier_is_one() {
    let broker = TestBroker::populated().await;
    for wrong in [
        "jy:jy104729c",
        "jy:JY104729c",
        " jy:JY104729C",
        "jy:JY104729C ",
        "jy: JY104729C",
        "JY:JY104729C",
        "jy:JY104729E",
        "jy:JY10472C",
        "jy:JY1047290C",
        "jy:JY104729C\n",
        "jy:JY104729C\0",
        "jy:\u{a0}JY104729C",
        "jy:JY104729C\u{200b}",
        "jy:JY\u{200d}104729C",
        "jy:\u{202e}JY104729C",
        "jy:JY\u{ff11}\u{ff10}\u{ff14}\u{ff17}\u{ff12}\u{ff19}C",
        "jy:JY\u{661}\u{660}\u{664}\u{667}\u{662}\u{669}C",
        "jy:J\u{423}104729C",
        "jy:JY104729\u{421}",
        "jy:JY104729C\u{301}",
        "jy:JY104729C' OR '1'='1",
        "jy:%",
        "jy:",
        "jy",
        "",
        "people:JY104729C",
        "visitor:JY104729C",
    ] {
        let subject = Some(Subject::Identifier(wrong.to_owned()));
        let question = pb::QueryRequest { subject, ..clinician().question(ISOLATING) };
        let (code, message) = broker.refused(&clinician(), question).await;
        assert_eq!(code, Code::InvalidArgument, "{wrong:?}");
        assert!(message.starts_with("`identifier`: ") && !message.contains("104729"), "{message}");
    }
    broker.finish().await;
}
