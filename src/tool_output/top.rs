//! The line of `uptime`, the heading of `w`, and `top`: its head and its processes, also where the first lines of it were left out.

use serde_json::{Value, json};

use super::here::Here;
use super::machine::{KIB, Machine, STOLEN, human, memory, scarce, share_of, state_of, sum, swapped, waited};
use super::samples;
use super::text::{Words, split, words_of};
use crate::printable::printable;
use crate::units;

/// Processes of `top` that are kept, and those of which sentences tell.
const PROCESSES: usize = 100;
const BUSIEST: usize = 5;
/// The share of time from which on all CPUs are told as busy, and that of a CPU from which on a process is named for it.
const FULL: f64 = 0.95;
const LARGE: f64 = 0.5;

/// `uptime`, the heading of `w`, `top` with its head and processes.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Machine)> {
    let document = here.document;
    let line = document.line(here.at).trim();
    let headless = is_headless(here);
    let is_top = headless || line.starts_with("top - ");
    let mut machine = Machine::default();
    let mut place = here.at;
    if !headless {
        let words: Words<'_> = split(line).skip(if is_top { 2 } else { 0 }).take(4).collect();
        machine.time = Some(samples::clock(&words)?);
        let (before, load) = loads(line)?;
        machine.load = Some(load);
        machine.uptime = before.split_once(' ').and_then(|_| since_boot(before));
        place += 1;
    }
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
                let cached = kilo(document.line(place + 1), "cached");
                if let (Some(total), Some(free), buffers) =
                    (kilo(line, "total"), kilo(line, "free"), kilo(line, "buffers"))
                {
                    let available = sum(&[Some(free), buffers, cached.or(Some(0))]).unwrap_or(free);
                    machine.memory = Some(memory(total, available, buffers, cached));
                }
            } else if line.starts_with("Swap:") && machine.swap.is_none() {
                machine.swap = kilo(line, "total").zip(kilo(line, "used")).map(|(total, used)| swapped(total, used));
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
    if let Some(busy) = machine.busy.filter(|busy| *busy >= FULL && machine.told.is_empty()) {
        let most = machine.busiest.iter().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, share)| *share >= LARGE);
        let most = most.map(|(name, share)| format!("; most by {name}, {} of one CPU", units::percent(*share)));
        machine.told.push(format!("top: the CPUs are {} busy{}", units::percent(busy), most.unwrap_or_default()));
    }
    let scarce = scarce("top", machine.memory.as_ref(), machine.swap.as_ref());
    machine.told.extend(scarce);
    Some((place - here.at, machine))
}

/// Whether the rest of `top` begins here, without its first line: people leave it out.
fn is_headless(here: &Here<'_>) -> bool {
    let of_cpus = |line: &str| {
        let line = line.trim();
        (line.starts_with("%Cpu") || line.starts_with("Cpu(s):")) && line.matches(',').count() >= 6
    };
    let line = here.document.line(here.at).trim();
    let tasks = (line.starts_with("Tasks:") || line.starts_with("Threads:")) && line.contains(" total");
    of_cpus(line) || tasks && of_cpus(here.document.line(here.at + 1))
}

/// Bytes of a figure in KiB by what stands behind it: `4048128k total`.
fn kilo(line: &str, name: &str) -> Option<u64> {
    let (before, _) = line.split_once(&format!("k {name}"))?;
    before.rsplit(' ').next()?.parse::<u64>().ok()?.checked_mul(KIB)
}

/// What a process holds of memory, as `top` prints it: KiB, or with a unit (`1.2g`).
fn resident(size: &str) -> Option<u64> {
    match size.parse::<u64>() {
        Ok(kilo) => kilo.checked_mul(KIB),
        Err(_) => human(&size.to_uppercase()).map(|bytes| bytes as u64),
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
