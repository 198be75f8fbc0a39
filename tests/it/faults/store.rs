//! A dataset's store that fails, or that somebody altered: the answer fails whole, since a part of it would be a wrong one.

use super::{LOG, Outcome, Trial};
use crate::harness::*;
use disown::{access_log::LogState, app::AppError, database};
use sqlx::{ConnectOptions, Connection, Executor};
use tonic::Code;

async fn alter_store(broker: &TestBroker, sql: &str) {
    let mut store = tampering(&broker.deployment.path("data/clinical.sqlite")).await;
    alter(&mut store, sql).await;
    store.close().await.unwrap();
}

async fn releases(broker: &TestBroker) -> usize {
    broker.entries().await.iter().filter(|(_, actor, _)| actor["kind"] == "release").count()
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    if !on_files() {
        return;
    }
    let broker = TestBroker::populated().await;
    alter_store(&broker, "ALTER TABLE record RENAME TO elsewhere").await;
    for number in [ISOLATING, NOBODY] {
        let (code, message) = broker.refused(&clinician(), clinician().question(number)).await;
        assert_eq!((code, message.as_str()), (Code::Internal, "a fault of the broker; it is in its telemetry"));
    }
    assert_eq!(releases(&broker).await, 0);
    alter_store(&broker, "ALTER TABLE elsewhere RENAME TO record").await;
    let told = broker.told(&clinician(), ISOLATING).await;
    assert_eq!(told.cells("clinical.condition.description"), ["full:Asthma"]);
    broker.finish().await;
}

/// One subject's diagnosis in the place of another's.
#[tokio::test]
async fn a_sealed_cell_that_was_moved_is_neither_shown_nor_taken_for_an_empty_one() {
    if !on_files() {
        return;
    }
    let broker = TestBroker::populated().await;
    alter_store(
        &broker,
        // To the next record, the last one's to the first: each as it was before any of them moved.
        "UPDATE record SET code = moved.code FROM (SELECT record_id, coalesce(lead(code) OVER (ORDER BY record_id), \
         first_value(code) OVER (ORDER BY record_id)) AS code FROM record) AS moved WHERE moved.record_id = record.record_id",
    )
    .await;
    for number in [ISOLATING, FREE] {
        assert_eq!(broker.refused(&clinician(), clinician().question(number)).await.0, Code::Internal);
    }
    assert_eq!(releases(&broker).await, 0);
    broker.finish().await;
}

/// The medium keeps one salt otherwise than it was given: nothing is signed over that, and nothing released.
#[tokio::test]
async fn a_log_that_reads_back_otherwise_than_it_was_written_releases_nothing_and_stops() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F14", "a bit of an entry flips between the hash and the store", 1, 1);
    let deployment = TestBroker::populated().await.stop().await;
    let mut log = database::sqlite::writable(&deployment.path(LOG)).connect().await.unwrap();
    alter(
        &mut log,
        "CREATE TRIGGER faulty AFTER INSERT ON entry WHEN new.actor ->> '$.kind' = 'release' \
         BEGIN UPDATE entry SET answer_salt = zeroblob(16) WHERE idx = new.idx; END",
    )
    .await;
    log.close().await.unwrap();
    let mut broker = deployment.serve().await;
    let (code, _) = broker.refused(&clinician(), clinician().question(ISOLATING)).await;
    assert!(matches!(code, Code::Unavailable | Code::Cancelled | Code::Unknown), "{code:?}");
    assert!(matches!(&*broker.log_state.borrow(), LogState::Unknown(why) if why.contains("reads back otherwise")));
    let ended = broker.end().await;
    assert!(matches!(ended, Err(AppError::LogStateUnknown(_))), "{ended:?}");
    broker.stop().await;
    trial.passed(Outcome::default());
}

/// On a server it is the same: what it says that it has is not what it was given.
#[tokio::test]
async fn a_server_that_keeps_an_entry_otherwise_than_it_was_given_ends_the_broker() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F14", "a bit of an entry flips between the hash and the store", 1, 1);
    let mut broker = TestBroker::populated().await;
    let mut log = broker.deployment.as_superuser("control").await;
    log.execute(
        "CREATE FUNCTION faulty() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN NEW.answer_salt = set_byte(NEW.answer_salt, 0, get_byte(NEW.answer_salt, 0) # 1); RETURN NEW; END $$; \
         CREATE TRIGGER faulty BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION faulty()",
    )
    .await
    .unwrap();
    log.close().await.unwrap();
    let (code, _) = broker.refused(&clinician(), clinician().question(ISOLATING)).await;
    assert!(matches!(code, Code::Unavailable | Code::Cancelled | Code::Unknown), "{code:?}");
    let state = broker.log_state.borrow().clone();
    assert!(matches!(&state, LogState::Unknown(why) if why.contains("reads back otherwise")), "{state:?}");
    assert!(matches!(broker.end().await, Err(AppError::LogStateUnknown(_))));
    broker.stop().await;
    trial.passed(Outcome::default());
}

/// `synchronous` as SQLite counts it: 2 is `FULL`, where a transaction is on the medium when it is committed.
#[tokio::test]
async fn every_database_syncs_each_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any.sqlite");
    database::sqlite::make_control(&path, &[0; 32].into()).await.unwrap();
    let pool = database::sqlite::open_pool(&path).await.unwrap();
    let mut single = database::sqlite::writable(&path).connect().await.unwrap();
    for connection in [&mut single, &mut *pool.acquire().await.unwrap()] {
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(connection).await.unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"));
    }
}
