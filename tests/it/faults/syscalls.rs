//! Each system call on the access log's files fails once, or the broker is killed instead of it: from its start over a few requests
//! to its end.

use super::{
    LOG, Outcome, Trial,
    strace::{Fault, Instead, Strace, may_trace},
};
use crate::{
    harness::*,
    kill::{Received, Stored},
};
use disown::access_log::merkle::Frontier;
use std::{fs, os::unix::process::ExitStatusExt, path::Path, process::ExitStatus, time::Duration};
use tokio::time::timeout;

const EIO: Instead = Instead::Error("EIO");
const ENOSPC: Instead = Instead::Error("ENOSPC");

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_call_nothing_that_was_received_is_missing() {
    let what = "the broker is killed at a system call on the log";
    try_each("F02", what, 4, |_| vec![Instead::Kill]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_call_fails_nothing_is_released_without_its_entry() {
    // A call that makes nothing longer cannot run out of room.
    let room = ["pwrite64", "ftruncate", "fsync", "fdatasync", "openat", "mmap"];
    let faults = |call: &str| if room.contains(&call) { vec![EIO, ENOSPC] } else { vec![EIO] };
    try_each("F03", "a system call on the log fails, once", 4, faults).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_once_and_works_again_is_not_believed() {
    let faults = |call: &str| if ["fsync", "fdatasync"].contains(&call) { vec![EIO] } else { vec![] };
    try_each("F04", "a sync fails once, and the next one works", 3, faults).await;
}

/// With each fault of each call; in the short form with so many of them, evenly apart.
async fn try_each(id: &'static str, what: &'static str, short: usize, faults: impl Fn(&str) -> Vec<Instead>) {
    if !on_files() {
        return;
    }
    if !may_trace() {
        return Trial::new(id, what, 0, 0).not_tried();
    }
    let mut deployment = populated_and_stopped().await;
    let calls;
    (deployment, calls) = calls_of(deployment).await;
    let all = Fault::all(calls, faults);
    let mut trial = Trial::new(id, what, short.min(all.len()) as u64, all.len() as u64);
    let chosen = usize::try_from(trial.cycles()).unwrap();
    let (mut outcome, mut befell) = (Outcome::default(), 0);
    for fault in Fault::spread(&all, chosen) {
        let tried;
        (deployment, tried) = once(deployment, fault).await;
        befell += u64::from(tried.befell);
        outcome.released += tried.released;
    }
    Fault::assert_most_befell(befell, chosen);
    trial.happened(befell);
    trial.passed(outcome);
}

struct Tried {
    befell: bool,
    released: u64,
}

async fn once(deployment: Deployment, fault: &Fault) -> (Deployment, Tried) {
    put_back(&deployment);
    let strace = log_of(&deployment);
    let (deployment, Lived { mut received, befell, syncing, refused, ended }) =
        live(deployment, &strace, Some(fault)).await;
    if befell && syncing && refused.contains(&true) {
        // From the first that is refused all are, until a start has read what is there.
        assert!(refused.is_sorted(), "{fault:?}: {refused:?}");
        assert_eq!(ended.code(), Some(LOG_STATE_UNKNOWN), "{fault:?}");
    }
    // Without the fault it starts, and answers, whatever was left.
    let command = deployment.command();
    let (broker, process) = deployment.serve_apart(command).await;
    let answered = timeout(PATIENCE, ask(&broker, &mut received)).await.unwrap();
    assert!(answered.iter().all(|refused| !refused), "{fault:?}: {answered:?}");
    assert!(process.end().await.success(), "{fault:?}");
    let deployment = broker.stop().await;
    let key = deployment.log_key();
    let stored = Stored::read(&deployment, 0).await;
    stored.grow(&mut Frontier::new(), &key);
    let missing = received.missing(&stored, &key);
    assert!(missing.is_empty(), "{fault:?}: {missing:#?}");
    stored.assert_accounted_for();
    deployment.verify().await;
    assert_no_identifier(&deployment.path("data"));
    let released = (received.answers.len() + received.puts.len()) as u64;
    (deployment, Tried { befell, released })
}

/// The exit code of a broker that does not know what is in its log.
const LOG_STATE_UNKNOWN: i32 = 74;

/// Longer than anything waits.
const PATIENCE: Duration = Duration::from_secs(60);

struct Lived {
    received: Received,
    befell: bool,
    /// The fault is one of a sync.
    syncing: bool,
    /// Of each question.
    refused: Vec<bool>,
    ended: ExitStatus,
}

/// Starts a broker, which may not start, asks it, and ends it.
async fn live(deployment: Deployment, strace: &Strace, fault: Option<&Fault>) -> (Deployment, Lived) {
    let command = strace.around(&deployment.command(), fault);
    let mut received = Received::default();
    let (deployment, process, ended, refused) = match deployment.try_apart(command).await {
        Ok((broker, process)) => {
            let refused = timeout(PATIENCE, ask(&broker, &mut received)).await.unwrap_or_else(|_| panic!("{fault:?}"));
            let id = process.id();
            let ended = timeout(PATIENCE, process.end()).await.unwrap_or_else(|_| panic!("it does not end: {fault:?}"));
            (broker.stop().await, id, ended, refused)
        }
        Err((deployment, process, ended)) => (deployment, process, ended, vec![]),
    };
    let syncing = fault.is_some_and(|fault| fault.call.ends_with("sync") && fault.instead == EIO);
    let failed = strace.made_fail(process);
    let befell = failed || fault.is_some_and(|fault| fault.instead == Instead::Kill && ended.signal() == Some(9));
    (deployment, Lived { received, befell, syncing, refused, ended })
}

/// Questions, refusals and records put in, one after the other; of each whether it was refused.
async fn ask(broker: &TestBroker, received: &mut Received) -> Vec<bool> {
    let mut refused = Vec::new();
    for (asker, number) in [(clinician(), ISOLATING), (police(), NOBODY), (tracer(), ISOLATING)] {
        let told = broker.ask(&asker, asker.question(number)).await;
        refused.push(told.is_err());
        received.answers.extend(told.map(|told| told.response));
    }
    let record = format!("P{}", broker.address.port());
    let values = [("jy_number", FREE), ("record_id", record.as_str()), ("event_date", "2026-01-05")];
    let put = broker.put(&registrar(), "public_health.isolation", &values).await;
    refused.push(put.is_err());
    received.puts.extend(put);
    refused
}

/// How often one thread makes each call when nothing fails.
async fn calls_of(deployment: Deployment) -> (Deployment, Vec<(String, usize)>) {
    put_back(&deployment);
    let strace = log_of(&deployment);
    let command = strace.around(&deployment.command(), None);
    let (broker, process) = deployment.serve_apart(command).await;
    let answered = ask(&broker, &mut Received::default()).await;
    assert!(answered.iter().all(|refused| !refused));
    let id = process.id();
    assert!(process.end().await.success());
    let deployment = broker.stop().await;
    let calls: Vec<_> = strace.calls(id).into_iter().collect();
    println!("syscalls: {calls:?}");
    assert!(calls.iter().any(|(call, _)| call == "pwrite64") && calls.iter().any(|(call, _)| call.ends_with("sync")));
    (deployment, calls)
}

fn log_of(deployment: &Deployment) -> Strace {
    let data = fs::canonicalize(deployment.base()).unwrap();
    Strace::of(["", "-wal", "-shm"].map(|suffix| data.join(format!("{LOG}{suffix}"))).to_vec())
}

/// A deployment with people in it; its data are kept to be put back.
async fn populated_and_stopped() -> Deployment {
    let deployment = Deployment::of_today();
    let command = deployment.command();
    let (broker, process) = deployment.serve_apart(command).await;
    broker.populate().await;
    assert!(process.end().await.success());
    let deployment = broker.stop().await;
    copy_files(&deployment.path("data"), &deployment.path("kept"));
    deployment
}

fn put_back(deployment: &Deployment) {
    fs::remove_dir_all(deployment.path("data")).unwrap();
    copy_files(&deployment.path("kept"), &deployment.path("data"));
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
