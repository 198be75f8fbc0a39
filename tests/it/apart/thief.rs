//! What a thief has, and what only the keys tell.

use super::DATASETS;
use crate::harness::*;
use disown::{
    dataset::Catalogue,
    ids::DatasetId,
    pseudonym::{self, KeyEncryptionKey, SubjectIdentifier},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, FromRow, Row as _,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs,
    path::Path,
};

/// A stolen store.
pub(super) struct Store {
    /// In the order in which the table gives them.
    pub(super) rows: Vec<Row>,
    pub(super) database: Vec<u8>,
    pub(super) write_ahead_log: Vec<u8>,
}

/// A stolen row.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) pseudonym: Vec<u8>,
    pub(super) record_id: Vec<u8>,
    pub(super) batch: Vec<u8>,
    pub(super) position: i64,
    pub(super) salt: Vec<u8>,
    /// Blind index of the source's own id; empty where the dataset has none.
    pub(super) blind: Vec<u8>,
    pub(super) day: String,
    pub(super) as_of: String,
    /// How many records came with it.
    pub(super) records: i64,
    record_type: String,
    days: String,
    parish: String,
    sealed: Vec<u8>,
}

impl<'r> FromRow<'r, SqliteRow> for Row {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            pseudonym: row.try_get("pseudonym")?,
            record_id: row.try_get("record_id")?,
            batch: row.try_get("batch")?,
            position: row.try_get("position")?,
            salt: row.try_get("salt")?,
            blind: row.try_get("blind")?,
            day: row.try_get("day")?,
            as_of: row.try_get("as_of")?,
            records: row.try_get("records")?,
            record_type: row.try_get("record_type")?,
            days: row.try_get("days")?,
            parish: row.try_get("parish")?,
            sealed: row.try_get("sealed")?,
        })
    }
}

/// Who is behind each pseudonym, by dataset: the keys tell.
pub(super) struct Truth {
    pub(super) people: [HashMap<Vec<u8>, usize>; 3],
    pub(super) pseudonyms: [Vec<Vec<u8>>; 3],
}

/// Takes the three stores of a broker that serves.
pub(super) async fn steal(deployment: &Deployment) -> [Store; 3] {
    let folder = tempfile::tempdir().unwrap();
    let mut stores = Vec::new();
    for dataset in DATASETS {
        for suffix in ["", "-wal"] {
            let name = format!("{dataset}.sqlite{suffix}");
            // Without a write-ahead log, a store that is at rest.
            let copied = fs::copy(deployment.path("data").join(&name), folder.path().join(&name));
            assert!(copied.is_ok() || suffix == "-wal");
        }
        stores.push(Store::read(&folder.path().join(format!("{dataset}.sqlite")), dataset).await);
    }
    stores.try_into().ok().unwrap()
}

/// The pseudonyms of a store as somebody would keep them who did not think of this: in the order in which they came in.
pub(super) async fn leaky(store: &Store, truth: &Truth, dataset: usize) -> Store {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leaky.sqlite");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal).connect().await.unwrap();
    alter(&mut connection, "CREATE TABLE record (pseudonym BLOB NOT NULL)").await;
    let known: HashMap<&Vec<u8>, &Row> = store.rows.iter().map(|row| (&row.pseudonym, row)).collect();
    let mut rows = Vec::new();
    for pseudonym in &truth.pseudonyms[dataset] {
        sqlx::query("INSERT INTO record (pseudonym) VALUES (?1)")
            .bind(pseudonym)
            .execute(&mut connection)
            .await
            .unwrap();
        rows.push(known[pseudonym].clone());
    }
    let write_ahead_log = fs::read(folder.path().join("leaky.sqlite-wal")).unwrap();
    connection.close().await.unwrap();
    Store { rows, database: fs::read(&path).unwrap(), write_ahead_log }
}

impl Store {
    async fn read(path: &Path, dataset: &str) -> Self {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let (database, write_ahead_log) = (fs::read(path).unwrap(), fs::read(&log).unwrap_or_default());
        let own = match dataset {
            "people" => "x'' AS blind, '' AS days, parish, x'' AS sealed",
            "clinical" => "source_id_index AS blind, '' AS days, '' AS parish, event_date AS sealed",
            _ => {
                "source_id_index AS blind, event_date || ' ' || coalesce(end_date, '') AS days, parish_or_port AS parish, source_id AS sealed"
            }
        };
        let sql = format!(
            "SELECT pseudonym, record_id, batch, position, salt, batch.day AS day, as_of, batch.records AS records, record_type, {own} \
             FROM record JOIN batch USING (batch)"
        );
        // The order of the table is that of its primary key; a join could give another.
        let sql = format!("{sql} ORDER BY record.record_id");
        let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
        let rows = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        Self { rows, database, write_ahead_log }
    }

    /// Everything that is meant to be random, by what it is.
    pub(super) fn random_values(&self) -> Vec<(&'static str, BTreeSet<&[u8]>)> {
        let all = |value: fn(&Row) -> &[u8]| self.rows.iter().map(value).filter(|value| !value.is_empty()).collect();
        vec![
            ("pseudonyms", all(|row| &row.pseudonym)),
            ("record ids", all(|row| &row.record_id)),
            ("salts", all(|row| &row.salt)),
            ("batches", all(|row| &row.batch)),
            ("blind indexes", all(|row| &row.blind)),
        ]
    }

    fn by_subject(&self, keep_empty: bool, of: impl Fn(&Row) -> String) -> BTreeMap<Vec<u8>, String> {
        let mut subjects: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
        for row in &self.rows {
            subjects.entry(row.pseudonym.clone()).or_default().push(of(row));
        }
        let joined = |mut values: Vec<String>| {
            values.sort();
            if values.iter().all(String::is_empty) && !keep_empty {
                values.clear();
            }
            values.join("|")
        };
        subjects.into_iter().map(|(pseudonym, values)| (pseudonym, joined(values))).collect()
    }

    /// How many records each subject has.
    pub(super) fn counts(&self) -> BTreeMap<Vec<u8>, String> {
        self.by_subject(true, |_| String::new())
    }

    /// Every day of each subject that is in the clear.
    pub(super) fn days(&self) -> BTreeMap<Vec<u8>, String> {
        self.by_subject(false, |row| row.days.clone())
    }

    /// The parishes of each subject's first record.
    pub(super) fn parish(&self) -> BTreeMap<Vec<u8>, String> {
        self.by_subject(
            false,
            |row| if row.record_type == "case_investigation" { String::new() } else { row.parish.clone() },
        )
        .into_iter()
        .map(|(pseudonym, parish)| (pseudonym, parish.trim_matches('|').to_owned()))
        .collect()
    }

    /// Sealed cells that are equal to another one.
    pub(super) fn equal_sealed_cells(&self) -> usize {
        let different: HashSet<&Vec<u8>> = self.rows.iter().map(|row| &row.sealed).collect();
        self.rows.len() - different.len()
    }
}

impl Truth {
    pub(super) async fn of(deployment: &Deployment, numbers: impl Iterator<Item = String>) -> Self {
        let read = |name: &str| fs::read_to_string(deployment.path(name)).unwrap();
        let kek = KeyEncryptionKey::parse(&read("key-encryption-key")).unwrap();
        let keyring = pseudonym::open(&read("keyring.json"), &kek).unwrap();
        let catalogue = Catalogue::parse(&read("policies/catalogue.toml")).unwrap();
        let subjects: Vec<_> =
            numbers.map(|number| SubjectIdentifier::parse_source(&number, &catalogue).unwrap()).collect();
        let subjects: Vec<_> = subjects.iter().collect();
        let mut pseudonyms = Vec::new();
        for dataset in DATASETS {
            let dataset = DatasetId::try_from(dataset).unwrap();
            let made = keyring.pseudonymise(&dataset, &subjects).await.unwrap();
            pseudonyms.push(made.iter().map(|made| made.bytes_in(&dataset).unwrap().to_vec()).collect::<Vec<_>>());
        }
        let pseudonyms: [Vec<Vec<u8>>; 3] = pseudonyms.try_into().unwrap();
        let people = pseudonyms.clone().map(|made| made.into_iter().zip(0..).collect());
        Self { people, pseudonyms }
    }

    /// Whether two pseudonyms, each of its dataset, are of one subject.
    pub(super) fn same(&self, one: (usize, &Vec<u8>), other: (usize, &Vec<u8>)) -> bool {
        let who = |(dataset, pseudonym): (usize, &Vec<u8>)| self.people[dataset].get(pseudonym);
        who(one).is_some() && who(one) == who(other)
    }
}
