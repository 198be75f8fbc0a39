//! Putting data in.

mod duplicates;
mod forms;
mod lapse;
mod recording;
mod rules;
