//! What is kept of one host's case while the cases of many are read: so much that they can be held against each other, and no more.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::case::{Case, Cause, Coverage, EntryKind, Finding, FleetHost, Gap, Likelihood, Remedy, RunbookRef, Verdict};

/// Characters of a sentence that are kept.
const LONGEST_SENTENCE: usize = 400;
/// Characters of a name that are kept.
const LONGEST_NAME: usize = 100;
/// Causes of a host that are kept: those that are possible at least.
const MOST_CAUSES: usize = 16;
/// Remedies of a cause that are kept.
const MOST_REMEDIES: usize = 8;
/// Bytes of commands of a remedy; one with more is left to the host's own case.
const LONGEST_COMMANDS: usize = 4096;
/// Steps of a host that are kept.
const MOST_FINDINGS: usize = 64;
/// Gaps of a step that are kept.
const MOST_GAPS: usize = 4;
/// Entries of a ledger that are kept.
const MOST_ENTRIES: usize = 32;
/// Own addresses of a host that are kept.
const MOST_ADDRESSES: usize = 256;
/// Remotes of a host that are kept, in each direction: as many as a capture lists of flows.
const MOST_REMOTES: usize = 256;

/// One host of many.
pub struct Summary {
    /// As the merged case has it.
    pub host: FleetHost,
    /// The runbook that it was judged by; left out where another host of the fleet has one.
    pub runbook: Option<RunbookRef>,
    /// The name of that, and a digest of its text and its checks.
    pub(super) judged_by: (String, [u8; 32]),
    pub(super) causes: Vec<KeptCause>,
    pub(super) findings: Vec<KeptFinding>,
    pub(super) books: Option<Books>,
    /// Its own addresses.
    pub(super) addresses: Vec<String>,
    /// What came from each remote: bytes.
    pub(super) received: BTreeMap<String, u64>,
    /// What went to each remote: bytes.
    pub(super) sent: BTreeMap<String, u64>,
    /// All bytes that came in while packets were looked at.
    pub(super) received_bytes: Option<u64>,
    /// Source networks, counted.
    pub(super) networks: Option<u64>,
    /// Addresses have pseudonyms, which on another host may stand for another address.
    pub(super) has_pseudonyms: bool,
    pub(super) cost: crate::case::Cost,
    /// When its last probe had looked, by its own clock.
    pub(super) looked_until: Timestamp,
    /// When its case came, by the clock of the machine that merges.
    pub arrived: Option<Timestamp>,
}

/// A cause that is possible at least.
pub struct KeptCause {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) likelihood: Likelihood,
    pub(super) severity: Verdict,
    pub(super) subject: Map<String, Value>,
    pub(super) remedies: Vec<Remedy>,
}

/// A step.
pub struct KeptFinding {
    pub(super) step: String,
    pub(super) title: String,
    pub(super) verdict: Verdict,
    pub(super) sentence: String,
    pub(super) gaps: Vec<Gap>,
}

/// Where the inbound bytes of a host went.
pub struct Books {
    pub(super) bytes: u64,
    pub(super) packets: u64,
    pub(super) seconds: f64,
    pub(super) unexplained: u64,
    pub(super) entries: Vec<KeptEntry>,
}

/// A line of a host's ledger, named so that those of several hosts can be the same.
pub struct KeptEntry {
    pub(super) kind: EntryKind,
    pub(super) label: String,
    pub(super) protocol: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) bytes: u64,
    pub(super) packets: u64,
}

/// The beginning of a text.
fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn sentence(text: &str) -> String {
    clipped(text, LONGEST_SENTENCE)
}

fn name(text: &str) -> String {
    clipped(text, LONGEST_NAME)
}

impl Summary {
    /// What is kept of a case.
    pub fn of(case: Case) -> Self {
        let watched = output(&case, "interfaces").and_then(|output| output.get("watched"));
        let rate = |place: &str| watched.and_then(|watched| watched.pointer(place)).and_then(Value::as_f64);
        let per_second = |figure: u64, seconds: f64| (seconds > 0.0).then(|| figure as f64 / seconds);
        let account = case.ledger.as_ref();
        let first =
            case.evidence.values().filter(|evidence| evidence.output.is_some()).map(|evidence| evidence.started);
        let until = |evidence: &crate::case::Evidence| {
            let span = std::time::Duration::try_from_secs_f64(evidence.seconds.clamp(0.0, 1e9)).unwrap_or_default();
            evidence.started.checked_add(span).unwrap_or(evidence.started)
        };
        let looked_until = case.evidence.values().map(until).max().unwrap_or(case.started);
        let Coverage { looked, applicable } = case.coverage;
        let host = FleetHost {
            host: name(&case.host.name),
            kernel: name(&case.host.kernel),
            casebook: name(&case.casebook),
            root: case.host.root,
            watched_from: first.min().unwrap_or(case.started),
            watched_seconds: case.window_seconds,
            clock: case.host.clock,
            partial: case.partial,
            verdict: case.verdict,
            summary: sentence(&case.diagnosis.summary),
            rx_bits_per_second: account
                .and_then(|account| per_second(account.bytes, account.seconds))
                .map(|bytes| bytes * 8.0)
                .or_else(|| rate("/rx/bits_per_second")),
            rx_packets_per_second: account
                .and_then(|account| per_second(account.packets, account.seconds))
                .or_else(|| rate("/rx/packets_per_second")),
            tx_bits_per_second: rate("/tx/bits_per_second"),
            looked: (looked, applicable),
        };
        let capture = output(&case, "capture");
        let (received, sent) = capture.map(peers).unwrap_or_default();
        let figure = |place: &str| capture.and_then(|capture| capture.pointer(place)).and_then(Value::as_u64);
        Summary {
            addresses: addresses(&case),
            received,
            sent,
            received_bytes: figure("/rx/bytes"),
            networks: figure("/remotes/distinct_networks"),
            has_pseudonyms: case.may_have_pseudonyms(),
            books: account.map(books),
            host,
            causes: causes(case.diagnosis.causes),
            findings: case.findings.into_iter().take(MOST_FINDINGS).map(finding).collect(),
            judged_by: (name(&case.runbook.name), digest(&case.runbook)),
            runbook: Some(case.runbook),
            cost: case.cost,
            looked_until,
            arrived: None,
        }
    }

    /// Whether a cause is at work on the host that does it harm. A download, a backup, a crawl make traffic as well.
    pub fn is_hit(&self) -> bool {
        self.causes.iter().any(|cause| cause.is_at_work() && cause.severity == Verdict::Critical)
    }
}

impl KeptCause {
    /// Whether it is likely at least.
    pub fn is_at_work(&self) -> bool {
        self.likelihood >= Likelihood::Likely
    }
}

fn digest(runbook: &RunbookRef) -> [u8; 32] {
    let RunbookRef { name, title, text, wraps_check, overrides_embedded, choice: _, checks } = runbook;
    let mut hash = Sha256::new();
    let checks = checks.iter().flat_map(|(name, check)| [name, &check.text].into_iter().chain(check.modules.values()));
    for part in [name, title, text].into_iter().chain(wraps_check).chain(overrides_embedded).chain(checks) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// What the first step that asked this probe about the host itself saw.
fn output<'a>(case: &'a Case, probe: &str) -> Option<&'a Value> {
    let asked = case.evidence.values().filter(|evidence| evidence.probe == probe && !evidence.is_of_elsewhere());
    asked.into_iter().find_map(|evidence| evidence.output.as_ref())
}

fn causes(all: Vec<Cause>) -> Vec<KeptCause> {
    let possible = all.into_iter().filter(|cause| cause.likelihood >= Likelihood::Possible).take(MOST_CAUSES);
    let kept = possible.map(|cause| KeptCause {
        id: name(&cause.id),
        title: sentence(&cause.title),
        severity: cause.severity,
        subject: cause.subject.into_iter().take(16).map(|(key, value)| (name(&key), bounded(value))).collect(),
        remedies: match cause.likelihood >= Likelihood::Likely {
            true => cause.remedies.into_iter().filter(is_short).take(MOST_REMEDIES).collect(),
            false => Vec::new(),
        },
        likelihood: cause.likelihood,
    });
    kept.collect()
}

fn is_short(remedy: &Remedy) -> bool {
    let texts = [Some(&remedy.action), remedy.run.as_ref(), remedy.undo.as_ref(), remedy.risk.as_ref()];
    texts.into_iter().flatten().map(String::len).sum::<usize>() <= LONGEST_COMMANDS
}

/// A value of a subject, of bounded size.
fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(name(&text)),
        // Lists in lists would multiply.
        Value::Array(items) => items.into_iter().filter(|item| !item.is_array()).take(16).map(bounded).collect(),
        // Of a process its name: its number is another on each host.
        Value::Object(mut fields) => match fields.remove("name") {
            Some(Value::String(text)) => Value::String(name(&text)),
            _ => Value::Null,
        },
        other => other,
    }
}

fn finding(finding: Finding) -> KeptFinding {
    let short = |gap: Gap| Gap {
        tried: sentence(&gap.tried),
        reason: gap.reason,
        why: sentence(&gap.why),
        to_fix: gap.to_fix.as_deref().map(sentence),
    };
    KeptFinding {
        step: name(&finding.step),
        title: name(&finding.title),
        verdict: finding.verdict,
        sentence: sentence(&finding.sentence),
        gaps: finding.gaps.into_iter().take(MOST_GAPS).map(short).collect(),
    }
}

fn books(account: &crate::case::Account) -> Books {
    let label = |entry: &crate::case::Entry| match (&entry.process, &entry.rule, entry.kind) {
        (Some(process), ..) => {
            // A process has another number on each host; what the label says beside it stays.
            let numbered = process.to_string();
            entry.label.replace(&numbered, &process.name).replace(&format!(" (pid {})", process.pid), "")
        }
        (None, _, EntryKind::NoListener) => {
            let place = entry.protocol.as_deref().zip(entry.port);
            place.map_or("no listener".to_owned(), |(protocol, port)| {
                format!("no listener: {} port {port}", protocol.to_uppercase())
            })
        }
        _ => entry.label.clone(),
    };
    let entries = account.entries.iter().take(MOST_ENTRIES).map(|entry| KeptEntry {
        kind: entry.kind,
        label: name(&label(entry)),
        protocol: entry.protocol.as_deref().map(name),
        port: entry.port,
        bytes: entry.bytes,
        packets: entry.packets,
    });
    Books {
        bytes: account.bytes,
        packets: account.packets,
        seconds: account.seconds,
        unexplained: account.unexplained_bytes,
        entries: entries.collect(),
    }
}

fn texts<'a>(
    list: Option<&'a Value>,
    of: impl Fn(&'a Value) -> Option<&'a Value> + 'a,
) -> impl Iterator<Item = String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(move |item| of(item)?.as_str()).map(name)
}

/// The host's own addresses, as its interfaces and its capture name them.
fn addresses(case: &Case) -> Vec<String> {
    let interfaces = output(case, "interfaces").and_then(|output| output["interfaces"].as_array());
    let of_interfaces =
        interfaces.into_iter().flatten().flat_map(|of| texts(of.get("addresses"), |item| item.get("address")));
    let of_capture = texts(output(case, "capture").and_then(|output| output.get("local_addresses")), Some);
    let mut all: Vec<String> = of_interfaces.chain(of_capture).take(MOST_ADDRESSES * 2).collect();
    all.sort();
    all.dedup();
    all.truncate(MOST_ADDRESSES);
    all
}

type Peers = (BTreeMap<String, u64>, BTreeMap<String, u64>);

/// Bytes from and to each remote that a capture lists. Of its several lists each is short of some: the greatest figure is the
/// closest, and none exceeds the truth.
fn peers(capture: &Value) -> Peers {
    let (mut received, mut sent) = (BTreeMap::new(), BTreeMap::new());
    let rows = |place: &str| capture.pointer(place).and_then(Value::as_array).into_iter().flatten();
    let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).map(name);
    let bytes = |row: &Value, key: &str| row.get(key).and_then(Value::as_u64).unwrap_or_default();
    for row in rows("/flows").take(MOST_REMOTES) {
        if let Some(remote) = text(row, "remote_address") {
            add(&mut received, &remote, bytes(row, "rx_bytes"));
            add(&mut sent, &remote, bytes(row, "tx_bytes"));
        }
    }
    let raise = |to: &mut BTreeMap<String, u64>, of: BTreeMap<String, u64>| {
        for (remote, bytes) in of {
            let known = to.entry(remote).or_default();
            *known = bytes.max(*known);
        }
    };
    let (mut top, mut to) = (BTreeMap::new(), BTreeMap::new());
    for row in rows("/remotes/top").take(MOST_REMOTES) {
        text(row, "address").into_iter().for_each(|remote| add(&mut top, &remote, bytes(row, "bytes")));
    }
    for row in rows("/sent/to").take(MOST_REMOTES) {
        text(row, "address").into_iter().for_each(|remote| add(&mut to, &remote, bytes(row, "bytes")));
    }
    raise(&mut received, top);
    raise(&mut sent, to);
    received.retain(|_, bytes| *bytes > 0);
    sent.retain(|_, bytes| *bytes > 0);
    (received, sent)
}

fn add(to: &mut BTreeMap<String, u64>, remote: &str, bytes: u64) {
    let known = to.entry(remote.to_owned()).or_default();
    *known = known.saturating_add(bytes);
}
