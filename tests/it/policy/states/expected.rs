//! What should be decided: a walk over tables of what stands.

use super::{
    glass::By,
    red_lines::RedLines,
    standing::{Document, Standing},
    text::Text,
};
use crate::policy::oracle::Oracle;
use disown::policy::Terms;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// The closed lists, and what policy lines alone come to.
pub struct Expecting {
    pub oracle: Oracle,
    /// By role and purpose: a place in `LEVELS` for each field.
    by_policy: BTreeMap<(String, String), Vec<usize>>,
    pub roles: BTreeSet<String>,
    pub purposes: BTreeSet<String>,
    red_lines: RedLines,
    special: Vec<bool>,
}

/// A question as it is asked.
pub struct Question<'a> {
    pub caller: &'a str,
    pub organisation: &'a str,
    /// Those of the token.
    pub holds: &'a [&'a str],
    pub terms: &'a Terms,
    /// The case reference has the form of the agreement's.
    pub fits: bool,
    pub asked: Asked<'a>,
    pub day: Date,
}

/// Fields are places in the oracle's order.
pub enum Asked<'a> {
    Everything,
    Fields(&'a [usize]),
    View(&'a str),
}

/// What becomes of a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// For any one of these reasons: which of them comes first is nobody's business.
    Refused(BTreeSet<&'static str>),
    /// Field and level, of each that was asked for, in the order asked.
    Decided(Vec<(usize, usize)>),
}

impl Expecting {
    pub fn new(oracle: Oracle, red_lines: RedLines, roles: BTreeSet<String>, purposes: BTreeSet<String>) -> Self {
        let levels = |role: &String, purpose: &String| {
            let of = oracle.fields.iter().map(|field| oracle.by_policy(role, purpose, field)).collect();
            ((role.clone(), purpose.clone()), of)
        };
        let by_policy =
            roles.iter().flat_map(|role| purposes.iter().map(move |purpose| levels(role, purpose))).collect();
        let special = oracle.fields.iter().map(|field| oracle.special.contains(&field.category)).collect();
        Self { by_policy, roles, purposes, red_lines, special, oracle }
    }

    pub fn of(&self, standing: &Standing, question: &Question<'_>) -> Outcome {
        let Question { caller, organisation, holds, terms, fits, asked, day } = question;
        let mut why = BTreeSet::new();
        let mut unless = |stands: bool, reason: &'static str| why.extend((!stands).then_some(reason));
        unless(holds.contains(&terms.role.as_str()) && self.roles.contains(&terms.role), "role");
        unless(self.purposes.contains(&terms.purpose), "purpose");
        unless(standing.texts.contains_key(&terms.agreement), "agreement");
        let in_force = standing.texts.get(&terms.agreement);
        unless(in_force.is_none_or(Option::is_some), "not_in_force");
        let warrant = standing.warrants.get(&terms.warrant).filter(|known| covers(known, terms, *day));
        unless(terms.warrant.is_empty() || warrant.is_some(), "warrant");
        let by = By { organisation: (*organisation).to_owned(), caller: (*caller).to_owned() };
        let broken = standing.glass.get(&by);
        let is_broken =
            broken.is_some_and(|broken| broken.is_for(&terms.agreement, &terms.role, &terms.case_reference));
        unless(!terms.break_glass || is_broken, "break_glass");
        let Some(text) = in_force.and_then(Option::as_ref) else { return Outcome::Refused(why) };
        unless(text.parties.iter().any(|party| party == organisation), "agreement");
        unless(text.roles.contains(&terms.role), "agreement");
        unless(text.purposes.contains(&terms.purpose), "purpose");
        unless(text.from <= *day && *day < text.until && *day <= text.last, "not_in_force");
        unless(*fits, "case_reference");
        unless(text.binding.as_ref().is_none_or(|digest| terms.acknowledged == *digest), "acknowledgement");
        let view = |name: &str| text.views.get(name).cloned();
        let fields = match asked {
            Asked::Everything => {
                let listed = |field: &usize| text.fields[*field] > 0 || (terms.break_glass && text.opened[*field] > 0);
                Some((0..text.fields.len()).filter(listed).collect())
            }
            Asked::Fields(fields) => Some(fields.to_vec()),
            Asked::View(name) => view(name),
        };
        unless(fields.is_some(), "view");
        let Some(fields) = fields.filter(|_| why.is_empty()) else { return Outcome::Refused(why) };
        let by_policy = &self.by_policy[&(terms.role.clone(), terms.purpose.clone())];
        let level = |field: usize| {
            let known = &self.oracle.fields[field];
            let withheld_from_police = known.reach > 0 && self.oracle.enforcing.contains(&terms.role);
            let warranted = known.reach == 1 && warrant.is_some_and(|warrant| warrant.fields.contains(&known.name));
            match (*day > known.review, withheld_from_police, warranted) {
                (true, ..) | (_, true, false) => 0,
                (_, true, true) => text.fields[field],
                _ => by_policy[field].min(text.fields[field]).max(self.opened(text, terms, field)),
            }
        };
        let decided: Vec<_> = fields.into_iter().map(|field| (field, level(field))).collect();
        if decided.iter().all(|(_, level)| *level == 0) {
            return Outcome::Refused(BTreeSet::from(["nothing_granted"]));
        }
        let shown = decided.iter().filter(|(_, level)| *level > 0).map(|(field, _)| *field);
        let uses_special = shown.chain(text.looked_at.iter().copied()).any(|field| self.special[field]);
        let grounded = match terms.ground.as_str() {
            "" => !(uses_special && self.oracle.enforcing.contains(&terms.role)),
            ground => text.grounds.iter().any(|known| known == ground),
        };
        if !grounded {
            return Outcome::Refused(BTreeSet::from(["ground"]));
        }
        Outcome::Decided(decided)
    }

    /// What breaking glass opens of a field that no hard rule keeps.
    fn opened(&self, text: &Text, terms: &Terms, field: usize) -> usize {
        let opens = terms.break_glass && text.may_break_glass.contains(&terms.role);
        if opens && !self.red_lines.keep(&terms.role, field) { text.opened[field] } else { 0 }
    }
}

fn covers(warrant: &Document, terms: &Terms, day: Date) -> bool {
    warrant.agreement == terms.agreement
        && warrant.case_reference == terms.case_reference
        && warrant.from <= day
        && day <= warrant.until
}
