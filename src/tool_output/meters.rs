//! Meters that print bytes per second and no packets: `dstat`, `ifstat`, `nload`, `nethogs` and `iftop` on their screens, `docker stats`.

use super::data::Data;
use super::here::Here;
use super::samples::clock;
use super::tables::rate_of_iftop;
use super::text::{split, words_of};
use super::told::Told;
use crate::printable::printable;
use crate::units;

/// Rows that are looked at, and told.
const MOST: usize = 100_000;
const TOLD: usize = 3;
/// A share of a CPU from which on a container is told.
const BUSY: f64 = 90.0;
/// The share of the memory that it may use from which on a container is told, in per cent.
const FULL: f64 = 95.0;
/// The share of CPU time in software interrupts from which on it is told, in per cent.
const SOFTIRQ: f64 = 10.0;

/// What one of them prints, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Data)> {
    dstat(here)
        .or_else(|| ifstat(here))
        .or_else(|| nload(here))
        .or_else(|| nethogs(here))
        .or_else(|| iftop(here))
        .or_else(|| containers(here))
}

/// An amount as `dstat` writes it: `94M`, `312k`, `12B`, `0`; 1024 bytes to the k.
fn amount(cell: &str) -> Option<f64> {
    let digits = cell.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(cell.len());
    let power = match cell.get(digits..)? {
        "" | "B" => 0,
        "k" => 1,
        "M" => 2,
        "G" => 3,
        _ => return None,
    };
    let figure: f64 = cell.get(..digits)?.parse().ok()?;
    Some(figure * 1024_f64.powi(power))
}

fn flow(tool: &str, of: &str, rows: &[(f64, f64)]) -> Option<String> {
    let count = rows.len() as f64;
    let mean = |way: fn(&(f64, f64)) -> f64| rows.iter().map(way).sum::<f64>() / count;
    let peak = rows.iter().map(|row| row.0).fold(0.0, f64::max);
    (!rows.is_empty()).then(|| {
        let peak = if rows.len() > 1 { format!(" (peak {})", units::bitrate(peak * 8.0)) } else { String::new() };
        format!(
            "{tool}: {of}{} in{peak}, {} out",
            units::bitrate(mean(|row| row.0) * 8.0),
            units::bitrate(mean(|row| row.1) * 8.0)
        )
    })
}

/// `dstat`: groups of columns with bars between them.
fn dstat(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let is_heading = |line: &str| line.starts_with('-') && line.contains("-net/");
    let first = document.line(here.at).trim();
    if !is_heading(first) {
        return None;
    }
    let cells = |at: usize| -> Vec<Vec<&str>> {
        document.line(at).split(['|', ':']).map(|part| part.split_whitespace().collect()).collect()
    };
    let columns = cells(here.at + 1);
    let net = columns.iter().position(|group| matches!(group.as_slice(), ["recv", "send"]))?;
    let softirq = columns
        .iter()
        .enumerate()
        .find_map(|(group, names)| Some((group, names.iter().position(|name| *name == "siq")?)));
    let mut place = here.at + 2;
    let mut rows: Vec<(f64, f64)> = Vec::new();
    let mut soft: Vec<f64> = Vec::new();
    while place < document.len() && rows.len() < MOST {
        let line = document.line(place).trim();
        if is_heading(line) || (cells(place) == columns && is_heading(document.line(place - 1).trim())) {
            place += 1;
            continue;
        }
        let row = cells(place);
        let Some(found) = row
            .get(net)
            .filter(|cells| row.len() == columns.len() && cells.len() == 2)
            .and_then(|cells| Some((amount(cells[0])?, amount(cells[1])?)))
        else {
            break;
        };
        if !document.ends_within(place) {
            rows.push(found);
            soft.extend(softirq.and_then(|(group, at)| row.get(group)?.get(at)?.parse::<f64>().ok()));
        }
        place += 1;
    }
    // The first row is the mean since boot.
    let skipped = usize::from(rows.len() > 1);
    let mut told = Told { tool: "dstat", ..Told::default() };
    told.stands_out.extend(flow("dstat", "", rows.get(skipped..)?));
    let soft = soft.get(skipped..).unwrap_or_default();
    let mean = soft.iter().sum::<f64>() / soft.len().max(1) as f64;
    if mean >= SOFTIRQ && rows.len() > 1 {
        told.stands_out.push(format!("dstat: {mean:.0} % of the CPU time goes to receiving packets (siq)"));
    }
    (!rows.is_empty()).then_some((place - here.at, Data::Told(told)))
}

/// `ifstat`: the names of interfaces, `KB/s in  KB/s out` below each, and a row for each second.
fn ifstat(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    if !document.line(here.at + 1).contains("KB/s") {
        return None;
    }
    let names = here.words(here.at);
    let columns: Vec<&str> = split(document.line(here.at + 1)).filter(|word| *word != "HH:MM:SS").collect();
    let timed = names.first() == Some(&"Time");
    let names = names.get(usize::from(timed)..)?;
    let of_each = ["KB/s", "in", "KB/s", "out"];
    if names.is_empty() || columns.len() != names.len() * 4 || !columns.chunks(4).all(|cells| cells == of_each) {
        return None;
    }
    let mut place = here.at + 2;
    let mut rows: Vec<Vec<(f64, f64)>> = vec![Vec::new(); names.len()];
    while place < document.len() && place - here.at < MOST {
        let words = here.words(place);
        let cells = words.get(usize::from(timed)..).filter(|_| !timed || clock(&words).is_some());
        // `n/a` where an interface went away.
        let Some(cells) = cells.filter(|cells| {
            cells.len() == names.len() * 2 && cells.iter().all(|cell| *cell == "n/a" || cell.parse::<f64>().is_ok())
        }) else {
            break;
        };
        if !document.ends_within(place) {
            for (row, pair) in rows.iter_mut().zip(cells.chunks(2)) {
                row.extend(
                    pair[0]
                        .parse::<f64>()
                        .ok()
                        .zip(pair[1].parse::<f64>().ok())
                        .map(|(rx, tx)| (rx * 1024.0, tx * 1024.0)),
                );
            }
        }
        place += 1;
    }
    let mut told = Told { tool: "ifstat", ..Told::default() };
    let mut flows: Vec<(&&str, &Vec<(f64, f64)>)> = names.iter().zip(&rows).collect();
    flows.sort_by(|(_, a), (_, b)| {
        let sum = |rows: &[(f64, f64)]| rows.iter().map(|row| row.0 + row.1).sum::<f64>();
        sum(b).total_cmp(&sum(a))
    });
    told.stands_out.extend(
        flows.iter().take(TOLD).filter_map(|(name, rows)| flow("ifstat", &format!("{} ", printable(name)), rows)),
    );
    (place > here.at + 2).then_some((place - here.at, Data::Told(told)))
}

/// `nload`: for each way what it is now, on average, at least, at most and in all, maybe behind a graph.
fn nload(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let first = document.line(here.at).trim();
    let title = first.strip_prefix("Device ").filter(|_| first.contains('(') && first.ends_with(':'));
    if title.is_none() && first != "Incoming:" {
        return None;
    }
    let rate = |line: &str, name: &str| -> Option<f64> {
        let mut words = line.split_once(name)?.1.split_whitespace();
        let figure: f64 = words.next()?.replace(',', ".").parse().ok()?;
        let factor = match words.next()? {
            "Bit/s" => 1.0,
            "kBit/s" => 1024.0,
            "MBit/s" => 1_048_576.0,
            "GBit/s" => 1_073_741_824.0,
            "Byte/s" => 8.0,
            "kByte/s" => 8.0 * 1024.0,
            "MByte/s" => 8.0 * 1_048_576.0,
            _ => return None,
        };
        Some(figure * factor).filter(|bits| bits.is_finite())
    };
    let (mut way, mut place) = (None, here.at + usize::from(title.is_some()));
    let mut rates: [[Option<f64>; 3]; 2] = Default::default();
    while place < document.len() && place - here.at < 80 {
        let line = document.line(place).trim();
        match line {
            "Incoming:" => way = Some(0),
            "Outgoing:" => way = Some(1),
            _ if line.is_empty() || line.starts_with("====") || line.starts_with(['#', '.', '|']) => {}
            _ if ["Curr:", "Avg:", "Min:", "Max:", "Ttl:"].iter().any(|name| line.contains(name)) => {}
            _ => break,
        }
        if let (Some(way), false) = (way, document.ends_within(place)) {
            let of: &mut [Option<f64>; 3] = &mut rates[way];
            for (at, name) in ["Curr:", "Avg:", "Max:"].into_iter().enumerate() {
                of[at] = of[at].or(rate(line, name));
            }
        }
        place += 1;
    }
    while place > here.at + 1 && document.line(place - 1).trim().is_empty() {
        place -= 1;
    }
    let mut told = Told { tool: "nload", ..Told::default() };
    let name = title.and_then(|title| title.split_whitespace().next()).map(|name| format!("{} ", printable(name)));
    for (of, word) in rates.iter().zip(["in", "out"]) {
        if let [Some(now), Some(mean), most] = of {
            let most = most.map(|most| format!(", at most {}", units::bitrate(most))).unwrap_or_default();
            told.stands_out.push(format!(
                "nload: {}{} {word} now, {} on average{most}",
                name.as_deref().unwrap_or_default(),
                units::bitrate(*now),
                units::bitrate(*mean)
            ));
        }
    }
    way.is_some().then_some((place - here.at, Data::Told(told)))
}

/// `nethogs` on its screen: `1712 www-data /usr/sbin/apache2  eth0  12.123  41.123 KB/sec`.
fn nethogs(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let titled = here.words.first() == Some(&"NetHogs");
    let is_heading = |at: usize| split(document.line(at)).eq(["PID", "USER", "PROGRAM", "DEV", "SENT", "RECEIVED"]);
    let begin = (here.at..here.at + 3).find(|at| is_heading(*at)).filter(|at| titled || *at == here.at)?;
    let mut rows: Vec<(f64, String)> = Vec::new();
    let (mut place, mut ended) = (begin + 1, begin + 1);
    while place < document.len() && place - here.at < MOST {
        let words = here.words(place);
        if words.is_empty() {
            place += 1;
            continue;
        }
        let Some(((sent, received), unit)) = words.len().checked_sub(3).and_then(|at| {
            Some((words[at].parse::<f64>().ok().zip(words[at + 1].parse::<f64>().ok())?, words[at + 2]))
        }) else {
            break;
        };
        let factor = match unit.to_ascii_uppercase().trim_end_matches("EC").trim_end_matches("/S") {
            "B" => 8.0,
            "KB" => 8.0 * 1024.0,
            "MB" => 8.0 * 1_048_576.0,
            _ => break,
        };
        let program = words.get(2..words.len() - 3).unwrap_or_default();
        // The interface stands behind the program, where it is known.
        let program = program.first().copied().unwrap_or_default();
        if words[0] != "TOTAL" && sent + received > 0.0 && !document.ends_within(place) {
            rows.push((
                sent + received,
                format!(
                    "nethogs: {}: {} in, {} out",
                    printable(program.chars().take(80).collect::<String>()),
                    units::bitrate(received * factor),
                    units::bitrate(sent * factor)
                ),
            ));
        }
        place += 1;
        ended = place;
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut told = Told { tool: "nethogs", ..Told::default() };
    told.stands_out.extend(rows.into_iter().take(TOLD).map(|(_, sentence)| sentence));
    (ended > begin + 1).then_some((ended - here.at, Data::Told(told)))
}

/// `iftop` on its screen: a scale, two rows for each pair of hosts, and the sums.
fn iftop(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let is_scale = |words: &[&str]| words.len() >= 3 && words.iter().all(|word| rate_of_iftop(word).is_some());
    // A terminal that has no lines to draw with leaves the letters that stand for them.
    let is_rule =
        |line: &str| line.len() >= 20 && line.chars().all(|c| !c.is_alphanumeric() || matches!(c, 'm' | 'q' | 'v'));
    // The rates of the last 2, 10 and 40 seconds stand at the end of a row.
    let newest = |words: &[&str]| words.len().checked_sub(3).and_then(|at| rate_of_iftop(words.get(at)?));
    let peer = |words: &[&str]| {
        let sign = words.iter().position(|word| *word == "=>")?;
        words.get(sign + 1).filter(|peer| rate_of_iftop(peer).is_none()).map(|peer| printable(*peer))
    };
    let is_pair = |at: usize| {
        let (out, back) = (here.words(at), here.words(at + 1));
        peer(&out).is_some() && newest(&out).is_some() && back.first() == Some(&"<=") && newest(&back).is_some()
    };
    let begins = match is_scale(here.words) {
        true => (here.at + 1..here.at + 4).any(is_pair),
        false => is_pair(here.at),
    };
    if !begins {
        return None;
    }
    let (mut place, mut ended) = (here.at, here.at);
    let mut from: Option<String> = None;
    let mut rows: Vec<(f64, String)> = Vec::new();
    while place < document.len() && place - here.at < MOST {
        let (line, words) = (document.line(place), here.words(place));
        let whole = !document.ends_within(place);
        let rate = newest(&words).filter(|_| whole);
        match words.first().copied() {
            None => {}
            Some("RX:") => {
                rows.extend(
                    rate.map(|bits| {
                        (f64::MAX, format!("iftop: {} received in the last seconds", units::bitrate(bits)))
                    }),
                );
            }
            Some("TX:" | "Peak" | "Cumulative") => {}
            Some("TOTAL:") => {
                ended = place + 1;
                break;
            }
            Some("<=") => {
                let row = rate.zip(from.take()).filter(|(bits, _)| *bits > 0.0);
                rows.extend(row.map(|(bits, from)| (bits, format!("iftop: {} from {from}", units::bitrate(bits)))));
            }
            Some(_) if words.contains(&"=>") => from = peer(&words),
            Some(_) if is_scale(&words) || is_rule(line.trim()) => {}
            Some(_) => break,
        }
        place += 1;
        if !words.is_empty() {
            ended = place;
        }
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut told = Told { tool: "iftop", ..Told::default() };
    told.stands_out.extend(rows.into_iter().take(TOLD).map(|(_, sentence)| sentence));
    Some((ended - here.at, Data::Told(told)))
}

/// Bytes as Docker writes them: `2.945 MiB`, `916GB`, `0 B`.
fn size(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let unit = text.get(digits..)?.trim_start();
    let (prefix, each) = match unit.strip_suffix("iB") {
        Some(prefix) => (prefix, 1024_f64),
        None => (unit.strip_suffix('B')?, 1000.0),
    };
    let power = ["", "k", "m", "g", "t", "p"].iter().position(|known| prefix.eq_ignore_ascii_case(known))?;
    let figure: f64 = text.get(..digits)?.parse().ok()?;
    Some(figure * each.powi(i32::try_from(power).ok()?))
}

/// `docker stats`, old and new: a row for each container.
fn containers(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let heading = document.line(here.at).trim();
    if !(heading.starts_with("CONTAINER") && heading.contains("CPU %") && heading.contains("NET I/O")) {
        return None;
    }
    let named = usize::from(words_of(heading).get(1) == Some(&"ID") && heading.contains("NAME"));
    let mut rows: Vec<(f64, String)> = Vec::new();
    let mut busy: Vec<String> = Vec::new();
    let mut place = here.at + 1;
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place).trim();
        let words = words_of(line);
        // The share of CPUs, what it uses / may use of memory, that as a share, and then what came in / went out.
        let mut shares = line.match_indices('%').map(|(at, _)| at);
        let (Some(cpu), Some(memory)) = (shares.next(), shares.next()) else { break };
        let used = line.get(..memory).and_then(|head| head.rsplit(' ').next()?.parse::<f64>().ok());
        let cpu = line.get(..cpu).and_then(|head| head.rsplit(' ').next()?.parse::<f64>().ok());
        let Some((cpu, (rx, rest))) = cpu.zip(line.get(memory + 1..).and_then(|rest| rest.split_once('/'))) else {
            break;
        };
        let sent = rest.split('/').next().unwrap_or_default().trim_start();
        let unit = sent.find('B').map_or(sent.len(), |at| at + 1);
        let (Some(rx), Some(tx)) = (size(rx), sent.get(..unit).and_then(size)) else { break };
        let name = printable(words.get(named).copied().unwrap_or_default());
        if !document.ends_within(place) {
            rows.push((
                rx + tx,
                format!("container {name}: {} in, {} out since it was started", units::bytes(rx), units::bytes(tx)),
            ));
            busy.extend(
                used.filter(|used| (FULL..=100.0).contains(used))
                    .map(|used| format!("container {name} uses {used:.0} % of the memory that it may")),
            );
            busy.extend((cpu >= BUSY).then(|| format!("container {name} takes {cpu:.0} % of a CPU")));
        }
        place += 1;
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut told = Told { tool: "docker stats", ..Told::default() };
    told.stands_out.extend(busy.into_iter().take(TOLD));
    told.stands_out.extend(rows.into_iter().filter(|(sum, _)| *sum > 0.0).take(TOLD).map(|(_, sentence)| sentence));
    (place > here.at + 1).then_some((place - here.at, Data::Told(told)))
}
