//! Clients who go on whatever befalls the brokers that they ask, and write down what they receive and what they are told instead.

use super::{Received, load::record};
use crate::harness::*;
use disown::pb::{
    QueryResponse, Receipt, access_service_client::AccessServiceClient, intake_service_client::IntakeServiceClient,
};
use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time::sleep};
use tonic::{Code, Status, transport::Channel};

const ASKING: usize = 12;
const PUTTING: usize = 4;
/// Nobody asks again at once where there was no answer.
const BREATH: Duration = Duration::from_millis(10);

/// What stands for a request that a broker had not begun when it said that it ends.
pub(crate) const NOT_BEGUN: &str = "not begun by a broker that ends";

/// A load under way.
pub(crate) struct Ongoing {
    shared: Arc<Shared>,
    enough: watch::Sender<bool>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    /// Where each broker is by now.
    brokers: Vec<Mutex<Channel>>,
    received: Mutex<Received>,
    refused: Mutex<Vec<(Code, String)>>,
}

impl Ongoing {
    /// Each client asks one of the brokers; `name` is of this load alone.
    pub(crate) fn begin(deployment: &Deployment, brokers: Vec<Channel>, name: &str) -> Self {
        let brokers = brokers.into_iter().map(Mutex::new).collect();
        let shared = Arc::new(Shared { brokers, received: Mutex::default(), refused: Mutex::default() });
        let (enough, stop) = watch::channel(false);
        let mut clients = Vec::new();
        for client in 0..ASKING + PUTTING {
            let (shared, stop) = (shared.clone(), stop.clone());
            if client < ASKING {
                let asker = [clinician(), tracer(), police()][client % 3].clone();
                let token = asker.token(deployment);
                clients.push(tokio::spawn(async move { ask(&asker, &token, client, &shared, &stop).await }));
            } else {
                let asker = if client.is_multiple_of(2) { clerk() } else { registrar() };
                let (token, name) = (asker.token(deployment), format!("{name}-{client}"));
                clients.push(tokio::spawn(async move { put(&asker, &token, client, &name, &shared, &stop).await }));
            }
        }
        Self { shared, enough, clients }
    }

    /// A broker is somewhere else now.
    pub(crate) fn moved(&self, broker: usize, to: Channel) {
        *lock(&self.shared.brokers[broker]) = to;
    }

    /// So many answers came until now.
    pub(crate) fn answers(&self) -> usize {
        lock(&self.shared.received).answers.len()
    }

    /// Waits until so many more have come.
    pub(crate) async fn until_answered(&self, more: usize) {
        let enough = self.answers() + more;
        until(async || self.answers() >= enough).await;
    }

    /// What was received, and what was told instead. Each client ends with what it has begun.
    pub(crate) async fn end(self) -> (Received, Vec<(Code, String)>) {
        self.enough.send_replace(true);
        for client in self.clients {
            client.await.unwrap();
        }
        let shared = Arc::into_inner(self.shared).unwrap();
        (shared.received.into_inner().unwrap(), shared.refused.into_inner().unwrap())
    }
}

impl Shared {
    fn broker(&self, client: usize) -> Channel {
        lock(&self.brokers[client % self.brokers.len()]).clone()
    }

    async fn refused(&self, status: Status) {
        let expected = matches!(
            status.code(),
            Code::Unavailable
                | Code::Unknown
                | Code::Cancelled
                | Code::Internal
                | Code::ResourceExhausted
                | Code::DeadlineExceeded
        );
        assert!(expected, "{status:?}");
        let said = if was_not_begun(&status) { NOT_BEGUN } else { status.message() };
        lock(&self.refused).push((status.code(), said.to_owned()));
        sleep(BREATH).await;
    }
}

async fn ask(asker: &Asker, token: &str, client: usize, shared: &Shared, stop: &watch::Receiver<bool>) {
    for turn in client.. {
        if *stop.borrow() {
            return;
        }
        let question = asker.question([ISOLATING, FREE, HEALTHY, NOBODY][turn % 4]);
        match AccessServiceClient::new(shared.broker(client)).query(with_token(token, question)).await {
            Ok(response) => shared.answered(response.into_inner()),
            Err(status) => shared.refused(status).await,
        }
    }
}

async fn put(asker: &Asker, token: &str, client: usize, name: &str, shared: &Shared, stop: &watch::Receiver<bool>) {
    for turn in client.. {
        if *stop.borrow() {
            return;
        }
        let record = record(asker, name, turn as u64);
        match IntakeServiceClient::new(shared.broker(client)).put(with_token(token, record)).await {
            Ok(response) => shared.stored(response.into_inner().receipt),
            Err(status) => shared.refused(status).await,
        }
    }
}

impl Shared {
    fn answered(&self, response: QueryResponse) {
        lock(&self.received).answers.push(response);
    }

    fn stored(&self, receipt: Option<Receipt>) {
        lock(&self.received).puts.extend(receipt);
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn was_not_begun(status: &Status) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = status.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR);
        }
        cause = error.source();
    }
    false
}
