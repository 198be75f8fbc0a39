//! Reading the access log.

mod proofs;
mod refusals;
mod search;
