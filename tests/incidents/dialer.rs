//! A PPPoE client in user space: takes the packets out of the session's frames and hands them to the kernel by `ppp0`, a TUN
//! device, as `pppoe` of rp-pppoe does by way of pppd. And a machine of sorts, which holds a TAP device.
#![expect(unsafe_code, reason = "a TUN device is opened by an ioctl that no crate of ours has")]

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::service::ready;

/// Data of a session, in network order.
const SESSION: u16 = 0x8864u16.to_be();
/// `TUNSETIFF`, `IFF_TUN | IFF_NO_PI`.
const SET_INTERFACE: libc::c_ulong = 0x4004_54ca;
const TUN: i16 = 0x1001;
/// `IFF_TAP | IFF_NO_PI`.
const TAP: i16 = 0x1002;
/// Link header, PPPoE header, PPP protocol.
const AROUND: usize = 14 + 6 + 2;

/// Opens a device of that name.
fn device(name: &str, kind: i16) -> File {
    let device = OpenOptions::new().read(true).write(true).open("/dev/net/tun").expect("there are TUN devices");
    let mut request = [0u8; 40];
    request[..name.len()].copy_from_slice(name.as_bytes());
    request[16..18].copy_from_slice(&kind.to_ne_bytes());
    // SAFETY: the kernel reads and writes a `struct ifreq`, which has 40 bytes.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), SET_INTERFACE, request.as_mut_ptr()) };
    assert_eq!(result, 0, "{name}: {}", std::io::Error::last_os_error());
    device
}

/// Takes the frames of a TAP device of that name until the process ends.
pub fn hold(tap: &str, took: &AtomicU64) {
    let mut device = device(tap, TAP);
    ready();
    let mut frame = [0u8; 4096];
    loop {
        // A device that is down has nothing to read, and says so.
        match device.read(&mut frame) {
            Ok(length) => took.fetch_add(length as u64, Ordering::Relaxed),
            Err(_) => {
                std::thread::sleep(std::time::Duration::from_millis(5));
                continue;
            }
        };
    }
}

/// Takes what comes by the session until the process ends.
pub fn dial(took: &AtomicU64) {
    let mut device = device("ppp0", TUN);
    let run = |line: &str| {
        let status = std::process::Command::new("ip").args(line.split_whitespace()).status().expect("ip can be run");
        assert!(status.success(), "ip {line}");
    };
    run("addr add 10.66.0.9 peer 10.66.0.1 dev ppp0");
    run("link set ppp0 up");
    run("route replace default dev ppp0");
    // SAFETY: a system call that takes numbers and gives a descriptor.
    let frames = unsafe {
        let descriptor = libc::socket(libc::AF_PACKET, libc::SOCK_RAW, i32::from(SESSION));
        assert!(descriptor >= 0, "a packet socket: {}", std::io::Error::last_os_error());
        OwnedFd::from_raw_fd(descriptor)
    };
    ready();
    let mut frame = [0u8; 4096];
    while let Ok(length) = nix::unistd::read(&frames, &mut frame) {
        if let Some(packet) = frame[..length].get(AROUND..) {
            took.fetch_add(packet.len() as u64, Ordering::Relaxed);
            device.write_all(packet).expect("ppp0 takes it");
        }
    }
}
