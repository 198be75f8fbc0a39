//! 4. Translate: the subject's identifier becomes a pseudonym in each dataset of the plan, and is gone.

use super::{Plan, Subject, Unanswered, subject_rules};
use crate::{
    access_log::{Appender, SubjectPart},
    clock::Clock,
    dataset::{Selection, catalogue::DatasetIndex},
    policy::{Grant, Refusal},
    pseudonym::{Handle, Keyring, KeyringError, Pseudonym},
};

/// A plan with the subject's pseudonyms. From here on nobody knows the identifier.
#[expect(missing_debug_implementations, reason = "holds pseudonyms")]
pub struct Addressed {
    pub(super) grant: Grant,
    pub(super) addresses: Vec<Address>,
    pub(super) handle: Handle,
    pub(super) subject: SubjectPart,
    /// What is held may not be used.
    pub(super) restricted: bool,
}

/// Where one dataset keeps the subject, and what is wanted of it. A store fetches by nothing else.
#[expect(missing_debug_implementations, reason = "holds a pseudonym")]
pub struct Address {
    pub(super) dataset: DatasetIndex,
    pseudonym: Pseudonym,
    selection: Selection,
}

impl Address {
    /// The subject, in this dataset.
    pub fn pseudonym(&self) -> &Pseudonym {
        &self.pseudonym
    }

    /// What is wanted.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }
}

/// Consumes the subject: its identifier is wiped when this returns.
#[tracing::instrument(skip_all)]
pub(super) async fn translate(
    plan: Plan,
    subject: Subject,
    keyring: &Keyring,
    log: &Appender,
    clock: &dyn Clock,
) -> Result<Addressed, Unanswered> {
    let Plan { mut grant, selections } = plan;
    let identifier = match subject {
        Subject::Identifier(identifier) => identifier,
        Subject::Handle(raw) => match keyring.open_handle(&raw, &grant.recipient).await {
            Ok(identifier) => identifier,
            Err(KeyringError::NotAHandle) => {
                return Err(Unanswered::Denied(grant.refuse(Refusal::Handle, SubjectPart::default())));
            }
            Err(error) => return Err(error.into()),
        },
    };
    let mut subject = log.about(&identifier).await?;
    if let Err(refusal) = subject_rules::hold(&mut grant, &identifier, &mut subject, keyring, log, clock).await {
        return Err(Unanswered::Denied(grant.refuse(refusal, subject)));
    }
    let handle = keyring.handle(&identifier, &grant.recipient).await?;
    subject.handle = Some(handle.as_str().to_owned());
    let restricted = grant.in_force.restricted.is_restricted(&keyring.restriction_name(&identifier).await);
    let mut addresses = Vec::with_capacity(selections.len());
    for (dataset, selection) in selections {
        let id = &grant.in_force.policy.catalogue.dataset(dataset).id;
        for pseudonym in keyring.pseudonymise(id, &[&identifier]).await? {
            addresses.push(Address { dataset, pseudonym, selection: selection.clone() });
        }
    }
    Ok(Addressed { grant, addresses, handle, subject, restricted })
}
