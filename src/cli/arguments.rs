//! What can be typed.

mod kept;
mod serve;

use std::net::IpAddr;
use std::path::PathBuf;

pub(super) use kept::{
    CasesArguments, CasesCommand, DiffArguments, MergeArguments, ReplayArguments, ReportArguments, RetestArguments,
};

pub(super) use serve::ServeArguments;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::begin::Begin;
use super::complete;

use crate::bounded_json::Budget;
use crate::config::Config;
use crate::probe::{ResourceLimits, Right, Rights};
use crate::report;
use crate::script::sandbox::Limits;
use crate::sys::trust::Trust;
use crate::units::{Share, Size, Span};

/// Diagnoses a Linux host in trouble: looks at every layer in one window, names the cause and says what to do.
#[derive(Debug, Parser)]
#[command(name = "casebook", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  casebook diagnose \"ssh is slow, nagios complains\"    find what is wrong, by a complaint
  casebook run high-inbound-traffic                    watch for 10 s, print the diagnosis
  casebook run high-inbound-traffic -o report.md       the same, and a file for the ticket
  casebook run high-inbound-traffic -i eth1 --window 30s
  casebook probe sockets                               one probe, by hand
  xclip -o | casebook read -                           what somebody pasted: ifconfig, sar, ss, logs
  casebook list slow                                   runbooks for a symptom
  casebook doctor                                      what can be seen here, and what not

Exit status of run and replay: 0 ok, 1 warning, 2 critical, 3 unknown; 64 bad usage or bad runbook, 70 internal error.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Find what is wrong with this host: picks the runbooks that a complaint is for, and runs them as one
    Diagnose(DiagnoseArguments),
    /// Run a runbook on this host and report what it finds
    Run(RunArguments),
    /// List the runbooks and probes, or those that fit some words
    List(ListArguments),
    /// Show a runbook: its parameters, steps and causes
    Show(ShowArguments),
    /// Show what a run would do, what it reads and needs, and what root would add
    Plan(PlanArguments),
    /// Write a check or runbook to begin with, and its test
    New(NewArguments),
    /// Check runbooks and Lua checks without running them
    Lint(LintArguments),
    /// Run one check, written in Lua, by hand
    Check(CheckArguments),
    /// Run the tests of checks and runbooks: given this evidence, they must say that
    Test(TestArguments),
    /// Try probes and Lua at a prompt
    Lua(LuaArguments),
    /// Run one probe by hand
    Probe(ProbeArguments),
    /// Read what tools printed, pasted or in files, and judge it: nothing has to be installed on the host
    Read(ReadArguments),
    /// Judge the recorded evidence of a run again, maybe by another runbook
    Replay(ReplayArguments),
    /// Print the report of a case as it was judged, in any format, without judging again
    Report(ReportArguments),
    /// Compare two cases: causes, findings, figures
    Diff(DiffArguments),
    /// Make one case of those of many hosts: what they have in common, who differs, who floods whom
    Merge(MergeArguments),
    /// Run a case's runbook on this host again, with the same parameters, and compare
    Retest(RetestArguments),
    /// List, show, finish and remove the cases that runs left in the state directory
    Cases(CasesArguments),
    /// Bring a case and its report to a ticket: mail, GitHub, GitLab, Jira or a webhook
    Attach(AttachArguments),
    /// Put back what --redact replaced, by its map
    Unredact(UnredactArguments),
    /// Answer programs and agents: a server of the Model Context Protocol that runs runbooks and probes and reads cases
    Serve(ServeArguments),
    /// Say what can be seen on this host, what not, and how to let it
    Doctor,
    /// Show the defaults of the configuration files, and where each stands
    Config,
    /// Print a JSON schema: of a case, of runbooks, of tests, or of a probe
    Schema(SchemaArguments),
    /// Write the reference manual and the Lua types out of the probes' own descriptions
    Generate(GenerateArguments),
    /// Print the completions for a shell
    Completions(CompletionsArguments),
    /// Print a manual page
    Man(ManArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook run high-inbound-traffic
  casebook run high-inbound-traffic --window 30s -o report.md -o case.json
  casebook run high-inbound-traffic -i eth1 --set high=100Mbit/s
  casebook run ./my-runbook.yaml --format json | jq .diagnosis.summary
  ssh web1 sudo casebook run high-inbound-traffic --begin 18:54:30Z --save - > web1.case

Exit status: 0 ok, 1 warning, 2 critical, 3 unknown; 64 bad usage or bad runbook, 70 internal error.")]
pub(super) struct RunArguments {
    /// The runbook's name, or the path of a YAML or Lua file
    #[arg(value_name = "RUNBOOK", value_hint = ValueHint::AnyPath, add = ArgValueCompleter::new(complete::runbooks))]
    pub runbook: String,
    /// Set a parameter of the runbook; `casebook show RUNBOOK` lists them
    #[arg(long, value_name = "KEY=VALUE", add = ArgValueCompleter::new(complete::set))]
    pub set: Vec<String>,
    #[command(flatten)]
    pub watch: WatchArguments,
    /// How long to watch, as in 10s or 1m: short for --set window=...
    #[arg(long, value_name = "SPAN")]
    pub window: Option<String>,
    /// Read packets from this pcap or pcapng file instead of the wire: short for --set pcap=...
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub pcap: Option<PathBuf>,
    /// With --pcap: an address of the host that the file is about, where it is not the one that casebook infers; may be given
    /// more than once
    #[arg(long, value_name = "ADDR", requires = "pcap")]
    pub local: Vec<IpAddr>,
    /// How long a step may take, with its window, where the runbook does not say: as in 1m. More time reads more of a large
    /// capture file
    #[arg(long, value_name = "SPAN")]
    pub timeout: Option<Span>,
    /// Also save the case, all evidence included, in this file: plain JSON when it ends in .json, else packed. `-` writes it,
    /// packed, to standard output, which has nothing else then
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub save: Option<PathBuf>,
    /// Begin the window at this moment, the same on many hosts: +5s, 18:54:30Z, 20:54:30+02:00, or with the date as RFC 3339
    /// has it. At once, where it has passed
    #[arg(long, value_name = "MOMENT")]
    pub begin: Option<Begin>,
    /// Keep neither the case nor a journal under the state directory
    #[arg(long)]
    pub no_keep: bool,
    #[command(flatten)]
    pub output: OutputArguments,
    #[command(flatten)]
    pub allow: AllowArguments,
    #[command(flatten)]
    pub resources: ResourceArguments,
    #[command(flatten)]
    pub scripts: ScriptArguments,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
    /// The defaults of the configuration.
    #[arg(skip)]
    pub config: Config,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook diagnose                                    look at everything
  casebook diagnose \"ssh is slow and nagios complains\"
  casebook diagnose \"no space left on device\" --window 5s -o report.md
  casebook diagnose website slow --set high-inbound-traffic.high=100Mbit/s
  casebook diagnose \"disk full\" --plan                which runbooks its words pick, and what they would do

Exit status: 0 ok, 1 warning, 2 critical, 3 unknown; 64 bad usage or bad runbook, 70 internal error.")]
pub(super) struct DiagnoseArguments {
    /// What people complain of, in their words; without any, everything is looked at
    #[arg(value_name = "COMPLAINT")]
    pub complaint: Vec<String>,
    /// Set a parameter: KEY is meant for all runbooks that have it, RUNBOOK.KEY for one
    #[arg(long, value_name = "[RUNBOOK.]KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub watch: WatchArguments,
    /// How long to watch, as in 10s or 1m; unless given, as long as the runbook that watches longest
    #[arg(long, value_name = "SPAN")]
    pub window: Option<String>,
    /// How long a step may take, with its window, where the runbook does not say: as in 1m
    #[arg(long, value_name = "SPAN")]
    pub timeout: Option<Span>,
    /// Say what would be run and what that does, without a look at the host
    #[arg(long)]
    pub plan: bool,
    /// Also save the case, all evidence included, in this file: plain JSON when it ends in .json, else packed. `-` writes it,
    /// packed, to standard output, which has nothing else then
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub save: Option<PathBuf>,
    /// Begin the window at this moment, the same on many hosts: +5s, 18:54:30Z, 20:54:30+02:00, or with the date as RFC 3339
    /// has it. At once, where it has passed
    #[arg(long, value_name = "MOMENT")]
    pub begin: Option<Begin>,
    /// Keep neither the case nor a journal under the state directory
    #[arg(long)]
    pub no_keep: bool,
    #[command(flatten)]
    pub output: OutputArguments,
    #[command(flatten)]
    pub allow: AllowArguments,
    #[command(flatten)]
    pub resources: ResourceArguments,
    #[command(flatten)]
    pub scripts: ScriptArguments,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
    /// The defaults of the configuration.
    #[arg(skip)]
    pub config: Config,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  xclip -o | casebook read -
  casebook read ticket.txt
  casebook read ./sosreport-web1 --save web1.case
  casebook read sar.txt --at 17:40
  casebook read messages access.log -o report.md

Outputs are known by their content, wherever they stand: ifconfig, ip, sar, ss, netstat, iptables, nft, tcpdump, dmesg, logs and
more; docs/pastes.md lists them. Exit status: 0 ok, 1 warning, 2 critical, 3 unknown; 64 nothing is known in it.")]
pub(super) struct ReadArguments {
    /// Files and folders with what tools printed; `-` for standard input, which is also read where nothing is named
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Judge by this runbook; unless given, by those that are for what the outputs show
    #[arg(long, value_name = "RUNBOOK", value_hint = ValueHint::AnyPath)]
    pub runbook: Option<String>,
    /// What people complain of, in their words: "ssh is slow". It picks runbooks, too
    #[arg(long, value_name = "COMPLAINT", conflicts_with = "runbook")]
    pub complaint: Option<String>,
    /// Set a parameter of the runbook; `casebook show RUNBOOK` lists them
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Of a recorded day (sar), the time that is judged: 17:40, or 17:40:05. Unless given: the times that stand out
    #[arg(long, value_name = "TIME", value_parser = time_of_day)]
    pub at: Option<jiff::civil::Time>,
    /// Save the case as it is judged: plain JSON when it ends in .json, else packed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub save: Option<PathBuf>,
    /// Do not list what was recognised
    #[arg(long, short)]
    pub quiet: bool,
    #[command(flatten)]
    pub scripts: ScriptArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

/// `17:40` or `17:40:05`.
pub(super) fn time_of_day(text: &str) -> Result<jiff::civil::Time, String> {
    let parts: Vec<i8> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>().unwrap_or_default();
    let time = match parts.as_slice() {
        [hour, minute] => jiff::civil::Time::new(*hour, *minute, 0, 0),
        [hour, minute, second] => jiff::civil::Time::new(*hour, *minute, *second, 0),
        _ => return Err("write it like 17:40 or 17:40:05".to_owned()),
    };
    time.map_err(|_| "there is no such time of day".to_owned())
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook check open_resolver
  casebook check conntrack_headroom high=60% --format json
  casebook check ./my_check.lua window=5s -o report.md

Exit status: 0 ok, 1 warning, 2 critical, 3 unknown, also when the script failed or was stopped; 64 bad usage or a check
that cannot be read.")]
pub(super) struct CheckArguments {
    /// The check's name, or the path of a Lua file; `casebook list --checks` shows them
    #[arg(value_name = "CHECK", value_hint = ValueHint::AnyPath, add = ArgValueCompleter::new(complete::checks))]
    pub check: String,
    /// Its parameters
    #[arg(value_name = "KEY=VALUE", add = ArgValueCompleter::new(complete::params))]
    pub params: Vec<String>,
    #[command(flatten)]
    pub watch: WatchArguments,
    /// Also save the case, all evidence included, in this file: plain JSON when it ends in .json, else packed. `-` writes it,
    /// packed, to standard output, which has nothing else then
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub save: Option<PathBuf>,
    /// Keep neither the case nor a journal under the state directory
    #[arg(long)]
    pub no_keep: bool,
    /// Explain the check and its parameters instead of running it
    #[arg(long)]
    pub help_params: bool,
    #[command(flatten)]
    pub output: OutputArguments,
    #[command(flatten)]
    pub allow: AllowArguments,
    #[command(flatten)]
    pub resources: ResourceArguments,
    #[command(flatten)]
    pub scripts: ScriptArguments,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
    /// The defaults of the configuration.
    #[arg(skip)]
    pub config: Config,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook test                                        all tests in ./runbooks and ./lua/checks
  casebook test open_resolver                          those of one check
  casebook test lua/checks/open_resolver.test.yaml
  casebook test open_resolver --filter stranger        those whose name holds a word
  casebook test --min-coverage 80% -o junit.xml        for a build server

Exit status: 0 all passed, 1 some failed or too little is covered, 64 bad usage or files that cannot be read.")]
pub(super) struct TestArguments {
    /// Files, folders, or names of checks and runbooks; any other word: only tests whose name holds it
    #[arg(value_name = "FILE|NAME", value_hint = ValueHint::AnyPath, add = ArgValueCompleter::new(complete::sources))]
    pub names: Vec<String>,
    /// Only tests whose name holds this text
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// The tests of all that is shipped, when nothing is named
    #[arg(long)]
    pub shipped: bool,
    /// Format of what is printed
    #[arg(long, short, value_name = "FORMAT", default_value = "text", value_parser = ["text", "junit"])]
    pub format: String,
    /// Write JUnit's XML to this file, too
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Show every outcome, sign, remedy and verdict, and in how many tests it held
    #[arg(long)]
    pub coverage: bool,
    /// Fail when a lower share of outcomes, signs, remedies and verdicts held in a test
    #[arg(long, value_name = "SHARE")]
    pub min_coverage: Option<Share>,
    /// Say nothing but what failed
    #[arg(long, short)]
    pub quiet: bool,
    #[command(flatten)]
    pub scripts: ScriptArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook lua
  casebook lua -e 'cx.probe(\"sockets\", { window = \"1s\" }).listeners:top(\"queue\", 3)'
  echo 'bitrate(94e6)' | casebook lua

At the prompt: an expression shows its value, cx.probe(NAME) asks a probe, Tab completes, Ctrl-D ends.")]
pub(super) struct LuaArguments {
    /// Evaluate this and end; may be given more than once
    #[arg(long, short, value_name = "LUA")]
    pub evaluate: Vec<String>,
    /// How long probes watch that are not told otherwise
    #[arg(long, value_name = "SPAN", default_value = "2s")]
    pub window: Span,
    /// Show values as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub allow: AllowArguments,
    #[command(flatten)]
    pub scripts: ScriptArguments,
}

#[derive(Debug, Args)]
pub(super) struct WatchArguments {
    /// The interface to watch, by its name, an alias or an address: short for --set interface=...
    #[arg(short, long, value_name = "NAME", add = ArgValueCompleter::new(complete::interfaces))]
    pub interface: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct AllowArguments {
    /// Give a right that a runbook, a check or a parameter asks for: `remote` to connect to other hosts and send them what was
    /// observed, `secrets` to read secrets and keep them in the case, `write` to write files. None is given otherwise;
    /// `casebook plan` shows what is asked for
    #[arg(long, value_name = "RIGHTS", value_delimiter = ',', value_parser = Right::ALL.map(Right::word))]
    pub allow: Vec<String>,
}

impl AllowArguments {
    /// The rights.
    pub fn rights(&self) -> Rights {
        Rights::of(Right::ALL.into_iter().filter(|right| self.allow.iter().any(|word| word == right.word())))
    }
}

#[derive(Debug, Args)]
pub(super) struct ResourceArguments {
    /// How much of all CPUs together the run may keep busy; a second of CPU time at once is always free. It reads packets
    /// with half of that, and with 30 % of one CPU at most: when more come, the kernel draws some of them
    #[arg(long, value_name = "SHARE", default_value = "33%")]
    pub max_cpu: Share,
    /// How much memory the run may take; evidence that is larger is trimmed, with a note. By default 128 MB, and a tenth of
    /// what the host or its control group has where that is less
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<Size>,
}

impl ResourceArguments {
    /// What the run may take of the host.
    pub fn limits(&self) -> ResourceLimits {
        limits(self.max_cpu.0, self.memory())
    }

    /// Bytes of memory that a run may take.
    pub fn memory(&self) -> u64 {
        self.max_memory.map_or_else(ResourceLimits::memory_by_default, |size| size.0)
    }

    /// The memory for the values of a case that is read: what any host reads, where nothing else is said.
    pub fn reading(&self) -> Budget {
        Budget::new(self.max_memory.map_or(ResourceLimits::MEMORY, |size| size.0))
    }
}

/// What a run may take of the host, from now on: a share of all CPUs together, and bytes of memory.
pub(super) fn limits(max_cpu: f64, max_memory: u64) -> ResourceLimits {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
    // Nothing at all would be no run.
    ResourceLimits::new(cpus * max_cpu.max(0.001), max_memory)
}

#[derive(Debug, Args)]
pub(super) struct ReadingArguments {
    /// How much memory the values of a case may take; a case that needs more is not read
    #[arg(long, value_name = "SIZE", default_value = "128MB")]
    pub max_memory: Size,
}

impl ReadingArguments {
    /// The memory for the values of one case.
    pub fn budget(&self) -> Budget {
        Budget::new(self.max_memory.0)
    }
}

#[derive(Debug, Args)]
pub(super) struct ScriptArguments {
    /// As root or with capabilities: run files that somebody else could have written, too
    #[arg(long)]
    pub trust: bool,
    /// How long a script may compute, without the windows of its probes
    #[arg(long, value_name = "SPAN", default_value = "5s")]
    pub script_time: Span,
    /// How much memory a script may use
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub script_memory: Size,
    /// How much a script may give back and print
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    pub script_output: Size,
}

impl ScriptArguments {
    /// What a script may use up.
    pub fn limits(&self) -> Limits {
        Limits {
            memory_bytes: usize::try_from(self.script_memory.0).unwrap_or(usize::MAX),
            script_time: self.script_time.0,
            output_bytes: usize::try_from(self.script_output.0).unwrap_or(usize::MAX),
        }
    }

    /// Whether files must be trustworthy.
    pub fn trusting(&self) -> Trust {
        trust(self.trust)
    }
}

/// What `--trust` means.
pub(super) fn trust(waived: bool) -> Trust {
    if waived { Trust::Waived } else { Trust::Required }
}

#[derive(Debug, Args)]
pub(super) struct OutputArguments {
    #[arg(long = "output", short = 'o', value_name = "FILE", value_hint = ValueHint::FilePath,
          help = format!("Write the report to this file, in the format of its ending ({}); may be given more than once",
              report::endings()))]
    pub files: Vec<PathBuf>,
    #[arg(long, short, value_name = "FORMAT", add = ArgValueCompleter::new(complete::formats),
          help = format!("Format of what is printed: {}; terminal on a terminal, else text", report::names()))]
    pub format: Option<String>,
    /// Say more: all signs of all causes, where figures come from
    #[arg(long, short)]
    pub verbose: bool,
    /// When to use colours: auto, always or never; auto when nothing is said
    #[arg(long, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    pub color: Option<String>,
    #[command(flatten)]
    pub redact: RedactArguments,
}

#[derive(Debug, Args)]
pub(super) struct RedactArguments {
    /// Give pseudonyms to addresses, users or hosts, in the report and the saved case; secrets are always left out
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = ["addresses", "users", "hosts"])]
    pub redact: Vec<String>,
    /// Keep the pseudonyms in this file, which only its owner can read, to undo them and to use them again
    #[arg(long, value_name = "FILE", requires = "redact", value_hint = ValueHint::FilePath)]
    pub redact_map: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook attach flood.case --to github:acme/network#17
  casebook attach flood.case --to mailto:noc@example.org --smtp mail.example.org --from ops@example.org
  casebook attach flood.case --to jira:OPS-17 --to https://hooks.example.org/casebook --redact addresses,users
  casebook attach flood.case --to gitlab:infra/edge#4 --dry-run

Tokens: GITHUB_TOKEN or GH_TOKEN, GITLAB_TOKEN, JIRA_TOKEN (with JIRA_USER for Jira Cloud), CASEBOOK_WEBHOOK_TOKEN,
CASEBOOK_SMTP_USER and CASEBOOK_SMTP_PASSWORD; or --token-file. Servers: GITHUB_API_URL, CASEBOOK_GITLAB_URL,
CASEBOOK_JIRA_URL, CASEBOOK_SMTP.

Exit status: 0 it is there, 64 bad usage, 65 a secret would leave, 69 it did not arrive.")]
pub(super) struct AttachArguments {
    /// A case: the file of an earlier run; `-` for standard input
    #[arg(value_name = "CASE", value_hint = ValueHint::FilePath)]
    pub case: PathBuf,
    /// Where to: mailto:a@b, github:owner/repo#7, gitlab:group/project#7, jira:OPS-7, https://host/hook; may be given more than once
    #[arg(long = "to", value_name = "TARGET", required = true)]
    pub targets: Vec<String>,
    /// Print all that would leave, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Send the report alone, without the case
    #[arg(long)]
    pub without_case: bool,
    /// Read the token or password from this file, which only its owner may read
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// The mail server: mail.example.org:587, smtps://mail.example.org or plain://relay:25
    #[arg(long, value_name = "SERVER")]
    pub smtp: Option<String>,
    /// The sender of mail
    #[arg(long, value_name = "MAILBOX")]
    pub from: Option<String>,
    /// How long one request may take
    #[arg(long, value_name = "SPAN", default_value = "30s")]
    pub timeout: Span,
    #[command(flatten)]
    pub redact: RedactArguments,
    #[command(flatten)]
    pub reading: ReadingArguments,
    /// The defaults of the configuration.
    #[arg(skip)]
    pub config: Config,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook run high-inbound-traffic --redact addresses,users,hosts --redact-map ~/flood.map -o report.md
  casebook unredact report.md --map ~/flood.map
  casebook unredact flood.case --map ~/flood.map -o whole.case")]
pub(super) struct UnredactArguments {
    /// A report or case with pseudonyms: any text; `-` for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The map that --redact-map wrote
    #[arg(long, value_name = "MAP", value_hint = ValueHint::FilePath)]
    pub map: PathBuf,
    /// Write it to this file instead of printing it
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook list
  casebook list slow              runbooks, checks and probes that a symptom leads to
  casebook list --checks

Exit status: 0 something was listed, 64 nothing has any of the words.")]
pub(super) struct ListArguments {
    /// Words of a symptom: only runbooks, checks and probes that have one of them, those with most first
    pub words: Vec<String>,
    /// List the checks, and where each was found
    #[arg(long)]
    pub checks: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The runbook's name, or the path of a YAML or Lua file
    #[arg(value_name = "RUNBOOK", value_hint = ValueHint::AnyPath, add = ArgValueCompleter::new(complete::runbooks))]
    pub runbook: String,
    /// As root or with capabilities: read files that somebody else could have written, too
    #[arg(long)]
    pub trust: bool,
    /// The defaults of the configuration.
    #[arg(skip)]
    pub config: Config,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook plan high-inbound-traffic
  casebook plan ./my-runbook.yaml -i eth1 --allow remote")]
pub(super) struct PlanArguments {
    /// The runbook's name, or the path of a YAML or Lua file
    #[arg(value_name = "RUNBOOK", value_hint = ValueHint::AnyPath, add = ArgValueCompleter::new(complete::runbooks))]
    pub runbook: String,
    /// Set a parameter of the runbook, as in a run
    #[arg(long, value_name = "KEY=VALUE", add = ArgValueCompleter::new(complete::set))]
    pub set: Vec<String>,
    #[command(flatten)]
    pub watch: WatchArguments,
    #[command(flatten)]
    pub allow: AllowArguments,
    /// As root: read files that somebody else could have written, too
    #[arg(long)]
    pub trust: bool,
    /// The defaults of the configuration.
    #[arg(skip)]
    pub config: Config,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook new check slow_clients              lua/checks/slow_clients.lua and its test
  casebook new runbook lost-datagrams          runbooks/lost-datagrams.yaml and its test
  casebook new runbook rates --lua --dir .     rates.lua here")]
pub(super) struct NewArguments {
    /// What to begin
    pub kind: NewKind,
    /// Its name
    pub name: String,
    /// Write the runbook in Lua
    #[arg(long)]
    pub lua: bool,
    /// The folder to write it to; lua/checks or runbooks when none is given
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum NewKind {
    /// A check, in Lua
    Check,
    /// A runbook
    Runbook,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook lint                        what lies here, and what is found by name
  casebook lint ./my-runbook.yaml lua/checks

Exit status: 0 all are good, 64 one is not, or there is nothing to judge.")]
pub(super) struct LintArguments {
    /// Runbooks by name, YAML and Lua files, and folders of them; none: the runbooks and checks of this folder, and of those
    /// in which they are found by name
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath, add = ArgValueCompleter::new(complete::sources))]
    pub files: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  casebook probe interfaces window=2s
  casebook probe capture -i eth0 window=5s write=burst.pcapng --allow write
  casebook probe logs since=1h --format json
  casebook probe sockets --help-params

Exit status: 0 it answered, 3 it could not look, 64 bad usage, 70 internal error.")]
pub(super) struct ProbeArguments {
    /// The probe's name; `casebook list` shows them
    #[arg(add = ArgValueCompleter::new(complete::probes))]
    pub name: String,
    /// Its parameters
    #[arg(value_name = "KEY=VALUE", add = ArgValueCompleter::new(complete::params))]
    pub params: Vec<String>,
    #[command(flatten)]
    pub watch: WatchArguments,
    /// Format of the result: table, json or yaml
    #[arg(long, short, value_name = "FORMAT", default_value = "table", value_parser = ["table", "json", "yaml"])]
    pub format: String,
    /// How long the probe may take, with its window
    #[arg(long, value_name = "SPAN")]
    pub timeout: Option<Span>,
    /// Explain the probe's parameters and result instead of running it
    #[arg(long)]
    pub help_params: bool,
    #[command(flatten)]
    pub allow: AllowArguments,
    #[command(flatten)]
    pub resources: ResourceArguments,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Of what: case, runbook, test, or a probe's name
    #[arg(default_value = "case", add = ArgValueCompleter::new(complete::schemas))]
    pub of: String,
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  casebook generate                    the reference of this project
  casebook generate --types lua/types
  casebook generate man /usr/local/share/man/man1"
)]
pub(super) struct GenerateArguments {
    #[command(subcommand)]
    pub what: Option<GenerateCommand>,
    /// The project's folder
    #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
    /// Write only the types for the Lua language server, to this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "folder")]
    pub types: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum GenerateCommand {
    /// Write the manual pages: casebook.1, casebook-run.1 and so on
    Man {
        /// The folder to write them to
        #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
}

impl GenerateArguments {
    /// The folder that is written to.
    pub fn target(&self) -> &PathBuf {
        match &self.what {
            Some(GenerateCommand::Man { dir }) => dir,
            None => self.types.as_ref().unwrap_or(&self.folder),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// Of this command; casebook's own when none is named
    #[arg(value_name = "COMMAND", add = ArgValueCompleter::new(complete::commands))]
    pub command: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  source <(COMPLETE=bash casebook)             in ~/.bashrc: completes names of runbooks, checks, cases and parameters, too
  source <(COMPLETE=zsh casebook)              in ~/.zshrc
  COMPLETE=fish casebook | source              in ~/.config/fish/config.fish
  casebook completions bash                    a file for a package: completes commands and flags alone")]
pub(super) struct CompletionsArguments {
    /// The shell
    pub shell: clap_complete::Shell,
}
