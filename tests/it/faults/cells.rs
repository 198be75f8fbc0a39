//! Single bytes that flip where they are stored: in a sealed cell of a dataset, and in an entry of the log on a server.

use super::{Outcome, Trial};
use crate::harness::*;
use disown::access_log::verify::{NotVerified, verify_log};
use sqlx::{AssertSqlSafe, Connection};
use tonic::Code;

/// Runs SQL on a database of a deployment, as somebody who may do anything there.
async fn alter_any(deployment: &Deployment, name: &str, sql: &str) {
    if deployment.config().postgres.is_none() {
        let mut database = tampering(&deployment.path(&format!("data/{name}.sqlite"))).await;
        alter(&mut database, sql).await;
        database.close().await.unwrap();
    } else {
        let mut database = deployment.as_superuser(name).await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut database).await.unwrap();
        database.close().await.unwrap();
    }
}

/// The sealed codes of the clinical records, by record.
async fn sealed_codes(deployment: &Deployment) -> Vec<(Vec<u8>, Vec<u8>)> {
    let codes = "SELECT record_id, code FROM record WHERE code IS NOT NULL ORDER BY record_id";
    if deployment.config().postgres.is_none() {
        sqlx::query_as(codes).fetch_all(&deployment.database("clinical").await).await.unwrap()
    } else {
        sqlx::query_as(codes).fetch_all(&mut deployment.as_superuser("clinical").await).await.unwrap()
    }
}

#[tokio::test]
async fn a_flipped_byte_of_a_sealed_cell_keeps_its_subject_from_being_told_of_and_nobody_else() {
    let broker = TestBroker::populated().await;
    let codes = sealed_codes(&broker.deployment).await;
    assert_eq!(codes.len(), 3, "two of one subject and one of another");
    let each = codes.iter().map(|(_, code)| code.len()).max().unwrap() as u64;
    let mut trial = Trial::new("F15", "a byte of a sealed cell of a dataset flips", 2, each);
    let (mut outcome, mut flipped) = (Outcome::default(), 0);
    let step = usize::try_from(each / trial.cycles()).unwrap();
    for (record, code) in &codes {
        let hexadecimal = |bytes: &[u8]| match engine() {
            Engine::Sqlite => format!("x'{}'", hex::encode(bytes)),
            Engine::Postgres => format!("'\\x{}'::bytea", hex::encode(bytes)),
        };
        let store = async |code: &[u8]| {
            let (code, record) = (hexadecimal(code), hexadecimal(record));
            let update = format!("UPDATE record SET code = {code} WHERE record_id = {record}");
            alter_any(&broker.deployment, "clinical", &update).await;
        };
        for at in (0..code.len()).step_by(step) {
            let mut other = code.clone();
            other[at] ^= 1;
            store(&other).await;
            let mut refused = 0;
            for number in [ISOLATING, FREE] {
                match broker.ask(&clinician(), clinician().question(number)).await {
                    Ok(_) => outcome.released += 1,
                    Err(status) => {
                        assert_eq!(status.code(), Code::Internal, "{status:?}");
                        refused += 1;
                    }
                }
            }
            assert_eq!(refused, 1, "byte {at}");
            flipped += 1;
        }
        store(code).await;
    }
    trial.happened(flipped);
    assert_eq!(broker.told(&clinician(), ISOLATING).await.cells("clinical.condition.description"), ["full:Asthma"]);
    broker.finish().await;
    trial.passed(outcome);
}

#[tokio::test]
async fn a_flipped_byte_of_an_entry_on_a_server_is_found_where_it_is() {
    if !on_a_server() {
        return;
    }
    let deployment = TestBroker::populated().await.stop().await;
    let entries = deployment.verify().await.entries;
    let texts = ["actor", "subject", "answer"].map(|name| (name, format!("overlay({name} placing '#' from 7 for 1)")));
    let bytes = ["actor_salt", "subject_salt", "answer_salt", "actor_commitment", "answer_commitment", "leaf"];
    let bytes = bytes.map(|name| (name, format!("set_byte({name}, 3, get_byte({name}, 3) # 1)")));
    let mut trial = Trial::new("F13", "a byte of a stored entry flips: verifying names it", 0, 0);
    trial.happened(entries * (texts.len() + bytes.len()) as u64);
    for index in 0..entries {
        for (column, flipped) in texts.iter().chain(&bytes) {
            let alone = "SET session_replication_role = replica";
            let keep = format!("{alone}; CREATE TABLE kept AS SELECT * FROM entry WHERE idx = {index}");
            let flip = format!("{keep}; UPDATE entry SET {column} = {flipped} WHERE idx = {index}");
            alter_any(&deployment, "control", &flip).await;
            let found = verify_log(&deployment.reader().await, &deployment.log_key()).await;
            assert!(matches!(found, Err(NotVerified::Entry { index: at, .. }) if at == index), "{column}: {found:?}");
            let back = format!(
                "{alone}; UPDATE entry SET {column} = kept.{column} FROM kept WHERE entry.idx = kept.idx; DROP TABLE kept"
            );
            alter_any(&deployment, "control", &back).await;
        }
    }
    deployment.serve().await.finish().await;
    trial.passed(Outcome::default());
}
