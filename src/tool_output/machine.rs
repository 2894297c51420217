//! What the probe `host` would have seen, out of `uptime`, `free`, /proc/meminfo, `uname` and the headings of `sar`.

use serde_json::{Map, Value, json};

use super::Printed;
use crate::printable::printable;

/// Lines of an output that are searched.
const LINES: usize = 2000;
const KIB: u64 = 1024;

/// The host as the outputs show it; none when they show nothing of it.
pub(super) fn host(outputs: &[Printed]) -> Option<Value> {
    let mut shown = Map::new();
    let (name, kernel) = identity(outputs);
    for output in outputs {
        for line in output.text.lines().take(LINES) {
            if let Some((up, load)) = uptime(line) {
                shown.entry("load").or_insert(load);
                if let Some(up) = up {
                    shown.entry("uptime_seconds").or_insert(json!(up));
                }
            }
        }
        if let Some((memory, swap)) = meminfo(&output.text).or_else(|| free(output)) {
            shown.entry("memory").or_insert(memory);
            shown.entry("swap").or_insert(swap);
        }
        if let Some(cpus) = cpus(&output.text) {
            shown.entry("cpus").or_insert(json!(cpus));
        }
        if let Some(name) = output.text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")) {
            shown.entry("distribution").or_insert(json!(printable(name.trim_matches('"'))));
        }
    }
    if shown.is_empty() {
        return None;
    }
    if let (Some(cpus), Some(load)) = (shown.get("cpus").and_then(Value::as_f64), shown.get_mut("load"))
        && let Some(one) = load["one"].as_f64().filter(|_| cpus > 0.0)
    {
        load["per_cpu"] = json!(one / cpus);
    }
    shown.extend(name.map(|name| ("hostname".to_owned(), json!(name))));
    shown.extend(kernel.map(|kernel| ("kernel".to_owned(), json!(kernel))));
    Some(Value::Object(shown))
}

/// The host's name and its kernel: `Linux NAME RELEASE …` of `uname -a`, `Linux RELEASE (NAME)` of `sar`.
pub(super) fn identity(outputs: &[Printed]) -> (Option<String>, Option<String>) {
    let (mut name, mut kernel) = (None, None);
    for line in outputs.iter().flat_map(|output| output.text.lines().take(5)) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_release = |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
        match words.as_slice() {
            ["Linux", release, host, ..] if is_release(release) && host.starts_with('(') => {
                kernel = kernel.or(Some(printable(release)));
                name = name.or(Some(printable(host.trim_matches(['(', ')']))));
            }
            ["Linux", host, release, rest, ..] if is_release(release) && rest.starts_with('#') => {
                kernel = kernel.or(Some(printable(release)));
                name = name.or(Some(printable(host)));
            }
            _ => {}
        }
    }
    let by_name = || {
        let output = outputs.iter().find(|output| output.path.rsplit('/').next() == Some("hostname"))?;
        let first = output.text.split_whitespace().next()?;
        (first.len() <= 253).then(|| printable(first))
    };
    (name.or_else(by_name), kernel)
}

/// ` 23:57:01 up 6:30, 3 users, load average: 0.03, 0.12, 0.11`: seconds since boot, and the load.
fn uptime(line: &str) -> Option<(Option<u64>, Value)> {
    let (before, load) = line.split_once("load average: ")?;
    let (_, up) = before.split_once(" up ")?;
    let mut figures = load.split([',', ' ']).filter(|figure| !figure.is_empty()).map(|figure| figure.parse::<f64>());
    let mut next = || figures.next()?.ok().filter(|figure| figure.is_finite() && *figure >= 0.0);
    let load = json!({"one": next()?, "five": next()?, "fifteen": next()?});
    Some((since_boot(up), load))
}

/// `10 days, 3:02,`, `6:30,`, `5 min,`, as seconds.
fn since_boot(up: &str) -> Option<u64> {
    let mut seconds = 0_u64;
    let mut known = false;
    for part in up.split(',').map(str::trim) {
        let (figure, unit) = part.split_once(' ').unwrap_or((part, ""));
        let add = match (figure.split_once(':'), unit.trim()) {
            (Some((hours, minutes)), "") => Some(
                hours
                    .parse::<u64>()
                    .ok()?
                    .checked_mul(3600)?
                    .checked_add(minutes.parse::<u64>().ok()?.checked_mul(60)?)?,
            ),
            (None, "day" | "days") => figure.parse::<u64>().ok()?.checked_mul(86_400),
            (None, "min" | "mins") => figure.parse::<u64>().ok()?.checked_mul(60),
            _ => continue,
        };
        seconds = seconds.checked_add(add?)?;
        known = true;
    }
    known.then_some(seconds)
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

/// Memory and swap of `free`, whose unit only its call tells: KiB unless that, or the file's name, says another one.
fn free(output: &Printed) -> Option<(Value, Value)> {
    let lines: Vec<&str> = output.text.lines().take(LINES).collect();
    let at = lines.iter().position(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.starts_with(&["total", "used", "free"])
    })?;
    let call = lines[..at].iter().rev().find(|line| line.contains("free")).copied().unwrap_or(&output.path);
    let unit = match () {
        () if call.contains("-m") => 1 << 20,
        () if call.contains("-g") => 1 << 30,
        () if call.contains("-b") => 1,
        () if call.contains("-h") => return None,
        () => KIB,
    };
    let heading: Vec<&str> = lines[at].split_whitespace().collect();
    let row = |name: &str| lines[at..].iter().take(6).find_map(|line| line.trim_start().strip_prefix(name));
    let figure = |row: &str, column: &str| {
        let place = heading.iter().position(|word| *word == column)?;
        row.split_whitespace().nth(place)?.parse::<u64>().ok()?.checked_mul(unit)
    };
    let row_of_memory = row("Mem:")?;
    let total = figure(row_of_memory, "total")?;
    let (buffers, cached) = (figure(row_of_memory, "buffers"), figure(row_of_memory, "cached"));
    let available =
        figure(row_of_memory, "available").or_else(|| sum(&[figure(row_of_memory, "free"), buffers, cached]))?;
    let row_of_swap = row("Swap:")?;
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

fn swapped(total: u64, used: u64) -> Value {
    let share = (total > 0).then(|| used as f64 / total as f64);
    json!({"total_bytes": total, "used_bytes": used, "used_share": share})
}

/// CPUs: `(2 CPU)` of `sar`, `CPU(s): 2` of `lscpu`, the processors of /proc/cpuinfo.
fn cpus(text: &str) -> Option<u32> {
    let mut processors = 0;
    for line in text.lines().take(LINES) {
        if let Some(count) = line.strip_prefix("CPU(s):") {
            return count.trim().parse().ok();
        }
        if line.starts_with("Linux ")
            && let Some((before, _)) = line.split_once(" CPU)")
        {
            return before.rsplit('(').next()?.parse().ok();
        }
        processors += u32::from(line.starts_with("processor") && line.contains(':'));
    }
    (processors > 0).then_some(processors)
}
