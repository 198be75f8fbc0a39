//! Checking what was given, and what lies in the databases, as somebody would who trusts nobody.

use super::Deployment;
use disown::{
    access_log::{
        leaf::{Commitments, PartLabel, commitment},
        merkle::Hash,
        verify::verify_leaf,
    },
    database::sqlite::open_reader,
    pb,
};
use sqlx::SqlitePool;

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

    /// A database of the deployment, to look into.
    pub async fn database(&self, name: &str) -> SqlitePool {
        open_reader(&self.path(&format!("data/{name}.sqlite"))).await.unwrap()
    }
}
