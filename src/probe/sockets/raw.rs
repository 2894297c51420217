//! Sockets that make or see packets below TCP and UDP: raw ones, those of ping, and packet sockets. The kernel counts nothing of what they
//! send, and their packets bear any port: who holds one is all that is known.

use std::collections::HashSet;
use std::fs;

use super::output::RawSocket;
use super::picture::Owners;
use crate::case::Gap;
use crate::probe::process::Names;

/// Most of them in the list.
const LISTED: usize = 64;

/// A raw or packet socket of this network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raw {
    kind: &'static str,
    inode: u32,
    number: u16,
}

/// All of them.
pub(super) fn read() -> Result<Vec<Raw>, Gap> {
    let mut found = Vec::new();
    for (name, kind) in [("raw", "raw"), ("raw6", "raw"), ("icmp", "ping"), ("icmp6", "ping"), ("packet", "packet")] {
        match fs::read_to_string(format!("/proc/thread-self/net/{name}")) {
            Ok(text) => found.extend(text.lines().skip(1).filter_map(|line| parse(kind, line))),
            // No IPv6, or no packet sockets in this kernel.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Gap::io(format!("list raw and packet sockets (/proc/net/{name})"), &error)),
        }
    }
    Ok(found)
}

/// `raw` and `icmp`: `sl local:protocol remote st tx:rx when retransmits uid timeout inode ...`; `packet`: `sk references type protocol
/// interface running rmem user inode`.
fn parse(kind: &'static str, line: &str) -> Option<Raw> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (inode, number) = match kind {
        "raw" | "ping" => (fields.get(9)?, fields.get(1)?.rsplit_once(':')?.1),
        _ => (fields.get(8)?, *fields.get(3)?),
    };
    Some(Raw { kind, inode: inode.parse().ok()?, number: u16::from_str_radix(number, 16).ok()? })
}

/// Who holds them, without those of this process.
pub(super) fn held(raw: &[Raw], owners: &Owners<'_>, names: &mut Names) -> Vec<RawSocket> {
    let own = i32::try_from(std::process::id()).ok();
    // What other probes of this process opened after the owners were looked up.
    let own_sockets = own_sockets();
    let held = raw.iter().filter(|raw| !own_sockets.contains(&raw.inode)).filter_map(|raw| {
        let pid = owners.holders(raw.inode).map(|holders| holders.lowest);
        if pid.is_some() && pid == own {
            return None;
        }
        let process = pid.and_then(|pid| names.get(pid).cloned());
        Some(RawSocket { kind: raw.kind.to_owned(), number: raw.number, process })
    });
    held.take(LISTED).collect()
}

/// The inodes of this process's sockets.
fn own_sockets() -> HashSet<u32> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_was_just_opened_is_known_as_own() {
        use std::os::unix::fs::MetadataExt;
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&socket));
        let inode = fs::metadata(path).unwrap().ino();
        assert!(own_sockets().contains(&u32::try_from(inode).unwrap()));
    }

    #[test]
    fn both_tables_tell_protocol_and_inode() {
        let raw = "  1: 00000000:00FF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4021 2 0000000000000000 0";
        assert_eq!(parse("raw", raw), Some(Raw { kind: "raw", inode: 4021, number: 255 }));
        let packet = "0000000000000000 3      3    0003   2     1 0      0      917";
        assert_eq!(parse("packet", packet), Some(Raw { kind: "packet", inode: 917, number: 3 }));
        for cut in ["", "1: 00000000", "sk RefCnt Type Proto Iface R Rmem User Inode"] {
            assert_eq!((parse("raw", cut), parse("packet", cut)), (None, None), "{cut}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,160}") {
            let _ = (parse("raw", &line), parse("packet", &line));
        }
    }
}
