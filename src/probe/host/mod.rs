//! The host itself: what it is and how hard it works.

mod cpu;
mod limits;
mod machine;
mod memory;
mod pressure;
mod vantage;

use std::fs;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sysinfo::System;

use super::{Context, Need, Probe};
use crate::case::{Clock, Gap, Missing, Observed, Reason};
use crate::printable::printable;
use crate::sys::clock;
use crate::units::{self, Span};
use cpu::Stat;
use machine::Traits;
use pressure::Waited;

pub use cpu::{Cpu, NetRx, Processes};
pub use limits::Limits;
pub use memory::{Memory, Swap};
pub use pressure::Pressure;
pub use vantage::vantage;

/// The probe `host`.
pub struct HostProbe;

/// What the probe `host` is asked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How long to watch.
    pub window: Span,
}

impl Default for Params {
    fn default() -> Self {
        Params { window: Span::seconds(10) }
    }
}

/// What the host is and how hard it works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostState {
    /// Length of the window in seconds, as measured.
    pub seconds: f64,
    /// The figures are those that tools printed, not measured here.
    #[serde(default)]
    pub from_text: bool,
    /// Its name (`gethostname`).
    pub hostname: Option<String>,
    /// The kernel's release, as `uname -r` gives it: `6.1.0-18-amd64`.
    pub kernel: Option<String>,
    /// The distribution: `Debian GNU/Linux 12` (`/etc/os-release`).
    pub distribution: Option<String>,
    /// The architecture of the CPU: `x86_64`, `aarch64`.
    pub architecture: String,
    /// The hypervisor that the kernel runs on: `kvm`, `qemu`, `xen`, `vmware`, `hyper-v`, `amazon`, `google` …; `unnamed`
    /// if there is one that does not say its name, `none` on bare metal, null if it cannot be told.
    pub virtualisation: Option<String>,
    /// The container engine that casebook runs in: `docker`, `podman`, `kubernetes`, `lxc`, `wsl` …; null outside
    /// containers. Figures that are not limits are then still those of the whole machine.
    pub container: Option<String>,
    /// Seconds since boot.
    pub uptime_seconds: Option<u64>,
    /// CPUs that are online.
    pub cpus: Option<u32>,
    /// Load averages.
    pub load: Option<Load>,
    /// Where the CPUs spent the window.
    pub cpu: Option<Cpu>,
    /// Rounds of packet reception over the window.
    pub net_rx: Option<NetRx>,
    /// Memory.
    pub memory: Option<Memory>,
    /// Swap.
    pub swap: Option<Swap>,
    /// How much programs waited for CPU, memory and disks; null where the kernel does not measure it.
    pub pressure: Option<Pressure>,
    /// Running and blocked threads within the window.
    pub processes: Option<Processes>,
    /// Limits of the container; null outside containers.
    pub limits: Option<Limits>,
    /// What the kernel says of its clock, when the command began.
    #[serde(default)]
    pub clock: Option<Clock>,
}

/// Load averages: threads that run, want to, or wait for disks (`/proc/loadavg`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// Over the last minute.
    pub one: f64,
    /// Over the last five minutes.
    pub five: f64,
    /// Over the last fifteen minutes.
    pub fifteen: f64,
    /// That of the last minute per CPU that is online: above 1 there is more work than CPUs, or waiting for disks.
    pub per_cpu: Option<f64>,
}

/// What is read at the beginning and at the end of the window.
struct Sample {
    at: Instant,
    stat: Result<Stat, Gap>,
    net_rx: Result<Vec<u64>, Gap>,
    waited: Result<Waited, Gap>,
}

impl Sample {
    fn take() -> Self {
        Sample {
            at: Instant::now(),
            stat: parsed("/proc/stat", Stat::from_text),
            net_rx: parsed("/proc/softirqs", cpu::net_rx),
            waited: Waited::now(),
        }
    }
}

/// Reads a file that the kernel writes.
fn parsed<T>(path: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Gap> {
    let tried = || format!("read {path}");
    let text = fs::read_to_string(path).map_err(|error| Gap::io(tried(), &error))?;
    parse(&text).ok_or_else(|| Gap::new(Reason::Malformed, tried(), "it is not the table that it should be"))
}

impl Probe for HostProbe {
    const NAME: &'static str = "host";
    const ABOUT: &'static str =
        "load, CPU, memory, swap, pressure, uptime, kernel, distribution, virtualisation, clock";
    const SOURCE: &'static str =
        "/proc/{stat,softirqs,meminfo,loadavg,pressure,uptime}, /etc/os-release, /sys/class/dmi, adjtimex";
    const REPLACES: &'static [&'static str] = &["uptime", "free", "vmstat", "mpstat", "uname", "systemd-detect-virt"];
    const NEEDS: &'static [Need] = &[];
    type Params = Params;
    type Output = HostState;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<HostState>, Gap> {
        let traits = Traits::now();
        let container = traits.container();
        let mut missing = Missed(Vec::new());

        let end = cx.start_window() + params.window.0;
        let before = Sample::take();
        cx.live(System::load_average().map_or_else(|_| "watching".to_owned(), |load| format!("load {:.2}", load.one)));
        let looks = (1..4).filter(|_| !params.window.0.is_zero()).filter_map(|quarter| {
            cx.sleep_until(end - params.window.0 * (4 - quarter) / 4);
            parsed("/proc/stat", Stat::from_text).ok()?.processes
        });
        let processes = Processes::middle(looks.collect());
        cx.sleep_until(end);
        let after = Sample::take();
        let seconds = after.at.duration_since(before.at).as_secs_f64();

        let cpus = after.stat.as_ref().ok().map(Stat::online);
        let (memory, swap) = missing.note(&["memory", "swap"], memory::now()).unzip();
        let output = HostState {
            seconds,
            from_text: false,
            hostname: missing.note(&["hostname"], said("ask for the host's name", System::host_name())),
            kernel: missing.note(&["kernel"], said("ask for the kernel's release", System::kernel_version())),
            distribution: missing.note(&["distribution"], distribution()),
            architecture: System::cpu_arch(),
            virtualisation: missing.note(&["virtualisation"], hypervisor(&traits)),
            limits: container.as_ref().and_then(|_| Limits::now()),
            clock: missing.note(
                &["clock"],
                clock::discipline().ok_or_else(|| {
                    Gap::new(Reason::Denied, "ask the kernel how right its clock is (adjtimex)", "a filter forbids it")
                        .to_fix("run it outside the container")
                }),
            ),
            container: container.map(|name| printable(&name)),
            uptime_seconds: missing.note(&["uptime_seconds"], said_number("read /proc/uptime", System::uptime())),
            cpus,
            load: missing.note(&["load"], load(cpus)),
            processes: processes.or_else(|| after.stat.as_ref().ok().and_then(|stat| stat.processes)),
            cpu: missing.note(
                &["cpu"],
                both(before.stat, &after.stat, "measure where the CPUs spent the window", |before, after| {
                    after.since(before)
                }),
            ),
            net_rx: missing.note(
                &["net_rx"],
                both(before.net_rx, &after.net_rx, "count rounds of packet reception", |before, after| {
                    cpu::net_rx_since(before, after)
                }),
            ),
            pressure: missing.note(
                &["pressure"],
                both(before.waited, &after.waited, "measure pressure", |before, after| after.since(before, seconds)),
            ),
            memory,
            swap,
        };
        if let Err(gap) = after.stat {
            missing.0.push(Missing { fields: vec!["cpus".into(), "processes".into()], gap });
        }
        if let Some(cpu) = &output.cpu {
            cx.live(format!("{} busy", units::percent(cpu.busy_share)));
        }
        Ok(Observed { output, missing: missing.0, loss: Vec::new() })
    }
}

/// Parts that could not be seen.
struct Missed(Vec<Missing>);

impl Missed {
    /// The figure, or nothing and a note why.
    fn note<T>(&mut self, fields: &[&str], seen: Result<T, Gap>) -> Option<T> {
        seen.map_err(|gap| {
            let fields = fields.iter().map(|field| (*field).to_owned()).collect();
            self.0.push(Missing { fields, gap });
        })
        .ok()
    }
}

/// What two samples give together.
fn both<S, T>(
    before: Result<S, Gap>,
    after: &Result<S, Gap>,
    tried: &str,
    derive: impl FnOnce(&S, &S) -> Option<T>,
) -> Result<T, Gap> {
    let before = before?;
    let after = after.as_ref().map_err(Clone::clone)?;
    derive(&before, after).ok_or_else(|| {
        Gap::new(Reason::Failed, tried, "the counters did not move, or moved backwards")
            .to_fix("watch for a second or more")
    })
}

/// A text that the system gave, its control characters escaped.
fn said(tried: &str, text: Result<String, sysinfo::Error>) -> Result<String, Gap> {
    let text = text.map_err(|error| Gap::new(Reason::Failed, tried, error.to_string()))?;
    if text.is_empty() { Err(Gap::new(Reason::Absent, tried, "it is empty")) } else { Ok(printable(&text)) }
}

fn said_number(tried: &str, number: Result<u64, sysinfo::Error>) -> Result<u64, Gap> {
    number.map_err(|error| Gap::new(Reason::Failed, tried, error.to_string()))
}

fn distribution() -> Result<String, Gap> {
    let name = said("read the distribution's name in /etc/os-release", System::name())?;
    // Distributions that roll on have no version.
    Ok(System::os_version().map(|version| format!("{name} {}", printable(&version))).unwrap_or(name))
}

fn hypervisor(traits: &Traits) -> Result<String, Gap> {
    traits.hypervisor().map(|name| printable(&name)).ok_or_else(|| {
        Gap::new(Reason::Absent, "tell whether this is a virtual machine", "neither firmware, clocks nor CPU say")
    })
}

fn load(cpus: Option<u32>) -> Result<Load, Gap> {
    let load =
        System::load_average().map_err(|error| Gap::new(Reason::Failed, "read /proc/loadavg", error.to_string()))?;
    let per_cpu = cpus.filter(|cpus| *cpus > 0).map(|cpus| load.one / f64::from(cpus));
    Ok(Load { one: load.one, five: load.five, fifteen: load.fifteen, per_cpu })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_sample_leaves_a_gap_and_no_figure() {
        let gap = Gap::new(Reason::Denied, "read /proc/stat", "no");
        let mut missed = Missed(Vec::new());
        let seen: Option<u8> = missed.note(&["cpu"], both(Ok(1), &Err(gap.clone()), "x", |_, _| Some(1)));
        assert_eq!(seen, None);
        assert_eq!(missed.0, [Missing { fields: vec!["cpu".into()], gap }]);
    }
}
