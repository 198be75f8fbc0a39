//! A07 to A09, A14 to A16, A18: claims of another form, of another time, of somebody else.

use super::{Attack, Forge, Verdict, refused};
use crate::harness::*;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

pub(super) fn all(forge: &Forge) -> Vec<Attack> {
    let changed = |row, changes: Vec<Value>| {
        refused(row, changes.into_iter().map(|change| (change.to_string(), forge.claiming(change))).collect())
    };
    let mut attacks = changed("A07", times(forge.now()));
    attacks.extend(changed("A08", audiences()));
    attacks.extend(changed("A09", issuers()));
    attacks.extend(changed("A09", names()));
    attacks.extend(changed("A14", bindings()));
    attacks.extend(changed("A16", lives(forge.now())));
    attacks.extend(changed("A18", odd_roles()));
    for roles in [
        json!(["auditor "]),
        json!(["Auditor"]),
        json!(["\u{430}uditor"]),
        json!(["auditor\0"]),
        json!(["*"]),
        json!([]),
    ] {
        let token = forge.claiming(json!({ "roles": roles }));
        attacks.push(Attack { row: "A18", name: format!("roles {roles}"), token, verdict: Verdict::Denied });
    }
    // Tokens are not used up: the module says why.
    let (name, token) = ("the same token again".to_owned(), forge.good());
    attacks.push(Attack { row: "A15", name, token, verdict: Verdict::Accepted });
    let (name, token) = ("a claim that is not known".to_owned(), forge.claiming(json!({ "scope": "x", "y": [1] })));
    attacks.push(Attack { row: "A11", name, token, verdict: Verdict::Accepted });
    attacks
}

fn times(now: i64) -> Vec<Value> {
    let odd = [
        json!(null),
        json!(now.to_string()),
        json!("NaN"),
        json!(now as f64 + 0.5),
        json!(now as f64),
        json!(1e300),
        json!(u64::MAX),
        json!(-1),
        json!(253_402_300_799_i64),
        json!([now]),
        json!({ "at": now }),
        json!(true),
    ];
    let with = |claim: &str, value: &Value| Value::Object([(claim.to_owned(), value.clone())].into_iter().collect());
    // Long ago is a good time to have begun.
    let good = |claim: &str, value: &Value| claim == "nbf" && *value == json!(-1);
    let all = ["exp", "nbf", "iat"].into_iter().flat_map(|claim| odd.iter().map(move |value| (claim, value)));
    all.filter(|(claim, value)| !good(claim, value)).map(|(claim, value)| with(claim, value)).collect()
}

fn lives(now: i64) -> Vec<Value> {
    vec![
        json!({ "exp": now + 601 }),
        json!({ "iat": now - 300, "exp": now + 301 }),
        json!({ "exp": now, "iat": now }),
        json!({ "iat": now + 3, "exp": now + 2 }),
        json!({ "iat": now + 6, "exp": now + 600 }),
        json!({ "nbf": now + 6 }),
        json!({ "iat": now - 300, "nbf": now - 300, "exp": now - 5 }),
        json!({ "iat": i64::MIN, "exp": i64::MAX }),
        json!({ "iat": i64::MAX, "exp": i64::MIN }),
        json!({ "exp": -1, "iat": -600, "nbf": -600 }),
    ]
}

fn audiences() -> Vec<Value> {
    vec![
        json!({ "aud": ["disown"] }),
        json!({ "aud": ["disown", "other"] }),
        json!({ "aud": "other" }),
        json!({ "aud": "disown " }),
        json!({ "aud": "Disown" }),
        json!({ "aud": "" }),
        json!({ "aud": { "disown": true } }),
        json!({ "aud": 1 }),
        json!({ "aud": null }),
    ]
}

fn issuers() -> Vec<Value> {
    vec![
        json!({ "iss": ["urn:disown:development"] }),
        json!({ "iss": "urn:disown:other" }),
        json!({ "iss": "urn:disown:development/" }),
        json!({ "iss": "URN:disown:development" }),
        json!({ "iss": "" }),
        json!({ "iss": 7 }),
        json!({ "iss": null }),
    ]
}

fn names() -> Vec<Value> {
    vec![
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "sub": ["auditor.pallot"] }),
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
        json!({ "organisation": { "organisation": "jersey-audit-office" } }),
        json!({ "organisation": ISOLATING }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": 1 }),
        json!({ "act": { "sub": "somebody.else" } }),
        json!({ "act": false }),
    ]
}

/// The connection has no client certificate: a token that is bound to one is nobody's.
fn bindings() -> Vec<Value> {
    let thumbprint = BASE64.encode([7; 32]);
    vec![
        json!({ "cnf": { "x5t#S256": thumbprint } }),
        json!({ "cnf": { "x5t#S256": "" } }),
        json!({ "cnf": { "jkt": thumbprint } }),
        json!({ "cnf": {} }),
        json!({ "cnf": [] }),
        json!({ "cnf": "" }),
        json!({ "cnf": false }),
    ]
}

fn odd_roles() -> Vec<Value> {
    vec![
        json!({ "roles": null }),
        json!({ "roles": "auditor" }),
        json!({ "roles": [1] }),
        json!({ "roles": [["auditor"]] }),
        json!({ "roles": { "0": "auditor" } }),
        json!({ "roles": ["auditor", "auditor"] }),
    ]
}
