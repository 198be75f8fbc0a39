//! What is verified without a broker: an exported access log (`export`), receipts (`receipt`), and entries of any text made into
//! both (`entries`), which must hold as they are and no more when altered.
#![no_main]

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use disown::{
    access_log::{
        digest,
        leaf::{Commitments, PartLabel, commitment},
        merkle::{Frontier, Hash},
        proof::inclusion,
    },
    cli::{log_offline::verify_file, receipt},
    pb,
};
use disown_fuzz::{SIGNER, file, named};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|text: &str| match named(text) {
    Some(("export", export)) => {
        if let Ok(Ok(verified)) = verify_file(&file(export.as_bytes()), &SIGNER.key()) {
            // Nothing is called verified that no checkpoint was signed over.
            assert_eq!((verified.entries, verified.checkpoints), (verified.signed, 1));
            assert_eq!(verified.entries, export.lines().count() as u64 - 1);
        }
    }
    Some(("receipt", line)) => {
        if let Ok(holds) = receipt::check(line, &SIGNER.key()) {
            // It is of the one entry that the known key signed over in the seeds.
            let response: Value = serde_json::from_str(line).unwrap();
            let actor = response["receipt"]["actorPart"].as_str().unwrap();
            assert_eq!((holds.index, holds.actor.into_bytes()), (0, BASE64.decode(actor).unwrap()));
        }
    }
    Some(("entries", texts)) => made_of(texts),
    _ => {}
});

/// Each line the actor, subject and answer of an entry, by tabulators. What stands there may be anything: it is hashed as it is.
fn made_of(texts: &str) {
    let entries: Vec<[&str; 3]> = texts
        .lines()
        .map(|line| {
            let mut parts = line.splitn(3, '\t').map(Some).chain([None; 3]);
            std::array::from_fn(|_| parts.next().flatten().unwrap_or_default())
        })
        .collect();
    if entries.is_empty() {
        return;
    }
    let commitments: Vec<_> = entries.iter().enumerate().map(committed).collect();
    let mut frontier = Frontier::new();
    commitments.iter().for_each(|commitments| drop(frontier.push(commitments.leaf())));
    let note = SIGNER.sign(frontier.size(), &frontier.root()).note().to_owned();

    let export = |entries: &[[&str; 3]]| {
        let lines = entries.iter().zip(&commitments).enumerate().map(|(index, ([actor, subject, _], made))| {
            json!({ "index": index, "actor": actor, "actor_salt": hex::encode(salt(index)), "subject": subject,
                    "subject_salt": hex::encode(salt(index)), "answer_commitment": made.answer.to_string() })
        });
        let lines = [json!({ "checkpoint": note })].into_iter().chain(lines).map(|line| format!("{line}\n"));
        verify_file(&file(lines.collect::<String>().as_bytes()), &SIGNER.key()).unwrap()
    };
    assert_eq!(export(&entries).unwrap().entries, entries.len() as u64);
    let mut altered = entries.clone();
    altered[entries.len() / 2][0] = "altered";
    assert!(altered == entries || export(&altered).is_err());
    assert!(export(&entries[1..]).is_err());

    let response = response(&entries, &commitments, &note);
    let holds = receipt::check(&receipt::to_json(&response).unwrap(), &SIGNER.key()).unwrap();
    assert_eq!((holds.index, holds.actor.as_str()), (0, entries[0][0]));
    let mut other = response.clone();
    other.answer.push(0);
    assert!(receipt::check(&receipt::to_json(&other).unwrap(), &SIGNER.key()).is_err());
    let mut other = response;
    other.receipt.as_mut().unwrap().index = 1;
    assert!(receipt::check(&receipt::to_json(&other).unwrap(), &SIGNER.key()).is_err());
}

/// The answer to the first entry.
fn response(entries: &[[&str; 3]], commitments: &[Commitments], note: &str) -> pb::QueryResponse {
    let leaves: Vec<Hash> = commitments.iter().map(Commitments::leaf).collect();
    let mut path = Vec::new();
    for span in inclusion(0, leaves.len() as u64).unwrap() {
        let mut frontier = Frontier::new();
        let nodes = span.nodes();
        let start = nodes[0].position << nodes[0].level;
        let end = start + nodes.iter().map(|node| 1 << node.level).sum::<u64>();
        leaves[start as usize..end as usize].iter().for_each(|leaf| drop(frontier.push(*leaf)));
        path.push(frontier.root().as_bytes().to_vec());
    }
    let [actor, _, answer] = entries[0];
    pb::QueryResponse {
        answer: answer.as_bytes().to_vec(),
        receipt: Some(pb::Receipt {
            index: 0,
            actor_part: actor.as_bytes().to_vec(),
            actor_salt: salt(0).to_vec(),
            subject_commitment: commitments[0].subject.as_bytes().to_vec(),
            answer_part: answer_part(answer).into_bytes(),
            answer_salt: salt(0).to_vec(),
            inclusion: path,
            checkpoint: note.to_owned(),
        }),
    }
}

fn committed((index, [actor, subject, answer]): (usize, &[&str; 3])) -> Commitments {
    let part = |label, text: &str| commitment(label, &salt(index), text.as_bytes());
    Commitments {
        actor: part(PartLabel::Actor, actor),
        subject: part(PartLabel::Subject, subject),
        answer: part(PartLabel::Answer, &answer_part(answer)),
    }
}

fn answer_part(answer: &str) -> String {
    json!({ "digest": digest(answer.as_bytes()).to_string() }).to_string()
}

fn salt(index: usize) -> [u8; 16] {
    (index as u128).to_be_bytes()
}
