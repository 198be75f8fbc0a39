//! The access log on PostgreSQL: one log, any number of brokers.

mod reader;
mod writer;

pub(super) use reader::PostgresReader;
pub(super) use writer::PostgresStorage;

use super::merkle::NodeId;

/// So many brokers may end at once, each with a batch that it has not signed.
const BROKERS: u64 = 16;

/// The statement that reads a perfect subtree's hash; parameters: level, position. A leaf's stands with its entry.
fn hash_at(id: NodeId) -> &'static str {
    match id.level {
        0 => "SELECT leaf FROM entry WHERE idx = $2 AND $1 = 0::bigint",
        _ => "SELECT hash FROM node WHERE level = $1 AND position = $2",
    }
}
