//! Tokens, good and forged.

use super::signers::{Signer, jwks};
use crate::harness::*;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use disown::{clock::Clock, identity::Algorithm, pb};
use serde_json::{Value, json};
use std::{fs, sync::Arc};
use tonic::{Request, Status};

/// Makes tokens of any kind with the issuer's own key: what is refused is refused for what it says.
pub(super) struct Forge {
    pub(super) signer: Arc<Signer>,
    now: i64,
}

impl Forge {
    /// With the key of the development issuer.
    pub(super) fn of(deployment: &Deployment) -> Self {
        let pem = fs::read_to_string(deployment.path("development-issuer.pem")).unwrap();
        let signer = Arc::new(Signer::ed25519(&pem, "development"));
        Self { signer, now: deployment.clock.now().as_second() }
    }

    /// With a key of that algorithm, which becomes the only one of the deployment's issuer.
    pub(super) fn with(deployment: &Deployment, algorithm: Algorithm) -> Self {
        let signer = Signer::of(algorithm);
        fs::write(deployment.path("jwks.json"), jwks(&[signer.jwk()])).unwrap();
        let pinned = format!("algorithm = \"{}\"", algorithm.as_str());
        deployment.edit("disown.toml", "algorithm = \"EdDSA\"", &pinned);
        Self { signer, now: deployment.clock.now().as_second() }
    }

    pub(super) fn header(&self) -> Value {
        self.signer.header()
    }

    /// Those of an auditor.
    pub(super) fn claims(&self) -> Value {
        let now = self.now;
        json!({
            "iss": "urn:disown:development", "aud": "disown", "sub": "auditor.pallot", "organisation": "jersey-audit-office",
            "roles": ["auditor"], "iat": now, "nbf": now, "exp": now + 600, "jti": "a1",
        })
    }

    /// Nothing is wrong with it.
    pub(super) fn good(&self) -> String {
        self.signed(&self.header().to_string(), &self.claims().to_string())
    }

    /// With claims changed; null takes one out.
    pub(super) fn claiming(&self, changes: Value) -> String {
        self.signed(&self.header().to_string(), &changed(self.claims(), changes).to_string())
    }

    /// With the header changed; null takes a part out.
    pub(super) fn headed(&self, changes: Value) -> String {
        self.signed(&changed(self.header(), changes).to_string(), &self.claims().to_string())
    }

    /// Of texts that need not even be JSON.
    pub(super) fn signed(&self, header: &str, claims: &str) -> String {
        self.signer.signed(header, claims)
    }

    /// With the header changed, and a signature made some other way.
    pub(super) fn unsigned(&self, changes: Value, signature: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let header = changed(self.header(), changes);
        let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(self.claims().to_string()));
        let signature = signature(message.as_bytes());
        format!("{message}.{}", BASE64.encode(signature))
    }

    pub(super) fn now(&self) -> i64 {
        self.now
    }
}

pub(super) fn changed(mut object: Value, changes: Value) -> Value {
    let map = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(map.remove(name)),
            value => drop(map.insert(name.clone(), value.clone())),
        }
    }
    object
}

/// Asks for the latest checkpoint with these `authorization` headers, as an auditor would.
pub(super) async fn knock(broker: &TestBroker, headers: &[&str]) -> Result<(), Status> {
    let mut request = Request::new(pb::GetCheckpointRequest { terms: auditor().pb_terms(), size: 0 });
    for header in headers {
        request.metadata_mut().append("authorization", header.parse().unwrap());
    }
    broker.audit().get_checkpoint(request).await.map(drop)
}

/// What a token says, as it says it.
pub(super) fn payload(token: &str) -> String {
    String::from_utf8(BASE64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}
