//! The SQL of a dataset, built once from the catalogue when its store is opened, never from a request.

use super::catalogue::DatasetSpec;
use sqlx::AssertSqlSafe;
use std::sync::Arc;

/// The statements whose columns come from the catalogue. Column names have the form `[a-z][a-z0-9_]{0,40}`, checked when the
/// catalogue was read: this is the one place where SQL text is put together.
#[derive(Debug)]
pub(super) struct Statements {
    fetch: Arc<str>,
    insert: Arc<str>,
    holds_value: Vec<Option<Arc<str>>>,
}

impl Statements {
    pub(super) fn of(spec: &DatasetSpec) -> Self {
        let columns: Vec<&str> = spec.columns.iter().map(|column| column.name.as_str()).collect();
        // A column leaves the store only where its bit is set in the mask of the row's record type.
        let masked: String = columns
            .iter()
            .enumerate()
            .map(|(bit, column)| format!(", CASE WHEN mask.value & {} THEN record.{column} END", 1_u64 << bit))
            .collect();
        let fetch = format!(
            "SELECT record.record_id, record.record_type, record.as_of, record.source, record.subject_category, record.disputed{masked} \
             FROM record JOIN json_each(?2) AS mask ON mask.key = record.record_type \
             WHERE record.pseudonym = ?1 ORDER BY record.record_id"
        );
        let unique: Vec<String> =
            spec.columns.iter().filter(|column| column.unique).map(|column| format!("{}_index", column.name)).collect();
        let named: Vec<&str> = unique.iter().map(String::as_str).chain(columns).collect();
        let own =
            "record_id, pseudonym, record_type, as_of, source, subject_category, batch, position, salt, key_epoch";
        let places: Vec<String> = (1..=10 + named.len()).map(|place| format!("?{place}")).collect();
        let insert = format!("INSERT INTO record ({own}, {}) VALUES ({})", named.join(", "), places.join(", "));
        let holds_value = spec
            .columns
            .iter()
            .map(|column| {
                let name = &column.name;
                column.unique.then(|| format!("SELECT EXISTS (SELECT 1 FROM record WHERE {name}_index = ?1)").into())
            })
            .collect();
        Self { fetch: fetch.into(), insert: insert.into(), holds_value }
    }

    /// Parameters: pseudonym; a JSON object from record type to mask of columns.
    pub(super) fn fetch(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(self.fetch.clone())
    }

    /// Parameters: the table's own columns, the blind indexes, the columns of the catalogue.
    pub(super) fn insert(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(self.insert.clone())
    }

    /// Parameter: a blind index. None where the column is not unique.
    pub(super) fn holds_value(&self, column: usize) -> Option<AssertSqlSafe<Arc<str>>> {
        self.holds_value.get(column)?.clone().map(AssertSqlSafe)
    }
}
