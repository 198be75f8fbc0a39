//! Key sets that are not taken, each as a whole, and why.

use super::signers::{ALGORITHMS, Signer, jwks};
use super::tokens::changed;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use disown::identity::{Algorithm, InvalidKey, InvalidKeySet, KeySet, self_test};
use rcgen::RsaKeySize;
use serde_json::{Value, json};

fn parsed(set: &str, algorithm: Algorithm) -> Result<(), InvalidKeySet> {
    KeySet::parse(set.as_bytes(), algorithm).map(drop)
}

/// Why a key is not taken beside a good one.
fn fault(algorithm: Algorithm, key: Value) -> Option<InvalidKey> {
    let good = changed(Signer::of(algorithm).jwk(), json!({ "kid": "good" }));
    match parsed(&jwks(&[good, key]), algorithm) {
        Ok(()) => None,
        Err(InvalidKeySet::Key(1, why)) => Some(why),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_key_that_must_not_be_there_refuses_the_set() {
    for algorithm in ALGORITHMS {
        let key = Signer::of(algorithm).jwk();
        let with = |changes: Value| fault(algorithm, changed(key.clone(), changes));
        assert_eq!(with(json!({})), None);
        assert_eq!(with(json!({ "use": null })), None);
        assert_eq!(with(json!({ "use": null, "key_ops": ["verify"] })), None);
        // What others publish beside a key is not looked at.
        assert_eq!(with(json!({ "x5c": ["MIIB"], "x5t": "a", "x5t#S256": "b", "nbf": 1 })), None);
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert_eq!(with(json!({ member: "AQAB" })), Some(InvalidKey::Private), "{member}");
        }
        assert_eq!(with(json!({ "kty": "oct" })), Some(InvalidKey::Private));
        for alg in [json!(null), json!("HS256"), json!("none"), json!("ES384"), json!("PS256"), json!("eddsa")] {
            assert_eq!(with(json!({ "alg": alg })), Some(InvalidKey::Algorithm(algorithm)), "{alg}");
        }
        for usage in [json!("enc"), json!("SIG"), json!("")] {
            assert_eq!(with(json!({ "use": usage })), Some(InvalidKey::Use));
        }
        for operations in
            [json!([]), json!(["encrypt"]), json!(["sign"]), json!(["sign", "verify"]), json!(["verify", "verify"])]
        {
            assert_eq!(with(json!({ "key_ops": operations })), Some(InvalidKey::Use));
        }
        for (name, form) in [
            ("alg", json!(1)),
            ("use", json!(["sig"])),
            ("key_ops", json!("verify")),
            ("kid", json!(1)),
            ("kty", json!(null)),
        ] {
            assert_eq!(with(json!({ name: form })), Some(InvalidKey::Form), "{name}");
        }
        for kid in [json!(null), json!(""), json!("good")] {
            assert_eq!(with(json!({ "kid": kid })), Some(InvalidKey::Kid));
        }
        for other in ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
            let mut key = Signer::of(other).jwk();
            assert_eq!(fault(algorithm, key.clone()), Some(InvalidKey::Algorithm(algorithm)));
            // A key of another kind that says it is for this algorithm.
            key["alg"] = algorithm.as_str().into();
            assert!(matches!(fault(algorithm, key), Some(InvalidKey::Curve | InvalidKey::Rsa)));
        }
    }
}

#[test]
fn a_point_is_on_its_curve_and_not_everybodys() {
    let ed = Signer::of(Algorithm::EdDsa).jwk();
    let with = |changes: Value| fault(Algorithm::EdDsa, changed(ed.clone(), changes));
    let x = BASE64.decode(ed["x"].as_str().unwrap()).unwrap();
    let text = |bytes: &[u8]| json!({ "x": BASE64.encode(bytes) });
    // Anybody signs for the neutral element and the other points of small order; the last is no point.
    let small = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
    let neutral = [&[1][..], &[0; 31]].concat();
    let none = [&[2][..], &[0; 31]].concat();
    for bytes in
        [neutral, vec![0; 32], hex::decode(small).unwrap(), none, x[..31].to_vec(), [&x[..], &[0]].concat(), vec![]]
    {
        assert_eq!(with(text(&bytes)), Some(InvalidKey::Curve), "{}", hex::encode(&bytes));
    }
    for changes in [
        json!({ "crv": "Ed448" }),
        json!({ "crv": "X25519" }),
        json!({ "crv": null }),
        json!({ "kty": "EC" }),
        json!({ "x": null }),
    ] {
        assert_eq!(with(changes), Some(InvalidKey::Curve));
    }
    assert_eq!(with(json!({ "x": format!("{}=", ed["x"].as_str().unwrap()) })), Some(InvalidKey::Curve));

    let ec = Signer::of(Algorithm::Es256).jwk();
    let with = |changes: Value| fault(Algorithm::Es256, changed(ec.clone(), changes));
    let mut y = BASE64.decode(ec["y"].as_str().unwrap()).unwrap();
    y[31] ^= 1;
    for changes in [
        json!({ "y": BASE64.encode(&y) }),
        json!({ "x": ec["y"], "y": ec["x"] }),
        json!({ "x": BASE64.encode([0; 32]), "y": BASE64.encode([0; 32]) }),
        json!({ "x": BASE64.encode([&[0][..], &BASE64.decode(ec["x"].as_str().unwrap()).unwrap()].concat()) }),
        json!({ "x": "" }),
        json!({ "y": null }),
        json!({ "crv": "P-384" }),
        json!({ "crv": "secp256k1" }),
        json!({ "kty": "OKP" }),
    ] {
        assert_eq!(with(changes.clone()), Some(InvalidKey::Curve), "{changes}");
    }
}

#[test]
fn an_rsa_key_is_large_and_usual() {
    let rsa = Signer::of(Algorithm::Rs256).jwk();
    let with = |changes: Value| fault(Algorithm::Rs256, changed(rsa.clone(), changes));
    let n = BASE64.decode(rsa["n"].as_str().unwrap()).unwrap();
    let text = |bytes: &[u8]| json!({ "n": BASE64.encode(bytes) });
    let even = [&n[..255], &[n[255] & 0xfe]].concat();
    let bits_2047 = [&[0x7f][..], &n[1..]].concat();
    let large = [&[0x80][..], &vec![0; 1023], &[1]].concat();
    for bytes in [even, bits_2047, n[..128].to_vec(), [&[0][..], &n].concat(), large, vec![]] {
        assert_eq!(with(text(&bytes)), Some(InvalidKey::Rsa), "{} bytes", bytes.len());
    }
    for e in ["AQ", "Aw", "AAEAAQ", "AQAC", "AQABAA", ""] {
        assert_eq!(with(json!({ "e": e })), Some(InvalidKey::Rsa), "{e}");
    }
    assert_eq!(with(json!({ "kty": "EC" })), Some(InvalidKey::Rsa));
    assert_eq!(fault(Algorithm::Rs256, Signer::rsa(RsaKeySize::_3072, "3072").jwk()), None);
}

#[test]
fn an_rsa_key_of_the_broken_generator_is_refused() {
    let rsa = Signer::of(Algorithm::Rs256).jwk();
    // What the generator's moduli are modulo every small prime, this number is outright: a power of 65537, here the 128th.
    let mut n = vec![1_u8];
    for _ in 0..128 {
        let (shifted, plain) = ([&n[..], &[0, 0]].concat(), [&[0, 0], &n[..]].concat());
        let mut carry = 0;
        n = shifted;
        for at in (0..n.len()).rev() {
            let sum = u16::from(n[at]) + u16::from(plain[at]) + carry;
            (n[at], carry) = ((sum & 0xff) as u8, sum >> 8);
        }
    }
    assert_eq!((n.len(), n[0]), (257, 1));
    let with = |n: &[u8]| fault(Algorithm::Rs256, changed(rsa.clone(), json!({ "n": BASE64.encode(n) })));
    assert_eq!(with(&n), Some(InvalidKey::Rsa));
    n[200] ^= 1;
    assert_eq!(with(&n), None);
}

#[test]
fn what_is_no_key_set_is_refused() {
    for algorithm in ALGORITHMS {
        let key = Signer::of(algorithm).jwk();
        let set = jwks(std::slice::from_ref(&key));
        let twice = set.replacen('{', "{\"keys\":[],", 1);
        let kid_twice = set.replacen("\"kid\"", "\"kid\":\"a\",\"kid\"", 1);
        assert!(parsed(&set, algorithm).is_ok());
        for set in [
            "",
            "null",
            "[]",
            "{}",
            "{\"keys\":{}}",
            "{\"keys\":[1]}",
            "{\"keys\":[[]]}",
            &key.to_string(),
            &twice,
            &kid_twice,
        ] {
            assert!(matches!(parsed(set, algorithm), Err(InvalidKeySet::Form(_) | InvalidKeySet::Keys)), "{set}");
        }
        assert!(matches!(parsed("{\"keys\":[]}", algorithm), Err(InvalidKeySet::Empty)));
    }
}

#[test]
fn an_error_does_not_repeat_the_key() {
    let private = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "a", "x": "b", "d": "s3cret" });
    let told = [
        parsed(&jwks(&[private]), Algorithm::EdDsa).unwrap_err(),
        parsed("{\"keys\":[{\"d\":\"s3cret\",\"d\":\"s3cret\"}]}", Algorithm::EdDsa).unwrap_err(),
        parsed("{\"keys\":[{\"kty\":[\"s3cret\"]}]}", Algorithm::EdDsa).unwrap_err(),
        parsed("\"s3cret\"", Algorithm::EdDsa).unwrap_err(),
    ];
    for error in told {
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[test]
fn the_cryptography_of_this_build_is_as_it_must_be() {
    self_test().unwrap();
    assert!(rustls::crypto::CryptoProvider::get_default().is_some());
}
