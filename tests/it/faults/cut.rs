//! A log that is shorter than it was: cut while a broker serves from it, or put back from an older copy.

use super::{LOG, Outcome, Trial};
use crate::{
    harness::*,
    kill::{Received, Stored},
};
use disown::{
    access_log::{LogState, checkpoint::Checkpoint},
    app::AppError,
};
use sqlx::{AssertSqlSafe, Connection};
use std::{
    fs::{self, File},
    time::Duration,
};
use tonic::Code;

/// Takes the end of the log away, with everything over it: what is left is a log that was.
async fn cut_back(deployment: &Deployment, size: u64) {
    let cut = format!(
        "DELETE FROM checkpoint WHERE size > {size}; DELETE FROM head WHERE size > {size}; \
         DELETE FROM entry WHERE idx >= {size}; DELETE FROM node WHERE (position + 1) << CAST(level AS INTEGER) > {size}"
    );
    if deployment.config().postgres.is_none() {
        let mut log = tampering(&deployment.path(LOG)).await;
        alter(&mut log, &cut).await;
        log.close().await.unwrap();
    } else {
        let mut log = deployment.as_superuser("control").await;
        let cut = format!("SET session_replication_role = replica; {cut}");
        sqlx::raw_sql(AssertSqlSafe(cut)).execute(&mut log).await.unwrap();
        log.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_is_cut_short_while_it_is_served_releases_nothing_more() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F12", "a file of the log is cut short while it serves", 4, 4);
    let mut outcome = Outcome::default();
    for (file, by) in [("-wal", 1), ("-wal", 4096), ("", 1), ("", 4096)] {
        // With pages in the database itself, not in its write-ahead file alone.
        let broker = TestBroker::populated().await.stop().await.serve().await;
        let size = broker.told(&clinician(), ISOLATING).await.index() + 1;
        // Its checkpoint is written when nobody asks for a while; nothing is after that.
        let reader = broker.deployment.reader().await;
        until(async || {
            reader.checkpoints().await.unwrap().iter().any(|note| Checkpoint::claimed_size(note) == Some(size))
        })
        .await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let file = File::options().write(true).open(broker.deployment.path(&format!("{LOG}{file}"))).unwrap();
        file.set_len(file.metadata().unwrap().len() - by).unwrap();
        broker.assert_refuses("cut short").await;
        broker.stays_refusing(1).await;
        broker.stop_refusing().await;
        outcome.released += 1;
    }
    trial.passed(outcome);
}

#[tokio::test]
async fn a_file_that_was_cut_short_is_not_started_from() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F12", "the log's file was cut short before a start", 20, 20);
    let mut deployment = TestBroker::populated().await.stop().await;
    let whole = fs::read(deployment.path(LOG)).unwrap();
    for at in 1..=usize::try_from(trial.cycles()).unwrap() {
        let left = whole.len() - (whole.len() / 20 * at).max(1);
        fs::write(deployment.path(LOG), &whole[..left.max(1)]).unwrap();
        let started = deployment.build().await;
        assert!(
            matches!(started, Err(AppError::AccessLog(_) | AppError::NoStore { .. })),
            "{left} of {} bytes",
            whole.len()
        );
    }
    fs::write(deployment.path(LOG), &whole).unwrap();
    deployment.serve().await.finish().await;
    trial.passed(Outcome::default());
}

#[tokio::test]
async fn entries_that_are_deleted_while_it_serves_end_the_broker() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F12", "the last entries are deleted by a superuser while it serves", 1, 1);
    let mut broker = TestBroker::populated().await;
    let before = broker.told(&clinician(), ISOLATING).await;
    broker.told(&clinician(), ISOLATING).await;
    cut_back(&broker.deployment, before.index()).await;
    let (code, _) = broker.refused(&clinician(), clinician().question(ISOLATING)).await;
    assert!(matches!(code, Code::Unavailable | Code::Cancelled | Code::Unknown), "{code:?}");
    let state = broker.log_state.borrow().clone();
    assert!(matches!(&state, LogState::Unknown(why) if why.contains("entries are missing")), "{state:?}");
    assert!(matches!(broker.end().await, Err(AppError::LogStateUnknown(_))));
    broker.stop().await;
    trial.passed(Outcome { released: 2, without_entry: 0 });
}

/// A log put back whole is a log that was: nobody can tell but who holds a receipt of what came after it.
#[tokio::test]
async fn an_older_log_that_is_put_back_is_found_by_whoever_holds_a_later_receipt() {
    let trial = Trial::new("F16", "an older copy of the log is put back: a receipt tells", 1, 1);
    let broker = TestBroker::populated().await;
    let (mut before, mut after) = (Received::default(), Received::default());
    before.answers.push(broker.told(&clinician(), ISOLATING).await.response);
    let size = before.answers[0].receipt.as_ref().unwrap().index + 1;
    for _ in 0..3 {
        after.answers.push(broker.told(&clinician(), ISOLATING).await.response);
    }
    let deployment = broker.stop().await;
    cut_back(&deployment, size).await;
    let key = deployment.log_key();
    let reported = async |deployment: &Deployment| {
        let stored = Stored::read(deployment, 0).await;
        assert!(before.missing(&stored, &key).is_empty());
        after.missing(&stored, &key).len()
    };
    assert_eq!(reported(&deployment).await, after.answers.len());
    // It goes on from there, and other entries take the places: that does not make up for those that are gone.
    let broker = deployment.serve().await;
    for _ in 0..5 {
        broker.told(&clinician(), ISOLATING).await;
    }
    assert_eq!(reported(&broker.deployment).await, after.answers.len());
    broker.finish().await;
    trial.passed(Outcome { released: 4, without_entry: 0 });
}
