//! Flows: who talks with whom, and how far their handshakes came. Bounded; what is light makes room for what is heavy.

use std::net::IpAddr;

use super::classes::Class;
use super::count::Count;
use super::opening::Opening;
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
    /// Requests and exchanges that the other side began.
    pub turns: u64,
    /// The number of the byte after the last one that was received; none before that.
    rx_next: Option<u32>,
    /// The same of what was sent.
    tx_next: Option<u32>,
    /// This host has said something since the other side last began something.
    spoken: bool,
}

/// How far back a segment may begin that comes again.
const AGAIN: i32 = 1 << 20;
/// The same of one that is sent again: no further back than a window reaches.
const SENT_AGAIN: i32 = 1 << 28;

/// What a received segment begins in the conversation of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing: it carries no payload, goes on with what was begun, comes again, or is of no connection of this host.
    Nothing,
    /// A request of HTTP/1.
    Request,
    /// Something else, in answer to what this host said, or first of all.
    Exchange,
    /// The same in a record of TLS.
    EncryptedExchange,
}

/// What a packet meant for its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    pub handshake: Handshake,
    pub turn: Turn,
    /// Payload bytes of a segment that this host had sent before.
    pub sent_again: u32,
}

impl Meaning {
    fn of(handshake: Handshake) -> Self {
        Meaning { handshake, turn: Turn::Nothing, sent_again: 0 }
    }
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
    /// What its payload begins with.
    pub opening: Opening,
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

    /// Counts a packet and says what it meant for the handshake and for the conversation, and whether it was sent before.
    pub fn add(&mut self, part: &Part) -> Meaning {
        let Key { local, ports, protocol, .. } = part.key;
        let ports = ports.map_or(1 << 32, |(local, remote)| u64::from(local) << 16 | u64::from(remote));
        let hash = self
            .secret
            .words(part.remote_hash ^ self.secret.address(local).rotate_left(17), ports << 8 | u64::from(protocol));
        self.distinct.add(hash);
        let tcp = match part.transport {
            Transport::Tcp { flags, sequence, .. } => Some((flags, sequence)),
            _ => None,
        };
        let note = tcp.map_or(0, |(flags, _)| note(part.outgoing, flags));
        let Some((row, before)) = self.table.admit(hash, part.key, part.amount.weight(), note) else {
            let handshake = tcp.map(|(flags, _)| Row::default().handshake(part.outgoing, flags));
            return Meaning::of(handshake.unwrap_or(Handshake::Nothing));
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
        let Some((flags, sequence)) = tcp else { return Meaning::of(Handshake::Nothing) };
        let handshake = row.handshake(part.outgoing, flags);
        let mut sent_again = 0;
        let turn = match part.outgoing {
            _ if flags & flag::SYN != 0 => {
                // The numbers begin anew, and so does the conversation.
                (row.rx_next, row.tx_next, row.spoken) = (None, None, true);
                Turn::Nothing
            }
            _ if part.payload_bytes == 0 => Turn::Nothing,
            true => {
                row.spoken = true;
                sent_again = row.sent_again(sequence, part.payload_bytes);
                Turn::Nothing
            }
            false => row.turn(sequence, part.payload_bytes, part.opening),
        };
        row.turns += if turn == Turn::Nothing { 0 } else { packets };
        Meaning { handshake, turn, sent_again }
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

    /// What a received segment with payload begins.
    fn turn(&mut self, sequence: u32, payload_bytes: u32, opening: Opening) -> Turn {
        let end = sequence.wrapping_add(payload_bytes);
        let again = self.rx_next.is_some_and(|next| (-AGAIN..0).contains(&(sequence.wrapping_sub(next) as i32)));
        let behind = self.rx_next.is_some_and(|next| (-AGAIN..=0).contains(&(end.wrapping_sub(next) as i32)));
        if !behind {
            self.rx_next = Some(end);
        }
        if again || !self.answered || self.local_opened {
            return Turn::Nothing;
        }
        match opening {
            Opening::Request => {
                self.spoken = false;
                Turn::Request
            }
            // What sets a session up asks for nothing yet.
            Opening::TlsSession => Turn::Nothing,
            _ if !std::mem::take(&mut self.spoken) => Turn::Nothing,
            Opening::TlsData => Turn::EncryptedExchange,
            Opening::Other => Turn::Exchange,
        }
    }

    /// How many payload bytes of a segment that is sent were sent before. A byte alone asks whether the other side is still there.
    fn sent_again(&mut self, sequence: u32, payload_bytes: u32) -> u32 {
        let end = sequence.wrapping_add(payload_bytes);
        let back = self.tx_next.map_or(0, |next| next.wrapping_sub(sequence) as i32);
        let again = if (1..=SENT_AGAIN).contains(&back) { (back as u32).min(payload_bytes) } else { 0 };
        if again < payload_bytes {
            self.tx_next = Some(end);
        }
        if payload_bytes > 1 { again } else { 0 }
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

    /// What segments begin in a connection that is open: the number of the first byte and the payload of received ones, `None` for
    /// what this host says.
    fn converse(steps: &[Option<(u32, &[u8])>]) -> Vec<Turn> {
        let mut flows = Flows::new(KeyedHash::from_contents([]));
        let key = Key {
            local: [192, 0, 2, 1].into(),
            remote: [198, 51, 100, 7].into(),
            ports: Some((80, 4242)),
            protocol: 6,
        };
        let mut add = |outgoing: bool, flags: u8, sequence: u32, payload: &[u8]| {
            let ports = if outgoing { (80, 4242) } else { (4242, 80) };
            let (source_port, destination_port) = ports;
            let transport = Transport::Tcp { source_port, destination_port, flags, options: true, sequence };
            let part = Part {
                key,
                remote_hash: 7,
                outgoing,
                class: None,
                amount: Count { packets: 1, bytes: 60 + payload.len() as u64 },
                payload_bytes: payload.len() as u32,
                transport,
                opening: super::super::opening::read(payload),
                at_nanos: 0,
            };
            flows.add(&part).turn
        };
        let first = steps.iter().flatten().next().map_or(0, |(sequence, _)| *sequence);
        assert_eq!(add(false, flag::SYN, first.wrapping_sub(1), b""), Turn::Nothing);
        assert_eq!(add(true, SYN_ACK, 0, b""), Turn::Nothing);
        assert_eq!(add(false, flag::ACK, first, b""), Turn::Nothing);
        let step = |step: &Option<(u32, &[u8])>| match step {
            Some((sequence, payload)) => add(false, flag::ACK, *sequence, payload),
            None => add(true, flag::ACK, 1, b"an answer"),
        };
        steps.iter().map(step).filter(|turn| *turn != Turn::Nothing).collect()
    }

    const GET: &[u8] = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn requests_over_an_open_connection_count_once_each_however_they_come() {
        let length = GET.len() as u32;
        let near_the_end = u32::MAX - 5;
        for first in [1000, near_the_end] {
            let at = |number: u32| first.wrapping_add(number * length);
            assert_eq!(converse(&[Some((at(0), GET)), None, Some((at(1), GET)), None]), [Turn::Request; 2]);
            // Sent one after the other without waiting, and one of them twice.
            let pipelined = [Some((at(0), GET)), Some((at(1), GET)), Some((at(1), GET)), Some((at(0), GET)), None];
            assert_eq!(converse(&pipelined), [Turn::Request; 2]);
        }
    }

    #[test]
    fn a_request_that_comes_in_two_segments_counts_once() {
        for end in 1..GET.len() {
            let whole = [Some((9, &GET[..end])), Some((9 + end as u32, &GET[end..])), None];
            let expected = if end >= 5 { Turn::Request } else { Turn::Exchange };
            assert_eq!(converse(&whole), [expected], "split at {end}");
        }
    }

    #[test]
    fn an_upload_is_one_request_and_each_turn_of_another_protocol_one_exchange() {
        let body = [b'x'; 1400];
        let upload: Vec<_> = std::iter::once(Some((0, GET)))
            .chain((0..50).map(|piece| Some((GET.len() as u32 + piece * 1400, &body[..]))))
            .collect();
        assert_eq!(converse(&upload), [Turn::Request]);
        let ping: &[u8] = b"*1\r\n$4\r\nPING\r\n";
        let store = [Some((0, ping)), None, Some((14, ping)), Some((28, ping)), None, Some((42, ping))];
        assert_eq!(converse(&store), [Turn::Exchange; 3], "two questions at once are one turn");
    }

    #[test]
    fn what_sets_up_tls_is_no_exchange_and_its_data_is() {
        let (hello, finished): (&[u8], &[u8]) = (&[22, 3, 1, 0, 9], &[20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 40]);
        let data: &[u8] = &[23, 3, 3, 0, 99];
        let steps = [Some((0, hello)), None, Some((5, finished)), Some((16, data)), None, Some((21, data)), None];
        assert_eq!(converse(&steps), [Turn::EncryptedExchange; 2]);
    }

    #[test]
    fn a_segment_that_pretends_to_be_far_ahead_hides_no_more_than_itself() {
        let far = 1_000_u32.wrapping_add(1 << 30);
        let steps =
            [Some((1000, GET)), None, Some((far, b"x".as_slice())), None, Some((1000 + GET.len() as u32, GET)), None];
        assert_eq!(converse(&steps), [Turn::Request, Turn::Exchange, Turn::Request]);
    }

    #[test]
    fn what_comes_over_connections_of_this_host_is_no_request() {
        let mut row = Row::default();
        row.handshake(true, flag::SYN);
        row.handshake(false, SYN_ACK);
        row.spoken = true;
        assert_eq!(row.turn(0, 9, Opening::Other), Turn::Nothing, "an answer");
        let mut stray = Row { spoken: true, ..Row::default() };
        stray.handshake(false, flag::ACK);
        assert_eq!(stray.turn(0, 9, Opening::Request), Turn::Nothing, "a segment of no connection");
    }

    #[test]
    fn what_is_sent_again_is_told_from_what_is_new() {
        for first in [1000_u32, u32::MAX - 3000] {
            let mut row = Row::default();
            let mut send = |from: u32, bytes: u32| row.sent_again(first.wrapping_add(from), bytes);
            assert_eq!([send(0, 1448), send(1448, 2896), send(4344, 1448)], [0, 0, 0]);
            assert_eq!([send(1448, 1448), send(5000, 2000), send(7000, 10)], [1448, 792, 0], "begun at {first}");
            assert_eq!([send(7009, 1), send(7010, 5)], [0, 0], "a probe of one byte is no data");
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
