//! Red lines, read again from their TOML and nothing else.

use crate::policy::oracle::{Field, Oracle};
use toml::{Table, Value};

/// Of each line the roles, none for all of them, and the fields: one for each of the oracle's order.
pub struct RedLines(Vec<(Vec<String>, Vec<bool>)>);

impl RedLines {
    pub fn read(text: &str, oracle: &Oracle) -> Self {
        let table: Table = text.parse().unwrap();
        let strings = |line: &Value, key: &str| {
            let listed = line.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
            listed.iter().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let line = |line: &Value| {
            let roles = match line["roles"].as_str() {
                Some("all") => vec![],
                Some(_) => oracle.enforcing.clone(),
                None => strings(line, "roles"),
            };
            let (datasets, patterns) = (strings(line, "datasets"), strings(line, "fields"));
            let marks = strings(line, "law_enforcement");
            let all = line.get("datasets").and_then(Value::as_str) == Some("all");
            let covered = |field: &Field| {
                let (name, mark) = (&field.name, ["open", "warrant", "never"][field.reach]);
                let marked = marks.iter().any(|one| one == mark);
                all || marked
                    || datasets.iter().any(|dataset| name.starts_with(&format!("{dataset}.")))
                    || patterns.iter().any(|pattern| matches(pattern, name))
            };
            (roles, oracle.fields.iter().map(covered).collect())
        };
        Self(table["red_line"].as_array().unwrap().iter().map(line).collect())
    }

    pub fn keep(&self, role: &str, field: usize) -> bool {
        self.0.iter().any(|(roles, fields)| fields[field] && (roles.is_empty() || roles.iter().any(|one| one == role)))
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.split('.').zip(name.split('.')).all(|(wanted, part)| wanted == "*" || wanted == part)
}
