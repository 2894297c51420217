//! What the kernel's names of reasons mean, in a sentence each.

/// Names and meanings, the most telling of inbound trouble first. Where a kernel lets us watch only a few, it is the first.
const MEANINGS: &[(&str, &str)] = &[
    ("NETFILTER_DROP", "a firewall rule or chain policy dropped it"),
    ("NO_SOCKET", "no socket of this host wanted it: a closed port, or a connection that is gone"),
    ("SOCKET_RCVBUFF", "the receive buffer of its socket was full: the program reads too slowly"),
    ("NOT_SPECIFIED", "the kernel gives no reason; many harmless frees are among these"),
    ("OTHERHOST", "the frame was addressed to another machine's link address"),
    ("CPU_BACKLOG", "the backlog queue of a CPU was full"),
    ("IP_RPFILTER", "the reverse path filter found that its source cannot be reached that way"),
    ("TC_INGRESS", "a traffic control filter dropped it on the way in"),
    ("XDP", "an XDP program dropped it"),
    ("TCP_LISTEN_OVERFLOW", "the accept queue of a listener was full"),
    ("SOCKET_BACKLOG", "the backlog of its socket was full while the program held the socket"),
    ("UNHANDLED_PROTO", "no protocol of this kernel handles such frames: unknown ether type or VLAN"),
    ("PROTO_MEM", "the protocol was out of the memory that it may use (tcp_mem, udp_mem)"),
    ("IP_INADDRERRORS", "its destination is not an address of this host, and it is not forwarded"),
    ("IP_INNOROUTES", "there was no route to its destination"),
    ("IP_INHDR", "its IP header was malformed, or its hop limit ran out"),
    ("IP_CSUM", "its IP header checksum was wrong"),
    ("UDP_CSUM", "its UDP checksum was wrong"),
    ("TCP_CSUM", "its TCP checksum was wrong"),
    ("ICMP_CSUM", "its ICMP checksum was wrong"),
    ("SKB_CSUM", "its checksum was wrong"),
    ("IP_NOPROTO", "no handler for its IP protocol: a tunnel that is not set up here"),
    ("IP_LOCAL_SOURCE", "its source is an address of this host itself: spoofed"),
    ("IP_INVALID_SOURCE", "its source address is not allowed on the wire"),
    ("IP_INVALID_DEST", "its destination address is not allowed on the wire"),
    ("IP_LOCALNET", "it came from outside for, or from, the loopback network"),
    ("IPV6DISABLED", "IPv6 is turned off on its interface"),
    ("IPV6_BAD_EXTHDR", "an IPv6 extension header was malformed"),
    ("UNICAST_IN_L2_MULTICAST", "a unicast packet in a broadcast or multicast frame"),
    ("XFRM_POLICY", "an IPsec policy refused it"),
    ("SOCKET_FILTER", "a filter program on its socket dropped it"),
    ("SOCKET_CLOSE", "its socket was closed with it still queued"),
    ("SECURITY_HOOK", "a security module refused it"),
    ("BPF_CGROUP_EGRESS", "a BPF program of a control group refused it on the way out"),
    ("TCP_FLAGS", "its TCP flags do not fit the state of the connection"),
    ("TCP_RESET", "a valid TCP reset, which ends here"),
    ("TCP_INVALID_SYN", "a SYN inside an established connection"),
    ("TCP_INVALID_SEQUENCE", "its TCP sequence number lies outside the window"),
    ("TCP_INVALID_END_SEQUENCE", "its TCP data end outside the window"),
    ("TCP_INVALID_ACK_SEQUENCE", "its TCP acknowledgement number lies outside the window"),
    ("TCP_OLD_SEQUENCE", "its TCP sequence number is an old one"),
    ("TCP_OLD_DATA", "TCP data that had already arrived: a needless retransmission"),
    ("TCP_OLD_ACK", "an old TCP acknowledgement, harmless"),
    ("TCP_TOO_OLD_ACK", "a TCP acknowledgement far too old: spoofed or from a lost connection"),
    ("TCP_ACK_UNSENT_DATA", "it acknowledges TCP data that were never sent"),
    ("TCP_OVERWINDOW", "TCP data beyond the advertised window"),
    ("TCP_ZEROWINDOW", "TCP data though the receive window was closed: the program reads too slowly"),
    ("TCP_OFOMERGE", "TCP data that were already in the out-of-order queue"),
    ("TCP_OFO_QUEUE_PRUNE", "dropped from the out-of-order queue to free memory"),
    ("TCP_OFO_DROP", "out-of-order TCP data for which there was no memory"),
    ("TCP_RFC7323_PAWS", "its TCP timestamp is older than one already seen"),
    ("TCP_RFC7323_PAWS_ACK", "an acknowledgement with an older TCP timestamp"),
    ("TCP_RFC7323_TW_PAWS", "an older TCP timestamp for a connection in TIME-WAIT"),
    ("TCP_RFC7323_TSECR", "it echoes a TCP timestamp that was never sent"),
    ("TCP_CLOSE", "its TCP connection was closing"),
    ("TCP_ABORT_ON_DATA", "data for a TCP connection that the program had closed"),
    ("TCP_FASTOPEN", "dropped by TCP Fast Open"),
    ("TCP_MINTTL", "its hop limit is below what the socket asks for (IP_MINTTL)"),
    ("TCP_AUTH_HDR", "its TCP authentication options were malformed"),
    ("TCP_MD5NOTFOUND", "a TCP MD5 signature was expected and missing"),
    ("TCP_MD5UNEXPECTED", "a TCP MD5 signature that was not expected"),
    ("TCP_MD5FAILURE", "its TCP MD5 signature was wrong"),
    ("TCP_AONOTFOUND", "a TCP authentication option was expected and missing"),
    ("TCP_AOUNEXPECTED", "a TCP authentication option that was not expected"),
    ("TCP_AOKEYNOTFOUND", "no key for its TCP authentication option"),
    ("TCP_AOFAILURE", "its TCP authentication option was wrong"),
    ("DUP_FRAG", "an IP fragment that had already arrived"),
    ("FRAG_REASM_TIMEOUT", "the other fragments of its packet did not arrive in time"),
    ("FRAG_TOO_FAR", "too many fragments of other packets came between (ipfrag_max_dist)"),
    ("PKT_TOO_SMALL", "it is shorter than its headers say"),
    ("PKT_TOO_BIG", "it is longer than the next link takes"),
    ("HDR_TRUNC", "it ends inside its headers"),
    ("INVALID_PROTO", "its protocol does not fit where it came from"),
    ("NOMEM", "the kernel was out of memory"),
    ("PFMEMALLOC", "memory was so short that only the swap path may use it"),
    ("FULL_RING", "the ring of a tun or tap device was full: its program reads too slowly"),
    ("TAP_FILTER", "the filter of a tap device dropped it"),
    ("TAP_TXFILTER", "the address filter of a tap device dropped it"),
    ("DEV_HDR", "its link header could not be handled"),
    ("DEV_READY", "the device was not ready"),
    ("PACKET_SOCK_ERROR", "a packet capture had no room for its copy; the packet itself went on"),
    ("TC_COOKIE_ERROR", "traffic control could not keep its state for it"),
    ("TC_CHAIN_NOTFOUND", "a traffic control filter named a chain that does not exist"),
    ("TC_RECLASSIFY_LOOP", "traffic control filters sent it round in circles"),
    ("VXLAN_INVALID_HDR", "its VXLAN header was malformed"),
    ("VXLAN_VNI_NOT_FOUND", "no VXLAN device has its network identifier"),
    ("MAC_INVALID_SOURCE", "its source link address is not allowed"),
    ("IP_TUNNEL_ECN", "its congestion marks inside and outside the tunnel contradict each other"),
    ("LOCAL_MAC", "its source link address is this host's own"),
    ("BRIDGE_INGRESS_STP_STATE", "the spanning tree keeps its bridge port from forwarding"),
    ("NO_TX_TARGET", "the device had nowhere to send it"),
    ("NEIGH_CREATEFAIL", "no neighbour entry could be made for it: the table is full"),
    ("NEIGH_FAILED", "its next hop does not answer"),
    ("NEIGH_QUEUEFULL", "too many packets already waited for its next hop to answer"),
    ("NEIGH_DEAD", "the neighbour entry of its next hop was gone"),
    ("NEIGH_HH_FILLFAIL", "the link header for its next hop could not be written"),
    ("IP_OUTNOROUTES", "outbound: there was no route to its destination"),
    ("TC_EGRESS", "outbound: a traffic control filter dropped it"),
    ("QDISC_DROP", "outbound: the queueing discipline dropped it"),
    ("QDISC_OVERLIMIT", "outbound: the queue was over its limit"),
    ("QDISC_CONGESTED", "outbound: the queueing discipline signalled congestion"),
    ("CAKE_FLOOD", "outbound: the cake queue found it part of an unresponsive flow"),
    ("FQ_BAND_LIMIT", "outbound: the band of the fq queue was full"),
    ("FQ_HORIZON_LIMIT", "outbound: it was to be sent too far in the future for the fq queue"),
    ("FQ_FLOW_LIMIT", "outbound: its flow had too many packets in the fq queue"),
    ("QUEUE_PURGE", "a queue was emptied with it inside, as when a socket or a device goes away"),
    ("UNIX_DISCONNECT", "not network traffic: a local (unix) socket was closed with it still queued"),
    ("UNIX_SKIP_OOB", "not network traffic: an out-of-band byte on a local (unix) socket was skipped"),
];

/// What the reason of that name means.
pub fn of(name: &str) -> &'static str {
    MEANINGS.iter().find(|(known, _)| *known == name).map_or("the kernel says no more than this name", |(_, it)| it)
}

/// How telling a reason of that name is: lower is more.
pub fn rank(name: &str) -> usize {
    MEANINGS.iter().position(|(known, _)| *known == name).unwrap_or(MEANINGS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reason_is_explained_twice() {
        for (index, (name, _)) in MEANINGS.iter().enumerate() {
            assert_eq!(rank(name), index, "{name}");
        }
    }

    #[test]
    fn a_reason_of_a_newer_kernel_is_listed_though_not_explained() {
        assert_eq!(of("SOMETHING_NEW"), "the kernel says no more than this name");
        assert!(rank("SOMETHING_NEW") > rank("QUEUE_PURGE"));
    }
}
