//! Packets as `tcpdump` prints them: with `-n` or names, `-e`, `-v`, `-x`, `-A`, old and new. They become a capture file in memory,
//! which the probe `capture` reads like any other.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use jiff::civil::Date;

use super::here::Here;
use super::samples;
use super::services;
use super::text::{Words, split};
use super::told::Told;

/// Packets that are taken from one output.
const MOST: usize = 200_000;
/// Names that stand for addresses.
const MOST_NAMES: usize = 4096;
/// Bytes of a packet that are made up or taken from `-x`.
const LONGEST: usize = 512;

/// A packet as it was printed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Printed {
    /// Nanoseconds since midnight, and the day where it is printed.
    pub at: Option<u64>,
    pub day: Option<Date>,
    macs: Option<([u8; 6], [u8; 6])>,
    source: End,
    destination: End,
    what: What,
    /// Bytes behind the header of TCP, UDP or ICMP; of ARP the frame.
    pub payload: u32,
    /// The bytes of the IP packet, where they were printed.
    bytes: Vec<u8>,
    /// What `-q` prints of TCP tells no flags.
    pub flagless: bool,
    /// It was not printed to its end, and how long it was is not known: it has at least so many bytes.
    pub cut: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct End {
    name: String,
    port: u16,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Tcp(u8),
    Udp(Vec<u8>),
    Icmp(u8, u8),
    Arp { request: bool },
    Other(u8),
}

/// Packets from that line on, and how many lines they take; where none has addresses, what else they are.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Result<Vec<Printed>, Told>)> {
    let (lines, packets) = printed(here)?;
    if !packets.is_empty() {
        return Some((lines, Ok(packets)));
    }
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for at in here.at..here.at + lines {
        let line = here.document.line(at).trim();
        if begins(line) && !here.document.ends_within(at) {
            *kinds.entry(kind_of(line)).or_default() += 1;
        }
    }
    let mut told = Told { tool: "tcpdump", ..Told::default() };
    let sum: usize = kinds.values().sum();
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    if sum > 0 {
        told.stands_out.push(format!(
            "tcpdump: {sum} packets from which somebody took the addresses: {}. Replace addresses one by one instead of taking them out: who sends to whom is what tells",
            kinds.join(", ")
        ));
    }
    Some((lines, Err(told)))
}

/// What a packet is whose addresses are not there.
fn kind_of(line: &str) -> &'static str {
    let flags = line.split_once("Flags [").and_then(|(_, rest)| rest.split(']').next());
    match flags {
        Some("S") => "TCP SYN",
        Some("S.") => "TCP SYN-ACK",
        Some(_) => "TCP",
        None if line.contains("UDP") => "UDP",
        None if line.contains("ICMP") => "ICMP",
        None => "of another kind",
    }
}

/// Packets from that line on, and how many lines they take.
fn printed(here: &Here<'_>) -> Option<(usize, Vec<Printed>)> {
    let document = here.document;
    let mut packets: Vec<Printed> = Vec::new();
    let mut place = here.at;
    let mut ended = here.at;
    let mut hex: Vec<u8> = Vec::new();
    let mut pending: Option<String> = None;
    let mut found = false;
    // When a packet came of which the bytes alone may tell the addresses.
    let mut headless: Option<At> = None;
    // Bytes that `-A` may still print of the last packet; and whether the next line is of a packet that an ICMP error quotes.
    let (mut dumped, mut quoted) = (0_usize, false);
    while place < document.len() {
        let line = document.line(place);
        let trimmed = line.trim();
        let cut = document.ends_within(place);
        if is_notice(trimmed) {
        } else if found && is_quoted(trimmed, &packets) {
            quoted = !trimmed.contains(" > ");
        } else if std::mem::take(&mut quoted) && trimmed.contains(" > ") && time(trimmed).is_none() {
        } else if begins(trimmed) {
            dumped = 0;
            pending = None;
            take_hex(&mut packets, &mut hex, headless.take());
            let joined = trimmed.to_owned();
            headless = Some(time(trimmed).map_or((None, None), |(at, _)| at));
            match packet(&joined) {
                Some(packet) if packets.len() < MOST && (!cut || is_whole(trimmed)) => {
                    packets.push(packet);
                    headless = None;
                }
                // With -v the addresses stand in the next line; wrapped ones end there.
                _ => pending = Some(joined),
            }
            found = true;
        } else if found && hex_row(trimmed).is_some() {
            hex.extend(hex_row(trimmed).unwrap_or_default().into_iter().take(LONGEST.saturating_sub(hex.len())));
        } else if let Some(joined) = pending.take().filter(|_| !trimmed.is_empty()) {
            match packet(&format!("{joined} {trimmed}")) {
                Some(packet) if packets.len() < MOST && (!cut || is_whole(trimmed)) => {
                    packets.push(packet);
                    headless = None;
                }
                _ => {}
            }
        } else if found
            && !trimmed.is_empty()
            && begins(document.line(place + 1).trim())
            && (60..=110).contains(&document.line(place - 1).trim_end().len())
        {
            // The end of a line that mail wrapped.
        } else if found && is_dump(line) {
            // Behind the header stands what the packet carried, as it is.
            let carried = packets.last().map_or(0, |packet| packet.payload as usize);
            dumped = (carried + HEADERS).saturating_sub(line.len());
        } else if found && dumped > 0 && super::prompt::Prompt::of(line).is_none() {
            dumped = dumped.saturating_sub(line.len() + 1);
        } else if !found || !(line.starts_with('\t') || trimmed == "...") {
            break;
        }
        place += 1;
        ended = place;
    }
    take_hex(&mut packets, &mut hex, headless);
    found.then(|| (ended - here.at, packets))
}

fn take_hex(packets: &mut Vec<Printed>, hex: &mut Vec<u8>, headless: Option<At>) {
    if let Some(at) = headless {
        packets.extend(of_bytes(hex, at).filter(|_| packets.len() < MOST));
    } else if let Some(packet) = packets.last_mut()
        && hex.first().is_some_and(|byte| matches!(byte >> 4, 4 | 6))
        && hex.len() >= 28
    {
        packet.bytes = std::mem::take(hex);
    }
    hex.clear();
}

/// A packet of IPv4 by its bytes alone.
fn of_bytes(bytes: &[u8], (at, day): At) -> Option<Printed> {
    let byte = |at: usize| bytes.get(at).copied();
    let pair = |at: usize| Some(u16::from_be_bytes([byte(at)?, byte(at + 1)?]));
    let header = usize::from(byte(0).filter(|first| first >> 4 == 4)? & 15) * 4;
    let whole = pair(2)?;
    let address = |at: usize| {
        let octets: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(octets).to_string())
    };
    let protocol = byte(9)?;
    let ported = matches!(protocol, 6 | 17);
    let (source_port, port) = if ported { (pair(header)?, pair(header + 2)?) } else { (0, 0) };
    let (what, inner) = match protocol {
        6 => (What::Tcp(byte(header + 13)?), usize::from(byte(header + 12)? >> 4) * 4),
        17 => (What::Udp(bytes.get(header + 8..).unwrap_or_default().to_vec()), 8),
        1 => (What::Icmp(byte(header)?, byte(header + 1)?), 8),
        other => (What::Other(other), 0),
    };
    Some(Printed {
        at,
        day,
        macs: None,
        source: End { name: address(12)?, port: source_port },
        destination: End { name: address(16)?, port },
        what,
        payload: u32::from(whole).checked_sub(u32::try_from(header + inner).ok()?)?,
        bytes: if bytes.len() >= 28 { bytes.to_vec() } else { Vec::new() },
        flagless: false,
        cut: false,
    })
}

/// Bytes of the headers that `-A` prints, too.
const HEADERS: usize = 120;

/// Whether a line is of the packet that an ICMP error quotes, which came some other time: it has no time of its own.
fn is_quoted(line: &str, packets: &[Printed]) -> bool {
    let of_error =
        packets.last().is_some_and(|last| last.at.is_some() && matches!(last.what, What::Icmp(3 | 5 | 11, _)));
    of_error && (line.starts_with("IP (") || line.starts_with("IP6 (") || line.starts_with("IP ")) && begins(line)
}

/// What tcpdump says of itself.
fn is_notice(line: &str) -> bool {
    line.starts_with("listening on ")
        || line.starts_with("tcpdump: ")
        || line.starts_with("dropped privs")
        || (line.ends_with("packets captured")
            || line.ends_with("packets received by filter")
            || line.ends_with("packets dropped by kernel")
            || line.ends_with("packet captured")
            || line.ends_with("packet received by filter"))
        || line.starts_with("reading from file ")
}

/// Whether a line begins a packet: maybe a time, then `IP`, `IP6`, `ARP` or link addresses.
fn begins(line: &str) -> bool {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let Some(first) = words.next() else { return false };
    let is_kind = |word: &str| matches!(word, "IP" | "IP6" | "ARP," | "arp");
    if is_kind(first) {
        return line.contains(" > ") || line.contains("who-has") || line.contains("is-at") || line.contains('(');
    }
    let Some((_, time_words)) = time(line) else { return false };
    let rest: Words<'_> = split(line).skip(time_words).take(6).collect();
    // `-i any` names the interface and the way.
    rest.iter().take(4).any(|word| is_kind(word))
        && (line.contains(" > ") || line.contains("who-has") || line.contains("is-at") || line.contains('('))
        || (rest.get(1) == Some(&">") && rest.first().is_some_and(|mac| link_address(mac).is_some()))
        || (rest.get(1) == Some(&">") && rest.first().is_some_and(|end| end.matches('.').count() >= 4))
}

/// Whether a packet's line is there to its end.
fn is_whole(line: &str) -> bool {
    let tail = line.rsplit(' ').next().unwrap_or_default();
    tail.ends_with(')') || (line.contains(" length ") && line.len() > 8 && tail.is_empty())
}

/// Nanoseconds since midnight, and the day.
type At = (Option<u64>, Option<Date>);

/// The time that a line begins with, in nanoseconds since midnight with the day, and how many words it takes.
fn time(line: &str) -> Option<(At, usize)> {
    let mut words = split(line);
    let first = words.next().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    if first.len() == 10
        && first.contains('-')
        && let Ok(day) = first.parse::<Date>()
    {
        return Some(((Some(of_day(words.next()?)?), Some(day)), 2));
    }
    if let Some(at) = of_day(first) {
        return Some(((Some(at), None), 1));
    }
    // -tt: seconds since 1970.
    let (seconds, fraction) = first.split_once('.')?;
    if seconds.len() == 10 && fraction.len() >= 3 {
        let at = jiff::Timestamp::from_second(seconds.parse().ok()?).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
        let nanos = nanos(fraction.get(..9).unwrap_or(fraction))?;
        let since =
            u64::try_from(i64::from(at.hour()) * 3600 + i64::from(at.minute()) * 60 + i64::from(at.second())).ok()?;
        return Some(((Some(since * 1_000_000_000 + nanos), Some(at.date())), 1));
    }
    // -ttt, -ttttt: what passed since.
    None
}

/// The time of day that a word is, in nanoseconds since midnight: `20:24:37.388303`.
fn of_day(word: &str) -> Option<u64> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, "0"));
    if whole.bytes().filter(|byte| *byte == b':').count() != 2 {
        return None;
    }
    Some(u64::from(samples::clock(&[whole])?) * 1_000_000_000 + nanos(fraction)?)
}

/// The digits behind the point of seconds, nine at most, in nanoseconds.
fn nanos(fraction: &str) -> Option<u64> {
    let digits = || fraction.bytes().all(|byte| byte.is_ascii_digit());
    let missing = 9_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    fraction.parse::<u64>().ok().filter(|_| digits()).map(|figure| figure * 10_u64.pow(missing))
}

/// `02:00:00:00:00:01`.
fn link_address(word: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = word.trim_end_matches(',').split(':');
    for byte in &mut bytes {
        *byte = u8::from_str_radix(parts.next().filter(|part| part.len() == 2)?, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

/// A row of `-x`: `0x0000:  4500 0035 …`, with what is printed beside it by `-X`.
fn hex_row(line: &str) -> Option<Vec<u8>> {
    let (place, rest) = line.strip_prefix("0x")?.split_once(':')?;
    usize::from_str_radix(place, 16).ok()?;
    let words = rest.trim_start().split("  ").next()?.split(' ');
    let mut bytes = Vec::new();
    for word in words {
        if word.len() % 2 != 0 || word.len() > 4 {
            return Some(bytes);
        }
        for at in (0..word.len()).step_by(2) {
            bytes.push(u8::from_str_radix(word.get(at..at + 2)?, 16).ok()?);
        }
    }
    Some(bytes)
}

/// A line of what `-A` prints below a packet.
fn is_dump(line: &str) -> bool {
    let line = line.trim_start();
    (line.starts_with('E') || line.starts_with('`')) && line.matches('.').count() >= 4 && !line.contains(". ")
        || line.starts_with('.') && line.matches('.').count() >= 4
}

/// Takes the line of a packet apart.
fn packet(line: &str) -> Option<Printed> {
    let timed = time(line);
    let ((at, day), words) = timed.unwrap_or(((None, None), 0));
    let mut rest = skip_words(line, words);
    let mut macs = None;
    let plain = rest.strip_prefix("IP ").or_else(|| rest.strip_prefix("IP6 "));
    // `-e`: `02:… > 02:…, ethertype IPv4 (0x0800), length 67: 192.0.2.1.5 > …`
    if plain.is_none()
        && let Some((from, after)) = rest.split_once(" > ")
        && let Some(from) = link_address(from)
    {
        let (to, after) = after.split_once([' ', ','])?;
        let to = if to.eq_ignore_ascii_case("Broadcast") { [0xff; 6] } else { link_address(to)? };
        macs = Some((from, to));
        rest = after.split_once(": ").map_or(after, |(_, rest)| rest);
    }
    if let Some(after) = plain {
        rest = after;
    } else {
        let kind = [" ARP, ", "ARP, ", "arp "].iter().find_map(|word| rest.split_once(word)).map(|(_, rest)| rest);
        if let Some(arp) =
            kind.or_else(|| (rest.starts_with("Request who-has") || rest.starts_with("Reply ")).then_some(rest))
        {
            return arp_of(arp, at, day, macs);
        }
        for word in [" IP6 ", "IP6 ", " IP ", "IP "] {
            let found = match word.strip_prefix(' ') {
                Some(_) => rest.split_once(word).map(|(_, after)| after),
                None => rest.strip_prefix(word),
            };
            if let Some(after) = found {
                rest = after;
                break;
            }
        }
    }
    // `-v`: what stands in parentheses is the header's.
    if rest.starts_with('(') {
        let end = rest.find(") ").filter(|_| rest.contains(" > "))?;
        let inner_end = rest
            .match_indices(") ")
            .map(|(at, _)| at)
            .filter(|at| rest.get(at + 2..).is_some_and(|rest| rest.split(' ').nth(1) == Some(">")))
            .last();
        rest = rest.get(inner_end.unwrap_or(end) + 2..)?.trim_start();
    }
    let (source, rest) = rest.split_once(" > ")?;
    let (destination, rest) = rest.split_once(": ").or_else(|| rest.split_once(':'))?;
    let source = source.split_whitespace().last()?;
    if source.len() > 255 || destination.len() > 255 || destination.contains(' ') {
        return None;
    }
    let rest = rest.trim();
    let portless = rest.starts_with("ICMP")
        || rest.starts_with("icmp")
        || ["GREv", "ESP", "igmp", "ip-proto-", "AH(", "OSPF", "PIM", "VRRP", "CARP"]
            .iter()
            .any(|kind| rest.starts_with(kind));
    let end = |text: &str| -> Option<End> {
        if portless {
            return Some(End { name: text.to_owned(), port: 0 });
        }
        let (name, port) = text.rsplit_once('.')?;
        match services::port(port).filter(|_| port != "*") {
            Some(port) if text.parse::<Ipv4Addr>().is_err() => Some(End { name: name.to_owned(), port }),
            // A fragment, or a name of a port that says no number here.
            _ => Some(End { name: text.to_owned(), port: 0 }),
        }
    };
    let (source, destination) = (end(source)?, end(destination)?);
    let length = rest.rsplit_once("length ").and_then(|(_, digits)| {
        let digits = digits.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok()
    });
    let in_parens =
        || rest.rsplit_once('(').and_then(|(_, inside)| inside.split([')', ' ']).next()?.parse::<u32>().ok());
    let (what, payload) = what(rest, length, in_parens(), &source, &destination)?;
    let flagless = matches!(what, What::Tcp(_)) && rest.starts_with("tcp ");
    Some(Printed {
        at,
        day,
        macs,
        source,
        destination,
        what,
        payload: payload.min(65_507),
        bytes: Vec::new(),
        flagless,
        cut: length.is_none() && in_parens().is_none() && rest.ends_with("|domain]"),
    })
}

fn skip_words(line: &str, words: usize) -> &str {
    let mut rest = line.trim_start();
    for _ in 0..words {
        rest = rest.find(char::is_whitespace).and_then(|at| rest.get(at..)).unwrap_or_default().trim_start();
    }
    rest
}

fn what(rest: &str, length: Option<u32>, parens: Option<u32>, source: &End, destination: &End) -> Option<(What, u32)> {
    if let Some(flags) = rest.strip_prefix("Flags [") {
        return Some((What::Tcp(tcp_flags(flags.split(']').next()?)?), length.unwrap_or(0)));
    }
    if let Some(icmp) = rest
        .strip_prefix("ICMP6, ")
        .or_else(|| rest.strip_prefix("ICMP "))
        .or_else(|| rest.strip_prefix("icmp: ").or_else(|| rest.strip_prefix("icmp ")))
    {
        let (kind, code) = match icmp {
            icmp if icmp.contains("echo request") => (8, 0),
            icmp if icmp.contains("echo reply") => (0, 0),
            icmp if icmp.contains("port") && icmp.contains("unreachable") => (3, 3),
            icmp if icmp.contains("unreachable") => (3, 1),
            icmp if icmp.contains("time exceeded") => (11, 0),
            icmp if icmp.contains("redirect") => (5, 0),
            _ => (255, 0),
        };
        return Some((What::Icmp(kind, code), length.unwrap_or(8).saturating_sub(8)));
    }
    for (word, number) in
        [("GREv", 47), ("ESP", 50), ("AH", 51), ("igmp", 2), ("OSPF", 89), ("VRRP", 112), ("ip-proto-", 0)]
    {
        if let Some(after) = rest.strip_prefix(word) {
            let number =
                if number == 0 { after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()? } else { number };
            return Some((What::Other(number), length.unwrap_or(0)));
        }
    }
    // Old ones: `S 123:123(0) win 512`, `. ack 5 win 9`, `P 1:5(4) ack 1`.
    let first = rest.split([' ', ',']).next()?;
    if !first.is_empty()
        && first.len() <= 5
        && first.bytes().all(|byte| matches!(byte, b'S' | b'F' | b'P' | b'R' | b'.' | b'W' | b'E'))
        && (rest.contains("win") || rest.contains("ack") || rest.contains('('))
    {
        let ack = if rest.contains(" ack ") { 0x10 } else { 0 };
        return Some((What::Tcp(tcp_flags(first)? | ack), parens.unwrap_or(0)));
    }
    // `-q`: `tcp 1448`. Its flags are not known.
    if let Some(payload) = rest.strip_prefix("tcp ").and_then(|rest| rest.split(' ').next()?.parse().ok()) {
        return Some((What::Tcp(0x10), payload));
    }
    if rest.starts_with("UDP") || rest.starts_with("udp") {
        let old = rest.strip_prefix("udp ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        return Some((What::Udp(Vec::new()), length.or(old)?));
    }
    let ports = [source.port, destination.port];
    if let Some(rest) = rest.strip_prefix("NTPv") {
        let version: u8 = rest.get(..1)?.parse().ok()?;
        let (mode, answer) = match rest.get(1..)?.trim_start_matches([',', ' ']) {
            mode if mode.starts_with("Client") => (3, false),
            mode if mode.starts_with("Server") => (4, true),
            mode if mode.starts_with("Broadcast") => (5, true),
            mode if mode.starts_with("Control") || mode.starts_with("control") => {
                (6, source.port == 123 && destination.port != 123)
            }
            mode if mode.starts_with("Reserved") || mode.starts_with("private") || mode.starts_with("Private") => {
                (7, source.port == 123 && destination.port != 123)
            }
            _ => (0, false),
        };
        let first = (version & 7) << 3 | mode | if mode >= 6 && answer { 0x80 } else { 0 };
        // MON_GETLIST of ntpdc: implementation 3, request 42.
        let payload = if mode == 7 { vec![first, 0, 3, 42] } else { vec![first, 2, 6, 0] };
        return Some((What::Udp(payload), length?));
    }
    // DNS: `1234+ ANY? example.org. (29)`, `1234 3/0/1 A 192.0.2.1 (90)`.
    if ports.iter().any(|port| matches!(port, 53 | 5353)) {
        let payload = dns(rest, source.port)?;
        let least = || rest.ends_with("|domain]").then(|| least_of_dns(rest));
        return Some((What::Udp(payload), length.or(parens).or_else(least)?));
    }
    // Anything else that tcpdump knows of UDP names its length.
    length.or(parens).map(|bytes| (What::Udp(Vec::new()), bytes))
}

/// How many bytes an answer has at least that was not printed to its end: `1234 27/4/13 SOA, RRSIG[|domain]`. No record has less than
/// eleven.
fn least_of_dns(rest: &str) -> u32 {
    let counts = rest.split([' ', ',']).find(|word| word.matches('/').count() == 2).unwrap_or_default();
    let records: u32 = counts.split('/').filter_map(|count| count.parse::<u16>().ok()).map(u32::from).sum();
    17 + 11 * records
}

fn tcp_flags(text: &str) -> Option<u8> {
    if text == "none" {
        return Some(0);
    }
    text.chars().try_fold(0, |flags, c| {
        Some(
            flags
                | match c {
                    'F' => 1,
                    'S' => 2,
                    'R' => 4,
                    'P' => 8,
                    '.' => 0x10,
                    'U' => 0x20,
                    'E' => 0x40,
                    'W' => 0x80,
                    _ => return None,
                },
        )
    })
}

/// The header of a DNS message, and its question.
fn dns(rest: &str, source_port: u16) -> Option<Vec<u8>> {
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let id: u16 = rest.get(..digits)?.parse().ok()?;
    let question = rest.split(' ').find(|word| word.ends_with('?') && word.len() < 12);
    // A question may come from port 53, too: what is asked in the name of a victim often does. `27/4/13` counts the records of an answer.
    let is_count = |word: &&str| {
        word.matches('/').count() == 2 && word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'/' | b','))
    };
    let counts = rest.split(' ').find(is_count);
    let answer = counts.is_some() || (source_port == 53 && question.is_none());
    let answers: u16 = counts.and_then(|word| word.split('/').next()?.parse().ok()).unwrap_or(0);
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend(if answer { [0x81, 0x80] } else { [0x01, 0x00] });
    bytes.extend(u16::from(question.is_some()).to_be_bytes());
    bytes.extend(answers.to_be_bytes());
    bytes.extend([0; 4]);
    if let Some(question) = question {
        let kind: u16 = match question.trim_end_matches('?') {
            "A" => 1,
            "NS" => 2,
            "CNAME" => 5,
            "SOA" => 6,
            "PTR" => 12,
            "MX" => 15,
            "TXT" => 16,
            "AAAA" => 28,
            "SRV" => 33,
            "DS" => 43,
            "RRSIG" => 46,
            "DNSKEY" => 48,
            "HTTPS" => 65,
            "ANY" => 255,
            _ => 0,
        };
        let name =
            rest.split_once(question).map_or("", |(_, rest)| rest.trim()).split([' ', '(']).next().unwrap_or_default();
        for label in
            name.trim_end_matches('.').split('.').filter(|label| !label.is_empty() && label.len() < 64).take(20)
        {
            bytes.push(label.len() as u8);
            bytes.extend(label.bytes());
        }
        bytes.push(0);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1]);
    }
    Some(bytes)
}

fn arp_of(arp: &str, at: Option<u64>, day: Option<Date>, macs: Option<([u8; 6], [u8; 6])>) -> Option<Printed> {
    let word = |after: &str| {
        let (_, rest) = arp.split_once(after)?;
        Some(rest.split([' ', ',']).next()?.to_owned())
    };
    let request = arp.contains("who-has");
    let (source, destination) = if request {
        (word("tell ")?, word("who-has ")?)
    } else {
        (
            arp.split_once(" is-at ").map(|(name, _)| name.rsplit(' ').next().unwrap_or(name).to_owned())?,
            String::from("0.0.0.0"),
        )
    };
    let end = |name: String| End { name, port: 0 };
    Some(Printed {
        at,
        day,
        macs,
        source: end(source),
        destination: end(destination),
        what: What::Arp { request },
        payload: 28,
        bytes: Vec::new(),
        flagless: false,
        cut: false,
    })
}

/// A capture file made of printed packets.
#[derive(Debug)]
pub(super) struct File {
    pub bytes: Vec<u8>,
    /// The addresses of the host that printed them, as far as the packets tell.
    pub local: Vec<IpAddr>,
    /// Names that stand for addresses, with what stands for them.
    pub names: Vec<(String, IpAddr)>,
    /// Seconds from the first to the last, where they have times.
    pub seconds: Option<f64>,
    pub packets: usize,
}

/// Makes a capture file; packets without a day are of `day`, and `known` are addresses of the host.
pub(super) fn file(packets: &[&Printed], day: Option<Date>, known: &[IpAddr]) -> File {
    let mut named: Vec<(String, IpAddr)> = Vec::new();
    let mut address = |end: &End| -> Option<IpAddr> {
        // What is no address stands for one of the range for benchmarks, which nobody has.
        if let Ok(address) = end.name.parse::<IpAddr>() {
            return Some(address);
        }
        let number = u32::try_from(named.len() + 1).ok()?;
        if let Some((_, address)) = named.iter().find(|(name, _)| *name == end.name) {
            return Some(*address);
        }
        if named.len() >= MOST_NAMES {
            return None;
        }
        let address = IpAddr::V4(Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + number));
        named.push((end.name.clone(), address));
        Some(address)
    };
    let ends: Vec<Option<(IpAddr, IpAddr)>> =
        packets.iter().map(|packet| Some((address(&packet.source)?, address(&packet.destination)?))).collect();
    let ethernet = packets.iter().any(|packet| packet.macs.is_some() || matches!(packet.what, What::Arp { .. }));
    let local = if known.is_empty() { local(packets, &ends) } else { known.to_vec() };
    let mut bytes = Vec::new();
    bytes.extend(0xa1b2_3c4d_u32.to_be_bytes());
    bytes.extend([0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
    bytes.extend(if ethernet { 1_u32 } else { 101 }.to_be_bytes());
    let midnight = |day: Date| day.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_second());
    let (mut first, mut last) = (None, None);
    let mut count = 0;
    for (packet, ends) in packets.iter().zip(&ends) {
        let Some((source, destination)) = *ends else { continue };
        let Some(ip) = ip(packet, source, destination) else { continue };
        let base = packet.day.or(day).map_or(0, midnight);
        let nanos = packet.at.or(last).unwrap_or(0);
        if packet.at.is_some() {
            first.get_or_insert(nanos);
        }
        last = Some(nanos);
        let seconds = u32::try_from(base + i64::try_from(nanos / 1_000_000_000).unwrap_or(0)).unwrap_or(0);
        let mut frame = Vec::new();
        if ethernet {
            let own = |address: IpAddr| if local.contains(&address) { [2, 0, 0, 0, 0, 1] } else { [2, 0, 0, 0, 0, 2] };
            let arp = matches!(packet.what, What::Arp { .. });
            let (from, to) =
                packet.macs.unwrap_or_else(|| (own(source), if arp { [0xff; 6] } else { own(destination) }));
            frame.extend(to);
            frame.extend(from);
            frame.extend(if arp {
                [8, 6]
            } else if source.is_ipv4() {
                [8, 0]
            } else {
                [0x86, 0xdd]
            });
        }
        let header = u32::try_from(frame.len()).unwrap_or(0);
        frame.extend(&ip.0);
        bytes.extend(seconds.to_be_bytes());
        bytes.extend(u32::try_from(nanos % 1_000_000_000).unwrap_or(0).to_be_bytes());
        bytes.extend(u32::try_from(frame.len()).unwrap_or(0).to_be_bytes());
        bytes.extend((ip.1 + header).to_be_bytes());
        bytes.extend(&frame);
        count += 1;
    }
    let seconds = first
        .zip(last)
        .map(|(first, last): (u64, u64)| last.saturating_sub(first) as f64 / 1e9)
        .filter(|seconds| *seconds > 0.0);
    File { bytes, local, names: named, seconds, packets: count }
}

/// The bytes of an IP packet or an ARP message, and its whole length.
fn ip(packet: &Printed, source: IpAddr, destination: IpAddr) -> Option<(Vec<u8>, u32)> {
    if packet.bytes.len() >= 28 {
        let whole = u16::from_be_bytes([*packet.bytes.get(2)?, *packet.bytes.get(3)?]);
        let whole = if packet.bytes[0] >> 4 == 4 {
            u32::from(whole)
        } else {
            u32::from(u16::from_be_bytes([*packet.bytes.get(4)?, *packet.bytes.get(5)?])) + 40
        };
        return Some((packet.bytes.clone(), whole.max(u32::try_from(packet.bytes.len()).ok()?)));
    }
    if let What::Arp { request } = packet.what {
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) else { return None };
        let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, if request { 1 } else { 2 }];
        bytes.extend(packet.macs.map_or([2, 0, 0, 0, 0, 2], |(from, _)| from));
        bytes.extend(source.octets());
        bytes.extend([0; 6]);
        bytes.extend(destination.octets());
        return Some((bytes, 46));
    }
    let ports = [packet.source.port.to_be_bytes(), packet.destination.port.to_be_bytes()].concat();
    let (protocol, mut inner, header) = match &packet.what {
        What::Tcp(flags) => {
            let mut tcp = ports;
            tcp.extend([0, 0, 0, 1, 0, 0, 0, if flags & 0x10 > 0 { 1 } else { 0 }, 0x50, *flags, 0x20, 0, 0, 0, 0, 0]);
            (6, tcp, 20)
        }
        What::Udp(payload) => {
            let mut udp = ports;
            udp.extend(u16::try_from(packet.payload + 8).unwrap_or(u16::MAX).to_be_bytes());
            udp.extend([0, 0]);
            udp.extend(payload.iter().take(packet.payload as usize));
            (17, udp, 8)
        }
        What::Icmp(kind, code) => {
            let (protocol, kind) = match (source.is_ipv4(), *kind) {
                (true, kind) => (1, kind),
                (false, 8) => (58, 128),
                (false, 0) => (58, 129),
                (false, 3) => (58, 1),
                (false, other) => (58, other),
            };
            (protocol, vec![kind, *code, 0, 0, 0, 0, 0, 0], 8)
        }
        What::Other(number) => (*number, Vec::new(), 0),
        What::Arp { .. } => return None,
    };
    inner.truncate(LONGEST);
    let length = header + packet.payload;
    let mut bytes = Vec::new();
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            bytes.extend([0x45, 0]);
            bytes.extend(u16::try_from(length + 20).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            bytes.extend([0x60, 0, 0, 0]);
            bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend([protocol, 64]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        // A name beside an address of the newer family.
        _ => return None,
    }
    let whole = length + u32::try_from(bytes.len()).ok()?;
    bytes.extend(inner);
    Some((bytes, whole.max(20)))
}

/// Services that many servers are abused through: who answers from their ports to who asked is the server.
const REFLECTORS: &[u16] = &[17, 19, 53, 69, 111, 123, 137, 161, 389, 520, 1434, 1900, 3283, 3702, 5353, 11211];

/// Whose packets they are: of who is asked. The opener of a connection, and who asks a service, is the other side, unless only
/// answers are there.
fn local(packets: &[&Printed], ends: &[Option<(IpAddr, IpAddr)>]) -> Vec<IpAddr> {
    let mut asked: BTreeMap<IpAddr, usize> = BTreeMap::new();
    let mut pairs: HashMap<(IpAddr, u16, IpAddr), (usize, usize)> = HashMap::new();
    for (packet, ends) in packets.iter().zip(ends) {
        let Some((source, destination)) = *ends else { continue };
        if let What::Udp(payload) = &packet.what {
            let is_answer = packet.source.port == 53 && payload.get(2).is_some_and(|flags| flags & 0x80 > 0);
            if REFLECTORS.contains(&packet.destination.port) && !is_answer {
                pairs.entry((destination, packet.destination.port, source)).or_default().0 += 1;
            } else if REFLECTORS.contains(&packet.source.port) {
                pairs.entry((source, packet.source.port, destination)).or_default().1 += 1;
            } else {
                *asked.entry(destination).or_default() += 1;
            }
        } else {
            let votes = match packet.what {
                What::Tcp(flags) if flags & 0x12 == 0x12 => Some(source),
                What::Tcp(flags) if flags & 2 > 0 => Some(destination),
                What::Tcp(_) if packet.source.port < packet.destination.port => Some(source),
                What::Arp { .. } => None,
                _ => Some(destination),
            };
            if let Some(votes) = votes {
                *asked.entry(votes).or_default() += 1;
            }
        }
    }
    for ((server, _, client), (questions, answers)) in pairs {
        // Answers to nobody's question: who gets them is hit.
        let own = if questions > 0 { server } else { client };
        *asked.entry(own).or_default() += questions + answers;
    }
    let all: usize = asked.values().sum();
    let mut own: Vec<(IpAddr, usize)> = asked.into_iter().filter(|(_, votes)| *votes * 20 >= all).collect();
    own.sort_by_key(|(_, votes)| std::cmp::Reverse(*votes));
    own.into_iter().take(8).map(|(address, _)| address).collect()
}

/// Packets of one kind: how many, their other ends, the smallest and the largest payload, and whether some are longer.
type Sum<'p> = (u64, std::collections::BTreeSet<&'p str>, u32, u32, bool);

/// What printed packets tell: who sends what to whom, with the questions and answers of a service that is abused.
pub(super) fn sentences(packets: &[Printed]) -> Vec<String> {
    let mut kinds: BTreeMap<(String, String), Sum<'_>> = BTreeMap::new();
    for packet in packets {
        let what = match &packet.what {
            What::Tcp(flags) if flags & 0x12 == 2 => "TCP SYN".to_owned(),
            What::Tcp(flags) if flags & 0x12 == 0x12 => "TCP SYN-ACK".to_owned(),
            What::Tcp(_) => "TCP".to_owned(),
            What::Udp(payload)
                if payload.first().is_some_and(|byte| byte & 7 == 7)
                    && [packet.source.port, packet.destination.port].contains(&123) =>
            {
                "NTP mode 7 (Reserved: monlist)".to_owned()
            }
            What::Udp(_) => "UDP".to_owned(),
            What::Icmp(8, _) => "ICMP echo request".to_owned(),
            What::Icmp(..) => "ICMP".to_owned(),
            What::Arp { .. } => "ARP".to_owned(),
            What::Other(number) => format!("IP protocol {number}"),
        };
        // The port that is less of chance names the service.
        let (source, destination) = (packet.source.port, packet.destination.port);
        let service = REFLECTORS.iter().copied().find(|port| *port == source && *port != destination);
        let where_to = match service {
            Some(port) => format!("from port {port}"),
            None if destination > 0 => {
                format!("to {} port {destination}", crate::printable::printable(&packet.destination.name))
            }
            None => format!("to {}", crate::printable::printable(&packet.destination.name)),
        };
        let of =
            kinds.entry((what, where_to)).or_insert_with(|| (0, std::collections::BTreeSet::new(), u32::MAX, 0, false));
        of.0 += 1;
        of.1.insert(if service.is_some() { &packet.destination.name } else { &packet.source.name });
        (of.2, of.3) = (of.2.min(packet.payload), of.3.max(packet.payload));
        of.4 |= packet.cut;
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, (count, ..))| std::cmp::Reverse(*count));
    kinds
        .iter()
        .take(3)
        .map(|((what, where_to), (count, others, least, most, cut))| {
            let at_least = if *cut { "at least " } else { "" };
            let sizes = if least == most { format!("{most}") } else { format!("{least} to {most}") };
            let ends = if where_to.starts_with("from") { "to" } else { "from" };
            let who = if others.len() == 1 {
                others.first().map(crate::printable::printable).unwrap_or_default()
            } else {
                format!("{} addresses", others.len())
            };
            format!(
                "tcpdump: {count} {what} {} {where_to} {ends} {who}, {at_least}{sizes} bytes of payload each",
                if *count == 1 { "packet" } else { "packets" }
            )
        })
        .collect()
}
