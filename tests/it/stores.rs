//! What vanished is not empty: a store that was made and is gone, or is another, keeps a broker from starting and from answering, and is
//! made anew by nobody.

use crate::harness::*;
use disown::{
    app::AppError,
    deployment::NotMade,
    entropy::SystemEntropy,
    pseudonym::{self, KeyEncryptionKey, StoreMark},
};
use sqlx::{AssertSqlSafe, Connection};
use std::{fs, path::PathBuf};
use tonic::Code;
use tonic_health::ServingStatus;

const STORES: [&str; 4] = ["control", "people", "clinical", "public_health"];

impl Deployment {
    fn file(&self, store: &str) -> PathBuf {
        self.path(&format!("data/{store}.sqlite"))
    }

    /// The name of a store's database on the server.
    async fn database_name(&self, store: &str) -> String {
        let mut connection = self.as_superuser(store).await;
        let name = sqlx::query_scalar("SELECT current_database()::text").fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        name
    }

    async fn on_the_server(&self, statements: &[String]) {
        let mut connection = sqlx::PgConnection::connect_with(&self.administrator()).await.unwrap();
        for statement in statements {
            sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    /// Takes a store away. It can be put back.
    async fn take_away(&self, store: &str) {
        if on(Engine::Sqlite) {
            for suffix in ["", "-wal", "-shm"] {
                let path = self.path(&format!("data/{store}.sqlite{suffix}"));
                let moved = fs::rename(&path, self.path(&format!("away-{store}{suffix}")));
                assert!(moved.is_ok() || !suffix.is_empty());
            }
            return;
        }
        let name = self.database_name(store).await;
        self.on_the_server(&[
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
            format!("ALTER DATABASE {name} RENAME TO away_{name}"),
        ])
        .await;
    }

    async fn put_back(&self, store: &str) {
        if on(Engine::Sqlite) {
            for suffix in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(self.path(&format!("data/{store}.sqlite{suffix}")));
                let _ = fs::rename(
                    self.path(&format!("away-{store}{suffix}")),
                    self.path(&format!("data/{store}.sqlite{suffix}")),
                );
            }
            return;
        }
        let config = self.config();
        let catalogue = fs::read_to_string(config.policies.join("catalogue.toml")).unwrap();
        let catalogue = disown::dataset::Catalogue::parse(&catalogue).unwrap();
        let name = config.postgres.unwrap().provision(&catalogue, store).unwrap().database;
        self.on_the_server(&[format!("ALTER DATABASE away_{name} RENAME TO {name}")]).await;
    }

    async fn does_not_start(&mut self, store: &str, why: &str) {
        let Err(error) = self.build().await else { panic!("started without its store `{store}`") };
        assert!(matches!(&error, AppError::NoStore { name, .. } if name == store), "{store}: {error}");
        assert!(error.to_string().contains(why), "{store}: {error}");
        assert!(error.to_string().contains("restore it from a backup"), "{error}");
    }
}

fn on(which: Engine) -> bool {
    engine() == which
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_vanished_keeps_a_broker_from_starting_and_is_not_made_anew() {
    let broker = TestBroker::populated().await;
    let mut deployment = broker.stop().await;
    for store in STORES {
        deployment.take_away(store).await;
        deployment.does_not_start(store, "is not there").await;
        let made = deployment.make_stores().await;
        assert!(matches!(&made, Err(NotMade::Vanished(name)) if name == store), "{store}: {made:?}");
        assert!(!deployment.file(store).exists());
        deployment.put_back(store).await;
    }
    let broker = deployment.serve().await;
    assert!(!broker.told(&clinician(), ISOLATING).await.answer.records.is_empty());
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_answered_while_a_store_is_gone_and_everybody_when_it_is_back() {
    let mut broker = TestBroker::populated().await;
    for store in ["people", "clinical", "public_health"] {
        broker.told(&clinician(), ISOLATING).await;
        broker.deployment.take_away(store).await;
        // At once: where it is gone nobody can say that it holds nothing.
        let told = broker.ask(&clinician(), clinician().question(ISOLATING)).await;
        assert!(told.is_err(), "an answer without `{store}`");
        broker.health_becomes(ServingStatus::NotServing).await;
        let (code, message) = broker.refused(&clinician(), clinician().question(ISOLATING)).await;
        assert_eq!(code, Code::Unavailable, "{store}: {message}");
        let row = format!("C9,{HEALTHY},condition,,1,,2020-01-01,,,,,");
        let put_in = broker.load(&registrar(), "clinical", CLINICAL, &[row]).await;
        assert_eq!(put_in.err().unwrap().code(), Code::Unavailable, "{store}");
        broker.deployment.put_back(store).await;
        broker.health_becomes(ServingStatus::Serving).await;
        assert!(!broker.told(&clinician(), ISOLATING).await.answer.records.is_empty(), "{store}");
    }
    broker.deployment.take_away("control").await;
    let told = broker.ask(&clinician(), clinician().question(ISOLATING)).await;
    assert!(told.is_err(), "an answer without the access log");
    broker.deployment.put_back("control").await;
    let _ = broker.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_in_the_place_of_a_store_is_not_the_store() {
    let broker = TestBroker::populated().await;
    let mut deployment = broker.stop().await;
    for store in STORES {
        deployment.take_away(store).await;
        if on(Engine::Sqlite) {
            // Laid out as a store is, and named by nobody.
            let (control, config) = (deployment.file(store), deployment.config());
            let catalogue = fs::read_to_string(config.policies.join("catalogue.toml")).unwrap();
            let catalogue = disown::dataset::Catalogue::parse(&catalogue).unwrap();
            let foreign = [7; 32].into();
            match catalogue.dataset_named(store) {
                Some((_, spec)) => {
                    disown::database::sqlite::make_dataset(&control, &catalogue, spec, &foreign).await.unwrap()
                }
                None => disown::database::sqlite::make_control(&control, &foreign).await.unwrap(),
            }
            deployment.does_not_start(store, "made for another deployment").await;
            assert!(matches!(deployment.make_stores().await, Err(NotMade::Foreign(name)) if name == store));
            fs::write(deployment.file(store), "").unwrap();
            deployment.does_not_start(store, "is not there").await;
            assert!(matches!(deployment.make_stores().await, Err(NotMade::Vanished(name)) if name == store));
        } else {
            let (config, servers) = (deployment.config(), deployment.administrator());
            let catalogue = fs::read_to_string(config.policies.join("catalogue.toml")).unwrap();
            let catalogue = disown::dataset::Catalogue::parse(&catalogue).unwrap();
            let provision = config.postgres.as_ref().unwrap().provision(&catalogue, store).unwrap();
            provision.make(&servers, &[7; 32].into()).await.unwrap();
            deployment.does_not_start(store, "made for another deployment").await;
            assert!(matches!(deployment.make_stores().await, Err(NotMade::Foreign(name)) if name == store));
            let name = provision.database.clone();
            let mut inside = deployment.as_superuser(store).await;
            sqlx::query("DELETE FROM store").execute(&mut inside).await.unwrap();
            inside.close().await.unwrap();
            deployment.does_not_start(store, "is not there").await;
            assert!(matches!(deployment.make_stores().await, Err(NotMade::Vanished(name)) if name == store));
            deployment.on_the_server(&[format!("DROP DATABASE {name} WITH (FORCE)")]).await;
        }
        deployment.put_back(store).await;
    }
    deployment.serve().await.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_not_taken_for_another_one() {
    if !on_files() {
        return;
    }
    let mut deployment = TestBroker::populated().await.stop().await;
    fs::copy(deployment.file("people"), deployment.path("kept")).unwrap();
    // Another dataset's of this deployment, and this dataset's of another.
    fs::copy(deployment.file("clinical"), deployment.file("people")).unwrap();
    deployment.does_not_start("people", "is another one").await;
    let other = TestBroker::populated().await.stop().await;
    fs::copy(other.file("people"), deployment.file("people")).unwrap();
    deployment.does_not_start("people", "is another one").await;
    fs::copy(deployment.path("kept"), deployment.file("people")).unwrap();
    deployment.serve().await.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_leads_nowhere_is_refused_and_nothing_is_made_there() {
    if !on_files() {
        return;
    }
    let mut deployment = TestBroker::populated().await.stop().await;
    deployment.edit("disown.toml", "data = \"data\"", "data = \"date\"");
    let Err(error) = deployment.build().await else { panic!("started on a path that leads nowhere") };
    assert!(error.to_string().contains("is its disk mounted"), "{error}");
    assert!(!deployment.path("date").exists());
    // A folder that is there and holds nothing: a disk that is not mounted.
    fs::create_dir(deployment.path("date")).unwrap();
    deployment.does_not_start("control", "is not there").await;
    assert!(matches!(deployment.make_stores().await, Err(NotMade::Vanished(_))));
    assert!(!deployment.path("date/control.sqlite").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_were_begun_are_made_to_their_end_and_others_are_remembered() {
    let deployment = Deployment::new();
    let kek = KeyEncryptionKey::parse(&fs::read_to_string(deployment.path("key-encryption-key")).unwrap()).unwrap();
    let sealed = fs::read_to_string(deployment.path("keyring.json")).unwrap();
    let begun = STORES.map(|store| (store.to_owned(), StoreMark::Begun)).into();
    let marked = pseudonym::with_stores(&sealed, &begun, &kek, &SystemEntropy).unwrap();
    fs::write(deployment.path("keyring.json"), marked).unwrap();
    assert_eq!(deployment.make_stores().await.unwrap(), STORES);
    assert_eq!(deployment.make_stores().await.unwrap(), STORES, "again, which changes nothing");
    // The keyring of somebody who was not there when they were made.
    let kept = fs::read_to_string(deployment.path("keyring.json")).unwrap();
    fs::write(deployment.path("keyring.json"), &sealed).unwrap();
    assert!(matches!(deployment.make_stores().await, Err(NotMade::NotRemembered(_))));
    fs::write(deployment.path("keyring.json"), kept).unwrap();
    deployment.serve().await.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_broker_that_is_started_by_mistake_leaves_the_first_alone() {
    if !on_files() {
        return;
    }
    let deployment = Deployment::of_today();
    let command = deployment.command();
    let (broker, process) = deployment.serve_apart(command).await;
    broker.populate().await;
    let told = broker.told(&clinician(), ISOLATING).await;
    let listen = fs::read_to_string(broker.deployment.path("disown.toml")).unwrap();
    for address in [broker.address.to_string(), "127.0.0.1:0".to_owned()] {
        // By hand: on the address that is taken, and on one that is free.
        let same = listen.replace("address = \"127.0.0.1:0\"", &format!("address = \"{address}\""));
        fs::write(broker.deployment.path("second.toml"), same).unwrap();
        let mut second = std::process::Command::new(env!("CARGO_BIN_EXE_disownctl"));
        second.args(["serve", "--development", "--config"]).arg(broker.deployment.path("second.toml"));
        let ended = second.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success(), "{said}");
        assert!(said.contains("cannot listen on") || said.contains("another broker uses"), "{said}");
    }
    let again = broker.told(&clinician(), ISOLATING).await;
    assert_eq!(again.index(), told.index() + 1, "the second one wrote into the log of the first");
    assert!(process.end().await.success());
    broker.finish().await;
}
