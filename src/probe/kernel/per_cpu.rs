//! The kernel's tables with a line of hexadecimal counters for each CPU: `softnet_stat`, `stat/rt_cache`,
//! `stat/nf_conntrack`.

use std::collections::BTreeMap;

/// More CPUs than Linux supports.
const MOST_ROWS: usize = 8192;
/// More columns than any of the tables has.
const MOST_COLUMNS: usize = 64;

/// The columns of `softnet_stat` that mean something, which has no header: all but the first two came later.
const SOFTNET_COLUMNS: &[(usize, &str)] =
    &[(0, "processed"), (1, "dropped"), (2, "time_squeeze"), (9, "received_rps"), (10, "flow_limit")];
/// The column of `softnet_stat` that tells which CPU it is, since Linux 5.10; before, lines stand in the order of CPUs.
const SOFTNET_CPU: usize = 12;

/// A table with a line for each CPU. The counters have 32 bits and wrap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerCpu {
    /// The counters of each CPU, by column.
    rows: BTreeMap<u32, BTreeMap<String, u32>>,
}

/// How much the counters grew, per CPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grown {
    /// The growth of each CPU, by column; unknown where it is too much to be true.
    pub rows: BTreeMap<u32, BTreeMap<String, Option<u64>>>,
}

impl PerCpu {
    /// Reads a table that begins with a line of column names. None if it has no lines, or other than numbers in them.
    pub fn with_header(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let names: Vec<&str> = lines.next()?.split_ascii_whitespace().take(MOST_COLUMNS).collect();
        let mut rows = BTreeMap::new();
        for (cpu, line) in (0..).zip(lines.take(MOST_ROWS)) {
            let values = hexadecimal(line)?;
            rows.insert(cpu, names.iter().map(|name| (*name).to_owned()).zip(values).collect());
        }
        (!rows.is_empty()).then_some(PerCpu { rows })
    }

    /// Reads `softnet_stat`, which has no header. None if it has no lines, or other than numbers in them.
    pub fn softnet(text: &str) -> Option<Self> {
        let mut rows = BTreeMap::new();
        for (position, line) in (0..).zip(text.lines().take(MOST_ROWS)) {
            let values = hexadecimal(line)?;
            let cpu = values.get(SOFTNET_CPU).copied().unwrap_or(position);
            let named = |(column, name): &(usize, &str)| Some(((*name).to_owned(), *values.get(*column)?));
            rows.insert(cpu, SOFTNET_COLUMNS.iter().filter_map(named).collect());
        }
        (!rows.is_empty()).then_some(PerCpu { rows })
    }

    /// How much the counters grew since `before`, of the CPUs that are in both.
    pub fn since(&self, before: &PerCpu) -> Grown {
        let rows = self.rows.iter().filter_map(|(cpu, now)| {
            let earlier = before.rows.get(cpu)?;
            let columns = now.iter().filter_map(|(name, now)| {
                // A counter of 32 bits wraps once an hour at a million packets a second; within a window it cannot grow
                // by half its range, and one that seems to was reset.
                let grown = now.wrapping_sub(*earlier.get(name)?);
                Some((name.clone(), (grown <= u32::MAX / 2).then_some(u64::from(grown))))
            });
            Some((*cpu, columns.collect()))
        });
        Grown { rows: rows.into_iter().collect() }
    }

    /// The columns, by the names of the first line.
    #[cfg(test)]
    fn value(&self, cpu: u32, column: &str) -> Option<u32> {
        self.rows.get(&cpu)?.get(column).copied()
    }
}

impl Grown {
    /// The growth on all CPUs together, by column and under `group`; unknown if that of one CPU is.
    pub fn summed(&self, group: &str) -> BTreeMap<String, Option<u64>> {
        let mut sums: BTreeMap<String, Option<u64>> = BTreeMap::new();
        for (name, grown) in self.rows.values().flatten() {
            let sum = sums.entry(format!("{group}.{name}")).or_insert(Some(0));
            *sum = sum.zip(*grown).map(|(sum, grown)| sum.saturating_add(grown));
        }
        sums
    }

    /// The highest growth of one CPU as a share of all; none if nothing grew or a figure is unknown.
    pub fn busiest_share(&self, column: &str) -> Option<f64> {
        let each: Option<Vec<u64>> = self.rows.values().map(|row| row.get(column).copied().flatten()).collect();
        let each = each?;
        let (most, sum) = (each.iter().max()?, each.iter().sum::<u64>());
        (sum > 0).then(|| *most as f64 / sum as f64)
    }
}

/// The numbers of a line; none if one of them is not a number of at most 32 bits.
fn hexadecimal(line: &str) -> Option<Vec<u32>> {
    line.split_ascii_whitespace().take(MOST_COLUMNS).map(|word| u32::from_str_radix(word, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOFTNET: &str = "0000000a 00000001 00000002 0 0 0 0 0 0 00000000 00000003 00000000 00000000 00000000 00000000\n\
                           00001177 00000000 00000000 0 0 0 0 0 0 00000000 00000000 00000000 00000004 00000000 00000000\n";

    #[test]
    fn softnet_lines_know_their_cpu() {
        let table = PerCpu::softnet(SOFTNET).unwrap();
        assert_eq!(table.value(0, "processed"), Some(10));
        assert_eq!(table.value(0, "flow_limit"), Some(3));
        assert_eq!(table.value(4, "processed"), Some(0x1177));
        assert_eq!(table.value(1, "processed"), None);
    }

    #[test]
    fn an_old_kernel_has_fewer_columns() {
        let table = PerCpu::softnet("00000007 00000001 00000000\n00000009 00000000 00000000\n").unwrap();
        assert_eq!(table.value(1, "processed"), Some(9));
        assert_eq!(table.value(1, "flow_limit"), None);
    }

    #[test]
    fn columns_are_keyed_by_the_names_in_the_header() {
        let text = "entries  in_hit in_martian_src\n00000005 00000000 0000000c\n00000005 00000000 00000001\n";
        let table = PerCpu::with_header(text).unwrap();
        assert_eq!(table.value(0, "in_martian_src"), Some(12));
        assert_eq!(table.since(&table).summed("RtCache").get("RtCache.in_martian_src"), Some(&Some(0)));
    }

    #[test]
    fn a_counter_of_32_bits_may_wrap_but_not_go_backwards() {
        let line = |value: u32| PerCpu::softnet(&format!("{value:08x} 00000000 00000000\n")).unwrap();
        let grown =
            |before, after| line(after).since(&line(before)).summed("Softnet").get("Softnet.processed").copied();
        assert_eq!(grown(u32::MAX - 9, 10), Some(Some(20)));
        assert_eq!(grown(500, 400), Some(None));
    }

    #[test]
    fn the_busiest_cpu_is_a_share_of_all() {
        let table = |a: u32, b: u32| PerCpu::softnet(&format!("{a:08x} 0 0\n{b:08x} 0 0\n")).unwrap();
        assert_eq!(table(30, 110).since(&table(0, 100)).busiest_share("processed"), Some(0.75));
        assert_eq!(table(1, 1).since(&table(1, 1)).busiest_share("processed"), None);
    }

    proptest! {
        #[test]
        fn no_table_makes_the_parsers_panic(text in "(?s).*", table in "([0-9a-g ]{0,40}\n){0,5}") {
            for text in [&text, &table] {
                let both = (PerCpu::softnet(text), PerCpu::with_header(text));
                if let (Some(a), Some(b)) = both {
                    let _ = (a.since(&b).summed("x"), b.since(&a).busiest_share("processed"));
                }
            }
        }
    }
}
