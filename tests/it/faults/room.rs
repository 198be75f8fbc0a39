//! A server without room: its process that writes gets none for the log's tables, until there is some again.

use super::{
    Outcome, Trial, held,
    strace::{Attached, may_attach},
};
use crate::{faults::backends::writer, harness::*, kill::Received};
use sqlx::{Connection, Executor};
use std::sync::Arc;
use tokio::task::block_in_place;
use tonic::Code;
use tonic_health::ServingStatus;

/// The files of the log's tables and of what belongs to them.
const FILES: &str = "SELECT current_setting('data_directory') || '/' || pg_relation_filepath(oid) FROM pg_class \
    WHERE relkind IN ('r', 'i', 't') AND (relnamespace = 'public'::regnamespace OR relnamespace = 'pg_toast'::regnamespace) \
    AND pg_relation_filepath(oid) IS NOT NULL";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_room_releases_nothing_and_room_brings_it_back() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F08", "the server has no room for the log", 1, 20);
    if !may_attach() {
        return trial.not_tried();
    }
    let server = block_in_place(|| Arc::new(Node::start_new()));
    let broker = Deployment::on_servers(NOW.parse().unwrap(), server).serve().await;
    broker.populate().await;
    let mut admin = broker.deployment.as_superuser("control").await;
    // Nothing goes into gaps: each page that is full makes its file longer.
    admin.execute("CHECKPOINT").await.unwrap();
    let files: Vec<String> = sqlx::query_scalar(FILES).fetch_all(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    let mut full: Vec<String> = files.into_iter().flat_map(|file| ["-P".to_owned(), file]).collect();
    full.extend(["-e", "inject=pwrite64,pwritev,fallocate:error=ENOSPC"].map(str::to_owned));
    let (mut received, mut refusals) = (Received::default(), 0);
    for _ in 0..trial.cycles() {
        let following = Attached::with(writer(&broker).await, full.iter());
        for _ in 0..200 {
            match broker.ask(&clinician(), clinician().question(ISOLATING)).await {
                Ok(told) => received.answers.push(told.response),
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                    refusals += 1;
                    break;
                }
            }
        }
        broker.health_becomes(ServingStatus::NotServing).await;
        assert!(following.end().befell());
        broker.health_becomes(ServingStatus::Serving).await;
        received.answers.push(broker.told(&clinician(), ISOLATING).await.response);
    }
    assert_eq!(refusals, trial.cycles());
    let outcome: Outcome = held(&broker.deployment, &received).await;
    broker.finish().await;
    trial.passed(outcome);
}
