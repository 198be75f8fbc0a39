//! A deployment to start from: configuration, keyring, policies and agreements, as files.

pub mod keyring_file;
mod stores;

pub use stores::{CONTROL, NotMade, make_stores};

use crate::{
    approval::{ApproverKey, Approvers, InvalidApprovers},
    dataset::catalogue::{Catalogue, InvalidCatalogue},
    entropy::{Entropy, NoEntropy},
    identity::{DEVELOPMENT_ISSUER, DevelopmentIssuer},
    ids::DatasetId,
    policy::dated,
    pseudonym::{self, InvalidKeyring, KeyEncryptionKey},
};
use jiff::civil::Date;
use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The reference policies, agreements and their cases.
const POLICIES: &[(&str, &str)] = &[
    ("README.md", include_str!("../../policies/README.md")),
    ("model.conf", include_str!("../../policies/model.conf")),
    ("catalogue.toml", include_str!("../../policies/catalogue.toml")),
    ("roles.toml", include_str!("../../policies/roles.toml")),
    ("approvers.toml", include_str!("../../policies/approvers.toml")),
    ("red-lines.toml", include_str!("../../policies/red-lines.toml")),
    ("policy.csv", include_str!("../../policies/policy.csv")),
    ("agreements/arrival-register.toml", include_str!("../../policies/agreements/arrival-register.toml")),
    ("agreements/arrival-register.cases.toml", include_str!("../../policies/agreements/arrival-register.cases.toml")),
    ("agreements/audit.toml", include_str!("../../policies/agreements/audit.toml")),
    ("agreements/audit.cases.toml", include_str!("../../policies/agreements/audit.cases.toml")),
    ("agreements/border-arrivals.toml", include_str!("../../policies/agreements/border-arrivals.toml")),
    ("agreements/border-arrivals.cases.toml", include_str!("../../policies/agreements/border-arrivals.cases.toml")),
    ("agreements/clinical-care.toml", include_str!("../../policies/agreements/clinical-care.toml")),
    ("agreements/clinical-care.cases.toml", include_str!("../../policies/agreements/clinical-care.cases.toml")),
    ("agreements/contact-tracing.toml", include_str!("../../policies/agreements/contact-tracing.toml")),
    ("agreements/contact-tracing.cases.toml", include_str!("../../policies/agreements/contact-tracing.cases.toml")),
    ("agreements/data-protection.toml", include_str!("../../policies/agreements/data-protection.toml")),
    ("agreements/data-protection.cases.toml", include_str!("../../policies/agreements/data-protection.cases.toml")),
    ("agreements/oversight.toml", include_str!("../../policies/agreements/oversight.toml")),
    ("agreements/oversight.cases.toml", include_str!("../../policies/agreements/oversight.cases.toml")),
    ("agreements/parish-support.toml", include_str!("../../policies/agreements/parish-support.toml")),
    ("agreements/parish-support.cases.toml", include_str!("../../policies/agreements/parish-support.cases.toml")),
    ("agreements/registers.toml", include_str!("../../policies/agreements/registers.toml")),
    ("agreements/registers.cases.toml", include_str!("../../policies/agreements/registers.cases.toml")),
    ("agreements/sojp-isolation.toml", include_str!("../../policies/agreements/sojp-isolation.toml")),
    ("agreements/sojp-isolation.cases.toml", include_str!("../../policies/agreements/sojp-isolation.cases.toml")),
    ("agreements/statistics.toml", include_str!("../../policies/agreements/statistics.toml")),
    ("agreements/statistics.cases.toml", include_str!("../../policies/agreements/statistics.cases.toml")),
    ("agreements/subject-rights.toml", include_str!("../../policies/agreements/subject-rights.toml")),
    ("agreements/subject-rights.cases.toml", include_str!("../../policies/agreements/subject-rights.cases.toml")),
    ("agreements/test-booking.toml", include_str!("../../policies/agreements/test-booking.toml")),
    ("agreements/test-booking.cases.toml", include_str!("../../policies/agreements/test-booking.cases.toml")),
    ("agreements/venue-register.toml", include_str!("../../policies/agreements/venue-register.toml")),
    ("agreements/venue-register.cases.toml", include_str!("../../policies/agreements/venue-register.cases.toml")),
];

const CONFIGURATION: &str = include_str!("disown.toml");

/// What to lay out.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Where.
    pub directory: PathBuf,
    /// Where the broker will listen.
    pub listen: SocketAddr,
    /// Name of the access log, in every checkpoint.
    pub log_name: String,
    /// With an issuer of tokens for development.
    pub development: bool,
    /// The hosts of PostgreSQL where its databases will be; none: they are files.
    pub postgres: Vec<String>,
}

/// A deployment that could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum NotLaidOut {
    /// There is something already.
    #[error("{0} is there already: a deployment is never overwritten")]
    Exists(PathBuf),
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] InvalidKeyring),
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] InvalidCatalogue),
    /// The approvers.
    #[error(transparent)]
    Approvers(#[from] InvalidApprovers),
    /// No random bytes, or no issuer key of them.
    #[error("the system gave no usable random bytes")]
    NoEntropy,
}

/// Writes everything that `disownctl serve` needs. The agreements are drafts: each begins today and holds for a year.
pub fn lay_out(layout: &Layout, today: Date, entropy: &dyn Entropy) -> Result<(), NotLaidOut> {
    let base = &layout.directory;
    if base.join("disown.toml").exists() {
        return Err(NotLaidOut::Exists(base.join("disown.toml")));
    }
    for folder in ["", "data", "policies", "policies/agreements"] {
        let path = base.join(folder);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|source| NotLaidOut::Io { path, source })?;
    }
    let catalogue = Catalogue::parse(policy("catalogue.toml"))?;
    for (name, text) in POLICIES.iter().filter(|(name, _)| *name != APPROVERS) {
        write(&base.join("policies").join(name), dated(text, today).as_bytes())?;
    }
    let datasets: Vec<DatasetId> = catalogue.datasets().map(|(_, spec)| spec.id.clone()).collect();

    let kek = Zeroizing::new(hex::encode(entropy.bytes::<32>().map_err(|NoEntropy| NotLaidOut::NoEntropy)?));
    write(&base.join("key-encryption-key"), kek.as_bytes())?;
    let kek = KeyEncryptionKey::parse(&kek)?;
    let keyring = pseudonym::create(&layout.log_name, &datasets, &kek, entropy)?;
    write(&base.join("keyring.json"), keyring.as_bytes())?;
    let vkey = pseudonym::open(&keyring, &kek)?.log_key().to_string();
    write(&base.join("log.vkey"), format!("{vkey}\n").as_bytes())?;

    let (mut issuer, mut jwks, mut exposure) = ("https://identity.example".to_owned(), String::new(), TLS);
    let (mut development_key, mut development_approvers) = ("", "");
    let mut approvers = policy(APPROVERS).to_owned();
    if layout.development {
        approvers = with_keys(&base.join("development-approvers"), &catalogue, entropy)?;
        development_approvers = "development_approvers = \"development-approvers\"\n";
        let development = DevelopmentIssuer::new(entropy).map_err(|NoEntropy| NotLaidOut::NoEntropy)?;
        write(
            &base.join("development-issuer.pem"),
            development.to_pem().map_err(|_| NotLaidOut::NoEntropy)?.as_bytes(),
        )?;
        (issuer, jwks, exposure) = (DEVELOPMENT_ISSUER.to_owned(), development.jwks(), "plaintext = true");
        development_key = "development_key = \"development-issuer.pem\"\n";
    }
    write(&base.join("policies").join(APPROVERS), approvers.as_bytes())?;
    if !jwks.is_empty() {
        write(&base.join("jwks.json"), jwks.as_bytes())?;
    }
    let configuration = CONFIGURATION
        .replace("{address}", &layout.listen.to_string())
        .replace("{exposure}", exposure)
        .replace("{issuer}", &issuer)
        .replace("{development_key}\n", development_key)
        .replace("{development_approvers}\n", development_approvers);
    let configuration = match layout.postgres.as_slice() {
        [] => configuration,
        hosts => configuration.replace("\n[answers]\n", &format!("\n[postgres]\nhosts = {hosts:?}\n\n[answers]\n")),
    };
    // Last: what is there is whole.
    write(&base.join("disown.toml"), configuration.as_bytes())
}

const APPROVERS: &str = "approvers.toml";

fn policy(name: &str) -> &'static str {
    POLICIES.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
}

/// A key for each approver, in a folder; the file of approvers with the public ones.
fn with_keys(folder: &Path, catalogue: &Catalogue, entropy: &dyn Entropy) -> Result<String, NotLaidOut> {
    let failed = |source| NotLaidOut::Io { path: folder.to_owned(), source };
    fs::DirBuilder::new().mode(0o700).create(folder).map_err(failed)?;
    let mut text = policy(APPROVERS).to_owned();
    for approver in Approvers::parse(&text, catalogue)?.iter() {
        let key = ApproverKey::new(entropy).map_err(|NoEntropy| NotLaidOut::NoEntropy)?;
        write(&folder.join(format!("{}.pem", approver.id)), key.to_pem().ok_or(NotLaidOut::NoEntropy)?.as_bytes())?;
        let heading = format!("[approvers.{}]\n", approver.id);
        text = text.replace(&heading, &format!("{heading}key = \"{}\"\n", key.public()));
    }
    Ok(text)
}

const TLS: &str = "tls = { certificate = \"tls/chain.pem\", key = \"tls/key.pem\" }";

/// Readable by the owner only.
fn write(path: &Path, content: &[u8]) -> Result<(), NotLaidOut> {
    let failed = |source| NotLaidOut::Io { path: path.to_owned(), source };
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(content).map_err(failed)
}
