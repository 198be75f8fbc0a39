//! Categories of subjects (GO8): what somebody is to the police goes with every record, and terms of access can depend on it.

use crate::harness::*;
use std::fs;

const INCIDENTS: &str = r#"
[categories.incident]
law_enforcement = "open"
[datasets.incidents]
title = "Incidents"
owner = "government-of-jersey"
regime = "jersey"
review = 2099-01-01
law_enforcement = "open"
subject_column = "person"
subject_category = { column = "involvement" }
[datasets.incidents.records.involvement]
category = "incident"
retention_days = 3650
[datasets.incidents.columns]
incident = { type = "text", nature = "fact", provided = false, required = true }
involvement = { type = "code", one_of = ["suspect", "convicted", "victim", "witness", "other"], nature = "assessment", provided = false, required = true }
"#;

/// The police's own records, under the agreement on isolation checks with another condition.
async fn with_incidents(condition: &str) -> TestBroker {
    let deployment = Deployment::new();
    deployment.append("policies/catalogue.toml", INCIDENTS);
    deployment.append(
        "policies/policy.csv",
        "p, police_officer, isolation_enforcement, category:incident, full, allow\n\
         p, registrar, registration, incidents.involvement, put, allow\n",
    );
    deployment.edit("policies/approvers.toml", "owner_of = [\"people\"]", "owner_of = [\"people\", \"incidents\"]");
    let agreement = "policies/agreements/sojp-isolation.toml";
    let text = fs::read_to_string(deployment.path(agreement)).unwrap();
    let other = |line: &str| match line.starts_with("condition = ") {
        true => format!("condition = {{ record = \"incidents.involvement\", where = '{condition}' }}\n"),
        false => format!("{line}\n"),
    };
    fs::write(deployment.path(agreement), text.lines().map(other).collect::<String>()).unwrap();
    deployment.edit(agreement, "[fields]", "[fields]\n\"incidents.involvement.incident\" = \"full\"");
    let registers = "policies/agreements/registers.toml";
    deployment.edit(registers, "\"people.person\",", "\"people.person\", \"incidents.involvement\",");
    deployment.add_key("incidents");
    let broker = deployment.serve().await;
    broker.populate().await;
    let rows = [
        format!("{ISOLATING},I-1,suspect"),
        format!("{ISOLATING},I-2,witness"),
        format!("{FREE},I-1,victim"),
        format!("{HEALTHY},I-3,convicted"),
        format!("{HEALTHY},I-4,bystander"),
        format!("{HEALTHY},I-5,"),
    ];
    let delivered = broker.load(&registrar(), "incidents", "person,incident,involvement", &rows).await.unwrap();
    assert_eq!(delivered.stored, 4);
    let rules: Vec<_> = delivered.rejected.iter().map(|(_, column, rule)| (column.as_str(), rule.as_str())).collect();
    assert_eq!(rules, [("involvement", "code"), ("involvement", "required")]);
    broker
}

/// Incident and category of each record that is told.
fn involvements(told: &Told) -> Vec<(String, String)> {
    let records = told.answer.records.iter().filter(|record| record.record_type == "incidents.involvement");
    let incident = |cells: &[disown::pb::Cell]| match cells[0].shown.as_ref().unwrap() {
        disown::pb::cell::Shown::Full(value) => value.clone(),
        _ => panic!("not shown in full"),
    };
    let mut all: Vec<_> = records
        .map(|record| (incident(&record.cells), record.provenance.as_ref().unwrap().subject_category.clone()))
        .collect();
    all.sort();
    all
}

fn of(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(incident, category)| ((*incident).to_owned(), (*category).to_owned())).collect()
}

#[tokio::test]
async fn what_somebody_is_to_the_police_goes_with_every_record() {
    let broker = with_incidents("incident is not empty").await;
    let told = broker.told(&police(), ISOLATING).await;
    assert_eq!(involvements(&told), of(&[("I-1", "suspect"), ("I-2", "witness")]));
    assert_eq!(involvements(&broker.told(&police(), FREE).await), of(&[("I-1", "victim")]));
    assert_eq!(involvements(&broker.told(&police(), HEALTHY).await), of(&[("I-3", "convicted")]));
    // Of the other datasets it is what it always is.
    let person = told.answer.records.iter().find(|record| record.record_type == "people.person").unwrap();
    assert_eq!(person.provenance.as_ref().unwrap().subject_category, "resident");
    broker.finish().await;
}

#[tokio::test]
async fn terms_of_access_can_depend_on_it() {
    let broker = with_incidents("involvement = \"suspect\" or involvement = \"convicted\"").await;
    assert_eq!(involvements(&broker.told(&police(), ISOLATING).await), of(&[("I-1", "suspect")]));
    assert_eq!(involvements(&broker.told(&police(), HEALTHY).await), of(&[("I-3", "convicted")]));
    // A victim is nobody to these terms, as an unknown is.
    for number in [FREE, NOBODY] {
        assert!(broker.told(&police(), number).await.answer.records.is_empty());
    }
    broker.finish().await;
}
