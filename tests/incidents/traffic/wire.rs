//! Whole frames onto an interface, past the IP stack, so that sources can be forged.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, bind, send, socket};

/// A packet socket that only sends.
#[derive(Debug)]
pub struct Wire(OwnedFd);

impl Wire {
    /// Onto this interface of the calling thread's namespace.
    pub fn onto(interface: &str) -> Wire {
        // Protocol 0: the socket receives nothing, and so costs the interface nothing.
        let socket =
            socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None).expect("a packet socket");
        let mut addresses = getifaddrs().expect("the interfaces can be listed");
        let address = addresses.find_map(|entry| {
            let address = entry.address?;
            (entry.interface_name == interface).then(|| address.as_link_addr().copied()).flatten()
        });
        let address = address.unwrap_or_else(|| panic!("no interface {interface}"));
        bind(socket.as_raw_fd(), &address).expect("a packet socket can be bound");
        Wire(socket)
    }

    /// Sends a frame. False when the interface's queue had no room for it.
    pub fn send(&self, frame: &[u8]) -> bool {
        match send(self.0.as_raw_fd(), frame, MsgFlags::empty()) {
            Ok(length) => length == frame.len(),
            Err(Errno::ENOBUFS | Errno::EAGAIN) => false,
            Err(error) => panic!("cannot send a frame: {error}"),
        }
    }
}
