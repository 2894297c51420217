//! Runs whole commands and takes their wall time, CPU time and peak memory.
//!
//! Each command is started by a fresh, small process, because the kernel tells the peak memory of children only of all
//! together, and a child begins with the peak of the process that it was forked from.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{Usage, UsageWho, getrusage};

use crate::Bench;

/// The release binary, where [`NOW`] names no other.
const CASEBOOK: &str = env!("CARGO_BIN_EXE_casebook");
/// The variable that names the binary to be measured.
const NOW: &str = "CASEBOOK";
/// The variable that names an older build, which is measured beside it.
const BEFORE: &str = "CASEBOOK_BEFORE";

/// A peer that takes longer than this, and several times longer than the fastest, is not run again.
const SLOW: Duration = Duration::from_millis(600);

/// A command to be measured.
#[derive(Debug, Clone)]
pub struct Tool {
    /// What the table calls it.
    pub name: String,
    argv: Vec<String>,
}

/// What a run cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// By the clock.
    pub wall: Duration,
    /// User and system time, of children too.
    pub cpu: Duration,
    /// The largest resident set of any one of its processes, in bytes.
    pub peak: u64,
}

/// A run and what it printed.
#[derive(Debug, Clone)]
pub struct Run {
    /// What it cost.
    pub cost: Cost,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

impl Tool {
    /// A program of the host; the command as it is written is also its name.
    pub fn new(words: &str) -> Self {
        Tool { name: words.to_owned(), argv: words.split_whitespace().map(str::to_owned).collect() }
    }

    /// A line for the shell.
    pub fn shell(name: &str, script: &str) -> Self {
        Tool { name: name.to_owned(), argv: ["sh", "-c", script].map(str::to_owned).to_vec() }
    }

    /// casebook itself.
    pub fn casebook(words: &[&str]) -> Self {
        let binary = std::env::var(NOW).unwrap_or_else(|_| CASEBOOK.to_owned());
        let argv = std::iter::once(binary).chain(words.iter().map(|word| (*word).to_owned())).collect();
        Tool { name: "casebook".to_owned(), argv }
    }

    /// By another name.
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The same question to the older build, if there is one that can answer it.
    pub fn before(&self, bench: &Bench) -> Result<Option<Self>> {
        let (true, Ok(binary)) = (self.name == "casebook", std::env::var(BEFORE)) else { return Ok(None) };
        let words = self.argv.iter().skip(1).cloned();
        let older = Tool { name: "the build before".to_owned(), argv: std::iter::once(binary).chain(words).collect() };
        // What it does not know is an error, without a word on its standard output.
        Ok((!older.run(bench)?.output.trim().is_empty()).then_some(older))
    }

    /// Whether all programs that its name begins pipes with are installed.
    pub fn is_installed(&self) -> bool {
        let programs = self.name.split('|').filter_map(|part| part.split_whitespace().next());
        programs.into_iter().all(|program| program == "casebook" || on_path(program)) || self.argv[0].starts_with('/')
    }

    /// Runs it once.
    pub fn run(&self, bench: &Bench) -> Result<Run> {
        let [cost, output, errors] = ["cost", "output", "errors"].map(|name| bench.folder.join(name));
        let status = Command::new(std::env::current_exe()?)
            .arg("as-meter")
            .arg(&cost)
            .args(&self.argv)
            // Away from the folder of the source, whose runbooks would come before those that ship.
            .current_dir(&bench.folder)
            .stdin(Stdio::null())
            // A file: some tools stop at their first hit when they write to /dev/null.
            .stdout(File::create(&output)?)
            .stderr(File::create(&errors)?)
            .status()
            .with_context(|| format!("start {}", self.name))?;
        let text = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        ensure!(status.success(), "{} failed: {}", self.name, text(&errors)?);
        let figures: Vec<u64> = text(&cost)?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [wall, cpu, peak] = figures.as_slice() else { bail!("no figures of {}", self.name) };
        let cost = Cost { wall: Duration::from_nanos(*wall), cpu: Duration::from_micros(*cpu), peak: *peak };
        Ok(Run { cost, output: text(&output)?, errors: text(&errors)? })
    }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The small process: runs `command` and leaves what it cost in the file `cost`.
pub fn meter(words: &[String]) -> Result<()> {
    let [cost, program, arguments @ ..] = words else { bail!("meter COST PROGRAM …") };
    let began = Instant::now();
    // The status of a diagnosis is its verdict; that a command could not run at all shows in what it printed.
    Command::new(program).args(arguments).status().with_context(|| format!("start {program}"))?;
    let wall = began.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    fs::write(cost, format!("{} {} {}", wall.as_nanos(), cpu(&usage).as_micros(), usage.max_rss() * 1024))?;
    Ok(())
}

/// User and system time.
fn cpu(usage: &Usage) -> Duration {
    let time = |value: nix::sys::time::TimeVal| Duration::new(value.tv_sec() as u64, value.tv_usec() as u32 * 1000);
    time(usage.user_time()) + time(usage.system_time())
}

/// The medians of both sides.
#[derive(Debug, Clone)]
pub struct Contest {
    /// casebook.
    pub ours: Cost,
    /// The older build, where one was named.
    pub before: Option<Cost>,
    /// The peers that are installed, the fastest first.
    pub peers: Vec<(String, Cost)>,
    /// What the last run of casebook printed.
    pub output: String,
    /// What the last run of each peer printed, by its name.
    pub said: Vec<(String, String)>,
}

/// Runs casebook and the peers alternately, one round to warm up and then `rounds` that count.
pub fn alternately(bench: &Bench, ours: &Tool, peers: &[Tool], rounds: usize) -> Result<Contest> {
    let rounds = if bench.quick { rounds.min(3) } else { rounds };
    let peers: Vec<&Tool> = peers.iter().filter(|peer| peer.is_installed()).collect();
    let before = ours.before(bench)?;
    let mut before_costs = Vec::new();
    let mut our_costs = vec![ours.run(bench)?.cost];
    let mut their_costs: Vec<Vec<Cost>> = vec![Vec::new(); peers.len()];
    let mut said = vec![String::new(); peers.len()];
    for (at, peer) in peers.iter().enumerate() {
        let run = peer.run(bench)?;
        their_costs[at].push(run.cost);
        said[at] = run.output;
    }
    let fastest = their_costs.iter().flatten().map(|cost| cost.wall).min().unwrap_or_default();
    let is_hopeless = |first: Duration| first > SLOW && first > 3 * fastest;
    let hopeless: Vec<bool> = their_costs.iter().map(|costs| is_hopeless(costs[0].wall)).collect();
    let mut output = String::new();
    for round in 0..rounds {
        if round == 0 {
            our_costs.clear();
            their_costs
                .iter_mut()
                .zip(&hopeless)
                .filter(|(_, hopeless)| !**hopeless)
                .for_each(|(costs, _)| costs.clear());
        }
        let run = ours.run(bench)?;
        our_costs.push(run.cost);
        output = run.output;
        if let Some(before) = &before {
            before_costs.push(before.run(bench)?.cost);
        }
        for (at, peer) in peers.iter().enumerate().filter(|(at, _)| !hopeless[*at]) {
            their_costs[at].push(peer.run(bench)?.cost);
        }
    }
    let mut peers: Vec<(String, Cost)> =
        peers.iter().zip(&their_costs).map(|(peer, costs)| (peer.name.clone(), median(costs))).collect();
    let said = peers.iter().map(|(name, _)| name.clone()).zip(said).collect();
    peers.sort_by_key(|(_, cost)| cost.wall);
    let before = before.map(|_| median(&before_costs));
    Ok(Contest { ours: median(&our_costs), before, peers, output, said })
}

/// The median of each figure by itself.
pub fn median(costs: &[Cost]) -> Cost {
    fn middle<T: Ord + Copy + Default>(values: impl Iterator<Item = T>) -> T {
        let mut values: Vec<T> = values.collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or_default()
    }
    Cost {
        wall: middle(costs.iter().map(|cost| cost.wall)),
        cpu: middle(costs.iter().map(|cost| cost.cpu)),
        peak: middle(costs.iter().map(|cost| cost.peak)),
    }
}
