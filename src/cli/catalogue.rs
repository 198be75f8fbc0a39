//! `disown catalogue`.

use crate::dataset::{Catalogue, ddl};
use anyhow::Context;
use clap::Subcommand;
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
    },
}

impl CatalogueCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let CatalogueCommand::Ddl { dataset, catalogue: path } = self;
        let catalogue = Catalogue::parse(&std::fs::read_to_string(&path).with_context(|| path.display().to_string())?)?;
        let (_, spec) =
            catalogue.dataset_named(&dataset).with_context(|| format!("`{dataset}` is no dataset of the catalogue"))?;
        print!("{}", ddl(&catalogue, spec));
        Ok(ExitCode::SUCCESS)
    }
}
