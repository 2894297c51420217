//! What a network driver says of its device (`SIOCETHTOOL`). None of what is asked here needs a privilege, and none changes
//! anything; some of it takes the lock of all network configuration, and a driver may ask its firmware.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::CStr;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::netlink_dump::{read_u32, read_u64};
use crate::printable::printable;

const SIOCETHTOOL: libc::c_ulong = 0x8946;
const GDRVINFO: u32 = 0x3;
const GRINGPARAM: u32 = 0x10;
const GSTRINGS: u32 = 0x1b;
const GSTATS: u32 = 0x1d;
const GSSET_INFO: u32 = 0x37;
const GFEATURES: u32 = 0x3a;
const GCHANNELS: u32 = 0x3c;
const GLINKSETTINGS: u32 = 0x4c;

/// `ETH_SS_STATS`.
const STATISTICS: u32 = 1;
/// `ETH_SS_FEATURES`.
const FEATURES: u32 = 4;
/// `ETH_GSTRING_LEN`.
const NAME: usize = 32;

/// Most names of a set that are read: cards with hundreds of queues have some ten thousand statistics.
const MOST_NAMES: u32 = 65_536;
/// A page; no machine that Linux runs on has smaller ones, and the guard below is made of whole ones.
const PAGE: usize = 65_536;

/// Which driver serves a device (`ETHTOOL_GDRVINFO`). What it leaves empty is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Driver {
    /// Its name: `ena`.
    pub name: String,
    /// Its version; most say that of the kernel.
    pub version: Option<String>,
    /// The version of the device's firmware.
    pub firmware: Option<String>,
    /// Where the device is: `0000:00:05.0`.
    pub bus: Option<String>,
}

/// What a link agreed on with its other end (`ETHTOOL_GLINKSETTINGS`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkSettings {
    /// Megabits per second, where known.
    pub megabits: Option<u32>,
    /// Whether both ends may send at once, where known.
    pub full_duplex: Option<bool>,
    /// Whether the ends agree by themselves.
    pub autonegotiation: bool,
}

/// Places of the rings of a queue, and the most that the device takes (`ETHTOOL_GRINGPARAM`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after their ring")]
pub struct Rings {
    pub rx: u32,
    pub rx_most: u32,
    pub tx: u32,
    pub tx_most: u32,
}

/// Queues, and the most that the device has (`ETHTOOL_GCHANNELS`). Combined ones both receive and send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after their kind")]
pub struct Channels {
    pub rx: u32,
    pub rx_most: u32,
    pub tx: u32,
    pub tx_most: u32,
    pub combined: u32,
    pub combined_most: u32,
}

/// A door to the drivers of the devices in one network namespace.
#[derive(Debug)]
pub struct Ethtool {
    socket: OwnedFd,
    /// Words of a list of modes of links, as this kernel has them; 0 before it was asked.
    words: Cell<i8>,
}

impl Ethtool {
    /// Opens it in the network namespace of the calling thread.
    pub fn open() -> io::Result<Self> {
        let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        Ok(Ethtool { socket, words: Cell::new(0) })
    }

    /// The driver of a device.
    pub fn driver(&self, device: &CStr) -> io::Result<Driver> {
        let mut room = Room::of(196, GDRVINFO)?;
        self.ask(device, &mut room)?;
        let text = |from: usize, to: usize| {
            let bytes = room.bytes().get(from..to).unwrap_or_default();
            let said = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
            let said = printable(said.trim_ascii());
            // Drivers without one write "N/A", or nothing.
            (!said.is_empty() && said != "N/A" && said != "n/a").then_some(said)
        };
        Ok(Driver {
            name: text(4, 36).unwrap_or_default(),
            version: text(36, 68),
            firmware: text(68, 100),
            bus: text(100, 132),
        })
    }

    /// The settings of a link. The kernel says once how many words its lists of modes have, and fills in no other number of them.
    pub fn link_settings(&self, device: &CStr) -> io::Result<LinkSettings> {
        let mut asked = Settings { words: self.words.get(), ..Settings::default() };
        self.ask_into(device, &mut asked)?;
        if asked.words < 0 {
            self.words.set(asked.words.wrapping_neg());
            asked = Settings { words: self.words.get(), ..Settings::default() };
            self.ask_into(device, &mut asked)?;
        }
        Ok(LinkSettings {
            megabits: Some(asked.megabits).filter(|speed| !matches!(*speed, 0 | u32::MAX)),
            full_duplex: Some(asked.duplex).filter(|duplex| *duplex <= 1).map(|duplex| duplex == 1),
            autonegotiation: asked.autonegotiation == 1,
        })
    }

    /// The sizes of the rings.
    pub fn rings(&self, device: &CStr) -> io::Result<Rings> {
        let numbers = self.numbers::<9>(device, GRINGPARAM)?;
        let [_, rx_most, _, _, tx_most, rx, _, _, tx] = numbers;
        Ok(Rings { rx, rx_most, tx, tx_most })
    }

    /// How many queues there are.
    pub fn channels(&self, device: &CStr) -> io::Result<Channels> {
        let numbers = self.numbers::<9>(device, GCHANNELS)?;
        let [_, rx_most, tx_most, _, combined_most, rx, tx, _, combined] = numbers;
        Ok(Channels { rx, rx_most, tx, tx_most, combined, combined_most })
    }

    /// The offloads by name (`rx-gro`, `tx-tcp-segmentation`), and whether each is on.
    pub fn features(&self, device: &CStr) -> io::Result<Vec<(String, bool)>> {
        let names = self.names(device, FEATURES)?;
        let blocks = names.len().div_ceil(32);
        let mut room = Room::of(8 + 16 * blocks, GFEATURES)?;
        room.put(4, &(blocks as u32).to_ne_bytes());
        self.ask(device, &mut room)?;
        let active = |place: usize| {
            let block = read_u32(room.bytes(), 8 + 16 * (place / 32) + 8)?;
            Some(block >> (place % 32) & 1 == 1)
        };
        Ok(names.into_iter().enumerate().filter_map(|(place, name)| Some((name, active(place)?))).collect())
    }

    /// The statistics of the driver by name, in its order. Names may come more than once, and may begin with blanks.
    pub fn statistics(&self, device: &CStr) -> io::Result<Vec<(String, u64)>> {
        let names = self.names(device, STATISTICS)?;
        let mut room = Room::of(8 + 8 * names.len(), GSTATS)?;
        room.put(4, &(names.len() as u32).to_ne_bytes());
        self.ask(device, &mut room)?;
        // Queues that came or went meanwhile would put figures behind the wrong names.
        if read_u32(room.bytes(), 4) != Some(names.len() as u32) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the statistics changed while they were read"));
        }
        let figures = (0..names.len()).map_while(|place| read_u64(room.bytes(), 8 + 8 * place)).collect::<Vec<_>>();
        Ok(names.into_iter().zip(figures).collect())
    }

    /// A set of names (`ETHTOOL_GSSET_INFO`, `ETHTOOL_GSTRINGS`); empty where the driver has none.
    fn names(&self, device: &CStr, set: u32) -> io::Result<Vec<String>> {
        let mut room = Room::of(20, GSSET_INFO)?;
        room.put(8, &(1u64 << set).to_ne_bytes());
        self.ask(device, &mut room)?;
        if read_u64(room.bytes(), 8) != Some(1 << set) {
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
        let count = read_u32(room.bytes(), 16).unwrap_or(0);
        if count > MOST_NAMES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("there are {count}, more than are read")));
        }
        let mut room = Room::of(12 + NAME * count as usize, GSTRINGS)?;
        room.put(4, &set.to_ne_bytes());
        room.put(8, &count.to_ne_bytes());
        self.ask(device, &mut room)?;
        let given = read_u32(room.bytes(), 8).unwrap_or(0).min(count) as usize;
        let names = room.bytes().get(12..).unwrap_or_default().chunks_exact(NAME).take(given);
        Ok(names.map(|name| printable(name.split(|byte| *byte == 0).next().unwrap_or_default())).collect())
    }

    /// A structure of numbers of 32 bits, the command the first.
    fn numbers<const N: usize>(&self, device: &CStr, command: u32) -> io::Result<[u32; N]> {
        let mut room = Room::of(4 * N, command)?;
        self.ask(device, &mut room)?;
        Ok(std::array::from_fn(|place| read_u32(room.bytes(), 4 * place).unwrap_or(0)))
    }

    fn ask(&self, device: &CStr, room: &mut Room) -> io::Result<()> {
        // SAFETY: the room is mapped, and where an answer would be longer, since there is more to say than a moment ago, the page
        // behind it refuses (EFAULT).
        unsafe { self.ask_at(device, room.start) }
    }

    fn ask_into(&self, device: &CStr, settings: &mut Settings) -> io::Result<()> {
        // SAFETY: the structure is the kernel's, with room for as many words as it can ask for (`link_mode_masks_nwords` has 7 bits);
        // the kernel writes as many as it asked for.
        unsafe { self.ask_at(device, NonNull::from(settings).cast()) }
    }

    /// What is asked stands at that place, and the answer is written there: it must be ours, and have room for the answer.
    unsafe fn ask_at(&self, device: &CStr, place: NonNull<libc::c_void>) -> io::Result<()> {
        // SAFETY: all zeroes are an `ifreq`: numbers, and a pointer that is not used.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        let name = device.to_bytes();
        if name.len() >= request.ifr_name.len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        for (place, byte) in request.ifr_name.iter_mut().zip(name) {
            *place = *byte as libc::c_char;
        }
        request.ifr_ifru.ifru_data = place.as_ptr().cast();
        // SAFETY: the request lives until the call returns. What the kernel writes goes to the place that the caller vouches for.
        let answer = unsafe { libc::ioctl(self.socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut request) };
        if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// `struct ethtool_link_settings`, and the lists of modes behind it, which nobody reads.
#[repr(C)]
struct Settings {
    command: u32,
    megabits: u32,
    duplex: u8,
    port: u8,
    address: u8,
    autonegotiation: u8,
    mdio: u8,
    crossover: u8,
    crossover_wanted: u8,
    words: i8,
    more: [u32; 8],
    modes: [[u32; 3]; i8::MAX as usize],
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            command: GLINKSETTINGS,
            megabits: 0,
            duplex: u8::MAX,
            port: 0,
            address: 0,
            autonegotiation: 0,
            mdio: 0,
            crossover: 0,
            crossover_wanted: 0,
            words: 0,
            more: [0; 8],
            modes: [[0; 3]; i8::MAX as usize],
        }
    }
}

/// Memory that the kernel writes an answer into. How long an answer is, older kernels take from the driver and not from who
/// asks; so a page that cannot be written stands behind it.
struct Room {
    start: NonNull<libc::c_void>,
    bytes: usize,
    mapped: NonZeroUsize,
}

impl Room {
    /// So many bytes, zero but for the command at their beginning.
    fn of(bytes: usize, command: u32) -> io::Result<Self> {
        let usable = bytes.max(1).next_multiple_of(PAGE);
        let mapped = NonZeroUsize::new(usable + PAGE).unwrap_or(NonZeroUsize::MIN);
        // SAFETY: a new mapping of its own, of no file; it overlaps nothing.
        let start = unsafe {
            mmap_anonymous(None, mapped, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE)?
        };
        let mut room = Room { start, bytes, mapped };
        // SAFETY: the last page of the mapping that was just made, to which nothing points.
        unsafe { mprotect(start.byte_add(usable), PAGE, ProtFlags::PROT_NONE)? };
        room.put(0, &command.to_ne_bytes());
        Ok(room)
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes are mapped and zeroed, and nobody writes to them while they are borrowed.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.bytes) }
    }

    fn put(&mut self, at: usize, value: &[u8]) {
        // SAFETY: so many bytes are mapped and zeroed, and they are borrowed by nobody else.
        let bytes: &mut [u8] = unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.bytes) };
        if let Some(place) = bytes.get_mut(at..at + value.len()) {
            place.copy_from_slice(value);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: the mapping that was made for it, to which nothing points any more.
        let _ = unsafe { munmap(self.start, self.mapped.get()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_says_what_it_is_and_what_it_merges() {
        let door = Ethtool::open().unwrap();
        let features = door.features(c"lo").unwrap();
        assert!(features.iter().any(|(name, _)| name == "rx-gro"), "{features:?}");
        assert!(features.iter().any(|(name, on)| name == "loopback" && *on), "{features:?}");
        assert_eq!(door.rings(c"lo").unwrap_err().raw_os_error(), Some(libc::EOPNOTSUPP));
        assert_eq!(door.statistics(c"lo").unwrap_err().raw_os_error(), Some(libc::EOPNOTSUPP));
        assert_eq!(door.driver(c"no-such-one").unwrap_err().raw_os_error(), Some(libc::ENODEV));
        assert!(door.driver(c"a-name-that-no-interface-can-have").is_err());
    }

    #[test]
    fn the_settings_of_a_link_are_told_at_once_when_the_words_are_known() {
        let (mut held, door) = (crate::sys::rtnetlink::Rtnetlink::open().unwrap(), Ethtool::open().unwrap());
        assert_eq!(std::mem::size_of::<Settings>(), 48 + 12 * 127);
        assert_eq!(door.link_settings(c"no-such-one").unwrap_err().raw_os_error(), Some(libc::ENODEV));
        for link in held.links().unwrap() {
            let name = std::ffi::CString::new(link.name).unwrap();
            let (first, fresh) = (door.link_settings(&name), Ethtool::open().unwrap().link_settings(&name));
            match (first, fresh) {
                (Ok(first), Ok(fresh)) => assert_eq!((first, door.words.get() > 0), (fresh, true)),
                (first, fresh) => assert!(first.is_err() && fresh.is_err(), "{name:?}"),
            }
        }
    }

    #[test]
    fn an_answer_that_is_longer_than_its_room_is_refused_and_overwrites_nothing() {
        let room = Room::of(PAGE, 7).unwrap();
        assert_eq!(read_u32(room.bytes(), 0), Some(7));
        assert_eq!(room.mapped.get(), 2 * PAGE);
        let file = std::fs::File::open("/dev/zero").unwrap();
        // SAFETY: the kernel refuses what is not writable, which is what is tried here; nothing else is behind the room.
        let read = unsafe { libc::read(file.as_raw_fd(), room.start.as_ptr().byte_add(PAGE), 8) };
        assert_eq!((read, io::Error::last_os_error().raw_os_error()), (-1, Some(libc::EFAULT)));
    }
}
