//! Between messages and the broker's own types.

use super::texts;
use crate::{
    access::Invalid,
    access_log::{Receipt, merkle::Hash},
    control::Control,
    database::Durability,
    dataset::Catalogue,
    entropy::Entropy,
    pb,
    policy::{Asked, Terms},
    pseudonym::SubjectIdentifier,
};
use prost::{Message, Name};
use tonic::Request;
use zeroize::Zeroizing;

/// What somebody asks for, and whether it names subjects where they may be named only: before that is known nothing else is done.
pub(super) fn taken<M: Message + Name>(request: Request<M>, control: &Control) -> (M, Result<(), Invalid>) {
    #[expect(clippy::disallowed_methods, reason = "the one place where a message is taken out of its request")]
    let message = request.into_inner();
    let clean = texts::name_nobody(&message, &control.in_force().policy.catalogue);
    (message, clean)
}

/// Terms as they came in. Absent is empty, and empty is refused by every list.
pub(super) fn terms(message: Option<pb::Terms>) -> Terms {
    let pb::Terms { role, purpose, agreement, case_reference } = message.unwrap_or_default();
    Terms { role, purpose, agreement, case_reference, ..Terms::default() }
}

/// A subject, by scheme and value.
pub(super) fn identifier(raw: Zeroizing<String>, catalogue: &Catalogue) -> Result<SubjectIdentifier, Invalid> {
    const RULE: &str = "scheme and value of a known scheme, as in `jy:JY` and six digits and a letter A to D";
    SubjectIdentifier::parse(raw, catalogue).map_err(|_| Invalid::of("identifier", RULE))
}

/// Fields or a view, not both.
pub(super) fn asked(fields: &[String], view: String, catalogue: &Catalogue) -> Result<Asked, Invalid> {
    const MOST: usize = 500;
    match (fields, view.is_empty()) {
        ([], true) => Ok(Asked::Everything),
        ([], false) => Ok(Asked::View(view)),
        (_, false) => Err(Invalid::of("view", "fields or a view, not both")),
        (fields, true) if fields.len() > MOST => Err(Invalid::of("fields", "at most 500 fields")),
        (fields, true) => fields
            .iter()
            .map(|name| catalogue.field_named(name))
            .collect::<Option<_>>()
            .map(Asked::Fields)
            .ok_or(Invalid::of("fields", "each is a field of the catalogue, `dataset.record_type.column`")),
    }
}

/// A name for a request in telemetry and access log, made here: one that came in could hold anything.
pub(super) fn trace(entropy: &dyn Entropy) -> String {
    entropy.bytes::<8>().map(hex::encode).unwrap_or_default()
}

pub(super) fn bytes(hashes: &[Hash]) -> Vec<Vec<u8>> {
    hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect()
}

impl From<Durability> for pb::Durability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::OneHost => pb::Durability::OneHost,
            Durability::Replicated { .. } => pb::Durability::Replicated,
        }
    }
}

impl From<&Receipt> for pb::Receipt {
    fn from(receipt: &Receipt) -> Self {
        Self {
            index: receipt.index(),
            actor_part: receipt.actor().text.clone().into_bytes(),
            actor_salt: receipt.actor().salt.to_vec(),
            subject_commitment: receipt.subject_commitment().as_bytes().to_vec(),
            answer_part: receipt.answer().text.clone().into_bytes(),
            answer_salt: receipt.answer().salt.to_vec(),
            inclusion: bytes(receipt.inclusion()),
            checkpoint: receipt.checkpoint().note().to_owned(),
        }
    }
}
