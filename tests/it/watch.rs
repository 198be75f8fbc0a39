//! Subjects that are watched (A67): whoever looks them up raises an alarm, and for a protected person and for itself needs a second
//! person.

use crate::harness::*;
use disown::{
    clock::Clock,
    pb::{self, WatchReason, watch_service_client::WatchServiceClient},
};
use jiff::ToSpan;
use serde_json::{Value, json};
use tonic::{Code, Status, transport::Channel};

const CASE: &str = "AB-2026-000123";

pub fn watch(number: &str, why: WatchReason) -> pb::Watch {
    pb::Watch { identifier: format!("jy:{number}"), why: why.into(), ..Default::default() }
}

fn own(number: &str, of: &Asker) -> pb::Watch {
    let (organisation, caller) = (of.organisation.clone(), of.caller.clone());
    pb::Watch { organisation, caller, ..watch(number, WatchReason::Own) }
}

/// A look-up by the police.
pub fn look_up(number: &str) -> pb::AllowLookUpRequest {
    pb::AllowLookUpRequest {
        identifier: format!("jy:{number}"),
        caller: police().caller,
        agreement: "sojp-isolation".to_owned(),
        case_reference: CASE.to_owned(),
        valid_until: today().to_string(),
        reason: "the subject reported a burglary".to_owned(),
    }
}

impl TestBroker {
    fn watches(&self) -> WatchServiceClient<Channel> {
        WatchServiceClient::new(self.channel.clone())
    }

    pub async fn watched(&self, watch: pb::Watch) -> Result<(), Status> {
        let request = pb::WatchSubjectRequest { watch: Some(watch) };
        let officer = self.deployment.approver("data-protection-officer");
        self.watches().watch_subject(officer.request(&self.deployment, request)).await.map(drop)
    }

    async fn unwatched(&self, watch: pb::Watch) -> Result<(), Status> {
        let request = pb::UnwatchSubjectRequest { watch: Some(watch) };
        let officer = self.deployment.approver("data-protection-officer");
        self.watches().unwatch_subject(officer.request(&self.deployment, request)).await.map(drop)
    }

    pub async fn allowed(&self, by: &str, look_up: pb::AllowLookUpRequest) -> Result<(), Status> {
        let by = self.deployment.approver(by);
        self.watches().allow_look_up(by.request(&self.deployment, look_up)).await.map(drop)
    }

    /// What the last entry of that kind says of its subject and of who asked.
    async fn last(&self, kind: &str) -> (Value, Value) {
        let entries = self.entries().await;
        let (_, actor, subject) = entries.into_iter().rfind(|(_, actor, _)| actor["kind"] == kind).unwrap();
        (actor, subject)
    }

    async fn needs_a_second_person(&self, asker: &Asker, number: &str, alarms: &[&str]) {
        let refused = self.refused(asker, asker.question(number)).await;
        assert_eq!(refused, (Code::PermissionDenied, "permission denied".to_owned()));
        let (actor, subject) = self.last("denial").await;
        assert_eq!((&actor["refusal"], &subject["alarms"]), (&json!("second_person"), &json!(alarms)));
    }

    async fn is_told(&self, asker: &Asker, number: &str, alarms: Value) -> Told {
        let told = self.told(asker, number).await;
        assert_eq!(self.last("release").await.1["alarms"], alarms);
        assert!(told.actor().get("alarms").is_none(), "an alarm is nothing for recipients");
        told
    }

    /// Entries that raised an alarm.
    async fn alarms(&self, alarm: &str) -> usize {
        let filter = pb::LogFilter { alarm: alarm.to_owned(), ..Default::default() };
        let request = pb::SearchRequest { terms: auditor().pb_terms(), filter: Some(filter), ..Default::default() };
        let mut pages = self.audit().search(auditor().request(&self.deployment, request)).await.unwrap().into_inner();
        let mut found = 0;
        while let Some(page) = pages.message().await.unwrap() {
            found += page.entries.len();
        }
        found
    }
}

#[tokio::test]
async fn a_honey_subject_is_nobody_and_whoever_asks_is_noticed() {
    let broker = TestBroker::populated().await;
    let before = broker.told(&police(), NOBODY).await;
    broker.watched(watch(NOBODY, WatchReason::Honey)).await.unwrap();
    // Nothing tells who asks.
    let after = broker.is_told(&police(), NOBODY, json!(["honey"])).await;
    assert_eq!(before.response.answer, after.response.answer);
    broker.is_told(&clinician(), NOBODY, json!(["honey"])).await;
    broker.is_told(&police(), FREE, Value::Null).await;
    assert_eq!((broker.alarms("honey").await, broker.alarms("any").await, broker.alarms("own").await), (2, 2, 0));
    broker.unwatched(watch(NOBODY, WatchReason::Honey)).await.unwrap();
    broker.is_told(&police(), NOBODY, Value::Null).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_protected_person_is_looked_up_once_where_a_second_person_allows_it() {
    let broker = TestBroker::populated().await;
    broker.watched(watch(ISOLATING, WatchReason::Protected)).await.unwrap();
    for asker in [police(), clinician()] {
        broker.needs_a_second_person(&asker, ISOLATING, &["protected"]).await;
    }
    broker.allowed("superintendent", look_up(ISOLATING)).await.unwrap();
    // Whom it is not for.
    broker.needs_a_second_person(&sergeant(), ISOLATING, &["protected"]).await;
    broker.needs_a_second_person(&clinician(), ISOLATING, &["protected"]).await;
    let mut other_case = police();
    other_case.terms.3 = "AB-2026-000124".to_owned();
    broker.needs_a_second_person(&other_case, ISOLATING, &["protected"]).await;
    let told = broker.is_told(&police(), ISOLATING, json!(["protected"])).await;
    assert!(!told.answer.records.is_empty());
    assert_eq!(told.actor()["second_person"], "superintendent");
    broker.needs_a_second_person(&police(), ISOLATING, &["protected"]).await;
    // It ends with its day, and outlives the broker.
    broker.allowed("superintendent", look_up(ISOLATING)).await.unwrap();
    let deployment = broker.stop().await;
    let broker = deployment.serve().await;
    let noon = broker.deployment.clock.now() + 24.hours();
    broker.deployment.clock.set(noon);
    broker.needs_a_second_person(&police(), ISOLATING, &["protected"]).await;
    broker.deployment.clock.set(noon - 24.hours());
    broker.is_told(&police(), ISOLATING, json!(["protected"])).await;
    broker.finish().await;
}

#[tokio::test]
async fn nobody_looks_itself_up_alone_and_a_colleague_is_noticed() {
    let broker = TestBroker::populated().await;
    broker.watched(own(FREE, &police())).await.unwrap();
    broker.needs_a_second_person(&police(), FREE, &["own"]).await;
    broker.is_told(&sergeant(), FREE, json!(["colleague"])).await;
    broker.is_told(&clinician(), FREE, Value::Null).await;
    let refused = broker.allowed("medical-director", look_up(FREE)).await;
    assert!(refused.is_ok(), "for somebody of its own organisation");
    broker.needs_a_second_person(&police(), FREE, &["own"]).await;
    broker.allowed("superintendent", look_up(FREE)).await.unwrap();
    broker.is_told(&police(), FREE, json!(["own"])).await;
    broker.needs_a_second_person(&police(), FREE, &["own"]).await;
    broker.finish().await;
}

/// A61: the second person is another one, and not the one it is about.
#[tokio::test]
async fn the_second_person_is_another_person_and_entitled() {
    let broker = TestBroker::populated().await;
    broker.watched(watch(ISOLATING, WatchReason::Protected)).await.unwrap();
    let superintendent = broker.deployment.approver("superintendent");
    for by in ["registrar", "data-protection-officer", "information-commissioner", "greffier"] {
        let refused = broker.allowed(by, look_up(ISOLATING)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{by}");
    }
    let invalid = |outcome: Result<(), Status>, argument: &str| {
        let status = outcome.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(&format!("`{argument}`")), "{}", status.message());
    };
    let itself = pb::AllowLookUpRequest { caller: superintendent.caller.clone(), ..look_up(ISOLATING) };
    invalid(broker.allowed("superintendent", itself).await, "caller");
    let yesterday = today().saturating_sub(1.day()).to_string();
    let over = pb::AllowLookUpRequest { valid_until: yesterday, ..look_up(ISOLATING) };
    invalid(broker.allowed("superintendent", over).await, "valid_until");
    let telling = pb::AllowLookUpRequest { reason: format!("about {FREE}"), ..look_up(ISOLATING) };
    invalid(broker.allowed("superintendent", telling).await, "reason");
    // Nobody allows a look-up of what is held on itself.
    broker.watched(own(ISOLATING, &superintendent)).await.unwrap();
    let refused = broker.allowed("superintendent", look_up(ISOLATING)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    broker.needs_a_second_person(&police(), ISOLATING, &["colleague", "protected"]).await;
    // Only the data protection officer says who is watched, and what it says changes something.
    let request = pb::WatchSubjectRequest { watch: Some(watch(FREE, WatchReason::Honey)) };
    let refused =
        broker.watches().watch_subject(superintendent.request(&broker.deployment, request)).await.err().unwrap();
    assert_eq!(refused.code(), Code::PermissionDenied);
    invalid(broker.watched(watch(ISOLATING, WatchReason::Protected)).await, "why");
    invalid(broker.unwatched(watch(FREE, WatchReason::Protected)).await, "why");
    invalid(broker.watched(pb::Watch { caller: "pc".to_owned(), ..watch(FREE, WatchReason::Honey) }).await, "why");
    invalid(broker.watched(watch(FREE, WatchReason::Own)).await, "why");
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leave_is_one_look_up_however_many_ask_at_once() {
    let broker = TestBroker::populated().await;
    broker.watched(watch(ISOLATING, WatchReason::Protected)).await.unwrap();
    broker.allowed("superintendent", look_up(ISOLATING)).await.unwrap();
    let asker = police();
    let asked = (0..20).map(|_| broker.ask(&asker, asker.question(ISOLATING)));
    let outcomes = futures_util::future::join_all(asked).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    broker.finish().await;
}

/// A row that takes the next place while brokers run keeps what comes from being recorded, and nothing is told; all else goes on.
#[tokio::test]
async fn a_place_that_is_taken_keeps_nobody_waiting() {
    let broker = TestBroker::populated().await;
    broker.watched(watch(ISOLATING, WatchReason::Protected)).await.unwrap();
    broker.allowed("superintendent", look_up(ISOLATING)).await.unwrap();
    let forged = "INSERT INTO event SELECT about, 3, epoch, what FROM event WHERE number = 2";
    broker.deployment.tamper(forged).await;
    let (code, _) = broker.refused(&police(), police().question(ISOLATING)).await;
    assert!(matches!(code, Code::Unavailable | Code::Internal), "{code:?}");
    broker.is_told(&clinician(), FREE, Value::Null).await;
    broker.finish().await;
}
