//! `disownctl database` and `disownctl migrate`.

use crate::{
    config::{Config, PostgresConfig},
    dataset::Catalogue,
    deployment::make_stores,
    entropy::SystemEntropy,
};
use anyhow::Context;
use clap::{Args, Subcommand};
use sqlx::postgres::PgConnectOptions;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// The databases of a deployment.
#[derive(Debug, Subcommand)]
pub(super) enum Database {
    /// Make the stores that were never made: files, or on servers databases and roles, each with what its duty needs; what is there is
    /// brought up to date. A store that was made and is not there any more is not made anew.
    Init(Admin),
}

/// As whom, and where.
#[derive(Debug, Args)]
pub(super) struct Admin {
    /// The configuration.
    #[arg(long, default_value = "disown.toml")]
    config: PathBuf,
    /// An administrator, who may create roles and databases: `postgres://postgres@HOST/postgres`, or
    /// `postgres:///postgres?host=/run/postgresql`. Not needed where the databases are files.
    #[arg(long, env = "DISOWN_ADMIN", hide_env_values = true)]
    admin: Option<String>,
    /// Only this dataset, or `control`: where the databases are on different servers.
    #[arg(long)]
    only: Option<String>,
}

/// Bring the layout of the databases up to date.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Say what is missing, as the broker's own roles, and change nothing.
    #[arg(long)]
    check: bool,
    /// The configuration.
    #[arg(long, default_value = "disown.toml")]
    config: PathBuf,
    /// An administrator, as for `disownctl database init`.
    #[arg(long, env = "DISOWN_ADMIN", hide_env_values = true, required_unless_present = "check")]
    admin: Option<String>,
    /// Only this dataset, or `control`.
    #[arg(long)]
    only: Option<String>,
}

impl Database {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Database::Init(Admin { config, admin, only }) = self;
        let admin: Option<PgConnectOptions> =
            admin.map(|admin| admin.parse().context("--admin is not the address of a server")).transpose()?;
        for name in make_stores(&Config::read(&config)?, admin.as_ref(), only.as_deref(), &SystemEntropy).await? {
            println!("{name}: ready");
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Migrate {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let (postgres, catalogue) = read(&self.config)?;
        if self.check {
            return check(&postgres, &catalogue).await;
        }
        let admin: PgConnectOptions =
            self.admin.unwrap_or_default().parse().context("--admin is not the address of a server")?;
        for database in postgres.provisions(&catalogue, self.only.as_deref())? {
            database.migrate(&admin).await?;
            println!("{}: up to date", database.database);
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn check(postgres: &PostgresConfig, catalogue: &Catalogue) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for (server, schema) in postgres.schemas(catalogue)? {
        let mut connection = server.connect().await.with_context(|| server.name().to_owned())?;
        match schema.check(&mut connection).await {
            Ok(()) => println!("{}: up to date", server.name()),
            Err(unknown) => {
                println!("{}: {unknown}", server.name());
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn read(config: &Path) -> anyhow::Result<(PostgresConfig, Catalogue)> {
    let config = Config::read(config)?;
    let path = config.policies.join("catalogue.toml");
    let catalogue = Catalogue::parse(&std::fs::read_to_string(&path).with_context(|| path.display().to_string())?)?;
    let postgres = config.postgres.context(
        "the configuration has no `[postgres]`: the databases are files, which the broker lays out itself when it starts",
    )?;
    Ok((postgres, catalogue))
}
