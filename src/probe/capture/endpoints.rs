//! The receivers on this host, counted exactly up to a limit.

use std::net::IpAddr;

use super::asked::Asked;
use super::count::Count;
use super::flows::Turn;
use super::histogram::TtlHistogram;
use super::misra_gries::MisraGries;
use crate::probe::hash::KeyedHash;
use crate::probe::hyperloglog::HyperLogLog;

/// Endpoints that have a row of their own: all 65,536 ports of one address and protocol. What comes beyond is added up.
const ROWS: usize = 65_536;
/// Rows beyond that for endpoints that send: whoever fills the table from outside does not hide them. 3 MB at most.
const SENDING: usize = 8_192;
/// Remotes of an endpoint up to which their number is exact: they take no more memory than the registers beyond.
const EXACT: usize = 64;
/// Endpoints whose remotes, source ports and TTLs are looked into: 3 kB each, so 6 MB at most.
const DETAILS: usize = 2_048;
/// Endpoints of which is counted what was asked of them: 3 kB each, so 3 MB at most. Only those that answer get so far.
const ASKED: usize = 1_024;
/// Packets of an endpoint whose remotes are remembered one by one before that.
const EARLY: usize = 8;

/// What makes an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The local address.
    pub address: IpAddr,
    /// The local port.
    pub port: Option<u16>,
    /// The IP protocol.
    pub protocol: u8,
}

/// What one endpoint received and sent.
#[derive(Debug)]
pub struct Row {
    pub key: Key,
    /// Packets that were looked at; each may stand for more.
    looked_at: u64,
    /// By which interface most came in.
    pub entered: Majority,
    pub packets: u64,
    pub wire_packets: u64,
    pub bytes: u64,
    pub payload_bytes: u64,
    pub merged_header_bytes: u64,
    pub syn: u64,
    pub handshakes_completed: u64,
    pub rst: u64,
    pub syn_ack: u64,
    pub stray: u64,
    pub fragments: u64,
    pub later_fragments: u64,
    pub impossible_sources: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub tx_payload_bytes: u64,
    pub tx_rst: u64,
    pub tx_syn_ack: u64,
    pub tx_wire_packets: u64,
    pub tx_merged_header_bytes: u64,
    pub tx_rst_bytes: u64,
    pub tx_syn_ack_bytes: u64,
    pub tx_syn: u64,
    /// Segments that had been sent before, and the bytes of theirs that had.
    pub tx_again: Count,
    pub first_nanos: u64,
    pub last_nanos: u64,
    early: [u32; EARLY],
    detail: Option<u16>,
    asked: Option<u16>,
}

/// The interface by which more than half came in, if there is one: of all others none is left at the end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Majority {
    interface: u8,
    ahead: u64,
}

impl Majority {
    /// Counts packets that came in by an interface.
    #[inline(always)]
    pub fn vote(&mut self, interface: u8, packets: u64) {
        if self.interface == interface {
            self.ahead += packets;
        } else if self.ahead >= packets {
            self.ahead -= packets;
        } else {
            *self = Majority { interface, ahead: packets - self.ahead };
        }
    }

    /// The place of the interface; none where nothing came in.
    pub fn interface(self) -> Option<usize> {
        (self.ahead > 0).then_some(usize::from(self.interface))
    }
}

/// What is kept of the busier endpoints.
#[derive(Debug)]
pub struct Detail {
    pub remotes: HyperLogLog,
    pub remote: MisraGries<IpAddr>,
    pub remote_port: MisraGries<u16>,
    pub ttl: TtlHistogram,
}

/// What came beyond the rows, by IP protocol.
#[derive(Debug, Clone, Default)]
pub struct Overflow {
    pub packets: u64,
    pub bytes: u64,
    pub distinct: Option<Box<HyperLogLog>>,
}

/// The table.
#[derive(Debug)]
pub struct Endpoints {
    secret: KeyedHash,
    limit: usize,
    rows: Vec<Row>,
    /// Open addressing: numbers of rows plus 1, 0 is empty. Twice as many slots as rows, at least.
    slots: Vec<u32>,
    details: Vec<Detail>,
    asked: Vec<Asked>,
    /// Requests at endpoints for which there was no room.
    unasked: u64,
    overflow: Vec<(u8, Overflow)>,
}

impl Endpoints {
    /// An empty table.
    pub fn new(secret: KeyedHash) -> Self {
        Endpoints::with_limit(secret, ROWS)
    }

    fn with_limit(secret: KeyedHash, limit: usize) -> Self {
        let slots = vec![0; 1024];
        Endpoints {
            secret,
            limit,
            rows: Vec::new(),
            slots,
            details: Vec::new(),
            asked: Vec::new(),
            unasked: 0,
            overflow: Vec::new(),
        }
    }

    /// The place of the row of `key`, made if there is none; none if there is no room for it.
    pub fn place(&mut self, key: Key, at_nanos: u64) -> Option<usize> {
        self.place_up_to(self.limit, key, at_nanos)
    }

    /// The same for an endpoint that sends, which has room of its own beyond.
    pub fn place_of_sender(&mut self, key: Key, at_nanos: u64) -> Option<usize> {
        self.place_up_to(self.limit + SENDING, key, at_nanos)
    }

    fn place_up_to(&mut self, limit: usize, key: Key, at_nanos: u64) -> Option<usize> {
        let hash = self.hash(&key);
        match self.find(hash, &key) {
            Ok(row) => Some(row),
            Err(_) if self.rows.len() >= limit => None,
            Err(slot) => {
                self.rows.push(Row::new(key, at_nanos));
                self.slots[slot] = self.rows.len() as u32;
                if self.rows.len() * 2 > self.slots.len() {
                    self.grow();
                }
                Some(self.rows.len() - 1)
            }
        }
    }

    /// The row at a place that [`Self::place`] gave.
    #[inline(always)]
    pub fn at(&mut self, place: usize) -> &mut Row {
        &mut self.rows[place]
    }

    /// Counts packets that found no room for a row.
    pub fn overflow(&mut self, key: &Key, amount: Count) {
        let hash = self.hash(key);
        let place = match self.overflow.iter().position(|(protocol, _)| *protocol == key.protocol) {
            Some(place) => place,
            None => {
                self.overflow.push((key.protocol, Overflow::default()));
                self.overflow.len() - 1
            }
        };
        let (_, other) = &mut self.overflow[place];
        other.packets += amount.packets;
        other.bytes += amount.bytes;
        other.distinct.get_or_insert_with(|| Box::new(HyperLogLog::new(12, 0))).add(hash);
    }

    /// Looks into an rx packet of the endpoint at a place: who sent it.
    pub fn look_into(
        &mut self,
        place: usize,
        remote: IpAddr,
        remote_hash: u64,
        port: Option<u16>,
        ttl: u8,
        amount: Count,
    ) {
        let secret = self.secret;
        let row = &mut self.rows[place];
        let early = row.looked_at as usize;
        row.looked_at += 1;
        if let Some(remembered) = row.early.get_mut(early) {
            *remembered = remote_hash as u32;
            return;
        }
        if row.detail.is_none() && early == EARLY && self.details.len() < DETAILS {
            row.detail = Some(self.details.len() as u16);
            let mut remotes = HyperLogLog::new(10, EXACT);
            row.early.iter().for_each(|remembered| remotes.add(secret.words(u64::from(*remembered), 32)));
            self.details.push(Detail {
                remotes,
                remote: MisraGries::new(),
                remote_port: MisraGries::new(),
                ttl: TtlHistogram::default(),
            });
        }
        if let Some(detail) = row.detail.and_then(|index| self.details.get_mut(usize::from(index))) {
            detail.remotes.add(secret.words(u64::from(remote_hash as u32), 32));
            detail.remote.add(remote, amount.bytes);
            if let Some(port) = port {
                detail.remote_port.add(port, amount.bytes);
            }
            detail.ttl.add(ttl, amount.packets.min(u64::from(u32::MAX)) as u32);
        }
    }

    /// Counts what a client began at the endpoint at a place, see [`Asked::add`].
    pub fn ask(&mut self, place: usize, turn: Turn, client: IpAddr, text: &[u8], at_nanos: u64, times: u64) {
        let row = &mut self.rows[place];
        if row.asked.is_none() && self.asked.len() < ASKED {
            row.asked = Some(self.asked.len() as u16);
            self.asked.push(Asked::new());
        }
        match row.asked.and_then(|index| self.asked.get_mut(usize::from(index))) {
            Some(asked) => asked.add(turn, client, text, at_nanos, times, &self.secret),
            None => self.unasked += times,
        }
    }

    /// What was asked of an endpoint, if anything was.
    pub fn asked(&self, row: &Row) -> Option<&Asked> {
        row.asked.and_then(|index| self.asked.get(usize::from(index)))
    }

    /// Requests that were not counted for want of room.
    pub fn unasked(&self) -> u64 {
        self.unasked
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What is kept of a busier endpoint.
    pub fn detail(&self, row: &Row) -> Option<&Detail> {
        row.detail.and_then(|index| self.details.get(usize::from(index)))
    }

    /// How many remotes sent to an endpoint.
    pub fn remotes(&self, row: &Row) -> Option<u64> {
        match self.detail(row) {
            Some(detail) => Some(detail.remotes.estimate()),
            None if row.looked_at as usize <= EARLY => {
                let mut remembered = row.early;
                let remembered = &mut remembered[..row.looked_at as usize];
                remembered.sort();
                Some(remembered.chunk_by(PartialEq::eq).count() as u64)
            }
            None => None,
        }
    }

    /// What came beyond the rows, by IP protocol.
    pub fn overflowed(&self) -> &[(u8, Overflow)] {
        &self.overflow
    }

    fn hash(&self, key: &Key) -> u64 {
        let port = key.port.map_or(0x1_0000, u64::from);
        self.secret.words(self.secret.address(key.address), port << 8 | u64::from(key.protocol))
    }

    /// The number of the row, or else the slot where it would be.
    fn find(&self, hash: u64, key: &Key) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot] as usize {
                0 => return Err(slot),
                row if self.rows[row - 1].key == *key => return Ok(row - 1),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        self.slots = vec![0; self.slots.len() * 2];
        for row in 0..self.rows.len() {
            let key = self.rows[row].key;
            if let Err(slot) = self.find(self.hash(&key), &key) {
                self.slots[slot] = row as u32 + 1;
            }
        }
    }
}

impl Row {
    fn new(key: Key, at_nanos: u64) -> Self {
        Row {
            key,
            looked_at: 0,
            entered: Majority::default(),
            packets: 0,
            wire_packets: 0,
            bytes: 0,
            payload_bytes: 0,
            merged_header_bytes: 0,
            syn: 0,
            handshakes_completed: 0,
            rst: 0,
            syn_ack: 0,
            stray: 0,
            fragments: 0,
            later_fragments: 0,
            impossible_sources: 0,
            tx_packets: 0,
            tx_bytes: 0,
            tx_payload_bytes: 0,
            tx_rst: 0,
            tx_syn_ack: 0,
            tx_wire_packets: 0,
            tx_merged_header_bytes: 0,
            tx_rst_bytes: 0,
            tx_syn_ack_bytes: 0,
            tx_syn: 0,
            tx_again: Count::default(),
            first_nanos: at_nanos,
            last_nanos: at_nanos,
            early: [0; EARLY],
            detail: None,
            asked: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Count = Count { packets: 1, bytes: 100 };

    fn key(port: u16) -> Key {
        Key { address: "192.0.2.1".parse().unwrap(), port: Some(port), protocol: 17 }
    }

    #[test]
    fn every_port_of_an_address_has_its_row() {
        let mut endpoints = Endpoints::new(KeyedHash::from_kernel());
        for _ in 0..2 {
            for port in 0..=u16::MAX {
                let place = endpoints.place(key(port), 0).unwrap();
                endpoints.at(place).packets += 1;
            }
        }
        assert_eq!(endpoints.rows().len(), 65_536);
        assert!(endpoints.rows().iter().all(|row| row.packets == 2));
        assert!(endpoints.place(Key { protocol: 6, ..key(1) }, 0).is_none());
        assert!(endpoints.place(key(1), 0).is_some());
    }

    #[test]
    fn who_sends_finds_room_in_a_table_that_was_filled_from_outside() {
        let mut endpoints = Endpoints::with_limit(KeyedHash::from_kernel(), 2);
        for port in 0..9 {
            endpoints.place(key(port), 0);
        }
        let sender = Key { protocol: 6, ..key(40_000) };
        assert_eq!((endpoints.rows().len(), endpoints.place(sender, 0)), (2, None));
        assert_eq!(endpoints.place_of_sender(sender, 0), Some(2));
        assert_eq!(endpoints.place(sender, 0), Some(2));
    }

    #[test]
    fn remotes_are_exact_when_few_and_close_when_many() {
        let secret = KeyedHash::from_kernel();
        let mut endpoints = Endpoints::new(secret);
        for sent in 0..5_000u32 {
            let remote = IpAddr::from((0x0a00_0000 + sent % 3).to_be_bytes());
            if sent < 6 {
                let place = endpoints.place(key(1), 0).unwrap();
                endpoints.at(place).packets += 1;
                endpoints.look_into(place, remote, secret.address(remote), Some(53), 64, ONE);
            }
            let remote = IpAddr::from((0x0a00_0000 + sent).to_be_bytes());
            let place = endpoints.place(key(2), 0).unwrap();
            endpoints.at(place).packets += 1;
            endpoints.look_into(place, remote, secret.address(remote), Some(53), 64, ONE);
        }
        assert_eq!(endpoints.remotes(&endpoints.rows()[0]), Some(3));
        let many = endpoints.remotes(&endpoints.rows()[1]).unwrap();
        assert!((4_300..=5_700).contains(&many), "{many}");
        let detail = endpoints.detail(&endpoints.rows()[1]).unwrap();
        assert_eq!(detail.remote_port.top(), Some((53, 1.0)));
        assert_eq!(detail.ttl.distinct(), 1);
    }
}
