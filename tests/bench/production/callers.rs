//! Callers over HTTP, each on a connection of its own that stays open, each waiting for its answer before it asks again.

use crate::{
    question::{CASE, PURPOSE, ROLE, SUBJECTS},
    subjects::in_no_order,
    window::{Answer, now},
};
use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
use tokio::{net::UnixStream, runtime::Runtime, task::JoinHandle};

pub use crate::asked::THREADS;

/// Callers at work.
pub struct Asking {
    over: Arc<AtomicBool>,
    callers: Vec<JoinHandle<anyhow::Result<Vec<Answer>>>>,
}

impl Asking {
    pub fn begin(runtime: &Runtime, socket: &Path, token: &str, callers: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let callers = (0..callers).map(|number| {
            let caller = ask(socket.to_owned(), token.to_owned(), number, over.clone());
            runtime.spawn(caller)
        });
        Self { callers: callers.collect(), over }
    }

    /// All the answers, once every caller has had its last.
    pub async fn end(self) -> anyhow::Result<Vec<Answer>> {
        self.over.store(true, Ordering::Relaxed);
        let mut answers = Vec::new();
        for caller in self.callers {
            answers.extend(caller.await??);
        }
        Ok(answers)
    }
}

/// One answer, as it should be.
pub async fn ask_once(socket: &Path, token: &str) -> anyhow::Result<()> {
    Connection::open(socket, token).await?.answer(0).await.and_then(|answer| assert_linked(&answer))
}

async fn ask(socket: PathBuf, token: String, number: usize, over: Arc<AtomicBool>) -> anyhow::Result<Vec<Answer>> {
    let mut connection = Connection::open(&socket, &token).await?;
    let mut answers = Vec::new();
    for at in in_no_order(number).take_while(|_| !over.load(Ordering::Relaxed)) {
        let start = Instant::now();
        let answer = connection.answer(at).await?;
        answers.push(Answer { at: now()?, took: start.elapsed() });
        // What arrives is looked into once, for looking costs time of the processors that are measured.
        if answers.len() == 1 {
            assert_linked(&answer)?;
        }
    }
    Ok(answers)
}

struct Connection {
    requests: SendRequest<Full<Bytes>>,
    authorization: String,
}

impl Connection {
    async fn open(socket: &Path, token: &str) -> anyhow::Result<Self> {
        let (requests, connection) = handshake(TokioIo::new(UnixStream::connect(socket).await?)).await?;
        // It ends with `requests`; what goes wrong before is told to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Self { requests, authorization: format!("Bearer {token}") })
    }

    async fn answer(&mut self, about: usize) -> anyhow::Result<Bytes> {
        let question =
            json!({ "subject": SUBJECTS.identifier(about), "role": ROLE, "purpose": PURPOSE, "case_reference": CASE });
        let request = Request::post("/rpc/ask")
            .header(HOST, "localhost")
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(question.to_string().into()))?;
        self.requests.ready().await?;
        let response = self.requests.send_request(request).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&answer));
        Ok(answer)
    }
}

/// What is measured is an answer out of three datasets.
fn assert_linked(answer: &Bytes) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_slice(answer)?;
    let row = &answer[0];
    let records = |dataset: &str| row[dataset].as_array().map(Vec::len).context("an answer lacks a dataset");
    ensure!(row["family_name"] == "Le Brocq", "an answer lacks the person");
    ensure!((records("clinical")?, records("public_health")?) == (4, 2), "an answer lacks records");
    Ok(())
}
