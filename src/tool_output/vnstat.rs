//! What `vnstat` counted by hour, day and month, in its old and new forms, and what it measured (`-tr`).

use jiff::civil::DateTime;
use serde_json::Value;

use super::data::Data;
use super::here::Here;
use super::samples::{Rates, Report, Sample};
use super::told::Told;
use crate::printable::printable;
use crate::units;

/// Rows that are looked at.
const MOST: usize = 10_000;
/// A row stands out that has so many times the usual of its table.
const STANDS_OUT: f64 = 4.0;
/// So much more out than in is told.
const RATIO: f64 = 5.0;

/// What a period had.
#[derive(Debug, Clone, PartialEq)]
struct Period {
    when: String,
    rx: f64,
    tx: f64,
    rate: Option<String>,
}

/// Bytes as it writes them: `20.25 TiB`, `1,03 PiB`.
fn volume(figure: &str, unit: &str) -> Option<f64> {
    let figure: f64 = figure.replace(',', ".").parse().ok().filter(|figure: &f64| figure.is_finite())?;
    let power = match unit {
        "B" => 0,
        "KiB" | "KB" | "kB" => 1,
        "MiB" | "MB" => 2,
        "GiB" | "GB" => 3,
        "TiB" | "TB" => 4,
        "PiB" | "PB" => 5,
        _ => return None,
    };
    Some(figure * 1024_f64.powi(power))
}

/// Bits per second: `84.21 Mbit/s`, of older ones also `10.28 MiB/s`.
fn rate(figure: &str, unit: &str) -> Option<f64> {
    let figure: f64 = figure.replace(',', ".").parse().ok().filter(|figure: &f64| figure.is_finite())?;
    let factor = match unit {
        "bit/s" => 1.0,
        "kbit/s" => 1e3,
        "Mbit/s" => 1e6,
        "Gbit/s" => 1e9,
        "KiB/s" | "kB/s" => 8.0 * 1024.0,
        "MiB/s" => 8.0 * 1_048_576.0,
        _ => return None,
    };
    Some(figure * factor)
}

/// `vnstat` with any option, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Data)> {
    measured(here).or_else(|| live(here)).or_else(|| graph(here)).or_else(|| one_line(here)).or_else(|| tables(here))
}

/// `vnstat -tr`: a rate of now, with packets.
fn measured(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let first = document.line(here.at).trim();
    let sampled = first.starts_with("Sampling ") || first.contains(" packets sampled in ");
    let mut place = here.at + usize::from(sampled);
    let name = document.line(place).trim().strip_prefix("Traffic average for ")?.to_owned();
    place += 1;
    let mut ways: [Option<(f64, f64)>; 2] = [None, None];
    while place < document.len() {
        let words = here.words(place);
        match words.as_slice() {
            [] => {}
            [way @ ("rx" | "tx"), figure, unit, packets, "packets/s"] if !document.ends_within(place) => {
                let packets: Option<f64> = packets.replace(',', ".").parse().ok();
                ways[usize::from(*way == "tx")] = rate(figure, unit).zip(packets);
            }
            _ => break,
        }
        place += 1;
    }
    let [Some((rx, rx_packets)), Some((tx, tx_packets))] = ways else { return None };
    let mean = Sample { at: None, rx_packets, tx_packets, rx_bytes: Some(rx / 8.0), tx_bytes: Some(tx / 8.0) };
    let mut report = Report::default();
    report.interfaces.insert(printable(&name), Rates { samples: Vec::new(), mean: Some(mean) });
    while place > here.at && document.line(place - 1).trim().is_empty() {
        place -= 1;
    }
    Some((place - here.at, Data::Rates(report)))
}

/// `vnstat -l`: what it shows while it runs, and its summary when it ends.
fn live(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let is_begin = |line: &str| line.starts_with("Monitoring ") && line.contains("CTRL-C");
    let is_shown = |line: &str| line.contains("rx:") && line.contains("tx:") && line.contains(" p/s");
    let is_title = |line: &str| line.ends_with(" /  traffic statistics") || line.ends_with(" / traffic statistics");
    let first = document.line(here.at).trim();
    if !(is_begin(first) || is_shown(first) || is_title(first)) {
        return None;
    }
    let asked = || {
        let at = here.command.iter().position(|word| matches!(*word, "-i" | "--iface"))?;
        here.command.get(at + 1).filter(|_| here.command.first() == Some(&"vnstat")).map(|name| (*name).to_owned())
    };
    let mut name = asked();
    let number = |text: &str| text.replace(',', ".").parse::<f64>().ok().filter(|figure| figure.is_finite());
    let mut samples: Vec<Sample> = Vec::new();
    // By word: bytes per second and packets per second of both ways.
    let (mut mean, mut most) = ([None; 2], [None; 2]);
    let (mut place, mut ended) = (here.at, here.at);
    while place < document.len() && place - here.at < 64 {
        let line = document.line(place).trim();
        let whole = !document.ends_within(place);
        let words = here.words(place);
        if is_begin(line) && place == here.at {
            name = line.split_whitespace().nth(1).map(|name| name.trim_end_matches('.').to_owned());
        } else if is_title(line) {
            name = words.first().map(|name| (*name).to_owned());
        } else if is_shown(line) {
            let places = words.iter().enumerate().filter(|(_, word)| **word == "rx:").map(|(at, _)| at);
            samples.extend(places.take(MOST).filter(|_| whole).filter_map(|at| {
                let [_, rx, rx_unit, rx_packets, "p/s", "tx:", tx, tx_unit, tx_packets, "p/s", ..] = words.get(at..)?
                else {
                    return None;
                };
                let (rx_packets, tx_packets) = (number(rx_packets)?, number(tx_packets)?);
                let (rx, tx) = (rate(rx, rx_unit)? / 8.0, rate(tx, tx_unit)? / 8.0);
                Some(Sample { at: None, rx_packets, tx_packets, rx_bytes: Some(rx), tx_bytes: Some(tx) })
            }));
        } else if let [word @ ("max" | "average" | "min"), rx, rx_unit, "|", tx, tx_unit] = words.as_slice() {
            let packets = *rx_unit == "p/s";
            let both = if packets { number(rx).zip(number(tx)) } else { rate(rx, rx_unit).zip(rate(tx, tx_unit)) };
            let of = if *word == "average" { &mut mean } else { &mut most };
            if *word != "min" && whole {
                of[usize::from(packets)] = both;
            }
        } else if !(line.is_empty()
            || line.starts_with("getting traffic")
            || line.starts_with("---")
            || matches!(words.as_slice(), ["rx", "|", "tx"])
            || matches!(words.as_slice(), ["bytes" | "packets" | "time", ..]))
        {
            break;
        }
        place += 1;
        if !line.is_empty() {
            ended = place;
        }
    }
    let of = |[bits, packets]: [Option<(f64, f64)>; 2]| {
        let ((rx, tx), (rx_packets, tx_packets)) = bits.zip(packets)?;
        Some(Sample { at: None, rx_packets, tx_packets, rx_bytes: Some(rx / 8.0), tx_bytes: Some(tx / 8.0) })
    };
    samples.extend(of(most));
    let mean = of(mean);
    if samples.is_empty() && mean.is_none() {
        return None;
    }
    let mut report = Report::default();
    let name = printable(name.unwrap_or_else(|| "the interface".into()));
    report.interfaces.insert(name, Rates { samples, mean });
    Some((ended - here.at, Data::Rates(report)))
}

/// `vnstat -hg` and the `-h` of version 1: a graph of a day, and a table of it in three columns.
fn graph(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let words = here.words(here.at);
    let [name, time] = words.as_slice() else { return None };
    super::samples::clock(&[format!("{time}:00").as_str()])?;
    if document.line(here.at + 1).trim_start().split(' ').next() != Some("^") {
        return None;
    }
    let mut place = here.at + 1;
    let mut unit = None;
    let mut hours = Vec::new();
    while place < document.len() && place < here.at + 60 {
        let line = document.line(place).trim();
        let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "][").collect();
        let is_row = |words: &[&str]| {
            words.len().is_multiple_of(3)
                && !words.is_empty()
                && words.chunks(3).all(|cells| cells[0].len() == 2 && cells.iter().all(|cell| plain(cell).is_some()))
        };
        if line.starts_with("h ") && line.contains("rx (") {
            unit = line.split_once("rx (").and_then(|(_, rest)| rest.split(')').next()).map(str::to_owned);
        } else if let (Some(unit), true, false) = (&unit, is_row(&words), document.ends_within(place)) {
            hours.extend(words.chunks(3).filter_map(|cells| {
                let (rx, tx) = (volume(cells[1], unit)?, volume(cells[2], unit)?);
                Some(Period { when: format!("{}:00", cells[0]), rx, tx, rate: None })
            }));
        } else if !(line.is_empty() || line.starts_with(['^', '|', '-']) || is_row(&words)) {
            break;
        }
        place += 1;
    }
    while place > here.at && document.line(place - 1).trim().is_empty() {
        place -= 1;
    }
    let mut told = Told { tool: "vnstat", ..Told::default() };
    told.stands_out.extend(outstanding(&printable(name), "hour", &hours));
    (!hours.is_empty()).then(|| (place - here.at, Data::Told(told)))
}

fn plain(cell: &str) -> Option<f64> {
    cell.replace(',', ".").parse().ok()
}

/// `vnstat --oneline`: `1;eth0;2026-11-28;27.94 GiB;1.86 GiB;…`.
fn one_line(here: &Here<'_>) -> Option<(usize, Data)> {
    let fields: Vec<&str> = here.document.line(here.at).trim().split(';').collect();
    let [_, name, day, rx, tx, _, _, _, _, _, _, _, all_rx, all_tx, _] = fields.as_slice() else { return None };
    let bytes = |cell: &str| cell.split_once(' ').and_then(|(figure, unit)| volume(figure, unit));
    let (today, all) = (bytes(rx).zip(bytes(tx))?, bytes(all_rx).zip(bytes(all_tx))?);
    let name = printable(name);
    let mut told = Told { tool: "vnstat", totals: Some((name.clone(), all.0, all.1)), ..Told::default() };
    told.stands_out.extend(ratio(&name, all.0, all.1));
    told.stands_out.push(format!(
        "{name} on {}: {} in, {} out",
        printable(day),
        units::bytes(today.0),
        units::bytes(today.1)
    ));
    Some((1, Data::Told(told)))
}

/// Tables with a row for each hour, day, month; the summary of one interface and of several.
fn tables(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    if !begins(here) {
        return None;
    }
    let mut told = Told { tool: "vnstat", ..Told::default() };
    let mut name = String::from("the interface");
    let mut periods: Vec<Period> = Vec::new();
    let (mut kind, mut day) = (String::new(), String::new());
    let (mut place, mut ended, mut blanks) = (here.at, here.at, 0);
    let close = |told: &mut Told, name: &str, kind: &str, periods: &mut Vec<Period>| {
        if told.stands_out.len() < 64 {
            told.stands_out.extend(outstanding(name, kind, periods));
        }
        periods.clear();
    };
    while place < document.len() && place < here.at + MOST {
        let line = document.line(place).trim();
        let words = here.words(place);
        let whole = !document.ends_within(place);
        let figures: Vec<f64> = words.windows(2).filter_map(|pair| volume(pair[0], pair[1])).collect();
        match words.as_slice() {
            [] => blanks += 1,
            ["Database", "updated:", day, time] => {
                let moment: Option<DateTime> = format!("{day}T{time}").parse().ok();
                told.moment = moment.filter(|_| whole).or(told.moment);
            }
            ["Database", "updated:", ..] => {}
            [interface, "since", ..] if words.len() <= 4 => {
                close(&mut told, &name, &kind, &mut periods);
                name = printable(interface.trim_end_matches(':'));
            }
            ["rx:", rx, ru, "tx:", tx, tu, ..] => {
                if let (Some(rx), Some(tx)) = (volume(rx, ru), volume(tx, tu)) {
                    told.stands_out.extend(ratio(&name, rx, tx));
                    told.totals = Some((name.clone(), rx, tx));
                }
            }
            [interface, "/", of, ..] if words.len() <= 5 && KINDS.iter().any(|known| of.starts_with(known)) => {
                close(&mut told, &name, &kind, &mut periods);
                (name, kind) = (printable(interface), words.get(2..).unwrap_or_default().join(" "));
            }
            [of] if KINDS.contains(of) => {
                close(&mut told, &name, &kind, &mut periods);
                kind = (*of).to_owned();
            }
            [only] if only.ends_with(':') && only.len() <= 17 => {
                close(&mut told, &name, &kind, &mut periods);
                name = printable(only.trim_end_matches(':'));
            }
            // The day that the rows below are of.
            [only] if only.parse::<jiff::civil::Date>().is_ok() => day = (*only).to_owned(),
            words if words.iter().all(|word| word.contains("--") || matches!(*word, "+" | "|" | "/")) => {}
            // What it expects is nothing that came.
            ["estimated" | "estimated:", ..] => {}
            words if words.contains(&"rx") && words.contains(&"tx") && figures.is_empty() => {}
            words if line.contains(['|', '/']) && !figures.is_empty() => {
                let when: Vec<&str> = words.iter().take_while(|word| plain(word).is_none()).copied().collect();
                let when =
                    if when.is_empty() { words.first().map(|word| vec![*word]).unwrap_or_default() } else { when };
                if let ([rx, tx, ..], true) = (figures.as_slice(), whole) {
                    let rate = line.rsplit('|').next().map(str::trim).filter(|rate| rate.ends_with("bit/s"));
                    let when = if day.is_empty() { when.join(" ") } else { format!("{day} {}", when.join(" ")) };
                    periods.push(Period { when: printable(&when), rx: *rx, tx: *tx, rate: rate.map(printable) });
                }
            }
            [figure, ..] if figure.ends_with(':') || figure.len() == 2 || line.contains('[') => {}
            _ => break,
        }
        if !words.is_empty() {
            blanks = 0;
            ended = place + 1;
        } else if blanks > 2 {
            break;
        }
        place += 1;
    }
    close(&mut told, &name, &kind, &mut periods);
    (ended > here.at).then(|| (ended - here.at, Data::Told(told)))
}

const KINDS: &[&str] =
    &["monthly", "daily", "hourly", "yearly", "hours", "days", "months", "years", "top", "5", "day", "month"];

/// Whether the tables begin here: with the state of the database, an interface, or the heading of the summary.
fn begins(here: &Here<'_>) -> bool {
    let document = here.document;
    let first = document.line(here.at).trim();
    let words = here.words(here.at);
    let soon = |lines: usize, sign: &str| (here.at..here.at + lines).any(|at| document.line(at).contains(sign));
    let of_table = matches!(words.as_slice(), [_, "/", kind, ..] if words.len() <= 5 && KINDS.iter().any(|known| kind.starts_with(known)));
    first.starts_with("Database updated:")
        || (first.contains(" since ") && words.len() <= 4 && soon(4, "rx:"))
        || (of_table && soon(5, "rx"))
        || (first.contains("rx") && first.contains('|') && first.contains("tx") && soon(3, "--+--"))
        || matches!(words.as_slice(), ["rx", "/", "tx", "/", "total", ..])
}

/// How much more went out than came in, where that is much.
fn ratio(name: &str, rx: f64, tx: f64) -> Option<String> {
    (rx > 0.0 && tx / rx >= RATIO).then(|| {
        format!(
            "{name} has sent {} and received {}: {:.0} times as much out as in; a graph drawn from the other side shows that as inbound",
            units::bytes(tx),
            units::bytes(rx),
            tx / rx
        )
    })
}

/// The period that stands out of its table, or the last one.
fn outstanding(name: &str, kind: &str, periods: &[Period]) -> Option<String> {
    let both = |period: &Period| period.rx.max(period.tx);
    let mut sizes: Vec<f64> = periods.iter().map(both).collect();
    sizes.sort_by(f64::total_cmp);
    let usual = sizes.get(sizes.len() / 2).copied()?;
    let most = periods.iter().max_by(|a, b| both(a).total_cmp(&both(b)))?;
    let last = periods.last()?;
    let said = |period: &Period| {
        let rate =
            period.rate.as_ref().map(|rate| format!(", {rate} both ways together on average")).unwrap_or_default();
        format!("{name} in {}: {} in, {} out{rate}", period.when, units::bytes(period.rx), units::bytes(period.tx))
    };
    if sizes.len() >= 4 && both(most) >= STANDS_OUT * usual && both(most) > 0.0 {
        let each = if kind.is_empty() { "period" } else { kind };
        return Some(format!("{}; the {each} table has {} at most usually", said(most), units::bytes(usual)));
    }
    (both(last) > 0.0).then(|| said(last))
}

/// `vnstat --json`.
pub(super) fn of_json(value: &Value) -> Told {
    let mut told = Told { tool: "vnstat", ..Told::default() };
    for interface in value["interfaces"].as_array().into_iter().flatten().take(16) {
        let name = interface["name"].as_str().or_else(|| interface["id"].as_str()).map(printable).unwrap_or_default();
        let total = &interface["traffic"]["total"];
        // Up to version 1 in KiB.
        let scale = if value["jsonversion"] == "1" { 1024.0 } else { 1.0 };
        let flow = |of: &Value| Some((of["rx"].as_f64()? * scale, of["tx"].as_f64()? * scale));
        let Some((rx, tx)) = flow(total).filter(|(rx, tx)| rx + tx > 0.0) else { continue };
        told.stands_out.extend(ratio(&name, rx, tx));
        told.stands_out.push(format!("{name}: {} in, {} out in all", units::bytes(rx), units::bytes(tx)));
        let hours = ["hour", "hours"].iter().find_map(|key| interface["traffic"][*key].as_array());
        let hours: Vec<Period> = hours
            .into_iter()
            .flatten()
            .take(MOST)
            .filter_map(|hour| {
                let (rx, tx) = flow(hour)?;
                let date = &hour["date"];
                let (year, month, day) = (date["year"].as_u64()?, date["month"].as_u64()?, date["day"].as_u64()?);
                let at = hour["time"]["hour"].as_u64().or_else(|| hour["id"].as_u64())?;
                Some(Period { when: format!("{year}-{month:02}-{day:02} {at:02}:00"), rx, tx, rate: None })
            })
            .collect();
        told.stands_out.extend(outstanding(&name, "hourly", &hours));
        let updated = &interface["updated"];
        let part = |of: &Value, name: &str| of[name].as_i64().and_then(|figure| i8::try_from(figure).ok());
        let year = updated["date"]["year"].as_i64().and_then(|year| i16::try_from(year).ok());
        let time =
            if updated["time"]["minute"].is_null() { &updated["time"]["minutes"] } else { &updated["time"]["minute"] };
        let minute = time.as_i64().and_then(|minute| i8::try_from(minute).ok());
        if let (Some(year), Some(month), Some(day), Some(hour), Some(minute)) = (
            year,
            part(&updated["date"], "month"),
            part(&updated["date"], "day"),
            part(&updated["time"], "hour"),
            minute,
        ) {
            told.moment = told.moment.or(DateTime::new(year, month, day, hour, minute, 0, 0).ok());
        }
        told.totals = told.totals.or(Some((name, rx, tx)));
    }
    told
}
