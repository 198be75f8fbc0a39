//! When a token is good.

use super::tokens::{Forge, knock};
use crate::harness::*;
use jiff::Timestamp;
use serde_json::json;
use tonic::Code;

/// The code that a token gets, with the clock so many seconds after it was made.
async fn at(broker: &TestBroker, token: &str, later: i64) -> Code {
    let made: Timestamp = NOW.parse().unwrap();
    broker.deployment.clock.set(Timestamp::from_second(made.as_second() + later).unwrap());
    let told = knock(broker, &[&format!("Bearer {token}")]).await;
    broker.deployment.clock.set(made);
    told.err().map_or(Code::Ok, |status| status.code())
}

#[tokio::test]
async fn clocks_may_be_five_seconds_apart_and_no_more() {
    let broker = TestBroker::empty().await;
    let forge = Forge::of(&broker.deployment);
    let now = forge.now();
    let (usual, early) = (forge.good(), forge.claiming(json!({ "nbf": now + 60 })));
    let (short, one) = (
        forge.claiming(json!({ "exp": now + 10 })),
        forge.claiming(json!({ "iat": now - 300, "nbf": now - 300 , "exp": now })),
    );
    for (token, later, expected) in [
        (&usual, 0, Code::Ok),
        (&usual, -5, Code::Ok),
        (&usual, -6, Code::Unauthenticated),
        (&usual, 604, Code::Ok),
        (&usual, 605, Code::Unauthenticated),
        (&usual, 86_400, Code::Unauthenticated),
        (&early, 54, Code::Unauthenticated),
        (&early, 55, Code::Ok),
        (&short, 14, Code::Ok),
        (&short, 15, Code::Unauthenticated),
        (&one, 4, Code::Ok),
        (&one, 5, Code::Unauthenticated),
    ] {
        assert_eq!(at(&broker, token, later).await, expected, "{later} s after it was made");
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_token_lives_ten_minutes_at_most() {
    let broker = TestBroker::empty().await;
    let forge = Forge::of(&broker.deployment);
    let now = forge.now();
    for (issued, expires, expected) in [
        (now, now + 600, Code::Ok),
        (now, now + 601, Code::Unauthenticated),
        (now - 300, now + 300, Code::Ok),
        (now - 300, now + 301, Code::Unauthenticated),
        (now, now + 1, Code::Ok),
        (now, now, Code::Unauthenticated),
        (now + 3, now + 2, Code::Unauthenticated),
        (now, 253_402_300_799, Code::Unauthenticated),
        (i64::MIN, i64::MAX, Code::Unauthenticated),
        (i64::MAX, i64::MIN, Code::Unauthenticated),
    ] {
        let token = forge.claiming(json!({ "iat": issued, "nbf": issued, "exp": expires }));
        assert_eq!(at(&broker, &token, 0).await, expected, "from {issued} to {expires}");
    }
    broker.finish().await;
}
