//! Agreements and their cases: what is not understood is refused, with file and reason.

use super::{Edited, reference, refused};
use disown::policy::Policy;

const POLICE: &str = "sojp-isolation.toml";

async fn agreement_is_refused(from: &str, to: &str, why: &str) {
    let told = refused(reference().edited(POLICE, from, to)).await;
    assert!(told.starts_with("agreements/sojp-isolation.toml: ") && told.contains(why), "{to}: {told}");
}

#[tokio::test]
async fn an_agreement_speaks_of_what_is_there() {
    for (from, to, why) in [
        ("[\"isolation_enforcement\"]", "[\"enforcement\"]", "`enforcement`: is not a purpose"),
        ("[\"isolation_enforcement\"]", "[]", "at least one of each is needed"),
        ("[\"police_officer\", ", "[\"police\", ", "`police`: is not a role"),
        ("[\"police_officer\", \"police_sergeant\"]", "[]", "at least one of each is needed"),
        ("[\"government-of-jersey\", \"states-of-jersey-police\"]", "[]", "`parties`: at least one"),
        ("[\"government-of-jersey\", \"states-of-jersey-police\"]", "[\"everybody *\"]", "a name is"),
        ("\"jersey\"", "\"sark\"", "`regime`: is `jersey` or `guernsey`"),
        ("people.person.parish\" =", "people.person.parrish\" =", "`people.person.parrish`: is no field"),
        ("people.person.parish\" =", "people.person.*\" =", "`people.person.*`: is no field"),
        ("people.person.parish\" =", "category:contact\" =", "`category:contact`: is no field"),
        ("parish\" = \"full\"", "parish\" = \"coarse\"", "has no coarse form"),
        ("parish\" = \"full\"", "parish\" = \"withheld\"", "what is withheld is left out"),
        ("parish\" = \"full\"", "parish\" = \"Full\"", "unknown variant"),
        ("parish\" = \"full\"", "parish\" = true", "wanted string"),
    ] {
        agreement_is_refused(from, to, why).await;
    }
}

#[tokio::test]
async fn a_view_names_fields_of_its_agreement() {
    let why = "stands in a view and is no field of the agreement";
    agreement_is_refused("isolation_check = [", "isolation_check = [\"people.person.email\", ", why).await;
    agreement_is_refused("isolation_check = [", "isolation_check = [\"clinical.condition.code\", ", why).await;
    agreement_is_refused("isolation_check = [", "isolation_check = [\"*\", ", why).await;
    agreement_is_refused("[views]", "[views]\nempty = []", "a view names at least one field").await;
}

#[tokio::test]
async fn days_are_days_in_their_order() {
    for (from, to, why) in [
        ("from = 2026-01-01", "from = 2026-13-01", "TOML parse error"),
        ("from = 2026-01-01", "from = \"2026-01-01\"", "invalid type"),
        ("from = 2026-01-01", "from = 2026-01-01T00:00:00Z", "a day is needed"),
        ("from = 2026-01-01", "from = 2026-01-01T23:59:00-05:00", "a day is needed"),
        ("until = 2027-01-01", "until = 2027-01-01T12:00:00", "a day is needed"),
        ("from = 2026-01-01", "from = 2027-01-01", "begins before it ends"),
        ("review = 2026-12-01", "review = 2025-12-31", "before it is reviewed"),
        (", review = 2026-12-01", "", "missing field `review`"),
        ("until = 2027-01-01, ", "", "missing field `until`"),
    ] {
        agreement_is_refused(from, to, why).await;
    }
}

/// As the reference agreements are before they are dated: a broker takes none of them.
#[tokio::test]
async fn a_draft_is_in_force_on_no_day() {
    let days = "valid = { from = 2026-01-01, until = 2027-01-01, review = 2026-12-01 }";
    agreement_is_refused(days, "valid = \"draft\"", "`valid`: is a draft").await;
    agreement_is_refused(days, "valid = \"draft\" # soon", "`valid`: is a draft").await;
    agreement_is_refused(days, "valid  = \"draft\"", "invalid type").await;
}

#[tokio::test]
async fn nothing_in_an_agreement_is_passed_over() {
    for (from, to, why) in [
        ("regime = ", "regimes = ", "unknown field `regimes`"),
        ("condition = ", "conditions = ", "unknown field `conditions`"),
        ("where = ", "when = ", "unknown field `when`"),
        ("[fields]", "[Fields]", "unknown field `Fields`"),
        ("legal_basis = ", "basis = ", "unknown field `basis`"),
        ("[fields]", "access_logs = true\n[fields]", "unknown field `access_logs`"),
        ("id = ", "id = \"x\"\nid = ", "duplicate key"),
        ("case_reference = \"", "case_reference = \"(", "is no regular expression"),
        // One that would close the group of the anchors.
        ("case_reference = \"", "case_reference = \")|(?:", "is no regular expression"),
        ("case_reference = ", "# case_reference = ", "missing field `case_reference`"),
        ("legal_basis = \"public function; pandemic enforcement\"", "legal_basis = \" \"", "`legal_basis`: is needed"),
    ] {
        agreement_is_refused(from, to, why).await;
    }
}

#[tokio::test]
async fn a_case_reference_is_matched_as_a_whole() {
    let policy =
        Policy::load(reference().edited(POLICE, "[A-Z]{2}-[0-9]{4}-[0-9]{6}", "x|AB-2026-000123")).await.unwrap();
    let pattern = &policy.agreement("sojp-isolation").unwrap().case_reference;
    for (text, fits) in
        [("x", true), ("AB-2026-000123", true), ("xy", false), (" AB-2026-000123", false), ("AB-2026-000123\n", false)]
    {
        assert_eq!(pattern.is_match(text), fits, "{text:?}");
    }
}

#[tokio::test]
async fn a_condition_looks_at_unsealed_columns_of_one_record_type() {
    let written = "where = \"event_date <= today and (end_date is empty or end_date >= today)\"";
    for (condition, why) in [
        ("true", "`true` is no column"),
        ("", "it ends too early"),
        ("event_date <= today or 1 = 1", "`1` is no column"),
        ("detail is empty", "is sealed or names a subject"),
        ("contact_jy_number is empty", "is sealed or names a subject"),
        ("event_date <= today; drop table record", "`;` has no meaning here"),
        ("record_id is empty", "`record_id` is no column"),
    ] {
        agreement_is_refused(written, &format!("where = \"{condition}\""), why).await;
    }
    agreement_is_refused("record = \"public_health.isolation\"", "record = \"public_health.*\"", "is no record type")
        .await;
    agreement_is_refused("record = \"public_health.isolation\"", "record = \"clinical.condition\"", "is sealed").await;
}

#[tokio::test]
async fn a_file_has_the_name_of_its_agreement() {
    let told = refused(reference().edited(POLICE, "id = \"sojp-isolation\"", "id = \"sojp\"")).await;
    assert_eq!(told, "agreements/sojp-isolation.toml: the file's name is not the agreement's id");
    let mut copy = reference();
    let text = copy.text(POLICE).clone();
    assert!(refused(copy.replaced("copy.toml", &text)).await.starts_with("agreements/copy.toml: the file's name"));
}

#[tokio::test]
async fn an_agreement_without_cases_is_refused_and_so_are_cases_without_an_agreement() {
    let told = refused(reference().without("sojp-isolation.cases.toml")).await;
    assert_eq!(told, "agreements/sojp-isolation.cases.toml is missing");
    let told = refused(reference().replaced("sojp-isolation.cases.toml", "case = []")).await;
    assert_eq!(told, "sojp-isolation.cases.toml: there is no case in it: an agreement without cases is refused");
    assert!(refused(reference().replaced("sojp-isolation.cases.toml", "")).await.contains("missing field `case`"));
    let told = refused(reference().without(POLICE)).await;
    assert_eq!(told, "agreements/sojp-isolation.cases.toml: there is no agreement that these cases are of");
}

#[tokio::test]
async fn a_case_that_comes_out_otherwise_is_named_with_what_came_out() {
    let cases = "sojp-isolation.cases.toml";
    for (from, to, why) in [
        (
            "expect.coarse = [\"people.person.date_of_birth\"]",
            "expect.full = [\"people.person.date_of_birth\"]",
            "case `an officer learns an age band, and nothing of why`: `people.person.date_of_birth` is `coarse`, expected `full`",
        ),
        (
            "expect.coarse = [\"people.person.date_of_birth\"]",
            "expect.denied = true",
            "granted, though it should be refused",
        ),
        ("expect.denied = true", "expect.full = []", "case `not without a case`: refused (case_reference)"),
        ("expect.coarse = [\"people.person.date_of_birth\"]", "expect.coarse = []", "expected `withheld`"),
        ("view = \"isolation_check\"", "view = \"isolation\"", "refused (view)"),
        ("expect.denied", "expect.refused", "unknown field `refused`"),
        ("name = \"not without a case\"", "title = \"not without a case\"", "unknown field `title`"),
    ] {
        let told = refused(reference().edited(cases, from, to)).await;
        assert!(told.starts_with(cases) && told.contains(why), "{to}: {told}");
    }
    // A policy line that takes away what a case expects, or gives what it does not.
    let line = "p, police_officer, isolation_enforcement, people.person.address_line, exists, deny";
    assert!(
        refused(reference().with("policy.csv", line))
            .await
            .contains("`people.person.address_line` is `withheld`, expected `full`")
    );
}

#[tokio::test]
async fn a_condition_of_law_enforcement_does_not_look_at_clinical_data() {
    let files = reference()
        .edited("catalogue.toml", "provided = false, sealed = true, coarse = \"month\" }", "provided = false, coarse = \"month\" }")
        .edited(
            POLICE,
            "record = \"public_health.isolation\", where = \"event_date <= today and (end_date is empty or end_date >= today)\"",
            "record = \"clinical.condition\", where = \"event_date <= today\"",
        );
    let told = refused(files).await;
    assert!(told.contains("out of reach of one of the agreement's roles"), "{told}");
}
