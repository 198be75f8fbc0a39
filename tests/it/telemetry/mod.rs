//! Telemetry over OTLP: what a collector gets of a real broker, that nothing of a person is in it, and that nobody waits for it.

mod collector;
mod guard;
mod source;
mod talkative;
mod unread;

use crate::harness::*;
use collector::{Collector, points, text};
use disown::{
    pb,
    telemetry::allowed::{EXPORTED, INSTRUMENTS, SPANS},
};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    time::Duration,
};
use tokio::net::TcpListener;
use tonic::{Code, Request};

/// What a caller sent along to have it exported.
const PLANTED: &str = "JY123456A";
const PLANTED_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PLANTED_SPAN: &str = "00f067aa0ba902b7";

/// The real binary, exporting to that address.
async fn exporting_to(address: SocketAddr) -> (TestBroker, Process) {
    serving(Deployment::of_today(), &format!("otlp = \"http://{address}\"")).await
}

async fn serving(deployment: Deployment, telemetry: &str) -> (TestBroker, Process) {
    deployment.edit("disown.toml", "[telemetry]", &format!("[telemetry]\n{telemetry}"));
    deployment.edit("policies/agreements/sojp-isolation.toml", "caller_per_day = 60", "caller_per_day = 1");
    let command = deployment.command();
    deployment.serve_apart(command).await
}

/// A request with trace headers of the caller's.
fn planted<T>(mut request: Request<T>) -> Request<T> {
    for (name, value) in [
        ("traceparent", format!("00-{PLANTED_TRACE}-{PLANTED_SPAN}-01")),
        ("tracestate", format!("patient={PLANTED}")),
        ("baggage", format!("patient={PLANTED}")),
    ] {
        request.metadata_mut().insert(name, value.parse().unwrap());
    }
    request
}

/// What was done to a broker: how often each request ended in each way, what it must not tell, and the names of its questions.
struct Done {
    requests: BTreeMap<(String, String), u64>,
    secrets: Vec<String>,
    traces: BTreeSet<String>,
}

async fn requests_of_every_kind(broker: &TestBroker) -> Done {
    broker.populate().await;
    let (clinician, police, auditor) = (clinician(), police(), auditor());
    let told = [broker.told(&clinician, ISOLATING).await, broker.told(&police, ISOLATING).await];
    assert!(!told[0].answer.records.is_empty() && !told[1].answer.records.is_empty());

    let mut curious = police.clone();
    curious.terms.1 = "statistics".to_owned();
    assert_eq!(broker.refused(&curious, curious.question(FREE)).await.0, Code::PermissionDenied);
    let mut unknown = police.clone();
    unknown.terms.0 = format!("role-of-{PLANTED}");
    assert_eq!(broker.refused(&unknown, unknown.question(FREE)).await.0, Code::PermissionDenied);
    assert_eq!(broker.refused(&police, police.question("JY12345")).await.0, Code::InvalidArgument);
    assert_eq!(broker.refused(&police, police.question(HEALTHY)).await.0, Code::PermissionDenied, "above the limit");

    let question = planted(clinician.request(&broker.deployment, clinician.question(HEALTHY)));
    let mut client = broker.access();
    client.query(question).await.unwrap();
    let nobody = planted(with_token("nobody", clinician.question(HEALTHY)));
    assert_eq!(client.query(nobody).await.err().unwrap().code(), Code::Unauthenticated);
    let terms = pb::DescribeAccessRequest { terms: clinician.pb_terms() };
    client.describe_access(planted(clinician.request(&broker.deployment, terms))).await.unwrap();

    let person = [
        ("jy_number", NOBODY),
        ("given_name", "Zenobia"),
        ("family_name", "Quenault"),
        ("date_of_birth", "1990-13-01"),
    ];
    let put = broker.put(&registrar(), "people.person", &person).await;
    assert_eq!(put.err().unwrap().code(), Code::InvalidArgument);
    let entries = broker.entries().await;
    let checkpoint = pb::GetCheckpointRequest { terms: auditor.pb_terms(), size: 0 };
    broker.audit().get_checkpoint(auditor.request(&broker.deployment, checkpoint)).await.unwrap();

    let mut secrets = vec![PLANTED.to_owned(), PLANTED_TRACE.to_owned(), PLANTED_SPAN.to_owned()];
    secrets.extend([ISOLATING, FREE, HEALTHY, NOBODY, "JY12345", "Zenobia", "Quenault"].map(str::to_owned));
    secrets.extend(["Marie", "Le Brocq", "Philip", "Renouf", "Ferreira", "La Grande Rue"].map(str::to_owned));
    for asker in [clinician, police, auditor, registrar()] {
        let token = asker.token(&broker.deployment);
        // A token is made anew each time: its signature differs, what it says of the caller does not.
        secrets.extend(token.split('.').map(str::to_owned));
        secrets.extend([asker.caller, asker.terms.3]);
    }
    secrets.extend(told.iter().map(|one| one.answer.handle.clone()));
    let subjects = entries.iter().filter_map(|(_, _, subject)| subject.get("tag")?.as_str());
    secrets.extend(subjects.map(str::to_owned));
    let counts = [
        (("load", "answered"), 3),
        (("query", "answered"), 3),
        (("query", "denied"), 3),
        (("query", "invalid"), 1),
        (("describe_access", "answered"), 1),
        (("put", "invalid"), 1),
        (("search", "answered"), 1),
        (("get_checkpoint", "answered"), 1),
    ];
    Done {
        requests: counts.map(|((rpc, outcome), count)| ((rpc.to_owned(), outcome.to_owned()), count)).into(),
        secrets,
        traces: told.iter().map(|one| one.actor()["trace"].as_str().unwrap().to_owned()).collect(),
    }
}

/// The names of the spans below one, each with those below it in brackets, in the order in which they began.
fn below(parent: &Span, spans: &[Span]) -> String {
    let mut children: Vec<_> = spans.iter().filter(|span| span.parent_span_id == parent.span_id).collect();
    children.sort_by_key(|span| span.start_time_unix_nano);
    let named = children.iter().map(|span| match below(span, spans).as_str() {
        "" => span.name.clone(),
        inner => format!("{}({inner})", span.name),
    });
    named.collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_spans_and_metrics_of_every_request_and_nothing_of_a_person() {
    let collector = Collector::start().await;
    let (broker, process) = exporting_to(collector.address).await;
    let done = requests_of_every_kind(&broker).await;
    // An alarm is where somebody sees it within a minute, while the broker goes on.
    let alarmed = until(async || collector.metrics().contains_key("disown.alarms"));
    tokio::time::timeout(Duration::from_secs(60), alarmed).await.expect("no alarm within a minute");
    assert!(said(&broker).contains("an alarm"), "{}", said(&broker));
    assert!(process.end().await.success());
    broker.finish().await;

    every_request_has_its_spans(&collector, &done);
    every_request_is_counted(&collector, &done);

    let bytes = collector.bytes();
    assert!(forms_in(&bytes, &["describe_access"]).contains(&("describe_access", "plain")), "the scan sees nothing");
    let secrets: Vec<&str> = done.secrets.iter().map(String::as_str).collect();
    let found = forms_in(&bytes, &secrets);
    assert!(found.is_empty(), "exported: {found:?}");
    for planted in [PLANTED_TRACE, PLANTED_SPAN] {
        let raw = hex::decode(planted).unwrap();
        assert!(!bytes.windows(raw.len()).any(|window| window == raw), "a caller's trace is gone on with");
    }
    let allowed: BTreeSet<String> = EXPORTED.iter().map(|key| (*key).to_owned()).collect();
    assert_eq!(collector.keys(), allowed, "keys that were exported, and the list");
}

fn every_request_has_its_spans(collector: &Collector, done: &Done) {
    let spans = collector.spans();
    for span in &spans {
        assert!(SPANS.contains(&span.name.as_str()), "{}", span.name);
        assert!(span.events.is_empty() && span.links.is_empty() && span.trace_state.is_empty(), "{}", span.name);
        assert!(span.status.as_ref().is_none_or(|status| status.message.is_empty()), "{}", span.name);
        let alone = |other: &&Span| other.trace_id == span.trace_id && other.parent_span_id.is_empty();
        assert_eq!(spans.iter().filter(alone).count(), 1, "a trace of `{}` has one beginning", span.name);
    }
    let roots: Vec<_> = spans.iter().filter(|span| span.parent_span_id.is_empty()).collect();
    let mut counts = BTreeMap::new();
    for root in roots.iter().filter(|root| root.name != "commit" && !text(&root.attributes, "rpc").is_empty()) {
        assert_eq!(text(&root.attributes, "rpc"), root.name);
        assert_eq!(root.kind, SpanKind::Server as i32);
        assert_eq!(root.status.as_ref().map_or(0, |status| status.code), StatusCode::Unset as i32);
        *counts.entry((root.name.clone(), text(&root.attributes, "outcome").to_owned())).or_default() += 1;
    }
    assert_eq!(counts, done.requests);

    let mut ways = BTreeMap::<_, Vec<_>>::new();
    for root in &roots {
        let outcome = text(&root.attributes, "outcome");
        ways.entry((root.name.as_str(), outcome)).or_default().push(below(root, &spans));
    }
    for way in &ways[&("query", "answered")] {
        let stores = way.matches("fetch_store").count();
        let fetch = format!("fetch({})", vec!["fetch_store"; stores].join(" "));
        assert_eq!(*way, format!("authorise plan translate {fetch} link redact record release"));
        assert!((1..=3).contains(&stores), "{way}");
    }
    assert_eq!(ways[&("query", "denied")], ["authorise refuse", "authorise refuse", "authorise plan translate refuse"]);
    assert_eq!(ways[&("query", "invalid")], ["refuse"]);
    assert_eq!(ways[&("put", "invalid")], ["authorise refuse"]);
    assert_eq!(ways[&("load", "answered")], ["authorise store(seal record insert)"; 3]);
    assert_eq!(ways[&("search", "answered")], ["authorise read"]);
    assert!(ways[&("commit", "")].iter().all(String::is_empty));

    let stores = spans.iter().filter(|span| span.name == "fetch_store").map(|span| text(&span.attributes, "dataset"));
    assert_eq!(stores.collect::<BTreeSet<_>>(), ["clinical", "people", "public_health"].into());
    // By its name a request of the access log is found in telemetry.
    let named: BTreeSet<String> = roots.iter().map(|root| text(&root.attributes, "trace").to_owned()).collect();
    assert!(!done.traces.is_empty() && done.traces.is_subset(&named), "{:?} {named:?}", done.traces);
}

fn every_request_is_counted(collector: &Collector, done: &Done) {
    let metrics = collector.metrics();
    let names: BTreeSet<&str> = metrics.keys().map(String::as_str).collect();
    assert_eq!(names, INSTRUMENTS.iter().copied().collect());
    for name in ["disown.requests", "disown.request.duration"] {
        let counted = points(&metrics[name]).into_iter().map(|(attributes, count)| {
            ((text(attributes, "rpc").to_owned(), text(attributes, "outcome").to_owned()), count)
        });
        assert_eq!(counted.collect::<BTreeMap<_, _>>(), done.requests, "{name}");
    }
    let alarms: Vec<_> =
        points(&metrics["disown.alarms"]).into_iter().map(|(of, count)| (text(of, "alarm"), count)).collect();
    assert_eq!(alarms, [("limit", 1)]);
    let sum = |name: &str| points(&metrics[name]).iter().map(|(_, count)| count).sum::<u64>();
    assert_eq!(sum("disown.unauthenticated"), 1);
    assert_eq!((sum("disown.access_log.writable"), sum("disown.access_log.queue")), (1, 0));
    assert_eq!(sum("disown.telemetry.lines.dropped"), 0);
    // Every commit is measured, and has a span.
    let commits = collector.spans().iter().filter(|span| span.name == "commit").count() as u64;
    assert!(commits > 8);
    assert_eq!((sum("disown.access_log.commit.duration"), sum("disown.access_log.batch")), (commits, commits));
    let mut decisions = BTreeMap::new();
    for (attributes, count) in points(&metrics["disown.decisions"]) {
        let decided = ["role", "purpose", "outcome"].map(|key| text(attributes, key));
        assert!(decisions.insert(decided, count).is_none());
    }
    assert_eq!(decisions[&["clinician", "clinical_care", "granted"]], 3);
    assert_eq!(decisions[&["police_officer", "isolation_enforcement", "granted"]], 2);
    assert_eq!(decisions[&["police_officer", "statistics", "purpose"]], 1);
    assert_eq!(decisions[&["unknown", "isolation_enforcement", "role"]], 1);
}

/// What the broker said on standard error.
fn said(broker: &TestBroker) -> String {
    fs::read_to_string(broker.deployment.path("telemetry")).unwrap()
}

const LOST: &str = "spans were not exported";

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_from_the_beginning_costs_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (broker, process) = exporting_to(address).await;
    requests_of_every_kind(&broker).await;
    assert!(process.end().await.success());
    assert!(said(&broker).contains(LOST), "{}", said(&broker));
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_takes_connections_and_never_answers_costs_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (broker, process) = exporting_to(listener.local_addr().unwrap()).await;
    requests_of_every_kind(&broker).await;
    assert!(process.end().await.success());
    assert!(said(&broker).contains(LOST), "{}", said(&broker));
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_dies_costs_no_answer() {
    let collector = Collector::start().await;
    let (broker, process) = exporting_to(collector.address).await;
    requests_of_every_kind(&broker).await;
    // It dies with a connection open.
    while collector.spans().is_empty() {
        broker.told(&clinician(), ISOLATING).await;
    }
    drop(collector);
    for _ in 0..20 {
        broker.told(&clinician(), ISOLATING).await;
    }
    assert!(process.end().await.success());
    assert!(said(&broker).contains(LOST), "{}", said(&broker));
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_told_nothing_unless_its_certificate_is_signed_as_configured() {
    let [ours, other] = [(); 2].map(|()| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());
    let collector = Collector::with_tls(ours.cert.pem(), ours.signing_key.serialize_pem()).await;
    for (trusted, told) in [(&other, false), (&ours, true)] {
        let deployment = Deployment::of_today();
        fs::write(deployment.path("ca.pem"), trusted.cert.pem()).unwrap();
        let port = collector.address.port();
        let (broker, process) =
            serving(deployment, &format!("otlp = \"https://localhost:{port}\"\nca = \"ca.pem\"")).await;
        broker.told(&clinician(), ISOLATING).await;
        assert!(process.end().await.success());
        assert_eq!(collector.spans().iter().any(|span| span.name == "query"), told);
        assert_eq!(said(&broker).contains(LOST), !told, "{}", said(&broker));
        broker.finish().await;
    }
}
