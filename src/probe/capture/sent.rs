//! To whom this host sends. Bounded: a scan of the whole Internet takes no more memory than a download.

use std::net::IpAddr;

use super::count::Count;
use super::misra_gries::MisraGries;
use super::packet::{Ip, Transport, flag, ip_protocol};
use crate::probe::hash::KeyedHash;
use crate::probe::heavy::Heavy;
use crate::probe::hyperloglog::HyperLogLog;

/// Remotes that are kept at a time, each with a protocol: 0.5 MB.
const REMOTES: usize = 512;

/// What was sent to one remote by one protocol.
#[derive(Debug, Default)]
pub struct To {
    pub count: Count,
    /// SYNs among it.
    pub syn: u64,
    pub ports: Option<Box<PortsOf>>,
}

/// The ports that most of it came from and went to.
#[derive(Debug)]
pub struct PortsOf {
    pub local: MisraGries<u16>,
    pub remote: MisraGries<u16>,
}

/// Everybody to whom something was sent.
#[derive(Debug)]
pub struct Sent {
    pub remotes: HyperLogLog,
    /// Those to whom SYNs were sent.
    pub syn_remotes: HyperLogLog,
    /// Those to whom datagrams were sent.
    pub udp_remotes: HyperLogLog,
    /// The ports that SYNs and datagrams went to.
    pub syn_port: MisraGries<u16>,
    pub udp_port: MisraGries<u16>,
    /// By remote and IP protocol.
    pub to: Heavy<(IpAddr, u8), To>,
    /// From addresses that are not this host's: sent on for others, or forged.
    pub foreign: Count,
}

impl Sent {
    /// Nothing sent yet.
    pub fn new() -> Self {
        let remotes = || HyperLogLog::new(12, HyperLogLog::EXACT);
        Sent {
            remotes: remotes(),
            syn_remotes: remotes(),
            udp_remotes: remotes(),
            syn_port: MisraGries::new(),
            udp_port: MisraGries::new(),
            to: Heavy::new(REMOTES),
            foreign: Count::default(),
        }
    }

    /// Counts a packet that was sent, by its remote's hash.
    pub fn add(&mut self, ip: &Ip, remote_hash: u64, secret: &KeyedHash, own: bool, amount: Count) {
        if !own {
            self.foreign.add(amount);
        }
        self.remotes.add(remote_hash);
        let syn = match ip.transport {
            Transport::Tcp { destination_port, flags, .. } if flags & (flag::SYN | flag::ACK) == flag::SYN => {
                self.syn_remotes.add(remote_hash);
                self.syn_port.add(destination_port, amount.packets);
                true
            }
            Transport::Udp { destination_port, .. } => {
                self.udp_port.add(destination_port, amount.packets);
                false
            }
            _ => false,
        };
        if ip.protocol == ip_protocol::UDP {
            self.udp_remotes.add(remote_hash);
        }
        let hash = secret.words(remote_hash, 0x70 | u64::from(ip.protocol) << 8);
        let Some((to, _)) = self.to.admit(hash, (ip.destination, ip.protocol), amount.weight(), 0) else { return };
        to.count.add(amount);
        to.syn += if syn { amount.packets } else { 0 };
        if let Some((local, remote)) = ip.transport.ports() {
            let ports = to
                .ports
                .get_or_insert_with(|| Box::new(PortsOf { local: MisraGries::new(), remote: MisraGries::new() }));
            ports.local.add(local, amount.packets);
            ports.remote.add(remote, amount.packets);
        }
    }
}
