//! What is about servers of PostgreSQL alone: roles that may do too much, layouts that nobody knows, connections that are lost.

use crate::{harness::*, kill::verify_receipt};
use disown::{
    access_log::{LogState, verify::verify_log},
    app::{AppError, NotFit},
    dataset::Catalogue,
    ids::DatasetId,
    policy::{Policy, PolicyFiles},
    pseudonym::{self, KeyEncryptionKey, SubjectIdentifier},
};
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{collections::HashMap, fs, time::Duration};
use tonic::Code;
use tonic_health::ServingStatus;

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

/// Why a broker does not start on what a statement made of a database; `undo` makes it as it was: roles are shared by all tests.
async fn refused(database: &str, spoil: &str, undo: &str) -> String {
    let mut deployment = Deployment::on(Engine::Postgres);
    deployment.provision().await;
    let mut admin = deployment.as_superuser(database).await;
    run(&mut admin, spoil).await;
    let built = deployment.build().await;
    run(&mut admin, undo).await;
    admin.close().await.unwrap();
    match built.err().expect("the broker starts") {
        AppError::Server(_, why @ (NotFit::Privileges(_) | NotFit::Schema(_))) => why.to_string(),
        other => panic!("another reason: {other}"),
    }
}

#[tokio::test]
async fn a_role_that_may_do_more_than_its_duty_starts_nothing_and_the_grant_is_named() {
    for (database, spoil, undo, named) in [
        ("control", "GRANT UPDATE ON entry TO disown_appender", "", "may UPDATE on the table entry"),
        ("control", "GRANT DELETE ON head TO disown_appender", "", "may DELETE on the table head"),
        ("control", "GRANT TRUNCATE ON entry TO disown_reader", "", "may TRUNCATE on the table entry"),
        ("control", "GRANT INSERT ON entry TO disown_reader", "", "may INSERT on the table entry"),
        ("control", "GRANT UPDATE (actor) ON entry TO disown_appender", "", "may UPDATE on the table entry"),
        ("people", "GRANT UPDATE ON record TO disown_people", "", "may UPDATE on the table record"),
        (
            "people",
            "CREATE TABLE elsewhere (of TEXT); GRANT SELECT ON elsewhere TO disown_people",
            "",
            "on the table elsewhere",
        ),
        ("people", "GRANT CREATE ON SCHEMA public TO disown_people", "", "may create tables in its database"),
        (
            "people",
            "CREATE FUNCTION f() RETURNS INT LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            "",
            "may run as its owner the function f",
        ),
    ] {
        let told = refused(database, spoil, undo).await;
        assert!(told.contains(named), "{spoil}: {told}");
    }
}

#[tokio::test]
async fn a_role_that_reaches_another_database_of_the_deployment_starts_nothing() {
    let mut deployment = Deployment::on(Engine::Postgres);
    deployment.provision().await;
    let mut clinical = deployment.as_superuser("clinical").await;
    let name: String = sqlx::query_scalar("SELECT current_database()::text").fetch_one(&mut clinical).await.unwrap();
    run(&mut clinical, &format!("GRANT CONNECT ON DATABASE {name} TO disown_people")).await;
    let told = deployment.build().await.err().expect("the broker starts").to_string();
    assert!(told.contains("the role `disown_people` may connect to"), "{told}");
    clinical.close().await.unwrap();
}

#[tokio::test]
async fn on_a_layout_that_it_does_not_know_a_broker_does_not_start() {
    for (spoil, named) in [
        ("DELETE FROM _sqlx_migrations", "migration 1 is not applied to it; `disownctl migrate` does that"),
        (
            "INSERT INTO _sqlx_migrations SELECT 77, description, installed_on, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
            "migration 77 of it is not one that this broker knows",
        ),
        ("UPDATE _sqlx_migrations SET checksum = 'x'", "migration 1 of it has another text"),
    ] {
        let told = refused("control", spoil, "").await;
        assert!(told.contains(named), "{spoil}: {told}");
    }
}

/// Ends every connection of the deployment's brokers.
async fn cut(deployment: &Deployment) {
    for database in ["control", "people", "clinical", "public_health"] {
        let mut admin = deployment.as_superuser(database).await;
        run(
            &mut admin,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
        admin.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_again_and_again_lose_no_entry_and_no_connection_serves_twice_after_it_failed() {
    let broker = Deployment::on(Engine::Postgres).serve().await;
    broker.populate().await;
    let cutting = async {
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            cut(&broker.deployment).await;
        }
    };
    let asking = join_all((0..8).map(|at| {
        let broker = &broker;
        async move {
            let (mut receipts, mut refused) = (Vec::new(), 0);
            for turn in 0..60 {
                let (asker, number) = ([clinician(), police()][at % 2].clone(), [ISOLATING, FREE, HEALTHY][turn % 3]);
                match broker.ask(&asker, asker.question(number)).await {
                    Ok(told) => {
                        assert!(told.answer.records.iter().all(|record| !record.record_type.is_empty()));
                        receipts.push(told.response.receipt.unwrap());
                    }
                    Err(status) => {
                        assert!(matches!(status.code(), Code::Unavailable | Code::Internal), "{status:?}");
                        refused += 1;
                    }
                }
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
            (receipts, refused)
        }
    }));
    let ((), asked) = tokio::join!(cutting, asking);
    let refused: usize = asked.iter().map(|(_, refused)| refused).sum();
    let receipts: Vec<_> = asked.into_iter().flat_map(|(receipts, _)| receipts).collect();
    println!("cut: {} answers and {refused} refusals over 10 cuts", receipts.len());
    assert!(refused > 0, "no cut hit anything");
    broker.health_becomes(ServingStatus::Serving).await;
    assert!(!broker.told(&clinician(), ISOLATING).await.answer.records.is_empty());
    let key = broker.deployment.log_key();
    assert!(receipts.iter().all(|receipt| verify_receipt(receipt, &key).is_some()));
    let entries = broker.entries().await;
    for receipt in &receipts {
        let index = usize::try_from(receipt.index).unwrap();
        assert_eq!(entries[index].1, serde_json::from_slice::<serde_json::Value>(&receipt.actor_part).unwrap());
    }
    verify_log(&broker.deployment.reader().await, &key).await.unwrap();
    broker.finish().await;
}

#[tokio::test]
async fn a_database_that_is_gone_releases_nothing_and_is_used_again_when_it_is_back() {
    let broker = Deployment::on(Engine::Postgres).serve().await;
    broker.populate().await;
    broker.told(&clinician(), ISOLATING).await;
    let mut admin = broker.deployment.as_superuser("people").await;
    let control = broker.deployment.as_superuser("control").await;
    let name: String = {
        let mut control = control;
        let name = sqlx::query_scalar("SELECT current_database()::text").fetch_one(&mut control).await.unwrap();
        control.close().await.unwrap();
        name
    };
    run(&mut admin, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    let terminate = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    run(&mut admin, &terminate).await;
    for _ in 0..5 {
        let (code, _) = broker.refused(&clinician(), clinician().question(ISOLATING)).await;
        assert_eq!(code, Code::Unavailable);
    }
    broker.health_becomes(ServingStatus::NotServing).await;
    assert!(matches!(&*broker.log_state.borrow(), LogState::Unwritable(_)));
    run(&mut admin, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    broker.health_becomes(ServingStatus::Serving).await;
    assert!(!broker.told(&clinician(), ISOLATING).await.answer.records.is_empty());
    admin.close().await.unwrap();
    broker.finish().await;
}

#[tokio::test]
async fn a_store_that_is_not_reached_is_told_at_once_and_used_again_when_it_is() {
    let broker = Deployment::on(Engine::Postgres).serve().await;
    broker.populate().await;
    let mut admin = broker.deployment.as_superuser("people").await;
    let mut clinical = broker.deployment.as_superuser("clinical").await;
    let name: String = sqlx::query_scalar("SELECT current_database()::text").fetch_one(&mut clinical).await.unwrap();
    clinical.close().await.unwrap();
    run(&mut admin, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    run(&mut admin, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).await;
    let clinician = clinician();
    for _ in 0..6 {
        let asked = broker.refused(&clinician, clinician.question(ISOLATING));
        let (code, _) =
            tokio::time::timeout(Duration::from_secs(5), asked).await.expect("it waits for a store that is gone");
        assert_eq!(code, Code::Internal);
    }
    run(&mut admin, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    assert!(!broker.told(&clinician, ISOLATING).await.answer.records.is_empty());
    admin.close().await.unwrap();
    broker.finish().await;
}

/// Somebody who can write to the database and has no key.
#[tokio::test]
async fn a_head_that_no_broker_made_is_not_followed() {
    let broker = Deployment::on(Engine::Postgres).serve().await;
    broker.told(&clinician(), ISOLATING).await;
    let mut forger = broker.deployment.as_superuser("control").await;
    // The last entry once more, and a head that fits it in everything but its seal.
    run(
        &mut forger,
        "INSERT INTO entry SELECT idx + 1, actor, actor_salt, subject, subject_salt, answer, answer_salt, actor_commitment, \
         subject_commitment, answer_commitment, leaf FROM entry ORDER BY idx DESC LIMIT 1; \
         INSERT INTO head (size, predecessor, root, seal, epoch, epoch_seal) SELECT size + 1, size, root, seal, epoch, epoch_seal FROM head ORDER BY size DESC LIMIT 1",
    )
    .await;
    forger.close().await.unwrap();
    let (code, _) = broker.refused(&clinician(), clinician().question(ISOLATING)).await;
    assert!(matches!(code, Code::Unavailable | Code::Cancelled | Code::Unknown), "{code:?}");
    assert!(
        matches!(&*broker.log_state.borrow(), LogState::Unknown(why) if why.contains("made by nobody who may append")),
        "{:?}",
        broker.log_state.borrow()
    );
    let mut broker = broker;
    assert!(matches!(broker.end().await, Err(AppError::LogStateUnknown(_))));
    let mut deployment = broker.stop().await;
    assert!(deployment.build().await.is_err(), "a start believes it");
}

/// Who can write to the archive puts another policy under the version that comes into force next: nobody follows it.
#[tokio::test(flavor = "multi_thread")]
async fn another_text_in_the_archive_is_put_in_force_by_nobody() {
    let first = Deployment::on(Engine::Postgres);
    let second = first.beside("broker-2");
    let (first, second) = (first.serve().await, second.serve().await);
    first.populate().await;
    second.told(&clinician(), FREE).await;
    first.deployment.append("policies/policy.csv", "\np, clinician, clinical_care, category:contact, full, deny\n");
    let next = Policy::load(PolicyFiles::read(&first.deployment.path("policies")).unwrap()).await.unwrap();
    let mut forger = first.deployment.as_superuser("control").await;
    sqlx::query("INSERT INTO archive SELECT $1, name, content FROM archive WHERE name = 'files'")
        .bind(next.files_version())
        .execute(&mut forger)
        .await
        .unwrap();
    forger.close().await.unwrap();
    first.reload.send_modify(|count| *count += 1);
    let in_force = async || match first.ask(&clinician(), clinician().question(FREE)).await {
        Ok(told) => told.actor()["policy_version"] == next.version.as_str(),
        Err(_) => false,
    };
    until(in_force).await;
    for _ in 0..30 {
        let asked = second.ask(&clinician(), clinician().question(FREE)).await;
        assert_eq!(asked.err().expect("it answers under another text").code(), Code::Unavailable);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    first.finish().await;
    second.finish().await;
}

/// What the thief does not know.
async fn pseudonyms(deployment: &Deployment, dataset: &str, numbers: &[String]) -> Vec<Vec<u8>> {
    let read = |name: &str| fs::read_to_string(deployment.path(name)).unwrap();
    let kek = KeyEncryptionKey::parse(&read("key-encryption-key")).unwrap();
    let keyring = pseudonym::open(&read("keyring.json"), &kek).unwrap();
    let catalogue = Catalogue::parse(&read("policies/catalogue.toml")).unwrap();
    let subjects: Vec<_> =
        numbers.iter().map(|number| SubjectIdentifier::parse_source(number, &catalogue).unwrap()).collect();
    let dataset = DatasetId::try_from(dataset).unwrap();
    let made = keyring.pseudonymise(&dataset, &subjects.iter().collect::<Vec<_>>()).await.unwrap();
    made.iter().map(|made| made.bytes_in(&dataset).unwrap().to_vec()).collect()
}

/// How often each table of a database was read from its beginning.
async fn whole_reads(deployment: &Deployment, database: &str) -> HashMap<String, i64> {
    let mut admin = deployment.as_superuser(database).await;
    let reads = sqlx::query_as("SELECT relname::text, seq_scan FROM pg_stat_user_tables").fetch_all(&mut admin).await;
    admin.close().await.unwrap();
    reads.unwrap().into_iter().collect()
}

/// What takes longer the more there is takes too long one day. Plans are made while a table is small, so this one must be right then.
#[tokio::test]
async fn no_table_is_read_whole_however_small_it_is() {
    const DATABASES: [&str; 4] = ["people", "clinical", "public_health", "control"];
    let deployment = Deployment::on(Engine::Postgres);
    deployment.provision().await;
    let mut before = vec![];
    for database in DATABASES {
        before.push(whole_reads(&deployment, database).await);
    }
    let broker = deployment.serve().await;
    broker.populate().await;
    for asker in [clinician(), police(), tracer()] {
        broker.told(&asker, ISOLATING).await;
    }
    let deployment = broker.stop().await;
    for (database, before) in DATABASES.into_iter().zip(before) {
        let after = whole_reads(&deployment, database).await;
        assert!(after.len() > 2 && after == before, "{database}: {after:?}, before {before:?}");
    }
}

/// A thief has two stores, and tries to join them by the order in which their tables keep what was put in one by one.
#[tokio::test]
async fn neither_place_nor_transaction_joins_two_stores() {
    const PUT: usize = 60;
    let broker = Deployment::on(Engine::Postgres).serve().await;
    let number = |at: usize| format!("JY{:06}A", 200_000 + at * 7919 % 700_000);
    for at in 0..PUT {
        let person =
            [("jy_number", number(at)), ("given_name", format!("Given{at}")), ("family_name", format!("Family{at}"))];
        let order =
            [("jy_number", number(at)), ("record_id", format!("H{at}")), ("event_date", "2026-11-20".to_owned())];
        for (record_type, values) in [("people.person", person), ("public_health.isolation", order)] {
            let values: Vec<_> = values.iter().map(|(column, value)| (*column, value.as_str())).collect();
            broker.put(&registrar(), record_type, &values).await.unwrap();
        }
    }
    let numbers: Vec<_> = (0..PUT).map(number).collect();
    let mut who = HashMap::new();
    for dataset in ["people", "public_health"] {
        who.extend(pseudonyms(&broker.deployment, dataset, &numbers).await.into_iter().zip(0..PUT));
    }
    for by in ["ctid", "xmin::text::bigint, ctid", "batch", "record_id"] {
        let mut orders = Vec::new();
        for dataset in ["people", "public_health"] {
            let mut store = broker.deployment.as_superuser(dataset).await;
            let stolen = format!("SELECT pseudonym FROM record ORDER BY {by}");
            let rows: Vec<Vec<u8>> = sqlx::query_scalar(AssertSqlSafe(stolen)).fetch_all(&mut store).await.unwrap();
            orders.push(rows.iter().map(|row| who[row]).collect::<Vec<_>>());
            store.close().await.unwrap();
        }
        let hits = orders[0].iter().zip(&orders[1]).filter(|(one, other)| one == other).count();
        println!("by {by}: {hits} of {PUT} are joined");
        assert!(hits <= 8, "by {by} {hits} of {PUT} are joined, which is no chance");
    }
    broker.finish().await;
}
