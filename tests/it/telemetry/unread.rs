//! Outputs that nobody reads: neither an answer nor an end waits for them, and what was dropped is told.

use crate::{harness::*, watch::watch};
use disown::pb::WatchReason;
use futures_util::future::join_all;
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    process::{Pid, Signal, kill_process},
};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, PipeReader, PipeWriter, Write, pipe},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::sync::mpsc;

/// So long some answers or an end may take.
const ENDS: Duration = Duration::from_secs(30);
const AT_ONCE: usize = 50;
/// More than wait in the broker and in the pipe.
const ALARMS: usize = 1600;

async fn within<T>(ended: impl Future<Output = T>) -> T {
    tokio::time::timeout(ENDS, ended).await.expect("it waits for whoever reads")
}

async fn alarmed(telemetry: &str) -> (TestBroker, Process) {
    let deployment = Deployment::of_today();
    let mut command = deployment.command();
    command.env("DISOWN_TELEMETRY", telemetry);
    let (broker, process) = deployment.serve_unread(command).await;
    broker.watched(watch(NOBODY, WatchReason::Honey)).await.unwrap();
    (broker, process)
}

/// Each answer comes in time, and each raises an alarm.
async fn ask(broker: &TestBroker, times: usize) {
    let clinician = clinician();
    for at in (0..times).step_by(AT_ONCE) {
        let asked = (at..times.min(at + AT_ONCE)).map(|_| broker.told(&clinician, NOBODY));
        within(join_all(asked)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_that_nobody_reads_cost_no_answer_and_no_end() {
    let (broker, process) = alarmed("info").await;
    ask(&broker, 500).await;
    let honey = broker.entries().await.into_iter().filter(|(.., subject)| subject["alarms"][0] == "honey").count();
    assert_eq!(honey, 500, "an alarm is an entry of the access log all the same");
    assert_eq!(process.end_within(ENDS).await.code(), Some(0));
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_is_told_as_soon_as_somebody_reads() {
    // Alarms alone are said, so that they and what was dropped of them are all there is.
    let (broker, mut process) = alarmed("error").await;
    ask(&broker, ALARMS).await;
    let said = BufReader::new(process.unread());
    let (lines, mut told) = mpsc::unbounded_channel::<Value>();
    let reading = tokio::task::spawn_blocking(move || {
        for line in said.lines() {
            // Each is whole.
            let _ = lines.send(serde_json::from_str(&line.unwrap()).unwrap());
        }
    });
    let (mut before, mut lost) = (0, 0);
    while lost == 0 {
        let line = within(told.recv()).await.unwrap();
        lost = line["lost"].as_u64().unwrap_or(0);
        before += usize::from(lost == 0);
        assert_eq!(line["level"], "ERROR", "{line}");
    }
    // It comes with the first that can be written, before all those that waited.
    assert!(before < ALARMS / 2, "{before}");
    ask(&broker, 1).await;
    assert_eq!(process.end_within(ENDS).await.code(), Some(0));
    within(reading).await.unwrap();
    // What is said when somebody reads again is written before the end.
    let mut alarms = before;
    while let Some(line) = told.recv().await {
        lost += line["lost"].as_u64().unwrap_or(0);
        alarms += usize::from(line["message"] == "an alarm");
    }
    assert_eq!(alarms + usize::try_from(lost).unwrap(), ALARMS + 1);
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_were_taken_are_written_before_the_end() {
    let deployment = Deployment::of_today();
    let mut command = deployment.command();
    command.env("DISOWN_TELEMETRY", "info");
    let (broker, process) = deployment.serve_apart(command).await;
    broker.watched(watch(NOBODY, WatchReason::Honey)).await.unwrap();
    ask(&broker, 200).await;
    assert_eq!(process.end_within(ENDS).await.code(), Some(0));
    let said = broker.deployment.telemetry();
    assert_eq!(said.lines().filter(|line| line.contains("an alarm")).count(), 200);
    broker.finish().await;
}

/// A pipe that is full. What reads from it has to be kept.
fn full() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    let usual = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, usual | OFlags::NONBLOCK).unwrap();
    while writer.write(&[b'\n'; 4096]).is_ok() {}
    while writer.write(b"\n").is_ok() {}
    fcntl_setfl(&writer, usual).unwrap();
    (reader, writer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_standard_output_is_full_from_the_beginning_serves_and_ends() {
    let deployment = Deployment::of_today();
    deployment.provision().await;
    let (_reader, writer) = full();
    let telemetry = fs::File::create(deployment.path("telemetry")).unwrap();
    let mut command = deployment.command();
    command.env("DISOWN_TELEMETRY", "info").stdin(Stdio::null()).stdout(writer).stderr(telemetry);
    let mut child = start(command).await;
    until(async || deployment.telemetry().contains("serving under this policy")).await;
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(ended_within(&mut child, ENDS).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_standard_error_is_full_fails_to_start_as_any_other() {
    let deployment = Deployment::of_today();
    deployment.edit("disown.toml", "policies = ", "policy_folder = ");
    let (_reader, writer) = full();
    let mut command = deployment.command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(writer);
    let mut child = start(command).await;
    assert_eq!(ended_within(&mut child, ENDS).await.code(), Some(64));
}

async fn start(mut command: Command) -> Child {
    tokio::task::spawn_blocking(move || command.spawn().unwrap()).await.unwrap()
}
