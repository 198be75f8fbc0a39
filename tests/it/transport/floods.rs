//! Floods. While one connection does what it can, another client's requests are answered.

use super::{frames::*, raw::*};
use crate::harness::*;
use std::sync::atomic::{AtomicBool, Ordering};

const PROTOCOL_ERROR: u32 = 1;
const ENHANCE_YOUR_CALM: u32 = 11;

/// What the broker says to the flood, during which others were answered, and after which they are.
async fn survive(broker: &TestBroker, bytes: Vec<u8>) -> Vec<u8> {
    let over = AtomicBool::new(false);
    let flooding = async {
        let told = flood(broker.tcp().await, bytes).await;
        over.store(true, Ordering::Relaxed);
        told
    };
    let asking = async {
        let mut answered = 0;
        while !over.load(Ordering::Relaxed) || answered < 3 {
            assert!(!broker.told(&clinician(), ISOLATING).await.answer.records.is_empty());
            answered += 1;
        }
    };
    tokio::join!(flooding, asking).0
}

/// The opening of a connection, and this for each of so many streams.
fn streams(many: u32, each: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = opening();
    for stream in 0..many {
        bytes.extend(each(2 * stream + 1));
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_reset_at_once() {
    let broker = TestBroker::populated().await;
    let bytes = streams(20_000, |stream| {
        let cancel = frame(RESET, 0, stream, &8_u32.to_be_bytes());
        [frame(HEADERS, END_HEADERS, stream, &headers(QUERY)), cancel].concat()
    });
    assert!(gone_away(&survive(&broker, bytes).await, ENHANCE_YOUR_CALM));
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_the_broker_is_made_to_reset() {
    let broker = TestBroker::populated().await;
    let bytes = streams(20_000, |stream| {
        // A window that grows beyond what there can be is an error of the stream (CVE-2025-8671).
        let beyond = frame(WINDOW, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
        [frame(HEADERS, END_HEADERS, stream, &headers(QUERY)), beyond].concat()
    });
    let told = survive(&broker, bytes).await;
    assert!(gone_away(&told, ENHANCE_YOUR_CALM), "{:?}", frames(&told).last());
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_without_an_end() {
    let broker = TestBroker::populated().await;
    let mut bytes = [opening(), frame(HEADERS, 0, 1, &headers(QUERY))].concat();
    for _ in 0..20_000 {
        bytes.extend(frame(CONTINUATION, 0, 1, &header(b"x-more", &[b'a'; 100])));
    }
    let told = survive(&broker, bytes).await;
    assert!(gone_away(&told, ENHANCE_YOUR_CALM) || gone_away(&told, PROTOCOL_ERROR), "{:?}", frames(&told).last());
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_grow_when_they_are_read() {
    let broker = TestBroker::populated().await;
    // Four thousand bytes once, and then three thousand times by their index of one byte: twelve megabytes.
    let bomb = [headers(HEALTH), remembered(b"x-bomb", &[b'a'; 3_900]), vec![0xbe; 3_000]].concat();
    let bytes = streams(200, |stream| {
        // Known after the first: by its index alone.
        let more = [headers(HEALTH), vec![0xbe; 3_000]].concat();
        frame(HEADERS, END_HEADERS, stream, if stream == 1 { &bomb } else { &more })
    });
    let told = survive(&broker, bytes).await;
    // Each is refused by its head, or the connection is closed; none gets to a service.
    let data = frames(&told).into_iter().filter(|(kind, ..)| *kind == DATA).count();
    assert_eq!(data, 0);
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_pings_and_nothing_else() {
    let broker = TestBroker::populated().await;
    for one in [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, &[0; 8])] {
        let bytes = [opening(), one.repeat(100_000)].concat();
        survive(&broker, bytes).await;
    }
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_nothing() {
    let broker = TestBroker::populated().await;
    let token = header(b"authorization", format!("Bearer {}", clinician().token(&broker.deployment)).as_bytes());
    let request = [headers(QUERY), token].concat();
    for piece in [&[][..], &[0]] {
        let mut bytes = [opening(), frame(HEADERS, END_HEADERS, 1, &request)].concat();
        bytes.extend(frame(DATA, 0, 1, piece).repeat(100_000));
        let told = survive(&broker, bytes).await;
        assert!(gone_away(&told, ENHANCE_YOUR_CALM) || frames(&told).iter().any(|(kind, ..)| *kind == RESET));
    }
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_takes() {
    let deployment = Deployment::new();
    deployment.limit("piece_seconds", 1);
    let broker = deployment.serve().await;
    broker.populate().await;
    let mut nothing = h2::client::Builder::new();
    nothing.initial_window_size(0);
    let hoarder = Http2::with(&nothing, broker.tcp().await).await;
    let question = framed(&clinician().question(ISOLATING));
    let mut held = Vec::new();
    for _ in 0..32 {
        // On a slow machine the first answers have waited for long enough before the last are asked for.
        let Ok(mut send) = hoarder.send.clone().ready().await else { break };
        let request = http_request_of(&broker, &clinician(), QUERY).body(()).unwrap();
        let Ok((response, mut sending)) = send.send_request(request, false) else { break };
        let Ok(response) = sending.send_data(question.clone().into(), true).and(response.await) else { break };
        held.push(response);
    }
    assert!(!held.is_empty());
    assert!(!broker.told(&clinician(), ISOLATING).await.answer.records.is_empty());
    // It answers pings like anybody, and still it does not keep its connection.
    hoarder.closed().await;
    for response in held {
        assert!(response.into_body().data().await.is_none_or(|piece| piece.is_err()));
    }
    assert!(!broker.told(&clinician(), ISOLATING).await.answer.records.is_empty());
    broker.finish().await;
}
