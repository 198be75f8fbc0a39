//! The command line.

mod agreement;
mod break_glass;
mod catalogue;
mod client;
mod database;
mod demo;
mod describe;
mod init;
mod keys;
pub mod load;
mod log;
pub mod log_offline;
mod log_replay;
mod log_search;
mod output;
mod policy;
mod policy_diff;
mod query;
pub mod receipt;
mod rights;
mod serve;
mod subject;
mod table;
mod token;
mod warrant;
mod watch;

use crate::{
    app::AppError,
    config::InvalidConfig,
    memory,
    telemetry::{self, Telemetry},
};
use anyhow::Context;
use clap::{Parser, Subcommand};
use std::{process::ExitCode, time::Duration};

/// A gRPC broker that keeps datasets apart, links them for one answer, and records every access before it is released.
#[derive(Debug, Parser)]
#[command(name = "disownctl", version, about)]
struct Arguments {
    /// What the broker says about itself on standard error: error, warn, info, debug, trace, or directives.
    #[arg(long, global = true, default_value = "warn", env = "DISOWN_TELEMETRY")]
    telemetry: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Three datasets in a temporary directory, a broker on loopback, the same question asked in several roles.
    Demo(demo::Demo),
    /// Lay out a deployment: configuration, keyring, policies and agreements to start from.
    Init(init::Init),
    /// Serve, from a configuration.
    Serve(serve::Serve),
    /// Put a file of records in.
    Load(load::Load),
    /// What may be asked for under which terms, and what binds who asks.
    Describe(describe::Describe),
    /// Ask one question.
    Query(query::Query),
    /// Restrict the use of what is held on a subject, and lift that.
    #[command(subcommand)]
    Rights(rights::Rights),
    /// Propose, approve and stop agreements, and see where they stand.
    #[command(subcommand)]
    Agreement(agreement::Agreement),
    /// Register warrants of courts, enter them again, revoke them.
    #[command(subcommand)]
    Warrant(warrant::Warrant),
    /// Watch subjects whose look-ups raise an alarm, and allow look-ups as a second person.
    #[command(subcommand)]
    Watch(watch::Watch),
    /// For somebody's vital interests, ask for more than the terms show; and review who did.
    #[command(subcommand)]
    BreakGlass(break_glass::BreakGlass),
    /// Search, verify and export the access log; check receipts.
    #[command(subcommand)]
    Log(log::Log),
    /// Check a policy, and explain what it decides.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// What the catalogue needs of a database.
    #[command(subcommand)]
    Catalogue(catalogue::CatalogueCommand),
    /// Databases on servers of PostgreSQL.
    #[command(subcommand)]
    Database(database::Database),
    /// Bring the layout of the databases up to date.
    Migrate(database::Migrate),
    /// The keys of a deployment.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// A token of the development issuer.
    Token(token::Token),
}

/// Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 done in part, 64 the configuration is wrong (`EX_USAGE`), 74 the
/// access log's state is unknown (`EX_IOERR`).
const IN_PART: u8 = 3;
const CONFIGURATION: u8 = 64;
const LOG_STATE_UNKNOWN: u8 = 74;
const WRONG_USE: u8 = 2;

/// A command that is not used as it has to be, where that is seen after the command line was parsed.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{0}")]
struct WrongUse(&'static str);

/// So long may an orderly end of a broker wait for somebody to read what it said.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Parses the command line, does what it says, and gives the exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let telemetry = match telemetry::start(&arguments.telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("disownctl: {error}");
            return ExitCode::from(WRONG_USE);
        }
    };
    telemetry::quiet_panics();
    let serves = matches!(arguments.command, Command::Serve(_));
    let code = match begin(arguments.command, &telemetry) {
        Ok(code) => code,
        Err(error) => {
            telemetry.say(&format!("disownctl: {}", client::explain(&error)));
            ExitCode::from(exit_code(&error))
        }
    };
    // A person reads what a command says in their own time; a broker waits for nobody.
    telemetry.end(serves.then_some(LAST_LINES));
    code
}

fn begin(command: Command, telemetry: &Telemetry) -> anyhow::Result<ExitCode> {
    memory::keep_private().context("the system does not let the memory of this process be kept private")?;
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(command, telemetry))
}

async fn run(command: Command, telemetry: &Telemetry) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(demo) => demo.run().await,
        Command::Init(init) => init.run().await,
        Command::Serve(serve) => serve.run(telemetry).await,
        Command::Load(load) => load.run().await,
        Command::Describe(describe) => describe.run().await,
        Command::Query(query) => query.run().await,
        Command::Rights(rights) => rights.run().await,
        Command::Agreement(agreement) => agreement.run().await,
        Command::Warrant(warrant) => warrant.run().await,
        Command::Watch(watch) => watch.run().await,
        Command::BreakGlass(break_glass) => break_glass.run().await,
        Command::Log(log) => log.run().await,
        Command::Policy(policy) => policy.run().await,
        Command::Catalogue(catalogue) => catalogue.run(),
        Command::Database(database) => database.run().await,
        Command::Migrate(migrate) => migrate.run().await,
        Command::Keys(keys) => keys.run(),
        Command::Token(token) => token.run(),
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<AppError>() {
        Some(AppError::LogStateUnknown(_)) => LOG_STATE_UNKNOWN,
        Some(AppError::Config(_)) => CONFIGURATION,
        _ if error.is::<InvalidConfig>() => CONFIGURATION,
        _ if error.is::<WrongUse>() => WRONG_USE,
        _ => 1,
    }
}
