//! Good captures: a packet of each kind that the reader tells apart, as pcap and as pcapng.

use std::path::Path;

use super::Seed;

const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = MACS.to_vec();
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame
}

fn ipv4(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 7]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 198, 51, 100, 7, 192, 0, 2, 10]);
    packet.extend(payload);
    packet
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, 64]);
    for last in [7, 10] {
        packet.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    packet.extend(payload);
    packet
}

fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    for word in [from, to, (8 + payload.len()) as u16, 0] {
        datagram.extend(word.to_be_bytes());
    }
    datagram.extend(payload);
    datagram
}

fn tcp(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut segment = vec![0xc0, 0x22, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0];
    segment.extend([(((20 + options.len()) / 4) << 4) as u8, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(options);
    segment.extend(payload);
    segment
}

/// One question for `example.`, type ANY.
const QUESTION: &[u8] = &[
    0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 7, b'e', b'x', b'a', b'm', b'p', b'l', b'e', 0, 0, 255, 0, 1, 0, 0, 41, 16, 0,
    0, 0, 0, 0, 0, 0,
];

fn frames() -> Vec<Vec<u8>> {
    let inner = ipv4(17, 0, &udp(53, 4000, QUESTION));
    let vxlan = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &ethernet(0x0800, &inner)].concat();
    let gre = [&[0, 0, 8, 0][..], &inner].concat();
    let arp = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 198, 51, 100, 7, 0, 0, 0, 0, 0, 0, 192, 0, 2, 10];
    let destination = [59, 0, 1, 4, 0, 0, 0, 0];
    vec![
        ethernet(0x0800, &inner),
        ethernet(0x0800, &ipv4(17, 0, &udp(4000, 53, QUESTION))),
        ethernet(0x0800, &ipv4(6, 0, &tcp(2, &[2, 4, 5, 180, 1, 3, 3, 7], &[]))),
        ethernet(0x0800, &ipv4(6, 0, &tcp(0x18, &[], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))),
        ethernet(0x0800, &ipv4(1, 0, &[8, 0, 0, 0, 0, 1, 0, 1])),
        ethernet(0x0800, &ipv4(17, 0x2000, &udp(1, 2, &[0; 32]))),
        ethernet(0x0800, &ipv4(17, 0x00b9, &[0; 32])),
        ethernet(0x0800, &ipv4(47, 0, &gre)),
        ethernet(0x0800, &ipv4(4, 0, &inner)),
        ethernet(0x0800, &ipv4(17, 0, &udp(4789, 4789, &vxlan))),
        ethernet(0x86dd, &ipv6(17, &udp(123, 4000, &[0xd7, 0, 3, 42, 0, 6, 0, 72]))),
        ethernet(0x86dd, &ipv6(60, &destination)),
        ethernet(0x86dd, &ipv6(58, &[135, 0, 0, 0, 0, 0, 0, 0])),
        ethernet(0x0806, &arp),
        ethernet(0x8100, &[&[0, 7, 8, 0][..], &inner].concat()),
        ethernet(0x8847, &[&[0, 0, 0x11, 64][..], &inner].concat()),
    ]
}

fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1] {
        file.extend(word.to_le_bytes());
    }
    for (number, frame) in frames.iter().enumerate() {
        for word in [1_700_000_000, number as u32 * 1000, frame.len() as u32, frame.len() as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut padded = body.to_vec();
    padded.resize(body.len().div_ceil(4) * 4, 0);
    let length = (12 + padded.len()) as u32;
    [&kind.to_le_bytes()[..], &length.to_le_bytes(), &padded, &length.to_le_bytes()].concat()
}

fn pcapng(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    file.extend(block(1, &[1, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]));
    for (number, frame) in frames.iter().enumerate() {
        let mut body = Vec::new();
        for word in [0, 0x0018_0000, number as u32 * 1000, frame.len() as u32, frame.len() as u32] {
            body.extend(word.to_le_bytes());
        }
        body.extend(frame);
        file.extend(block(6, &body));
    }
    file
}

/// Both forms, with each packet once and with all of them many times.
pub fn seeds(_: &Path) -> Vec<Seed> {
    let frames = frames();
    let many: Vec<Vec<u8>> = frames.iter().cycle().take(frames.len() * 40).cloned().collect();
    let raw: Vec<Vec<u8>> = frames.iter().map(|frame| frame[14..].to_vec()).collect();
    let mut raw_ip = pcap(&raw);
    raw_ip[20] = 101;
    [pcap(&frames), pcapng(&frames), pcap(&many), pcapng(&many), raw_ip]
        .into_iter()
        .enumerate()
        .map(|(number, bytes)| Seed { name: number.to_string(), bytes })
        .collect()
}
