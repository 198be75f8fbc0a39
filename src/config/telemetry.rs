//! `[telemetry]`: where spans and metrics go.

use super::InvalidConfig;
use serde::{Deserialize, Deserializer, de::Error};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};
use tonic::transport::Uri;

/// Where telemetry is exported to; without a collector it is on standard error only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// A collector, by OTLP over gRPC.
    #[serde(default, deserialize_with = "collector")]
    pub otlp: Option<Uri>,
    /// Who signs the collector's certificate, PEM; none: whoever the machine trusts.
    pub ca: Option<PathBuf>,
}

fn collector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uri>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

impl TelemetryConfig {
    /// Paths are relative to the configuration.
    pub(super) fn beside(mut self, base: &Path) -> Self {
        self.ca = self.ca.map(|ca| base.join(ca));
        self
    }

    /// Scheme, host and port, and unencrypted to this machine only. A user or a password would be in every error.
    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        let Some(uri) = &self.otlp else {
            return if self.ca.is_none() { Ok(()) } else { Err(InvalidConfig::Collector) };
        };
        let plain = uri.path_and_query().is_none_or(|path| path == "/")
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        let loopback = || {
            let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
            host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        };
        let reachable = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => loopback() && self.ca.is_none(),
            _ => false,
        };
        if plain && reachable { Ok(()) } else { Err(InvalidConfig::Collector) }
    }

    /// To this machine.
    pub fn is_plaintext(&self) -> bool {
        self.otlp.as_ref().is_some_and(|uri| uri.scheme_str() == Some("http"))
    }
}
