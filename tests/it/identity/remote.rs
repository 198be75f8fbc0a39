//! Keys at a URL: fetched, rotated, kept through an outage, and never taken from where they should not come.

use super::{
    publisher::{Answer, Publisher},
    signers::{Signer, jwks},
    tokens::{Forge, changed, knock},
    trust::{Telemetry, Trust},
};
use crate::harness::*;
use disown::{
    clock::Clock,
    identity::{Algorithm, Pace},
};
use jiff::SignedDuration;
use serde_json::json;
use std::{fs, time::Duration};
use tonic::Code;

/// As it is, but for a machine that is busy.
fn usual() -> Pace {
    Pace { timeout: Duration::from_secs(120), ..Pace::default() }
}

fn wait(trust: &Trust, time: SignedDuration) {
    trust.clock.set(trust.clock.now() + time);
}

const SECOND: SignedDuration = SignedDuration::from_secs(1);

#[tokio::test]
async fn keys_are_fetched_every_five_minutes_and_one_that_is_gone_is_refused_at_once() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let (old, new) = (Signer::of(algorithm), Signer::new(algorithm, "key-2"));
        let publisher = Publisher::of(&[old.jwk()]).await;
        let trust = publisher.trusted(&old, usual());
        assert!(!trust.takes(&old));
        trust.verifier.fetch_if_due().await;
        assert!(trust.takes(&old));

        publisher.publishes(&[old.jwk(), new.jwk()]);
        wait(&trust, SECOND * 299);
        trust.verifier.fetch_if_due().await;
        assert_eq!(publisher.asked(), 1);
        wait(&trust, SECOND);
        trust.verifier.fetch_if_due().await;
        assert_eq!(publisher.asked(), 2);
        assert!(trust.takes(&old) && trust.takes(&new));

        publisher.publishes(&[new.jwk()]);
        wait(&trust, SECOND * 300);
        trust.verifier.fetch_if_due().await;
        assert!(!trust.takes(&old) && trust.takes(&new));
    }
}

#[tokio::test]
async fn a_token_with_a_new_key_fetches_it_early_and_a_clock_set_back_does_not_stop_that() {
    let (old, new) = (Signer::of(Algorithm::Es256), Signer::new(Algorithm::Es256, "key-2"));
    let publisher = Publisher::of(&[old.jwk()]).await;
    let trust = publisher.trusted(&old, usual());
    trust.verifier.fetch_if_due().await;
    publisher.publishes(&[new.jwk()]);
    // Nobody asked for it yet.
    wait(&trust, SECOND * 60);
    trust.verifier.fetch_if_due().await;
    assert_eq!(publisher.asked(), 1);
    assert!(!trust.takes(&new));
    trust.verifier.fetch_if_due().await;
    assert_eq!(publisher.asked(), 2);
    assert!(trust.takes(&new) && !trust.takes(&old));

    wait(&trust, SECOND * -3600);
    publisher.publishes(&[old.jwk()]);
    trust.verifier.fetch_if_due().await;
    assert!(trust.takes(&old) && !trust.takes(&new));
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_no_flood_of_requests() {
    let signer = Signer::of(Algorithm::EdDsa);
    let publisher = Publisher::of(&[signer.jwk()]).await;
    let trust = publisher.trusted(&signer, usual());
    trust.verifier.fetch_if_due().await;
    let verifier = trust.verifier.clone();
    let keeping = tokio::spawn(async move { verifier.keep_keys().await });
    let flood = async || {
        for number in 0..1000 {
            let header = changed(signer.header(), json!({ "kid": format!("unknown-{number}") }));
            assert!(trust.roles(&signer.signed(&header.to_string(), &token_claims(&trust, &signer))).is_none());
            if number % 10 == 0 {
                tokio::task::yield_now().await;
            }
        }
        // Behind whatever is under way.
        trust.verifier.fetch_if_due().await;
    };
    flood().await;
    assert_eq!(publisher.asked(), 1);
    for round in 2..=4 {
        wait(&trust, SECOND * 30);
        flood().await;
        assert_eq!(publisher.asked(), round);
        assert!(trust.takes(&signer));
    }
    println!("flood: 4000 tokens with unknown keys, {} requests", publisher.asked());
    keeping.abort();
}

fn token_claims(trust: &Trust, signer: &Signer) -> String {
    super::tokens::payload(&trust.token(signer, json!({})))
}

#[tokio::test]
async fn keys_are_kept_for_24_hours_of_an_outage_and_no_longer() {
    let signer = Signer::of(Algorithm::Rs256);
    let publisher = Publisher::of(&[]).await;
    let (_heard, telemetry) = Telemetry::heard();
    let trust = publisher.trusted(&signer, usual());
    publisher.answers(Answer::NoTls);
    trust.verifier.fetch_if_due().await;
    assert!(!trust.takes(&signer) && publisher.asked() == 1);
    assert!(telemetry.take().contains("its tokens are refused"));
    // It is tried again after 30 seconds, not five minutes.
    publisher.publishes(&[signer.jwk()]);
    wait(&trust, SECOND * 29);
    trust.verifier.fetch_if_due().await;
    assert!(!trust.takes(&signer) && publisher.asked() == 1);
    wait(&trust, SECOND);
    trust.verifier.fetch_if_due().await;
    assert!(trust.takes(&signer));

    publisher.answers(Answer::NoTls);
    let mut hours = 0;
    loop {
        wait(&trust, SECOND * 3600);
        trust.verifier.fetch_if_due().await;
        if !trust.takes(&signer) {
            break;
        }
        hours += 1;
        assert!(telemetry.take().contains("the old ones stay"));
        assert!(hours <= 24);
    }
    assert_eq!(hours, 24);
    assert!(telemetry.take().contains("its tokens are refused"));
    // To the second.
    wait(&trust, SECOND * -3600);
    assert!(trust.takes(&signer));
    wait(&trust, SECOND);
    assert!(!trust.takes(&signer));

    publisher.publishes(&[signer.jwk()]);
    wait(&trust, SECOND * 3630);
    trust.verifier.fetch_if_due().await;
    assert!(trust.takes(&signer));
}

#[tokio::test]
async fn what_is_not_a_good_set_from_the_right_place_leaves_the_old_one() {
    let (old, new) = (Signer::of(Algorithm::Es256), Signer::new(Algorithm::Es256, "key-2"));
    let publisher = Publisher::of(&[old.jwk()]).await;
    let elsewhere = Publisher::of(&[new.jwk()]).await;
    let trust = publisher.trusted(&old, usual());
    trust.verifier.fetch_if_due().await;

    let good = jwks(&[old.jwk(), new.jwk()]);
    let head =
        |status: &str, more: &str| format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}\r\n{good}", good.len());
    let redirect = |status: &str| Answer::Raw(head(status, &format!("location: {}\r\n", elsewhere.url())));
    let private = changed(new.jwk(), json!({ "d": "AQAB" }));
    let bad = [
        ("nothing", Answer::Body(String::new())),
        ("no JSON", Answer::Body("<html>".to_owned())),
        ("no key set", Answer::Body("{}".to_owned())),
        ("an empty set", Answer::Body(jwks(&[]))),
        ("a key of another algorithm", Answer::Body(jwks(&[new.jwk(), Signer::of(Algorithm::Rs256).jwk()]))),
        ("a private key", Answer::Body(jwks(&[private]))),
        ("a name twice", Answer::Body(jwks(&[new.jwk(), new.jwk()]))),
        ("more after it", Answer::Body(format!("{good}{good}"))),
        ("64 KiB and more", Answer::Body(format!("{good}{}", " ".repeat(64 * 1024)))),
        ("no end", Answer::Endless),
        ("half of it", Answer::Raw(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{good}", good.len() + 1))),
        ("301", redirect("301 Moved Permanently")),
        ("302", redirect("302 Found")),
        ("307", redirect("307 Temporary Redirect")),
        ("308", redirect("308 Permanent Redirect")),
        ("203", Answer::Raw(head("203 Non-Authoritative Information", ""))),
        ("404", Answer::Raw(head("404 Not Found", ""))),
        ("500", Answer::Raw(head("500 Internal Server Error", ""))),
        ("no HTTP", Answer::Raw(good.clone())),
        ("no TLS", Answer::NoTls),
    ];
    for (name, answer) in bad {
        publisher.answers(answer);
        let asked = publisher.asked();
        wait(&trust, SECOND * 300);
        trust.verifier.fetch_if_due().await;
        assert_eq!(publisher.asked(), asked + 1, "{name}");
        assert!(trust.takes(&old) && !trust.takes(&new), "{name}");
        println!("key set with {name} ... refused, the old one stays");
    }
    assert_eq!(elsewhere.asked(), 0);
    publisher.answers(Answer::Raw(head("200 OK", "")));
    wait(&trust, SECOND * 300);
    trust.verifier.fetch_if_due().await;
    assert!(trust.takes(&old) && trust.takes(&new));
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_asked() {
    let signer = Signer::of(Algorithm::EdDsa);
    let (publisher, other) = (Publisher::of(&[signer.jwk()]).await, Publisher::of(&[]).await);
    let mut impostor = Publisher::of(&[signer.jwk()]).await;
    impostor.ca.clone_from(&other.ca);
    for (publisher, taken) in [(&publisher, true), (&impostor, false)] {
        let trust = publisher.trusted(&signer, usual());
        trust.verifier.fetch_if_due().await;
        assert_eq!((trust.takes(&signer), publisher.asked() == 1), (taken, taken));
    }
}

#[tokio::test]
async fn a_slow_server_is_given_up_and_nobody_waits_for_it() {
    let (old, new) = (Signer::of(Algorithm::EdDsa), Signer::new(Algorithm::EdDsa, "key-2"));
    let publisher = Publisher::of(&[old.jwk()]).await;
    let trust = publisher.trusted(&old, usual());
    trust.verifier.fetch_if_due().await;
    publisher.answers(Answer::Silent);
    wait(&trust, SECOND * 300);
    let verifier = trust.verifier.clone();
    let fetching = tokio::spawn(async move { verifier.fetch_if_due().await });
    while publisher.asked() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(trust.takes(&old) && !trust.takes(&new) && !fetching.is_finished());
    fetching.abort();

    let impatient = publisher.trusted(&old, Pace { timeout: Duration::from_millis(200), ..Pace::default() });
    impatient.verifier.fetch_if_due().await;
    assert!(!impatient.takes(&old));
}

/// A deployment whose issuer publishes its keys there.
fn fetching_from(deployment: &Deployment, url: &str, ca: &str) {
    fs::write(deployment.path("issuer-ca.pem"), ca).unwrap();
    let source = format!("jwks = {{ url = \"{url}\", ca = \"issuer-ca.pem\" }}");
    deployment.edit("disown.toml", "jwks = { file = \"jwks.json\" }", &source);
}

#[tokio::test]
async fn a_broker_fetches_its_keys_and_starts_without_them() {
    let deployment = Deployment::new();
    let forge = Forge::with(&deployment, Algorithm::Es256);
    let publisher = Publisher::of(&[forge.signer.jwk()]).await;
    fetching_from(&deployment, &publisher.url(), &publisher.ca);
    let good = format!("Bearer {}", forge.good());
    let broker = deployment.serve().await;
    knock(&broker, &[&good]).await.unwrap();
    let deployment = broker.stop().await;

    publisher.answers(Answer::NoTls);
    let broker = deployment.serve().await;
    let code = |told: Result<(), tonic::Status>| told.err().map_or(Code::Ok, |status| status.code());
    assert_eq!(code(knock(&broker, &[&good]).await), Code::Unauthenticated);
    publisher.publishes(&[forge.signer.jwk()]);
    // The broker's own background fetches them, once the token that was refused has asked for it and the time has come.
    broker.deployment.clock.set(broker.deployment.clock.now() + SECOND * 30);
    while code(knock(&broker, &[&good]).await) != Code::Ok {
        tokio::task::yield_now().await;
    }
    broker.finish().await;
}

#[tokio::test]
async fn authorities_that_are_none_start_nothing() {
    for (ca, says) in [
        ("", "`ca` holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be made"),
    ] {
        let mut deployment = Deployment::new();
        fetching_from(&deployment, "https://127.0.0.1:1/", ca);
        let Err(error) = deployment.build().await else { panic!("the broker was built") };
        assert!(error.to_string().contains(says), "{error}");
    }
}
