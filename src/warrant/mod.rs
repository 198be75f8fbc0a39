//! Warrants: the only way in which law enforcement reaches what the catalogue marks `law_enforcement = "warrant"` (CS4). A court's warrant is registered by one person and entered
//! again, from the document, by another; it names subjects, fields, days and a number of uses, and each use is counted with its entry.

mod office;
mod standing;

pub use office::{Entered, ShownWarrant};
pub use standing::{Terms, Warrant, Warrants, What};
