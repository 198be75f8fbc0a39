//! The only way in which law enforcement reaches clinical data: a warrant, for its subject, its case, its days and its uses.

use crate::{
    break_glass::{by_it, use_for},
    harness::*,
};
use disown::{
    approval::Deed,
    pb::{self, warrant_service_client::WarrantServiceClient},
};
use jiff::{ToSpan, tz::TimeZone};
use std::fs;
use tonic::{Code, Status, transport::Channel};

const CODE: &str = "clinical.condition.code";
const CASE: &str = "AB-2026-000123";

/// An agreement of the police that has clinical fields.
pub fn clinical_fields_for_the_police(deployment: &Deployment) {
    let text = fs::read_to_string(deployment.path("policies/agreements/sojp-isolation.toml")).unwrap();
    let text = text.replace("id = \"sojp-isolation\"", "id = \"sojp-warrants\"");
    let text: String =
        text.lines().filter(|line| !line.starts_with("condition")).map(|line| line.to_owned() + "\n").collect();
    let text = text
        .replace("[fields]\n", &format!("[fields]\n\"{CODE}\" = \"full\"\n\"clinical.condition.status\" = \"full\"\n"));
    fs::write(deployment.path("policies/agreements/sojp-warrants.toml"), text).unwrap();
    let cases = fs::read_to_string(deployment.path("policies/agreements/sojp-isolation.cases.toml")).unwrap();
    fs::write(deployment.path("policies/agreements/sojp-warrants.cases.toml"), cases).unwrap();
}

async fn with_clinical_fields() -> TestBroker {
    let deployment = Deployment::new();
    clinical_fields_for_the_police(&deployment);
    let broker = deployment.serve().await;
    broker.populate().await;
    broker
}

pub fn officer() -> Asker {
    let mut officer = police();
    officer.terms.2 = "sojp-warrants".to_owned();
    officer
}

pub fn document() -> pb::Warrant {
    pb::Warrant {
        court: "Royal Court of Jersey".to_owned(),
        reference: "2026/117".to_owned(),
        agreement: "sojp-warrants".to_owned(),
        case_reference: CASE.to_owned(),
        identifiers: vec![format!("jy:{ISOLATING}")],
        fields: vec![CODE.to_owned()],
        valid_from: today().to_string(),
        valid_until: today().saturating_add(1.day()).to_string(),
        uses: 2,
    }
}

impl TestBroker {
    pub fn warrants(&self) -> WarrantServiceClient<Channel> {
        WarrantServiceClient::new(self.channel.clone())
    }

    async fn register(&self, who: &str, warrant: pb::Warrant) -> Result<String, Status> {
        let request = pb::RegisterWarrantRequest { warrant: Some(warrant) };
        let response =
            self.warrants().register_warrant(self.deployment.approver(who).request(&self.deployment, request)).await?;
        Ok(response.into_inner().id)
    }

    async fn confirm(&self, who: &str, id: &str, warrant: pb::Warrant) -> Result<(), Status> {
        let request = pb::ConfirmWarrantRequest { id: id.to_owned(), warrant: Some(warrant) };
        self.warrants()
            .confirm_warrant(self.deployment.approver(who).request(&self.deployment, request))
            .await
            .map(drop)
    }

    async fn stands(&self, id: &str) -> (String, u64) {
        self.stands_for("greffier", id).await
    }

    async fn stands_for(&self, who: &str, id: &str) -> (String, u64) {
        let request = pb::ShowWarrantRequest { id: id.to_owned() };
        let request = self.deployment.approver(who).request(&self.deployment, request);
        let shown = self.warrants().show_warrant(request).await.unwrap().into_inner();
        (shown.standing, shown.used)
    }

    /// Twice, by two people: it is in force when this returns.
    pub async fn enter(&self, warrant: pb::Warrant) -> String {
        let id = self.register("greffier", warrant.clone()).await.unwrap();
        self.confirm("deputy-greffier", &id, warrant).await.unwrap();
        id
    }

    pub async fn under(&self, warrant: &str, asker: &Asker, number: &str) -> Result<Told, Status> {
        self.ask(asker, pb::QueryRequest { warrant: warrant.to_owned(), ..asker.question(number) }).await
    }

    /// Somebody is refused, for the warrant.
    async fn denied_under(&self, warrant: &str, asker: &Asker, number: &str) {
        let refused = self.under(warrant, asker, number).await.err().expect("it was answered");
        assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "permission denied"));
        let entries = self.entries().await;
        let last = entries.iter().rev().find(|(_, actor, _)| actor["kind"] == "denial").unwrap();
        assert_eq!(last.1["refusal"], "warrant");
    }
}

fn invalid<T>(outcome: Result<T, Status>) -> String {
    let Err(status) = outcome else { panic!("it was taken") };
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    status.message().to_owned()
}

fn denied<T>(outcome: Result<T, Status>) {
    assert_eq!(outcome.err().map(|status| status.code()), Some(Code::PermissionDenied));
}

#[tokio::test]
async fn a_clinical_field_is_shown_under_a_warrant_for_its_subject_and_until_its_uses_are_spent() {
    let broker = with_clinical_fields().await;
    let officer = officer();
    // Without one it is withheld, whatever the agreement has.
    assert!(broker.told(&officer, ISOLATING).await.cells(CODE).is_empty());
    let id = broker.register("greffier", document()).await.unwrap();
    broker.denied_under(&id, &officer, ISOLATING).await;
    denied(broker.confirm("greffier", &id, document()).await);
    broker.confirm("deputy-greffier", &id, document()).await.unwrap();

    for used in 1..=2 {
        assert_eq!(broker.stands(&id).await, ("confirmed".to_owned(), used - 1));
        let told = broker.under(&id, &officer, ISOLATING).await.unwrap();
        assert_eq!(told.cells(CODE), ["full:195967001"]);
        assert!(told.cells("clinical.condition.status").is_empty(), "the agreement has it and the warrant does not");
        assert_eq!(told.cells("people.person.family_name"), ["full:Le Brocq"]);
        assert_eq!((&told.actor()["warrant"], &told.actor()["warrant_use"]), (&id.as_str().into(), &used.into()));
        // Not for the next one, not for another case, not for another organisation; and that is no use of it.
        broker.denied_under(&id, &officer, FREE).await;
        let mut other = officer.clone();
        other.terms.3 = "AB-2026-000124".to_owned();
        broker.denied_under(&id, &other, ISOLATING).await;
        broker.denied_under(&id, &police(), ISOLATING).await;
    }
    assert_eq!(broker.stands(&id).await, ("spent".to_owned(), 2));
    broker.denied_under(&id, &officer, ISOLATING).await;
    broker.denied_under("w-0000000000000000", &officer, ISOLATING).await;
    // It is spent on every start, too.
    let broker = broker.stop().await.serve().await;
    broker.denied_under(&id, &officer, ISOLATING).await;
    assert!(broker.told(&officer, ISOLATING).await.cells(CODE).is_empty());
    broker.finish().await;
}

#[tokio::test]
async fn a_warrant_holds_on_its_days_until_it_is_revoked_and_with_its_agreement() {
    let broker = with_clinical_fields().await;
    let officer = officer();
    let mut long = document();
    long.uses = 100;
    let id = broker.register("greffier", long.clone()).await.unwrap();
    broker.confirm("deputy-greffier", &id, long).await.unwrap();
    let zone = TimeZone::get("Europe/Jersey").unwrap();
    let last = today().saturating_add(1.day());
    let midnight = last.saturating_add(1.day()).to_zoned(zone).unwrap().timestamp();
    let now = disown::clock::Clock::now(&*broker.deployment.clock);
    broker.under(&id, &officer, ISOLATING).await.unwrap();
    broker.deployment.clock.set(midnight - 1.second());
    broker.under(&id, &officer, ISOLATING).await.unwrap();
    broker.deployment.clock.set(midnight);
    broker.denied_under(&id, &officer, ISOLATING).await;
    assert_eq!(broker.stands(&id).await.0, "expired");
    broker.deployment.clock.set(now);

    // The owner of the clinical record can still take it out.
    broker.act("medical-director", &dataset("clinical"), Deed::Withdraw("clinical".try_into().unwrap())).await;
    assert!(broker.under(&id, &officer, ISOLATING).await.unwrap().cells(CODE).is_empty());
    broker.act("medical-director", &dataset("clinical"), Deed::Restore("clinical".try_into().unwrap())).await;
    assert_eq!(broker.under(&id, &officer, ISOLATING).await.unwrap().cells(CODE).len(), 1);
    let request = pb::RevokeWarrantRequest { id: id.clone() };
    let dpo = broker.deployment.approver("data-protection-officer");
    denied(broker.warrants().revoke_warrant(officer.request(&broker.deployment, request.clone())).await);
    broker.warrants().revoke_warrant(dpo.request(&broker.deployment, request)).await.unwrap();
    broker.denied_under(&id, &officer, ISOLATING).await;
    assert_eq!(broker.stands(&id).await.0, "revoked");
    broker.finish().await;
}

#[tokio::test]
async fn a_warrant_is_entered_twice_alike_or_has_no_effect() {
    let broker = with_clinical_fields().await;
    let id = broker.register("greffier", document()).await.unwrap();
    let changes: [fn(&mut pb::Warrant); 8] = [
        |one| one.court.push('s'),
        |one| one.reference = "2026/118".to_owned(),
        |one| one.case_reference = "AB-2026-000124".to_owned(),
        |one| one.identifiers = vec![format!("jy:{FREE}")],
        |one| one.identifiers.push(format!("jy:{FREE}")),
        |one| one.fields = vec!["clinical.condition.status".to_owned()],
        |one| one.valid_until = one.valid_from.clone(),
        |one| one.uses = 3,
    ];
    for change in changes {
        let mut other = document();
        change(&mut other);
        let told = invalid(broker.confirm("deputy-greffier", &id, other).await);
        assert_eq!(told, "`warrant`: in every part what was registered");
    }
    broker.confirm("deputy-greffier", &id, document()).await.unwrap();
    assert!(invalid(broker.confirm("deputy-greffier", &id, document()).await).starts_with("`id`: "));
    // What could never be used, or is no warrant.
    type Change = fn(&mut pb::Warrant);
    let wrong: [(Change, &str); 9] = [
        (|one| one.agreement = "none".to_owned(), "`agreement`"),
        (|one| one.fields = vec!["people.person.phone".to_owned()], "`fields`"),
        (|one| one.fields = vec!["clinical.test_result.value".to_owned()], "`fields`"),
        (|one| one.fields.clear(), "`fields`"),
        (|one| one.identifiers.clear(), "`identifiers`"),
        (|one| one.identifiers = vec!["jy:104729".to_owned()], "`identifier`"),
        (|one| one.reference = format!("about {ISOLATING}"), "`court, reference, case_reference`"),
        (|one| one.uses = 0, "`uses`"),
        (|one| one.valid_until = "2020-01-01".to_owned(), "`valid_from, valid_until`"),
    ];
    for (change, argument) in wrong {
        let mut other = document();
        change(&mut other);
        let told = invalid(broker.register("greffier", other).await);
        assert!(told.starts_with(argument), "{told}");
    }
    denied(broker.register("chief-officer", document()).await);
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_answers_are_given_than_a_warrant_has_uses() {
    let broker = with_clinical_fields().await;
    let id = broker.enter(document()).await;
    let officer = officer();
    let asking = futures_util::future::join_all((0..12).map(|_| broker.under(&id, &officer, ISOLATING))).await;
    let mut answered = asking.iter().filter(|told| told.is_ok()).count();
    // Those that came second were told to try again.
    for _ in 0..3 {
        if let Ok(told) = broker.under(&id, &officer, ISOLATING).await {
            assert_eq!(told.cells(CODE).len(), 1);
            answered += 1;
        }
    }
    assert_eq!(answered, 2);
    assert_eq!(broker.stands(&id).await, ("spent".to_owned(), 2));
    broker.finish().await;
}

/// Whoever keeps warrants is of no organisation that asks under them.
#[tokio::test]
async fn who_asks_under_a_warrant_neither_registers_nor_confirms_it() {
    let deployment = Deployment::new();
    clinical_fields_for_the_police(&deployment);
    let of = |who: &str, organisation: &str| {
        format!("organisation = \"{organisation}\"\ncaller = \"{who}@judicialgreffe.je\"")
    };
    let (greffe, police) = ("judicial-greffe", "states-of-jersey-police");
    deployment.edit("policies/approvers.toml", &of("greffier", greffe), &of("greffier", police));
    let broker = deployment.serve().await;
    denied(broker.register("greffier", document()).await);
    let id = broker.register("deputy-greffier", document()).await.unwrap();
    denied(broker.confirm("greffier", &id, document()).await);
    assert_eq!(broker.stands_for("deputy-greffier", &id).await, ("registered".to_owned(), 0));
    broker.finish().await;
}

/// Test results are not in the clinical dataset: their category says how far law enforcement reaches.
#[tokio::test]
async fn a_test_result_of_public_health_needs_a_warrant_as_a_clinical_field_does() {
    const RESULT: &str = "public_health.test_appointment.test_result";
    let deployment = Deployment::new();
    clinical_fields_for_the_police(&deployment);
    let agreement = "policies/agreements/sojp-warrants.toml";
    let clause = format!(
        "[break_glass]\nroles = [\"police_officer\"]\nminutes = 30\nfresh_seconds = 120\n[break_glass.fields]\n\"{RESULT}\" = \"full\"\n[views]"
    );
    deployment.edit(agreement, "[fields]\n", &format!("[fields]\n\"{RESULT}\" = \"full\"\n"));
    deployment.edit(agreement, "[views]", &clause);
    let broker = deployment.serve().await;
    broker.populate().await;
    let booked =
        [("record_id", "T1"), ("jy_number", ISOLATING), ("event_date", "2026-11-20"), ("test_result", "positive")];
    broker.put(&registrar(), "public_health.test_appointment", &booked).await.unwrap();
    let officer = officer();
    let withheld = |told: &Told| {
        let reason = told.answer.withheld.iter().find(|one| one.field == RESULT).map(|one| one.reason.clone());
        assert!(told.cells(RESULT).is_empty() && reason.as_deref() == Some("hard_rule"), "{reason:?}");
    };
    withheld(&broker.told(&officer, ISOLATING).await);
    broker.breaks(&officer, use_for(&officer, ISOLATING)).await.unwrap();
    withheld(&broker.ask(&officer, by_it(&officer, ISOLATING)).await.unwrap());
    let other = broker.enter(document()).await;
    withheld(&broker.under(&other, &officer, ISOLATING).await.unwrap());
    let own = broker.enter(pb::Warrant { fields: vec![RESULT.to_owned()], ..document() }).await;
    assert_eq!(broker.under(&own, &officer, ISOLATING).await.unwrap().cells(RESULT), ["full:positive"]);
    broker.denied_under(&own, &officer, FREE).await;
    // What is open needs none, and what is never reached can have none.
    for field in ["public_health.isolation.end_date", "public_health.test_appointment.source_id"] {
        let told =
            invalid(broker.register("greffier", pb::Warrant { fields: vec![field.to_owned()], ..document() }).await);
        assert!(told.starts_with("`fields`"), "{told}");
    }
    broker.finish().await;
}
