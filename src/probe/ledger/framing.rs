//! What of each frame the counter of an interface leaves out, so that it has fewer bytes than the capture.

use super::counted::Counted;
use crate::probe::capture::Capture;

/// Bytes of the header of Ethernet.
const HEADER: f64 = 14.0;
/// How far the mean size of a packet by two counts may differ by chance, in bytes.
const BY_CHANCE: f64 = 1.5;
/// Packets by which two counts that are compared may differ, as a share.
const SAME: f64 = 0.005;

/// What the counter of an interface leaves out of the frames that the capture saw.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct LeftOut {
    /// Bytes of link headers.
    pub headers: f64,
    /// Bytes of VLAN tags.
    pub tags: f64,
}

impl LeftOut {
    /// Of an interface of a kind that is known to count without headers; else what the difference of the two counts says, where
    /// both have the same packets.
    pub fn of(counted: &Counted<'_>, whole_capture: bool) -> Self {
        let (packets, tags) = (counted.seen_packets as f64, counted.seen_tag_bytes as f64);
        if counted.without_header {
            return LeftOut { headers: HEADER * packets, tags: 0.0 };
        }
        let (Some(all), Some(bytes), true) = (counted.packets, counted.bytes, whole_capture) else {
            return LeftOut::default();
        };
        if packets == 0.0 || (all as f64 - packets).abs() > SAME * packets {
            return LeftOut::default();
        }
        let mean_less = counted.seen_bytes as f64 / packets - bytes as f64 / all as f64;
        let candidates = [(0.0, 0.0), (HEADER * packets, 0.0), (0.0, tags), (HEADER * packets, tags)];
        let off = |(headers, tags): &(f64, f64)| (mean_less - (headers + tags) / packets).abs();
        let nearest = candidates.into_iter().min_by(|one, other| off(one).total_cmp(&off(other)));
        let nearest = nearest.filter(|candidate| off(candidate) <= BY_CHANCE).unwrap_or_default();
        LeftOut { headers: nearest.0, tags: nearest.1 }
    }

    /// All bytes that are left out.
    pub fn bytes(self) -> f64 {
        self.headers + self.tags
    }

    /// What it is, for a sentence.
    pub fn what(self) -> &'static str {
        match (self.headers > 0.0, self.tags > 0.0) {
            (true, true) => "the link headers and VLAN tags of frames",
            (true, false) => "the link headers of frames",
            _ => "the VLAN tags of frames",
        }
    }
}

/// What the interfaces that were watched leave out, added up, and the names of those that leave something out.
pub(super) fn left_out<'a>(capture: &Capture, counted: &[Counted<'a>]) -> (LeftOut, Vec<&'a str>) {
    // The capture's frames of loopback have a header that is none.
    if capture.link == "loopback" {
        return (LeftOut { headers: capture.rx.link_header_bytes as f64, tags: 0.0 }, Vec::new());
    }
    let whole = capture.sampled <= 1 && capture.ring.is_none_or(|ring| ring.dropped == 0);
    let mut sum = LeftOut::default();
    let mut names = Vec::new();
    for of in counted {
        let out = LeftOut::of(of, whole);
        if out.bytes() > 0.0 {
            names.push(of.name);
        }
        (sum.headers, sum.tags) = (sum.headers + out.headers, sum.tags + out.tags);
    }
    (sum, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(packets: u64, bytes: u64, seen: (u64, u64), tags: u64) -> Counted<'static> {
        Counted {
            name: "eth0",
            packets: Some(packets),
            bytes: Some(bytes),
            seen_packets: seen.0,
            seen_bytes: seen.1,
            seen_tag_bytes: tags,
            without_header: false,
            xdp_program: None,
            ingress_dropped: None,
            way: &[],
        }
    }

    #[test]
    fn what_lacks_of_each_packet_is_told_by_the_same_packets_alone() {
        let out = |of: &Counted<'_>| LeftOut::of(of, true);
        assert_eq!(out(&counted(1000, 62_000, (1000, 62_000), 0)), LeftOut::default());
        assert_eq!(out(&counted(1001, 48_048, (1000, 62_000), 0)).headers, 14_000.0);
        // Half of the frames have a tag that is not counted.
        assert_eq!(out(&counted(1000, 62_000, (1000, 64_000), 2_000)).tags, 2_000.0);
        assert_eq!(out(&counted(1000, 62_000, (1000, 78_000), 2_000)), LeftOut { headers: 14_000.0, tags: 2_000.0 });
        // The tag is counted.
        assert_eq!(out(&counted(1000, 64_000, (1000, 64_000), 4_000)), LeftOut::default());
        // Other packets, or a difference that is no header.
        assert_eq!(out(&counted(2000, 96_000, (1000, 62_000), 0)), LeftOut::default());
        assert_eq!(out(&counted(1000, 62_000, (1000, 67_000), 0)), LeftOut::default());
        assert_eq!(LeftOut::of(&counted(1000, 48_000, (1000, 62_000), 0), false), LeftOut::default());
        // A driver's program took half of the packets: the kind of the interface tells.
        let known = Counted { without_header: true, ..counted(2000, 96_000, (1000, 62_000), 0) };
        assert_eq!(out(&known).headers, 14_000.0);
    }
}
