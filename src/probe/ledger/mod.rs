//! The traffic ledger: where every byte went that entered the host by the watched interfaces, and where every byte came from that
//! left by them, joined from the evidence of one window.
//!
//! The interfaces' own counters say how much there is to account for; the capture says for whom it was; firewall counters,
//! sockets and protocol counters say who took it or dropped it. What none of them claims stays unexplained, as a figure.

mod buckets;
mod close;
mod counted;
mod edge;
mod ends;
mod framing;
mod groups;
mod guests;
mod outbound;
mod places;
mod receivers;
mod rules;
mod senders;
mod unaccounted;
mod untaken;

pub use groups::{HandedOn, Receiver};
pub use senders::Sender;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::capture::Capture;
use super::conntrack::{Conntrack, Mapping};
use super::drops::Drops;
use super::firewall::Firewall;
use super::interfaces::Interfaces;
use super::kernel::KernelCounters;
use super::namespaces::Namespaces;
use super::sockets::Sockets;
use super::{Context, Need, Probe};
use crate::case::{Account, Entry, Gap, Observed, Reason};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct LedgerProbe;

/// The ledger has no parameters: it accounts for the interfaces that `interfaces` watched.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {}

/// The account of the watched interfaces, and its sums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ledger {
    /// The account itself.
    #[serde(flatten)]
    pub account: Account,
    /// Shares of the inbound bytes by kind of end.
    pub shares: Shares,
    /// The processes that took inbound bytes, those that belong together added up, and sockets whose owner was not seen;
    /// most bytes first.
    pub receivers: Vec<Receiver>,
    /// The heaviest entry; none when nothing came in.
    pub top: Option<Entry>,
    /// Who sent what left, those that belong together added up; most bytes first. None where no packet was looked at.
    #[serde(default)]
    pub senders: Option<Vec<Sender>>,
    /// Shares of the outbound bytes by where they came from; none where `outbound` is none.
    #[serde(default)]
    pub outbound_shares: Option<OutboundShares>,
    /// The heaviest entry of what left; none when nothing did.
    #[serde(default)]
    pub outbound_top: Option<Entry>,
    /// Ports of this host that the kernel redirects to others of its own, as far as `conntrack` was asked; at most 64.
    #[serde(default)]
    pub redirected: Vec<Redirected>,
}

/// A port that stands for another of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redirected {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The address that packets come for.
    pub address: String,
    /// The port that packets come for.
    pub port: u16,
    /// The port at which they arrive.
    pub inner_port: u16,
}

/// Shares of the inbound bytes by kind of end; 0 when nothing came in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shares {
    /// Taken by processes, named or not.
    pub process: f64,
    /// Dropped or rejected by the firewall.
    pub firewall_rule: f64,
    /// Dropped by the kernel for another reason.
    pub kernel_drop: f64,
    /// For ports where nothing listens.
    pub no_listener: f64,
    /// Dropped because a socket's queue was full.
    pub socket_full: f64,
    /// Taken by the kernel itself: ICMP, half-open connections.
    pub kernel: f64,
    /// Routed on.
    pub forwarded: f64,
    /// Frames for other machines.
    pub not_for_us: f64,
    /// Broadcast.
    pub broadcast: f64,
    /// Multicast.
    pub multicast: f64,
    /// ARP and the like.
    pub non_ip: f64,
}

/// Shares of the outbound bytes by where they came from; 0 when nothing left.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutboundShares {
    /// Sent by processes, named or not, for the first time.
    pub process: f64,
    /// Answers of the kernel to what came in: ICMP errors, echo replies, resets, SYN-ACKs that led to nothing.
    pub answer: f64,
    /// Segments of TCP that had been sent before.
    pub sent_again: f64,
    /// Sent on for others: guests of this host, or other networks.
    pub forwarded: f64,
    /// Sent by the kernel of itself: ARP, neighbour discovery, its own sockets.
    pub kernel: f64,
    /// Of `process`: what no capture saw, since a packet socket may have sent it past the queues (`PACKET_QDISC_BYPASS`, AF_XDP).
    #[serde(default)]
    pub past_the_capture: f64,
}

/// The evidence that the account is drawn up from.
pub(super) struct WindowEvidence<'a> {
    pub interfaces: &'a Interfaces,
    pub capture: Option<&'a Capture>,
    pub sockets: Option<&'a Sockets>,
    pub firewall: Option<&'a Firewall>,
    pub kernel: Option<&'a KernelCounters>,
    /// Which addresses stand for which behind this host.
    pub translations: &'a [Mapping],
    pub drops: Option<&'a Drops>,
    /// Who lives in other network namespaces.
    pub namespaces: Option<&'a Namespaces>,
}

impl WindowEvidence<'_> {
    /// Whether drops are those of this network namespace; else they are of the whole machine.
    pub fn drops_are_of_here(&self) -> bool {
        self.drops.is_some_and(|drops| drops.own_packets.is_some())
    }

    /// Packets that netfilter dropped; none where it is not known.
    pub fn netfilter_drops(&self) -> Option<u64> {
        self.drops?.netfilter_packets?;
        Some(self.dropped_for("NETFILTER_DROP"))
    }

    /// Packets that the kernel dropped for the reason of that name.
    pub fn dropped_for(&self, reason: &str) -> u64 {
        let reasons = self.drops.and_then(|drops| drops.reasons.as_ref());
        let dropped = reasons.into_iter().flatten().find(|dropped| dropped.reason == reason);
        dropped.map_or(0, |dropped| self.of_window(dropped.own_packets.unwrap_or(dropped.packets)))
    }

    /// As many packets as were dropped in the window of the interfaces, where drops were counted from a little later on.
    pub fn of_window(&self, packets: u64) -> u64 {
        let ratio = self.drops.map_or(1.0, |drops| edge::stretch(self.interfaces.seconds, drops.seconds));
        (packets as f64 * ratio).round() as u64
    }
}

impl Probe for LedgerProbe {
    const NAME: &'static str = "ledger";
    const ABOUT: &'static str =
        "where the bytes went that came in by the watched interfaces, and where those came from that left";
    const SOURCE: &'static str = "the evidence of the other probes, joined";
    const NEEDS: &'static [Need] =
        &[Need { what: "CAP_NET_RAW", without: "for whom the bytes were; only what TCP sockets took can be told" }];
    const DERIVES_FROM: &'static [&'static str] =
        &["interfaces", "capture", "sockets", "firewall", "kernel", "drops", "conntrack", "namespaces"];
    type Params = Params;
    type Output = Ledger;

    fn observe(&self, _: Params, cx: &Context) -> Result<Observed<Ledger>, Gap> {
        let interfaces = cx.output::<Interfaces>("interfaces")?;
        let watched = interfaces.watched.name.as_str();
        let capture = cx.output::<Capture>("capture").and_then(|capture| {
            let of = match (&capture.namespace, &capture.interface) {
                // An interface there may be called as one here.
                (Some(there), _) => &there.label,
                (None, Some(name)) if name == watched => return Ok(capture),
                (None, _) if capture.entered.iter().any(|of| of.interface == watched) => return Ok(capture),
                (None, Some(name)) => name,
                (None, None) => "no interface that is named",
            };
            let tried = format!("account for {watched} by the capture");
            Err(Gap::new(Reason::Malformed, tried, format!("it is of {of}")))
        });
        let sockets = cx.output::<Sockets>("sockets");
        let firewall = cx.output::<Firewall>("firewall");
        let late = [
            ("the counters of the rules", firewall.as_ref().ok().map(|firewall| firewall.seconds)),
            ("the kernel's counters", cx.output::<KernelCounters>("kernel").ok().map(|kernel| kernel.seconds)),
            ("drops", cx.output::<Drops>("drops").ok().map(|drops| drops.seconds)),
        ];
        let late = late.into_iter().filter_map(|(what, seconds)| edge::said_of(what, seconds?, interfaces.seconds));
        let late: Vec<String> = late.collect();
        let firewall = firewall.map(|firewall| edge::rules_in_window(firewall, interfaces.seconds));
        let kernel = cx.output::<KernelCounters>("kernel").map(|kernel| edge::in_window(kernel, interfaces.seconds));
        let drops = cx.output::<Drops>("drops");
        // Both are asked only where addresses are translated or much is sent on, and tell no more than to whom.
        let conntrack = cx.output::<Conntrack>("conntrack");
        let namespaces = cx.output::<Namespaces>("namespaces");
        let evidence = WindowEvidence {
            interfaces: &interfaces,
            capture: capture.as_deref().ok(),
            sockets: sockets.as_deref().ok(),
            firewall: firewall.as_deref().ok(),
            kernel: kernel.as_deref().ok(),
            translations: conntrack
                .as_deref()
                .ok()
                .and_then(|conntrack| conntrack.nat.as_ref())
                .map_or(&[], |nat| &nat.mappings),
            drops: drops.as_deref().ok(),
            namespaces: namespaces.as_deref().ok(),
        };
        let mut ledger = close::close(&evidence)?;
        ledger.account.disagreements.extend(late);
        let unsent = outbound::add(&evidence, &mut ledger).err();
        let mut observed = Observed::whole(ledger);
        if let Some(gap) = outbound::unlisted(capture.as_deref().ok()) {
            let back = ["received_bytes", "received_packets", "syn_ack", "rst", "remotes_count"];
            let fields: Vec<String> = back.iter().map(|field| format!("senders.{field}")).collect();
            observed.miss(&fields.iter().map(String::as_str).collect::<Vec<_>>(), gap);
        }
        if let Some(gap) = unsent {
            observed.miss(&["outbound", "outbound_shares", "outbound_top", "senders"], gap);
        }
        for gap in [capture.err(), sockets.err(), firewall.err(), kernel.err(), drops.err()].into_iter().flatten() {
            // How much left the interfaces tell of themselves.
            let inbound = ["entries", "shares", "receivers", "top"];
            let outbound =
                ["outbound.entries", "outbound.unexplained_bytes", "outbound.unexplained_share", "outbound.lost"];
            let senders = ["outbound_shares", "outbound_top", "senders"];
            observed.miss(&[&inbound[..], &outbound, &senders].concat(), gap);
        }
        Ok(observed)
    }
}
