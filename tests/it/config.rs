//! What a broker is started with. It refuses to start half-built.

use crate::harness::*;
use disown::{
    app::AppError,
    config::{Config, InvalidConfig, KeySource, TelemetryConfig},
    pseudonym::InvalidKeyring,
};
use std::{fs, path::PathBuf};
use tonic::{
    Code, Request,
    transport::{Certificate, Channel, ClientTlsConfig},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

fn read(deployment: &Deployment) -> Result<Config, InvalidConfig> {
    Config::read(&deployment.path("disown.toml"))
}

/// Why a deployment that was changed so is not read.
fn unread(from: &str, to: &str) -> InvalidConfig {
    let deployment = Deployment::new();
    deployment.edit("disown.toml", from, to);
    read(&deployment).unwrap_err()
}

#[test]
fn an_unknown_key_is_refused_wherever_it_stands() {
    let key = "key_encryption_key = {";
    for (from, to) in [
        ("broker = ", "brokr = 1\nbroker = "),
        ("[listen]", "[listen]\nplain_text = true"),
        ("[identity]", "[identity]\njwks_uri = \"http://127.0.0.1:1\""),
        ("[access_log]", "[access_log]\nmax_page = 1"),
        ("[access_log]", "[metrics]\n[access_log]"),
        ("[telemetry]", "[telemetry]\nendpoint = \"http://127.0.0.1:4317\""),
        (key, "key_encryption_key = { path = \"k\" } #"),
        ("plaintext = true", "tls = { certificate = \"a\", key = \"b\", password = \"c\" }"),
    ] {
        let error = unread(from, to);
        assert!(matches!(error, InvalidConfig::Form { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("disown.toml") && text.contains("unknown"), "{text}");
    }
}

#[test]
fn a_key_that_is_missing_or_of_another_type_is_refused() {
    for (from, to) in [
        ("broker = \"broker-1\"", ""),
        ("broker = \"broker-1\"", "broker = \"two words\""),
        ("audience = \"disown\"", ""),
        ("reflection = false", "reflection = \"no\""),
        ("keyring = ", "# "),
    ] {
        assert!(matches!(unread(from, to), InvalidConfig::Form { .. }), "{from}");
    }
    assert!(matches!(unread("Europe/Jersey", "Europe/Atlantis"), InvalidConfig::TimeZone(_)));
    let nowhere = Config::read(&PathBuf::from("there/is/no/disown.toml")).unwrap_err();
    assert!(nowhere.to_string().contains("disownctl init"), "{nowhere}");
}

#[test]
fn telemetry_goes_nowhere_unencrypted_but_to_this_machine() {
    assert_eq!(read(&Deployment::new()).unwrap().telemetry, TelemetryConfig::default());
    let told = |lines: &str| format!("[telemetry]\n{lines}");
    for lines in [
        "otlp = \"http://collector.example:4317\"",
        "otlp = \"http://192.0.2.1:4317\"",
        "otlp = \"http://localhost:4317\"",
        "otlp = \"http://127.0.0.1:4317\"\nca = \"ca.pem\"",
        "otlp = \"https://name:password@collector.example:4317\"",
        "otlp = \"https://collector.example:4317/v1/traces\"",
        "otlp = \"collector.example:4317\"",
        "otlp = \"/\"",
        "ca = \"ca.pem\"",
    ] {
        let error = unread("[telemetry]", &told(lines));
        assert!(matches!(error, InvalidConfig::Collector), "{lines}: {error}");
        assert!(!error.to_string().contains("password"), "{error}");
    }
    assert!(matches!(unread("[telemetry]", &told("otlp = \"\"")), InvalidConfig::Form { .. }));
    for lines in [
        "otlp = \"http://127.0.0.1:4317\"",
        "otlp = \"http://[::1]:4317\"",
        "otlp = \"https://collector.example:4317\"",
        "otlp = \"https://collector.example:4317\"\nca = \"ca.pem\"",
    ] {
        let deployment = Deployment::new();
        deployment.edit("disown.toml", "[telemetry]", &told(lines));
        assert!(read(&deployment).unwrap().telemetry.otlp.is_some(), "{lines}");
    }
}

#[test]
fn nothing_is_served_unencrypted_unless_said_so_and_on_loopback() {
    let tls = "tls = { certificate = \"a\", key = \"b\" }";
    for (from, to) in [
        ("plaintext = true", ""),
        ("plaintext = true", "plaintext = false"),
        ("plaintext = true", &format!("plaintext = true\n{tls}")),
        ("127.0.0.1:0", "0.0.0.0:0"),
        ("127.0.0.1:0", "[::]:0"),
        ("127.0.0.1:0", "192.0.2.1:443"),
        ("127.0.0.1:0", "[::ffff:127.0.0.1]:0"),
    ] {
        let error = unread(from, to);
        assert!(matches!(error, InvalidConfig::Exposed), "{to}: {error}");
        assert!(error.to_string().contains("loopback"));
    }
    let deployment = Deployment::new();
    deployment.edit("disown.toml", "127.0.0.1:0", "[::1]:0");
    assert!(read(&deployment).is_ok());
}

#[test]
fn the_development_issuer_needs_three_things_at_once() {
    let deployment = Deployment::new();
    let local = read(&deployment).unwrap();
    assert!(local.allow_development(true).is_ok());
    let refused = local.allow_development(false).unwrap_err();
    assert!(refused.to_string().contains("--development"), "{refused}");
    // Even behind TLS it is not for other machines.
    deployment.edit("disown.toml", "plaintext = true", "tls = { certificate = \"a\", key = \"b\" }");
    deployment.edit("disown.toml", "127.0.0.1:0", "192.0.2.1:443");
    let exposed = read(&deployment).unwrap();
    assert!(matches!(exposed.allow_development(true), Err(InvalidConfig::Development)));
    deployment.edit("disown.toml", "urn:disown:development", "https://login.example.org");
    assert!(matches!(read(&deployment).unwrap().allow_development(true), Err(InvalidConfig::Development)));
    deployment.approved_by_people_alone();
    assert!(read(&deployment).unwrap().allow_development(false).is_ok());
}

/// Why a changed deployment does not become a broker.
async fn unbuilt(change: impl FnOnce(&Deployment)) -> AppError {
    let mut deployment = Deployment::new();
    change(&deployment);
    let Err(error) = deployment.build().await else { panic!("the broker was built") };
    // It did not begin to write.
    deployment.assert_log_is_empty().await;
    error
}

#[tokio::test]
async fn without_the_right_keys_nothing_starts() {
    let wrong = unbuilt(|deployment| fs::write(deployment.path("key-encryption-key"), "0".repeat(64)).unwrap()).await;
    assert!(matches!(wrong, AppError::Keyring(InvalidKeyring::Open)), "{wrong}");
    assert!(wrong.to_string().contains("another key-encryption key"), "{wrong}");

    let short = unbuilt(|deployment| fs::write(deployment.path("key-encryption-key"), "0123").unwrap()).await;
    assert!(short.to_string().contains("64 hexadecimal digits") && !short.to_string().contains("0123"), "{short}");

    let missing = unbuilt(|deployment| fs::remove_file(deployment.path("key-encryption-key")).unwrap()).await;
    assert!(missing.to_string().starts_with("`key_encryption_key`: "), "{missing}");

    let missing = unbuilt(|deployment| fs::remove_file(deployment.path("keyring.json")).unwrap()).await;
    assert!(matches!(missing, AppError::File { .. }) && missing.to_string().contains("keyring.json"), "{missing}");

    let none = unbuilt(|deployment| fs::write(deployment.path("keyring.json"), "{}").unwrap()).await;
    assert!(matches!(none, AppError::Keyring(InvalidKeyring::Form)), "{none}");

    let altered = unbuilt(|deployment| deployment.edit("keyring.json", "\"nonce\": \"", "\"nonce\": \"00")).await;
    assert!(matches!(altered, AppError::Keyring(_)), "{altered}");

    let no_issuer = unbuilt(|deployment| fs::write(deployment.path("jwks.json"), "{\"keys\": []}").unwrap()).await;
    assert!(no_issuer.to_string().contains("nobody could be authenticated"), "{no_issuer}");
}

#[tokio::test]
async fn a_keyring_without_a_signing_key_starts_nothing() {
    let error = unbuilt(|deployment| {
        let kek: [u8; 32] = hex::decode(fs::read_to_string(deployment.path("key-encryption-key")).unwrap())
            .unwrap()
            .try_into()
            .unwrap();
        let file: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(deployment.path("keyring.json")).unwrap()).unwrap();
        fs::write(deployment.path("keyring.json"), without_signing_key(&file, &kek).to_string()).unwrap();
    })
    .await;
    assert!(matches!(error, AppError::Keyring(InvalidKeyring::NoSigningKey)), "{error}");
    assert!(error.to_string().contains("no usable signing key"), "{error}");
}

/// The same keyring, sealed anew by its own key, with nothing where the seed of the signing key was.
fn without_signing_key(file: &serde_json::Value, kek: &[u8; 32]) -> serde_json::Value {
    use aes_gcm_siv::{
        Aes256GcmSiv, Nonce,
        aead::{Aead, KeyInit, Payload},
    };
    use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
    let text = |name: &str| file[name].as_str().unwrap();
    let nonce: [u8; 12] = hex::decode(text("nonce")).unwrap().try_into().unwrap();
    let (nonce, aad) = (Nonce::from(nonce), text("format").as_bytes());
    let cipher = Aes256GcmSiv::new(kek.into());
    let sealed = BASE64.decode(text("sealed")).unwrap();
    let plain = cipher.decrypt(&nonce, Payload { msg: &sealed, aad }).unwrap();
    let mut contents: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    contents["log_seed"] = "".into();
    let sealed = cipher.encrypt(&nonce, Payload { msg: contents.to_string().as_bytes(), aad }).unwrap();
    serde_json::json!({ "format": text("format"), "nonce": text("nonce"), "sealed": BASE64.encode(sealed) })
}

#[tokio::test]
async fn the_key_encryption_key_comes_from_a_file_or_a_command() {
    let file = "{ file = \"key-encryption-key\" }";
    let mut deployment = Deployment::new();
    let path = deployment.path("key-encryption-key").display().to_string();
    deployment.edit("disown.toml", file, &format!("{{ command = [\"cat\", \"{path}\"] }}"));
    assert!(deployment.build().await.is_ok());

    for (command, said) in [
        ("[]", "the command is empty"),
        ("[\"false\"]", "false ended with"),
        ("[\"disown-no-such-program\"]", "disown-no-such-program: "),
        ("[\"printf\", \"\\\\377\"]", "printed no text"),
        ("[\"true\"]", "64 hexadecimal digits"),
    ] {
        let error = unbuilt(|deployment| {
            deployment.edit("disown.toml", file, &format!("{{ command = {command} }}"));
        })
        .await;
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn the_key_encryption_key_comes_from_the_environment() {
    // Cargo gives every test this variable, so that none has to be set while other threads read the environment.
    let deployment = Deployment::new();
    let named = |name: &str| format!("{{ env = \"{name}\" }}");
    deployment.edit("disown.toml", "{ file = \"key-encryption-key\" }", &named("CARGO_PKG_NAME"));
    let source = read(&deployment).unwrap().key_encryption_key;
    assert_eq!(source, KeySource::Env("CARGO_PKG_NAME".to_owned()));
    // It was read, and `disown` is no key.
    let Err(error) = source.get() else { panic!("a key was made of it") };
    assert!(matches!(error, InvalidConfig::Key(InvalidKeyring::KeyEncryptionKey)), "{error}");
    let Err(error) = KeySource::Env("DISOWN_THERE_IS_NO_SUCH_KEY".to_owned()).get() else {
        panic!("a key from nowhere")
    };
    assert!(error.to_string().contains("the environment has no `DISOWN_THERE_IS_NO_SUCH_KEY`"), "{error}");
}

#[tokio::test]
async fn with_tls_a_client_that_knows_the_authority_connects_and_no_other() {
    let deployment = Deployment::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(deployment.path("chain.pem"), made.cert.pem()).unwrap();
    fs::write(deployment.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let tls = "tls = { certificate = \"chain.pem\", key = \"key.pem\" }";
    deployment.edit("disown.toml", "plaintext = true", tls);
    let broker = deployment.serve().await;
    let connect = async |scheme: &str, authority: &str| {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)).domain_name("localhost");
        let endpoint = Channel::from_shared(format!("{scheme}://{}", broker.address)).unwrap();
        let endpoint = if scheme == "https" { endpoint.tls_config(tls).unwrap() } else { endpoint };
        health(endpoint.connect_lazy()).await
    };
    assert_eq!(connect("https", &made.cert.pem()).await, Ok(ServingStatus::Serving));
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    assert!(connect("https", &other.cert.pem()).await.is_err());
    assert!(connect("http", &made.cert.pem()).await.is_err());
    broker.finish().await;
}

async fn health(channel: Channel) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest { service: "disown.v1.AccessService".to_owned() };
    let response = HealthClient::new(channel).check(request).await.map_err(|status| status.code())?;
    Ok(response.into_inner().status())
}

#[tokio::test]
async fn health_is_told_to_everybody_by_service() {
    let broker = TestBroker::empty().await;
    let mut client = HealthClient::new(broker.channel.clone());
    for service in ["", "disown.v1.AccessService", "disown.v1.IntakeService", "disown.v1.AuditService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let response = client.check(request).await.unwrap().into_inner();
        assert_eq!(response.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = client.check(HealthCheckRequest { service: "disown.v1.Other".to_owned() }).await.err().unwrap();
    assert_eq!(unknown.code(), Code::NotFound);
    broker.finish().await;
}

/// The services that reflection tells of.
async fn reflected(broker: &TestBroker) -> Result<Vec<String>, Code> {
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let asked = tokio_stream::iter([ServerReflectionRequest { host: String::new(), message_request }]);
    let mut client = ServerReflectionClient::new(broker.channel.clone());
    let response = client.server_reflection_info(Request::new(asked)).await.map_err(|status| status.code())?;
    match response.into_inner().message().await.unwrap().unwrap().message_response.unwrap() {
        MessageResponse::ListServicesResponse(list) => Ok(list.service.into_iter().map(|one| one.name).collect()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn reflection_is_off_unless_configured() {
    let broker = TestBroker::empty().await;
    assert_eq!(reflected(&broker).await, Err(Code::Unimplemented));
    let deployment = broker.stop().await;
    deployment.edit("disown.toml", "reflection = false", "reflection = true");
    let broker = deployment.serve().await;
    let services = reflected(&broker).await.unwrap();
    for service in ["disown.v1.AccessService", "disown.v1.IntakeService", "disown.v1.AuditService"] {
        assert!(services.iter().any(|one| one == service), "{services:?}");
    }
    broker.finish().await;
}
