//! The SQL of a dataset, built once from the catalogue when its store is opened, never from a request.

use super::catalogue::{DatasetSpec, Kind};
use crate::database::Engine;
use sqlx::AssertSqlSafe;
use std::sync::Arc;

/// The statements whose columns come from the catalogue. Column names have the form `[a-z][a-z0-9_]{0,40}`, checked when the
/// catalogue was read: this is the one place where SQL text is put together.
#[derive(Debug)]
pub(super) struct Statements {
    fetch: Arc<str>,
    insert: Arc<str>,
    holds_value: Vec<Option<Arc<str>>>,
    bytes: Vec<bool>,
}

impl Statements {
    pub(super) fn of(spec: &DatasetSpec, engine: Engine) -> Self {
        let columns: Vec<&str> = spec.columns.iter().map(|column| column.name.as_str()).collect();
        // A column leaves the store only where its bit is set in the mask of the row's record type.
        let masked: String = columns
            .iter()
            .enumerate()
            .map(|(bit, column)| format!(", CASE WHEN mask.value & {} <> 0 THEN record.{column} END", 1_u64 << bit))
            .collect();
        // Of several subjects at once where the engine is a server, each with its pseudonym: their look-ups share a statement.
        let (subjects, masks) = match engine {
            Engine::Sqlite => ("record.pseudonym = $1", "json_each($2) AS mask ON mask.key = record.record_type"),
            Engine::Postgres => (
                "record.pseudonym = ANY ($1)",
                "unnest($2::text[], $3::bigint[]) AS mask (record_type, value) ON mask.record_type = record.record_type",
            ),
        };
        let fetch = format!(
            "SELECT record.record_id, record.record_type, record.as_of, record.source, record.subject_category, record.disputed, \
             record.pseudonym{masked} FROM record JOIN {masks} WHERE {subjects} ORDER BY record.record_id"
        );
        let unique: Vec<String> =
            spec.columns.iter().filter(|column| column.unique).map(|column| format!("{}_index", column.name)).collect();
        let named: Vec<&str> = unique.iter().map(String::as_str).chain(columns).collect();
        let own =
            "record_id, pseudonym, record_type, as_of, source, subject_category, batch, position, salt, key_epoch";
        let own_types = ["bytea", "bytea", "text", "text", "text", "text", "bytea", "bigint", "bytea", "bigint"];
        let bytes: Vec<bool> =
            spec.columns.iter().map(|column| column.sealed || column.kind == Kind::Subject).collect();
        let named_types =
            unique.iter().map(|_| "bytea").chain(bytes.iter().map(|bytes| if *bytes { "bytea" } else { "text" }));
        let types = own_types.into_iter().chain(named_types).zip(1..);
        let values = match engine {
            Engine::Sqlite => {
                format!("VALUES ({})", types.map(|(_, place)| format!("${place}")).collect::<Vec<_>>().join(", "))
            }
            // Many at once, a column each.
            Engine::Postgres => {
                let columns: Vec<_> = types.map(|(of, place)| format!("${place}::{of}[]")).collect();
                format!("SELECT * FROM unnest({})", columns.join(", "))
            }
        };
        let insert = format!("INSERT INTO record ({own}, {}) {values}", named.join(", "));
        let holds_value = spec
            .columns
            .iter()
            .map(|column| {
                let name = &column.name;
                column.unique.then(|| format!("SELECT EXISTS (SELECT 1 FROM record WHERE {name}_index = $1)").into())
            })
            .collect();
        Self { fetch: fetch.into(), insert: insert.into(), holds_value, bytes }
    }

    /// Parameters on SQLite: pseudonym; a JSON object from record type to mask of columns. On PostgreSQL: pseudonyms; record types;
    /// their masks.
    pub(super) fn fetch(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(self.fetch.clone())
    }

    /// Parameters: the table's own columns, the blind indexes, the columns of the catalogue; on PostgreSQL an array of each.
    pub(super) fn insert(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(self.insert.clone())
    }

    /// Of each column of the catalogue, whether it holds bytes: text otherwise.
    pub(super) fn bytes(&self) -> &[bool] {
        &self.bytes
    }

    /// Parameter: a blind index. None where the column is not unique.
    pub(super) fn holds_value(&self, column: usize) -> Option<AssertSqlSafe<Arc<str>>> {
        self.holds_value.get(column)?.clone().map(AssertSqlSafe)
    }
}
