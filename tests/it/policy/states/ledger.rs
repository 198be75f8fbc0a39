//! An access log's database into which approvers and brokers write, and what the broker takes to be in force by it. What is written is
//! kept a second time for the oracle.

use super::{
    glass::GlassRow,
    standing::{ActRow, Document, Standing, WarrantRow, Written},
};
use crate::{harness::*, policy::oracle::Oracle};
use disown::{
    access_log::{self, AccessLog, Archived, Place},
    approval::{Act, ApproverKey, Deed, Matter},
    break_glass,
    control::{About, Archive, Event},
    database::sqlite::writable,
    entropy::SeededEntropy,
    policy::{InForce, Policy},
    pseudonym::{self, Keyring},
    warrant::{self, What},
};
use jiff::Timestamp;
use sqlx::{ConnectOptions, SqliteConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
};

/// What approvers sign for.
const LOG: &str = "disown.example/test";

pub struct Ledger {
    log: AccessLog,
    database: SqliteConnection,
    archive: Archive,
    keyring: Arc<Keyring>,
    keys: Arc<BTreeMap<String, ApproverKey>>,
    pub written: Written,
    /// Acts that are in no epoch yet.
    acts: Vec<Act>,
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
        let database = writable(&path).connect().await.unwrap();
        let archive = Archive { reader: log.reader.clone(), log: LOG.to_owned(), keyring: Some(keyring.clone()) };
        let (written, acts, policy) = Default::default();
        Self { log, database, archive, keyring, keys, written, acts, policy }
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
        self.acts.push(act);
    }

    /// What was done since the last epoch counts from here on.
    pub async fn close_epoch(&mut self) {
        self.open_epoch(vec![]).await;
    }

    async fn open_epoch(&mut self, archive: Vec<Archived>) {
        let acts = std::mem::take(&mut self.acts);
        self.log.appender.put_in_force(&self.policy.0, &self.policy.1, archive, acts).await.unwrap();
    }

    /// Writes something about a warrant into the epoch that was opened last, as a broker does that has the keys.
    pub async fn warrant(&mut self, row: WarrantRow, sealed_as: u64) {
        let by = || row.by.as_str().try_into().unwrap();
        let what = match row.event {
            "registered" => What::Registered { by: by(), terms: terms(row.document.as_ref().unwrap()) },
            "confirmed" => What::Confirmed { by: by() },
            "revoked" => What::Revoked { by: by() },
            _ => What::Used,
        };
        let about = About::Warrant(row.warrant.as_str().try_into().unwrap());
        let event = Event::new(about, sealed_as, &what, &self.keyring).await;
        self.insert(row.number, event).await;
        self.written.warrants.push(row);
    }

    /// The same about a caller who breaks glass.
    pub async fn glass(&mut self, row: GlassRow, sealed_as: u64) {
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
        let event = Event::new(about, sealed_as, &what, &self.keyring).await;
        self.insert(row.number, event).await;
        self.written.glass.push(row);
    }

    async fn insert(&mut self, number: u64, event: Event) {
        sqlx::query(
            "INSERT INTO event (about, number, epoch, what, seal) SELECT ?1, ?2, max(number), ?3, ?4 FROM epoch",
        )
        .bind(event.about.to_string())
        .bind(number as i64)
        .bind(&event.what)
        .bind(&event.seal)
        .execute(&mut self.database)
        .await
        .unwrap();
    }

    /// Restricts somebody in the epoch that was opened last, or lifts that.
    pub async fn restrict(&mut self, restricted: bool) {
        sqlx::query("INSERT INTO restriction (name, epoch, restricted) SELECT ?1, max(number), ?2 FROM epoch")
            .bind(&[7_u8; 32][..])
            .bind(restricted)
            .execute(&mut self.database)
            .await
            .unwrap();
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
