//! System calls that fail, one at a time: `strace` makes them.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
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

impl Fault {
    /// What may befall these calls, each so often as it is made.
    pub(super) fn all(
        calls: impl IntoIterator<Item = (String, usize)>,
        of: impl Fn(&str) -> Vec<Instead>,
    ) -> Vec<Self> {
        let each = calls.into_iter().flat_map(|(call, most)| {
            let befalling = of(&call);
            let numbered =
                (1..=most).flat_map(move |number| befalling.clone().into_iter().map(move |instead| (number, instead)));
            numbered.map(move |(number, instead)| Self { call: call.clone(), number, instead })
        });
        each.collect()
    }

    /// So many of them, evenly apart.
    pub(super) fn spread(all: &[Self], chosen: usize) -> impl Iterator<Item = &Self> {
        (0..chosen).map(move |at| &all[at * all.len() / chosen + all.len() / chosen / 2])
    }

    /// How often a call is made differs a little from run to run.
    pub(super) fn assert_most_befell(befell: u64, chosen: usize) {
        println!("{befell} of {chosen} faults befell a call");
        assert!(befell + 1 + chosen as u64 / 10 >= chosen as u64, "the calls are not those that were counted");
    }

    fn arguments(&self) -> [String; 4] {
        let Self { call, number, instead } = self;
        let what = match instead {
            Instead::Kill => "signal=KILL".to_owned(),
            Instead::Error(code) => format!("error={code}"),
        };
        let inject = format!("inject={call}:{what}:when={number}");
        ["-e".to_owned(), format!("trace={call}"), "-e".to_owned(), inject]
    }
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

/// Whether it may follow a process that it did not start.
pub(super) fn may_attach() -> bool {
    let mut other = Command::new("sleep").arg("60").spawn().unwrap();
    let attached = Attached::try_with(other.id(), [].iter());
    let may = attached.is_ok();
    if let Ok(attached) = attached {
        attached.end();
    }
    other.kill().unwrap();
    other.wait().unwrap();
    if !may {
        println!("SKIPPED  SKIPPED  SKIPPED: strace is not here or may not attach; failing servers were NOT tried");
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
        if let Some(fault) = fault {
            around.args(fault.arguments());
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
        most_of_one_thread(&fs::read_to_string(self.output()).unwrap())
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

/// Follows a process that runs already.
pub(super) struct Attached {
    strace: Child,
    folder: TempDir,
}

/// What it did until it was let go.
pub(super) struct Followed(String);

impl Attached {
    /// With a fault, or without. When this returns it is followed.
    pub(super) fn to(process: u32, fault: Option<&Fault>) -> Self {
        Self::with(process, fault.map(Fault::arguments).iter().flatten())
    }

    /// With arguments of its own.
    pub(super) fn with<'a>(process: u32, arguments: impl Iterator<Item = &'a String>) -> Self {
        Self::try_with(process, arguments).unwrap_or_else(|said| panic!("strace: {said}"))
    }

    fn try_with<'a>(process: u32, arguments: impl Iterator<Item = &'a String>) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("strace");
        command.arg("-f").arg("-o").arg(folder.path().join("calls")).args(arguments).args(["-p", &process.to_string()]);
        let mut strace = command.stderr(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let mut said = String::new();
        BufReader::new(strace.stderr.take().unwrap()).read_line(&mut said).unwrap();
        if !said.contains("attached") {
            strace.wait().unwrap();
            return Err(said);
        }
        Ok(Self { strace, folder })
    }

    /// Whether the fault befell it by now.
    pub(super) fn befell(&self) -> bool {
        self.so_far().befell()
    }

    fn so_far(&self) -> Followed {
        Followed(fs::read_to_string(self.folder.path().join("calls")).unwrap())
    }

    /// Lets it go.
    pub(super) fn end(mut self) -> Followed {
        // It has ended already where the process has.
        let _ = kill_process(Pid::from_child(&self.strace), Signal::INT);
        self.strace.wait().unwrap();
        self.so_far()
    }
}

impl Followed {
    /// Whether a call failed, or the process ended instead of one.
    pub(super) fn befell(&self) -> bool {
        self.0.contains("(INJECTED)") || self.0.contains("killed by SIGKILL")
    }

    /// How often it made each call.
    pub(super) fn calls(&self) -> BTreeMap<String, usize> {
        most_of_one_thread(&self.0)
    }
}

fn most_of_one_thread(calls: &str) -> BTreeMap<String, usize> {
    let mut made: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in calls.lines() {
        if let Some((thread, rest)) = line.split_once(' ')
            && let Some((call, _)) = rest.trim_start().split_once('(')
            && call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            *made.entry((thread, call)).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((_, call), count) in made {
        let known: &mut usize = most.entry(call.to_owned()).or_default();
        *known = count.max(*known);
    }
    most
}
