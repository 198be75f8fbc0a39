//! How much one client can have, and all together.

use super::{
    authority::{Authority, tls},
    frames,
    raw::*,
};
use crate::harness::*;
use disown::config::{Config, InvalidConfig};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::codegen::Bytes;

impl TestBroker {
    /// A connection that has begun, or none.
    async fn begun(&self) -> Option<tokio::net::TcpStream> {
        let mut stream = self.tcp().await;
        stream.write_all(&frames::opening()).await.unwrap();
        stream.read_u8().await.ok().map(|_| stream)
    }
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_gets_back_those_it_gives_up() {
    let deployment = Deployment::new();
    deployment.limit("connections_per_client", 3);
    let broker = deployment.serve().await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(broker.begun().await.unwrap());
    }
    assert!(broker.begun().await.is_none());
    held.pop();
    until(async || broker.begun().await.is_some()).await;
    drop(held);
    broker.finish().await;
}

#[tokio::test]
async fn a_certificate_has_so_many_connections_wherever_it_comes_from() {
    let authority = Authority::new("clients");
    let (one, other) = (authority.client("one"), authority.client("other"));
    let deployment = Deployment::new().with_clients_of(&authority);
    deployment.limit("connections_per_client", 2);
    let broker = deployment.serve().await;
    let connect = async |client| {
        let http2 = Http2::over(broker.shake(tls(&broker.deployment, Some(client))).await.unwrap()).await;
        let told = http2.ask(http_request(HEALTH), EMPTY).await;
        (http2, told)
    };
    let held = [connect(&one).await, connect(&one).await];
    assert!(held.iter().all(|(_, told)| *told == Ok(Some(0))));
    let (_, third) = connect(&one).await;
    assert!(third.is_err(), "{third:?}");
    // From the same address.
    assert_eq!(connect(&other).await.1, Ok(Some(0)));
    assert_eq!(held[0].0.ask(http_request(HEALTH), EMPTY).await, Ok(Some(0)));
    broker.finish().await;
}

#[tokio::test]
async fn all_together_have_so_many_connections() {
    let deployment = Deployment::new();
    deployment.limit("connections", 2);
    let broker = deployment.serve().await;
    let held = [broker.begun().await, broker.begun().await];
    assert!(held.iter().all(Option::is_some) && broker.begun().await.is_none());
    drop(held);
    until(async || broker.begun().await.is_some()).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_connection_has_so_many_requests_at_once() {
    let deployment = Deployment::new();
    deployment.limit("requests", 5);
    let broker = deployment.serve().await;
    let http2 = Http2::over(broker.tcp().await).await;
    assert_eq!(http2.ask(http_request(HEALTH), EMPTY).await, Ok(Some(0)));
    assert_eq!(http2.send.current_max_send_streams(), 5);
    broker.finish().await;
    assert_eq!(Config::read(&Deployment::new().path("disown.toml")).unwrap().listen.limits.requests.get(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_reset_keeps_its_room_until_its_work_is_done() {
    let deployment = Deployment::new();
    deployment.limit("requests", 4);
    let broker = deployment.serve().await;
    broker.populate().await;
    let http2 = Http2::over(broker.tcp().await).await;
    let question = Bytes::from(framed(&clinician().question(ISOLATING)));
    // Nothing can be recorded, so no answer is done.
    let held = broker.deployment.hold_log().await;
    until(async || {
        let mut send = http2.send.clone().ready().await.unwrap();
        let request = http_request_of(&broker, &clinician(), QUERY).body(()).unwrap();
        let (_, mut sending) = send.send_request(request, false).unwrap();
        sending.send_data(question.clone(), true).unwrap();
        // Answered on the same connection, after the question was read.
        let told = http2.ask(http_request(HEALTH), EMPTY).await;
        sending.send_reset(h2::Reason::CANCEL);
        told == Ok(Some(8))
    })
    .await;
    // Others are not concerned.
    let other = Http2::over(broker.tcp().await).await;
    assert_eq!(other.ask(http_request(HEALTH), EMPTY).await, Ok(Some(0)));
    held.let_go().await;
    until(async || http2.ask(http_request(HEALTH), EMPTY).await == Ok(Some(0))).await;
    broker.finish().await;
}

#[tokio::test]
async fn a_request_that_does_not_go_on_is_given_up() {
    let deployment = Deployment::new();
    deployment.limit("piece_seconds", 1);
    let broker = deployment.serve().await;
    let http2 = Http2::over(broker.tcp().await).await;
    let mut send = http2.send.clone().ready().await.unwrap();
    let request = http_request_of(&broker, &clinician(), QUERY).body(()).unwrap();
    let (response, mut sending) = send.send_request(request, false).unwrap();
    // The length of a message, and no message.
    sending.send_data(Bytes::from_static(&[0, 0, 0, 1, 0]), false).unwrap();
    let response = tokio::time::timeout(LONG, response).await.expect("it was not given up").unwrap();
    assert_eq!(response.headers()["grpc-status"], "4");
    assert_eq!(http2.ask(http_request(HEALTH), EMPTY).await, Ok(Some(0)));
    broker.finish().await;
}

#[tokio::test]
async fn a_response_begins_in_time_whatever_the_client_asks_for() {
    let deployment = Deployment::new();
    deployment.limit("request_seconds", 1);
    let broker = deployment.serve().await;
    let http2 = Http2::over(broker.tcp().await).await;
    for asked in [None, Some("99999999H")] {
        let mut request = http_request_of(&broker, &registrar(), "/disown.v1.IntakeService/Load");
        if let Some(asked) = asked {
            request = request.header("grpc-timeout", asked);
        }
        let mut send = http2.send.clone().ready().await.unwrap();
        // A load that never says what it loads.
        let (response, _sending) = send.send_request(request.body(()).unwrap(), false).unwrap();
        let response = tokio::time::timeout(LONG, response).await.expect("nothing was told").unwrap();
        assert_eq!(response.headers()["grpc-status"], "4", "asked for {asked:?}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn an_old_connection_is_renewed_and_then_ended() {
    let deployment = Deployment::new();
    deployment.limit("connection_seconds", 1);
    deployment.limit("grace_seconds", 1);
    let broker = deployment.serve().await;
    // Nothing is under way: it ends when it is asked to.
    Http2::over(broker.tcp().await).await.closed().await;
    // Something is, and does not end by itself.
    let http2 = Http2::over(broker.tcp().await).await;
    let watch = http_request("/grpc.health.v1.Health/Watch").body(()).unwrap();
    let (response, mut sending) = http2.send.clone().ready().await.unwrap().send_request(watch, false).unwrap();
    sending.send_data(Bytes::from_static(EMPTY), true).unwrap();
    let mut states = response.await.unwrap().into_body();
    assert!(states.data().await.unwrap().is_ok());
    http2.closed().await;
    assert!(states.data().await.is_none_or(|piece| piece.is_err()));
    broker.finish().await;
}

#[tokio::test]
async fn a_client_that_stays_does_not_keep_the_broker_from_stopping() {
    let deployment = Deployment::new();
    deployment.limit("stopping_seconds", 1);
    let broker = deployment.serve().await;
    let http2 = Http2::over(broker.tcp().await).await;
    let watch = http_request("/grpc.health.v1.Health/Watch").body(()).unwrap();
    let (response, mut sending) = http2.send.clone().ready().await.unwrap().send_request(watch, false).unwrap();
    sending.send_data(Bytes::from_static(EMPTY), true).unwrap();
    let mut states = response.await.unwrap().into_body();
    assert!(states.data().await.unwrap().is_ok());
    let stopped = tokio::time::timeout(LONG, broker.finish()).await;
    assert!(stopped.is_ok(), "the broker does not stop");
}

#[test]
fn a_limit_is_at_least_one_and_has_a_name() {
    for (limit, to) in [("connections", 0), ("piece_seconds", 0), ("header_bytes", 0)] {
        let deployment = Deployment::new();
        deployment.limit(limit, to);
        let error = Config::read(&deployment.path("disown.toml")).unwrap_err();
        assert!(matches!(error, InvalidConfig::Form { .. }) && error.to_string().contains(limit), "{error}");
    }
    let deployment = Deployment::new();
    deployment.edit("disown.toml", "[listen.limits]", "[listen.limits]\nconections = 1");
    assert!(Config::read(&deployment.path("disown.toml")).unwrap_err().to_string().contains("conections"));
}

#[test]
fn what_the_file_says_of_the_defaults_is_so() {
    let deployment = Deployment::new();
    let assumed = Config::read(&deployment.path("disown.toml")).unwrap().listen.limits;
    let text = std::fs::read_to_string(deployment.path("disown.toml")).unwrap();
    let (before, limits) = text.split_once("[listen.limits]").unwrap();
    let (limits, after) = limits.split_once("[identity]").unwrap();
    let said = limits.replace("\n# ", "\n");
    assert!(said.matches(" = ").count() == 13, "{said}");
    std::fs::write(deployment.path("disown.toml"), format!("{before}[listen.limits]{said}[identity]{after}")).unwrap();
    assert_eq!(Config::read(&deployment.path("disown.toml")).unwrap().listen.limits, assumed);
    assert_eq!(Duration::from(assumed.opening_seconds), Duration::from_secs(5));
}
