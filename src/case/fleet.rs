//! What many hosts have in common, and where they differ: the part of a merged case that a case of one host has not.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Clock, Gap, Likelihood, Verdict};

/// Many hosts, held against each other. It is derived from the cases of the hosts whenever they are read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fleet {
    /// The hosts that answered, by name.
    pub hosts: Vec<FleetHost>,
    /// Those that did not, and files that are no case: each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<AbsentHost>,
    /// Causes that are possible on a host at least, those of most hosts first.
    pub causes: Vec<FleetCause>,
    /// Steps on which not all hosts agree, and what else they could agree on.
    pub differences: Vec<Agreement>,
    /// Hosts whose addresses others name as remotes, most bytes first.
    pub between: Vec<Between>,
    /// How figures are spread over the hosts.
    pub spreads: Vec<Spread>,
    /// What the cases of the hosts name, for whoever gives pseudonyms; none where they are not at hand. It is never written.
    #[serde(skip)]
    pub named: Option<Named>,
}

/// Users and hosts that the cases of many hosts name: in their evidence, which the merged case has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Users.
    pub users: BTreeSet<String>,
    /// Hosts and domains, in lower case.
    pub hosts: BTreeSet<String>,
    /// Domains that texts name, in lower case.
    pub domains: BTreeSet<String>,
}

impl Named {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.users.len() + self.hosts.len() + self.domains.len()
    }
}

/// A host of a merged case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FleetHost {
    /// Its name, as its case says; with a number where several have it.
    pub host: String,
    /// Its kernel's release.
    pub kernel: String,
    /// The casebook that looked there.
    pub casebook: String,
    /// Whether that had root's rights.
    pub root: bool,
    /// When its first probe began to look, by its own clock.
    #[schemars(with = "String")]
    pub watched_from: Timestamp,
    /// How long it watched, in seconds.
    pub watched_seconds: f64,
    /// What its kernel says of its clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// Its run was ended early.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its summary.
    pub summary: String,
    /// What it received, in bits per second; none where its case does not say.
    pub rx_bits_per_second: Option<f64>,
    /// The same in packets.
    pub rx_packets_per_second: Option<f64>,
    /// What it sent, in bits per second.
    pub tx_bits_per_second: Option<f64>,
    /// Steps that could look there, and steps that applied.
    pub looked: (usize, usize),
}

/// A host of which there is no case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AbsentHost {
    /// Its name: as it was expected, or the name of the file without its ending.
    pub host: String,
    /// Why there is none.
    pub gap: Gap,
}

/// A cause on the hosts that have it of the same subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FleetCause {
    /// The id from the runbook: `syn-flood`.
    pub id: String,
    /// What happens there; where hosts say it with other figures, with the range of these.
    pub title: String,
    /// What is the same on all of these hosts: `local` only where several have it, as a shared address.
    pub subject: Map<String, Value>,
    /// The verdict of a host on which it is likely.
    pub severity: Verdict,
    /// How likely it is on each host.
    pub hosts: IndexMap<String, Likelihood>,
    /// The source networks that these hosts list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Sources>,
}

/// Source networks (IPv4 /24, IPv6 /48) of several hosts, compared. Each host lists its heaviest sources alone, so what they share
/// is a lower bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sources {
    /// Hosts that list any.
    pub hosts: usize,
    /// Networks that are listed by a host at least.
    pub listed: usize,
    /// Networks that are listed by two hosts or more.
    pub by_several: usize,
    /// Networks that all of these hosts list.
    pub by_all: usize,
    /// The most networks that one host counted, listed or not.
    pub most_counted: Option<u64>,
}

/// Something that hosts could agree on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// The step, or what it is: `kernel`, `casebook`.
    pub of: String,
    /// What hosts say, those of most hosts first.
    pub groups: Vec<Agreed>,
}

/// Hosts that say the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreed {
    /// What they say: a verdict, a release.
    pub what: String,
    /// An example, from the first of the hosts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub example: String,
    /// The hosts.
    pub hosts: Vec<String>,
}

/// What one host of the fleet sent to another, as both count it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Between {
    /// Who has the address that it came from.
    pub from: String,
    /// Who received it.
    pub to: String,
    /// That address.
    pub address: String,
    /// Bytes that the receiver counted from there; none where it lists none.
    pub received_bytes: Option<u64>,
    /// Bytes that the sender counted to the receiver; none where it lists none. Then the address may be forged.
    pub sent_bytes: Option<u64>,
    /// Share of all that the receiver received.
    pub share: Option<f64>,
    /// It is most of what the receiver received, and a cause is at work there.
    pub floods: bool,
}

/// How a figure is spread over the hosts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// Which figure: `rx_bits_per_second`.
    pub figure: String,
    /// Hosts that know it.
    pub hosts: usize,
    /// Its sum over these hosts: a lower bound where others do not know it.
    pub sum: f64,
    /// The least, and who has it.
    pub least: (f64, String),
    /// The one in the middle.
    pub median: f64,
    /// The greatest, and who has it.
    pub most: (f64, String),
}
