//! A deployment that is filled up and measured, in turn.

use crate::{
    filling::{self, Filled},
    measured::{cluster::Server, deployed::Deployed, laid_out::LaidOut, running::Running},
    report::{Report, Unit},
    syncs,
};
use disown::{config::Config, dataset::Catalogue, pseudonym};
use std::{ffi::OsStr, fs, path::Path, sync::Arc, time::Duration};

pub struct Deployment(Deployed);

/// What the library needs of a deployment in order to do what its broker does.
pub struct Parts {
    pub config: Config,
    pub keyring: Arc<pseudonym::Keyring>,
    pub catalogue: Arc<Catalogue>,
}

/// Durable is what is measured; what fills it up is thrown away if it fails.
const FILLING: [&str; 7] = [
    // Indexes by what is random are written all over.
    "shared_buffers=2GB",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "autovacuum=off",
    "max_wal_size=1GB",
    "maintenance_work_mem=256MB",
];

impl Deployment {
    /// A broker has served once: its policy is in force.
    pub fn new() -> anyhow::Result<Self> {
        let deployment = Self(Deployed::new()?);
        drop(deployment.serve(&[])?);
        Ok(deployment)
    }

    pub fn laid_out(&self) -> &LaidOut {
        &self.0.laid_out
    }

    /// A folder that the server's account can read.
    pub fn sockets(&self) -> &Path {
        self.0.cluster.sockets()
    }

    pub fn parts(&self) -> anyhow::Result<Parts> {
        let config = Config::read(&self.laid_out().path("disown.toml"))?;
        let keyring = pseudonym::open(&fs::read_to_string(&config.keyring)?, &config.key_encryption_key.get()?)?;
        let catalogue = Catalogue::parse(&fs::read_to_string(config.policies.join("catalogue.toml"))?)?;
        Ok(Parts { config, keyring: Arc::new(keyring), catalogue: Arc::new(catalogue) })
    }

    /// Does that, everything else on this machine first.
    pub fn fill(&self, what: impl FnOnce(Parts) -> Filled + Send) -> anyhow::Result<()> {
        let server = self.0.cluster.start(&FILLING)?;
        server.give_way()?;
        let parts = self.parts()?;
        filling::give_way(|| what(parts))?;
        Deployed::settle(&server)?;
        drop(server);
        // Otherwise the first who is measured waits for the disk to have it all.
        rustix::fs::sync();
        Ok(())
    }

    /// What the disk does meanwhile: a query waits for one or two syncs.
    pub fn tell_syncs(&self, what: &str, report: &mut Report) -> anyhow::Result<()> {
        let syncs = syncs::a_second(&self.0.cluster.path(""), Duration::from_secs(2))?;
        report.figure(format!("{what}: 4 KiB written and synced"), syncs, Unit::PerSecond);
        Ok(())
    }

    /// Server and broker, with variables in the environment of the former.
    pub fn serve(&self, environment: &[(&str, &OsStr)]) -> anyhow::Result<Running<'_>> {
        Running::start(&self.0.laid_out, self.0.cluster.start_in(&[], environment)?)
    }

    /// The server alone.
    pub fn server(&self) -> anyhow::Result<Server<'_>> {
        self.0.cluster.start(&[])
    }
}
