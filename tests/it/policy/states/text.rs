//! The text of an agreement and the list of approvers, read again from their TOML and nothing else.

use crate::{
    harness::digest_of,
    policy::oracle::{Oracle, day, place},
};
use jiff::{ToSpan, civil::Date};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// What an agreement says.
#[derive(Clone)]
pub struct Text {
    pub id: String,
    pub version: String,
    pub parties: Vec<String>,
    pub roles: Vec<String>,
    pub purposes: Vec<String>,
    pub from: Date,
    pub until: Date,
    /// The last day of grace after its review.
    pub last: Date,
    /// The datasets whose owners have to agree.
    pub datasets: BTreeSet<String>,
    /// The dataset that its condition looks at.
    pub condition: Option<String>,
    pub seen_by_regulator: bool,
    /// Places of the fields that its condition looks at.
    pub looked_at: Vec<usize>,
    pub grounds: Vec<String>,
    /// What has to be acknowledged; none: nothing binds.
    pub binding: Option<String>,
    /// As places in `LEVELS`, in the oracle's order of fields; 0: not listed.
    pub fields: Vec<usize>,
    /// Which of its roles may break glass, and what that opens to them.
    pub may_break_glass: Vec<String>,
    pub opened: Vec<usize>,
    /// Places of fields.
    pub views: BTreeMap<String, Vec<usize>>,
}

/// An approver, in each of its capacities.
pub struct Approver {
    pub organisation: String,
    pub party: bool,
    pub owner_of: Vec<String>,
    pub data_protection_officer: bool,
    pub regulator: bool,
}

impl Text {
    pub fn read(text: &str, oracle: &Oracle) -> Self {
        let table: Table = text.parse().unwrap();
        let listed = table.get("fields").and_then(Value::as_table).cloned().unwrap_or_default();
        let condition = table.get("condition").map(|one| dataset(one["record"].as_str().unwrap()));
        let intake = names(table.get("intake"));
        let clause = table.get("break_glass");
        let opened = clause.and_then(|clause| clause["fields"].as_table()).cloned().unwrap_or_default();
        let touched =
            listed.keys().chain(opened.keys()).chain(&intake).map(|name| dataset(name)).chain(condition.clone());
        let level = |of: &Table, name: &str| of.get(name).map_or(0, |level| place(level.as_str().unwrap()));
        let levels = |of: &Table| oracle.fields.iter().map(|field| level(of, &field.name)).collect();
        let at = |name: &String| oracle.fields.iter().position(|field| field.name == *name).unwrap();
        let views = table.get("views").and_then(Value::as_table).cloned().unwrap_or_default();
        let valid = &table["valid"];
        let grace = valid.get("grace_days").and_then(Value::as_integer).unwrap_or(0);
        Self {
            id: table["id"].as_str().unwrap().to_owned(),
            version: hex::encode(Sha256::digest(text)),
            parties: names(table.get("parties")),
            roles: names(table.get("roles")),
            purposes: names(table.get("purposes")),
            from: day(&valid["from"]),
            until: day(&valid["until"]),
            last: day(&valid["review"]).saturating_add(grace.days()),
            datasets: touched.collect(),
            condition,
            looked_at: table.get("condition").map_or(vec![], |one| looked_at(one, oracle)),
            grounds: names(table.get("special_category_grounds")),
            binding: table.contains_key("handling").then(|| digest_of(text)),
            seen_by_regulator: table.get("seen_by_regulator").and_then(Value::as_bool) == Some(true),
            fields: levels(&listed),
            may_break_glass: names(clause.map(|clause| &clause["roles"])),
            opened: levels(&opened),
            views: views
                .iter()
                .map(|(name, fields)| (name.clone(), names(Some(fields)).iter().map(at).collect()))
                .collect(),
        }
    }
}

/// Every word of a condition that is a column of its record type.
fn looked_at(condition: &Value, oracle: &Oracle) -> Vec<usize> {
    let (record, text) = (condition["record"].as_str().unwrap(), condition["where"].as_str().unwrap());
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let named = |word: &str| oracle.fields.iter().position(|field| field.name == format!("{record}.{word}"));
    words.filter_map(named).collect()
}

/// By name.
pub fn approvers(text: &str) -> BTreeMap<String, Approver> {
    let table: Table = text.parse().unwrap();
    let yes = |known: &Value, key: &str| known.get(key).and_then(Value::as_bool) == Some(true);
    let approver = |known: &Value| Approver {
        organisation: known["organisation"].as_str().unwrap().to_owned(),
        party: yes(known, "party"),
        owner_of: names(known.get("owner_of")),
        data_protection_officer: yes(known, "data_protection_officer"),
        regulator: yes(known, "regulator"),
    };
    table["approvers"].as_table().unwrap().iter().map(|(name, known)| (name.clone(), approver(known))).collect()
}

/// Of which dataset a field or a record type is.
pub fn dataset(name: &str) -> String {
    name.split('.').next().unwrap().to_owned()
}

fn names(list: Option<&Value>) -> Vec<String> {
    let names = list.and_then(Value::as_array).into_iter().flatten();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}
