//! Who asks.

mod attempts;
mod development;
mod thumbprint;
mod token;

pub use attempts::Attempts;
pub use development::{DEVELOPMENT_ISSUER, DevelopmentIssuer};
pub use thumbprint::Thumbprint;
pub use token::{InvalidKeySet, Unauthenticated, Verifier};

use crate::ids::{CallerId, OrganisationId};

/// An authenticated person or system. It comes out of verification and from nowhere else; a handler without one refuses.
#[derive(Debug, Clone)]
pub struct Caller {
    id: CallerId,
    organisation: OrganisationId,
    roles: Vec<String>,
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

    /// The roles it may act in, one at a time.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }
}
