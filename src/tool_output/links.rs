//! Interfaces as `ifconfig`, `ip -s link`, `ip -s addr`, `netstat -i` and `/proc/net/dev` show them.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::here::Here;
use super::text::{Document, split, without_note, words_of};
use crate::printable::printable;

/// Interfaces that are taken from one output.
const MOST: usize = 4096;
/// Addresses of an interface.
const MOST_ADDRESSES: usize = 64;

/// An interface, as far as it was shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shown {
    pub name: String,
    pub index: Option<u32>,
    pub loopback: bool,
    pub ethernet: bool,
    pub up: Option<bool>,
    pub carrier: Option<bool>,
    pub mac: Option<String>,
    /// The bond or bridge that it is a part of.
    pub master: Option<String>,
    /// How often the limits of a cloud instance were exceeded since boot, of `ethtool -S`.
    pub allowance: Option<u64>,
    /// Bits per second, of `ethtool`.
    pub speed: Option<u64>,
    /// Shown by an `ifconfig` with `Link encap:`.
    pub old: bool,
    pub mtu: Option<u32>,
    pub addresses: Vec<(IpAddr, u8, Option<String>)>,
    pub rx: Counters,
    pub tx: Counters,
}

/// Counters since boot of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Counters {
    pub bytes: Option<u64>,
    pub packets: Option<u64>,
    pub errors: Option<u64>,
    pub dropped: Option<u64>,
    /// What the card had no room for: overruns, missed.
    pub missed: Option<u64>,
    pub frame: Option<u64>,
    pub crc: Option<u64>,
    pub multicast: Option<u64>,
    pub nohandler: Option<u64>,
    pub otherhost: Option<u64>,
}

impl Counters {
    fn or(self, other: Counters) -> Counters {
        Counters {
            bytes: self.bytes.or(other.bytes),
            packets: self.packets.or(other.packets),
            errors: self.errors.or(other.errors),
            dropped: self.dropped.or(other.dropped),
            // `ifconfig` shows none of those that the card itself had no room for.
            missed: self.missed.max(other.missed),
            frame: self.frame.or(other.frame),
            crc: self.crc.or(other.crc),
            multicast: self.multicast.or(other.multicast),
            nohandler: self.nohandler.or(other.nohandler),
            otherhost: self.otherhost.or(other.otherhost),
        }
    }
}

/// Interfaces from that line on, and how many lines they take. Every language of `ifconfig` is read: what matters stands in the
/// order of the fields, and only names of the kernel are words.
pub(super) fn take(document: &Document, at: usize) -> Option<(usize, Vec<Shown>)> {
    let mut links: Vec<Shown> = Vec::new();
    let mut names: HashSet<String> = HashSet::new();
    let mut direction: Option<Direction> = None;
    let mut place = at;
    let mut ended = at;
    let mut blank = false;
    while place < document.len() && links.len() <= MOST {
        let line = document.line(place);
        let trimmed = line.trim();
        if trimmed.is_empty() {
            blank = true;
        } else if let Some((pieces, lines)) = reflowed(document, place) {
            let Some(mut link) = pieces.first().and_then(|first| heading(first, true)) else { break };
            let mut of_reflowed = None;
            let whole = |at: usize| at + 1 < pieces.len() || !document.ends_within(place + lines - 1);
            for (at, piece) in pieces.iter().enumerate().skip(1) {
                detail(&mut link, piece, &mut of_reflowed, whole(at));
            }
            direction = None;
            blank = false;
            if !names.insert(link.name.clone()) {
                break;
            }
            links.push(link);
            place += lines;
            ended = place;
            continue;
        } else if let Some(link) =
            heading(trimmed, !document.ends_within(place)).or_else(|| translated(document, place))
        {
            // The same one again: the command was given twice.
            if !names.insert(link.name.clone()) {
                break;
            }
            direction = None;
            blank = false;
            links.push(link);
            ended = place + 1;
        } else if let Some(link) = links.last_mut().filter(|_| !blank) {
            let whole = !document.ends_within(place) || trimmed.ends_with(')');
            if !detail(link, trimmed, &mut direction, whole) {
                break;
            }
            ended = place + 1;
        } else {
            break;
        }
        place += 1;
    }
    (!links.is_empty()).then(|| (ended - at, aliased(links)))
}

/// Where a new part of what `ip` and `ifconfig` say of an interface begins, in a text that was flowed anew.
const PARTS: &[&str] = &[
    " link/",
    " inet ",
    " inet6 ",
    " inet addr:",
    " inet6 addr:",
    " ether ",
    " UP ",
    " RX: ",
    " TX: ",
    " RX packets",
    " TX packets",
    " RX errors ",
    " TX errors ",
    " RX bytes",
    " valid_lft ",
    " collisions:",
    " Interrupt:",
    " device ",
];

/// An interface whose lines were flowed anew by mail or forum software, or printed as one by `ip -o`: its parts, and how many
/// lines it takes.
fn reflowed(document: &Document, at: usize) -> Option<(Vec<String>, usize)> {
    let first = document.line(at).trim();
    if first.len() > 4096 || heading(first, true).is_none() {
        return None;
    }
    let inner = |line: &str| PARTS.iter().any(|part| line.contains(part));
    let (_, behind) = first.split_once(['>', ' '])?;
    if !(inner(behind)
        && (behind.contains(" inet ")
            || behind.contains(" ether ")
            || behind.contains(" link/")
            || behind.contains("inet addr:")
            || behind.contains(" RX")))
    {
        return None;
    }
    let mut text = first.to_owned();
    let mut lines = 1;
    while at + lines < document.len() && lines < 24 {
        let next = document.line(at + lines).trim();
        if next.is_empty() || heading(next, true).is_some() || super::prompt::Prompt::of(next).is_some() {
            break;
        }
        // What goes on is of figures and of words of the tool.
        let is_part = next.bytes().any(|byte| byte.is_ascii_digit())
            && [
                "RX", "TX", "inet", "ether", "frame", "carrier", "packets", "bytes", "errors", "dropped", "mtu",
                "netmask", "qlen", "scope",
            ]
            .iter()
            .any(|word| next.contains(word));
        if !(is_part || next.split_whitespace().all(|word| word.parse::<u64>().is_ok())) {
            break;
        }
        text.push(' ');
        text.push_str(next);
        lines += 1;
    }
    let mut rest = text.replace('\\', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    let mut parts = Vec::new();
    // The heading goes to the first part.
    loop {
        let skip = usize::from(rest.len() > 1);
        let cut = PARTS.iter().filter_map(|part| rest.get(skip..)?.find(part).map(|found| found + skip)).min();
        let Some(cut) = cut else {
            parts.push(rest);
            break;
        };
        let behind = rest.split_off(cut);
        parts.push(rest);
        rest = behind.trim_start().to_owned();
    }
    // `RX: bytes packets 1 2`: the names of columns, then the figures.
    let parts = parts.into_iter().flat_map(|part| {
        let is_columns = part.starts_with("RX: ") || part.starts_with("TX: ");
        let figures = part.find(|c: char| c.is_ascii_digit()).filter(|_| is_columns);
        match figures {
            Some(cut) => vec![part[..cut].trim().to_owned(), part[cut..].trim().to_owned()],
            None => vec![part],
        }
    });
    Some((parts.collect(), lines))
}

/// The first line of an interface of the old `ifconfig` in a language that calls `Link encap:` otherwise: a name, blanks, and a
/// word with a colon; a line soon below names the MTU.
fn translated(document: &Document, at: usize) -> Option<Shown> {
    let line = document.line(at).trim();
    let (name, rest) = line.split_once(' ')?;
    let (_, kind) = rest.split_once(':')?;
    let is_name = !name.is_empty()
        && name.len() <= 16
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_@".contains(&byte));
    let is_heading = is_name
        && !name.ends_with(':')
        && !line.contains("inet")
        && rest.trim_start().chars().next().is_some_and(char::is_alphabetic);
    if !is_heading {
        return None;
    }
    let name = plain(name)?;
    let soon = (at + 1..at + 7).map(|at| document.line(at)).take_while(|line| !line.trim().is_empty());
    let below: Vec<&str> = soon.collect();
    let has_mtu = below.iter().any(|line| line.contains("MTU:"));
    // Its addresses or its flags come next.
    let next = below.first().is_some_and(|line| line.contains("inet") || line.contains("MTU:"));
    (has_mtu && next).then(|| Shown {
        loopback: name == "lo",
        ethernet: kind.trim_start().to_lowercase().starts_with("ether")
            || kind.contains("イーサ")
            || kind.contains("以太"),
        mac: rest.split_whitespace().find_map(mac),
        name,
        old: true,
        ..Shown::default()
    })
}

/// Rows of `ifconfig` without the name above them, as `ifconfig eth0 | grep RX` leaves them: of the interface that was asked for.
pub(super) fn take_alone(here: &Here<'_>) -> Option<(usize, Vec<Shown>)> {
    let document = here.document;
    let is_row = |at: usize| {
        let line = document.line(at).trim();
        let row = ["RX ", "TX "].iter().find_map(|way| line.strip_prefix(way));
        let of = |sign: &str| row.is_some_and(|row| row.starts_with(sign));
        of("packets:") || of("packets ") || of("bytes:") || of("errors ")
    };
    if !is_row(here.at) {
        return None;
    }
    let name = match here.command.as_slice() {
        ["ifconfig", name, ..] => plain(name)?,
        ["ip", rest @ ..] => plain(rest.last()?)?,
        _ => return None,
    };
    let mut link = Shown { loopback: name == "lo", name, ..Shown::default() };
    let mut place = here.at;
    while place < document.len() && is_row(place) {
        let line = without_note(document.line(place));
        let line = line.trim();
        link.old = line.contains("packets:") || line.contains("bytes:");
        counters(&mut link, line, !document.ends_within(place) || line.ends_with(')'));
        place += 1;
    }
    Some((place - here.at, vec![link]))
}

/// `/sys/class/net/eth0/statistics/rx_missed_errors:123` of `grep .`, and the figure alone that `cat` prints.
pub(super) fn take_statistics(here: &Here<'_>) -> Option<(usize, Vec<Shown>)> {
    let document = here.document;
    let of_path = |path: &str| -> Option<(String, String)> {
        let (name, counter) = path.strip_prefix("/sys/class/net/")?.split_once('/')?;
        Some((plain(name)?, counter.strip_prefix("statistics/")?.to_owned()))
    };
    let mut links: Vec<Shown> = Vec::new();
    let mut add = |(name, counter): (String, String), figure: u64| {
        let place = links.iter().position(|link| link.name == name).unwrap_or_else(|| {
            links.push(Shown { loopback: name == "lo", name, ..Shown::default() });
            links.len() - 1
        });
        let Some(link) = links.get_mut(place) else { return };
        let (of, counter) = match counter.split_once('_') {
            Some(("rx", counter)) => (&mut link.rx, counter.to_owned()),
            Some(("tx", counter)) => (&mut link.tx, counter.to_owned()),
            _ => (&mut link.rx, counter),
        };
        let figure = Some(figure);
        match counter.as_str() {
            "bytes" => of.bytes = figure,
            "packets" => of.packets = figure,
            "errors" => of.errors = figure,
            "dropped" => of.dropped = figure,
            "missed_errors" | "fifo_errors" => of.missed = of.missed.max(figure),
            "crc_errors" => of.crc = figure,
            "frame_errors" => of.frame = figure,
            "nohandler" => of.nohandler = figure,
            "multicast" => of.multicast = figure,
            _ => {}
        }
    };
    let asked = match here.command.as_slice() {
        ["cat", paths @ ..] => paths.iter().filter_map(|path| of_path(path)).collect(),
        _ => Vec::new(),
    };
    let mut place = here.at;
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place).trim();
        let row = line.rsplit_once(':').and_then(|(path, figure)| Some((of_path(path)?, figure.trim())));
        let (of, digits) = match (row, asked.get(place - here.at)) {
            (Some(row), _) => row,
            (None, Some(asked)) => (asked.clone(), line),
            (None, None) => break,
        };
        let Ok(figure) = digits.parse() else { break };
        if !document.ends_within(place) {
            add(of, figure);
        }
        place += 1;
    }
    (!links.is_empty()).then_some((place - here.at, links))
}

/// `ip -br addr`, `ip -br link`, `ip -o addr` from that line on: a row for each interface, or for each address.
pub(super) fn take_rows(document: &Document, at: usize) -> Option<(usize, Vec<Shown>)> {
    let mut links: Vec<Shown> = Vec::new();
    let mut place = at;
    while place < document.len() && links.len() < MOST {
        let line = document.line(place);
        let Some(link) = brief(line).or_else(|| of_address(line)).filter(|_| !document.ends_within(place)) else {
            break;
        };
        links.push(link);
        place += 1;
    }
    let mut all: Vec<Shown> = Vec::new();
    for link in links {
        match all.iter_mut().find(|known| known.name == link.name) {
            Some(known) => known.addresses.extend(link.addresses.into_iter().take(MOST_ADDRESSES)),
            None => all.push(link),
        }
    }
    (!all.is_empty()).then_some((place - at, all))
}

/// `eth0@if3         UP             192.0.2.10/24 2001:db8::1/64`, or its link address and flags.
fn brief(line: &str) -> Option<Shown> {
    let mut words = split(line);
    let name = words.next()?.split('@').next()?;
    let state = words.next()?;
    let carrier = match state {
        "UP" => Some(true),
        "DOWN" | "LOWERLAYERDOWN" => Some(false),
        "UNKNOWN" | "DORMANT" => None,
        _ => return None,
    };
    let name = plain(name)?;
    let mut link = Shown { loopback: name == "lo", name, carrier, up: carrier.filter(|up| *up), ..Shown::default() };
    for word in words {
        if let Some(flags) = word.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            let flag = |wanted: &str| flags.split(',').any(|flag| flag == wanted);
            (link.up, link.carrier) = (Some(flag("UP")), Some(flag("LOWER_UP")));
            link.loopback |= flag("LOOPBACK");
        } else if let Some(of_link) = mac(word) {
            (link.ethernet, link.mac) = (!link.loopback, Some(of_link));
        } else if let Some((address, prefix)) = word.split_once('/')
            && let (Ok(address), Ok(prefix)) = (address.parse(), prefix.parse())
        {
            link.addresses.push((address, prefix, None));
        } else if word.parse::<IpAddr>().is_err() && !matches!(word, "metric" | "peer") && word.parse::<u32>().is_err()
        {
            return None;
        }
    }
    Some(link)
}

/// `2: eth0    inet 192.0.2.10/24 brd … scope global eth0\       valid_lft …`.
fn of_address(line: &str) -> Option<Shown> {
    let words = words_of(line);
    let [index, name, "inet" | "inet6", address, ..] = words.as_slice() else { return None };
    let index = index.strip_suffix(':')?.parse().ok()?;
    let name = plain(name)?;
    let (address, prefix) = address.split_once('/').unwrap_or((address, ""));
    let address: IpAddr = address.parse().ok()?;
    let prefix = prefix.parse().unwrap_or(if address.is_ipv4() { 32 } else { 128 });
    Some(Shown {
        loopback: name == "lo",
        name,
        index: Some(index),
        addresses: vec![(address, prefix, None)],
        ..Shown::default()
    })
}

/// /proc/net/dev from that line on: with its heading, or rows alone.
pub(super) fn take_proc(document: &Document, at: usize) -> Option<(usize, Vec<Shown>)> {
    let is_heading =
        |line: &str| line.starts_with("Inter-|") || line.starts_with("face |") || line.starts_with("Inter-| ");
    let mut links = Vec::new();
    let mut names: HashSet<String> = HashSet::new();
    let mut place = at;
    while place < document.len() && links.len() <= MOST {
        let line = document.line(place).trim();
        if is_heading(line) {
            if !links.is_empty() {
                break;
            }
        } else if let Some(link) = proc_line(line).filter(|_| !document.ends_within(place) || split(line).count() > 16)
        {
            if !names.insert(link.name.clone()) {
                break;
            }
            links.push(link);
        } else if let Some((link, lines)) = wrapped(document, place) {
            links.push(link);
            place += lines;
        } else {
            break;
        }
        place += 1;
    }
    (!links.is_empty()).then_some((place - at, links))
}

/// A row that mail wrapped: its figures go on in the next lines. And how many of these there are.
fn wrapped(document: &Document, at: usize) -> Option<(Shown, usize)> {
    let mut joined = document.line(at).trim().to_owned();
    let (name, figures) = joined.split_once(':')?;
    if name.contains(' ') || split(figures).count() < 4 {
        return None;
    }
    for lines in 1..=2 {
        let next = document.line(at + lines).trim();
        if next.is_empty()
            || !next.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'|'))
            || document.ends_within(at + lines)
        {
            return None;
        }
        joined.push(' ');
        joined.push_str(next);
        if joined.split_whitespace().count() >= 17
            && let Some(link) = proc_line(&joined)
        {
            return Some((link, lines));
        }
    }
    None
}

/// Figures of `ip` whose columns the line before named.
#[derive(Debug)]
enum Direction {
    Counters { received: bool, columns: Vec<String> },
    Errors { received: bool, columns: Vec<String> },
}

/// The first line of an interface, of either tool.
fn heading(line: &str, whole: bool) -> Option<Shown> {
    if !line.contains('<') && !line.contains("Link encap:") {
        return None;
    }
    let first = line.chars().next()?;
    if first.is_ascii_digit() {
        // 2: eth0@if3: <BROADCAST,UP> mtu 1500 …
        let (index, rest) = line.split_once(": ")?;
        let (name, rest) = rest.split_once(": <")?;
        let (flags, rest) = rest.split_once('>')?;
        let flag = |wanted: &str| flags.split(',').any(|flag| flag == wanted);
        return Some(Shown {
            name: plain(name.split('@').next()?)?,
            index: index.parse().ok(),
            loopback: flag("LOOPBACK"),
            up: Some(flag("UP")),
            carrier: Some(flag("LOWER_UP")),
            master: after(rest, "master ").and_then(|rest| plain(rest.split_whitespace().next()?)),
            mtu: after(rest, "mtu ").and_then(|rest| figure(rest, whole)),
            ..Shown::default()
        });
    }
    let name = plain(split(line).next()?.trim_end_matches(':'))?;
    if let Some(kind) = after(line, "Link encap:") {
        return Some(Shown {
            loopback: name == "lo" || kind.starts_with("Local Loopback"),
            name,
            ethernet: kind.starts_with("Ethernet"),
            mac: kind.split_whitespace().find_map(mac),
            old: true,
            ..Shown::default()
        });
    }
    let flags = after(line, "flags=")?.split_once('<')?.1.split_once('>')?.0;
    let flag = |wanted: &str| flags.split(',').any(|flag| flag == wanted);
    Some(Shown {
        name,
        loopback: flag("LOOPBACK"),
        up: Some(flag("UP")),
        carrier: Some(flag("RUNNING")),
        mtu: after(line, "mtu ").and_then(|rest| figure(rest, whole)),
        ..Shown::default()
    })
}

/// Takes a line that belongs to an interface; whether it does.
fn detail(link: &mut Shown, line: &str, direction: &mut Option<Direction>, whole: bool) -> bool {
    // `ip`: a heading of columns, and the figures in the next line.
    if let Some(columns) = direction.take() {
        let figures: Vec<Option<u64>> = line.split_whitespace().map(|figure| figure.parse().ok()).collect();
        if figures.iter().all(Option::is_none) {
            return false;
        }
        let (received, columns, errors) = match &columns {
            Direction::Counters { received, columns } => (*received, columns, false),
            Direction::Errors { received, columns } => (*received, columns, true),
        };
        // Half a row of figures may hold half a figure.
        if !whole {
            return true;
        }
        let counters = if received { &mut link.rx } else { &mut link.tx };
        for (column, figure) in columns.iter().zip(figures) {
            match (errors, column.as_str()) {
                (false, "bytes") => counters.bytes = figure,
                (false, "packets") => counters.packets = figure,
                (false, "errors") => counters.errors = figure,
                (false, "dropped") => counters.dropped = figure,
                (false, "overrun" | "missed") | (true, "fifo" | "missed") => {
                    counters.missed = counters.missed.max(figure)
                }
                (false, "mcast") => counters.multicast = figure,
                (true, "crc") => counters.crc = figure,
                (true, "frame") => counters.frame = figure,
                (true, "nohandler") => counters.nohandler = figure,
                (true, "otherhost") => counters.otherhost = figure,
                _ => {}
            }
        }
        return true;
    }
    let columns = |rest: &str| rest.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for (word, received) in [("RX", true), ("TX", false)] {
        let Some(rest) = line.strip_prefix(word) else { continue };
        if let Some(rest) = rest.strip_prefix(':').filter(|rest| rest.contains("bytes") && rest.contains("packets")) {
            *direction = Some(Direction::Counters { received, columns: columns(rest) });
            return true;
        }
        if let Some(rest) =
            rest.strip_prefix(" errors:").filter(|rest| rest.contains("fifo") || rest.contains("length"))
        {
            *direction = Some(Direction::Errors { received, columns: columns(rest) });
            return true;
        }
    }
    if let Some(rest) = line.strip_prefix("link/") {
        link.ethernet = rest.starts_with("ether");
        link.loopback |= rest.starts_with("loopback");
        link.mac = after(rest, "ether ").and_then(mac);
        return true;
    }
    if let Some(rest) = line.strip_prefix("ether ") {
        (link.ethernet, link.mac) = (true, mac(rest));
        return true;
    }
    if line.to_ascii_lowercase().contains("inet") {
        // Half an address is another one.
        let line = if whole { Some(line) } else { line.rsplit_once(' ').map(|(line, _)| line) };
        line.into_iter().for_each(|line| address(link, line));
        return true;
    }
    if let Some((flags, rest)) = line.split_once("MTU:") {
        link.mtu = figure(rest, whole);
        let has = |words: &[&str]| flags.split_whitespace().any(|flag| words.contains(&flag));
        // What a flag is called in a language that is not known here does not say that the interface is down.
        let english = flags.split_whitespace().all(|flag| FLAGS.contains(&flag));
        let known = |words| if has(words) { Some(true) } else { english.then_some(false) };
        link.up = known(&["UP", "ACTIVO", "ATIVO", "ВВЕРХ", "活动", "启动"]);
        link.carrier = known(&["RUNNING", "FUNCIONANDO", "EXECUTANDO", "ЗАПУЩЕН", "运行", "运行中"]);
        link.loopback |= has(&["LOOPBACK", "BUCLE", "BOUCLE", "LAÇO", "回环", "ПЕТЛЯ"]);
        return true;
    }
    if !line.bytes().any(|byte| byte.is_ascii_digit()) {
        return line.starts_with("loop")
            || line.contains("txqueuelen")
            || line.starts_with("valid_lft")
            || line.starts_with("altname");
    }
    counters(link, line, whole);
    // What `ip -d`, `ip addr` and `ifconfig` say besides.
    line.contains(':')
        || [
            "RX ",
            "TX ",
            "loop ",
            "valid_lft",
            "device ",
            "altname",
            "collis",
            "vlan ",
            "bridge",
            "promiscuity",
            "veth",
            "qdisc",
            "0 ",
            "UP ",
            "unspec",
        ]
        .iter()
        .any(|word| line.starts_with(word))
        || line.contains("txqueuelen")
        || line.contains("promiscuity")
        || line.contains("addrgenmode")
}

/// Flags as `ifconfig` prints them in English.
const FLAGS: &[&str] = &[
    "UP",
    "BROADCAST",
    "DEBUG",
    "LOOPBACK",
    "POINTOPOINT",
    "NOTRAILERS",
    "RUNNING",
    "NOARP",
    "PROMISC",
    "ALLMULTI",
    "SLAVE",
    "MASTER",
    "MULTICAST",
    "DYNAMIC",
];

/// `RX packets:1 errors:0 dropped:0 overruns:0 frame:0`, `Bytes RX:1 (1 b)  TX bytes:1 (1 b)`, `RX packets 1  bytes 1 (1.0 B)`,
/// `Получено пакетов:1 ошибок:0 …`: by the order of the figures.
fn counters(link: &mut Shown, line: &str, whole: bool) {
    if link.old {
        let figures: Vec<(u64, bool)> = line
            .split(':')
            .skip(1)
            .filter_map(|rest| {
                let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                let figure = rest.get(..digits)?.parse().ok()?;
                Some((figure, rest.get(digits..)?.trim_start().starts_with('(')))
            })
            .collect();
        let figure = |at: usize| figures.get(at).map(|(figure, _)| *figure);
        let sent = line.contains("TX") && !line.contains("RX");
        if figures.len() >= 4 && figures.iter().all(|(_, human)| !human) {
            let counters = if sent || link.rx.packets.is_some() { &mut link.tx } else { &mut link.rx };
            if whole {
                (counters.packets, counters.errors, counters.dropped) = (figure(0), figure(1), figure(2));
                (counters.missed, counters.frame) = (figure(3), figure(4));
            }
        } else if figures.iter().any(|(_, human)| *human) && whole {
            match figures.as_slice() {
                [(rx, true), (tx, true)] => (link.rx.bytes, link.tx.bytes) = (Some(*rx), Some(*tx)),
                [(one, true)] if sent => link.tx.bytes = Some(*one),
                [(one, true)] => link.rx.bytes = Some(*one),
                _ => {}
            }
        }
        return;
    }
    // Newer ones: `RX packets 1  bytes 1 (1.0 B)`, `RX errors 0  dropped 0  overruns 0  frame 0`.
    let counters = match (line.contains("RX"), line.contains("TX")) {
        (true, false) => &mut link.rx,
        (false, true) => &mut link.tx,
        _ => return,
    };
    let (before, human) = line.split_once('(').map_or((line, false), |(before, _)| (before, true));
    let figures: Vec<u64> = before.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match figures.as_slice() {
        [packets, bytes] if human => (counters.packets, counters.bytes) = (Some(*packets), Some(*bytes)),
        [errors, dropped, missed, frame, ..] if whole => {
            (counters.errors, counters.dropped) = (Some(*errors), Some(*dropped));
            (counters.missed, counters.frame) = (Some(*missed), Some(*frame));
        }
        _ => {}
    }
}

/// `inet 10.0.0.1/8 … eth0:1`, `inet addr:10.0.0.1 … Mask:255.0.0.0`, `Direc. inet:10.0.0.1 … Másc:255.0.0.0`, `inet6 fe80::1
/// prefixlen 64`, `inet6-Adresse: fe80::1/64`: the first address of the line, and the mask that ends it.
fn address(link: &mut Shown, line: &str) {
    let ends = |word: &str| {
        word.find(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '/'))).unwrap_or(word.len())
    };
    let parsed = |word: &str| -> Option<(IpAddr, Option<u8>)> {
        let word = word.get(..ends(word))?;
        let (address, prefix) =
            word.split_once('/').map_or((word, None), |(address, prefix)| (address, prefix.parse().ok()));
        Some((address.parse().ok()?, prefix))
    };
    let found = |word: &str| {
        parsed(word).or_else(|| {
            word.split_once(':').and_then(|(_, rest)| parsed(rest)).filter(|(address, _)| address.is_ipv4())
        })
    };
    let Some((address, prefix)) = line.split_whitespace().find_map(found) else { return };
    let mask = line.split_whitespace().filter_map(found).filter_map(|(address, _)| match address {
        IpAddr::V4(mask) => Some(u32::from(mask)),
        IpAddr::V6(_) => None,
    });
    let mask = mask.skip(1).filter(|mask| mask.leading_ones() + mask.trailing_zeros() == 32 && *mask != 0).last();
    let prefix = prefix
        .or_else(|| after(line, "prefixlen ").and_then(number))
        .or_else(|| mask.and_then(|mask| u8::try_from(mask.count_ones()).ok()))
        .unwrap_or(if address.is_ipv4() { 32 } else { 128 });
    link.loopback |= link.old && link.name == "lo";
    let label = line.split_whitespace().last().filter(|last| last.starts_with(&format!("{}:", link.name)));
    if link.addresses.len() < MOST_ADDRESSES {
        link.addresses.push((address, prefix, label.and_then(plain)));
    }
}

/// `  eth0: 1 2 …`: of /proc/net/dev, bytes packets errs drop fifo frame compressed multicast, twice.
fn proc_line(line: &str) -> Option<Shown> {
    let (name, rest) = line.split_once(':')?;
    if !rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '|') {
        return None;
    }
    // A bar between the directions is the heading's, and some print it in rows, too.
    let rest = rest.replace('|', " ");
    let figures: Vec<u64> = rest.split_whitespace().map_while(|figure| figure.parse().ok()).collect();
    let counters = |at: usize| Counters {
        bytes: figures.get(at).copied(),
        packets: figures.get(at + 1).copied(),
        errors: figures.get(at + 2).copied(),
        dropped: figures.get(at + 3).copied(),
        missed: figures.get(at + 4).copied(),
        frame: figures.get(at + 5).copied(),
        ..Counters::default()
    };
    let name = plain(name.trim().trim_start_matches('|').trim())?;
    let words = rest.split_whitespace().count();
    // Rows of /proc/interrupts look alike, but for their number and their length.
    (figures.len() >= 12
        && words == figures.len()
        && words <= 17
        && !name.contains(' ')
        && !name.bytes().all(|byte| byte.is_ascii_digit()))
    .then(|| Shown { loopback: name == "lo", name, rx: counters(0), tx: counters(8), ..Shown::default() })
}

/// Aliases, which older tools show as interfaces, as addresses of the interface that they belong to.
fn aliased(links: Vec<Shown>) -> Vec<Shown> {
    let mut real: Vec<Shown> = Vec::new();
    for link in links {
        let owner = link.name.split_once(':').map(|(owner, _)| owner.to_owned());
        match owner.and_then(|owner| real.iter_mut().find(|other| other.name == owner)) {
            Some(owner) => {
                let labelled =
                    link.addresses.into_iter().map(|(address, prefix, _)| (address, prefix, Some(link.name.clone())));
                owner.addresses.extend(labelled.take(MOST_ADDRESSES));
            }
            None => real.push(link),
        }
    }
    real
}

/// What several outputs show of the same interfaces, together.
pub(super) fn together(all: impl Iterator<Item = Vec<Shown>>) -> Vec<Shown> {
    let mut links: Vec<Shown> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for link in all.flatten() {
        let Some(known) = places.get(&link.name).and_then(|place| links.get_mut(*place)) else {
            if links.len() < MOST {
                places.insert(link.name.clone(), links.len());
                links.push(link);
            }
            continue;
        };
        known.index = known.index.or(link.index);
        known.up = known.up.or(link.up);
        known.carrier = known.carrier.or(link.carrier);
        known.mtu = known.mtu.or(link.mtu);
        known.ethernet |= link.ethernet;
        known.loopback |= link.loopback;
        if known.mac.is_none() {
            known.mac = link.mac;
        }
        if known.master.is_none() {
            known.master = link.master;
        }
        if known.addresses.is_empty() {
            known.addresses = link.addresses;
        }
        // Counters of one moment belong together.
        if known.rx.packets.is_none() {
            known.rx = link.rx.or(known.rx);
            known.tx = link.tx.or(known.tx);
        }
        let finer = |of: &mut Counters, more: Counters| {
            of.crc = of.crc.or(more.crc);
            of.frame = of.frame.or(more.frame);
            of.missed = of.missed.max(more.missed);
        };
        finer(&mut known.rx, link.rx);
        finer(&mut known.tx, link.tx);
    }
    links
}

fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.split_once(word).map(|(_, rest)| rest)
}

/// A number, unless the text ends within it.
fn figure<T: std::str::FromStr>(text: &str, whole: bool) -> Option<T> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    (whole || digits < text.len()).then(|| number(text)).flatten()
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Interfaces of `ip -j addr`, `ip -j -s link`: a list of objects with `ifname`.
pub(super) fn of_json(items: &[serde_json::Value]) -> Option<Vec<Shown>> {
    let links: Vec<Shown> = items
        .iter()
        .take(MOST)
        .filter_map(|item| {
            let flags = item["flags"].as_array()?;
            let flag = |wanted: &str| flags.iter().any(|flag| flag == wanted);
            let stats = item.get("stats64").or_else(|| item.get("stats")).unwrap_or(&serde_json::Value::Null);
            let counters = |way: &str| {
                let figure = |name: &str| stats[way][name].as_u64();
                Counters {
                    bytes: figure("bytes"),
                    packets: figure("packets"),
                    errors: figure("errors"),
                    dropped: figure("dropped"),
                    missed: figure("over_errors").or(figure("missed_errors")),
                    multicast: figure("multicast"),
                    crc: figure("crc_errors"),
                    ..Counters::default()
                }
            };
            let address = |address: &serde_json::Value| {
                let prefix = u8::try_from(address["prefixlen"].as_u64()?).ok()?;
                Some((
                    address["local"].as_str()?.parse().ok()?,
                    prefix,
                    address["label"].as_str().filter(|label| label.contains(':')).and_then(plain),
                ))
            };
            Some(Shown {
                name: plain(item["ifname"].as_str()?)?,
                index: item["ifindex"].as_u64().and_then(|index| u32::try_from(index).ok()),
                loopback: flag("LOOPBACK"),
                ethernet: item["link_type"] == "ether",
                up: Some(flag("UP")),
                carrier: Some(flag("LOWER_UP")),
                mac: item["address"].as_str().and_then(mac),
                master: item["master"].as_str().and_then(plain),
                mtu: item["mtu"].as_u64().and_then(|mtu| u32::try_from(mtu).ok()),
                addresses: item["addr_info"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .take(MOST_ADDRESSES)
                    .filter_map(address)
                    .collect(),
                rx: counters("rx"),
                tx: counters("tx"),
                ..Shown::default()
            })
        })
        .collect();
    (!links.is_empty()).then_some(links)
}

/// `netstat -i` from that line on: `Iface MTU RX-OK RX-ERR RX-DRP RX-OVR TX-OK …`, and a row for each.
pub(super) fn take_table(document: &Document, at: usize) -> Option<(usize, Vec<Shown>)> {
    let mut place = at;
    if document.line(place).contains("Iface") && !document.line(place).contains("RX-OK") {
        return None;
    }
    while place < at + 2 && !document.line(place).contains("RX-OK") {
        place += 1;
    }
    let columns = words_of(document.line(place));
    if columns.first() != Some(&"Iface") || !columns.contains(&"RX-OK") {
        return None;
    }
    let mut links = Vec::new();
    place += 1;
    while place < document.len() {
        let words = words_of(document.line(place));
        let lead = columns.len().checked_sub(words.len());
        let cell = |name: &str| {
            let place = columns.iter().position(|column| *column == name)?;
            // `- no statistics available -` has no figures.
            words.get(place)?.parse::<u64>().ok()
        };
        let (Some(0), Some(name)) = (lead, words.first()) else { break };
        let Some(name) = plain(name).filter(|_| cell("RX-OK").is_some()) else { break };
        links.push(Shown {
            loopback: name == "lo",
            mtu: cell("MTU").and_then(|mtu| u32::try_from(mtu).ok()),
            rx: Counters {
                packets: cell("RX-OK"),
                errors: cell("RX-ERR"),
                dropped: cell("RX-DRP"),
                missed: cell("RX-OVR"),
                ..Counters::default()
            },
            tx: Counters {
                packets: cell("TX-OK"),
                errors: cell("TX-ERR"),
                dropped: cell("TX-DRP"),
                missed: cell("TX-OVR"),
                ..Counters::default()
            },
            name,
            ..Shown::default()
        });
        place += 1;
    }
    (!links.is_empty()).then_some((place - at, links))
}

/// The name of an interface: the kernel allows 15 bytes.
fn plain(name: &str) -> Option<String> {
    (!name.is_empty() && name.len() <= 31).then(|| printable(name))
}

fn mac(text: &str) -> Option<String> {
    let first = text.split_whitespace().next()?;
    let is_mac =
        first.len() == 17 && first.split(':').all(|byte| byte.len() == 2 && u8::from_str_radix(byte, 16).is_ok());
    is_mac.then(|| first.to_ascii_lowercase())
}
