//! To whom this host sends. Bounded: a scan of the whole Internet takes no more memory than a download.

use std::net::IpAddr;

use super::count::{Count, Direction, OnWire};
use super::endpoints::Majority;
use super::misra_gries::MisraGries;
use super::packet::{Ip, Transport, flag, ip_protocol};
use crate::probe::hash::KeyedHash;
use crate::probe::heavy::Heavy;
use crate::probe::hyperloglog::HyperLogLog;

/// Remotes that are kept at a time, each with a protocol: 0.5 MB.
const REMOTES: usize = 512;

/// Addresses of others that are kept at a time.
const FOREIGN: usize = 256;
/// The ether type of ARP.
const ARP: u16 = 0x0806;

/// All that was sent, each packet in one part: what no IP header could be read of, ICMP of this host by type, what bears the
/// address of somebody else, and the rest, which is in the rows of endpoints but for what found no room there.
#[derive(Debug)]
pub struct Parts {
    /// By each of the interfaces that are watched together, with the tags that the kernel keeps beside a frame.
    pub left: Vec<(Direction, u64)>,
    pub arp: Count,
    pub no_ip: Count,
    /// By family (IPv4, IPv6) and type.
    pub icmp: Box<[[Count; 256]; 2]>,
    pub foreign: Heavy<IpAddr, Foreign>,
    /// By IP protocol.
    pub overflow: Vec<(u8, Overflow)>,
}

/// What bears one address of somebody else.
#[derive(Debug, Clone, Copy, Default)]
pub struct Foreign {
    pub count: Count,
    /// By which interface most of it left.
    pub left: Majority,
}

/// What endpoints sent that have no row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Overflow {
    pub count: Count,
    pub rst: Count,
    pub syn_ack: Count,
    pub syn: u64,
}

impl Parts {
    /// Nothing sent yet.
    pub fn new(interfaces: usize) -> Self {
        Parts {
            left: vec![(Direction::default(), 0); interfaces],
            arp: Count::default(),
            no_ip: Count::default(),
            icmp: Box::new([[Count::default(); 256]; 2]),
            foreign: Heavy::new(FOREIGN),
            overflow: Vec::new(),
        }
    }

    /// Counts a packet by the interface that it leaves by.
    #[inline(always)]
    pub fn leave(&mut self, interface: usize, amount: Count, on_wire: OnWire, tag_stripped: bool) {
        if let Some((direction, stripped)) = self.left.get_mut(interface) {
            direction.add(amount, on_wire);
            *stripped += u64::from(tag_stripped) * amount.packets;
        }
    }

    /// Counts a packet that is not IP.
    pub fn add_no_ip(&mut self, ether_type: u16, amount: Count) {
        if ether_type == ARP { self.arp.add(amount) } else { self.no_ip.add(amount) }
    }

    /// Counts a packet that bears the address of somebody else, by the hash of that.
    pub fn add_foreign(&mut self, hash: u64, source: IpAddr, interface: u8, amount: Count) {
        if let Some((row, _)) = self.foreign.admit(hash, source, amount.weight(), 0) {
            row.count.add(amount);
            row.left.vote(interface, amount.packets);
        }
    }

    /// Counts a packet of an endpoint without a row.
    pub fn overflow(&mut self, ip: &Ip, amount: Count) {
        let place = match self.overflow.iter().position(|(protocol, _)| *protocol == ip.protocol) {
            Some(place) => place,
            None => {
                // Protocols have 8 bits, so they are few.
                self.overflow.push((ip.protocol, Overflow::default()));
                self.overflow.len() - 1
            }
        };
        let (_, sum) = &mut self.overflow[place];
        sum.count.add(amount);
        if let Transport::Tcp { flags, .. } = ip.transport {
            let (rst, syn, syn_ack) = flag::kinds(flags);
            sum.rst.add(if rst { amount } else { Count::default() });
            sum.syn_ack.add(if syn_ack { amount } else { Count::default() });
            sum.syn += if syn { amount.packets } else { 0 };
        }
    }
}

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
    pub parts: Parts,
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
            parts: Parts::new(1),
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
