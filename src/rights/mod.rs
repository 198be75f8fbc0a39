//! What subjects are entitled to: that the use of what is held on them is restricted (R-RES; JR article 33). Each restriction stands by
//! itself, until the subject has been told and it is lifted; while one at least stands nobody is answered about the subject.

mod office;
mod standing;
#[cfg(test)]
mod tests;

pub use office::{Listed, NewRestriction};
pub(crate) use office::{TOLD_ON, UNKNOWN};
pub use standing::{Ground, OfSubject, Restricted, Restriction, What};
