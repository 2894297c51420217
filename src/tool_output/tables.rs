//! Tables that little is taken from: routes, neighbours, traffic by month, counts, processes; and outputs as JSON.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::containers::meaning;
use super::data::Data;
use super::firewall;
use super::here::Here;
use super::links;
use super::text::{Words, split};
use super::told::Told;
use super::{counters, machine, sadf, vnstat};
use crate::printable::printable;
use crate::units;

/// Rows that are looked at.
const MOST: usize = 100_000;
/// Bytes of JSON that are read.
const LONGEST_JSON: usize = 8 * 1024 * 1024;
/// Processes that are kept.
const KEPT: usize = 200;
/// Rows that are told.
const TOLD: usize = 3;

/// `default via … dev eth0`, `0.0.0.0 … eth0` of `route -n`, /proc/net/route.
pub(super) fn routes(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let mut place = here.at;
    let mut default = None;
    let mut rows = 0;
    while place < document.len() && rows < MOST {
        let line = document.line(place).trim();
        let words = here.words(place);
        let whole = !document.ends_within(place);
        let is_title = line.starts_with("Kernel IP")
            || line.starts_with("Kernel-IP")
            || line.starts_with("Destination ")
            || line.starts_with("Iface\tDestination")
            || line.starts_with("Iface Destination")
            || line.starts_with("Ziel ")
            || line.starts_with("Destino ")
            || line.starts_with("Table de routage")
            || line.starts_with("Tabela de Roteamento")
            || line.starts_with("カーネルIP経路テーブル")
            || line.starts_with("受信先サイト")
            || line.starts_with("Ядерная таблица")
            || line.starts_with("内核 IP 路由表")
            || line.starts_with("目标 ");
        let device = |words: &[&str]| {
            words.iter().position(|word| *word == "dev").and_then(|at| words.get(at + 1)).map(|name| (*name).to_owned())
        };
        match words.as_slice() {
            _ if is_title => {}
            ["default", "via", ..] | ["default", "dev", ..] => {
                default = default.or_else(|| device(&words).filter(|_| whole || words.len() > 5));
            }
            [to, _, mask, flags, metric, _, _, name]
                if to.parse::<IpAddr>().is_ok() && mask.parse::<IpAddr>().is_ok() && metric.parse::<u32>().is_ok() =>
            {
                if *to == "0.0.0.0" && *mask == "0.0.0.0" && flags.starts_with('U') && whole {
                    default = default.or(Some((*name).to_owned()));
                }
            }
            ["default", _, "0.0.0.0", flags, _, _, _, name] if flags.starts_with('U') => {
                default = default.or(Some((*name).to_owned()))
            }
            [name, to, gateway, flags, _, _, _, mask, ..]
                if flags.len() == 4
                    && [to, gateway, mask]
                        .iter()
                        .all(|word| word.len() == 8 && u32::from_str_radix(word, 16).is_ok()) =>
            {
                if *to == "00000000" && *mask == "00000000" {
                    default = default.or(Some((*name).to_owned()));
                }
            }
            [to, "dev", ..] | [to, "via", ..]
                if !words.iter().any(|word| NEIGHBOUR.contains(word))
                    && to.split('/').next().is_some_and(|to| to.parse::<IpAddr>().is_ok()) => {}
            _ => break,
        }
        rows += 1;
        place += 1;
    }
    if rows == 0 {
        return None;
    }
    let data = match default.filter(|name| name.len() <= 31) {
        Some(name) => Data::Route(printable(name)),
        None => Data::Told(Told { tool: "routes", ..Told::default() }),
    };
    Some((place - here.at, data))
}

/// What a neighbour may be.
const NEIGHBOUR: &[&str] =
    &["REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "INCOMPLETE", "PERMANENT", "NOARP", "NONE"];

/// `ip neigh`, `arp -n`, `arp -a`.
pub(super) fn neighbours(here: &Here<'_>) -> Option<(usize, Data)> {
    let (mut all, mut failed, mut place) = (0_u64, 0_u64, here.at);
    while place < here.document.len() {
        let line = here.document.line(place).trim();
        let words = here.words(place);
        let is_row = match words.as_slice() {
            ["Address", "HWtype", ..] => {
                place += 1;
                continue;
            }
            [address, "dev", _, ..] => {
                address.parse::<IpAddr>().is_ok() && words.iter().any(|word| NEIGHBOUR.contains(word))
            }
            [address, "ether" | "(incomplete)", ..] => address.len() <= 255,
            [_, address, "at", ..] => address.starts_with('(') && address.ends_with(')'),
            _ => false,
        };
        if !is_row {
            break;
        }
        all += 1;
        failed += u64::from(line.contains("FAILED") || line.contains("INCOMPLETE") || line.contains("incomplete"));
        place += 1;
    }
    if all == 0 {
        return None;
    }
    let mut told = Told { tool: "neighbours", ..Told::default() };
    if failed > 10 && failed * 2 > all {
        told.stands_out
            .push(format!("{failed} of {all} neighbours do not answer: somebody asks for addresses that nobody has"));
    }
    Some((place - here.at, Data::Told(told)))
}

/// `… | sort | uniq -c`: a count and what was counted.
pub(super) fn counted(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    if let Some(told) = lines_counted(here) {
        return Some((1, Data::Told(told)));
    }
    // `… | uniq -c` prints the count first, `awk '{s[$6]++} END {for (k in s) print k, s[k]}'` last.
    let piped = here.document.line(here.at.saturating_sub(1)).contains('|') || here.command.is_empty();
    let refused = document.line(here.at.saturating_sub(1)).contains("lastb");
    let counts_ports = document.line(here.at.saturating_sub(1)).contains("uniq -c");
    let row = |at: usize| -> Option<(u64, &str)> {
        let line = document.line(at).trim();
        let (count, what) = match line.split_once(char::is_whitespace)? {
            (what, count) if count.trim().bytes().all(|byte| byte.is_ascii_digit()) && what.parse::<u64>().is_err() => {
                (count.trim(), what)
            }
            (count, what) => (count, what.trim()),
        };
        let counts = what.parse::<IpAddr>().is_ok()
            || state(what).is_some()
            || what.rsplit_once(':').is_some_and(|(address, port)| {
                address.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() && port.parse::<u16>().is_ok()
            })
            || matches!(what, "Address" | "servers)" | "Foreign" | "Local" | "established)" | "State")
            || (counts_ports && what.parse::<u16>().is_ok());
        (counts && !document.ends_within(at)).then_some((count.parse().ok()?, what))
    };
    // Words of the headings of `netstat` are counted, too, in any language: `1 établies)`.
    let is_heading = |at: usize| {
        let words = here.words(at);
        matches!(words.as_slice(), [count, word] if count.parse::<u64>().is_ok_and(|count| count <= 9)
            && word.chars().all(|c| c.is_alphabetic() || matches!(c, ')' | '(' | '-' | ':')))
    };
    let mut place = here.at;
    let mut rows: Vec<(u64, &str)> = Vec::new();
    while place < document.len() && rows.len() < MOST {
        match row(place) {
            Some(found) => rows.push(found),
            None if piped && is_heading(place) && place < here.at + rows.len() + 3 && !document.ends_within(place) => {}
            None => break,
        }
        place += 1;
    }
    let lines = place - here.at;
    if rows.iter().all(|(_, what)| !what.bytes().any(|byte| byte.is_ascii_digit()) && state(what).is_none()) {
        return None;
    }
    // One row alone is a count where a command says so.
    if rows.len() < if piped { 1 } else { 2 } {
        return None;
    }
    let mut told = Told { tool: "counts", ..Told::default() };
    let sum: u64 = rows.iter().map(|(count, _)| count).sum();
    told.states = rows.iter().filter_map(|(count, what)| Some((state(what)?, *count))).collect();
    if told.states.is_empty() {
        let is_known = |what: &str| what.contains(['.', ':']) || (counts_ports && what.parse::<u16>().is_ok());
        let most = rows.iter().filter(|(_, what)| is_known(what)).max_by_key(|(count, _)| count);
        if let Some((count, what)) = most {
            told.stands_out.push(format!(
                "{}{}: {} of {} {}, {} different",
                if what.parse::<u16>().is_ok() { "port " } else { "" },
                printable(what),
                units::count(*count as f64),
                units::count(sum as f64),
                if refused { "failed logins" } else { "counted" },
                rows.len()
            ));
        }
    } else if let Some((count, name)) = rows.iter().max_by_key(|(count, _)| count) {
        told.stands_out.push(format!(
            "{} of {} connections are {}",
            units::count(*count as f64),
            units::count(sum as f64),
            printable(name)
        ));
    }
    Some((lines, Data::Told(told)))
}

/// `netstat -an | grep SYN_RECV | wc -l`, `ss -ant state syn-recv | wc -l`, `netstat -an | grep -c :80`: how many lines there were.
fn lines_counted(here: &Here<'_>) -> Option<Told> {
    let line = here.document.line(here.at).trim();
    let lines: u64 = line.parse().ok().filter(|_| !here.document.ends_within(here.at))?;
    let before = here.at.checked_sub(1).map(|at| here.document.line(at))?;
    let command = super::prompt::Prompt::of(before)?.command;
    let tool = here.command.first().filter(|tool| matches!(**tool, "netstat" | "ss"))?;
    let last = command.rsplit('|').next()?.trim();
    if !(last == "wc -l" || last.starts_with("grep -c ")) || command.matches('|').count() == 0 {
        return None;
    }
    let word = |word: &str| state(word.trim_matches(['"', '\'']).to_uppercase().as_str());
    // `ss` prints a heading, too, unless grep takes it out.
    let headed = *tool == "ss"
        && !command.contains("grep")
        && !here.command.iter().any(|word| word.starts_with('-') && word.contains('H'));
    let count = lines.saturating_sub(u64::from(headed));
    let mut told = Told { tool: "counts", ..Told::default() };
    let inverted = command.contains("grep -v") || command.contains("grep -iv");
    let named = command.split(' ').find_map(|part| Some((word(part)?, part.trim_matches(['"', '\'']).to_uppercase())));
    match named.filter(|_| !inverted) {
        Some((state, name)) => {
            told.states.push((state, count));
            told.stands_out.push(format!("{} connections are {}", units::count(count as f64), printable(name)));
        }
        None => told.stands_out.push(format!(
            "{} lines of {}",
            units::count(count as f64),
            printable(command.chars().take(64).collect::<String>())
        )),
    }
    Some(told)
}

fn state(word: &str) -> Option<&'static str> {
    Some(match word {
        "ESTABLISHED" | "ESTAB" => "tcp_established",
        "SYN_RECV" | "SYN-RECV" => "tcp_syn_recv",
        "TIME_WAIT" | "TIME-WAIT" => "tcp_time_wait",
        "CLOSE_WAIT" | "CLOSE-WAIT" => "tcp_close_wait",
        "LISTEN" => "tcp_listen",
        "FIN_WAIT1" | "FIN_WAIT2" | "FIN-WAIT-1" | "FIN-WAIT-2" | "LAST_ACK" | "LAST-ACK" | "CLOSING" | "SYN_SENT"
        | "SYN-SENT" => "tcp_other",
        _ => return None,
    })
}

/// A table with a heading: what its first words are, and the column by which its rows are ranked.
struct Known {
    tool: &'static str,
    heading: &'static [&'static str],
    /// The fewest words that a row has.
    words: usize,
}

const KNOWN: &[Known] = &[
    Known { tool: "ps", heading: &["USER", "PID", "%CPU"], words: 11 },
    Known { tool: "ps", heading: &["UID", "PID", "PPID"], words: 8 },
    Known { tool: "ps", heading: &["PID", "TTY"], words: 4 },
    Known { tool: "lsof", heading: &["COMMAND", "PID", "USER"], words: 8 },
    Known { tool: "docker ps", heading: &["CONTAINER", "ID"], words: 5 },
    Known { tool: "dropwatch", heading: &["Initializing", "null"], words: 4 },
    Known { tool: "nethogs", heading: &["Refreshing:"], words: 3 },
    Known { tool: "iftop", heading: &["#", "Host", "name"], words: 3 },
    Known { tool: "iftop", heading: &["interface:"], words: 2 },
    Known { tool: "iostat", heading: &["Device"], words: 5 },
];

/// Another table.
pub(super) fn other(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let words = |at: usize| here.words(at);
    let first = words(here.at);
    let bare_drops = first.len() >= 4 && first[1] == "drops" && first[2] == "at";
    let of_stats = |known: &&Known| known.tool != "docker ps" || !document.line(here.at).contains("CPU %");
    let known = if bare_drops {
        KNOWN.iter().find(|known| known.tool == "dropwatch")?
    } else {
        KNOWN.iter().filter(of_stats).find(|known| first.starts_with(known.heading))?
    };
    let tool = known.tool;
    let mut told = Told { tool, ..Told::default() };
    let mut place = here.at + usize::from(!bare_drops);
    let mut rows: Vec<(f64, String)> = Vec::new();
    let mut blanks = 0;
    while place < document.len() && rows.len() < MOST {
        let line = document.line(place).trim();
        let row = words(place);
        let loose = matches!(tool, "iftop" | "nethogs" | "dropwatch");
        if row.is_empty() {
            blanks += 1;
            place += 1;
            if blanks > usize::from(loose) {
                break;
            }
            continue;
        }
        if loose && super::prompt::Prompt::of(line).is_some() {
            break;
        }
        let figure = |at: usize| {
            row.get(at).and_then(|word| word.replace(',', ".").parse::<f64>().ok()).filter(|figure| figure.is_finite())
        };
        let whole = !document.ends_within(place);
        match tool {
            "ps" | "lsof" | "docker ps" | "iostat" if row.len() < known.words || blanks > 0 => break,
            "ps" if known.heading.get(2) == Some(&"%CPU") => {
                told.processes.extend(process_of(&row).filter(|_| whole && told.processes.len() < KEPT));
                rows.extend(figure(2).filter(|share| *share >= 50.0).map(|share| {
                    (
                        share,
                        format!(
                            "{} (pid {}) takes {share:.0} % of a CPU",
                            printable(row[10..].join(" ").chars().take(60).collect::<String>()),
                            printable(row[1])
                        ),
                    )
                }))
            }
            "docker ps" => {
                rows.extend(
                    state_of(line)
                        .filter(|_| whole)
                        .map(|(weight, state)| (weight, format!("docker: {} {state}", printable(row[row.len() - 1])))),
                );
                if let Some(ports) = published(line).filter(|_| whole) {
                    rows.push((
                        0.0,
                        format!("docker publishes to every address: {ports} of {}", printable(row[row.len() - 1])),
                    ));
                }
            }
            "dropwatch" if row.len() >= 4 && row[1] == "drops" && row[2] == "at" => {
                rows.extend(
                    figure(0).filter(|_| whole).map(|drops| {
                        (drops, format!("the kernel dropped {drops:.0} packets at {}", printable(row[3])))
                    }),
                );
            }
            "nethogs" if line.starts_with("Refreshing") => rows.clear(),
            "nethogs" if row.len() >= 3 => {
                let of = |at: usize| row.get(row.len() - at).and_then(|word| word.parse::<f64>().ok());
                let busy = of(1).zip(of(2)).filter(|(rx, tx)| whole && rx + tx > 0.0);
                rows.extend(busy.map(|(rx, tx)| {
                    (
                        rx + tx,
                        format!(
                            "{}: {} in, {} out",
                            printable(row[..row.len() - 2].join(" ").chars().take(80).collect::<String>()),
                            units::bitrate(rx * 8192.0),
                            units::bitrate(tx * 8192.0)
                        ),
                    )
                }));
            }
            "nethogs" if !line.starts_with("Refreshing") => break,
            // A double line ends what it prints.
            "iftop" if line.starts_with("====") => {
                place += 1;
                break;
            }
            "iftop" if row.len() < 2 && !line.starts_with('-') => break,
            "iftop" if line.starts_with("Total receive rate:") || line.starts_with("Total send rate:") => {
                if let Some(bits) = row.get(3).and_then(|word| rate_of_iftop(word)).filter(|_| whole) {
                    let way = if line.contains("receive") { "received" } else { "sent" };
                    let large = if way == "received" { f64::MAX } else { f64::MAX / 2.0 };
                    rows.push((large, format!("iftop: {} {way} in the last seconds", units::bitrate(bits))));
                }
            }
            "iftop" if row.contains(&"<=") || row.contains(&"=>") => {
                let sign = row.iter().position(|word| matches!(*word, "<=" | "=>")).unwrap_or_default();
                if let (Some(peer), Some(bits)) = (
                    sign.checked_sub(1).and_then(|at| row.get(at)).filter(|_| row[sign] == "<="),
                    row.get(sign + 1).and_then(|word| rate_of_iftop(word)).filter(|_| whole),
                ) {
                    rows.push((bits, format!("iftop: {} from {}", units::bitrate(bits), printable(*peer))));
                }
            }
            "dropwatch" if row.len() > 6 => break,
            _ => {}
        }
        blanks = 0;
        place += 1;
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    told.stands_out.extend(rows.into_iter().take(TOLD).map(|(_, sentence)| sentence));
    (place > here.at + 1 || bare_drops).then(|| (place - here.at, Data::Told(told)))
}

/// A row of `ps aux`. Its share of CPU time is of all the time since the process began, and says nothing of now.
fn process_of(row: &[&str]) -> Option<Value> {
    let resident = row.get(5)?.parse::<u64>().ok()?.checked_mul(1024)?;
    let command = *row.get(10)?;
    let name = command.trim_end_matches(':').rsplit('/').next().unwrap_or(command);
    Some(json!({
        "process": {"pid": row.get(1)?.parse::<i32>().ok()?, "name": printable(name), "user": printable(row[0]), "unit": null},
        "resident_bytes": resident,
        "state": machine::state_of(row.get(7)?),
        "kernel": command.starts_with('['),
    }))
}

/// What a row of `docker ps` says of a container that does not run as it should, and how grave that is: of its column of states alone.
fn state_of(line: &str) -> Option<(f64, String)> {
    let column = |word: &str| {
        let (_, rest) = line.split_once(&format!("  {word} ("))?;
        let (code, rest) = rest.split_once(')')?;
        let code = code.parse::<i64>().ok()?;
        let since = rest.trim_start().split("  ").next().filter(|since| since.ends_with(" ago"))?;
        Some((code, printable(since.chars().take(40).collect::<String>())))
    };
    if let Some((code, since)) = column("Restarting") {
        return Some((
            3.0,
            format!("is restarted again and again; it ended {since} with exit code {code}{}", meaning(code)),
        ));
    }
    if let Some((code, since)) = column("Exited").filter(|(code, _)| *code != 0) {
        return Some((2.0, format!("ended {since} with exit code {code}{}", meaning(code))));
    }
    line.contains("(unhealthy)").then(|| (1.0, "is unhealthy, by its own check".to_owned()))
}

/// The ports that a row of `docker ps` publishes to every address: `80/tcp, 11211/udp`.
fn published(line: &str) -> Option<String> {
    let mut ports: Vec<&str> = Vec::new();
    for part in line.split([' ', ',']) {
        let bound =
            part.strip_prefix("0.0.0.0:").or_else(|| part.strip_prefix(":::")).or_else(|| part.strip_prefix("[::]:"));
        let Some((port, inner)) = bound.and_then(|bound| bound.split_once("->")) else { continue };
        let protocol = inner.split_once('/').map_or("tcp", |(_, protocol)| protocol);
        if !ports.chunks(2).any(|known| known == [port, protocol]) {
            ports.extend([port, protocol]);
        }
    }
    let named: Vec<String> = ports.chunks(2).take(8).map(|pair| printable(pair.join("/"))).collect();
    (!named.is_empty()).then(|| named.join(", "))
}

/// `84.2Mb`, `14.5Kb`, `310b` as bits per second; what ends with `B` are bytes of all time.
pub(super) fn rate_of_iftop(word: &str) -> Option<f64> {
    let figure = word.strip_suffix('b')?;
    let (figure, factor) = match figure.as_bytes().last()? {
        b'K' => (&figure[..figure.len() - 1], 1024.0),
        b'M' => (&figure[..figure.len() - 1], 1_048_576.0),
        b'G' => (&figure[..figure.len() - 1], 1_073_741_824.0),
        _ => (figure, 1.0),
    };
    figure.replace(',', ".").parse::<f64>().ok().filter(|figure| figure.is_finite()).map(|figure| figure * factor)
}

/// `ls -l`: files with their rights. Nothing is taken from them.
pub(super) fn files(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let is_file = |at: usize| {
        let words: Words<'_> = split(document.line(at)).take(6).collect();
        words.len() >= 6
            && words[0].len() >= 10
            && words[0].bytes().take(10).all(|byte| b"-dlbcpsrwxtTS".contains(&byte))
            && words[1].parse::<u32>().is_ok()
    };
    let words = here.words(here.at);
    let begins = matches!(words.as_slice(), [_, figure] if figure.starts_with(|c: char| c.is_ascii_digit()))
        && is_file(here.at + 1);
    let mut place = here.at + usize::from(begins);
    while place < document.len() && is_file(place) {
        place += 1;
    }
    (place > here.at).then(|| (place - here.at, Data::Told(Told { tool: "ls", ..Told::default() })))
}

/// /proc/net/sockstat: how many connections wait for their end, and how many belong to nobody any more.
pub(super) fn sockstat(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let is_row = |line: &str| {
        let mut words = split(line);
        words.next().is_some_and(|name| name.ends_with(':') && name.len() <= 12)
            && words.next().is_some_and(|word| matches!(word, "inuse" | "used"))
            && words.next().is_some_and(|figure| figure.parse::<u64>().is_ok())
    };
    if !is_row(document.line(here.at)) {
        return None;
    }
    let mut told = Told { tool: "sockstat", ..Told::default() };
    let mut place = here.at;
    while place < document.len() && is_row(document.line(place)) {
        let words = here.words(place);
        let figure = |name: &str| {
            let at = words.iter().position(|word| *word == name)?;
            // The last figure of a text may be half a figure.
            let cut = document.ends_within(place) && at + 2 >= words.len();
            words.get(at + 1)?.parse::<u64>().ok().filter(|_| !cut)
        };
        if words[0] == "TCP:" {
            told.states.extend(figure("tw").map(|count| ("tcp_time_wait", count)));
            for (name, field) in [
                ("inuse", "tcp_in_use"),
                ("orphan", "tcp_orphans"),
                ("tw", "tcp_time_wait"),
                ("mem", "tcp_memory_pages"),
            ] {
                told.sockstat.extend(figure(name).map(|figure| (field, figure)));
            }
            if let Some(orphans) = figure("orphan").filter(|orphans| *orphans >= 100) {
                told.stands_out.push(format!(
                    "{} TCP connections belong to no process any more (orphans)",
                    units::count(orphans as f64)
                ));
            }
            if let Some(waiting) = figure("tw").filter(|waiting| *waiting >= 1000) {
                told.stands_out
                    .push(format!("{} TCP connections wait for their end (TIME_WAIT)", units::count(waiting as f64)));
            }
        }
        if words[0] == "FRAG:"
            && let Some(fragments) = figure("inuse").filter(|fragments| *fragments >= 100)
        {
            told.stands_out
                .push(format!("{} fragmented packets wait for the rest of them", units::count(fragments as f64)));
        }
        place += 1;
    }
    Some((place - here.at, Data::Told(told)))
}

/// Outputs as JSON: of `ip -j`, `nft -j`, `sadf -j`, `vnstat --json`.
pub(super) fn json(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let first = document.line(here.at).trim_start();
    let begins = ["[{", "[ {", "{\"nftables\"", "{\"sysstat\"", "{\"vnstatversion\"", "{\"kernel\""]
        .iter()
        .any(|begin| first.starts_with(begin))
        || matches!(first.trim_end(), "[" | "{");
    if !begins {
        return None;
    }
    if !document.may_hold_json() {
        return None;
    }
    let text = document.slice(here.at, document.len());
    let mut end = text.len().min(LONGEST_JSON);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let Some(Ok(value)) = values.next() else {
        document.json.fetch_add(1, Ordering::Relaxed);
        return None;
    };
    let lines = text.get(..values.byte_offset())?.matches('\n').count() + 1;
    let data = if let Some(items) = value.as_array() {
        Data::Links(links::of_json(items)?)
    } else if let Some(items) = value["nftables"].as_array() {
        Data::Rules(firewall::of_json(items))
    } else if value["sysstat"]["hosts"].is_array() {
        Data::Rates(sadf::of_json(&value)?)
    } else if let Some(kernel) = value["kernel"].as_object() {
        let all = |word: &&str| (word.starts_with('-') || here.by_name) && word.contains(['a', 's', 'z']);
        Data::Counters(counters::of_json(kernel, here.command.iter().skip(1).any(all))?)
    } else if value["vnstatversion"].is_string() {
        Data::Told(vnstat::of_json(&value))
    } else {
        return None;
    };
    Some((lines, data))
}
