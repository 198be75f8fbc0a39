//! Approvers, and what they do.

use super::{Asker, Deployment, TestBroker, asker, clinician};
use disown::{
    approval::{Act, ApproverKey, Approvers, Deed, Matter},
    dataset::Catalogue,
    pb::{self, agreement_service_client::AgreementServiceClient},
    policy::{Policy, PolicyFiles},
};
use std::fs;
use tonic::Status;

impl Deployment {
    /// From now on nothing is approved but by its approvers.
    pub fn approved_by_people_alone(&self) {
        self.edit("disown.toml", "development_approvers = \"development-approvers\"\n", "");
    }

    /// An approver of the deployment, as a caller.
    pub fn approver(&self, name: &str) -> Asker {
        let catalogue = Catalogue::parse(&fs::read_to_string(self.path("policies/catalogue.toml")).unwrap()).unwrap();
        let text = fs::read_to_string(self.path("policies/approvers.toml")).unwrap();
        let approvers = Approvers::parse(&text, &catalogue).unwrap();
        let approver = approvers.get(&name.try_into().unwrap()).unwrap();
        asker(approver.caller.as_str(), approver.organisation.as_str(), "registrar", "", "", "")
    }

    /// The version of the policy that the folder has.
    pub async fn policy_version(&self) -> String {
        Policy::load(PolicyFiles::read(&self.path("policies")).unwrap()).await.unwrap().version
    }

    pub fn approver_key(&self, name: &str) -> ApproverKey {
        let pem = fs::read_to_string(self.path(&format!("development-approvers/{name}.pem"))).unwrap();
        ApproverKey::from_pem(&pem).unwrap()
    }

    /// A signed act of an approver.
    pub fn signed(&self, name: &str, (matter, number): (&Matter, u64), deed: Deed) -> Act {
        let (log, approver) = ("disown.example/test", name.try_into().unwrap());
        self.approver_key(name).sign(log, (matter.clone(), number), deed, approver, "as agreed".to_owned())
    }
}

pub fn agreement(id: &str) -> Matter {
    Matter::Agreement(id.try_into().unwrap())
}

pub fn dataset(id: &str) -> Matter {
    Matter::Dataset(id.try_into().unwrap())
}

/// An act as a message.
pub fn act_request(act: &Act) -> pb::ActRequest {
    act.into()
}

impl TestBroker {
    pub fn agreements(&self) -> AgreementServiceClient<tonic::transport::Channel> {
        AgreementServiceClient::new(self.channel.clone())
    }

    /// Sends an act as it is.
    pub async fn send_act(&self, caller: &Asker, request: pb::ActRequest) -> Result<pb::Receipt, Status> {
        let response = self.agreements().act(caller.request(&self.deployment, request)).await?;
        Ok(response.into_inner().receipt.unwrap())
    }

    /// Where a matter stands, as an approver sees it.
    pub async fn standing(&self, name: &str, matter: &Matter) -> pb::ShowAgreementResponse {
        let request = pb::ShowAgreementRequest::from(matter);
        let request = self.deployment.approver(name).request(&self.deployment, request);
        self.agreements().show_agreement(request).await.unwrap().into_inner()
    }

    /// An approver looks, signs, and acts.
    pub async fn try_act(&self, name: &str, matter: &Matter, deed: Deed) -> Result<pb::Receipt, Status> {
        let number = self.standing(name, matter).await.next_act;
        let act = self.deployment.signed(name, (matter, number), deed);
        self.send_act(&self.deployment.approver(name), act_request(&act)).await
    }

    /// The same; it must be taken.
    pub async fn act(&self, name: &str, matter: &Matter, deed: Deed) -> pb::Receipt {
        self.try_act(name, matter, deed).await.unwrap()
    }

    /// The policy of the folder is proposed and approved by all whom it needs, and in force when this returns.
    pub async fn approve_policy(&self) {
        const ALL: [&str; 4] =
            ["registrar", "medical-director", "director-of-public-health", "data-protection-officer"];
        let version = self.deployment.policy_version().await;
        self.act(ALL[0], &Matter::Policy, Deed::Propose(version.clone())).await;
        for name in ALL {
            self.act(name, &Matter::Policy, Deed::Approve(version.clone())).await;
        }
        self.reload.send_modify(|times| *times += 1);
        let asker = clinician();
        let in_force = async || {
            let request = pb::DescribeAccessRequest { terms: asker.pb_terms() };
            let described = self.access().describe_access(asker.request(&self.deployment, request)).await.unwrap();
            described.into_inner().policy_version
        };
        while in_force().await != version {}
    }

    /// The version that the policy folder has of an agreement is proposed and approved by these.
    pub async fn agree(&self, id: &str, names: &[&str]) {
        let matter = agreement(id);
        let version = self.standing(names[0], &matter).await.file_version;
        self.act(names[0], &matter, Deed::Propose(version.clone())).await;
        for name in names {
            self.act(name, &matter, Deed::Approve(version.clone())).await;
        }
    }
}
