//! The access log on SQLite: one file, one writer.

mod guard;
mod insert;
mod reader;
mod writer;

pub use guard::FileFault;
pub(super) use reader::SqliteReader;
pub(super) use writer::SqliteStorage;

use super::merkle::NodeId;

/// The statement that reads a perfect subtree's hash; parameters: level, position. A leaf's stands with its entry.
fn hash_at(id: NodeId) -> &'static str {
    match id.level {
        0 => "SELECT leaf FROM entry WHERE idx = ?2 AND ?1 = 0",
        _ => "SELECT hash FROM node WHERE level = ?1 AND position = ?2",
    }
}
