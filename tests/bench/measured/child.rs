//! Processes that end with their guards.

use rustix::process::{Pid, Signal, kill_process};
use std::process::Child;

pub struct Guard {
    pub child: Child,
    /// What tells it to end.
    end: Signal,
}

impl Guard {
    pub fn new(child: Child, end: Signal) -> Self {
        Self { child, end }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // While it was not waited for, its id is no other process's.
        if let (Ok(None), Some(id)) = (self.child.try_wait(), Pid::from_raw(self.child.id().cast_signed())) {
            let _ = kill_process(id, self.end);
        }
        let _ = self.child.wait();
    }
}
