//! What others may see of the broker's memory, and what becomes of text that means harm (A51, A58, A73).

use crate::harness::*;
use disown::{memory, pb, pb::query_request::Subject};
use rustix::process::{DumpableBehavior, dumpable_behavior};
use std::fs;
use tonic::Code;

#[test]
fn memory_is_kept_private() {
    memory::keep_private().unwrap();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
}

#[tokio::test]
async fn a_serving_broker_leaves_no_core() {
    let deployment = Deployment::of_today();
    let command = deployment.command();
    let (broker, process) = deployment.serve_apart(command).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    assert!(process.end().await.success());
    broker.finish().await;
}

/// SQL is made of text of the catalogue alone: tables and statements, when a store is opened.
#[test]
fn sql_is_made_of_text_where_no_request_comes() {
    let mut places = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read_to_string(&path).unwrap().contains("AssertSqlSafe(") {
                places.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    places.sort();
    assert_eq!(places, ["privileges.rs", "provision.rs", "schema.rs", "sqlite.rs", "statements.rs"]);
}

const HARM: [&str; 10] = [
    "people.person.given_name'; DROP TABLE record; --",
    "people.person.given_name\" OR 1=1",
    "people.person.*",
    "people.person.given_name, phone",
    "record.pseudonym",
    "people.person.pseudonym",
    "people.person.salt",
    "people..given_name",
    "\nREADY [AUDIT] forged",
    "\u{1b}[2J\u{2028}\r\n",
];

#[tokio::test]
async fn harmful_text_is_refused_where_a_name_belongs_and_is_written_nowhere() {
    let broker = TestBroker::populated().await;
    for harm in HARM {
        let fields = pb::QueryRequest { fields: vec![harm.to_owned()], ..clinician().question(ISOLATING) };
        let (code, told) = broker.refused(&clinician(), fields).await;
        assert_eq!(code, Code::InvalidArgument);
        assert!(!told.contains(harm), "{told}");
        let view = pb::QueryRequest { view: harm.to_owned(), ..clinician().question(ISOLATING) };
        assert_eq!(broker.refused(&clinician(), view).await.0, Code::PermissionDenied);
        let subject = Some(Subject::Handle(harm.to_owned()));
        let handle = pb::QueryRequest { subject, ..clinician().question(ISOLATING) };
        assert_eq!(broker.refused(&clinician(), handle).await.0, Code::PermissionDenied);
        let put = broker.put(&clerk(), harm, &[("jy_number", FREE)]).await.err().unwrap();
        assert_eq!(put.code(), Code::InvalidArgument);
        let column = broker.put(&clerk(), "public_health.test_appointment", &[("jy_number", FREE), (harm, "x")]).await;
        assert_eq!(column.err().unwrap().code(), Code::InvalidArgument);
    }
    // All tables are there, all records too, and no entry has a line of somebody else's in it.
    assert!(!broker.told(&clinician(), ISOLATING).await.answer.records.is_empty());
    for (index, actor, _) in broker.entries().await {
        let text = actor.to_string();
        assert!(!HARM.iter().any(|harm| text.contains(harm)) && !text.contains("forged"), "entry {index}");
    }
    broker.finish().await;
}
