//! Whose word is taken, and about whom.

use super::{
    claims::ClaimPaths,
    keys::{Keys, NotRenewed, Pace},
    remote::Remote,
};
use crate::{
    config::{IssuerConfig, KeySetSource},
    ids::{OrganisationId, Role},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

/// An issuer of tokens.
pub(super) struct Issuer {
    pub(super) name: String,
    pub(super) keys: Keys,
    pub(super) claims: ClaimPaths,
    organisations: Option<BTreeSet<OrganisationId>>,
    roles: Option<BTreeMap<String, Role>>,
}

impl Issuer {
    pub(super) fn new(config: &IssuerConfig, pace: Pace) -> Result<Self, NotRenewed> {
        let (name, algorithm) = (&config.issuer, config.algorithm);
        let keys = match &config.jwks {
            KeySetSource::File(path) => Keys::read(name, algorithm, path.clone())?,
            KeySetSource::Url { url, ca } => {
                let read =
                    |path: &PathBuf| fs::read(path).map_err(|source| NotRenewed::File { path: path.clone(), source });
                let ca = ca.as_ref().map(read).transpose()?;
                Keys::fetched(name, algorithm, Remote::new(url, ca.as_deref(), pace.timeout)?, pace)
            }
        };
        Ok(Self {
            name: name.clone(),
            keys,
            claims: config.claims.clone(),
            organisations: config.organisations.clone(),
            roles: config.roles.clone(),
        })
    }

    /// Whether it may say this of anybody of that organisation.
    pub(super) fn speaks_for(&self, organisation: &OrganisationId) -> bool {
        self.organisations.as_ref().is_none_or(|known| known.contains(organisation))
    }

    /// Its names of roles in ours. Those that we have no name for give nothing: an issuer has roles for other services too.
    pub(super) fn roles(&self, theirs: Vec<String>) -> Vec<String> {
        match &self.roles {
            None => theirs,
            Some(known) => {
                let ours: BTreeSet<_> = theirs.iter().filter_map(|role| known.get(role)).collect();
                ours.into_iter().map(|role| role.as_str().to_owned()).collect()
            }
        }
    }
}
