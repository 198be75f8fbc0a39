//! What stands in the access log's database about what was in force, by epochs: the policy, what approvers did, whose data may not be used.

use super::{About, ControlError, Restriction, can_be_amended, may_follow};
use crate::{
    access_log::{Epoch, NewEpoch, Reader, SealedEpoch},
    approval::{Act, Histories, History},
    break_glass::Uses,
    ids::AgreementId,
    policy::{Agreed, Agreement, InForce, Policy, PolicyFiles},
    pseudonym::{Keyring, RestrictionName},
    warrant::Warrants,
    watch::Watched,
};
use jiff::civil::Date;
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

/// So many epochs are read at once.
const AT_ONCE: u64 = 10_000;

/// Knows what was in force in any epoch, and is now.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "may hold keys")]
pub struct Archive {
    /// Of the access log.
    pub reader: Reader,
    /// The access log's name, for which approvers sign.
    pub log: String,
    /// By which it is known that brokers recorded what stands there; none: it is believed, by one who releases nothing.
    pub keyring: Option<Arc<Keyring>>,
}

/// What approvers did until an epoch, and the policy that was put in force.
pub(super) struct Recorded {
    pub(super) epoch: u64,
    /// SHA-256 of all files of the policy, hexadecimal.
    pub(super) files: String,
    acts: Vec<Act>,
}

/// What came of all epochs.
#[derive(Default)]
struct Happened {
    histories: Arc<Histories>,
    warrants: Arc<Warrants>,
    watched: Arc<Watched>,
    uses: Arc<Uses>,
    restricted: Arc<HashSet<RestrictionName>>,
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
        let Some(known) = known.filter(|known| before.is_none_or(|before| before.epoch() != known.epoch)) else {
            return Ok(None);
        };
        let files = known.files;
        let unchanged = before.filter(|before| before.policy.files_version() == files);
        let policy = match (offered, unchanged) {
            (Some(policy), _) if policy.files_version() == files => Arc::new(policy),
            (_, Some(before)) => before.policy.clone(),
            (_, None) => Arc::new(self.policy(&files).await?),
        };
        let later = before.filter(|before| (1..known.epoch).contains(&before.epoch()));
        let after = later.map_or_else(SealedEpoch::default, |before| before.epoch);
        let (mut now, mut has_acted) = (later.map_or_else(Happened::default, Happened::until), false);
        if unchanged.is_none() {
            // Another policy may say otherwise who approves.
            now.histories = Arc::new(now.histories.under(&policy.approvers, &self.log));
        }
        let mut of_policy = String::new();
        let take_in = |mut opened: NewEpoch| {
            has_acted |= !opened.acts.is_empty();
            of_policy = std::mem::take(&mut opened.files);
            now.take_in(opened, &policy, &self.log);
        };
        let epoch = self.opened(after, known.epoch, take_in).await?;
        // Which it is was read before it was known who had written that.
        if of_policy != files {
            return Err(ControlError::Altered(epoch.number));
        }
        let agreed = match later {
            Some(before) if unchanged.is_some() && !has_acted => before.agreed.clone(),
            _ => self.agreed(&policy, &now.histories).await?,
        };
        let Happened { histories, warrants, watched, uses, restricted } = now;
        Ok(Some(InForce { policy, agreed, histories, warrants, watched, uses, restricted, epoch }))
    }

    /// Takes in what the epochs after one opened, up to another, exactly as brokers recorded it, and gives the last of them. After an error
    /// nothing that was taken in counts.
    async fn opened(
        &self,
        after: SealedEpoch,
        until: u64,
        mut take_in: impl FnMut(NewEpoch) + Send,
    ) -> Result<SealedEpoch, ControlError> {
        let mut last = after;
        while last.number < until {
            let end = until.min(last.number + AT_ONCE);
            for Epoch { sealed, opened } in self.reader.epochs(last.number, end).await? {
                let expected = match &self.keyring {
                    Some(keyring) => last.then(&opened, keyring).await,
                    None => sealed,
                };
                if sealed != expected {
                    return Err(ControlError::Altered(sealed.number));
                }
                last = expected;
                take_in(opened);
            }
            if last.number != end {
                return Err(ControlError::Altered(end));
            }
        }
        Ok(last)
    }

    /// The policy that a start goes by: the one of the folder where it is the first of this log or may follow the one in force, else the one
    /// in force. One that could never be amended is not admitted.
    pub async fn admit(&self, offered: Policy, today: Date) -> Result<Policy, ControlError> {
        let Some(recorded) = self.recorded().await? else {
            can_be_amended(&offered, today)?;
            return Ok(offered);
        };
        if offered.files_version() == recorded.files {
            return Ok(offered);
        }
        let now = self.policy(&recorded.files).await?;
        if may_follow(&now, &recorded.histories(&now, &self.log), &offered) {
            can_be_amended(&offered, today)?;
            return Ok(offered);
        }
        tracing::error!(
            version = offered.version,
            "the policy of the folder is not approved, and what is in force stays; `disownctl policy propose` and `approve` do that"
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

    /// The agreements in force: of each the last version that was approved, without what was withdrawn; none whose condition a party of it
    /// could bring about.
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
        // What came together here was perhaps never looked at together. Nothing is read under it until it is mended.
        for gate in policy.own_gates(&agreed) {
            tracing::error!(agreement = gate.agreement, error = %gate, "an agreement is not in force");
            agreed.remove(&gate.agreement);
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

    /// What the last epoch comes to, whatever policy it is seen under; none: nothing was in force yet.
    pub(super) async fn recorded(&self) -> Result<Option<Recorded>, ControlError> {
        let Some(known) = self.reader.in_force(None).await? else { return Ok(None) };
        let mut recorded = Recorded { epoch: known.epoch, files: String::new(), acts: vec![] };
        let take_in = |opened: NewEpoch| {
            recorded.files = opened.files;
            recorded.acts.extend(opened.acts);
        };
        self.opened(SealedEpoch::default(), known.epoch, take_in).await?;
        Ok(Some(recorded))
    }

    async fn policy(&self, version: &str) -> Result<Policy, ControlError> {
        let text = self.reader.archived(version, PolicyFiles::ARCHIVED_AS).await?.ok_or(ControlError::NotArchived)?;
        let policy = Policy::load(PolicyFiles::from_archive(&text).ok_or(ControlError::NotArchived)?).await?;
        // Who can write to the archive cannot put another text under a version.
        if policy.files_version() == version { Ok(policy) } else { Err(ControlError::NotArchived) }
    }
}

impl Recorded {
    /// What approvers did, as far as it holds under a policy.
    pub(super) fn histories(&self, policy: &Policy, log: &str) -> Histories {
        let mut histories = Histories::default();
        for act in &self.acts {
            histories.add(act.clone(), &policy.approvers, log);
        }
        histories
    }
}

impl Happened {
    /// As it was when something was in force.
    fn until(before: &InForce) -> Self {
        let InForce { histories, warrants, watched, uses, restricted, .. } = before;
        Self {
            histories: histories.clone(),
            warrants: warrants.clone(),
            watched: watched.clone(),
            uses: uses.clone(),
            restricted: restricted.clone(),
        }
    }

    fn take_in(&mut self, opened: NewEpoch, policy: &Policy, log: &str) {
        for act in opened.acts {
            Arc::make_mut(&mut self.histories).add(act, &policy.approvers, log);
        }
        for event in opened.events {
            let number = event.number;
            let fits = match &event.about {
                About::Warrant(id) => Arc::make_mut(&mut self.warrants).take(id, number, event.what()),
                About::Caller(organisation, caller) => {
                    Arc::make_mut(&mut self.uses).take((organisation, caller), number, event.what())
                }
                About::Subject(name) => Arc::make_mut(&mut self.watched).take(name, number, event.what()),
            };
            if !fits {
                tracing::error!(number, "what stands about something does not hold");
            }
        }
        for Restriction { name, restricted } in opened.restrictions {
            let names = Arc::make_mut(&mut self.restricted);
            if restricted {
                names.insert(name)
            } else {
                names.remove(&name)
            };
        }
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
