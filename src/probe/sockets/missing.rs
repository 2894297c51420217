//! What is missing from the result, and why.

use super::output::Sockets;
use super::picture::Picture;
use super::sink::SinkScan;
use super::take::Moved;
use crate::case::{Gap, Observed, Reason};
use crate::units;

/// Says of how many processes it is not known whether they could keep what they received.
pub(super) fn say_whose_output_is_unknown(observed: &mut Observed<Sockets>, sinks: &SinkScan) {
    const FIELD: [&str; 2] = ["processes.discards_input", "processes.other_sockets"];
    if sinks.denied > 0 {
        let tried = format!("see where {} processes of other users write to (/proc/PID/fd)", sinks.denied);
        observed.miss(&FIELD, Gap::denied(tried, "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"));
    }
    if sinks.too_many > 0 {
        let tried = format!("see where {} processes write to (/proc/PID/fd)", sinks.too_many);
        let gap = Gap::new(Reason::TimedOut, tried, "they hold too many descriptors to look at in time");
        observed.miss(&FIELD, gap);
    }
}

/// Why it is not known which connections were opened here.
pub(super) fn range() -> Gap {
    let why = "the range of ports that the kernel chooses from could not be read";
    Gap::new(Reason::Absent, "tell which connections were opened here (net.ipv4.ip_local_port_range)", why)
}

/// Says that there were more sockets than are kept.
pub(super) fn say_what_was_left_out(observed: &mut Observed<Sockets>, left_out: u64) {
    const FIELDS: [&str; 7] =
        ["listeners", "connections", "paths", "processes", "tcp_rx_bytes", "tcp_tx_bytes", "unowned_rx_bytes"];
    if left_out > 0 {
        let tried = format!("look into {} more sockets than those that are listed", units::count(left_out as f64));
        let why = "they take more memory than the run may; they are counted by state, and no more";
        let gap = Gap::new(Reason::Failed, tried, why).to_fix("allow more memory: --max-memory 1GB");
        observed.miss(&FIELDS, gap);
    }
}

/// What is known only where the calls of processes are counted: what they received, and what they sent.
const RECEIVED: [&str; 4] =
    ["udp_receivers", "processes.udp_rx_bytes", "processes.udp_rx_datagrams", "processes.tcp_read_bytes"];
const OPENED: [&str; 2] = ["opened", "opened_left_out"];
const SENT: [&str; 3] = ["processes.udp_tx_bytes", "processes.udp_tx_datagrams", "processes.tcp_written_bytes"];

impl Picture<'_> {
    /// Says why the calls of processes were not counted, or which of them are not told apart.
    fn say_what_was_not_counted(&self, observed: &mut Observed<Sockets>) {
        let taken = match &self.taken {
            Some(Ok(taken)) => taken,
            Some(Err(gap)) => {
                observed.miss(&[&RECEIVED[..], &SENT[..], &OPENED[..]].concat(), gap.clone());
                return;
            }
            None => {
                let why = "without a window, or without owners, nobody counts it";
                let gap = Gap::new(Reason::Absent, "tell what each process received and sent", why)
                    .to_fix("give a window, and leave `owners` true");
                observed.miss(&[&RECEIVED[..], &SENT[..], &OPENED[..]].concat(), gap);
                return;
            }
        };
        if let Some(gap) = &taken.sent {
            observed.miss(&SENT, gap.clone());
        }
        if let Some(gap) = &taken.not_opened {
            observed.miss(&OPENED, gap.clone());
        }
        let said = |moved: &Moved| {
            let (bytes, calls) =
                (moved.rx_bytes.saturating_add(moved.tx_bytes), moved.rx_calls.saturating_add(moved.tx_calls));
            format!("{} in {} calls", units::bytes(bytes as f64), units::count(calls as f64))
        };
        if taken.of_other_sockets != Moved::default() {
            observed.loss.push(format!(
                "more UDP sockets received something than are told apart: {} count for their processes and are not in \
                 udp_receivers",
                said(&taken.of_other_sockets)
            ));
        }
        for (protocol, moved) in ["UDP", "TCP"].iter().zip(&taken.of_others) {
            if *moved != Moved::default() {
                observed.loss.push(format!(
                    "more processes received or sent something than are told apart: {} over {protocol} are in no row",
                    said(moved)
                ));
            }
        }
    }

    /// Says which parts of the result could not be seen, and what was lost; `received`: sockets whose owners are not known may
    /// have received something.
    pub(super) fn say_what_is_missing(&self, observed: &mut Observed<Sockets>, unowned: Option<Gap>, received: bool) {
        const GROWTH: [&str; 12] = [
            "paths",
            "tcp_rx_bytes",
            "tcp_tx_bytes",
            "unowned_rx_bytes",
            "connections.rx_bytes",
            "connections.tx_bytes",
            "connections.rx_bits_per_second",
            "connections.retransmits",
            "processes.rx_bytes",
            "processes.tx_bytes",
            "processes.local_rx_bytes",
            "processes.rx_bits_per_second",
        ];
        if let Some(gap) = &self.refused.udp {
            observed.miss(&["listeners.receive_buffer", "listeners.drops"], gap.clone());
        }
        if let Some(gap) = &self.refused.tcp {
            observed.miss(&GROWTH, gap.clone());
            let fields = [
                "listeners.backlog",
                "connections.rtt_ms",
                "connections.rx_total",
                "connections.tx_total",
                "connections.timeouts",
                "connections.sent_seconds_ago",
                "connections.received_seconds_ago",
            ];
            observed.miss(&fields, gap.clone());
        } else if self.before.is_none() {
            let gap = Gap::new(Reason::Absent, "tell what sockets moved", "the window is 0").to_fix("give a window");
            observed.miss(&GROWTH, gap.clone());
            let fields = [
                "processes.io",
                "processes.cpu_share",
                "processes.discards_input",
                "processes.other_sockets",
                "processes.memory_growth_bytes",
                "processes.ignores_children",
            ];
            observed.miss(&["listeners.drops"], gap.clone());
            observed.miss(&fields, gap);
        } else if observed.output.tcp_rx_bytes.is_none() {
            let why = "the kernel does not count them per socket; Linux does since 4.1";
            observed.miss(&GROWTH, Gap::new(Reason::Absent, "tell what TCP connections moved", why));
        }
        match &self.closed {
            Err(gap) => observed.miss(&["closed"], gap.clone()),
            Ok(closed) if closed.lost => observed.loss.push(
                "connections closed faster than the kernel's news of it could be read: `closed` lacks some".to_owned(),
            ),
            Ok(_) => {}
        }
        let unreadable = self.now.values().filter(|activity| activity.io.is_none()).count();
        if unreadable > 0 {
            let tried = format!("read what {unreadable} processes of other users read and wrote (/proc/PID/io)");
            observed.miss(&["processes.io"], Gap::denied(tried, "CAP_SYS_PTRACE"));
        }
        if let Some(gap) = unowned {
            const OWNERS: [&str; 7] = [
                "processes",
                "listeners.process",
                "listeners.owners",
                "listeners.in_kernel",
                "connections.process",
                "opening.process",
                "outgoing.process",
            ];
            observed.miss(if received { &OWNERS } else { &OWNERS[1..] }, gap);
        }
        self.say_what_was_not_counted(observed);
    }
}
