//! What each interface that was watched counted, beside what the capture saw of it.

use crate::case::CameBy;
use crate::probe::capture::Capture;
use crate::probe::interfaces::{Interface, Interfaces};

/// What one interface counted, and what the capture saw of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'a> {
    pub name: &'a str,
    /// By the interface's own counters; none where they went backwards.
    pub packets: Option<u64>,
    pub bytes: Option<u64>,
    /// By the capture, on the wire as far as frames that were merged can be told apart.
    pub seen_packets: u64,
    pub seen_bytes: u64,
    /// How many of these are tags that the kernel took off before the capture.
    pub seen_tag_bytes: u64,
    /// Its counter is known to leave out the link header.
    pub without_header: bool,
    pub xdp_program: Option<u32>,
    pub ingress_dropped: Option<u64>,
    pub way: &'a [String],
}

impl<'a> Counted<'a> {
    /// Of each interface that was watched, most bytes first. Where only one was, or was said to be, of that one.
    pub fn of(interfaces: &'a Interfaces, capture: Option<&Capture>) -> Vec<Self> {
        let seen = |name: &str| {
            let of_it = capture.and_then(|capture| capture.entered.iter().find(|of| of.interface == name));
            of_it.map(|of| (of.wire_packets.max(of.packets), of.bytes, of.stripped_tag_bytes))
        };
        let watched = &interfaces.watched;
        let several = interfaces.entered.as_ref().map_or(&[][..], |entered| &entered.interfaces);
        // An interface that could not be captured is no part of the account.
        let both = several
            .iter()
            .filter(|of| capture.is_none_or(|capture| capture.entered.is_empty()) || seen(&of.name).is_some());
        let counted: Vec<Self> = both
            .map(|of| {
                let (seen_packets, seen_bytes, seen_tag_bytes) = seen(&of.name).unwrap_or_default();
                let interface = interfaces.interfaces.iter().find(|other| other.name == of.name);
                Counted {
                    name: &of.name,
                    packets: of.packets,
                    bytes: of.bytes,
                    seen_packets,
                    seen_bytes,
                    seen_tag_bytes,
                    without_header: interface.is_some_and(counts_without_header),
                    xdp_program: of.xdp_program,
                    ingress_dropped: of.ingress_dropped,
                    way: &of.way,
                }
            })
            .collect();
        if !counted.is_empty() && (capture.is_none() || counted.iter().all(|of| seen(of.name).is_some())) {
            return counted;
        }
        let (seen_packets, seen_bytes, seen_tag_bytes) = capture.map_or((0, 0, 0), |capture| {
            let rx = &capture.rx;
            (rx.wire_packets.max(rx.packets), rx.bytes, capture.vlan.stripped_tag_bytes)
        });
        vec![Counted {
            name: &watched.name,
            packets: watched.rx.packets,
            bytes: watched.rx.bytes,
            seen_packets,
            seen_bytes,
            seen_tag_bytes,
            without_header: counts_without_header(watched),
            xdp_program: watched.xdp_program,
            ingress_dropped: watched.ingress_dropped,
            way: &[],
        }]
    }

    /// Packets and bytes of all; none where one is not known.
    pub fn sum(counted: &[Self]) -> Option<(u64, u64)> {
        let packets: Option<u64> = counted.iter().map(|of| of.packets).sum();
        packets.zip(counted.iter().map(|of| of.bytes).sum())
    }
}

/// Whether the kernel counts what comes in by an interface of this kind behind its link header (`br_pass_frame_up`, `vlan_do_receive`,
/// `veth_xdp_rcv`).
fn counts_without_header(interface: &Interface) -> bool {
    match interface.kind.as_deref() {
        Some("bridge" | "vlan") => true,
        Some("veth") => interface.xdp_in_driver == Some(true),
        _ => false,
    }
}

/// By which interfaces it came in.
pub(super) fn came_by(counted: &[Counted<'_>], bytes: u64) -> Vec<CameBy> {
    let came = counted.iter().map(|of| CameBy {
        interface: of.name.to_owned(),
        bytes: of.bytes.unwrap_or(0),
        packets: of.packets.unwrap_or(0),
        share: if bytes == 0 { 0.0 } else { of.bytes.unwrap_or(0) as f64 / bytes as f64 },
        way: of.way.to_vec(),
    });
    came.collect()
}
