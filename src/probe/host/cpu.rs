//! Where the CPUs spent their time, from `/proc/stat` and `/proc/softirqs`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// More CPUs than Linux supports.
const MOST_CPUS: usize = 8192;

/// Where the CPUs spent the window, as shares from 0 to 1 of the time of all CPUs unless a field says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cpu {
    /// Not idle and not waiting for disks.
    pub busy_share: f64,
    /// In programs, guests and niced programs included (`user`, `nice`).
    pub user_share: f64,
    /// In the kernel on behalf of programs (`system`).
    pub system_share: f64,
    /// In software interrupts, where packets are received (`softirq`).
    pub softirq_share: f64,
    /// In hardware interrupts (`irq`).
    pub irq_share: f64,
    /// Idle while a disk was busy (`iowait`).
    pub iowait_share: f64,
    /// Taken by the hypervisor for others (`steal`).
    pub steal_share: f64,
    /// The CPU with the least idle time, counted from 0.
    pub busiest_cpu: u32,
    /// How much of its own time that CPU was busy.
    pub busiest_cpu_share: f64,
    /// The CPU that spent the most time in software interrupts.
    pub busiest_softirq_cpu: u32,
    /// How much of its own time that CPU spent in software interrupts. Close to 1 while others are idle: all packets are
    /// received by one CPU.
    pub busiest_softirq_share: f64,
}

/// Rounds of packet reception over the window (`/proc/softirqs`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NetRx {
    /// Times that a CPU began to receive packets (`NET_RX`); each handles up to some hundred.
    pub softirqs: u64,
    /// Share of these on the CPU with the most; null when there were none.
    pub busiest_cpu_share: Option<f64>,
}

/// Programs within the window (`/proc/stat`): the middle of three looks, none of them at its ends, where all threads of this command wake.
/// Without a window they are those of one look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Processes {
    /// Threads that run or want to (`procs_running`).
    pub running: u64,
    /// Threads that wait for disks and cannot be interrupted (`procs_blocked`).
    pub blocked: u64,
}

impl Processes {
    /// The middle one of several looks, each figure by itself.
    pub fn middle(looks: Vec<Processes>) -> Option<Self> {
        let middle = |of: fn(&Processes) -> u64| {
            let mut figures: Vec<u64> = looks.iter().map(of).collect();
            figures.sort_unstable();
            figures.get(figures.len() / 2).copied()
        };
        Some(Processes { running: middle(|look| look.running)?, blocked: middle(|look| look.blocked)? })
    }
}

/// The time that a CPU has spent since boot, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Times {
    user: u64,
    nice: u64,
    system: u64,
    idle: u64,
    iowait: u64,
    irq: u64,
    softirq: u64,
    steal: u64,
}

/// What `/proc/stat` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stat {
    /// The time of each CPU that is online.
    cpus: BTreeMap<u32, Times>,
    /// Running and blocked threads.
    pub processes: Option<Processes>,
}

impl Stat {
    /// Reads the text of `/proc/stat`. None if it has no line of a CPU.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut cpus = BTreeMap::new();
        let (mut running, mut blocked) = (None, None);
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("procs_running") => running = words.next().and_then(|word| word.parse().ok()),
                Some("procs_blocked") => blocked = words.next().and_then(|word| word.parse().ok()),
                Some(name) if cpus.len() < MOST_CPUS => {
                    let Some(Ok(cpu)) = name.strip_prefix("cpu").map(str::parse) else { continue };
                    // Columns came over the years: steal with Linux 2.6.11.
                    let mut next = || words.next().and_then(|word| word.parse().ok());
                    let times = Times {
                        user: next()?,
                        nice: next()?,
                        system: next()?,
                        idle: next()?,
                        iowait: next().unwrap_or(0),
                        irq: next().unwrap_or(0),
                        softirq: next().unwrap_or(0),
                        steal: next().unwrap_or(0),
                    };
                    cpus.insert(cpu, times);
                }
                _ => {}
            }
        }
        let processes = running.zip(blocked).map(|(running, blocked)| Processes { running, blocked });
        (!cpus.is_empty()).then_some(Stat { cpus, processes })
    }

    /// How many CPUs are online.
    pub fn online(&self) -> u32 {
        u32::try_from(self.cpus.len()).unwrap_or(u32::MAX)
    }

    /// Where the CPUs that are in both spent the time between `before` and this; none if no time passed.
    pub fn since(&self, before: &Stat) -> Option<Cpu> {
        let mut all = Times::default();
        let mut busiest: Option<(u32, f64)> = None;
        let mut softirq: Option<(u32, f64)> = None;
        let raise = |best: &mut Option<(u32, f64)>, cpu: u32, share: f64| {
            if best.is_none_or(|(_, most)| share > most) {
                *best = Some((cpu, share));
            }
        };
        for (cpu, now) in &self.cpus {
            let Some(spent) = before.cpus.get(cpu).and_then(|before| now.since(before)) else { continue };
            all = all.plus(&spent);
            if spent.total() > 0 {
                raise(&mut busiest, *cpu, spent.share(spent.busy()));
                raise(&mut softirq, *cpu, spent.share(spent.softirq));
            }
        }
        let ((busiest_cpu, busiest_cpu_share), (busiest_softirq_cpu, busiest_softirq_share)) = busiest.zip(softirq)?;
        Some(Cpu {
            busy_share: all.share(all.busy()),
            user_share: all.share(all.user.saturating_add(all.nice)),
            system_share: all.share(all.system),
            softirq_share: all.share(all.softirq),
            irq_share: all.share(all.irq),
            iowait_share: all.share(all.iowait),
            steal_share: all.share(all.steal),
            busiest_cpu,
            busiest_cpu_share,
            busiest_softirq_cpu,
            busiest_softirq_share,
        })
    }
}

impl Times {
    /// The time between two readings; none if a CPU was replaced in between. Idle time and the wait for disks may go
    /// backwards a little, by the kernel's own account, and count as none then.
    fn since(&self, before: &Times) -> Option<Times> {
        Some(Times {
            user: self.user.checked_sub(before.user)?,
            nice: self.nice.checked_sub(before.nice)?,
            system: self.system.checked_sub(before.system)?,
            idle: self.idle.saturating_sub(before.idle),
            iowait: self.iowait.saturating_sub(before.iowait),
            irq: self.irq.checked_sub(before.irq)?,
            softirq: self.softirq.checked_sub(before.softirq)?,
            steal: self.steal.saturating_sub(before.steal),
        })
    }

    fn plus(&self, other: &Times) -> Times {
        Times {
            user: self.user.saturating_add(other.user),
            nice: self.nice.saturating_add(other.nice),
            system: self.system.saturating_add(other.system),
            idle: self.idle.saturating_add(other.idle),
            iowait: self.iowait.saturating_add(other.iowait),
            irq: self.irq.saturating_add(other.irq),
            softirq: self.softirq.saturating_add(other.softirq),
            steal: self.steal.saturating_add(other.steal),
        }
    }

    fn busy(&self) -> u64 {
        [self.user, self.nice, self.system, self.irq, self.softirq, self.steal].into_iter().fold(0, u64::saturating_add)
    }

    fn total(&self) -> u64 {
        [self.busy(), self.idle, self.iowait].into_iter().fold(0, u64::saturating_add)
    }

    fn share(&self, part: u64) -> f64 {
        if self.total() == 0 { 0.0 } else { part as f64 / self.total() as f64 }
    }
}

/// How often each CPU began to receive packets, by the text of `/proc/softirqs`; none if it does not say.
pub fn net_rx(text: &str) -> Option<Vec<u64>> {
    let counts = text.lines().find_map(|line| line.trim_start().strip_prefix("NET_RX:"))?;
    counts.split_ascii_whitespace().take(MOST_CPUS).map(|word| word.parse().ok()).collect()
}

/// The rounds of reception between two readings; none if a counter went backwards or CPUs came or went.
pub fn net_rx_since(before: &[u64], after: &[u64]) -> Option<NetRx> {
    if before.len() != after.len() {
        return None;
    }
    let each =
        before.iter().zip(after).map(|(before, after)| after.checked_sub(*before)).collect::<Option<Vec<_>>>()?;
    let softirqs = each.iter().copied().fold(0, u64::saturating_add);
    let most = each.iter().max().copied().unwrap_or(0);
    Some(NetRx { softirqs, busiest_cpu_share: (softirqs > 0).then(|| most as f64 / softirqs as f64) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stat(cpu0: &str, cpu1: &str) -> Stat {
        let text = format!("cpu  9 9 9 9\ncpu0 {cpu0}\ncpu1 {cpu1}\nintr 1 2 3\nprocs_running 3\nprocs_blocked 1\n");
        Stat::from_text(&text).unwrap()
    }

    #[test]
    fn one_look_of_three_that_saw_many_threads_does_not_count() {
        let looks = [(2, 0), (15, 0), (1, 4)].map(|(running, blocked)| Processes { running, blocked });
        assert_eq!(Processes::middle(looks.to_vec()), Some(Processes { running: 2, blocked: 0 }));
        assert_eq!(Processes::middle(Vec::new()), None);
    }

    #[test]
    fn one_cpu_that_receives_everything_stands_out() {
        let before = stat("100 0 100 1000 10 0 0 0 0 0", "100 0 100 1000 10 0 0 0 0 0");
        let after = stat("100 0 100 1100 10 0 0 0 0 0", "105 0 105 1000 10 0 90 0 0 0");
        let cpu = after.since(&before).unwrap();
        assert_eq!((cpu.busiest_cpu, cpu.busiest_cpu_share), (1, 1.0));
        assert_eq!((cpu.busiest_softirq_cpu, cpu.busiest_softirq_share), (1, 0.9));
        assert_eq!((cpu.busy_share, cpu.softirq_share), (0.5, 0.45));
        assert_eq!((after.online(), after.processes.unwrap().running), (2, 3));
    }

    #[test]
    fn waiting_for_a_disk_is_not_busy() {
        let cpu = stat("0 0 0 50 50", "0 0 0 100 0").since(&stat("0 0 0 0 0", "0 0 0 0 0")).unwrap();
        assert_eq!((cpu.busy_share, cpu.iowait_share), (0.0, 0.25));
    }

    #[test]
    fn a_cpu_whose_time_went_backwards_is_left_out() {
        let cpu = stat("5 0 0 0 0", "50 0 0 50 0").since(&stat("90 0 0 0 0", "0 0 0 0 0")).unwrap();
        assert_eq!((cpu.busiest_cpu, cpu.busy_share), (1, 0.5));
    }

    #[test]
    fn no_time_passed_is_unknown_not_idle() {
        let now = stat("1 0 0 5", "1 0 0 5");
        assert_eq!(now.since(&now), None);
    }

    #[test]
    fn rounds_of_reception_are_told_apart_by_cpu() {
        let text =
            "                    CPU0       CPU1\n      NET_TX:          4          0\n      NET_RX:   2645  2958\n";
        let before = net_rx(text).unwrap();
        assert_eq!(before, [2645, 2958]);
        let grown = net_rx_since(&before, &[2655, 2988]).unwrap();
        assert_eq!((grown.softirqs, grown.busiest_cpu_share), (40, Some(0.75)));
        assert_eq!(net_rx_since(&before, &[1]), None);
        assert_eq!(net_rx_since(&before, &before).unwrap().busiest_cpu_share, None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).*", lines in "(cpu[0-9]{1,3}( [0-9]{1,20}){0,9}\n){0,4}") {
            for text in [&text, &lines] {
                let _ = net_rx(text);
                if let Some(stat) = Stat::from_text(text) {
                    let _ = (stat.since(&stat), stat.since(&Stat::default()));
                }
            }
        }

        #[test]
        fn shares_are_shares(before in any::<[u32; 8]>(), grown in any::<[u16; 8]>()) {
            let line = |add: bool| -> String {
                before.iter().zip(grown).map(|(a, b)| format!("{} ", u64::from(*a) + if add { u64::from(b) } else { 0 })).collect()
            };
            if let Some(cpu) = stat(&line(true), "0 0 0 0").since(&stat(&line(false), "0 0 0 0")) {
                let sum = cpu.busy_share + cpu.iowait_share;
                prop_assert!((0.0..=1.000001).contains(&sum));
                prop_assert!((0.0..=1.0).contains(&cpu.busiest_cpu_share));
            }
        }
    }
}
