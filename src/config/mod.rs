//! `disown.toml`: read strictly, checked, every path made whole.

mod answers;
mod identity;
mod key_source;
mod limits;
mod listen;
mod postgres;
mod telemetry;

use answers::AnswersFile;
pub use identity::{IdentityConfig, IssuerConfig, KeySetSource};
pub use key_source::KeySource;
pub use limits::{Limits, Seconds};
pub use listen::{ClientFiles, Listen, TlsFiles};
pub use postgres::PostgresConfig;
pub use telemetry::TelemetryConfig;

use crate::{
    access::Slot,
    identity::DEVELOPMENT_ISSUER,
    ids::BrokerId,
    intake::LARGEST_BATCH,
    pseudonym::InvalidKeyring,
    strict_toml::{self, InvalidToml},
};
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// As the broker calls itself in the access log.
    pub broker: BrokerId,
    /// Days are counted here.
    pub time_zone: TimeZone,
    /// Where the databases are that are files.
    pub data: PathBuf,
    /// Where they are otherwise.
    pub postgres: Option<PostgresConfig>,
    /// The policy folder.
    pub policies: PathBuf,
    /// The keyring file.
    pub keyring: PathBuf,
    /// Where its key is.
    pub key_encryption_key: KeySource,
    /// Where to listen.
    pub listen: Listen,
    /// Whose tokens to trust.
    pub identity: IdentityConfig,
    /// Keys of approvers who approve whatever is in the policy folder, for development.
    pub development_approvers: Option<PathBuf>,
    /// When answers leave that lack something.
    pub slot: Slot,
    /// At most so many pages of 4 KiB for the access log's database.
    pub access_log_max_pages: Option<u32>,
    /// A batch of a load has at most so many records.
    pub largest_batch: usize,
    /// Where telemetry goes.
    pub telemetry: TelemetryConfig,
}

/// A configuration that cannot be used, and why.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfig {
    /// It cannot be read.
    #[error("{path}: {source}; `disownctl init DIR` lays out a deployment to start from")]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not the TOML that a configuration is.
    #[error("{path}: {source}")]
    Form {
        /// Where.
        path: PathBuf,
        /// Why.
        source: InvalidToml,
    },
    /// A slot that hides nothing, or keeps everybody waiting.
    #[error("`answers.slot_ms`: {0} is not from 10 to 1000")]
    Slot(u64),
    /// A batch that holds nothing, or more than memory may have to.
    #[error("`intake.largest_batch`: {0} is not from 1 to {LARGEST_BATCH}")]
    Batch(usize),
    /// No such time zone.
    #[error("`time_zone`: `{0}` is not a time zone of the IANA database")]
    TimeZone(String),
    /// Neither TLS nor an explicit choice against it, or the choice where it is not allowed.
    #[error("`listen`: give `tls = {{ certificate = ..., key = ... }}`, or `plaintext = true` on a loopback address")]
    Exposed,
    /// Issuers that cannot be trusted together.
    #[error("`identity`: {0}")]
    Issuers(String),
    /// Not a collector, or one that telemetry would reach in plain text over a network.
    #[error(
        "`telemetry`: `otlp` is `https://HOST:PORT`, with `ca` where the machine does not trust its issuer, or `http://` to a loopback address, without"
    )]
    Collector,
    /// Client certificates, and nothing that says which of them are revoked.
    #[error(
        "`listen.tls.clients`: `revocations` names no list: give one certificate revocation list of every authority"
    )]
    NoRevocations,
    /// The development issuer without its three conditions.
    #[error(
        "the issuer `{DEVELOPMENT_ISSUER}` lets anybody in who has its key, and `development_approvers` approve whatever there is: both need \
         `disownctl serve --development` and a loopback address"
    )]
    Development,
    /// Databases that cannot be reached as they should be.
    #[error("`postgres`: {0}")]
    Postgres(String),
    /// The key-encryption key is not where it should be.
    #[error("`key_encryption_key`: {0}")]
    KeySource(String),
    /// The key-encryption key is none.
    #[error(transparent)]
    Key(#[from] InvalidKeyring),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    broker: BrokerId,
    time_zone: String,
    data: PathBuf,
    policies: PathBuf,
    keyring: PathBuf,
    key_encryption_key: KeySource,
    listen: Listen,
    identity: IdentityConfig,
    development_approvers: Option<PathBuf>,
    postgres: Option<PostgresConfig>,
    #[serde(default)]
    answers: AnswersFile,
    #[serde(default)]
    access_log: AccessLogFile,
    #[serde(default)]
    intake: IntakeFile,
    #[serde(default)]
    telemetry: TelemetryConfig,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessLogFile {
    max_pages: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct IntakeFile {
    largest_batch: Option<usize>,
}

impl IntakeFile {
    fn largest_batch(&self) -> Result<usize, InvalidConfig> {
        match self.largest_batch.unwrap_or(LARGEST_BATCH) {
            fitting @ 1..=LARGEST_BATCH => Ok(fitting),
            other => Err(InvalidConfig::Batch(other)),
        }
    }
}

impl Config {
    /// Reads and checks a configuration file. Paths in it are relative to it.
    pub fn read(path: &Path) -> Result<Self, InvalidConfig> {
        let text =
            fs::read_to_string(path).map_err(|source| InvalidConfig::Unreadable { path: path.to_owned(), source })?;
        let file: File =
            strict_toml::read(&text).map_err(|source| InvalidConfig::Form { path: path.to_owned(), source })?;
        let base = path.parent().unwrap_or(Path::new("."));
        let listen = file.listen.beside(base);
        listen.check()?;
        file.identity.check()?;
        let postgres = file.postgres.map(|postgres| postgres.beside(base));
        postgres.as_ref().map_or(Ok(()), PostgresConfig::check)?;
        let telemetry = file.telemetry.beside(base);
        telemetry.check()?;
        Ok(Self {
            broker: file.broker,
            time_zone: TimeZone::get(&file.time_zone).map_err(|_| InvalidConfig::TimeZone(file.time_zone))?,
            data: base.join(file.data),
            postgres,
            policies: base.join(file.policies),
            keyring: base.join(file.keyring),
            key_encryption_key: file.key_encryption_key.beside(base),
            listen,
            identity: file.identity.beside(base),
            development_approvers: file.development_approvers.map(|folder| base.join(folder)),
            slot: file.answers.slot()?,
            access_log_max_pages: file.access_log.max_pages,
            largest_batch: file.intake.largest_batch()?,
            telemetry,
        })
    }

    /// Where a store is, where it is a file: a dataset's, or `control`, the access log's.
    pub fn store_file(&self, name: &str) -> PathBuf {
        self.data.join(format!("{name}.sqlite"))
    }

    /// The development issuer needs all three: its reserved name here, the word on the command line, and a loopback address. So do
    /// approvers for development.
    pub fn allow_development(&self, said_so: bool) -> Result<(), InvalidConfig> {
        let development = self.identity.issuers.iter().any(|issuer| issuer.issuer == DEVELOPMENT_ISSUER);
        let development = development || self.development_approvers.is_some();
        if development && !(said_so && self.listen.address.ip().is_loopback()) {
            return Err(InvalidConfig::Development);
        }
        Ok(())
    }
}
