//! What the probe `host` would have seen, out of `uptime`, `top`, `free`, /proc/meminfo, `uname` and the like.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::here::Here;
use super::samples;
use super::text::words_of;
use crate::printable::printable;

/// Lines of an output that are searched.
const LINES: usize = 2000;
pub(super) const KIB: u64 = 1024;
/// The share of CPU time that other guests took, in per cent, from which on it is told.
pub(super) const STOLEN: f64 = 10.0;
/// The share of CPU time that was waited for disks, in per cent, from which on it is told.
const WAITED: f64 = 30.0;
/// Of memory, the share that is still available, and of swap the share in use, from which on it is told.
const SCARCE: f64 = 0.05;
const SWAPPED: f64 = 0.9;

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
    /// Shares of time in which programs wait, by the name that the probe gives them.
    pub pressure: BTreeMap<&'static str, f64>,
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
    let mut pressure = Map::new();
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
        // Each file of it is an output of its own.
        pressure.extend(machine.pressure.iter().map(|(name, share)| ((*name).to_owned(), json!(share))));
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
    if !pressure.is_empty() {
        shown.insert("pressure".into(), Value::Object(pressure));
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

/// A share in per cent.
pub(super) fn share_of(share: f64) -> Option<f64> {
    (0.0..=100.0).contains(&share).then_some(share / 100.0)
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
    sized(cell, 1024.0)
}

/// The same where each unit is so many times the one before: 1000 where `df -H` or `du --si` was asked for.
pub(super) fn sized(cell: &str, step: f64) -> Option<f64> {
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
    Some(figure * step.powi(power)).filter(|figure| figure.is_finite())
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

pub(super) fn sum(parts: &[Option<u64>]) -> Option<u64> {
    parts.iter().try_fold(0_u64, |sum, part| sum.checked_add((*part)?))
}

pub(super) fn memory(total: u64, available: u64, buffers: Option<u64>, cached: Option<u64>) -> Value {
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
pub(super) fn waited(tool: &str, waiting: Option<f64>) -> Option<String> {
    let share = waiting.filter(|share| (WAITED..=100.0).contains(share))?;
    Some(format!("{tool}: {share:.0} % of the CPU time was waited for disks (iowait): that is not load of the CPUs"))
}

/// What is scarce of memory and swap.
pub(super) fn scarce(tool: &str, memory: Option<&Value>, swap: Option<&Value>) -> Vec<String> {
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

pub(super) fn swapped(total: u64, used: u64) -> Value {
    let share = (total > 0).then(|| used as f64 / total as f64);
    json!({"total_bytes": total, "used_bytes": used, "used_share": share})
}
