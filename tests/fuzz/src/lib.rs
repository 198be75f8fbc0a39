//! What the targets share: a known deployment with known keys at a known time, and one runtime.

mod broker;
#[path = "../../it/harness/conditions.rs"]
mod conditions;

pub use broker::{Asker, Broker, assert_tellable};

use disown::{
    access_log::checkpoint::LogSigner,
    clock::TestClock,
    dataset::Catalogue,
    entropy::{Entropy, NoEntropy},
    config::{IdentityConfig, IssuerConfig, KeySetSource},
    identity::{Algorithm, Caller, ClaimPaths, DEVELOPMENT_ISSUER, DevelopmentIssuer, Pace, Unauthenticated, Verifier},
    policy::{InvalidPolicy, Policy, PolicyFiles, Roles},
};
use ed25519_dalek::SigningKey;
use jiff::{Timestamp, civil::Date, civil::date};
use std::{
    future::Future,
    path::PathBuf,
    sync::{Arc, LazyLock},
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// When everything happens, and the day it is then.
pub const NOW: &str = "2026-11-21T20:00:00Z";
pub const TODAY: Date = date(2026, 11, 21);

/// What tokens are for.
pub const AUDIENCE: &str = "disown";

/// The bytes of every known key.
pub const KNOWN: [u8; 32] = [7; 32];

/// Gives the bytes of the known keys.
pub struct KnownEntropy;

impl Entropy for KnownEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
        buffer.fill(KNOWN[0]);
        Ok(())
    }
}

/// The reference catalogue.
pub static CATALOGUE: LazyLock<Arc<Catalogue>> =
    LazyLock::new(|| Arc::new(Catalogue::parse(include_str!("../../../policies/catalogue.toml")).unwrap()));

/// The reference lists of roles and purposes.
pub static ROLES: LazyLock<Roles> =
    LazyLock::new(|| Roles::parse(include_str!("../../../policies/roles.toml")).unwrap());

/// Signs the heads of a known access log.
pub static SIGNER: LazyLock<LogSigner> = LazyLock::new(|| LogSigner::new("disown.example/fuzz", &KNOWN).unwrap());

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().enable_all().build().unwrap());
static SCRATCH: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// Waits for what is asynchronous.
pub fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// A file with that content, for what reads files.
pub fn file(content: &[u8]) -> PathBuf {
    let path = SCRATCH.path().join("file");
    std::fs::write(&path, content).unwrap();
    path
}

/// The first line, which says what the rest is, and the rest.
pub fn named(text: &str) -> Option<(&str, &str)> {
    text.split_once('\n')
}

pub fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::new(NOW.parse::<Timestamp>().unwrap()))
}

/// The issuer whose tokens are trusted, and its key.
pub fn issuer() -> DevelopmentIssuer {
    DevelopmentIssuer::new(&KnownEntropy).unwrap()
}

pub fn issuer_key() -> SigningKey {
    SigningKey::from_bytes(&KNOWN)
}

/// What verifies tokens, with the keys of a JWKS.
pub fn verifier(jwks: &str) -> Option<Verifier> {
    let trusted = IssuerConfig {
        issuer: DEVELOPMENT_ISSUER.to_owned(),
        algorithm: Algorithm::EdDsa,
        jwks: KeySetSource::File(file(jwks.as_bytes())),
        organisations: None,
        claims: ClaimPaths::default(),
        roles: None,
    };
    let identity = IdentityConfig { audience: AUDIENCE.to_owned(), development_key: None, issuers: vec![trusted] };
    Verifier::new(&identity, Pace::default(), CATALOGUE.clone(), clock()).ok()
}

/// Who holds that token.
pub fn verify(verifier: &Verifier, token: &str) -> Result<Caller, Unauthenticated> {
    verifier.verify(token, None)
}

/// A person of an organisation who may act in those roles. None: nobody is let in from an organisation of that name.
pub fn caller(organisation: &str, roles: &[&str]) -> Option<Caller> {
    static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| verifier(&issuer().jwks()).unwrap());
    let token = issuer().token("somebody", organisation, roles, AUDIENCE, &*clock(), &KnownEntropy).unwrap();
    verify(&VERIFIER, &token).ok()
}

/// The files of a policy small enough to be compiled many times a second.
pub static SMALL_POLICY: LazyLock<PolicyFiles> = LazyLock::new(|| {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    PolicyFiles {
        rules: [
            file("model.conf", include_str!("../../../policies/model.conf")),
            file("catalogue.toml", include_str!("../policy/catalogue.toml")),
            file("roles.toml", include_str!("../policy/roles.toml")),
            file("red-lines.toml", include_str!("../policy/red-lines.toml")),
            file("policy.csv", include_str!("../policy/policy.csv")),
        ]
        .into(),
        agreements: [
            file("checks.toml", include_str!("../policy/agreements/checks.toml")),
            file("checks.cases.toml", include_str!("../policy/agreements/checks.cases.toml")),
        ]
        .into(),
    }
});

/// The small policy with one of its files replaced, or one more.
pub fn small_policy_with(name: &str, text: &str) -> Result<Policy, InvalidPolicy> {
    let mut files = SMALL_POLICY.clone();
    match name.strip_prefix("agreements/") {
        Some(name) => files.agreements.insert(name.to_owned(), text.to_owned()),
        None => files.rules.insert(name.to_owned(), text.to_owned()),
    };
    block_on(Policy::load(files))
}
