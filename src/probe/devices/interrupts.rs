//! Which CPUs took the interrupts of a device, from `/proc/interrupts`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::output::{Interrupts, Line, OfCpu};
use crate::printable::printable;

/// Lines of a device in a result.
const MOST_LINES: usize = 32;
/// CPUs in a result.
const MOST_CPUS: usize = 32;

/// `/proc/interrupts` at one moment: what each CPU took, by the interrupt's number, and what the line says behind it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Table {
    cpus: Vec<u32>,
    lines: BTreeMap<u32, (Vec<u64>, String)>,
}

impl Table {
    /// Reads it; none when it is not the table that it should be. CPUs that are off have no column.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let cpus: Option<Vec<u32>> =
            lines.next()?.split_whitespace().map(|word| word.strip_prefix("CPU")?.parse().ok()).collect();
        let cpus = cpus.filter(|cpus| !cpus.is_empty())?;
        let mut table = Table { cpus, lines: BTreeMap::new() };
        for line in lines {
            let Some((number, rest)) = line.split_once(':') else { continue };
            // Those without a number are of the machine itself: timers, calls between CPUs.
            let Ok(irq) = number.trim().parse() else { continue };
            let mut counts = Vec::with_capacity(table.cpus.len());
            let mut rest = rest.trim_start();
            while counts.len() < table.cpus.len() {
                let (word, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                let Ok(count) = word.parse() else { break };
                counts.push(count);
                rest = behind.trim_start();
            }
            table.lines.insert(irq, (counts, printable(rest.trim_end())));
        }
        Some(table)
    }

    /// What the lines that name a device grew by since `before`. None where no line names it.
    pub fn of(&self, before: &Table, names: &[&str]) -> Option<Interrupts> {
        let mut by_cpu: BTreeMap<u32, u64> = BTreeMap::new();
        let mut lines = Vec::new();
        for (irq, (counts, text)) in &self.lines {
            if !names.iter().any(|name| is_named(text, name)) {
                continue;
            }
            let earlier = before.lines.get(irq).filter(|_| before.cpus == self.cpus);
            let grew = counts.iter().enumerate().map(|(place, count)| {
                count.saturating_sub(earlier.and_then(|(counts, _)| counts.get(place)).copied().unwrap_or(*count))
            });
            let grew: Vec<(u32, u64)> = self.cpus.iter().copied().zip(grew).collect();
            for (cpu, count) in &grew {
                *by_cpu.entry(*cpu).or_default() += count;
            }
            let busiest = grew.iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0);
            lines.push(Line {
                irq: *irq,
                name: text.split_whitespace().next_back().unwrap_or_default().to_owned(),
                count: grew.iter().map(|(_, count)| count).sum(),
                cpu: busiest.map(|(cpu, _)| *cpu),
            });
        }
        if lines.is_empty() {
            return None;
        }
        lines.sort_by_key(|line| Reverse(line.count));
        let lines_left_out = u32::try_from(lines.len().saturating_sub(MOST_LINES)).unwrap_or(u32::MAX);
        lines.truncate(MOST_LINES);
        let count = by_cpu.values().sum();
        let mut by_cpu: Vec<OfCpu> =
            by_cpu.into_iter().filter(|(_, count)| *count > 0).map(|(cpu, count)| OfCpu { cpu, count }).collect();
        by_cpu.sort_by_key(|of| Reverse(of.count));
        let busiest_share = by_cpu.first().map(|busiest| busiest.count as f64 / count as f64);
        by_cpu.truncate(MOST_CPUS);
        Some(Interrupts { count, by_cpu, busiest_share, lines, lines_left_out })
    }
}

/// Whether a line names a device, not only one whose name begins or ends like it.
fn is_named(text: &str, name: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
            !before.is_some_and(inside) && !after.is_some_and(inside)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "           CPU0       CPU2       \n 24:          1          0  IO-APIC   5-edge      ACPI:Ged\n \
        38:          7        100 PCI-MSIX-0000:00:03.0   1-edge      virtio2-input.0\n \
        39:         50          0 PCI-MSIX-0000:00:03.0   2-edge      virtio2-output.0\n \
        40:          3          0 PCI-MSIX-0000:00:04.0   0-edge      eth10-TxRx-0\nLOC:    5387021    4959890   Local timer interrupts\n";

    #[test]
    fn growth_is_told_by_cpu_and_by_line() {
        let before = Table::from_text(BEFORE).unwrap();
        let after = BEFORE.replace("       100 ", "      1100 ").replace("        50 ", "        60 ");
        let seen = Table::from_text(&after).unwrap().of(&before, &["virtio2", "0000:00:03.0"]).unwrap();
        assert_eq!(seen.count, 1010);
        assert_eq!(seen.by_cpu, [OfCpu { cpu: 2, count: 1000 }, OfCpu { cpu: 0, count: 10 }]);
        assert!(seen.busiest_share.unwrap() > 0.99);
        let first = &seen.lines[0];
        assert_eq!((first.irq, first.name.as_str(), first.count, first.cpu), (38, "virtio2-input.0", 1000, Some(2)));
    }

    #[test]
    fn a_device_is_not_named_by_the_beginning_of_another_name() {
        let table = Table::from_text(BEFORE).unwrap();
        assert_eq!(table.of(&table, &["eth1"]), None);
        let seen = table.of(&table, &["eth10"]).unwrap();
        assert_eq!((seen.count, seen.busiest_share, seen.lines[0].cpu), (0, None, None));
        assert_eq!(Table::from_text("no table\n"), None);
    }
}
