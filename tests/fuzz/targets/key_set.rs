//! Key sets (`jwks`) and the development issuer's own key (`pem`). A set lets no token pass whose key is
//! not in it.
#![no_main]

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use disown::identity::DevelopmentIssuer;
use disown_fuzz::{AUDIENCE, KnownEntropy, clock, issuer, issuer_key, named, verifier, verify};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| match named(text) {
    Some(("jwks", set)) => check(set),
    Some(("pem", pem)) => {
        if let Ok(issuer) = DevelopmentIssuer::from_pem(pem) {
            let again = DevelopmentIssuer::from_pem(&issuer.to_pem().unwrap()).unwrap();
            assert_eq!(again.jwks(), issuer.jwks());
        }
    }
    _ => {}
});

fn check(set: &str) {
    let Some(verifier) = verifier(set) else { return };
    let set: Value = serde_json::from_str(set).unwrap();
    let keys = set["keys"].as_array().unwrap();
    let token = issuer().token("somebody", "somewhere", &[], AUDIENCE, &*clock(), &KnownEntropy).unwrap();
    let own = issuer_key().verifying_key().to_bytes();
    let is_own = |key: &Value| key["x"].as_str().is_some_and(|x| BASE64.decode(x).is_ok_and(|x| x == own));
    assert!(verify(&verifier, &token).is_err() || keys.iter().any(is_own));
}
