//! A load: many rows of one source. Nothing of it is stored before all of it is there. Only then is it known which of several
//! duplicates has the lowest line, and only then can rows be put in an order that tells nothing of the source's: were they stored as
//! they come, either the order in which a client sends would decide what is kept, or the source's order would show in the batches.

use super::{
    Broken, Checked, Delivery, Header, Intake, Rejected, Rule,
    claim::{Claim, Mark, Names},
    spool::{Place, Spool, SpoolError},
};
use crate::access::Unanswered;
use std::collections::{HashMap, HashSet};
use zeroize::Zeroizing;

/// A load has at most so many rows: what tells duplicates among them is held in memory.
const MOST: usize = 4_000_000;
/// And takes at most so many bytes until it is stored.
const MOST_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// A batch has at most so many bytes as they came in, since it is held in memory while it is stored.
const LARGEST_BYTES: usize = 256 * 1024 * 1024;
/// So many rows are looked at again at once.
const AT_ONCE: usize = 1000;

/// A load under way.
#[expect(missing_debug_implementations, reason = "holds personal data")]
pub struct Load {
    spool: Spool,
    rows: Vec<Kept>,
}

/// A row that keeps the rules, as far as they are about it alone.
struct Kept {
    line: u64,
    place: Place,
    claims: Box<[Mark]>,
}

impl Load {
    /// Whether it takes no more rows.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= MOST || self.spool.size() >= MOST_BYTES
    }
}

impl Intake {
    /// A load without rows.
    pub async fn begin_load(&self) -> Result<Load, Unanswered> {
        Ok(Load { spool: Spool::new(self.spool.clone(), &*self.entropy).await?, rows: Vec::new() })
    }

    /// Takes a row into a load, if it keeps the rules.
    pub async fn take(
        &self,
        (delivery, header): (&Delivery, &Header),
        load: &mut Load,
        line: u64,
        values: &[Vec<u8>],
    ) -> Result<Option<Rejected>, Unanswered> {
        let checked = match delivery.check(header, values) {
            Ok(checked) => checked,
            Err(broken) => return Ok(Some(Rejected { line, broken })),
        };
        let names = self.names_of(delivery, &checked).await?;
        let claims = marked(delivery, &checked, &names)?.into_iter().map(|(mark, _)| mark).collect();
        let place = load.spool.keep(&pack(values)?).await?;
        load.rows.push(Kept { line, place, claims });
        Ok(None)
    }

    /// When all rows are there: of duplicates the one of the lowest line stays, and the others are rejected. What stays is in random
    /// order.
    pub async fn settle(&self, by: (&Delivery, &Header), load: &mut Load) -> Result<Vec<Rejected>, Unanswered> {
        // Where a line is named twice the row that came first counts as the first.
        load.rows.sort_by_key(|row| row.line);
        let mut claimed = HashMap::new();
        for claim in load.rows.iter().flat_map(|row| &row.claims) {
            claimed.entry(*claim).and_modify(|contested| *contested = true).or_insert(false);
        }
        claimed.retain(|_, contested| *contested);
        let is_contested = |row: &Kept| row.claims.iter().any(|claim| claimed.contains_key(claim));
        let contested: Vec<(u64, Place)> =
            load.rows.iter().filter(|row| is_contested(row)).map(|row| (row.line, row.place)).collect();
        let (mut taken, mut rejected, mut dropped) = (HashSet::new(), Vec::new(), HashSet::new());
        for some in contested.chunks(AT_ONCE) {
            for (line, place, checked) in self.again(by, load, some.to_vec()).await? {
                // One that the store has a duplicate of is not put in, and so keeps no other one out.
                let names = self.names_of(by.0, &checked).await?;
                if let Some(column) = self.duplicate(by.0, &checked, &names, &mut taken).await? {
                    rejected.push(Rejected { line, broken: Broken { column, rule: Rule::Duplicate } });
                    dropped.insert(place);
                }
            }
        }
        load.rows.retain(|row| !dropped.contains(&row.place));
        self.entropy.shuffle(&mut load.rows)?;
        Ok(rejected)
    }

    /// The next rows of a settled load that make a batch; none when there are no more.
    pub async fn next_batch(
        &self,
        by: (&Delivery, &Header),
        load: &mut Load,
    ) -> Result<Vec<(u64, Checked)>, Unanswered> {
        let (mut bytes, mut from) = (0, load.rows.len());
        while from > 0 && load.rows.len() - from < self.largest_batch && bytes < LARGEST_BYTES {
            from -= 1;
            bytes += load.rows.get(from).map_or(0, |row| row.place.length());
        }
        let rows = load.rows.split_off(from).into_iter().map(|row| (row.line, row.place)).collect();
        Ok(self.again(by, load, rows).await?.into_iter().map(|(line, _, checked)| (line, checked)).collect())
    }

    /// Rows as they were checked when they came.
    async fn again(
        &self,
        (delivery, header): (&Delivery, &Header),
        load: &mut Load,
        rows: Vec<(u64, Place)>,
    ) -> Result<Vec<(u64, Place, Checked)>, Unanswered> {
        let packed = load.spool.take(rows.iter().map(|(_, place)| *place).collect()).await?;
        let checked = |packed: &Zeroizing<Vec<u8>>| {
            let values = Zeroizing::new(unpack(packed)?);
            delivery.check(header, &values).ok()
        };
        let checked =
            rows.into_iter().zip(&packed).map(|((line, place), packed)| Some((line, place, checked(packed)?)));
        checked.collect::<Option<_>>().ok_or(Unanswered::Fault)
    }

    /// The column in which a row is a duplicate of one in the store or of one that was taken; its claims are taken otherwise.
    pub(super) async fn duplicate(
        &self,
        delivery: &Delivery,
        checked: &Checked,
        names: &Names,
        taken: &mut HashSet<Mark>,
    ) -> Result<Option<String>, Unanswered> {
        let catalogue = &delivery.grant.grant().in_force.policy.catalogue;
        let store = self.stores.of(delivery.dataset).ok_or(Unanswered::Fault)?;
        let claims = marked(delivery, checked, names)?;
        for (mark, claim) in &claims {
            if taken.contains(mark) || claim.is_held(catalogue, store).await? {
                return Ok(Some(claim.column(catalogue.dataset(delivery.dataset))));
            }
        }
        taken.extend(claims.into_iter().map(|(mark, _)| mark));
        Ok(None)
    }
}

fn marked(delivery: &Delivery, checked: &Checked, names: &Names) -> Result<Vec<(Mark, Claim)>, Unanswered> {
    let catalogue = &delivery.grant.grant().in_force.policy.catalogue;
    let spec = catalogue.dataset(delivery.dataset);
    let claims = Claim::all(delivery, checked.record_type, names).into_iter();
    claims.map(|claim| Some((claim.mark(catalogue, spec)?, claim))).collect::<Option<_>>().ok_or(Unanswered::Fault)
}

/// Values one after the other, each with its length before it.
fn pack(values: &[Vec<u8>]) -> Result<Zeroizing<Vec<u8>>, Unanswered> {
    let mut packed = Zeroizing::new(Vec::with_capacity(values.iter().map(|value| 4 + value.len()).sum()));
    for value in values {
        packed.extend_from_slice(&u32::try_from(value.len()).map_err(|_| Unanswered::Fault)?.to_be_bytes());
        packed.extend_from_slice(value);
    }
    Ok(packed)
}

fn unpack(mut packed: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut values = Vec::new();
    while let Some((length, rest)) = packed.split_first_chunk() {
        let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        values.push(value.to_vec());
        packed = rest;
    }
    packed.is_empty().then_some(values)
}

impl From<SpoolError> for Unanswered {
    fn from(error: SpoolError) -> Self {
        tracing::error!(%error, "a load was not stored");
        Unanswered::Fault
    }
}
