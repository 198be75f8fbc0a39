//! Responses as text: proto3 JSON, one response a line, as every gRPC library writes it.

use crate::{
    access_log::{
        checkpoint::LogKey,
        digest,
        leaf::{Commitments, PartLabel, commitment},
        merkle::Hash,
        verify::verify_leaf,
    },
    pb,
};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde::{Deserialize, Serialize};

/// `QueryResponse` in proto3 JSON. What has its default value may be left out.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Response {
    #[serde(default)]
    answer: String,
    receipt: Receipt,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Receipt {
    #[serde(default)]
    index: String,
    actor_part: String,
    actor_salt: String,
    subject_commitment: String,
    answer_part: String,
    answer_salt: String,
    #[serde(default)]
    inclusion: Vec<String>,
    checkpoint: String,
}

/// What a receipt that holds says.
#[derive(Debug)]
pub struct Holds {
    /// Index of the entry.
    pub index: u64,
    /// The actor part.
    pub actor: String,
}

/// Writes a response.
pub fn to_json(response: &pb::QueryResponse) -> anyhow::Result<String> {
    let receipt = response.receipt.clone().unwrap_or_default();
    let text = Response {
        answer: BASE64.encode(&response.answer),
        receipt: Receipt {
            index: receipt.index.to_string(),
            actor_part: BASE64.encode(receipt.actor_part),
            actor_salt: BASE64.encode(receipt.actor_salt),
            subject_commitment: BASE64.encode(receipt.subject_commitment),
            answer_part: BASE64.encode(receipt.answer_part),
            answer_salt: BASE64.encode(receipt.answer_salt),
            inclusion: receipt.inclusion.iter().map(|hash| BASE64.encode(hash)).collect(),
            checkpoint: receipt.checkpoint,
        },
    };
    Ok(serde_json::to_string(&text)?)
}

/// Checks a response against the log's public key and nothing else: that the receipt covers exactly these bytes, that its parts
/// make the leaf, and that the leaf is under the signed root.
pub fn check(line: &str, key: &LogKey) -> anyhow::Result<Holds> {
    let Response { answer, receipt } = serde_json::from_str(line)?;
    let bytes = |text: &str| BASE64.decode(text);
    let salt = |text: &str| -> anyhow::Result<[u8; 16]> {
        bytes(text)?.try_into().map_err(|_| anyhow::anyhow!("a salt has another length"))
    };
    let (actor, answer_part) = (bytes(&receipt.actor_part)?, bytes(&receipt.answer_part)?);
    let said: serde_json::Value = serde_json::from_slice(&answer_part)?;
    let covered = digest(&bytes(&answer)?).to_string();
    anyhow::ensure!(said["digest"].as_str() == Some(&covered), "the receipt covers other bytes than these");
    let commitments = Commitments {
        actor: commitment(PartLabel::Actor, &salt(&receipt.actor_salt)?, &actor),
        subject: Hash::try_from(bytes(&receipt.subject_commitment)?.as_slice())?,
        answer: commitment(PartLabel::Answer, &salt(&receipt.answer_salt)?, &answer_part),
    };
    let path = receipt
        .inclusion
        .iter()
        .map(|hash| Ok(Hash::try_from(bytes(hash)?.as_slice())?))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let index = if receipt.index.is_empty() { 0 } else { receipt.index.parse()? };
    verify_leaf(&commitments, index, &path, &receipt.checkpoint, key)?;
    Ok(Holds { index, actor: String::from_utf8(actor)? })
}
