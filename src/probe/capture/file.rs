//! Packets from a file. It is read twice: first for its span of time and whose file it is, then to add it up.

use std::fs::File;
use std::io::{BufReader, Read};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Instant;

use jiff::Timestamp;

use super::classes::LocalAddresses;
use super::link::{Link, LinkHeader, Way};
use super::local::Pairs;
use super::output::Capture;
use super::packet::{self, Packet};
use super::pcap::{Broken, Reader, Record};
use super::summary::Source;
use super::tally::{Seen, Tally};
use super::{Burst, Params};
use crate::case::{Gap, Observed, Reason};
use crate::probe::hash::KeyedHash;
use crate::probe::{Context, LONGER, Stopped, named};
use crate::units::{self, count};

/// How many packets and bytes go by between two looks at the clock and at whether the run was cancelled.
const BREATH: u64 = 8_192;
const BREATH_BYTES: u64 = 4 * 1024 * 1024;
/// The part of the time that the first reading may take; adding up is more work per packet.
const SURVEY: f64 = 0.35;
/// Link addresses that the host of a file may have.
const LINK_ADDRESSES: usize = 8;

/// Where packets are read from.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// A file.
    File(&'a str),
    /// A file that was made in memory, of packets that were printed.
    Memory(&'a [u8]),
}

impl Origin<'_> {
    fn name(&self) -> String {
        match self {
            Origin::File(path) => path.escape_debug().to_string(),
            Origin::Memory(_) => "the text of tcpdump".to_owned(),
        }
    }
}

/// Reads packets and adds them up.
pub fn read(path: Origin<'_>, params: &Params, cx: &Context) -> Result<Observed<Capture>, Gap> {
    let size = open(path)?.1;
    // A file needs no window, but the probes of the window wait for this one.
    cx.start_window();
    let survey = survey(path, params, cx)?;
    let (link, first, mut last) = (survey.link, survey.first_nanos.unwrap_or(0), survey.last_nanos);
    let tally = Tally::new(LocalAddresses::new(survey.local), last.saturating_sub(first), key(path, size)?);
    let mut burst = Burst::new(tally, params, Vec::new());
    let mut own = OwnLink::default();
    let (mut reader, _) = open(path)?;
    let mut latest = first;
    let mut stopped = survey.stopped;
    let mut breath = Breath::default();
    for number in 0..survey.packets {
        if breath.is_due(reader.bytes_read()) {
            cx.live(format!("{} packets read", count(number as f64)));
            if !cx.checkpoint() {
                stopped = cx.stopped();
                // What follows was not judged: the span ends where the reading did.
                last = latest;
                break;
            }
        }
        // The survey came past here already.
        let Ok(Some(record)) = reader.next() else { break };
        let Ok(record_link) = record.link else { continue };
        latest = record.at_nanos.unwrap_or(latest);
        let way = add(&mut burst.tally, &mut own, record_link, &record, latest.saturating_sub(first));
        if let Some(writer) = &mut burst.writer {
            writer.packet(0, record_link, latest, record.bytes, record.wire_bytes, way);
        }
    }
    let source = Source {
        interfaces: Vec::new(),
        counted: Vec::new(),
        file: if let Origin::File(path) = path { Some(path.to_owned()) } else { None },
        link: link.unwrap_or(Link::Other),
        started: survey.first_nanos.and_then(|nanos| Timestamp::from_nanosecond(nanos.into()).ok()),
        elapsed_nanos: last.saturating_sub(first),
        late_seconds: None,
        ring: None,
        written: None,
    };
    let mut observed = burst.finish(source, params, cx);
    observed.loss.splice(0..0, survey.loss);
    if let Some(stopped) = stopped {
        let span = units::span(last.saturating_sub(first) as f64 / 1e9);
        observed.loss.insert(0, cut(stopped, path, reader.bytes_read(), size, &span));
    }
    Ok(observed)
}

/// Adds a packet up; says which way it went.
fn add(tally: &mut Tally, own: &mut OwnLink, link: Link, record: &Record, at_nanos: u64) -> Way {
    let (header, packet) = dissect(link, record);
    let way = record.way.or(header.way).unwrap_or_else(|| own.way(&header, &packet, &tally.local));
    tally.add(&Seen {
        at_nanos,
        stands_for: 1,
        interface: 0,
        way,
        wire_bytes: record.wire_bytes,
        link_bytes: (header.bytes as u32).min(record.wire_bytes),
        tag_stripped: false,
        untaken: false,
        vlan_without_device: None,
        segment_bytes: None,
        link: header.addresses,
        packet,
        bytes: record.bytes.get(header.bytes..).unwrap_or_default(),
    });
    way
}

/// What frames come to that a host with these addresses saw, one each millisecond; none for a link type (`LINKTYPE_*`) that
/// is not read here.
pub fn of_frames<'a>(
    link_type: u32,
    frames: impl Iterator<Item = &'a [u8]>,
    local: impl IntoIterator<Item = IpAddr>,
) -> Option<Capture> {
    const MILLISECOND: u64 = 1_000_000;
    let link = Link::of_file(link_type)?;
    let mut tally = Tally::new(LocalAddresses::new(local), 1_000 * MILLISECOND, KeyedHash::from_contents([]));
    let mut own = OwnLink::default();
    let mut elapsed_nanos = 0;
    for bytes in frames {
        let wire_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let record = Record { link: Ok(link), at_nanos: Some(elapsed_nanos), bytes, wire_bytes, way: None };
        add(&mut tally, &mut own, link, &record, elapsed_nanos);
        elapsed_nanos += MILLISECOND;
    }
    let source = Source {
        interfaces: Vec::new(),
        counted: Vec::new(),
        file: None,
        link,
        started: None,
        elapsed_nanos,
        late_seconds: None,
        ring: None,
        written: None,
    };
    Some(tally.summary(source, Params::default().top as usize))
}

/// Why a file cannot be one of packets, as far as its first bytes tell.
pub fn fault(path: &str) -> Option<Gap> {
    open(Origin::File(path)).err()
}

/// How much of a file makes its key.
const KEY_BYTES: u64 = 1024 * 1024;

/// The key of a file, from its size and its beginning: the same file gives the same figures each time.
fn key(path: Origin<'_>, size: u64) -> Result<KeyedHash, Gap> {
    let mut beginning = Vec::new();
    let read = opened(path)?.0.take(KEY_BYTES).read_to_end(&mut beginning);
    read.map_err(|error| Gap::io(tried(path), &error))?;
    Ok(KeyedHash::from_contents([beginning.as_slice(), &size.to_le_bytes()]))
}

/// What of a file was judged that was not read to its end.
fn cut(stopped: Stopped, path: Origin<'_>, read: u64, size: u64, span: &str) -> String {
    let (read, size) = (units::bytes(read as f64), units::bytes(size as f64));
    let judged = format!("read {read} of {size} of {}, the first {span}", path.name());
    match stopped {
        Stopped::Cancelled => format!("{judged}: the run was ended; all figures are of that part"),
        Stopped::OutOfTime { time_limit } => format!(
            "{judged}: the file is larger than can be read in {}; all figures are of that part; {LONGER}, or cut the file: \
             editcap -i 60 FILE PART",
            units::span(time_limit.as_secs_f64())
        ),
    }
}

/// When to look up from reading.
#[derive(Default)]
struct Breath {
    packets: u64,
    bytes: u64,
}

impl Breath {
    /// Whether it is time, asked before every packet.
    fn is_due(&mut self, bytes_read: u64) -> bool {
        let is_due = self.packets.is_multiple_of(BREATH) || bytes_read >= self.bytes;
        self.packets += 1;
        if is_due {
            self.bytes = bytes_read + BREATH_BYTES;
        }
        is_due
    }
}

/// What a first reading finds out.
#[derive(Default)]
struct Survey {
    link: Option<Link>,
    packets: u64,
    first_nanos: Option<u64>,
    last_nanos: u64,
    local: Vec<IpAddr>,
    loss: Vec<String>,
    /// Why it did not come to the end of the file.
    stopped: Option<Stopped>,
}

fn survey(path: Origin<'_>, params: &Params, cx: &Context) -> Result<Survey, Gap> {
    let mut survey = Survey::default();
    let mut pairs = Pairs::default();
    let mut unread: Option<(u32, u64)> = None;
    let (mut reader, _) = open(path)?;
    let enough = cx.time_left().and_then(|left| Instant::now().checked_add(left.mul_f64(SURVEY)));
    let mut breath = Breath::default();
    loop {
        if breath.is_due(reader.bytes_read()) {
            if !cx.checkpoint() {
                survey.stopped = cx.stopped();
                break;
            }
            // What this reading does not come to, the next one would not come to, either.
            if enough.is_some_and(|enough| Instant::now() >= enough) {
                survey.stopped = cx.time_limit().map(|time_limit| Stopped::OutOfTime { time_limit });
                break;
            }
        }
        match reader.next() {
            Ok(Some(record)) => {
                survey.packets += 1;
                if let Some(at) = record.at_nanos {
                    survey.first_nanos = Some(survey.first_nanos.map_or(at, |first| first.min(at)));
                    survey.last_nanos = survey.last_nanos.max(at);
                }
                match record.link {
                    Ok(link) => {
                        survey.link.get_or_insert(link);
                        if params.local.is_empty()
                            && let Some(ip) = dissect(link, &record).1.ip
                        {
                            pairs.add(ip.source, ip.destination, record.wire_bytes);
                        }
                    }
                    Err(kind) => unread.get_or_insert((kind, 0)).1 += 1,
                }
            }
            Ok(None) => {
                survey.link = survey.link.or(reader.link());
                break;
            }
            Err(broken) => {
                survey.loss.push(format!(
                    "{} cannot be read beyond its first {} packets: packet {}: {broken}",
                    path.name(),
                    count(survey.packets as f64),
                    survey.packets + 1
                ));
                break;
            }
        }
    }
    if let Some((kind, packets)) = unread {
        if survey.link.is_none() {
            return Err(Gap::new(
                Reason::Malformed,
                tried(path),
                format!("its packets have link type {kind}, which is not read here"),
            )
            .to_fix("give a file with Ethernet, raw IP, loopback or Linux cooked packets"));
        }
        let packets = count(packets as f64);
        survey.loss.push(format!("{packets} packets have link type {kind} or others that are not read here"));
    }
    survey.local = if params.local.is_empty() { pairs.local() } else { params.local.clone() };
    Ok(survey)
}

/// Packets of a file, or of a file in memory.
type Packets<'a> = Reader<BufReader<Box<dyn Read + 'a>>>;

/// The packets, and their size in bytes.
fn open(path: Origin<'_>) -> Result<(Packets<'_>, u64), Gap> {
    let (source, size) = opened(path)?;
    let reader = Reader::new(BufReader::with_capacity(256 * 1024, source)).map_err(|broken| match broken {
        Broken::Io(error) => Gap::io(tried(path), &error),
        broken => Gap::new(Reason::Malformed, tried(path), broken.to_string())
            .to_fix("give a file that tcpdump -w or Wireshark wrote"),
    })?;
    Ok((reader, size))
}

/// A regular file, open for reading, and its size.
fn opened(origin: Origin<'_>) -> Result<(Box<dyn Read + '_>, u64), Gap> {
    let path = match origin {
        Origin::File(path) => path,
        Origin::Memory(bytes) => return Ok((Box::new(bytes), bytes.len() as u64)),
    };
    // Without O_NONBLOCK the opening of a named pipe waits for a writer, maybe for ever.
    let options = File::options().read(true).custom_flags(libc::O_NONBLOCK).to_owned();
    let file = named::as_operator(|| options.open(path)).map_err(|error| named::gap(tried(origin), &error))?;
    let metadata = file.metadata().map_err(|error| Gap::io(tried(origin), &error))?;
    if !metadata.is_file() {
        return Err(Gap::new(Reason::Malformed, tried(origin), "it is not a regular file").to_fix("save it to a file"));
    }
    Ok((Box::new(file), metadata.len()))
}

fn tried(path: Origin<'_>) -> String {
    format!("read the packets of {}", path.name())
}

/// The link header and the packet of a record. A frame too short for its link header has nothing to say.
fn dissect(link: Link, record: &Record) -> (LinkHeader, Packet) {
    let header = link.read(record.bytes).unwrap_or(LinkHeader {
        bytes: record.bytes.len(),
        ether_type: 0,
        addresses: None,
        way: None,
    });
    let network = record.bytes.get(header.bytes..).unwrap_or_default();
    let wire_bytes = record.wire_bytes.saturating_sub(header.bytes as u32);
    (header, packet::read(header.ether_type, network, wire_bytes))
}

/// The host's link addresses, learned from the packets with its own IP addresses.
#[derive(Debug, Default)]
struct OwnLink(Vec<[u8; 6]>);

impl OwnLink {
    /// The way of a packet that does not say: by its IP addresses, else by its link addresses.
    fn way(&mut self, header: &LinkHeader, packet: &Packet, local: &LocalAddresses) -> Way {
        let (source, destination) = match &packet.ip {
            Some(ip) => (local.contains(ip.source), local.contains(ip.destination)),
            None => (false, false),
        };
        let Some((to, from)) = header.addresses else {
            return if source && !destination { Way::Outgoing } else { Way::Host };
        };
        if source && !destination {
            self.learn(from);
            return Way::Outgoing;
        }
        if destination && to[0] & 1 == 0 {
            self.learn(to);
        }
        match to {
            _ if packet.ip.is_none() && self.0.contains(&from) => Way::Outgoing,
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => Way::Broadcast,
            [first, ..] if first & 1 == 1 => Way::Multicast,
            to if destination || self.0.is_empty() || self.0.contains(&to) => Way::Host,
            _ => Way::OtherHost,
        }
    }

    fn learn(&mut self, address: [u8; 6]) {
        if self.0.len() < LINK_ADDRESSES && address != [0; 6] && !self.0.contains(&address) {
            self.0.push(address);
        }
    }
}
