//! Who is let in by certificate, and who is not: each refusal by its own alert, and the next good client is served.

use super::{
    authority::{Authority, Client, SERVER, tls, tls_of},
    frames,
    raw::*,
};
use crate::harness::*;
use disown::{entropy::SystemEntropy, identity::Thumbprint};
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use std::{fs, process::Command};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn a_client_is_let_in_by_a_good_certificate_and_no_other() {
    let authority = Authority::new("clients");
    let (good, revoked) = (authority.client("good"), authority.client("revoked"));
    let deployment = Deployment::new().with_clients_of(&authority);
    deployment.revoke(&authority, &[revoked.serial()]);
    let broker = deployment.serve().await;
    let other = Authority::new("others");
    let namesake = Authority::new("clients");
    let expired = authority.client_but("expired", |params| params.not_after = date_time_ymd(2026, 11, 21));
    let later = authority.client_but("later", |params| params.not_before = date_time_ymd(2026, 11, 22));
    let server = authority.client_but("server", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let (below, _) = authority.below("no list of this one");
    let mut unlisted = below.client("unlisted");
    unlisted.chain.truncate(2);
    for (name, client, alert) in [
        ("nobody", None, "CertificateRequired"),
        ("of another authority", Some(&other.client("stranger")), "UnknownCA"),
        ("of another authority of the same name", Some(&namesake.client("stranger")), "DecryptError"),
        ("expired", Some(&expired), "CertificateExpired"),
        ("not yet good", Some(&later), "CertificateExpired"),
        ("for servers", Some(&server), "UnsupportedCertificate"),
        ("revoked", Some(&revoked), "CertificateRevoked"),
        ("of an authority without a list", Some(&unlisted), "UnknownCA"),
        ("signed by itself", Some(&self_signed()), "UnknownCA"),
    ] {
        let told = broker.alert(tls(&broker.deployment, client)).await;
        assert!(told.contains(alert), "{name}: {told}");
        assert!(broker.serves(tls(&broker.deployment, Some(&good))).await, "the next good one after {name}");
    }
    // Each was an attempt of nobody known. To read of it, the broker is started again without certificates.
    let deployment = broker.stop().await;
    let config = fs::read_to_string(deployment.path("disown.toml")).unwrap();
    let tls = config.lines().find(|line| line.starts_with("tls = ")).unwrap();
    deployment.edit("disown.toml", tls, "plaintext = true");
    let broker = deployment.serve().await;
    let entries = broker.entries().await;
    let noted = |actor: &serde_json::Value| actor.to_string().contains("9 unauthenticated attempts from 127.0.0.1");
    assert!(entries.iter().any(|(_, actor, _)| noted(actor)));
    broker.finish().await;
}

fn self_signed() -> Client {
    let authority = Authority::new("myself");
    let mut client = authority.client("myself");
    client.chain.truncate(1);
    client
}

#[tokio::test]
async fn every_certificate_of_a_chain_is_looked_up_in_the_lists() {
    let root = Authority::new("root");
    let (below, serial) = root.below("below");
    let good = below.client("good");
    for (revoked_above, revoked_below, alert) in [
        (vec![], vec![], None),
        (vec![serial], vec![], Some("CertificateRevoked")),
        (vec![], vec![good.serial()], Some("CertificateRevoked")),
    ] {
        let deployment = Deployment::new().with_clients_of(&root);
        let now = deployment.now();
        let lists = root.list(now, (0, 24), &revoked_above) + below.list(now, (0, 24), &revoked_below).as_str();
        fs::write(deployment.path("clients.crl"), lists).unwrap();
        let broker = deployment.serve().await;
        match alert {
            None => assert!(broker.serves(tls(&broker.deployment, Some(&good))).await),
            Some(alert) => {
                let told = broker.alert(tls(&broker.deployment, Some(&good))).await;
                assert!(told.contains(alert), "{told}");
            }
        }
        broker.finish().await;
    }
}

#[tokio::test]
async fn only_tls_1_3_and_only_http_2_are_spoken() {
    let broker = Deployment::new().with_tls().serve().await;
    let old = tls_of(&broker.deployment, None, &[&rustls::version::TLS12]);
    let told = broker.alert(old).await;
    assert!(told.contains("ProtocolVersion"), "{told}");

    let mut http_1 = tls(&broker.deployment, None);
    http_1.alpn_protocols = vec![b"http/1.1".to_vec()];
    let told = broker.alert(http_1).await;
    assert!(told.contains("NoApplicationProtocol"), "{told}");

    // Where nothing is agreed on, nothing is guessed.
    let mut silent = tls(&broker.deployment, None);
    silent.alpn_protocols = vec![];
    let mut stream = broker.shake(silent).await.unwrap();
    stream.write_all(&frames::opening()).await.unwrap();
    assert!(ended(&mut stream).await.is_empty());

    assert!(broker.serves(tls(&broker.deployment, None)).await);
    broker.finish().await;
}

#[tokio::test]
async fn a_session_is_never_taken_up_again_without_its_certificate() {
    let authority = Authority::new("clients");
    let good = authority.client("good");
    let broker = Deployment::new().with_clients_of(&authority).serve().await;
    // One configuration, which remembers sessions.
    let config = tls(&broker.deployment, Some(&good));
    for _ in 0..3 {
        let stream = broker.shake(config.clone()).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
        // A ticket would come before the answer.
        let told = Http2::over(stream).await.ask(http_request(HEALTH), EMPTY).await;
        assert_eq!(told, Ok(Some(0)));
    }
    broker.finish().await;
}

/// What is no HTTP/2, in the words of others.
const STRANGERS: [&[u8]; 5] = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /grpc.health.v1.Health/Check HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\x80\0\x01\xbbPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    // HTTP/2 that does not begin with settings.
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0",
];

#[tokio::test]
async fn what_is_not_http_2_is_closed_without_a_word() {
    let broker = TestBroker::empty().await;
    for words in STRANGERS {
        let mut stream = broker.tcp().await;
        stream.write_all(words).await.unwrap();
        let told = ended(&mut stream).await;
        assert!(told.is_empty(), "{:?} was told {told:?}", words.escape_ascii().to_string());
    }
    let told = Http2::over(broker.tcp().await).await.ask(http_request(HEALTH), EMPTY).await;
    assert_eq!(told, Ok(Some(0)));
    broker.finish().await;
}

#[tokio::test]
async fn a_tls_port_speaks_nothing_in_the_clear() {
    let broker = Deployment::new().with_tls().serve().await;
    let plain: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for words in STRANGERS.into_iter().chain([plain]) {
        let mut stream = broker.tcp().await;
        stream.write_all(words).await.unwrap();
        // An alert of TLS at most: record type 21.
        let told = ended(&mut stream).await;
        assert!(told.is_empty() || told[0] == 21, "{:?} was told {told:?}", words.escape_ascii().to_string());
    }
    assert!(broker.serves(tls(&broker.deployment, None)).await);
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_a_certificate_where_one_is_asked_for() {
    let authority = Authority::new("clients");
    let good = authority.client("good");
    let broker = Deployment::new().with_clients_of(&authority).serve().await;
    let path = |name: &str| broker.deployment.path(name);
    fs::write(path("client.pem"), &good.pem).unwrap();
    fs::write(path("client-key.pem"), good.key.serialize_pem()).unwrap();
    let server = format!("https://{SERVER}:{}", broker.address.port());
    let asker = clinician();
    let (role, purpose, agreement, case) = &asker.terms;
    let token = |certificate: &Client| {
        let issuer = broker.deployment.issuer().bound_to(Thumbprint::of(&certificate.chain[0]));
        let roles: Vec<&str> = asker.roles.iter().map(String::as_str).collect();
        let clock = &*broker.deployment.clock;
        issuer.token(&asker.caller, &asker.organisation, &roles, "disown", clock, &SystemEntropy).unwrap()
    };
    let (bound, unbound) = (token(&good), asker.token(&broker.deployment));
    let elsewhere = token(&authority.client("another"));
    let ask = async |token: &str, more: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_disownctl"));
        command.args(["query", &format!("jy:{NOBODY}"), "--server", &server, "--role", role, "--purpose", purpose]);
        command.args(["--agreement", agreement, "--case", case]).env("DISOWN_TOKEN", token);
        command.args(["--acknowledge", &conditions_of(agreement), "--ground", &ground_under(agreement)]);
        command.arg("--ca").arg(path("chain.pem")).env_remove("DISOWN_CERT").env_remove("DISOWN_KEY");
        for (option, file) in more {
            command.arg(option).arg(path(file));
        }
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    let shown = [("--cert", "client.pem"), ("--cert-key", "client-key.pem")];
    let told = ask(&bound, &shown).await;
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(String::from_utf8_lossy(&told.stdout).contains("no records"));
    assert_eq!(ask(&bound, &[]).await.status.code(), Some(1));
    // A token of another certificate, or of none, is worth nothing on this connection (A14).
    for token in [&elsewhere, &unbound] {
        let told = ask(token, &shown).await;
        assert_eq!(told.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&told.stderr).contains("not authenticated"));
    }
    // Half of it is a mistake of the command line.
    for half in [("--cert", "client.pem"), ("--cert-key", "client-key.pem")] {
        assert_eq!(ask(&bound, &[half]).await.status.code(), Some(2));
    }
    broker.finish().await;
}
