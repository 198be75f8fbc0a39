//! What happens to warrants, and to whatever else decisions depend on and nobody signs.

use crate::ids::{CallerId, OrganisationId, WarrantId};
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
}

/// To what something happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A warrant.
    Warrant(WarrantId),
    /// A subject that is watched, by a name of its own.
    Subject(String),
    /// A subject whose data may not be used, by a name of its own.
    Restriction(String),
    /// Somebody who breaks glass.
    Caller(OrganisationId, CallerId),
}

impl Event {
    /// What happens next.
    pub fn new(about: About, number: u64, what: &impl Serialize) -> Self {
        let what = serde_json::to_string(what).expect("it has string keys and no floating-point numbers");
        Self { about, number, what }
    }

    /// What happened, if it has that form.
    pub(crate) fn what<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.what).ok()
    }
}

impl About {
    /// From how it is stored.
    pub(crate) fn parse(raw: &str) -> Option<Self> {
        match raw.split_once(':')? {
            ("warrant", id) => id.try_into().ok().map(About::Warrant),
            ("subject", name) => Some(About::Subject(name.to_owned())),
            ("restriction", name) => Some(About::Restriction(name.to_owned())),
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
            About::Restriction(name) => write!(f, "restriction:{name}"),
            // No name has a slash in it.
            About::Caller(organisation, caller) => write!(f, "caller:{organisation}/{caller}"),
        }
    }
}
