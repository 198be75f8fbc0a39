//! Subjects that are watched: protected persons, callers themselves, and honey subjects whom nobody has a reason to look up. Looking
//! them up raises an alarm; for the first two a second person has to allow it before (R21).

mod office;
mod standing;

pub use office::LookUp;
pub use standing::{Leave, Watch, Watched, What, Why};
