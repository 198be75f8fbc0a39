//! A disk that syncs slowly: who asks waits for a sync or two, and not for those of everybody before.

use super::{Outcome, Trial, preloaded::compiled};
use crate::{harness::*, kill::Received};
use futures_util::future::join_all;
use std::time::{Duration, Instant};

const ASKERS: usize = 40;
const SYNC: Duration = Duration::from_millis(150);
/// An answer waits for the batch under way and for its own, and a busy machine takes its time; one after the other they would take as
/// many syncs as ask.
const SYNCS: u32 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn on_a_slow_disk_nobody_waits_for_everybody_else() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F30", "each sync takes 150 ms, and 40 ask at once", 3, 100);
    let deployment = TestBroker::populated().await.stop().await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = deployment.command();
    command.env("LD_PRELOAD", compiled(include_str!("../../bench/slow_sync.c"), folder.path()));
    command.env("SLOW_SYNC_MS", SYNC.as_millis().to_string());
    let (broker, process) = deployment.serve_apart(command).await;
    let doctor = clinician();
    let mut received = Received::default();
    received.answers.push(broker.told(&doctor, ISOLATING).await.response);
    let mut slowest = Duration::ZERO;
    for _ in 0..trial.cycles() {
        let began = Instant::now();
        let asked = (0..ASKERS).map(|_| async {
            let told = broker.told(&doctor, ISOLATING).await;
            (told.response, began.elapsed())
        });
        for (response, took) in join_all(asked).await {
            received.answers.push(response);
            slowest = slowest.max(took);
        }
    }
    println!("slow: {slowest:?} at the most with {ASKERS} at once, {SYNC:?} a sync");
    assert!(slowest > SYNC, "the disk is not slow");
    assert!(slowest < SYNC * SYNCS, "{slowest:?}");
    assert!(process.end().await.success());
    let stored = crate::kill::Stored::read(&broker.deployment, 0).await;
    let missing = received.missing(&stored, &broker.deployment.log_key());
    broker.finish().await;
    trial.passed(Outcome { released: received.answers.len() as u64, without_entry: missing.len() as u64 });
}
