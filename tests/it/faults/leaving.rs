//! Clients that go away in the middle of a request: what they asked for is recorded all the same, or was never begun.

use super::{Trial, held};
use crate::{
    harness::*,
    kill::{Received, random},
};
use disown::entropy::SystemEntropy;
use prost::Message;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, ReadBuf, Take},
    net::{TcpStream, tcp::OwnedReadHalf},
    task::JoinHandle,
    time::sleep,
};
use tonic::codegen::http;

const RELEASES: &str = "SELECT count(*) FROM entry WHERE actor LIKE '%\"kind\":\"release\"%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_no_entry_with_it() {
    let trial = Trial::new("F38", "a client leaves before its entry is written, after, or in its answer", 12, 400);
    let broker = TestBroker::populated().await;
    let mut received = Received::default();
    received.answers.push(broker.told(&clinician(), ISOLATING).await.response);
    for cycle in 0..trial.cycles() {
        let releases = broker.deployment.count("control", RELEASES).await;
        let recorded = async || broker.deployment.count("control", RELEASES).await > releases;
        match cycle % 4 {
            // Before its entry is written.
            0 => {
                let held = broker.deployment.hold_log().await;
                let leaving = Leaving::ask(&broker, u64::MAX).await;
                sleep(Duration::from_millis(60)).await;
                leaving.leave();
                sleep(Duration::from_millis(10)).await;
                assert!(!recorded().await, "the log is not held");
                held.let_go().await;
                until(recorded).await;
            }
            // When it is, and before anything of the answer has been read.
            1 => {
                let leaving = Leaving::ask(&broker, 0).await;
                until(recorded).await;
                leaving.leave();
            }
            // At any byte of the answer.
            2 => {
                let leaving = Leaving::ask(&broker, random(&SystemEntropy) % 2_500).await;
                until(recorded).await;
                sleep(Duration::from_millis(40)).await;
                leaving.leave();
            }
            // At any time: it may not have been begun.
            _ => {
                let leaving = Leaving::ask(&broker, u64::MAX).await;
                sleep(Duration::from_micros(random(&SystemEntropy) % 60_000)).await;
                leaving.leave();
            }
        }
        received.answers.push(broker.told(&clinician(), ISOLATING).await.response);
    }
    let outcome = held(&broker.deployment, &received).await;
    broker.finish().await;
    trial.passed(outcome);
}

/// A client on a connection of its own, with a question under way.
struct Leaving {
    connection: JoinHandle<()>,
}

impl Leaving {
    /// Asks, and reads so many bytes at the most.
    async fn ask(broker: &TestBroker, most: u64) -> Self {
        let (read, write) = TcpStream::connect(broker.address).await.unwrap().into_split();
        let socket = tokio::io::join(UpTo(read.take(most)), write);
        let (client, connection) = h2::client::handshake(socket).await.unwrap();
        let asker = clinician();
        let request = http::Request::post(format!("http://{}/disown.v1.AccessService/Query", broker.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", format!("Bearer {}", asker.token(&broker.deployment)))
            .body(())
            .unwrap();
        let message = asker.question(ISOLATING).encode_to_vec();
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let (response, mut sending) = client.ready().await.unwrap().send_request(request, false).unwrap();
        sending.send_data([&[0][..], &length, &message].concat().into(), true).unwrap();
        let connection = tokio::spawn(async move {
            let _ = connection.await;
            drop((response, sending));
        });
        Self { connection }
    }

    /// Closes the connection.
    fn leave(self) {
        self.connection.abort();
    }
}

/// Reads so much, and then nothing for ever.
struct UpTo(Take<OwnedReadHalf>);

impl AsyncRead for UpTo {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.0.limit() == 0 { Poll::Pending } else { Pin::new(&mut self.0).poll_read(context, into) }
    }
}
