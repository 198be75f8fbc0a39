//! The `disown` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    disown::cli::main()
}
