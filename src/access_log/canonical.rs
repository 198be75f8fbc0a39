//! The parts of an entry as canonical JSON (RFC 8785). Every append writes three of them, so they are written in its order straight
//! away instead of being sorted: names are ASCII, numbers are integers, and strings are escaped as the RFC has it by `serde_json`.

use super::entry::{ActorPart, AnswerPart, SubjectPart};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// The actor part, stamped: RFC 3339, and the broker that appends it.
pub(super) fn actor(actor: &ActorPart, time: &str, broker: &str) -> String {
    text(&Actor { actor, time, broker })
}

pub(super) fn subject(subject: &SubjectPart) -> String {
    text(&Subject(subject))
}

pub(super) fn answer(answer: &AnswerPart) -> String {
    text(&Answer(answer))
}

fn text(part: &impl Serialize) -> String {
    serde_json::to_string(part).expect("a part has string keys and no floating-point numbers")
}

struct Actor<'a> {
    actor: &'a ActorPart,
    time: &'a str,
    broker: &'a str,
}

struct Subject<'a>(&'a SubjectPart);
struct Answer<'a>(&'a AnswerPart);

impl Serialize for Actor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { actor, time, broker } = self;
        let (who, terms, input) = (actor.who.as_ref(), actor.terms.as_ref(), actor.input.as_ref());
        let mut map = serializer.serialize_map(None)?;
        member(&mut map, "agreement", who.and_then(|who| who.agreement.as_ref()))?;
        member(&mut map, "agreement_version", terms.and_then(|terms| terms.agreement_version.as_ref()))?;
        member(&mut map, "batch", input.map(|input| &input.batch))?;
        member(&mut map, "batch_records", input.map(|input| &input.batch_records))?;
        member(&mut map, "batch_root", input.map(|input| &input.batch_root))?;
        member(&mut map, "break_glass", terms.and_then(|terms| terms.break_glass.as_ref()))?;
        member(&mut map, "broker", Some(broker))?;
        member(&mut map, "caller", who.map(|who| &who.caller))?;
        member(&mut map, "case_reference", terms.and_then(|terms| terms.case_reference.as_ref()))?;
        member(&mut map, "control_epoch", terms.map(|terms| &terms.control_epoch))?;
        member(&mut map, "dataset", input.map(|input| &input.dataset))?;
        member(&mut map, "event", actor.event.as_ref())?;
        member(&mut map, "fields", Some(&actor.fields).filter(|fields| !fields.is_empty()))?;
        member(&mut map, "ground", terms.and_then(|terms| terms.ground.as_ref()))?;
        member(&mut map, "handling", terms.and_then(|terms| terms.handling.as_ref()))?;
        member(&mut map, "kind", Some(&actor.kind))?;
        member(&mut map, "organisation", who.map(|who| &who.organisation))?;
        member(&mut map, "outcome", Some(&actor.outcome))?;
        member(&mut map, "policy_version", terms.map(|terms| &terms.policy_version))?;
        member(&mut map, "purpose", who.and_then(|who| who.purpose.as_ref()))?;
        member(&mut map, "records", actor.records.as_ref())?;
        member(&mut map, "refusal", actor.refusal.as_ref())?;
        member(&mut map, "role", who.and_then(|who| who.role.as_ref()))?;
        member(&mut map, "second_person", terms.and_then(|terms| terms.second_person.as_ref()))?;
        member(&mut map, "time", Some(time))?;
        member(&mut map, "trace", who.map(|who| &who.trace))?;
        member(&mut map, "transfer", terms.and_then(|terms| terms.transfer.as_ref()))?;
        let warrant = terms.and_then(|terms| terms.warrant.as_ref());
        member(&mut map, "warrant", warrant.map(|(id, _)| id))?;
        member(&mut map, "warrant_use", warrant.map(|(_, used)| used))?;
        map.end()
    }
}

impl Serialize for Subject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        member(&mut map, "alarms", Some(&self.0.alarms).filter(|alarms| !alarms.is_empty()))?;
        member(&mut map, "handle", self.0.handle.as_ref())?;
        member(&mut map, "month", self.0.month.as_ref())?;
        member(&mut map, "reason", self.0.reason.as_ref())?;
        member(&mut map, "tag", self.0.tag.as_ref())?;
        map.end()
    }
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        member(&mut map, "digest", Some(&self.0.digest))?;
        map.end()
    }
}

/// What is not there is left out.
fn member<M: SerializeMap, T: Serialize + ?Sized>(
    map: &mut M,
    name: &'static str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access_log::{InputBatch, Kind, TermsInForce, Who, merkle::Hash},
        dataset::Level,
        telemetry::alarm::Alarm,
    };

    /// Everything that a part can have, with all that JSON escapes and what it does not.
    fn odd() -> String {
        (0..0x80_u8).map(char::from).chain("\u{7f}\u{80}é\u{2028}\u{fffd}😀".chars()).collect()
    }

    fn whole() -> ActorPart {
        ActorPart {
            kind: Kind::Release,
            outcome: "answered",
            who: Some(Who {
                caller: "somebody".try_into().unwrap(),
                organisation: "somewhere".try_into().unwrap(),
                role: Some("clinician".try_into().unwrap()),
                purpose: Some("clinical_care".try_into().unwrap()),
                agreement: Some("clinical-care".try_into().unwrap()),
                trace: odd(),
            }),
            terms: Some(TermsInForce {
                agreement_version: Some(odd()),
                case_reference: Some(odd()),
                policy_version: odd(),
                control_epoch: u64::from(u32::MAX),
                handling: Some(odd()),
                transfer: Some(odd()),
                break_glass: Some(2),
                ground: Some("legal_duty"),
                second_person: Some("somebody.else".try_into().unwrap()),
                warrant: Some(("w-1".try_into().unwrap(), 3)),
            }),
            fields: ["people.person.given_name", "people.person.a_b", "people.person.a", "clinical.condition.code"]
                .into_iter()
                .zip([Level::Full, Level::Coarse, Level::Exists, Level::Withheld])
                .map(|(name, level)| (name.to_owned(), level))
                .collect(),
            records: Some(7),
            input: Some(InputBatch {
                dataset: "people".try_into().unwrap(),
                batch: odd(),
                batch_records: 3,
                batch_root: odd(),
            }),
            refusal: Some(odd().into()),
            event: Some(odd()),
        }
    }

    #[test]
    fn every_part_is_canonical_with_and_without_each_member() {
        let nothing = ActorPart {
            who: None,
            terms: None,
            fields: Default::default(),
            records: None,
            input: None,
            refusal: None,
            event: None,
            ..whole()
        };
        let about = SubjectPart {
            tag: None,
            month: Some("2026-11".to_owned()),
            handle: Some(odd()),
            alarms: vec![Alarm::Honey, Alarm::Limit],
            reason: Some("nothing_held"),
        };
        let parts = [
            actor(&whole(), "2026-11-21T20:00:00.000001Z", "broker-1"),
            actor(&nothing, "2026-11-21T20:00:00.000001Z", "broker-1"),
            subject(&about),
            subject(&SubjectPart::default()),
            answer(&AnswerPart::of(&Hash::from_bytes([7; 32]))),
        ];
        for (part, members) in parts.iter().zip([29, 4, 4, 0, 1]) {
            let read: serde_json::Map<String, serde_json::Value> = serde_json::from_str(part).unwrap();
            assert_eq!(read.len(), members, "{part}");
            assert_eq!(*part, serde_json_canonicalizer::to_string(&read).unwrap());
        }
    }
}
