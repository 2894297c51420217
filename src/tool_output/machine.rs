//! What the probe `host` would have seen, out of `uptime`, `top`, `free`, /proc/meminfo, `uname` and the like.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::here::Here;
use super::samples;
use super::text::{Words, split, words_of};
use crate::printable::printable;

/// Lines of an output that are searched.
const LINES: usize = 2000;
const KIB: u64 = 1024;
/// The share of CPU time that other guests took, in per cent, from which on it is told.
const STOLEN: f64 = 10.0;
/// The share of CPU time that was waited for disks, in per cent, from which on it is told.
const WAITED: f64 = 30.0;
/// Of memory, the share that is still available, and of swap the share in use, from which on it is told.
const SCARCE: f64 = 0.05;
const SWAPPED: f64 = 0.9;
/// Processes of `top` that are kept, and those of which sentences tell.
const PROCESSES: usize = 100;
const BUSIEST: usize = 5;

/// What one output says of the host.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Machine {
    /// Seconds since midnight.
    pub time: Option<u32>,
    pub load: Option<Value>,
    pub uptime: Option<u64>,
    pub memory: Option<Value>,
    pub swap: Option<Value>,
    pub cpus: Option<u32>,
    pub name: Option<String>,
    pub kernel: Option<String>,
    pub distribution: Option<String>,
    /// Shares of CPU time: busy, and receiving packets.
    pub busy: Option<f64>,
    pub softirq: Option<f64>,
    /// The share of its time that each CPU spends on receiving packets.
    pub softirq_by_cpu: BTreeMap<u32, f64>,
    /// The shares are of all the time since boot: they stand where no others do.
    pub since_boot: bool,
    /// Shares of CPU time: waiting for disks, and given to other guests.
    pub waiting: Option<f64>,
    pub stolen: Option<f64>,
    /// Pages that go to swap and come from there, per second.
    pub swapped_pages: Option<f64>,
    /// Threads that run or want to, and those that wait for disks.
    pub running: Option<u64>,
    pub blocked: Option<u64>,
    /// Processes, as the probe of that name tells them.
    pub processes: Vec<Value>,
    /// The busiest processes: name, and share of one CPU.
    pub busiest: Vec<(String, f64)>,
    /// What else stands out, as sentences.
    pub told: Vec<String>,
}

/// The host as the outputs show it; none when they show nothing of it.
pub(super) fn host<'m>(
    machines: impl Iterator<Item = &'m Machine>,
    name: Option<&str>,
    kernel: Option<&str>,
    cpus: Option<u32>,
    softirq: Option<(u32, f64)>,
) -> Option<Value> {
    let mut shown = Map::new();
    let mut cpus = cpus;
    let mut receiver = softirq;
    let mut moved = None;
    let mut machines: Vec<&Machine> = machines.collect();
    machines.sort_by_key(|machine| machine.since_boot);
    for machine in machines {
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                shown.entry(name.to_owned()).or_insert(value);
            }
        };
        put("load", machine.load.clone());
        put("uptime_seconds", machine.uptime.map(Value::from));
        put("memory", machine.memory.clone());
        put("swap", machine.swap.clone());
        moved = moved.or(machine.swapped_pages);
        put("distribution", machine.distribution.clone().map(Value::from));
        let cpu = machine.busy.map(|busy| {
            let mut cpu = Map::from_iter([("busy_share".to_owned(), json!(busy))]);
            let shares = [
                ("softirq_share", machine.softirq),
                ("iowait_share", machine.waiting),
                ("steal_share", machine.stolen),
            ];
            cpu.extend(shares.into_iter().filter_map(|(name, share)| Some((name.to_owned(), json!(share?)))));
            Value::Object(cpu)
        });
        put("cpu", cpu);
        let threads = [("running", machine.running), ("blocked", machine.blocked)];
        let threads: Map<String, Value> =
            threads.into_iter().filter_map(|(name, count)| Some((name.to_owned(), json!(count?)))).collect();
        put("processes", (!threads.is_empty()).then_some(Value::Object(threads)));
        // `ksoftirqd/0` does nothing but what interrupts left to do on CPU 0, which is to receive.
        let receiving = machine
            .busiest
            .iter()
            .find_map(|(name, share)| Some((name.strip_prefix("ksoftirqd/")?.parse::<u32>().ok()?, *share)));
        let busiest = machine.softirq_by_cpu.iter().max_by(|a, b| a.1.total_cmp(b.1));
        let busiest = busiest.map(|(cpu, share)| (*cpu, *share));
        receiver = receiver.or(busiest).or(receiving.map(|(cpu, share)| (cpu, share.min(1.0))));
        cpus = cpus.or(machine.cpus);
    }
    if let Some(pages) = moved {
        shown.entry("swap").or_insert_with(|| json!({}))["moved_pages_per_second"] = json!(pages);
    }
    if let Some(cpus) = cpus {
        shown.insert("cpus".into(), json!(cpus));
    }
    if let Some((cpu, share)) = receiver {
        let of = shown.entry("cpu").or_insert_with(|| json!({}));
        of["busiest_cpu"] = json!(cpu);
        of["busiest_softirq_share"] = json!(share);
    }
    if shown.is_empty() {
        return None;
    }
    if let (Some(cpus), Some(load)) = (cpus.filter(|cpus| *cpus > 0), shown.get_mut("load"))
        && let Some(one) = load["one"].as_f64()
    {
        load["per_cpu"] = json!(one / f64::from(cpus));
    }
    shown.extend(name.map(|name| ("hostname".to_owned(), json!(name))));
    shown.extend(kernel.map(|kernel| ("kernel".to_owned(), json!(kernel))));
    Some(Value::Object(shown))
}

/// `uptime`, the heading of `w`, `top` with its head and processes.
pub(super) fn take_uptime(here: &Here<'_>) -> Option<(usize, Machine)> {
    let document = here.document;
    let line = document.line(here.at).trim();
    let is_top = line.starts_with("top - ");
    let words: Words<'_> = split(line).skip(if is_top { 2 } else { 0 }).take(4).collect();
    let mut machine = Machine { time: Some(samples::clock(&words)?), ..Machine::default() };
    let (before, load) = loads(line)?;
    machine.load = Some(load);
    machine.uptime = before.split_once(' ').and_then(|_| since_boot(before));
    let mut place = here.at + 1;
    // Where a row has the share of CPU time, and the command.
    let mut columns = (8, 11);
    // What each CPU does, where it is printed of each.
    let mut of_each: Vec<(f64, Option<f64>)> = Vec::new();
    while place < document.len() && place < here.at + 400 {
        // The last line of a text may end within a figure.
        if is_top && document.ends_within(place) {
            place += 1;
            break;
        }
        let line = document.line(place).trim();
        let words = here.words(place);
        let figure = |word: &str| {
            word.replace(',', ".").trim_end_matches('%').parse::<f64>().ok().filter(|figure| figure.is_finite())
        };
        if is_top && line.get(..4).is_some_and(|begin| begin.to_lowercase().contains("cpu")) {
            let (of, rest) = line.split_once(':')?;
            // `4.2 us`, `4.2%us`, with commas between them and maybe in them; the columns stand in the same order in every language:
            // user, system, nice, idle, waiting, interrupts, soft interrupts. While it waits for disks a CPU does nothing.
            let spaced = rest.replace('%', " ");
            let shares: Vec<f64> =
                spaced.split_whitespace().filter_map(|part| figure(part.trim_end_matches(','))).collect();
            // Where a comma binds two of them (`0,0 sy,100,0 us`), their number says so.
            let shares = if matches!(shares.len(), 7..=8) { shares } else { halves(rest) };
            let (idle, waiting, soft) = (shares.get(3).copied(), shares.get(4).copied(), shares.get(6).copied());
            let busy = idle.and_then(|idle| samples::busy_of(idle, waiting));
            let softirq = soft.map(|soft| soft / 100.0);
            let stolen = shares.get(7).copied().filter(|share| *share >= STOLEN && machine.told.is_empty());
            let waited = waited("top", waiting).filter(|_| machine.told.is_empty());
            machine.told.extend(stolen.map(|share| {
                format!("top: {share:.0} % of the CPU time went to other guests of the hypervisor (steal)")
            }));
            machine.told.extend(waited);
            // With `1` it prints a line for each CPU: `%Cpu0  :`.
            match of.trim_end().rsplit_once(|c: char| !c.is_ascii_digit()).and_then(|(_, cpu)| cpu.parse::<u32>().ok())
            {
                Some(cpu) => {
                    of_each.extend(busy.map(|busy| (busy, softirq)));
                    machine.softirq_by_cpu.extend(softirq.filter(|_| busy.is_some()).map(|softirq| (cpu, softirq)));
                }
                None if machine.busy.is_none() => {
                    (machine.busy, machine.softirq) = (busy, softirq);
                    machine.waiting = waiting.and_then(share_of);
                    machine.stolen = shares.get(7).copied().and_then(share_of);
                }
                None => {}
            }
        } else if (is_top && place <= here.at + 2 && line.contains(':') && line.matches(',').count() >= 3)
            || line.starts_with("Tasks:")
            || line.starts_with("Threads:")
            || (is_top
                && (line.starts_with("MiB ")
                    || line.starts_with("MB ")
                    || line.starts_with("KiB ")
                    || line.starts_with("GiB ")))
            || (is_top && line.contains("PR  NI") && line.contains("%CPU"))
            || line.starts_with("PID ")
            || line.starts_with("USER ")
            || line.contains(" Mem ")
            || line.contains(" Swap")
            || line.starts_with("Mem:")
            || line.starts_with("Swap:")
        {
            let scale = match line.split(' ').next().unwrap_or_default() {
                "MiB" | "MB" => Some(1 << 20),
                "KiB" => Some(KIB),
                "GiB" => Some(1 << 30),
                _ => None,
            };
            if let (true, Some(share)) = (scale.is_none(), words.iter().position(|word| *word == "%CPU")) {
                columns = (share, words.len() - 1);
            }
            if line.starts_with("Tasks:") || line.starts_with("Threads:") {
                let running = line.split([',', ':']).find_map(|part| part.trim().strip_suffix(" running"));
                machine.running = running.and_then(|count| count.trim().parse().ok());
            }
            // Memory comes first, and its columns in the same order: total, free, used, of buffers and the cache.
            let figures: Vec<u64> = line
                .split_once(':')
                .map_or("", |(_, rest)| rest)
                .split_whitespace()
                .filter_map(|word| figure(word.trim_end_matches(',')))
                .map(|amount| (amount * scale.unwrap_or(1) as f64) as u64)
                .collect();
            if let (Some(_), [total, _, used, cached, ..]) =
                (scale.filter(|_| machine.memory.is_none()), figures.as_slice())
            {
                machine.memory = Some(memory(*total, total.saturating_sub(*used), None, Some(*cached)));
            } else if let (Some(scale), Some(of_swap)) =
                (scale.filter(|_| machine.swap.is_none()), line.split_once("Swap:"))
            {
                // `MiB Swap:   2048.0 total,  0.0 free,   2048.0 used.    160.2 avail Mem`: the last is what programs may still have.
                let bytes = |name: &str| {
                    let before = of_swap.1.split_once(name)?.0.trim_end();
                    Some((figure(before.rsplit(' ').next()?)? * scale as f64) as u64)
                };
                machine.swap = bytes(" total").zip(bytes(" used")).map(|(total, used)| swapped(total, used));
                let kept = |name: &str| machine.memory.as_ref()?.get(name)?.as_u64();
                if let (Some(total), Some(available)) = (kept("total_bytes"), bytes(" avail").filter(|it| *it > 0)) {
                    machine.memory = Some(memory(total, available.min(total), None, kept("cached_bytes")));
                }
            } else if line.starts_with("Mem:") && line.contains("k total") {
                // Of older ones: `4048128k total,  3912344k used,   135784k free,   101232k buffers`, and the cache in the next line.
                let kilo = |line: &str, name: &str| {
                    let (before, _) = line.split_once(&format!("k {name}"))?;
                    before.rsplit(' ').next()?.parse::<u64>().ok()?.checked_mul(KIB)
                };
                let cached = kilo(document.line(place + 1), "cached");
                if let (Some(total), Some(free), buffers) =
                    (kilo(line, "total"), kilo(line, "free"), kilo(line, "buffers"))
                {
                    let available = sum(&[Some(free), buffers, cached.or(Some(0))]).unwrap_or(free);
                    machine.memory = Some(memory(total, available, buffers, cached));
                }
            }
        } else if line.is_empty() && is_top {
        } else if is_top
            && words.len() >= 11
            && words[0].parse::<u32>().is_ok()
            && let Some((at, share)) = [columns.0, columns.0 + 1]
                .into_iter()
                .find_map(|at| Some((at, words.get(at).and_then(|word| figure(word))?)))
        {
            // In Chinese the column of the state has no name.
            let name = words.get(columns.1 + at - columns.0..).unwrap_or_default().join(" ");
            if machine.processes.len() < PROCESSES && columns.0 == 8 && at == 8 {
                let resident = words.get(5).and_then(|size| resident(size));
                machine.processes.extend(words[0].parse::<i32>().ok().zip(resident).map(|(pid, resident)| {
                    json!({
                        "process": {"pid": pid, "name": printable(name.split(' ').next().unwrap_or_default()),
                            "user": printable(words[1]), "unit": null},
                        "cpu_share": share / 100.0,
                        "resident_bytes": resident,
                        "state": state_of(words[7]),
                        "kernel": name.starts_with("kworker") || name.starts_with("kswapd") || name.starts_with("ksoftirqd"),
                    })
                }));
            }
            if machine.busiest.len() < BUSIEST {
                machine.busiest.push((printable(name.chars().take(64).collect::<String>()), share / 100.0));
            }
        } else if !is_top
            && (words.get(1) == Some(&"TTY") && line.contains("LOGIN@")
                || words.len() >= 7 && place > here.at + 1 && document.line(here.at + 1).contains("LOGIN@"))
        {
        } else {
            break;
        }
        place += 1;
    }
    if machine.busy.is_none() && !of_each.is_empty() {
        let count = of_each.len() as f64;
        machine.busy = Some(of_each.iter().map(|(busy, _)| busy).sum::<f64>() / count);
        let softirq: Option<f64> = of_each.iter().map(|(_, softirq)| *softirq).sum();
        machine.softirq = softirq.map(|sum| sum / count);
    }
    let scarce = scarce("top", machine.memory.as_ref(), machine.swap.as_ref());
    machine.told.extend(scarce);
    Some((place - here.at, machine))
}

/// A share in per cent.
fn share_of(share: f64) -> Option<f64> {
    (0.0..=100.0).contains(&share).then_some(share / 100.0)
}

/// What a process holds of memory, as `top` prints it: KiB, or with a unit (`1.2g`).
fn resident(size: &str) -> Option<u64> {
    match size.parse::<u64>() {
        Ok(kilo) => kilo.checked_mul(KIB),
        Err(_) => human(&size.to_uppercase()).map(|bytes| bytes as u64),
    }
}

/// The state of a process by its letter, as the probe `processes` names it.
pub(super) fn state_of(letter: &str) -> &'static str {
    match letter.as_bytes().first() {
        Some(b'R') => "running",
        Some(b'S') => "sleeping",
        Some(b'D') => "disk_sleep",
        Some(b'Z') => "zombie",
        Some(b'T') => "stopped",
        Some(b't') => "traced",
        Some(b'I') => "idle",
        _ => "other",
    }
}

/// Figures with one digit behind a comma that another comma may follow at once: `0,0 sy,100,0 us`.
fn halves(text: &str) -> Vec<f64> {
    let mut shares = Vec::new();
    for part in text.split([' ', '%']) {
        let mut numbers = part.split(',').filter(|number| !number.is_empty());
        while let Some(whole) = numbers.next() {
            if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            let share = numbers.next().filter(|tenth| tenth.len() == 1).map(|tenth| format!("{whole}.{tenth}"));
            shares.extend(share.and_then(|share| share.parse::<f64>().ok()));
        }
    }
    shares
}

/// Three figures of load at the end of a line, and what stands before: `0.03, 0.12, 0.11`, `3,45, 4,28, 3,48`.
fn loads(line: &str) -> Option<(&str, Value)> {
    let (before, tail) = line.rsplit_once(':')?;
    let (before, tail) = if tail.trim().is_empty() { before.rsplit_once(':')? } else { (before, tail) };
    let figures: Vec<f64> = tail
        .split_whitespace()
        .map(|word| {
            let word = word.trim_end_matches([',', ';']);
            let (whole, fraction) = word.split_once(['.', ','])?;
            (fraction.len() == 2).then(|| format!("{whole}.{fraction}").parse::<f64>().ok()).flatten()
        })
        .collect::<Option<_>>()?;
    let [one, five, fifteen] = figures.as_slice() else { return None };
    figures
        .iter()
        .all(|figure| figure.is_finite() && *figure >= 0.0)
        .then(|| (before, json!({"one": one, "five": five, "fifteen": fifteen})))
}

/// `up 10 days, 3:02,`, `up 6:30,`, `up 5 min,` behind the time of day, as seconds; in any language that counts days.
fn since_boot(before: &str) -> Option<u64> {
    let words = words_of(before);
    let up = words.iter().position(|word| matches!(*word, "up" | "an" | "arriba" | "en"))?;
    let words = words.get(up + 1..)?;
    let mut seconds = 0_u64;
    let mut known = false;
    for (at, word) in words.iter().enumerate() {
        let plain = word.trim_end_matches(',');
        if let Some((hours, minutes)) = plain.split_once(':') {
            let of: Option<u64> = hours
                .parse::<u64>()
                .ok()
                .zip(minutes.parse::<u64>().ok())
                .and_then(|(h, m)| h.checked_mul(3600)?.checked_add(m.checked_mul(60)?));
            seconds = seconds.checked_add(of?)?;
            known = true;
        } else if let Ok(figure) = plain.parse::<u64>() {
            let unit = words.get(at + 1)?.trim_end_matches(',').to_lowercase();
            let each = match unit.as_str() {
                "day" | "days" | "tag" | "tage" | "tagen" | "jour" | "jours" | "día" | "días" | "dia" | "dias"
                | "дней" | "день" | "дня" | "天" => 86_400,
                "min" | "mins" | "minuten" => 60,
                "user" | "users" => break,
                _ => continue,
            };
            seconds = seconds.checked_add(figure.checked_mul(each)?)?;
            known = true;
        }
    }
    known.then_some(seconds)
}

/// `free` or /proc/meminfo.
pub(super) fn take_memory(here: &Here<'_>) -> Option<(usize, Machine)> {
    let document = here.document;
    let first = document.line(here.at);
    let (lines, found) = if first.starts_with("MemTotal:") {
        let mut place = here.at;
        while document.line(place).split_once(':').is_some_and(|(name, rest)| {
            !name.contains(' ') && rest.trim_start().starts_with(|c: char| c.is_ascii_digit())
        }) {
            place += 1;
        }
        (place - here.at, meminfo(document.slice(here.at, place)))
    } else if let Some((lines, memory)) = statistics(here) {
        return Some((lines, Machine { memory: Some(memory), ..Machine::default() }));
    } else if is_heading_of_free(here) {
        let mut place = here.at + 1;
        while place < document.len() && place < here.at + 8 {
            let line = document.line(place);
            let is_row = line
                .split_once(':')
                .is_some_and(|(_, rest)| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()));
            if !is_row {
                break;
            }
            place += 1;
        }
        let text = document.slice(here.at, place);
        let cut = document.ends_within(place - 1).then(|| text.rfind(' ')).flatten();
        (place - here.at, free(cut.and_then(|cut| text.get(..cut)).unwrap_or(text), here))
    } else {
        return None;
    };
    if lines < 2 {
        return None;
    }
    let (memory, swap) = found.unzip();
    let told = scarce(if first.starts_with("MemTotal:") { "meminfo" } else { "free" }, memory.as_ref(), swap.as_ref());
    Some((lines, Machine { memory, swap, told, ..Machine::default() }))
}

/// `vmstat -s`: `24683656 K total memory`, and so on.
fn statistics(here: &Here<'_>) -> Option<(usize, Value)> {
    let document = here.document;
    if !document.line(here.at).trim_end().ends_with(" K total memory") {
        return None;
    }
    let row = |at: usize| {
        let (figure, what) = document.line(at).trim().split_once(' ')?;
        Some((figure.parse::<u64>().ok()?, what)).filter(|(_, what)| what.len() < 64 && !what.is_empty())
    };
    let lines = (here.at..document.len()).take_while(|at| row(*at).is_some()).count();
    let of = |name: &str| {
        let found = (here.at..here.at + lines).filter_map(row).find(|(_, what)| *what == name)?;
        found.0.checked_mul(KIB)
    };
    let (buffers, cached) = (of("K buffer memory"), of("K swap cache"));
    let available = sum(&[of("K free memory"), buffers, cached])?;
    Some((lines, memory(of("K total memory")?, available, buffers, cached)))
}

/// Whether the heading of `free` stands here, in any language: some words without a figure, and below them the rows of memory and
/// swap, each with a figure for most of them.
fn is_heading_of_free(here: &Here<'_>) -> bool {
    let words = here.words(here.at);
    let figures = |at: usize| {
        let (name, rest) = here.document.line(at).split_once(':')?;
        let cells = words_of(rest);
        (name.trim().chars().count() <= 24 && cells.iter().all(|cell| human(cell).is_some())).then_some(cells.len())
    };
    let is_word = |word: &&str| !word.bytes().any(|byte| byte.is_ascii_digit()) && !word.contains([':', '|', '=']);
    (3..=8).contains(&words.len())
        && words.iter().all(is_word)
        && figures(here.at + 1).is_some_and(|cells| (5..=7).contains(&cells) && cells <= words.len())
        && (figures(here.at + 2) == Some(3)
            || figures(here.at + 3) == Some(3)
            || here.document.line(here.at + 2).trim_start().starts_with("-/+"))
}

/// A figure with or without its unit, as `free -h` writes it: `15Gi`, `1.0G`, `812M`, `0B`.
pub(super) fn human(cell: &str) -> Option<f64> {
    let digits = cell.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).unwrap_or(cell.len());
    let (figure, unit) = (cell.get(..digits)?, cell.get(digits..)?);
    let power = match unit.trim_end_matches('i') {
        "" | "B" => 0,
        "K" | "k" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        "E" => 6,
        _ => return None,
    };
    let figure: f64 = figure.replace(',', ".").parse().ok()?;
    Some(figure * 1024_f64.powi(power)).filter(|figure| figure.is_finite())
}

/// `vmstat` and `iostat`: the shares of CPU time in the last rows; the first row is the mean since boot.
pub(super) fn take_cpu(here: &Here<'_>) -> Option<(usize, Machine)> {
    let document = here.document;
    let words = |at: usize| here.words(at);
    let first = words(here.at);
    if first.first() == Some(&"avg-cpu:") {
        let row = words(here.at + 1);
        if row.len() + 1 != first.len() || document.ends_within(here.at + 1) {
            return None;
        }
        let share = |name: &str| {
            let at = first.iter().skip(1).position(|word| *word == name)?;
            row.get(at)?.replace(',', ".").parse::<f64>().ok()
        };
        let (idle, waiting) = (share("%idle")?, share("%iowait"));
        let told = waited("iostat", waiting).into_iter().collect();
        // The kernel and the host are named above the first report, which is of all the time since boot.
        if (here.at.saturating_sub(3)..here.at).any(|at| document.line(at).starts_with("Linux ")) {
            let busy = samples::busy_of(idle, waiting);
            return Some((2, Machine { busy, since_boot: true, told, ..Machine::default() }));
        }
        let (shown, stolen) = (waiting.and_then(share_of), share("%steal").and_then(share_of));
        let busy = samples::busy_of(idle, waiting);
        return Some((2, Machine { busy, waiting: shown, stolen, told, ..Machine::default() }));
    }
    let titled = first.iter().filter(|word| word.contains("---")).count() >= 4;
    let heading = here.at + usize::from(titled);
    // In every language the columns stand in the same order, and some keep their names.
    let columns = words(heading);
    let is_heading = (16..=18).contains(&columns.len())
        && ["si", "so", "bi", "bo", "in", "cs", "sy"].iter().all(|name| columns.contains(name));
    if !is_heading {
        return None;
    }
    let at_in = columns.iter().position(|word| *word == "in")?;
    let mut rows: Vec<Vec<u64>> = Vec::new();
    let mut place = heading + 1;
    while place < document.len() && rows.len() < LINES {
        let line = words(place);
        if *line == *columns || line.iter().filter(|word| word.contains("---")).count() >= 4 {
            place += 1;
            continue;
        }
        let row: Vec<u64> = line.iter().map_while(|word| word.parse().ok()).collect();
        // `-t` adds the time.
        if row.len() < columns.len().min(16) || line.len() > columns.len() + 3 {
            break;
        }
        if !document.ends_within(place) {
            rows.push(row);
        }
        place += 1;
    }
    if rows.is_empty() {
        return None;
    }
    let now = if rows.len() > 1 { &rows[1..] } else { &rows[..] };
    let mean = |column: usize| now.iter().filter_map(|row| row.get(column)).sum::<u64>() as f64 / now.len() as f64;
    let idle = mean(at_in + 4);
    let of_now = rows.len() > 1;
    let mut told = Vec::new();
    let (running, blocked, swapped_in, swapped_out) = (mean(0), mean(1), mean(6), mean(7));
    let sentence = |figure: f64, what: &str| format!("vmstat: {} {what}", crate::units::count(figure));
    if of_now && running >= 8.0 {
        told.push(sentence(running, "tasks run or wait for a CPU on average"));
    }
    if of_now && blocked >= 4.0 {
        told.push(sentence(blocked, "tasks wait for disks on average"));
    }
    if of_now && swapped_in + swapped_out >= 1000.0 {
        told.push(format!(
            "vmstat: {} KiB/s come from swap and {} KiB/s go there: the memory does not suffice",
            crate::units::count(swapped_in),
            crate::units::count(swapped_out)
        ));
    }
    let waiting = Some(mean(at_in + 5));
    told.extend(waited("vmstat", waiting.filter(|_| of_now)));
    let busy = samples::busy_of(idle, waiting).filter(|_| of_now);
    let now = |share: Option<f64>| share.filter(|_| of_now).and_then(share_of);
    let stolen = (columns.len() > at_in + 6 && columns.get(at_in + 6) == Some(&"st")).then(|| mean(at_in + 6));
    if let Some(share) = stolen.filter(|share| of_now && (STOLEN..=100.0).contains(share)) {
        told.push(format!("vmstat: {share:.0} % of the CPU time went to other guests of the hypervisor (steal)"));
    }
    let threads = |figure: f64| of_now.then_some(figure.round() as u64);
    let (waiting, stolen) = (now(waiting), now(stolen));
    let (running, blocked) = (threads(running), threads(blocked));
    // In KiB, of pages of 4.
    let swapped_pages = of_now.then_some((swapped_in + swapped_out) / 4.0);
    let shares = Machine { busy, waiting, stolen, running, blocked, swapped_pages, ..Machine::default() };
    Some((place - here.at, Machine { told, ..shares }))
}

/// `uname -a`, `lscpu`, /proc/cpuinfo, os-release, `hostnamectl`.
pub(super) fn take_identity(here: &Here<'_>) -> Option<(usize, Machine)> {
    let document = here.document;
    let line = document.line(here.at).trim();
    let words = here.words(here.at);
    let is_release = |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    let mut machine = Machine::default();
    if let ["Linux", host, release, rest, ..] = words.as_slice()
        && is_release(release)
        && rest.starts_with('#')
        && host.len() <= 253
    {
        (machine.name, machine.kernel) = (Some(printable(host)), Some(printable(release)));
        return Some((1, machine));
    }
    let named = |command: &str| here.command.first() == Some(&command);
    // /proc/loadavg: `0.45 0.28 0.48 1/312 12345`.
    if let [one, five, fifteen, tasks, last] = words.as_slice()
        && [one, five, fifteen].iter().all(|load| load.split_once('.').is_some_and(|(_, part)| part.len() == 2))
        && tasks
            .split_once('/')
            .is_some_and(|(running, all)| running.parse::<u32>().is_ok() && all.parse::<u32>().is_ok())
        && last.parse::<u32>().is_ok()
        && !document.ends_within(here.at)
        && let (Ok(one), Ok(five), Ok(fifteen)) = (one.parse::<f64>(), five.parse::<f64>(), fifteen.parse::<f64>())
    {
        machine.load = Some(json!({"one": one, "five": five, "fifteen": fifteen}));
        return Some((1, machine));
    }
    if named("hostname") && words.len() == 1 && line.len() <= 253 && !line.contains(':') {
        machine.name = Some(printable(line));
        return Some((1, machine));
    }
    if named("nproc") && words.len() == 1 && !document.ends_within(here.at) {
        machine.cpus = line.parse().ok().filter(|cpus| (1..=65_536).contains(cpus));
        return machine.cpus.is_some().then_some((1, machine));
    }
    if named("uname") && words.len() == 1 && is_release(line) {
        machine.kernel = Some(printable(line));
        return Some((1, machine));
    }
    let is_pair = |line: &str| {
        let line = line.trim();
        line.split_once(['=', ':']).is_some_and(|(name, _)| {
            name.len() < 40 && name.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b" _()-/".contains(&b))
        })
    };
    let begins =
        ["PRETTY_NAME=", "NAME=", "Static hostname:", "Architecture:", "processor\t", "processor ", "Distributor ID:"]
            .iter()
            .any(|begin| line.starts_with(begin));
    if !begins {
        return None;
    }
    let mut place = here.at;
    let mut processors = 0;
    while place < document.len() && place < here.at + LINES {
        let line = document.line(place).trim();
        if line.is_empty() && (processors == 0 || !document.line(place + 1).starts_with("processor"))
            || !line.is_empty() && !is_pair(line)
        {
            break;
        }
        let value = |name: &str| line.strip_prefix(name).map(|rest| printable(rest.trim().trim_matches('"')));
        machine.distribution = machine
            .distribution
            .or_else(|| value("PRETTY_NAME=").or_else(|| value("Description:")).or_else(|| value("Operating System:")));
        machine.name = machine.name.or_else(|| value("Static hostname:"));
        let whole = !document.ends_within(place);
        machine.cpus = machine.cpus.or_else(|| value("CPU(s):").filter(|_| whole).and_then(|count| count.parse().ok()));
        processors += u32::from(line.starts_with("processor"));
        place += 1;
    }
    machine.cpus = machine.cpus.or((processors > 0).then_some(processors));
    (place > here.at).then(|| (place - here.at, machine))
}

/// Memory and swap of `/proc/meminfo`.
fn meminfo(text: &str) -> Option<(Value, Value)> {
    let field = |name: &str| {
        let line = text.lines().take(LINES).find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(KIB)
    };
    let total = field("MemTotal")?;
    let (buffers, cached) = (field("Buffers"), field("Cached"));
    let available = field("MemAvailable").or_else(|| sum(&[field("MemFree"), buffers, cached]))?;
    let swap = (field("SwapTotal")?, field("SwapFree")?);
    Some((memory(total, available, buffers, cached), swapped(swap.0, swap.0.saturating_sub(swap.1))))
}

/// Memory and swap of `free`, whose unit only its call tells. Without one, figures of a few digits are of MiB: no host that runs it
/// has so little.
fn free(text: &str, here: &Here<'_>) -> Option<(Value, Value)> {
    let lines: Vec<&str> = text.lines().collect();
    let at = 0;
    let asked = |letter: char| {
        here.command.iter().enumerate().skip(1).any(|(place, word)| {
            match (word.strip_prefix("--"), word.strip_prefix('-')) {
                (Some(long), _) => long.starts_with(letter),
                (None, Some(letters)) => letters.contains(letter),
                (None, None) => here.by_name && place == 1 && word.len() <= 3 && word.contains(letter),
            }
        })
    };
    let digits = lines.get(1)?.split_whitespace().nth(1)?.len();
    let unit = match () {
        () if lines.get(1)?.split_whitespace().nth(1)?.ends_with(|c: char| c.is_ascii_alphabetic()) => 1,
        () if asked('m') => 1 << 20,
        () if asked('g') => 1 << 30,
        () if asked('b') => 1,
        () if asked('k') => KIB,
        // A host that has less than 100 MB by KiB, or more than 100 GB: it is of MiB.
        () if digits <= 5 => 1 << 20,
        () => KIB,
    };
    let heading = words_of(lines[at]);
    // The rows stand in the same order in every language: memory first, swap last.
    let rows: Vec<&str> = lines
        .iter()
        .skip(at + 1)
        .filter(|line| !line.trim_start().starts_with("-/+"))
        .filter_map(|line| Some(line.split_once(':')?.1))
        .collect();
    let figure = |row: &str, column: &str| {
        // The columns stand in the same order in every language.
        let place = match column {
            "total" => 0,
            "used" => 1,
            "free" => 2,
            "available" if heading.len() == 6 && !heading.contains(&"buffers") => 5,
            column => heading.iter().position(|word| *word == column)?,
        };
        let amount = human(row.split_whitespace().nth(place)?)?;
        // Below 2^53 a float holds it to the byte.
        Some((amount * unit as f64) as u64)
    };
    let row_of_memory = rows.first().copied()?;
    let total = figure(row_of_memory, "total")?;
    let (buffers, cached) = (figure(row_of_memory, "buffers"), figure(row_of_memory, "cached"));
    let available =
        figure(row_of_memory, "available").or_else(|| sum(&[figure(row_of_memory, "free"), buffers, cached]))?;
    let row_of_swap = rows.last().copied().filter(|_| rows.len() > 1)?;
    let swap = swapped(figure(row_of_swap, "total")?, figure(row_of_swap, "used")?);
    Some((memory(total, available, buffers, cached), swap))
}

fn sum(parts: &[Option<u64>]) -> Option<u64> {
    parts.iter().try_fold(0_u64, |sum, part| sum.checked_add((*part)?))
}

fn memory(total: u64, available: u64, buffers: Option<u64>, cached: Option<u64>) -> Value {
    let used = total.saturating_sub(available);
    let mut memory = json!({"total_bytes": total, "available_bytes": available, "used_bytes": used});
    if total > 0 {
        memory["used_share"] = json!(used as f64 / total as f64);
    }
    for (name, figure) in [("buffers_bytes", buffers), ("cached_bytes", cached)] {
        if let Some(figure) = figure {
            memory[name] = json!(figure);
        }
    }
    memory
}

/// That the CPUs waited for disks, where they did for much of the time.
fn waited(tool: &str, waiting: Option<f64>) -> Option<String> {
    let share = waiting.filter(|share| (WAITED..=100.0).contains(share))?;
    Some(format!("{tool}: {share:.0} % of the CPU time was waited for disks (iowait): that is not load of the CPUs"))
}

/// What is scarce of memory and swap.
fn scarce(tool: &str, memory: Option<&Value>, swap: Option<&Value>) -> Vec<String> {
    let of = |value: Option<&Value>, name: &str| value.and_then(|value| value.get(name)?.as_u64());
    let mut told = Vec::new();
    if let (Some(total), Some(available)) = (of(memory, "total_bytes"), of(memory, "available_bytes"))
        && (available as f64) < SCARCE * total as f64
    {
        let (available, total) = (crate::units::bytes(available as f64), crate::units::bytes(total as f64));
        told.push(format!("{tool}: {available} of {total} of memory are available"));
    }
    if let (Some(total), Some(used)) = (of(swap, "total_bytes").filter(|total| *total > 0), of(swap, "used_bytes"))
        && used as f64 >= SWAPPED * total as f64
    {
        told.push(format!(
            "{tool}: {:.0} % of the swap is in use ({})",
            used as f64 / total as f64 * 100.0,
            crate::units::bytes(used as f64)
        ));
    }
    told
}

fn swapped(total: u64, used: u64) -> Value {
    let share = (total > 0).then(|| used as f64 / total as f64);
    json!({"total_bytes": total, "used_bytes": used, "used_share": share})
}
