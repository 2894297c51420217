//! What was booked on an end, and what several of those who book need: parts of an amount, names, and who can have made a packet.

use crate::case::{EntryKind, Process};
use crate::probe::capture::output::{SentEndpoint, SentOthers};
use crate::probe::ledger::WindowEvidence;
use crate::probe::ledger::buckets::{Allocation, End};
use crate::probe::ledger::guests::Guests;
use crate::probe::protocol::ip_protocol;
use crate::probe::sockets::RawSocket;
use std::net::IpAddr;

/// The share of what left over a protocol that the kernel must have made for its packets to be taken as its own.
pub const MADE_BY_SOCKETS: f64 = 0.9;
/// The share from which on one of several stands for all.
pub const STANDS_FOR_ALL: f64 = 0.8;
/// By how much figures of two sources may differ and still be of the same thing.
pub const CLOSE: f64 = 0.1;
pub const NOTHING: Allocation = Allocation { packets: 0, bytes: 0.0 };

/// What was booked on an end, with the endpoint that it left from.
#[derive(Debug, Clone)]
pub struct Sent<'a> {
    pub end: End,
    pub kind: EntryKind,
    pub raw: bool,
    pub endpoint: Option<&'a SentEndpoint>,
    pub others: Option<&'a SentOthers>,
    pub packets: u64,
    pub bytes: f64,
    pub again: f64,
}

impl Sent<'_> {
    /// What no capture saw, and packet sockets may have sent.
    pub fn past_the_capture(end: End, of_it: Allocation) -> Self {
        let Allocation { packets, bytes } = of_it;
        Sent { end, kind: EntryKind::UnseenOwner, raw: true, endpoint: None, others: None, packets, bytes, again: 0.0 }
    }
}

/// Whether a socket below TCP and UDP can make packets of the protocol; none is of several, with addresses of others.
pub fn can_make(socket: &RawSocket, protocol: Option<&str>) -> bool {
    const ALL: u16 = 3;
    match (socket.kind.as_str(), socket.number) {
        ("packet", ethertype) => matches!(ethertype, 0 | ALL | 0x0800 | 0x86dd),
        ("raw", 255) => true,
        ("raw", number) => match protocol {
            Some(protocol) => u8::try_from(number).is_ok_and(|number| ip_protocol(number) == protocol),
            None => !matches!(number, 1 | 58),
        },
        _ => false,
    }
}

/// `a or b or c`, of many the first three.
pub fn either(processes: &[&Process]) -> String {
    let named: Vec<String> = processes.iter().take(3).map(ToString::to_string).collect();
    let more = if processes.len() > 3 { format!(" or of {} others", processes.len() - 3) } else { String::new() };
    format!("{}{more}", named.join(" or of "))
}

/// Whether the kernel made what left, as far as it counts that.
pub fn sums(made: Option<u64>, left: u64) -> bool {
    made.is_none_or(|made| made as f64 >= left as f64 * MADE_BY_SOCKETS)
}

/// The processes that hold sockets below TCP and UDP of some kind.
pub fn holders_below<'a>(evidence: &WindowEvidence<'a>, which: impl Fn(&RawSocket) -> bool) -> Vec<&'a Process> {
    let raw = evidence.sockets.and_then(|sockets| sockets.raw.as_ref()).into_iter().flatten();
    let mut holders: Vec<&Process> = Vec::new();
    for process in raw.filter(|socket| which(socket)).filter_map(|socket| socket.process.as_ref()) {
        if !holders.contains(&process) {
            holders.push(process);
        }
    }
    holders
}

/// What is said of connections that came to nothing, and may be of these.
pub fn opened_in_vain(refused: bool, of: &[&Process]) -> String {
    let what = match refused {
        true => "connections that were refused",
        false => "connections that were opened in vain",
    };
    match of {
        [] => format!("{what}, whose process was not seen"),
        _ => format!("{what}, possibly of {}", either(of)),
    }
}

/// Whom the kernel sent something on for.
pub fn forwarded_for(address: IpAddr, guests: &Guests<'_>) -> End {
    let guest = guests.at(address, "tcp", None);
    let whose = guest.as_ref().map_or(String::new(), |guest| format!(", {}", guest.name));
    End {
        label: format!("forwarded for {address}{whose}"),
        address: Some(address),
        container: guest.map(|guest| guest.name),
        ..End::default()
    }
}

pub fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || matches!(address, IpAddr::V4(address) if address.is_broadcast())
}

pub fn end(endpoint: &SentEndpoint, process: Option<&Process>, unit: Option<&str>) -> End {
    let port = endpoint.port.map_or(String::new(), |port| format!(" port {port}"));
    let protocol = endpoint.protocol.to_uppercase();
    let label = match (process, unit) {
        (Some(process), _) => process.to_string(),
        (None, Some(unit)) => format!("{unit} ({protocol}{port}), process not seen"),
        (None, None) => format!("{protocol}{port}, owner not seen"),
    };
    End {
        label,
        protocol: Some(endpoint.protocol.clone()),
        address: Some(endpoint.address),
        port: endpoint.port,
        process: process.cloned(),
        ..End::default()
    }
}

pub fn share(whole: Allocation, share: f64) -> Allocation {
    let share = share.clamp(0.0, 1.0);
    Allocation { packets: (whole.packets as f64 * share).round() as u64, bytes: whole.bytes * share }
}

/// Takes a part, at most what is left.
pub fn take(left: &mut Allocation, part: Allocation) -> Allocation {
    let part = Allocation { packets: part.packets.min(left.packets), bytes: part.bytes.min(left.bytes) };
    *left = Allocation { packets: left.packets - part.packets, bytes: left.bytes - part.bytes };
    part
}
