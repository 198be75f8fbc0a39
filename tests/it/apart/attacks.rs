//! Orders in which a thief may find subjects: if two stores have the same one, the first in one is the first in the other.

use super::thief::{Row, Store, Truth};
use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
};

/// The thief can tell these apart by the size of their batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Subset {
    Loaded,
    Put,
}

/// Pseudonyms in an order.
pub(super) type Attack = fn(&Store, Subset) -> Vec<Vec<u8>>;

const PAGE: usize = 4096;
/// Of the write-ahead log, and of each of its frames.
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

pub(super) const ATTACKS: [(&str, Attack); 15] = [
    ("order of the table", |store, subset| ranked(store, subset, |_| ())),
    ("order of pseudonyms", |store, subset| ranked(store, subset, |row| row.pseudonym.clone())),
    ("order of record ids", |store, subset| ranked(store, subset, |row| row.record_id.clone())),
    ("order of positions in the batch", |store, subset| ranked(store, subset, |row| row.position)),
    ("order of batches, and positions in them", |store, subset| {
        ranked(store, subset, |row| (row.batch.clone(), row.position))
    }),
    ("order of salts", |store, subset| ranked(store, subset, |row| row.salt.clone())),
    ("order of blind indexes", |store, subset| ranked(store, subset, |row| row.blind.clone())),
    ("order of days of entry", |store, subset| ranked(store, subset, |row| (row.day.clone(), row.as_of.clone()))),
    ("first place in the file", |store, subset| placed(store, subset, &store.database, |at| at, false)),
    ("last place in the file", |store, subset| placed(store, subset, &store.database, |at| at, true)),
    ("place in the file, each page backwards", |store, subset| {
        placed(store, subset, &store.database, |at| (at / PAGE, Reverse(at % PAGE)), false)
    }),
    ("first place in the write-ahead log", |store, subset| {
        placed(store, subset, &store.write_ahead_log, |at| at, false)
    }),
    ("last place in the write-ahead log", |store, subset| placed(store, subset, &store.write_ahead_log, |at| at, true)),
    ("first frame of the log, backwards in it", |store, subset| {
        placed(store, subset, &store.write_ahead_log, |at| (frame(at), Reverse(at)), false)
    }),
    ("last frame of the log, backwards in it", |store, subset| {
        placed(store, subset, &store.write_ahead_log, |at| (frame(at), Reverse(at)), true)
    }),
];

fn frame(at: usize) -> usize {
    at.saturating_sub(LOG_HEADER) / (PAGE + FRAME_HEADER)
}

impl Subset {
    pub(super) fn name(self) -> &'static str {
        match self {
            Subset::Loaded => "loaded",
            Subset::Put => "put",
        }
    }

    fn has(self, row: &Row) -> bool {
        (row.records == 1) == (self == Subset::Put)
    }
}

/// Subjects as they first come in the rows ordered by that; in the table's order where that says nothing.
fn ranked<K: Ord>(store: &Store, subset: Subset, key: impl Fn(&Row) -> K) -> Vec<Vec<u8>> {
    let mut rows: Vec<&Row> = store.rows.iter().filter(|row| subset.has(row)).collect();
    rows.sort_by_key(|row| key(row));
    distinct(rows.into_iter().map(|row| row.pseudonym.clone()))
}

/// Subjects by where their pseudonym first, or last, stands in raw bytes.
fn placed<K: Ord>(store: &Store, subset: Subset, bytes: &[u8], key: impl Fn(usize) -> K, last: bool) -> Vec<Vec<u8>> {
    let wanted: HashSet<&[u8]> =
        store.rows.iter().filter(|row| subset.has(row)).map(|row| row.pseudonym.as_slice()).collect();
    // Eight bytes find a candidate; the rest confirms it.
    let starts: HashSet<[u8; 8]> = wanted.iter().filter_map(|pseudonym| pseudonym.first_chunk().copied()).collect();
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    for (at, window) in bytes.windows(48).enumerate() {
        if window.first_chunk().is_some_and(|start| starts.contains(start)) && wanted.contains(window) {
            let place = places.entry(window).or_insert(at);
            if last {
                *place = at;
            }
        }
    }
    let mut found: Vec<(&[u8], usize)> = places.into_iter().collect();
    found.sort_by_key(|(_, at)| key(*at));
    found.into_iter().map(|(pseudonym, _)| pseudonym.to_vec()).collect()
}

fn distinct(pseudonyms: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut seen = HashSet::new();
    pseudonyms.filter(|pseudonym| seen.insert(pseudonym.clone())).collect()
}

/// How many subjects have the same rank in both.
pub(super) fn hits(truth: &Truth, left: (usize, &Vec<Vec<u8>>), right: (usize, &Vec<Vec<u8>>)) -> usize {
    left.1.iter().zip(right.1).filter(|(one, other)| truth.same((left.0, *one), (right.0, *other))).count()
}

/// In bytes.
pub(super) fn longest_shared_prefix(left: &BTreeSet<&[u8]>, right: &BTreeSet<&[u8]>) -> usize {
    let shared = |one: &[u8], other: &[u8]| one.iter().zip(other).take_while(|(one, other)| one == other).count();
    // Of all values on the other side, a neighbour in order shares most.
    let best = |value: &&[u8]| {
        let after = right.range::<[u8], _>((std::ops::Bound::Included(*value), std::ops::Bound::Unbounded)).next();
        let before =
            right.range::<[u8], _>((std::ops::Bound::Unbounded, std::ops::Bound::Excluded(*value))).next_back();
        after.into_iter().chain(before).map(|other| shared(value, other)).max().unwrap_or(0)
    };
    left.iter().map(best).max().unwrap_or(0)
}
