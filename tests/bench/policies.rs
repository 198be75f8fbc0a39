//! Policies of so many lines, each line valid and none twice, over the reference catalogue: forty roles, some of which inherit
//! from others, ten purposes, fields and categories, allowances and denials.

use anyhow::Context;
use disown::{
    clock::{Clock, SystemClock},
    dataset::Catalogue,
    policy::{MODEL, PolicyFiles},
};
use std::path::Path;

pub const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
pub const AGREEMENT: &str = "measured";
/// Its fields belong to a category that the first ten lines grant.
pub const VIEW: [&str; 4] =
    ["people.person.given_name", "people.person.family_name", "people.person.parish", "people.person.postcode"];
/// They hold the first ten lines, for `PURPOSE`.
pub const GRANTED_ROLES: usize = 10;
const ROLES: usize = 40;
const PURPOSES: usize = 10;
/// A role in four is at the head of a chain; the others inherit from the one before them.
const CHAIN: usize = 4;
/// What no line names: a red line keeps it from everybody.
const FORBIDDEN: &str = "source_reference";

pub fn role(at: usize) -> String {
    format!("measured_role_{}", at % ROLES)
}

pub fn purpose(at: usize) -> String {
    format!("measured_purpose_{}", at % PURPOSES)
}

/// Where the policies of the repository are.
pub fn reference() -> anyhow::Result<PolicyFiles> {
    let today = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    Ok(PolicyFiles::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"))?.dated(today))
}

/// A policy of exactly so many lines.
pub fn of_size(size: usize) -> anyhow::Result<PolicyFiles> {
    let mut files = reference()?;
    let catalogue = files.rules.get("catalogue.toml").context("there is no catalogue")?.clone();
    let lines = lines(size, &Catalogue::parse(&catalogue)?).join("\n");
    let (purposes, roles) = closed_lists();
    files.rules.retain(|name, _| name == "catalogue.toml");
    for (name, text) in [
        ("model.conf", MODEL),
        ("roles.toml", &format!("[purposes]\n{purposes}[roles]\n{roles}")),
        ("red-lines.toml", RED_LINE),
        ("policy.csv", &lines),
    ] {
        files.rules.insert(name.to_owned(), text.to_owned());
    }
    files.agreements.clear();
    files.agreements.insert(format!("{AGREEMENT}.toml"), agreement(&Catalogue::parse(&catalogue)?));
    files.agreements.insert(format!("{AGREEMENT}.cases.toml"), CASES.to_owned());
    Ok(files)
}

/// The policy of the repository with so many lines more.
pub fn reference_and(size: usize) -> anyhow::Result<PolicyFiles> {
    let mut files = reference()?;
    let catalogue = Catalogue::parse(files.rules.get("catalogue.toml").context("there is no catalogue")?)?;
    files.rules.insert("measured.csv".to_owned(), lines(size, &catalogue).join("\n"));
    let (purposes, roles) = closed_lists();
    let lists = files.rules.get_mut("roles.toml").context("there are no roles")?;
    *lists = lists
        .replace("[purposes]\n", &format!("[purposes]\n{purposes}"))
        .replace("[roles]\n", &format!("[roles]\n{roles}"));
    Ok(files)
}

/// So many lines. The first ones grant a category to a role each, so that something is granted at every size.
pub fn lines(size: usize, catalogue: &Catalogue) -> Vec<String> {
    let (fields, categories) = objects(catalogue);
    let inheritance = (0..ROLES)
        .filter(|at| at % CHAIN > 0)
        .map(|at| format!("g, {}, {}", role(at), role(at - 1)))
        .take(if size > ROLES { ROLES } else { 0 });
    let permissions = (0..).map(|at| {
        let (who, what_for, turn) = (at % ROLES, at / ROLES % PURPOSES, at / ROLES / PURPOSES);
        let of = |names: &[String], step: usize| names[(who + what_for + step) % names.len()].clone();
        let object = match turn {
            0 => "category:identity".to_owned(),
            turn if turn % 3 == 0 => of(&categories, turn / 3),
            _ => of(&fields, turn * 11),
        };
        let (level, effect) = match turn % 8 {
            5 => ("exists", "allow"),
            7 => ("full", "deny"),
            _ => ("full", "allow"),
        };
        format!("p, {}, {}, {object}, {level}, {effect}", role(who), purpose(what_for))
    });
    inheritance.chain(permissions).take(size).collect()
}

/// Fields and categories that lines name.
fn objects(catalogue: &Catalogue) -> (Vec<String>, Vec<String>) {
    let open = || catalogue.fields().map(|(_, field)| field).filter(|field| field.category != FORBIDDEN);
    let mut categories: Vec<String> = open()
        .map(|field| &field.category)
        .filter(|name| *name != "identity")
        .map(|name| format!("category:{name}"))
        .collect();
    categories.sort();
    categories.dedup();
    (open().map(|field| field.name.clone()).collect(), categories)
}

fn closed_lists() -> (String, String) {
    let list = |count: usize, name: fn(usize) -> String| {
        (0..count).map(|at| format!("{} = \"Made to be measured\"\n", name(at))).collect()
    };
    (list(PURPOSES, purpose), list(ROLES, role))
}

fn agreement(catalogue: &Catalogue) -> String {
    let names = |count: usize, name: fn(usize) -> String| (0..count).map(name).collect::<Vec<_>>();
    let fields: String = objects(catalogue).0.iter().map(|field| format!("{field:?} = \"full\"\n")).collect();
    format!(
        "id = {AGREEMENT:?}\ntitle = \"Made to be measured\"\nparties = [\"government-of-jersey\"]\nregime = \"jersey\"\n\
         legal_basis = \"none\"\ncontrollers = [\"party\"]\npurposes = {:?}\nroles = {:?}\n\
         valid = {{ from = 2026-01-01, until = 2099-01-01, review = 2098-01-01 }}\ncase_reference = \"MS-[0-9]{{6}}\"\n\
         [fields]\n{fields}[views]\nfour = {VIEW:?}\n",
        names(PURPOSES, purpose),
        names(ROLES, role),
    )
}

const RED_LINE: &str = r#"
[[red_line]]
name = "the reference under which a source knows a record is nobody's business"
roles = "all"
fields = ["clinical.*.source_id", "public_health.*.source_id"]
"#;

const CASES: &str = r#"
[[case]]
name = "the first line grants"
caller = { organisation = "government-of-jersey", role = "measured_role_0" }
purpose = "measured_purpose_0"
case_reference = "MS-000001"
fields = ["people.person.family_name"]
expect.full = ["people.person.family_name"]

[[case]]
name = "and not without a reference"
caller = { organisation = "government-of-jersey", role = "measured_role_0" }
purpose = "measured_purpose_0"
view = "four"
expect.denied = true
"#;
