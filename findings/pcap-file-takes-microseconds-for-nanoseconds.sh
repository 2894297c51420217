#!/usr/bin/env bash
# The pcap-file crate reads the times of most pcapng files a thousandth as large: a capture of 2026 is of January 1970.
#
# One would guess: PcapNgReader gives the time of a packet as tcpdump and Wireshark show it. A block's time is a number of units
# that its interface names (if_tsresol), microseconds if it names none, and the crate hands out a Duration.
#
# True: it takes each such number for nanoseconds, whatever the interface says. So files with nanoseconds are right, and a test
# with one passes; those with microseconds, the default of the format and what was made from plain pcap files, are not: all
# times begin on 21 January 1970, and a second is a millisecond. So a rate made of it is a thousand times as high, with no
# error. Written by the crate, with an interface that names no unit, a file is wrong in the same way for all others: each second
# is a thousand, and the date is any. Its reader of plain pcap is right.
#
# Seen with: pcap-file 2.0.0 (the newest but for 3.0.0-rc1), Rust 1.95, tcpdump 4.99.3-1, libpcap 1.10.3-1 (bookworm), Python
# 3.11. EnhancedPacketBlock.
set -euo pipefail
# Says what is otherwise now, and ends.
is() { [ "$@" ] || { echo "no longer as described: $*" >&2; exit 1; }; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
mkdir -p program/src
cat > program/Cargo.toml <<'TOML'
[package]
name = "times"
version = "0.0.0"
edition = "2021"
[dependencies]
pcap-file = "=2.0.0"
[workspace]
TOML
cat > program/src/main.rs <<'RS'
use pcap_file::pcapng::blocks::{enhanced_packet::EnhancedPacketBlock, interface_description::InterfaceDescriptionBlock};
use pcap_file::pcapng::{Block, PcapNgBlock, PcapNgReader, PcapNgWriter};
use pcap_file::DataLink;
use std::{borrow::Cow, fs::File, time::Duration};
// With a second word, writes a file with two packets of that second and the next; otherwise reads one.
fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let Some(seconds) = words.get(2) {
        let mut writer = PcapNgWriter::new(File::create(&words[1]).unwrap()).unwrap();
        writer.write_block(&InterfaceDescriptionBlock::new(DataLink::ETHERNET, 65535).into_block()).unwrap();
        for later in 0..2 {
            let timestamp = Duration::from_secs(seconds.parse::<u64>().unwrap() + later);
            let data = Cow::from(vec![0; 60]);
            let packet = EnhancedPacketBlock { interface_id: 0, timestamp, original_len: 60, data, options: vec![] };
            writer.write_block(&packet.into_block()).unwrap();
        }
        return;
    }
    let mut reader = PcapNgReader::new(File::open(&words[1]).unwrap()).unwrap();
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.unwrap() {
            println!("{:.3}", packet.timestamp.as_secs_f64());
        }
    }
}
RS
(cd program && nice cargo build -q --release -j1)
times="$work/program/target/release/times"
apt-get download -qq tcpdump=4.99.3-1 libpcap0.8=1.10.3-1 libdbus-1-3=1.14.10-1~deb12u1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu"
# Two packets, a second apart, of 2026-01-01 00:00:00 UTC: without a unit, with microseconds and with nanoseconds.
python3 - <<'PY'
import struct
def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
def resolution(digits):
    return struct.pack("<HHB3xHH", 9, 1, digits, 0, 0)
for name, digits, option in (("none", 6, b""), ("micro", 6, resolution(6)), ("nano", 9, resolution(9))):
    data = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 65535) + option)
    for second in (1767225600, 1767225601):
        units = second * 10 ** digits
        data += block(6, struct.pack("<IIIII", 0, units >> 32, units & 0xFFFFFFFF, 60, 60) + bytes(60))
    open(name + ".pcapng", "wb").write(data)
PY
by_tcpdump() { root/usr/bin/tcpdump -nttr "$1.pcapng" 2>/dev/null | awk '{printf "%s%s", sep, $1; sep = " "}'; }
for name in none micro nano; do
    declare "$name=$("$times" "$name.pcapng" | xargs)"
    echo "unit $name: tcpdump $(by_tcpdump "$name"); pcap-file ${!name}"
    is "$(by_tcpdump "$name")" = "1767225600.000000 1767225601.000000"
done
"$times" written.pcapng 1767225600
written=$(by_tcpdump written)
echo "written by pcap-file, without a unit: tcpdump $written"
is "$nano" = "1767225600.000 1767225601.000"
is "$none" = "1767225.600 1767225.601"
is "$micro" = "$none"
read -r first second <<< "$written"
is "${first%.*}" != 1767225600
is $((${second%.*} - ${first%.*})) = 1000
echo "as described: microseconds are taken for nanoseconds"
