//! `disownctl keys`.

use crate::{config::Config, dataset::Catalogue, deployment::keyring_file, entropy::SystemEntropy, pseudonym};
use anyhow::Context;
use clap::Subcommand;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// The keys of a deployment.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Print the public key that the access log and receipts are verified with.
    Public {
        /// The configuration.
        #[arg(long, default_value = "disown.toml")]
        config: PathBuf,
    },
    /// Make a key for one more dataset of the catalogue, before its first start. A key that is there is never replaced.
    Add {
        /// The dataset.
        dataset: String,
        /// The configuration.
        #[arg(long, default_value = "disown.toml")]
        config: PathBuf,
    },
}

impl Keys {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Keys::Public { config } => {
                let config = Config::read(&config)?;
                let sealed = read(&config.keyring)?;
                println!("{}", pseudonym::open(&sealed, &config.key_encryption_key.get()?)?.log_key());
            }
            Keys::Add { dataset, config } => add(&dataset, &Config::read(&config)?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn add(dataset: &str, config: &Config) -> anyhow::Result<()> {
    let catalogue = Catalogue::parse(&read(&config.policies.join("catalogue.toml"))?)?;
    let (_, spec) =
        catalogue.dataset_named(dataset).with_context(|| format!("`{dataset}` is no dataset of the catalogue"))?;
    let kek = config.key_encryption_key.get()?;
    let added = pseudonym::add(&read(&config.keyring)?, &spec.id, &kek, &SystemEntropy)?;
    keyring_file::replace(&config.keyring, &added)?;
    println!("the keyring has a key for `{dataset}`: keep a copy of it, since nothing in that dataset opens without");
    println!("next, make its store: disownctl database init");
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}
