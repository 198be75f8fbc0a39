//! 8. Record: the entry, with the digest of exactly the bytes of the answer, becomes durable.

use super::{Redacted, Unanswered};
use crate::{
    access_log::{Receipt, Unavailable},
    control::{Control, ControlError},
    policy::{Denial, Refusal},
};

/// Appends the entry of an answer and gives the receipt that its release needs.
///
/// A crash before this returns leaves at most an entry without an answer: "release authorised", which is the safe side.
#[tracing::instrument(skip_all)]
pub(super) async fn record(redacted: &Redacted, control: &Control) -> Result<Receipt, Unanswered> {
    let entry = &redacted.entry;
    match control.record(entry.clone(), redacted.digest()).await {
        // Others reached the limit since it was looked at.
        Err(ControlError::Unavailable(Unavailable::AboveLimit)) => {
            let asked = Box::new(entry.asked().ok_or(Unanswered::Fault)?);
            Err(Unanswered::Denied(Denial { refusal: Refusal::Limit, asked }))
        }
        recorded => Ok(recorded?),
    }
}
