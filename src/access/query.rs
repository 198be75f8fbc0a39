//! A checked question.

use crate::{
    policy::{Asked, Terms},
    pseudonym::SubjectIdentifier,
};

/// A question about one subject: in form, not yet in right.
#[expect(missing_debug_implementations, reason = "holds a direct identifier")]
pub struct Query {
    /// Under which terms.
    pub terms: Terms,
    /// About whom.
    pub subject: Subject,
    /// For what.
    pub asked: Asked,
}

/// Whom a question is about.
#[expect(missing_debug_implementations, reason = "holds a direct identifier")]
pub enum Subject {
    /// By a direct identifier.
    Identifier(SubjectIdentifier),
    /// By a handle from an earlier answer.
    Handle(String),
}
