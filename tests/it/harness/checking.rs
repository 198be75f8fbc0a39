//! Checking what was given, and what lies in the databases, as somebody would who trusts nobody.

use super::Deployment;
use disown::{
    access_log::{
        leaf::{Commitments, PartLabel, commitment},
        merkle::Hash,
        verify::verify_leaf,
    },
    database::sqlite::{open_reader, writable},
    pb,
};
use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection, SqlitePool};

/// An access log that cannot be appended to.
pub enum Held {
    File(SqliteConnection),
    Server(PgConnection),
}

impl Held {
    pub async fn let_go(self) {
        match self {
            Held::File(log) => log.close().await.unwrap(),
            Held::Server(log) => log.close().await.unwrap(),
        }
    }
}

pub fn hashes(raw: &[Vec<u8>]) -> Vec<Hash> {
    raw.iter().map(|bytes| Hash::try_from(bytes.as_slice()).unwrap()).collect()
}

impl Deployment {
    /// The actor part of a receipt, which must hold against the log's key alone.
    pub fn proven(&self, receipt: &pb::Receipt) -> serde_json::Value {
        let part = |label, salt: &[u8], text: &[u8]| commitment(label, &salt.try_into().unwrap(), text);
        let commitments = Commitments {
            actor: part(PartLabel::Actor, &receipt.actor_salt, &receipt.actor_part),
            subject: Hash::try_from(receipt.subject_commitment.as_slice()).unwrap(),
            answer: part(PartLabel::Answer, &receipt.answer_salt, &receipt.answer_part),
        };
        let path = hashes(&receipt.inclusion);
        verify_leaf(&commitments, receipt.index, &path, &receipt.checkpoint, &self.log_key()).unwrap();
        serde_json::from_slice(&receipt.actor_part).unwrap()
    }

    /// The one number that a query gives, of whichever engine keeps the database.
    pub async fn count(&self, name: &str, query: &'static str) -> i64 {
        if self.config().postgres.is_some() {
            sqlx::query_scalar(query).fetch_one(&mut self.as_superuser(name).await).await.unwrap()
        } else {
            sqlx::query_scalar(query).fetch_one(&self.database(name).await).await.unwrap()
        }
    }

    /// Keeps the access log from being appended to, until what it gives is let go of.
    pub async fn hold_log(&self) -> Held {
        if self.config().postgres.is_some() {
            let mut log = self.as_superuser("control").await;
            sqlx::raw_sql("BEGIN; LOCK TABLE head IN EXCLUSIVE MODE").execute(&mut log).await.unwrap();
            Held::Server(log)
        } else {
            let mut log = writable(&self.path("data/control.sqlite")).connect().await.unwrap();
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut log).await.unwrap();
            Held::File(log)
        }
    }

    /// A database of the deployment, to look into.
    pub async fn database(&self, name: &str) -> SqlitePool {
        open_reader(&self.path(&format!("data/{name}.sqlite"))).await.unwrap()
    }
}
