//! Breaking glass: more than the terms show, for one subject and a short time; told at once, reviewed, and not again before that.

use crate::harness::*;
use disown::{
    clock::Clock,
    pb::{self, QueryRequest, break_glass_service_client::BreakGlassServiceClient},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tonic::{Code, Status, transport::Channel};

const EMAIL: &str = "people.person.email";
const CATEGORY: &str = "public_health.case_investigation.category";

pub fn use_for(asker: &Asker, number: &str) -> pb::BreakGlassRequest {
    pb::BreakGlassRequest {
        terms: asker.pb_terms(),
        identifier: format!("jy:{number}"),
        reason: "unconscious, allergies unknown".to_owned(),
        acknowledged: conditions_of(&asker.terms.2),
    }
}

/// A question that says that glass was broken.
pub fn by_it(asker: &Asker, number: &str) -> QueryRequest {
    QueryRequest { break_glass: true, ..asker.question(number) }
}

impl TestBroker {
    fn glass(&self) -> BreakGlassServiceClient<Channel> {
        BreakGlassServiceClient::new(self.channel.clone())
    }

    pub async fn breaks(&self, asker: &Asker, request: pb::BreakGlassRequest) -> Result<Timestamp, Status> {
        let response = self.glass().break_glass(asker.request(&self.deployment, request)).await?;
        Ok(response.into_inner().until.parse().unwrap())
    }

    async fn unreviewed(&self, by: &str) -> Result<Vec<pb::BreakGlassUse>, Status> {
        let request = self.deployment.approver(by).request(&self.deployment, pb::ListUnreviewedRequest {});
        Ok(self.glass().list_unreviewed(request).await?.into_inner().uses)
    }

    async fn reviewed(&self, by: &str, of: &Asker) -> Result<(), Status> {
        let (organisation, caller, words) = (of.organisation.clone(), of.caller.clone(), "seen".to_owned());
        let request = pb::ReviewUseRequest { organisation, caller, justified: true, words };
        self.glass().review_use(self.deployment.approver(by).request(&self.deployment, request)).await.map(drop)
    }

    async fn why_denied(&self) -> String {
        let entries = self.entries().await;
        let (_, actor, _) = entries.into_iter().rfind(|(_, actor, _)| actor["kind"] == "denial").unwrap();
        actor["refusal"].as_str().unwrap().to_owned()
    }

    async fn is_denied(&self, refusal: &str, asker: &Asker, question: QueryRequest) {
        assert_eq!(self.refused(asker, question).await, (Code::PermissionDenied, "permission denied".to_owned()));
        assert_eq!(self.why_denied().await, refusal);
    }
}

fn denied<T>(outcome: Result<T, Status>) {
    let status = outcome.err().expect("it was done");
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "permission denied"));
}

#[tokio::test]
async fn glass_opens_its_fields_for_its_subject_its_case_and_its_time() {
    let broker = TestBroker::populated().await;
    let doctor = clinician();
    let usual = broker.told(&doctor, ISOLATING).await;
    assert!(usual.cells(EMAIL).is_empty());
    broker.is_denied("break_glass", &doctor, by_it(&doctor, ISOLATING)).await;
    let now = broker.deployment.clock.now();
    let until = broker.breaks(&doctor, use_for(&doctor, ISOLATING)).await.unwrap();
    assert_eq!(until, now + SignedDuration::from_mins(30));
    let told = broker.ask(&doctor, by_it(&doctor, ISOLATING)).await.unwrap();
    assert_eq!(told.cells(EMAIL), ["full:marie@example.org"]);
    assert_eq!(told.cells("people.person.given_name"), ["full:Marie"], "the usual terms hold too");
    assert_eq!(told.actor()["break_glass"], 1);
    assert!(told.cells("public_health.case_investigation.detail").is_empty());
    // Who does not say so is told what it always is.
    assert!(broker.told(&doctor, ISOLATING).await.cells(EMAIL).is_empty());
    // For nobody else, no other case, and by nobody else.
    broker.is_denied("break_glass", &doctor, by_it(&doctor, FREE)).await;
    let mut other = doctor.clone();
    other.terms.3 = "ENC-20260002".to_owned();
    broker.is_denied("break_glass", &other, by_it(&other, ISOLATING)).await;
    let colleague = Asker { caller: "dr.other".to_owned(), ..clinician() };
    broker.is_denied("break_glass", &colleague, by_it(&colleague, ISOLATING)).await;
    // Not longer than its time, whatever becomes of the broker.
    let deployment = broker.stop().await;
    let broker = deployment.serve().await;
    broker.deployment.clock.set(until - SignedDuration::from_secs(1));
    assert_eq!(broker.ask(&doctor, by_it(&doctor, ISOLATING)).await.unwrap().cells(EMAIL).len(), 1);
    broker.deployment.clock.set(until);
    broker.is_denied("break_glass", &doctor, by_it(&doctor, ISOLATING)).await;
    broker.finish().await;
}

#[tokio::test]
async fn each_use_is_noticed_and_reviewed_before_the_next() {
    let broker = TestBroker::populated().await;
    let doctor = clinician();
    broker.breaks(&doctor, use_for(&doctor, ISOLATING)).await.unwrap();
    broker.ask(&doctor, by_it(&doctor, ISOLATING)).await.unwrap();
    let alarmed: Vec<_> =
        broker.entries().await.into_iter().filter(|(.., of)| of["alarms"] == json!(["break_glass"])).collect();
    let [(_, broken, about), (_, told, _)] = &alarmed[..] else { panic!("{alarmed:?}") };
    assert!(broken["event"].as_str().unwrap().ends_with(": unconscious, allergies unknown"), "{broken}");
    assert_eq!((&broken["caller"], &told["kind"]), (&json!("dr.renouf"), &json!("release")));
    assert_eq!(about["tag"], alarmed[1].2["tag"]);
    // Not again, neither for the same nor for another.
    for number in [ISOLATING, FREE] {
        denied(broker.breaks(&doctor, use_for(&doctor, number)).await);
        assert_eq!(broker.why_denied().await, "unreviewed");
    }
    let waiting = broker.unreviewed("data-protection-officer").await.unwrap();
    let [only] = &waiting[..] else { panic!("{} wait", waiting.len()) };
    assert_eq!((only.caller.as_str(), only.case_reference.as_str()), ("dr.renouf", "ENC-20260001"));
    for by in ["medical-director", "superintendent", "information-commissioner"] {
        denied(broker.unreviewed(by).await);
        denied(broker.reviewed(by, &doctor).await);
    }
    broker.reviewed("data-protection-officer", &doctor).await.unwrap();
    assert!(broker.unreviewed("data-protection-officer").await.unwrap().is_empty());
    let twice = broker.reviewed("data-protection-officer", &doctor).await.unwrap_err();
    assert_eq!(twice.code(), Code::InvalidArgument);
    // The review ends it; then it can be done again.
    broker.is_denied("break_glass", &doctor, by_it(&doctor, ISOLATING)).await;
    broker.breaks(&doctor, use_for(&doctor, FREE)).await.unwrap();
    assert_eq!(broker.ask(&doctor, by_it(&doctor, FREE)).await.unwrap().actor()["break_glass"], 3);
    broker.finish().await;
}

#[tokio::test]
async fn only_who_may_breaks_glass_with_a_fresh_token_and_a_reason() {
    let broker = TestBroker::populated().await;
    let doctor = clinician();
    for asker in [police(), tracer(), parish_officer()] {
        denied(broker.breaks(&asker, use_for(&asker, ISOLATING)).await);
        assert_eq!(broker.why_denied().await, "nothing_granted");
    }
    let unbound = pb::BreakGlassRequest { acknowledged: String::new(), ..use_for(&doctor, ISOLATING) };
    denied(broker.breaks(&doctor, unbound).await);
    for reason in [String::new(), "a\nb".to_owned(), format!("about {FREE}"), "r".repeat(201)] {
        let request = pb::BreakGlassRequest { reason, ..use_for(&doctor, ISOLATING) };
        let status = broker.breaks(&doctor, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with("`reason`"), "{}", status.message());
    }
    let now = broker.deployment.clock.now();
    let request = doctor.request(&broker.deployment, use_for(&doctor, ISOLATING));
    broker.deployment.clock.set(now + SignedDuration::from_secs(121));
    let status = broker.glass().break_glass(request).await.err().unwrap();
    assert_eq!((status.code(), broker.why_denied().await.as_str()), (Code::PermissionDenied, "step_up"));
    let request = doctor.request(&broker.deployment, use_for(&doctor, ISOLATING));
    broker.deployment.clock.set(now + SignedDuration::from_secs(241));
    broker.glass().break_glass(request).await.unwrap();
    broker.finish().await;
}

/// What binds everybody binds who breaks glass too: restriction, red lines, a dataset that its owner has withdrawn.
#[tokio::test]
async fn glass_opens_nothing_that_is_out_of_reach_of_all() {
    let deployment = Deployment::new();
    let line = "\n[[red_line]]\nname = \"nobody writes to patients\"\nroles = [\"clinician\"]\nfields = [\"people.person.email\"]\n";
    deployment.append("policies/red-lines.toml", line);
    deployment.append("policies/policy.csv", "p, clinician, clinical_care, people.person.email, exists, deny\n");
    let cases = "policies/agreements/clinical-care.cases.toml";
    deployment.edit(cases, "expect.full = [\"people.person.email\", ", "expect.full = [");
    let broker = deployment.serve().await;
    broker.populate().await;
    let doctor = clinician();
    broker.breaks(&doctor, use_for(&doctor, ISOLATING)).await.unwrap();
    let told = broker.ask(&doctor, by_it(&doctor, ISOLATING)).await.unwrap();
    assert_eq!((told.cells(EMAIL).len(), told.cells(CATEGORY).len()), (0, 1));
    broker.restrict(ISOLATING).await;
    assert!(broker.ask(&doctor, by_it(&doctor, ISOLATING)).await.unwrap().answer.records.is_empty());
    broker.finish().await;
}

/// The data protection officer can be somebody who breaks glass; what that one did another one reviews.
#[tokio::test]
async fn nobody_reviews_what_they_did_themselves() {
    let deployment = Deployment::new();
    let doctor = clinician();
    let own = "organisation = \"government-of-jersey\"\ncaller = \"dpo@gov.je\"";
    let other = format!("organisation = \"{}\"\ncaller = \"{}\"", doctor.organisation, doctor.caller);
    deployment.edit("policies/approvers.toml", own, &other);
    let broker = deployment.serve().await;
    broker.populate().await;
    broker.breaks(&doctor, use_for(&doctor, ISOLATING)).await.unwrap();
    assert_eq!(broker.unreviewed("data-protection-officer").await.unwrap().len(), 1);
    denied(broker.reviewed("data-protection-officer", &doctor).await);
    assert_eq!(broker.unreviewed("data-protection-officer").await.unwrap().len(), 1);
    broker.finish().await;
}
