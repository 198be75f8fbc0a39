//! `disown policy`.

use crate::policy::{self, PolicyFiles};
use clap::Subcommand;
use std::{path::PathBuf, process::ExitCode};

/// Check a policy.
#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Read a policy folder strictly, hold it against its red lines and run its cases, as a broker does when it starts.
    Check {
        /// The folder.
        #[arg(default_value = "policies")]
        folder: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Policy {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Policy::Check { folder, json } = self;
        let checked = policy::Policy::load(PolicyFiles::read(&folder)?).await?;
        let agreements = checked.agreements().count();
        if json {
            let summary =
                serde_json::json!({ "version": checked.version, "agreements": agreements, "cases": checked.cases });
            println!("{summary}");
        } else {
            println!(
                "policy {}: {agreements} agreements, {} cases pass, no red line is crossed",
                checked.version, checked.cases
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
