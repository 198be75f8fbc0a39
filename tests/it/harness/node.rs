//! A server of PostgreSQL of a test's own: one that is killed, started again, copied, promoted. It ends with the test process.

use super::{
    cluster::{SETTINGS, USER, as_somebody, binaries, folder},
    servers::{Servers, superuser},
};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::PgConnectOptions;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::Mutex,
    thread::sleep,
    time::{Duration, Instant},
};

/// A folder with a server's data and its socket, and the server while it runs.
pub struct Node {
    folder: PathBuf,
    running: Mutex<Option<Child>>,
    _alive: ChildStdin,
}

/// Ends whatever server still runs on the folder when nobody holds the pipe any more, and removes it.
const GUARD: &str = r#"
read -r _ || true
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$1/data" ]; then
    kill -QUIT "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
fi
rm -rf "$1"
"#;

const PATIENCE: Duration = Duration::from_secs(60);

impl Node {
    /// A server of its own, started.
    pub fn start_new() -> Self {
        let node = Self::nothing();
        let data = node.data();
        let data = data.to_str().unwrap();
        run(&["initdb", "-D", data, "-U", USER, "--auth=trust", "--no-sync", "--locale=C", "-E", "UTF8"]);
        let configuration = node.data().join("postgresql.conf");
        fs::write(&configuration, fs::read_to_string(&configuration).unwrap() + SETTINGS).unwrap();
        node.start();
        node
    }

    /// A folder, and nothing in it.
    pub(super) fn nothing() -> Self {
        let folder = folder();
        let mut guard = as_somebody(&["sh", "-c", GUARD, "sh"]);
        let mut guard = guard.arg(&folder).stdin(Stdio::piped()).spawn().unwrap();
        Self { folder, running: Mutex::new(None), _alive: guard.stdin.take().unwrap() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Becomes a copy of another one, which it follows from then on as the standby called `standby`, and starts.
    pub(super) fn follow(&self, primary: &Node) {
        let _ = fs::remove_dir_all(self.data());
        let from = format!("host={} user={USER} application_name=standby", primary.folder.display());
        let data = self.data();
        run(&[
            "pg_basebackup",
            "-d",
            &from,
            "-D",
            data.to_str().unwrap(),
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
        ]);
        self.start();
    }

    /// Starts it on what it has, and waits until it answers.
    pub fn start(&self) {
        let log = File::options().create(true).append(true).open(self.folder.join("server.log")).unwrap();
        let mut command = as_somebody(&[&program("postgres")]);
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.folder);
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        *self.running.lock().unwrap() = Some(child);
        self.until("answer", || {
            let asked = Command::new(program("pg_isready")).args(["-q", "-h"]).arg(&self.folder).status();
            asked.is_ok_and(|status| status.success())
        });
    }

    /// `kill -9`, of the server and of every process of it. When this returns all of them are gone.
    pub fn kill(&self) {
        let mut child = self.running.lock().unwrap().take().unwrap();
        let own: Vec<Pid> = self.processes(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        for pid in &own {
            // Most of them end by themselves when the server is gone.
            let _ = kill_process(*pid, Signal::KILL);
        }
        self.until("end", || own.iter().all(|pid| gone(*pid)));
    }

    /// Takes writes from now on.
    pub(super) fn promote(&self) {
        run(&["pg_ctl", "promote", "-w", "-D", self.data().to_str().unwrap()]);
    }

    /// What a statement gives, as the superuser.
    pub fn psql(&self, statement: &str) -> String {
        run(&["psql", "-X", "-At", "-h", self.folder.to_str().unwrap(), "-U", USER, "-c", statement])
    }

    /// Stops the processes of it that are called so, or lets them go on.
    pub fn signal(&self, called: &str, signal: Signal) {
        let server = self.running.lock().unwrap().as_ref().unwrap().id();
        let mut found = 0;
        for pid in self.processes(server) {
            let title = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
            if String::from_utf8_lossy(&title).contains(called) {
                kill_process(pid, signal).unwrap();
                found += 1;
            }
        }
        assert!(found > 0, "no process of the server is called {called}");
    }

    fn processes(&self, server: u32) -> Vec<Pid> {
        let children = fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap();
        children.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap()).collect()
    }

    pub(super) fn until(&self, what: &str, so: impl Fn() -> bool) {
        let patience = Instant::now() + PATIENCE;
        while !so() {
            let log = || fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
            assert!(Instant::now() < patience, "PostgreSQL does not {what}: {}", log());
            sleep(Duration::from_millis(20));
        }
    }
}

impl Servers for Node {
    fn hosts(&self) -> Vec<String> {
        vec![self.folder.display().to_string()]
    }

    fn admin(&self) -> PgConnectOptions {
        superuser(&self.folder)
    }
}

/// Ended, or only waiting to be noticed by whoever has inherited it.
fn gone(pid: Pid) -> bool {
    let told = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    told.map_or(true, |stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
}

fn program(name: &str) -> String {
    Path::new(&binaries()).join(name).display().to_string()
}

/// Runs a program of PostgreSQL that must succeed.
fn run(words: &[&str]) -> String {
    let program = program(words[0]);
    let mut words = words.to_vec();
    words[0] = &program;
    let ran = as_somebody(&words).current_dir("/").output().unwrap();
    assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}
