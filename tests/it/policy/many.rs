//! A policy of many lines, over the reference catalogue: roles that inherit from others, fields and categories, allowances and
//! denials, compared with the oracle over all of it.

use super::{
    Edited,
    asking::Authority,
    deciding::compare,
    oracle::{LEVELS, Oracle},
    reference,
};
use disown::policy::{Policy, PolicyFiles, Terms};
use jiff::civil::date;
use proptest::{collection::vec, prelude::*, sample::Index, test_runner::TestCaseError};
use std::collections::BTreeSet;

const LINES: usize = 1_500;
const PURPOSES: [&str; 3] = ["one", "two", "three"];
/// Each from which the ones after it may inherit.
const ROLES: [&str; 7] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "idle"];
/// A red line keeps it from everybody.
const FORBIDDEN: &str = "source_id";

type Line = (Index, Index, Index, usize, bool);

/// One in four names a category.
fn line(oracle: &Oracle, line: &Line) -> Option<String> {
    let (role, purpose, object, level, allow) = line;
    let open: Vec<_> = oracle.fields.iter().filter(|field| !field.name.ends_with(FORBIDDEN)).collect();
    let at = object.index(open.len() * 4);
    let field = open[at / 4];
    let object = if at % 4 == 0 { format!("category:{}", field.category) } else { field.name.clone() };
    let fits = at % 4 == 0 || field.coarse || LEVELS[*level] != "coarse";
    let (role, effect) = (role.get(&ROLES[..6]), if *allow { "allow" } else { "deny" });
    fits.then(|| format!("p, {role}, {}, {object}, {}, {effect}", purpose.get(&PURPOSES), LEVELS[*level]))
}

/// From a role to one before it: no circle can come of it, and no chain of more than five steps.
fn inheritance((child, over): &(usize, usize)) -> Option<String> {
    child.checked_sub(*over).map(|parent| format!("g, {}, {}", ROLES[*child], ROLES[parent]))
}

fn files(lines: &BTreeSet<String>, oracle: &Oracle) -> PolicyFiles {
    let list = |names: &[&str]| names.iter().map(|name| format!("{name} = \"Many\"\n")).collect::<String>();
    let open = oracle.fields.iter().filter(|field| !field.name.ends_with(FORBIDDEN));
    let fields: String = open.map(|field| format!("{:?} = \"full\"\n", field.name)).collect();
    let agreement = format!(
        "id = \"many\"\ntitle = \"Many\"\nparties = [\"party\"]\nregime = \"jersey\"\nlegal_basis = \"none\"\ncontrollers = [\"party\"]\n\
         purposes = {PURPOSES:?}\nroles = {ROLES:?}\ncase_reference = \"\"\n\
         valid = {{ from = 2026-01-01, until = 2028-01-01, review = 2027-12-01 }}\n[fields]\n{fields}"
    );
    let case = "[[case]]\nname = \"nobody\"\ncaller = { organisation = \"nobody\", role = \"idle\" }\npurpose = \"one\"\nexpect.denied = true\n";
    reference()
        .edited("roles.toml", "[purposes]\n", &format!("[purposes]\n{}", list(&PURPOSES)))
        .edited("roles.toml", "[roles]\n", &format!("[roles]\n{}", list(&ROLES)))
        .replaced("many.csv", &lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n"))
        .replaced("many.toml", &agreement)
        .replaced("many.cases.toml", case)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn every_decision_of_a_policy_of_many_lines_is_the_oracles(
        lines in vec((any::<Index>(), any::<Index>(), any::<Index>(), 1..4_usize, prop::bool::weighted(0.8)), LINES),
        steps in vec((1..6_usize, 1..3_usize), 5),
    ) {
        let known = Oracle::over(&reference());
        let lines: BTreeSet<String> =
            lines.iter().filter_map(|one| line(&known, one)).chain(steps.iter().filter_map(inheritance)).collect();
        let files = files(&lines, &known);
        let oracle = Oracle::over(&files);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let policy = runtime.block_on(Policy::load(files));
        let authority = Authority::over(policy.map_err(|error| TestCaseError::fail(error.to_string()))?);
        for (role, purpose) in ROLES.iter().flat_map(|role| PURPOSES.map(|purpose| (*role, purpose))) {
            let [role, purpose, agreement] = [role, purpose, "many"].map(str::to_owned);
            let terms = Terms { role, purpose, agreement, ..Terms::default() };
            compare(&authority, &oracle, "party", &terms, date(2026, 11, 21));
        }
    }
}
