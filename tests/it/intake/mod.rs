//! Putting data in.

mod forms;
mod recording;
mod rules;
