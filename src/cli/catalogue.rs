//! `disownctl catalogue`.

use crate::{
    database::Engine,
    dataset::{Catalogue, ddl},
};
use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use std::{path::PathBuf, process::ExitCode};

/// What the catalogue needs of a database.
#[derive(Debug, Subcommand)]
pub(super) enum CatalogueCommand {
    /// Print the tables that a dataset needs.
    Ddl {
        /// The dataset.
        dataset: String,
        /// The catalogue.
        #[arg(long, default_value = "policies/catalogue.toml")]
        catalogue: PathBuf,
        /// For which engine.
        #[arg(long, default_value = "sqlite")]
        engine: EngineArgument,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum EngineArgument {
    Sqlite,
    Postgres,
}

impl From<EngineArgument> for Engine {
    fn from(argument: EngineArgument) -> Self {
        match argument {
            EngineArgument::Sqlite => Engine::Sqlite,
            EngineArgument::Postgres => Engine::Postgres,
        }
    }
}

impl CatalogueCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let CatalogueCommand::Ddl { dataset, catalogue: path, engine } = self;
        let catalogue = Catalogue::parse(&std::fs::read_to_string(&path).with_context(|| path.display().to_string())?)?;
        let (_, spec) =
            catalogue.dataset_named(&dataset).with_context(|| format!("`{dataset}` is no dataset of the catalogue"))?;
        print!("{}", ddl(&catalogue, spec, engine.into()));
        Ok(ExitCode::SUCCESS)
    }
}
