//! Who asks.

mod attempts;
mod claims;
mod development;
mod issuer;
mod json;
pub mod jws;
mod key;
mod key_set;
mod keys;
mod known;
mod remote;
mod self_test;
mod thumbprint;
mod token;

pub use attempts::Attempts;
pub use claims::{ClaimPath, ClaimPaths, InvalidClaimPath};
pub use development::{DEVELOPMENT_ISSUER, DevelopmentIssuer};
pub use key::{Algorithm, InvalidKey, PublicKey};
pub use key_set::{InvalidKeySet, KeySet};
pub use keys::{NotRenewed, Pace};
pub use remote::NotFetched;
pub use self_test::{NotAsItMust, self_test};
pub use thumbprint::Thumbprint;
pub use token::{Unauthenticated, Verifier};

use crate::ids::{CallerId, OrganisationId};
use jiff::Timestamp;

/// An authenticated person or system. It comes out of verification and from nowhere else; a handler without one refuses.
#[derive(Debug, Clone)]
pub struct Caller {
    id: CallerId,
    organisation: OrganisationId,
    roles: Vec<String>,
    issued_at: Timestamp,
}

impl Caller {
    /// Who.
    pub fn id(&self) -> &CallerId {
        &self.id
    }

    /// Of which organisation.
    pub fn organisation(&self) -> &OrganisationId {
        &self.organisation
    }

    /// When its token was made.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// The roles it may act in, one at a time.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }
}
