//! What subjects are entitled to.

mod restrict;

pub use restrict::{Change, Ground};

use crate::{access_log::Appender, clock::Clock, control::Control, pseudonym::Keyring};
use jiff::tz::TimeZone;
use std::sync::Arc;

/// What carries out the rights of subjects.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Rights {
    /// What is in force, which a restriction changes.
    pub(crate) control: Arc<Control>,
    /// The keys.
    pub(crate) keyring: Arc<Keyring>,
    /// The access log.
    pub(crate) log: Appender,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// The island's time zone.
    pub(crate) zone: TimeZone,
}
