//! From a configuration to a running broker. Refuses to start half-built.

mod inspect;
mod reload;
mod services;
mod stores;

use crate::{
    access_log::{self, AccessLog, Entry, LogState, Place, SearchError, Unavailable},
    approval::{DevelopmentApprovers, InvalidApproverKey},
    clock::Clock,
    config::{Config, InvalidConfig, Listen},
    control::{Approving, Archive, Control, ControlError},
    database::{FolderLock, NotLocked, sqlite::NotOpened},
    dataset::StoreError,
    deployment::CONTROL,
    edge::{self, Exposure, ServeError, Services, Tls, TlsError},
    entropy::Entropy,
    identity::{NotAsItMust, NotRenewed, Pace, Verifier, self_test},
    ids::{DatasetId, Role},
    intake::STARTED,
    policy::{InvalidPolicy, Policy, PolicyFiles},
    pseudonym::{self, InvalidKeyring, Keyring},
    readiness::Readiness,
};
pub use inspect::NotFit;
use reload::reload_on_request;
use services::services;
use std::{
    fs,
    future::Future,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// A broker, ready to serve.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct App {
    config: Config,
    services: Services,
    exposure: Exposure,
    log: AccessLog,
    /// Where databases are files: nobody else uses them for as long as this serves.
    lock: Option<FolderLock>,
    background: Vec<JoinHandle<()>>,
}

/// The broker did not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The keyring, the signing key of the access log in it above all.
    #[error("keyring: {0}")]
    Keyring(#[from] InvalidKeyring),
    /// A dataset of the catalogue without a key.
    #[error("the keyring has no key for the dataset `{0}` of the catalogue; `disownctl keys add {0}` makes one")]
    NoKey(DatasetId),
    /// The policy.
    #[error("policy: {0}")]
    Policy(#[from] InvalidPolicy),
    /// The cryptography of this build.
    #[error("the cryptography cannot be relied on: {0}")]
    Cryptography(#[from] NotAsItMust),
    /// A name that stands in every entry, or in every checkpoint.
    #[error("{0}: no subject identifier may stand there")]
    NamesSubject(&'static str),
    /// The keys of an issuer.
    #[error("identity: {0}")]
    Keys(#[from] NotRenewed),
    /// A role to which an issuer's is translated.
    #[error("identity: `roles` of an issuer name `{0}`, which is no role of `roles.toml`")]
    NoRole(Role),
    /// The keys of approvers for development.
    #[error("`development_approvers`: {0}")]
    Approvers(#[from] InvalidApproverKey),
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A store is not there, or is another.
    #[error(
        "the store `{name}` at {at} {source}. Where it was made before, restore it from a backup or correct the configuration; for a new \
         deployment or dataset, `disownctl database init` makes it"
    )]
    NoStore {
        /// Which: a dataset's, or `control`.
        name: String,
        /// Where.
        at: String,
        /// What is wrong.
        source: NotOpened,
    },
    /// Another broker uses the files.
    #[error(transparent)]
    Locked(#[from] NotLocked),
    /// A server of PostgreSQL that a deployment cannot stand on.
    #[error("{0}: {1}")]
    Server(String, NotFit),
    /// The access log cannot be opened.
    #[error("the access log cannot be opened: {0}")]
    AccessLog(#[from] sqlx::Error),
    /// The access log cannot be read.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// What is in force is not known.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The access log cannot be written.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Certificates, keys or revocation lists.
    #[error("`listen.tls`: {0}")]
    Tls(TlsError),
    /// Serving.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Nobody can say what is in the access log: the process must end and start anew.
    #[error("the state of the access log is unknown ({0}); start again, which reads what is there")]
    LogStateUnknown(String),
}

impl App {
    /// Builds every part, in the order in which they stand on each other.
    pub async fn build(config: Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self, AppError> {
        self_test()?;
        let policy = Policy::load(PolicyFiles::read(&config.policies).map_err(InvalidPolicy::from)?).await?;
        let keyring = Arc::new(pseudonym::open(&read(&config.keyring)?, &config.key_encryption_key.get()?)?);
        // What cannot be served is told before anything is written.
        let (offered, verifier) = (policy.version.clone(), verifier_of(&config, &policy, &keyring, &clock)?);
        let exposure = exposure(&config.listen, &clock)?;
        for (what, name) in [("broker", config.broker.as_str()), ("the log's name", keyring.log_key().name())] {
            if policy.catalogue.holds_identifier(name) {
                return Err(AppError::NamesSubject(what));
            }
        }
        let database = config.store_file(CONTROL);
        let (lock, place) = match &config.postgres {
            None => {
                let lock = FolderLock::take(&config.data)?;
                stores::check_file(&config, &keyring, CONTROL).await?;
                (Some(lock), Place::Sqlite(&database, config.access_log_max_pages))
            }
            Some(postgres) => {
                inspect::inspect(postgres, &policy.catalogue, &keyring).await?;
                let control = keyring.store_identity(CONTROL).await;
                let (appender, reader) =
                    (postgres.appender()?.expecting(control), postgres.reader()?.expecting(control));
                (None, Place::Postgres(Box::new(appender), Box::new(reader)))
            }
        };
        let log = access_log::start(access_log::Settings {
            place,
            broker: config.broker.clone(),
            keyring: keyring.clone(),
            catalogue: policy.catalogue.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            zone: config.time_zone.clone(),
        })
        .await?;
        let development = config.development_approvers.as_deref().map(DevelopmentApprovers::read).transpose()?;
        let approving = Approving {
            log: keyring.log_key().name().to_owned(),
            keyring: keyring.clone(),
            clock: clock.clone(),
            zone: config.time_zone.clone(),
            development,
        };
        // People approve policies too, where they are not approved for development.
        let archive = Archive { reader: log.reader.clone(), log: approving.log.clone(), keyring: None };
        let policy =
            if approving.development.is_some() { policy } else { archive.admit(policy, approving.today()).await? };
        let verifier = match policy.version == offered {
            true => verifier,
            false => verifier_of(&config, &policy, &keyring, &clock)?,
        };
        // An issuer that is not reached keeps nobody from starting: its tokens are refused until it is.
        verifier.fetch_if_due().await;
        let verifier = Arc::new(verifier);
        let readiness = Arc::<Readiness>::default();
        let stores = stores::open(&config, &policy, &keyring).await?;
        let control =
            Control::start(policy, log.appender.clone(), log.reader.clone(), approving, readiness.clone()).await?;
        let control = Arc::new(control);
        let (services, intake) =
            services(&config, &log, control, stores, &keyring, verifier, readiness, clock, entropy);
        let lost = intake.reconcile(&log.reader, config.broker.as_str()).await?;
        if lost > 0 {
            tracing::warn!(lost, "batches were recorded and did not arrive");
        }
        log.appender.note(Entry::administration(STARTED)).await?;
        Ok(Self { config, services, exposure, log, lock, background: Vec::new() })
    }

    /// Follows whether the access log can be written.
    pub fn log_state(&self) -> watch::Receiver<LogState> {
        self.log.state.clone()
    }

    /// Serves until `shutdown`, or until the state of the access log is unknown. `reload` asks for the policy, the files of keys and
    /// what TLS stands on to be read anew.
    pub async fn run(
        mut self,
        listener: TcpListener,
        reload: watch::Receiver<u64>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), AppError> {
        if let Some(tls) = self.exposure.tls.clone() {
            let reload = reload.clone();
            self.background.push(tokio::spawn(async move { tls.follow(reload).await }));
        }
        let version = self.services.access.control.in_force().policy.version.clone();
        tracing::info!(version, "serving under this policy");
        let stores = self.services.access.stores.clone();
        let catalogue = self.services.access.control.in_force().policy.clone();
        let (watched, readiness) = (stores.clone(), self.services.readiness.clone());
        self.background.push(tokio::spawn(async move { stores::watch(watched, catalogue, readiness).await }));
        let (attempts, appender) = (self.services.attempts.clone(), self.log.appender.clone());
        let counted = attempts.clone();
        self.background.push(tokio::spawn(async move { counted.record_each_minute(&appender).await }));
        let control = self.services.access.control.clone();
        self.background.push(tokio::spawn(async move { control.keep_following().await }));
        if self.config.postgres.is_some() {
            let reader = self.log.reader.clone();
            self.background.push(tokio::spawn(async move { reader.tell_durability().await }));
        }
        let verifier = self.services.verifier.clone();
        let keeping = verifier.clone();
        self.background.push(tokio::spawn(async move { keeping.keep_keys().await }));
        self.background.push(tokio::spawn(reload_on_request(
            self.config.policies.clone(),
            self.services.access.clone(),
            verifier,
            reload,
        )));
        let lost = state_unknown(self.log.state.clone());
        let served = tokio::select! {
            served = edge::serve(listener, self.services, self.exposure, shutdown) => served.map_err(AppError::from),
            why = lost => Err(AppError::LogStateUnknown(why)),
        };
        for task in &self.background {
            task.abort();
        }
        attempts.record(&self.log.appender).await;
        let ended = match served {
            Ok(()) => {
                self.log.appender.note(Entry::administration("the broker stopped")).await.map(drop).map_err(Into::into)
            }
            Err(error) => Err(error),
        };
        // With the last appender gone the sequencer stores its checkpoint and closes the database, as the last to do so: that moves
        // into it what the write-ahead log holds. It matters above all where that file is gone: the rest is lost with the process.
        let AccessLog { appender, reader, sequencer, .. } = self.log;
        let _ = tokio::time::timeout(std::time::Duration::from_secs(10), async {
            // Before the appender is dropped: were a reader the last to close, nothing would be moved.
            reader.close().await;
            drop((appender, self.background));
            sequencer.await
        })
        .await;
        // Now that nobody holds an appender nobody stores either: what is in the files is whole when this returns.
        for store in stores.iter() {
            store.close().await;
        }
        drop(self.lock);
        ended
    }
}

/// Who is let in under a policy, whose datasets all have a key and whose roles are all that issuers give.
fn verifier_of(
    config: &Config,
    policy: &Policy,
    keyring: &Keyring,
    clock: &Arc<dyn Clock>,
) -> Result<Verifier, AppError> {
    // Without its key nothing could be put into a dataset or found in it, and the first one to ask would learn of it.
    if let Some((_, spec)) = policy.catalogue.datasets().find(|(_, spec)| keyring.epoch(&spec.id).is_err()) {
        return Err(AppError::NoKey(spec.id.clone()));
    }
    // Who should hold it would be denied, and would not learn why.
    if let Some(role) = config.identity.roles().find(|role| policy.roles.role(role.as_str()).is_none()) {
        return Err(AppError::NoRole(role.clone()));
    }
    Ok(Verifier::new(&config.identity, Pace::default(), policy.catalogue.clone(), clock.clone())?)
}

fn exposure(listen: &Listen, clock: &Arc<dyn Clock>) -> Result<Exposure, AppError> {
    let tls = listen.tls.clone().map(|files| Tls::read(files, clock.clone())).transpose().map_err(AppError::Tls)?;
    Ok(Exposure { tls: tls.map(Arc::new), reflection: listen.reflection, limits: listen.limits.clone() })
}

/// Resolves when nobody can say any more what is in the access log, with the reason.
async fn state_unknown(mut state: watch::Receiver<LogState>) -> String {
    loop {
        if let LogState::Unknown(why) = &*state.borrow_and_update() {
            return why.clone();
        }
        if state.changed().await.is_err() {
            // Not in order: an appender is held for as long as this serves.
            return "its sequencer ended".to_owned();
        }
    }
}

fn read(path: &Path) -> Result<String, AppError> {
    fs::read_to_string(path).map_err(|source| AppError::File { path: path.to_owned(), source })
}
