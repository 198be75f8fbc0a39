//! How far law enforcement reaches follows from properties of the catalogue, and from no name.

use super::{Edited, reference, refused};
use disown::{
    dataset::{
        Catalogue,
        catalogue::LawEnforcement::{self, Never, Open, Warrant},
    },
    policy::{Policy, PolicyFiles},
};

const POLICE: &str = "sojp-isolation.toml";
/// The same kind of data as the clinical records, under another name, and with what is open to everybody beside it.
const HOSPITAL: &str = r#"
[categories.ward]
law_enforcement = "open"
[categories.diagnosis]
law_enforcement = "warrant"
[datasets.hospital]
title = "Hospital records"
owner = "health-and-care-jersey"
regime = "jersey"
review = 2099-01-01
law_enforcement = "open"
subject_column = "jy_number"
record_type_column = "record_type"
subject_category = "patient"
[datasets.hospital.records]
stay = { category = "diagnosis", retention_days = 3650 }
visit = { category = "ward", retention_days = 3650 }
[datasets.hospital.columns]
name = { type = "text", nature = "fact", provided = false, category = "ward" }
finding = { type = "text", nature = "fact", provided = false, category = "diagnosis" }
since = { type = "date", nature = "fact", provided = false }
"#;

fn with_hospital() -> PolicyFiles {
    reference().with("catalogue.toml", HOSPITAL).edited(
        "approvers.toml",
        "owner_of = [\"clinical\"]",
        "owner_of = [\"clinical\", \"hospital\"]",
    )
}

fn listing(files: PolicyFiles, fields: &[&str]) -> PolicyFiles {
    let listed: String = fields.iter().map(|field| format!("{field:?} = \"full\"\n")).collect();
    files.edited(POLICE, "[fields]\n", &format!("[fields]\n{listed}"))
}

fn reach(files: &PolicyFiles, field: &str) -> LawEnforcement {
    let catalogue = Catalogue::parse(&files.rules["catalogue.toml"]).unwrap();
    catalogue.field(catalogue.field_named(field).unwrap()).law_enforcement
}

#[test]
fn the_strictest_of_dataset_record_type_and_category_holds_for_a_field() {
    for (field, expected) in [
        ("people.person.phone", Open),
        ("clinical.condition.code", Warrant),
        ("clinical.condition.source_id", Never),
        ("public_health.isolation.end_date", Open),
        ("public_health.isolation.test_result", Warrant),
        ("public_health.isolation.source_id", Never),
        ("public_health.test_appointment.event_date", Warrant),
        ("public_health.contact.place", Warrant),
        ("public_health.venue_visit.place", Warrant),
        ("public_health.case_investigation.detail", Warrant),
        ("public_health.arrival.place", Open),
        ("hospital.visit.since", Open),
        ("hospital.visit.finding", Warrant),
        ("hospital.stay.since", Warrant),
        // That there is such a record is what its record type says.
        ("hospital.stay.name", Warrant),
    ] {
        assert_eq!(reach(&with_hospital(), field), expected, "{field}");
    }
    for says in ["warrant", "never"] {
        let of_all = with_hospital().edited(
            "catalogue.toml",
            "law_enforcement = \"open\"\nsubject_column = \"jy_number\"\nrecord_type_column = \"record_type\"\nsubject_category = \"patient\"",
            &format!("law_enforcement = \"{says}\"\nsubject_column = \"jy_number\"\nrecord_type_column = \"record_type\"\nsubject_category = \"patient\""),
        );
        let expected = if says == "never" { Never } else { Warrant };
        assert_eq!(reach(&of_all, "hospital.visit.since"), expected);
    }
}

#[tokio::test]
async fn every_dataset_and_every_category_says_how_far_law_enforcement_reaches() {
    let open = "law_enforcement = \"open\"\nsubject_column = \"jy_number\"";
    for (from, to, why) in [
        (open, "subject_column = \"jy_number\"", "missing field `law_enforcement`"),
        (open, "law_enforcement = \"closed\"\nsubject_column = \"jy_number\"", "unknown variant `closed`"),
        ("[categories.ward]\nlaw_enforcement = \"open\"", "[categories.ward]", "missing field `law_enforcement`"),
        ("[categories.ward]\nlaw_enforcement = \"open\"", "", "`hospital.records.visit`: its category is not declared"),
        (
            "[categories.ward]",
            "[categories.bed]\nlaw_enforcement = \"open\"\n[categories.ward]",
            "`categories.bed`: no record type and no column",
        ),
        (
            "category = \"diagnosis\" }",
            "category = \"findings\" }",
            "`hospital.columns.finding`: its category is not declared",
        ),
        ("[categories.ward]", "[categories.ward]\nspecials = true", "unknown field `specials`"),
    ] {
        let told = refused(reference().with("catalogue.toml", &HOSPITAL.replace(from, to))).await;
        assert!(told.contains(why), "{to}: {told}");
    }
    // What is told with every record is no further out of reach than the record.
    let says = "{ column = \"finding\" }";
    let column = "finding = { type = \"code\", one_of = [\"a\", \"b\"], required = true,";
    let told = HOSPITAL.replace("\"patient\"", says).replace("finding = { type = \"text\",", column);
    assert!(refused(reference().with("catalogue.toml", &told)).await.contains("is told with every record"));
    let closed = told
        .replace("category = \"ward\"", "category = \"diagnosis\"")
        .replace("[categories.ward]\nlaw_enforcement = \"open\"", "");
    Catalogue::parse(&reference().with("catalogue.toml", &closed).rules["catalogue.toml"]).unwrap();
}

/// A line that lets law enforcement reach what is not open to it crosses a red line, whatever the file of red lines says.
#[tokio::test]
async fn no_line_lets_law_enforcement_reach_what_is_not_open_to_it() {
    for (line, field) in [
        ("p, police_officer, statistics, hospital.stay.finding, exists, allow", "hospital.stay.finding"),
        ("p, police_sergeant, isolation_enforcement, category:diagnosis, full, allow", "hospital.stay.finding"),
        ("p, police_officer, isolation_enforcement, hospital.stay.name, full, allow", "hospital.stay.name"),
        ("p, police_officer, audit, category:test_result, full, allow", "public_health.test_appointment.test_result"),
        ("p, police_officer, audit, public_health.contact.place, exists, allow", "public_health.contact.place"),
        (
            "p, clinician, audit, category:diagnosis, full, allow\ng, police_sergeant, clinician",
            "clinical.condition.code_system",
        ),
    ] {
        for red_lines in ["red_line = []\n".to_owned(), reference().rules["red-lines.toml"].clone()] {
            let files = with_hospital().with("policy.csv", line).replaced("red-lines.toml", &red_lines);
            let told = refused(files).await;
            assert!(told.starts_with("red line crossed: law enforcement ") && told.contains(field), "{line}: {told}");
        }
    }
    let open = "p, police_officer, isolation_enforcement, hospital.visit.name, full, allow";
    Policy::load(with_hospital().with("policy.csv", open)).await.unwrap();
}

#[tokio::test]
async fn what_inherits_from_law_enforcement_is_law_enforcement() {
    let files = reference()
        .edited("roles.toml", "[roles]", "[roles]\ndetective = \"Asks as the police do\"")
        .with("policy.csv", "g, detective, police_sergeant");
    let told = refused(files.clone()).await;
    assert!(told.contains("`detective` inherits from `police_sergeant`, which enforces the law"), "{told}");
    let says = "{ title = \"Asks as the police do\", law_enforcement = true }";
    Policy::load(files.edited("roles.toml", "\"Asks as the police do\"", says)).await.unwrap();
}

#[tokio::test]
async fn an_agreement_of_law_enforcement_lists_nothing_that_it_never_reaches() {
    let never = "[categories.diagnosis]\nlaw_enforcement = \"never\"";
    let files =
        with_hospital().edited("catalogue.toml", "[categories.diagnosis]\nlaw_enforcement = \"warrant\"", never);
    for field in ["hospital.stay.finding", "hospital.visit.finding", "public_health.isolation.source_id"] {
        let told = refused(listing(files.clone(), &[field])).await;
        let expected = format!(
            "agreements/{POLICE}: `{field}`: one of the agreement's roles enforces the law, which never reaches this field"
        );
        assert!(told.starts_with(&expected), "{told}");
        let clause = format!(
            "[break_glass]\nroles = [\"police_officer\"]\nminutes = 5\nfresh_seconds = 60\n[break_glass.fields]\n{field:?} = \"exists\"\n[views]"
        );
        assert!(refused(files.clone().edited(POLICE, "[views]", &clause)).await.starts_with(&expected));
    }
    // Others may; and what a warrant can open may be listed, and stays withheld.
    let care = "[fields]\n\"hospital.stay.finding\" = \"full\"";
    Policy::load(files.clone().edited("clinical-care.toml", "[fields]", care)).await.unwrap();
    let policy = Policy::load(listing(with_hospital(), &["hospital.stay.finding", "public_health.contact.place"]))
        .await
        .unwrap();
    for field in ["hospital.stay.finding", "public_health.contact.place"] {
        let field = policy.catalogue.field_named(field).unwrap();
        let asked = ("police_officer", "isolation_enforcement", "sojp-isolation");
        let told = policy.explain(asked.0, asked.1, asked.2, field, crate::harness::today()).unwrap();
        assert_eq!(told.hard_rule, Some("law enforcement reaches it with a warrant only (CS4)"));
        assert_eq!(told.decision.level.as_str(), "withheld");
    }
}

#[tokio::test]
async fn a_condition_of_law_enforcement_looks_at_nothing_that_is_not_open_to_it() {
    let written = "record = \"public_health.isolation\", where = \"event_date <= today and (end_date is empty or end_date >= today)\"";
    let looking = |record: &str, at: &str| {
        with_hospital().edited(POLICE, written, &format!("record = {record:?}, where = '{at}'"))
    };
    for (record, at) in [
        ("hospital.stay", "since <= today"),
        ("hospital.stay", "name is empty or name is not empty"),
        ("hospital.visit", "since <= today and (name = \"A\" or finding = \"measles\")"),
        ("public_health.case_investigation", "event_date <= today"),
        ("public_health.venue_visit", "place = \"Pier Cafe\""),
    ] {
        let told = refused(looking(record, at)).await;
        assert!(told.contains("looks at what is out of reach of one of the agreement's roles"), "{record}: {told}");
    }
    Policy::load(looking("hospital.visit", "since <= today and name = \"A\"")).await.unwrap();
}

#[tokio::test]
async fn law_enforcement_puts_nothing_in_where_duplicates_would_tell_what_is_there() {
    let intake = |record: &str| with_hospital().edited(POLICE, "[fields]", &format!("intake = [{record:?}]\n[fields]"));
    for record in ["clinical.condition", "hospital.stay", "public_health.contact"] {
        assert!(refused(intake(record)).await.contains("is out of reach of one of the agreement's roles"), "{record}");
    }
    Policy::load(intake("hospital.visit")).await.unwrap();
}
