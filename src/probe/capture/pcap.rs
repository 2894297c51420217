//! Packets from a pcap or pcapng file, one after another, in one buffer.
//!
//! Read by hand rather than by the crate that writes them, which takes every pcapng timestamp for nanoseconds, refuses
//! packets longer than the file's stated limit, and takes a bad comment for a bad packet.

use std::io::{self, Read};

use super::link::{Link, Way};
use super::write::way;

/// A packet or block that claims to be longer is nonsense.
const LONGEST: usize = 16 * 1024 * 1024;
/// Interfaces that a section of a pcapng file may have.
const INTERFACES: usize = 4_096;

/// A packet in a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The link layer, or the number of one that is not read here.
    pub link: Result<Link, u32>,
    /// When it was seen: nanoseconds of the wall clock; none when the file does not say.
    pub at_nanos: Option<u64>,
    /// The frame, perhaps cut.
    pub bytes: &'a [u8],
    /// Its whole length on the wire.
    pub wire_bytes: u32,
    /// The way it went, where the file says so.
    pub way: Option<Way>,
}

/// Why a file cannot be read, or no further.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The file ends in the middle of something.
    #[error("the file ends in the middle of it")]
    Cut,
    /// The system could not read it.
    #[error("{0}")]
    Io(io::Error),
    /// What is there makes no sense.
    #[error("{0}")]
    Nonsense(&'static str),
}

/// A file that is being read.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    buffer: Vec<u8>,
    big_endian: bool,
    format: Format,
    read: u64,
}

#[derive(Debug)]
enum Format {
    Pcap { link: Result<Link, u32>, fraction_nanos: u64 },
    PcapNg { interfaces: Vec<Interface> },
}

/// An interface of a pcapng file.
#[derive(Debug, Clone, Copy)]
struct Interface {
    link: Result<Link, u32>,
    units_per_second: u64,
    offset_seconds: i64,
    snap_bytes: u32,
}

impl<R: Read> Reader<R> {
    /// Begins to read; tells the format by its first bytes.
    pub fn new(source: R) -> Result<Self, Broken> {
        let format = Format::PcapNg { interfaces: Vec::new() };
        let mut reader = Reader { source, buffer: Vec::new(), big_endian: false, format, read: 0 };
        match reader.fill(4) {
            Ok(()) => {}
            Err(Broken::Io(error)) => return Err(Broken::Io(error)),
            Err(_) => return Err(Broken::Nonsense("it is too short to be pcap or pcapng")),
        }
        let magic: [u8; 4] = reader.buffer.as_slice().try_into().unwrap_or_default();
        let (big_endian, fraction_nanos) = match magic {
            [0x0a, 0x0d, 0x0d, 0x0a] => {
                reader.section()?;
                return Ok(reader);
            }
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, 1_000),
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, 1_000),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, 1),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, 1),
            _ => return Err(Broken::Nonsense("it is neither pcap nor pcapng")),
        };
        reader.big_endian = big_endian;
        reader.fill(20)?;
        // The highest four bits tell of a frame check sequence.
        let link = link(reader.word(16).unwrap_or(0) & 0x0fff_ffff);
        reader.format = Format::Pcap { link, fraction_nanos };
        Ok(reader)
    }

    /// The file's link layer, where it has named one that is read here.
    pub fn link(&self) -> Option<Link> {
        match &self.format {
            Format::Pcap { link, .. } => link.ok(),
            Format::PcapNg { interfaces } => interfaces.iter().find_map(|interface| interface.link.ok()),
        }
    }

    /// How many bytes were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// The next packet; none at the end.
    pub fn next(&mut self) -> Result<Option<Record<'_>>, Broken> {
        match self.format {
            Format::Pcap { link, fraction_nanos } => {
                if !self.fill_or_end(16)? {
                    return Ok(None);
                }
                let [seconds, fraction, captured, wire] = [0, 4, 8, 12].map(|at| self.word(at).unwrap_or(0));
                self.fill(captured as usize)?;
                Ok(Some(Record {
                    link,
                    at_nanos: Some(u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * fraction_nanos),
                    bytes: &self.buffer,
                    wire_bytes: wire.max(captured),
                    way: None,
                }))
            }
            Format::PcapNg { .. } => self.next_block_with_packet(),
        }
    }

    fn next_block_with_packet(&mut self) -> Result<Option<Record<'_>>, Broken> {
        const SECTION: u32 = 0x0a0d_0d0a;
        const INTERFACE: u32 = 1;
        const OLD_PACKET: u32 = 2;
        const SIMPLE_PACKET: u32 = 3;
        const PACKET: u32 = 6;
        loop {
            if !self.fill_or_end(4)? {
                return Ok(None);
            }
            let kind = self.word(0).unwrap_or(0);
            if kind == SECTION {
                self.section()?;
                continue;
            }
            self.fill(4)?;
            let length = self.word(0).unwrap_or(0) as usize;
            if length < 12 || !length.is_multiple_of(4) {
                return Err(Broken::Nonsense("a block has an impossible length"));
            }
            self.fill(length - 8)?;
            self.buffer.truncate(length - 12);
            match kind {
                INTERFACE => self.interface()?,
                PACKET | OLD_PACKET | SIMPLE_PACKET => break self.packet(kind == SIMPLE_PACKET, kind == OLD_PACKET),
                _ => {}
            }
        }
    }

    /// Reads the rest of a section's header, after its type.
    fn section(&mut self) -> Result<(), Broken> {
        self.fill(8)?;
        self.big_endian = match self.buffer.get(4..8) {
            Some([0x1a, 0x2b, 0x3c, 0x4d]) => true,
            Some([0x4d, 0x3c, 0x2b, 0x1a]) => false,
            _ => return Err(Broken::Nonsense("a section's byte order is neither big nor little endian")),
        };
        let length = self.word(0).unwrap_or(0) as usize;
        if length < 28 || !length.is_multiple_of(4) {
            return Err(Broken::Nonsense("a section's header has an impossible length"));
        }
        self.fill(length - 12)?;
        self.format = Format::PcapNg { interfaces: Vec::new() };
        Ok(())
    }

    fn interface(&mut self) -> Result<(), Broken> {
        const RESOLUTION: u16 = 9;
        const OFFSET: u16 = 14;
        let (Some(kind), Some(snap_bytes)) = (self.half(0), self.word(4)) else {
            return Err(Broken::Nonsense("an interface's description is too short"));
        };
        let mut interface =
            Interface { link: link(kind.into()), units_per_second: 1_000_000, offset_seconds: 0, snap_bytes };
        self.options(8, |code, value| match (code, value) {
            (RESOLUTION, [resolution, ..]) => {
                let exponent = u32::from(resolution & 0x7f);
                let units =
                    if resolution & 0x80 == 0 { 10u64.checked_pow(exponent) } else { 1u64.checked_shl(exponent) };
                interface.units_per_second = units.unwrap_or(u64::MAX).max(1);
            }
            (OFFSET, value) => {
                if let Ok(value) = <[u8; 8]>::try_from(value) {
                    interface.offset_seconds =
                        if self.big_endian { i64::from_be_bytes(value) } else { i64::from_le_bytes(value) };
                }
            }
            _ => {}
        });
        match &mut self.format {
            Format::PcapNg { interfaces } if interfaces.len() < INTERFACES => interfaces.push(interface),
            _ => return Err(Broken::Nonsense("it describes more interfaces than any host has")),
        }
        Ok(())
    }

    fn packet(&self, simple: bool, old: bool) -> Result<Option<Record<'_>>, Broken> {
        const FLAGS: u16 = 2;
        let Format::PcapNg { interfaces } = &self.format else {
            return Err(Broken::Nonsense("a packet stands outside any section"));
        };
        let number = match (simple, old) {
            (true, _) => Some(0),
            (_, true) => self.half(0).map(u32::from),
            _ => self.word(0),
        };
        let interface = number
            .and_then(|number| interfaces.get(number as usize))
            .ok_or(Broken::Nonsense("a packet names an interface that was not described"))?;
        if simple {
            let wire_bytes = self.word(0).ok_or(Broken::Nonsense("a packet's block is too short"))?;
            let limit = if interface.snap_bytes == 0 { u32::MAX } else { interface.snap_bytes };
            let bytes = self.buffer.get(4..).unwrap_or_default();
            let bytes = bytes.get(..wire_bytes.min(limit) as usize).unwrap_or(bytes);
            return Ok(Some(Record { link: interface.link, at_nanos: None, bytes, wire_bytes, way: None }));
        }
        let [Some(high), Some(low), Some(captured), Some(wire)] = [4, 8, 12, 16].map(|at| self.word(at)) else {
            return Err(Broken::Nonsense("a packet's block is too short"));
        };
        let end = 20 + captured as usize;
        let bytes = self.buffer.get(20..end).ok_or(Broken::Nonsense("a packet is longer than its block"))?;
        let mut flags = 0;
        self.options(end.next_multiple_of(4), |code, value| {
            if code == FLAGS
                && let Ok(value) = <[u8; 4]>::try_from(value)
            {
                flags = if self.big_endian { u32::from_be_bytes(value) } else { u32::from_le_bytes(value) };
            }
        });
        Ok(Some(Record {
            link: interface.link,
            at_nanos: Some(interface.nanos(u64::from(high) << 32 | u64::from(low))),
            bytes,
            wire_bytes: wire.max(captured),
            way: way(flags),
        }))
    }

    /// Hands over the options of a block, from `at` in the buffer on; ends at the first that makes no sense.
    fn options(&self, mut at: usize, mut each: impl FnMut(u16, &[u8])) {
        while let (Some(code), Some(length)) = (self.half(at), self.half(at + 2)) {
            let value = self.buffer.get(at + 4..at + 4 + usize::from(length));
            let Some(value) = value.filter(|_| code != 0) else { return };
            each(code, value);
            at += 4 + usize::from(length).next_multiple_of(4);
        }
    }

    /// Reads the next `length` bytes into the buffer.
    fn fill(&mut self, length: usize) -> Result<(), Broken> {
        if length > LONGEST {
            return Err(Broken::Nonsense("its length is impossible"));
        }
        self.buffer.clear();
        // Not all at once: a file that lies about a length costs no more than it has.
        let read = (&mut self.source).take(length as u64).read_to_end(&mut self.buffer).map_err(Broken::Io)?;
        self.read += read as u64;
        if read < length { Err(Broken::Cut) } else { Ok(()) }
    }

    /// The same; false where the file ends before the first of them.
    fn fill_or_end(&mut self, length: usize) -> Result<bool, Broken> {
        match self.fill(length) {
            Ok(()) => Ok(true),
            Err(Broken::Cut) if self.buffer.is_empty() => Ok(false),
            Err(broken) => Err(broken),
        }
    }

    fn word(&self, at: usize) -> Option<u32> {
        let bytes = self.buffer.get(at..at + 4)?.try_into().ok()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn half(&self, at: usize) -> Option<u16> {
        let bytes = self.buffer.get(at..at + 2)?.try_into().ok()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }
}

impl Interface {
    fn nanos(&self, units: u64) -> u64 {
        let nanos = i128::from(units) * 1_000_000_000 / i128::from(self.units_per_second);
        let nanos = nanos + i128::from(self.offset_seconds) * 1_000_000_000;
        nanos.clamp(0, u64::MAX.into()) as u64
    }
}

fn link(kind: u32) -> Result<Link, u32> {
    Link::of_file(kind).ok_or(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pcap(magic: u32, big_endian: bool, fraction: u32) -> Vec<u8> {
        let word = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut file = Vec::new();
        for value in [magic, 0x0004_0002, 0, 0, 64, 1, 1_700_000_000, fraction, 3, 1500] {
            file.extend(word(value));
        }
        file.extend([7, 8, 9]);
        file
    }

    #[test]
    fn pcap_of_both_byte_orders_and_resolutions_is_read() {
        for big_endian in [false, true] {
            for (magic, fraction) in [(0xa1b2_c3d4, 500_000), (0xa1b2_3c4d, 500_000_000)] {
                let file = pcap(magic, big_endian, fraction);
                let mut reader = Reader::new(file.as_slice()).unwrap();
                let record = reader.next().unwrap().unwrap();
                assert_eq!(record.link, Ok(Link::Ethernet));
                assert_eq!(record.at_nanos, Some(1_700_000_000_500_000_000));
                assert_eq!((record.bytes, record.wire_bytes), ([7, 8, 9].as_slice(), 1500));
                assert!(reader.next().unwrap().is_none());
            }
        }
    }

    #[test]
    fn a_cut_file_is_read_up_to_the_cut() {
        let mut file = pcap(0xa1b2_c3d4, false, 0);
        let packet = file[24..].to_vec();
        file.extend(&packet[..17]);
        let mut reader = Reader::new(file.as_slice()).unwrap();
        assert!(reader.next().unwrap().is_some());
        assert!(matches!(reader.next(), Err(Broken::Cut)));
    }

    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32 + 12).to_be_bytes();
        [&kind.to_be_bytes(), &length, body, &length].concat()
    }

    #[test]
    fn pcapng_keeps_each_interfaces_link_resolution_and_flags() {
        let section = [0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        let mut file = block(0x0a0d_0d0a, &section);
        file.extend(block(1, &[0, 1, 0, 0, 0, 0, 0, 0]));
        file.extend(block(1, &[0, 101, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0]));
        file.extend(block(5, &[0; 12]));
        let packet = |interface: u8, low: u32| {
            let mut body = vec![0, 0, 0, interface, 0, 0, 0, 0];
            body.extend(low.to_be_bytes());
            body.extend([0, 0, 0, 2, 0, 0, 0, 60, 0x45, 0, 0, 0]);
            body.extend([0, 2, 0, 4, 0, 0, 0, 2, 0, 0, 0, 0]);
            block(6, &body)
        };
        file.extend(packet(0, 3_000_000));
        file.extend(packet(1, 3_000_000_000));
        file.extend(block(3, &[0, 0, 0, 2, 1, 2, 0, 0]));
        let mut reader = Reader::new(file.as_slice()).unwrap();
        for link in [Link::Ethernet, Link::RawIp] {
            let record = reader.next().unwrap().unwrap();
            assert_eq!((record.link, record.at_nanos), (Ok(link), Some(3_000_000_000)));
            assert_eq!((record.bytes, record.wire_bytes), ([0x45, 0].as_slice(), 60));
            assert_eq!(record.way, Some(Way::Outgoing));
        }
        let simple = reader.next().unwrap().unwrap();
        assert_eq!((simple.bytes, simple.at_nanos), ([1, 2].as_slice(), None));
        assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn what_is_no_capture_file_is_refused() {
        for (bytes, why) in [("", "too short"), ("Feb 12 10:00:01 host sshd", "neither pcap nor pcapng")] {
            let refused = Reader::new(bytes.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_it_panic(format in 0usize..4, bytes in proptest::collection::vec(0u8.., 0..300)) {
            let section = [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
            let interface = [1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0];
            let mut file: Vec<u8> = match format {
                0 => vec![],
                1 => pcap(0xa1b2_c3d4, false, 0),
                2 => section.to_vec(),
                _ => [section.as_slice(), &[0xff; 8], &[28, 0, 0, 0], &interface, &[6, 0, 0, 0]].concat(),
            };
            file.extend(bytes);
            if let Ok(mut reader) = Reader::new(file.as_slice()) {
                while let Ok(Some(_)) = reader.next() {}
            }
        }
    }
}
