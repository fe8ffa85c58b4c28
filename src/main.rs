//! The `pledges` program: see `pledges --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pledges::cli::main()
}
