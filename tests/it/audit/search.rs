//! Searches: what they find, in which portions, and that they are themselves recorded.

use crate::harness::*;
use disown::pb;
use serde_json::Value;

fn everything() -> pb::LogFilter {
    pb::LogFilter::default()
}

fn asked(filter: pb::LogFilter) -> pb::SearchRequest {
    pb::SearchRequest { terms: auditor().pb_terms(), filter: Some(filter), ..Default::default() }
}

/// Pages of a search: index and actor part of each entry, and where the page says that it goes on.
async fn pages(broker: &TestBroker, request: pb::SearchRequest) -> Vec<(Vec<(u64, Value)>, String)> {
    let mut stream = broker.audit().search(auditor().request(&broker.deployment, request)).await.unwrap().into_inner();
    let mut pages = Vec::new();
    while let Some(page) = stream.message().await.unwrap() {
        let entry = |entry: &pb::LoggedEntry| (entry.index, serde_json::from_slice(&entry.actor_part).unwrap());
        pages.push((page.entries.iter().map(entry).collect(), page.next_page));
    }
    pages
}

async fn search(broker: &TestBroker, filter: pb::LogFilter) -> Vec<(u64, Value)> {
    pages(broker, asked(filter)).await.into_iter().flat_map(|(entries, _)| entries).collect()
}

/// Entries of several kinds, an hour apart.
async fn some_history() -> TestBroker {
    let broker = TestBroker::populated().await;
    broker.told(&clinician(), ISOLATING).await;
    broker.deployment.clock.set("2026-11-21T21:00:00Z".parse().unwrap());
    broker.told(&tracer(), ISOLATING).await;
    broker.told(&tracer(), FREE).await;
    broker.deployment.clock.set("2026-11-21T22:00:00Z".parse().unwrap());
    broker.told(&police(), NOBODY).await;
    broker.refused(&statistician(), statistician().question(ISOLATING)).await;
    broker
}

#[tokio::test]
async fn each_filter_finds_what_matches_and_nothing_else() {
    let broker = some_history().await;
    let all = search(&broker, everything()).await;
    let one = |value: &str| value.to_owned();
    let cases = [
        (pb::LogFilter { caller: one("tracer.amy"), ..everything() }, "caller", "tracer.amy", 2),
        (pb::LogFilter { caller: one("dr.renouf"), ..everything() }, "caller", "dr.renouf", 1),
        (
            pb::LogFilter { organisation: one("states-of-jersey-police"), ..everything() },
            "organisation",
            "states-of-jersey-police",
            1,
        ),
        (pb::LogFilter { purpose: one("contact_tracing"), ..everything() }, "purpose", "contact_tracing", 2),
        (pb::LogFilter { agreement: one("clinical-care"), ..everything() }, "agreement", "clinical-care", 1),
        (pb::LogFilter { outcome: one("answered"), ..everything() }, "outcome", "answered", 4),
        (pb::LogFilter { outcome: one("denied"), ..everything() }, "outcome", "denied", 1),
        (pb::LogFilter { kind: one("input"), ..everything() }, "kind", "input", 3),
        (pb::LogFilter { kind: one("release"), ..everything() }, "kind", "release", 4),
        (pb::LogFilter { kind: one("nothing-like-it"), ..everything() }, "kind", "nothing-like-it", 0),
        (pb::LogFilter { caller: one("tracer.%"), ..everything() }, "caller", "tracer.%", 0),
        (pb::LogFilter { caller: one("' OR 1=1 --"), ..everything() }, "caller", "' OR 1=1 --", 0),
    ];
    for (request, part, value, expected) in cases {
        let found = search(&broker, request).await;
        assert_eq!(found.len(), expected, "{part} {value}");
        let matching: Vec<_> = all.iter().filter(|(_, actor)| actor[part] == value).cloned().collect();
        assert_eq!(found, matching, "{part} {value}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn filters_together_must_all_match() {
    let broker = some_history().await;
    let both =
        |kind: &str, caller: &str| pb::LogFilter { kind: kind.to_owned(), caller: caller.to_owned(), ..everything() };
    assert_eq!(search(&broker, both("release", "tracer.amy")).await.len(), 2);
    assert_eq!(search(&broker, both("denial", "tracer.amy")).await.len(), 0);
    assert_eq!(search(&broker, both("denial", "stat.hamon")).await.len(), 1);
    let narrow = pb::LogFilter {
        from: "2026-11-21T21:30:00Z".to_owned(),
        organisation: "states-of-jersey-police".to_owned(),
        purpose: "isolation_enforcement".to_owned(),
        agreement: "sojp-isolation".to_owned(),
        outcome: "answered".to_owned(),
        ..both("release", "pc.vautier")
    };
    assert_eq!(search(&broker, narrow.clone()).await.len(), 1);
    let earlier = pb::LogFilter { until: "2026-11-21T21:30:00Z".to_owned(), from: String::new(), ..narrow };
    assert_eq!(search(&broker, earlier).await.len(), 0);
    broker.finish().await;
}

#[tokio::test]
async fn times_bound_from_the_first_to_before_the_last() {
    let broker = some_history().await;
    let between = |from: &str, until: &str| pb::LogFilter {
        from: from.to_owned(),
        until: until.to_owned(),
        kind: "release".to_owned(),
        ..everything()
    };
    let tracing = search(&broker, between("2026-11-21T21:00:00Z", "2026-11-21T22:00:00Z")).await;
    assert!(tracing.iter().all(|(_, actor)| actor["caller"] == "tracer.amy"));
    assert_eq!(tracing.len(), 2);
    // The bound itself belongs to what begins there; another offset and more digits name the same moment.
    let exactly = tracing[0].1["time"].as_str().unwrap();
    for from in [exactly, "2026-11-21T21:00:00.000000000+00:00", "2026-11-21T22:00:00+01:00"] {
        assert_eq!(search(&broker, between(from, "2026-11-21T22:00:00Z")).await, tracing, "{from}");
    }
    assert_eq!(search(&broker, between("", exactly)).await.len(), 1);
    assert_eq!(search(&broker, between("2026-11-21T22:00:00Z", "")).await.len(), 1);
    assert_eq!(search(&broker, between("2026-11-22T00:00:00Z", "")).await.len(), 0);
    broker.finish().await;
}

#[tokio::test]
async fn pages_give_every_entry_once() {
    let broker = some_history().await;
    let whole: Vec<_> = search(&broker, pb::LogFilter { kind: "release".to_owned(), ..everything() }).await;
    for page_size in [1, 2, 3, 4, 5, 1000] {
        let (mut collected, mut page) = (Vec::new(), String::new());
        loop {
            let releases = pb::LogFilter { kind: "release".to_owned(), ..everything() };
            let request = pb::SearchRequest { page_size, page, ..asked(releases) };
            let mut told = pages(&broker, request).await;
            let (entries, next_page) = told.remove(0);
            assert!(told.is_empty() && entries.len() <= page_size as usize);
            collected.extend(entries);
            page = next_page;
            if page.is_empty() {
                break;
            }
        }
        assert_eq!(collected, whole, "pages of {page_size}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn without_a_page_size_everything_streams() {
    let broker = TestBroker::empty().await;
    for _ in 0..250 {
        broker.refused(&statistician(), statistician().question(NOBODY)).await;
    }
    let pages = pages(&broker, asked(everything())).await;
    assert!(pages.len() > 1);
    let indexes: Vec<_> = pages.iter().flat_map(|(entries, _)| entries).map(|(index, _)| *index).collect();
    let expected: Vec<_> = (0..indexes.len() as u64).collect();
    assert_eq!(indexes, expected);
    assert!(indexes.len() > 250);
    broker.finish().await;
}

#[tokio::test]
async fn a_search_is_recorded_before_it_finds_anything() {
    let broker = TestBroker::empty().await;
    let request = pb::LogFilter { kind: "inspection".to_owned(), caller: "auditor.pallot".to_owned(), ..everything() };
    // It finds itself.
    let found = search(&broker, request).await;
    assert_eq!(found.len(), 1);
    let (index, actor) = &found[0];
    assert_eq!(actor["event"], "caller=auditor.pallot kind=inspection");
    assert_eq!((&actor["outcome"], &actor["case_reference"]), (&"searched".into(), &"AU-0001".into()));
    let (last, actor) = search(&broker, everything()).await.pop().unwrap();
    assert_eq!((last, &actor["event"]), (index + 1, &"everything".into()));
    broker.finish().await;
}
