//! The rows of the table.

use std::fmt;
use std::time::Duration;

use crate::measure::{Contest, Cost};

/// One job at one size.
#[derive(Debug, Clone)]
pub struct Row {
    job: String,
    load: String,
    ours: Option<Cost>,
    before: Option<Cost>,
    peer: Option<(String, Cost)>,
    others: Vec<(String, Cost)>,
    checks: Vec<Check>,
    note: String,
}

/// A figure against its budget.
#[derive(Debug, Clone)]
struct Check {
    figure: String,
    budget: String,
    met: bool,
}

impl Row {
    /// A row without a figure yet.
    pub fn new(job: &str, load: &str) -> Self {
        Row {
            job: job.to_owned(),
            load: load.to_owned(),
            ours: None,
            before: None,
            peer: None,
            others: Vec::new(),
            checks: Vec::new(),
            note: String::new(),
        }
    }

    /// A job that could not be measured, and why.
    pub fn not_measured(job: &str, why: &anyhow::Error) -> Self {
        Row::new(job, "").note(&format!("not measured: {why:#}"))
    }

    /// What both sides cost.
    pub fn contest(mut self, contest: &Contest) -> Self {
        self.ours = Some(contest.ours);
        self.before = contest.before;
        let mut peers = contest.peers.iter().cloned();
        self.peer = peers.next();
        self.others = peers.collect();
        self
    }

    /// What casebook alone cost.
    pub fn cost(mut self, ours: Cost) -> Self {
        self.ours = Some(ours);
        self
    }

    /// What the older build cost.
    pub fn before(mut self, before: Option<Cost>) -> Self {
        self.before = before;
        self
    }

    /// What a peer cost; the first is the one that counts.
    pub fn peer(mut self, name: &str, cost: Cost) -> Self {
        if self.peer.is_none() {
            self.peer = Some((name.to_owned(), cost));
        } else {
            self.others.push((name.to_owned(), cost));
        }
        self
    }

    /// The wall time as a share of the best peer's.
    pub fn ratio(self, most: f64) -> Self {
        let (Some(ours), Some((_, theirs))) = (&self.ours, &self.peer) else {
            return self.note("no peer is installed");
        };
        let ratio = ours.wall.as_secs_f64() / theirs.wall.as_secs_f64();
        self.check(format!("{ratio:.2} ×"), format!("≤ {most} ×"), ratio <= most)
    }

    /// The wall time as a share of that of one of the peers.
    pub fn ratio_to(self, peer: &str, most: f64) -> Self {
        let found = self.peer.iter().chain(&self.others).find(|(name, _)| name == peer);
        let (Some(ours), Some((_, theirs))) = (&self.ours, found) else {
            return self.note(&format!("`{peer}` is not installed"));
        };
        let ratio = ours.wall.as_secs_f64() / theirs.wall.as_secs_f64();
        self.check(format!("{ratio:.2} × `{peer}`"), format!("≤ {most} ×"), ratio <= most)
    }

    /// The CPU time as a share of the older build's.
    pub fn less(self, most: f64) -> Self {
        let (Some(ours), Some(before)) = (&self.ours, &self.before) else {
            return self.note(&format!("≤ {most} × the CPU of the build before, which was not given"));
        };
        let ratio = ours.cpu.as_secs_f64() / before.cpu.as_secs_f64();
        self.check(format!("{ratio:.2} × the CPU of the build before"), format!("≤ {most} ×"), ratio <= most)
    }

    /// The peak memory.
    pub fn peak(self, most_megabytes: u64) -> Self {
        let peak = self.ours.map_or(0, |cost| cost.peak);
        self.check(megabytes(peak), format!("≤ {most_megabytes} MB"), peak <= most_megabytes * 1_000_000)
    }

    /// Any other figure against its budget.
    pub fn check(mut self, figure: String, budget: String, met: bool) -> Self {
        self.checks.push(Check { figure, budget, met });
        self
    }

    /// A remark.
    pub fn note(mut self, note: &str) -> Self {
        if !self.note.is_empty() {
            self.note.push_str("; ");
        }
        self.note.push_str(note);
        self
    }

    fn met(&self) -> &'static str {
        match self.checks.iter().all(|check| check.met) {
            _ if self.checks.is_empty() => "–",
            true => "yes",
            false => "**no**",
        }
    }

    fn checks(&self) -> String {
        let told = self.checks.iter().map(|check| format!("{} ({})", check.figure, check.budget));
        told.collect::<Vec<_>>().join(" · ")
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {} {}", self.job, self.load, self.checks(), self.met())?;
        if let Some(ours) = &self.ours {
            write!(f, "\n    casebook {}", shown(ours))?;
        }
        if let Some(before) = &self.before {
            write!(f, "\n    the build before {}", shown(before))?;
        }
        for (name, cost) in self.peer.iter().chain(&self.others) {
            write!(f, "\n    {name} {}", shown(cost))?;
        }
        if !self.note.is_empty() {
            write!(f, "\n    {}", self.note)?;
        }
        Ok(())
    }
}

/// Wall time, CPU time, peak memory.
fn shown(cost: &Cost) -> String {
    format!("{} / {} / {}", time(cost.wall), time(cost.cpu), megabytes(cost.peak))
}

/// The table.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| job | load | casebook | the build before | best peer | other peers | result (budget) | met |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let peer = row.peer.iter().map(|(name, cost)| format!("`{}` {}", escaped(name), shown(cost)));
        let others = row.others.iter().map(|(name, cost)| format!("`{}` {}", escaped(name), time(cost.wall)));
        let result = [row.checks(), row.note.clone()].into_iter().filter(|part| !part.is_empty());
        let cells = [
            row.job.clone(),
            row.load.clone(),
            row.ours.as_ref().map(shown).unwrap_or_default(),
            row.before.as_ref().map_or_else(|| "–".to_owned(), shown),
            peer.collect::<Vec<_>>().join(""),
            others.collect::<Vec<_>>().join(", "),
            result.collect::<Vec<_>>().join("; ").replace(['\n', '|'], " "),
            row.met().to_owned(),
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

/// A name that stands in a cell.
fn escaped(name: &str) -> String {
    name.replace('|', "\\|")
}

/// A time with three figures at most.
pub fn time(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    match milliseconds {
        0.0..10.0 => format!("{milliseconds:.1} ms"),
        0.0..10_000.0 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.1} s", milliseconds / 1e3),
    }
}

/// Bytes as megabytes.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
