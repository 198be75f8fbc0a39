//! The broker itself: three datasets in databases of their own, the answer linked, redacted and recorded, with TLS, token and receipt.

use crate::{
    contender::{Contender, Started},
    deployed::Deployed,
    ground::Ground,
    loaded,
    question::SUBJECTS,
    running::Running,
    window::Figures,
};
use std::time::Duration;

pub fn prepare(_: &Ground) -> anyhow::Result<Box<dyn Contender>> {
    let deployed = Deployed::new()?;
    {
        let running = Running::start(&deployed.laid_out, deployed.cluster.start(&[])?)?;
        running.runtime.block_on(loaded::fill(&running.address, &running.tls, &deployed.laid_out))?;
        Deployed::settle(&running.server)?;
    }
    Ok(Box::new(deployed))
}

impl Contender for Deployed {
    fn start(&self) -> anyhow::Result<Box<dyn Started + '_>> {
        Ok(Box::new(Running::start(&self.laid_out, self.cluster.start(&[])?)?))
    }
}

impl Started for Running<'_> {
    fn drive(&mut self, callers: usize, lasting: Duration) -> anyhow::Result<Figures> {
        Running::drive(self, SUBJECTS, callers, lasting)
    }
}
