//! log-before-release: a receipt cannot be doubled, nor had without an entry.

use disown::access_log::Receipt;

fn double(receipt: &Receipt) -> (Receipt, Receipt) {
    (receipt.clone(), Receipt::default())
}

fn main() {}
