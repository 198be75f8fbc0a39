//! What clients received, held against what is stored.

use crate::harness::*;
use disown::{
    access_log::{
        checkpoint::{Checkpoint, LogKey},
        digest,
        leaf::{Commitments, PartLabel, commitment},
        merkle::{Frontier, Hash},
        verify::verify_leaf,
    },
    database, pb,
};
use sqlx::ConnectOptions;
use std::collections::{HashMap, HashSet};

/// What clients received.
#[derive(Default, Clone)]
pub(crate) struct Received {
    pub(crate) answers: Vec<pb::QueryResponse>,
    pub(crate) puts: Vec<pb::Receipt>,
}

/// What is stored, from some index on.
pub(crate) struct Stored {
    entries: HashMap<u64, Entry>,
    /// By size.
    roots: HashMap<u64, Vec<u8>>,
    /// Checkpoints, by size.
    notes: HashMap<u64, String>,
    /// By dataset and name: root, and whether as many records as were recorded are there.
    batches: HashMap<(String, String), (String, bool)>,
}

#[derive(PartialEq, Eq)]
struct Entry {
    actor: Vec<u8>,
    actor_salt: Vec<u8>,
    answer: Vec<u8>,
    answer_salt: Vec<u8>,
    subject_commitment: Vec<u8>,
}

impl Received {
    pub(crate) fn add(&mut self, more: Received) {
        self.answers.extend(more.answers);
        self.puts.extend(more.puts);
    }

    /// A line for each receipt that what is stored does not bear out.
    pub(crate) fn missing(&self, stored: &Stored, key: &LogKey) -> Vec<String> {
        let answers = self.answers.iter().filter_map(|response| {
            let receipt = response.receipt.as_ref()?;
            let why = stored.lacks(receipt, key).or_else(|| {
                let said: serde_json::Value = serde_json::from_slice(&receipt.answer_part).ok()?;
                (said["digest"] != digest(&response.answer).to_string()).then_some("covers other bytes")
            });
            why.map(|why| format!("answer {}: {why}", receipt.index))
        });
        let puts = self.puts.iter().filter_map(|receipt| {
            let why = stored.lacks(receipt, key).or_else(|| stored.lacks_batch(receipt));
            why.map(|why| format!("put {}: {why}", receipt.index))
        });
        let without = self.answers.iter().filter(|response| response.receipt.is_none());
        answers.chain(puts).chain(without.map(|_| "an answer without a receipt".to_owned())).collect()
    }
}

const DATASETS: [&str; 3] = ["people", "clinical", "public_health"];

impl Stored {
    /// Reads the log from an index on, and every batch.
    pub(crate) async fn read(deployment: &Deployment, from: u64) -> Self {
        type Row = (i64, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>);
        let from = i64::try_from(from).unwrap();
        let rows: Vec<Row>;
        let roots: Vec<(i64, Vec<u8>)>;
        let notes: Vec<(i64, String)>;
        let mut batches = HashMap::new();
        let mut arrived = |dataset: &str, known: Vec<(String, String, bool)>| {
            let named = |(name, root, whole)| ((dataset.to_owned(), name), (root, whole));
            batches.extend(known.into_iter().map(named));
        };
        if deployment.config().postgres.is_some() {
            let mut log = deployment.as_superuser("control").await;
            sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut log).await.unwrap();
            rows = sqlx::query_as(
                "SELECT idx, convert_to(actor, 'UTF8'), actor_salt, convert_to(answer, 'UTF8'), answer_salt, subject_commitment \
                 FROM entry WHERE idx >= $1",
            )
            .bind(from)
            .fetch_all(&mut log)
            .await
            .unwrap();
            let heads = sqlx::query_as("SELECT size, root FROM head WHERE size > $1").bind(from);
            roots = heads.fetch_all(&mut log).await.unwrap();
            let checkpoints = sqlx::query_as("SELECT size, note FROM checkpoint WHERE size > $1").bind(from);
            notes = checkpoints.fetch_all(&mut log).await.unwrap();
            for dataset in DATASETS {
                let mut store = deployment.as_superuser(dataset).await;
                let batches = "SELECT encode(batch, 'hex'), encode(root, 'hex'), records = coalesce(stored, 0) FROM batch \
                    LEFT JOIN (SELECT batch, count(*) AS stored FROM record GROUP BY batch) AS counted USING (batch)";
                arrived(dataset, sqlx::query_as(batches).fetch_all(&mut store).await.unwrap());
            }
        } else {
            let mut log = database::sqlite::read_only(&deployment.path("data/control.sqlite")).connect().await.unwrap();
            sqlx::raw_sql("BEGIN").execute(&mut log).await.unwrap();
            rows = sqlx::query_as(
                "SELECT idx, CAST(actor AS BLOB), actor_salt, CAST(answer AS BLOB), answer_salt, subject_commitment \
                 FROM entry WHERE idx >= ?1",
            )
            .bind(from)
            .fetch_all(&mut log)
            .await
            .unwrap();
            let heads = sqlx::query_as("SELECT size, root FROM head WHERE size > ?1").bind(from);
            roots = heads.fetch_all(&mut log).await.unwrap();
            let checkpoints = sqlx::query_as("SELECT size, note FROM checkpoint WHERE size > ?1").bind(from);
            notes = checkpoints.fetch_all(&mut log).await.unwrap();
            for dataset in DATASETS {
                let path = deployment.path(&format!("data/{dataset}.sqlite"));
                let mut store = database::sqlite::read_only(&path).connect().await.unwrap();
                let batches = "SELECT lower(hex(batch)), lower(hex(root)), records = coalesce(stored, 0) FROM batch \
                    LEFT JOIN (SELECT batch, count(*) AS stored FROM record GROUP BY batch) AS counted USING (batch)";
                arrived(dataset, sqlx::query_as(batches).fetch_all(&mut store).await.unwrap());
            }
        }
        let entry = |(index, actor, actor_salt, answer, answer_salt, subject_commitment): Row| {
            (index.unsigned_abs(), Entry { actor, actor_salt, answer, answer_salt, subject_commitment })
        };
        Self {
            entries: rows.into_iter().map(entry).collect(),
            roots: roots.into_iter().map(|(size, root)| (size.unsigned_abs(), root)).collect(),
            notes: notes.into_iter().map(|(size, note)| (size.unsigned_abs(), note)).collect(),
            batches,
        }
    }

    /// Hashes what came after a tree and grows it by that: each head and each checkpoint on the way is of its root, no entry is left
    /// out, and the last head is over the last entry.
    pub(crate) fn grow(&self, tree: &mut Frontier, key: &LogKey) {
        let before = tree.size();
        let mut heads = 0;
        while let Some(entry) = self.entries.get(&tree.size()) {
            tree.push(entry.leaf());
            let (size, root) = (tree.size(), tree.root());
            if let Some(head) = self.roots.get(&size) {
                assert_eq!(head.as_slice(), root.as_bytes(), "the head of size {size} is of another tree");
                heads += 1;
            }
            if let Some(note) = self.notes.get(&size) {
                let signed = Checkpoint::open(note, key).unwrap();
                assert_eq!((signed.size(), signed.root()), (size, &root), "a checkpoint is of another tree");
            }
        }
        assert_eq!(tree.size() - before, self.entries.len() as u64, "entry {} is missing", tree.size());
        assert_eq!(heads, self.roots.len(), "a head is over entries that are not there");
        assert!(tree.size() == before || self.roots.contains_key(&tree.size()), "the last entry is under no head");
    }

    /// Why the log does not bear a receipt out.
    fn lacks(&self, receipt: &pb::Receipt, key: &LogKey) -> Option<&'static str> {
        let Some(entry) = self.entries.get(&receipt.index) else {
            return Some("has no entry");
        };
        let told = Entry {
            actor: receipt.actor_part.clone(),
            actor_salt: receipt.actor_salt.clone(),
            answer: receipt.answer_part.clone(),
            answer_salt: receipt.answer_salt.clone(),
            subject_commitment: receipt.subject_commitment.clone(),
        };
        if *entry != told {
            return Some("has another entry");
        }
        if verify(receipt, key).is_none() {
            return Some("does not verify");
        }
        let checkpoint = Checkpoint::open(&receipt.checkpoint, key).ok()?;
        let root = self.roots.get(&checkpoint.size());
        (root.map(Vec::as_slice) != Some(checkpoint.root().as_bytes().as_slice()))
            .then_some("is under a head that is not the log's")
    }

    fn lacks_batch(&self, receipt: &pb::Receipt) -> Option<&'static str> {
        let (place, root) = batch_of(&receipt.actor_part)?;
        match self.batches.get(&place) {
            None => Some("was not stored"),
            Some((kept, whole)) if !whole || *kept != root => Some("was stored otherwise"),
            Some(_) => None,
        }
    }

    /// Every batch that was recorded is stored, or the log says that it did not arrive; nothing is stored that was not recorded.
    pub(crate) fn assert_accounted_for(&self) {
        let recorded: HashSet<_> = self.entries.values().filter_map(|entry| batch_of(&entry.actor)).collect();
        let noted: String = self
            .entries
            .values()
            .filter(|entry| batch_of(&entry.actor).is_none())
            .map(|entry| String::from_utf8_lossy(&entry.actor))
            .filter(|text| text.contains("did not arrive"))
            .collect();
        for ((dataset, name), root) in &recorded {
            let arrived = self.batches.get(&(dataset.clone(), name.clone()));
            let borne_out = match arrived {
                Some((kept, whole)) => *whole && kept == root && !noted.contains(name.as_str()),
                None => noted.contains(name.as_str()),
            };
            assert!(borne_out, "batch {name} of {dataset} is recorded, and neither stored nor noted as lost");
        }
    }

    /// Batches that are stored and stand in no entry.
    pub(crate) fn unrecorded(&self) -> usize {
        let recorded: HashSet<_> =
            self.entries.values().filter_map(|entry| batch_of(&entry.actor)).map(|(place, _)| place).collect();
        self.batches.keys().filter(|place| !recorded.contains(*place)).count()
    }
}

impl Entry {
    /// From the parts up, save the subject's, which is not a client's to see.
    fn leaf(&self) -> Hash {
        let salt = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).unwrap();
        let commitments = Commitments {
            actor: commitment(PartLabel::Actor, &salt(&self.actor_salt), &self.actor),
            subject: Hash::try_from(self.subject_commitment.as_slice()).unwrap(),
            answer: commitment(PartLabel::Answer, &salt(&self.answer_salt), &self.answer),
        };
        commitments.leaf()
    }
}

/// Dataset, name and root of the batch that an actor part speaks of.
fn batch_of(actor: &[u8]) -> Option<((String, String), String)> {
    let actor: serde_json::Value = serde_json::from_slice(actor).ok()?;
    let text = |name: &str| actor[name].as_str().map(str::to_owned);
    Some(((text("dataset")?, text("batch")?), text("batch_root")?))
}

/// Offline, with nothing but the public key.
pub(crate) fn verify(receipt: &pb::Receipt, key: &LogKey) -> Option<()> {
    let salt = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).ok();
    let commitments = Commitments {
        actor: commitment(PartLabel::Actor, &salt(&receipt.actor_salt)?, &receipt.actor_part),
        subject: Hash::try_from(receipt.subject_commitment.as_slice()).ok()?,
        answer: commitment(PartLabel::Answer, &salt(&receipt.answer_salt)?, &receipt.answer_part),
    };
    let path: Vec<Hash> =
        receipt.inclusion.iter().map(|hash| Hash::try_from(hash.as_slice()).ok()).collect::<Option<_>>()?;
    verify_leaf(&commitments, receipt.index, &path, &receipt.checkpoint, key).ok()
}
