//! Nobody puts in what the condition of their own agreement looks for.

use super::{Edited, reference, refused};
use disown::policy::{Policy, PolicyFiles};

const BORDER: &str = "border-arrivals.toml";
const REGISTER: &str = "arrival-register.toml";
const WRITTEN: &str =
    "condition = { record = \"public_health.arrival\", where = \"end_date is empty or end_date >= today\"";
const PUT: &str = "p, border_officer, border_control, public_health.arrival, put, allow";

/// Officers put arrivals in under their own agreement.
fn officers_put(files: PolicyFiles) -> PolicyFiles {
    let cases = "expect.denied = true\n\n[[case]]\nname = \"an officer orders no isolation\"";
    files.edited(BORDER, "[fields]", "intake = [\"public_health.arrival\"]\n[fields]").edited(
        "border-arrivals.cases.toml",
        cases,
        &cases.replacen("expect.denied", "expect.put", 1),
    )
}

fn sources(files: PolicyFiles, named: &str, listed: &[(&str, &str)]) -> PolicyFiles {
    let files = files.edited(BORDER, WRITTEN, &format!("{WRITTEN}, sources = {named}"));
    listed
        .iter()
        .fold(files, |files, (file, list)| files.edited(file, "intake = ", &format!("sources = {list}\nintake = ")))
}

fn party(files: PolicyFiles, file: &str, name: &str) -> PolicyFiles {
    files.edited(file, "parties = [", &format!("parties = [\"{name}\", "))
}

fn crossing(other: &str, who: &str) -> String {
    format!(
        "red line crossed: nobody puts in what opens data to them: the condition of `border-arrivals` looks at `public_health.arrival`, \
         which `{who}`, one of its parties, may put in under `{other}`"
    )
}

const OFFICERS: &str = "jersey-customs-and-immigration";

#[tokio::test]
async fn a_party_that_may_put_in_what_its_condition_looks_at_crosses_the_line() {
    for (files, other, who) in [
        // As it was: by the agreement itself.
        (officers_put(reference()).with("policy.csv", PUT), "border-arrivals", "government-of-jersey"),
        // By what the role inherits.
        (
            officers_put(reference()).with("policy.csv", "g, border_officer, border_clerk"),
            "border-arrivals",
            "government-of-jersey",
        ),
        // By another agreement, in another role.
        (party(reference(), REGISTER, OFFICERS), "arrival-register", OFFICERS),
        (party(reference(), "registers.toml", OFFICERS), "registers", OFFICERS),
        (party(reference(), BORDER, "ports-of-jersey"), "arrival-register", "ports-of-jersey"),
        // That it ended long ago makes no difference: what was put in stays.
        (
            party(reference(), REGISTER, OFFICERS).edited(
                REGISTER,
                "from = 2026-01-01, until = 2027-01-01, review = 2026-12-01",
                "from = 2020-01-01, until = 2021-01-01, review = 2020-12-01",
            ),
            "arrival-register",
            OFFICERS,
        ),
    ] {
        let told = refused(files).await;
        assert!(told.starts_with(&crossing(other, who)), "{told}");
        assert!(told.contains("take the party out of one of the two, or let the condition name `sources`"), "{told}");
    }
    for agreement in ["parish-support", "sojp-isolation"] {
        let told = refused(party(reference(), "registers.toml", "government-of-jersey")).await;
        assert!(told.contains("`government-of-jersey`"), "{agreement}: {told}");
    }
}

#[tokio::test]
async fn an_intake_that_no_role_of_it_may_use_is_nobodys_gate() {
    let files = reference().edited(BORDER, "[fields]", "intake = [\"public_health.arrival\"]\n[fields]");
    Policy::load(files).await.unwrap();
}

#[tokio::test]
async fn a_condition_that_names_sources_counts_those_that_its_parties_cannot_give() {
    let both = party(reference(), "registers.toml", OFFICERS);
    let ports = "[\"ports\"]";
    Policy::load(sources(both.clone(), ports, &[(REGISTER, ports)])).await.unwrap();
    Policy::load(sources(both.clone(), ports, &[(REGISTER, ports), ("registers.toml", "[\"carriers\"]")]))
        .await
        .unwrap();
    for listed in [ports, "[\"carriers\", \"ports\"]"] {
        let told = refused(sources(both.clone(), ports, &[(REGISTER, ports), ("registers.toml", listed)])).await;
        assert!(told.starts_with(&crossing("registers", OFFICERS)), "{told}");
    }
    let told =
        refused(sources(party(reference(), REGISTER, OFFICERS), "[\"carriers\", \"ports\"]", &[(REGISTER, ports)]))
            .await;
    assert!(told.starts_with(&crossing("arrival-register", OFFICERS)), "{told}");
}

#[tokio::test]
async fn sources_are_named_as_they_are_given() {
    for (named, why) in [
        ("[]", "`condition.sources`: at least one is named"),
        ("[\"\"]", "`condition.sources`: a source is a line"),
        ("[\" ports\"]", "`condition.sources`: a source is a line"),
        ("[\"po\\nrts\"]", "`condition.sources`: a source is a line"),
        ("[\"ports\", \"ports\"]", "`condition.sources`: a source is named twice"),
        ("\"ports\"", "invalid type"),
    ] {
        let told = refused(sources(reference(), named, &[])).await;
        assert!(told.starts_with("agreements/border-arrivals.toml: ") && told.contains(why), "{named}: {told}");
        let told = refused(reference().edited(REGISTER, "intake = ", &format!("sources = {named}\nintake = "))).await;
        assert!(told.contains(&why.replace("condition.", "")), "{named}: {told}");
    }
    let told = refused(sources(reference(), "[\"ports of JY123456A\"]", &[])).await;
    assert!(told.contains("no subject identifier may stand in a policy") && !told.contains("JY123456A"), "{told}");
    let told = refused(reference().edited(BORDER, "[fields]", "sources = [\"ports\"]\n[fields]")).await;
    assert!(told.contains("`sources`: belong to an agreement with `intake`"), "{told}");
}
