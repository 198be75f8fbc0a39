//! Conditions that bind the recipient (GO 11): told with every answer, in words and as codes, and acknowledged beforehand.

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// A condition on what the recipient does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handling {
    /// For machines: `delete_within_30_days`.
    pub code: String,
    /// For people.
    pub words: String,
}

/// Conditions as told, with their hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditions {
    all: Vec<Handling>,
    digest: String,
}

impl Conditions {
    pub(super) fn new(all: Vec<Handling>) -> Result<Self, &'static str> {
        let is_code = |code: &str| {
            (1..=60).contains(&code.len())
                && code.starts_with(|first: char| first.is_ascii_lowercase())
                && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        let is_told = |words: &str| !words.trim().is_empty() && !words.contains(char::is_control);
        let unique = all.iter().enumerate().all(|(at, one)| all[..at].iter().all(|other| other.code != one.code));
        if !all.iter().all(|one| is_code(&one.code)) || !unique {
            return Err("each has a `code` of its own: up to 60 lower-case letters, digits and `_`");
        }
        if !all.iter().all(|one| is_told(&one.words)) {
            return Err("each has `words`: one line");
        }
        let lines: String = all.iter().map(|one| format!("{}: {}\n", one.code, one.words)).collect();
        Ok(Self { digest: hex::encode(Sha256::digest(lines)), all })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Handling> {
        self.all.iter()
    }

    /// SHA-256 over `code: words` and a line end of each, hexadecimal: who names it has been told them.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether somebody who names this digest has acknowledged them. Where there are none, nobody has to.
    pub fn are_acknowledged(&self, digest: &str) -> bool {
        self.all.is_empty() || digest == self.digest
    }
}
