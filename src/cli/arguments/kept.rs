//! What can be typed about cases of earlier runs.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::{AllowArguments, OutputArguments, ReadingArguments, ResourceArguments, ScriptArguments, WatchArguments};
use crate::cli::complete;
use crate::units::Size;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook replay flood.case -o report.md
  casebook replay latest --set high=100Mbit/s
  casebook replay flood.case ./my-runbook.yaml
  casebook replay --from ./sosreport-web1 high-inbound-traffic --save web1.case

Exit status: 0 ok, 1 warning, 2 critical, 3 unknown; 64 bad usage, a bad runbook or a case that cannot be read.")]
pub(in crate::cli) struct ReplayArguments {
    /// A case: a file of an earlier run, with a `/` or an ending, `-` for standard input, or the name of a kept one as
    /// `casebook cases` lists it; with --from the runbook
    #[arg(value_name = "CASE", value_hint = ValueHint::FilePath, add = ArgValueCompleter::new(complete::cases), required_unless_present = "from")]
    pub case: Option<String>,
    /// Judge by this runbook instead of the one in the case
    #[arg(value_name = "RUNBOOK", value_hint = ValueHint::AnyPath, add = ArgValueCompleter::new(complete::runbooks))]
    pub runbook: Option<String>,
    /// Take what tools printed, as files in this folder, for evidence: an sosreport, or outputs of ip, ss, sar, iptables …
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub from: Option<PathBuf>,
    /// Set a parameter otherwise than in the recorded run
    #[arg(long, value_name = "KEY=VALUE", add = ArgValueCompleter::new(complete::set))]
    pub set: Vec<String>,
    /// Save the case as it is judged now: plain JSON when it ends in .json, else packed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub save: Option<PathBuf>,
    #[command(flatten)]
    pub scripts: ScriptArguments,
    #[command(flatten)]
    pub output: OutputArguments,
    #[command(flatten)]
    pub reading: ReadingArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook report latest -o report.html
  casebook report flood.case --format markdown
  casebook report latest --redact addresses,users,hosts -o ticket.md

Exit status: that of the case: 0 ok, 1 warning, 2 critical, 3 unknown; 64 bad usage or a case that cannot be read.")]
pub(in crate::cli) struct ReportArguments {
    /// The case: a file, with a `/` or an ending, `-` for standard input, or a kept one: its name, an unmistakable beginning of
    /// it, or `latest`
    #[arg(value_name = "CASE", value_hint = ValueHint::FilePath, add = ArgValueCompleter::new(complete::cases))]
    pub case: String,
    #[command(flatten)]
    pub output: OutputArguments,
    #[command(flatten)]
    pub reading: ReadingArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook diff before.case after.case
  casebook diff 20261122T1854 latest --format json

Exit status: 0 nothing of note changed, 1 changed but not for the worse, 2 for the worse: a graver verdict, or a cause that
was not at work before; 64 bad usage or a case that cannot be read.")]
pub(in crate::cli) struct DiffArguments {
    /// The case before: a file, `-` for standard input, or the name of a kept one
    #[arg(value_name = "A", value_hint = ValueHint::FilePath, add = ArgValueCompleter::new(complete::cases))]
    pub before: String,
    /// The case after
    #[arg(value_name = "B", value_hint = ValueHint::FilePath, add = ArgValueCompleter::new(complete::cases))]
    pub after: String,
    /// Format of what is printed
    #[arg(long, short, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    pub format: String,
    /// Show every figure that changed
    #[arg(long, short)]
    pub verbose: bool,
    #[command(flatten)]
    pub reading: ReadingArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook retest latest                is it better now?
  casebook retest before.case --save after.case

Exit status: that of the new run: 0 ok, 1 warning, 2 critical, 3 unknown; 64 bad usage or a case that cannot be read.")]
pub(in crate::cli) struct RetestArguments {
    /// The case: a file, or the name of a kept one
    #[arg(value_name = "CASE", value_hint = ValueHint::FilePath, add = ArgValueCompleter::new(complete::cases))]
    pub case: String,
    /// Set a parameter otherwise than in the case; secrets are not in it and must be given again
    #[arg(long, value_name = "KEY=VALUE", add = ArgValueCompleter::new(complete::set))]
    pub set: Vec<String>,
    #[command(flatten)]
    pub watch: WatchArguments,
    /// Format of what is printed
    #[arg(long, short, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    pub format: String,
    /// Write the report of the new run to this file, too; may be given more than once
    #[arg(long = "output", short = 'o', value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Also save the new case in this file: plain JSON when it ends in .json, else packed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub save: Option<PathBuf>,
    /// Keep neither the new case nor a journal under the state directory
    #[arg(long)]
    pub no_keep: bool,
    /// Show every figure that changed
    #[arg(long, short)]
    pub verbose: bool,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
    #[command(flatten)]
    pub allow: AllowArguments,
    #[command(flatten)]
    pub resources: ResourceArguments,
    #[command(flatten)]
    pub scripts: ScriptArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook cases
  casebook cases show latest --attached logs.txt
  casebook cases finish 20261122T185420Z
  casebook cases prune --keep 10

The last 50 cases are kept, 256 MiB at most, in $XDG_STATE_HOME/casebook/cases (~/.local/state when it is not set), for
root in /var/lib/casebook/cases. `casebook run --no-keep` keeps nothing.")]
pub(in crate::cli) struct CasesArguments {
    #[command(subcommand)]
    pub command: Option<CasesCommand>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CasesCommand {
    /// List the kept cases and the runs that were not finished
    List {
        /// Format of the list
        #[arg(long, short, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
        format: String,
    },
    /// Print what lies in a case file beside the evidence: the report of the run, lines of logs, packets
    Show {
        /// A kept case: its name, an unmistakable beginning of it, or `latest`; or a file
        #[arg(add = ArgValueCompleter::new(complete::cases))]
        case: String,
        /// Which of it: report.md, logs.txt, capture.pcapng
        #[arg(long, value_name = "NAME", default_value = "report.md")]
        attached: String,
        #[command(flatten)]
        reading: ReadingArguments,
    },
    /// Judge what an unfinished run had observed, and keep that as a case
    Finish {
        /// The run, as the list names it, or `latest`
        #[arg(add = ArgValueCompleter::new(complete::unfinished))]
        id: String,
        /// Also save the case in this file: plain JSON when it ends in .json, else packed
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        save: Option<PathBuf>,
        #[command(flatten)]
        scripts: ScriptArguments,
        #[command(flatten)]
        output: OutputArguments,
        #[command(flatten)]
        reading: ReadingArguments,
    },
    /// Remove the oldest cases and unfinished runs
    Prune {
        /// How many cases stay
        #[arg(long, value_name = "COUNT")]
        keep: Option<usize>,
        /// How large they may be together, as in 100MiB
        #[arg(long, value_name = "SIZE")]
        max_size: Option<Size>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook merge cases/                                 all that lies in the folder
  casebook merge web*.case db-3.case -o fleet.html      a report with a picture: hosts and causes
  casebook merge cases/ --expect hosts --save fleet.case
  casebook report fleet.case; casebook replay fleet.case ./my-runbook.yaml; casebook diff before.case fleet.case

A host that is expected and has no case, and a file that is empty, cut or no case, is a gap in the report: the others are merged.
Exit status: the gravest of the hosts: 0 ok, 1 warning, 2 critical, 3 unknown, also where a host did not answer; 64 bad usage, or
no case at all.")]
pub(in crate::cli) struct MergeArguments {
    /// Cases, folders of them, and files of an earlier merge; `-` for one by standard input
    #[arg(value_name = "FILE|DIR", value_hint = ValueHint::AnyPath, required = true)]
    pub paths: Vec<PathBuf>,
    /// The hosts of which there should be a case, a line each, as ssh takes them; one without is a gap
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub expect: Option<PathBuf>,
    /// Save the cases of all hosts as one file, which report, replay, diff and attach read: plain JSON of what they have in common
    /// when it ends in .json. `-` is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub save: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputArguments,
    #[command(flatten)]
    pub reading: ReadingArguments,
}
