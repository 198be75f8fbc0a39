//! Contenders that are the merged database itself, asked by pgbench.

use crate::{
    cluster::{Cluster, Server},
    contender::{Contender, Started},
    ground::Ground,
    pgbench,
    question::{ROLE, asked, looked_up},
    recorded::Recorded,
    window::Figures,
};
use std::{fs, path::PathBuf, rc::Rc, time::Duration};

pub struct Queried {
    cluster: Rc<Cluster>,
    /// Beyond those that are the same for all.
    settings: Vec<String>,
    user: &'static str,
    script: String,
    recorded: Recorded,
}

/// The function that records and answers, with row-level security and column grants.
pub fn with_function(ground: &Ground) -> anyhow::Result<Box<dyn Contender>> {
    Ok(Box::new(Queried::new(ground.merged()?, ROLE, asked(), Recorded::InTable)?))
}

/// What the same look-up costs without any of it.
pub fn without_policy(ground: &Ground) -> anyhow::Result<Box<dyn Contender>> {
    Ok(Box::new(Queried::new(ground.merged()?, "without_policy", looked_up(), Recorded::Nowhere)?))
}

impl Queried {
    pub fn new(cluster: Rc<Cluster>, user: &'static str, script: String, recorded: Recorded) -> anyhow::Result<Self> {
        cluster.binaries.program("pgbench")?;
        Ok(Self { cluster, settings: Vec::new(), user, script, recorded })
    }

    pub fn with_settings(self, settings: Vec<String>) -> Self {
        Self { settings, ..self }
    }
}

impl Contender for Queried {
    fn start(&self) -> anyhow::Result<Box<dyn Started + '_>> {
        let settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        let server = self.cluster.start(&settings)?;
        let script = self.cluster.path("script");
        fs::write(&script, &self.script)?;
        Ok(Box::new(Running { server, script, queried: self }))
    }
}

struct Running<'a> {
    server: Server<'a>,
    script: PathBuf,
    queried: &'a Queried,
}

impl Started for Running<'_> {
    fn drive(&mut self, callers: usize, lasting: Duration) -> anyhow::Result<Figures> {
        let Self { server, script, queried } = self;
        queried.recorded.clear(server)?;
        let asking = (queried.user, script.as_path());
        let (figures, answers) = pgbench::drive(&queried.cluster, server.process(), asking, callers, lasting)?;
        queried.recorded.ensure(server, answers)?;
        Ok(figures)
    }
}
