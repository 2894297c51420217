//! The fields of a packet that nftables rules load into registers, and what their values mean.

use std::fmt::Write as _;

use super::network::{address, masked, range};
use super::nft_verdict::big_number;
use super::rule::{Condition, PortRange, protocol_word};
use crate::printable::printable;

/// A field in a register.
#[derive(Debug, Clone)]
pub struct Field {
    /// As rules name it: `udp dport`.
    pub label: String,
    /// How its values are read.
    pub kind: Kind,
    /// How many bytes it takes in the register.
    pub length: usize,
    /// The mask under which it is compared.
    pub mask: Option<Vec<u8>>,
}

/// How the values of a field are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The name of the interface where the packet came in.
    Interface,
    /// Another name.
    Name,
    /// The number of the interface where the packet came in.
    InterfaceIndex,
    /// Another interface's number.
    OtherIndex,
    Protocol,
    /// The version of IP, as an `NFPROTO` number.
    Version,
    EtherType,
    LocalPort,
    RemotePort,
    /// A source address of that many bytes, of which the leading ones are loaded.
    Source(usize),
    /// A destination address of that many bytes.
    Destination(usize),
    /// The interface of a route, or whether there is a route.
    Route,
    /// Flags of TCP.
    TcpFlags,
    /// A type of ICMP.
    IcmpType,
    /// States of a connection.
    State,
    /// A number in network byte order.
    Big,
    /// A number in the byte order of the host.
    Native,
    /// Bytes.
    Opaque,
}

const STATES: [(u32, &str); 5] = [(1, "invalid"), (2, "established"), (4, "related"), (8, "new"), (64, "untracked")];

impl Field {
    pub fn new(label: impl Into<String>, kind: Kind, length: usize) -> Self {
        Field { label: label.into(), kind, length, mask: None }
    }

    /// A field of which nothing but its name is known.
    pub fn opaque(label: impl Into<String>) -> Self {
        Field::new(label, Kind::Opaque, 4)
    }

    /// What `nft` calls the meta key of that number, and how its values are read.
    pub fn meta(key: u32) -> Self {
        let (label, kind, length) = match key {
            8 => ("meta iiftype", Kind::Native, 2),
            9 => ("meta oiftype", Kind::Native, 2),
            0 => ("meta length", Kind::Native, 4),
            1 => ("meta protocol", Kind::EtherType, 2),
            3 => ("meta mark", Kind::Native, 4),
            4 => ("iif", Kind::InterfaceIndex, 4),
            5 => ("oif", Kind::OtherIndex, 4),
            6 => ("iifname", Kind::Interface, 16),
            7 => ("oifname", Kind::Name, 16),
            10 => ("meta skuid", Kind::Native, 4),
            11 => ("meta skgid", Kind::Native, 4),
            15 => ("meta nfproto", Kind::Version, 1),
            16 => ("meta l4proto", Kind::Protocol, 1),
            17 => ("meta ibrname", Kind::Name, 16),
            18 => ("meta obrname", Kind::Name, 16),
            19 => ("meta pkttype", Kind::Native, 1),
            20 => ("meta cpu", Kind::Native, 4),
            33 => ("meta sdifname", Kind::Name, 16),
            key => return Field::opaque(format!("meta key {key}")),
        };
        Field::new(label, kind, length)
    }

    /// What `nft` calls the conntrack key of that number.
    pub fn conntrack(key: u32) -> Self {
        match key {
            0 => Field::new("ct state", Kind::State, 4),
            1 => Field::new("ct direction", Kind::Native, 1),
            2 => Field::new("ct status", Kind::Native, 4),
            3 => Field::new("ct mark", Kind::Native, 4),
            key => Field::opaque(format!("ct key {key}")),
        }
    }

    /// What the routing table says, for a `fib` expression: its result and its flags.
    pub fn route(result: Option<u32>, flags: u32) -> Self {
        let keys = [(1, "saddr"), (2, "daddr"), (4, "mark"), (8, "iif"), (16, "oif")];
        let keys: Vec<&str> = keys.into_iter().filter(|(bit, _)| flags & bit != 0).map(|(_, key)| key).collect();
        let result = match result {
            Some(1) => "oif",
            Some(2) => "oifname",
            _ => "type",
        };
        let kind = if result == "oif" { Kind::Route } else { Kind::Opaque };
        Field::new(format!("fib {} {result}", keys.join(" . ")), kind, 4)
    }

    /// The field of a network header at an offset; `version` is 4 or 6.
    pub fn network(version: u8, offset: usize, length: usize) -> Option<Self> {
        let (label, kind) = match (version, offset, length) {
            (4, 12, 1..=4) => ("ip saddr", Kind::Source(4)),
            (4, 16, 1..=4) => ("ip daddr", Kind::Destination(4)),
            (4, 9, 1) => ("ip protocol", Kind::Protocol),
            (4, 8, 1) => ("ip ttl", Kind::Big),
            (4, 2, 2) => ("ip length", Kind::Big),
            (4, 4, 2) => ("ip id", Kind::Big),
            (4, 6, 2) => ("ip frag-off", Kind::Big),
            (6, 8, 1..=16) => ("ip6 saddr", Kind::Source(16)),
            (6, 24, 1..=16) => ("ip6 daddr", Kind::Destination(16)),
            (6, 6, 1) => ("ip6 nexthdr", Kind::Protocol),
            (6, 7, 1) => ("ip6 hoplimit", Kind::Big),
            (6, 4, 2) => ("ip6 length", Kind::Big),
            _ => return None,
        };
        Some(Field::new(label, kind, length))
    }

    /// The field of a transport header at an offset; `protocol` is what the rule has asked for before.
    pub fn transport(protocol: Option<u8>, offset: usize, length: usize) -> Self {
        let header = match protocol {
            Some(6) => "tcp",
            Some(17) => "udp",
            Some(33) => "dccp",
            Some(132) => "sctp",
            Some(136) => "udplite",
            Some(1) => "icmp",
            Some(58) => "icmpv6",
            _ => "th",
        };
        let (name, kind) = match (header, offset, length) {
            ("icmp" | "icmpv6", 0, 1) => ("type", Kind::IcmpType),
            ("icmp" | "icmpv6", 1, 1) => ("code", Kind::Big),
            ("icmp" | "icmpv6", ..) => ("", Kind::Opaque),
            (_, 0, 2) => ("sport", Kind::RemotePort),
            (_, 2, 2) => ("dport", Kind::LocalPort),
            ("tcp", 13, 1) => ("flags", Kind::TcpFlags),
            ("udp", 4, 2) => ("length", Kind::Big),
            _ => ("", Kind::Opaque),
        };
        if name.is_empty() {
            return Field::new(format!("@th,{},{}", 8 * offset, 8 * length), kind, length);
        }
        Field::new(format!("{header} {name}"), kind, length)
    }

    /// A value as rules write it.
    pub fn value(&self, bytes: &[u8], interface: &dyn Fn(u32) -> Option<String>) -> String {
        let native = || bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes));
        let known = match self.kind {
            Kind::Interface | Kind::Name => {
                let name = printable(bytes.split(|&byte| byte == 0).next().unwrap_or_default());
                let star = if bytes.contains(&0) || bytes.len() == 16 { "" } else { "*" };
                Some(format!("\"{name}{star}\""))
            }
            Kind::InterfaceIndex | Kind::OtherIndex => {
                native().map(|index| interface(index).map_or_else(|| index.to_string(), |name| format!("\"{name}\"")))
            }
            Kind::Protocol => bytes.first().map(|&number| protocol_word(number)),
            Kind::Version => match bytes.first() {
                Some(2) => Some("ipv4".to_owned()),
                Some(10) => Some("ipv6".to_owned()),
                _ => None,
            },
            Kind::EtherType => match big_number(bytes) {
                Some(0x0800) => Some("ip".to_owned()),
                Some(0x86dd) => Some("ip6".to_owned()),
                Some(0x0806) => Some("arp".to_owned()),
                _ => None,
            },
            Kind::LocalPort | Kind::RemotePort | Kind::Big => big_number(bytes).map(|number| number.to_string()),
            Kind::Source(size) | Kind::Destination(size) if bytes.len() < size => {
                let mut whole = bytes.to_vec();
                whole.resize(size, 0);
                address(&whole).map(|address| format!("{address}/{}", 8 * bytes.len()))
            }
            Kind::Source(_) | Kind::Destination(_) => address(bytes),
            Kind::Route => match bytes {
                _ if bytes.iter().all(|&byte| byte == 0) => Some("missing".to_owned()),
                [_] => Some("exists".to_owned()),
                _ => native().and_then(interface).map(|name| format!("\"{name}\"")),
            },
            Kind::TcpFlags => bytes.first().map(|&flags| tcp_flags(flags)),
            Kind::IcmpType => bytes.first().map(|kind| match kind {
                8 | 128 => "echo-request".to_owned(),
                0 | 129 => "echo-reply".to_owned(),
                kind => kind.to_string(),
            }),
            Kind::State => native().and_then(states),
            Kind::Native if bytes.len() == 1 => bytes.first().map(ToString::to_string),
            Kind::Native if bytes.len() == 2 => bytes.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes).to_string()),
            Kind::Native => native().map(|number| number.to_string()),
            Kind::Opaque => None,
        };
        known.unwrap_or_else(|| hexadecimal(bytes))
    }

    /// An interval of values as rules write it.
    pub fn interval(&self, first: &[u8], last: &[u8], interface: &dyn Fn(u32) -> Option<String>) -> String {
        if first == last {
            return self.value(first, interface);
        }
        if let Kind::Source(_) | Kind::Destination(_) = self.kind
            && let Some([network]) = range(first, last).as_deref()
        {
            return network.clone();
        }
        format!("{}-{}", self.value(first, interface), self.value(last, interface))
    }

    /// What it means that the value is in one of these intervals.
    pub fn condition(&self, items: &[(&[u8], &[u8])], interface: &dyn Fn(u32) -> Option<String>) -> Condition {
        let single = || match items {
            [(first, last)] if first == last => Some(*first),
            _ => None,
        };
        let ports = || {
            items
                .iter()
                .map(|(first, last)| {
                    let port = |bytes: &[u8]| u16::try_from(big_number(bytes)?).ok();
                    Some(PortRange { first: port(first)?, last: port(last)? })
                })
                .collect::<Option<Vec<_>>>()
        };
        let networks = |size: usize| {
            let whole = |bytes: &[u8], fill: u8| {
                let mut bytes = bytes.to_vec();
                bytes.resize(size, fill);
                bytes
            };
            let networks = items.iter().map(|(first, last)| range(&whole(first, 0), &whole(last, 0xff)));
            networks.collect::<Option<Vec<_>>>().map(|networks| networks.concat())
        };
        let condition = match self.kind {
            _ if self.mask.is_some() => None,
            Kind::Interface => single().map(|name| {
                let star = if name.contains(&0) || name.len() == 16 { "" } else { "*" };
                let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
                Condition::Interface(format!("{}{star}", printable(name)))
            }),
            Kind::InterfaceIndex => single()
                .and_then(|index| interface(u32::from_ne_bytes(*index.first_chunk()?)))
                .map(Condition::Interface),
            Kind::Protocol => items
                .iter()
                .map(|(first, last)| (first == last).then_some(first.first()?).map(|&number| protocol_word(number)))
                .collect::<Option<Vec<_>>>()
                .map(Condition::Protocols),
            Kind::Version => match single() {
                Some([2, ..]) => Some(Condition::Family("ip")),
                Some([10, ..]) => Some(Condition::Family("ip6")),
                _ => None,
            },
            Kind::EtherType => match single().and_then(big_number) {
                Some(0x0800) => Some(Condition::Family("ip")),
                Some(0x86dd) => Some(Condition::Family("ip6")),
                _ => None,
            },
            Kind::LocalPort => ports().map(Condition::LocalPorts),
            Kind::RemotePort => ports().map(Condition::RemotePorts),
            Kind::Source(size) => networks(size).map(Condition::Sources),
            Kind::Destination(size) => networks(size).map(Condition::Destinations),
            _ => None,
        };
        condition.unwrap_or(Condition::Other)
    }

    /// Text and meaning of a comparison under a mask, for equality unless `differs`.
    pub fn masked(&self, mask: &[u8], value: &[u8], differs: bool) -> (String, Condition) {
        let label = &self.label;
        let other = |text| (text, if differs { Condition::Inverted } else { Condition::Other });
        match self.kind {
            Kind::Source(_) | Kind::Destination(_) => {
                if let Some(network) = masked(value, mask) {
                    return if differs {
                        (format!("{label} != {network}"), Condition::Inverted)
                    } else if let Kind::Source(_) = self.kind {
                        (format!("{label} {network}"), Condition::Sources(vec![network]))
                    } else {
                        (format!("{label} {network}"), Condition::Destinations(vec![network]))
                    };
                }
            }
            Kind::State if value.iter().all(|&byte| byte == 0) => {
                let mask = mask.first_chunk().map(|mask| u32::from_ne_bytes(*mask));
                if let Some(states) = mask.and_then(states) {
                    // "The masked value is not zero" is "one of these states", so nothing is negated.
                    let not = if differs { "" } else { "!= " };
                    let condition = if differs { Condition::Other } else { Condition::Inverted };
                    return (format!("{label} {not}{states}"), condition);
                }
            }
            _ => {}
        }
        let operator = if differs { "!=" } else { "==" };
        match (self.kind, mask, value) {
            (Kind::TcpFlags, &[mask], &[value]) => {
                let not = if differs { "!= " } else { "" };
                other(format!("{label} {not}{} / {}", tcp_flags(value), tcp_flags(mask)))
            }
            (Kind::Native, _, _) => {
                let turned = |bytes: &[u8]| {
                    let mut bytes = bytes.to_vec();
                    if cfg!(target_endian = "little") {
                        bytes.reverse();
                    }
                    hexadecimal(&bytes)
                };
                other(format!("{label} & {} {operator} {}", turned(mask), turned(value)))
            }
            _ => other(format!("{label} & {} {operator} {}", hexadecimal(mask), hexadecimal(value))),
        }
    }
}

/// The names of the states in a mask; none when there is one without a name.
fn states(mask: u32) -> Option<String> {
    let named = STATES.iter().filter(|(bit, _)| mask & bit != 0);
    let known = named.clone().fold(0, |known, (bit, _)| known | bit);
    (known == mask && mask != 0).then(|| named.map(|(_, name)| *name).collect::<Vec<_>>().join(","))
}

/// The names of flags of TCP; none set is 0.
fn tcp_flags(flags: u8) -> String {
    let names = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"];
    let set: Vec<&str> =
        names.into_iter().enumerate().filter(|(bit, _)| flags >> bit & 1 == 1).map(|(_, name)| name).collect();
    if set.is_empty() { "0".to_owned() } else { set.join(",") }
}

/// Bytes as a number of base sixteen.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::from("0x");
    for byte in bytes.iter().take(32) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
