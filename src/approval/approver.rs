//! `approvers.toml`: who may approve, in which capacity, and with which key.

use crate::{
    dataset::Catalogue,
    ids::{ApproverId, CallerId, DatasetId, OrganisationId},
    strict_toml::{self, InvalidToml},
};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use ed25519_dalek::VerifyingKey;
use indexmap::IndexMap;
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::HashSet;

/// The approvers of a deployment, each by a name of its own.
#[derive(Debug, Default)]
pub struct Approvers(IndexMap<ApproverId, Approver>);

/// A person who approves.
#[derive(Debug)]
pub struct Approver {
    /// Its name.
    pub id: ApproverId,
    /// Its office, for people.
    pub title: String,
    /// Of which organisation.
    pub organisation: OrganisationId,
    /// As its identity provider calls it.
    pub caller: CallerId,
    /// Approves on behalf of its organisation, where that is a party.
    pub party: bool,
    /// Owns these datasets.
    pub owner_of: Vec<DatasetId>,
    /// Speaks for the data subjects from inside (CS7).
    pub data_protection_officer: bool,
    /// Keeps warrants: registers them, or enters them again.
    pub warrants: bool,
    /// Allows look-ups for which one person is not enough, by others of its organisation.
    pub second_person: bool,
    /// Watches from outside, and is shown what is intended (CS5).
    pub regulator: bool,
    /// The last day on which it may approve. What it approved until then stands.
    pub until: Option<Date>,
    /// What it signs with; none: nothing yet.
    pub key: Option<VerifyingKey>,
}

/// A file of approvers that is refused.
#[derive(Debug, thiserror::Error)]
pub enum InvalidApprovers {
    /// Not the TOML that it is.
    #[error("approvers.toml: {0}")]
    Form(#[from] InvalidToml),
    /// It contradicts itself, or what else there is.
    #[error("approvers.toml: `{approver}`: {what}")]
    Content {
        /// Whose.
        approver: String,
        /// What is wrong.
        what: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    approvers: IndexMap<ApproverId, Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    title: String,
    organisation: OrganisationId,
    caller: CallerId,
    #[serde(default)]
    party: bool,
    #[serde(default)]
    owner_of: Vec<DatasetId>,
    #[serde(default)]
    data_protection_officer: bool,
    #[serde(default)]
    warrants: bool,
    #[serde(default)]
    second_person: bool,
    #[serde(default)]
    regulator: bool,
    until: Option<toml::value::Datetime>,
    key: Option<String>,
}

impl Approvers {
    /// Reads `approvers.toml`. Two approvers are two persons: neither key nor caller is in it twice.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Result<Self, InvalidApprovers> {
        let file: File = strict_toml::read(text)?;
        let (mut keys, mut callers) = (HashSet::new(), HashSet::new());
        let mut approvers = IndexMap::new();
        for (id, raw) in file.approvers {
            let wrong = |what| InvalidApprovers::Content { approver: id.to_string(), what };
            let approver = approver(id.clone(), raw, catalogue).map_err(wrong)?;
            if !callers.insert((approver.organisation.clone(), approver.caller.clone())) {
                return Err(wrong("this caller is an approver already"));
            }
            if approver.key.is_some_and(|key| !keys.insert(key.to_bytes())) {
                return Err(wrong("this key is another approver's already"));
            }
            approvers.insert(id, approver);
        }
        Ok(Self(approvers))
    }

    /// One approver.
    pub fn get(&self, id: &ApproverId) -> Option<&Approver> {
        self.0.get(id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Approver> {
        self.0.values()
    }

    /// Who a caller is as an approver.
    pub fn of_caller(&self, organisation: &OrganisationId, caller: &CallerId) -> Option<&Approver> {
        self.iter().find(|one| one.organisation == *organisation && one.caller == *caller)
    }
}

fn approver(id: ApproverId, raw: Raw, catalogue: &Catalogue) -> Result<Approver, &'static str> {
    let Raw {
        title,
        organisation,
        caller,
        party,
        owner_of,
        data_protection_officer,
        warrants,
        second_person,
        regulator,
        until,
        key,
    } = raw;
    let decides = party || !owner_of.is_empty() || warrants || second_person;
    match (decides, data_protection_officer, regulator) {
        (false, false, false) => {
            return Err(
                "`party`, `owner_of`, `warrants`, `second_person`, `data_protection_officer` or `regulator` is needed",
            );
        }
        (true, false, false) | (false, true, false) | (false, false, true) => {}
        _ => return Err("whoever watches does not decide: data protection officer and regulator are nothing else"),
    }
    if owner_of.iter().any(|dataset| catalogue.dataset_named(dataset.as_str()).is_none()) {
        return Err("`owner_of` names what is no dataset of the catalogue");
    }
    let until = until.map(|raw| raw.to_string().parse().map_err(|_| "`until` is a day: 2026-01-31")).transpose()?;
    let key = key.map(|raw| key_of(&raw).ok_or("`key` is no Ed25519 public key in base64")).transpose()?;
    Ok(Approver {
        id,
        title,
        organisation,
        caller,
        party,
        owner_of,
        data_protection_officer,
        warrants,
        second_person,
        regulator,
        until,
        key,
    })
}

fn key_of(raw: &str) -> Option<VerifyingKey> {
    let bytes: [u8; 32] = BASE64.decode(raw).ok()?.try_into().ok()?;
    VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak())
}
