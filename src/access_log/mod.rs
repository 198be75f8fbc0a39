//! The access log: the tamper-evident record of every access. `Appender` and `Reader` are two capabilities, not one object: who
//! holds a reader has no way to append.

mod batch;
mod canonical;
pub mod checkpoint;
mod entry;
mod epoch;
mod filter;
pub mod leaf;
pub mod merkle;
mod postgres;
pub mod proof;
mod reader;
mod receipt;
mod recover;
#[cfg(test)]
pub(crate) mod scratch;
mod sequencer;
mod sqlite;
mod state;
mod storage;
mod tally;
mod texts;
pub mod verify;

pub(crate) use entry::Question;
pub use entry::{ActorPart, AnswerPart, Entry, InputBatch, Kind, SubjectPart, TermsInForce, Who};
pub use epoch::{Archived, NewEpoch};
pub(crate) use epoch::{Epoch, SealedEpoch};
pub use filter::{Countable, Filter};
pub use reader::{Found, Group, Reader, SearchError};
pub use receipt::Receipt;
pub use sqlite::FileFault;
pub use state::{LogState, Unavailable};
pub use storage::InForceNow;

use crate::{
    clock::Clock,
    database::postgres::Server,
    dataset::Catalogue,
    entropy::Entropy,
    ids::BrokerId,
    policy::Limits,
    pseudonym::{Keyring, MonthKey, SubjectIdentifier, SubjectTag},
    telemetry::metrics,
};
use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use merkle::Hash;
use sequencer::{Command, Published, Sequencer};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};
use storage::Storage;
use tally::Tally;
use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    task::JoinHandle,
};

/// So many may wait for the sequencer; more are turned away at once rather than kept hanging.
const QUEUE: usize = 1024;

/// Appends entries and gives their receipts.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Appender {
    commands: mpsc::Sender<Command>,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    month_keys: Arc<Mutex<HashMap<String, MonthKey>>>,
    epoch: watch::Receiver<SealedEpoch>,
    tally: Arc<std::sync::Mutex<Tally>>,
    /// By which it is known what could be a subject identifier.
    catalogue: Arc<ArcSwap<Catalogue>>,
}

/// Can append entries of the kind `inspection`, and nothing else: what services hold that only read.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct InspectionRecorder(Appender);

/// A running access log.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct AccessLog {
    /// The capability to append.
    pub appender: Appender,
    /// The capability to read.
    pub reader: Reader,
    /// Whether it can be written.
    pub state: watch::Receiver<LogState>,
    /// Ends when every appender is gone, or when the state of the log is unknown.
    pub sequencer: JoinHandle<()>,
}

/// Where an access log is kept.
#[expect(missing_debug_implementations, reason = "may hold passwords")]
pub enum Place<'a> {
    /// A file, of at most so many pages of 4 KiB; none: as the disk allows.
    Sqlite(&'a Path, Option<u32>),
    /// A server, as a role that appends and as one that reads.
    Postgres(Box<Server>, Box<Server>),
}

/// What an access log is started with.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Settings<'a> {
    /// Where it is kept.
    pub place: Place<'a>,
    /// Who appends.
    pub broker: BrokerId,
    /// Signs the heads.
    pub keyring: Arc<Keyring>,
    /// What could be a subject identifier, which no entry may hold.
    pub catalogue: Arc<Catalogue>,
    /// Time of the entries.
    pub clock: Arc<dyn Clock>,
    /// Salts.
    pub entropy: Arc<dyn Entropy>,
    /// The island's time zone: limits hold for its days.
    pub zone: TimeZone,
}

/// Opens the access log and starts its sequencer.
pub async fn start(settings: Settings<'_>) -> Result<AccessLog, sqlx::Error> {
    let Settings { place, broker, keyring, catalogue, clock, entropy, zone } = settings;
    let (storage, reader): (Box<dyn Storage>, Reader) = match place {
        Place::Sqlite(database, max_pages) => {
            let storage = sqlite::SqliteStorage::open(database, max_pages).await?;
            (Box::new(storage), Reader::open(database).await?)
        }
        Place::Postgres(appender, reader) => {
            (Box::new(postgres::PostgresStorage::open(*appender, clock.clone()).await?), Reader::on(*reader))
        }
    };
    let (publish, state) = watch::channel(LogState::Ready);
    let (publish_epoch, epoch) = watch::channel(SealedEpoch::default());
    let tally = Arc::new(std::sync::Mutex::new(Tally::new(zone)));
    let published = Published { state: publish, epoch: publish_epoch, tally: tally.clone() };
    let sequencer =
        Sequencer::start(storage, keyring.clone(), clock.clone(), entropy.clone(), broker, published).await?;
    let (commands, inbox) = mpsc::channel(QUEUE);
    let sequencer = tokio::spawn(sequencer.run(inbox));
    let (month_keys, catalogue) = (Arc::default(), Arc::new(ArcSwap::new(catalogue)));
    let appender = Appender { commands, keyring, clock, entropy, month_keys, epoch, tally, catalogue };
    let writable = state.clone();
    metrics::access_log_writable(move || *writable.borrow() == LogState::Ready);
    tokio::spawn(announce_recovery(state.clone(), appender.commands.downgrade()));
    Ok(AccessLog { appender, reader, state, sequencer })
}

impl Appender {
    /// Appends an entry that covers exactly the bytes of this digest. When it returns, the entry is durable and signed over.
    /// One that could hold a subject identifier is not appended.
    pub async fn append(&self, entry: Arc<Entry>, covers: Hash) -> Result<Receipt, Unavailable> {
        // INVARIANT (no-identifier-leak): nothing comes into the access log's database but by here, and by notices of our own words.
        if entry.names_subject(&self.catalogue.load()) {
            tracing::error!("an entry could hold a subject identifier, and is not appended");
            return Err(Unavailable::NamesSubject);
        }
        send(&self.commands, entry, covers).await
    }

    /// Appends an entry that releases nothing.
    pub async fn receipted(&self, entry: Entry) -> Result<Receipt, Unavailable> {
        self.append(Arc::new(entry), digest(&[])).await
    }

    /// Appends an entry that releases nothing, and gives its index.
    pub async fn note(&self, entry: Entry) -> Result<u64, Unavailable> {
        self.receipted(entry).await.map(|receipt| receipt.index())
    }

    /// Puts a policy in force where the epoch of that number still is: the entry, the archived texts and the new control epoch are one
    /// transaction.
    pub async fn put_in_force(&self, after: u64, opened: NewEpoch) -> Result<(), Unavailable> {
        self.note(Entry::policy_in_force(after, opened)).await.map(drop)
    }

    /// Whether as much was told today as may be, so that asking about this subject is above a limit. An append finds out again, and for
    /// good.
    pub(crate) fn is_above(&self, who: &Who, tag: &SubjectTag, limits: &Limits) -> bool {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.is_above(who, Some(tag), limits, self.clock.now())
    }

    /// Has the log looked at, since something else than an append seems to say that it is not reached. Its state tells what came of it.
    pub(crate) fn check(&self) {
        // Where so much waits that there is no place, an append will tell.
        drop(self.commands.try_send(Command::Check));
    }

    /// From now on a subject identifier is what this catalogue says.
    pub(crate) fn go_by(&self, catalogue: &Arc<Catalogue>) {
        self.catalogue.store(catalogue.clone());
    }

    /// Follows the control epoch.
    pub(crate) fn epoch(&self) -> watch::Receiver<SealedEpoch> {
        self.epoch.clone()
    }

    /// The key that subject tags are made with this month, and the month. It is made, sealed and stored at its first use.
    pub async fn month_key(&self) -> Result<(String, MonthKey), Unavailable> {
        let month = format!("{:.7}", self.clock.now().to_string());
        let mut known = self.month_keys.lock().await;
        if let Some(key) = known.get(&month) {
            return Ok((month, key.clone()));
        }
        let fresh = self.keyring.new_month_key(&month, &*self.entropy).await.map_err(|_| Unavailable::Unwritable)?;
        let (reply, answer) = oneshot::channel();
        let command = Command::MonthKey { month: month.clone(), fresh, reply };
        self.commands.try_send(command).map_err(refused)?;
        let sealed = answer.await.map_err(|_| Unavailable::Unwritable)??;
        let key = self.keyring.open_month_key(&month, &sealed).await.map_err(|_| Unavailable::Unwritable)?;
        known.insert(month.clone(), key.clone());
        Ok((month, key))
    }

    /// What an entry says of a subject: its name in the log this month.
    pub(crate) async fn about(&self, subject: &SubjectIdentifier) -> Result<SubjectPart, Unavailable> {
        let (month, key) = self.month_key().await?;
        let tag = self.keyring.tag(&key, subject).await;
        Ok(SubjectPart { tag: Some(tag), month: Some(month), ..SubjectPart::default() })
    }

    /// The lesser capability.
    pub fn for_inspections(&self) -> InspectionRecorder {
        InspectionRecorder(self.clone())
    }
}

impl InspectionRecorder {
    /// Records that somebody searches the access log, and about whom, before anything is found.
    pub async fn record(
        &self,
        who: Who,
        terms: TermsInForce,
        filter: &Filter,
        about: SubjectPart,
    ) -> Result<u64, Unavailable> {
        self.0.note(Entry::inspection(who, terms, filter, about)).await
    }

    /// The tags under which a subject stands in the access log, one a month, and the subject part of an entry that is about this
    /// search. Consumes the identifier: it is wiped when this returns.
    pub async fn find(
        &self,
        subject: SubjectIdentifier,
        reader: &Reader,
    ) -> Result<(Vec<SubjectTag>, SubjectPart), SearchError> {
        let Appender { keyring, .. } = &self.0;
        // First: the search itself is found by the subject from now on.
        let about = self.0.about(&subject).await?;
        let mut tags = Vec::new();
        for (month, sealed) in reader.month_keys().await? {
            let key = keyring.open_month_key(&month, &sealed).await.map_err(|_| SearchError::Damaged("a month key"))?;
            tags.push(keyring.tag(&key, &subject).await);
        }
        Ok((tags, about))
    }
}

/// SHA-256.
pub fn digest(bytes: &[u8]) -> Hash {
    Hash::from_bytes(Sha256::digest(bytes).into())
}

async fn send(commands: &mpsc::Sender<Command>, entry: Arc<Entry>, covers: Hash) -> Result<Receipt, Unavailable> {
    let (reply, answer) = oneshot::channel();
    commands.try_send(Command::Append { entry, covers, reply }).map_err(refused)?;
    // A dropped reply means that the sequencer stopped: nobody knows, so nothing is released.
    answer.await.map_err(|_| Unavailable::Unwritable)?
}

fn refused(error: mpsc::error::TrySendError<Command>) -> Unavailable {
    match error {
        mpsc::error::TrySendError::Full(_) => Unavailable::Overloaded,
        mpsc::error::TrySendError::Closed(_) => Unavailable::Unwritable,
    }
}

/// While the log cannot be written, tries once a second to note that it can again: the note is the probe.
async fn announce_recovery(mut state: watch::Receiver<LogState>, commands: mpsc::WeakSender<Command>) {
    const EVERY: Duration = Duration::from_secs(1);
    while state.wait_for(|state| *state != LogState::Ready).await.is_ok() {
        tokio::time::sleep(EVERY).await;
        let Some(commands) = commands.upgrade() else { return };
        if matches!(*state.borrow_and_update(), LogState::Unknown(_)) {
            return;
        }
        let note = Entry::notice("the access log could not be written for a while; it can be again");
        let _ = send(&commands, Arc::new(note), digest(&[])).await;
    }
}
