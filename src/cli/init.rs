//! `disownctl init`.

use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    deployment::{Layout, lay_out, make_stores},
    entropy::SystemEntropy,
};
use clap::Args;
use jiff::tz::TimeZone;
use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

/// Lay out a deployment.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Where; it may be there, without a deployment in it.
    directory: PathBuf,
    /// Where the broker will listen.
    #[arg(long, default_value = "127.0.0.1:7443")]
    listen: SocketAddr,
    /// Name of the access log, in every checkpoint and receipt: a name of yours that nobody else uses.
    #[arg(long, default_value = "disown.example/access-log")]
    log_name: String,
    /// With an issuer of tokens for anybody, for development on this machine only.
    #[arg(long)]
    development: bool,
    /// A host of PostgreSQL where the databases will be, `db1.example:5432`, or the folder of its socket; several may be given. Without
    /// one each database is a file.
    #[arg(long)]
    postgres: Vec<String>,
}

impl Init {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Init { directory, listen, log_name, development, postgres } = self;
        let layout = Layout { directory: directory.clone(), listen, log_name, development, postgres: postgres.clone() };
        lay_out(&layout, SystemClock.now().to_zoned(TimeZone::system()).date(), &SystemEntropy)?;
        if postgres.is_empty() {
            make_stores(&Config::read(&directory.join("disown.toml"))?, None, None, &SystemEntropy).await?;
        }
        let at = directory.display();
        println!("A deployment is laid out in {at}.");
        println!("  {at}/disown.toml         read it first: it says what is where");
        println!("  {at}/policies/           who may see what; the agreements are drafts that begin today");
        println!("  {at}/key-encryption-key  keep it apart from the rest");
        println!("  {at}/log.vkey            give it to everybody: receipts and the access log are verified with it");
        if !postgres.is_empty() {
            println!("Make the databases with: disownctl database init --config {at}/disown.toml --admin postgres://…");
        }
        if development {
            println!("Serve with: disownctl serve --config {at}/disown.toml --development");
        } else {
            println!(
                "Put your issuer and its keys (jwks.json) and your certificate into it, then: disownctl serve --config {at}/disown.toml"
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
