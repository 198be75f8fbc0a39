//! Published test vectors, at the functions that verify every token: key sets, compact JWS, bare signatures.
//!
//! `DISOWN_VECTORS` names a folder with them. What is invalid must be refused. What is valid is accepted, or refused for a reason
//! that is listed: we take fewer algorithms, and only what is signed and in compact form.

use super::signers::{ALGORITHMS, jwks};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use disown::identity::{Algorithm, KeySet, jws};
use serde_json::{Value, json};
use std::{collections::BTreeMap, env, fs, path::Path, process::Command};

/// What became of the vectors of one file.
#[derive(Default)]
struct Tally {
    invalid: usize,
    accepted: usize,
    reasons: BTreeMap<String, usize>,
}

impl Tally {
    fn invalid(&mut self, accepted: bool, what: &str) {
        assert!(!accepted, "accepted, though it is invalid: {what}");
        self.invalid += 1;
    }

    fn valid(&mut self, accepted: bool, reason: Option<String>, what: &str) {
        match reason {
            None => {
                assert!(accepted, "refused, though it is valid: {what}");
                self.accepted += 1;
            }
            Some(reason) => {
                assert!(!accepted, "accepted, though {reason}: {what}");
                *self.reasons.entry(reason).or_default() += 1;
            }
        }
    }

    fn judge(&mut self, result: &Value, accepted: bool, reason: impl FnOnce() -> Option<String>, what: &str) {
        match result.as_str().unwrap() {
            "valid" => self.valid(accepted, reason(), what),
            "invalid" => self.invalid(accepted, what),
            other => panic!("{what}: `{other}`"),
        }
    }

    fn print(&self, file: &str) -> usize {
        let refused: usize = self.reasons.values().sum();
        println!(
            "{file}: {} invalid refused, {} valid accepted, {refused} valid refused on purpose",
            self.invalid, self.accepted
        );
        for (reason, count) in &self.reasons {
            println!("    {count} refused on purpose: {reason}");
        }
        self.invalid + self.accepted + refused
    }
}

#[test]
fn published_vectors_are_judged_as_they_must_be() {
    let Some(folder) = env::var_os("DISOWN_VECTORS") else {
        println!("SKIPPED vectors of JWS, JWK and signatures: DISOWN_VECTORS is not set");
        return;
    };
    let folder = Path::new(&folder);
    let mut count = 0;
    for file in ["json_web_signature_test", "json_web_key_test", "json_web_crypto_test"] {
        count += messages(&wycheproof(folder, file)).print(file);
    }
    let p256 = |group: &Value| {
        let point = hex::decode(group["publicKey"]["uncompressed"].as_str().unwrap()).unwrap();
        json!({ "kty": "EC", "crv": "P-256", "x": BASE64.encode(&point[1..33]), "y": BASE64.encode(&point[33..]) })
    };
    let file = "ecdsa_secp256r1_sha256_p1363_test";
    count += signatures(&wycheproof(folder, file), Algorithm::Es256, p256).print(file);
    let ed25519 = |group: &Value| {
        let point = hex::decode(group["publicKey"]["pk"].as_str().unwrap()).unwrap();
        json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(point) })
    };
    let file = "ed25519_test";
    count += signatures(&wycheproof(folder, file), Algorithm::EdDsa, ed25519).print(file);
    count += examples(&folder.join("jose")).print("RFC 7520, 7797, 8037");
    println!("vectors of JWS, JWK and signatures: {count}");
}

fn wycheproof(folder: &Path, file: &str) -> Value {
    let path = folder.join(format!("wycheproof/{file}.json.gz"));
    let unpacked = Command::new("gzip").arg("-dc").arg(&path).output().unwrap();
    assert!(unpacked.status.success(), "{}", path.display());
    let file: Value = serde_json::from_slice(&unpacked.stdout).unwrap();
    let tests = file["testGroups"].as_array().unwrap().iter().map(|group| group["tests"].as_array().unwrap().len());
    assert_eq!(tests.sum::<usize>(), usize::try_from(file["numberOfTests"].as_u64().unwrap()).unwrap());
    file
}

fn groups(file: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let groups = file["testGroups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["tests"].as_array().unwrap().iter().map(move |test| (group, test)))
}

/// Whether an issuer of any of our algorithms that publishes these keys would have its message accepted.
fn accepted(keys: &str, message: &str) -> bool {
    ALGORITHMS
        .into_iter()
        .filter_map(|algorithm| KeySet::parse(keys.as_bytes(), algorithm).ok())
        .any(|set| jws::open(message, |header, _| set.key(header.kid.as_deref().unwrap_or(UNNAMED))).is_some())
}

/// The name given to a key without one, for a message that names none.
const UNNAMED: &str = "the only key";

/// Why a valid message is none of ours.
fn reason(message: &str) -> Option<String> {
    if message.starts_with('{') {
        return Some("it is not in compact form".to_owned());
    }
    let parts: Vec<_> = message.split('.').collect();
    let [header, payload, _] = parts[..] else { return Some("it is encrypted".to_owned()) };
    let Ok(header) = BASE64.decode(header) else { return Some("its header is no base64url".to_owned()) };
    let header: Value = serde_json::from_slice(&header).unwrap();
    let alg = header["alg"].as_str().unwrap();
    if ALGORITHMS.iter().all(|ours| ours.as_str() != alg) {
        return Some(format!("its algorithm is {alg}"));
    }
    BASE64.decode(payload).is_err().then(|| "its payload is no base64url".to_owned())
}

fn messages(file: &Value) -> Tally {
    let mut tally = Tally::default();
    for (group, test) in groups(file) {
        // A symmetric key has no public half.
        let keys = group.get("public").unwrap_or(&group["private"]);
        let keys = if keys.get("keys").is_some() { keys.to_string() } else { jwks(std::slice::from_ref(keys)) };
        let message = test.get("jws").unwrap_or(&test["jwe"]);
        let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
        let what = format!("{} {} {}", group["comment"], test["tcId"], test["comment"]);
        tally.judge(&test["result"], accepted(&keys, &message), || reason(&message), &what);
    }
    tally
}

/// Their messages are no JWS, whose signatures are over a text of its own form: they enter where that text and signature would.
fn signatures(file: &Value, algorithm: Algorithm, key: impl Fn(&Value) -> Value) -> Tally {
    let mut tally = Tally::default();
    for (group, test) in groups(file) {
        let mut key = key(group);
        key["alg"] = algorithm.as_str().into();
        key["kid"] = UNNAMED.into();
        let bytes = |name: &str| hex::decode(test[name].as_str().unwrap()).unwrap();
        let set = KeySet::parse(jwks(&[key]).as_bytes(), algorithm);
        let reason = set.as_ref().err().map(ToString::to_string);
        let signature = BASE64.encode(bytes("sig"));
        let verifies = set.is_ok_and(|set| set.key(UNNAMED).unwrap().verifies(&signature, &bytes("msg")));
        tally.judge(&test["result"], verifies, || reason, &format!("{} {}", test["tcId"], test["comment"]));
    }
    tally
}

/// The examples of the RFCs, which are all valid.
fn examples(folder: &Path) -> Tally {
    let mut tally = Tally::default();
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for path in files {
        let example: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let what = path.display().to_string();
        if example.get("kty").is_some() {
            published(&mut tally, &example, &what);
            continue;
        }
        let keys = &example["input"]["key"];
        let alg = example["input"]["alg"].as_str();
        let keys: Vec<_> =
            keys.as_array().cloned().unwrap_or(vec![keys.clone()]).iter().map(|key| public(key, alg)).collect();
        for (form, message) in example["output"].as_object().unwrap() {
            let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
            // The payload is sent some other way.
            let detached = message.contains("..").then(|| "its payload is detached".to_owned());
            let reason = detached.or_else(|| reason(&message));
            tally.valid(accepted(&jwks(&keys), &message), reason, &format!("{what} {form}"));
        }
    }
    tally
}

fn public(key: &Value, alg: Option<&str>) -> Value {
    let mut key = key.clone();
    let members = key.as_object_mut().unwrap();
    members.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi"].contains(&name.as_str()));
    if let Some(alg) = alg {
        members.entry("alg").or_insert(alg.into());
    }
    members.entry("kid").or_insert(UNNAMED.into());
    key
}

/// A key of its own. Those without `alg` are given the one that they could have.
fn published(tally: &mut Tally, key: &Value, what: &str) {
    let alg = if key["kty"] == "RSA" { "RS256" } else { "ES256" };
    let mut key = key.clone();
    key.as_object_mut().unwrap().entry("alg").or_insert(alg.into());
    let taken: Vec<_> = ALGORITHMS.map(|algorithm| KeySet::parse(jwks(&[key.clone()]).as_bytes(), algorithm)).into();
    let accepted = taken.iter().any(Result::is_ok);
    // Of the three reasons the one that is not about another algorithm.
    let mut reasons = taken.iter().filter_map(|one| one.as_ref().err()).map(ToString::to_string);
    let reason = reasons.find(|reason| !reason.contains("another algorithm"));
    tally.valid(accepted, reason.filter(|_| !accepted), what);
}
