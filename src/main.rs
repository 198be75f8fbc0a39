//! The `disownctl` command.

use std::process::ExitCode;

/// A fifth of a broker's time went to the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    disown::cli::main()
}
