//! `[listen]`: where, and how much of it at once.

use super::{InvalidConfig, Limits, Seconds, limits::some};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    num::NonZeroU32,
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
    /// What TLS stands on.
    pub tls: Option<TlsFiles>,
    /// Tell clients about the services.
    #[serde(default)]
    pub reflection: bool,
    /// How much.
    #[serde(default)]
    pub limits: Limits,
}

/// A server's certificate chain and key, and whose clients it lets in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// Chain, PEM.
    pub certificate: PathBuf,
    /// Key, PEM.
    pub key: PathBuf,
    /// Mutual TLS; without it tokens alone say who asks.
    pub clients: Option<ClientFiles>,
    /// The files are read again so often, and whenever a reload is asked for.
    #[serde(default = "a_minute")]
    pub reread_seconds: Seconds,
}

/// Which certificates clients may show.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFiles {
    /// The authorities that sign them, PEM.
    pub authorities: PathBuf,
    /// Certificate revocation lists (RFC 5280), PEM or DER: one of every authority and intermediate authority.
    pub revocations: Vec<PathBuf>,
    /// A list that was issued longer ago counts for nothing, even where it names a later next update.
    #[serde(default = "a_day")]
    pub oldest_revocations_hours: NonZeroU32,
}

const fn a_minute() -> Seconds {
    Seconds::of(60)
}

const fn a_day() -> NonZeroU32 {
    some(24)
}

impl Listen {
    /// Paths are relative to the configuration.
    pub(super) fn beside(mut self, base: &Path) -> Self {
        self.tls = self.tls.map(|tls| TlsFiles {
            certificate: base.join(tls.certificate),
            key: base.join(tls.key),
            clients: tls.clients.map(|clients| ClientFiles {
                authorities: base.join(clients.authorities),
                revocations: clients.revocations.iter().map(|list| base.join(list)).collect(),
                ..clients
            }),
            ..tls
        });
        self
    }

    /// Unencrypted only where it is said so, and on loopback; client certificates only with what says which are revoked.
    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        if self.plaintext == self.tls.is_some() || (self.plaintext && !self.address.ip().is_loopback()) {
            return Err(InvalidConfig::Exposed);
        }
        let clients = self.tls.as_ref().and_then(|tls| tls.clients.as_ref());
        if clients.is_some_and(|clients| clients.revocations.is_empty()) {
            return Err(InvalidConfig::NoRevocations);
        }
        Ok(())
    }
}
