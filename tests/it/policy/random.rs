//! Policies that nobody would write, compared with the oracle over all combinations.

use super::{asking::Authority, deciding::compare, oracle::Oracle};
use disown::policy::{MODEL, Policy, PolicyFiles, Terms};
use jiff::civil::date;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use std::collections::BTreeSet;

const CATALOGUE: &str = r#"
[schemes]
jy = "JY[0-9]{6}[A-D]"
[categories]
identity = { law_enforcement = "open" }
contact = { law_enforcement = "open" }
clinical_health = { law_enforcement = "open" }
[datasets.people]
title = "People"
owner = "government-of-jersey"
regime = "jersey"
review = 2099-01-01
law_enforcement = "open"
subject_column = "jy_number"
subject_category = "resident"
[datasets.people.records.person]
category = "identity"
retention_days = 1
[datasets.people.columns]
name = { type = "text", nature = "fact", provided = true, coarse = "initial" }
born = { type = "date", nature = "fact", provided = true, coarse = "age_band" }
phone = { type = "text", nature = "fact", provided = true, category = "contact" }
[datasets.clinic]
title = "Clinic"
owner = "government-of-jersey"
regime = "jersey"
review = 2026-12-31
law_enforcement = "warrant"
subject_column = "jy_number"
subject_category = "patient"
[datasets.clinic.records.condition]
category = "clinical_health"
retention_days = 1
[datasets.clinic.columns]
since = { type = "date", nature = "fact", provided = false, sealed = true, coarse = "month" }
told_to = { type = "text", nature = "fact", provided = false, sealed = true, category = "contact" }
"#;
const ROLES: &str = r#"
[purposes]
care = "Care"
enforcement = "Enforcement"
[roles]
constable = { title = "Enforces", law_enforcement = true }
sergeant = { title = "Enforces", law_enforcement = true }
nurse = "Nurses"
doctor = "Treats"
clerk = "Writes"
"#;
const ROLE_NAMES: [&str; 5] = ["constable", "sergeant", "nurse", "doctor", "clerk"];
const PURPOSES: [&str; 2] = ["care", "enforcement"];
const OBJECTS: [&str; 8] = [
    "people.person.name",
    "people.person.born",
    "people.person.phone",
    "clinic.condition.since",
    "clinic.condition.told_to",
    "category:identity",
    "category:contact",
    "category:clinical_health",
];
const SHOWN: [&str; 3] = ["exists", "coarse", "full"];
/// At least 200 are asked for; each costs some Enforcers, so they are small.
const POLICIES: u32 = 256;

/// Has a field a coarse form?
fn fits(object: &str, level: &str) -> bool {
    level != "coarse" || !matches!(object, "people.person.phone" | "clinic.condition.told_to")
}

prop_compose! {
    fn line()(role in 0..5_usize, purpose in 0..2_usize, object in 0..8_usize, level in 0..3_usize, allow in prop::bool::weighted(0.7)) -> Option<String> {
        let (object, level) = (OBJECTS[object], SHOWN[level]);
        let effect = if allow { "allow" } else { "deny" };
        fits(object, level).then(|| format!("p, {}, {}, {object}, {level}, {effect}", ROLE_NAMES[role], PURPOSES[purpose]))
    }
}

prop_compose! {
    /// From one role to a later one: no circle can come of it.
    fn inheritance()(child in 0..4_usize, over in 1..5_usize) -> Option<String> {
        ROLE_NAMES.get(child + over).map(|parent| format!("g, {}, {parent}", ROLE_NAMES[child]))
    }
}

prop_compose! {
    fn agreement(id: &'static str)(levels in [0..4_usize, 0..4, 0..4, 0..4, 0..4], roles in 1..32_usize, purposes in 1..4_usize) -> String {
        let some = |names: &[&str], mask: usize| {
            names.iter().enumerate().filter(|(at, _)| mask & (1 << at) > 0).map(|(_, name)| format!("{name:?}")).collect::<Vec<_>>().join(", ")
        };
        let fields = OBJECTS.iter().zip(levels).filter(|(object, level)| *level > 0 && fits(object, SHOWN[level - 1]));
        let fields: String = fields.map(|(object, level)| format!("{object:?} = {:?}\n", SHOWN[level - 1])).collect();
        format!(
            "id = {id:?}\ntitle = \"Random\"\nparties = [\"party\"]\nregime = \"jersey\"\nlegal_basis = \"none\"\ncontrollers = [\"party\"]\n\
             purposes = [{}]\nroles = [{}]\nvalid = {{ from = 2026-01-01, until = 2028-01-01, review = 2027-12-01 }}\n\
             case_reference = \"\"\n[fields]\n{fields}",
            some(&PURPOSES, purposes),
            some(&ROLE_NAMES, roles)
        )
    }
}

/// No red line, so that what a line allows comes to a decision; a case that says nothing.
fn files(lines: &BTreeSet<String>, agreements: [&String; 2]) -> PolicyFiles {
    const CASE: &str = "[[case]]\nname = \"nobody\"\ncaller = { organisation = \"nobody\", role = \"clerk\" }\npurpose = \"care\"\nexpect.denied = true\n";
    let csv: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut files = PolicyFiles::default();
    for (name, text) in [
        ("model.conf", MODEL),
        ("catalogue.toml", CATALOGUE),
        ("roles.toml", ROLES),
        ("red-lines.toml", "red_line = []\n"),
        ("policy.csv", &csv.join("\n")),
    ] {
        files.rules.insert(name.to_owned(), text.to_owned());
    }
    for (name, text) in [("one", agreements[0]), ("other", agreements[1])] {
        files.agreements.insert(format!("{name}.toml"), text.clone());
        files.agreements.insert(format!("{name}.cases.toml"), CASE.to_owned());
    }
    files
}

/// Lines that let law enforcement reach what is not open to it are refused, and the same without those are taken.
fn check(lines: BTreeSet<String>, agreements: [&String; 2]) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut files = self::files(&lines, agreements);
    let oracle = Oracle::over(&files);
    if oracle.crosses(&PURPOSES) {
        let refused = runtime.block_on(Policy::load(files)).err().map(|error| error.to_string()).unwrap_or_default();
        prop_assert!(refused.starts_with("red line crossed: law enforcement is allowed nothing but"), "{refused}");
        let denied = |role: &str| {
            let of = PURPOSES.iter().flat_map(|purpose| OBJECTS[3..5].iter().map(move |object| (purpose, object)));
            of.map(|(purpose, object)| format!("p, {role}, {purpose}, {object}, exists, deny")).collect::<Vec<_>>()
        };
        let kept = lines.into_iter().chain(denied("constable")).chain(denied("sergeant")).collect();
        files = self::files(&kept, agreements);
    }
    let oracle = Oracle::over(&files);
    let authority =
        Authority::over(runtime.block_on(Policy::load(files)).map_err(|error| TestCaseError::fail(error.to_string()))?);
    for terms in authority.all_terms() {
        let terms = Terms { case_reference: String::new(), ..terms };
        // On the second day the review of the clinical dataset is overdue.
        for day in [date(2026, 11, 21), date(2027, 1, 1)] {
            compare(&authority, &oracle, "party", &terms, day);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: POLICIES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_decision_of_a_random_policy_is_the_oracles(
        lines in vec(line(), 1..24),
        inheritance in vec(inheritance(), 0..4),
        one in agreement("one"),
        other in agreement("other"),
    ) {
        let lines: BTreeSet<String> = lines.into_iter().chain(inheritance).flatten().collect();
        prop_assume!(lines.iter().any(|line| line.ends_with("allow")));
        check(lines, [&one, &other])?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: POLICIES / 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nearly every line that there can be: each object has several, of its own and of its category, of a role and those above it.
    #[test]
    fn every_decision_of_a_crowded_policy_is_the_oracles(
        lines in vec(line(), 300..900),
        inheritance in vec(inheritance(), 0..8),
        one in agreement("one"),
        other in agreement("other"),
    ) {
        let lines: BTreeSet<String> = lines.into_iter().chain(inheritance).flatten().collect();
        check(lines, [&one, &other])?;
    }
}
