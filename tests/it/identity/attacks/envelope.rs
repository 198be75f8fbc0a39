//! A04 to A06, A10 to A12: what a header may not say, and what is no token at all.

use super::{Attack, Forge, refused};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::json;

pub(super) fn all(forge: &Forge) -> Vec<Attack> {
    let mut attacks = refused("A04", keys_brought_along(forge));
    attacks.extend(refused("A05", another_key_id(forge)));
    attacks.extend(refused("A06", critical(forge)));
    attacks.extend(refused("A10", another_kind(forge)));
    attacks.extend(refused("A11", read_two_ways(forge)));
    attacks.extend(refused("A12", another_form(forge)));
    attacks
}

fn keys_brought_along(forge: &Forge) -> Vec<(String, String)> {
    let more = [
        json!({ "jku": "http://127.0.0.1:1/jwks.json" }),
        json!({ "jku": "https://identity.example/jwks.json" }),
        json!({ "x5u": "http://127.0.0.1:1/chain.pem" }),
        json!({ "jwk": forge.signer.bare() }),
        json!({ "x5c": ["MIIB"] }),
        json!({ "x5t": "" }),
        json!({ "x5t#S256": "" }),
    ];
    more.iter()
        .map(|more| (more.as_object().unwrap().keys().next().unwrap().clone(), forge.headed(more.clone())))
        .collect()
}

fn another_key_id(forge: &Forge) -> Vec<(String, String)> {
    let ours = forge.header()["kid"].as_str().unwrap().to_owned();
    let (upper, blank, null) = (ours.to_uppercase(), format!("{ours} "), format!("{ours}\0"));
    let (sql, huge) = (format!("{ours}'; DROP TABLE entry; --"), "k".repeat(4096));
    let ids = ["", &upper, &blank, &null, "../../../dev/null", "/etc/passwd", "0", "' OR '1'='1", &sql, &huge];
    let short = |kid: &str| kid.chars().take(40).collect::<String>();
    let mut attacks: Vec<_> =
        ids.iter().map(|kid| (format!("kid {}", short(kid)), forge.headed(json!({ "kid": kid })))).collect();
    for kid in [json!(null), json!(1), json!([ours]), json!({}), json!(true)] {
        attacks.push((format!("kid {kid}"), forge.headed(json!({ "kid": kid }))));
    }
    let claims = forge.claims().to_string();
    let header = forge.header().to_string();
    attacks.push(("kid twice".to_owned(), forge.signed(&header.replacen('{', "{\"kid\":\"x\",", 1), &claims)));
    let given_null = header.replacen(&format!("\"{ours}\""), "null", 1);
    attacks.push(("kid given as null".to_owned(), forge.signed(&given_null, &claims)));
    attacks
}

fn critical(forge: &Forge) -> Vec<(String, String)> {
    let more = [
        json!({ "crit": ["b64"], "b64": true }),
        json!({ "crit": ["b64"], "b64": false }),
        json!({ "crit": [] }),
        json!({ "crit": ["exp"], "exp": forge.now() + 600 }),
        json!({ "b64": false }),
        json!({ "b64": true }),
        json!({ "x": 1 }),
    ];
    more.iter().map(|more| (more.to_string(), forge.headed(more.clone()))).collect()
}

fn another_kind(forge: &Forge) -> Vec<(String, String)> {
    let kinds =
        ["", "JWT", "jwt", "AT+JWT", "at+JWT", "at+jwt ", "application/at+jwt", "id+jwt", "refresh", "logout+jwt"];
    let mut attacks: Vec<_> =
        kinds.iter().map(|typ| (format!("typ {typ}"), forge.headed(json!({ "typ": typ })))).collect();
    for typ in [json!(null), json!(["at+jwt"]), json!(1)] {
        attacks.push((format!("typ {typ}"), forge.headed(json!({ "typ": typ }))));
    }
    attacks
}

fn read_two_ways(forge: &Forge) -> Vec<(String, String)> {
    let (header, claims) = (forge.header().to_string(), forge.claims().to_string());
    let and = |more: &str| format!("{},{more}}}", claims.strip_suffix('}').unwrap());
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let array = format!(
        "[{}]",
        json!([forge.header()["alg"], "at+jwt", forge.header()["kid"]]).to_string().trim_matches(['[', ']'])
    );
    let padded = |length: usize| forge.claiming(json!({ "padding": "x".repeat(length) }));
    [
        ("two roles", forge.signed(&header, &and(r#""roles":["clinician"]"#))),
        ("two roles, one spelt otherwise", forge.signed(&header, &and("\"r\\u006fles\":[\"clinician\"]"))),
        ("two exps", forge.signed(&header, &and(r#""exp":99999999999"#))),
        ("two auds", forge.signed(&header, &and(r#""aud":"disown""#))),
        ("two isss", forge.signed(&header, &and(r#""iss":"urn:disown:development""#))),
        ("two of a claim nobody reads", forge.signed(&header, &and(r#""x":1,"x":1"#))),
        ("two of one in a claim nobody reads", forge.signed(&header, &and(r#""x":[{"y":{"z":1,"z":2}}]"#))),
        ("a byte order mark", forge.signed(&header, &format!("\u{feff}{claims}"))),
        ("a byte order mark before the header", forge.signed(&format!("\u{feff}{header}"), &claims)),
        ("more after the claims", forge.signed(&header, &format!("{claims}{{}}"))),
        ("more after the header", forge.signed(&format!("{header} x"), &claims)),
        ("a null after the claims", forge.signed(&header, &format!("{claims}\0"))),
        ("a comment", forge.signed(&header, &format!("{claims}//"))),
        ("half a surrogate", forge.signed(&header, &and(r#""x":"\ud800""#))),
        ("deep nesting for roles", forge.signed(&header, &claims.replace("[\"auditor\"]", &nested(2000)))),
        ("deep nesting elsewhere", forge.signed(&header, &and(&format!("\"x\":{}", nested(1000))))),
        ("an array for the header", forge.signed(&array, &claims)),
        ("an array for the claims", forge.signed(&header, &format!("[{claims}]"))),
        ("an empty array", forge.signed(&header, "[]")),
        ("null", forge.signed(&header, "null")),
        ("nothing", forge.signed(&header, "")),
        ("two algs", forge.signed(&header.replacen('{', r#"{"alg":"none","#, 1), &claims)),
        ("8 KiB and more", padded(6100)),
        ("nearly 16 KiB", padded(11_000)),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .to_vec()
}

fn another_form(forge: &Forge) -> Vec<(String, String)> {
    let good = forge.good();
    let [header, claims, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let flat = json!({ "protected": header, "payload": claims, "signature": signature }).to_string();
    let signatures = json!([{ "protected": header, "signature": signature }]);
    let general = json!({ "payload": claims, "signatures": signatures }).to_string();
    let jwe = BASE64.encode(json!({ "alg": "dir", "enc": "A256GCM" }).to_string());
    let mut attacks = vec![
        ("JSON serialisation, flattened".to_owned(), flat.clone()),
        ("JSON serialisation, general".to_owned(), general),
        ("both at once".to_owned(), format!("{}.{claims}.{signature}", BASE64.encode(&flat))),
        ("JWE".to_owned(), format!("{jwe}..{claims}.{claims}.{signature}")),
        ("five parts".to_owned(), format!("{header}.{claims}.{claims}.{claims}.{signature}")),
    ];
    for more in [
        json!({ "zip": "DEF" }),
        json!({ "enc": "A256GCM" }),
        json!({ "cty": "JWT" }),
        json!({ "alg": "PBES2-HS256+A128KW", "p2c": 2_147_483_647, "p2s": "AAAA" }),
        json!({ "epk": forge.signer.bare() }),
    ] {
        attacks.push((more.as_object().unwrap().keys().next_back().unwrap().clone(), forge.headed(more)));
    }
    attacks
}
