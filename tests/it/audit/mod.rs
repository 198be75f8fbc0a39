//! Reading the access log.

mod by_subject;
mod count;
mod lapse;
mod proofs;
mod refusals;
mod search;
