//! The other way out: a refusal is recorded before it is told, like an answer.

use crate::{
    access_log::{Appender, Entry, Question, Receipt, SubjectPart, Unavailable},
    identity::Caller,
    policy::{self, Denial, InForce, Refusal, Terms},
    telemetry::alarm::{self, Alarm},
};
use std::{borrow::Cow, collections::BTreeSet};

/// A refusal with its receipt. Nothing else becomes PERMISSION_DENIED or INVALID_ARGUMENT.
#[derive(Debug)]
pub struct Refused {
    told: Told,
    by_subject: bool,
    _receipt: Box<Receipt>,
}

/// What a caller is told of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// That it is one.
    Denied,
    /// Which argument breaks which rule.
    Invalid(Invalid),
}

/// An argument that breaks a rule of form. Never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Which: a name of ours, of an argument or of a column.
    pub argument: Cow<'static, str>,
    /// Which rule.
    pub rule: &'static str,
}

impl Invalid {
    /// An argument and its rule.
    pub const fn of(argument: &'static str, rule: &'static str) -> Self {
        Self { argument: Cow::Borrowed(argument), rule }
    }
}

impl Refused {
    /// Whether it may have taken longer or shorter by what is held on a subject.
    pub fn goes_by_subject(&self) -> bool {
        self.by_subject
    }

    /// What to tell.
    pub fn told(&self) -> &Told {
        &self.told
    }
}

/// Records a refusal.
#[tracing::instrument(skip_all)]
pub async fn refuse(denial: Denial, log: &Appender) -> Result<Refused, Unavailable> {
    let Denial { refusal, mut asked } = denial;
    if refusal == Refusal::Limit {
        asked.about.alarms.push(Alarm::Limit);
    }
    let (trace, alarms) = (asked.who.trace.clone(), asked.about.alarms.clone());
    let entry = Entry::denial("denied", refusal.as_str().into(), *asked);
    let receipt = Box::new(log.receipted(entry).await?);
    alarm::raise(&alarms, &trace);
    Ok(Refused { told: Told::Denied, by_subject: refusal.goes_by_subject(), _receipt: receipt })
}

/// Records that a request was not in form.
#[tracing::instrument(name = "refuse", skip_all)]
pub async fn refuse_invalid(
    invalid: Invalid,
    in_force: &InForce,
    caller: &Caller,
    terms: &Terms,
    trace: &str,
    log: &Appender,
) -> Result<Refused, Unavailable> {
    let who = policy::known_names(in_force, caller, terms, trace);
    let (terms, fields, about) = (policy::versions(in_force), BTreeSet::new(), SubjectPart::default());
    let entry = Entry::denial("invalid", invalid.argument.clone(), Question { who, terms, fields, about });
    Ok(Refused { told: Told::Invalid(invalid), by_subject: false, _receipt: Box::new(log.receipted(entry).await?) })
}
