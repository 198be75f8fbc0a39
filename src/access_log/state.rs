//! Whether the access log can be written.

/// What readiness goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogState {
    /// The last append succeeded.
    Ready,
    /// The last append failed and left nothing behind. Answers are refused until one succeeds; no restart is needed.
    Unwritable(String),
    /// Nobody can say what is in the log. The broker stops; the next start reads what is there.
    Unknown(String),
}

/// No receipt, hence no release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The access log cannot be written.
    #[error("the access log cannot be written")]
    Unwritable,
    /// Too many wait for it.
    #[error("the access log has too many waiting")]
    Overloaded,
    /// As much was told today as may be: others were faster.
    #[error("a limit of the day was reached while the request was under way")]
    AboveLimit,
    /// The policy changed while the request was under way.
    #[error("the policy changed while the request was under way")]
    EpochMoved,
    /// A text of the entry could hold a subject identifier.
    #[error("a text that was to be written down could hold a subject identifier")]
    NamesSubject,
}
