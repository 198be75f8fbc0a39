//! A load under way when its agreement lapses: what was not recorded by then is not put in.

use crate::harness::*;
use disown::{
    approval::Deed,
    pb::{self, load_request::Part, load_response::Report},
};
use jiff::{ToSpan, tz::TimeZone};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

const GOOD: [(&str, &str); 4] =
    [("jy_number", HEALTHY), ("given_name", "Ana"), ("family_name", "Ferreira"), ("sex", "F")];
const BAD: [(&str, &str); 3] = [("jy_number", HEALTHY), ("given_name", "Ana"), ("sex", "F")];

/// A load that was granted, and has a row that waits for its batch.
struct Loading {
    rows: mpsc::Sender<pb::LoadRequest>,
    reports: Streaming<pb::LoadResponse>,
}

impl Loading {
    async fn begin(broker: &TestBroker) -> Self {
        let registrar = registrar();
        let (rows, parts) = mpsc::channel(8);
        send(&rows, Part::Start(start(&registrar, "people", PEOPLE))).await;
        let request = registrar.request(&broker.deployment, ReceiverStream::new(parts));
        let mut reports = broker.intake().load(request).await.unwrap().into_inner();
        send(&rows, Part::Row(pb::Row { line: 2, values: row(PEOPLE, &GOOD) })).await;
        // What is told of the next one shows that the broker has this one.
        send(&rows, Part::Row(pb::Row { line: 3, values: row(PEOPLE, &BAD) })).await;
        assert!(matches!(reports.message().await.unwrap().unwrap().report, Some(Report::Rejection(_))));
        Self { rows, reports }
    }

    /// The stream ends, and with it the batch.
    async fn end(mut self) -> Result<Option<pb::LoadResponse>, Status> {
        drop(self.rows);
        self.reports.message().await
    }
}

async fn send(rows: &mpsc::Sender<pb::LoadRequest>, part: Part) {
    rows.send(pb::LoadRequest { part: Some(part) }).await.unwrap();
}

/// Nothing came in, and no entry says so.
async fn nothing_is_put_in(broker: TestBroker) {
    assert_eq!(broker.deployment.count("people", "SELECT count(*) FROM record").await, 0);
    assert!(broker.entries().await.iter().all(|(_, actor, _)| actor["kind"] != "input"));
    broker.finish().await;
}

#[tokio::test]
async fn what_a_load_has_not_recorded_when_its_agreement_is_suspended_is_not_put_in() {
    let broker = TestBroker::empty().await;
    let loading = Loading::begin(&broker).await;
    broker.act("data-protection-officer", &agreement("registers"), Deed::Suspend).await;
    let refused = loading.end().await.err().expect("it was stored");
    assert_eq!(refused.code(), Code::Unavailable);
    nothing_is_put_in(broker).await;
}

#[tokio::test]
async fn what_a_load_has_not_recorded_when_its_agreement_ends_is_not_put_in() {
    let broker = TestBroker::empty().await;
    let loading = Loading::begin(&broker).await;
    let now = disown::clock::Clock::now(&*broker.deployment.clock);
    let ended = today().saturating_add(1.year()).to_zoned(TimeZone::get("Europe/Jersey").unwrap()).unwrap();
    broker.deployment.clock.set(ended.timestamp());
    let refused = loading.end().await.err().expect("it was stored");
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "permission denied"));
    // The auditor's agreement has ended too.
    broker.deployment.clock.set(now);
    nothing_is_put_in(broker).await;
}
