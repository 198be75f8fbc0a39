//! `[identity]`: whose tokens are trusted.

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Whose tokens to trust.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// `iss` of the tokens.
    pub issuer: String,
    /// `aud` of the tokens.
    pub audience: String,
    /// The issuer's keys, a JWKS file.
    pub jwks: PathBuf,
    /// The private key of the development issuer, where that is the issuer.
    pub development_key: Option<PathBuf>,
}

impl IdentityConfig {
    /// Paths are relative to the configuration.
    pub(super) fn beside(mut self, base: &Path) -> Self {
        self.jwks = base.join(self.jwks);
        self.development_key = self.development_key.map(|key| base.join(key));
        self
    }
}
