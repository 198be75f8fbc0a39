//! What an approver does, as a signed statement.

use crate::ids::{AgreementId, ApproverId, DatasetId};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::fmt;

/// What an act is about: acts are numbered for each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matter {
    /// An agreement.
    Agreement(AgreementId),
    /// A dataset, in whichever agreement.
    Dataset(DatasetId),
    /// The policy: all of its folder but the agreements.
    Policy,
}

/// What is done. Versions are SHA-256 of an agreement's text, hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Asks for approval of a version; what was proposed before and not approved is over.
    Propose(String),
    /// Agrees to it.
    Approve(String),
    /// Has seen it: the regulator.
    See(String),
    /// Takes the agreement out of force. It comes back with a new proposal.
    Suspend,
    /// Takes it out of force for ever.
    Terminate,
    /// The owner of a dataset takes that out of the agreement, or out of all.
    Withdraw(DatasetId),
    /// And lets it be used again.
    Restore(DatasetId),
}

/// A deed of a person, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// About what.
    pub matter: Matter,
    /// How many came before it about the same matter, and itself: an act that was signed is good in its place only.
    pub number: u64,
    /// What.
    pub deed: Deed,
    /// Who.
    pub approver: ApproverId,
    /// Why, in words.
    pub reason: String,
    /// Ed25519 (RFC 8032) over the statement.
    pub signature: [u8; 64],
}

/// As its entry tells of it.
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Act { matter, number, deed, approver, reason, .. } = self;
        let deed = [deed.name(), deed.object()].join(" ");
        write!(f, "{matter}, act {number}: {} by {approver}: {reason}", deed.trim_end())
    }
}

impl fmt::Display for Matter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Matter::Agreement(id) => write!(f, "agreement:{id}"),
            Matter::Dataset(id) => write!(f, "dataset:{id}"),
            Matter::Policy => f.write_str("policy:rules"),
        }
    }
}

impl Matter {
    /// As it is displayed.
    pub fn parse(raw: &str) -> Option<Self> {
        let (kind, id) = raw.split_once(':')?;
        match kind {
            "agreement" => id.try_into().ok().map(Matter::Agreement),
            "dataset" => id.try_into().ok().map(Matter::Dataset),
            "policy" if id == "rules" => Some(Matter::Policy),
            _ => None,
        }
    }
}

impl Deed {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Deed::Propose(_) => "propose",
            Deed::Approve(_) => "approve",
            Deed::See(_) => "see",
            Deed::Suspend => "suspend",
            Deed::Terminate => "terminate",
            Deed::Withdraw(_) => "withdraw",
            Deed::Restore(_) => "restore",
        }
    }

    /// What it is done to: a version, a dataset, or nothing more than the matter.
    pub fn object(&self) -> &str {
        match self {
            Deed::Propose(version) | Deed::Approve(version) | Deed::See(version) => version,
            Deed::Suspend | Deed::Terminate => "",
            Deed::Withdraw(dataset) | Deed::Restore(dataset) => dataset.as_str(),
        }
    }

    /// By its name and what it is done to.
    pub fn parse(name: &str, object: &str) -> Option<Self> {
        let version = || is_version(object).then(|| object.to_owned());
        let dataset = || DatasetId::try_from(object).ok();
        match name {
            "propose" => version().map(Deed::Propose),
            "approve" => version().map(Deed::Approve),
            "see" => version().map(Deed::See),
            "suspend" if object.is_empty() => Some(Deed::Suspend),
            "terminate" if object.is_empty() => Some(Deed::Terminate),
            "withdraw" => dataset().map(Deed::Withdraw),
            "restore" => dataset().map(Deed::Restore),
            _ => None,
        }
    }

    /// Whether less may be used after it than before. Such a deed holds even where who did it is not known any more.
    pub fn only_takes_away(&self) -> bool {
        matches!(self, Deed::Suspend | Deed::Terminate | Deed::Withdraw(_))
    }
}

fn is_version(raw: &str) -> bool {
    raw.len() == 64 && raw.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A reason is one line of at most so many characters.
const REASON: usize = 500;

impl Act {
    pub(super) fn sign(
        log: &str,
        (matter, number): (Matter, u64),
        deed: Deed,
        (approver, key): (ApproverId, &SigningKey),
        reason: String,
    ) -> Self {
        let mut act = Self { matter, number, deed, approver, reason, signature: [0; 64] };
        act.signature = key.sign(act.statement(log).as_bytes()).to_bytes();
        act
    }

    /// What is signed: a line for each part, none of which can hold the end of a line.
    pub fn statement(&self, log: &str) -> String {
        let Self { matter, number, deed, approver, reason, .. } = self;
        let (name, object) = (deed.name(), deed.object());
        format!("disown.v1/act\n{log}\n{matter}\n{number}\n{name} {object}\n{approver}\n{reason}\n")
    }

    /// Whether a reason has the form of one.
    pub fn is_reason(raw: &str) -> bool {
        let length = raw.chars().count();
        !raw.trim().is_empty() && length <= REASON && !raw.chars().any(char::is_control)
    }

    /// Whether that key signed it for the access log of that name.
    pub fn is_signed_by(&self, key: &VerifyingKey, log: &str) -> bool {
        Self::is_reason(&self.reason)
            && key.verify_strict(self.statement(log).as_bytes(), &Signature::from_bytes(&self.signature)).is_ok()
    }
}
