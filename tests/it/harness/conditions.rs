//! Handling conditions, as a client acknowledges them.

use sha2::{Digest, Sha256};

/// The digest of those that the text of an agreement has.
pub(crate) fn digest_of(agreement: &str) -> String {
    // What is none of this acknowledges nothing, and is denied.
    let agreement: toml::Table = agreement.parse().unwrap_or_default();
    let conditions = agreement.get("handling").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let line = |one: &toml::Value| {
        format!("{}: {}\n", one["code"].as_str().unwrap_or_default(), one["words"].as_str().unwrap_or_default())
    };
    hex::encode(Sha256::digest(conditions.iter().map(line).collect::<String>()))
}

/// The ground that a question under an agreement relies on.
pub(crate) fn ground_under(agreement: &str) -> String {
    if agreement.starts_with("sojp-") { "legal_duty".to_owned() } else { String::new() }
}
