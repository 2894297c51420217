//! What an output holds.

use jiff::civil::DateTime;
use serde_json::Value;

use super::cards::Nic;
use super::counters::{Counted, Interrupts, Tracked};
use super::firewall::Rules;
use super::links::Shown;
use super::log_lines::Run;
use super::machine::Machine;
use super::packets;
use super::samples::Report;
use super::sockets::Table;
use super::told::Told;
use super::volumes::{Deleted, Filesystem};
use crate::probe::logs::Kind;

/// What an output holds.
#[derive(Debug)]
pub(super) enum Data {
    Links(Vec<Shown>),
    Rates(Report),
    Sockets(Table),
    SocketCounts(Vec<(&'static str, u64)>),
    Machine(Box<Machine>),
    Counters(Counted),
    Softnet(Vec<[u64; 3]>),
    Interrupts(Vec<Interrupts>),
    Nic(Nic),
    Conntrack(Tracked),
    Settings(Vec<(String, String)>),
    Rules(Rules),
    Packets(Vec<packets::Printed>),
    Logs(Run),
    Route(String),
    Moment(DateTime),
    /// File systems, of `df`.
    Disks(Vec<Filesystem>),
    /// Devices, of `iostat`.
    Devices(Vec<Value>),
    /// Files without a name, of `lsof`.
    Deleted(Vec<Deleted>),
    /// Folders and their bytes, of `du`.
    Folders(Vec<(String, u64)>),
    /// What only sentences tell of.
    Told(Told),
}

impl Data {
    /// Whether it tells of the network.
    pub(super) fn is_of_network(&self) -> bool {
        match self {
            Data::Machine(_)
            | Data::Moment(_)
            | Data::Disks(_)
            | Data::Devices(_)
            | Data::Deleted(_)
            | Data::Folders(_) => false,
            Data::Logs(run) => run.kind == Kind::Access,
            Data::Rates(report) => {
                let tables = !report.noted.is_empty() && report.cpu.is_none();
                tables || !report.interfaces.is_empty() || !report.lost.is_empty() || !report.softirq.is_empty()
            }
            Data::Told(told) => !matches!(
                told.tool,
                "ls" | "ps"
                    | "kubectl"
                    | "iostat"
                    | "lsof"
                    | "systemctl"
                    | "smartctl"
                    | "docker"
                    | "ssh"
                    | "curl"
                    | "dig"
                    | "supervisorctl"
                    | "rc-status"
                    | "limits"
                    | "ulimit"
                    | "chronyc"
                    | "timedatectl"
                    | "ntpq"
                    | "postqueue"
                    | "nginx"
                    | "apache"
                    | "resolvectl"
                    | "resolver"
                    | "mdstat"
                    | "zpool"
                    | "pidstat"
            ),
            _ => true,
        }
    }
}
