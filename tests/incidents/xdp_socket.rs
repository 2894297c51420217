//! An AF_XDP socket: who takes frames past the whole network stack, as DPDK and Suricata may.
#![expect(unsafe_code, reason = "its rings are memory that is shared with the kernel")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::programs;
use crate::service::ready;

const FRAMES: usize = 2048;
const FRAME: usize = 2048;
const SOL_XDP: libc::c_int = 283;
const RX_RING: libc::c_int = 2;
const UMEM: libc::c_int = 4;
const FILL_RING: libc::c_int = 5;
const COMPLETION_RING: libc::c_int = 6;
const OFFSETS: libc::c_int = 1;
const FILL_AT: i64 = 0x1_0000_0000;
const COPY: u16 = 2;

fn succeeded(what: &str, result: libc::c_int) {
    assert!(result >= 0, "{what}: {}", std::io::Error::last_os_error());
}

fn set<T>(socket: &OwnedFd, name: libc::c_int, value: &T) {
    // SAFETY: the kernel reads as many bytes of `value` as it has.
    let result = unsafe {
        let size = size_of::<T>() as libc::socklen_t;
        libc::setsockopt(socket.as_raw_fd(), SOL_XDP, name, (&raw const *value).cast(), size)
    };
    succeeded("an option of an AF_XDP socket", result);
}

fn map(descriptor: i32, length: usize, at: i64) -> *mut u8 {
    let flags =
        if descriptor < 0 { libc::MAP_PRIVATE | libc::MAP_ANONYMOUS } else { libc::MAP_SHARED | libc::MAP_POPULATE };
    // SAFETY: a new mapping, wherever the kernel likes.
    let place =
        unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ | libc::PROT_WRITE, flags, descriptor, at) };
    assert!(place != libc::MAP_FAILED, "memory of an AF_XDP socket: {}", std::io::Error::last_os_error());
    place.cast()
}

/// A ring that is shared with the kernel: who produces, who consumes, and the entries.
struct Ring {
    producer: &'static AtomicU32,
    consumer: &'static AtomicU32,
    entries: *mut u8,
}

impl Ring {
    fn at(base: *mut u8, offsets: &[u64]) -> Ring {
        // SAFETY: the kernel says where in its mapping these are, and the mapping is never undone.
        unsafe {
            Ring {
                producer: &*base.add(offsets[0] as usize).cast(),
                consumer: &*base.add(offsets[1] as usize).cast(),
                entries: base.add(offsets[2] as usize),
            }
        }
    }
}

/// Takes all frames that come in by `eth0`, until the process ends.
pub fn consume(took: &AtomicU64) {
    // SAFETY: a system call that takes numbers and gives a descriptor.
    let socket = unsafe {
        let descriptor = libc::socket(libc::AF_XDP, libc::SOCK_RAW, 0);
        succeeded("an AF_XDP socket", descriptor);
        OwnedFd::from_raw_fd(descriptor)
    };
    let frames = map(-1, FRAMES * FRAME, 0);
    set(&socket, UMEM, &[frames as u64, (FRAMES * FRAME) as u64, FRAME as u64, 0]);
    set(&socket, FILL_RING, &(FRAMES as u32));
    set(&socket, COMPLETION_RING, &64u32);
    set(&socket, RX_RING, &(FRAMES as u32));
    // Of each ring: producer, consumer, entries, flags. In the order received, sent, to be filled, completed.
    let mut offsets = [0u64; 16];
    let mut size = size_of_val(&offsets) as libc::socklen_t;
    // SAFETY: the kernel writes as many bytes as `size` says.
    let result =
        unsafe { libc::getsockopt(socket.as_raw_fd(), SOL_XDP, OFFSETS, offsets.as_mut_ptr().cast(), &raw mut size) };
    succeeded("where the rings are", result);
    let fill = Ring::at(map(socket.as_raw_fd(), offsets[10] as usize + FRAMES * 8, FILL_AT), &offsets[8..11]);
    let received = Ring::at(map(socket.as_raw_fd(), offsets[2] as usize + FRAMES * 16, 0), &offsets[0..3]);
    let give = |place: u32, frame: u64| {
        // SAFETY: the place is below the number of entries.
        unsafe { fill.entries.cast::<u64>().add(place as usize % FRAMES).write(frame) };
    };
    (0..FRAMES).for_each(|frame| give(frame as u32, (frame * FRAME) as u64));
    fill.producer.store(FRAMES as u32, Ordering::Release);
    let eth0 = nix::net::if_::if_nametoindex("eth0").expect("there is eth0");
    // `struct sockaddr_xdp`: family and flags, interface, queue, none shared.
    let address = [libc::AF_XDP as u32 | u32::from(COPY) << 16, eth0, 0, 0];
    // SAFETY: the kernel reads the address, which has that size.
    let result =
        unsafe { libc::bind(socket.as_raw_fd(), address.as_ptr().cast(), size_of_val(&address) as libc::socklen_t) };
    succeeded("bind an AF_XDP socket to eth0", result);
    let _attached = programs::hand_to(&socket);
    ready();
    loop {
        let (from, to) = (received.consumer.load(Ordering::Relaxed), received.producer.load(Ordering::Acquire));
        for taken in 0..to.wrapping_sub(from) {
            // SAFETY: the kernel has written this entry: place, length, options.
            let entry =
                unsafe { received.entries.cast::<[u64; 2]>().add(from.wrapping_add(taken) as usize % FRAMES).read() };
            took.fetch_add(entry[1] & 0xffff_ffff, Ordering::Relaxed);
            let place = fill.producer.load(Ordering::Relaxed);
            give(place, entry[0] / FRAME as u64 * FRAME as u64);
            fill.producer.store(place.wrapping_add(1), Ordering::Release);
        }
        received.consumer.store(to, Ordering::Release);
        thread::sleep(Duration::from_millis(1));
    }
}
