//! Answers of services that can be abused as reflectors.

use std::net::IpAddr;

use super::count::Count;
use super::misra_gries::MisraGries;
use crate::probe::hyperloglog::HyperLogLog;

/// What came from a port of a service that can be abused as a reflector.
#[derive(Debug)]
pub struct Reflected {
    pub count: Count,
    pub remotes: HyperLogLog,
    pub local_address: MisraGries<IpAddr>,
    pub local_port: MisraGries<u16>,
    /// The source port, where it is not given by the service.
    pub source_port: MisraGries<u16>,
    /// Packets whose payload was looked into, and those of them that are answers of the service.
    pub read: u64,
    pub answers: u64,
}

impl Reflected {
    pub fn new() -> Self {
        Reflected {
            count: Count::default(),
            remotes: HyperLogLog::new(8, HyperLogLog::EXACT),
            local_address: MisraGries::new(),
            local_port: MisraGries::new(),
            source_port: MisraGries::new(),
            read: 0,
            answers: 0,
        }
    }

    pub fn add(
        &mut self,
        local: (IpAddr, u16),
        source_port: u16,
        remote_hash: u64,
        answer: Option<bool>,
        amount: Count,
    ) {
        let those = |which: bool| if which { amount.packets } else { 0 };
        self.count.add(amount);
        self.remotes.add(remote_hash);
        self.local_address.add(local.0, amount.bytes);
        self.local_port.add(local.1, amount.bytes);
        self.source_port.add(source_port, amount.bytes);
        self.read += those(answer.is_some());
        self.answers += those(answer == Some(true));
    }
}
