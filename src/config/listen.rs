//! `[listen]`: where, and how much of it at once.

use super::InvalidConfig;
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Where to listen, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Address and port; port 0: any that is free.
    pub address: SocketAddr,
    /// Without TLS: on loopback addresses only.
    #[serde(default)]
    pub plaintext: bool,
    /// Certificate chain and key, PEM files.
    pub tls: Option<TlsFiles>,
    /// Tell clients about the services.
    #[serde(default)]
    pub reflection: bool,
}

/// A server's certificate chain and key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// Chain.
    pub certificate: PathBuf,
    /// Key.
    pub key: PathBuf,
}

impl Listen {
    /// Paths are relative to the configuration.
    pub(super) fn beside(mut self, base: &Path) -> Self {
        self.tls = self.tls.map(|tls| TlsFiles { certificate: base.join(tls.certificate), key: base.join(tls.key) });
        self
    }

    /// Unencrypted only where it is said so, and on loopback.
    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        let exposed = self.plaintext == self.tls.is_some() || (self.plaintext && !self.address.ip().is_loopback());
        if exposed { Err(InvalidConfig::Exposed) } else { Ok(()) }
    }
}
