//! Revocation lists over time: they get too old, are read again, and end what they revoke.

use super::{
    authority::{Authority, tls},
    raw::*,
};
use crate::harness::*;
use disown::{app::AppError, config::InvalidConfig};
use jiff::ToSpan;
use std::fs;

#[tokio::test]
async fn a_list_that_is_too_old_lets_nobody_in() {
    let authority = Authority::new("clients");
    let good = authority.client("good");
    // Issued so many hours ago, good for so many: past its next update, and within it but older than a day.
    for (issued, good_for) in [(2, 1), (30, 168)] {
        let deployment = Deployment::new().with_clients_of(&authority);
        fs::write(deployment.path("clients.crl"), authority.list(deployment.now(), (issued, good_for), &[])).unwrap();
        let broker = deployment.serve().await;
        let told = broker.alert(tls(&broker.deployment, Some(&good))).await;
        assert!(told.contains("UnknownCA"), "{told}");
        broker.finish().await;
    }
    let deployment = Deployment::new().with_clients_of(&authority);
    deployment.edit("disown.toml", "revocations = [", "oldest_revocations_hours = 48, revocations = [");
    fs::write(deployment.path("clients.crl"), authority.list(deployment.now(), (30, 168), &[])).unwrap();
    let broker = deployment.serve().await;
    assert!(broker.serves(tls(&broker.deployment, Some(&good))).await);
    // It gets too old while the broker serves.
    broker.deployment.clock.set(broker.deployment.now() + 19.hours());
    let told = broker.alert(tls(&broker.deployment, Some(&good))).await;
    assert!(told.contains("UnknownCA"), "{told}");
    broker.finish().await;
}

#[tokio::test]
async fn a_new_list_takes_effect_and_ends_what_it_revokes() {
    let authority = Authority::new("clients");
    let (good, bad) = (authority.client("good"), authority.client("bad"));
    let broker = Deployment::new().with_clients_of(&authority).serve().await;
    let connect = async |client| Http2::over(broker.shake(tls(&broker.deployment, Some(client))).await.unwrap()).await;
    let (kept, lost) = (connect(&good).await, connect(&bad).await);
    for connection in [&kept, &lost] {
        assert_eq!(connection.ask(http_request(HEALTH), EMPTY).await, Ok(Some(0)));
    }
    broker.deployment.revoke(&authority, &[bad.serial()]);
    broker.reload.send_modify(|count| *count += 1);
    lost.closed().await;
    let told = broker.alert(tls(&broker.deployment, Some(&bad))).await;
    assert!(told.contains("CertificateRevoked"), "{told}");
    assert_eq!(kept.ask(http_request(HEALTH), EMPTY).await, Ok(Some(0)));
    assert!(broker.serves(tls(&broker.deployment, Some(&good))).await);
    broker.finish().await;
}

#[tokio::test]
async fn a_new_list_is_found_without_being_asked_for() {
    let authority = Authority::new("clients");
    let bad = authority.client("bad");
    let deployment = Deployment::new().with_clients_of(&authority);
    deployment.edit("disown.toml", "key = \"key.pem\",", "key = \"key.pem\", reread_seconds = 1,");
    let broker = deployment.serve().await;
    let lost = Http2::over(broker.shake(tls(&broker.deployment, Some(&bad))).await.unwrap()).await;
    assert_eq!(lost.ask(http_request(HEALTH), EMPTY).await, Ok(Some(0)));
    broker.deployment.revoke(&authority, &[bad.serial()]);
    lost.closed().await;
    assert!(broker.alert(tls(&broker.deployment, Some(&bad))).await.contains("CertificateRevoked"));
    broker.finish().await;
}

/// Files that are no revocation lists, though some look like one.
fn malformed(good: &str) -> Vec<(&'static str, Vec<u8>)> {
    let middle = good.len() / 2;
    vec![
        ("nothing", vec![]),
        ("text", b"revoked: everybody\n".to_vec()),
        ("a list cut short", good.as_bytes()[..middle].to_vec()),
        ("a list of half its bytes", good.replace(&good[middle..middle + 64], "").into_bytes()),
        ("no list but a certificate", good.replace("X509 CRL", "CERTIFICATE").into_bytes()),
        ("a sequence of nothing", vec![0x30, 0x00]),
        ("a sequence without an end", vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        // RUSTSEC-2026-0104: what is in it is read before the signature is.
        ("a deep nest", [0x30, 0x80].repeat(50_000)),
    ]
}

#[tokio::test]
async fn what_is_no_list_is_refused_and_the_one_before_stays() {
    let authority = Authority::new("clients");
    let (good, bad) = (authority.client("good"), authority.client("bad"));
    let deployment = Deployment::of_today().with_clients_of(&authority);
    deployment.revoke(&authority, &[bad.serial()]);
    let list = authority.list(deployment.now(), (0, 24), &[]);
    let command = deployment.command();
    let (broker, process) = deployment.serve_apart(command).await;
    for (at, (name, bytes)) in malformed(&list).into_iter().enumerate() {
        fs::write(broker.deployment.path("clients.crl"), bytes).unwrap();
        process.hang_up();
        until(async || broker.deployment.telemetry().matches("were not read again").count() > at).await;
        let told = broker.alert(tls(&broker.deployment, Some(&bad))).await;
        assert!(told.contains("CertificateRevoked"), "{name}: {told}");
        assert!(broker.serves(tls(&broker.deployment, Some(&good))).await, "{name}");
    }
    // And a good one is taken after all of them.
    broker.deployment.revoke(&authority, &[good.serial()]);
    process.hang_up();
    until(async || broker.serves(tls(&broker.deployment, Some(&bad))).await).await;
    assert!(broker.alert(tls(&broker.deployment, Some(&good))).await.contains("CertificateRevoked"));
    assert!(process.end().await.success());
    broker.finish().await;
}

#[tokio::test]
async fn without_usable_lists_nothing_starts() {
    let authority = Authority::new("clients");
    let deployment = Deployment::new().with_clients_of(&authority);
    deployment.edit("disown.toml", "[\"clients.crl\"]", "[]");
    let error = disown::config::Config::read(&deployment.path("disown.toml")).unwrap_err();
    assert!(matches!(error, InvalidConfig::NoRevocations), "{error}");

    for (file, text, said) in [
        ("clients.crl", "", "revocation list"),
        ("clients-ca.pem", "", "certificates in PEM form"),
        ("chain.pem", "", "certificates in PEM form"),
        ("key.pem", "", "private key"),
        ("key.pem", &*rcgen::KeyPair::generate().unwrap().serialize_pem(), "certificate and key"),
    ] {
        let mut deployment = Deployment::new().with_clients_of(&authority);
        fs::write(deployment.path(file), text).unwrap();
        let Err(error) = deployment.build().await else { panic!("the broker was built") };
        // It did not begin to write.
        deployment.assert_log_is_empty().await;
        assert!(matches!(error, AppError::Tls(_)), "{error}");
        assert!(error.to_string().contains(said) && error.to_string().starts_with("`listen.tls`: "), "{error}");
    }
}
