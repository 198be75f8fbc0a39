//! Running the command.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio},
};

/// The command, without the settings of whoever runs the tests.
pub fn disown() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_disownctl"));
    for name in ["DISOWN_SERVER", "DISOWN_TOKEN", "DISOWN_CA", "DISOWN_CERT", "DISOWN_KEY", "DISOWN_TELEMETRY"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// What it prints; it must succeed.
pub fn succeeds(arguments: &[&str]) -> String {
    said(disown().args(arguments).output().unwrap(), arguments)
}

pub fn said(output: Output, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = output;
    assert!(status.success(), "{arguments:?}: {status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// What it prints as JSON.
pub fn json(arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&succeeds(arguments)).unwrap()
}

/// What it says on standard error; it must end with that code and print nothing else.
pub fn fails(code: i32, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = disown().args(arguments).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{arguments:?}: {stderr}");
    assert!(stdout.is_empty(), "{arguments:?} printed {}", String::from_utf8_lossy(&stdout));
    assert!(stderr.starts_with("disownctl: "), "{stderr}");
    stderr
}

/// `disownctl serve`, in a process of its own.
pub struct Serving {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
    pub address: String,
}

impl Serving {
    /// Serves a deployment for development, and waits until it listens.
    pub fn start(deployment: &Path) -> Self {
        let mut child = disown()
            .args(["serve", "--development", "--telemetry", "info", "--config"])
            .arg(deployment.join("disown.toml"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = stdout.next().expect("it ended instead of listening").unwrap();
        let address = listening.strip_prefix("listening on ").unwrap().to_owned();
        Self { child, stdout, stderr, address: format!("http://{address}") }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads telemetry until it speaks of that.
    pub fn wait_for(&mut self, text: &str) -> String {
        self.stderr.by_ref().map(Result::unwrap).find(|line| line.contains(text)).expect("it ended without saying so")
    }

    /// Ends it, and gives its exit code and the telemetry that was not read yet.
    pub fn terminate(mut self) -> (Option<i32>, Vec<String>) {
        self.signal(Signal::TERM);
        let telemetry = self.stderr.by_ref().map(Result::unwrap).collect();
        assert!(self.stdout.next().is_none());
        (self.child.wait().unwrap().code(), telemetry)
    }
}

impl Drop for Serving {
    /// A test that failed leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
