//! What happens to warrants, and to whatever else decisions depend on that nobody signs: sealed by the broker that recorded it.

use crate::{
    ids::{CallerId, OrganisationId, WarrantId},
    pseudonym::Keyring,
};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;

/// Something that happened, with the entry that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// To what.
    pub about: About,
    /// In which place of what happened to that, from 1.
    pub number: u64,
    /// What, as JSON.
    pub what: String,
    /// HMAC under a key of the brokers: nobody else makes one.
    pub seal: Vec<u8>,
}

/// To what something happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A warrant.
    Warrant(WarrantId),
    /// A subject that is watched, by a name of its own.
    Subject(String),
    /// Somebody who breaks glass.
    Caller(OrganisationId, CallerId),
}

impl Event {
    /// What happens next, sealed.
    pub async fn new(about: About, number: u64, what: &impl Serialize, keyring: &Keyring) -> Self {
        let what = serde_json::to_string(what).expect("it has string keys and no floating-point numbers");
        let mut event = Self { about, number, what, seal: vec![] };
        event.seal = keyring.seal_event(&event.sealed()).await.to_vec();
        event
    }

    /// Whether a broker with this keyring recorded it.
    pub(crate) async fn is_sealed_by(&self, keyring: &Keyring) -> bool {
        keyring.seal_event(&self.sealed()).await[..] == self.seal[..]
    }

    /// What happened, if it has that form.
    pub(crate) fn what<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.what).ok()
    }

    fn sealed(&self) -> String {
        format!("{}\n{}\n{}", self.about, self.number, self.what)
    }
}

impl About {
    /// From how it is stored.
    pub(crate) fn parse(raw: &str) -> Option<Self> {
        match raw.split_once(':')? {
            ("warrant", id) => id.try_into().ok().map(About::Warrant),
            ("subject", name) => Some(About::Subject(name.to_owned())),
            ("caller", named) => {
                let (organisation, caller) = named.split_once('/')?;
                Some(About::Caller(organisation.try_into().ok()?, caller.try_into().ok()?))
            }
            _ => None,
        }
    }
}

/// As it is stored.
impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            About::Warrant(id) => write!(f, "warrant:{id}"),
            About::Subject(name) => write!(f, "subject:{name}"),
            // No name has a slash in it.
            About::Caller(organisation, caller) => write!(f, "caller:{organisation}/{caller}"),
        }
    }
}
