//! Verifying a whole access log with nothing but its public key.

use super::{
    checkpoint::{Checkpoint, LogKey},
    leaf::{Commitments, PartLabel, commitment},
    merkle::{Frontier, Hash},
    proof,
    reader::Reader,
    storage::Kept,
};
use std::{collections::BTreeMap, path::Path};

/// What a verified log holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Entries hashed again.
    pub entries: u64,
    /// Checkpoints whose signature and root hold.
    pub checkpoints: u64,
    /// Size of the last checkpoint.
    pub signed: u64,
    /// Root of that size, hexadecimal.
    pub root: String,
}

/// A log that does not verify, and where.
#[derive(Debug, thiserror::Error)]
pub enum NotVerified {
    /// It cannot be read.
    #[error("the log cannot be read: {0}")]
    Unreadable(#[from] sqlx::Error),
    /// An entry is not what it was.
    #[error("entry {index}: {what}")]
    Entry {
        /// Which.
        index: u64,
        /// How it shows.
        what: &'static str,
    },
    /// A checkpoint does not hold.
    #[error("checkpoint of size {size}: {what}")]
    Checkpoint {
        /// Which.
        size: u64,
        /// How it shows.
        what: String,
    },
    /// Nothing was ever signed.
    #[error("the log has no checkpoint")]
    NoCheckpoint,
}

/// So many entries are read at once.
const PAGE: u32 = 5_000;

/// Hashes everything again, from the parts up, and compares with every checkpoint. Entries after the last checkpoint must be fewer
/// than one batch could hold: a crash between commit and signature leaves such, and the next start of the broker signs them.
pub async fn verify_log(reader: &Reader, key: &LogKey) -> Result<Verified, NotVerified> {
    let mut log = reader.snapshot().await?;
    let checkpoints = checkpoints(&log.checkpoints().await?, key)?;
    let last = checkpoints.last().ok_or(NotVerified::NoCheckpoint)?;
    let (signed, root) = (last.size(), last.root().to_string());
    let heads = log.heads().await?;
    let mut due = checkpoints.iter().peekable();
    let mut heads_due = heads.iter().peekable();
    let mut frontier = Frontier::new();
    let (mut subtrees, mut all_fit) = (0, true);
    loop {
        let from = frontier.size();
        let mut leaves = Vec::with_capacity(PAGE as usize);
        // Hashed as they come in: meanwhile the server has the next ones.
        log.entries(from, PAGE, &mut |kept| leaves.push(leaf(kept, from + leaves.len() as u64))).await?;
        if leaves.is_empty() {
            break;
        }
        let mut completed = BTreeMap::new();
        for leaf in leaves {
            for (id, hash) in frontier.push(leaf?) {
                completed.entry(id.level).or_insert_with(Vec::new).extend_from_slice(hash.as_bytes());
                subtrees += 1;
            }
            if due.next_if(|next| next.size() == frontier.size()).is_some_and(|next| *next.root() != frontier.root()) {
                return Err(wrong_root(frontier.size()));
            }
            let head = heads_due.next_if(|(size, _)| *size == frontier.size());
            if head.is_some_and(|(_, root)| root != frontier.root().as_bytes()) {
                return Err(NotVerified::Entry { index: frontier.size() - 1, what: "the head after it is another" });
            }
        }
        // The stored subtrees, which proofs are made from, are those of the entries. What is wrong with an entry is told first.
        for (level, hashes) in completed {
            all_fit &= log.subtrees(level, from >> level..frontier.size() >> level).await? == hashes;
        }
    }
    if let Some(next) = due.next() {
        return Err(NotVerified::Entry {
            index: frontier.size(),
            what: if next.size() > frontier.size() {
                "is missing: a checkpoint was signed over it"
            } else {
                "has no place"
            },
        });
    }
    if !all_fit || log.count_subtrees().await? != subtrees {
        let what = "the stored subtrees are not those of the entries".to_owned();
        return Err(NotVerified::Checkpoint { size: frontier.size(), what });
    }
    match heads.last() {
        Some((size, _)) if *size == frontier.size() => {}
        _ => return Err(NotVerified::Entry { index: frontier.size(), what: "the last head does not fit the entries" }),
    }
    if frontier.size() - signed > reader.most_unsigned() {
        return Err(NotVerified::Entry {
            index: signed,
            what: "is unsigned, and so are more after it than a crash leaves",
        });
    }
    Ok(Verified { entries: frontier.size(), checkpoints: checkpoints.len() as u64, signed, root })
}

/// Verifies the log in a file.
pub async fn verify_database(path: &Path, key: &LogKey) -> Result<Verified, NotVerified> {
    let reader = Reader::open(path).await?;
    let verified = verify_log(&reader, key).await;
    reader.close().await;
    verified
}

fn checkpoints(notes: &[(u64, String)], key: &LogKey) -> Result<Vec<Checkpoint>, NotVerified> {
    let open = |(size, note): &(u64, String)| {
        let size = *size;
        let checkpoint =
            Checkpoint::open(note, key).map_err(|why| NotVerified::Checkpoint { size, what: why.to_string() })?;
        if checkpoint.size() == size {
            Ok(checkpoint)
        } else {
            Err(NotVerified::Checkpoint { size, what: "is of another size".to_owned() })
        }
    };
    notes.iter().map(open).collect()
}

/// The leaf of an entry, hashed again from its parts.
fn leaf(kept: &Kept<'_>, expected: u64) -> Result<Hash, NotVerified> {
    let index = kept.index;
    let wrong = |what| NotVerified::Entry { index, what };
    if index != expected {
        return Err(NotVerified::Entry { index: expected, what: "is missing" });
    }
    let part = |label, at: usize| -> Result<Hash, NotVerified> {
        let (Some(text), Some(salt)) = kept.parts[at] else {
            return Err(wrong("a part is missing and no erasure was recorded"));
        };
        let salt: [u8; 16] = salt.try_into().map_err(|_| wrong("a salt has another length"))?;
        let hashed = commitment(label, &salt, text);
        if kept.commitments[at] == hashed.as_bytes() {
            Ok(hashed)
        } else {
            Err(wrong("a part does not fit its commitment"))
        }
    };
    let commitments = Commitments {
        actor: part(PartLabel::Actor, 0)?,
        subject: part(PartLabel::Subject, 1)?,
        answer: part(PartLabel::Answer, 2)?,
    };
    let leaf = commitments.leaf();
    if kept.leaf == leaf.as_bytes() { Ok(leaf) } else { Err(wrong("the leaf does not fit its parts")) }
}

/// Verifies an exported log: entries as an auditor sees them, and the checkpoint they were exported with.
pub fn verify_export(entries: &[Commitments], note: &str, key: &LogKey) -> Result<Verified, NotVerified> {
    let checkpoint =
        Checkpoint::open(note, key).map_err(|why| NotVerified::Checkpoint { size: 0, what: why.to_string() })?;
    let size = checkpoint.size();
    let mut frontier = Frontier::new();
    for commitments in entries {
        frontier.push(commitments.leaf());
    }
    if frontier.size() < size {
        return Err(NotVerified::Entry {
            index: frontier.size(),
            what: "is missing: the checkpoint was signed over it",
        });
    }
    if frontier.size() > size {
        return Err(NotVerified::Entry { index: size, what: "has no place: the checkpoint was not signed over it" });
    }
    if frontier.root() != *checkpoint.root() {
        return Err(wrong_root(size));
    }
    Ok(Verified { entries: size, checkpoints: 1, signed: size, root: frontier.root().to_string() })
}

/// Verifies one receipt's leaf against its checkpoint, offline.
pub fn verify_leaf(
    commitments: &Commitments,
    index: u64,
    path: &[Hash],
    note: &str,
    key: &LogKey,
) -> Result<(), NotVerified> {
    let checkpoint =
        Checkpoint::open(note, key).map_err(|why| NotVerified::Checkpoint { size: 0, what: why.to_string() })?;
    proof::verify_inclusion(&commitments.leaf(), index, checkpoint.size(), path, checkpoint.root())
        .map_err(|_| NotVerified::Entry { index, what: "is not under the checkpoint's root" })
}

fn wrong_root(size: u64) -> NotVerified {
    NotVerified::Checkpoint { size, what: "an entry before it was altered, or it was: the root is another".to_owned() }
}
