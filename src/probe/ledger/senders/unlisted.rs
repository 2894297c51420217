//! TCP connections that no list has, since they closed or are too many: what processes wrote to them, and what left over them.

use crate::case::Process;
use crate::probe::capture::output::{SentEndpoint, SentOthers};
use crate::probe::ledger::WindowEvidence;
use crate::probe::ledger::buckets::Allocation;
use crate::probe::sockets::Connection;

/// What a process sent over connections that are not listed.
#[derive(Debug)]
pub struct Unlisted<'a> {
    pub process: &'a Process,
    pub bytes: u64,
    /// More of its connections are open than are listed.
    pub more: bool,
    /// Its calls were counted, so that all it wrote is known.
    pub counted: bool,
}

/// What left over such connections: those of one port, or of all ports that are not listed.
#[derive(Debug)]
pub struct UnheldTcp<'a> {
    pub endpoint: Option<&'a SentEndpoint>,
    pub others: Option<&'a SentOthers>,
    pub left: Allocation,
    pub again: f64,
    pub payload: f64,
}

impl<'a> Unlisted<'a> {
    pub fn of(evidence: &WindowEvidence<'a>) -> Vec<Self> {
        let Some(sockets) = evidence.sockets else { return Vec::new() };
        let processes = sockets.processes.iter().flatten().map(|traffic| {
            let of_it = |connection: &&Connection| connection.process.as_ref() == Some(&traffic.process);
            let listed = || sockets.connections.iter().filter(of_it);
            // What waits to be acknowledged was written, too.
            let sent = |of: &Connection| of.tx_bytes.unwrap_or(0).saturating_add(u64::from(of.tx_queue));
            let open = listed().map(sent).fold(0, u64::saturating_add);
            let written = traffic.tx_bytes.unwrap_or(0).max(traffic.tcp_written_bytes.unwrap_or(0));
            Unlisted {
                process: &traffic.process,
                bytes: written.saturating_sub(open),
                more: sockets.connections_left_out > 0 && traffic.connections as usize > listed().count(),
                counted: traffic.tcp_written_bytes.is_some(),
            }
        });
        processes.filter(|of| of.bytes > 0 || of.more).collect()
    }
}
