//! Look-ups of concurrent requests, shared: those that wait when a connection is free go in one statement.

use crate::{
    database::postgres::{Lanes, Server},
    dataset::{catalogue::Catalogue, record::Selection, row, statements::Statements},
};
use sqlx::{PgConnection, Row, postgres::PgRow};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::oneshot;

/// With so many waiting a statement goes although more are about to come: while the server is at it, the broker is at theirs.
const ENOUGH: usize = 24;

/// What looks up in one dataset. One connection does it for everybody: the more wait, the more share a statement.
pub(super) struct LookUps {
    lane: Lanes,
    waiting: Arc<Waiting>,
    statements: Arc<Statements>,
    catalogue: Arc<Catalogue>,
}

impl LookUps {
    pub(super) fn open(server: &Server, statements: Arc<Statements>, catalogue: Arc<Catalogue>) -> Self {
        Self { lane: Lanes::open(server, 1), waiting: Arc::default(), statements, catalogue }
    }

    /// The rows of one subject.
    pub(super) async fn rows(&self, pseudonym: &[u8], selection: &Selection) -> sqlx::Result<Arc<Vec<PgRow>>> {
        let (reply, found) = oneshot::channel();
        let look_up = LookUp { pseudonym: pseudonym.to_vec(), selection: selection.clone(), reply };
        if self.waiting.push(look_up) {
            let turn = Turn(Some(self.waiting.clone()));
            let (statements, catalogue) = (self.statements.clone(), self.catalogue.clone());
            self.lane
                .give(Box::new(move |connection| Box::pin(look_up_all(connection, turn, statements, catalogue))))?;
        }
        // A reply that is gone tells that the statement failed or never was. Telemetry has why.
        found.await.map_err(|_| sqlx::Error::WorkerCrashed)
    }

    pub(super) async fn close(&self) {
        self.lane.close().await;
    }
}

/// Look-ups that no connection has taken yet; none where there are none. Whoever is first asks for a turn at the connection, in which
/// all that wait by then are taken: those for the same columns go in one statement. There is no timer, so that a single look-up waits
/// for nobody.
#[derive(Default)]
struct Waiting(Mutex<Option<Vec<LookUp>>>);

impl Waiting {
    /// Whether a turn is to be asked for.
    fn push(&self, look_up: LookUp) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_none();
        waiting.get_or_insert_default().push(look_up);
        first
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, Vec::len)
    }

    fn take(&self) -> Vec<LookUp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// A turn at the connection. One that never comes, where there is no connection, is dropped, and what waits for it fails.
struct Turn(Option<Arc<Waiting>>);

impl Turn {
    /// How many wait for it.
    fn waiting(&self) -> usize {
        self.0.as_ref().map_or(0, |waiting| waiting.len())
    }

    /// It has come.
    fn take(mut self) -> Vec<LookUp> {
        self.0.take().map_or_else(Vec::new, |waiting| waiting.take())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.0.take().map(|waiting| waiting.take()));
    }
}

struct LookUp {
    pseudonym: Vec<u8>,
    selection: Selection,
    reply: oneshot::Sender<Arc<Vec<PgRow>>>,
}

/// Those of one selection share a statement.
async fn look_up_all(
    connection: &mut PgConnection,
    turn: Turn,
    statements: Arc<Statements>,
    catalogue: Arc<Catalogue>,
) -> bool {
    // Whoever is about to ask may do so first: it costs nothing where nobody is, and many share a statement where many are.
    let mut before = 0;
    while before != turn.waiting() && turn.waiting() < ENOUGH {
        before = turn.waiting();
        tokio::task::yield_now().await;
    }
    let mut taken = turn.take();
    taken.retain(|look_up| !look_up.reply.is_closed());
    while let Some(first) = taken.pop() {
        let (alike, others): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|look_up| look_up.selection == first.selection);
        taken = others;
        let asked: Vec<&[u8]> =
            std::iter::once(&first).chain(&alike).map(|look_up| look_up.pseudonym.as_slice()).collect();
        let found = sqlx::query(statements.fetch(&first.selection, &catalogue))
            .bind(asked)
            .fetch_all(&mut *connection)
            .await
            .and_then(by_pseudonym);
        match found {
            Ok(rows) => {
                for look_up in std::iter::once(first).chain(alike) {
                    let own = rows.get(&look_up.pseudonym).cloned().unwrap_or_default();
                    drop(look_up.reply.send(own));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "look-ups failed");
                // Whoever asked learns of it by the reply that is gone; a connection that failed is not used again.
                return false;
            }
        }
    }
    true
}

fn by_pseudonym(rows: Vec<PgRow>) -> sqlx::Result<HashMap<Vec<u8>, Arc<Vec<PgRow>>>> {
    let mut of: HashMap<Vec<u8>, Vec<PgRow>> = HashMap::new();
    for row in rows {
        let pseudonym: Vec<u8> = row.try_get(row::PSEUDONYM)?;
        of.entry(pseudonym).or_default().push(row);
    }
    Ok(of.into_iter().map(|(pseudonym, rows)| (pseudonym, Arc::new(rows))).collect())
}
