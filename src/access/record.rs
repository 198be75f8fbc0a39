//! 8. Record: the entry, with the digest of exactly the bytes of the answer, becomes durable.

use super::Redacted;
use crate::{
    access_log::Receipt,
    control::{Control, ControlError},
};

/// Appends the entry of an answer and gives the receipt that its release needs.
///
/// A crash before this returns leaves at most an entry without an answer: "release authorised", which is the safe side.
#[tracing::instrument(skip_all)]
pub(super) async fn record(redacted: &Redacted, control: &Control) -> Result<Receipt, ControlError> {
    control.record(redacted.entry.clone(), redacted.digest()).await
}
