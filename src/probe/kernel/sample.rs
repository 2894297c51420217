//! Reading all the tables of counters at one moment, and how much they grew between two.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Instant;

use super::counters::{self, Counters};
use super::per_cpu::{self, PerCpu};
use crate::case::{Gap, Observed, Reason};

/// Where the counters of the network namespace of the calling thread are: `/proc/net` shows those of the process's first
/// thread instead.
const DIRECTORY: &str = "/proc/thread-self/net";

/// The tables of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    Snmp,
    Netstat,
    Snmp6,
    Softnet,
    RouteCache,
    Conntrack,
    SynProxy,
}

impl Table {
    const ALL: [Table; 7] = [
        Table::Snmp,
        Table::Netstat,
        Table::Snmp6,
        Table::Softnet,
        Table::RouteCache,
        Table::Conntrack,
        Table::SynProxy,
    ];

    /// Its file below `/proc/net`.
    const fn file(self) -> &'static str {
        match self {
            Table::Snmp => "snmp",
            Table::Netstat => "netstat",
            Table::Snmp6 => "snmp6",
            Table::Softnet => "softnet_stat",
            Table::RouteCache => "stat/rt_cache",
            Table::Conntrack => "stat/nf_conntrack",
            Table::SynProxy => "stat/synproxy",
        }
    }

    /// What leads the names of its counters, where the table itself does not say.
    const fn group(self) -> &'static str {
        match self {
            Table::Softnet => "Softnet",
            Table::RouteCache => "RtCache",
            Table::Conntrack => "Conntrack",
            Table::SynProxy => "SynProxy",
            Table::Snmp | Table::Netstat | Table::Snmp6 => "",
        }
    }
}

/// What a table held at one moment.
enum Content {
    Plain(Counters),
    PerCpu(PerCpu),
}

/// All tables at one moment.
pub struct Sample {
    /// When they were read.
    pub at: Instant,
    tables: BTreeMap<Table, Result<Content, Gap>>,
}

impl Sample {
    /// Reads all tables.
    pub fn take() -> Self {
        let at = Instant::now();
        Sample { at, tables: Table::ALL.into_iter().map(|table| (table, content(table))).collect() }
    }

    /// A number that is a state and not a count: `Tcp.CurrEstab`.
    pub fn state(&self, table: Table, name: &str) -> Option<u64> {
        match self.tables.get(&table)? {
            Ok(Content::Plain(counters)) => counters.get(name).copied(),
            _ => None,
        }
    }
}

fn content(table: Table) -> Result<Content, Gap> {
    let text = read(table.file())?;
    let content = match table {
        Table::Snmp | Table::Netstat => counters::paired_lines(&text).map(Content::Plain),
        Table::Snmp6 => counters::named_lines(&text).map(Content::Plain),
        Table::Softnet => PerCpu::softnet(&text).map(Content::PerCpu),
        Table::RouteCache | Table::Conntrack | Table::SynProxy => PerCpu::with_header(&text).map(Content::PerCpu),
    };
    content.ok_or_else(|| {
        Gap::new(Reason::Malformed, format!("read /proc/net/{}", table.file()), "it is not the table that it should be")
    })
}

/// The text of a file below `/proc/net`, of the network namespace of the calling thread.
pub fn read(file: &str) -> Result<String, Gap> {
    std::fs::read_to_string(format!("{DIRECTORY}/{file}")).map_err(|error| {
        let gap = Gap::io(format!("read /proc/net/{file}"), &error);
        if error.kind() == io::ErrorKind::NotFound {
            gap.to_fix("mount /proc, or use a kernel that keeps these counters")
        } else {
            gap
        }
    })
}

/// How much the counters grew between two samples. Remembers which figures were asked for and could not be had.
pub struct Growth {
    tables: BTreeMap<Table, Result<BTreeMap<String, Option<u64>>, Gap>>,
    softnet: Option<per_cpu::Grown>,
    /// For each table, the fields that are unknown and the counters that the kernel does not have.
    unknown: BTreeMap<Table, (Vec<&'static str>, BTreeSet<String>)>,
    /// The fields whose counters went backwards, and those counters.
    reset: (Vec<&'static str>, BTreeSet<String>),
}

impl Growth {
    /// How much the counters grew from one sample to the next.
    pub fn between(before: Sample, after: Sample) -> Self {
        let mut softnet = None;
        let mut tables = BTreeMap::new();
        for ((table, before), (_, after)) in before.tables.into_iter().zip(after.tables) {
            let grown = before.and_then(|before| Ok((before, after?))).map(|both| match both {
                (Content::Plain(before), Content::Plain(after)) => counters::growth(&before, &after),
                (Content::PerCpu(before), Content::PerCpu(after)) => {
                    let grown = after.since(&before);
                    let mut sums = grown.summed(table.group());
                    // The number of entries is a state, repeated on each line.
                    sums.remove(&format!("{}.entries", table.group()));
                    if table == Table::Softnet {
                        softnet = Some(grown);
                    }
                    sums
                }
                _ => BTreeMap::new(),
            });
            tables.insert(table, grown);
        }
        Growth { tables, softnet, unknown: BTreeMap::new(), reset: Default::default() }
    }

    /// The growth of one counter for the field at `path` of the result.
    pub fn of(&mut self, path: &'static str, table: Table, counter: &str) -> Option<u64> {
        let found = self.tables.get(&table).and_then(|grown| grown.as_ref().ok()?.get(counter).copied());
        match found {
            Some(Some(grown)) => return Some(grown),
            Some(None) => {
                self.reset.0.push(path);
                self.reset.1.insert(counter.to_owned());
            }
            None => {
                let (paths, counters) = self.unknown.entry(table).or_default();
                paths.push(path);
                counters.insert(counter.to_owned());
            }
        }
        None
    }

    /// The growth of several counters together. Counters of IPv6 count as nothing where the kernel has no IPv6.
    pub fn sum(&mut self, path: &'static str, counters: &[(Table, &str)]) -> Option<u64> {
        let ipv6 = self.has(Table::Snmp6);
        let parts: Vec<Option<u64>> = counters
            .iter()
            .filter(|(table, _)| *table != Table::Snmp6 || ipv6)
            .map(|(table, counter)| self.of(path, *table, counter))
            .collect();
        parts.into_iter().sum()
    }

    /// Whether the kernel has that table at all. One that exists and could not be read counts as there.
    pub fn has(&self, table: Table) -> bool {
        !matches!(self.tables.get(&table), Some(Err(gap)) if gap.reason == Reason::Absent)
    }

    /// The highest growth of one CPU in the softnet table as a share of all.
    pub fn busiest_softnet_share(&self, column: &str) -> Option<f64> {
        self.softnet.as_ref()?.busiest_share(column)
    }

    /// How many CPUs are in the softnet table.
    pub fn softnet_cpus(&self) -> Option<u32> {
        u32::try_from(self.softnet.as_ref()?.rows.len()).ok()
    }

    /// All counters that grew.
    pub fn grown(&self) -> BTreeMap<String, u64> {
        let known = self.tables.values().flatten().flatten();
        known.filter_map(|(name, grown)| Some((name.clone(), (*grown)?))).filter(|(_, grown)| *grown > 0).collect()
    }

    /// The gap of the whole, if not one of the tables could be read.
    pub fn nothing(&self) -> Option<Gap> {
        let gaps: Option<Vec<&Gap>> = self.tables.values().map(|grown| grown.as_ref().err()).collect();
        gaps?.first().map(|gap| (*gap).clone())
    }

    /// Notes what was asked for and could not be had.
    pub fn note_missing<T>(mut self, seen: &mut Observed<T>) {
        for (table, (mut paths, counters)) in std::mem::take(&mut self.unknown) {
            paths.dedup();
            let gap = match self.tables.remove(&table) {
                Some(Err(gap)) => gap,
                _ => Gap::new(
                    Reason::Absent,
                    format!("find {} in /proc/net/{}", Vec::from_iter(counters).join(", "), table.file()),
                    "this kernel has no such counter",
                )
                .to_fix("other versions of Linux have it"),
            };
            seen.miss(&paths, gap);
        }
        let (mut paths, counters) = self.reset;
        paths.dedup();
        if !paths.is_empty() {
            let names = Vec::from_iter(counters).join(", ");
            let gap = Gap::new(Reason::Failed, format!("measure the growth of {names}"), "the counter went backwards");
            seen.miss(&paths, gap.to_fix("run again: it was reset, or it wrapped, inside the window"));
        }
    }
}

/// Counters and their growth that a test makes up.
#[cfg(test)]
type MadeUp<'a> = &'a [(&'a str, Option<u64>)];

#[cfg(test)]
impl Growth {
    /// The growth of counters that a test makes up; tables that it does not name are absent.
    pub fn made_up(tables: &[(Table, MadeUp)]) -> Self {
        let absent =
            |table: Table| Gap::new(Reason::Absent, format!("read /proc/net/{}", table.file()), "no such file");
        let grown = |table: Table| {
            let (_, counters) = tables.iter().find(|(known, _)| *known == table)?;
            Some(counters.iter().map(|(name, grown)| ((*name).to_owned(), *grown)).collect())
        };
        Growth {
            tables: Table::ALL.into_iter().map(|table| (table, grown(table).ok_or_else(|| absent(table)))).collect(),
            softnet: None,
            unknown: BTreeMap::new(),
            reset: Default::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Observed<()> {
        Observed::whole(())
    }

    #[test]
    fn a_counter_that_the_kernel_does_not_have_is_named_in_a_gap() {
        let mut growth = Growth::made_up(&[(Table::Netstat, &[("TcpExt.ListenDrops", Some(3))])]);
        assert_eq!(growth.of("tcp.listen_drops", Table::Netstat, "TcpExt.ListenDrops"), Some(3));
        assert_eq!(growth.of("tcp.zero_window_drop", Table::Netstat, "TcpExt.TCPZeroWindowDrop"), None);
        let mut seen = seen();
        growth.note_missing(&mut seen);
        assert_eq!(seen.missing.len(), 1);
        assert_eq!(seen.missing[0].fields, ["tcp.zero_window_drop"]);
        assert!(seen.missing[0].gap.tried.contains("TcpExt.TCPZeroWindowDrop"));
    }

    #[test]
    fn without_ipv6_the_sum_is_that_of_ipv4() {
        let both = [(Table::Snmp, "Udp.NoPorts"), (Table::Snmp6, "Udp6.NoPorts")];
        let mut growth = Growth::made_up(&[(Table::Snmp, &[("Udp.NoPorts", Some(4))])]);
        assert_eq!(growth.sum("udp.no_ports", &both), Some(4));
        let mut growth = Growth::made_up(&[
            (Table::Snmp, &[("Udp.NoPorts", Some(4))]),
            (Table::Snmp6, &[("Udp6.NoPorts", Some(2))]),
        ]);
        assert_eq!(growth.sum("udp.no_ports", &both), Some(6));
    }

    #[test]
    fn a_sum_with_an_unknown_part_is_unknown() {
        let mut growth =
            Growth::made_up(&[(Table::Snmp, &[("Udp.NoPorts", Some(4))]), (Table::Snmp6, &[("Udp6.NoPorts", None)])]);
        assert_eq!(growth.sum("udp.no_ports", &[(Table::Snmp, "Udp.NoPorts"), (Table::Snmp6, "Udp6.NoPorts")]), None);
        let mut seen = seen();
        growth.note_missing(&mut seen);
        assert!(seen.missing[0].gap.why.contains("backwards"));
    }
}
