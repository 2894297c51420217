//! `capture`: a timed burst of packets, added up by flow, receiver and kind.
//!
//! A source (`live` or `file`) hands over packets; `link` and `packet` read them; `tally` adds them up with
//! constant work per packet and bounded memory; `summary` turns the sums into the [`Capture`].

pub mod output;

mod asked;
mod both_ways;
mod claims;
mod classes;
mod count;
mod dns;
mod endpoints;
mod file;
mod flows;
mod fragments;
mod histogram;
mod host;
mod link;
mod live;
mod local;
mod misra_gries;
mod names;
mod neighbours;
mod opening;
mod packet;
mod payload_signature;
mod pcap;
mod port_scan;
mod ports;
mod reflected;
mod sampling;
mod sent;
mod sent_summary;
mod summary;
mod tally;
mod timeseries;
mod write;

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use file::{fault, of_frames};
pub use names::reflectors;
pub use output::Capture;

use super::{Context, Need, Probe, Right, Use};
use crate::case::{Gap, Observed, Reason};
use crate::printable::printable;
use crate::units::{Size, Span};
use summary::Source;
use tally::Tally;
use write::Writer;

/// The probe.
#[derive(Debug)]
pub struct CaptureProbe;

/// What to capture.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Interface to watch: a name, another name of it, an alias such as `eth0:1`, or one of its addresses; all of its
    /// packets are seen, not only those of that alias or address. `auto` is all interfaces through which traffic enters the
    /// host, at most 8: those that stand on no other one, that of the default route among them; where there is none, the one
    /// that has received most since boot of those that are up, else `lo`.
    pub interface: String,
    /// Another network namespace to watch instead of this one: `busiest`, the one that moves most, or one by name: that of a
    /// container, a pod or `ip netns`, the number of the namespace, or eight and more digits of a container's id. The interfaces
    /// and addresses are those of that one then.
    pub namespace: Option<String>,
    /// How long to watch. A file is read to its end, however long it lasted.
    pub window: Span,
    /// A pcap or pcapng file to read instead of watching an interface.
    pub file: Option<String>,
    /// For a file: the addresses of the host that it is about, which make the direction of a packet. When empty they
    /// are inferred: the address that takes part in most packets, of equals the one that receives most, and then each
    /// further one that takes part in 5 % of the packets, all without those already taken. A direction that the file
    /// itself names for a packet counts for more. A list, or one text with commas between them.
    #[serde(deserialize_with = "addresses")]
    pub local: Vec<IpAddr>,
    /// A pcapng file to write the burst to: the first 128 bytes of each packet. It must not exist yet. That takes
    /// `--allow write`, too.
    pub write: Option<String>,
    /// The size at which writing ends; watching goes on.
    pub write_limit: Size,
    /// Rows in the lists of remotes and source ports.
    pub top: u32,
}

/// A list of addresses, or a text of them: parameters of runbooks are no lists.
fn addresses<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<IpAddr>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<String>),
        Text(String),
    }
    let words = match Given::deserialize(deserializer)? {
        Given::List(words) => words,
        Given::Text(text) => text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect(),
    };
    let address = |word: String| {
        word.trim().parse().map_err(|_| serde::de::Error::custom(format!("`{word}` is not an IP address")))
    };
    words.into_iter().map(address).collect()
}

impl Default for Params {
    fn default() -> Self {
        Params {
            interface: "auto".to_owned(),
            namespace: None,
            window: Span::seconds(10),
            file: None,
            local: Vec::new(),
            write: None,
            write_limit: Size(16 * 1024 * 1024),
            top: 20,
        }
    }
}

/// Adds up packets that were printed, made into a capture file in memory. `local` are the addresses of the host, `params` those of
/// the probe.
pub fn of_text(file: &[u8], local: &[IpAddr], params: &serde_json::Value) -> Result<Observed<serde_json::Value>, Gap> {
    let mut params: Params = serde_json::from_value(params.clone()).unwrap_or_default();
    if params.local.is_empty() {
        params.local = local.to_vec();
    }
    params.write = None;
    let observed = file::read(file::Origin::Memory(file), &params, &Context::alone())?;
    let output = serde_json::to_value(observed.output).unwrap_or_default();
    Ok(Observed { output, missing: observed.missing, loss: observed.loss })
}

impl Probe for CaptureProbe {
    const NAME: &'static str = "capture";
    const ABOUT: &'static str = "a timed burst of packets: flows, remotes, ports, protocols, receivers";
    const SOURCE: &'static str = "AF_PACKET with a TPACKET_V3 ring, or a pcap or pcapng file";
    const REPLACES: &'static [&'static str] = &["tcpdump", "iftop"];
    const NEEDS: &'static [Need] = &[
        Need { what: "CAP_NET_RAW", without: "no packets of an interface; a pcap file can still be read" },
        Need { what: "CAP_SYS_ADMIN", without: "the packets of another network namespace, where one is asked for" },
    ];
    const RIGHTS: &'static [Right] = &[Right::Write];
    /// A file that is given stands for the host, to all that look at packets.
    const WIDENED_BY: &'static [&'static str] = &["file", "local"];
    const KEEPS_UP: bool = true;
    type Params = Params;
    type Output = Capture;

    fn uses(params: &Params, _derived: &[String]) -> Vec<Use> {
        let read = params.file.as_ref().map(|path| Use::free(format!("read the capture {}", printable(path))));
        let write = params
            .write
            .as_ref()
            .map(|path| Use::needing(Right::Write, format!("write the packets to {}", printable(path))));
        read.into_iter().chain(write).collect()
    }

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Capture>, Gap> {
        match &params.file {
            Some(_) if params.namespace.is_some() => {
                let why = "a file is of no network namespace: give either `file` or `namespace`";
                Err(Gap::new(Reason::Malformed, "read a capture", why))
            }
            Some(path) => file::read(file::Origin::File(path), &params, cx),
            None if params.namespace.as_deref() == Some("all") => {
                let why = "one network namespace is watched at a time: name it, or ask for the `busiest`";
                Err(Gap::new(Reason::Malformed, "capture in other network namespaces", why))
            }
            None => live::watch(&params, cx),
        }
    }
}

/// The sums of a burst and the file that it is written to.
struct Burst {
    tally: Tally,
    writer: Option<Writer>,
    no_writer: Option<Gap>,
}

impl Burst {
    fn new(tally: Tally, params: &Params, interfaces: Vec<String>) -> Self {
        // Without the file there is still all the rest.
        let writer = params.write.as_deref().map(|path| Writer::create(path, params.write_limit, interfaces));
        match writer.transpose() {
            Ok(writer) => Burst { tally, writer, no_writer: None },
            Err(gap) => Burst { tally, writer: None, no_writer: Some(gap) },
        }
    }

    fn finish(self, mut source: Source, params: &Params, cx: &Context) -> Observed<Capture> {
        let mut loss = Vec::new();
        if let Some(writer) = self.writer {
            let (written, lost, file) = writer.finish();
            source.written = Some(written);
            loss.extend(lost);
            if let Some(file) = file {
                cx.wrote(file);
            }
        }
        if self.tally.flows.crowded() > 0 {
            loss.push(format!(
                "the table of flows was crowded (about {} flows seen, room for {}): small flows made way, so per-flow figures, \
                 completed handshakes and requests are lower bounds",
                crate::units::count(self.tally.flows.distinct() as f64),
                crate::units::count(flows::MOST_FLOWS as f64)
            ));
        }
        if self.tally.endpoints.unasked() > 0 {
            loss.push(format!(
                "more TCP sockets answered than requests are counted for: {} requests and exchanges are in no figure",
                crate::units::count(self.tally.endpoints.unasked() as f64)
            ));
        }
        let mut observed = Observed::whole(self.tally.summary(source, params.top as usize));
        observed.loss = loss;
        if let Some(gap) = self.tally.claims.unseen() {
            // A gap hides the list, and what was found shall be told.
            if observed.output.disputed.iter().any(|row| row.own || row.changes > 1) {
                observed.loss.push(format!("more may be disputed: {gap}"));
            } else {
                observed.miss(&["disputed"], gap);
            }
        }
        if let Some(gap) = self.no_writer {
            observed.miss(&["written"], gap);
        }
        observed
    }
}
