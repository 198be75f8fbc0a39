//! How much was told today, as the entries have it. There is no counter beside the access log: an append succeeds only behind the
//! entries that were counted, so a limit holds on however many brokers, and across every restart.

use super::{ActorPart, Entry, Kind, SubjectPart, Who, batch::NewEntry};
use crate::{
    ids::{AgreementId, CallerId, OrganisationId},
    policy::{Limit, Limits},
    pseudonym::SubjectTag,
};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// The releases of a day of the island's. The log never goes back in time, so one day is enough.
#[derive(Debug)]
pub(super) struct Tally {
    zone: TimeZone,
    ends: Timestamp,
    agreements: HashMap<AgreementId, OfAgreement>,
    /// What is counted and not committed yet.
    pending: Vec<Counted>,
}

/// Who asks, under what.
type Asking = (AgreementId, OrganisationId, CallerId);

#[derive(Debug, Default)]
struct OfAgreement {
    sum: Sum,
    organisations: HashMap<OrganisationId, OfOrganisation>,
}

#[derive(Debug, Default)]
struct OfOrganisation {
    sum: Sum,
    callers: HashMap<CallerId, OfCaller>,
}

#[derive(Debug, Default)]
struct OfCaller {
    sum: Sum,
    /// Tags, of which every subject has one a month.
    subjects: HashSet<u128>,
}

/// Subjects are those of each caller, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    subjects: u64,
    records: u64,
}

#[derive(Debug)]
struct Counted {
    asking: Asking,
    /// One that was new.
    subject: Option<u128>,
    sum: Sum,
}

/// What a stored entry says that a limit goes by.
#[derive(Deserialize)]
struct StoredActor {
    kind: String,
    time: Timestamp,
    agreement: Option<AgreementId>,
    organisation: Option<OrganisationId>,
    caller: Option<CallerId>,
    records: Option<u64>,
}

#[derive(Deserialize)]
struct StoredSubject {
    tag: Option<String>,
}

impl Tally {
    /// Nothing was told yet.
    pub(super) fn new(zone: TimeZone) -> Self {
        let agreements = HashMap::new();
        Self { zone, ends: Timestamp::MIN, agreements, pending: Vec::new() }
    }

    /// When the day of that moment began.
    pub(super) fn day_began(&self, at: Timestamp) -> Timestamp {
        let day = self.zone.to_datetime(at).date();
        day.to_zoned(self.zone.clone()).map_or(Timestamp::MIN, |began| began.timestamp())
    }

    /// Whether asking about a subject would be above a limit by what was told until now. How much is held on the subject is not looked
    /// at, and nothing that another caller asked about: a denial tells of neither (no-oracle).
    pub(super) fn is_above(&self, who: &Who, tag: Option<&SubjectTag>, limits: &Limits, at: Timestamp) -> bool {
        let Some(agreement) = who.agreement.as_ref().and_then(|agreement| self.agreements.get(agreement)) else {
            return false;
        };
        if at >= self.ends {
            return false;
        }
        let organisation = agreement.organisations.get(&who.organisation);
        let caller = organisation.and_then(|organisation| organisation.callers.get(&who.caller));
        let is_known = caller.zip(tag).is_some_and(|(caller, tag)| caller.subjects.contains(&number(tag.as_str())));
        let sums = [caller.map(|of| of.sum), organisation.map(|of| of.sum), Some(agreement.sum)];
        let above = |(sum, limit): (Sum, Limit)| {
            let reached = |count: u64, most: Option<u64>| most.is_some_and(|most| count >= most);
            (!is_known && reached(sum.subjects, limit.subjects)) || reached(sum.records, limit.records)
        };
        sums.map(Option::unwrap_or_default).into_iter().zip(limits.each()).any(above)
    }

    /// Counts a release that is about to be appended, unless it is above its limits. It is settled or taken back with its batch.
    pub(super) fn admit(&mut self, entry: &Entry, at: Timestamp) -> bool {
        let (ActorPart { kind: Kind::Release, who: Some(who), records, .. }, SubjectPart { tag, .. }) =
            (&entry.actor, &entry.subject)
        else {
            return true;
        };
        if entry.limits.as_ref().is_some_and(|limits| self.is_above(who, tag.as_ref(), limits, at)) {
            return false;
        }
        if let Some(agreement) = &who.agreement {
            let asking = (agreement.clone(), who.organisation.clone(), who.caller.clone());
            let counted = self.count(asking, tag.as_ref().map(SubjectTag::as_str), records.unwrap_or_default(), at);
            self.pending.push(counted);
        }
        true
    }

    /// What was admitted is in the log.
    pub(super) fn settle(&mut self) {
        self.pending.clear();
    }

    /// What was admitted is not in the log.
    pub(super) fn take_back(&mut self) {
        for Counted { asking: (agreement, organisation, caller), subject, sum } in std::mem::take(&mut self.pending) {
            // A day that ended meanwhile is not counted any more.
            let Some(agreement) = self.agreements.get_mut(&agreement) else { continue };
            let Some(organisation) = agreement.organisations.get_mut(&organisation) else { continue };
            let Some(caller) = organisation.callers.get_mut(&caller) else { continue };
            for of in [&mut agreement.sum, &mut organisation.sum, &mut caller.sum] {
                of.subjects = of.subjects.saturating_sub(sum.subjects);
                of.records = of.records.saturating_sub(sum.records);
            }
            if let Some(subject) = subject {
                caller.subjects.remove(&subject);
            }
        }
    }

    /// Counts an entry that is in the log, whoever appended it.
    pub(super) fn count_stored(&mut self, entry: &NewEntry) -> Result<(), serde_json::Error> {
        let actor: StoredActor = serde_json::from_str(&entry.actor.text)?;
        if actor.kind == "release"
            && let (Some(agreement), Some(organisation), Some(caller)) =
                (actor.agreement, actor.organisation, actor.caller)
        {
            let subject: StoredSubject = serde_json::from_str(&entry.subject.text)?;
            let records = actor.records.unwrap_or_default();
            self.count((agreement, organisation, caller), subject.tag.as_deref(), records, actor.time);
        }
        Ok(())
    }

    fn count(&mut self, asking: Asking, tag: Option<&str>, records: u64, at: Timestamp) -> Counted {
        if at >= self.ends {
            self.turn_to(at);
        }
        let agreement = self.agreements.entry(asking.0.clone()).or_default();
        let organisation = agreement.organisations.entry(asking.1.clone()).or_default();
        let caller = organisation.callers.entry(asking.2.clone()).or_default();
        // One that has no tag any more is one more.
        let subject = tag.map(number);
        let is_new = subject.is_none_or(|subject| caller.subjects.insert(subject));
        let sum = Sum { subjects: u64::from(is_new), records };
        for of in [&mut agreement.sum, &mut organisation.sum, &mut caller.sum] {
            of.subjects += sum.subjects;
            of.records += sum.records;
        }
        Counted { asking, subject: subject.filter(|_| is_new), sum }
    }

    fn turn_to(&mut self, at: Timestamp) {
        let tomorrow = self.zone.to_datetime(at).date().saturating_add(1.day());
        self.ends = tomorrow.to_zoned(self.zone.clone()).map_or(Timestamp::MAX, |begins| begins.timestamp());
        self.agreements.clear();
    }
}

/// A tag, 128 bits in hexadecimal, takes half the room as a number.
fn number(tag: &str) -> u128 {
    u128::from_str_radix(tag, 16).unwrap_or_default()
}
