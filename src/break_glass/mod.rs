//! Breaking glass: somebody's vital interests need more than the terms of access show, at once. Who does it says why, with a fresh token,
//! for one subject and a short time; the data protection officer is told at once and reviews it, and until then it cannot be done again.

mod office;
mod standing;

pub use standing::{Use, Uses, What};
