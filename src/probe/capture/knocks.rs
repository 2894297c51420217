//! Who knocks at many ports.

use super::names::reflector;
use super::packet::{Transport, flag};

/// How many local ports a remote knocks at: one bit for each of 256 classes of ports.
#[derive(Debug, Clone, Copy, Default)]
pub struct PortSet([u64; 4]);

impl PortSet {
    pub fn add(&mut self, hash: u64) {
        self.0[hash as usize & 3] |= 1 << (hash >> 2 & 63);
    }

    /// How many ports; exact for a few, within 10 % up to 500, from some 1,500 on a lower bound.
    pub fn estimate(&self) -> u64 {
        let empty = self.0.iter().map(|word| word.count_zeros()).sum::<u32>().max(1);
        (256.0 * (256.0 / f64::from(empty)).ln()).round() as u64
    }
}

/// The local port that a packet tries, if it is no part of a conversation and no answer: any TCP segment without ACK and
/// RST, and UDP to a port that servers have rather than clients.
pub fn knocked(transport: &Transport) -> Option<u16> {
    match *transport {
        Transport::Tcp { destination_port, flags, .. } => {
            (flags & (flag::ACK | flag::RST) == 0).then_some(destination_port)
        }
        Transport::Udp { source_port, destination_port } => {
            (destination_port < 32_768 && reflector(source_port).is_none()).then_some(destination_port)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::hash::Secret;

    #[test]
    fn ports_are_counted_roughly_and_few_of_them_exactly() {
        let secret = Secret::draw();
        for (count, least, most) in [(0u64, 0, 0), (3, 2, 4), (50, 42, 58), (500, 380, 640), (60_000, 1_300, 1_500)] {
            let mut ports = PortSet::default();
            (0..count).for_each(|port| ports.add(secret.words(port, 0)));
            assert!((least..=most).contains(&ports.estimate()), "{count}: {}", ports.estimate());
        }
    }

    #[test]
    fn a_conversation_knocks_at_nothing() {
        let tcp = |flags| Transport::Tcp { source_port: 443, destination_port: 50_000, flags, options: true };
        assert_eq!(knocked(&tcp(flag::SYN)), Some(50_000));
        assert_eq!(knocked(&tcp(flag::ACK)), None);
        assert_eq!(knocked(&Transport::Udp { source_port: 53, destination_port: 1024 }), None, "an answer");
        assert_eq!(knocked(&Transport::Udp { source_port: 999, destination_port: 161 }), Some(161));
    }
}
