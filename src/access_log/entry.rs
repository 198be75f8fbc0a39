//! What an entry says. Its parts hold names, levels, digests, counts and times; there is no place for a value of a record.

use super::{epoch::NewEpoch, merkle::Hash};
use crate::{
    approval::Act,
    control::Event,
    dataset::Level,
    ids::{AgreementId, ApproverId, CallerId, DatasetId, OrganisationId, Purpose, Role, WarrantId},
    policy::Limits,
    pseudonym::SubjectTag,
    telemetry::alarm::Alarm,
};
use serde::Serialize;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An answer was given, or authorised to be.
    Release,
    /// Somebody was refused.
    Denial,
    /// Data was put in.
    Input,
    /// What is held on a subject was restricted, or that was lifted.
    Change,
    /// The broker started or stopped, or policy, agreements or keys changed.
    Administration,
    /// The access log was searched, or somebody looked at what is in force about a subject.
    Inspection,
    /// Something happened to the access log itself.
    Notice,
}

/// An entry on its way into the access log. It becomes one by `Appender::append` only.
///
/// - `release`: actor part as below, subject part, digest of the answer.
/// - `denial`: outcome `denied` or `invalid`; the fields that were asked for, all withheld, where the terms stood; the subject part tells
///   about whom, where it came so far.
/// - `input`: dataset, batch, records and root; the subject part is empty, since a tag there would tell who is in the batch.
/// - `change`: `event` says what; the subject part tells about whom.
/// - `administration`, `notice`: `event` says what.
/// - `inspection`: the filter, or what was listed, in `event`; the subject part tells about whom, where it was one subject.
#[derive(Debug, Clone)]
pub struct Entry {
    pub(super) actor: ActorPart,
    pub(super) subject: SubjectPart,
    /// The control epoch the entry was decided in; none for entries that no decision stands behind.
    pub(super) epoch: Option<u64>,
    /// Opens a new epoch.
    pub(super) opens_epoch: Option<NewEpoch>,
    /// It is appended only within these.
    pub(super) limits: Option<Limits>,
}

/// Who, when, for what, under which terms, what was disclosed.
#[derive(Debug, Clone)]
pub struct ActorPart {
    /// What happened.
    pub kind: Kind,
    /// What the caller was told: `answered`, `denied`, `invalid`, `stored`, `searched`,
    /// `listed`, `restricted`, `lifted`, `done`.
    pub outcome: &'static str,
    /// Who asked. Left out where nobody did.
    pub who: Option<Who>,
    /// Terms in force, where a decision was made.
    pub terms: Option<TermsInForce>,
    /// What was disclosed of which field.
    pub fields: BTreeMap<String, Level>,
    /// Records told.
    pub records: Option<u64>,
    /// What was put in.
    pub input: Option<InputBatch>,
    /// Why a caller was refused, for auditors: the caller is told nothing of it.
    pub refusal: Option<Cow<'static, str>>,
    /// What happened, in words of the broker's own.
    pub event: Option<String>,
}

/// Who asked, in which capacity. Only names that the broker knows stand here; unknown ones are left out, for a caller could put
/// anything into them.
#[derive(Debug, Clone)]
pub struct Who {
    /// The person or system.
    pub caller: CallerId,
    /// Its organisation.
    pub organisation: OrganisationId,
    /// The role it acted in.
    pub role: Option<Role>,
    /// What for.
    pub purpose: Option<Purpose>,
    /// Under which agreement.
    pub agreement: Option<AgreementId>,
    /// The request, as the broker named it in telemetry.
    pub trace: String,
}

/// The versions that a decision belongs to.
#[derive(Debug, Clone)]
pub struct TermsInForce {
    /// Content hash of the agreement.
    pub agreement_version: Option<String>,
    /// The caller's reference; it has the agreement's form.
    pub case_reference: Option<String>,
    /// Content hash of policy, catalogue, roles and red lines.
    pub policy_version: String,
    /// Counts changes of what decisions depend on.
    pub control_epoch: u64,
    /// SHA-256 of the handling conditions told.
    pub handling: Option<String>,
    /// Jurisdiction and ground, where the recipient is outside (GO43); the agreement has the justification.
    pub transfer: Option<String>,
    /// The ground relied on, where special category data is used for a law enforcement purpose (GO5).
    pub ground: Option<&'static str>,
    /// Who allowed it, where one person is not enough.
    pub second_person: Option<ApproverId>,
    /// By which of the caller's uses glass was broken.
    pub break_glass: Option<u64>,
    /// The warrant that was used, and how many times with this one.
    pub warrant: Option<(WarrantId, u64)>,
}

/// A batch that was put in.
#[derive(Debug, Clone)]
pub struct InputBatch {
    /// Into which dataset.
    pub dataset: DatasetId,
    /// Random name of the batch.
    pub batch: String,
    /// How many records it has.
    pub batch_records: u64,
    /// Merkle root (RFC 6962) over their salted commitments, in stored order.
    pub batch_root: String,
}

/// About whom. Never opened to a recipient: two recipients could join their answers by the tag.
#[derive(Debug, Clone, Default)]
pub struct SubjectPart {
    /// Name of the subject in the access log for this month.
    pub tag: Option<SubjectTag>,
    /// The month whose key made the tag.
    pub month: Option<String>,
    /// Name of the subject towards the recipient.
    pub handle: Option<String>,
    /// What it raised.
    pub alarms: Vec<Alarm>,
    /// The true reason where an answer was empty.
    pub reason: Option<&'static str>,
}

/// What was asked, as far as the broker knows it: by whom, under which terms, for which fields, about whom.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) who: Who,
    pub(crate) terms: TermsInForce,
    /// Names of the catalogue.
    pub(crate) fields: BTreeSet<String>,
    pub(crate) about: SubjectPart,
}

/// What was given.
#[derive(Debug, Clone)]
pub struct AnswerPart {
    /// SHA-256 of exactly the bytes given, hexadecimal.
    pub digest: String,
}

impl AnswerPart {
    pub(super) fn of(digest: &Hash) -> Self {
        Self { digest: digest.to_string() }
    }
}

impl Entry {
    /// An entry of an access that was decided in an epoch.
    pub(crate) fn decided(kind: Kind, outcome: &'static str, who: Who, terms: TermsInForce) -> Self {
        let epoch = Some(terms.control_epoch);
        let mut entry = Self::undecided(kind, outcome);
        entry.actor.who = Some(who);
        entry.actor.terms = Some(terms);
        Self { epoch, ..entry }
    }

    /// A refusal. It stands whatever the policy is by now.
    pub(crate) fn denial(outcome: &'static str, refusal: Cow<'static, str>, asked: Question) -> Self {
        let Question { who, terms, fields, about } = asked;
        let mut entry = Self::decided(Kind::Denial, outcome, who, terms).about(about);
        entry.actor.fields = fields.into_iter().map(|name| (name, Level::Withheld)).collect();
        entry.actor.refusal = Some(refusal);
        Self { epoch: None, ..entry }
    }

    /// That the access log is searched, with what for.
    pub(super) fn inspection(who: Who, terms: TermsInForce, filter: &super::Filter, about: SubjectPart) -> Self {
        let mut entry = Self::decided(Kind::Inspection, "searched", who, terms);
        entry.actor.event = Some(filter.to_string());
        entry.subject = about;
        entry
    }

    /// That what is in force about a subject is looked at.
    pub(crate) fn listing(event: String, who: Who, terms: TermsInForce, about: SubjectPart) -> Self {
        let mut entry = Self::decided(Kind::Inspection, "listed", who, terms);
        entry.actor.event = Some(event);
        entry.subject = about;
        entry
    }

    /// That something held on a subject is changed.
    pub(crate) fn change(
        outcome: &'static str,
        event: String,
        who: Who,
        terms: TermsInForce,
        about: SubjectPart,
    ) -> Self {
        let mut entry = Self::decided(Kind::Change, outcome, who, terms);
        entry.actor.event = Some(event);
        entry.subject = about;
        entry
    }

    /// That something happened to the access log itself.
    pub(super) fn notice(event: &str) -> Self {
        let mut entry = Self::undecided(Kind::Notice, "done");
        entry.actor.event = Some(event.to_owned());
        entry
    }

    /// That refused attempts of nobody known came from a peer.
    pub(crate) fn attempts(event: String) -> Self {
        let mut entry = Self::undecided(Kind::Denial, "unauthenticated");
        entry.actor.event = Some(event);
        entry
    }

    /// That the broker did something on its own, or its operator did.
    pub(crate) fn administration(event: &str) -> Self {
        let mut entry = Self::undecided(Kind::Administration, "done");
        entry.actor.event = Some(event.to_owned());
        entry
    }

    /// That a policy comes into force with this entry, after the epoch of that number. Its texts are archived in the same transaction.
    pub(crate) fn policy_in_force(after: u64, opened: NewEpoch) -> Self {
        let entry = Self::administration(&format!("policy {} is in force", opened.policy_version));
        Self { epoch: Some(after), opens_epoch: Some(opened), ..entry }
    }

    /// That somebody entitled to it did something that decisions depend on, in words of the broker's own.
    pub(crate) fn administered(event: String, who: Who, terms: TermsInForce) -> Self {
        let mut entry = Self::decided(Kind::Administration, "done", who, terms);
        entry.actor.event = Some(event);
        entry
    }

    /// With what an approver did, which counts from this entry on, under the policy that is in force.
    pub(crate) fn acting(mut self, policy_version: &str, files: &str, act: Act) -> Self {
        self.opening(policy_version, files).acts.push(act);
        self
    }

    /// With something that happened, which counts from this entry on, under the policy that is in force.
    pub(crate) fn happening(mut self, policy_version: &str, files: &str, event: Event) -> Self {
        self.opening(policy_version, files).events.push(event);
        self
    }

    fn opening(&mut self, policy_version: &str, files: &str) -> &mut NewEpoch {
        let (policy_version, files) = (policy_version.to_owned(), files.to_owned());
        self.opens_epoch.get_or_insert_with(|| NewEpoch { policy_version, files, ..NewEpoch::default() })
    }

    /// About a subject.
    pub(crate) fn about(self, subject: SubjectPart) -> Self {
        Self { subject, ..self }
    }

    /// Whether something else is in force after it.
    pub(crate) fn changes_what_is_in_force(&self) -> bool {
        self.opens_epoch.is_some()
    }

    fn undecided(kind: Kind, outcome: &'static str) -> Self {
        let actor = ActorPart {
            kind,
            outcome,
            who: None,
            terms: None,
            fields: BTreeMap::new(),
            records: None,
            input: None,
            refusal: None,
            event: None,
        };
        Self { actor, subject: SubjectPart::default(), epoch: None, opens_epoch: None, limits: None }
    }

    /// With what was disclosed and told.
    pub(crate) fn disclosing(mut self, fields: BTreeMap<String, Level>, records: u64, subject: SubjectPart) -> Self {
        self.actor.fields = fields;
        self.actor.records = Some(records);
        self.subject = subject;
        self
    }

    /// What it raises, and the request's name.
    pub(crate) fn alarms(&self) -> (&[Alarm], &str) {
        (&self.subject.alarms, self.actor.who.as_ref().map_or("", |who| &who.trace))
    }

    /// What was asked, where somebody did.
    pub(crate) fn asked(&self) -> Option<Question> {
        let ActorPart { who, terms, fields, .. } = &self.actor;
        let fields = fields.keys().cloned().collect();
        Some(Question { who: who.clone()?, terms: terms.clone()?, fields, about: self.subject.clone() })
    }

    /// To be appended only within these limits.
    pub(crate) fn within(self, limits: Limits) -> Self {
        Self { limits: Some(limits), ..self }
    }

    /// With what was put in.
    pub(crate) fn with_input(mut self, input: InputBatch) -> Self {
        self.actor.input = Some(input);
        self
    }
}
