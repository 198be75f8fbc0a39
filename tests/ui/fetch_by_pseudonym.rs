//! fail-closed: a store fetches by an address, which a grant stands behind, and by nothing else.

use disown::{dataset::Store, pseudonym::Pseudonym};

async fn fetch(store: &dyn Store, pseudonym: &Pseudonym) {
    let _ = store.fetch(pseudonym).await;
}

fn main() {}
