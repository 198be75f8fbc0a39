//! Tokens that are bound to a client certificate (RFC 8705), and those that are not.

use super::{
    signers::{ALGORITHMS, Signer},
    tokens::payload,
    trust::Trust,
};
use base64::{Engine, prelude::*};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[test]
fn a_token_and_its_certificate_come_together_or_not_at_all() {
    // Certificates of a chain, as the connection would show them: whose bytes they are does not matter here.
    let [ours, theirs, intermediate]: [&[u8]; 3] = [b"certificate A", b"certificate B", b"the issuer of both"];
    let x5t = |der: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(der));
    let upper = x5t(ours).to_uppercase();
    let in_hex = hex::encode(Sha256::digest(ours));
    let standard = BASE64_STANDARD.encode(Sha256::digest(ours));
    let cut = BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(ours)[..31]);
    let rows: Vec<(&str, Value, Option<&[u8]>, bool)> = vec![
        ("bound, with its certificate", json!({ "x5t#S256": x5t(ours) }), Some(ours), true),
        ("not bound, without a certificate", Value::Null, None, true),
        ("bound, on a connection with another certificate", json!({ "x5t#S256": x5t(ours) }), Some(theirs), false),
        ("bound, on a connection without a certificate", json!({ "x5t#S256": x5t(ours) }), None, false),
        ("not bound, on a connection with a certificate", Value::Null, Some(ours), false),
        ("bound to the issuer of the certificate", json!({ "x5t#S256": x5t(intermediate) }), Some(ours), false),
        ("bound in upper case", json!({ "x5t#S256": upper }), Some(ours), false),
        ("bound in hexadecimal", json!({ "x5t#S256": in_hex }), Some(ours), false),
        ("bound in the standard alphabet, padded", json!({ "x5t#S256": standard }), Some(ours), false),
        ("bound to the beginning", json!({ "x5t#S256": cut }), Some(ours), false),
        ("bound to nothing", json!({ "x5t#S256": "" }), Some(ours), false),
        ("bound by two at once", json!({ "x5t#S256": x5t(ours), "jkt": x5t(ours) }), Some(ours), false),
        ("bound by another name", json!({ "x5t": x5t(ours) }), Some(ours), false),
        ("bound to several", json!({ "x5t#S256": [x5t(ours)] }), Some(ours), false),
        ("bound by a key", json!({ "jkt": x5t(ours) }), None, false),
        ("bound by nothing", json!({}), None, false),
    ];
    for algorithm in ALGORITHMS {
        let signer = Signer::of(algorithm);
        let trust = Trust::in_one(&signer);
        for (name, confirmation, certificate, taken) in &rows {
            let token = trust.token(&signer, json!({ "cnf": confirmation }));
            assert_eq!(trust.takes_bound(&token, *certificate), *taken, "{name}");
            let told = if *taken { "accepted" } else { "refused" };
            println!("A14 {name} {} ... {told}", algorithm.as_str());
        }
    }
}

#[test]
fn a_binding_that_is_null_is_a_binding() {
    let signer = Signer::of(ALGORITHMS[0]);
    let trust = Trust::in_one(&signer);
    let claims = trust.token(&signer, json!({ "cnf": "taken out" }));
    let payload = payload(&claims).replace("\"taken out\"", "null");
    let token = signer.signed(&signer.header().to_string(), &payload);
    assert!(!trust.takes_bound(&token, None) && !trust.takes_bound(&token, Some(b"certificate A")));
}
