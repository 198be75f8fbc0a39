//! What a question says of itself beside role, purpose, agreement and case: that the handling conditions are acknowledged (GO11), and on
//! which ground special category data is used for a law enforcement purpose (GO5).

use crate::harness::*;
use disown::pb::{self, QueryRequest};
use std::fs;
use tonic::Code;

impl TestBroker {
    async fn describe(&self, asker: &Asker) -> pb::DescribeAccessResponse {
        let request = pb::DescribeAccessRequest { terms: asker.pb_terms() };
        self.access().describe_access(asker.request(&self.deployment, request)).await.unwrap().into_inner()
    }

    async fn denied_for(&self, refusal: &str, asker: &Asker, question: QueryRequest) {
        let refused = self.refused(asker, question).await;
        assert_eq!(refused, (Code::PermissionDenied, "permission denied".to_owned()));
        let entries = self.entries().await;
        let (_, actor, _) = entries.iter().rev().find(|(_, actor, _)| actor["kind"] == "denial").unwrap();
        assert_eq!(actor["refusal"], refusal);
    }
}

#[tokio::test]
async fn who_does_not_acknowledge_the_conditions_in_force_is_answered_nothing() {
    let broker = TestBroker::populated().await;
    let (asker, number) = (parish_officer(), ISOLATING);
    let described = broker.describe(&asker).await;
    let codes: Vec<_> = described.handling.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, ["use_only_to_offer_help", "tell_nobody_else"]);
    assert_eq!(described.handling_digest, conditions_of("parish-support"));
    let told = broker.told(&asker, number).await;
    assert!(told.answer.handling == described.handling, "the conditions go with the answer");
    assert_eq!(told.actor()["handling"], described.handling_digest.as_str());
    for acknowledged in [String::new(), conditions_of("sojp-isolation"), described.handling_digest.to_uppercase()] {
        let question = QueryRequest { acknowledged, ..asker.question(number) };
        broker.denied_for("acknowledgement", &asker, question).await;
    }
    // Other conditions have to be acknowledged anew.
    let file = "policies/agreements/parish-support.toml";
    broker.deployment.edit(file, "Nobody else in the parish is told.", "Nobody else is told.");
    let before = broker.describe(&asker).await.agreement_version;
    broker.reload.send_modify(|times| *times += 1);
    while broker.describe(&asker).await.agreement_version == before {}
    broker.denied_for("acknowledgement", &asker, asker.question(number)).await;
    let text = fs::read_to_string(broker.deployment.path(file)).unwrap();
    let question = QueryRequest { acknowledged: digest_of(&text), ..asker.question(number) };
    broker.ask(&asker, question).await.unwrap();
    // Where nothing binds, nothing has to be acknowledged; what is done without a recipient binds nobody.
    broker
        .put(
            &clerk(),
            "public_health.test_appointment",
            &[("jy_number", FREE), ("record_id", "T-1"), ("event_date", "2026-11-23")],
        )
        .await
        .unwrap();
    broker.finish().await;
}

#[tokio::test]
async fn special_category_data_for_law_enforcement_needs_a_ground_that_the_agreement_has() {
    let broker = TestBroker::populated().await;
    let officer = police();
    assert_eq!(broker.describe(&officer).await.grounds, ["legal_duty", "court_order"]);
    for (ground, named) in [("legal_duty", "legal_duty"), ("court_order", "court_order")] {
        let question = QueryRequest { ground: ground.to_owned(), ..officer.question(ISOLATING) };
        assert_eq!(broker.ask(&officer, question).await.unwrap().actor()["ground"], named);
    }
    for ground in ["", "consent", "LEGAL_DUTY", "because"] {
        let question = QueryRequest { ground: ground.to_owned(), ..officer.question(ISOLATING) };
        broker.denied_for("ground", &officer, question).await;
    }
    // A name alone tells that somebody isolates: only they are covered.
    let fields = vec!["people.person.given_name".to_owned()];
    let question = QueryRequest { ground: String::new(), fields: fields.clone(), ..officer.question(ISOLATING) };
    broker.denied_for("ground", &officer, question).await;
    // Care is no law enforcement; a ground that is none of the agreement's is none.
    assert!(broker.told(&clinician(), ISOLATING).await.actor().get("ground").is_none());
    let question = QueryRequest { ground: "vital_interests".to_owned(), ..clinician().question(ISOLATING) };
    broker.denied_for("ground", &clinician(), question).await;
    broker.finish().await;
}

#[tokio::test]
async fn without_special_category_data_no_ground_is_needed() {
    let deployment = Deployment::new();
    let file = "policies/agreements/sojp-isolation.toml";
    let text = fs::read_to_string(deployment.path(file)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("condition = "));
    fs::write(deployment.path(file), lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let broker = deployment.serve().await;
    broker.populate().await;
    let officer = police();
    let asking = |field: &str| QueryRequest {
        ground: String::new(),
        fields: vec![field.to_owned()],
        ..officer.question(ISOLATING)
    };
    assert!(broker.ask(&officer, asking("people.person.given_name")).await.unwrap().actor().get("ground").is_none());
    broker.denied_for("ground", &officer, asking("public_health.isolation.end_date")).await;
    broker.finish().await;
}
