//! Attacks on tokens: all of them are told the same, and nothing else.

use super::tokens::{Forge, changed, knock};
use crate::harness::*;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use tonic::Code;

/// Each must be refused, and the good token let in before and after.
async fn assert_refused(attacks: impl FnOnce(&Forge) -> Vec<(String, String)>) {
    assert_refused_by(TestBroker::empty().await, attacks).await;
}

async fn assert_refused_by(broker: TestBroker, attacks: impl FnOnce(&Forge) -> Vec<(String, String)>) {
    let forge = Forge::of(&broker.deployment);
    let good = format!("Bearer {}", forge.good());
    knock(&broker, &[&good]).await.unwrap();
    for (name, token) in attacks(&forge) {
        assert_outside(&broker, &name, &[&format!("Bearer {token}")]).await;
    }
    knock(&broker, &[&good]).await.unwrap();
    broker.finish().await;
}

async fn assert_outside(broker: &TestBroker, name: &str, headers: &[&str]) {
    let Err(status) = knock(broker, headers).await else { panic!("{name}: let in") };
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "not authenticated"), "{name}");
    assert!(status.details().is_empty() && status.metadata().get("www-authenticate").is_none(), "{name}");
}

fn named(attacks: Vec<(&str, String)>) -> Vec<(String, String)> {
    attacks.into_iter().map(|(name, token)| (name.to_owned(), token)).collect()
}

#[tokio::test]
async fn another_algorithm_is_refused() {
    assert_refused(|forge| {
        let mut attacks = Vec::new();
        for alg in ["none", "None", "nOnE", "NONE", "", "EdDSA ", "eddsa", "ES256", "RS256", "HS256", "Ed25519"] {
            let header = changed(Forge::header(), json!({ "alg": alg }));
            attacks.push((format!("alg {alg}, unsigned"), forge.unsigned(header, |_| vec![])));
            attacks.push((format!("alg {alg}, signed"), forge.headed(json!({ "alg": alg }))));
        }
        let x = BASE64.encode(forge.public());
        for secret in [&forge.public()[..], x.as_bytes()] {
            let header = changed(Forge::header(), json!({ "alg": "HS256" }));
            let token = forge.unsigned(header, |message| {
                let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(message);
                mac.finalize().into_bytes().to_vec()
            });
            attacks.push(("the public key as a secret".to_owned(), token));
        }
        attacks
    })
    .await;
}

#[tokio::test]
async fn another_signature_is_refused() {
    assert_refused(|forge| {
        let good = forge.good();
        let (message, signature) = good.rsplit_once('.').unwrap();
        let raw = BASE64.decode(signature).unwrap();
        let other = SigningKey::from_bytes(&[7; 32]);
        let with = |bytes: &[u8]| format!("{message}.{}", BASE64.encode(bytes));
        let mut flipped = raw.clone();
        flipped[0] ^= 1;
        let claims = forge.claiming(json!({ "sub": "somebody.else" }));
        let swapped = format!("{}.{signature}", claims.rsplit_once('.').unwrap().0);
        named(vec![
            ("no signature", with(&[])),
            ("zeroes", with(&[0; 64])),
            ("cut short", with(&raw[..63])),
            ("with a byte more", with(&[&raw[..], &[0]].concat())),
            ("a bit flipped", with(&flipped)),
            ("somebody else's key", with(&other.sign(message.as_bytes()).to_bytes())),
            ("the signature of other claims", swapped),
            ("the neutral element", with(&[&[1][..], &[0; 63]].concat())),
        ])
    })
    .await;
}

#[tokio::test]
async fn another_key_id_is_refused() {
    assert_refused(|forge| {
        let huge = "k".repeat(4096);
        let ids = ["", "Development", "development ", "../../../dev/null", "/etc/passwd", "0", "development\0"];
        let sql = ["' OR '1'='1", "development'; DROP TABLE entry; --", &huge];
        let mut attacks: Vec<_> =
            ids.iter().chain(&sql).map(|kid| (format!("kid {kid}"), forge.headed(json!({ "kid": kid })))).collect();
        for kid in [json!(null), json!(1), json!(["development"]), json!({}), json!(true)] {
            attacks.push((format!("kid {kid}"), forge.headed(json!({ "kid": kid }))));
        }
        let twice = r#"{"alg":"EdDSA","typ":"at+jwt","kid":"x","kid":"development"}"#;
        attacks.push(("two kids".to_owned(), forge.signed(twice, &forge.claims().to_string())));
        attacks
    })
    .await;
}

#[tokio::test]
async fn a_header_that_says_more_is_refused() {
    assert_refused(|forge| {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(forge.public()) });
        let more = [
            json!({ "crit": ["b64"], "b64": true }),
            json!({ "crit": [] }),
            json!({ "crit": ["exp"] }),
            json!({ "b64": false }),
            json!({ "jku": "http://127.0.0.1:1/jwks.json" }),
            json!({ "x5u": "http://127.0.0.1:1/chain.pem" }),
            json!({ "jwk": jwk }),
            json!({ "x5c": ["MIIB"] }),
            json!({ "x5t#S256": "" }),
            json!({ "cty": "JWT" }),
            json!({ "zip": "DEF" }),
            json!({ "enc": "A256GCM" }),
            json!({ "p2c": 2_147_483_647 }),
            json!({ "x": 1 }),
        ];
        let mut attacks: Vec<_> = more.iter().map(|more| (more.to_string(), forge.headed(more.clone()))).collect();
        for typ in ["", "JWT", "jwt", "AT+JWT", "at+JWT", "at+jwt ", "application/at+jwt", "id+jwt", "refresh"] {
            attacks.push((format!("typ {typ}"), forge.headed(json!({ "typ": typ }))));
        }
        for typ in [json!(null), json!(["at+jwt"])] {
            attacks.push((format!("typ {typ}"), forge.headed(json!({ "typ": typ }))));
        }
        attacks
    })
    .await;
}

#[tokio::test]
async fn claims_of_another_form_are_refused() {
    assert_refused(|forge| {
        let changes = [
            json!({ "aud": ["disown"] }),
            json!({ "aud": ["disown", "other"] }),
            json!({ "aud": "other" }),
            json!({ "aud": "disown " }),
            json!({ "aud": "" }),
            json!({ "aud": { "disown": true } }),
            json!({ "aud": 1 }),
            json!({ "aud": null }),
            json!({ "iss": ["urn:disown:development"] }),
            json!({ "iss": "urn:disown:other" }),
            json!({ "iss": "urn:disown:development/" }),
            json!({ "iss": 7 }),
            json!({ "iss": null }),
            json!({ "sub": null }),
            json!({ "sub": "" }),
            json!({ "sub": "two\nlines" }),
            json!({ "sub": "Zoë" }),
            json!({ "sub": "s".repeat(129) }),
            json!({ "sub": ISOLATING }),
            json!({ "sub": format!("jy:{ISOLATING}") }),
            json!({ "sub": ISOLATING.to_lowercase() }),
            json!({ "sub": "visitor:V0000123" }),
            json!({ "organisation": null }),
            json!({ "organisation": "" }),
            json!({ "organisation": ["jersey-audit-office"] }),
            json!({ "organisation": ISOLATING }),
            json!({ "jti": null }),
            json!({ "jti": "" }),
            json!({ "jti": 1 }),
            json!({ "roles": null }),
            json!({ "roles": "auditor" }),
            json!({ "roles": [1] }),
            json!({ "roles": ["auditor", "auditor"] }),
        ];
        changes.into_iter().map(|change| (change.to_string(), forge.claiming(change))).collect()
    })
    .await;
}

#[tokio::test]
async fn json_that_can_be_read_two_ways_is_refused() {
    assert_refused(|forge| {
        let (header, claims) = (Forge::header().to_string(), forge.claims().to_string());
        let and = |more: &str| format!("{},{more}}}", claims.trim_end_matches('}'));
        let nested = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
        let mut attacks = vec![
            ("two roles", forge.signed(&header, &and(r#""roles":["clinician"]"#))),
            ("two roles, one spelt otherwise", forge.signed(&header, &and("\"r\\u006fles\":[\"clinician\"]"))),
            ("two exps", forge.signed(&header, &and(r#""exp":99999999999"#))),
            ("two auds", forge.signed(&header, &and(r#""aud":"disown""#))),
            ("a byte order mark", forge.signed(&header, &format!("\u{feff}{claims}"))),
            ("a byte order mark before the header", forge.signed(&format!("\u{feff}{header}"), &claims)),
            ("more after the claims", forge.signed(&header, &format!("{claims}{{}}"))),
            ("more after the header", forge.signed(&format!("{header} x"), &claims)),
            ("a null after the claims", forge.signed(&header, &format!("{claims}\0"))),
            ("deep nesting", forge.signed(&header, &claims.replace("[\"auditor\"]", &nested))),
            ("no object", forge.signed(&header, "[]")),
            ("nothing", forge.signed(&header, "")),
            ("two algs", forge.signed(&header.replacen('{', r#"{"alg":"none","#, 1), &claims)),
        ];
        let serialised =
            json!({ "protected": BASE64.encode(&header), "payload": BASE64.encode(&claims), "signature": "" });
        attacks.push(("JSON serialisation", serialised.to_string()));
        named(attacks)
    })
    .await;
}

#[tokio::test]
async fn base64_has_one_spelling() {
    assert_refused(|forge| {
        let good = forge.good();
        let [header, claims, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
        // 64 bytes end in a character of which four bits count.
        let last = signature.chars().last().unwrap();
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let other = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
        let uncanonical = format!("{}{other}", &signature[..signature.len() - 1]);
        named(vec![
            ("padded signature", format!("{good}==")),
            ("padded header", format!("{header}=.{claims}.{signature}")),
            ("trailing bits", format!("{header}.{claims}.{uncanonical}")),
            ("standard alphabet", format!("{header}.{claims}.{signature}+/")),
            ("a blank inside", format!("{header}. {claims}.{signature}")),
            ("four parts", format!("{good}.{signature}")),
            ("five parts, as JWE", format!("{header}.{claims}.{claims}.{claims}.{signature}")),
            ("two parts", format!("{header}.{claims}")),
            ("an empty header", format!(".{claims}.{signature}")),
            ("dots", "..".to_owned()),
            ("nothing", String::new()),
        ])
    })
    .await;
}

#[tokio::test]
async fn a_token_over_8_kib_is_not_looked_at() {
    // As the broker is laid out, headers of that size do not get as far as its verifier.
    let deployment = Deployment::new();
    deployment.limit("header_bytes", 32 * 1024);
    assert_refused_by(deployment.serve().await, |forge| {
        let padded = |length: usize| forge.claiming(json!({ "padding": "x".repeat(length) }));
        assert!(padded(6100).len() > 8 * 1024);
        vec![("8 KiB and more".to_owned(), padded(6100)), ("nearly 16 KiB".to_owned(), padded(11_000))]
    })
    .await;
}

#[tokio::test]
async fn one_header_with_one_bearer_token_is_needed() {
    let broker = TestBroker::empty().await;
    let forge = Forge::of(&broker.deployment);
    let (token, second) = (forge.good(), forge.claiming(json!({ "jti": "a2" })));
    let good = format!("Bearer {token}");
    for headers in [
        vec![],
        vec![good.as_str(), good.as_str()],
        vec![good.as_str(), "Basic YTpi"],
        vec!["Basic YTpi", good.as_str()],
        vec![&format!("bearer {token}")],
        vec![&format!("BEARER {token}")],
        vec![&format!("Bearer  {token}")],
        vec![&format!("Bearer\t{token}")],
        vec![&token],
        vec![&format!("Bearer {token},Bearer {second}")],
        vec![&format!("Bearer {token} {second}")],
        vec!["Bearer"],
        vec![""],
    ] {
        assert_outside(&broker, &format!("{} headers", headers.len()), &headers).await;
    }
    knock(&broker, &[&good]).await.unwrap();
    broker.finish().await;
}
