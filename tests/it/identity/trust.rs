//! A verifier without a broker around it: whose word it takes, and tokens to try it with.

use super::{
    signers::{Signer, jwks},
    tokens::changed,
};
use crate::harness::*;
use disown::{
    clock::{Clock, TestClock},
    config::{IdentityConfig, IssuerConfig, KeySetSource},
    dataset::Catalogue,
    identity::{ClaimPaths, Pace, Thumbprint, Verifier},
};
use serde_json::{Value, json};
use std::{
    fs,
    sync::{Arc, LazyLock, Mutex},
};
use tempfile::TempDir;
use tracing::Dispatch;

/// A verifier, its clock, and the folder where its files are.
pub(super) struct Trust {
    pub(super) verifier: Arc<Verifier>,
    pub(super) clock: Arc<TestClock>,
    pub(super) folder: TempDir,
}

/// An issuer of the configuration, with that name and that source of keys.
pub(super) fn issuer(name: &str, signer: &Signer, jwks: KeySetSource) -> IssuerConfig {
    let (issuer, algorithm) = (name.to_owned(), signer.algorithm);
    IssuerConfig { issuer, algorithm, jwks, organisations: None, claims: ClaimPaths::default(), roles: None }
}

impl Trust {
    /// In issuers whose keys are in these files: each with what its file holds.
    pub(super) fn in_files(issuers: Vec<(IssuerConfig, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut trusted = Vec::new();
        for (at, (mut issuer, keys)) in issuers.into_iter().enumerate() {
            let path = folder.path().join(format!("{at}.json"));
            fs::write(&path, keys).unwrap();
            issuer.jwks = KeySetSource::File(path);
            trusted.push(issuer);
        }
        Self::of(trusted, folder, Pace::default())
    }

    /// In one issuer, with the key of that signer.
    pub(super) fn in_one(signer: &Signer) -> Self {
        Self::in_files(vec![(issuer(ISSUER, signer, nowhere()), jwks(&[signer.jwk()]))])
    }

    pub(super) fn of(issuers: Vec<IssuerConfig>, folder: TempDir, pace: Pace) -> Self {
        let clock = Arc::new(TestClock::new(NOW.parse().unwrap()));
        let catalogue = Arc::new(Catalogue::parse(include_str!("../../../policies/catalogue.toml")).unwrap());
        let config = IdentityConfig { audience: "disown".to_owned(), development_key: None, issuers };
        disown::identity::self_test().unwrap();
        let verifier = Arc::new(Verifier::new(&config, pace, catalogue, clock.clone()).unwrap());
        Self { verifier, clock, folder }
    }

    /// A token with these changes to its claims.
    pub(super) fn token(&self, signer: &Signer, changes: Value) -> String {
        signer.signed(&signer.header().to_string(), &changed(self.claims(), changes).to_string())
    }

    fn claims(&self) -> Value {
        let now = self.clock.now().as_second();
        json!({
            "iss": ISSUER, "aud": "disown", "sub": "somebody", "organisation": "states-of-jersey-police",
            "roles": ["police_officer"], "iat": now, "nbf": now, "exp": now + 600, "jti": "1",
        })
    }

    /// The roles of its holder, if it lets them in.
    pub(super) fn roles(&self, token: &str) -> Option<Vec<String>> {
        self.verifier.verify(token, None).ok().map(|caller| caller.roles().to_vec())
    }

    /// Whether it lets the holder of a token of that signer in.
    pub(super) fn takes(&self, signer: &Signer) -> bool {
        self.roles(&self.token(signer, json!({}))).is_some()
    }

    pub(super) fn takes_bound(&self, token: &str, certificate: Option<&[u8]>) -> bool {
        self.verifier.verify(token, certificate.map(Thumbprint::of)).is_ok()
    }
}

pub(super) const ISSUER: &str = "https://identity.example";

/// Replaced by the file that is written.
pub(super) fn nowhere() -> KeySetSource {
    KeySetSource::File("nowhere".into())
}

/// What is told by telemetry on this thread.
#[derive(Clone, Default)]
pub(super) struct Telemetry(Arc<Mutex<Vec<u8>>>);

impl Telemetry {
    pub(super) fn heard() -> (impl Drop, Self) {
        let heard = Self::default();
        let writer = heard.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        // Where there is one subscriber in a process, `tracing` asks only the thread that comes to a line of telemetry first whether
        // anybody wants to hear it, and that thread may be another test's. With a second one it asks both.
        static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));
        LazyLock::force(&SECOND);
        (tracing::subscriber::set_default(subscriber), heard)
    }

    pub(super) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl std::io::Write for Telemetry {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
