//! fail-closed: a store fetches by an address, which a grant stands behind, and by nothing else.

use disown::{dataset::SqliteDataset, pseudonym::Pseudonym};

async fn fetch(store: &SqliteDataset, pseudonym: &Pseudonym) {
    let _ = store.fetch(pseudonym).await;
}

fn main() {}
