//! Requests that are none of ours, too late, too large or not what they say.

use super::{frames, raw::*};
use crate::harness::*;
use disown::{app::App, clock::Clock, entropy::SeededEntropy};
use jiff::Timestamp;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tonic::codegen::http;

async fn http2(broker: &TestBroker) -> Http2 {
    Http2::over(broker.tcp().await).await
}

#[tokio::test]
async fn what_is_not_served_is_unimplemented_and_no_more_is_told() {
    let broker = TestBroker::empty().await;
    let http2 = http2(&broker).await;
    for path in [
        "/",
        "/disown.v1.Nothing/Query",
        "/disown.v2.AccessService/Query",
        "/grpc.health.v2.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/grpc.health.v1.Health/Nothing",
    ] {
        assert_eq!(http2.ask(http_request(path), EMPTY).await, Ok(Some(12)), "{path}");
    }
    // Who is not known does not learn which methods there are.
    let path = "/disown.v1.AccessService/Nothing";
    assert_eq!(http2.ask(http_request(path), EMPTY).await, Ok(Some(16)));
    assert_eq!(http2.ask(http_request(QUERY), EMPTY).await, Ok(Some(16)));
    assert_eq!(http2.ask(http_request_of(&broker, &clinician(), path), EMPTY).await, Ok(Some(12)));
    broker.finish().await;
}

#[tokio::test]
async fn only_grpc_is_answered() {
    let broker = TestBroker::empty().await;
    let http2 = http2(&broker).await;
    let request = |method: &str, kind: &str| {
        let request = http::Request::builder().method(method).uri(format!("http://localhost{HEALTH}"));
        request.header("content-type", kind).header("te", "trailers")
    };
    for kind in ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text", "application/json"]
        .into_iter()
        .chain(["", "application/grpc+json", "application/grpcx", "application/grpc; charset=utf-8"])
    {
        assert_eq!(http2.ask(request("POST", kind), EMPTY).await, Ok(Some(415)), "{kind}");
    }
    for method in ["GET", "PUT", "OPTIONS", "TRACE"] {
        assert_eq!(http2.ask(request(method, "application/grpc"), EMPTY).await, Ok(Some(415)), "{method}");
    }
    let twice = request("POST", "application/grpc").header("content-type", "application/grpc");
    assert_eq!(http2.ask(twice, EMPTY).await, Ok(Some(415)));
    for kind in ["application/grpc", "application/grpc+proto"] {
        assert_eq!(http2.ask(request("POST", kind), EMPTY).await, Ok(Some(0)), "{kind}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn the_time_a_client_gives_is_kept_to() {
    let broker = TestBroker::populated().await;
    let http2 = http2(&broker).await;
    let question = framed(&clinician().question(ISOLATING));
    let entries = broker.entries().await.len();
    for (asked, status) in [
        ("0n", 4),
        ("1n", 4),
        ("0H", 4),
        ("99m", 4),
        ("99999999n", 4),
        ("", 3),
        ("1", 3),
        ("S", 3),
        ("-1S", 3),
        ("+1S", 3),
        ("1.5S", 3),
        ("1 S", 3),
        ("1s", 3),
        ("999999999S", 3),
        ("18446744073709551616n", 3),
        ("\u{0661}S", 3),
    ] {
        let request = http_request_of(&broker, &clinician(), QUERY).header("grpc-timeout", asked.as_bytes());
        assert_eq!(http2.ask(request, &question).await, Ok(Some(status)), "{asked}");
    }
    let twice = http_request_of(&broker, &clinician(), QUERY).header("grpc-timeout", "9S").header("grpc-timeout", "9S");
    assert_eq!(http2.ask(twice, &question).await, Ok(Some(3)));
    // Nobody was looked up: only the search itself was recorded since.
    assert_eq!(broker.entries().await.len(), entries + 1);
    for asked in ["99999999H", "9S", "20000m"] {
        let request = http_request_of(&broker, &clinician(), QUERY).header("grpc-timeout", asked);
        assert_eq!(http2.ask(request, &question).await, Ok(Some(0)), "{asked}");
    }
    let missing = http_request_of(&broker, &clinician(), QUERY);
    assert_eq!(http2.ask(missing, &question).await, Ok(Some(0)));
    broker.finish().await;
}

#[tokio::test]
async fn nothing_compressed_is_unpacked() {
    let broker = TestBroker::populated().await;
    let http2 = http2(&broker).await;
    let question = framed(&clinician().question(ISOLATING));
    let mut flagged = question.clone();
    flagged[0] = 1;
    let ask = |body: Vec<u8>, encoding: Option<&str>| {
        let mut request = http_request_of(&broker, &clinician(), QUERY);
        if let Some(encoding) = encoding {
            request = request.header("grpc-encoding", encoding);
        }
        let http2 = &http2;
        async move { http2.ask(request, &body).await }
    };
    assert_eq!(ask(flagged.clone(), None).await, Ok(Some(13)));
    for encoding in ["gzip", "deflate", "zstd", "br", "snappy"] {
        assert_eq!(ask(flagged.clone(), Some(encoding)).await, Ok(Some(12)), "{encoding}");
    }
    // Sixteen MiB of nothing, in gzip: a thousandth of that on the way.
    let bomb = [&[1][..], &u32::try_from(BOMB.len()).unwrap().to_be_bytes(), BOMB].concat();
    assert_eq!(ask(bomb.clone(), Some("gzip")).await, Ok(Some(12)));
    assert_eq!(ask(bomb, Some("identity")).await, Ok(Some(13)));
    flagged[0] = 7;
    assert_eq!(ask(flagged, None).await, Ok(Some(13)));
    assert_eq!(ask(question, None).await, Ok(Some(0)));
    broker.finish().await;
}

/// A gzip member whose deflate stream repeats one byte.
const BOMB: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xed, 0xc1, 1, 1, 0, 0, 0, 0x80, 0x90, 0xfe, 0xaf, 0xee, 8];

#[tokio::test]
async fn the_peer_is_the_one_of_the_socket() {
    let broker = TestBroker::empty().await;
    let http2 = http2(&broker).await;
    let request = ["x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip", "x-envoy-external-address"]
        .iter()
        .fold(http_request(QUERY), |request, name| request.header(*name, "198.51.100.7"));
    assert_eq!(http2.ask(request, EMPTY).await, Ok(Some(16)));
    let deployment = broker.stop().await;
    let broker = deployment.serve().await;
    let entries = broker.entries().await;
    let noted: Vec<String> = entries.iter().map(|(_, actor, _)| actor.to_string()).collect();
    assert!(noted.iter().any(|actor| actor.contains("1 unauthenticated attempts from 127.0.0.1")), "{noted:?}");
    assert!(!noted.iter().any(|actor| actor.contains("198.51.100.7")));
    broker.finish().await;
}

#[tokio::test]
async fn headers_that_are_too_much_or_not_text_are_refused_and_stand_in_no_telemetry() {
    let deployment = Deployment::of_today();
    let mut command = deployment.command();
    command.env("DISOWN_TELEMETRY", "trace");
    let (broker, process) = deployment.serve_apart(command).await;
    let request = |more: Vec<u8>| {
        let block = [frames::headers(HEALTH), more].concat();
        let mut bytes = frames::opening();
        for (at, piece) in block.chunks(16 * 1024).enumerate() {
            let flags = if (at + 1) * 16 * 1024 >= block.len() { frames::END_HEADERS } else { 0 };
            let kind = if at == 0 { frames::HEADERS } else { frames::CONTINUATION };
            bytes.extend(frames::frame(kind, flags, 1, piece));
        }
        bytes.extend(frames::frame(frames::DATA, 1, 1, EMPTY));
        bytes
    };
    let answered = async |bytes| {
        let told = frames::flood(broker.tcp().await, bytes).await;
        frames::frames(&told).iter().any(|(kind, ..)| *kind == frames::DATA)
    };
    assert!(answered(request(vec![])).await);
    assert!(answered(request(frames::header(b"x-canary", b"canary-of-a-good-header"))).await);
    for value in [&b"canary\x1b[31mred"[..], b"canary\r\nforged: line", b"canary\0", b"canary\x07", b"canary\x7f"] {
        assert!(!answered(request(frames::header(b"x-canary", value))).await, "{}", value.escape_ascii());
    }
    for name in [&b"x-canary\x1b"[..], b"X-Canary", b"x canary", b"x-canary\r\n", b""] {
        assert!(!answered(request(frames::header(name, b"canary"))).await, "{}", name.escape_ascii());
    }
    let many: Vec<u8> = (0..10_000).flat_map(|at| frames::header(format!("x-{at}").as_bytes(), b"canary")).collect();
    assert!(!answered(request(many)).await);
    assert!(!answered(request(frames::header(b"x-canary", &b"canary".repeat(1_400)))).await);
    assert!(answered(request(vec![])).await);
    assert!(process.end().await.success());
    let telemetry = broker.deployment.telemetry();
    assert!(!telemetry.contains("canary") && !telemetry.contains('\u{1b}'), "{telemetry}");
    broker.finish().await;
}

/// A clock that breaks.
struct Broken(Arc<dyn Clock>, AtomicBool);

impl Clock for Broken {
    fn now(&self) -> Timestamp {
        assert!(!self.1.load(Ordering::Relaxed), "canary: the clock broke");
        self.0.now()
    }
}

#[tokio::test]
async fn a_panic_is_a_fault_and_no_more() {
    if !on_files() {
        return;
    }
    let deployment = Deployment::new();
    let clock = Arc::new(Broken(deployment.clock.clone(), AtomicBool::new(false)));
    deployment.provision().await;
    let app = App::build(deployment.config(), clock.clone(), Arc::new(SeededEntropy::new(1))).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (_reload, requests) = tokio::sync::watch::channel(0);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(app.run(listener, requests, async { stopped.await.unwrap() }));
    let http2 = Http2::over(stream).await;
    let ask = async || {
        let request = http_request(QUERY).header("authorization", format!("Bearer {}", clinician().token(&deployment)));
        http2.ask(request, &framed(&clinician().question(NOBODY))).await
    };
    assert_eq!(ask().await, Ok(Some(0)));
    clock.1.store(true, Ordering::Relaxed);
    assert_eq!(ask().await, Ok(Some(13)));
    clock.1.store(false, Ordering::Relaxed);
    // Of this connection nothing else was lost.
    assert_eq!(ask().await, Ok(Some(0)));
    drop(http2);
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}
