//! What a catalogue makes of a database, what it refuses, and a dataset that is there by configuration alone.

use crate::harness::*;
use disown::{
    app::AppError,
    database::{self, Engine},
    dataset::{Catalogue, SqliteDataset, Store, ddl},
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::{fs, sync::Arc};

fn reference() -> String {
    fs::read_to_string("policies/catalogue.toml").unwrap()
}

#[test]
fn the_committed_migrations_are_what_the_catalogue_needs() {
    let catalogue = Catalogue::parse(&reference()).unwrap();
    assert_eq!(catalogue.datasets().count(), 3);
    for (_, spec) in catalogue.datasets() {
        for (engine, folder) in [(Engine::Sqlite, "sqlite"), (Engine::Postgres, "postgres")] {
            let path = format!("migrations/{}/{folder}/0001_records.sql", spec.id);
            let committed = fs::read_to_string(&path).unwrap();
            assert!(ddl(&catalogue, spec, engine) == committed, "{path} is not what the catalogue needs");
        }
    }
}

/// Opens a store, changes its table by that SQL, and opens it again.
async fn reopened(dataset: &str, sql: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let catalogue = Arc::new(Catalogue::parse(&reference()).unwrap());
    let (at, _) = catalogue.dataset_named(dataset).unwrap();
    database::sqlite::make_dataset(&path, &catalogue, catalogue.dataset(at), &[0; 32].into()).await.unwrap();
    let mut connection = database::sqlite::writable(&path).connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    match SqliteDataset::open(&path, catalogue, at).await {
        Ok(store) => {
            store.close().await;
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn a_store_that_lacks_a_column_is_refused_when_it_is_opened() {
    for (dataset, column) in [
        ("people", "parish"),
        ("people", "disputed"),
        ("people", "salt"),
        ("clinical", "value"),
        ("public_health", "contact_jy_number"),
    ] {
        let told = reopened(dataset, &format!("ALTER TABLE record DROP COLUMN {column}")).await.unwrap_err();
        assert_eq!(told, format!("the table of `{dataset}` does not fit the catalogue: column `{column}` is missing"));
    }
    let index = "DROP INDEX record_by_source_id; ALTER TABLE record DROP COLUMN source_id_index";
    assert!(reopened("clinical", index).await.unwrap_err().contains("column `source_id_index` is missing"));
    assert_eq!(reopened("people", "ALTER TABLE record ADD COLUMN more TEXT").await, Ok(()));
}

#[tokio::test]
async fn a_store_whose_column_has_another_type_is_refused_when_it_is_opened() {
    for (dataset, column, other) in
        [("people", "parish", "BLOB"), ("clinical", "value", "TEXT"), ("people", "key_epoch", "TEXT")]
    {
        let sql = format!("ALTER TABLE record DROP COLUMN {column}; ALTER TABLE record ADD COLUMN {column} {other}");
        let told = reopened(dataset, &sql).await.unwrap_err();
        let expected =
            format!("the table of `{dataset}` does not fit the catalogue: column `{column}` has another type");
        assert_eq!(told, expected);
    }
}

fn refused(from: &str, to: &str, why: &str) {
    let text = reference();
    assert!(text.contains(from), "the catalogue does not hold `{from}`");
    match Catalogue::parse(&text.replacen(from, to, 1)) {
        Ok(_) => panic!("taken: {to}"),
        Err(error) => assert!(error.to_string().contains(why), "{to}: {error}"),
    }
}

#[test]
fn a_name_that_is_not_a_plain_word_does_not_come_near_sql() {
    let name = "a name is a lower-case letter";
    for bad in ["a;drop", "a b", "A", "1a", "_a", "a-b", "a'", "a\u{e9}", "", "a.b", "a--", &"a".repeat(42)] {
        refused("parish = {", &format!("{bad:?} = {{"), name);
        refused("condition = { category", &format!("{bad:?} = {{ category"), name);
        let renamed = reference().replace("datasets.people", &format!("datasets.{bad:?}"));
        assert!(Catalogue::parse(&renamed).unwrap_err().to_string().contains(name), "{bad}");
        refused("visitor = \"V", &format!("{bad:?} = \"V"), name);
    }
    refused("title = \"Population register\"", "title = \"a\\nDROP TABLE record; --\"", "`title` is one line of text");
    let renamed = reference().replace("datasets.people", "datasets.control");
    let told = Catalogue::parse(&renamed).unwrap_err().to_string();
    assert_eq!(told, "catalogue: `control`: the access log is kept under that name: give the dataset another");
}

#[test]
fn columns_are_what_their_type_can_be() {
    for (from, to, why) in [
        ("parish = {", "salt = {", "every table has a column of that name already"),
        ("parish = {", "key_epoch = {", "every table has a column of that name already"),
        ("type = \"code\", one_of = [\"F\", \"M\", \"X\", \"U\"]", "type = \"code\"", "a code needs its closed list"),
        ("one_of = [\"F\", \"M\", \"X\", \"U\"]", "one_of = []", "a code needs its closed list"),
        ("parish = { type = \"text\"", "parish = { one_of = [\"a\"], type = \"text\"", "`one_of` belongs to codes"),
        ("coarse = \"age_band\"", "coarse = \"initial\"", "not for values of this type"),
        ("coarse = \"outward_code\"", "coarse = \"year\"", "not for values of this type"),
        ("coarse = \"age_band\"", "coarse = \"decade\"", "unknown variant"),
        ("unique = true, sealed = true", "unique = true", "`unique` belongs to sealed text"),
        (
            "contact_jy_number = { type = \"subject\"",
            "contact_jy_number = { sealed = true, type = \"subject\"",
            "not sealed",
        ),
        ("type = \"code\"", "type = \"number\"", "unknown variant"),
        ("nature = \"fact\"", "nature = \"guess\"", "unknown variant"),
        ("type = \"code\"", "typ = \"code\"", "unknown field `typ`"),
        ("provided = true, required", "required", "missing field `provided`"),
        (
            "order = [[\"event_date\", \"end_date\"]]",
            "order = [[\"event_date\", \"code\"]]",
            "`order` names pairs of day columns",
        ),
        (
            "order = [[\"event_date\", \"end_date\"]]",
            "order = [[\"event_date\", \"ended\"]]",
            "`order` names pairs of day columns",
        ),
        ("order = [[\"event_date\", \"end_date\"]]", "order = [[\"event_date\"]]", "catalogue: "),
    ] {
        refused(from, to, why);
    }
}

#[test]
fn datasets_have_an_owner_a_regime_a_review_and_records() {
    for (from, to, why) in [
        ("regime = \"jersey\"", "regime = \"france\"", "`regime` is `jersey` or `guernsey`"),
        ("review = 2099-01-01", "review = 2099-01-01T00:00:00Z", "`review` is a day"),
        ("review = 2099-01-01", "review = 2099-01-01T12:00:00", "`review` is a day"),
        ("review = 2099-01-01", "reviewed = 2099-01-01", "unknown field `reviewed`"),
        ("owner = \"government-of-jersey\"\n", "", "missing field `owner`"),
        ("record_type_column = \"record_type\"\n", "", "`record_type_column` is needed"),
        ("subject_category = \"patient\"", "subject_category = { column = \"status\" }", "a code, is required"),
        ("retention_days = 36500", "retention_days = -1", "catalogue: "),
        ("from = \"record_id\"", "from = \"jy_number\"", "two columns have the same name in the source"),
        ("parish = {", "parish = { from = \"phone\",", "two columns have the same name in the source"),
        ("one_per_subject = true", "one_per_subjects = true", "unknown field `one_per_subjects`"),
        ("jy = \"JY[0-9]{6}[A-D]\"", "jy = \"JY[\"", "the pattern is no regular expression"),
        ("[schemes]", "[scheme]", "unknown field `scheme`"),
    ] {
        refused(from, to, why);
    }
    let parsed = |text: &str| Catalogue::parse(text).unwrap_err().to_string();
    assert!(parsed("[schemes]\n[datasets]").contains("at least one way of naming subjects"));
    assert!(parsed("[schemes]\njy = \"J\"\n[datasets]").contains("at least one dataset"));
    assert!(parsed("").contains("missing field"));
    let columns = |count: usize| {
        let more: String = (0..count - 11)
            .map(|at| format!("c{at} = {{ type = \"text\", nature = \"fact\", provided = true }}\n"))
            .collect();
        Catalogue::parse(&reference().replacen(
            "[datasets.people.columns]\n",
            &format!("[datasets.people.columns]\n{more}"),
            1,
        ))
    };
    assert!(columns(60).is_ok());
    assert!(columns(61).unwrap_err().to_string().contains("a dataset has 1 to 60 columns"));
}

const SCHOOLS: &str = r#"
[categories.education]
law_enforcement = "open"
[datasets.schools]
title = "School rolls"
owner = "government-of-jersey"
regime = "jersey"
review = 2099-01-01
law_enforcement = "open"
subject_column = "pupil"
subject_category = "pupil"
[datasets.schools.records.enrolment]
category = "education"
retention_days = 3650
[datasets.schools.columns]
roll_number = { type = "text", nature = "fact", provided = false, unique = true, sealed = true, category = "source_reference" }
school = { type = "text", nature = "fact", provided = false, required = true }
since = { type = "date", nature = "fact", provided = false, sealed = true, coarse = "year" }
year_group = { type = "code", one_of = ["R", "1", "2"], nature = "fact", provided = false }
"#;

/// A deployment with one dataset more, by its policy folder alone.
fn with_schools() -> Deployment {
    let deployment = Deployment::new();
    deployment.append("policies/catalogue.toml", SCHOOLS);
    let lines = "p, clinician, clinical_care, category:education, full, allow\n\
                 p, clinician, clinical_care, schools.enrolment.since, full, deny\n\
                 p, clinician, clinical_care, schools.enrolment.since, coarse, allow\n\
                 p, registrar, registration, schools.enrolment, put, allow\n";
    deployment.append("policies/policy.csv", lines);
    let fields = "[fields]\n\"schools.enrolment.school\" = \"full\"\n\"schools.enrolment.since\" = \"full\"\n\"schools.enrolment.year_group\" = \"exists\"";
    deployment.edit("policies/agreements/clinical-care.toml", "[fields]", fields);
    deployment.edit(
        "policies/agreements/registers.toml",
        "\"people.person\",",
        "\"people.person\", \"schools.enrolment\",",
    );
    deployment
}

#[tokio::test]
async fn a_dataset_of_the_catalogue_without_a_key_stops_the_start_and_says_what_to_do() {
    let mut deployment = with_schools();
    let Err(error) = deployment.build().await else { panic!("started without a key") };
    assert!(matches!(&error, AppError::NoKey(dataset) if dataset.as_str() == "schools"));
    let says =
        "the keyring has no key for the dataset `schools` of the catalogue; `disownctl keys add schools` makes one";
    assert_eq!(error.to_string(), says);
    assert!(!deployment.path("data/schools.sqlite").exists());
}

#[tokio::test]
async fn a_dataset_by_configuration_alone_is_laid_out_loaded_and_linked() {
    let deployment = with_schools();
    deployment.add_key("schools");
    // Nothing of a dataset is used without its owner.
    deployment.edit("policies/approvers.toml", "owner_of = [\"people\"]", "owner_of = [\"people\", \"schools\"]");
    let broker = deployment.serve().await;
    broker.populate().await;
    let rows = [
        format!("{ISOLATING},E1,Grouville School,2019-09-02,R"),
        format!("{FREE},E2,Trinity School,2019-09-02,7"),
        format!("{HEALTHY},E1,Trinity School,2019-09-02,1"),
        format!("{HEALTHY},E3,,2019-09-02,1"),
    ];
    let delivered =
        broker.load(&registrar(), "schools", "pupil,roll_number,school,since,year_group", &rows).await.unwrap();
    assert_eq!(delivered.stored, 1);
    let rules: Vec<_> = delivered.rejected.iter().map(|(line, _, rule)| (*line, rule.as_str())).collect();
    assert_eq!(rules, [(3, "code"), (4, "duplicate"), (5, "required")]);

    let told = broker.told(&clinician(), ISOLATING).await;
    assert_eq!(told.cells("schools.enrolment.school"), ["full:Grouville School"]);
    assert_eq!(told.cells("schools.enrolment.since"), ["coarse:2019"]);
    assert_eq!(told.cells("schools.enrolment.year_group"), ["exists:true"]);
    assert_eq!(told.cells("people.person.given_name"), ["full:Marie"]);
    let officer = broker.told(&police(), ISOLATING).await;
    assert!(officer.answer.records.iter().all(|record| record.record_type != "schools.enrolment"));

    // It is still there after another start, and its store is its own.
    let broker = broker.stop().await.serve().await;
    assert_eq!(broker.told(&clinician(), ISOLATING).await.cells("schools.enrolment.school"), ["full:Grouville School"]);
    if on_files() {
        let bytes = fs::read(broker.deployment.path("data/schools.sqlite")).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"2019-0"), "a sealed day stands in the store");
    }
    broker.finish().await;
}
