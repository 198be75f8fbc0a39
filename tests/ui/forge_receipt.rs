//! log-before-release: a receipt comes out of the access log and is not put together by hand.

use disown::access_log::{Receipt, checkpoint::Checkpoint, leaf::Part, merkle::Hash};

fn forge(actor: Part, answer: Part, covers: Hash, subject_commitment: Hash, checkpoint: Checkpoint) -> Receipt {
    Receipt { index: 0, actor, subject_commitment, answer, covers, inclusion: vec![], checkpoint }
}

fn main() {}
