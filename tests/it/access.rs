//! Asking: what each role is told.

use crate::harness::*;
use disown::pb::{self, query_request::Subject};
use jiff::ToSpan;
use prost::Message;

#[tokio::test]
async fn each_role_is_told_its_own_part_of_the_same_subject() {
    let broker = TestBroker::populated().await;
    let (doctor, tracer, officer) = (
        broker.told(&clinician(), ISOLATING).await,
        broker.told(&tracer(), ISOLATING).await,
        broker.told(&police(), ISOLATING).await,
    );
    assert_eq!(doctor.cells("people.person.date_of_birth"), ["full:1984-05-24"]);
    assert_eq!(tracer.cells("people.person.date_of_birth"), ["coarse:40-49"]);
    assert_eq!(officer.cells("people.person.date_of_birth"), ["coarse:40-49"]);

    assert_eq!(doctor.cells("clinical.condition.description"), ["full:Asthma"]);
    assert_eq!(doctor.cells("clinical.test_result.value"), ["full:positive"]);
    assert_eq!(tracer.cells("clinical.test_result.value"), ["exists:true"]);
    assert_eq!(tracer.cells("clinical.test_result.event_date"), ["coarse:2026-11"]);
    assert!(officer.answer.records.iter().all(|record| !record.record_type.starts_with("clinical.")));

    assert_eq!(doctor.cells("public_health.case_investigation.event_date"), ["exists:true"]);
    assert_eq!(tracer.cells("public_health.case_investigation.detail"), ["full:3 contacts"]);
    assert_eq!(officer.cells("public_health.isolation.end_date"), ["full:2026-11-28"]);
    assert_eq!(officer.answer.handling.len(), 2);
    broker.finish().await;
}

#[tokio::test]
async fn a_contact_is_told_as_a_handle_that_can_be_asked_about() {
    let broker = TestBroker::populated().await;
    let case = broker.told(&tracer(), ISOLATING).await;
    let contact = broker.told(&tracer(), FREE).await;
    let named = case.cells("public_health.case_investigation.contact_jy_number");
    assert_eq!(named, [format!("full:{}", contact.answer.handle)]);

    let mut follow_up = tracer().question(NOBODY);
    follow_up.subject = Some(Subject::Handle(contact.answer.handle.clone()));
    let by_handle = broker.ask(&tracer(), follow_up.clone()).await.unwrap();
    assert_eq!(by_handle.response.answer, contact.response.answer);

    // The same handle means nothing to another recipient.
    follow_up.terms = clinician().pb_terms();
    let (code, _) = broker.refused(&clinician(), follow_up).await;
    assert_eq!(code, tonic::Code::PermissionDenied);
    assert_ne!(broker.told(&clinician(), FREE).await.answer.handle, contact.answer.handle);
    broker.finish().await;
}

#[tokio::test]
async fn unknown_nothing_held_and_outside_the_condition_are_the_same_bytes() {
    let broker = TestBroker::populated().await;
    let mut answers = Vec::new();
    for number in [NOBODY, HEALTHY, FREE] {
        let mut told = broker.told(&police(), number).await;
        assert!(told.answer.records.is_empty());
        told.answer.handle.clear();
        answers.push((told.answer.encode_to_vec(), told.response.answer.len()));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    // An auditor is told the true reason.
    let reasons: Vec<_> = broker
        .entries()
        .await
        .into_iter()
        .filter_map(|(_, _, subject)| subject["reason"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(reasons, ["nothing_held", "condition_not_met", "condition_not_met"]);
    broker.finish().await;
}

#[tokio::test]
async fn of_the_record_type_of_a_condition_only_what_satisfies_it_is_told() {
    let broker = TestBroker::populated().await;
    let day = |back: i64| today().saturating_sub(back.days());
    let over = format!("H9,{ISOLATING},isolation,{},{},contact,,St Helier,,,", day(60), day(50));
    broker.load(&registrar(), "public_health", PUBLIC_HEALTH, &[over]).await.unwrap();
    assert_eq!(broker.told(&tracer(), ISOLATING).await.cells("public_health.isolation.end_date").len(), 2);
    for asker in [police(), parish_officer()] {
        let told = broker.told(&asker, ISOLATING).await;
        assert_eq!(told.cells("public_health.isolation.end_date"), [format!("full:{}", day(-7))], "{}", asker.caller);
    }
    broker.finish().await;
}

#[tokio::test]
async fn what_has_no_coarse_form_is_not_told_in_full_instead() {
    let broker = TestBroker::empty().await;
    let unborn = today().saturating_add(30.days());
    let row = format!("{HEALTHY},Ana,Ferreira,{unborn},F,PT,3 La Grande Rue,St Ouen,JE3 2LQ,,,2019-04-01");
    assert_eq!(broker.load(&registrar(), "people", PEOPLE, &[row]).await.unwrap().stored, 1);
    let told = broker.told(&tracer(), HEALTHY).await;
    assert_eq!(told.cells("people.person.given_name"), ["full:Ana"]);
    assert_eq!(told.cells("people.person.date_of_birth"), ["coarse:"]);
    broker.finish().await;
}

#[tokio::test]
async fn what_is_not_granted_is_withheld_with_a_reason_of_policy() {
    let broker = TestBroker::populated().await;
    let mut question = police().question(ISOLATING);
    question.fields =
        ["people.person.given_name", "people.person.phone", "clinical.condition.code", "people.person.sex"]
            .map(str::to_owned)
            .to_vec();
    let told = broker.ask(&police(), question).await.unwrap();
    assert_eq!(told.cells("people.person.given_name"), ["full:Marie"]);
    let withheld: Vec<_> = told.answer.withheld.iter().map(|one| (one.field.as_str(), one.reason.as_str())).collect();
    assert_eq!(
        withheld,
        [
            ("people.person.phone", "policy"),
            ("clinical.condition.code", "agreement"),
            ("people.person.sex", "agreement")
        ]
    );
    broker.finish().await;
}

#[tokio::test]
async fn a_view_is_its_fields_and_no_more() {
    let broker = TestBroker::populated().await;
    let question = pb::QueryRequest { view: "isolation_check".to_owned(), ..police().question(ISOLATING) };
    let told = broker.ask(&police(), question).await.unwrap();
    let mut fields: Vec<_> =
        told.answer.records.iter().flat_map(|record| &record.cells).map(|cell| cell.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "people.person.address_line",
            "people.person.family_name",
            "people.person.given_name",
            "public_health.isolation.end_date"
        ]
    );
    broker.finish().await;
}

#[tokio::test]
async fn every_answer_is_covered_by_its_receipt() {
    let broker = TestBroker::populated().await;
    let told = broker.told(&clinician(), ISOLATING).await;
    let receipt = told.response.receipt.clone().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&receipt.answer_part).unwrap();
    assert_eq!(said["digest"], disown::access_log::digest(&told.response.answer).to_string());
    let actor = told.actor();
    assert_eq!(actor["kind"], "release");
    assert_eq!(actor["caller"], "dr.renouf");
    assert_eq!(actor["case_reference"], "ENC-20260001");
    assert_eq!(actor["fields"]["public_health.case_investigation.event_date"], "exists");
    assert_eq!(actor["records"], told.answer.records.len());
    let verified = broker.finish().await;
    assert!(verified.entries > receipt.index && verified.signed == verified.entries);
}

#[tokio::test]
async fn a_caller_may_ask_why_without_a_subject() {
    let broker = TestBroker::empty().await;
    let request = pb::DescribeAccessRequest { terms: police().pb_terms() };
    let described =
        broker.access().describe_access(police().request(&broker.deployment, request)).await.unwrap().into_inner();
    let born = described.fields.iter().find(|field| field.field == "people.person.date_of_birth").unwrap();
    assert!(born.disclosure() == pb::Disclosure::Coarse);
    assert!(described.condition.starts_with("public_health.isolation: event_date <= today"));
    assert_eq!(described.views.len(), 1);
    let request = pb::DescribeAccessRequest { terms: statistician().pb_terms() };
    let refusal =
        broker.access().describe_access(statistician().request(&broker.deployment, request)).await.err().unwrap();
    assert_eq!(refusal.code(), tonic::Code::PermissionDenied);
    broker.finish().await;
}
