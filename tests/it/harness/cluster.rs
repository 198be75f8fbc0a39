//! A throwaway server of PostgreSQL for all tests of this process: in a temporary directory, on a socket, ended with the process. It is
//! as durable as a real one.

use disown::{config::Config, dataset::Catalogue};
use sqlx::postgres::PgConnectOptions;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// A server, and what ends it: whoever holds its standard input keeps it alive.
pub struct Cluster {
    folder: PathBuf,
    _alive: ChildStdin,
}

/// The user that the packages of PostgreSQL make.
const USER: &str = "postgres";

/// Settings beyond the defaults: room for many brokers at once.
const SETTINGS: &str = "\
listen_addresses = ''
max_connections = 600
shared_buffers = 128MB
fsync = on
log_min_messages = fatal
";

/// Starts the server by a shell that ends it when nobody is left: the standard input of the shell is a pipe of this process, which
/// closes with it, however it ends.
const SCRIPT: &str = r#"
set -e
"$1/initdb" -D "$2/data" -U postgres --auth=trust --no-sync --locale=C -E UTF8 >"$2/initdb.log" 2>&1
cat "$2/settings" >>"$2/data/postgresql.conf"
"$1/postgres" -D "$2/data" -k "$2" >"$2/server.log" 2>&1 &
server=$!
read -r _ || true
kill -INT "$server"
wait "$server" || true
rm -rf "$2"
"#;

impl Cluster {
    /// The server of this process, started at its first use.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Another one.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("disown-postgres-").tempdir().unwrap().keep();
        fs::write(folder.join("settings"), SETTINGS).unwrap();
        if rustix::process::geteuid().is_root() {
            // The server refuses to be run by the superuser: it is whoever runs it instead whose folder this is.
            assert!(Command::new("chown").arg(USER).arg(&folder).status().unwrap().success());
        }
        let mut command = as_somebody(&["sh", "-c", SCRIPT, "sh"]);
        command.arg(binaries()).arg(&folder).stdin(Stdio::piped());
        let mut shell: Child = command.spawn().unwrap();
        let alive = shell.stdin.take().unwrap();
        let cluster = Self { folder, _alive: alive };
        cluster.wait(&mut shell);
        cluster
    }

    fn wait(&self, shell: &mut Child) {
        let patience = Instant::now() + Duration::from_secs(60);
        let ready = self.folder.join(".s.PGSQL.5432");
        loop {
            let answers = Command::new(Path::new(&binaries()).join("pg_isready"))
                .args(["-q", "-h"])
                .arg(&self.folder)
                .status()
                .is_ok_and(|status| status.success());
            if answers && ready.exists() {
                return;
            }
            let ended = shell.try_wait().unwrap();
            let log = || fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < patience, "PostgreSQL does not start: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its superuser.
    pub fn admin(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass().socket(&self.folder).username("postgres").database("postgres")
    }

    /// Names for the databases of one more deployment.
    pub fn section(&self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut section = format!(
            "[postgres]\nhosts = [\"{}\"]\n\n[postgres.control]\ndatabase = \"d{count}_control\"\n\n",
            self.folder.display()
        );
        for dataset in ["people", "clinical", "public_health", "schools"] {
            section += &format!("[postgres.datasets.{dataset}]\ndatabase = \"d{count}_{dataset}\"\n\n");
        }
        section
    }

    /// Makes the databases that a configuration names.
    pub async fn provision(&self, config: &Config) {
        let catalogue = fs::read_to_string(config.policies.join("catalogue.toml")).unwrap();
        let catalogue = Catalogue::parse(&catalogue).unwrap();
        for database in config.postgres.as_ref().unwrap().provisions(&catalogue, None).unwrap() {
            database.make(&self.admin()).await.unwrap();
        }
    }
}

/// Where the server's programs are: Debian keeps them out of the path.
fn binaries() -> String {
    let told = Command::new("pg_config").arg("--bindir").output().ok().filter(|told| told.status.success());
    let mut places: Vec<PathBuf> =
        told.map(|told| String::from_utf8(told.stdout).unwrap().trim().into()).into_iter().collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    places.extend(versions.map(|version| version.path().join("bin")));
    let found = places.into_iter().find(|place| place.join("initdb").exists());
    found.expect("PostgreSQL is not installed; `tests/run` does that").display().to_string()
}

/// A command, by another user than the superuser.
fn as_somebody(words: &[&str]) -> Command {
    let superuser = rustix::process::geteuid().is_root();
    let mut all: Vec<&str> =
        if superuser { vec!["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--"] } else { vec![] };
    all.extend(words);
    let mut command = Command::new(all[0]);
    command.args(&all[1..]);
    command
}
