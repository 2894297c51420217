//! Who knocks at many ports.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::names::reflector;
use super::packet::{Transport, flag};

/// Ports of a remote that are remembered one by one, before it looks like a scan.
const EARLY: usize = 8;
/// Remotes whose ports are all remembered at a time, in 8 kB each: 2 MB.
const SCANNERS: usize = 256;
/// Words of a bit for each port.
const WORDS: usize = 1 << 10;

/// Room for the ports of scanners.
#[derive(Debug, Default)]
pub struct Room(Arc<AtomicUsize>);

/// All ports of one scanner. Gives its room back when its remote is forgotten.
#[derive(Debug)]
struct AllPorts {
    bits: Box<[u64; WORDS]>,
    taken: Arc<AtomicUsize>,
}

impl Room {
    fn take(&self) -> Option<AllPorts> {
        // One thread adds packets up; nobody takes the last place at the same time.
        if self.0.load(Ordering::Relaxed) >= SCANNERS {
            return None;
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        Some(AllPorts { bits: Box::new([0; WORDS]), taken: Arc::clone(&self.0) })
    }
}

impl AllPorts {
    fn add(&mut self, port: u16) {
        self.bits[usize::from(port) / 64] |= 1 << (port % 64);
    }
}

impl Drop for AllPorts {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many local ports a remote knocks at: exactly, unless more remotes scan than there is room for. For those, one bit for
/// each of 256 classes of ports.
#[derive(Debug, Default)]
pub struct PortSet {
    classes: [u64; 4],
    early: [u16; EARLY],
    known: u8,
    /// More ports came than are remembered.
    is_rough: bool,
    all: Option<AllPorts>,
}

impl PortSet {
    pub fn add(&mut self, port: u16, hash: u64, room: &Room) {
        self.classes[hash as usize & 3] |= 1 << (hash >> 2 & 63);
        if let Some(all) = &mut self.all {
            return all.add(port);
        }
        let known = usize::from(self.known);
        if self.is_rough || self.early[..known].contains(&port) {
            return;
        }
        if let Some(place) = self.early.get_mut(known) {
            (*place, self.known) = (port, self.known + 1);
            return;
        }
        match room.take() {
            Some(mut all) => {
                self.early.iter().for_each(|early| all.add(*early));
                all.add(port);
                self.all = Some(all);
            }
            None => self.is_rough = true,
        }
    }

    /// How many ports. Roughly, where there was no room: within 10 % up to 500, from some 1,500 on a lower bound.
    pub fn count(&self) -> u64 {
        match &self.all {
            Some(all) => all.bits.iter().map(|word| u64::from(word.count_ones())).sum(),
            None if self.is_rough => self.estimate().max(EARLY as u64 + 1),
            None => self.known.into(),
        }
    }

    fn estimate(&self) -> u64 {
        let empty = self.classes.iter().map(|word| word.count_zeros()).sum::<u32>().max(1);
        (256.0 * (256.0 / f64::from(empty)).ln()).round() as u64
    }
}

/// The local port that a packet tries, if it is no part of a conversation and no answer: any TCP segment without ACK and
/// RST, and UDP to a port that servers have rather than clients.
pub fn scanned(transport: &Transport) -> Option<u16> {
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
    use crate::probe::hash::KeyedHash;

    fn scan(ports: u64, room: &Room) -> PortSet {
        let key = KeyedHash::from_kernel();
        let mut set = PortSet::default();
        for _ in 0..2 {
            (0..ports).for_each(|port| set.add(port as u16, key.words(port, 0), room));
        }
        set
    }

    #[test]
    fn the_ports_of_a_scan_are_counted_exactly() {
        let room = Room::default();
        for ports in [0, 1, 8, 9, 999, 1_000, 1_002, 65_536] {
            assert_eq!(scan(ports, &room).count(), ports);
        }
    }

    #[test]
    fn scanners_beyond_the_room_are_counted_roughly_until_others_are_forgotten() {
        let room = Room::default();
        let scanners: Vec<PortSet> = (0..SCANNERS).map(|_| scan(10, &room)).collect();
        for (ports, least, most) in [(3u64, 3, 3), (50, 40, 60), (500, 380, 640), (60_000, 1_300, 1_500)] {
            let count = scan(ports, &room).count();
            assert!((least..=most).contains(&count), "{ports}: {count}");
        }
        drop(scanners);
        assert_eq!(scan(500, &room).count(), 500);
    }

    #[test]
    fn a_conversation_knocks_at_nothing() {
        let tcp =
            |flags| Transport::Tcp { source_port: 443, destination_port: 50_000, flags, options: true, sequence: 0 };
        assert_eq!(scanned(&tcp(flag::SYN)), Some(50_000));
        assert_eq!(scanned(&tcp(flag::ACK)), None);
        assert_eq!(scanned(&Transport::Udp { source_port: 53, destination_port: 1024 }), None, "an answer");
        assert_eq!(scanned(&Transport::Udp { source_port: 999, destination_port: 161 }), Some(161));
    }
}
