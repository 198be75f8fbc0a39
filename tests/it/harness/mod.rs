//! A broker for tests: in this process, on a random loopback port, in a temporary directory, with a clock that stands still.
//! `finish` stops it, verifies its access log and searches everything it wrote for subject identifiers.

mod approving;
mod asking;
mod checking;
mod cluster;
mod conditions;
mod golden;
mod halting;
mod health;
mod leaks;
mod node;
mod pair;
mod people;
mod process;
mod proxy;
mod raw;
mod servers;
mod tampering;
mod written;

pub use approving::*;
pub use asking::*;
pub use checking::hashes;
pub use cluster::Cluster;
pub(crate) use conditions::{digest_of, ground_under};
pub use golden::assert_golden;
pub use halting::Halts;
pub use leaks::{assert_no_identifier, forms_in};
pub use node::Node;
pub use pair::Pair;
pub use people::*;
pub use process::{Process, ended_within, until};
pub use proxy::{Cut, Proxy};
pub use servers::Servers;
pub use tampering::*;

pub use disown::database::Engine;
use disown::{
    access_log::{
        LogState, Reader,
        checkpoint::LogKey,
        verify::{Verified, verify_log},
    },
    app::{App, AppError},
    clock::{Clock, TestClock},
    config::Config,
    dataset::Catalogue,
    deployment::{Layout, NotMade, lay_out, make_stores},
    entropy::{SeededEntropy, SystemEntropy},
    identity::DevelopmentIssuer,
    ids::DatasetId,
    pseudonym::{self, KeyEncryptionKey},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};
use tonic::transport::Channel;

/// The day on which every test happens, unless it moves the clock.
pub const NOW: &str = "2026-11-21T20:00:00Z";

pub fn today() -> Date {
    NOW.parse::<Timestamp>().unwrap().to_zoned(TimeZone::get("Europe/Jersey").unwrap()).date()
}

/// The engine that the tests are run on, save those that are about one.
#[expect(clippy::disallowed_methods, reason = "how the tests are run is told from outside")]
pub fn engine() -> Engine {
    match std::env::var("DISOWN_ENGINE").as_deref() {
        Err(_) | Ok("sqlite") => Engine::Sqlite,
        Ok("postgres") => Engine::Postgres,
        Ok(other) => panic!("DISOWN_ENGINE is `{other}`, and neither `sqlite` nor `postgres`"),
    }
}

/// Whether the tests are run on files. What is about files is passed over where they are not.
pub fn on_files() -> bool {
    let on_files = engine() == Engine::Sqlite;
    if !on_files {
        println!("SKIPPED: about files");
    }
    on_files
}

/// Whether the tests are run on a server. What is about servers is passed over where they are not, so that it is tried once.
pub fn on_a_server() -> bool {
    let on_a_server = engine() == Engine::Postgres;
    if !on_a_server {
        println!("SKIPPED: about servers");
    }
    on_a_server
}

/// The server that all tests share, if the engine has one.
fn shared(engine: Engine) -> Option<Arc<dyn Servers>> {
    match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Cluster::shared()),
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A deployment on disk, served or not.
pub struct Deployment {
    folder: TempDir,
    pub clock: Arc<TestClock>,
    seed: u64,
    /// Where its databases are, unless they are files.
    servers: Option<Arc<dyn Servers>>,
    /// The databases are made once: what a test makes of them stays.
    provisioned: Arc<AtomicBool>,
}

/// A broker that serves.
pub struct TestBroker {
    pub deployment: Deployment,
    pub address: SocketAddr,
    pub channel: Channel,
    pub log_state: watch::Receiver<LogState>,
    pub reload: watch::Sender<u64>,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<Result<(), AppError>>>,
}

impl Deployment {
    /// Freshly laid out, with the development issuer.
    pub fn new() -> Self {
        Self::at(NOW.parse().unwrap())
    }

    /// Freshly laid out at that time.
    pub fn at(now: Timestamp) -> Self {
        Self::laid_out(now, shared(engine()))
    }

    /// Freshly laid out for one engine, whichever the tests are run on.
    pub fn on(engine: Engine) -> Self {
        Self::laid_out(NOW.parse().unwrap(), shared(engine))
    }

    /// Freshly laid out on servers of its own.
    pub fn on_servers(now: Timestamp, servers: Arc<dyn Servers>) -> Self {
        Self::laid_out(now, Some(servers))
    }

    fn laid_out(now: Timestamp, servers: Option<Arc<dyn Servers>>) -> Self {
        static SEED: AtomicU64 = AtomicU64::new(1);
        let folder = tempfile::Builder::new().prefix("disown-test-").tempdir().unwrap();
        let seed = SEED.fetch_add(1, Ordering::Relaxed);
        let layout = Layout {
            directory: folder.path().to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            log_name: "disown.example/test".to_owned(),
            development: true,
            postgres: vec![],
        };
        let today = now.to_zoned(TimeZone::get("Europe/Jersey").unwrap()).date();
        lay_out(&layout, today, &SeededEntropy::new(seed)).unwrap();
        let (clock, provisioned) = (Arc::new(TestClock::new(now)), Arc::default());
        let deployment = Self { folder, clock, seed, servers, provisioned };
        if let Some(servers) = &deployment.servers {
            let section = format!("{}[answers]", servers::section(&**servers));
            deployment.edit("disown.toml", "[answers]", &section);
        }
        deployment
    }

    /// The files of another broker on the same databases.
    pub fn beside(&self, name: &str) -> Self {
        let mut other = self.nowhere();
        other.seed = self.seed + 500_000;
        copy(self.base(), other.base());
        other.edit("disown.toml", "broker-1", name);
        other
    }

    /// Without files.
    fn nowhere(&self) -> Self {
        let folder = tempfile::Builder::new().prefix("disown-test-").tempdir().unwrap();
        let (clock, servers, provisioned) = (self.clock.clone(), self.servers.clone(), self.provisioned.clone());
        Self { folder, clock, seed: 0, servers, provisioned }
    }

    /// A database of it on a server, as one who may do anything there: `control`, or a dataset.
    pub async fn as_superuser(&self, name: &str) -> PgConnection {
        let config = self.config();
        let catalogue = Catalogue::parse(&fs::read_to_string(config.policies.join("catalogue.toml")).unwrap()).unwrap();
        let only = config.postgres.unwrap().provisions(&catalogue, Some(name)).unwrap().remove(0);
        self.servers.as_ref().unwrap().admin().database(&only.database).connect().await.unwrap()
    }

    /// How many records the store of a dataset holds.
    pub async fn records(&self, dataset: &str) -> i64 {
        const COUNT: &str = "SELECT count(*) FROM record";
        if self.servers.is_some() {
            return sqlx::query_scalar(COUNT).fetch_one(&mut self.as_superuser(dataset).await).await.unwrap();
        }
        let file = disown::database::sqlite::read_only(&self.path(&format!("data/{dataset}.sqlite")));
        sqlx::query_scalar(COUNT).fetch_one(&mut file.connect().await.unwrap()).await.unwrap()
    }

    /// No start has written anything into its log, which may not even be made.
    pub async fn assert_log_is_empty(&self) {
        let log = self.path("data/control.sqlite");
        if log.exists() {
            let mut log = disown::database::sqlite::read_only(&log).connect().await.unwrap();
            let entries: i64 = sqlx::query_scalar("SELECT count(*) FROM entry").fetch_one(&mut log).await.unwrap();
            assert_eq!(entries, 0, "something was written");
        }
    }

    /// The island's day, by its own clock: what it holds is dated by that.
    pub fn today(&self) -> Date {
        self.clock.now().to_zoned(TimeZone::get("Europe/Jersey").unwrap()).date()
    }

    /// Its access log, to be read.
    pub async fn reader(&self) -> Reader {
        match self.config().postgres {
            Some(postgres) => Reader::on(postgres.reader().unwrap()),
            None => Reader::open(&self.path("data/control.sqlite")).await.unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn base(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces text in a file of the deployment; the text must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} does not hold `{from}`");
        fs::write(self.path(name), text.replacen(from, to, 1)).unwrap();
    }

    /// Adds text to the end of a file of the deployment.
    pub fn append(&self, name: &str, text: &str) {
        fs::write(self.path(name), fs::read_to_string(self.path(name)).unwrap() + text).unwrap();
    }

    /// One of the limits.
    pub fn limit(&self, name: &str, to: u32) {
        let text = fs::read_to_string(self.path("disown.toml")).unwrap();
        let at = text.find(&format!("# {name} = ")).unwrap_or_else(|| panic!("no limit `{name}`"));
        let rest = text[at..].split_once('\n').unwrap().1;
        fs::write(self.path("disown.toml"), format!("{}{name} = {to}\n{rest}", &text[..at])).unwrap();
    }

    pub fn log_key(&self) -> LogKey {
        LogKey::parse(fs::read_to_string(self.path("log.vkey")).unwrap().trim()).unwrap()
    }

    /// Makes a key for one more dataset, as `disownctl keys add` does.
    pub fn add_key(&self, dataset: &str) {
        let kek = KeyEncryptionKey::parse(&fs::read_to_string(self.path("key-encryption-key")).unwrap()).unwrap();
        let sealed = fs::read_to_string(self.path("keyring.json")).unwrap();
        let dataset = DatasetId::try_from(dataset).unwrap();
        let added = pseudonym::add(&sealed, &dataset, &kek, &SystemEntropy).unwrap();
        assert!(pseudonym::add(&added, &dataset, &kek, &SystemEntropy) == Err(pseudonym::InvalidKeyring::Exists));
        fs::write(self.path("keyring.json"), added).unwrap();
    }

    pub fn issuer(&self) -> DevelopmentIssuer {
        DevelopmentIssuer::from_pem(&fs::read_to_string(self.path("development-issuer.pem")).unwrap()).unwrap()
    }

    pub fn config(&self) -> Config {
        Config::read(&self.path("disown.toml")).unwrap()
    }

    /// Builds the broker, without serving it.
    pub async fn build(&mut self) -> Result<App, AppError> {
        self.build_by(self.clock.clone()).await
    }

    /// Builds it by another clock.
    async fn build_by(&mut self, clock: Arc<dyn Clock>) -> Result<App, AppError> {
        self.provision().await;
        // Another sequence at each start: salts and record ids must not repeat.
        self.seed += 1_000_000;
        App::build(self.config(), clock, Arc::new(SeededEntropy::new(self.seed))).await
    }

    /// Serves it.
    pub async fn serve(self) -> TestBroker {
        let clock = self.clock.clone();
        self.serve_by(clock).await
    }

    /// Serves it by another clock.
    pub async fn serve_by(mut self, clock: Arc<dyn Clock>) -> TestBroker {
        let app = self.build_by(clock).await.unwrap();
        let log_state = app.log_state();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (reload, requests) = watch::channel(0);
        let serving = tokio::spawn(app.run(listener, requests, async {
            let _ = stopped.await;
        }));
        // The listener is bound, so nothing is lost by connecting with the first request.
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        TestBroker { deployment: self, address, channel, log_state, reload, stop: Some(stop), serving: Some(serving) }
    }

    /// Makes the databases once: what a test makes of them stays.
    pub async fn provision(&self) {
        if Config::read(&self.path("disown.toml")).is_ok() && !self.provisioned.swap(true, Ordering::Relaxed) {
            // Where something is wrong with the deployment the start tells.
            let made = self.make_stores().await;
            self.provisioned.store(made.is_ok(), Ordering::Relaxed);
        }
    }

    /// Who may do anything on its server.
    pub fn administrator(&self) -> PgConnectOptions {
        self.servers.as_ref().unwrap().admin()
    }

    /// Makes the databases that were never made, as `disownctl database init` does.
    pub async fn make_stores(&self) -> Result<Vec<String>, NotMade> {
        let admin = self.servers.as_ref().map(|servers| servers.admin());
        make_stores(&self.config(), admin.as_ref(), None, &SystemEntropy).await
    }

    pub async fn verify(&self) -> Verified {
        verify_log(&self.reader().await, &self.log_key()).await.unwrap()
    }
}

impl TestBroker {
    /// Empty datasets.
    pub async fn empty() -> Self {
        Deployment::new().serve().await
    }

    /// With the people of `people.rs` in it.
    pub async fn populated() -> Self {
        let broker = Self::empty().await;
        broker.populate().await;
        broker
    }

    /// Stops serving and gives the deployment back, to be looked at or served again.
    pub async fn stop(mut self) -> Deployment {
        let ended = self.end().await;
        ended.unwrap();
        let empty = self.deployment.nowhere();
        std::mem::replace(&mut self.deployment, empty)
    }

    /// How serving ended by itself.
    pub async fn serving_ended(&mut self) -> Result<(), AppError> {
        tokio::time::timeout(Duration::from_secs(20), self.serving.take().unwrap())
            .await
            .expect("it serves on")
            .unwrap()
    }

    /// How serving ended.
    pub async fn end(&mut self) -> Result<(), AppError> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        match self.serving.take() {
            Some(serving) => serving.await.unwrap(),
            None => Ok(()),
        }
    }

    /// Stops, verifies the access log, and searches everything that was written for subject identifiers.
    pub async fn finish(self) -> Verified {
        let deployment = self.stop().await;
        assert_no_identifier(deployment.base());
        deployment.verify().await
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        if self.serving.is_some() && !std::thread::panicking() {
            panic!(
                "a test ends its broker with `finish`, which verifies the access log and looks for leaks, or with `stop`"
            );
        }
    }
}
