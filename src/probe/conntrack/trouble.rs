//! The counters of the bookkeeping itself, one line for each CPU, in hexadecimal.

use super::output::Trouble;

/// `/proc/net/stat/nf_conntrack` at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    names: Vec<String>,
    /// The numbers of each CPU, which wrap around at 32 bits.
    cpus: Vec<Vec<u32>>,
}

impl Stat {
    /// Reads the text: a line of names, and a line of numbers for each CPU.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let names: Vec<String> = lines.next()?.split_ascii_whitespace().map(str::to_owned).collect();
        let numbers = |line: &str| {
            line.split_ascii_whitespace().map(|word| u32::from_str_radix(word, 16).ok()).collect::<Option<Vec<u32>>>()
        };
        let cpus = lines.map(numbers).collect::<Option<Vec<_>>>()?;
        (!names.is_empty() && !cpus.is_empty()).then_some(Stat { names, cpus })
    }

    /// The sums since boot.
    pub(super) fn since_boot(&self) -> Trouble {
        let column = |name: &str| self.names.iter().position(|this| this == name);
        trouble(|name| {
            let column = column(name)?;
            self.cpus.iter().map(|cpu| cpu.get(column).map(|number| u64::from(*number))).sum()
        })
    }

    /// By how much the sums grew since `before`; each is none when CPUs came or went.
    pub(super) fn since(&self, before: &Stat) -> Trouble {
        if self.names != before.names || self.cpus.len() != before.cpus.len() {
            return Trouble::default();
        }
        let column = |name: &str| self.names.iter().position(|this| this == name);
        trouble(|name| {
            let column = column(name)?;
            let grown = |(now, before): (&Vec<u32>, &Vec<u32>)| {
                Some(u64::from(now.get(column)?.wrapping_sub(*before.get(column)?)))
            };
            self.cpus.iter().zip(&before.cpus).map(grown).sum()
        })
    }
}

fn trouble(of: impl Fn(&str) -> Option<u64>) -> Trouble {
    Trouble {
        dropped: of("drop"),
        early_dropped: of("early_drop"),
        insert_failed: of("insert_failed"),
        invalid: of("invalid"),
        icmp_errors: of("icmp_error"),
        clashes_resolved: of("clashres"),
        chain_too_long: of("chainlength"),
        search_restarts: of("search_restart"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "entries  clashres insert_failed drop early_drop\n\
                          00000010 00000001 00000000 ffffffff 00000000\n\
                          00000010 00000000 00000002 0000000a 00000000\n";
    const AFTER: &str = "entries  clashres insert_failed drop early_drop\n\
                         00000010 00000001 00000000 00000004 00000000\n\
                         00000010 00000000 00000012 0000000a 00000000\n";

    #[test]
    fn growth_is_summed_over_the_cpus_also_where_a_counter_wrapped() {
        let (before, after) = (Stat::from_text(BEFORE).unwrap(), Stat::from_text(AFTER).unwrap());
        let grown = after.since(&before);
        assert_eq!((grown.dropped, grown.insert_failed, grown.early_dropped), (Some(5), Some(16), Some(0)));
        assert_eq!(after.since_boot().dropped, Some(14));
        assert_eq!(grown.invalid, None, "this kernel does not count it");
    }

    #[test]
    fn a_cpu_that_came_makes_growth_unknown() {
        let mut after = Stat::from_text(AFTER).unwrap();
        after.cpus.push(vec![0; 5]);
        assert_eq!(after.since(&Stat::from_text(BEFORE).unwrap()), Trouble::default());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "((drop|entries|[0-9a-f]{0,9}|\\PC)[ \n]){0,30}") {
            if let Some(stat) = Stat::from_text(&text) {
                let _ = (stat.since_boot(), stat.since(&stat));
            }
        }
    }
}
