//! Names of protocols, by their numbers.

/// The name of an IP protocol.
pub fn ip_protocol(number: u8) -> String {
    let name = match number {
        1 => "icmp",
        2 => "igmp",
        4 => "ipip",
        6 => "tcp",
        17 => "udp",
        41 => "sit",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmpv6",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        115 => "l2tp",
        132 => "sctp",
        136 => "udplite",
        _ => return format!("ip-{number}"),
    };
    name.to_owned()
}

/// The name of a protocol that is not IP, by its ether type.
pub fn ether_type(number: u16) -> String {
    let name = match number {
        0x0004 => "llc",
        0x0806 => "arp",
        0x8035 => "rarp",
        0x8100 | 0x88a8 | 0x9100 => "vlan",
        0x8137 => "ipx",
        0x8809 => "lacp",
        0x8847 | 0x8848 => "mpls",
        0x8863 => "pppoe-discovery",
        0x8864 => "pppoe",
        0x888e => "eapol",
        0x88a2 => "ata-over-ethernet",
        0x88cc => "lldp",
        0x88e5 => "macsec",
        0x88f7 => "ptp",
        0x8906 => "fcoe",
        0x9000 => "loopback-test",
        0x0800 | 0x86dd => "malformed-ip",
        _ => return format!("ethertype-0x{number:04x}"),
    };
    name.to_owned()
}
