//! A socket as tools and the files of the kernel print it.

use std::net::IpAddr;

/// A row of an output.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub udp: bool,
    pub state: &'static str,
    pub queues: (u32, u32),
    pub local: (IpAddr, u16),
    /// It is bound to every address.
    pub any: bool,
    pub remote: Option<(IpAddr, u16)>,
    pub process: Option<(i32, String)>,
}
