//! The hosts of a merged case: each in a line, and all of them against the causes.

use super::{Depth, name, sentence};
use crate::case::{Fleet, FleetHost, Likelihood, Verdict};
use crate::units;

/// Hosts that have a line, of which those in trouble come first.
const MOST_ROWS: usize = 40;
/// The same when the reader asks for more.
const MOST_ROWS_IN_FULL: usize = 200;
/// Causes in the picture.
const MOST_CAUSES: usize = 12;
/// Hosts in the picture.
const MOST_DRAWN: usize = 400;

/// The hosts of a merged case.
pub struct FleetSection {
    /// `Hosts: 12 of 40 in trouble, 2 did not answer`.
    pub title: String,
    /// A line each, those in trouble first.
    pub rows: Vec<HostRow>,
    /// What is left out of the lines, and what the hosts send each other.
    pub notes: Vec<String>,
    /// The causes of the picture.
    pub causes: Vec<String>,
    /// The hosts of the picture, each with what holds of each cause.
    pub columns: Vec<(String, Vec<Held>)>,
}

/// One host.
pub struct HostRow {
    /// Its name.
    pub host: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// What it receives; a question mark where its case does not say.
    pub rate: String,
    /// Its summary, or why there is no case of it.
    pub said: String,
}

/// What holds of a cause on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It is at work.
    AtWork,
    /// It is possible.
    Possible,
    /// It is not.
    No,
    /// There is no case of the host.
    Unknown,
}

impl FleetSection {
    pub(super) fn of(fleet: &Fleet, depth: Depth) -> Self {
        let mut hosts: Vec<&FleetHost> = fleet.hosts.iter().collect();
        let bits = |host: &FleetHost| host.rx_bits_per_second.unwrap_or_default();
        hosts.sort_by(|a, b| {
            let gravity = |host: &FleetHost| std::cmp::Reverse(host.verdict.gravity());
            gravity(a).cmp(&gravity(b)).then(bits(b).total_cmp(&bits(a))).then(a.host.cmp(&b.host))
        });
        let trouble = hosts.iter().filter(|host| matches!(host.verdict, Verdict::Warning | Verdict::Critical)).count();
        let silent = match fleet.absent.len() {
            0 => String::new(),
            1 => ", 1 did not answer".to_owned(),
            count => format!(", {count} did not answer"),
        };
        let all = hosts.len() + fleet.absent.len();
        let absent = fleet.absent.iter().map(|absent| HostRow {
            host: name(&absent.host),
            verdict: Verdict::Unknown,
            rate: "?".to_owned(),
            said: sentence(&format!("could not {}: {}", absent.gap.tried, absent.gap.why)),
        });
        // What is not known stands before what is fine.
        let graver = |host: &&FleetHost| host.verdict.gravity() > Verdict::Unknown.gravity();
        let rows = hosts.iter().copied().filter(graver).map(row).chain(absent);
        let mut rows: Vec<HostRow> = rows.chain(hosts.iter().copied().filter(|host| !graver(host)).map(row)).collect();
        let most = if depth == Depth::Full { MOST_ROWS_IN_FULL } else { MOST_ROWS };
        let left = rows.len().saturating_sub(most);
        rows.truncate(most);
        let mut notes = Vec::new();
        if left > 0 {
            notes.push(format!("and {left} more hosts: --format json has all"));
        }
        notes.extend(fleet.between.iter().filter(|pair| !pair.floods).take(3).map(|pair| {
            let bytes = |of: Option<u64>| of.map_or("none listed".to_owned(), |bytes| units::bytes(bytes as f64));
            let (there, here) = (bytes(pair.received_bytes), bytes(pair.sent_bytes));
            sentence(&format!("{} to {}: {there} as received there, {here} as sent here", pair.from, pair.to))
        }));
        let causes: Vec<&crate::case::FleetCause> = fleet.causes.iter().take(MOST_CAUSES).collect();
        let held = |host: &FleetHost| -> Vec<Held> {
            let of = |cause: &&crate::case::FleetCause| match cause.hosts.get(&host.host) {
                Some(likelihood) if *likelihood >= Likelihood::Likely => Held::AtWork,
                Some(Likelihood::Possible) => Held::Possible,
                _ => Held::No,
            };
            causes.iter().map(of).collect()
        };
        let unknown = fleet.absent.iter().map(|absent| (name(&absent.host), vec![Held::Unknown; causes.len()]));
        FleetSection {
            title: format!("Hosts: {trouble} of {all} in trouble{silent}"),
            rows,
            notes,
            columns: hosts.iter().map(|host| (name(&host.host), held(host))).chain(unknown).take(MOST_DRAWN).collect(),
            causes: causes.iter().map(|cause| name(&cause.title)).collect(),
        }
    }
}

fn row(host: &FleetHost) -> HostRow {
    HostRow {
        host: name(&host.host),
        verdict: host.verdict,
        rate: host.rx_bits_per_second.map_or("?".to_owned(), units::bitrate),
        said: sentence(&host.summary),
    }
}
