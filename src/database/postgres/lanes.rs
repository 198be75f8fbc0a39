//! Connections that do one thing after another. A request gives a lane its work and waits for the outcome: if it is gone by then the
//! work is still done to its end, so nothing that a client does leaves a transaction open. A connection that failed serves nobody
//! again.

use super::{super::identity::not_the_store, Server, refused};
use futures_util::{FutureExt, future::BoxFuture};
use sqlx::{Connection, PgConnection};
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

/// Work for a connection. It gives whether the connection may go on to the next.
pub type Job = Box<dyn for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, bool> + Send>;

/// The work was not done, or nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the database is not reached, or has too much to do")]
pub struct Lost;

/// Several connections to one database, which take work from one queue.
#[derive(Debug)]
pub struct Lanes {
    jobs: mpsc::Sender<Job>,
    estranged: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    lanes: Mutex<Vec<JoinHandle<()>>>,
}

/// The server ends a statement long before, and nobody waits so long for an answer.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// So much work may wait; more is turned away.
const QUEUE: usize = 1024;

impl Lanes {
    /// So many connections. They are made when they are needed; that the server is there is for the caller to see.
    pub fn open(server: &Server, count: usize) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let (stop, stopping) = watch::channel(false);
        let estranged = Arc::<AtomicBool>::default();
        let lane = |_| tokio::spawn(serve(server.clone(), queue.clone(), stopping.clone(), estranged.clone()));
        let lanes = (0..count).map(lane).collect();
        Self { jobs, estranged, stop, lanes: Mutex::new(lanes) }
    }

    /// Does some work on one of the connections.
    pub async fn run<T, W>(&self, work: W) -> sqlx::Result<T>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>> + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            Box::pin(async move {
                let done = work(connection).await;
                let sound = done.as_ref().err().is_none_or(refused);
                drop(reply.send(done));
                sound
            })
        });
        self.give(job)?;
        outcome.await.unwrap_or_else(|_| Err(lost()))
    }

    /// Gives a lane some work and does not wait for it.
    pub fn give(&self, job: Job) -> sqlx::Result<()> {
        self.jobs.try_send(job).map_err(|_| lost())
    }

    /// Whether the database was not the store that it has to be when a connection to it was last made.
    pub fn is_estranged(&self) -> bool {
        self.estranged.load(Ordering::Relaxed)
    }

    /// Lets what is under way end, and no more begin.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        for lane in self.lanes.lock().await.drain(..) {
            drop(lane.await);
        }
    }
}

fn lost() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other(Lost))
}

async fn serve(
    server: Server,
    queue: Arc<Mutex<mpsc::Receiver<Job>>>,
    mut stopping: watch::Receiver<bool>,
    estranged: Arc<AtomicBool>,
) {
    let mut connection: Option<PgConnection> = None;
    while let Some(job) = next(&queue, &mut stopping).await {
        let mut current = match connection.take() {
            Some(connection) => connection,
            None => match server.connect().await {
                Ok(fresh) => {
                    estranged.store(false, Ordering::Relaxed);
                    fresh
                }
                Err(error) => {
                    tracing::warn!(%error, "a database is not reached");
                    estranged.store(not_the_store(&error).is_some(), Ordering::Relaxed);
                    // The work goes with its reply: who waits for it learns that it was not done.
                    continue;
                }
            },
        };
        // A panic of one piece of work ends its connection, not the lane, and so does a server that says nothing any more.
        let done = timeout(ENDS_WITHIN, AssertUnwindSafe(job(&mut current)).catch_unwind()).await;
        let sound = matches!(done, Ok(Ok(true)));
        connection = sound.then_some(current);
    }
    if let Some(connection) = connection {
        drop(connection.close().await);
    }
}

async fn next(queue: &Mutex<mpsc::Receiver<Job>>, stopping: &mut watch::Receiver<bool>) -> Option<Job> {
    let mut queue = queue.lock().await;
    tokio::select! {
        job = queue.recv() => job,
        _ = stopping.wait_for(|stop| *stop) => None,
    }
}
