//! A policy that nobody could ever amend is not put in force.

use super::rules::{ALL, RULES, STRICTER, approved_by_people};
use crate::harness::*;
use disown::{
    app::AppError,
    approval::{Deed, Matter},
    control::ControlError,
};

impl Deployment {
    /// In which people approve.
    fn by_approvers() -> Self {
        let deployment = Self::new();
        deployment.approved_by_people_alone();
        deployment
    }

    /// Takes the key of an approver out of the folder's list.
    fn without_key_of(&self, approver: &str) {
        let text = std::fs::read_to_string(self.path("policies/approvers.toml")).unwrap();
        let section = text.split_once(&format!("[approvers.{approver}]\n")).unwrap().1;
        let line = section.lines().find(|line| line.starts_with("key = ")).unwrap();
        self.edit("policies/approvers.toml", &format!("{line}\n"), "");
    }

    async fn is_refused_for(&mut self, lacks: &str) {
        let Err(error) = self.build().await else { panic!("started with a policy that lacks {lacks}") };
        assert!(matches!(&error, AppError::Control(ControlError::LastPolicy(_))), "{error}");
        let told = error.to_string();
        assert!(told.contains(lacks) && told.contains("`disownctl agreement key FILE`"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_policy_that_nobody_could_amend_is_refused_and_says_what_to_do() {
    for (approvers, lacks) in [
        (&["data-protection-officer"][..], "the approval of the data protection officer"),
        (&["medical-director"], "the approval of the owner of `clinical`"),
        (&["registrar", "chief-officer"], "the approval of the owner of `people`"),
    ] {
        let mut deployment = Deployment::by_approvers();
        for approver in approvers {
            deployment.without_key_of(approver);
        }
        deployment.is_refused_for(lacks).await;
        // Nothing was put in force by that: with the keys in it the same folder is the first policy.
        let whole = Deployment::by_approvers();
        std::fs::copy(whole.path("policies/approvers.toml"), deployment.path("policies/approvers.toml")).unwrap();
        deployment.serve().await.finish().await;
    }
    // As `init` lays it out, before anybody has made a key.
    let mut deployment = Deployment::by_approvers();
    std::fs::copy("policies/approvers.toml", deployment.path("policies/approvers.toml")).unwrap();
    deployment.is_refused_for("the approval of two people of its parties").await;
    // Whose time is over signs nothing either.
    let mut deployment = Deployment::by_approvers();
    let heading = "[approvers.medical-director]\n";
    deployment.edit(
        "policies/approvers.toml",
        heading,
        &format!("{heading}until = {}\n", today().yesterday().unwrap()),
    );
    deployment.is_refused_for("the approval of the owner of `clinical`").await;
}

/// Those who can still sign have approved it, and it would take the key from one of them.
#[tokio::test]
async fn a_later_policy_that_nobody_could_amend_stays_out_of_force_though_it_is_approved() {
    let deployment = approved_by_people().await;
    deployment.append(RULES, STRICTER);
    deployment.without_key_of("data-protection-officer");
    let version = deployment.policy_version().await;
    let broker = deployment.serve().await;
    broker.act("registrar", &Matter::Policy, Deed::Propose(version.clone())).await;
    for name in ALL {
        broker.act(name, &Matter::Policy, Deed::Approve(version.clone())).await;
    }
    broker.reloaded().await;
    assert!(broker.tells_the_phone().await, "the last policy is in force");
    let mut deployment = broker.stop().await;
    deployment.is_refused_for("the approval of the data protection officer").await;
}
