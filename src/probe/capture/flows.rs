//! Flows: who talks with whom, and how far their handshakes came. Bounded; what is light makes room for what is heavy.

use std::net::IpAddr;

use super::classes::Class;
use super::count::Count;
use super::packet::{Transport, flag};
use crate::probe::hash::KeyedHash;
use crate::probe::heavy::Heavy;
use crate::probe::hyperloglog::HyperLogLog;

/// Flows that are kept at a time: 2.5 MB.
pub const MOST_FLOWS: usize = 16_384;

/// What makes a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The local address.
    pub local: IpAddr,
    /// The remote address.
    pub remote: IpAddr,
    /// The local and the remote port.
    pub ports: Option<(u16, u16)>,
    /// The IP protocol.
    pub protocol: u8,
}

/// What a flow carried.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub rx_payload_bytes: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub tx_payload_bytes: u64,
    pub first_nanos: u64,
    pub last_nanos: u64,
    pub class: Option<Class>,
    pub remote_opened: bool,
    pub local_opened: bool,
    /// This host sent something over it that is no refusal.
    pub answered: bool,
    accepted: bool,
    completed: bool,
}

/// What a packet meant for its connection's handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    /// Somebody began to open a connection to us.
    Started,
    /// Our answer was answered: the connection is open.
    Completed,
    /// Somebody sent a segment that opens nothing, to a connection that this host has not taken part in so far.
    Stray,
    /// Somebody answered a SYN that this host has not sent.
    Unasked,
    /// Nothing, or nothing new.
    Nothing,
}

/// One packet of a flow, and how many it stands for.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub key: Key,
    pub remote_hash: u64,
    pub outgoing: bool,
    pub class: Option<Class>,
    pub amount: Count,
    /// Payload bytes of each of the packets.
    pub payload_bytes: u32,
    pub transport: Transport,
    pub at_nanos: u64,
}

/// The table.
#[derive(Debug)]
pub struct Flows {
    secret: KeyedHash,
    table: Heavy<Key, Row>,
    distinct: HyperLogLog,
}

impl Flows {
    /// An empty table.
    pub fn new(secret: KeyedHash) -> Self {
        Flows { secret, table: Heavy::new(MOST_FLOWS), distinct: HyperLogLog::new(12, HyperLogLog::EXACT) }
    }

    /// Counts a packet and says what it meant for the handshake.
    pub fn add(&mut self, part: &Part) -> Handshake {
        let Key { local, ports, protocol, .. } = part.key;
        let ports = ports.map_or(1 << 32, |(local, remote)| u64::from(local) << 16 | u64::from(remote));
        let hash = self
            .secret
            .words(part.remote_hash ^ self.secret.address(local).rotate_left(17), ports << 8 | u64::from(protocol));
        self.distinct.add(hash);
        let flags = match part.transport {
            Transport::Tcp { flags, .. } => Some(flags),
            _ => None,
        };
        let note = flags.map_or(0, |flags| note(part.outgoing, flags));
        let Some((row, before)) = self.table.admit(hash, part.key, part.amount.weight(), note) else {
            return flags.map_or(Handshake::Nothing, |flags| Row::default().handshake(part.outgoing, flags));
        };
        row.recall(before);
        let Count { packets, bytes } = part.amount;
        if row.rx_packets + row.tx_packets == 0 {
            row.first_nanos = part.at_nanos;
        }
        row.last_nanos = part.at_nanos;
        if part.outgoing {
            row.tx_packets += packets;
            row.tx_bytes += bytes;
            row.tx_payload_bytes += packets * u64::from(part.payload_bytes);
        } else {
            row.rx_packets += packets;
            row.rx_bytes += bytes;
            row.rx_payload_bytes += packets * u64::from(part.payload_bytes);
            row.class = row.class.or(part.class);
        }
        flags.map_or(Handshake::Nothing, |flags| row.handshake(part.outgoing, flags))
    }

    /// How many flows there were.
    pub fn distinct(&self) -> u64 {
        self.distinct.estimate()
    }

    /// How often a flow made room for another, or waited for room.
    pub fn crowded(&self) -> u64 {
        self.table.evicted() + self.table.waited()
    }

    /// The flows that are kept, in no order.
    pub fn rows(&self) -> impl Iterator<Item = &(Key, Row)> {
        self.table.rows()
    }
}

/// What a segment means for those that come after it, in the bits that [`Row::recall`] reads.
fn note(outgoing: bool, flags: u8) -> u8 {
    let mut row = Row::default();
    row.handshake(outgoing, flags);
    u8::from(row.remote_opened) | u8::from(row.local_opened) << 1 | u8::from(row.answered) << 2
}

impl Row {
    /// Learns of a segment that came before there was a row.
    fn recall(&mut self, note: u8) {
        self.remote_opened |= note & 1 != 0;
        self.local_opened |= note & 2 != 0;
        self.answered |= note & 4 != 0;
    }

    fn handshake(&mut self, outgoing: bool, flags: u8) -> Handshake {
        self.answered |= outgoing && flags & flag::RST == 0;
        match (outgoing, flags & (flag::SYN | flag::ACK | flag::RST)) {
            (false, flag::SYN) if !self.remote_opened || self.completed => {
                // A SYN after a completed handshake opens the next connection on the same ports.
                (self.remote_opened, self.accepted, self.completed) = (true, false, false);
                Handshake::Started
            }
            (true, flag::SYN) => {
                self.local_opened = true;
                Handshake::Nothing
            }
            (true, flags) if flags == flag::SYN | flag::ACK => {
                self.accepted = self.remote_opened;
                Handshake::Nothing
            }
            (false, flag::ACK) if self.accepted && !self.completed => {
                self.completed = true;
                Handshake::Completed
            }
            (false, flags) if flags & flag::SYN != 0 && flags & flag::ACK != 0 && !self.local_opened => {
                Handshake::Unasked
            }
            (false, flags) if flags & (flag::SYN | flag::ACK) != flag::SYN && !self.answered => Handshake::Stray,
            _ => Handshake::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shake(steps: &[(bool, u8)]) -> Vec<Handshake> {
        let mut row = Row::default();
        steps.iter().map(|(outgoing, flags)| row.handshake(*outgoing, *flags)).collect()
    }

    const SYN_ACK: u8 = flag::SYN | flag::ACK;

    #[test]
    fn a_handshake_completes_once() {
        use Handshake::{Completed, Nothing, Started};
        let steps = [(false, flag::SYN), (false, flag::SYN), (true, SYN_ACK), (false, flag::ACK), (false, flag::ACK)];
        assert_eq!(shake(&steps), [Started, Nothing, Nothing, Completed, Nothing]);
    }

    #[test]
    fn an_ack_without_our_answer_completes_nothing() {
        use Handshake::{Nothing, Started, Stray};
        assert_eq!(shake(&[(false, flag::SYN), (false, flag::ACK)]), [Started, Stray]);
        assert_eq!(shake(&[(true, SYN_ACK), (false, flag::ACK)]), [Nothing, Nothing]);
        assert_eq!(shake(&[(false, flag::SYN), (true, SYN_ACK), (false, flag::RST)]), [Started, Nothing, Nothing]);
    }

    #[test]
    fn segments_of_no_connection_are_strays_until_this_host_takes_part() {
        use Handshake::{Nothing, Stray, Unasked};
        assert_eq!(shake(&[(false, flag::ACK), (true, flag::RST), (false, flag::RST)]), [Stray, Nothing, Stray]);
        assert_eq!(shake(&[(false, flag::ACK), (true, flag::ACK), (false, flag::ACK)]), [Stray, Nothing, Nothing]);
        assert_eq!(shake(&[(false, SYN_ACK), (true, flag::RST)]), [Unasked, Nothing]);
        assert_eq!(shake(&[(true, flag::SYN), (false, SYN_ACK)]), [Nothing, Nothing]);
    }

    #[test]
    fn a_port_that_is_used_again_opens_a_second_connection() {
        let once = [(false, flag::SYN), (true, SYN_ACK), (false, flag::ACK)];
        let twice = shake(&[once, once].concat());
        assert_eq!(twice.iter().filter(|step| **step == Handshake::Started).count(), 2);
        assert_eq!(twice.iter().filter(|step| **step == Handshake::Completed).count(), 2);
    }

    #[test]
    fn a_note_carries_on_what_the_segment_meant() {
        for (first, rest) in [
            ((false, flag::SYN), [(true, SYN_ACK), (false, flag::ACK)]),
            ((true, flag::SYN), [(false, SYN_ACK), (true, flag::ACK)]),
            ((true, flag::ACK), [(false, flag::ACK), (false, SYN_ACK)]),
            ((false, SYN_ACK), [(false, SYN_ACK), (true, flag::RST)]),
        ] {
            let whole = shake(&[first, rest[0], rest[1]]);
            let mut late = Row::default();
            late.recall(note(first.0, first.1));
            let late = rest.map(|(outgoing, flags)| late.handshake(outgoing, flags));
            assert_eq!(whole[1..], late, "{first:?}");
        }
    }

    #[test]
    fn a_connection_that_we_open_is_ours() {
        let mut row = Row::default();
        row.handshake(true, flag::SYN);
        row.handshake(false, SYN_ACK);
        assert!(row.local_opened && !row.remote_opened);
    }
}
