//! The door to the legacy packet filter: the tables of `iptables`, `ip6tables` and `arptables`, by getsockopt.
//!
//! Asking for a table that nobody uses would load its module; so only tables that the kernel lists as in use are asked for.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// `IPT_SO_GET_INFO`, the same for both families of IP.
const IPT_INFO: libc::c_int = 64;
/// `ARPT_SO_GET_INFO`.
const ARPT_INFO: libc::c_int = 96;
/// What asks for a table's entries has the number after.
/// The name of a table and the NUL after it (`XT_TABLE_MAXNAMELEN`).
const NAME: usize = 32;
/// Where the entries begin in `struct ipt_get_entries`, after name, size and padding.
const ENTRIES_AT: usize = 40;
/// The biggest table that is read: some 400,000 rules.
const MAX_BYTES: u32 = 64 << 20;
/// A table that is replaced between the question for its size and the question for its entries is asked for again.
const ATTEMPTS: u32 = 5;

/// The families that have a legacy packet filter of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4: `iptables`.
    V4,
    /// IPv6: `ip6tables`.
    V6,
    /// ARP: `arptables`.
    Arp,
}

/// One table as the kernel gives it.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name: `filter`.
    pub name: String,
    /// The hooks where it has a built-in chain, a bit for each (`valid_hooks`).
    pub valid_hooks: u32,
    /// Where the built-in chain of each hook begins, as an offset in the entries.
    pub hook_entries: [u32; 5],
    /// Where the policy of each hook's chain stands, as an offset in the entries.
    pub underflows: [u32; 5],
    answer: Vec<u8>,
}

impl Table {
    /// The entries: `struct ipt_entry`, `struct ip6t_entry` or `struct arpt_entry`, one after another.
    pub fn entries(&self) -> &[u8] {
        self.answer.get(ENTRIES_AT..).unwrap_or_default()
    }

    /// A table made of parts, as the kernel would give it.
    pub fn new(name: &str, valid_hooks: u32, hook_entries: [u32; 5], underflows: [u32; 5], entries: &[u8]) -> Self {
        let answer = [&[0; ENTRIES_AT], entries].concat();
        Table { name: name.to_owned(), valid_hooks, hook_entries, underflows, answer }
    }
}

/// The names of the tables that are in use in this thread's network namespace, from `ip_tables_names`; none when this
/// kernel has no legacy packet filter loaded.
pub fn table_names(family: Family) -> io::Result<Option<Vec<String>>> {
    // Not /proc/net, which is the namespace of the process's first thread.
    let path = match family {
        Family::V4 => "/proc/thread-self/net/ip_tables_names",
        Family::V6 => "/proc/thread-self/net/ip6_tables_names",
        Family::Arp => "/proc/thread-self/net/arp_tables_names",
    };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.lines().map(str::to_owned).collect())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A socket through which tables are asked for. It sees the network namespace of the thread that opened it.
#[derive(Debug)]
pub struct XTables {
    socket: OwnedFd,
    level: libc::c_int,
    /// The question for what a table is like.
    info: libc::c_int,
    /// Hooks that its tables know.
    hooks: usize,
}

impl XTables {
    /// Opens it. A datagram socket will do, so `CAP_NET_RAW` is not needed; the questions need `CAP_NET_ADMIN`.
    pub fn open(family: Family) -> io::Result<Self> {
        let (domain, level, info, hooks) = match family {
            Family::V4 => (AddressFamily::Inet, libc::SOL_IP, IPT_INFO, 5),
            Family::V6 => (AddressFamily::Inet6, libc::SOL_IPV6, IPT_INFO, 5),
            Family::Arp => (AddressFamily::Inet, libc::SOL_IP, ARPT_INFO, 3),
        };
        let socket = socket(domain, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        Ok(XTables { socket, level, info, hooks })
    }

    /// Reads a table with its counters.
    pub fn table(&self, name: &str) -> io::Result<Table> {
        if name.len() >= NAME {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name of the table is too long"));
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.attempt(name) {
                Err(error) if error.raw_os_error() == Some(libc::EAGAIN) && attempts < ATTEMPTS => {}
                result => return result,
            }
        }
    }

    fn attempt(&self, name: &str) -> io::Result<Table> {
        // struct ipt_getinfo: name, valid_hooks, hook_entry[5], underflow[5], num_entries, size; arpt_getinfo with 3 of each
        let mut info = vec![0; NAME + (3 + 2 * self.hooks) * mem::size_of::<u32>()];
        info[..name.len()].copy_from_slice(name.as_bytes());
        self.get(self.info, &mut info)?;
        let word = |index: usize| info[NAME..].as_chunks().0.get(index).map_or(0, |word| u32::from_ne_bytes(*word));
        let size = word(2 + 2 * self.hooks);
        if size > MAX_BYTES {
            return Err(io::Error::other(format!("table {name} has {size} bytes, more than casebook reads")));
        }
        let mut answer = vec![0; ENTRIES_AT + usize::try_from(size).map_err(io::Error::other)?];
        answer[..name.len()].copy_from_slice(name.as_bytes());
        answer[NAME..NAME + 4].copy_from_slice(&size.to_ne_bytes());
        self.get(self.info + 1, &mut answer)?;
        Ok(Table {
            name: name.to_owned(),
            valid_hooks: word(0),
            hook_entries: std::array::from_fn(|hook| if hook < self.hooks { word(1 + hook) } else { 0 }),
            underflows: std::array::from_fn(|hook| if hook < self.hooks { word(1 + self.hooks + hook) } else { 0 }),
            answer,
        })
    }

    fn get(&self, option: libc::c_int, value: &mut [u8]) -> io::Result<()> {
        let mut length = libc::socklen_t::try_from(value.len()).map_err(io::Error::other)?;
        // SAFETY: the pointer and the length are those of one live, writable slice, and the kernel writes no more than
        // that length; every byte pattern is a valid u8.
        let result = unsafe {
            libc::getsockopt(self.socket.as_raw_fd(), self.level, option, value.as_mut_ptr().cast(), &raw mut length)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
