//! Many clients at once, who write down what they receive and nothing else.

use super::{Received, TestBroker};
use crate::harness::*;
use disown::pb::{self, access_service_client::AccessServiceClient, intake_service_client::IntakeServiceClient};
use std::{collections::HashMap, sync::Arc};
use tokio::{sync::Mutex, task::JoinHandle};
use tonic::transport::Channel;

const ASKING: u64 = 20;
const PUTTING: u64 = 8;

/// A load under way.
pub(super) struct Load {
    received: Arc<Mutex<Received>>,
    clients: Vec<JoinHandle<()>>,
}

/// Begins it; each client goes on until the broker is gone.
pub(super) fn begin(broker: &TestBroker, cycle: u64) -> Load {
    let received = Arc::new(Mutex::new(Received::default()));
    let mut clients = Vec::new();
    for client in 0..ASKING {
        let asker = [clinician(), tracer(), police()][client as usize % 3].clone();
        let token = asker.token(&broker.deployment);
        let (received, channel) = (received.clone(), broker.channel.clone());
        clients.push(tokio::spawn(async move { ask(&asker, &token, channel, &received).await }));
    }
    for client in 0..PUTTING {
        let asker = if client.is_multiple_of(2) { clerk() } else { registrar() };
        let token = asker.token(&broker.deployment);
        let (received, channel) = (received.clone(), broker.channel.clone());
        let name = format!("{cycle}-{client}");
        clients.push(tokio::spawn(async move { put(&asker, &token, channel, &name, &received).await }));
    }
    Load { received, clients }
}

impl Load {
    /// Waits until something was received of both kinds.
    pub(super) async fn is_answered(&self) {
        until(async || {
            let received = self.received.lock().await;
            !received.answers.is_empty() && !received.puts.is_empty()
        })
        .await;
    }

    /// Waits until every client has noticed that the broker is gone.
    pub(super) async fn end(self) -> Received {
        for client in self.clients {
            client.await.unwrap();
        }
        Arc::into_inner(self.received).unwrap().into_inner()
    }
}

async fn ask(asker: &Asker, token: &str, channel: Channel, received: &Mutex<Received>) {
    let mut client = AccessServiceClient::new(channel);
    for number in [ISOLATING, FREE, HEALTHY, NOBODY].iter().cycle() {
        match client.query(with_token(token, asker.question(number))).await {
            Ok(response) => received.lock().await.answers.push(response.into_inner()),
            Err(status) => return gone(status.code(), status.message()),
        }
    }
}

/// The clerk into public health, the registrar into two datasets in turn.
async fn put(asker: &Asker, token: &str, channel: Channel, name: &str, received: &Mutex<Received>) {
    let mut client = IntakeServiceClient::new(channel);
    for number in 0.. {
        match client.put(with_token(token, record(asker, name, number))).await {
            Ok(response) => received.lock().await.puts.extend(response.into_inner().receipt),
            Err(status) => return gone(status.code(), status.message()),
        }
    }
}

/// One more record of a client of that name.
pub(crate) fn record(asker: &Asker, name: &str, number: u64) -> pb::PutRequest {
    let (record_type, names) = match (asker.caller.as_str(), number % 2) {
        ("registry-feed", 0) => ("clinical.condition", CLINICAL),
        _ => ("public_health.test_appointment", PUBLIC_HEALTH),
    };
    let mut values: HashMap<String, String> =
        names.split(',').filter(|name| *name != "record_type").map(|name| (name.to_owned(), String::new())).collect();
    values.insert("jy_number".to_owned(), ISOLATING.to_owned());
    values.insert("record_id".to_owned(), format!("P{name}-{number}"));
    values.insert("event_date".to_owned(), "2026-01-05".to_owned());
    if record_type == "clinical.condition" {
        values.insert("code".to_owned(), "195967001".to_owned());
    }
    pb::PutRequest { terms: asker.pb_terms(), record_type: record_type.to_owned(), values, source: "test".to_owned() }
}

/// A broker that is killed breaks the connection off; anything it *says* would be a fault.
fn gone(code: tonic::Code, message: &str) {
    use tonic::Code::{Cancelled, Internal, Unavailable, Unknown};
    let broken = matches!(code, Unavailable | Unknown | Cancelled | Internal);
    let said = message.contains("fault of the broker") || message.contains("access log");
    assert!(broken && !said, "{code:?}: {message}");
}
