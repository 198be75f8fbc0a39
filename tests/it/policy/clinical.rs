//! Law enforcement and the clinical record, by every way there is: red lines of the file gone, and agreement and views give all of it.
//! Policy lines cannot: a policy with such a line is refused (`policy::reach`).

use crate::{
    harness::*,
    warrant::{clinical_fields_for_the_police, document, officer},
};
use disown::{
    dataset::Catalogue,
    pb::{self, Disclosure, query_request::Subject},
};
use prost::Message;
use std::fs;
use tonic::{Code, Status};

const NAME: &str = "people.person.given_name";
/// Of the clinical record of those who are in it.
const CLINICAL_VALUES: [&str; 6] = ["Asthma", "195967001", "SARS-CoV-2 RNA PCR", "94500-6", "positive", "GP surgery A"];

fn clinical_fields(deployment: &Deployment) -> Vec<String> {
    let catalogue = Catalogue::parse(&fs::read_to_string(deployment.path("policies/catalogue.toml")).unwrap()).unwrap();
    let names = catalogue.fields().map(|(_, field)| field.name.clone());
    names.filter(|name| name.starts_with("clinical.") && !name.ends_with(".source_id")).collect()
}

/// Everything that can say so says that police may see the clinical record.
async fn everything_says_so() -> (TestBroker, Vec<String>) {
    let deployment = Deployment::new();
    clinical_fields_for_the_police(&deployment);
    let all = clinical_fields(&deployment);
    deployment.edit("policies/red-lines.toml", "roles = \"law_enforcement\"", "roles = [\"auditor\"]");
    let agreement = "policies/agreements/sojp-warrants.toml";
    let text = fs::read_to_string(deployment.path(agreement)).unwrap();
    let others = text.lines().filter(|line| !line.starts_with("\"clinical."));
    let text: String = others.map(|line| line.to_owned() + "\n").collect();
    let listed: String = all.iter().map(|name| format!("{name:?} = \"full\"\n")).collect();
    let text = text.replace("[fields]\n", &format!("[fields]\n{listed}"));
    let views = format!("[views]\nmedical = {all:?}\nmixed = [\"{NAME}\", \"clinical.condition.code\"]\n");
    fs::write(deployment.path(agreement), text.replace("[views]\n", &views)).unwrap();
    let broker = deployment.serve().await;
    broker.populate().await;
    (broker, all)
}

/// The officer and the sergeant.
fn enforcing() -> [Asker; 2] {
    [police(), sergeant()]
        .map(|asker| Asker { terms: (asker.terms.0, asker.terms.1, officer().terms.2, asker.terms.3), ..asker })
}

/// An answer and its receipt have nothing clinical in them.
fn nothing_clinical(told: &Told) {
    assert!(told.answer.records.iter().all(|record| !record.record_type.starts_with("clinical.")));
    let bytes = told.response.encode_to_vec();
    for value in CLINICAL_VALUES {
        assert!(!bytes.windows(value.len()).any(|window| window == value.as_bytes()), "{value}");
    }
    let shown = told.actor()["fields"].as_object().unwrap().clone();
    assert!(shown.iter().all(|(name, level)| !name.starts_with("clinical.") || level == "withheld"));
}

fn denied<T>(outcome: Result<T, Status>) {
    let status = outcome.err().expect("it was answered");
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "permission denied"));
}

#[tokio::test]
async fn no_question_of_law_enforcement_shows_the_clinical_record() {
    let (broker, all) = everything_says_so().await;
    for asker in enforcing() {
        let question = asker.question(ISOLATING);
        let whole = broker.ask(&asker, question.clone()).await.unwrap();
        let by_handle = Some(Subject::Handle(whole.answer.handle.clone()));
        let named = [vec![NAME.to_owned()], all.clone()].concat();
        for asked in [
            question.clone(),
            pb::QueryRequest { fields: named.clone(), ..question.clone() },
            pb::QueryRequest { view: "mixed".to_owned(), ..question.clone() },
            pb::QueryRequest { subject: by_handle.clone(), ..question.clone() },
            pb::QueryRequest { subject: by_handle.clone(), fields: named, ..question.clone() },
        ] {
            let told = broker.ask(&asker, asked).await.unwrap();
            nothing_clinical(&told);
            assert_eq!(told.cells(NAME), ["full:Marie"]);
            let clinical = told.answer.withheld.iter().filter(|one| one.field.starts_with("clinical."));
            assert!(clinical.clone().count() > 0 && clinical.clone().all(|one| one.reason == "hard_rule"));
        }
        // Nothing else than what is out of reach: each field, all of them, and the view of them.
        let alone = all.iter().map(|name| pb::QueryRequest { fields: vec![name.clone()], ..question.clone() });
        let together = pb::QueryRequest { fields: all.clone(), ..question.clone() };
        let view = pb::QueryRequest { view: "medical".to_owned(), ..question.clone() };
        let handle = pb::QueryRequest { subject: by_handle, fields: all.clone(), ..question.clone() };
        for asked in alone.chain([together, view, handle]) {
            denied(broker.ask(&asker, asked).await);
        }
        for odd in
            ["clinical.*.*", "clinical.condition", "clinical", "category:clinical_health", "Clinical.condition.code"]
        {
            let asked = pb::QueryRequest { fields: vec![NAME.to_owned(), odd.to_owned()], ..question.clone() };
            assert_eq!(broker.refused(&asker, asked).await.0, Code::InvalidArgument, "{odd}");
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn whether_there_is_a_clinical_record_makes_no_difference_to_what_law_enforcement_is_told() {
    let (broker, _) = everything_says_so().await;
    let patient = "JY411111A";
    let row = format!("C9,{patient},condition,SNOMED,195967001,Asthma,2015-03-01,,,,active,GP surgery A");
    broker.load(&registrar(), "clinical", CLINICAL, &[row]).await.unwrap();
    for asker in enforcing() {
        let reads = async |number: &str| {
            let told = broker.told(&asker, number).await;
            nothing_clinical(&told);
            pb::Answer { handle: String::new(), ..told.answer }.encode_to_vec()
        };
        assert!(reads(patient).await == reads(NOBODY).await);
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_warrant_shows_the_fields_that_it_names_and_those_alone() {
    let (broker, all) = everything_says_so().await;
    let warrant = broker.enter(pb::Warrant { uses: 1000, ..document() }).await;
    let [named] = &document().fields[..] else { panic!("one field") };
    let asker = officer();
    let ask = async |fields: Vec<String>, view: &str| {
        let (warrant, view) = (warrant.clone(), view.to_owned());
        broker.ask(&asker, pb::QueryRequest { warrant, fields, view, ..asker.question(ISOLATING) }).await
    };
    for (fields, view) in [(vec![], ""), (all.clone(), ""), (vec![], "medical"), (vec![], "mixed")] {
        let told = ask(fields, view).await.unwrap();
        let clinical = told.answer.records.iter().flat_map(|record| &record.cells);
        let clinical: Vec<_> = clinical.filter(|cell| cell.field.starts_with("clinical.")).collect();
        assert!(clinical.iter().all(|cell| cell.field == *named) && told.cells(named) == ["full:195967001"]);
    }
    for other in all.iter().filter(|name| *name != named) {
        denied(ask(vec![other.clone()], "").await);
    }
    broker.finish().await;
}

#[tokio::test]
async fn no_other_service_leads_law_enforcement_to_the_clinical_record() {
    let (broker, all) = everything_says_so().await;
    let deployment = &broker.deployment;
    let told = broker.told(&clinician(), ISOLATING).await;
    let receipt = told.response.receipt.clone().unwrap();
    for asker in enforcing() {
        let terms = asker.pb_terms();
        // Another recipient's handle.
        let subject = Some(Subject::Handle(told.answer.handle.clone()));
        denied(broker.ask(&asker, pb::QueryRequest { subject, ..asker.question(ISOLATING) }).await);
        // What it may see is told by policy, and nobody is named.
        let request = pb::DescribeAccessRequest { terms: terms.clone() };
        let described = broker.access().describe_access(asker.request(deployment, request)).await.unwrap().into_inner();
        let fields = described.fields.iter().filter(|field| all.contains(&field.field));
        let out_of_reach =
            |field: &&pb::FieldAccess| field.disclosure() == Disclosure::Withheld && field.decided_by == "hard_rule";
        assert_eq!(fields.filter(out_of_reach).count(), all.len());
        // The access log: searched, counted, by subject, and the proof of what a clinician was told.
        let by_subject = pb::LogFilter { subject: format!("jy:{ISOLATING}"), ..Default::default() };
        for filter in [None, Some(by_subject)] {
            let search = pb::SearchRequest { terms: terms.clone(), filter: filter.clone(), ..Default::default() };
            denied(broker.audit().search(asker.request(deployment, search)).await);
            let count = pb::CountRequest { terms: terms.clone(), filter, by: vec!["purpose".to_owned()] };
            denied(broker.audit().count(asker.request(deployment, count)).await);
        }
        let proof = pb::ProveInclusionRequest { terms: terms.clone(), index: receipt.index, size: receipt.index + 1 };
        denied(broker.audit().prove_inclusion(asker.request(deployment, proof)).await);
        let checkpoint = pb::GetCheckpointRequest { terms: terms.clone(), size: 0 };
        denied(broker.audit().get_checkpoint(asker.request(deployment, checkpoint)).await);
        // Duplicates are told to who puts data in, and they tell what is there.
        let condition = [("record_id", "C2"), ("jy_number", ISOLATING), ("code", "195967001")];
        denied(broker.put(&asker, "clinical.condition", &condition).await);
        denied(broker.load(&asker, "clinical", CLINICAL, &[]).await);
        // Whether somebody is restricted.
        let (identifier, ground) = (format!("jy:{ISOLATING}"), pb::RestrictionGround::Objection.into());
        denied(
            broker
                .rights()
                .restrict(asker.request(deployment, pb::RestrictRequest { terms, identifier, ground }))
                .await,
        );
        let shown = pb::ShowWarrantRequest { id: "w-0000000000000000".to_owned() };
        denied(broker.warrants().show_warrant(asker.request(deployment, shown)).await);
    }
    broker.finish().await;
}
