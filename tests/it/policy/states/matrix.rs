//! What warrants, broken glass and the state of an agreement come to, in one file for people to judge.

use super::{
    Ground, WARRANTS, uses,
    walk::{State, states},
    warrants::{NAMED, fitting_case, kinds},
};
use crate::harness::*;
use disown::{
    dataset::{Level, catalogue::FieldId},
    policy::{Agreement, Asked, Terms, authorise},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

const HEAD: &str = "\
# What becomes of the same question in the states of an agreement, a warrant and broken glass. What an agreement gives where nothing of
# this matters is in disclosure-matrix.txt.
# full, coarse, exists: how much of a field is shown; `.` is withheld; `-`: the question is refused.
";

/// Level by field, or why not.
type Decided = Result<BTreeMap<String, Level>, &'static str>;

/// The terms that somebody asks under: for the agreement's first party and purpose, with nothing amiss.
fn terms(agreement: &Agreement, role: &str) -> Terms {
    let id = agreement.id.as_str();
    Terms {
        role: role.to_owned(),
        purpose: agreement.purposes[0].to_string(),
        agreement: id.to_owned(),
        case_reference: fitting_case(id),
        ground: ground_under(id),
        acknowledged: conditions_of(id),
        ..Terms::default()
    }
}

struct Asking<'a> {
    ground: &'a Ground,
    agreement: &'a Agreement,
    role: &'a str,
    /// Every one that its text lists.
    fields: Vec<FieldId>,
}

impl<'a> Asking<'a> {
    fn new(ground: &'a Ground, id: &str, role: &'a str) -> Self {
        let agreement = ground.first().policy.agreement(id).unwrap();
        Self { ground, agreement, role, fields: agreement.fields.keys().copied().collect() }
    }

    /// And those that it opens in an emergency.
    fn and_opened(mut self) -> Self {
        self.fields.extend(self.agreement.break_glass.iter().flat_map(|clause| clause.fields.keys()));
        self
    }

    fn ask(&self, state: &State, caller: &str, terms: &Terms) -> Decided {
        let Self { ground, agreement, role, fields } = self;
        let catalogue = &ground.first().policy.catalogue;
        let caller = ground.authority.caller_named(caller, agreement.parties[0].as_str(), &[role]);
        let asked = Asked::Fields(fields.clone());
        let grant = authorise(&state.in_force[0], &caller, terms, &asked, "trace", state.day)
            .map_err(|denial| denial.refusal.as_str())?;
        Ok(grant.decisions().iter().map(|one| (catalogue.field(one.field).name.clone(), one.level)).collect())
    }

    fn under_warrant(&self, state: &State, warrant: &str) -> Decided {
        self.ask(state, "somebody", &Terms { warrant: warrant.to_owned(), ..terms(self.agreement, self.role) })
    }

    fn with_glass(&self, state: &State, caller: &str) -> Decided {
        self.ask(state, caller, &Terms { break_glass: true, ..terms(self.agreement, self.role) })
    }
}

/// Columns of levels; a refusal is one of `-`.
fn table(out: &mut String, columns: &[(&str, Decided)], shown: impl Fn(&str) -> bool) {
    let answered = || columns.iter().filter_map(|(_, decided)| decided.as_ref().ok());
    let rows: BTreeSet<&String> = answered().flat_map(BTreeMap::keys).filter(|row| shown(row)).collect();
    let wide = rows.iter().map(|row| row.len()).max().unwrap_or_default();
    let mut line = |name: &str, cells: Vec<&str>| {
        let cells: Vec<_> =
            columns.iter().zip(cells).map(|((name, _), cell)| format!("{cell:<w$}", w = name.len().max(6))).collect();
        writeln!(out, "{}", format!("{name:<wide$}  {}", cells.join("  ")).trim_end()).unwrap();
    };
    line("", columns.iter().map(|(name, _)| *name).collect());
    for row in rows {
        let cell = |decided: &Decided| match decided {
            Ok(levels) if levels[row] > Level::Withheld => levels[row].as_str(),
            Ok(_) => ".",
            Err(_) => "-",
        };
        line(row, columns.iter().map(|(_, decided)| cell(decided)).collect());
    }
}

/// One line: answered, what of it is withheld, or why it is refused.
fn outcome(decided: &Decided, usual: &BTreeMap<String, Level>) -> String {
    let levels = match decided {
        Ok(levels) => levels,
        Err(why) => return format!("refused ({why})"),
    };
    let dataset = |field: &str| field.split('.').next().unwrap().to_owned();
    let shown: BTreeSet<String> =
        levels.iter().filter(|(_, level)| **level > Level::Withheld).map(|(field, _)| dataset(field)).collect();
    let less = levels.iter().filter(|(field, level)| **level < usual[*field]);
    let told: BTreeSet<String> = less
        .map(|(field, level)| match (shown.contains(&dataset(field)), level) {
            (false, _) => format!("all of {} withheld", dataset(field)),
            (true, Level::Withheld) => format!("{field} withheld"),
            (true, level) => format!("{field} {}", level.as_str()),
        })
        .collect();
    let told: Vec<_> = std::iter::once("answered".to_owned()).chain(told).collect();
    told.join("; ")
}

/// The state of that name.
fn named<'a>(states: &'a [State], name: &str) -> &'a State {
    states.iter().find(|state| state.name == name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_warrants_glass_and_agreements_come_to_is_what_was_reviewed() {
    let ground = Ground::new().await;
    let states = states(&ground).await;
    let in_force = named(&states, "in force");
    let care = Asking::new(&ground, "clinical-care", "clinician").and_opened();
    let police = Asking::new(&ground, WARRANTS, "police_officer");
    let usual = care.under_warrant(in_force, "");
    let usual_levels = usual.clone().unwrap();
    let by_use: Vec<_> = uses::KINDS
        .iter()
        .map(|(kind, _)| (*kind, care.with_glass(in_force, &uses::caller(kind, "clinical-care", "clinician"))))
        .collect();
    let mut text = HEAD.to_owned();

    writeln!(text, "\n## clinical-care, clinician: what breaking glass opens beside the usual").unwrap();
    let opened = by_use[0].1.clone();
    let levels = opened.clone().unwrap();
    table(&mut text, &[("usual", usual), ("glass", opened)], |row| levels[row] != usual_levels[row]);
    writeln!(text, "\n## The same, by what the clinician did before").unwrap();
    let nothing = ("nothing", care.with_glass(in_force, "somebody"));
    for (kind, decided) in std::iter::once(nothing).chain(by_use) {
        writeln!(text, "{kind:<16}{}", outcome(&decided, &usual_levels)).unwrap();
    }

    writeln!(text, "\n## Police under an agreement that lists clinical fields: by the state of the warrant named")
        .unwrap();
    writeln!(text, "The warrant names {}.", NAMED.join(", ")).unwrap();
    let warrants = kinds().map(|kind| (kind, police.under_warrant(in_force, &format!("w-{kind}-{WARRANTS}"))));
    let none = ("none", police.under_warrant(in_force, ""));
    let unknown = ("unknown", police.under_warrant(in_force, "w-0000000000000000"));
    let another = ("other-agreement", police.under_warrant(in_force, "w-confirmed-clinical-care"));
    let catalogue = &ground.first().policy.catalogue;
    let listed = police.agreement.fields.iter().map(|(field, level)| (catalogue.field(*field).name.clone(), *level));
    let columns: Vec<_> =
        [("listed", Ok(listed.collect())), none, unknown, another].into_iter().chain(warrants).collect();
    assert!(columns.iter().all(|(_, decided)| decided.as_ref().err().is_none_or(|why| *why == "warrant")));
    table(&mut text, &columns, |_| true);

    // The condition of the one looks at a dataset; the other has none.
    for (id, role) in [("border-arrivals", "border_officer"), ("contact-tracing", "contact_tracer")] {
        writeln!(text, "\n## {id}, {role}: by the state of the agreement").unwrap();
        let asking = Asking::new(&ground, id, role);
        let usual = asking.under_warrant(in_force, "").unwrap();
        for state in &states {
            writeln!(text, "{:<70}{}", state.name, outcome(&asking.under_warrant(state, ""), &usual)).unwrap();
        }
    }
    assert_golden("states-matrix.txt", &text, "states::matrix");
}
