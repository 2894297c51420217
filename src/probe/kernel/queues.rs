//! The queues that packets wait in before and beside the protocols: softnet, connection tracking, socket memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sample::{self, Growth, Sample, Table};
use super::settings::{self, Missed};
use crate::case::Gap;

/// Growth of the counters of packet processing per CPU (`softnet_stat`). They are of the whole machine, all network
/// namespaces together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Softnet {
    /// Packets processed, on all CPUs; a packet that passes a virtual device or a tunnel counts again.
    pub processed: Option<u64>,
    /// Packets dropped because the backlog queue of a CPU was full (`net.core.netdev_max_backlog`).
    pub dropped: Option<u64>,
    /// Times that processing stopped with packets left because its time or budget was used up; not itself a drop.
    pub time_squeeze: Option<u64>,
    /// Packets dropped from the backlog because their flow had too large a part of it.
    pub flow_limit: Option<u64>,
    /// CPUs in the table.
    pub cpus: Option<u32>,
    /// Share of the packets that the busiest CPU processed; null when there were none.
    pub busiest_cpu_processed_share: Option<f64>,
    /// What was counted since boot, where a text shows nothing else; null on a live host, whose window tells more.
    #[serde(default)]
    pub since_boot: Option<SoftnetTotals>,
}

/// Counters of packet processing since boot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SoftnetTotals {
    /// Packets processed, on all CPUs.
    pub processed: u64,
    /// Packets dropped because the backlog queue of a CPU was full.
    pub dropped: u64,
    /// Times that processing stopped with packets left.
    pub time_squeeze: u64,
    /// The CPU that processed most.
    pub busiest_cpu: u32,
    /// Its share of all.
    pub busiest_cpu_share: f64,
}

/// Connection tracking.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conntrack {
    /// Connections tracked at the end of the window (`net.netfilter.nf_conntrack_count`).
    pub count: Option<u64>,
    /// The most that can be tracked (`net.netfilter.nf_conntrack_max`).
    pub max: Option<u64>,
    /// The first as a share of the second.
    pub used_share: Option<f64>,
    /// Packets dropped in the window because no connection could be tracked for them: the table is full (`drop`).
    pub drop: Option<u64>,
    /// Connections thrown out in the window to make room for new ones (`early_drop`).
    pub early_drop: Option<u64>,
    /// Connections that could not be inserted in the window (`insert_failed`).
    pub insert_failed: Option<u64>,
    /// Packets in the window that belong to no connection and cannot begin one (`invalid`).
    pub invalid: Option<u64>,
}

/// Sockets and their memory at the end of the window (`sockstat`). Memory is that of all network namespaces together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sockets {
    /// Sockets of all kinds in use (`sockets: used`).
    pub used: Option<u64>,
    /// IPv4 TCP sockets in use, without those in TIME-WAIT (`TCP: inuse`).
    pub tcp_in_use: Option<u64>,
    /// TCP connections that no program has open any more (`TCP: orphan`).
    pub tcp_orphans: Option<u64>,
    /// TCP connections in TIME-WAIT (`TCP: tw`).
    pub tcp_time_wait: Option<u64>,
    /// Memory that TCP buffers take, in pages as in `net.ipv4.tcp_mem` (`TCP: mem`).
    pub tcp_memory_pages: Option<u64>,
    /// IPv4 UDP sockets in use (`UDP: inuse`).
    pub udp_in_use: Option<u64>,
    /// Memory that UDP buffers take, in pages as in `net.ipv4.udp_mem` (`UDP: mem`).
    pub udp_memory_pages: Option<u64>,
    /// IPv4 packets of which some fragments wait for the others (`FRAG: inuse`).
    pub fragment_queues: Option<u64>,
    /// Memory that waiting fragments take, in bytes (`FRAG: memory`).
    pub fragment_memory_bytes: Option<u64>,
}

/// What the firewall's SYNPROXY did in the place of services (`stat/synproxy`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SynProxy {
    /// SYNs in the window that it answered itself (`syn_received`).
    pub syn_received: Option<u64>,
    /// Handshakes in the window that clients completed, and that it handed on (`cookie_valid`).
    pub cookie_valid: Option<u64>,
    /// ACKs in the window that complete no handshake (`cookie_invalid`).
    pub cookie_invalid: Option<u64>,
}

impl SynProxy {
    /// Takes its figures from the growth of the counters; none where there is no SYNPROXY.
    pub fn from_growth(growth: &mut Growth) -> Option<Self> {
        if !growth.has(Table::SynProxy) {
            return None;
        }
        let mut of = |path, counter| growth.of(path, Table::SynProxy, counter);
        Some(SynProxy {
            syn_received: of("synproxy.syn_received", "SynProxy.syn_received"),
            cookie_valid: of("synproxy.cookie_valid", "SynProxy.cookie_valid"),
            cookie_invalid: of("synproxy.cookie_invalid", "SynProxy.cookie_invalid"),
        })
    }
}

impl Softnet {
    /// Takes its figures from the growth of the counters.
    pub fn from_growth(growth: &mut Growth) -> Self {
        Softnet {
            processed: growth.of("softnet.processed", Table::Softnet, "Softnet.processed"),
            dropped: growth.of("softnet.dropped", Table::Softnet, "Softnet.dropped"),
            time_squeeze: growth.of("softnet.time_squeeze", Table::Softnet, "Softnet.time_squeeze"),
            flow_limit: growth.of("softnet.flow_limit", Table::Softnet, "Softnet.flow_limit"),
            cpus: growth.softnet_cpus(),
            busiest_cpu_processed_share: growth.busiest_softnet_share("processed"),
            since_boot: None,
        }
    }
}

impl Conntrack {
    /// Takes its figures from the growth of the counters and from the settings; none where connections are not tracked.
    pub fn from_growth(growth: &mut Growth, missed: &mut Missed) -> Option<Self> {
        const MAX: &str = "net.netfilter.nf_conntrack_max";
        const COUNT: &str = "net.netfilter.nf_conntrack_count";
        if !growth.has(Table::Conntrack) && settings::number(MAX).is_err() {
            return None;
        }
        let mut setting = |field, name| missed.number(field, name).and_then(|value| u64::try_from(value).ok());
        let count = setting("conntrack.count", COUNT);
        let max = setting("conntrack.max", MAX);
        let mut of = |path, counter| growth.of(path, Table::Conntrack, counter);
        Some(Conntrack {
            count,
            max,
            used_share: count.zip(max).and_then(|(count, max)| (max > 0).then(|| count as f64 / max as f64)),
            drop: of("conntrack.drop", "Conntrack.drop"),
            early_drop: of("conntrack.early_drop", "Conntrack.early_drop"),
            insert_failed: of("conntrack.insert_failed", "Conntrack.insert_failed"),
            invalid: of("conntrack.invalid", "Conntrack.invalid"),
        })
    }
}

impl Sockets {
    /// Reads them now.
    pub fn now() -> Result<Self, Gap> {
        sample::read("sockstat").map(|text| Sockets::from_text(&text))
    }

    fn from_text(text: &str) -> Self {
        let of = |group: &str, name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(group)?.strip_prefix(':'))?;
            let mut words = rest.split_ascii_whitespace();
            words.find(|word| *word == name)?;
            words.next()?.parse().ok()
        };
        Sockets {
            used: of("sockets", "used"),
            tcp_in_use: of("TCP", "inuse"),
            tcp_orphans: of("TCP", "orphan"),
            tcp_time_wait: of("TCP", "tw"),
            tcp_memory_pages: of("TCP", "mem"),
            udp_in_use: of("UDP", "inuse"),
            udp_memory_pages: of("UDP", "mem"),
            fragment_queues: of("FRAG", "inuse"),
            fragment_memory_bytes: of("FRAG", "memory"),
        }
    }
}

/// Connections that are open at the time of a sample.
pub fn established(sample: &Sample) -> Option<u64> {
    sample.state(Table::Snmp, "Tcp.CurrEstab")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn socket_memory_is_read_by_name() {
        let text = "sockets: used 16\nTCP: inuse 1 orphan 2 tw 3 alloc 4 mem 121\nUDP: inuse 5 mem 6\nUDPLITE: inuse 7\n\
                    RAW: inuse 0\nFRAG: inuse 8 memory 900\n";
        let sockets = Sockets::from_text(text);
        assert_eq!(sockets.tcp_memory_pages, Some(121));
        assert_eq!(sockets.udp_in_use, Some(5));
        assert_eq!(sockets.fragment_memory_bytes, Some(900));
        assert_eq!(Sockets::from_text(""), Sockets::default());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).*", rest in "[a-z0-9 ]*") {
            let _ = (Sockets::from_text(&text), Sockets::from_text(&format!("TCP:{rest}")));
        }
    }
}
