//! What has become of each warrant.

use crate::{
    ids::{AgreementId, ApproverId, WarrantId},
    pseudonym::Keyring,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// All warrants there are.
#[derive(Debug, Clone, Default)]
pub struct Warrants(BTreeMap<WarrantId, Arc<Warrant>>);

/// What a warrant says. Subjects are kept under names of their own, which are in no dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The court that issued it.
    pub court: String,
    /// The court's reference.
    pub reference: String,
    /// Under which agreement it is used.
    pub agreement: AgreementId,
    /// For which case: a request names exactly this one.
    pub case_reference: String,
    /// Whom it is about: names, hexadecimal.
    pub subjects: BTreeSet<String>,
    /// What may be seen.
    pub fields: BTreeSet<String>,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
    /// How many answers may be given.
    pub uses: u64,
}

/// A warrant.
#[derive(Debug, Clone)]
pub struct Warrant {
    /// Its name.
    pub id: WarrantId,
    /// What it says.
    pub terms: Terms,
    /// Who registered it.
    pub registered_by: ApproverId,
    /// Who entered it again.
    pub confirmed_by: Option<ApproverId>,
    /// It was revoked.
    pub revoked: bool,
    /// Answers given.
    pub used: u64,
    events: u64,
}

/// Something that happens to a warrant, with the entry that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarrantEvent {
    /// Which.
    pub warrant: WarrantId,
    /// In which place, from 1.
    pub number: u64,
    /// What.
    pub what: What,
    /// HMAC under a key of the brokers: nobody else makes a warrant.
    pub seal: Vec<u8>,
}

/// What happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Somebody registered it.
    Registered(ApproverId, Terms),
    /// Somebody else entered the same.
    Confirmed(ApproverId),
    /// Somebody revoked it.
    Revoked(ApproverId),
    /// An answer was given.
    Used,
}

impl What {
    /// As it is stored: its name, by whom, and what it says.
    pub fn stored(&self) -> (&'static str, &str, String) {
        match self {
            What::Registered(by, terms) => {
                ("registered", by.as_str(), serde_json::to_string(terms).expect("terms are maps of texts and numbers"))
            }
            What::Confirmed(by) => ("confirmed", by.as_str(), String::new()),
            What::Revoked(by) => ("revoked", by.as_str(), String::new()),
            What::Used => ("used", "", String::new()),
        }
    }

    /// From how it is stored.
    pub fn parse(name: &str, by: &str, content: &str) -> Option<Self> {
        let approver = || ApproverId::try_from(by).ok();
        match name {
            "registered" => Some(What::Registered(approver()?, serde_json::from_str(content).ok()?)),
            "confirmed" => approver().map(What::Confirmed),
            "revoked" => approver().map(What::Revoked),
            "used" => Some(What::Used),
            _ => None,
        }
    }
}

impl WarrantEvent {
    /// What happens to a warrant next, sealed.
    pub async fn next(warrant: &Warrant, what: What, keyring: &Keyring) -> Self {
        Self::new(&warrant.id, warrant.next(), what, keyring).await
    }

    /// What happens to one in that place, sealed.
    pub async fn new(warrant: &WarrantId, number: u64, what: What, keyring: &Keyring) -> Self {
        let seal = keyring.seal_warrant(&Self::sealed(warrant, number, &what)).await.to_vec();
        Self { warrant: warrant.clone(), number, what, seal }
    }

    /// What its seal is over.
    pub fn sealed(warrant: &WarrantId, number: u64, what: &What) -> String {
        let (name, by, content) = what.stored();
        format!("{warrant}\n{number}\n{name}\n{by}\n{content}")
    }
}

impl Warrants {
    /// Adds what happened next; whether it fits what happened before.
    pub fn add(&mut self, event: &WarrantEvent) -> bool {
        if let What::Registered(by, terms) = &event.what {
            let warrant = Warrant {
                id: event.warrant.clone(),
                terms: terms.clone(),
                registered_by: by.clone(),
                confirmed_by: None,
                revoked: false,
                used: 0,
                events: 1,
            };
            let fits = event.number == 1 && !self.0.contains_key(&event.warrant);
            return fits && self.0.insert(event.warrant.clone(), Arc::new(warrant)).is_none();
        }
        let Some(known) = self.0.get_mut(&event.warrant).filter(|known| known.next() == event.number) else {
            return false;
        };
        let known = Arc::make_mut(known);
        known.events += 1;
        match &event.what {
            What::Confirmed(by) if *by != known.registered_by => known.confirmed_by = Some(by.clone()),
            What::Revoked(_) => known.revoked = true,
            What::Used => known.used += 1,
            What::Registered(..) | What::Confirmed(_) => return false,
        }
        true
    }

    /// Ends one about which something stands that does not hold: nothing more is recorded about it either.
    pub fn revoke(&mut self, id: &WarrantId) {
        if let Some(known) = self.0.get_mut(id) {
            Arc::make_mut(known).revoked = true;
        }
    }

    /// One warrant.
    pub fn get(&self, id: &str) -> Option<&Arc<Warrant>> {
        WarrantId::try_from(id).ok().and_then(|id| self.0.get(&id))
    }
}

impl Warrant {
    /// The number of what happens next.
    pub fn next(&self) -> u64 {
        self.events + 1
    }

    /// Whether an answer may be given under it, on that day, for that case.
    pub fn covers(&self, agreement: &AgreementId, case_reference: &str, today: Date) -> bool {
        let Terms { agreement: own, case_reference: case, from, until, uses, .. } = &self.terms;
        let stands = self.confirmed_by.is_some() && !self.revoked && self.used < *uses;
        stands && own == agreement && case == case_reference && *from <= today && today <= *until
    }
}
