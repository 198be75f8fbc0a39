//! A deployment of the broker with its databases, empty at first.

use super::{
    cluster::{Cluster, KEEPER, Server, succeed},
    laid_out::LaidOut,
};
use std::process::Command;

/// What is measured is the binary that people run.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_disownctl");

pub struct Deployed {
    pub cluster: Cluster,
    pub laid_out: LaidOut,
}

impl Deployed {
    pub fn new() -> anyhow::Result<Self> {
        let cluster = Cluster::init()?;
        let laid_out = LaidOut::new(&cluster)?;
        let admin = format!("postgres:///postgres?host={}&user={KEEPER}", cluster.sockets().display());
        let mut init = Command::new(PROGRAM);
        init.args(["database", "init", "--admin", &admin, "--config"]).arg(laid_out.path("disown.toml"));
        {
            let _server = cluster.start(&[])?;
            succeed(&mut init)?;
        }
        Ok(Self { cluster, laid_out })
    }

    /// Has the planner know how much there is of what.
    pub fn settle(server: &Server<'_>) -> anyhow::Result<()> {
        for database in ["disown_people", "disown_clinical", "disown_public_health", "disown_control"] {
            server.query_in(KEEPER, database, "VACUUM ANALYZE")?;
        }
        Ok(())
    }
}
