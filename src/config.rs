//! `disown.toml`: read strictly, checked, every path made whole.

use crate::{
    identity::DEVELOPMENT_ISSUER,
    ids::BrokerId,
    pseudonym::{InvalidKeyring, KeyEncryptionKey},
};
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};
use zeroize::Zeroizing;

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// As the broker calls itself in the access log.
    pub broker: BrokerId,
    /// Days are counted here.
    pub time_zone: TimeZone,
    /// Where the databases are.
    pub data: PathBuf,
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
    /// At most so many pages of 4 KiB for the access log's database.
    pub access_log_max_pages: Option<u32>,
}

/// Where the key-encryption key is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// An environment variable of that name.
    Env(String),
    /// A file.
    File(PathBuf),
    /// What a command prints.
    Command(Vec<String>),
}

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

/// A configuration that cannot be used, and why.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfig {
    /// It cannot be read.
    #[error("{path}: {source}; `disown init DIR` lays out a deployment to start from")]
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
        source: toml::de::Error,
    },
    /// No such time zone.
    #[error("`time_zone`: `{0}` is not a time zone of the IANA database")]
    TimeZone(String),
    /// Neither TLS nor an explicit choice against it, or the choice where it is not allowed.
    #[error("`listen`: give `tls = {{ certificate = ..., key = ... }}`, or `plaintext = true` on a loopback address")]
    Exposed,
    /// The development issuer without its three conditions.
    #[error(
        "`identity`: the issuer `{DEVELOPMENT_ISSUER}` lets anybody in who has its key: it needs `disown serve --development` and a loopback address"
    )]
    Development,
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
    #[serde(default)]
    access_log: AccessLogFile,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessLogFile {
    max_pages: Option<u32>,
}

impl Config {
    /// Reads and checks a configuration file. Paths in it are relative to it.
    pub fn read(path: &Path) -> Result<Self, InvalidConfig> {
        let text =
            fs::read_to_string(path).map_err(|source| InvalidConfig::Unreadable { path: path.to_owned(), source })?;
        let file: File =
            toml::from_str(&text).map_err(|source| InvalidConfig::Form { path: path.to_owned(), source })?;
        let base = path.parent().unwrap_or(Path::new("."));
        let File { mut listen, mut identity, mut key_encryption_key, .. } = file;
        if let Some(tls) = &mut listen.tls {
            *tls = TlsFiles { certificate: base.join(&tls.certificate), key: base.join(&tls.key) };
        }
        identity.jwks = base.join(&identity.jwks);
        identity.development_key = identity.development_key.map(|key| base.join(key));
        if let KeySource::File(file) = &mut key_encryption_key {
            *file = base.join(&*file);
        }
        if listen.plaintext == listen.tls.is_some() || (listen.plaintext && !listen.address.ip().is_loopback()) {
            return Err(InvalidConfig::Exposed);
        }
        Ok(Self {
            broker: file.broker,
            time_zone: TimeZone::get(&file.time_zone).map_err(|_| InvalidConfig::TimeZone(file.time_zone))?,
            data: base.join(file.data),
            policies: base.join(file.policies),
            keyring: base.join(file.keyring),
            key_encryption_key,
            listen,
            identity,
            access_log_max_pages: file.access_log.max_pages,
        })
    }

    /// Where the access log is.
    pub fn control_database(&self) -> PathBuf {
        self.data.join("control.sqlite")
    }

    /// The development issuer needs all three: its reserved name here, the word on the command line, and a loopback address.
    pub fn allow_development(&self, said_so: bool) -> Result<(), InvalidConfig> {
        let development = self.identity.issuer == DEVELOPMENT_ISSUER;
        if development && !(said_so && self.listen.address.ip().is_loopback()) {
            return Err(InvalidConfig::Development);
        }
        Ok(())
    }
}

impl KeySource {
    /// Gets the key.
    #[expect(clippy::disallowed_methods, reason = "the one place where a key may come from the environment")]
    pub fn get(&self) -> Result<KeyEncryptionKey, InvalidConfig> {
        let failed = |what: String| InvalidConfig::KeySource(what);
        let text = match self {
            KeySource::Env(name) => {
                std::env::var(name).map_err(|_| failed(format!("the environment has no `{name}`")))?
            }
            KeySource::File(path) => {
                fs::read_to_string(path).map_err(|error| failed(format!("{}: {error}", path.display())))?
            }
            KeySource::Command(words) => {
                let (program, arguments) =
                    words.split_first().ok_or_else(|| failed("the command is empty".to_owned()))?;
                let output = Command::new(program)
                    .args(arguments)
                    .output()
                    .map_err(|error| failed(format!("{program}: {error}")))?;
                if !output.status.success() {
                    return Err(failed(format!("{program} ended with {}", output.status)));
                }
                String::from_utf8(output.stdout).map_err(|_| failed(format!("{program} printed no text")))?
            }
        };
        Ok(KeyEncryptionKey::parse(&Zeroizing::new(text))?)
    }
}
