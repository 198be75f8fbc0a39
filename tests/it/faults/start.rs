//! What a broker does not start with.

use super::{LOG, Outcome, Trial};
use crate::harness::*;
use disown::{
    app::AppError,
    entropy::SeededEntropy,
    ids::DatasetId,
    pseudonym::{self, KeyEncryptionKey},
};
use sqlx::Connection;
use std::{fs, path::PathBuf};

async fn why_it_does_not_start(deployment: &mut Deployment) -> String {
    match deployment.build().await {
        Ok(_) => panic!("it starts"),
        Err(
            error @ (AppError::File { .. }
            | AppError::Keyring(_)
            | AppError::Config(_)
            | AppError::NoStore { .. }
            | AppError::AccessLog(_)),
        ) => error.to_string(),
        Err(error) => panic!("it does not start, for another reason: {error}"),
    }
}

fn another_keyring(deployment: &Deployment, log_name: &str) -> String {
    let kek = KeyEncryptionKey::parse(&fs::read_to_string(deployment.path("key-encryption-key")).unwrap()).unwrap();
    let datasets = ["people", "clinical", "public_health"].map(|name| DatasetId::try_from(name).unwrap());
    pseudonym::create(log_name, &datasets, &kek, &SeededEntropy::new(77)).unwrap()
}

/// Stopped, with some entries in the log.
async fn stopped() -> Deployment {
    let broker = TestBroker::populated().await;
    for _ in 0..3 {
        broker.told(&clinician(), ISOLATING).await;
    }
    broker.stop().await
}

#[tokio::test]
async fn not_without_its_signing_key() {
    let trial = Trial::new("F37", "the log's signing key is lost, or damaged", 5, 5);
    let mut deployment = stopped().await;
    let keyring = deployment.path("keyring.json");
    let genuine = fs::read_to_string(&keyring).unwrap();
    fs::remove_file(&keyring).unwrap();
    assert!(why_it_does_not_start(&mut deployment).await.contains("keyring.json"));
    for damaged in
        ["", "{}", &genuine[..genuine.len() / 2], &genuine.replacen("\"sealed\": \"", "\"sealed\": \"AAAA", 1)]
    {
        fs::write(&keyring, damaged).unwrap();
        assert!(why_it_does_not_start(&mut deployment).await.starts_with("keyring: "), "{damaged}");
    }
    fs::write(&keyring, genuine).unwrap();
    deployment.serve().await.finish().await;
    trial.passed(Outcome::default());
}

/// Missing, no file, empty, cut short, another one: nothing is opened by it, and nothing said of what is in it.
#[tokio::test]
async fn not_without_its_key_encryption_key() {
    let trial = Trial::new("F36", "the key-encryption key is missing, unreadable, empty, cut, or another", 5, 5);
    let mut deployment = stopped().await;
    let file = deployment.path("key-encryption-key");
    let genuine = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(why_it_does_not_start(&mut deployment).await.contains("key-encryption-key"));
    fs::create_dir(&file).unwrap();
    assert!(why_it_does_not_start(&mut deployment).await.contains("key-encryption-key"));
    fs::remove_dir(&file).unwrap();
    for other in ["", &genuine.trim()[..genuine.trim().len() - 2], &"5a".repeat(32)] {
        fs::write(&file, other).unwrap();
        let why = why_it_does_not_start(&mut deployment).await;
        assert!(why.contains("key"), "{why}");
        assert!(other.is_empty() || !why.contains(other), "{why}");
    }
    fs::write(&file, genuine).unwrap();
    deployment.serve().await.finish().await;
    trial.passed(Outcome::default());
}

#[tokio::test]
async fn not_with_the_keyring_of_another_log_or_with_another_key() {
    let trial = Trial::new("F37", "the log's signing key is another", 2, 2);
    let mut deployment = stopped().await;
    let keyring = deployment.path("keyring.json");
    let genuine = fs::read_to_string(&keyring).unwrap();
    for log_name in ["disown.example/other", "disown.example/test"] {
        fs::write(&keyring, another_keyring(&deployment, log_name)).unwrap();
        let why = why_it_does_not_start(&mut deployment).await;
        assert!(why.contains("made for another deployment"), "{why}");
    }
    fs::write(&keyring, genuine).unwrap();
    deployment.serve().await.finish().await;
    trial.passed(Outcome::default());
}

#[tokio::test]
async fn not_with_an_end_of_the_log_that_does_not_fit() {
    if !on_files() {
        return;
    }
    let mut deployment = stopped().await;
    let last = "idx = (SELECT max(idx) FROM entry)";
    let alterations = [
        "UPDATE head SET root = zeroblob(32) WHERE size = (SELECT max(size) FROM head)".to_owned(),
        "DELETE FROM head WHERE size = (SELECT max(size) FROM head)".to_owned(),
        format!("DELETE FROM entry WHERE {last}"),
        "DELETE FROM entry WHERE idx > 4".to_owned(),
        format!("UPDATE entry SET actor = actor || ' ' WHERE {last}"),
        format!("UPDATE entry SET leaf = zeroblob(32) WHERE {last}"),
        format!("UPDATE entry SET answer = NULL, answer_salt = NULL WHERE {last}"),
        "DELETE FROM node".to_owned(),
        "UPDATE checkpoint SET note = replace(note, 'disown', 'disowm')".to_owned(),
        // Cut back whole, but for the last checkpoint.
        "DELETE FROM entry WHERE idx > 4; DELETE FROM head WHERE size > 5; DELETE FROM node WHERE (position + 1) << level > 5"
            .to_owned(),
    ];
    for (number, alteration) in alterations.into_iter().enumerate() {
        let mut connection = tampering(&on_a_copy(&deployment, number).await).await;
        alter(&mut connection, &alteration).await;
        connection.close().await.unwrap();
        println!("{alteration}: {}", why_it_does_not_start(&mut deployment).await);
    }
    on_a_copy(&deployment, 100).await;
    deployment.serve().await.finish().await;
}

#[tokio::test]
async fn not_with_a_flipped_byte_after_the_last_checkpoint() {
    if !on_files() {
        return;
    }
    let mut deployment = stopped().await;
    // As after a crash between commit and signature.
    let mut connection = tampering(&deployment.path(LOG)).await;
    alter(&mut connection, "DELETE FROM checkpoint WHERE size > (SELECT max(size) FROM head) - 2").await;
    connection.close().await.unwrap();
    let columns = ["actor", "actor_salt", "subject", "subject_salt", "answer", "answer_salt", "leaf"];
    for (number, (back, column)) in [1, 2].into_iter().flat_map(|back| columns.map(|name| (back, name))).enumerate() {
        let mut connection = tampering(&on_a_copy(&deployment, number).await).await;
        let place = format!("idx = (SELECT max(idx) + 1 - {back} FROM entry)");
        flip(&mut connection, "entry", column, &place, 3).await;
        connection.close().await.unwrap();
        why_it_does_not_start(&mut deployment).await;
    }
    // Untouched, it is hashed, signed and served.
    on_a_copy(&deployment, 100).await;
    deployment.serve().await.finish().await;
}

/// The deployment's data as they were, in a folder of their own that it is served from next; gives the log.
async fn on_a_copy(deployment: &Deployment, number: usize) -> PathBuf {
    let folder = deployment.path(&format!("data-{number}"));
    fs::create_dir(&folder).unwrap();
    for name in ["people", "clinical", "public_health", "control"] {
        let file = format!("{name}.sqlite");
        settle(&deployment.path("data").join(&file)).await;
        fs::copy(deployment.path("data").join(&file), folder.join(&file)).unwrap();
    }
    let text = fs::read_to_string(deployment.path("disown.toml")).unwrap();
    let lines = text
        .lines()
        .map(|line| if line.starts_with("data = ") { format!("data = \"data-{number}\"") } else { line.to_owned() });
    fs::write(deployment.path("disown.toml"), lines.collect::<Vec<_>>().join("\n")).unwrap();
    folder.join("control.sqlite")
}
