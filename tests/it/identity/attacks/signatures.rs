//! A01 to A03 and A13: another algorithm, another signature, another spelling of it.

use super::{Attack, Forge, Verdict, refused};
use crate::identity::signers::{ALGORITHMS, Signer};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use disown::identity::Algorithm;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

pub(super) fn all(forge: &Forge) -> Vec<Attack> {
    let mut attacks = refused("A01", no_signature(forge));
    attacks.extend(refused("A02", another_algorithm(forge)));
    attacks.extend(refused("A03", another_signature(forge)));
    attacks.extend(refused("A13", another_spelling(forge)));
    if forge.signer.algorithm == Algorithm::Es256 {
        attacks.extend(refused("A03", no_ecdsa_signature(forge)));
        // Not a forgery: a signer makes `s` or `n - s` by chance, and nothing hangs on which.
        let (token, name) = (resigned(forge, other_s), "the other s of the same signature".to_owned());
        attacks.push(Attack { row: "A03", name, token, verdict: Verdict::Accepted });
    }
    attacks
}

fn no_signature(forge: &Forge) -> Vec<(String, String)> {
    let mut attacks: Vec<_> = ["none", "None", "nOnE", "NONE", ""]
        .iter()
        .map(|alg| (format!("alg {alg}, unsigned"), forge.unsigned(json!({ "alg": alg }), |_| vec![])))
        .collect();
    attacks.push(("no signature".to_owned(), forge.unsigned(json!({}), |_| vec![])));
    attacks
}

fn another_algorithm(forge: &Forge) -> Vec<(String, String)> {
    let ours = forge.signer.algorithm.as_str();
    let others = [
        "none", "EdDSA", "Ed25519", "ES256", "ES256K", "ES384", "RS256", "RS384", "PS256", "HS256", "HS512",
        "RSA-OAEP", "dir",
    ];
    let spelt = [ours.to_lowercase(), format!("{ours} "), format!(" {ours}"), format!("{ours}\0")];
    let others = others.iter().map(|alg| (*alg).to_owned()).filter(|alg| alg != ours);
    let mut attacks: Vec<_> =
        others.chain(spelt).map(|alg| (format!("alg {alg}, signed"), forge.headed(json!({ "alg": alg })))).collect();
    for algorithm in ALGORITHMS.into_iter().filter(|other| *other != forge.signer.algorithm) {
        let other = Signer::of(algorithm);
        let kid = forge.header()["kid"].clone();
        for alg in [algorithm.as_str(), ours] {
            let header = json!({ "alg": alg, "typ": "at+jwt", "kid": kid }).to_string();
            let name = format!("alg {alg}, signed by a key for {}", algorithm.as_str());
            attacks.push((name, other.signed(&header, &forge.claims().to_string())));
        }
    }
    let bare = forge.signer.bare();
    let bytes = bare.get("x").or(bare.get("n")).unwrap().as_str().unwrap();
    for (name, secret) in [
        ("bytes", BASE64.decode(bytes).unwrap()),
        ("text", bytes.as_bytes().to_vec()),
        ("JWK", forge.signer.jwk().to_string().into_bytes()),
        ("nothing", vec![]),
    ] {
        let token = forge.unsigned(json!({ "alg": "HS256" }), |message| {
            let mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap().chain_update(message);
            mac.finalize().into_bytes().to_vec()
        });
        attacks.push((format!("the public key as a secret, its {name}"), token));
    }
    attacks
}

/// The good token with something done to the bytes of its signature.
fn resigned(forge: &Forge, change: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let good = forge.good();
    let (message, signature) = good.rsplit_once('.').unwrap();
    format!("{message}.{}", BASE64.encode(change(&BASE64.decode(signature).unwrap())))
}

fn another_signature(forge: &Forge) -> Vec<(String, String)> {
    let other = Signer::new(forge.signer.algorithm, "key-1");
    let good = forge.good();
    let signature = good.rsplit_once('.').unwrap().1;
    let claims = forge.claiming(json!({ "sub": "somebody.else" }));
    let swapped = format!("{}.{signature}", claims.rsplit_once('.').unwrap().0);
    let stolen = other.signed(&forge.header().to_string(), &forge.claims().to_string());
    [
        ("zeroes", resigned(forge, |raw| vec![0; raw.len()])),
        ("ones", resigned(forge, |raw| vec![0xff; raw.len()])),
        ("cut short", resigned(forge, |raw| raw[..raw.len() - 1].to_vec())),
        ("with a byte more", resigned(forge, |raw| [raw, &[0]].concat())),
        ("with a byte before", resigned(forge, |raw| [&[0], raw].concat())),
        ("twice", resigned(forge, |raw| [raw, raw].concat())),
        ("a bit flipped", resigned(forge, |raw| [&[raw[0] ^ 1], &raw[1..]].concat())),
        ("the last bit flipped", resigned(forge, |raw| [&raw[..raw.len() - 1], &[raw[raw.len() - 1] ^ 1]].concat())),
        ("the neutral element", resigned(forge, |raw| [&[1][..], &vec![0; raw.len() - 1]].concat())),
        ("somebody else's key of that name", stolen),
        ("the signature of other claims", swapped),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .to_vec()
}

/// The order of P-256.
const N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn no_ecdsa_signature(forge: &Forge) -> Vec<(String, String)> {
    let n = hex::decode(N).unwrap();
    let one = [&[0; 31][..], &[1]].concat();
    let number = |which: usize| [vec![0; 32], one.clone(), n.clone(), vec![0xff; 32]][which].clone();
    let names = ["0", "1", "n", "2^256-1"];
    let mut attacks = Vec::new();
    for (r, s) in (0..16).map(|at| (at / 4, at % 4)) {
        let psychic = resigned(forge, |_| [number(r), number(s)].concat());
        attacks.push((format!("psychic signature r={} s={}", names[r], names[s]), psychic));
    }
    attacks.push(("DER instead of raw".to_owned(), resigned(forge, der)));
    attacks.push(("r and s the other way round".to_owned(), resigned(forge, |raw| [&raw[32..], &raw[..32]].concat())));
    let halves = |raw: &[u8]| [&[0][..], &raw[..32], &[0], &raw[32..]].concat();
    attacks.push(("r and s with leading zeroes".to_owned(), resigned(forge, halves)));
    attacks
}

fn other_s(raw: &[u8]) -> Vec<u8> {
    let n = hex::decode(N).unwrap();
    let (mut other, mut borrow) = (vec![0; 32], 0);
    for at in (0..32).rev() {
        let difference = i32::from(n[at]) - i32::from(raw[32 + at]) - borrow;
        borrow = i32::from(difference < 0);
        other[at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    [&raw[..32], &other].concat()
}

fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let bytes = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap()..];
        let sign = if bytes[0] >= 0x80 { &[0][..] } else { &[] };
        [&[2, u8::try_from(sign.len() + bytes.len()).unwrap()], sign, bytes].concat()
    };
    let both = [integer(&raw[..32]), integer(&raw[32..])].concat();
    [&[0x30, u8::try_from(both.len()).unwrap()], &both[..]].concat()
}

fn another_spelling(forge: &Forge) -> Vec<(String, String)> {
    let good = forge.good();
    let [header, claims, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    [
        ("padded signature", format!("{good}==")),
        ("padded header", format!("{header}=.{claims}.{signature}")),
        ("padded claims", format!("{header}.{claims}=.{signature}")),
        ("trailing bits of the signature", format!("{header}.{claims}.{}", other_bits(signature))),
        ("standard alphabet", format!("{header}.{claims}.{signature}+/")),
        ("a blank inside", format!("{header}. {claims}.{signature}")),
        ("a blank at the end", format!("{good} ")),
        ("four parts", format!("{good}.{signature}")),
        ("an empty fourth part", format!("{good}.")),
        ("two parts", format!("{header}.{claims}")),
        ("an empty header", format!(".{claims}.{signature}")),
        ("empty claims", format!("{header}..{signature}")),
        ("dots", "..".to_owned()),
        ("nothing", String::new()),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .to_vec()
}

/// The same bytes in other letters: the last letter of 64 and of 256 bytes has four bits that do not count.
fn other_bits(text: &str) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = text.chars().last().unwrap();
    let other = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    format!("{}{other}", &text[..text.len() - 1])
}
