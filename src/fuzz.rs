//! One entry for each kind of input that comes from outside, without the socket or folder that it comes from in a run: what
//! the fuzz targets of `fuzz/` call, and `tests/fuzz_corpus.rs` over the files of `fuzz/corpus`.
//!
//! An entry returns whatever its input is. A panic is a fault, and so is an input that takes seconds or much memory.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::probe::capture::{self, CaptureProbe};
use crate::probe::{Context, Probe, conntrack, file, firewall, logs};
use crate::sys::netlink_dump::{Message, messages};
use crate::sys::rtnetlink;
use crate::sys::sock_diag::{Transport, parse_socket};
use crate::sys::unix_diag::{parse_listener, parse_waiting};
use crate::sys::xtables::{Family, Table};
use crate::{archive, runbook, tool_output as tools};

/// A kind of input.
#[derive(Debug)]
pub struct Target {
    /// Its name: that of the target in `fuzz/fuzz_targets`, and of the folder in `fuzz/corpus`.
    pub name: &'static str,
    /// What an input is.
    pub about: &'static str,
    /// Reads an input.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "packets",
        about: "a link type (32 bits), then frames, each after its length (16 bits), little-endian",
        run: packets,
    },
    Target { name: "capture_files", about: "a pcap or pcapng file", run: capture_files },
    Target {
        name: "netlink",
        about: "messages of rtnetlink, sock_diag and ctnetlink, one after another",
        run: netlink,
    },
    Target { name: "nftables", about: "messages of nf_tables dumps, one after another", run: nftables },
    Target {
        name: "xtables",
        about: "4 or 6 for the family, the hooks, entry points and underflows of a legacy table (11 words of 32 bits), its entries",
        run: xtables,
    },
    Target { name: "cases", about: "a case file: packed, or the JSON of a case", run: cases },
    Target { name: "runbooks", about: "a runbook in YAML", run: runbooks },
    Target { name: "packed_logs", about: "a log that gzip, xz, Zstandard or bzip2 packed", run: packed_logs },
    Target { name: "journals", about: "a file of the journal of systemd", run: journals },
    Target { name: "certificates", about: "a file with certificates, in PEM or DER", run: certificates },
    Target { name: "tool_output", about: "what one tool printed", run: tool_output },
];

/// Frames of a burst, added up.
pub fn packets(input: &[u8]) {
    let Some((link_type, mut rest)) = input.split_first_chunk() else { return };
    let frames = std::iter::from_fn(|| {
        let (length, bytes) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(bytes.len());
        let (frame, after) = bytes.split_at(length);
        rest = after;
        Some(frame)
    });
    let local: [IpAddr; 2] =
        [Ipv4Addr::new(192, 0, 2, 10).into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10).into()];
    capture::of_frames(u32::from_le_bytes(*link_type), frames, local);
}

/// A capture file, observed as `run --pcap` does.
pub fn capture_files(input: &[u8]) {
    let Ok(memory) = memfd_create("capture", MemfdFlags::CLOEXEC) else { return };
    let mut file = File::from(memory);
    if file.write_all(input).is_err() {
        return;
    }
    let path = Some(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let _ = CaptureProbe.observe(capture::Params { file: path, ..capture::Params::default() }, &Context::alone());
}

/// `NFNL_SUBSYS_CTNETLINK` and `IPCTNL_MSG_CT_NEW`.
const CONNECTION: u16 = 1 << 8;
/// `struct nfgenmsg`.
const NETFILTER_HEADER: usize = 4;

/// Dumps of interfaces, addresses, routes, sockets and tracked connections.
pub fn netlink(input: &[u8]) {
    for message in messages(input) {
        rtnetlink::read(message.kind, message.payload);
        parse_socket(Transport::Tcp, message.payload);
        parse_socket(Transport::Udp, message.payload);
        let _ = (parse_listener(message.payload), parse_waiting(message.payload));
    }
    let attributes = |message: Message<'_>| message.payload.get(NETFILTER_HEADER..).unwrap_or_default().to_vec();
    let entries: Vec<_> = messages(input).filter(|message| message.kind == CONNECTION).map(attributes).collect();
    conntrack::of_entries(entries.iter().map(Vec::as_slice));
}

/// Dumps of nftables, looked at as the probe does.
pub fn nftables(input: &[u8]) {
    let _ = firewall::of_dump(input.to_vec());
}

/// A table of the legacy packet filter.
pub fn xtables(input: &[u8]) {
    let Some((family, rest)) = input.split_first() else { return };
    let Some((head, entries)) = rest.split_first_chunk::<44>() else { return };
    let word = |index: usize| head[index * 4..].first_chunk().map_or(0, |word| u32::from_ne_bytes(*word));
    let family = match *family {
        6 => Family::V6,
        2 => Family::Arp,
        _ => Family::V4,
    };
    let [hook_entries, underflows] = [1, 6].map(|first| std::array::from_fn(|hook| word(first + hook)));
    firewall::of_table(family, Table::new("filter", word(0), hook_entries, underflows, entries));
}

/// A case file, read as a whole and as a list of cases reads it.
pub fn cases(input: &[u8]) {
    let _ = archive::summary(input);
    let _ = archive::read(input);
}

/// A runbook, checked.
pub fn runbooks(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(problems) = runbook::load(text, "input.yaml") {
        problems.render(false);
    }
}

/// A packed log, unpacked by its first bytes.
pub fn packed_logs(input: &[u8]) {
    let Ok(memory) = memfd_create("log", MemfdFlags::CLOEXEC) else { return };
    let mut file = File::from(memory);
    if file.write_all(input).is_ok() && file.rewind().is_ok() {
        logs::of_packed(file);
    }
}

/// A file of the journal.
pub fn journals(input: &[u8]) {
    let Ok(memory) = memfd_create("journal", MemfdFlags::CLOEXEC) else { return };
    let mut file = File::from(memory);
    if file.write_all(input).is_ok() {
        logs::of_journal(file);
    }
}

/// A file with certificates.
pub fn certificates(input: &[u8]) {
    file::certificates_of(input);
}

/// An output of a tool.
pub fn tool_output(input: &[u8]) {
    if let Some(read) = tools::of_text(&String::from_utf8_lossy(input)) {
        read.recognised();
        read.not_recognised();
    }
}
