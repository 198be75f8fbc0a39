//! Clocks that are wrong: time in the log goes forward all the same, and a broker that others could not agree with appends nothing.

use super::{Trial, held};
use crate::{
    harness::*,
    kill::{Received, random},
};
use disown::{
    clock::{Clock, SystemClock},
    entropy::SystemEntropy,
};
use jiff::{SignedDuration, Timestamp};
use std::{fs, path::Path, process::Command};
use tonic::Code;
use tonic_health::ServingStatus;

/// An hour back and forward, to 1970, a hundred years on, and standing still: how far the clock is from where it should be.
fn wrong(at: u64, now: Timestamp) -> SignedDuration {
    match at % 6 {
        0 => SignedDuration::from_hours(-1),
        1 => SignedDuration::from_hours(1),
        2 => Timestamp::UNIX_EPOCH.duration_since(now),
        3 => SignedDuration::from_hours(24 * 36_525),
        4 => SignedDuration::ZERO,
        _ => SignedDuration::from_secs(i64::try_from(random(&SystemEntropy) % 200_000).unwrap() - 100_000),
    }
}

#[tokio::test]
async fn a_clock_that_jumps_or_stands_still_does_not_take_the_log_back() {
    let trial = Trial::new("F31", "the clock jumps an hour, to 1970, a century, or stands still", 12, 600);
    let mut broker = TestBroker::populated().await;
    let start: Timestamp = NOW.parse().unwrap();
    let mut answers = Vec::new();
    for cycle in 0..trial.cycles() {
        broker.deployment.clock.set(start + wrong(cycle, start));
        for asker in [clinician(), police()] {
            match broker.ask(&asker, asker.question(ISOLATING)).await {
                Ok(told) => answers.push(told.response),
                // No agreement is in force then.
                Err(status) => assert_eq!(status.code(), Code::PermissionDenied, "{status:?}"),
            }
        }
        broker.deployment.clock.set(start);
        for _ in 0..2 {
            answers.push(broker.told(&clinician(), ISOLATING).await.response);
        }
    }
    broker.deployment.clock.set(start - SignedDuration::from_hours(1));
    broker = broker.stop().await.serve().await;
    let times: Vec<Timestamp> =
        broker.entries().await.iter().map(|(_, actor, _)| actor["time"].as_str().unwrap().parse().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    let outcome = held(&broker.deployment, &Received { answers, puts: vec![] }).await;
    broker.finish().await;
    trial.passed(outcome);
}

/// With a clock of its own, which is as wrong as the file says.
fn with_own_clock(mut command: Command, library: &Path, off: &Path) -> Command {
    command.env("LD_PRELOAD", library).env("OFF_CLOCK", off);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_clock_is_not_the_servers_appends_nothing() {
    if !on_a_server() {
        return;
    }
    let trial =
        Trial::new("F32", "the clock of one of two brokers is set wrong by more than 5 s, and right again", 2, 30);
    let folder = tempfile::tempdir().unwrap();
    let (library, off) = (folder.path().join("off_clock.so"), folder.path().join("off"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/faults/off_clock.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(compiled.unwrap().success());

    let first = Deployment::of_today();
    let second = first.beside("broker-2");
    let command = first.command();
    let (first, one) = first.serve_apart(command).await;
    first.populate().await;
    let command = with_own_clock(second.command(), &library, &off);
    let (second, other) = second.serve_apart(command).await;
    // Time may differ by as much as clocks that are kept right do.
    fs::write(&off, "3").unwrap();
    let mut answers = vec![second.told(&clinician(), ISOLATING).await.response];
    for cycle in 0..trial.cycles() {
        let now = SystemClock.now();
        let wrong = [SignedDuration::from_secs(7), wrong(cycle, now), SignedDuration::from_secs(-7), wrong(cycle, now)];
        let mut wrong = wrong[cycle as usize % wrong.len()];
        if wrong.abs() < SignedDuration::from_secs(7) {
            wrong = SignedDuration::from_secs(60);
        }
        fs::write(&off, wrong.as_secs().to_string()).unwrap();
        // A token that is good by that clock.
        second.deployment.clock.set(SystemClock.now() + wrong);
        let (code, _) = second.refused(&clinician(), clinician().question(ISOLATING)).await;
        assert_eq!(code, Code::Unavailable);
        second.health_becomes(ServingStatus::NotServing).await;
        first.deployment.clock.set(SystemClock.now());
        answers.push(first.told(&clinician(), ISOLATING).await.response);
        fs::write(&off, "0").unwrap();
        second.health_becomes(ServingStatus::Serving).await;
        second.deployment.clock.set(SystemClock.now());
        answers.push(second.told(&clinician(), ISOLATING).await.response);
    }
    assert!(second.deployment.telemetry().contains("the clock of this machine is more than 5 s from"));
    let times: Vec<Timestamp> =
        first.entries().await.iter().map(|(_, actor, _)| actor["time"].as_str().unwrap().parse().unwrap()).collect();
    assert!(
        times.windows(2).all(|pair| pair[0] < pair[1])
            && times.last().unwrap() < &(SystemClock.now() + SignedDuration::from_secs(5))
    );
    assert!(other.end().await.success());

    // Nor does it start.
    fs::write(&off, "3600").unwrap();
    let mut command = with_own_clock(second.deployment.command(), &library, &off);
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(
        !ran.status.success() && String::from_utf8_lossy(&ran.stderr).contains("the clock of this machine"),
        "{ran:?}"
    );

    let outcome = held(&first.deployment, &Received { answers, puts: vec![] }).await;
    assert!(one.end().await.success());
    second.finish().await;
    first.finish().await;
    trial.passed(outcome);
}
