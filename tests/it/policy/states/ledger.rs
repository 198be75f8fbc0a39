//! An access log's database into which approvers and brokers write, and what the broker takes to be in force by it. What is written is
//! kept a second time for the oracle.

use super::{
    glass::GlassRow,
    standing::{ActRow, Document, Standing, WarrantRow, Written},
};
use crate::{harness::*, policy::oracle::Oracle};
use disown::{
    access_log::{self, AccessLog, Archived, NewEpoch, Place},
    approval::{Act, ApproverKey, Deed, Matter},
    break_glass,
    control::{About, Archive, Event, Restriction},
    database,
    dataset::Catalogue,
    entropy::SeededEntropy,
    policy::{InForce, Policy},
    pseudonym::{self, RestrictionName, SubjectIdentifier},
    warrant::{self, What},
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
};

/// What approvers sign for.
const LOG: &str = "disown.example/test";

pub struct Ledger {
    log: AccessLog,
    archive: Archive,
    keys: Arc<BTreeMap<String, ApproverKey>>,
    somebody: RestrictionName,
    pub written: Written,
    /// What is in no epoch yet.
    next: NewEpoch,
    epoch: u64,
    /// The policy that the next epoch is of: its version, and that of all files.
    policy: (String, String),
}

/// The keys of a deployment's approvers, by name.
pub fn keys(deployment: &Deployment) -> Arc<BTreeMap<String, ApproverKey>> {
    let files = fs::read_dir(deployment.path("development-approvers")).unwrap();
    let names = files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    Arc::new(names.map(|name| (name.clone(), deployment.approver_key(&name))).collect())
}

impl Ledger {
    /// An empty log in a folder of the deployment.
    pub async fn new(deployment: &Deployment, folder: &str, keys: Arc<BTreeMap<String, ApproverKey>>) -> Self {
        let config = deployment.config();
        let sealed = fs::read_to_string(&config.keyring).unwrap();
        let keyring = Arc::new(pseudonym::open(&sealed, &config.key_encryption_key.get().unwrap()).unwrap());
        fs::create_dir(deployment.path(folder)).unwrap();
        let path = deployment.path(&format!("{folder}/control.sqlite"));
        database::sqlite::make_control(&path, &[0; 32].into()).await.unwrap();
        let log = access_log::start(access_log::Settings {
            place: Place::Sqlite(&path, None),
            broker: config.broker.clone(),
            keyring: keyring.clone(),
            clock: deployment.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            zone: config.time_zone.clone(),
        })
        .await
        .unwrap();
        let catalogue =
            Catalogue::parse(&fs::read_to_string(deployment.path("policies/catalogue.toml")).unwrap()).unwrap();
        let somebody = SubjectIdentifier::parse_source(ISOLATING, &catalogue).unwrap();
        let somebody = keyring.restriction_name(&somebody).await;
        let archive = Archive { reader: log.reader.clone(), log: LOG.to_owned(), keyring: Some(keyring) };
        let (written, next, epoch, policy) = Default::default();
        Self { log, archive, keys, somebody, written, next, epoch, policy }
    }

    /// From the next epoch on this policy is in force. Its texts are kept.
    pub async fn put(&mut self, policy: &Policy) {
        let text = |agreement: &Arc<disown::policy::Agreement>| Archived {
            version: agreement.version.clone(),
            name: format!("agreements/{}", agreement.id),
            content: agreement.text.clone(),
        };
        self.policy = (policy.version.clone(), policy.files_version().to_owned());
        self.written.agreements = policy.agreements().map(|agreement| agreement.id.to_string()).collect();
        self.open_epoch(policy.agreements().map(text).collect()).await;
    }

    /// Somebody acts, in the place that is next.
    pub fn act(&mut self, matter: &Matter, deed: Deed, by: &str) {
        let number = self.next(matter);
        let act = self.sign(by, (matter, number), deed, by);
        self.write(act, true);
    }

    /// The number of rows about a matter, and one.
    pub fn next(&self, matter: &Matter) -> u64 {
        let name = matter.to_string();
        self.written.acts.iter().filter(|row| row.matter == name).count() as u64 + 1
    }

    /// An act in the name of one, signed with the key of another.
    pub fn sign(&self, by: &str, (matter, number): (&Matter, u64), deed: Deed, key: &str) -> Act {
        let approver = by.try_into().unwrap();
        self.keys[key].sign(LOG, (matter.clone(), number), deed, approver, "as agreed".to_owned())
    }

    pub fn write(&mut self, act: Act, signed: bool) {
        self.written.acts.push(ActRow {
            matter: act.matter.to_string(),
            number: act.number,
            deed: act.deed.name(),
            object: act.deed.object().to_owned(),
            by: act.approver.to_string(),
            signed,
        });
        self.next.acts.push(act);
    }

    async fn open_epoch(&mut self, archive: Vec<Archived>) {
        let (policy_version, files) = self.policy.clone();
        let opened = NewEpoch { policy_version, files, archive, ..std::mem::take(&mut self.next) };
        self.log.appender.put_in_force(self.epoch, opened).await.unwrap();
        self.epoch += 1;
    }

    /// Writes something about a warrant.
    pub fn warrant(&mut self, row: WarrantRow) {
        let by = || row.by.as_str().try_into().unwrap();
        let what = match row.event {
            "registered" => What::Registered { by: by(), terms: terms(row.document.as_ref().unwrap()) },
            "confirmed" => What::Confirmed { by: by() },
            "revoked" => What::Revoked { by: by() },
            _ => What::Used,
        };
        let about = About::Warrant(row.warrant.as_str().try_into().unwrap());
        self.happens(Event::new(about, row.number, &what), row.understood);
        self.written.warrants.push(row);
    }

    /// The same about a caller who breaks glass.
    pub fn glass(&mut self, row: GlassRow) {
        let what = match &row.broken {
            Some(broken) => break_glass::What::Broken(break_glass::Use {
                subject: "00".to_owned(),
                agreement: broken.agreement.as_str().try_into().unwrap(),
                role: broken.role.as_str().try_into().unwrap(),
                case_reference: broken.case_reference.clone(),
                reason: "unconscious".to_owned(),
                until: Timestamp::MAX,
            }),
            None => break_glass::What::Reviewed {
                by: "data-protection-officer".try_into().unwrap(),
                justified: true,
                words: "seen".to_owned(),
            },
        };
        let [organisation, caller] = [&row.by.organisation, &row.by.caller].map(String::as_str);
        let about = About::Caller(organisation.try_into().unwrap(), caller.try_into().unwrap());
        self.happens(Event::new(about, row.number, &what), row.understood);
        self.written.glass.push(row);
    }

    /// What is not understood was written by a broker of a later version.
    fn happens(&mut self, mut event: Event, understood: bool) {
        if !understood {
            event.what = format!("{{\"later\":{}}}", event.what);
        }
        self.next.events.push(event);
    }

    /// Restricts somebody, or lifts that; with that the epoch ends.
    pub async fn restrict(&mut self, restricted: bool) {
        self.next.restrictions.push(Restriction { name: self.somebody, restricted });
        self.open_epoch(vec![]).await;
    }

    /// What is in force by all that was written, as the broker reads it and as the oracle does.
    pub async fn now(&self, before: &InForce, oracle: &Oracle) -> (Arc<InForce>, Standing) {
        let now = self.archive.in_force(None, Some(before), None).await.unwrap().expect("another epoch");
        (Arc::new(now), self.written.standing(oracle))
    }
}

fn terms(document: &Document) -> warrant::Terms {
    warrant::Terms {
        court: "Royal Court of Jersey".to_owned(),
        reference: "2026/117".to_owned(),
        agreement: document.agreement.as_str().try_into().unwrap(),
        case_reference: document.case_reference.clone(),
        subjects: BTreeSet::from(["00".to_owned()]),
        fields: document.fields.iter().cloned().collect(),
        from: document.from,
        until: document.until,
        uses: document.uses as u64,
    }
}
