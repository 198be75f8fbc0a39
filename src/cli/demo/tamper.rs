//! One byte of a copy of the access log, flipped.

use crate::{
    access_log::{checkpoint::LogKey, verify::verify_database},
    database,
};
use anyhow::Context;
use sqlx::{ConnectOptions, Connection};
use std::{fs, path::Path};

pub(super) async fn show(base: &Path, key: &LogKey) -> anyhow::Result<()> {
    let copy = base.join("copy.sqlite");
    for suffix in ["", "-wal"] {
        fs::copy(base.join(format!("data/control.sqlite{suffix}")), base.join(format!("copy.sqlite{suffix}")))?;
    }
    // To open it for writing and close it moves what is in the write-ahead log into the file.
    database::sqlite::writable(&copy).connect().await?.close().await?;
    let verified = verify_database(&copy, key).await?;
    println!("   as it is:         {} entries hashed again, signed up to {}", verified.entries, verified.signed);
    let mut bytes = fs::read(&copy)?;
    let text = b"\"caller\":\"pc.vautier\"";
    let at = bytes.windows(text.len()).position(|window| window == text).context("no entry to alter")? + text.len() - 2;
    bytes[at] ^= 1;
    fs::write(&copy, bytes)?;
    match verify_database(&copy, key).await {
        Ok(_) => anyhow::bail!("an altered access log was taken for genuine"),
        Err(error) => println!("   one byte flipped: {error}"),
    }
    Ok(())
}
