//! What is put in is recorded first, and each stored row can be held against its entry.

use crate::harness::*;
use disown::access_log::{
    digest,
    merkle::{Frontier, leaf_hash},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::Row;
use tonic::Code;

const APPOINTMENT: [(&str, &str); 10] = [
    ("record_id", "A1"),
    ("jy_number", HEALTHY),
    ("event_date", "2026-11-23"),
    ("end_date", ""),
    ("category", "symptoms"),
    ("place", "Fort Regent"),
    ("parish_or_port", "St Helier"),
    ("contact_jy_number", ""),
    ("test_result", ""),
    ("detail", ""),
];

async fn inputs(broker: &TestBroker) -> Vec<(Value, Value)> {
    let entries = broker.entries().await.into_iter().map(|(_, actor, subject)| (actor, subject));
    entries.filter(|(actor, _)| actor["kind"] == "input").collect()
}

#[tokio::test]
async fn a_clerk_puts_one_appointment_in_and_gets_its_receipt() {
    let broker = TestBroker::empty().await;
    let receipt = broker.put(&clerk(), "public_health.test_appointment", &APPOINTMENT).await.unwrap();
    let actor = broker.deployment.proven(&receipt);
    assert_eq!(actor["kind"], "input");
    assert_eq!(actor["outcome"], "stored");
    assert_eq!(actor["caller"], "clerk.nowak");
    assert_eq!(actor["case_reference"], "BK-000001");
    assert_eq!((&actor["dataset"], &actor["batch_records"]), (&json!("public_health"), &json!(1)));
    // The receipt covers the batch's root.
    let root = hex::decode(actor["batch_root"].as_str().unwrap()).unwrap();
    let answer: Value = serde_json::from_slice(&receipt.answer_part).unwrap();
    assert_eq!(answer["digest"], digest(&root).to_string());
    let told = broker.told(&tracer(), HEALTHY).await;
    assert_eq!(told.cells("public_health.test_appointment.place"), ["full:Fort Regent"]);
    assert_eq!(told.answer.records[0].provenance.as_ref().unwrap().source, "test");
    broker.finish().await;
}

#[tokio::test]
async fn a_put_that_breaks_a_rule_is_told_the_rule() {
    let broker = TestBroker::empty().await;
    broker.put(&clerk(), "public_health.test_appointment", &APPOINTMENT).await.unwrap();
    let mut late = APPOINTMENT;
    late[2] = ("event_date", "2031-01-01");
    let mut unnamed = APPOINTMENT;
    unnamed[1] = ("jy_number", "Ana Ferreira");
    for (values, column, rule) in
        [(APPOINTMENT, "record_id", "duplicate"), (late, "event_date", "range"), (unnamed, "jy_number", "identifier")]
    {
        let refused = broker.put(&clerk(), "public_health.test_appointment", &values).await.err().unwrap();
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::InvalidArgument, format!("`values.{column}`: {rule}").as_str())
        );
    }
    assert_eq!(inputs(&broker).await.len(), 1);
    broker.finish().await;
}

#[tokio::test]
async fn a_clerk_puts_nothing_else_in() {
    let broker = TestBroker::empty().await;
    let denied = (Code::PermissionDenied, "permission denied");
    for other in ["public_health.isolation", "public_health.case_investigation"] {
        let refused = broker.put(&clerk(), other, &APPOINTMENT).await.err().unwrap();
        assert_eq!((refused.code(), refused.message()), denied);
    }
    let person = row_of(PEOPLE, &[("jy_number", HEALTHY), ("given_name", "Ana"), ("family_name", "Ferreira")]);
    let refused = broker.put(&clerk(), "people.person", &person).await.err().unwrap();
    assert_eq!((refused.code(), refused.message()), denied);
    let refusals: Vec<_> =
        broker.entries().await.into_iter().filter(|(_, actor, _)| actor["refusal"] == "nothing_granted").collect();
    assert_eq!(refusals.len(), 3);
    // In a load, the rows of other record types are rejected.
    let rows = vec![row(PUBLIC_HEALTH, &[&[("record_type", "isolation")], &APPOINTMENT[..]].concat())];
    let delivered = broker.load_values(&clerk(), "public_health", PUBLIC_HEALTH, rows).await.unwrap();
    assert_eq!(delivered.rejected, [(2, "record_type".to_owned(), "record_type".to_owned())]);
    assert!(inputs(&broker).await.is_empty());
    broker.finish().await;
}

#[tokio::test]
async fn a_record_type_that_is_none_is_refused() {
    let broker = TestBroker::empty().await;
    let person = row_of(PEOPLE, &[("jy_number", HEALTHY), ("given_name", "Ana"), ("family_name", "Ferreira")]);
    for record_type in ["people", "people.", "people.pet", "people.person.sex", "pets.pet", "", "."] {
        let refused = broker.put(&registrar(), record_type, &person).await.err().unwrap();
        assert_eq!(refused.code(), Code::InvalidArgument, "{record_type}");
    }
    assert!(inputs(&broker).await.is_empty());
    broker.put(&registrar(), "people.person", &person).await.unwrap();
    broker.finish().await;
}

/// Column and value, for `put`.
fn row_of<'a>(header: &'a str, given: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let value = |column: &str| given.iter().find(|(name, _)| *name == column).map_or("", |(_, value)| *value);
    header.split(',').map(|column| (column, value(column))).collect()
}

#[tokio::test]
async fn who_puts_data_in_reads_nothing() {
    let broker = TestBroker::populated().await;
    for asker in [clerk(), registrar()] {
        let refused = broker.refused(&asker, asker.question(ISOLATING)).await;
        assert_eq!(refused, (Code::PermissionDenied, "permission denied".to_owned()));
    }
    let fresh = broker.load_values(&clinician(), "people", PEOPLE, vec![]).await.err().unwrap();
    assert_eq!((fresh.code(), fresh.message()), (Code::PermissionDenied, "permission denied"));
    broker.finish().await;
}

#[tokio::test]
async fn a_visitor_is_put_in_and_asked_about() {
    let broker = TestBroker::empty().await;
    let given = [("record_id", "T1"), ("jy_number", "visitor:V0000123"), ("record_type", "arrival")];
    let arrival = [&given[..], &[("event_date", "2026-11-20"), ("place", "Elizabeth Terminal")]].concat();
    let rows = vec![row(PUBLIC_HEALTH, &arrival)];
    let delivered = broker.load_values(&registrar(), "public_health", PUBLIC_HEALTH, rows).await.unwrap();
    assert_eq!((delivered.stored, delivered.rejected), (1, vec![]));
    let mut question = tracer().question(NOBODY);
    question.subject = Some(disown::pb::query_request::Subject::Identifier("visitor:V0000123".to_owned()));
    let told = broker.ask(&tracer(), question).await.unwrap();
    assert_eq!(told.cells("public_health.arrival.place"), ["full:Elizabeth Terminal"]);
    broker.finish().await;
}

#[tokio::test]
async fn an_input_is_recorded_with_its_root_and_without_a_subject() {
    if !on_files() {
        return;
    }
    let broker = TestBroker::populated().await;
    let inputs = inputs(&broker).await;
    let counts: Vec<_> = inputs.iter().map(|(actor, _)| (&actor["dataset"], &actor["batch_records"])).collect();
    let expected = [json!("people"), json!("clinical"), json!("public_health")];
    assert_eq!(counts, [(&expected[0], &json!(3)), (&expected[1], &json!(3)), (&expected[2], &json!(4))]);
    for (actor, subject) in &inputs {
        assert_eq!(subject, &json!({}));
        assert_eq!(actor["caller"], "registry-feed");
        let store = broker.deployment.database(actor["dataset"].as_str().unwrap()).await;
        let batch = sqlx::query("SELECT records, root FROM batch WHERE batch = ?1")
            .bind(hex::decode(actor["batch"].as_str().unwrap()).unwrap())
            .fetch_one(&store)
            .await
            .unwrap();
        assert_eq!(json!(batch.get::<i64, _>(0)), actor["batch_records"]);
        assert_eq!(json!(hex::encode(batch.get::<Vec<u8>, _>(1))), actor["batch_root"]);
    }
    broker.finish().await;
}

#[tokio::test]
async fn each_stored_row_leads_to_the_root_that_was_recorded() {
    if !on_files() {
        return;
    }
    let broker = TestBroker::populated().await;
    let (recorded, _) = inputs(&broker).await.into_iter().find(|(actor, _)| actor["dataset"] == "people").unwrap();
    // Every column but the subject, which is stored as the pseudonym.
    let columns: Vec<_> = PEOPLE.split(',').skip(1).collect();
    let sql = format!("SELECT salt, record_id, pseudonym, {} FROM record ORDER BY position", columns.join(", "));
    let store = broker.deployment.database("people").await;
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&store).await.unwrap();
    let mut tree = Frontier::new();
    for row in &rows {
        let mut hash = Sha256::new_with_prefix(b"disown.v1/row");
        for own in 0..3 {
            hash.update(row.get::<Vec<u8>, _>(own));
        }
        for at in 0..columns.len() {
            let cell = row.get::<Option<String>, _>(3 + at);
            hash.update([u8::from(cell.is_some())]);
            hash.update((cell.as_ref().map_or(0, String::len) as u64).to_be_bytes());
            hash.update(cell.unwrap_or_default());
        }
        tree.push(leaf_hash(&hash.finalize()));
    }
    assert_eq!(tree.root().to_string(), recorded["batch_root"]);
    broker.finish().await;
}

#[tokio::test]
async fn a_batch_that_did_not_arrive_is_noted_at_the_next_start() {
    if !on_files() {
        return;
    }
    let deployment = TestBroker::populated().await.stop().await;
    // As a crash between the entry and the rows leaves it: the batch is in the access log and not in its store.
    let lost = {
        let store = disown::database::sqlite::open_pool(&deployment.path("data/clinical.sqlite")).await.unwrap();
        let batch: Vec<u8> = sqlx::query_scalar("SELECT batch FROM batch").fetch_one(&store).await.unwrap();
        sqlx::query("DELETE FROM record").execute(&store).await.unwrap();
        sqlx::query("DELETE FROM batch").execute(&store).await.unwrap();
        store.close().await;
        hex::encode(batch)
    };
    let broker = deployment.serve().await;
    let expected = format!("batch {lost} of clinical was recorded and did not arrive: none of its records is stored");
    assert_eq!(lost_batches(&broker).await, std::slice::from_ref(&expected));
    // Once is enough, and the batches that arrived are not spoken of.
    let broker = broker.stop().await.serve().await;
    assert_eq!(lost_batches(&broker).await, [expected]);
    broker.finish().await;
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_stored() {
    if !on_files() {
        return;
    }
    let broker = TestBroker::populated().await;
    let store = broker.deployment.database("public_health").await;
    let stored = async || sqlx::query_scalar::<_, i64>("SELECT count(*) FROM record").fetch_one(&store).await.unwrap();
    let before = stored().await;
    let (log, away) = (broker.deployment.path("data/control.sqlite"), broker.deployment.path("away"));
    std::fs::rename(&log, &away).unwrap();
    let refused = broker.put(&clerk(), "public_health.test_appointment", &APPOINTMENT).await.err().unwrap();
    assert_eq!((refused.code(), stored().await), (Code::Unavailable, before));
    std::fs::rename(&away, &log).unwrap();
    broker.recovers().await;
    broker.put(&clerk(), "public_health.test_appointment", &APPOINTMENT).await.unwrap();
    assert_eq!(stored().await, before + 1);
    store.close().await;
    broker.finish().await;
}

async fn lost_batches(broker: &TestBroker) -> Vec<String> {
    let events =
        broker.entries().await.into_iter().filter_map(|(_, actor, _)| actor["event"].as_str().map(str::to_owned));
    events.filter(|event| event.contains("did not arrive")).collect()
}
