//! The release path while the access log cannot be written: nothing leaves, the broker says so, and it goes on by itself where
//! that is safe.

mod backends;
mod cells;
mod clocks;
mod cut;
mod disk;
mod held;
mod leaving;
mod line;
mod panics;
mod peers;
mod power;
mod preloaded;
mod room;
mod server;
mod slow;
mod standby;
mod start;
mod store;
mod strace;
mod syscalls;
mod tamper;
mod tamper_postgres;
mod trial;

use held::held;
pub use trial::{Outcome, Trial};

use crate::harness::*;
use disown::{access_log::LogState, app::AppError, database};
use sqlx::ConnectOptions;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};
use tonic::Code;

const LOG: &str = "data/control.sqlite";

#[tokio::test]
async fn a_full_log_releases_nothing_and_what_was_released_has_its_entry() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F08", "the log is as large as it may become", 1, 1);
    let deployment = TestBroker::populated().await.stop().await;
    let mut log = database::sqlite::read_only(&deployment.path(LOG)).connect().await.unwrap();
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut log).await.unwrap();
    drop(log);
    let limit = format!("max_pages = {}\n", pages + 12);
    deployment.edit("disown.toml", "[access_log]\n", &format!("[access_log]\n{limit}"));

    let mut broker = deployment.serve().await;
    let mut answered = Vec::new();
    while let Ok(told) = broker.ask(&clinician(), clinician().question(ISOLATING)).await {
        answered.push((told.index(), told.response.receipt.unwrap().actor_part));
        assert!(answered.len() < 10_000, "the log does not fill");
    }
    assert!(!answered.is_empty());
    let full = answered.last().unwrap().0;
    for _ in 0..30 {
        match broker.ask(&clinician(), clinician().question(ISOLATING)).await {
            Err(status) => assert_eq!(status.code(), Code::Unavailable),
            Ok(told) => answered.push((told.index(), told.response.receipt.unwrap().actor_part)),
        }
    }
    assert!(
        matches!(&*broker.log_state.borrow(), LogState::Unwritable(why) if why.contains("full")),
        "{:?}",
        broker.log_state.borrow()
    );

    // Its last entry is a short one and may just fit.
    let ended = broker.end().await;
    assert!(matches!(ended, Ok(()) | Err(AppError::Unavailable(_))), "{ended:?}");
    let deployment = broker.stop().await;
    deployment.edit("disown.toml", &limit, "max_pages = 100000\n");
    let broker = deployment.serve().await;
    let entries = broker.entries().await;
    for (index, actor) in &answered {
        let told: serde_json::Value = serde_json::from_slice(actor).unwrap();
        assert_eq!(entries[usize::try_from(*index).unwrap()].1, told);
        // Nothing is released once it was full, unless the log says before that it could be written again.
        let noted = entries.iter().any(|(at, actor, _)| (full..*index).contains(at) && actor["kind"] == "notice");
        assert!(*index <= full || noted, "entry {index} was released by a full log");
    }
    assert_eq!(broker.told(&clinician(), ISOLATING).await.cells("clinical.condition.description"), ["full:Asthma"]);
    broker.finish().await;
    trial.passed(Outcome { released: answered.len() as u64, without_entry: 0 });
}

#[tokio::test]
async fn a_log_that_is_renamed_away_releases_nothing_until_it_is_back() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F11", "the log's file is renamed away while it serves", 1, 1);
    let broker = TestBroker::populated().await;
    broker.told(&clinician(), ISOLATING).await;
    let (log, away) = (broker.deployment.path(LOG), broker.deployment.path("away"));
    fs::rename(&log, &away).unwrap();
    broker.assert_refuses("gone or was replaced").await;
    fs::rename(&away, &log).unwrap();
    broker.recovers().await;
    broker.told(&clinician(), ISOLATING).await;
    broker.finish().await;
    trial.passed(Outcome { released: 2, without_entry: 0 });
}

#[tokio::test]
async fn a_log_that_is_replaced_by_its_copy_releases_nothing_until_a_restart_reads_it() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F11", "a copy is put in the place of the log's file while it serves", 1, 1);
    let broker = TestBroker::populated().await;
    let before = broker.told(&clinician(), ISOLATING).await;
    let (log, copy) = (broker.deployment.path(LOG), broker.deployment.path("copy"));
    fs::copy(&log, &copy).unwrap();
    fs::rename(&copy, &log).unwrap();
    broker.assert_refuses("gone or was replaced").await;
    broker.stays_refusing(2).await;
    broker.assert_refuses("gone or was replaced").await;
    let broker = broker.stop_refusing().await.serve().await;
    let entries = broker.entries().await;
    assert_eq!(entries[usize::try_from(before.index()).unwrap()].1, before.actor());
    broker.told(&clinician(), ISOLATING).await;
    broker.finish().await;
    trial.passed(Outcome { released: 2, without_entry: 0 });
}

#[tokio::test]
async fn without_its_write_ahead_log_it_releases_nothing_and_an_orderly_end_loses_nothing() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F11", "the write-ahead file of the log is removed while it serves", 1, 1);
    let broker = TestBroker::populated().await;
    let before = broker.told(&clinician(), ISOLATING).await;
    fs::remove_file(broker.deployment.path("data/control.sqlite-wal")).unwrap();
    broker.assert_refuses("gone or was replaced").await;
    broker.stays_refusing(1).await;
    // Its entries are in the open file only by now; to close it in order moves them into the database.
    let deployment = broker.stop_refusing().await;
    assert!(deployment.verify().await.entries > before.index());
    let broker = deployment.serve().await;
    assert_eq!(broker.entries().await[usize::try_from(before.index()).unwrap()].1, before.actor());
    broker.finish().await;
    trial.passed(Outcome { released: 2, without_entry: 0 });
}

#[tokio::test]
async fn a_read_only_directory_releases_nothing_until_it_is_writable_again() {
    if !on_files() {
        return;
    }
    let broker = TestBroker::populated().await;
    let data = broker.deployment.path("data");
    fs::set_permissions(&data, Permissions::from_mode(0o500)).unwrap();
    broker.assert_refuses("read-only").await;
    fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
    broker.recovers().await;
    broker.told(&clinician(), ISOLATING).await;
    broker.finish().await;
}

#[tokio::test]
async fn of_two_brokers_on_one_log_the_first_stops_rather_than_fork_it() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F19", "a second broker is started on the log's file", 1, 1);
    let mut first = TestBroker::populated().await;
    let told = first.told(&clinician(), ISOLATING).await;
    let refused = first.deployment.build().await.err().unwrap();
    assert!(matches!(&refused, AppError::Locked(_)), "{refused}");
    first.told(&clinician(), ISOLATING).await;
    // A lock that somebody took away, or a file system that has none.
    fs::remove_file(first.deployment.path("data/lock")).unwrap();
    let second = first.deployment.build().await.unwrap();
    // What it was told meanwhile is not known here, so nothing is released.
    let refusal = first.ask(&clinician(), clinician().question(ISOLATING)).await.err().unwrap();
    assert!(matches!(refusal.code(), Code::Unavailable | Code::Cancelled | Code::Unknown), "{refusal:?}");
    let ended = first.end().await;
    assert!(matches!(&ended, Err(AppError::LogStateUnknown(why)) if why.contains("another writer")), "{ended:?}");
    let deployment = first.stop().await;
    assert!(deployment.verify().await.entries > told.index());

    // The second has what the first had, and goes on.
    let (stop, stopped) = oneshot::channel::<()>();
    let (_reload, requests) = watch::channel(0);
    stop.send(()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    second.run(listener, requests, async { stopped.await.unwrap() }).await.unwrap();
    deployment.serve().await.finish().await;
    trial.passed(Outcome { released: 1, without_entry: 0 });
}
