//! Names for numbers: ICMP types, services, and the services that can be abused as reflectors.

use serde::Serialize;
use serde_json::Value;

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

/// A UDP service that answers a small question with a large answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reflector {
    /// Its port.
    pub port: u16,
    /// Its name, as results give it.
    pub service: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// Servers ask it themselves, so that its answers are missed where they are dropped.
    pub asked_by_servers: bool,
    /// It carries sessions or streams, and so sends far more than it is asked without any harm.
    pub has_sessions: bool,
}

const fn reflector_row(
    port: u16,
    service: &'static str,
    name: &'static str,
    asked_by_servers: bool,
    has_sessions: bool,
) -> Reflector {
    Reflector { port, service, name, asked_by_servers, has_sessions }
}

/// UDP services that answer a small question with a large answer, by port: what the capture looks for, and what a runbook has a
/// cause for each of, by `data: {reflectors: capture.reflectors}`.
pub const REFLECTORS: &[Reflector] = &[
    reflector_row(17, "qotd", "QOTD", false, false),
    reflector_row(19, "chargen", "chargen", false, false),
    reflector_row(53, "dns", "DNS", true, true),
    reflector_row(69, "tftp", "TFTP", false, false),
    reflector_row(111, "portmap", "portmap", false, false),
    reflector_row(123, "ntp", "NTP", true, false),
    reflector_row(137, "netbios", "NetBIOS", false, false),
    reflector_row(161, "snmp", "SNMP", true, false),
    reflector_row(177, "xdmcp", "XDMCP", false, false),
    reflector_row(389, "cldap", "CLDAP", false, false),
    reflector_row(427, "slp", "SLP", false, false),
    reflector_row(500, "isakmp", "ISAKMP", true, true),
    reflector_row(520, "rip", "RIP", false, false),
    reflector_row(623, "ipmi", "IPMI", false, false),
    reflector_row(1194, "openvpn", "OpenVPN", true, true),
    reflector_row(1434, "mssql", "MS SQL", false, false),
    reflector_row(1900, "ssdp", "SSDP", false, false),
    reflector_row(3283, "apple-remote-desktop", "Apple Remote Desktop", false, false),
    reflector_row(3389, "rdp", "RDP", false, true),
    reflector_row(3478, "stun", "STUN", true, false),
    reflector_row(3702, "ws-discovery", "WS-Discovery", false, false),
    reflector_row(4500, "ipsec-nat", "IPsec NAT traversal", true, true),
    reflector_row(5060, "sip", "SIP", true, true),
    reflector_row(5093, "sentinel", "Sentinel", false, false),
    reflector_row(5351, "nat-pmp", "NAT-PMP", false, false),
    reflector_row(5353, "mdns", "mDNS", false, false),
    reflector_row(5683, "coap", "CoAP", false, false),
    reflector_row(6881, "bittorrent", "BitTorrent", false, true),
    reflector_row(10001, "ubiquiti", "Ubiquiti discovery", false, false),
    reflector_row(10074, "mitel", "Mitel", false, false),
    reflector_row(11211, "memcached", "memcached", false, false),
    reflector_row(27015, "steam", "Steam", false, false),
    reflector_row(32414, "plex", "Plex", false, false),
    reflector_row(33848, "jenkins", "Jenkins", false, false),
    reflector_row(37810, "dvr", "DVR", false, false),
    reflector_row(47808, "bacnet", "BACnet", false, false),
];

/// The table as runbooks see it: a list of entries with the fields of `Reflector`.
pub fn reflectors() -> Value {
    serde_json::to_value(REFLECTORS).unwrap_or_default()
}

/// Where in [`REFLECTORS`] a port is.
pub fn reflector(port: u16) -> Option<usize> {
    REFLECTORS.binary_search_by_key(&port, |reflector| reflector.port).ok()
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
        (false, port) => return reflector(port).map(|index| REFLECTORS[index].service),
        _ => return None,
    };
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflectors_stand_in_the_order_of_their_ports() {
        assert!(REFLECTORS.is_sorted_by(|one, next| one.port < next.port));
        assert_eq!(reflector(53).map(|index| REFLECTORS[index].service), Some("dns"));
        assert_eq!(reflector(443), None);
    }
}
