//! The command line of casebook.

use std::process::ExitCode;

fn main() -> ExitCode {
    casebook::cli::main()
}
