//! Expected decisions, kept beside each agreement and run whenever a policy is loaded.

use super::{
    LogUse, Operation, Policy, Right,
    decide::{Asked, Papers, Party, Terms, Wanted, decide},
};
use crate::{
    break_glass::Use,
    dataset::{Level, catalogue::FieldId},
    ids::{AgreementId, OrganisationId},
    strict_toml::{self, InvalidToml},
    warrant::Warrants,
};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A case that came out otherwise than expected, or is none.
#[derive(Debug, thiserror::Error)]
pub enum FailedCase {
    /// Not the TOML that cases are.
    #[error("{file}: {source}")]
    Form {
        /// Which file.
        file: String,
        /// Why.
        source: InvalidToml,
    },
    /// There is none.
    #[error("{file}: there is no case in it: an agreement without cases is refused")]
    Empty {
        /// Which file.
        file: String,
    },
    /// It expects something else.
    #[error("{file}: case `{case}`: {what}")]
    Unexpected {
        /// Which file.
        file: String,
        /// Which case.
        case: String,
        /// What came out.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    on: i64,
    caller: CaseCaller,
    purpose: String,
    #[serde(default)]
    case_reference: String,
    /// The first of the agreement's, unless another is named, or `""`.
    ground: Option<String>,
    #[serde(default)]
    break_glass: bool,
    view: Option<String>,
    fields: Option<Vec<String>>,
    put: Option<String>,
    access_log: Option<LogUse>,
    right: Option<Right>,
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseCaller {
    organisation: OrganisationId,
    role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(default)]
    denied: bool,
    #[serde(default)]
    put: bool,
    #[serde(default)]
    access_log: bool,
    #[serde(default)]
    right: bool,
    #[serde(default)]
    full: Vec<String>,
    #[serde(default)]
    coarse: Vec<String>,
    #[serde(default)]
    exists: Vec<String>,
}

/// Runs the cases of one agreement and says how many there were.
pub(super) fn run(policy: &Policy, agreement: &AgreementId, file: &str, text: &str) -> Result<usize, FailedCase> {
    let cases: File = strict_toml::read(text).map_err(|source| FailedCase::Form { file: file.to_owned(), source })?;
    if cases.case.is_empty() {
        return Err(FailedCase::Empty { file: file.to_owned() });
    }
    for case in &cases.case {
        check(policy, agreement, case).map_err(|what| FailedCase::Unexpected {
            file: file.to_owned(),
            case: case.name.clone(),
            what,
        })?;
    }
    Ok(cases.case.len())
}

fn check(policy: &Policy, agreement: &AgreementId, case: &Case) -> Result<(), String> {
    let known = policy.agreement(agreement.as_str()).ok_or("there is no such agreement")?;
    let day = known.valid.from.saturating_add(jiff::Span::new().try_days(case.on).map_err(|_| "`on` is too far away")?);
    let roles = [case.caller.role.clone()];
    let party = Party { organisation: &case.caller.organisation, roles: &roles };
    let terms = Terms {
        role: case.caller.role.clone(),
        purpose: case.purpose.clone(),
        agreement: agreement.to_string(),
        case_reference: case.case_reference.clone(),
        warrant: String::new(),
        ground: case
            .ground
            .clone()
            .unwrap_or_else(|| known.grounds.first().map_or("", |ground| ground.as_str()).to_owned()),
        break_glass: case.break_glass,
        acknowledged: known.handling.digest().to_owned(),
    };
    let asked = asked(policy, case)?;
    let record_type =
        case.put.as_deref().map(|name| policy.catalogue.record_type_named(name).ok_or("`put` names no record type"));
    let record_type: Vec<_> = record_type.transpose()?.into_iter().collect();
    let operations: Vec<_> =
        case.access_log.map(Operation::AccessLog).into_iter().chain(case.right.map(Operation::Right)).collect();
    let wanted = match (&case.put, &operations[..]) {
        (Some(_), []) => Wanted::Put(&record_type),
        (None, [_]) => Wanted::Operation(&operations),
        (None, []) => Wanted::Fields(&asked),
        _ => return Err("a case is about one thing".to_owned()),
    };
    let expects_leave = case.expect.put || case.expect.access_log || case.expect.right;
    let (emergency, warrants) = (emergency(&terms), Warrants::default());
    let papers = Papers { agreed: &policy.agreements, warrants: &warrants, emergency: emergency.as_ref() };
    match (decide(policy, papers, party, &terms, wanted, day), case.expect.denied) {
        (Err(_), true) => Ok(()),
        (Err(refusal), false) => Err(format!("refused ({})", refusal.as_str())),
        (Ok(_), true) => Err("granted, though it should be refused".to_owned()),
        (Ok((_, decisions)), false) if decisions.is_empty() && expects_leave => Ok(()),
        (Ok((_, decisions)), false) => {
            let granted: BTreeMap<FieldId, Level> =
                decisions.iter().filter(|one| one.level > Level::Withheld).map(|one| (one.field, one.level)).collect();
            compare(policy, &granted, &expected(policy, &case.expect)?)
        }
    }
}

/// That glass was broken, under the terms of a case that is about that.
fn emergency(terms: &Terms) -> Option<Use> {
    terms.break_glass.then_some(())?;
    Some(Use {
        subject: String::new(),
        agreement: terms.agreement.as_str().try_into().ok()?,
        role: terms.role.as_str().try_into().ok()?,
        case_reference: terms.case_reference.clone(),
        reason: String::new(),
        until: Timestamp::MAX,
    })
}

fn asked(policy: &Policy, case: &Case) -> Result<Asked, String> {
    match (&case.view, &case.fields) {
        (Some(view), None) => Ok(Asked::View(view.clone())),
        (None, Some(names)) => names
            .iter()
            .map(|name| policy.catalogue.field_named(name).ok_or_else(|| format!("`{name}` is no field")))
            .collect::<Result<_, _>>()
            .map(Asked::Fields),
        (None, None) => Ok(Asked::Everything),
        (Some(_), Some(_)) => Err("a case asks for a view or for fields".to_owned()),
    }
}

fn expected(policy: &Policy, expect: &Expected) -> Result<BTreeMap<FieldId, Level>, String> {
    let levels = [(Level::Full, &expect.full), (Level::Coarse, &expect.coarse), (Level::Exists, &expect.exists)];
    let mut map = BTreeMap::new();
    for (level, names) in levels {
        for name in names {
            map.insert(policy.catalogue.field_named(name).ok_or_else(|| format!("`{name}` is no field"))?, level);
        }
    }
    Ok(map)
}

fn compare(
    policy: &Policy,
    granted: &BTreeMap<FieldId, Level>,
    expected: &BTreeMap<FieldId, Level>,
) -> Result<(), String> {
    let level = |map: &BTreeMap<FieldId, Level>, field: &FieldId| map.get(field).copied().unwrap_or(Level::Withheld);
    match granted.keys().chain(expected.keys()).find(|field| level(granted, field) != level(expected, field)) {
        None => Ok(()),
        Some(field) => Err(format!(
            "`{}` is `{}`, expected `{}`",
            policy.catalogue.field(*field).name,
            level(granted, field).as_str(),
            level(expected, field).as_str()
        )),
    }
}
