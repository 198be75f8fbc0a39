//! Tokens, as they come (`token`), and header and claims that are then signed with the issuer's key (`signed`), so that what is
//! behind the signature is reached. Who is let in has a token that the issuer signed and that says so in as many words.
#![no_main]

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use disown::{
    clock::Clock,
    identity::{Caller, DEVELOPMENT_ISSUER, Thumbprint, Verifier},
};
use disown_fuzz::{AUDIENCE, CATALOGUE, clock, issuer, issuer_key, named, verifier, verify};
use ed25519_dalek::{Signature, Signer};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::{collections::HashSet, sync::LazyLock};

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| verifier(&issuer().jwks()).unwrap());

fuzz_target!(|text: &str| {
    let token = match named(text) {
        Some(("token", token)) => token.to_owned(),
        Some(("signed", parts)) => match named(parts) {
            Some((header, claims)) => signed(header, claims),
            None => return,
        },
        Some(("thumbprint", text)) => return thumbprint(text),
        _ => return,
    };
    if let Ok(caller) = verify(&VERIFIER, &token) {
        assert_good(&token, &caller);
    }
});

fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let signature = issuer_key().sign(message.as_bytes());
    format!("{message}.{}", BASE64.encode(signature.to_bytes()))
}

fn assert_good(token: &str, caller: &Caller) {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&BASE64.decode(signature).unwrap()).unwrap();
    issuer_key().verifying_key().verify_strict(message.as_bytes(), &signature).unwrap();

    let json = |part: &str| serde_json::from_slice::<Value>(&BASE64.decode(part).unwrap()).unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let (header, claims) = (json(header), json(claims));
    assert_eq!(header, serde_json::json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "development" }));
    assert_eq!((&claims["iss"], &claims["aud"]), (&DEVELOPMENT_ISSUER.into(), &AUDIENCE.into()));
    assert_eq!(
        (&claims["sub"], &claims["organisation"]),
        (&caller.id().as_str().into(), &caller.organisation().as_str().into())
    );
    assert_eq!(claims["roles"], Value::from(caller.roles()));
    assert_eq!(caller.roles().iter().collect::<HashSet<_>>().len(), caller.roles().len());
    assert!(!CATALOGUE.holds_identifier(caller.id().as_str()));
    assert!(!CATALOGUE.holds_identifier(caller.organisation().as_str()));

    let now = i128::from(clock().now().as_second());
    let time = |name: &str| i128::from(claims[name].as_i64().unwrap());
    let (issued, from, until) = (time("iat"), time("nbf"), time("exp"));
    assert!(until > issued && until - issued <= 600);
    assert!(issued <= now + 5 && from <= now + 5 && now < until + 5);
}

fn thumbprint(text: &str) {
    // A thumbprint has one spelling.
    if Thumbprint::parse(text).is_some() {
        assert_eq!(BASE64.encode(BASE64.decode(text).unwrap()), text);
        assert_eq!(text.len(), 43);
    }
}
