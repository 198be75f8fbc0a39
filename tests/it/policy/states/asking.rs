//! One question, asked of the broker's decision and of the oracle.

use super::{
    Ground,
    expected::{self, Outcome, Question},
    standing::Standing,
};
use crate::policy::{asking::Authority, oracle::LEVELS};
use disown::{
    dataset::catalogue::FieldId,
    policy::{Asked, DecidedBy, InForce, authorise},
};
use std::sync::Arc;

/// Both sides of what stands, and the names of fields on both.
pub struct Comparing<'a> {
    ground: &'a Ground,
    /// In the oracle's order.
    fields: Vec<FieldId>,
}

/// How many questions and fields were compared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    pub questions: u64,
    pub fields: u64,
    pub granted: u64,
    /// Fields that no policy line gives.
    pub by_warrant: u64,
    /// Fields that are shown because glass was broken.
    pub by_glass: u64,
}

impl Compared {
    pub fn add(&mut self, more: Self) {
        self.questions += more.questions;
        self.fields += more.fields;
        self.granted += more.granted;
        self.by_warrant += more.by_warrant;
        self.by_glass += more.by_glass;
    }
}

impl<'a> Comparing<'a> {
    pub fn new(ground: &'a Ground) -> Self {
        let catalogue = &ground.first().policy.catalogue;
        let fields = ground.expecting.oracle.fields.iter().map(|field| catalogue.field_named(&field.name).unwrap());
        Self { ground, fields: fields.collect() }
    }

    /// Asks both, and counts.
    pub fn ask(
        &self,
        (in_force, standing): (&Arc<InForce>, &Standing),
        question: &Question<'_>,
        compared: &mut Compared,
    ) {
        let Ground { authority, expecting, .. } = self.ground;
        let expected = expecting.of(standing, question);
        let (decided, by_glass) = self.decided(authority, in_force, question);
        compared.questions += 1;
        compared.fields += self.asked_for(&question.asked);
        match (&expected, &decided) {
            (Outcome::Refused(expected), Outcome::Refused(decided)) if expected.is_superset(decided) => {}
            (Outcome::Decided(expected), Outcome::Decided(decided)) if expected == decided => {
                compared.granted += 1;
                let enforcing = expecting.oracle.enforcing.contains(&question.terms.role);
                let clinical = |field: usize| expecting.oracle.fields[field].name.starts_with("clinical.");
                let by_warrant = decided.iter().filter(|(field, level)| enforcing && *level > 0 && clinical(*field));
                compared.by_warrant += by_warrant.count() as u64;
                compared.by_glass += by_glass;
            }
            _ => panic!("{}\nthe oracle: {expected:?}\nthe broker: {decided:?}", self.told(question)),
        }
    }

    /// With it, how many fields glass was broken for.
    fn decided(&self, authority: &Authority, in_force: &Arc<InForce>, question: &Question<'_>) -> (Outcome, u64) {
        let asked = match &question.asked {
            expected::Asked::Everything => Asked::Everything,
            expected::Asked::Fields(places) => Asked::Fields(places.iter().map(|at| self.fields[*at]).collect()),
            expected::Asked::View(name) => Asked::View((*name).to_owned()),
        };
        let caller = authority.caller_named(question.caller, question.organisation, question.holds);
        match authorise(in_force, &caller, question.terms, &asked, "trace", question.day) {
            Err(denial) => (Outcome::Refused([denial.refusal.as_str()].into()), 0),
            Ok(grant) => {
                let place = |field| self.fields.iter().position(|known| *known == field).unwrap();
                let level = |level: &str| LEVELS.iter().position(|known| *known == level).unwrap();
                let decisions = grant.decisions().iter();
                let by_glass = decisions.clone().filter(|one| one.decided_by == DecidedBy::BreakGlass).count();
                let mut decided: Vec<_> = decisions.map(|one| (place(one.field), level(one.level.as_str()))).collect();
                if matches!(asked, Asked::Everything) {
                    decided.sort_unstable();
                }
                (Outcome::Decided(decided), by_glass as u64)
            }
        }
    }

    fn asked_for(&self, asked: &expected::Asked<'_>) -> u64 {
        match asked {
            expected::Asked::Fields(fields) => fields.len() as u64,
            // Whatever it comes to, every field is or is not in it.
            expected::Asked::Everything | expected::Asked::View(_) => self.fields.len() as u64,
        }
    }

    fn told(&self, question: &Question<'_>) -> String {
        let Question { caller, organisation, holds, terms, fits, day, .. } = question;
        let disown::policy::Terms {
            role,
            purpose,
            agreement,
            case_reference,
            warrant,
            ground,
            break_glass,
            acknowledged,
        } = terms;
        format!(
            "{caller} of {organisation} holding {holds:?} as {role:?} for {purpose:?} under {agreement:?}, case {case_reference:?} (fits: {fits}), \
             warrant {warrant:?}, ground {ground:?}, glass {break_glass}, acknowledged {acknowledged:?}, on {day}"
        )
    }
}
