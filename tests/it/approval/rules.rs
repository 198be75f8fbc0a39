//! The policy itself, beside the agreements: what is edited in its folder counts when those whose data it opens have signed it (A46).

use crate::harness::*;
use disown::approval::{Deed, Matter};
use std::time::Duration;
use tonic::Code;

/// The owners of the datasets, who are two people of several parties, and the data protection officer.
pub(super) const ALL: [&str; 4] =
    ["registrar", "medical-director", "director-of-public-health", "data-protection-officer"];
const PHONE: &str = "people.person.phone";
pub(super) const RULES: &str = "policies/policy.csv";
/// Clinicians do not see how to reach a patient.
pub(super) const STRICTER: &str = "p, clinician, clinical_care, people.person.phone, exists, deny\n";

/// A deployment whose first policy is in force, and in which people alone approve from now on.
pub(super) async fn approved_by_people() -> Deployment {
    let broker = TestBroker::populated().await;
    let deployment = broker.stop().await;
    deployment.approved_by_people_alone();
    deployment
}

impl TestBroker {
    /// Whether clinicians are told the phone.
    pub(super) async fn tells_the_phone(&self) -> bool {
        !self.told(&clinician(), ISOLATING).await.cells(PHONE).is_empty()
    }

    pub(super) async fn reloaded(&self) {
        self.reload.send_modify(|times| *times += 1);
        // Long enough for a policy to be compiled, were it taken.
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
}

#[tokio::test]
async fn an_edited_policy_has_no_effect_until_it_is_approved() {
    let deployment = approved_by_people().await;
    deployment.append(RULES, STRICTER);
    let version = deployment.policy_version().await;
    // Neither by a start nor by a reload.
    let broker = deployment.serve().await;
    assert!(broker.tells_the_phone().await);
    broker.reloaded().await;
    assert!(broker.tells_the_phone().await);
    let refused = broker.try_act("superintendent", &Matter::Policy, Deed::Propose(version.clone())).await;
    assert_eq!(refused.err().unwrap().code(), Code::PermissionDenied, "who owns none of the data has no say");
    broker.act("registrar", &Matter::Policy, Deed::Propose(version.clone())).await;
    for (name, lacks) in ALL.iter().zip([5, 4, 2, 1]) {
        let missing = broker.standing("registrar", &Matter::Policy).await.proposal.unwrap().missing;
        assert_eq!(missing.len(), lacks, "{missing:?}");
        broker.reloaded().await;
        assert!(broker.tells_the_phone().await, "in force without {name}");
        broker.act(name, &Matter::Policy, Deed::Approve(version.clone())).await;
    }
    broker.reloaded().await;
    assert!(!broker.tells_the_phone().await);
    assert_eq!(broker.told(&clinician(), ISOLATING).await.actor()["policy_version"], version.as_str());
    let broker = broker.stop().await.serve().await;
    assert!(!broker.tells_the_phone().await);
    broker.finish().await;
}

/// A policy that was good once is not good for ever.
#[tokio::test]
async fn an_older_policy_comes_back_only_by_being_approved_anew() {
    let deployment = approved_by_people().await;
    let first = deployment.policy_version().await;
    deployment.append(RULES, STRICTER);
    let broker = deployment.serve().await;
    broker.approve_policy().await;
    assert!(!broker.tells_the_phone().await);
    broker.deployment.edit(RULES, STRICTER, "");
    assert_eq!(broker.deployment.policy_version().await, first);
    broker.reloaded().await;
    let broker = broker.stop().await.serve().await;
    assert!(!broker.tells_the_phone().await);
    broker.approve_policy().await;
    assert!(broker.tells_the_phone().await);
    broker.finish().await;
}

/// Who writes the folder writes the list of approvers too: those in force decide, not those in the folder.
#[tokio::test]
async fn approvers_of_ones_own_making_approve_nothing() {
    let deployment = approved_by_people().await;
    let forged = "\n[approvers.accomplice]\ntitle = \"Accomplice\"\norganisation = \"government-of-jersey\"\n\
                  caller = \"accomplice@gov.je\"\nparty = true\nowner_of = [\"people\", \"clinical\", \"public_health\"]\n";
    deployment.append("policies/approvers.toml", forged);
    deployment.append(RULES, STRICTER);
    let version = deployment.policy_version().await;
    let broker = deployment.serve().await;
    let mut accomplice = broker.deployment.approver("accomplice");
    accomplice.caller = "accomplice@gov.je".to_owned();
    let act = broker.deployment.signed("registrar", (&Matter::Policy, 1), Deed::Propose(version));
    let refused = broker.send_act(&accomplice, act_request(&act)).await.err().unwrap();
    assert_eq!(refused.code(), Code::PermissionDenied);
    broker.reloaded().await;
    assert!(broker.tells_the_phone().await);
    broker.finish().await;
}

#[tokio::test]
async fn a_policy_is_replaced_and_not_suspended() {
    let broker = approved_by_people().await.serve().await;
    for deed in [Deed::Suspend, Deed::Terminate, Deed::Withdraw("people".try_into().unwrap())] {
        let refused = broker.try_act("registrar", &Matter::Policy, deed).await.err().unwrap();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    broker.finish().await;
}
