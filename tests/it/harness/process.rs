//! The real binary, in a process of its own: what can be killed, and what has a disk of its own.

use super::{Deployment, Servers, TestBroker};
use disown::{
    access_log::LogState,
    clock::{Clock, SystemClock},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;
use tonic::transport::Channel;

/// A broker in a process of its own. It ends with its guard.
pub struct Process {
    child: Child,
    address: String,
    // Kept open: a broker that writes to it must not be ended by that.
    _out: BufReader<ChildStdout>,
}

impl Deployment {
    /// Laid out on the machine's own day, which is the one that the binary knows.
    pub fn of_today() -> Self {
        Self::at(SystemClock.now())
    }

    /// Like that, on servers of its own.
    pub fn of_today_on(servers: Arc<dyn Servers>) -> Self {
        Self::on_servers(SystemClock.now(), servers)
    }

    /// The command that serves it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_disownctl"));
        command.args(["serve", "--development", "--config"]).arg(self.path("disown.toml"));
        command
    }

    /// Starts the binary by that command, which may be wrapped, and speaks to it like to any other broker. Tokens are made anew.
    pub async fn serve_apart(self, command: Command) -> (TestBroker, Process) {
        match self.try_apart(command).await {
            Ok(serving) => serving,
            Err((_, process, ended)) => panic!("the broker (process {process}) did not start: {ended}"),
        }
    }

    /// The same, of a broker that may not start: its process, and how that ended.
    pub async fn try_apart(self, command: Command) -> Result<(TestBroker, Process), (Self, u32, ExitStatus)> {
        let telemetry = File::options().create(true).append(true).open(self.path("telemetry")).unwrap();
        self.try_saying(command, telemetry.into()).await
    }

    /// The same, with a standard error that nobody reads, unless they take it from the process.
    pub async fn serve_unread(self, command: Command) -> (TestBroker, Process) {
        match self.try_saying(command, Stdio::piped()).await {
            Ok(serving) => serving,
            Err((_, process, ended)) => panic!("the broker (process {process}) did not start: {ended}"),
        }
    }

    async fn try_saying(
        self,
        mut command: Command,
        telemetry: Stdio,
    ) -> Result<(TestBroker, Process), (Self, u32, ExitStatus)> {
        self.provision().await;
        self.clock.set(SystemClock.now());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(telemetry);
        let process = match tokio::task::spawn_blocking(move || Process::start(command)).await.unwrap() {
            Ok(process) => process,
            Err((process, ended)) => return Err((self, process, ended)),
        };
        let channel = Channel::from_shared(format!("http://{}", process.address)).unwrap().connect_lazy();
        let (_, log_state) = watch::channel(LogState::Ready);
        let (reload, _) = watch::channel(0);
        let address = process.address.parse().unwrap();
        Ok((TestBroker { deployment: self, address, channel, log_state, reload, stop: None, serving: None }, process))
    }
}

impl Deployment {
    /// What a broker apart said in its telemetry.
    pub fn telemetry(&self) -> String {
        std::fs::read_to_string(self.path("telemetry")).unwrap()
    }
}

/// Waits until it is so.
pub async fn until(so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(90), waiting).await.expect("it did not become so");
}

impl Process {
    /// Waits until it listens, or has ended instead.
    fn start(mut command: Command) -> Result<Self, (u32, ExitStatus)> {
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        match line.trim().strip_prefix("listening on ") {
            Some(address) => Ok(Self { address: address.to_owned(), child, _out: out }),
            None => Err((child.id(), child.wait().unwrap())),
        }
    }

    /// Of the broker, or of the command that it was wrapped in and that became it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to read its policy and its certificates again.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// What it says on standard error from the beginning, where nobody read it until now.
    pub fn unread(&mut self) -> ChildStderr {
        self.child.stderr.take().unwrap()
    }

    /// Whether it likes to or not.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its memory in use, in KiB.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub async fn end(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap()
    }

    /// The same, where it might not: then it is killed, and the test fails.
    pub async fn end_within(mut self, longest: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        ended_within(&mut self.child, longest).await
    }
}

/// Waits for the end of a process, for so long at most.
pub async fn ended_within(child: &mut Child, longest: Duration) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(ended) = child.try_wait().unwrap() {
            return ended;
        }
        if began.elapsed() > longest {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it did not end");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
