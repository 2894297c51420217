//! BPF programs of a few instructions, assembled here, and where they are attached. Each is gone when its link is dropped, and
//! so also when the process that holds it dies.
#![expect(unsafe_code, reason = "no crate of ours loads programs")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use serde::{Deserialize, Serialize};

/// Where a program meets packets that come in by `eth0`, and what it does with them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Hook {
    /// In the driver, before the network stack: drops all.
    Xdp,
    /// The same, behind the driver (generic): drops all.
    XdpGeneric,
    /// The same in the driver, and lets all pass.
    XdpPass,
    /// The same, and sends all on by this interface.
    XdpRedirect(String),
    /// At the ingress of traffic control (TCX): drops all.
    TrafficControl,
    /// At netfilter's hook `prerouting` of IPv4: drops all.
    Netfilter,
}

const CREATE_MAP: libc::c_int = 0;
const UPDATE: libc::c_int = 2;
const LOAD: libc::c_int = 5;
const LINK: libc::c_int = 28;

/// An instruction: code, destination and source register, offset, constant.
const fn op(code: u8, to: u8, from: u8, offset: i16, constant: i32) -> u64 {
    code as u64 | (to as u64) << 8 | (from as u64) << 12 | (offset as u16 as u64) << 16 | (constant as u32 as u64) << 32
}
const fn set(register: u8, constant: i32) -> u64 {
    op(0xb7, register, 0, 0, constant)
}
const fn call(helper: i32) -> u64 {
    op(0x85, 0, 0, 0, helper)
}
const END: u64 = op(0x95, 0, 0, 0, 0);

fn bpf(command: libc::c_int, attributes: &mut [u64; 16]) -> std::io::Result<i32> {
    // SAFETY: the attributes are laid out as the kernel's `union bpf_attr` for the command, zero behind; what they point to
    // lives.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), size_of_val(attributes)) };
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(result as i32) }
}

fn made(command: libc::c_int, attributes: &mut [u64; 16]) -> OwnedFd {
    let descriptor = bpf(command, attributes).unwrap_or_else(|error| panic!("bpf command {command}: {error}"));
    // SAFETY: the kernel has just given us this descriptor.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

fn load(kind: u32, place: u32, program: &[u64]) -> OwnedFd {
    let mut load = [0u64; 16];
    load[0] = u64::from(kind) | (program.len() as u64) << 32;
    load[1] = program.as_ptr() as u64;
    load[2] = c"GPL".as_ptr() as u64;
    load[8] = u64::from(place) << 32;
    made(LOAD, &mut load)
}

/// `more` is what the link of this kind of place asks for.
fn link(program: &OwnedFd, target: u32, place: u32, flags: u32, more: [u64; 2]) -> OwnedFd {
    let mut link = [0u64; 16];
    link[0] = program.as_raw_fd() as u64 | u64::from(target) << 32;
    link[1] = u64::from(place) | u64::from(flags) << 32;
    (link[2], link[3]) = (more[0], more[1]);
    made(LINK, &mut link)
}

fn index(interface: &str) -> u32 {
    nix::net::if_::if_nametoindex(interface).unwrap_or_else(|error| panic!("{interface}: {error}"))
}

const XDP: (u32, u32) = (6, 37);
/// `XDP_FLAGS_SKB_MODE`: not in the driver, so that any interface takes what is redirected.
const GENERIC: u32 = 2;

/// Attaches the program of a hook.
pub fn attach(hook: &Hook) -> OwnedFd {
    let eth0 = index("eth0");
    match hook {
        Hook::Xdp => link(&load(XDP.0, XDP.1, &[set(0, 1), END]), eth0, XDP.1, 0, [0; 2]),
        Hook::XdpGeneric => link(&load(XDP.0, XDP.1, &[set(0, 1), END]), eth0, XDP.1, GENERIC, [0; 2]),
        Hook::XdpPass => link(&load(XDP.0, XDP.1, &[set(0, 2), END]), eth0, XDP.1, 0, [0; 2]),
        Hook::XdpRedirect(to) => {
            let program = load(XDP.0, XDP.1, &[set(1, index(to) as i32), set(2, 0), call(23), END]);
            link(&program, eth0, XDP.1, GENERIC, [0; 2])
        }
        Hook::TrafficControl => link(&load(3, 46, &[set(0, 2), END]), eth0, 46, 0, [0; 2]),
        // IPv4, prerouting, priority -128.
        Hook::Netfilter => link(&load(32, 45, &[set(0, 0), END]), 0, 45, 0, [2, u64::from((-128i32) as u32)]),
    }
}

/// Lets nothing in for the processes of a control group, by its open folder.
pub fn deny(group: &OwnedFd) -> OwnedFd {
    link(&load(8, 0, &[set(0, 0), END]), group.as_raw_fd() as u32, 0, 0, [0; 2])
}

/// Hands all that comes in by `eth0` to an AF_XDP socket.
pub fn hand_to(socket: &OwnedFd) -> (OwnedFd, OwnedFd) {
    // A map of sockets by queue: XSKMAP, with one entry.
    let mut create = [0u64; 16];
    (create[0], create[1]) = (17 | 4 << 32, 4 | 1 << 32);
    let map = made(CREATE_MAP, &mut create);
    let (queue, descriptor) = (0u32, socket.as_raw_fd() as u32);
    let mut update = [0u64; 16];
    update[0] = map.as_raw_fd() as u64;
    (update[1], update[2]) = ((&raw const queue) as u64, (&raw const descriptor) as u64);
    bpf(UPDATE, &mut update).expect("the map takes the socket");
    let program = [
        op(0x61, 2, 1, 16, 0), // r2 = the queue that it came by
        op(0x18, 1, 1, 0, map.as_raw_fd()),
        0,
        set(3, 1), // what finds no socket is dropped
        call(51),
        END,
    ];
    (link(&load(XDP.0, XDP.1, &program), index("eth0"), XDP.1, GENERIC, [0; 2]), map)
}
