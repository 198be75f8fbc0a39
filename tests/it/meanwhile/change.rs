//! What may change while somebody asks, and how to see that it did.

use crate::{
    harness::*,
    warrant::{document, officer},
};
use disown::{approval::Deed, pb};
use prost::Message;
use std::time::{Duration, Instant};
use tonic::{Code, Status};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    AgreementSuspended,
    DatasetWithdrawnFromIt,
    DatasetWithdrawnFromAll,
    SubjectRestricted,
    WarrantRevoked,
    PolicyReloaded,
}

pub const ALL: [Change; 6] = [
    Change::AgreementSuspended,
    Change::DatasetWithdrawnFromIt,
    Change::DatasetWithdrawnFromAll,
    Change::SubjectRestricted,
    Change::WarrantRevoked,
    Change::PolicyReloaded,
];

const AGREEMENT: &str = "clinical-care";
const CODE: &str = "clinical.condition.code";
const PHONE: &str = "people.person.phone";
const POLICY: &str = "policies/policy.csv";
const WITHOUT_PHONE: &str = "p, clinician, clinical_care, people.person.phone, exists, deny\n";
/// Of the agreement: those of its parties, the owners of its datasets, and the data protection officer.
const APPROVERS: [&str; 5] =
    ["chief-officer", "medical-director", "registrar", "director-of-public-health", "data-protection-officer"];

/// Somebody and the question that a change is about.
pub struct Affected {
    pub asker: Asker,
    pub question: pb::QueryRequest,
}

impl Change {
    /// Who is told something now and not after the change.
    pub async fn affects(self, broker: &TestBroker) -> Affected {
        let (asker, warrant) = match self {
            Change::WarrantRevoked => (officer(), broker.enter(document()).await),
            _ => (clinician(), String::new()),
        };
        let question = pb::QueryRequest { warrant, ..asker.question(ISOLATING) };
        Affected { asker, question }
    }

    /// When this returns, somebody has a receipt for it.
    pub async fn make(self, broker: &TestBroker, affected: &Affected) {
        let clinical = || Deed::Withdraw("clinical".try_into().unwrap());
        match self {
            Change::AgreementSuspended => {
                broker.act("data-protection-officer", &agreement(AGREEMENT), Deed::Suspend).await;
            }
            Change::DatasetWithdrawnFromIt => {
                broker.act("medical-director", &agreement(AGREEMENT), clinical()).await;
            }
            Change::DatasetWithdrawnFromAll => {
                broker.act("medical-director", &dataset("clinical"), clinical()).await;
            }
            Change::SubjectRestricted => {
                broker.restrict(ISOLATING).await;
            }
            Change::WarrantRevoked => {
                let request = pb::RevokeWarrantRequest { id: affected.question.warrant.clone() };
                let greffier = broker.deployment.approver("greffier");
                let revoke = || greffier.request(&broker.deployment, request.clone());
                // Another broker hears of the warrant in a while.
                until(async || broker.warrants().revoke_warrant(revoke()).await.is_ok()).await;
            }
            Change::PolicyReloaded => {
                broker.deployment.append(POLICY, WITHOUT_PHONE);
                reloaded(broker).await;
            }
        }
    }

    /// So that it can be made again. Whether it can be undone: the next question is under another warrant.
    pub async fn undo(self, broker: &TestBroker) -> bool {
        let clinical = || Deed::Restore("clinical".try_into().unwrap());
        match self {
            Change::AgreementSuspended => broker.agree(AGREEMENT, &APPROVERS).await,
            Change::DatasetWithdrawnFromIt => {
                broker.act("medical-director", &agreement(AGREEMENT), clinical()).await;
            }
            Change::DatasetWithdrawnFromAll => {
                broker.act("medical-director", &dataset("clinical"), clinical()).await;
            }
            Change::SubjectRestricted => lift(broker).await,
            Change::WarrantRevoked => return false,
            Change::PolicyReloaded => {
                broker.deployment.edit(POLICY, WITHOUT_PHONE, "");
                reloaded(broker).await;
            }
        }
        true
    }

    /// Whether somebody was told as before the change, or as after it: one of both it must be.
    pub fn is_after(self, outcome: &Result<Told, Status>) -> bool {
        let told = match outcome {
            Ok(told) => told,
            Err(status) => {
                assert_eq!(
                    (status.code(), status.message()),
                    (Code::PermissionDenied, "permission denied"),
                    "{self:?}"
                );
                assert!(matches!(self, Change::AgreementSuspended | Change::WarrantRevoked), "{self:?}: {status:?}");
                return true;
            }
        };
        let (clinical, phone) = (told.cells(CODE) == ["full:195967001"], told.cells(PHONE).len() == 1);
        let (names, records) = (told.cells("people.person.given_name") == ["full:Marie"], told.answer.records.len());
        let before = names && clinical && (phone || self == Change::WarrantRevoked);
        let after = match self {
            Change::AgreementSuspended | Change::WarrantRevoked => false,
            Change::DatasetWithdrawnFromIt | Change::DatasetWithdrawnFromAll => names && phone && !clinical,
            Change::SubjectRestricted => records == 0,
            Change::PolicyReloaded => names && clinical && !phone,
        };
        assert!(before != after, "{self:?}: neither as before it nor as after it");
        after
    }
}

/// Has the policy read anew, and waits until it is in force.
async fn reloaded(broker: &TestBroker) {
    let clinician = clinician();
    let version = async || {
        let request = pb::DescribeAccessRequest { terms: clinician.pb_terms() };
        let described = broker.access().describe_access(clinician.request(&broker.deployment, request)).await;
        described.unwrap().into_inner().policy_version
    };
    let (before, begun) = (version().await, Instant::now());
    broker.reload.send_modify(|count| *count += 1);
    while version().await == before {
        assert!(begun.elapsed() < Duration::from_secs(30), "the policy is not read anew");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Lifts whatever stands.
async fn lift(broker: &TestBroker) {
    let listed = broker.restrictions(&rights_officer(), ISOLATING).await.unwrap();
    for one in pb::Restrictions::decode(listed.answer.as_slice()).unwrap().in_force {
        broker.lift(ISOLATING, &one.id, &today().to_string()).await.unwrap();
    }
}
