//! What can be measured.

use crate::window::Figures;
use std::time::Duration;

/// Something that answers the question, made ready once.
pub trait Contender {
    /// Starts its processes.
    fn start(&self) -> anyhow::Result<Box<dyn Started + '_>>;
}

/// Its processes run, until this is dropped.
pub trait Started {
    /// So many callers ask, each waiting for its answer before it asks again. After a warm-up, what happens in a window of this
    /// length counts.
    fn drive(&mut self, callers: usize, lasting: Duration) -> anyhow::Result<Figures>;
}
