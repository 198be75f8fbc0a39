//! Whom a request names, and where. A subject may be named in a few fields, where an identifier becomes a pseudonym and is gone. Whatever
//! else is said may be written down, and no store may hold an identifier: so it may name nobody. Every field is looked at, one that is new
//! too, before anything else is done with a request.

use super::wire;
use crate::{access::Invalid, dataset::Catalogue};
use prost::{Message, Name};
use zeroize::Zeroizing;

/// Where a subject is named. What is read from here is wiped, or checked by the rules of intake.
const NAMES_SUBJECT: [&str; 11] = [
    "disown.v1.QueryRequest.identifier",
    "disown.v1.RestrictRequest.identifier",
    "disown.v1.LiftRestrictionRequest.identifier",
    "disown.v1.ListRestrictionsRequest.identifier",
    "disown.v1.BreakGlassRequest.identifier",
    "disown.v1.AllowLookUpRequest.identifier",
    "disown.v1.Watch.identifier",
    "disown.v1.Warrant.identifiers",
    "disown.v1.LogFilter.subject",
    "disown.v1.PutRequest.ValuesEntry.value",
    "disown.v1.Row.values",
];

/// Where something stands that brokers or keys made, in whose digits a scheme could find an identifier. It is looked up or verified.
const MADE: [&str; 11] = [
    "disown.v1.QueryRequest.handle",
    "disown.v1.QueryRequest.warrant",
    "disown.v1.QueryRequest.acknowledged",
    "disown.v1.BreakGlassRequest.acknowledged",
    "disown.v1.ActRequest.version",
    "disown.v1.ActRequest.signature",
    "disown.v1.ShowAgreementRequest.version",
    "disown.v1.ConfirmWarrantRequest.id",
    "disown.v1.RevokeWarrantRequest.id",
    "disown.v1.ShowWarrantRequest.id",
    "disown.v1.LiftRestrictionRequest.restriction",
];

/// The rule that it breaks to name a subject where none may be named.
const RULE: &str = "no subject identifier: it may be written down";

/// Whether a message names subjects where they may be named only; else in which argument it does.
pub(super) fn name_nobody<M: Message + Name>(message: &M, catalogue: &Catalogue) -> Result<(), Invalid> {
    let bytes = Zeroizing::new(message.encode_to_vec());
    let mut found = None;
    wire::each_text(&M::full_name(), &bytes, &mut |text| {
        let may = NAMES_SUBJECT.contains(&text.field) || (MADE.contains(&text.field) && is_made(text.value));
        if !may && catalogue.holds_identifier(&String::from_utf8_lossy(text.value)) {
            found = found.or(Some(text.argument));
        }
    });
    found.map_or(Ok(()), |argument| Err(Invalid::of(argument, RULE)))
}

/// A digest, a signature or a handle; a warrant or a restriction, `w-0123456789abcdef`.
fn is_made(value: &[u8]) -> bool {
    let digits = |raw: &[u8]| raw.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    value.len() == 64 || matches!(value, [b'a'..=b'z', b'-', name @ ..] if name.len() == 16 && digits(name))
}
