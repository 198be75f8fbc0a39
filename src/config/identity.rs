//! `[identity]`: whose tokens are trusted.

use super::InvalidConfig;
use crate::{
    identity::{Algorithm, ClaimPaths},
    ids::{OrganisationId, Role},
};
use reqwest::Url;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Whose tokens to trust.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// `aud` of the tokens.
    pub audience: String,
    /// The private key of the development issuer, where that is one of the issuers.
    pub development_key: Option<PathBuf>,
    /// The issuers, each by its own name.
    pub issuers: Vec<IssuerConfig>,
}

/// An issuer of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// `iss` of its tokens.
    pub issuer: String,
    /// The one algorithm of its keys.
    pub algorithm: Algorithm,
    /// Its public keys.
    pub jwks: KeySetSource,
    /// The only organisations that it may speak for; none given: any.
    pub organisations: Option<BTreeSet<OrganisationId>>,
    /// Where its tokens say of which organisation and in which roles.
    #[serde(default)]
    pub claims: ClaimPaths,
    /// Its names of roles to ours; none given: they are ours.
    pub roles: Option<BTreeMap<String, Role>>,
}

/// Where a key set is: `{ file = … }` or `{ url = …, ca = … }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "KeySetFile")]
pub enum KeySetSource {
    /// A file.
    File(PathBuf),
    /// Published by its issuer.
    Url {
        /// Where, over HTTPS.
        url: Url,
        /// The certificates to trust in a server there, a PEM file; none given: those that the system trusts.
        ca: Option<PathBuf>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeySetFile {
    file: Option<PathBuf>,
    url: Option<String>,
    ca: Option<PathBuf>,
}

impl TryFrom<KeySetFile> for KeySetSource {
    type Error = &'static str;

    fn try_from(raw: KeySetFile) -> Result<Self, Self::Error> {
        match raw {
            KeySetFile { file: Some(file), url: None, ca: None } => Ok(Self::File(file)),
            KeySetFile { file: None, url: Some(url), ca } => {
                let url = Url::parse(&url).map_err(|_| "`url` of `jwks` is not a URL")?;
                let anonymous = url.username().is_empty() && url.password().is_none();
                if url.scheme() != "https" || !anonymous || url.fragment().is_some() {
                    return Err("`url` of `jwks` is an `https` URL without user, password and fragment");
                }
                Ok(Self::Url { url, ca })
            }
            _ => Err("`jwks` is { file = ... } or { url = ..., ca = ... }"),
        }
    }
}

impl IdentityConfig {
    /// Paths are relative to the configuration.
    pub(super) fn beside(mut self, base: &Path) -> Self {
        self.development_key = self.development_key.map(|key| base.join(key));
        for issuer in &mut self.issuers {
            match &mut issuer.jwks {
                KeySetSource::File(path) | KeySetSource::Url { ca: Some(path), .. } => *path = base.join(&*path),
                KeySetSource::Url { ca: None, .. } => {}
            }
        }
        self
    }

    /// The roles of ours that issuers' are translated to.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.issuers.iter().flat_map(|issuer| issuer.roles.iter().flat_map(BTreeMap::values))
    }

    /// An organisation and a name in it are one person in the access log (RFC 8725 section 3.8), so an organisation has one issuer.
    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        let refused = |why: &str| Err(InvalidConfig::Issuers(why.to_owned()));
        if self.audience.is_empty() || self.issuers.iter().any(|issuer| issuer.issuer.is_empty()) {
            return refused("`audience` and `issuer` are not empty");
        }
        let (mut names, mut organisations) = (BTreeSet::new(), BTreeSet::new());
        for issuer in &self.issuers {
            if !names.insert(&issuer.issuer) {
                return refused("two of `issuers` have the same name");
            }
            match &issuer.organisations {
                Some(spoken_for) if spoken_for.is_empty() => {
                    return refused("an issuer with empty `organisations` may speak for nobody: leave it out");
                }
                Some(spoken_for) => {
                    if let Some(twice) = spoken_for.iter().find(|one| !organisations.insert(*one)) {
                        return Err(InvalidConfig::Issuers(format!(
                            "`{twice}` is in the `organisations` of two issuers"
                        )));
                    }
                }
                None if self.issuers.len() > 1 => {
                    return refused("with several issuers each needs its `organisations`");
                }
                None => {}
            }
        }
        if names.is_empty() { refused("there are no `issuers`: nobody could be authenticated") } else { Ok(()) }
    }
}
