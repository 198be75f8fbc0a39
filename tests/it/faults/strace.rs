//! System calls that fail, one at a time: `strace` makes them.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instead {
    /// `kill -9` instead of it.
    Kill,
    /// It fails with that.
    Error(&'static str),
}

/// One call of each thread: the n-th of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) call: String,
    pub(super) number: usize,
    pub(super) instead: Instead,
}

/// Follows what a process asks of the system about some files.
pub(super) struct Strace {
    folder: TempDir,
    files: Vec<PathBuf>,
}

/// Whether it is here and may follow processes.
pub(super) fn may_trace() -> bool {
    let tried = Command::new("strace").args(["-f", "--seccomp-bpf", "-o", "/dev/null", "true"]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        println!("SKIPPED  SKIPPED  SKIPPED: strace is not here or may not trace; failing system calls were NOT tried");
    }
    may
}

impl Strace {
    pub(super) fn of(files: Vec<PathBuf>) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), files }
    }

    /// A command, followed, which some fault may befall. Its process is the command's own: `strace` stands aside.
    pub(super) fn around(&self, command: &Command, fault: Option<&Fault>) -> Command {
        let mut around = Command::new("strace");
        around.args(["-D", "-f", "-o"]).arg(self.output());
        for file in &self.files {
            around.arg("-P").arg(file);
        }
        if let Some(Fault { call, number, instead }) = fault {
            let what = match instead {
                Instead::Kill => "signal=KILL".to_owned(),
                Instead::Error(code) => format!("error={code}"),
            };
            around.args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:{what}:when={number}")]);
        }
        around.arg("--").arg(command.get_program()).args(command.get_args());
        around
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("calls")
    }

    /// How often one thread of a process that has ended made each call at the most.
    pub(super) fn calls(&self, process: u32) -> BTreeMap<String, usize> {
        self.made_fail(process);
        let mut made: BTreeMap<(String, String), usize> = BTreeMap::new();
        for line in fs::read_to_string(self.output()).unwrap().lines() {
            if let Some((thread, rest)) = line.split_once(' ')
                && let Some((call, _)) = rest.trim_start().split_once('(')
                && call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                *made.entry((thread.to_owned(), call.to_owned())).or_default() += 1;
            }
        }
        let mut most = BTreeMap::new();
        for ((_, call), count) in made {
            let known: &mut usize = most.entry(call).or_default();
            *known = count.max(*known);
        }
        most
    }

    /// Whether a call was made to fail, once the process has ended. The one who stands aside may still be writing that down.
    pub(super) fn made_fail(&self, process: u32) -> bool {
        let patience = Instant::now() + Duration::from_secs(20);
        let ended = |line: &str| {
            let mut words = line.split_whitespace();
            words.next() == Some(&process.to_string()) && words.next() == Some("+++")
        };
        loop {
            let calls = fs::read_to_string(self.output()).unwrap();
            if calls.lines().any(ended) {
                return calls.contains("(INJECTED)");
            }
            assert!(Instant::now() < patience, "strace does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
