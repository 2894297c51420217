//! Sockets from `/proc/net`, where the kernel has no socket diagnosis: no byte counts, no limit of the accept queue.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::sys::sock_diag::{SocketRow, Transport};

/// Hands over every socket of a protocol, of the calling thread's network namespace.
pub(super) fn read(transport: Transport, mut each: impl FnMut(SocketRow)) -> io::Result<()> {
    let (v4, v6) = match transport {
        Transport::Tcp => ("tcp", "tcp6"),
        Transport::Udp => ("udp", "udp6"),
    };
    for name in [v4, v6] {
        let file = match File::open(format!("/proc/thread-self/net/{name}")) {
            Err(error) if name == v6 && error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        for line in BufReader::with_capacity(64 << 10, file).lines().skip(1) {
            if let Some(row) = parse_line(transport, &line?) {
                each(row);
            }
        }
    }
    Ok(())
}

/// A line: `sl local remote st tx:rx tr:when retransmits uid timeout inode references pointer drops`.
fn parse_line(transport: Transport, line: &str) -> Option<SocketRow> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, local_port) = parse_end(fields.next()?)?;
    let (remote, remote_port) = parse_end(fields.next()?)?;
    let state = u8::from_str_radix(fields.next()?, 16).ok()?;
    let (send_queue, receive_queue) = fields.next()?.split_once(':')?;
    let inode = fields.nth(4)?.parse().ok()?;
    let drops = match transport {
        Transport::Udp => fields.nth(2).and_then(|drops| drops.parse().ok()),
        Transport::Tcp => None,
    };
    Some(SocketRow {
        transport,
        state,
        local,
        local_port,
        remote,
        remote_port,
        inode,
        receive_queue: u32::from_str_radix(receive_queue, 16).ok()?,
        send_queue: u32::from_str_radix(send_queue, 16).ok()?,
        drops,
        ..SocketRow::default()
    })
}

/// `0100007F:1F90`: the address as words of 32 bits in the machine's byte order, and the port.
fn parse_end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let word = |index: usize| {
        let word = address.get(index * 8..index * 8 + 8)?;
        u32::from_str_radix(word, 16).ok().map(u32::to_ne_bytes)
    };
    let address = match address.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: &[u8; 16] = words.as_flattened().first_chunk()?;
            IpAddr::from(Ipv6Addr::from(*bytes)).to_canonical()
        }
        _ => return None,
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::sock_diag::{CLOSE, LISTEN};

    #[test]
    #[cfg(target_endian = "little")]
    fn a_listener_and_a_dropping_udp_socket_are_read() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 21037 1 0000 100 0 0 10 0";
        let row = parse_line(Transport::Tcp, line).unwrap();
        assert_eq!((row.local, row.local_port, row.state), (IpAddr::from([127, 0, 0, 1]), 8080, LISTEN));
        assert_eq!((row.receive_queue, row.inode, row.drops, row.cookie), (3, 21037, None, 0));

        let line = "  12: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 00000000:00034800 00:00000000 00000000   101        0 17001 2 0000 917";
        let row = parse_line(Transport::Udp, line).unwrap();
        assert_eq!((row.local, row.local_port, row.state), ("::1".parse().unwrap(), 53, CLOSE));
        assert_eq!((row.receive_queue, row.drops), (0x34800, Some(917)));
    }

    #[test]
    fn lines_that_are_cut_short_are_left_out() {
        for line in
            ["", "  sl  local_address", "0: 0100007F:1F90 00000000:0000 0A", "0: 01:02 03:04 05 06:07 1 2 3 4 5 6"]
        {
            assert_eq!(parse_line(Transport::Tcp, line), None, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,160}") {
            let _ = parse_line(Transport::Udp, &line);
        }

        #[test]
        fn no_pair_of_ends_makes_it_panic(end in "[0-9A-Fé:]{0,40}") {
            let _ = parse_end(&end);
        }
    }
}
