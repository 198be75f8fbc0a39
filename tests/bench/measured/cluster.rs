//! A throwaway PostgreSQL on a unix socket, as durable as one that matters.

use super::{account::Account, binaries::Binaries, child::Guard, process::Process};
use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, setpriority_process};
use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The owner of everything in it.
pub const KEEPER: &str = "keeper";
pub const DATABASE: &str = "postgres";
/// The lowest priority there is.
pub const GIVING_WAY: i32 = 19;

/// The same whoever is measured: durable, room for 256 callers, and no checkpoint in the middle of a window.
const SETTINGS: [&str; 8] = [
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=256MB",
    "max_connections=300",
    "max_wal_size=4GB",
    "checkpoint_timeout=30min",
    "listen_addresses=",
];

pub struct Cluster {
    pub binaries: Binaries,
    pub account: Account,
    folder: TempDir,
    /// Elsewhere, for the path of a socket has to be short.
    sockets: TempDir,
}

impl Cluster {
    pub fn init() -> anyhow::Result<Self> {
        let (binaries, account) = (Binaries::find()?, Account::find()?);
        let named = |folder: &Path| tempfile::Builder::new().prefix("disown-bench-").tempdir_in(folder);
        // On the disk that the build is on: a temporary file system of memory syncs nothing.
        let folder = named(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
        let sockets = named(&std::env::temp_dir())?;
        account.give(folder.path())?;
        account.give(sockets.path())?;
        let mut initdb = account.command(&binaries.program("initdb")?);
        initdb.arg("--pgdata").arg(folder.path().join("data")).args(["--username", KEEPER]);
        // Nobody else can reach the socket.
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C"]);
        succeed(&mut initdb)?;
        Ok(Self { binaries, account, folder, sockets })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn sockets(&self) -> &Path {
        self.sockets.path()
    }

    /// With settings beyond those that are the same for all.
    pub fn start(&self, settings: &[&str]) -> anyhow::Result<Server<'_>> {
        self.start_in(settings, &[])
    }

    /// With variables in its environment, too.
    pub fn start_in(&self, settings: &[&str], environment: &[(&str, &OsStr)]) -> anyhow::Result<Server<'_>> {
        let mut postgres = self.account.command(&self.binaries.program("postgres")?);
        postgres.envs(environment.iter().copied());
        postgres.arg("-D").arg(self.path("data")).arg("-k").arg(self.sockets());
        for setting in SETTINGS.iter().chain(settings) {
            postgres.args(["-c", setting]);
        }
        let telemetry = File::create(self.path("telemetry"))?;
        postgres.stdout(telemetry.try_clone()?).stderr(telemetry);
        // Interrupted, it ends at once and in order.
        let process = Guard::new(postgres.spawn()?, Signal::INT);
        let mut server = Server { cluster: self, process };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// A program that finds the server by what it is told here.
    pub fn client(&self, program: &str, user: &str) -> anyhow::Result<Command> {
        let mut client = Command::new(self.binaries.program(program)?);
        client.arg("--host").arg(self.sockets()).args(["--username", user]);
        Ok(client)
    }
}

/// A server that runs. It ends with its guard.
pub struct Server<'a> {
    pub cluster: &'a Cluster,
    process: Guard,
}

impl Server<'_> {
    pub fn process(&self) -> Process {
        Process::with_children("postgres", self.process.child.id())
    }

    /// From here on its new connections let everybody else go first.
    pub fn give_way(&self) -> anyhow::Result<()> {
        Ok(setpriority_process(Pid::from_raw(self.process.child.id().cast_signed()), GIVING_WAY)?)
    }

    /// What the statements give, a line each row, in columns parted by `|`.
    pub fn query(&self, user: &str, statements: &str) -> anyhow::Result<String> {
        self.query_in(user, DATABASE, statements)
    }

    pub fn query_in(&self, user: &str, database: &str, statements: &str) -> anyhow::Result<String> {
        let mut psql = self.cluster.client("psql", user)?;
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.args(["--command", statements, database]);
        Ok(succeed(&mut psql)?.trim().to_owned())
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        while self.query(KEEPER, "SELECT").is_err() {
            let ended = self.process.child.try_wait()?.is_some();
            if ended || start.elapsed() > Duration::from_secs(60) {
                let said = fs::read_to_string(self.cluster.path("telemetry"))?;
                anyhow::bail!("postgres did not start: {}", said.lines().last().unwrap_or_default());
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// What a program prints that has to succeed.
pub fn succeed(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().display().to_string();
    let done = command.output().with_context(|| name.clone())?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{name}: {}", said.trim());
    Ok(String::from_utf8(done.stdout)?)
}
