//! What was signed once is good once: in its place, for its text, and not after what was done since.

use super::*;
use disown::{app::AppError, control::ControlError, pb};

const FIRST_FIELD: &str = "\"people.person.date_of_birth\" = \"coarse\"";

/// The agreement is in force with its first text, and then with another one; the versions of both, and every act of the first.
async fn in_force_with_its_second_text() -> (TestBroker, [String; 2], Vec<pb::ActRequest>) {
    let broker = with_a_draft(|text| text).await.serve().await;
    let first = version_of(&broker.deployment, "sojp-story");
    let mut acts = Vec::new();
    let deeds = ALL.map(|name| (name, Deed::Approve(first.clone())));
    for (name, deed) in [(ALL[0], Deed::Propose(first.clone()))].into_iter().chain(deeds) {
        let act = broker.deployment.signed(name, (&story(), acts.len() as u64 + 1), deed);
        broker.send_act(&broker.deployment.approver(name), act_request(&act)).await.unwrap();
        acts.push(act_request(&act));
    }
    let deployment = broker.stop().await;
    deployment.edit("policies/agreements/sojp-story.toml", &format!("{FIRST_FIELD}\n"), "");
    let case = "[[case]]\nname = \"nobody else\"\ncaller = { organisation = \"x\", role = \"clinician\" }\npurpose = \"isolation_enforcement\"\nexpect.denied = true\n";
    fs::write(deployment.path("policies/agreements/sojp-story.cases.toml"), case).unwrap();
    let second = version_of(&deployment, "sojp-story");
    let broker = deployment.serve().await;
    broker.agree("sojp-story", &ALL).await;
    (broker, [first, second], acts)
}

/// The version under which somebody is answered.
async fn version(broker: &TestBroker) -> String {
    answered(broker, &officer()).await.actor()["agreement_version"].as_str().unwrap().to_owned()
}

/// Every act that put the first text in force, sent once more by who signed it, as it was and with the number that is next.
async fn replay(broker: &TestBroker, acts: &[pb::ActRequest]) {
    for (name, act) in [ALL[0]].iter().chain(&ALL).zip(acts) {
        let number = broker.standing(name, &story()).await.next_act;
        for renumbered in [act.number, number, number + 1] {
            let again = pb::ActRequest { number: renumbered, ..act.clone() };
            let (code, rule) = told(broker.send_act(&broker.deployment.approver(name), again).await);
            assert_eq!(code, Code::InvalidArgument);
            let expected = if renumbered == number { "`signature`: " } else { "`number`: " };
            assert!(rule.starts_with(expected), "{rule}");
        }
    }
}

#[tokio::test]
async fn an_older_text_comes_back_by_new_approvals_of_everybody_and_not_by_those_it_had() {
    let (broker, [first, second], acts) = in_force_with_its_second_text().await;
    assert_eq!(version(&broker).await, second);
    replay(&broker, &acts).await;
    broker.act("registrar", &story(), Deed::Propose(first.clone())).await;
    replay(&broker, &acts).await;
    for name in ALL {
        assert_eq!(version(&broker).await, second, "before the approval of {name}");
        broker.act(name, &story(), Deed::Approve(first.clone())).await;
    }
    assert_eq!(version(&broker).await, first);
    broker.finish().await;
}

#[tokio::test]
async fn what_was_approved_before_a_suspension_cannot_be_sent_again_after_it() {
    let (broker, [first, second], acts) = in_force_with_its_second_text().await;
    broker.act("data-protection-officer", &story(), Deed::Suspend).await;
    replay(&broker, &acts).await;
    for version in [first, second] {
        broker.act("registrar", &story(), Deed::Propose(version)).await;
        replay(&broker, &acts).await;
        denied(&broker, &officer()).await;
    }
    broker.finish().await;
}

#[tokio::test]
async fn an_act_that_is_signed_for_a_later_place_is_not_taken_before_it() {
    let broker = with_a_draft(|text| text).await.serve().await;
    let version = version_of(&broker.deployment, "sojp-story");
    broker.act("registrar", &story(), Deed::Propose(version.clone())).await;
    let early = broker.deployment.signed("superintendent", (&story(), 4), Deed::Approve(version.clone()));
    let superintendent = broker.deployment.approver("superintendent");
    let send = async || broker.send_act(&superintendent, act_request(&early)).await;
    for name in ["registrar", "chief-officer"] {
        assert!(told(send().await).1.starts_with("`number`: "));
        broker.act(name, &story(), Deed::Approve(version.clone())).await;
    }
    send().await.unwrap();
    assert_eq!(broker.standing("registrar", &story()).await.proposal.unwrap().approved_by.len(), 3);
    broker.finish().await;
}

/// Writes a row of its own into a place, as who can write to the database and sign nothing.
async fn take_place(deployment: &Deployment, number: u64) {
    let row = format!(
        "INSERT INTO act SELECT matter, {number}, (SELECT max(number) FROM epoch), deed, object, approver, reason, signature FROM act \
         WHERE matter = 'agreement:sojp-story' AND number = 1"
    );
    deployment.tamper(&row).await;
}

#[tokio::test]
async fn nobody_is_told_of_a_suspension_whose_place_was_taken_meanwhile() {
    let broker = with_a_draft(|text| text).await.serve().await;
    broker.agree("sojp-story", &ALL).await;
    let next = broker.standing("registrar", &story()).await.next_act;
    take_place(&broker.deployment, next).await;
    let suspended = broker.try_act("data-protection-officer", &story(), Deed::Suspend).await;
    assert_eq!(told(suspended).0, Code::Unavailable);
    // A start reads all that stands there.
    let mut deployment = broker.stop().await;
    assert!(matches!(deployment.build().await, Err(AppError::Control(ControlError::Altered(_)))));
}
