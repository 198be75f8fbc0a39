//! Everything that a broker wrote, on whichever engine.

use super::Deployment;
use disown::dataset::Catalogue;
use sqlx::{AssertSqlSafe, Connection};
use std::{fs, path::Path};

impl Deployment {
    /// The bytes of all its files, and of all rows of its databases where these are not files: texts as they are, bytes in hexadecimal.
    pub async fn written(&self) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        files(self.base(), &mut all);
        if self.config().postgres.is_some() {
            let catalogue = fs::read_to_string(self.config().policies.join("catalogue.toml")).unwrap();
            let catalogue = Catalogue::parse(&catalogue).unwrap();
            let datasets = catalogue.datasets().map(|(_, spec)| spec.id.to_string());
            for database in datasets.chain(["control".to_owned()]) {
                all.extend(self.rows(&database).await);
            }
        }
        all
    }

    async fn rows(&self, database: &str) -> Vec<(String, Vec<u8>)> {
        let mut connection = self.as_superuser(database).await;
        let tables = "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables \
                      WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
        assert!(!tables.is_empty(), "{database} has no tables");
        let mut all = Vec::new();
        for table in tables {
            let rows = AssertSqlSafe(format!("SELECT one::text FROM {table} AS one"));
            let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&mut connection).await.unwrap();
            all.push((format!("{database}: {table}"), rows.join("\n").into_bytes()));
        }
        connection.close().await.unwrap();
        all
    }
}

fn files(folder: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else {
            all.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}
