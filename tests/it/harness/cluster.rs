//! A throwaway server of PostgreSQL for all tests of this process: in a temporary directory, on a socket, ended with the process. It is
//! as durable as a real one.

use super::servers::{Servers, superuser};
use sqlx::postgres::PgConnectOptions;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// A server, and what ends it: whoever holds its standard input keeps it alive.
pub struct Cluster {
    folder: PathBuf,
    _alive: ChildStdin,
}

/// The user that the packages of PostgreSQL make.
pub(super) const USER: &str = "postgres";

/// Settings beyond the defaults: room for many brokers at once.
pub(super) const SETTINGS: &str = "\
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
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| Arc::new(Self::start())).clone()
    }

    fn start() -> Self {
        let folder = folder();
        fs::write(folder.join("settings"), SETTINGS).unwrap();
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
}

impl Servers for Cluster {
    fn hosts(&self) -> Vec<String> {
        vec![self.folder.display().to_string()]
    }

    fn admin(&self) -> PgConnectOptions {
        superuser(&self.folder)
    }
}

/// A folder for a server. It refuses to be run by the superuser: it is whoever runs it instead whose folder this is.
pub(super) fn folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("disown-postgres-").tempdir().unwrap().keep();
    if rustix::process::geteuid().is_root() {
        assert!(Command::new("chown").arg(USER).arg(&folder).status().unwrap().success());
    }
    folder
}

/// Where the server's programs are: Debian keeps them out of the path.
pub(super) fn binaries() -> String {
    let told = Command::new("pg_config").arg("--bindir").output().ok().filter(|told| told.status.success());
    let mut places: Vec<PathBuf> =
        told.map(|told| String::from_utf8(told.stdout).unwrap().trim().into()).into_iter().collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    places.extend(versions.map(|version| version.path().join("bin")));
    let found = places.into_iter().find(|place| place.join("initdb").exists());
    found.expect("PostgreSQL is not installed; `tests/run` does that").display().to_string()
}

/// A command, by another user than the superuser.
pub(super) fn as_somebody(words: &[&str]) -> Command {
    let superuser = rustix::process::geteuid().is_root();
    let mut all: Vec<&str> =
        if superuser { vec!["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--"] } else { vec![] };
    all.extend(words);
    let mut command = Command::new(all[0]);
    command.args(&all[1..]);
    command
}
