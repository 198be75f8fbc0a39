//! `disown keys`.

use crate::{config::Config, pseudonym};
use anyhow::Context;
use clap::Subcommand;
use std::{path::PathBuf, process::ExitCode};

/// The keys of a deployment.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Print the public key that the access log and receipts are verified with.
    Public {
        /// The configuration.
        #[arg(long, default_value = "disown.toml")]
        config: PathBuf,
    },
}

impl Keys {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Keys::Public { config } = self;
        let config = Config::read(&config)?;
        let sealed = std::fs::read_to_string(&config.keyring).with_context(|| config.keyring.display().to_string())?;
        println!("{}", pseudonym::open(&sealed, &config.key_encryption_key.get()?)?.log_key());
        Ok(ExitCode::SUCCESS)
    }
}
