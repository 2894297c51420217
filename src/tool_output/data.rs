//! What an output holds.

use jiff::civil::DateTime;

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

/// What an output holds.
#[derive(Debug)]
pub(super) enum Data {
    Links(Vec<Shown>),
    Rates(Report),
    Sockets(Table),
    SocketCounts(Vec<(&'static str, u64)>),
    Machine(Machine),
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
    /// What only sentences tell of.
    Told(Told),
}
