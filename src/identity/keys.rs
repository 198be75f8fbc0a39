//! The keys of an issuer over time: read from a file or fetched, kept while they are good, replaced whole.

use super::{
    key::{Algorithm, PublicKey},
    key_set::{InvalidKeySet, KeySet},
    remote::{NotFetched, Remote},
};
use crate::clock::Clock;
use arc_swap::ArcSwapOption;
use jiff::{SignedDuration, Timestamp};
use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, Notify};

/// How often keys are fetched, and how long they are kept.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// From one fetch to the next.
    pub refresh: SignedDuration,
    /// From one to the next where the last one failed, or a token named a key that is not there.
    pub early: SignedDuration,
    /// A set that was fetched is good for so long.
    pub keep: SignedDuration,
    /// A fetch may last so long.
    pub timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            refresh: SignedDuration::from_mins(5),
            early: SignedDuration::from_secs(30),
            keep: SignedDuration::from_hours(24),
            timeout: Duration::from_secs(5),
        }
    }
}

/// Keys that could not be renewed: those that were there stay.
#[derive(Debug, thiserror::Error)]
pub enum NotRenewed {
    /// The file.
    #[error("{path}: {source}")]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server.
    #[error(transparent)]
    Fetch(#[from] NotFetched),
    /// What was there.
    #[error(transparent)]
    KeySet(#[from] InvalidKeySet),
}

/// The keys of one issuer.
pub(super) struct Keys {
    issuer: String,
    algorithm: Algorithm,
    source: Source,
    /// INVARIANT (keys-whole): replaced at once and whole, so that a key that is no longer published verifies nothing any more.
    held: ArcSwapOption<Held>,
}

enum Source {
    File(PathBuf),
    Url(Box<Fetching>),
}

struct Fetching {
    remote: Remote,
    pace: Pace,
    /// One fetch at a time; when the last one began, and whether it brought keys.
    last: Mutex<Option<(Timestamp, bool)>>,
    /// A token named a key that is not there. It is told here and not waited for: verifying never waits for the network.
    missed: AtomicBool,
    wake: Notify,
}

struct Held {
    set: KeySet,
    /// Until then, where they were fetched.
    until: Option<Timestamp>,
}

impl Keys {
    /// Out of a file, which must be there and good.
    pub(super) fn read(issuer: &str, algorithm: Algorithm, path: PathBuf) -> Result<Self, NotRenewed> {
        let held = ArcSwapOption::empty();
        let keys = Self { issuer: issuer.to_owned(), algorithm, source: Source::File(path), held };
        keys.read_again()?;
        Ok(keys)
    }

    /// From a URL, where none are there yet.
    pub(super) fn fetched(issuer: &str, algorithm: Algorithm, remote: Remote, pace: Pace) -> Self {
        let (last, missed, wake) = (Mutex::new(None), AtomicBool::new(false), Notify::new());
        let source = Source::Url(Box::new(Fetching { remote, pace, last, missed, wake }));
        Self { issuer: issuer.to_owned(), algorithm, source, held: ArcSwapOption::empty() }
    }

    /// The key of that name, if it is good at that time.
    pub(super) fn key(&self, kid: &str, now: Timestamp) -> Option<Arc<PublicKey>> {
        self.good(now)?.set.key(kid)
    }

    fn good(&self, now: Timestamp) -> Option<Arc<Held>> {
        self.held.load_full().filter(|held| held.until.is_none_or(|until| now <= until))
    }

    /// A token named a key that is not there.
    pub(super) fn missed(&self) {
        if let Source::Url(fetching) = &self.source {
            fetching.missed.store(true, Ordering::Relaxed);
            fetching.wake.notify_one();
        }
    }

    /// Reads the file again, where there is one.
    pub(super) fn read_again(&self) -> Result<(), NotRenewed> {
        if let Source::File(path) = &self.source {
            let jwks = fs::read(path).map_err(|source| NotRenewed::File { path: path.clone(), source })?;
            let set = KeySet::parse(&jwks, self.algorithm)?;
            self.held.store(Some(Arc::new(Held { set, until: None })));
        }
        Ok(())
    }

    /// Fetches the keys whenever that is due, for ever.
    pub(super) async fn keep(&self, clock: &dyn Clock) {
        let Source::Url(fetching) = &self.source else { return };
        loop {
            let due = self.fetch_if_due(clock).await;
            tokio::select! {
                () = tokio::time::sleep(due) => {}
                () = fetching.wake.notified() => {}
            }
        }
    }

    /// Fetches the keys if that is due, and says when it will be again.
    pub(super) async fn fetch_if_due(&self, clock: &dyn Clock) -> Duration {
        let Source::Url(fetching) = &self.source else { return Duration::MAX };
        let mut last = fetching.last.lock().await;
        let now = clock.now();
        if let Some(wait) = fetching.wait(*last, now) {
            return wait;
        }
        fetching.missed.store(false, Ordering::Relaxed);
        let renewed = self.fetch(fetching, clock).await;
        *last = Some((now, renewed.is_ok()));
        self.tell(renewed, clock.now());
        fetching.wait(*last, clock.now()).unwrap_or_default()
    }

    async fn fetch(&self, fetching: &Fetching, clock: &dyn Clock) -> Result<usize, NotRenewed> {
        // They are as old as the question for them.
        let until = clock.now().saturating_add(fetching.pace.keep).ok();
        let set = KeySet::parse(&fetching.remote.get().await?, self.algorithm)?;
        let count = set.len();
        self.held.store(Some(Arc::new(Held { set, until })));
        Ok(count)
    }

    fn tell(&self, renewed: Result<usize, NotRenewed>, now: Timestamp) {
        let issuer = &self.issuer;
        match renewed {
            Ok(keys) => tracing::info!(issuer, keys, "the keys of an issuer were fetched"),
            Err(error) if self.good(now).is_some() => {
                tracing::warn!(issuer, %error, "the keys of an issuer were not renewed; the old ones stay while they are good");
            }
            Err(error) => tracing::error!(issuer, %error, "an issuer has no good keys: its tokens are refused"),
        }
    }
}

impl Fetching {
    /// How long until it is due, or nothing if it is. A clock that was set back makes it due.
    fn wait(&self, last: Option<(Timestamp, bool)>, now: Timestamp) -> Option<Duration> {
        let (began, good) = last?;
        let pause = if good && !self.missed.load(Ordering::Relaxed) { self.pace.refresh } else { self.pace.early };
        let passed = Duration::try_from(now.duration_since(began)).ok()?;
        Duration::try_from(pause).ok()?.checked_sub(passed).filter(|wait| !wait.is_zero())
    }
}
