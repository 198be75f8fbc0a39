//! Entries put into the access log as its appender leaves them: salted, hashed, each batch with its sealed head and signed checkpoint.
//! Many batches go in at once; that is all in which they differ. Each is the entry of an inspection that looked for one subject.

use crate::{copied::Rows, deployment::Parts};
use anyhow::Context;
use disown::{
    access_log::{
        Reader, digest,
        leaf::{Commitments, Part, PartLabel},
        merkle::{Frontier, Hash},
    },
    clock::{Clock, SystemClock},
    entropy::{Entropy, SystemEntropy},
};
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;

/// As many as waited for the appender together where 256 callers asked.
const BATCH: u64 = 100;
const AT_ONCE: u64 = 20_000;

#[derive(Default)]
struct Chunk {
    entries: Rows,
    nodes: Rows,
    heads: Rows,
    checkpoints: Rows,
}

/// Fills the log up to so many entries.
pub async fn put_in(parts: Parts, until: u64) -> anyhow::Result<()> {
    let postgres = parts.config.postgres.as_ref().context("a deployment without servers")?;
    let reader = Reader::on(postgres.reader()?);
    let (size, epoch) = (reader.size().await?, reader.in_force(None).await?.context("nothing is in force")?.epoch);
    let mut connection = postgres.appender()?.connect().await?;
    let frontier = right_edge(&mut connection, size).await?;
    let (ready, mut coming) = mpsc::channel(1);
    let epoch = (epoch, last_seal(&mut connection).await?);
    let writing = tokio::spawn(write(parts, frontier, epoch, until, ready));
    while let Some(Chunk { entries, nodes, heads, checkpoints }) = coming.recv().await {
        let mut transaction = connection.begin().await?;
        for (statement, rows) in [
            (
                "COPY entry (idx, actor, actor_salt, subject, subject_salt, answer, answer_salt, actor_commitment, \
                 subject_commitment, answer_commitment, leaf) FROM STDIN (FORMAT binary)",
                entries,
            ),
            ("COPY node (level, position, hash) FROM STDIN (FORMAT binary)", nodes),
            ("COPY head (size, predecessor, root, epoch, epoch_seal, seal) FROM STDIN (FORMAT binary)", heads),
            ("COPY checkpoint (size, note) FROM STDIN (FORMAT binary)", checkpoints),
        ] {
            let mut copy = transaction.copy_in_raw(statement).await?;
            copy.send(rows.end()).await?;
            copy.finish().await?;
        }
        transaction.commit().await?;
    }
    writing.await?
}

/// That of the epoch in force: everything that goes in is of that one.
async fn last_seal(connection: &mut PgConnection) -> anyhow::Result<[u8; 32]> {
    let seal: Vec<u8> =
        sqlx::query_scalar("SELECT seal FROM epoch ORDER BY number DESC LIMIT 1").fetch_one(connection).await?;
    Ok(seal.as_slice().try_into()?)
}

async fn right_edge(connection: &mut PgConnection, size: u64) -> anyhow::Result<Frontier> {
    let mut hashes = Vec::new();
    for id in Frontier::nodes_of(size) {
        let statement = match id.level {
            0 => "SELECT leaf FROM entry WHERE idx = $2 AND $1 = 0::bigint",
            _ => "SELECT hash FROM node WHERE level = $1 AND position = $2",
        };
        let place = sqlx::query_scalar(statement).bind(i64::from(id.level)).bind(id.position.cast_signed());
        let hash: Vec<u8> = place.fetch_one(&mut *connection).await?;
        hashes.push(Hash::try_from(hash.as_slice())?);
    }
    Ok(Frontier::at(size, hashes)?)
}

/// Makes the rows, while those before are on their way.
async fn write(
    parts: Parts,
    mut frontier: Frontier,
    (epoch, epoch_seal): (u64, [u8; 32]),
    until: u64,
    ready: mpsc::Sender<Chunk>,
) -> anyhow::Result<()> {
    let (begun, mut predecessor) = (SystemClock.now(), frontier.size());
    while frontier.size() < until {
        let mut chunk = Chunk::default();
        let end = until.min(frontier.size() + AT_ONCE);
        while frontier.size() < end {
            let index = frontier.size();
            let time = begun + jiff::SignedDuration::from_micros(index.cast_signed());
            let [actor, subject, answer] = stamped(index, &format!("{time:.6}"), epoch)?;
            let commitments = Commitments {
                actor: actor.commitment(PartLabel::Actor),
                subject: subject.commitment(PartLabel::Subject),
                answer: answer.commitment(PartLabel::Answer),
            };
            let row = chunk.entries.row(11).number(index);
            for part in [actor, subject, answer] {
                row.bytes(part.text.as_bytes()).bytes(&part.salt);
            }
            for hash in [commitments.actor, commitments.subject, commitments.answer, commitments.leaf()] {
                row.bytes(hash.as_bytes());
            }
            for (id, hash) in frontier.push(commitments.leaf()) {
                chunk.nodes.row(3).number(id.level.into()).number(id.position).bytes(hash.as_bytes());
            }
            let size = frontier.size();
            if size - predecessor == BATCH || size == end {
                let root = frontier.root();
                let seal = parts.keyring.seal_head(predecessor, size, &root, (epoch, &epoch_seal)).await;
                let head = chunk.heads.row(6).number(size).number(predecessor).bytes(root.as_bytes());
                head.number(epoch).bytes(&epoch_seal).bytes(&seal);
                let checkpoint = parts.keyring.sign(size, &root).await;
                chunk.checkpoints.row(2).number(size).bytes(checkpoint.note().as_bytes());
                predecessor = size;
            }
        }
        if ready.send(chunk).await.is_err() {
            // What went wrong is told there.
            return Ok(());
        }
    }
    Ok(())
}

/// Actor, subject and answer.
fn stamped(index: u64, time: &str, epoch: u64) -> anyhow::Result<[Part; 3]> {
    let entropy: &dyn Entropy = &SystemEntropy;
    let (version, tag) = ("5a".repeat(32), format!("{:032x}", index % 10_000));
    let texts = [
        format!(
            "{{\"agreement_version\":\"{version}\",\"broker\":\"broker\",\"caller\":\"an.auditor\",\
             \"case_reference\":\"MS-000001\",\"control_epoch\":{epoch},\"event\":\"one subject\",\"handling\":\"{version}\",\
             \"kind\":\"inspection\",\"organisation\":\"government-of-jersey\",\"outcome\":\"searched\",\
             \"policy_version\":\"{version}\",\"purpose\":\"oversight\",\"role\":\"auditor\",\"time\":\"{time}\",\
             \"trace\":\"{tag}\"}}"
        ),
        format!("{{\"month\":\"2026-11\",\"tag\":\"{tag}\"}}"),
        format!("{{\"digest\":\"{}\"}}", digest(&[])),
    ];
    let salts: [u8; 48] = entropy.bytes()?;
    let mut parts = texts.into_iter().zip(salts.chunks_exact(16));
    let mut part = || {
        let (text, salt) = parts.next().context("three parts")?;
        anyhow::Ok(Part { text, salt: salt.try_into()? })
    };
    Ok([part()?, part()?, part()?])
}
