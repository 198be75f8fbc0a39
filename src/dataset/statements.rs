//! The SQL of a dataset, built from the catalogue: a request chooses among its columns and puts in no text of its own.

use super::{
    catalogue::{Catalogue, DatasetSpec, Kind, RecordTypeId},
    record::Selection,
};
use crate::database::Engine;
use sqlx::AssertSqlSafe;
use std::sync::Arc;

/// The statements whose columns come from the catalogue. Names of columns and record types have the form `[a-z][a-z0-9_]{0,40}`,
/// checked when the catalogue was read: this is the one place where SQL text is put together.
#[derive(Debug)]
pub(super) struct Statements {
    subjects: &'static str,
    columns: Vec<String>,
    insert: Arc<str>,
    holds_value: Vec<Option<Arc<str>>>,
    bytes: Vec<bool>,
}

impl Statements {
    pub(super) fn of(spec: &DatasetSpec, engine: Engine) -> Self {
        let columns: Vec<String> = spec.columns.iter().map(|column| column.name.clone()).collect();
        // Of several subjects at once where the engine is a server, each with its pseudonym: their look-ups share a statement.
        let subjects = match engine {
            Engine::Sqlite => "pseudonym = $1",
            Engine::Postgres => "pseudonym = ANY ($1)",
        };
        let unique: Vec<String> =
            spec.columns.iter().filter(|column| column.unique).map(|column| format!("{}_index", column.name)).collect();
        let named: Vec<&str> = unique.iter().chain(&columns).map(String::as_str).collect();
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
            // Many at once, a column each, in the order of pseudonyms, which is none: what a subject has in a batch comes to lie
            // together.
            Engine::Postgres => {
                let columns: Vec<_> = types.map(|(of, place)| format!("${place}::{of}[]")).collect();
                format!("SELECT * FROM unnest({}) ORDER BY 2", columns.join(", "))
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
        Self { subjects, columns, insert: insert.into(), holds_value, bytes }
    }

    /// What finds a selection, and nothing but it: no other column of a record type leaves the store. Its columns are
    /// [`row::OWN`](super::row::OWN) and the selected ones, in the order of the catalogue. Parameter: the pseudonym; on PostgreSQL an
    /// array of them.
    pub(super) fn fetch(&self, selection: &Selection, catalogue: &Catalogue) -> AssertSqlSafe<String> {
        let own = super::row::OWN.join(", ");
        let mut sql = format!("SELECT {own}");
        for (at, column) in self.columns.iter().enumerate().filter(|(at, _)| selection.has(*at)) {
            let (with, without): (Vec<_>, Vec<_>) = selection.masks().partition(|(_, mask)| mask >> at & 1 == 1);
            sql += &if without.is_empty() {
                format!(", {column}")
            } else {
                format!(", CASE WHEN record_type IN ({}) THEN {column} END", names(&with, catalogue))
            };
        }
        let types = names(&selection.masks().collect::<Vec<_>>(), catalogue);
        sql += &format!(" FROM record WHERE {} AND record_type IN ({types})", self.subjects);
        AssertSqlSafe(sql)
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

fn names(types: &[(RecordTypeId, u64)], catalogue: &Catalogue) -> String {
    let names = types.iter().map(|(record_type, _)| format!("'{}'", catalogue.record_type(*record_type).name));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::ddl::ddl;

    /// An engine that spreads a dataset's rows over servers by pseudonym can keep it: rows are found by the subject, no key is counted
    /// up, and no table points to another.
    #[test]
    fn on_a_server_rows_are_found_by_their_subject_and_by_nothing_that_is_counted_up() {
        let text = std::fs::read_to_string("policies/catalogue.toml").unwrap();
        let catalogue = Catalogue::parse(&text).unwrap();
        for (_, spec) in catalogue.datasets() {
            let statements = Statements::of(spec, Engine::Postgres);
            let mut some = Selection::default();
            for (at, record_type) in spec.record_types.iter().enumerate() {
                some.add(*record_type, at % spec.columns.len());
                let found = statements.fetch(&some, &catalogue).0;
                let (_, from) = found.split_once(" FROM ").unwrap();
                assert!(from.starts_with("record WHERE pseudonym = ANY ($1) AND record_type IN ("), "{found}");
                assert!(!from.contains("JOIN") && !from.contains("SELECT"), "{found}");
            }
            assert!(statements.insert.starts_with("INSERT INTO record (record_id, pseudonym, "));
            let layout = ddl(&catalogue, spec, Engine::Postgres).to_ascii_uppercase();
            for counted in ["SERIAL", "GENERATED", "SEQUENCE", "REFERENCES"] {
                assert!(!layout.contains(counted), "{}: {counted}", spec.id);
            }
            for table in ["RECORD", "RECORD_HISTORY"] {
                let (_, table) = layout.split_once(&format!("CREATE TABLE {table} (")).unwrap();
                let (_, key) = table.split_once("PRIMARY KEY (").unwrap();
                assert!(key.starts_with("PSEUDONYM, RECORD_ID"), "{key}");
            }
        }
    }
}
