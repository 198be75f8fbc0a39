//! Agreements: the terms under which data is accessed, as data, parsed and checked.

use super::{
    condition::{Condition, InvalidCondition},
    draft,
    emergency::Emergency,
    ground::Ground,
    handling::{Conditions, Handling},
    limits::Limits,
    roles::Roles,
    transfer::Transfer,
};
use crate::{
    dataset::{
        Catalogue, Level, Source,
        catalogue::{FieldId, LawEnforcement, RecordTypeId},
    },
    ids::{AgreementId, OrganisationId, Purpose, Role},
    strict_toml::{self, InvalidToml},
};
use indexmap::{IndexMap, IndexSet};
use jiff::{ToSpan, civil::Date};
use regex::Regex;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Terms of access between parties.
#[derive(Debug, Clone)]
pub struct Agreement {
    /// Its name.
    pub id: AgreementId,
    /// What it is, for people.
    pub title: String,
    /// SHA-256 of its text, hexadecimal.
    pub version: String,
    /// Its text.
    pub text: String,
    /// Organisations that may ask under it.
    pub parties: Vec<OrganisationId>,
    /// What for.
    pub purposes: IndexSet<Purpose>,
    /// In which roles.
    pub roles: IndexSet<Role>,
    /// In force from this day, before that day, to be reviewed by that one (GO9): overdue, and past its grace, is not in force.
    pub valid: Validity,
    /// What a case reference looks like; anchored.
    pub case_reference: Regex,
    /// It comes into force only when the regulator has seen it (CS5).
    pub seen_by_regulator: bool,
    /// How much may be told in a day.
    pub limits: Limits,
    /// Parties outside the jurisdiction, and why data may go there (GO43).
    pub transfer: Option<Transfer>,
    /// Conditions that bind the recipient (GO11).
    pub handling: Conditions,
    /// Grounds that may be relied on, where special category data is used for a law enforcement purpose (GO5).
    pub grounds: Vec<Ground>,
    /// Which subjects it covers; none: all.
    pub condition: Option<Condition>,
    /// The highest level of each field; what is not here is withheld.
    pub fields: BTreeMap<FieldId, Level>,
    /// What it opens to somebody who breaks glass.
    pub break_glass: Option<Emergency>,
    /// Named selections of fields.
    pub views: IndexMap<String, Vec<FieldId>>,
    /// Record types that may be put in.
    pub intake: Vec<RecordTypeId>,
    /// From which sources alone; none: from any that nobody claims.
    pub sources: Vec<String>,
    /// What else may be done under it.
    pub operations: Vec<Operation>,
}

/// What may be done that is not about fields or record types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reading the access log.
    AccessLog(LogUse),
    /// Carrying out what a subject is entitled to.
    Right(Right),
}

impl Operation {
    /// Every one there is.
    pub const ALL: [Self; 3] =
        [Self::AccessLog(LogUse::Search), Self::AccessLog(LogUse::BySubject), Self::Right(Right::Restrict)];

    /// As it stands in policy lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessLog(LogUse::Search) => "access_log",
            Self::AccessLog(LogUse::BySubject) => "access_log_by_subject",
            Self::Right(Right::Restrict) => "restriction",
        }
    }
}

/// A way of reading the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogUse {
    /// Searching all of it.
    Search,
    /// Finding what concerns one subject, who is named.
    BySubject,
}

/// A right of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Restricting the use of what is held on the subject, and lifting that.
    Restrict,
}

/// When an agreement is in force. Days are the island's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first day.
    pub from: Date,
    /// The day after the last.
    pub until: Date,
    /// The day by which it is to be reviewed.
    pub review: Date,
    /// So many days after that it is still in force, and says that its review is overdue.
    pub grace_days: u16,
}

/// An agreement that is refused, and why.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAgreement {
    /// Not the TOML that an agreement is.
    #[error("{0}")]
    Form(#[from] InvalidToml),
    /// Its condition is none.
    #[error("{0}")]
    Condition(#[from] InvalidCondition),
    /// It speaks of something that is not there, or contradicts itself.
    #[error("`{at}`: {what}")]
    Content {
        /// Where.
        at: String,
        /// What is wrong.
        what: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: AgreementId,
    title: String,
    parties: Vec<OrganisationId>,
    regime: String,
    legal_basis: String,
    #[serde(default)]
    controllers: Vec<OrganisationId>,
    /// Kept with the agreement for those who read it; nothing is decided by them.
    #[serde(default, rename = "processors")]
    _processors: Vec<OrganisationId>,
    assessment: Option<String>,
    consultation: Option<String>,
    transfer: Option<Transfer>,
    purposes: IndexSet<Purpose>,
    roles: IndexSet<Role>,
    valid: RawValidity,
    case_reference: String,
    #[serde(default)]
    seen_by_regulator: bool,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    handling: Vec<Handling>,
    #[serde(default)]
    special_category_grounds: Vec<Ground>,
    condition: Option<RawCondition>,
    #[serde(default)]
    fields: IndexMap<String, Level>,
    break_glass: Option<RawEmergency>,
    #[serde(default)]
    views: IndexMap<String, Vec<String>>,
    #[serde(default)]
    intake: Vec<String>,
    sources: Option<Vec<String>>,
    #[serde(default)]
    access_log: Vec<LogUse>,
    #[serde(default)]
    rights: Vec<Right>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValidity {
    from: toml::value::Datetime,
    until: toml::value::Datetime,
    review: toml::value::Datetime,
    #[serde(default)]
    grace_days: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEmergency {
    roles: IndexSet<Role>,
    minutes: u16,
    fresh_seconds: u16,
    fields: IndexMap<String, Level>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCondition {
    record: String,
    r#where: String,
    sources: Option<Vec<String>>,
}

impl RawCondition {
    fn read(self, catalogue: &Catalogue) -> Result<Condition, InvalidAgreement> {
        let mut condition = Condition::parse(&self.record, &self.r#where, catalogue)?;
        condition.sources = sources("condition.sources", self.sources, catalogue)?;
        Ok(condition)
    }
}

impl Agreement {
    /// Reads and checks an agreement.
    pub fn parse(text: &str, roles: &Roles, catalogue: &Catalogue) -> Result<Self, InvalidAgreement> {
        check(!draft::is_draft(text), "valid", "is a draft: give it the days, or let `disownctl init` date it")?;
        let file: File = strict_toml::read(text)?;
        check(matches!(file.regime.as_str(), "jersey" | "guernsey"), "regime", "is `jersey` or `guernsey`")?;
        check(!file.legal_basis.trim().is_empty(), "legal_basis", "is needed")?;
        check(!file.parties.is_empty(), "parties", "at least one is needed")?;
        let named = |reference: &Option<String>| reference.as_ref().is_none_or(|name| !name.trim().is_empty());
        check(named(&file.assessment), "assessment", "names the impact assessment, or is left out")?;
        check(named(&file.consultation), "consultation", "names the consultation of the authority, or is left out")?;
        let uses_data = !file.fields.is_empty() || !file.intake.is_empty();
        check(
            !uses_data || !file.controllers.is_empty(),
            "controllers",
            "somebody answers for the data: one at least is needed",
        )?;
        file.limits.check().map_err(|what| content("limits", what))?;
        if let Some(transfer) = &file.transfer {
            transfer.check(&file.parties).map_err(|what| content("transfer", what))?;
        }
        check(
            !file.purposes.is_empty() && !file.roles.is_empty(),
            "purposes, roles",
            "at least one of each is needed",
        )?;
        for purpose in &file.purposes {
            check(roles.purpose(purpose.as_str()).is_some(), purpose.as_str(), "is not a purpose of roles.toml")?;
        }
        for role in &file.roles {
            check(roles.role(role.as_str()).is_some(), role.as_str(), "is not a role of roles.toml")?;
        }
        let fields = levels(&file.fields, catalogue)?;
        let break_glass = file.break_glass.map(|raw| emergency(raw, &file.roles, catalogue)).transpose()?;
        let views = file
            .views
            .into_iter()
            .map(|(name, view)| Ok((name.clone(), self::view(&name, &view, &fields, catalogue)?)));
        let intake = file.intake.iter().map(|name| {
            catalogue.record_type_named(name).ok_or_else(|| content(name, "is no record type of the catalogue"))
        });
        let intake: Vec<_> = intake.collect::<Result<_, _>>()?;
        let sources = self::sources("sources", file.sources, catalogue)?;
        check(sources.is_empty() || !intake.is_empty(), "sources", "belong to an agreement with `intake`")?;
        let condition = file.condition.map(|raw| raw.read(catalogue)).transpose()?;
        if file.roles.iter().filter_map(|role| roles.role(role.as_str())).any(|spec| spec.law_enforcement) {
            let opened = break_glass.iter().flat_map(|clause| clause.fields.keys());
            within_reach(fields.keys().chain(opened), condition.as_ref(), &intake, catalogue)?;
        }
        Ok(Self {
            views: views.collect::<Result<_, InvalidAgreement>>()?,
            intake,
            sources,
            valid: validity(&file.valid)?,
            case_reference: anchored(&file.case_reference)
                .map_err(|_| content("case_reference", "is no regular expression"))?,
            version: hex::encode(Sha256::digest(text.as_bytes())),
            text: text.to_owned(),
            id: file.id,
            title: file.title,
            parties: file.parties,
            purposes: file.purposes,
            roles: file.roles,
            seen_by_regulator: file.seen_by_regulator,
            limits: file.limits,
            transfer: file.transfer,
            break_glass,
            handling: Conditions::new(file.handling).map_err(|what| content("handling", what))?,
            grounds: file.special_category_grounds,
            condition,
            fields,
            operations: file
                .access_log
                .into_iter()
                .map(Operation::AccessLog)
                .chain(file.rights.into_iter().map(Operation::Right))
                .collect(),
        })
    }

    /// Whether it is in force on a day.
    pub fn in_force_on(&self, day: Date) -> bool {
        let blocks_after = self.valid.review.saturating_add(i32::from(self.valid.grace_days).days());
        self.valid.from <= day && day < self.valid.until && day <= blocks_after
    }

    /// Whether its review is overdue on a day (GO9).
    pub fn review_overdue_on(&self, day: Date) -> bool {
        day > self.valid.review
    }
}

/// What an agreement of law enforcement must not have, whatever a policy line says: by it, by whether there is an answer, or by what it
/// is told of duplicates, somebody would learn what is out of reach.
fn within_reach<'a>(
    mut fields: impl Iterator<Item = &'a FieldId>,
    condition: Option<&Condition>,
    intake: &[RecordTypeId],
    catalogue: &Catalogue,
) -> Result<(), InvalidAgreement> {
    let never = |field: &&FieldId| catalogue.field(**field).law_enforcement == LawEnforcement::Never;
    if let Some(field) = fields.find(never) {
        let what = "one of the agreement's roles enforces the law, which never reaches this field: leave it out";
        return Err(content(&catalogue.field(*field).name, what));
    }
    if let Some(condition) = condition {
        let columns = condition.columns().into_iter();
        let looked_at = columns.filter_map(|column| catalogue.field_at(condition.record_type, column));
        let reach = looked_at.map(|field| catalogue.field(field).law_enforcement).max();
        check(
            reach.max(Some(catalogue.record_type(condition.record_type).law_enforcement)) == Some(LawEnforcement::Open),
            "condition",
            "looks at what is out of reach of one of the agreement's roles: whether there is an answer would tell it",
        )?;
    }
    let closed = |taken: &&RecordTypeId| catalogue.record_type(**taken).law_enforcement != LawEnforcement::Open;
    intake.iter().find(closed).map_or(Ok(()), |taken| {
        let what =
            "is out of reach of one of the agreement's roles, which would learn of duplicates: take it out of `intake`";
        Err(content(&catalogue.record_type(*taken).full_name, what))
    })
}

fn levels(
    listed: &IndexMap<String, Level>,
    catalogue: &Catalogue,
) -> Result<BTreeMap<FieldId, Level>, InvalidAgreement> {
    listed.iter().map(|(name, level)| Ok((self::listed(name, *level, catalogue)?, *level))).collect()
}

fn emergency(raw: RawEmergency, roles: &IndexSet<Role>, catalogue: &Catalogue) -> Result<Emergency, InvalidAgreement> {
    let RawEmergency { roles: may, minutes, fresh_seconds, fields } = raw;
    let clause = Emergency { roles: may, minutes, fresh_seconds, fields: levels(&fields, catalogue)? };
    clause.check(roles).map_err(|what| content("break_glass", what))?;
    Ok(clause)
}

fn listed(name: &str, level: Level, catalogue: &Catalogue) -> Result<FieldId, InvalidAgreement> {
    let field = catalogue.field_named(name).ok_or_else(|| content(name, "is no field of the catalogue"))?;
    check(level != Level::Withheld, name, "what is withheld is left out")?;
    check(catalogue.can_show(field, level), name, "has no coarse form in the catalogue")?;
    Ok(field)
}

/// Named sources; none: nothing is said of them.
fn sources(at: &str, listed: Option<Vec<String>>, catalogue: &Catalogue) -> Result<Vec<String>, InvalidAgreement> {
    let Some(listed) = listed else { return Ok(vec![]) };
    check(!listed.is_empty(), at, "at least one is named, or the key is left out")?;
    let is_one = |name: &String| Source::is_name(name) && !catalogue.holds_identifier(name);
    check(listed.iter().all(is_one), at, "a source is a line of 1 to 100 characters, and no subject identifier")?;
    let mut seen = BTreeSet::new();
    check(listed.iter().all(|name| seen.insert(name)), at, "a source is named twice")?;
    Ok(listed)
}

fn view(
    name: &str,
    fields: &[String],
    listed: &BTreeMap<FieldId, Level>,
    catalogue: &Catalogue,
) -> Result<Vec<FieldId>, InvalidAgreement> {
    let known = |field: &String| {
        catalogue
            .field_named(field)
            .filter(|id| listed.contains_key(id))
            .ok_or_else(|| content(field, "stands in a view and is no field of the agreement"))
    };
    check(!fields.is_empty(), name, "a view names at least one field")?;
    fields.iter().map(known).collect()
}

/// The pattern has to be one by itself: `a)|(?:b` is one only inside the group, and would undo the anchors.
fn anchored(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(pattern).and_then(|_| Regex::new(&format!("^(?:{pattern})$")))
}

fn validity(raw: &RawValidity) -> Result<Validity, InvalidAgreement> {
    let day = |raw: &toml::value::Datetime| {
        let text = raw.to_string();
        let day: Option<Date> = text.parse().ok();
        // A day with a time or a zone is read too, and would lose them.
        day.filter(|day| day.to_string() == text).ok_or_else(|| content("valid", "a day is needed: 2026-01-31"))
    };
    let (from, until, review) = (day(&raw.from)?, day(&raw.until)?, day(&raw.review)?);
    let valid = Validity { from, until, review, grace_days: raw.grace_days };
    check(
        valid.from < valid.until && valid.from <= valid.review,
        "valid",
        "it begins before it ends and before it is reviewed",
    )?;
    Ok(valid)
}

fn check(holds: bool, at: &str, what: &'static str) -> Result<(), InvalidAgreement> {
    if holds { Ok(()) } else { Err(content(at, what)) }
}

fn content(at: &str, what: &'static str) -> InvalidAgreement {
    InvalidAgreement::Content { at: at.to_owned(), what }
}
