//! Names for numbers: protocols, ICMP types, services, and the services that can be abused as reflectors.

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

/// The name of an ICMP (`v6` false) or ICMPv6 type.
pub fn icmp_type(v6: bool, kind: u8) -> String {
    let name = match (v6, kind) {
        (false, 0) | (true, 129) => "echo-reply",
        (false, 8) | (true, 128) => "echo-request",
        (false, 3) | (true, 1) => "destination-unreachable",
        (true, 2) => "packet-too-big",
        (false, 4) => "source-quench",
        (false, 5) | (true, 137) => "redirect",
        (false, 9) | (true, 134) => "router-advertisement",
        (false, 10) | (true, 133) => "router-solicitation",
        (false, 11) | (true, 3) => "time-exceeded",
        (false, 12) | (true, 4) => "parameter-problem",
        (false, 13) => "timestamp-request",
        (false, 14) => "timestamp-reply",
        (true, 130) => "multicast-listener-query",
        (true, 131) => "multicast-listener-report",
        (true, 132) => "multicast-listener-done",
        (true, 135) => "neighbour-solicitation",
        (true, 136) => "neighbour-advertisement",
        (true, 143) => "multicast-listener-report-v2",
        _ => return format!("type-{kind}"),
    };
    name.to_owned()
}

/// UDP services that answer a small question with a large answer, by port.
pub const REFLECTORS: &[(u16, &str)] = &[
    (17, "qotd"),
    (19, "chargen"),
    (53, "dns"),
    (69, "tftp"),
    (111, "portmap"),
    (123, "ntp"),
    (137, "netbios"),
    (161, "snmp"),
    (177, "xdmcp"),
    (389, "cldap"),
    (427, "slp"),
    (500, "isakmp"),
    (520, "rip"),
    (623, "ipmi"),
    (1194, "openvpn"),
    (1434, "mssql"),
    (1900, "ssdp"),
    (3283, "apple-remote-desktop"),
    (3389, "rdp"),
    (3478, "stun"),
    (3702, "ws-discovery"),
    (4500, "ipsec-nat"),
    (5060, "sip"),
    (5093, "sentinel"),
    (5351, "nat-pmp"),
    (5353, "mdns"),
    (5683, "coap"),
    (6881, "bittorrent"),
    (10001, "ubiquiti"),
    (10074, "mitel"),
    (11211, "memcached"),
    (27015, "steam"),
    (32414, "plex"),
    (33848, "jenkins"),
    (37810, "dvr"),
    (47808, "bacnet"),
];

/// Where in [`REFLECTORS`] a port is.
pub fn reflector(port: u16) -> Option<usize> {
    REFLECTORS.binary_search_by_key(&port, |(port, _)| *port).ok()
}

/// The service that usually has a port.
pub fn service(tcp: bool, port: u16) -> Option<&'static str> {
    let name = match (tcp, port) {
        (true, 20) => "ftp-data",
        (true, 21) => "ftp",
        (true, 22) => "ssh",
        (true, 23) => "telnet",
        (true, 25) => "smtp",
        (true, 53) => "dns",
        (_, 67 | 68) => "dhcp",
        (true, 80) => "http",
        (true, 110) => "pop3",
        (true, 143) => "imap",
        (true, 179) => "bgp",
        (true, 389) => "ldap",
        (true, 443) => "https",
        (false, 443) => "quic",
        (true, 445) => "smb",
        (true, 465 | 587) => "submission",
        (false, 514) => "syslog",
        (true, 636) => "ldaps",
        (true, 853) => "dns-over-tls",
        (true, 873) => "rsync",
        (true, 993) => "imaps",
        (true, 995) => "pop3s",
        (true, 2049) => "nfs",
        (true, 3260) => "iscsi",
        (true, 3306) => "mysql",
        (true, 3389) => "rdp",
        (_, 4789) => "vxlan",
        (true, 5432) => "postgresql",
        (true, 6379) => "redis",
        (true, 8080) => "http-alternative",
        (true, 9092) => "kafka",
        (true, 11211) => "memcached",
        (true, 27017) => "mongodb",
        (false, 51820) => "wireguard",
        (false, port) => return reflector(port).map(|index| REFLECTORS[index].1),
        _ => return None,
    };
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflectors_stand_in_the_order_of_their_ports() {
        assert!(REFLECTORS.is_sorted_by(|one, next| one.0 < next.0));
        assert_eq!(reflector(53).map(|index| REFLECTORS[index].1), Some("dns"));
        assert_eq!(reflector(443), None);
    }
}
