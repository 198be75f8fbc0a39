//! append-only: whoever holds a reader of the access log has no way to append.

use disown::access_log::{Entry, Reader};

async fn append(reader: &Reader, entry: Entry) {
    let _ = reader.append(entry, &[]).await;
}

async fn note(reader: &Reader, entry: Entry) {
    let _ = reader.note(entry).await;
}

fn main() {}
