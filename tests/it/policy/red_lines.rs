//! Red lines: whatever crosses one is found, and told with role, purpose and field.

use super::{Edited, reference, refused};
use disown::policy::{Crossed, InvalidPolicy, Policy, PolicyFiles};

async fn crossed(files: PolicyFiles) -> Crossed {
    match Policy::load(files).await {
        Err(InvalidPolicy::Crossed(crossed)) => *crossed,
        Err(error) => panic!("refused for another reason: {error}"),
        Ok(_) => panic!("a policy that crosses a red line was taken"),
    }
}

/// The reference policy with these lines more crosses the red line with that role, purpose, field and level.
async fn lines_cross(lines: &str, counterexample: [&str; 4]) {
    let Crossed { role, purpose, field, level, .. } = crossed(reference().with("policy.csv", lines)).await;
    assert_eq!([role.as_str(), &purpose, &field, level], counterexample, "{lines}");
}

#[tokio::test]
async fn law_enforcement_is_not_allowed_a_clinical_field_in_any_way() {
    let field = "clinical.condition.code";
    for level in ["exists", "full"] {
        let line = format!("p, police_officer, contact_tracing, {field}, {level}, allow");
        lines_cross(&line, ["police_officer", "contact_tracing", field, level]).await;
    }
    let by_category = "p, police_officer, audit, category:clinical_health, full, allow";
    lines_cross(by_category, ["police_officer", "audit", "clinical.condition.code_system", "full"]).await;
    let inherited = "g, police_officer, clinician";
    lines_cross(inherited, ["police_officer", "clinical_care", "clinical.condition.code_system", "full"]).await;
    let at_a_distance = "g, police_officer, statistician\ng, statistician, contact_tracer";
    lines_cross(at_a_distance, ["police_officer", "contact_tracing", "clinical.test_result.event_date", "coarse"])
        .await;
}

#[tokio::test]
async fn those_who_put_data_in_are_not_allowed_to_read() {
    let field = "public_health.test_appointment.event_date";
    let line = format!("p, booking_clerk, test_booking, {field}, exists, allow");
    lines_cross(&line, ["booking_clerk", "test_booking", field, "exists"]).await;
    let line = "p, registrar, registration, category:identity, full, allow";
    lines_cross(line, ["registrar", "registration", "people.person.given_name", "full"]).await;
}

#[tokio::test]
async fn an_auditor_is_not_allowed_to_read_a_dataset() {
    let line = "p, auditor, audit, people.person.given_name, coarse, allow";
    lines_cross(line, ["auditor", "audit", "people.person.given_name", "coarse"]).await;
    lines_cross("g, auditor, contact_tracer", ["auditor", "contact_tracing", "people.person.given_name", "full"]).await;
}

#[tokio::test]
async fn nobody_is_allowed_a_sources_reference() {
    let field = "clinical.admission.source_id";
    let line = format!("p, clinician, clinical_care, {field}, exists, allow");
    lines_cross(&line, ["clinician", "clinical_care", field, "exists"]).await;
    let line = "p, statistician, statistics, category:source_reference, full, allow";
    lines_cross(line, ["statistician", "statistics", "clinical.condition.source_id", "full"]).await;
    let line = "p, clinician, statistics, public_health.contact.source_id, full, allow";
    lines_cross(line, ["clinician", "statistics", "public_health.contact.source_id", "full"]).await;
}

#[tokio::test]
async fn a_field_that_is_relabelled_in_the_catalogue_stays_behind_its_line() {
    let relabelled = reference().edited(
        "catalogue.toml",
        "condition = { category = \"clinical_health\"",
        "condition = { category = \"identity\"",
    );
    let Crossed { role, purpose, field, .. } = crossed(relabelled).await;
    let expected = ["police_officer", "isolation_enforcement", "clinical.condition.code_system"];
    assert_eq!([role.as_str(), &purpose, &field], expected);
    let one_column = reference().edited(
        "catalogue.toml",
        "unit = { type = \"text\",",
        "unit = { type = \"text\", category = \"identity\",",
    );
    assert_eq!(crossed(one_column).await.field, "clinical.condition.unit");
    let reference_of_a_source =
        "source_reference\" }\nevent_date = { type = \"date\", nature = \"fact\", provided = false, coarse";
    let to = reference_of_a_source.replace("source_reference", "isolation");
    assert_eq!(
        crossed(reference().edited("catalogue.toml", reference_of_a_source, &to)).await.field,
        "public_health.test_appointment.source_id"
    );
}

#[tokio::test]
async fn the_agreement_that_would_release_it_is_named() {
    let files = reference()
        .edited("policy.csv", "category:clinical_health, exists, deny", "clinical.condition.code, full, allow")
        .edited("sojp-isolation.toml", "[fields]", "[fields]\n\"clinical.condition.code\" = \"full\"");
    let told = refused(files).await;
    assert_eq!(
        told,
        "red line crossed: law enforcement reaches nothing that is not open to it: `police_officer` would see `clinical.condition.code` \
         at `full` for `isolation_enforcement` under `sojp-isolation`"
    );
    let told = refused(reference().with("policy.csv", "p, auditor, audit, people.person.sex, full, allow")).await;
    assert!(told.ends_with("under the policy alone"), "{told}");
}

#[tokio::test]
async fn every_new_role_of_law_enforcement_is_behind_the_line() {
    let files = reference()
        .edited("roles.toml", "[roles]", "[roles]\nsergeant = { title = \"Leads\", law_enforcement = true }")
        .with("policy.csv", "p, sergeant, statistics, clinical.death.code, exists, allow");
    assert_eq!(crossed(files).await.role, "sergeant");
}

#[tokio::test]
async fn a_red_line_that_covers_nothing_protects_nobody_and_is_refused() {
    let all = "datasets = \"all\"";
    let marks = "law_enforcement = [\"warrant\", \"never\"]";
    let enforcing = "roles = \"law_enforcement\"";
    let auditor = "roles = [\"auditor\", \"data_protection_officer\", \"regulator\", \"rights_officer\"]";
    for (from, to, why) in [
        (marks, "law_enforcement = []", "covers nothing"),
        (marks, "law_enforcement = [\"sometimes\"]", "unknown variant `sometimes`"),
        (marks, "", "covers nothing"),
        (all, "datasets = \"clinical\"", "`clinical` is no group of datasets"),
        (all, "datasets = [\"clinic\"]", "`clinic` is no dataset"),
        (all, "datasets = [\"Clinical\"]", "`Clinical` is no dataset"),
        (all, "datasets = [\"*\"]", "`*` is no dataset"),
        (all, "datasets = [\"\"]", "`` is no dataset"),
        (all, "datasets = [\"clinical.condition\"]", "`clinical.condition` is no dataset"),
        (all, "datasets = []", "covers nothing"),
        (all, "", "covers nothing"),
        (all, "fields = [\"clinical.*\"]", "`clinical.*` names no field"),
        (all, "fields = [\"clinical.con*.code\"]", "names no field"),
        (all, "fields = [\"clinical.*.*\", \"clinical.*.sourceid\"]", "`clinical.*.sourceid` names no field"),
        (all, "field = [\"clinical.*.*\"]", "unknown field `field`"),
        (enforcing, "roles = \"police\"", "`police` is no group of roles"),
        (enforcing, "roles = \"police_officer\"", "`police_officer` is no group of roles"),
        (enforcing, "roles = 1", "red-lines.toml"),
        (enforcing, "", "missing field `roles`"),
        (auditor, "roles = [\"auditors\"]", "`auditors` is not a role"),
        (auditor, "roles = []", "covers nothing"),
        ("[[red_line]]", "[[redline]]", "unknown field `redline`"),
    ] {
        let told = refused(reference().edited("red-lines.toml", from, to)).await;
        assert!(told.starts_with("red-lines.toml: ") && told.contains(why), "{to}: {told}");
    }
    let nobody_enforces = reference().edited("roles.toml", "law_enforcement = true", "law_enforcement = false").edited(
        "roles.toml",
        "law_enforcement = true",
        "law_enforcement = false",
    );
    assert!(refused(nobody_enforces).await.contains("covers nothing"));
    assert!(refused(reference().replaced("red-lines.toml", "")).await.contains("missing field `red_line`"));
}
