//! The report as metrics, for node_exporter's textfile collector and whatever else reads OpenMetrics.
//!
//! Only gauges without timestamps, so that the text is valid both as OpenMetrics and as the older Prometheus text that the
//! textfile collector reads. Labels are names of the runbook and of interfaces, never a name that a stranger chose: their number
//! is bounded by the runbook.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::io;

use super::escape;
use super::sections::Watched;
use super::{Options, Renderer};
use crate::case::{Account, Case, Entry, EntryKind, Likelihood, Verdict};

/// Metrics of one run.
pub struct OpenMetrics;

/// Steps and causes that are told apart; a runbook with more is a machine's.
const MOST: usize = 500;
/// Characters of a label.
const LABEL: usize = 120;

impl Renderer for OpenMetrics {
    fn name(&self) -> &'static str {
        "openmetrics"
    }

    fn about(&self) -> &'static str {
        "metrics for Prometheus: for the textfile collector of node_exporter"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["prom", "openmetrics"]
    }

    fn render(&self, case: &Case, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
        let mut metrics = Metrics { text: String::new(), runbook: case.runbook.name.clone() };
        run(&mut metrics, case);
        steps(&mut metrics, case);
        causes(&mut metrics, case);
        if let Some(watched) = Watched::of(case) {
            interface(&mut metrics, &watched);
        }
        if let Some(account) = &case.ledger {
            ledger(&mut metrics, account);
        }
        metrics.text.push_str("# EOF\n");
        out.write_all(metrics.text.as_bytes())
    }
}

/// Labels beside the runbook's, and the figure; none when it is not known.
type Sample<const N: usize> = ([(&'static str, String); N], Option<f64>);

/// Metrics as they are written; each has the runbook as its first label.
struct Metrics {
    text: String,
    runbook: String,
}

impl Metrics {
    /// A gauge with its samples. The name's end is its unit where it has one. What is not known has no sample: 0 would be a lie.
    fn gauge<const N: usize>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = Sample<N>>) {
        let known =
            samples.into_iter().filter_map(|(labels, figure)| Some((labels, figure.filter(|it| it.is_finite())?)));
        let mut begun = false;
        for (labels, figure) in known {
            // Writing to a text cannot fail.
            if !begun {
                begun = true;
                let _ = writeln!(self.text, "# HELP casebook_{name} {help}\n# TYPE casebook_{name} gauge");
                let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
                if let Some(unit) = unit {
                    let _ = writeln!(self.text, "# UNIT casebook_{name} {unit}");
                }
            }
            let _ = write!(self.text, "casebook_{name}{{runbook=\"{}\"", quoted(&self.runbook));
            for (label, value) in labels {
                let _ = write!(self.text, ",{label}=\"{}\"", quoted(&value));
            }
            let _ = writeln!(self.text, "}} {figure}");
        }
    }

    /// A gauge with one sample.
    fn one(&mut self, name: &str, help: &str, figure: f64) {
        self.gauge(name, help, [([], Some(figure))]);
    }
}

/// The value of a label as it stands between quotes.
fn quoted(text: &str) -> String {
    escape::line(text, LABEL).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn flag(holds: bool) -> Option<f64> {
    Some(if holds { 1.0 } else { 0.0 })
}

fn run(metrics: &mut Metrics, case: &Case) {
    let started = case.started.as_millisecond() as f64 / 1000.0;
    metrics.one("run_started_timestamp_seconds", "When the run began, in seconds since 1970.", started);
    metrics.one("run_duration_seconds", "How long the run took.", case.cost.wall_seconds);
    metrics.one("run_cpu_seconds", "CPU time that the run took.", case.cost.cpu_seconds);
    metrics.one("run_memory_bytes", "Peak resident memory of the run.", case.cost.peak_memory_bytes as f64);
    metrics.one("run_window_seconds", "The window that the probes shared.", case.window_seconds);
    metrics.gauge("run_partial", "Whether the run was ended before its window was over.", [([], flag(case.partial))]);
    metrics.gauge(
        "run_verdict",
        "The gravest finding: 1 at the verdict of the run.",
        Verdict::ALL.map(|verdict| ([("verdict", verdict.to_string())], flag(verdict == case.verdict))),
    );
    let status = f64::from(case.verdict.exit_status());
    metrics.one("run_exit_status", "The verdict as an exit status: 0 ok, 1 warning, 2 critical, 3 unknown.", status);
    let coverage = case.coverage;
    metrics.one("steps_applicable", "Steps that apply on this host.", coverage.applicable as f64);
    metrics.one("steps_looked", "Steps that could look.", coverage.looked as f64);
}

fn steps(metrics: &mut Metrics, case: &Case) {
    let samples = case.findings.iter().take(MOST).flat_map(|finding| {
        Verdict::ALL.map(|verdict| {
            let labels = [("step", finding.step.clone()), ("verdict", verdict.to_string())];
            (labels, flag(verdict == finding.verdict))
        })
    });
    metrics.gauge("step_verdict", "What each step found: 1 at its verdict.", unique(samples));
}

fn causes(metrics: &mut Metrics, case: &Case) {
    let samples = case.diagnosis.causes.iter().take(MOST).map(|cause| {
        let rank = match cause.likelihood {
            Likelihood::RuledOut => 0.0,
            Likelihood::Unlikely => 1.0,
            Likelihood::Possible => 2.0,
            Likelihood::Likely => 3.0,
            Likelihood::Certain => 4.0,
        };
        ([("cause", cause.id.clone())], Some(rank))
    });
    let help = "How sure a cause is: 0 ruled out, 1 unlikely, 2 possible, 3 likely, 4 certain.";
    metrics.gauge("cause_likelihood", help, unique(samples));
}

/// Samples of which no two have the same labels: a reader refuses the whole text for one that comes twice.
fn unique<const N: usize>(samples: impl Iterator<Item = Sample<N>>) -> impl Iterator<Item = Sample<N>> {
    let mut seen = HashSet::new();
    samples.filter(move |(labels, _)| seen.insert(labels.each_ref().map(|(_, value)| quoted(value))))
}

fn interface(metrics: &mut Metrics, watched: &Watched) {
    let sides = |rx: Option<f64>, tx: Option<f64>| {
        [("receive", rx), ("transmit", tx)].map(|(direction, figure)| {
            ([("interface", watched.interface.clone()), ("direction", direction.to_owned())], figure)
        })
    };
    metrics.gauge(
        "interface_bits_per_second",
        "What the watched interface moved, on average over the window.",
        sides(watched.rx_bits_per_second, watched.tx_bits_per_second),
    );
    metrics.gauge(
        "interface_packets_per_second",
        "Packets that the watched interface moved, on average over the window.",
        sides(watched.rx_packets_per_second, watched.tx_packets_per_second),
    );
    metrics.gauge(
        "interface_dropped_packets",
        "Received packets that the watched interface dropped in the window.",
        [([("interface", watched.interface.clone())], watched.rx_dropped)],
    );
}

fn ledger(metrics: &mut Metrics, account: &Account) {
    let interface = || ("interface", account.interface.clone());
    metrics.gauge(
        "ledger_received_bytes",
        "Bytes that the interface received in the window.",
        [([interface()], Some(account.bytes as f64))],
    );
    metrics.gauge(
        "ledger_bytes",
        "Where the received bytes of the window went.",
        by_kind(&account.entries, account.unexplained_bytes)
            .into_iter()
            .map(|(kind, bytes)| ([interface(), ("end", kind.to_owned())], Some(bytes as f64))),
    );
    let Some(outbound) = &account.outbound else { return };
    metrics.gauge(
        "ledger_sent_bytes",
        "Bytes that the interface sent in the window.",
        [([interface()], Some(outbound.bytes as f64))],
    );
    metrics.gauge(
        "ledger_origin_bytes",
        "Where the sent bytes of the window came from.",
        by_kind(&outbound.entries, outbound.unexplained_bytes)
            .into_iter()
            .map(|(kind, bytes)| ([interface(), ("origin", kind.to_owned())], Some(bytes as f64))),
    );
}

fn by_kind(entries: &[Entry], unexplained: u64) -> BTreeMap<&'static str, u64> {
    let mut kinds: BTreeMap<&'static str, u64> = BTreeMap::new();
    for entry in entries {
        let sum = kinds.entry(kind(entry.kind)).or_default();
        *sum = sum.saturating_add(entry.bytes);
    }
    kinds.insert("unexplained", unexplained);
    kinds
}

/// The kind of an end as a label.
fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Process => "process",
        EntryKind::FirewallRule => "firewall_rule",
        EntryKind::KernelDrop => "kernel_drop",
        EntryKind::NoListener => "no_listener",
        EntryKind::SocketFull => "socket_full",
        EntryKind::Kernel => "kernel",
        EntryKind::Forwarded => "forwarded",
        EntryKind::NotForUs => "not_for_us",
        EntryKind::Broadcast => "broadcast",
        EntryKind::Multicast => "multicast",
        EntryKind::NonIp => "non_ip",
        EntryKind::UnseenOwner => "unseen_owner",
        EntryKind::Answer => "answer",
        EntryKind::SentAgain => "sent_again",
    }
}
