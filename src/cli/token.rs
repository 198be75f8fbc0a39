//! `disownctl token`.

use crate::{
    clock::SystemClock,
    config::Config,
    entropy::SystemEntropy,
    identity::{DevelopmentIssuer, Thumbprint},
};
use anyhow::Context;
use clap::Args;
use std::{path::PathBuf, process::ExitCode};

/// A token of the development issuer, good for ten minutes.
#[derive(Debug, Args)]
pub(super) struct Token {
    /// The configuration of a deployment for development.
    #[arg(long, default_value = "disown.toml")]
    config: PathBuf,
    /// Who.
    #[arg(long)]
    caller: String,
    /// Of which organisation.
    #[arg(long)]
    organisation: String,
    /// A role; several may be given.
    #[arg(long, required = true)]
    role: Vec<String>,
    /// The client certificate to bind it to, a PEM file: a broker with mutual TLS takes no other token.
    #[arg(long)]
    cert: Option<PathBuf>,
}

impl Token {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let config = Config::read(&self.config)?;
        let path = config.identity.development_key.context(
            "this deployment has no development issuer; `disownctl init --development` lays out one that has",
        )?;
        let pem = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let roles: Vec<&str> = self.role.iter().map(String::as_str).collect();
        let mut issuer = DevelopmentIssuer::from_pem(&pem)?;
        if let Some(path) = &self.cert {
            let pem = std::fs::read(path).with_context(|| path.display().to_string())?;
            let certificate = Thumbprint::of_pem(&pem);
            issuer = issuer.bound_to(certificate.with_context(|| format!("{}: no certificate in it", path.display()))?);
        }
        let token = issuer.token(
            &self.caller,
            &self.organisation,
            &roles,
            &config.identity.audience,
            &SystemClock,
            &SystemEntropy,
        )?;
        println!("{token}");
        Ok(ExitCode::SUCCESS)
    }
}
