//! Sockets as `ss` and `netstat` print them, with any of their options, and what the probe `sockets` would have seen of them.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use super::here::Here;
use super::services;
use super::text::{Words, split, words_of};
use crate::printable::printable;

/// Sockets that are taken from one output.
const MOST: usize = 100_000;
/// Listed of each kind, as the probe does.
const LISTENERS: usize = 4096;
const CONNECTIONS: usize = 100;
/// `netstat` cuts an address and its port to so many characters, unless it is told not to.
const CUT_AT: usize = 23;

/// A row of an output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub udp: bool,
    pub state: &'static str,
    pub queues: (u32, u32),
    /// Its address, where it is one: a name, or one that was cut short, is none.
    pub local: (Option<IpAddr>, u16),
    /// It is bound to every address.
    pub any: bool,
    pub remote: Option<(Option<IpAddr>, u16)>,
    pub process: Option<(i32, String)>,
    /// Datagrams lost at its queue since it was opened, and what the queue may hold: of `ss -m`.
    pub drops: Option<u64>,
    pub buffer: Option<u32>,
}

/// The sockets of an output, and what it was asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Table {
    pub rows: Vec<Row>,
    pub tcp: bool,
    pub udp: bool,
    /// Whether it shows what listens, and what is connected.
    pub listening: bool,
    pub connected: bool,
    /// Addresses that may have been cut short by the tool.
    pub cut: usize,
    /// Addresses or ports by names that say no number.
    pub named: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Ss { netid: bool },
    Netstat,
}

/// The heading of either tool.
fn heading(words: &[&str]) -> Option<Tool> {
    match words {
        ["Netid", "State", ..] => Some(Tool::Ss { netid: true }),
        ["State", "Recv-Q", "Send-Q", ..] => Some(Tool::Ss { netid: false }),
        ["Proto", rest @ ..]
            if rest.len() >= 2
                && (rest.iter().any(|word| {
                    ["Recv-Q", "Foreign", "State", "Recib", "Récep-Q", "受信-Q", "Empf-Q", "接收-Q", "Status"]
                        .contains(word)
                }) || rest.iter().any(|word| word.ends_with("-Q"))) =>
        {
            Some(Tool::Netstat)
        }
        _ => None,
    }
}

/// Whether a command was given an option: a letter of `-tulpn`, or a word. Of a file that is named after a command the second word
/// stands for the letters.
fn asks(here: &Here<'_>, letter: char, word: &str) -> bool {
    here.command.iter().enumerate().skip(1).any(|(place, option)| {
        match (option.strip_prefix("--"), option.strip_prefix('-')) {
            (Some(long), _) => long == word,
            (None, Some(letters)) => letters.contains(letter),
            (None, None) => here.by_name && place == 1 && option.len() <= 8 && option.contains(letter),
        }
    })
}

/// Sockets from that line on, and how many lines they take.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Table)> {
    let document = here.document;
    let mut table = Table::default();
    let mut tool = None;
    let mut place = here.at;
    let mut ended = here.at;
    let mut title = String::new();
    let mut new_ss = false;
    let mut blanks = 0;
    while place < document.len() && table.rows.len() < MOST {
        let line = document.line(place);
        let words = here.words(place);
        let last = document.ends_within(place);
        if words.is_empty() {
            blanks += 1;
            if blanks > 1 || tool.is_none() {
                break;
            }
            place += 1;
            continue;
        }
        if let Some(found) = heading(&words) {
            tool = Some(found);
        } else if tool.is_none() && place == here.at && is_title(line) {
            title = line.to_ascii_lowercase();
        } else if is_title(line) && tool.is_some() {
            // UNIX sockets follow: their table is passed over.
            place = past_unix(here, place);
            ended = place;
            break;
        } else if let Some(row) = row(tool.unwrap_or_else(|| guess(&words)), &words, here, last, &mut table) {
            new_ss |= words.iter().any(|word| word.starts_with("0.0.0.0:") || word.starts_with("[::]:"));
            tool = tool.or(Some(guess(&words)));
            table.rows.push(row);
        } else if let Some(row) = wrapped(tool, &words, here, place, &mut table) {
            // Mail wraps long lines: the rest of the row stands in the next one.
            tool = tool.or(Some(guess(&words)));
            table.rows.push(row);
            place += 1;
        } else if let Some(row) = table.rows.last_mut().filter(|row| {
            blanks == 0 && row.process.is_none() && words.len() == 1 && netstat_process(words[0]).is_some()
        }) {
            row.process = netstat_process(words[0]);
        } else if let Some(row) = table.rows.last_mut().filter(|_| blanks == 0 && is_continued(&words)) {
            continued(row, line);
        } else if tool.is_some() && !table.rows.is_empty() && matches!(words.as_slice(), ["..." | "…" | "[...]" | "--"])
        {
            // The poster left lines out.
        } else if tool.is_some() && is_other_row(&words) {
            // A socket of another kind, or a row of which too little is there.
        } else {
            break;
        }
        blanks = 0;
        place += 1;
        ended = place;
    }
    let tool = tool?;
    // A heading without a row says something only where the heading is the tool's own.
    if table.rows.is_empty() && ended <= here.at {
        return None;
    }
    let is_whole = !document.ends_within(ended.saturating_sub(1));
    if let Tool::Ss { .. } = tool {
        // A lone `*` stands for both families where the tool writes `0.0.0.0`, and for IPv4 where it does not.
        for row in table.rows.iter_mut().filter(|row| row.any && row.local.0.is_none()) {
            row.local.0 = Some(if new_ss { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() });
        }
    } else {
        for row in table.rows.iter_mut().filter(|row| row.any && row.local.0.is_none()) {
            row.local.0 = Some(Ipv4Addr::UNSPECIFIED.into());
        }
    }
    let command = &here.command;
    let is_tool = matches!(command.first(), Some(&("ss" | "netstat")));
    let (only_tcp, only_udp) = (
        is_tool && asks(here, 't', "tcp") && !asks(here, 'u', "udp"),
        is_tool && asks(here, 'u', "udp") && !asks(here, 't', "tcp"),
    );
    let has = |udp: bool| table.rows.iter().any(|row| row.udp == udp);
    let both = is_tool && (asks(here, 't', "tcp") == asks(here, 'u', "udp"));
    // A heading with nothing below it: what was asked for is not there.
    let none = table.rows.is_empty() && is_whole;
    table.tcp = has(false) || (both && !only_udp) || (none && only_tcp);
    table.udp = has(true) || (both && !only_tcp) || (none && only_udp);
    let only_listening = is_tool && (asks(here, 'l', "listening"))
        || ["server", "serveur", "servidor", "сервер", "服务器"].iter().any(|word| title.contains(word))
            && !title.contains("established");
    let all = is_tool && asks(here, 'a', "all");
    let is_listener = |row: &Row| row.udp || row.state == "listen";
    table.listening = only_listening || all || table.rows.iter().any(is_listener);
    table.connected = !only_listening && (all || table.rows.iter().any(|row| !is_listener(row)));
    Some((ended - here.at, table))
}

/// A row whose end stands in the next line.
fn wrapped(tool: Option<Tool>, words: &[&str], here: &Here<'_>, place: usize, table: &mut Table) -> Option<Row> {
    let next = words_of(here.document.line(place + 1));
    let begins =
        |words: &[&str]| words.first().is_some_and(|word| protocol(word).is_some() || state_of(word).is_some());
    if !begins(words) || words.len() < 4 || next.is_empty() || next.len() > 4 || protocol(next[0]).is_some() {
        return None;
    }
    let joined: Vec<&str> = words.iter().chain(&next).copied().collect();
    row(tool.unwrap_or_else(|| guess(words)), &joined, here, here.document.ends_within(place + 1), table)
}

/// `Active Internet connections (only servers)`, in any language: a line of words that speaks of the Internet or of UNIX.
fn is_title(line: &str) -> bool {
    // What it speaks of, before its letters are made small.
    let speaks = line.as_bytes().windows(4).any(|word| matches!(word, b"nter" | b"NTER" | b"unix" | b"Unix" | b"UNIX"));
    if !speaks && (line.is_ascii() || !["нтер", "因特网", "域套接字"].iter().any(|word| line.contains(word)))
    {
        return false;
    }
    let lower = line.trim().to_lowercase();
    let of_net = lower.contains("internet")
        || lower.contains("интернет")
        || lower.contains("unix")
        || lower.contains("因特网")
        || lower.contains("域套接字");
    of_net
        && lower.len() < 120
        && !lower.ends_with('.')
        && ["conn", "conex", "verbind", "soc", "соедин", "连接", "套接字", "ligaç", "сокет"]
            .iter()
            .any(|word| lower.contains(word))
}

/// The line behind a table of UNIX sockets.
fn past_unix(here: &Here<'_>, at: usize) -> usize {
    let mut place = at;
    while place < here.document.len() {
        let line = here.document.line(place).trim();
        if !(is_title(line)
            || line.starts_with("unix ")
            || line.starts_with("Proto RefC")
            || line.starts_with("Proto "))
        {
            break;
        }
        place += 1;
    }
    place
}

/// Which tool printed a row that has no heading.
fn guess(words: &[&str]) -> Tool {
    match words {
        [first, second, ..] if protocol(first).is_some() => {
            if second.bytes().all(|byte| byte.is_ascii_digit()) {
                Tool::Netstat
            } else {
                Tool::Ss { netid: true }
            }
        }
        _ => Tool::Ss { netid: false },
    }
}

fn protocol(word: &str) -> Option<bool> {
    match word {
        "tcp" | "tcp4" | "tcp6" => Some(false),
        "udp" | "udp4" | "udp6" => Some(true),
        _ => None,
    }
}

/// A row of another kind of socket, or one that was cut.
fn is_other_row(words: &[&str]) -> bool {
    matches!(
        words[0],
        "raw"
            | "raw6"
            | "unix"
            | "u_str"
            | "u_dgr"
            | "u_seq"
            | "nl"
            | "p_raw"
            | "p_dgr"
            | "icmp6"
            | "icmp"
            | "v_str"
            | "udplite"
            | "udplite6"
            | "sctp"
            | "tcp"
            | "tcp6"
            | "udp"
            | "udp6"
            | "mptcp"
            | "ti_dg"
            | "xdp"
    ) || (words.len() >= 5 && state_of(words[0]).is_some() && words[1].parse::<u32>().is_ok())
}

fn row(tool: Tool, words: &[&str], here: &Here<'_>, last: bool, table: &mut Table) -> Option<Row> {
    let (udp, state, queues, local, remote, rest) = match (tool, words) {
        (Tool::Ss { netid: true }, [kind, state, received, sent, local, remote, rest @ ..]) => {
            (protocol(kind)?, *state, (received, sent), local, remote, rest)
        }
        (Tool::Ss { netid: false }, [state, received, sent, local, remote, rest @ ..]) => {
            let asked = here.command.first() == Some(&"ss") && asks(here, 'u', "udp");
            (asked || *state == "UNCONN", *state, (received, sent), local, remote, rest)
        }
        (Tool::Netstat, [kind, received, sent, local, remote, rest @ ..]) => {
            let udp = protocol(kind)?;
            let (state, rest) = match rest {
                [state, rest @ ..] if !udp || state_of(state).is_some() => (*state, rest),
                rest => ("", rest),
            };
            (udp, state, (received, sent), local, remote, rest)
        }
        _ => return None,
    };
    // The last words of a text that was cut may be half a word.
    let joined = rest.join(" ");
    let opened = |sign: char| joined.matches(sign).count();
    if last
        && (rest.is_empty()
            && tool != (Tool::Ss { netid: false })
            && !(udp && tool == Tool::Netstat)
            && !remote.ends_with('*')
            || opened('(') > opened(')'))
    {
        return None;
    }
    if last && rest.is_empty() && remote.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        return None;
    }
    let local = end(local, tool, table)?;
    let remote = end(remote, tool, table).filter(|end| !(end.any && end.port == 0));
    // A state in a language that is not known here: a socket without a peer waits for one, and another has one.
    let of_netstat = || {
        let is_state =
            tool == Tool::Netstat && state.chars().all(|c| c.is_alphabetic() || c == '_') && !state.is_empty();
        is_state.then_some(if remote.is_none() { "listen" } else { "other" })
    };
    let state = if udp { "" } else { state_of(state).or_else(of_netstat)? };
    let process = match tool {
        Tool::Ss { .. } => ss_process(&joined),
        // A name that the text ends in may be half a name.
        Tool::Netstat => rest.iter().find_map(|word| netstat_process(word)),
    };
    let mut row = Row {
        udp,
        state,
        queues: (queues.0.parse().ok()?, queues.1.parse().ok()?),
        local: (local.address, local.port),
        any: local.any,
        remote: remote.filter(|end| end.port != 0 || end.address.is_some()).map(|end| (end.address, end.port)),
        process,
        drops: None,
        buffer: None,
    };
    continued(&mut row, &joined);
    Some(row)
}

struct End {
    address: Option<IpAddr>,
    port: u16,
    any: bool,
}

/// `192.0.2.1:53`, `*:ssh`, `[::]:22`, `:::22`, `127.0.0.53%lo:53`, `[fe80::1]%eth0:546`, `[::ffff:192.0.2.1]:80`, `web1:http`.
fn end(text: &str, tool: Tool, table: &mut Table) -> Option<End> {
    let (name, port) = text.rsplit_once(':')?;
    let port = match services::port(port) {
        Some(port) => port,
        None if port.is_empty()
            || port.len() > 32
            || !port.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) =>
        {
            return None;
        }
        None => {
            table.named += 1;
            0
        }
    };
    let name = name.split('%').next().unwrap_or(name).trim_start_matches('[').trim_end_matches(']');
    let none = |any| Some(End { address: None, port, any });
    match name {
        "*" => none(true),
        "" | "::" => Some(End { address: Some(Ipv6Addr::UNSPECIFIED.into()), port, any: true }),
        name => match name.parse::<IpAddr>() {
            Ok(IpAddr::V6(_)) if tool == Tool::Netstat && text.len() >= CUT_AT => {
                table.cut += 1;
                none(false)
            }
            Ok(IpAddr::V6(address)) => {
                let plain = address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4);
                Some(End { address: Some(plain), port, any: plain.is_unspecified() })
            }
            Ok(address) => Some(End { address: Some(address), port, any: address.is_unspecified() }),
            Err(_)
                if name.len() <= 255
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':')) =>
            {
                table.named += 1;
                none(false)
            }
            Err(_) => None,
        },
    }
}

fn state_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "LISTEN" | "LISTENING" => "listen",
        "ESTAB" | "ESTABLISHED" | "VERBUNDEN" | "ESTABLECIDO" | "CONECTADO" | "ESTABELECIDA" => "established",
        "SYN-SENT" | "SYN_SENT" => "syn_sent",
        "SYN-RECV" | "SYN_RECV" => "syn_recv",
        "FIN-WAIT-1" | "FIN_WAIT1" => "fin_wait1",
        "FIN-WAIT-2" | "FIN_WAIT2" => "fin_wait2",
        "TIME-WAIT" | "TIME_WAIT" => "time_wait",
        "CLOSE" | "UNCONN" => "close",
        "CLOSE-WAIT" | "CLOSE_WAIT" => "close_wait",
        "LAST-ACK" | "LAST_ACK" => "last_ack",
        "CLOSING" => "closing",
        "SYN_ENVIADO" => "syn_sent",
        "SYN_RECEBIDO" => "syn_recv",
        "ESPERA_FIN1" => "fin_wait1",
        "ESPERA_FIN2" => "fin_wait2",
        "ESPERANDO_FECHAR" => "close_wait",
        "FECHANDO" | "ZAVÍRÁ" => "closing",
        "FECHAR" | "ZAVŘEN" => "close",
        "SPOJENO" => "established",
        "NASLOUCHÁ" => "listen",
        "ESCUCHAR" | "OUÇA" | "ÉCOUTE" | "LAUSCHE" | "LISTA" | "監聽" => "listen",
        _ => return None,
    })
}

/// A line that goes on about the socket before: of `ss -i`, `-e`, `-o`, `-m`.
fn is_continued(words: &[&str]) -> bool {
    words.iter().any(|word| {
        [
            "skmem:(", "mem:(", "timer:(", "users:((", "ino:", "uid:", "rto:", "cwnd:", "cubic", "bbr", "reno", "sk:",
            "<->", "cgroup:",
        ]
        .iter()
        .any(|known| word.starts_with(known))
    })
}

/// Takes what such a line says: the memory of the socket, and its process.
fn continued(row: &mut Row, line: &str) {
    if let Some((_, memory)) = line.split_once("skmem:(")
        && let Some((memory, _)) = memory.split_once(')')
    {
        let figure = |name: &str| {
            memory.split(',').find_map(|field| {
                field
                    .strip_prefix(name)
                    .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?
                    .parse::<u64>()
                    .ok()
            })
        };
        row.drops = figure("d");
        row.buffer = figure("rb").and_then(|bytes| u32::try_from(bytes).ok());
    }
    if row.process.is_none() {
        row.process = ss_process(line);
    }
}

/// `users:(("named",pid=1423,fd=512),…)`, of older ones `users:(("named",1423,512))`.
fn ss_process(text: &str) -> Option<(i32, String)> {
    let (_, rest) = text.split_once("users:((\"")?;
    let (name, rest) = rest.split_once("\",")?;
    let pid = rest.strip_prefix("pid=").unwrap_or(rest).split([',', ')']).next()?.parse().ok()?;
    (name.len() <= 64).then(|| (pid, printable(name)))
}

/// `1423/named`.
fn netstat_process(word: &str) -> Option<(i32, String)> {
    let (pid, name) = word.split_once('/')?;
    let pid = pid.parse().ok()?;
    (!name.is_empty() && name.len() <= 64).then(|| (pid, printable(name.trim_end_matches(':'))))
}

/// `lsof -i`: `nginx 1201 www-data 10u IPv4 9918231 0t0 TCP 192.0.2.10:http->198.51.100.7:51234 (ESTABLISHED)`.
pub(super) fn take_lsof(here: &Here<'_>) -> Option<(usize, Table)> {
    let document = here.document;
    let mut table = Table::default();
    let mut place = here.at;
    let is_heading = |at: usize| {
        let words: Words<'_> = split(document.line(at)).take(3).collect();
        matches!(words.as_slice(), ["COMMAND", "PID", "USER" | "TID"])
    };
    let titled = is_heading(place);
    if titled {
        place += 1;
    }
    // Files stand beside sockets where not only those were asked for.
    let mut mixed = false;
    while place < document.len() && table.rows.len() < MOST {
        let words = here.words(place);
        let (Some(name), Some(pid)) = (words.first(), words.get(1).and_then(|pid| pid.parse::<i32>().ok())) else {
            break;
        };
        let at = words.iter().position(|word| matches!(*word, "TCP" | "UDP")).filter(|at| (5..=9).contains(at));
        let of_net = |at: &usize| words.iter().take(*at).any(|word| matches!(*word, "IPv4" | "IPv6"));
        let Some((at, ends)) = at.filter(of_net).and_then(|at| Some((at, words.get(at + 1)?))) else {
            if !titled || words.len() < 7 {
                break;
            }
            mixed = true;
            place += 1;
            continue;
        };
        if !document.ends_within(place)
            && let Some(row) = row_of_lsof(words[at] == "UDP", ends, words.get(at + 2).copied(), &mut table)
        {
            let process = (name.len() <= 64).then(|| (pid, printable(name.replace("\\x20", " "))));
            table.rows.push(Row { process, ..row });
        }
        place += 1;
    }
    if table.rows.is_empty() {
        return None;
    }
    table.tcp = table.rows.iter().any(|row| !row.udp);
    table.udp = table.rows.iter().any(|row| row.udp);
    // Files are listed of some processes, too, and what the others listen on is not known then.
    let of_all = here.command.split_first().is_some_and(|(program, options)| {
        let letters =
            |word: &&str| word.strip_prefix('-').is_some_and(|letters| letters.chars().all(|it| "nPlbw".contains(it)));
        *program == "lsof" && !here.by_name && options.iter().all(letters)
    });
    table.listening = !mixed || of_all;
    table.connected = table.rows.iter().any(|row| !row.udp && row.state != "listen");
    Some((place - here.at, table))
}

fn row_of_lsof(udp: bool, ends: &str, state: Option<&str>, table: &mut Table) -> Option<Row> {
    let (local, remote) = ends.split_once("->").map_or((ends, None), |(local, remote)| (local, Some(remote)));
    let local = end(local, Tool::Ss { netid: false }, table)?;
    let remote = remote.and_then(|remote| end(remote, Tool::Ss { netid: false }, table));
    let state = state.map(|state| state.trim_matches(['(', ')']));
    Some(Row {
        udp,
        state: if udp { "" } else { state.and_then(state_of)? },
        local: (local.address.or(local.any.then_some(IpAddr::V6(Ipv6Addr::UNSPECIFIED))), local.port),
        any: local.any,
        remote: remote.map(|end| (end.address, end.port)),
        ..Row::default()
    })
}

/// `ss -s`: how many connections are established and how many wait for their end.
pub(super) fn take_summary(here: &Here<'_>) -> Option<(usize, Vec<(&'static str, u64)>)> {
    let mut counts = Vec::new();
    let mut place = here.at;
    if !here.document.line(place).trim_start().starts_with("Total:") {
        return None;
    }
    while place < here.document.len() {
        let line = here.document.line(place).trim();
        if here.document.ends_within(place) && !line.ends_with(')') {
            break;
        }
        if let Some(rest) = line.strip_prefix("TCP:").filter(|rest| rest.contains('(')) {
            let inside = rest.split_once('(').map_or("", |(_, inside)| inside);
            for (word, name) in
                [("estab", "tcp_established"), ("timewait", "tcp_time_wait"), ("synrecv", "tcp_syn_recv")]
            {
                let found = inside
                    .split([',', ')'])
                    .find_map(|field| field.trim().strip_prefix(word)?.trim().split('/').next()?.parse().ok());
                counts.extend(found.map(|count| (name, count)));
            }
        } else if line.is_empty() && place < here.at + 3 {
        } else if !(line.starts_with("Total:")
            || line.starts_with("Transport")
            || line.split_whitespace().skip(1).any(|word| word.parse::<u64>().is_ok())
                && ["*", "RAW", "UDP", "TCP", "INET", "FRAG"].iter().any(|kind| line.starts_with(kind)))
        {
            break;
        }
        place += 1;
    }
    (!counts.is_empty()).then_some((place - here.at, counts))
}

/// What the probe `sockets` would have seen, of all outputs together; none where no socket is shown.
pub(super) fn output(tables: &[&Table], counted: &[(&'static str, u64)]) -> Option<Value> {
    let mut seen = HashSet::new();
    let rows: Vec<&Row> = tables.iter().flat_map(|table| &table.rows).filter(|row| seen.insert(*row)).collect();
    if tables.is_empty() && counted.is_empty() {
        return None;
    }
    let any = |of: fn(&Table) -> bool| tables.iter().any(|table| of(table));
    let tcp = |state: &str| rows.iter().filter(|row| !row.udp && row.state == state).count();
    let (listeners, connections): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.udp || row.state == "listen");
    let mut output = Map::from_iter([("source".to_owned(), json!("outputs"))]);
    let mut counts = Map::new();
    // What was not asked for is not none.
    if any(|table| table.listening) {
        output.insert("listeners".into(), listeners.iter().take(LISTENERS).map(|row| listener(row)).collect());
        output.insert("listeners_left_out".into(), json!(listeners.len().saturating_sub(LISTENERS)));
        if any(|table| table.listening && table.tcp) {
            counts.insert("tcp_listen".into(), json!(tcp("listen")));
        }
        if any(|table| table.listening && table.udp) {
            counts.insert("udp".into(), json!(rows.iter().filter(|row| row.udp).count()));
        }
    }
    if any(|table| table.connected && table.tcp) {
        let ports: HashSet<u16> = listeners.iter().filter(|row| !row.udp).map(|row| row.local.1).collect();
        let shown: Vec<&&Row> =
            connections.iter().filter(|row| !matches!(row.state, "syn_recv" | "time_wait")).collect();
        output
            .insert("connections".into(), shown.iter().take(CONNECTIONS).map(|row| connection(row, &ports)).collect());
        output.insert("connections_left_out".into(), json!(shown.len().saturating_sub(CONNECTIONS)));
        for (name, state) in [
            ("tcp_established", "established"),
            ("tcp_syn_recv", "syn_recv"),
            ("tcp_time_wait", "time_wait"),
            ("tcp_close_wait", "close_wait"),
        ] {
            counts.insert(name.into(), json!(tcp(state)));
        }
        let named = ["established", "syn_recv", "time_wait", "close_wait"];
        counts.insert("tcp_other".into(), json!(connections.iter().filter(|row| !named.contains(&row.state)).count()));
    }
    for (name, count) in counted {
        counts.entry(*name).or_insert(json!(count));
    }
    output.insert("counts".into(), Value::Object(counts));
    Some(Value::Object(output))
}

fn process(row: &Row) -> Option<Value> {
    row.process.as_ref().map(|(pid, name)| json!({"pid": pid, "name": name, "user": null, "unit": null}))
}

fn listener(row: &Row) -> Value {
    let mut shown = json!({
        "protocol": if row.udp { "udp" } else { "tcp" },
        "port": row.local.1,
        "any_address": row.any,
        "queue": row.queues.0,
        "connected": row.udp && row.remote.is_some(),
        "remote_address": row.remote.and_then(|(address, _)| address),
        "remote_port": row.remote.map(|(_, port)| port),
    });
    // `ss` prints the length of the queue as Send-Q; `netstat` prints 0.
    if !row.udp && row.queues.1 > 0 {
        shown["backlog"] = json!(row.queues.1);
    }
    if let Some(address) = row.local.0 {
        shown["address"] = json!(address);
    }
    if let Some(process) = process(row) {
        shown["process"] = process;
        shown["owners"] = json!(1);
    }
    if let Some(drops) = row.drops {
        shown["drops_total"] = json!(drops);
    }
    if let Some(buffer) = row.buffer {
        shown["receive_buffer"] = json!(buffer);
    }
    shown
}

fn connection(row: &Row, listening: &HashSet<u16>) -> Value {
    let mut shown = json!({
        "protocol": "tcp",
        "local_port": row.local.1,
        "state": row.state,
        "rx_queue": row.queues.0,
        "tx_queue": row.queues.1,
    });
    if let Some(address) = row.local.0 {
        shown["local_address"] = json!(address);
    }
    if let Some((address, port)) = row.remote {
        shown["remote_port"] = json!(port);
        if let Some(address) = address {
            shown["remote_address"] = json!(address);
        }
    }
    if listening.contains(&row.local.1) {
        shown["opened_by"] = json!("remote");
    }
    if let Some(process) = process(row) {
        shown["process"] = process;
    }
    shown
}
