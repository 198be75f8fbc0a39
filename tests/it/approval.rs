//! Agreements are in force by what their approvers signed, and by nothing else.

mod again;
mod last;
mod rules;

use crate::harness::*;
use disown::{
    approval::{Act, Deed, Matter},
    clock::Clock,
};
use jiff::{ToSpan, tz::TimeZone};
use sha2::{Digest, Sha256};
use std::fs;
use tonic::{Code, Status};

/// Everybody whom an agreement of the police about isolation needs.
const ALL: [&str; 5] =
    ["chief-officer", "superintendent", "registrar", "director-of-public-health", "data-protection-officer"];

fn story() -> Matter {
    agreement("sojp-story")
}

/// The police, under the new agreement.
fn officer() -> Asker {
    let mut officer = police();
    officer.terms.2 = "sojp-story".to_owned();
    officer
}

/// A deployment in which people alone approve, with an agreement that nobody has approved, of which the text may be changed.
async fn with_a_draft(change: impl Fn(String) -> String) -> Deployment {
    let broker = TestBroker::populated().await;
    let deployment = broker.stop().await;
    deployment.approved_by_people_alone();
    for file in ["toml", "cases.toml"] {
        let text = fs::read_to_string(deployment.path(&format!("policies/agreements/sojp-isolation.{file}"))).unwrap();
        let text = change(text.replace("id = \"sojp-isolation\"", "id = \"sojp-story\""));
        fs::write(deployment.path(&format!("policies/agreements/sojp-story.{file}")), text).unwrap();
    }
    deployment
}

fn version_of(deployment: &Deployment, id: &str) -> String {
    let text = fs::read(deployment.path(&format!("policies/agreements/{id}.toml"))).unwrap();
    hex::encode(Sha256::digest(text))
}

async fn denied(broker: &TestBroker, asker: &Asker) {
    let (code, message) = broker.refused(asker, asker.question(ISOLATING)).await;
    assert_eq!((code, message.as_str()), (Code::PermissionDenied, "permission denied"));
}

async fn answered(broker: &TestBroker, asker: &Asker) -> Told {
    let told = broker.told(asker, ISOLATING).await;
    assert_eq!(told.cells("people.person.given_name"), ["full:Marie"]);
    told
}

/// Why the last refusal was one, as the access log has it.
async fn why(broker: &TestBroker) -> String {
    let entries = broker.entries().await;
    let mut denials = entries.iter().filter(|(_, actor, _)| actor["kind"] == "denial");
    denials.next_back().unwrap().1["refusal"].as_str().unwrap().to_owned()
}

fn told<T>(outcome: Result<T, Status>) -> (Code, String) {
    let Err(status) = outcome else { panic!("it was taken") };
    (status.code(), status.message().to_owned())
}

#[tokio::test]
async fn an_agreement_is_in_force_from_its_last_approval_to_its_first_suspension() {
    let deployment = with_a_draft(|text| text).await;
    let agreement = "policies/agreements/sojp-story.toml";
    deployment.edit(agreement, "caller_per_day = 60", "caller_per_day = 2");
    let version = version_of(&deployment, "sojp-story");
    let broker = deployment.serve().await;
    let (story, officer) = (story(), officer());
    assert_eq!(broker.standing("superintendent", &story).await.standing, "draft");
    denied(&broker, &officer).await;
    assert_eq!(why(&broker).await, "not_in_force");
    // What was approved before is in force as it was.
    answered(&broker, &police()).await;

    broker.act("registrar", &story, Deed::Propose(version.clone())).await;
    let lacks = [
        "the approval of two people of its parties",
        "the approval of the owner of `people`",
        "the approval of the owner of `public_health`",
        "the approval of the data protection officer",
    ];
    assert_eq!(broker.standing("registrar", &story).await.proposal.unwrap().missing, lacks);
    for name in ALL {
        let now = broker.standing(name, &story).await;
        assert_eq!((now.standing.as_str(), now.in_force), ("proposed", false));
        denied(&broker, &officer).await;
        broker.act(name, &story, Deed::Approve(version.clone())).await;
    }
    let now = broker.standing("registrar", &story).await;
    assert_eq!((now.standing.as_str(), now.in_force, now.approved_version), ("approved", true, version.clone()));
    assert_eq!(answered(&broker, &officer).await.actor()["agreement_version"], version.as_str());

    // The same request in every way that its terms do not have.
    let mut other = officer.clone();
    other.organisation = "parish-of-st-helier".to_owned();
    denied(&broker, &other).await;
    let mut other = officer.clone();
    other.terms.1 = "contact_tracing".to_owned();
    denied(&broker, &other).await;
    let mut other = officer.clone();
    other.terms.3 = String::new();
    denied(&broker, &other).await;
    // A second subject is within the limit, a third is above it, and the first two are not.
    broker.told(&officer, NOBODY).await;
    assert_eq!(broker.refused(&officer, officer.question(FREE)).await.0, Code::PermissionDenied);
    assert_eq!(why(&broker).await, "limit");
    answered(&broker, &officer).await;

    let receipt = broker.act("data-protection-officer", &story, Deed::Suspend).await;
    let actor: serde_json::Value = serde_json::from_slice(&receipt.actor_part).unwrap();
    assert_eq!(actor["caller"], "dpo@gov.je");
    assert_eq!(actor["event"], "agreement:sojp-story, act 7: suspend by data-protection-officer: as agreed");
    denied(&broker, &officer).await;
    assert_eq!(broker.standing("registrar", &story).await.standing, "suspended");
    // It comes back as it came, from the beginning.
    broker.agree("sojp-story", &ALL[..4]).await;
    denied(&broker, &officer).await;
    broker.act(ALL[4], &story, Deed::Approve(version.clone())).await;
    answered(&broker, &officer).await;

    // Approvals are in the store, and so they stand when a broker starts.
    let broker = broker.stop().await.serve().await;
    answered(&broker, &officer).await;
    broker.act("superintendent", &story, Deed::Terminate).await;
    denied(&broker, &officer).await;
    let proposing = broker.try_act("registrar", &story, Deed::Propose(version)).await;
    let over = "`agreement`: one that is not terminated";
    assert_eq!(told(proposing), (Code::InvalidArgument, over.to_owned()));
    broker.finish().await;
}

#[tokio::test]
async fn an_agreement_holds_from_its_first_second_to_its_last() {
    let zone = TimeZone::get("Europe/Jersey").unwrap();
    let begins = today().saturating_add(1.day());
    let ends = begins.saturating_add(5.days());
    let valid = format!("valid = {{ from = {begins}, until = {ends}, review = {ends} }}");
    let dated = |text: String| {
        text.lines()
            .map(|line| if line.starts_with("valid = ") { valid.as_str() } else { line }.to_owned() + "\n")
            .collect()
    };
    let broker = with_a_draft(dated).await.serve().await;
    broker.agree("sojp-story", &ALL).await;
    let second = 1.second();
    for (day, before, after) in [(begins, false, true), (ends, true, false)] {
        let midnight = day.to_zoned(zone.clone()).unwrap().timestamp();
        for (at, answers) in [(midnight - second, before), (midnight, after)] {
            broker.deployment.clock.set(at);
            assert_eq!(broker.deployment.clock.now(), at);
            assert_eq!(broker.standing("registrar", &story()).await.in_force, answers);
            if answers {
                answered(&broker, &officer()).await;
            } else {
                denied(&broker, &officer()).await;
                assert_eq!(why(&broker).await, "not_in_force");
            }
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_file_that_was_changed_has_no_effect_until_it_is_approved() {
    let deployment = with_a_draft(|text| text).await;
    let broker = deployment.serve().await;
    broker.agree("sojp-story", &ALL).await;
    let deployment = broker.stop().await;
    let first = version_of(&deployment, "sojp-story");
    deployment.edit(
        "policies/agreements/sojp-story.toml",
        "\"people.person.date_of_birth\" = \"coarse\"",
        "\"people.person.email\" = \"full\"",
    );
    let case = "[[case]]\nname = \"nobody else\"\ncaller = { organisation = \"x\", role = \"clinician\" }\npurpose = \"isolation_enforcement\"\nexpect.denied = true\n";
    fs::write(deployment.path("policies/agreements/sojp-story.cases.toml"), case).unwrap();
    let second = version_of(&deployment, "sojp-story");
    let broker = deployment.serve().await;
    let told = answered(&broker, &officer()).await;
    assert_eq!(told.cells("people.person.date_of_birth").len(), 1, "what was approved stays in force");
    assert_eq!(told.actor()["agreement_version"], first.as_str());
    let now = broker.standing("registrar", &story()).await;
    assert_eq!((now.standing.as_str(), now.approved_version.as_str()), ("approved", first.as_str()));
    assert_eq!(now.file_version, second);
    assert!(now.text.contains("date_of_birth"), "the text that is in force can be read");

    broker.agree("sojp-story", &ALL).await;
    let told = answered(&broker, &officer()).await;
    assert_eq!(told.cells("people.person.date_of_birth").len(), 0);
    assert_eq!(told.actor()["agreement_version"], second.as_str());
    broker.finish().await;
}

#[tokio::test]
async fn an_owner_takes_a_dataset_out_of_one_agreement_or_of_all_at_once() {
    let broker = TestBroker::populated().await;
    let (one, all) = (agreement("clinical-care"), dataset("clinical"));
    let clinical = || Deed::Withdraw("clinical".try_into().unwrap());
    let (clinician, tracer) = (clinician(), tracer());
    let sees = async |asker: &Asker, field: &str| broker.told(asker, ISOLATING).await.cells(field).len();
    assert!(sees(&clinician, "clinical.condition.code").await > 0);
    assert!(sees(&tracer, "clinical.test_result.value").await > 0);
    // Nobody but its owner.
    for name in ["registrar", "chief-officer", "data-protection-officer"] {
        assert_eq!(told(broker.try_act(name, &one, clinical()).await).0, Code::PermissionDenied, "{name}");
    }
    broker.act("medical-director", &one, clinical()).await;
    assert_eq!(sees(&clinician, "clinical.condition.code").await, 0);
    assert_eq!(sees(&clinician, "people.person.given_name").await, 1);
    assert!(sees(&tracer, "clinical.test_result.value").await > 0);
    broker.act("medical-director", &one, Deed::Restore("clinical".try_into().unwrap())).await;
    assert!(sees(&clinician, "clinical.condition.code").await > 0);
    broker.act("medical-director", &all, clinical()).await;
    assert_eq!(sees(&clinician, "clinical.condition.code").await, 0);
    assert_eq!(sees(&tracer, "clinical.test_result.value").await, 0);
    // Where the condition looks at a dataset that may not be used nobody can tell whom the agreement covers.
    answered(&broker, &police()).await;
    broker
        .act(
            "director-of-public-health",
            &dataset("public_health"),
            Deed::Withdraw("public_health".try_into().unwrap()),
        )
        .await;
    denied(&broker, &police()).await;
    broker.finish().await;
}

#[tokio::test]
async fn what_is_not_signed_by_its_approver_in_its_place_is_no_approval() {
    let deployment = with_a_draft(|text| text).await;
    let version = version_of(&deployment, "sojp-story");
    let broker = deployment.serve().await;
    let story = story();
    broker.act("registrar", &story, Deed::Propose(version.clone())).await;
    let superintendent = broker.deployment.approver("superintendent");
    let good = broker.deployment.signed("superintendent", (&story, 2), Deed::Approve(version.clone()));
    let by = |name: &str, act: &Act| Act {
        signature: broker.deployment.signed(name, (&act.matter, act.number), act.deed.clone()).signature,
        ..act.clone()
    };
    let signature = "`signature`: the approver's own, of exactly this act for this access log";
    let version_rule = "`version`: SHA-256 of a text that the broker has: it reads its policy folder on SIGHUP";
    let number = "`number`: the number of the next act: another one was first, look at it again";
    for (act, rule) in [
        (by("chief-officer", &good), signature),
        (Act { reason: "as agreed, and more".to_owned(), ..good.clone() }, signature),
        (Act { deed: Deed::Approve(version.clone()), number: 3, ..good.clone() }, number),
        (Act { number: 1, ..good.clone() }, number),
        (Act { signature: [0; 64], ..good.clone() }, signature),
        (Act { matter: agreement("sojp-isolation"), ..good.clone() }, version_rule),
        (
            Act { reason: "two\nlines".to_owned(), ..good.clone() },
            "`reason`: one line of 1 to 500 characters, without a subject identifier",
        ),
        (
            Act { reason: format!("about {ISOLATING}"), ..good.clone() },
            "`reason`: one line of 1 to 500 characters, without a subject identifier",
        ),
    ] {
        let refused = told(broker.send_act(&superintendent, act_request(&act)).await);
        assert_eq!(refused, (Code::InvalidArgument, rule.to_owned()), "{act:?}");
    }
    // Another version than the one proposed, and one that nobody has.
    let old = version_of(&broker.deployment, "sojp-isolation");
    for unknown in [old, "0".repeat(64)] {
        let refused = told(broker.try_act("superintendent", &story, Deed::Approve(unknown)).await);
        assert_eq!(refused.0, Code::InvalidArgument);
        assert!(refused.1.starts_with("`version`: "), "{}", refused.1);
    }
    // Somebody without a say in it, and somebody who is no approver.
    for name in ["medical-director", "hospitality", "information-commissioner"] {
        let refused = told(broker.try_act(name, &story, Deed::Approve(version.clone())).await);
        assert_eq!(refused.0, Code::PermissionDenied, "{name}");
    }
    assert_eq!(told(broker.send_act(&police(), act_request(&good)).await).0, Code::PermissionDenied);
    assert_eq!(why(&broker).await, "approver");
    // The good one is taken once, and by the same person never again.
    broker.send_act(&superintendent, act_request(&good)).await.unwrap();
    assert_eq!(
        told(broker.send_act(&superintendent, act_request(&good)).await),
        (Code::InvalidArgument, number.to_owned())
    );
    let again = told(broker.try_act("superintendent", &story, Deed::Approve(version)).await);
    assert_eq!(again, (Code::InvalidArgument, "`deed`: one that has not been done already".to_owned()));
    broker.finish().await;
}

#[tokio::test]
async fn where_the_regulator_has_to_see_an_agreement_it_waits_for_that() {
    let seen = |text: String| text.replace("regime = ", "seen_by_regulator = true\nregime = ");
    let broker = with_a_draft(seen).await.serve().await;
    let version = version_of(&broker.deployment, "sojp-story");
    broker.agree("sojp-story", &ALL).await;
    let now = broker.standing("information-commissioner", &story()).await;
    assert_eq!(now.proposal.unwrap().missing, ["that the regulator has seen it"]);
    assert!(now.text.contains("seen_by_regulator = true"), "the regulator reads what is proposed");
    denied(&broker, &officer()).await;
    assert_eq!(told(broker.try_act("registrar", &story(), Deed::See(version.clone())).await).0, Code::PermissionDenied);
    broker.act("information-commissioner", &story(), Deed::See(version)).await;
    answered(&broker, &officer()).await;
    broker.finish().await;
}

#[tokio::test]
async fn two_people_of_one_party_are_not_two_parties() {
    let broker = with_a_draft(|text| text).await.serve().await;
    let version = version_of(&broker.deployment, "sojp-story");
    broker
        .agree("sojp-story", &["chief-officer", "registrar", "director-of-public-health", "data-protection-officer"])
        .await;
    let missing = broker.standing("registrar", &story()).await.proposal.unwrap().missing;
    assert_eq!(missing, ["the approval of a second party"]);
    denied(&broker, &officer()).await;
    broker.act("superintendent", &story(), Deed::Approve(version)).await;
    answered(&broker, &officer()).await;
    broker.finish().await;
}

#[tokio::test]
async fn whose_time_as_an_approver_is_over_approves_no_more_and_what_was_approved_stands() {
    let broker = with_a_draft(|text| text).await.serve().await;
    let version = version_of(&broker.deployment, "sojp-story");
    broker.act("superintendent", &story(), Deed::Propose(version.clone())).await;
    broker.act("superintendent", &story(), Deed::Approve(version.clone())).await;
    let deployment = broker.stop().await;
    let yesterday = today().saturating_sub(1.day());
    let heading = "[approvers.superintendent]\n";
    deployment.edit("policies/approvers.toml", heading, &format!("{heading}until = {yesterday}\n"));
    let broker = deployment.serve().await;
    broker.approve_policy().await;
    assert_eq!(
        told(
            broker
                .send_act(
                    &broker.deployment.approver("superintendent"),
                    act_request(&broker.deployment.signed("superintendent", (&story(), 3), Deed::Suspend))
                )
                .await
        )
        .0,
        Code::PermissionDenied
    );
    for name in ["registrar", "director-of-public-health", "data-protection-officer", "chief-officer"] {
        broker.act(name, &story(), Deed::Approve(version.clone())).await;
    }
    answered(&broker, &officer()).await;
    broker.finish().await;
}

/// An approval counts by the key that its approver has under the policy in force, on a broker that runs as after a start.
#[tokio::test]
async fn what_was_signed_with_a_key_that_another_policy_gives_to_nobody_counts_no_more() {
    let broker = with_a_draft(|text| text).await.serve().await;
    broker.agree("sojp-story", &ALL).await;
    answered(&broker, &officer()).await;
    let text = fs::read_to_string(broker.deployment.path("policies/approvers.toml")).unwrap();
    let key_of = |name: &str| {
        let section = text.split_once(&format!("[approvers.{name}]\n")).unwrap().1;
        section.lines().find(|line| line.starts_with("key = ")).unwrap().to_owned()
    };
    let (signed, other) = (key_of("superintendent"), key_of("greffier"));
    let swapped = text.replace(&signed, "its key").replace(&other, &signed).replace("its key", &other);
    fs::write(broker.deployment.path("policies/approvers.toml"), swapped).unwrap();
    broker.approve_policy().await;
    denied(&broker, &officer()).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_review_that_is_overdue_is_told_and_blocks_after_its_days_of_grace() {
    let due = today().saturating_add(1.day());
    let until = today().saturating_add(200.days());
    let valid = format!("valid = {{ from = {}, until = {until}, review = {due}, grace_days = 2 }}", today());
    let dated = |text: String| {
        let line = |line: &str| if line.starts_with("valid = ") { valid.as_str() } else { line }.to_owned() + "\n";
        text.lines().map(line).collect()
    };
    let broker = with_a_draft(dated).await.serve().await;
    broker.agree("sojp-story", &ALL).await;
    let noon = |days: i64| {
        let day = due.saturating_add(days.days()).to_zoned(TimeZone::get("Europe/Jersey").unwrap()).unwrap();
        day.saturating_add(12.hours()).timestamp()
    };
    for (days, overdue, in_force) in [(0, false, true), (1, true, true), (2, true, true), (3, true, false)] {
        broker.deployment.clock.set(noon(days));
        let now = broker.standing("registrar", &story()).await;
        assert_eq!((now.review_overdue, now.in_force), (overdue, in_force), "{days}");
        if in_force {
            answered(&broker, &officer()).await;
        } else {
            denied(&broker, &officer()).await;
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn what_goes_to_another_jurisdiction_is_recorded_with_its_ground() {
    let abroad = |text: String| {
        text + "\n[transfer]\nparties = [\"states-of-jersey-police\"]\njurisdiction = \"GG\"\nground = \"safeguards_in_instrument\"\n\
            justification = \"Memorandum of understanding of 4 May, article 6\"\n"
    };
    // Of the agreement alone: its cases are another file.
    let deployment = with_a_draft(|text| text).await;
    let file = deployment.path("policies/agreements/sojp-story.toml");
    fs::write(&file, abroad(fs::read_to_string(&file).unwrap())).unwrap();
    let broker = deployment.serve().await;
    broker.agree("sojp-story", &ALL).await;
    assert_eq!(answered(&broker, &officer()).await.actor()["transfer"], "GG safeguards_in_instrument");
    assert!(answered(&broker, &police()).await.actor().get("transfer").is_none());
    broker.finish().await;
}

#[tokio::test]
async fn the_owner_of_each_dataset_that_an_agreement_touches_has_to_agree() {
    let broker = with_a_draft(|text| text).await.serve().await;
    let version = version_of(&broker.deployment, "sojp-story");
    broker.agree("sojp-story", &["chief-officer", "superintendent", "data-protection-officer"]).await;
    for (owner, of) in [("registrar", "people"), ("director-of-public-health", "public_health")] {
        let missing = broker.standing("registrar", &story()).await.proposal.unwrap().missing;
        assert_eq!(missing[0], format!("the approval of the owner of `{of}`"));
        denied(&broker, &officer()).await;
        broker.act(owner, &story(), Deed::Approve(version.clone())).await;
    }
    answered(&broker, &officer()).await;
    broker.finish().await;
}
