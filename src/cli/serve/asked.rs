//! What a client may ask for: the arguments of each tool. Doc comments are what the client reads.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::Usage;

/// Bytes of an answer when the client says nothing: of a conclusion, and of anything else.
pub(super) const CONCLUSION: usize = 1600;
pub(super) const USUAL: usize = 4000;
/// The least and the most that it may ask for.
const LEAST: usize = 1000;
const MOST: usize = 200_000;

/// The bytes that an answer may take.
pub(super) fn bytes(asked: Option<usize>, usual: usize) -> Result<usize, Usage> {
    match asked.unwrap_or(usual) {
        bytes if (LEAST..=MOST).contains(&bytes) => Ok(bytes),
        bytes => Err(Usage(format!("max_bytes is {bytes}: it may be {LEAST} to {MOST}"))),
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListRunbooks {
    /// Only the runbook of this name.
    pub name: Option<String>,
    /// The most bytes of the answer, 1000 to 200000; 4000 unless given.
    pub max_bytes: Option<usize>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunRunbook {
    /// Its name, as list_runbooks has it: high-inbound-traffic.
    pub runbook: String,
    /// How long to watch: 10s unless given. The answer comes a moment after that.
    #[serde(default)]
    pub window: Option<String>,
    /// Other parameters by name, as list_runbooks describes them: {"high": "100Mbit/s"}.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// The most bytes of the answer, 1000 to 200000; 1600 unless given.
    #[serde(default)]
    pub max_bytes: Option<usize>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListProbes {
    /// Only the probe of this name, with the JSON schema of its parameters.
    pub name: Option<String>,
    /// With a name: also the JSON schema of its output. Some are long: give max_bytes.
    pub output_schema: bool,
    /// The most bytes of the answer, 1000 to 200000; 4000 unless given.
    pub max_bytes: Option<usize>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunProbe {
    /// Its name, as list_probes has it: sockets.
    pub probe: String,
    /// Its parameters, by the schema that list_probes gives with the probe's name: {"window": "5s"}.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// The most bytes of the answer, 1000 to 200000; 4000 unless given.
    #[serde(default)]
    pub max_bytes: Option<usize>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListCases {
    /// The most bytes of the answer, 1000 to 200000; 4000 unless given.
    pub max_bytes: Option<usize>,
}

/// A part of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Section {
    /// The conclusion, as the run gave it, with more room.
    #[default]
    Summary,
    /// All causes that were weighed, with their signs and remedies.
    Causes,
    /// What each step found.
    Steps,
    /// What a step observed: name the `step`; without one, what there is.
    Evidence,
    /// Where the inbound and outbound bytes went.
    Ledger,
    /// Of a merged case: what the hosts have in common.
    Hosts,
    /// The report as plain text.
    Report,
}

impl Section {
    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Section::Summary => "summary",
            Section::Causes => "causes",
            Section::Steps => "steps",
            Section::Evidence => "evidence",
            Section::Ledger => "ledger",
            Section::Hosts => "hosts",
            Section::Report => "report",
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadCase {
    /// A case that this server made, such as run-1, or a file as list_cases names it.
    pub case: String,
    /// Which part of it.
    #[serde(default)]
    pub section: Section,
    /// Evidence: of this step; of a probe that was run by itself, the probe's name.
    #[serde(default)]
    pub step: Option<String>,
    /// Evidence: what stands at this path in the step's output, as left_out names it: connections[3].remote.
    #[serde(default)]
    pub path: Option<String>,
    /// Causes: only the one of this id.
    #[serde(default)]
    pub cause: Option<String>,
    /// Go on from here, as `next` of the answer before says: a place in a list, or a byte of the report.
    #[serde(default)]
    pub from: usize,
    /// The most bytes of the answer, 1000 to 200000; 4000 unless given.
    #[serde(default)]
    pub max_bytes: Option<usize>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayCase {
    /// A case that this server made, such as run-1, or a file as list_cases names it.
    pub case: String,
    /// Judge by this runbook, as list_runbooks has it; unless given, by the case's own.
    #[serde(default)]
    pub runbook: Option<String>,
    /// Parameters to set otherwise than in the recorded run.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// The most bytes of the answer, 1000 to 200000; 1600 unless given.
    #[serde(default)]
    pub max_bytes: Option<usize>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeCases {
    /// Cases of different hosts: those that this server made, and files as list_cases names them, earlier merges included.
    pub cases: Vec<String>,
    /// The most bytes of the answer, 1000 to 200000; 1600 unless given.
    #[serde(default)]
    pub max_bytes: Option<usize>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ReadToolOutput {
    /// What tools printed, as it was pasted: ifconfig, ip, sar, ss, netstat, iptables, nft, tcpdump, dmesg, logs and more.
    pub text: Option<String>,
    /// Instead of a text: a file as list_cases names it.
    pub file: Option<String>,
    /// Judge by this runbook; unless given, by those that are for what the outputs show.
    pub runbook: Option<String>,
    /// What people complain of, in their words: ssh is slow. It picks runbooks, too, where none is given.
    pub complaint: Option<String>,
    /// Of a recorded day (sar), the time that is judged: 17:40.
    pub at: Option<String>,
    /// The most bytes of the answer, 1000 to 200000; 1600 unless given.
    pub max_bytes: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_reads_of_the_bytes_of_an_answer_is_so() {
        assert_eq!((bytes(None, CONCLUSION).unwrap(), bytes(None, USUAL).unwrap()), (1600, 4000));
        assert_eq!(bytes(Some(1000), USUAL).unwrap(), 1000);
        assert_eq!(bytes(Some(200_000), USUAL).unwrap(), 200_000);
        assert!(bytes(Some(999), USUAL).is_err() && bytes(Some(200_001), USUAL).is_err());
    }
}
