//! Sockets as `/proc/net/tcp`, `tcp6`, `udp` and `udp6` show them. Processes are not in there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::here::Here;
use super::sockets::{Row, Table};
use super::text::words_of;

/// Sockets of one of these files, and how many lines they take. None where the last one was cut short.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Table)> {
    let document = here.document;
    let is_udp = is_udp(document.line(here.at))?;
    let mut table = Table { tcp: !is_udp, udp: is_udp, listening: true, connected: !is_udp, ..Table::default() };
    // Raw sockets have the heading of UDP.
    let other = ["raw", "udplite"].iter().any(|kind| here.command.iter().any(|word| word.contains(kind)));
    let mut place = here.at + 1;
    while place < document.len() {
        let line = document.line(place);
        if !line
            .trim_start()
            .split(':')
            .next()
            .is_some_and(|slot| slot.bytes().all(|byte| byte.is_ascii_digit()) && !slot.is_empty())
        {
            break;
        }
        if document.ends_within(place) && line.split_whitespace().count() < WORDS {
            return None;
        }
        if let Some(row) = row(line, is_udp).filter(|_| !other && table.rows.len() < MOST) {
            table.rows.push(row);
        }
        place += 1;
    }
    if other {
        (table.tcp, table.udp, table.listening, table.connected) = (false, false, false, false);
    }
    (place > here.at + 1).then(|| (place - here.at, table))
}

/// Sockets that are taken from one file.
const MOST: usize = 100_000;
/// Words of a socket up to its inode; with fewer the line was cut.
const WORDS: usize = 10;

/// Whether it is of UDP; none when it is no such file.
fn is_udp(line: &str) -> Option<bool> {
    let heading = line.trim();
    let is_heading = heading.starts_with("sl ") && heading.contains("local_address") && heading.contains(" st ");
    is_heading.then(|| heading.ends_with("drops") || heading.contains(" pointer"))
}

/// `0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 15823 …`: number, local, remote, state,
/// bytes to send and received; in hexadecimal, addresses as words of a little-endian machine.
fn row(line: &str, udp: bool) -> Option<Row> {
    let words = words_of(line);
    let [_, local, remote, state, queues, _, _, _, _, _, ..] = words.as_slice() else { return None };
    let state = match (udp, *state) {
        (true, _) => "",
        (_, "01") => "established",
        (_, "02") => "syn_sent",
        (_, "03" | "0C") => "syn_recv",
        (_, "04") => "fin_wait1",
        (_, "05") => "fin_wait2",
        (_, "06") => "time_wait",
        (_, "07") => "close",
        (_, "08") => "close_wait",
        (_, "09") => "last_ack",
        (_, "0A") => "listen",
        (_, "0B") => "closing",
        _ => return None,
    };
    let (sent, received) = queues.split_once(':')?;
    let figure = |text: &str| u32::from_str_radix(text, 16).ok();
    let (address, port) = end(local)?;
    Some(Row {
        udp,
        state,
        queues: (figure(received)?, figure(sent)?),
        local: (Some(address), port),
        any: address.is_unspecified(),
        remote: end(remote)
            .filter(|(address, port)| !address.is_unspecified() && *port != 0)
            .map(|(address, port)| (Some(address), port)),
        ..Row::default()
    })
}

fn end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let words: Option<Vec<u32>> = (0..address.len().div_ceil(8))
        .map(|n| u32::from_str_radix(address.get(n * 8..n * 8 + 8)?, 16).ok().map(u32::swap_bytes))
        .collect();
    let address = match words?.as_slice() {
        [word] => IpAddr::V4(Ipv4Addr::from_bits(*word)),
        [a, b, c, d] => {
            IpAddr::V6(Ipv6Addr::from_bits([*a, *b, *c, *d].iter().fold(0, |all, word| all << 32 | u128::from(*word))))
        }
        _ => return None,
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}
