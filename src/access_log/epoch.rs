//! Epochs of control: what comes into force with an entry, in a chain of seals that each head of the log is bound to. Nothing of it can be
//! altered, added or taken out in the database without the brokers' keys, be it the last that happened.

use super::storage::corrupt;
use crate::{
    approval::{Act, Deed, Matter},
    control::{About, Event},
    pseudonym::Keyring,
};
use std::collections::BTreeMap;

/// What comes into force with an `administration` or a `change` entry, in its transaction.
#[derive(Debug, Clone, Default)]
pub struct NewEpoch {
    /// Of the rules that are in force from now on.
    pub policy_version: String,
    /// SHA-256 of all files of the policy, hexadecimal.
    pub files: String,
    /// Texts that are kept from now on.
    pub archive: Vec<Archived>,
    /// What approvers did.
    pub acts: Vec<Act>,
    /// What happened to whatever else decisions depend on.
    pub events: Vec<Event>,
}

/// A text kept for ever under its hash.
#[derive(Debug, Clone)]
pub struct Archived {
    /// SHA-256 of the content, hexadecimal.
    pub version: String,
    /// `policies`, `agreements/<id>`, or `files`.
    pub name: String,
    /// The text.
    pub content: String,
}

/// Where the chain of epochs is: it begins with number 0 and zeros.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SealedEpoch {
    pub(crate) number: u64,
    /// HMAC under a key of the brokers over the seal before and what the epoch opened.
    pub(crate) seal: [u8; 32],
}

/// An epoch as it is stored, believed of nobody yet.
#[derive(Debug)]
pub(crate) struct Epoch {
    pub(crate) sealed: SealedEpoch,
    pub(crate) opened: NewEpoch,
}

impl SealedEpoch {
    /// The epoch after this one.
    pub(crate) async fn then(&self, opened: &NewEpoch, keyring: &Keyring) -> Self {
        let number = self.number + 1;
        Self { number, seal: keyring.seal_epoch(&self.seal, &opened.statement(number)).await }
    }

    /// Number and seal.
    pub(crate) fn parts(&self) -> (u64, &[u8; 32]) {
        (self.number, &self.seal)
    }

    /// As it was stored.
    pub(super) fn stored(number: i64, seal: &[u8]) -> sqlx::Result<Self> {
        let seal = seal
            .try_into()
            .map_err(|_| corrupt("an epoch has no seal: a log from before there were any cannot be carried on"))?;
        Ok(Self { number: number.unsigned_abs(), seal })
    }
}

impl NewEpoch {
    /// All of it, whatever order the database gives it in. The archive has its texts under their hashes.
    fn statement(&self, number: u64) -> String {
        let json = |value: serde_json::Value| value.to_string();
        let acts = self.acts.iter().map(|act| {
            let (matter, deed) = (act.matter.to_string(), (act.deed.name(), act.deed.object()));
            let signature = hex::encode(act.signature);
            json(serde_json::json!(["act", matter, act.number, deed, act.approver.as_str(), act.reason, signature]))
        });
        let events = self
            .events
            .iter()
            .map(|event| json(serde_json::json!(["event", event.about.to_string(), event.number, event.what])));
        let mut lines: Vec<String> = acts.chain(events).collect();
        lines.sort_unstable();
        let policy = json(serde_json::json!(["epoch", number, self.policy_version, self.files]));
        format!("{policy}\n{}", lines.join("\n"))
    }
}

/// Number, policy version, files, seal.
pub(super) type EpochRow = (i64, String, String, Vec<u8>);
/// Epoch, matter, number, deed, object, approver, reason, signature.
pub(super) type ActRow = (i64, String, i64, String, String, String, String, Vec<u8>);
/// Epoch, about, number, what.
pub(super) type EventRow = (i64, String, i64, String);

/// Epochs as they were stored, oldest first.
pub(super) fn epochs_of(epochs: Vec<EpochRow>, acts: Vec<ActRow>, events: Vec<EventRow>) -> sqlx::Result<Vec<Epoch>> {
    let mut stored = BTreeMap::new();
    for (number, policy_version, files, seal) in epochs {
        let opened = NewEpoch { policy_version, files, ..NewEpoch::default() };
        stored.insert(number, Epoch { sealed: SealedEpoch::stored(number, &seal)?, opened });
    }
    for (epoch, matter, number, deed, object, approver, reason, signature) in acts {
        let act = || {
            Some(Act {
                matter: Matter::parse(&matter)?,
                number: number.unsigned_abs(),
                deed: Deed::parse(&deed, &object)?,
                approver: approver.as_str().try_into().ok()?,
                reason,
                signature: signature.try_into().ok()?,
            })
        };
        opened(&mut stored, epoch)?.acts.push(act().ok_or_else(|| corrupt("an act of an approver has another form"))?);
    }
    for (epoch, about, number, what) in events {
        let about = About::parse(&about).ok_or_else(|| corrupt("an event is about nothing that there is"))?;
        opened(&mut stored, epoch)?.events.push(Event { about, number: number.unsigned_abs(), what });
    }
    Ok(stored.into_values().collect())
}

fn opened(stored: &mut BTreeMap<i64, Epoch>, epoch: i64) -> sqlx::Result<&mut NewEpoch> {
    stored.get_mut(&epoch).map(|stored| &mut stored.opened).ok_or_else(|| corrupt("an epoch is missing"))
}
