//! What `verify` finds in a log on a server, which it reads in other ways than a file.

use crate::harness::*;
use disown::access_log::verify::{NotVerified, verify_log};
use sqlx::{AssertSqlSafe, PgConnection};

const TABLES: [&str; 4] = ["entry", "node", "head", "checkpoint"];

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

/// A small log, stopped, and who may do anything to it.
async fn small() -> (Deployment, PgConnection) {
    let broker = TestBroker::populated().await;
    for asker in [clinician(), police(), tracer()] {
        broker.told(&asker, ISOLATING).await;
    }
    let deployment = broker.stop().await;
    let mut admin = deployment.as_superuser("control").await;
    for table in TABLES {
        run(&mut admin, &format!("CREATE TEMP TABLE {table}_before AS TABLE public.{table}")).await;
    }
    (deployment, admin)
}

/// What verifying says of the log with that done to it. Afterwards it is as it was.
async fn after(deployment: &Deployment, admin: &mut PgConnection, alteration: &str) -> NotVerified {
    run(admin, alteration).await;
    let verified = verify_log(&deployment.reader().await, &deployment.log_key()).await;
    for table in TABLES {
        run(admin, &format!("TRUNCATE public.{table}; INSERT INTO public.{table} SELECT * FROM {table}_before")).await;
    }
    match verified {
        Ok(_) => panic!("not found: {alteration}"),
        Err(found) => found,
    }
}

#[tokio::test]
async fn an_entry_that_is_altered_or_missing_on_a_server_is_found_where_it_is() {
    if engine() != Engine::Postgres {
        return;
    }
    let (deployment, mut admin) = small().await;
    deployment.verify().await;
    let found = |why: &NotVerified| matches!(why, NotVerified::Entry { index: 2, .. });
    let hashes = ["actor_commitment", "subject_commitment", "answer_commitment", "leaf"];
    for column in hashes.into_iter().chain(["actor_salt", "subject_salt", "answer_salt"]) {
        let flip =
            format!("UPDATE entry SET {column} = set_byte({column}, 3, get_byte({column}, 3) # 1) WHERE idx = 2");
        let why = after(&deployment, &mut admin, &flip).await;
        assert!(found(&why), "{column}: {why}");
    }
    for part in ["actor", "subject", "answer"] {
        for altered in [format!("{part} || ' '"), format!("substr({part}, 2)"), "NULL".to_owned()] {
            let alter = format!("UPDATE entry SET {part} = {altered} WHERE idx = 2");
            let why = after(&deployment, &mut admin, &alter).await;
            assert!(found(&why), "{alter}: {why}");
        }
    }
    for gone in ["idx = 2", "idx >= 2"] {
        let why = after(&deployment, &mut admin, &format!("DELETE FROM entry WHERE {gone}")).await;
        assert!(found(&why), "{gone}: {why}");
    }
    let swap = "UPDATE entry SET idx = -1 WHERE idx = 3; UPDATE entry SET idx = 3 WHERE idx = 4; UPDATE entry SET idx = 4 WHERE idx = -1";
    after(&deployment, &mut admin, swap).await;
    deployment.verify().await;
}

#[tokio::test]
async fn subtrees_heads_and_checkpoints_that_are_altered_on_a_server_are_found() {
    if engine() != Engine::Postgres {
        return;
    }
    let (deployment, mut admin) = small().await;
    let nodes: Vec<(i64, i64)> =
        sqlx::query_as("SELECT level, position FROM node").fetch_all(&mut admin).await.unwrap();
    assert!(nodes.len() > 4);
    for (level, position) in nodes {
        let place = format!("level = {level} AND position = {position}");
        for alteration in [
            format!("UPDATE node SET hash = set_byte(hash, 31, get_byte(hash, 31) # 128) WHERE {place}"),
            format!("UPDATE node SET position = position + 1000 WHERE {place}"),
            format!("DELETE FROM node WHERE {place}"),
        ] {
            after(&deployment, &mut admin, &alteration).await;
        }
    }
    // One after another they read as before, but where one ends and the next begins is elsewhere.
    let shift = "UPDATE node SET hash = hash || (SELECT substr(next.hash, 1, 1) FROM node AS next WHERE level = 1 AND position = 1) \
                 WHERE level = 1 AND position = 0; \
                 UPDATE node SET hash = substr(hash, 2) WHERE level = 1 AND position = 1";
    after(&deployment, &mut admin, shift).await;
    after(&deployment, &mut admin, "INSERT INTO node VALUES (9, 9, decode(repeat('5a', 32), 'hex'))").await;
    for alteration in [
        "UPDATE head SET root = set_byte(root, 0, get_byte(root, 0) # 1) WHERE size = (SELECT min(size) FROM head)",
        "DELETE FROM head WHERE size = (SELECT max(size) FROM head)",
        "UPDATE checkpoint SET note = translate(note, 'ABCDEFGH', 'BCDEFGHA') WHERE size = (SELECT max(size) FROM checkpoint)",
        "UPDATE checkpoint SET size = size + 1 WHERE size = (SELECT max(size) FROM checkpoint)",
        "DELETE FROM checkpoint",
    ] {
        after(&deployment, &mut admin, alteration).await;
    }
    deployment.verify().await;
}
