//! Putting data in.

mod forms;
mod lapse;
mod recording;
mod rules;
