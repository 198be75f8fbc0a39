//! Counts: how many entries, by parts of theirs.

use crate::harness::*;
use disown::pb;
use tonic::{Code, Status};

type Groups = Vec<(Vec<String>, u64, u64)>;

async fn count(broker: &TestBroker, asker: &Asker, filter: pb::LogFilter, by: &[&str]) -> Result<Groups, Status> {
    let by = by.iter().map(|part| (*part).to_owned()).collect();
    let request = pb::CountRequest { terms: asker.pb_terms(), filter: Some(filter), by };
    let counted = broker.audit().count(asker.request(&broker.deployment, request)).await?.into_inner();
    Ok(counted.groups.into_iter().map(|group| (group.values, group.entries, group.records)).collect())
}

fn of(kind: &str) -> pb::LogFilter {
    pb::LogFilter { kind: kind.to_owned(), ..Default::default() }
}

fn group(values: &[&str], entries: u64, records: u64) -> (Vec<String>, u64, u64) {
    (values.iter().map(|value| (*value).to_owned()).collect(), entries, records)
}

#[tokio::test]
async fn entries_are_counted_by_their_parts_the_largest_group_first() {
    let broker = TestBroker::populated().await;
    let told = broker.told(&clinician(), ISOLATING).await.answer.records.len() as u64;
    let free = broker.told(&tracer(), FREE).await.answer.records.len() as u64;
    broker.deployment.clock.set("2026-11-22T09:00:00Z".parse().unwrap());
    let again = broker.told(&tracer(), ISOLATING).await.answer.records.len() as u64;
    broker.refused(&statistician(), statistician().question(ISOLATING)).await;
    let auditor = auditor();
    assert_eq!(
        count(&broker, &auditor, of("release"), &["role"]).await.unwrap(),
        [group(&["contact_tracer"], 2, free + again), group(&["clinician"], 1, told)]
    );
    assert_eq!(
        count(&broker, &auditor, of("release"), &["role", "day"]).await.unwrap(),
        [
            group(&["clinician", "2026-11-21"], 1, told),
            group(&["contact_tracer", "2026-11-21"], 1, free),
            group(&["contact_tracer", "2026-11-22"], 1, again),
        ]
    );
    // What is put in counts its records; who has no value of a part is counted under an empty one.
    assert_eq!(count(&broker, &auditor, of("input"), &[]).await.unwrap(), [group(&[], 3, 10)]);
    assert_eq!(
        count(&broker, &auditor, of("denial"), &["refusal", "caller", "agreement"]).await.unwrap(),
        [group(&["nothing_granted", "stat.hamon", "statistics"], 1, 0)]
    );
    let kinds = count(&broker, &auditor, pb::LogFilter::default(), &["kind"]).await.unwrap();
    let all: u64 = kinds.iter().map(|(_, entries, _)| entries).sum();
    assert_eq!(all, broker.entries().await.len() as u64 - 1, "the search of `entries` itself comes after");
    broker.finish().await;
}

#[tokio::test]
async fn a_count_needs_the_leave_that_a_search_needs_and_is_recorded_like_one() {
    let broker = TestBroker::populated().await;
    broker.told(&clinician(), ISOLATING).await;
    let denied = count(&broker, &clinician(), of("release"), &[]).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let denied = count(&broker, &rights_officer(), of("release"), &[]).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let about = pb::LogFilter { subject: format!("jy:{ISOLATING}"), ..of("release") };
    assert_eq!(count(&broker, &rights_officer(), about, &["organisation"]).await.unwrap().len(), 1);
    for by in [&["subject"][..], &["tag"], &["role", "role"], &["role", "kind", "day", "caller"], &["$.caller"], &[""]]
    {
        let status = count(&broker, &auditor(), of("release"), by).await.unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::InvalidArgument, "`by`: at most 3 parts of an entry, each once")
        );
    }
    let events: Vec<_> = broker.entries().await.into_iter().map(|(_, actor, _)| actor["event"].clone()).collect();
    assert!(events.contains(&"kind=release one subject".into()), "{events:?}");
    broker.finish().await;
}
