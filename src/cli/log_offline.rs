//! What can be verified without a broker: a log's database, an exported log, receipts.

use super::receipt;
use crate::access_log::{
    checkpoint::LogKey,
    leaf::{Commitments, PartLabel, commitment},
    merkle::Hash,
    verify::{NotVerified, Verified, verify_export},
};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::ExitCode,
};

/// First line of an exported log.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportHead {
    pub(super) checkpoint: String,
}

/// Every other line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportLine {
    pub(super) index: u64,
    pub(super) actor: String,
    pub(super) actor_salt: String,
    pub(super) subject: String,
    pub(super) subject_salt: String,
    pub(super) answer_commitment: String,
}

pub(super) fn key(path: &Path) -> anyhow::Result<LogKey> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    LogKey::parse(text.trim()).with_context(|| format!("{} holds no public key of an access log", path.display()))
}

/// Verifies an exported log.
pub fn verify_file(path: &Path, key: &LogKey) -> anyhow::Result<Result<Verified, NotVerified>> {
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let mut lines = BufReader::new(file).lines();
    let head: ExportHead = serde_json::from_str(&lines.next().context("the file is empty")??)?;
    let mut entries = Vec::new();
    for line in lines {
        let line: ExportLine = serde_json::from_str(&line?)?;
        if line.index != entries.len() as u64 {
            return Ok(Err(NotVerified::Entry { index: entries.len() as u64, what: "is missing" }));
        }
        entries.push(commitments(&line)?);
    }
    Ok(verify_export(&entries, &head.checkpoint, key))
}

fn commitments(line: &ExportLine) -> anyhow::Result<Commitments> {
    let salt = |text: &str| -> anyhow::Result<[u8; 16]> {
        hex::decode(text)?.try_into().map_err(|_| anyhow::anyhow!("entry {}: a salt has another length", line.index))
    };
    Ok(Commitments {
        actor: commitment(PartLabel::Actor, &salt(&line.actor_salt)?, line.actor.as_bytes()),
        subject: commitment(PartLabel::Subject, &salt(&line.subject_salt)?, line.subject.as_bytes()),
        answer: Hash::try_from(hex::decode(&line.answer_commitment)?.as_slice())?,
    })
}

/// Checks every receipt of a file.
pub(super) fn check_receipts(path: &Path, key: &LogKey, as_json: bool) -> anyhow::Result<ExitCode> {
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let (mut checked, mut failed) = (0_u64, Vec::new());
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        checked += 1;
        match receipt::check(&line, key) {
            Ok(holds) if !as_json && checked <= 3 => println!("entry {} holds: {}", holds.index, holds.actor),
            Ok(_) => {}
            Err(error) => failed.push((number + 1, format!("{error:#}"))),
        }
    }
    if as_json {
        let failed: Vec<_> = failed.iter().map(|(line, why)| json!({ "line": line, "why": why })).collect();
        println!("{}", json!({ "checked": checked, "failed": failed }));
    } else {
        for (line, why) in &failed {
            println!("line {line} does NOT hold: {why}");
        }
        println!("{} receipts hold", checked - failed.len() as u64);
    }
    anyhow::ensure!(checked > 0, "the file holds no receipt");
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
