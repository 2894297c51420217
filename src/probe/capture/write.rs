//! Writes the burst to a pcapng file: the headers that were looked at, each packet with the way it went.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::{DataLink, PcapError};

use super::link::{Link, Way};
use super::output::Written;
use crate::case::{Gap, Reason};
use crate::sys::outlet;
use crate::sys::packet_ring::Frame;
use crate::units::{Size, count};

/// An Enhanced Packet Block without its packet: header, flags option, end of options, trailer.
const BLOCK_BYTES: u64 = 12 + 20 + 8 + 4;

/// A file that is being written.
pub struct Writer {
    path: String,
    limit: u64,
    file: PcapNgWriter<Counted>,
    /// The interfaces that are watched.
    interfaces: Vec<String>,
    /// The file's interfaces: one for each that is watched, by its place, and link layer.
    links: Vec<(usize, Link)>,
    packets: u64,
    ended: Option<Ended>,
}

/// Why writing ended before the burst did.
#[derive(Debug)]
enum Ended {
    Full,
    Failed(String),
}

impl Writer {
    /// Begins a new file; an existing one is never touched. Only its owner can read it: it holds others' traffic.
    pub fn create(path: &str, limit: Size, interfaces: Vec<String>) -> Result<Self, Gap> {
        let tried = || format!("write the packets to {}", path.escape_debug());
        let file = outlet::create_new(Path::new(path), 0o600).map_err(io::Error::from);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Gap::new(Reason::Failed, tried(), "there is such a file already")
                .to_fix("choose another name, or remove it first"),
            _ => Gap::io(tried(), &error),
        })?;
        let file = PcapNgWriter::new(Counted { file: BufWriter::with_capacity(64 * 1024, file), bytes: 0 })
            .map_err(|error| Gap::new(Reason::Failed, tried(), why(&error)))?;
        Ok(Writer {
            path: path.to_owned(),
            limit: limit.0,
            file,
            interfaces,
            links: Vec::new(),
            packets: 0,
            ended: None,
        })
    }

    /// Writes a frame of the ring: with the VLAN tag that the kernel took off, and with a link header that readers
    /// know where the interface's own is not.
    pub fn live_frame(&mut self, place: usize, link: Link, frame: &Frame, way: Way) {
        let mut bytes = Cow::Borrowed(frame.bytes);
        let mut wire_bytes = frame.wire_bytes;
        match (link, frame.stripped_tag) {
            (Link::Ethernet | Link::Loopback, Some((protocol, tag))) => {
                if let Some((addresses, rest)) = frame.bytes.split_at_checked(12) {
                    bytes = [addresses, &protocol.to_be_bytes(), &tag.to_be_bytes(), rest].concat().into();
                    wire_bytes = wire_bytes.saturating_add(4);
                }
            }
            (Link::Other, _) => {
                let network = frame.bytes.get(frame.network_offset..).unwrap_or_default();
                let mut cooked = [0; 16];
                cooked[1] = way.to_kernel();
                cooked[14..].copy_from_slice(&frame.ether_type.to_be_bytes());
                bytes = [&cooked, network].concat().into();
                wire_bytes = wire_bytes.saturating_sub(frame.network_offset as u32).saturating_add(16);
            }
            _ => {}
        }
        self.packet(place, link, frame.timestamp_nanos, &bytes, wire_bytes, way);
    }

    /// Writes a packet, unless the file is full or has failed.
    pub fn packet(&mut self, place: usize, link: Link, at_nanos: u64, bytes: &[u8], wire_bytes: u32, way: Way) {
        if self.ended.is_some() {
            return;
        }
        let block = BLOCK_BYTES + (bytes.len() as u64).next_multiple_of(4);
        if self.file.get_ref().bytes + block > self.limit {
            self.ended = Some(Ended::Full);
        } else if let Err(error) = self.try_packet((place, link), at_nanos, bytes, wire_bytes, way) {
            self.ended = Some(Ended::Failed(why(&error)));
        } else {
            self.packets += 1;
        }
    }

    fn try_packet(
        &mut self,
        link: (usize, Link),
        at_nanos: u64,
        bytes: &[u8],
        wire_bytes: u32,
        way: Way,
    ) -> Result<(), PcapError> {
        let interface_id = match self.links.iter().position(|known| *known == link) {
            Some(known) => known,
            None => self.add_link(link)?,
        } as u32;
        self.file.write_pcapng_block(EnhancedPacketBlock {
            interface_id,
            timestamp: Duration::from_nanos(at_nanos),
            original_len: wire_bytes,
            data: Cow::Borrowed(bytes),
            options: vec![EnhancedPacketOption::Flags(flags(way))],
        })?;
        Ok(())
    }

    fn add_link(&mut self, (place, link): (usize, Link)) -> Result<usize, PcapError> {
        let mut options = vec![InterfaceDescriptionOption::IfTsResol(9)];
        if let Some(name) = self.interfaces.get(place) {
            options.push(InterfaceDescriptionOption::IfName(Cow::Owned(name.clone())));
        }
        let linktype = match link {
            Link::Ethernet | Link::Loopback => DataLink::ETHERNET,
            Link::RawIp => DataLink::RAW,
            Link::Null => DataLink::NULL,
            Link::Cooked | Link::Other => DataLink::LINUX_SLL,
            Link::Cooked2 => DataLink::LINUX_SLL2,
        };
        self.file.write_pcapng_block(InterfaceDescriptionBlock { linktype, snaplen: 0, options })?;
        self.links.push((place, link));
        Ok(self.links.len() - 1)
    }

    /// Ends the file; with what was lost, and with the file itself, still open.
    pub fn finish(mut self) -> (Written, Option<String>, Option<File>) {
        if let Err(error) = self.file.get_mut().flush() {
            self.ended.get_or_insert(Ended::Failed(error.to_string()));
        }
        let loss = self.ended.as_ref().map(|ended| {
            let why = match ended {
                Ended::Full => "it reached its size limit".to_owned(),
                Ended::Failed(why) => format!("writing failed: {why}"),
            };
            format!("{} holds the first {} packets only: {why}", self.path.escape_debug(), count(self.packets as f64))
        });
        let written = Written {
            path: self.path,
            packets: self.packets,
            bytes: self.file.get_ref().bytes,
            truncated: self.ended.is_some(),
        };
        (written, loss, self.file.get_ref().file.get_ref().try_clone().ok())
    }
}

/// A file whose bytes are counted.
struct Counted {
    file: BufWriter<File>,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The flags word of a packet: direction in bits 0 and 1, reception in bits 2 to 4.
fn flags(way: Way) -> u32 {
    match way {
        Way::Host => 1 | 1 << 2,
        Way::Multicast => 1 | 2 << 2,
        Way::Broadcast => 1 | 3 << 2,
        Way::OtherHost => 1 | 4 << 2,
        Way::Outgoing => 2,
    }
}

/// The way that a flags word tells, if it tells any.
pub fn way(flags: u32) -> Option<Way> {
    match (flags & 3, flags >> 2 & 7) {
        (2, _) => Some(Way::Outgoing),
        (1, 2) => Some(Way::Multicast),
        (1, 3) => Some(Way::Broadcast),
        (1, 4) => Some(Way::OtherHost),
        (1, 1) => Some(Way::Host),
        // Inbound, but nothing about to whom: the frame itself has to tell.
        _ => None,
    }
}

fn why(error: &PcapError) -> String {
    match error {
        PcapError::IoError(error) => error.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_survives_being_written() {
        for kind in [Way::Host, Way::Broadcast, Way::Multicast, Way::OtherHost, Way::Outgoing] {
            assert_eq!(way(flags(kind)), Some(kind));
        }
        assert_eq!(way(0), None);
    }

    #[test]
    fn an_existing_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("burst.pcapng");
        std::fs::write(&path, "precious").unwrap();
        let gap = Writer::create(path.to_str().unwrap(), Size(1000), Vec::new()).err().unwrap();
        assert!(gap.to_string().contains("there is such a file already"), "{gap}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_full_file_says_so_and_stays_within_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("burst.pcapng");
        let mut writer = Writer::create(path.to_str().unwrap(), Size(1000), vec!["eth0".to_owned()]).unwrap();
        for second in 0..100 {
            writer.packet(0, Link::Ethernet, second * 1_000_000_000, &[0; 61], 61, Way::Host);
        }
        let (written, loss, file) = writer.finish();
        assert_eq!(file.unwrap().metadata().unwrap().len(), written.bytes);
        assert!(written.truncated && written.packets > 0);
        assert_eq!(written.bytes, std::fs::metadata(&path).unwrap().len());
        assert!(written.bytes <= 1000, "{}", written.bytes);
        assert!(loss.unwrap().contains("it reached its size limit"));
    }
}
