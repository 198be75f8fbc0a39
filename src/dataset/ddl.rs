//! The table that a catalogue entry needs.

use super::{
    catalogue::{Catalogue, Column, DatasetSpec, Kind},
    store::StoreError,
};
use crate::database::Engine;
use std::fmt::Write;

/// The statements that lay out a dataset's database.
///
/// Tables are keyed by random ids, on SQLite `WITHOUT ROWID`, so that a stolen file holds no order of entry; times of entry are kept
/// per batch, to the day.
pub fn ddl(catalogue: &Catalogue, spec: &DatasetSpec, engine: Engine) -> String {
    let sqlite = sqlite_ddl(catalogue, spec);
    match engine {
        Engine::Sqlite => sqlite,
        // The same table, in the words of the other engine, and its key begins with the subject: what is looked for by the subject is
        // found by the key, and an engine that spreads rows over servers by pseudonym can keep it.
        Engine::Postgres => sqlite
            .replace(" BLOB", " BYTEA")
            .replace(" INTEGER", " BIGINT")
            .replace(") STRICT, WITHOUT ROWID;", ");")
            .replace("PRIMARY KEY (record_id", "PRIMARY KEY (pseudonym, record_id")
            .replace(BY_SUBJECT, ""),
    }
}

const BY_SUBJECT: &str = "CREATE INDEX record_by_subject ON record (pseudonym);\n";

fn sqlite_ddl(catalogue: &Catalogue, spec: &DatasetSpec) -> String {
    let mut columns = String::new();
    for column in &spec.columns {
        let _ = writeln!(columns, "    {} {}, -- {}", column.name, sql_type(column), remark(column));
        if column.unique {
            let _ = writeln!(
                columns,
                "    {}_index BLOB, -- keyed blind index of {0}: finds equal values, tells none",
                column.name
            );
        }
    }
    let own = |history: &str| {
        format!(
            "    record_id BLOB NOT NULL, -- random; the source's own id, if there is one, is a column like others\n    \
             pseudonym BLOB NOT NULL, -- whom it is about: AES-256-SIV under this dataset's key\n    \
             record_type TEXT NOT NULL, -- one of the catalogue's\n{columns}    \
             as_of TEXT NOT NULL, -- the day it was as stated\n    \
             source TEXT NOT NULL, -- where it came from\n    \
             subject_category TEXT NOT NULL, -- what the subject is to the keeper\n    \
             disputed INTEGER NOT NULL DEFAULT 0, -- the subject disputes it\n    \
             version INTEGER NOT NULL DEFAULT 1, -- counts its changes\n    \
             batch BLOB NOT NULL, -- the batch it came in with\n    \
             position INTEGER NOT NULL, -- its place in the batch, which was shuffled\n    \
             salt BLOB NOT NULL, -- of its commitment in the batch's root\n    \
             key_epoch INTEGER NOT NULL, -- of the keys it is stored under\n{history}"
        )
    };
    let mut sql = format!(
        "-- {}\n\nCREATE TABLE record (\n{}    PRIMARY KEY (record_id)\n) STRICT, WITHOUT ROWID;\n\n{BY_SUBJECT}",
        spec.title,
        own("")
    );
    for column in spec.columns.iter().filter(|column| column.unique) {
        let _ = writeln!(sql, "CREATE UNIQUE INDEX record_by_{0} ON record ({0}_index);", column.name);
    }
    for record_type in
        spec.record_types.iter().map(|id| catalogue.record_type(*id)).filter(|known| known.one_per_subject)
    {
        let name = &record_type.name;
        let _ = writeln!(sql, "CREATE UNIQUE INDEX one_{name} ON record (pseudonym) WHERE record_type = '{name}';");
    }
    let _ = write!(
        sql,
        "\n-- What records were before they were changed.\nCREATE TABLE record_history (\n{}    PRIMARY KEY (record_id, version)\n) STRICT, WITHOUT ROWID;\n\n\
         -- A pseudonym that was replaced: a visitor joined to a JY number, or a change of keys.\n\
         CREATE TABLE alias (\n    old BLOB PRIMARY KEY, -- the pseudonym that was\n    current BLOB NOT NULL -- the one that is\n) STRICT, WITHOUT ROWID;\n\n\
         -- What came in together. Written in one transaction with its records: a batch is here whole or not at all.\n\
         CREATE TABLE batch (\n    batch BLOB PRIMARY KEY, -- random; the input entry of the access log names it\n    \
         day TEXT NOT NULL, -- the day it came in\n    records INTEGER NOT NULL, -- how many records it had\n    \
         root BLOB NOT NULL -- Merkle root (RFC 6962) over its records' commitments\n) STRICT, WITHOUT ROWID;\n\n\
         -- Which store this is: one row, made with it and never again.\n\
         CREATE TABLE store (\n    identity BLOB PRIMARY KEY -- HMAC of the store's name under a key of the deployment\n) STRICT, WITHOUT ROWID;\n",
        own("    replaced_on TEXT NOT NULL, -- the day it was changed\n")
    );
    sql
}

/// Columns that every table of records has of its own, with their types.
pub(super) const OWN: [(&str, &str); 12] = [
    ("record_id", "BLOB"),
    ("pseudonym", "BLOB"),
    ("record_type", "TEXT"),
    ("as_of", "TEXT"),
    ("source", "TEXT"),
    ("subject_category", "TEXT"),
    ("disputed", "INTEGER"),
    ("version", "INTEGER"),
    ("batch", "BLOB"),
    ("position", "INTEGER"),
    ("salt", "BLOB"),
    ("key_epoch", "INTEGER"),
];

/// Whether each column of the table of records is there, with its type: a store that lacks one would fail at the first question instead.
/// `found` are names and types as the engine has them.
pub(super) fn check(spec: &DatasetSpec, engine: Engine, found: &[(String, String)]) -> Result<(), StoreError> {
    for (column, wanted) in columns(spec) {
        let wanted = match (engine, wanted) {
            (Engine::Sqlite, wanted) => wanted,
            (Engine::Postgres, "BLOB") => "bytea",
            (Engine::Postgres, "INTEGER") => "bigint",
            (Engine::Postgres, _) => "text",
        };
        let what = match found.iter().find(|(name, _)| *name == column) {
            None => "is missing",
            Some((_, known)) if known != wanted => "has another type",
            Some(_) => continue,
        };
        return Err(StoreError::Layout { dataset: spec.id.clone(), column, what });
    }
    Ok(())
}

/// Every column of the table of records, its own and the catalogue's, with its type in SQLite's words.
fn columns(spec: &DatasetSpec) -> Vec<(String, &'static str)> {
    let index = |column: &Column| column.unique.then(|| (format!("{}_index", column.name), "BLOB"));
    let domain = spec.columns.iter().map(|column| (column.name.clone(), sql_type(column)));
    let own = OWN.into_iter().map(|(name, sql_type)| (name.to_owned(), sql_type));
    own.chain(domain).chain(spec.columns.iter().filter_map(index)).collect()
}

fn sql_type(column: &Column) -> &'static str {
    if column.sealed || column.kind == Kind::Subject { "BLOB" } else { "TEXT" }
}

fn remark(column: &Column) -> &'static str {
    match (&column.kind, column.sealed) {
        (_, true) => "sealed, cell by cell",
        (Kind::Text, false) => "text",
        (Kind::Date, false) => "a day, ISO 8601",
        (Kind::Code(_), false) => "one of a closed list",
        (Kind::Subject, false) => "pseudonym of another subject",
    }
}
