//! Work that gives way to whatever else the machine does.

use crate::measured::cluster::GIVING_WAY;
use anyhow::anyhow;
use std::{pin::Pin, thread};

/// Fills something up.
pub type Filled = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

pub fn give_way(work: impl FnOnce() -> Filled + Send) -> anyhow::Result<()> {
    // Where that is refused it takes its share of the processors.
    let last = || {
        let _ = rustix::process::nice(GIVING_WAY);
    };
    // Not on this thread, whose priority stays.
    let filling = || {
        last();
        let runtime = tokio::runtime::Builder::new_multi_thread().on_thread_start(last).enable_all().build()?;
        runtime.block_on(work())
    };
    thread::scope(|scope| scope.spawn(filling).join()).map_err(|_| anyhow!("filling panicked"))?
}
