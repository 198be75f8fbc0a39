//! 9. Release: the only thing that the edge can give away.

use super::Redacted;
use crate::access_log::Receipt;

/// An answer that may leave, with its receipt.
///
/// INVARIANT (log-before-release): made of a `Redacted` and a `Receipt`, both spent on it, by `release` only.
#[expect(missing_debug_implementations, reason = "holds what a recipient gets")]
pub struct Released {
    answer: Vec<u8>,
    receipt: Receipt,
    lacks: bool,
}

/// The receipt is that of other bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the receipt does not cover this answer")]
pub struct ReceiptMismatch;

/// Spends an answer and its receipt.
#[tracing::instrument(skip_all)]
pub fn release(redacted: Redacted, receipt: Receipt) -> Result<Released, ReceiptMismatch> {
    if *receipt.covers() != redacted.digest() {
        return Err(ReceiptMismatch);
    }
    Ok(Released { answer: redacted.bytes, receipt, lacks: redacted.lacks })
}

impl Released {
    /// Whether there is no record of some type that was asked for and granted.
    pub fn lacks(&self) -> bool {
        self.lacks
    }

    /// The bytes and the receipt, for the response message.
    pub fn into_parts(self) -> (Vec<u8>, Receipt) {
        (self.answer, self.receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::{Entry, digest, scratch::scratch};

    #[tokio::test]
    async fn a_receipt_releases_the_bytes_that_it_covers_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let log = scratch(folder.path()).await;
        for (bytes, covered, fits) in [(b"answer", b"answer", true), (b"answer", b"amswer", false)] {
            let redacted = Redacted::new(bytes.to_vec(), Entry::administration("test"), false);
            let receipt = log.appender.append(redacted.entry.clone(), digest(covered)).await.unwrap();
            assert_eq!(release(redacted, receipt).is_ok(), fits);
        }
    }
}
