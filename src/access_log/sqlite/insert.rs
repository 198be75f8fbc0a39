//! The rows of a batch, as SQLite takes them.

use crate::access_log::{
    batch::{Batch, NewEntry},
    epoch::{Epoch, SealedEpoch},
    leaf::Commitments,
};
use sqlx::SqliteConnection;

pub(super) async fn insert_entry(
    connection: &mut SqliteConnection,
    entry: &NewEntry,
    commitments: &Commitments,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO entry (idx, actor, actor_salt, subject, subject_salt, answer, answer_salt, actor_commitment, \
         subject_commitment, answer_commitment, leaf) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )
    .bind(entry.index as i64)
    .bind(&entry.actor.text)
    .bind(&entry.actor.salt[..])
    .bind(&entry.subject.text)
    .bind(&entry.subject.salt[..])
    .bind(&entry.answer.text)
    .bind(&entry.answer.salt[..])
    .bind(&commitments.actor.as_bytes()[..])
    .bind(&commitments.subject.as_bytes()[..])
    .bind(&commitments.answer.as_bytes()[..])
    .bind(&commitments.leaf().as_bytes()[..])
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn insert_head(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO head (size, predecessor, root, epoch, epoch_seal, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .bind(batch.size as i64)
        .bind(batch.predecessor as i64)
        .bind(&batch.root.as_bytes()[..])
        .bind(batch.epoch.number as i64)
        .bind(&batch.epoch.seal[..])
        .bind(&batch.seal[..])
        .execute(connection)
        .await
        .map(drop)
}

pub(super) async fn insert_checkpoint(
    connection: &mut SqliteConnection,
    size: u64,
    note: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO checkpoint (size, note) VALUES (?1, ?2) ON CONFLICT (size) DO NOTHING")
        .bind(size as i64)
        .bind(note)
        .execute(connection)
        .await
        .map(drop)
}

pub(super) async fn insert_epoch(
    connection: &mut SqliteConnection,
    Epoch { sealed: SealedEpoch { number, seal }, opened: epoch }: &Epoch,
) -> Result<(), sqlx::Error> {
    let number = *number as i64;
    sqlx::query("INSERT INTO epoch (number, policy_version, files, seal) VALUES (?1, ?2, ?3, ?4)")
        .bind(number)
        .bind(&epoch.policy_version)
        .bind(&epoch.files)
        .bind(&seal[..])
        .execute(&mut *connection)
        .await?;
    for text in &epoch.archive {
        sqlx::query(
            "INSERT INTO archive (version, name, content) VALUES (?1, ?2, ?3) ON CONFLICT (version, name) DO NOTHING",
        )
        .bind(&text.version)
        .bind(&text.name)
        .bind(&text.content)
        .execute(&mut *connection)
        .await?;
    }
    for act in &epoch.acts {
        sqlx::query(
            "INSERT INTO act (matter, number, epoch, deed, object, approver, reason, signature) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .bind(act.matter.to_string())
        .bind(act.number as i64)
        .bind(number)
        .bind(act.deed.name())
        .bind(act.deed.object())
        .bind(act.approver.as_str())
        .bind(&act.reason)
        .bind(&act.signature[..])
        .execute(&mut *connection)
        .await?;
    }
    for event in &epoch.events {
        sqlx::query("INSERT INTO event (about, number, epoch, what) VALUES (?1, ?2, ?3, ?4)")
            .bind(event.about.to_string())
            .bind(event.number as i64)
            .bind(number)
            .bind(&event.what)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
