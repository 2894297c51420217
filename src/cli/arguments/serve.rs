//! What can be typed about the server for programs and agents.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ResourceArguments, ScriptArguments};
use crate::config::Config;

#[derive(Debug, Args)]
#[command(after_help = "Examples of the command in a client's configuration:
  casebook serve --stdio
  sudo -n casebook serve --stdio --folder /var/tmp/cases
  ssh -T web1 sudo -n casebook serve --stdio --redact addresses,users

It changes nothing on the host, writes no file and runs one thing at a time; it ends when its standard input does.
docs/agents.md shows how to set clients up.

Exit status: 0 the client has gone, 64 bad usage, 70 internal error.")]
pub(in crate::cli) struct ServeArguments {
    /// Speak by standard input and output; there is no other way
    #[arg(long, required = true)]
    pub stdio: bool,
    /// Let the client read cases and pasted outputs below this folder; may be given more than once. Unless given, it names no file
    #[arg(long = "folder", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folders: Vec<PathBuf>,
    /// Give pseudonyms to addresses, users or hosts in all answers, the same as long as the server runs; secrets are always left
    /// out
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = ["addresses", "users", "hosts"])]
    pub redact: Vec<String>,
    #[command(flatten)]
    pub resources: ResourceArguments,
    #[command(flatten)]
    pub scripts: ScriptArguments,
    /// The defaults of the configuration.
    #[arg(skip)]
    pub config: Config,
}
