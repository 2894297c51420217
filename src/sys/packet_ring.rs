//! A ring of packets that the kernel fills: AF_PACKET with TPACKET_V3, shared memory, no copy and no system call per
//! packet. Never promiscuous: it sees what the interface sees anyway, in both directions.
//!
//! A new ring refuses every packet until [`PacketRing::accept`], so that counting begins and ends at known moments.
#![allow(unsafe_code)]

use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libc::{tpacket_block_desc, tpacket_hdr_v1, tpacket3_hdr};

/// A block is handed over when it is full or when its time is up.
const BLOCK_BYTES: usize = 256 * 1024;
/// 12 MiB: 260 ms of 300,000 small packets a second, should the reader not be scheduled. Fewer where memory is scarce.
const BLOCKS: [usize; 3] = [48, 16, SMALLEST];
/// Blocks of the smallest ring: a megabyte.
const SMALLEST: usize = 4;
/// The kernel wants a frame size for its sums; frames of any size fill a block.
const FRAME_BYTES: usize = 2048;
/// How long the kernel waits for a block to become full.
const BLOCK_MILLISECONDS: u32 = 16;
/// `struct virtio_net_hdr`, which stands right before each frame.
const VIRTIO_HEADER_BYTES: usize = 10;

/// A ring on one interface.
#[derive(Debug)]
pub struct PacketRing {
    socket: OwnedFd,
    memory: Memory,
    next_block: usize,
    interface_type: u16,
}

/// Why there is no ring.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {error}")]
pub struct OpenError {
    /// What was tried.
    pub step: &'static str,
    /// What the kernel said.
    pub error: io::Error,
}

/// What the kernel counted since it was last asked (`struct tpacket_stats_v3`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets offered to the ring, the dropped ones included.
    pub packets: u32,
    /// Packets that found no room.
    pub drops: u32,
    /// How often the ring was full.
    pub freezes: u32,
}

/// A frame in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The frame from its link header on, cut to what was asked for.
    pub bytes: &'a [u8],
    /// Where in `bytes` the network packet begins.
    pub network_offset: usize,
    /// The frame's whole length on the wire, link header included (`tp_len`).
    pub wire_bytes: u32,
    /// When the kernel saw it: nanoseconds of the wall clock.
    pub timestamp_nanos: u64,
    /// The ether type of the network packet (`sll_protocol`).
    pub ether_type: u16,
    /// How it came (`sll_pkttype`): `PACKET_HOST`, `PACKET_OUTGOING` …
    pub packet_type: u8,
    /// The VLAN tag that the kernel took off: protocol and tag.
    pub stripped_tag: Option<(u16, u16)>,
    /// Payload bytes of each of the packets that were merged into this frame.
    pub segment_bytes: Option<u16>,
}

impl PacketRing {
    /// Opens a ring of at most `most_bytes`, or the smallest there is, on the interface with that index. Needs CAP_NET_RAW.
    pub fn open(interface: u32, most_bytes: u64) -> Result<Self, OpenError> {
        let at = |step| move |error| OpenError { step, error };
        // Protocol 0: nothing arrives before the bind.
        // SAFETY: no pointers; the result is checked.
        let raw = check(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) })
            .map_err(at("open a packet socket"))?;
        // SAFETY: `raw` was just opened and belongs to nobody else.
        let socket = unsafe { OwnedFd::from_raw_fd(raw) };
        let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
        set_packet_option(&socket, libc::PACKET_VERSION, &version).map_err(at("ask for TPACKET_V3"))?;
        // Tells merged frames apart; must come before the ring.
        set_packet_option(&socket, libc::PACKET_VNET_HDR, &1i32).map_err(at("ask for virtio headers"))?;
        let memory = Memory::share(&socket, most_bytes).map_err(at("share a ring with the kernel"))?;
        let mut ring = PacketRing { socket, memory, next_block: 0, interface_type: 0 };
        ring.refuse().map_err(at("attach a filter"))?;
        ring.interface_type = bind(&ring.socket, interface).map_err(at("bind to the interface"))?;
        Ok(ring)
    }

    /// The interface's type (`ARPHRD_*`).
    pub fn interface_type(&self) -> u16 {
        self.interface_type
    }

    /// How long the ring takes to fill at 250 MB a second, which is more than a million small packets.
    pub fn patience(&self) -> Duration {
        Duration::from_micros((self.memory.blocks * BLOCK_BYTES / 250) as u64)
    }

    /// Lets packets in from now on, the first `snap_bytes` of each: every one, or one in `one_in`, which the kernel draws at
    /// random before it copies anything. What is in the ring stays there; its own counters count what was drawn.
    pub fn accept(&self, snap_bytes: u32, one_in: u32) -> io::Result<()> {
        match one_in {
            0 | 1 => self.filter(&mut [give(snap_bytes)]),
            one_in => self.filter(&mut [
                instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, RANDOM),
                libc::sock_filter {
                    jt: 1,
                    ..instruction(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K, u32::MAX / one_in)
                },
                give(snap_bytes),
                give(0),
            ]),
        }
    }

    /// Lets no more packets in. What is in the ring stays there.
    pub fn refuse(&self) -> io::Result<()> {
        self.filter(&mut [give(0)])
    }

    /// Hands over the frames of all blocks that are ready, each block once; says how many frames there were.
    pub fn drain(&mut self, mut each: impl FnMut(&Frame)) -> u64 {
        let mut frames = 0;
        for _ in 0..self.memory.blocks {
            let Some(block) = self.memory.ready_block(self.next_block) else { break };
            frames += walk(block, &mut each);
            self.memory.give_back(self.next_block);
            self.next_block = (self.next_block + 1) % self.memory.blocks;
        }
        frames
    }

    /// What the kernel counted since the last call: it begins at 0 again each time.
    pub fn statistics(&self) -> io::Result<Statistics> {
        let mut statistics = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        let mut length = size_of::<libc::tpacket_stats_v3>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes to `statistics`, which has that size.
        check(unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut statistics).cast(),
                &raw mut length,
            )
        })?;
        Ok(Statistics {
            packets: statistics.tp_packets,
            drops: statistics.tp_drops,
            freezes: statistics.tp_freeze_q_cnt,
        })
    }

    /// The error that waits at the socket, if there is one: the interface went down or away.
    pub fn pending_error(&self) -> Option<io::Error> {
        nix::sys::socket::getsockopt(&self.socket, nix::sys::socket::sockopt::SocketError)
            .ok()
            .filter(|error| *error != 0)
            .map(io::Error::from_raw_os_error)
    }

    /// Swaps the filter, a program of classic BPF, for another one.
    fn filter(&self, program: &mut [libc::sock_filter]) -> io::Result<()> {
        let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        // SAFETY: the kernel copies `len` instructions from `filter`, which are alive until the call returns.
        check(unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const program).cast(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        })
        .map(drop)
    }
}

/// Where a filter finds a new random number (`SKF_AD_RANDOM`, Linux 3.16).
const RANDOM: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_RANDOM) as u32;

/// An instruction of classic BPF.
fn instruction(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

/// Ends a filter: the packet's first `snap_bytes` go to the ring; 0 refuses it.
fn give(snap_bytes: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, snap_bytes)
}

/// The memory that is shared with the kernel, in blocks.
#[derive(Debug)]
struct Memory {
    start: NonNull<u8>,
    blocks: usize,
}

// SAFETY: the mapping belongs to this value alone and is not tied to a thread.
unsafe impl Send for Memory {}

impl Memory {
    fn share(socket: &OwnedFd, most_bytes: u64) -> io::Result<Self> {
        let mut outcome = Err(io::Error::from(io::ErrorKind::OutOfMemory));
        let small = |blocks: &usize| (blocks * BLOCK_BYTES) as u64 <= most_bytes || *blocks == SMALLEST;
        for blocks in BLOCKS.into_iter().filter(small) {
            let request = libc::tpacket_req3 {
                tp_block_size: BLOCK_BYTES as u32,
                tp_block_nr: blocks as u32,
                tp_frame_size: FRAME_BYTES as u32,
                tp_frame_nr: (blocks * BLOCK_BYTES / FRAME_BYTES) as u32,
                tp_retire_blk_tov: BLOCK_MILLISECONDS,
                tp_sizeof_priv: 0,
                tp_feature_req_word: 0,
            };
            outcome =
                set_packet_option(socket, libc::PACKET_RX_RING, &request).and_then(|()| Memory::map(socket, blocks));
            if !matches!(&outcome, Err(error) if error.raw_os_error() == Some(libc::ENOMEM)) {
                break;
            }
        }
        outcome
    }

    fn map(socket: &OwnedFd, blocks: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at a place of the kernel's choice; the result is checked.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                blocks * BLOCK_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.as_raw_fd(),
                0,
            )
        };
        match NonNull::new(start.cast::<u8>()) {
            Some(memory) if start != libc::MAP_FAILED => Ok(Memory { start: memory, blocks }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The status word of a block: who owns it, the kernel or we.
    fn status(&self, block: usize) -> &AtomicU32 {
        debug_assert!(block < self.blocks);
        let offset =
            block * BLOCK_BYTES + offset_of!(tpacket_block_desc, hdr) + offset_of!(tpacket_hdr_v1, block_status);
        // SAFETY: within the mapping, which lives as long as `self`; aligned to 4; both sides access it atomically.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(offset).cast()) }
    }

    /// The bytes of a block, if the kernel has handed it over.
    fn ready_block(&self, block: usize) -> Option<&[u8]> {
        if self.status(block).load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: within the mapping; the kernel does not write to a block while it is ours, which it is until
        // `give_back`, and that is not called while the slice is borrowed from `self`: `drain` sees to it.
        Some(unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(block * BLOCK_BYTES), BLOCK_BYTES) })
    }

    /// Gives a block back to the kernel.
    fn give_back(&mut self, block: usize) {
        self.status(block).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this start and length, and nothing borrows from it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.blocks * BLOCK_BYTES) };
    }
}

/// Hands over the frames of one block; says how many there were.
fn walk(block: &[u8], each: &mut impl FnMut(&Frame)) -> u64 {
    let header = offset_of!(tpacket_block_desc, hdr);
    let packets = word(block, header + offset_of!(tpacket_hdr_v1, num_pkts)).unwrap_or(0);
    let mut offset = word(block, header + offset_of!(tpacket_hdr_v1, offset_to_first_pkt)).unwrap_or(0) as usize;
    for walked in 0..packets {
        let Some((frame, next)) = block.get(offset..).and_then(read_frame) else { return u64::from(walked) };
        each(&frame);
        offset += next;
    }
    u64::from(packets)
}

/// Reads the frame at the beginning of `bytes`; says how far away the next one is.
fn read_frame(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    const ADDRESS: usize = size_of::<tpacket3_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);
    const VARIANT: usize = offset_of!(tpacket3_hdr, hv1);
    let status = word(bytes, offset_of!(tpacket3_hdr, tp_status))?;
    let link = usize::from(half(bytes, offset_of!(tpacket3_hdr, tp_mac))?);
    let network = usize::from(half(bytes, offset_of!(tpacket3_hdr, tp_net))?);
    let captured = word(bytes, offset_of!(tpacket3_hdr, tp_snaplen))? as usize;
    let seconds = word(bytes, offset_of!(tpacket3_hdr, tp_sec))?;
    let nanos = word(bytes, offset_of!(tpacket3_hdr, tp_nsec))?;
    let stripped_tag = (status & libc::TP_STATUS_VLAN_VALID != 0).then(|| {
        let tag = word(bytes, VARIANT + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tci))? as u16;
        let protocol = half(bytes, VARIANT + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tpid))?;
        // Kernels before 3.14 do not name the protocol: it was always 802.1Q.
        Some((if status & libc::TP_STATUS_VLAN_TPID_VALID != 0 { protocol } else { 0x8100 }, tag))
    });
    let virtio = link.checked_sub(VIRTIO_HEADER_BYTES)?;
    let (merge_type, segment_bytes) = (*bytes.get(virtio + 1)?, half(bytes, virtio + 4)?);
    let frame = Frame {
        bytes: bytes.get(link..link.checked_add(captured)?)?,
        network_offset: network.checked_sub(link)?,
        wire_bytes: word(bytes, offset_of!(tpacket3_hdr, tp_len))?,
        timestamp_nanos: u64::from(seconds) * 1_000_000_000 + u64::from(nanos),
        ether_type: u16::from_be(half(bytes, ADDRESS + offset_of!(libc::sockaddr_ll, sll_protocol))?),
        packet_type: *bytes.get(ADDRESS + offset_of!(libc::sockaddr_ll, sll_pkttype))?,
        stripped_tag: stripped_tag.flatten(),
        segment_bytes: (merge_type != 0 && segment_bytes > 0).then_some(segment_bytes),
    };
    let next = word(bytes, offset_of!(tpacket3_hdr, tp_next_offset))? as usize;
    Some((frame, next))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

/// Binds to an interface, for all protocols; gives the interface's type.
fn bind(socket: &OwnedFd, interface: u32) -> io::Result<u16> {
    // SAFETY: all zeroes is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = interface as i32;
    // SAFETY: the kernel reads `length` bytes of `address`, which has that size.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) })?;
    // SAFETY: the kernel writes at most `length` bytes to `address`, which has that size.
    check(unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut address).cast(), &raw mut length) })?;
    Ok(address.sll_hatype)
}

fn set_packet_option<T: Copy>(socket: &OwnedFd, option: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: the kernel reads at most the size of `value`.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    })
    .map(drop)
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame as the kernel lays it out: header at 0, address at 48, virtio header before the frame at 96.
    fn laid_out() -> Vec<u8> {
        let mut bytes = vec![0; 160];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, &160u32.to_ne_bytes());
        put(4, &1_700_000_000u32.to_ne_bytes());
        put(8, &5u32.to_ne_bytes());
        put(12, &20u32.to_ne_bytes());
        put(16, &1514u32.to_ne_bytes());
        put(20, &(libc::TP_STATUS_USER | libc::TP_STATUS_VLAN_VALID).to_ne_bytes());
        put(24, &96u16.to_ne_bytes());
        put(26, &110u16.to_ne_bytes());
        put(32, &42u32.to_ne_bytes());
        put(50, &0x0800u16.to_be_bytes());
        put(58, &[3]);
        put(86, &[0, 1, 0, 0]);
        put(90, &1448u16.to_ne_bytes());
        put(96, &[0xaa; 20]);
        bytes
    }

    #[test]
    fn a_frame_is_read_from_its_place() {
        let bytes = laid_out();
        let (frame, next) = read_frame(&bytes).unwrap();
        assert_eq!(next, 160);
        assert_eq!(
            frame,
            Frame {
                bytes: &[0xaa; 20],
                network_offset: 14,
                wire_bytes: 1514,
                timestamp_nanos: 1_700_000_000_000_000_005,
                ether_type: 0x0800,
                packet_type: 3,
                stripped_tag: Some((0x8100, 42)),
                segment_bytes: Some(1448),
            }
        );
    }

    #[test]
    fn a_frame_that_does_not_fit_its_block_is_no_frame() {
        let bytes = laid_out();
        assert_eq!(read_frame(&bytes[..115]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_block_makes_it_panic(mut bytes in proptest::collection::vec(0u8.., 0..400), packets in 0u32..9, first in 0u32..400) {
            if bytes.len() > 24 {
                bytes[12..16].copy_from_slice(&packets.to_ne_bytes());
                bytes[16..20].copy_from_slice(&first.to_ne_bytes());
            }
            proptest::prop_assert!(walk(&bytes, &mut |_| ()) <= u64::from(u32::MAX));
        }
    }
}
