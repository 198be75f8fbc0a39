//! What stands in the access log's database about what was in force, by epochs: the policy, what approvers did, whose data may not be used.

use super::{About, ControlError, may_follow};
use crate::{
    access_log::Reader,
    approval::{Histories, History},
    break_glass::Uses,
    ids::AgreementId,
    policy::{Agreed, Agreement, InForce, Policy, PolicyFiles},
    pseudonym::Keyring,
    warrant::Warrants,
    watch::Watched,
};
use jiff::civil::Date;
use std::{collections::BTreeSet, sync::Arc};

/// Knows what was in force in any epoch, and is now.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "may hold keys")]
pub struct Archive {
    /// Of the access log.
    pub reader: Reader,
    /// The access log's name, for which approvers sign.
    pub log: String,
    /// By which it is known that a broker recorded a warrant; none: what stands there is believed, by one who releases nothing.
    pub keyring: Option<Arc<Keyring>>,
}

/// What came of all events.
#[derive(Default)]
struct Happened {
    warrants: Arc<Warrants>,
    watched: Arc<Watched>,
    uses: Arc<Uses>,
}

impl Archive {
    /// What was in force in an epoch, or is in the last one; none where that is `before`, from which is taken what did not change.
    /// `offered` may be the policy that it names.
    pub async fn in_force(
        &self,
        epoch: Option<u64>,
        before: Option<&InForce>,
        offered: Option<Policy>,
    ) -> Result<Option<InForce>, ControlError> {
        let known = self.reader.in_force(epoch).await?;
        let Some(known) = known.filter(|known| before.is_none_or(|before| before.epoch != known.epoch)) else {
            return Ok(None);
        };
        let epoch = known.epoch;
        let files = known.files.ok_or(ControlError::NotArchived)?;
        let unchanged = before.filter(|before| before.policy.files_version() == files);
        let policy = match (offered, unchanged) {
            (Some(policy), _) if policy.files_version() == files => Arc::new(policy),
            (_, Some(before)) => before.policy.clone(),
            (_, None) => Arc::new(self.policy(&files).await?),
        };
        let restricted = Arc::new(self.reader.restricted(epoch).await?);
        let later = before.filter(|before| (1..epoch).contains(&before.epoch));
        let mut happened = later.map_or_else(Happened::default, |before| Happened {
            warrants: before.warrants.clone(),
            watched: before.watched.clone(),
            uses: before.uses.clone(),
        });
        self.take_in(&mut happened, later.map_or(0, |before| before.epoch), epoch).await?;
        let Happened { warrants, watched, uses } = happened;
        // Where the policy is the same, what approvers did since is all that is new; another policy may say otherwise who approves.
        let later = later.filter(|_| unchanged.is_some());
        let (after, mut histories) =
            later.map_or_else(Default::default, |before| (before.epoch, before.histories.clone()));
        let acts = self.reader.acts(after, epoch).await?;
        if let Some(before) = later.filter(|_| acts.is_empty()) {
            let agreed = before.agreed.clone();
            return Ok(Some(InForce { policy, agreed, histories, warrants, watched, uses, restricted, epoch }));
        }
        let known = Arc::make_mut(&mut histories);
        acts.into_iter().for_each(|act| known.add(act, &policy.approvers, &self.log));
        let agreed = self.agreed(&policy, &histories).await?;
        Ok(Some(InForce { policy, agreed, histories, warrants, watched, uses, restricted, epoch }))
    }

    /// The policy that a start goes by: the one of the folder where it is the first of this log or may follow the one in force, else the one
    /// in force.
    pub async fn admit(&self, offered: Policy) -> Result<Policy, ControlError> {
        let Some(known) = self.reader.in_force(None).await? else { return Ok(offered) };
        let files = known.files.ok_or(ControlError::NotArchived)?;
        if offered.files_version() == files {
            return Ok(offered);
        }
        let now = self.policy(&files).await?;
        if may_follow(&now, &self.histories(&now, known.epoch).await?, &offered) {
            return Ok(offered);
        }
        tracing::error!(
            version = offered.version,
            "the policy of the folder is not approved, and what is in force stays; `disown policy propose` and `approve` do that"
        );
        Ok(now)
    }

    /// A version of an agreement: as its file has it, or as it was kept.
    pub(crate) async fn version(
        &self,
        policy: &Policy,
        id: &AgreementId,
        version: &str,
    ) -> Result<Option<Arc<Agreement>>, ControlError> {
        if let Some(drafted) = policy.agreement(id.as_str()).filter(|drafted| drafted.version == version) {
            return Ok(Some(drafted.clone()));
        }
        let text = self.reader.archived(version, &format!("agreements/{id}")).await?;
        Ok(text.and_then(|text| policy.read_agreement(&text)).filter(|kept| kept.version == version).map(Arc::new))
    }

    /// The agreements in force: of each the last version that was approved, without what was withdrawn.
    async fn agreed(&self, policy: &Policy, histories: &Histories) -> Result<Agreed, ControlError> {
        let mut agreed = Agreed::new();
        for drafted in policy.agreements() {
            let id = &drafted.id;
            let approved = self.approved(policy, histories, id).await?;
            let withdrawn: BTreeSet<_> = histories.withdrawn(id).collect();
            let in_force = match approved {
                Some(approved) if !withdrawn.is_empty() => {
                    approved.without(&withdrawn, &policy.catalogue).map(Arc::new)
                }
                approved => approved,
            };
            agreed.extend(in_force.map(|agreement| (id.to_string(), agreement)));
        }
        Ok(agreed)
    }

    /// The version of an agreement that its approvers agreed to last.
    pub(crate) async fn approved(
        &self,
        policy: &Policy,
        histories: &Histories,
        id: &AgreementId,
    ) -> Result<Option<Arc<Agreement>>, ControlError> {
        for proposal in histories.of_agreement(id).into_iter().flat_map(History::proposals) {
            // One that this policy does not understand is not in force under it.
            let Some(agreement) = self.version(policy, id, &proposal.version).await? else { continue };
            if agreement.requirements(&policy.catalogue).missing(proposal, &policy.approvers).is_empty() {
                return Ok(Some(agreement));
            }
        }
        Ok(None)
    }

    /// What approvers did up to an epoch, as far as it holds under a policy.
    pub(super) async fn histories(&self, policy: &Policy, epoch: u64) -> Result<Histories, ControlError> {
        let mut histories = Histories::default();
        for act in self.reader.acts(0, epoch).await? {
            histories.add(act, &policy.approvers, &self.log);
        }
        Ok(histories)
    }

    /// Takes in what happened after one epoch, up to another.
    async fn take_in(&self, happened: &mut Happened, after: u64, until: u64) -> Result<(), ControlError> {
        let Happened { warrants, watched, uses } = happened;
        for event in self.reader.events(after, until).await? {
            let holds = match &self.keyring {
                Some(keyring) => event.is_sealed_by(keyring).await,
                None => true,
            };
            let fits = match &event.about {
                About::Warrant(id) => Arc::make_mut(warrants).take(id, event.number, event.what().filter(|_| holds)),
                About::Caller(organisation, caller) => {
                    let of = (organisation, caller);
                    Arc::make_mut(uses).take(of, event.number, event.what().filter(|_| holds))
                }
                About::Subject(name) => Arc::make_mut(watched).take(name, event.number, event.what().filter(|_| holds)),
            };
            if !fits {
                tracing::error!(number = event.number, "what stands about something does not hold");
            }
        }
        Ok(())
    }

    async fn policy(&self, version: &str) -> Result<Policy, ControlError> {
        let text = self.reader.archived(version, PolicyFiles::ARCHIVED_AS).await?.ok_or(ControlError::NotArchived)?;
        let policy = Policy::load(PolicyFiles::from_archive(&text).ok_or(ControlError::NotArchived)?).await?;
        // Who can write to the archive cannot put another text under a version.
        if policy.files_version() == version { Ok(policy) } else { Err(ControlError::NotArchived) }
    }
}

impl InForce {
    /// Tells whoever runs the broker of agreements that are not what their files say, or are to be reviewed.
    pub(super) fn tell(&self, today: Date) {
        for drafted in self.policy.agreements() {
            match self.agreement(drafted.id.as_str()) {
                None => {
                    tracing::warn!(agreement = %drafted.id, "an agreement is not approved, or was taken out of force")
                }
                Some(agreed) if agreed.version != drafted.version => {
                    tracing::warn!(agreement = %drafted.id, "an agreement's file is not what was approved, which stays in force");
                }
                Some(agreed) if agreed.review_overdue_on(today) => {
                    tracing::warn!(agreement = %drafted.id, "the review of an agreement is overdue; after its days of grace it is not in force");
                }
                Some(_) => {}
            }
        }
    }
}
