//! Counters of IPv4, IPv6 and ICMP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sample::{Growth, Table};

/// Growth of the counters of IPv4, in packets unless a field says bytes. Loopback traffic is in them too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ip {
    /// Packets that reached IP, after merging by GRO (`Ip: InReceives`).
    pub in_receives: Option<u64>,
    /// Bytes of those packets with IP headers, without link headers (`IpExt: InOctets`).
    pub in_octets: Option<u64>,
    /// Packets handed to TCP, UDP, ICMP and so on (`Ip: InDelivers`).
    pub in_delivers: Option<u64>,
    /// Packets to be sent on to another host or namespace (`Ip: ForwDatagrams`). Since Linux 6.7 they are counted before the hook
    /// `forward`: what rules drop there is among them, and `out_transmits` tells what left.
    pub forwarded: Option<u64>,
    /// Packets that programs of this host sent, before the firewall (`Ip: OutRequests`).
    #[serde(default)]
    pub out_requests: Option<u64>,
    /// Packets that left for an interface, behind the firewall: own ones and those sent on (`Ip: OutTransmits`, Linux 6.7,
    /// which counts `forwarded` before the firewall's forward hook; older ones count it behind).
    #[serde(default)]
    pub out_transmits: Option<u64>,
    /// Packets with a malformed header, or whose hop limit ran out (`Ip: InHdrErrors`).
    pub in_hdr_errors: Option<u64>,
    /// Packets for an address that is not ours while forwarding is off (`Ip: InAddrErrors`).
    pub in_addr_errors: Option<u64>,
    /// Packets of an IP protocol that nothing here handles (`Ip: InUnknownProtos`).
    pub in_unknown_protos: Option<u64>,
    /// Packets that were fine but for which there was no room (`Ip: InDiscards`).
    pub in_discards: Option<u64>,
    /// Packets shorter than their header says (`IpExt: InTruncatedPkts`).
    pub in_truncated: Option<u64>,
    /// Packets to whose destination there was no route (`IpExt: InNoRoutes`).
    pub in_no_routes: Option<u64>,
    /// Packets with a wrong header checksum (`IpExt: InCsumErrors`); they are in `in_hdr_errors` too.
    pub in_csum_errors: Option<u64>,
    /// Bytes of multicast packets (`IpExt: InMcastOctets`).
    pub in_mcast_octets: Option<u64>,
    /// Bytes of broadcast packets (`IpExt: InBcastOctets`).
    pub in_bcast_octets: Option<u64>,
    /// Packets as they were on the wire, before merging by GRO: the sum of `IpExt` `InNoECTPkts`, `InECT1Pkts`,
    /// `InECT0Pkts` and `InCEPkts`.
    pub in_ecn_and_no_ecn_packets: Option<u64>,
    /// Packets on the wire per packet that reached IP. Bulk TCP is merged (10 and more), spoofed floods and small packets
    /// are not (1.0). Null when nothing came in.
    pub gro_factor: Option<f64>,
    /// Fragments that came in (`Ip: ReasmReqds`).
    pub reasm_required: Option<u64>,
    /// Packets put together from fragments (`Ip: ReasmOKs`).
    pub reasm_ok: Option<u64>,
    /// Reassemblies given up (`Ip: ReasmFails`).
    pub reasm_fails: Option<u64>,
    /// Reassemblies given up because the rest did not come in time, 30 s by default (`Ip: ReasmTimeout`).
    pub reasm_timeouts: Option<u64>,
    /// Packets that the reverse path filter dropped (`TcpExt: IPReversePathFilter`).
    pub reverse_path_filtered: Option<u64>,
    /// Packets that reached IP and that no counter explains: mostly dropped by the firewall, besides martians and
    /// multicast that nobody joined. `in_receives` less `in_delivers`, `forwarded`, the errors, discards and missing
    /// routes above, `reverse_path_filtered`, and fragments that are not yet or never put together. A little below or
    /// above 0 is noise: the counters are not read in one instant.
    pub residual: Option<i64>,
}

/// Growth of the counters of IPv6, in packets unless a field says bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ip6 {
    /// Packets that reached IPv6 (`Ip6InReceives`).
    pub in_receives: Option<u64>,
    /// Bytes of those packets with IP headers (`Ip6InOctets`).
    pub in_octets: Option<u64>,
    /// Packets handed to TCP, UDP, ICMP and so on (`Ip6InDelivers`).
    pub in_delivers: Option<u64>,
    /// Packets to be sent on to another host or namespace (`Ip6OutForwDatagrams`); counted as `ip.forwarded` is.
    pub forwarded: Option<u64>,
    /// Packets that programs of this host sent, before the firewall (`Ip6OutRequests`).
    #[serde(default)]
    pub out_requests: Option<u64>,
    /// Packets that left for an interface, as `ip.out_transmits` (`Ip6OutTransmits`, Linux 6.7).
    #[serde(default)]
    pub out_transmits: Option<u64>,
    /// Packets with a malformed header, or whose hop limit ran out (`Ip6InHdrErrors`).
    pub in_hdr_errors: Option<u64>,
    /// Packets for an address that is not ours while forwarding is off (`Ip6InAddrErrors`).
    pub in_addr_errors: Option<u64>,
    /// Packets of a protocol that nothing here handles (`Ip6InUnknownProtos`).
    pub in_unknown_protos: Option<u64>,
    /// Packets that were fine and were dropped (`Ip6InDiscards`).
    pub in_discards: Option<u64>,
    /// Packets shorter than their header says (`Ip6InTruncatedPkts`).
    pub in_truncated: Option<u64>,
    /// Packets to whose destination there was no route (`Ip6InNoRoutes`).
    pub in_no_routes: Option<u64>,
    /// Bytes of multicast packets (`Ip6InMcastOctets`).
    pub in_mcast_octets: Option<u64>,
    /// Fragments that came in (`Ip6ReasmReqds`).
    pub reasm_required: Option<u64>,
    /// Packets put together from fragments (`Ip6ReasmOKs`).
    pub reasm_ok: Option<u64>,
    /// Reassemblies given up (`Ip6ReasmFails`).
    pub reasm_fails: Option<u64>,
}

/// Growth of the counters of ICMP, in messages, of IPv4 and IPv6 together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Icmp {
    /// Messages that came in; over IPv6 that includes neighbour discovery (`Icmp: InMsgs`, `Icmp6InMsgs`).
    pub in_msgs: Option<u64>,
    /// Messages that were malformed or about nothing that we know (`Icmp: InErrors`, `Icmp6InErrors`).
    pub in_errors: Option<u64>,
    /// Pings (`Icmp: InEchos`, `Icmp6InEchos`).
    pub in_echos: Option<u64>,
    /// "Unreachable" from others: backscatter of traffic that claims to be ours, or our own (`InDestUnreachs`).
    pub in_dest_unreachs: Option<u64>,
    /// "Hop limit ran out" from others (`InTimeExcds`).
    pub in_time_excds: Option<u64>,
    /// Messages sent (`OutMsgs`).
    pub out_msgs: Option<u64>,
    /// Answers to pings (`Icmp: OutEchoReps`, `Icmp6OutEchoReplies`).
    pub out_echo_reps: Option<u64>,
    /// "Unreachable" sent, as for closed UDP ports and REJECT rules (`OutDestUnreachs`).
    pub out_dest_unreachs: Option<u64>,
    /// Messages not sent because of the kernel's limits (`Icmp: OutRateLimitGlobal`, `OutRateLimitHost`,
    /// `Icmp6OutRateLimitHost`).
    pub out_rate_limited: Option<u64>,
}

impl Ip {
    /// Takes its figures from the growth of the counters.
    pub fn from_growth(growth: &mut Growth) -> Self {
        use Table::{Netstat, Snmp};
        let ecn = ["IpExt.InNoECTPkts", "IpExt.InECT1Pkts", "IpExt.InECT0Pkts", "IpExt.InCEPkts"];
        let mut ip = Ip {
            in_receives: growth.of("ip.in_receives", Snmp, "Ip.InReceives"),
            in_octets: growth.of("ip.in_octets", Netstat, "IpExt.InOctets"),
            in_delivers: growth.of("ip.in_delivers", Snmp, "Ip.InDelivers"),
            forwarded: growth.of("ip.forwarded", Snmp, "Ip.ForwDatagrams"),
            out_requests: growth.of("ip.out_requests", Snmp, "Ip.OutRequests"),
            out_transmits: growth.of("ip.out_transmits", Snmp, "Ip.OutTransmits"),
            in_hdr_errors: growth.of("ip.in_hdr_errors", Snmp, "Ip.InHdrErrors"),
            in_addr_errors: growth.of("ip.in_addr_errors", Snmp, "Ip.InAddrErrors"),
            in_unknown_protos: growth.of("ip.in_unknown_protos", Snmp, "Ip.InUnknownProtos"),
            in_discards: growth.of("ip.in_discards", Snmp, "Ip.InDiscards"),
            in_truncated: growth.of("ip.in_truncated", Netstat, "IpExt.InTruncatedPkts"),
            in_no_routes: growth.of("ip.in_no_routes", Netstat, "IpExt.InNoRoutes"),
            in_csum_errors: growth.of("ip.in_csum_errors", Netstat, "IpExt.InCsumErrors"),
            in_mcast_octets: growth.of("ip.in_mcast_octets", Netstat, "IpExt.InMcastOctets"),
            in_bcast_octets: growth.of("ip.in_bcast_octets", Netstat, "IpExt.InBcastOctets"),
            in_ecn_and_no_ecn_packets: growth
                .sum("ip.in_ecn_and_no_ecn_packets", &ecn.map(|counter| (Table::Netstat, counter))),
            gro_factor: None,
            reasm_required: growth.of("ip.reasm_required", Snmp, "Ip.ReasmReqds"),
            reasm_ok: growth.of("ip.reasm_ok", Snmp, "Ip.ReasmOKs"),
            reasm_fails: growth.of("ip.reasm_fails", Snmp, "Ip.ReasmFails"),
            reasm_timeouts: growth.of("ip.reasm_timeouts", Snmp, "Ip.ReasmTimeout"),
            reverse_path_filtered: growth.of("ip.reverse_path_filtered", Netstat, "TcpExt.IPReversePathFilter"),
            residual: None,
        };
        ip.gro_factor = ip.gro_factor();
        ip.residual = ip.residual();
        ip
    }

    fn gro_factor(&self) -> Option<f64> {
        let (wire, merged) = (self.in_ecn_and_no_ecn_packets?, self.in_receives?);
        (merged > 0).then(|| wire as f64 / merged as f64)
    }

    fn residual(&self) -> Option<i64> {
        let signed = |value: Option<u64>| i64::try_from(value?).ok();
        let explained = [
            self.in_delivers,
            self.forwarded,
            self.in_hdr_errors,
            self.in_addr_errors,
            self.in_unknown_protos,
            self.in_truncated,
            self.in_discards,
            self.in_no_routes,
            self.reverse_path_filtered,
            self.reasm_required,
        ];
        let explained: i64 = explained.into_iter().map(signed).sum::<Option<i64>>()?;
        // Of the packets put together from fragments, which are counted as delivered, only the fragments came in.
        Some(signed(self.in_receives)? - explained + signed(self.reasm_ok)?)
    }
}

impl Ip6 {
    /// Takes its figures from the growth of the counters.
    pub fn from_growth(growth: &mut Growth) -> Self {
        let mut of = |path, counter| growth.of(path, Table::Snmp6, counter);
        Ip6 {
            in_receives: of("ip6.in_receives", "Ip6.InReceives"),
            in_octets: of("ip6.in_octets", "Ip6.InOctets"),
            in_delivers: of("ip6.in_delivers", "Ip6.InDelivers"),
            forwarded: of("ip6.forwarded", "Ip6.OutForwDatagrams"),
            out_requests: of("ip6.out_requests", "Ip6.OutRequests"),
            out_transmits: of("ip6.out_transmits", "Ip6.OutTransmits"),
            in_hdr_errors: of("ip6.in_hdr_errors", "Ip6.InHdrErrors"),
            in_addr_errors: of("ip6.in_addr_errors", "Ip6.InAddrErrors"),
            in_unknown_protos: of("ip6.in_unknown_protos", "Ip6.InUnknownProtos"),
            in_discards: of("ip6.in_discards", "Ip6.InDiscards"),
            in_truncated: of("ip6.in_truncated", "Ip6.InTruncatedPkts"),
            in_no_routes: of("ip6.in_no_routes", "Ip6.InNoRoutes"),
            in_mcast_octets: of("ip6.in_mcast_octets", "Ip6.InMcastOctets"),
            reasm_required: of("ip6.reasm_required", "Ip6.ReasmReqds"),
            reasm_ok: of("ip6.reasm_ok", "Ip6.ReasmOKs"),
            reasm_fails: of("ip6.reasm_fails", "Ip6.ReasmFails"),
        }
    }
}

impl Icmp {
    /// Takes its figures from the growth of the counters.
    pub fn from_growth(growth: &mut Growth) -> Self {
        let mut both =
            |path, v4: &'static str, v6: &'static str| growth.sum(path, &[(Table::Snmp, v4), (Table::Snmp6, v6)]);
        let mut icmp = Icmp {
            in_msgs: both("icmp.in_msgs", "Icmp.InMsgs", "Icmp6.InMsgs"),
            in_errors: both("icmp.in_errors", "Icmp.InErrors", "Icmp6.InErrors"),
            in_echos: both("icmp.in_echos", "Icmp.InEchos", "Icmp6.InEchos"),
            in_dest_unreachs: both("icmp.in_dest_unreachs", "Icmp.InDestUnreachs", "Icmp6.InDestUnreachs"),
            in_time_excds: both("icmp.in_time_excds", "Icmp.InTimeExcds", "Icmp6.InTimeExcds"),
            out_msgs: both("icmp.out_msgs", "Icmp.OutMsgs", "Icmp6.OutMsgs"),
            out_echo_reps: both("icmp.out_echo_reps", "Icmp.OutEchoReps", "Icmp6.OutEchoReplies"),
            out_dest_unreachs: both("icmp.out_dest_unreachs", "Icmp.OutDestUnreachs", "Icmp6.OutDestUnreachs"),
            out_rate_limited: None,
        };
        icmp.out_rate_limited = growth.sum(
            "icmp.out_rate_limited",
            &[
                (Table::Snmp, "Icmp.OutRateLimitGlobal"),
                (Table::Snmp, "Icmp.OutRateLimitHost"),
                (Table::Snmp6, "Icmp6.OutRateLimitHost"),
            ],
        );
        icmp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(receives: u64, delivers: u64) -> Ip {
        let zero = Some(0);
        Ip {
            in_receives: Some(receives),
            in_delivers: Some(delivers),
            forwarded: zero,
            in_hdr_errors: zero,
            in_addr_errors: zero,
            in_unknown_protos: zero,
            in_truncated: zero,
            in_discards: zero,
            in_no_routes: zero,
            reverse_path_filtered: zero,
            reasm_required: zero,
            reasm_ok: zero,
            in_ecn_and_no_ecn_packets: Some(receives * 41),
            ..Ip::default()
        }
    }

    #[test]
    fn what_no_counter_explains_is_the_residual() {
        assert_eq!(counted(1000, 400).residual(), Some(600));
        assert_eq!(Ip { forwarded: Some(600), ..counted(1000, 400) }.residual(), Some(0));
        assert_eq!(counted(10, 12).residual(), Some(-2), "noise is shown, not hidden");
    }

    #[test]
    fn fragments_that_were_put_together_leave_no_residual() {
        let ip = Ip { reasm_required: Some(30), reasm_ok: Some(10), ..counted(30, 10) };
        assert_eq!(ip.residual(), Some(0));
    }

    #[test]
    fn a_residual_with_an_unknown_part_is_unknown() {
        assert_eq!(Ip { in_truncated: None, ..counted(1000, 400) }.residual(), None);
    }

    #[test]
    fn merged_packets_show_in_the_gro_factor() {
        assert_eq!(counted(10, 10).gro_factor(), Some(41.0));
        assert_eq!(counted(0, 0).gro_factor(), None);
    }
}
