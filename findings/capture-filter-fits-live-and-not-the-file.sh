#!/usr/bin/env bash
# A capture filter finds frames with a VLAN tag on the wire, and no longer finds them in the file that it made.
#
# One would guess: `tcpdump -r FILE 'udp port 53'` shows all of a file that `tcpdump -w FILE 'udp port 53'` made. The same words
# take the same packets.
#
# True: Linux takes the tag out of a frame before a packet socket sees it, and keeps it beside the packet. The filter runs in
# the kernel on what is left, which looks like a frame without a tag: so "udp port 53" fits. Then libpcap puts the tag back, and
# so it stands in the file, where the same filter meets the tag where it wants the type of IP. A trunk's file seems to be empty;
# a count by `tcpdump -r FILE FILTER` has only the part without tags. "udp port 53 or (vlan and udp port 53)" finds both, live
# and in the file. Filters of Wireshark's own kind (tshark -Y) are not concerned.
#
# Seen with: tcpdump 4.99.3-1, libpcap 1.10.3-1, iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11. skb_vlan_untag();
# pcap_handle_packet_mmap() in pcap-linux.c.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d)
name="one-$$"
jobs=()
trap 'kill "${jobs[@]}" 2>/dev/null || true; ip netns del "$name" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq tcpdump=4.99.3-1 libpcap0.8=1.10.3-1 libdbus-1-3=1.14.10-1~deb12u1 \
    iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/usr/bin:$PATH"
ip netns add "$name"
ip -n "$name" link add e0 type veth peer name e1
ip -n "$name" link set e0 up; ip -n "$name" link set e1 up
ip netns exec "$name" tcpdump -Z root -nU -i e1 -w file.pcap 'udp port 53' 2> said & capture=$!; jobs+=("$capture")
for _ in $(seq 100); do grep -q 'listening on' said && break; sleep 0.1; done
sleep 0.5
# Thirty datagrams in frames with the tag of VLAN 10, and twenty without.
ip netns exec "$name" python3 -c '
import socket, struct
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); wire.bind(("e0", 0))
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 33, 1, 0, 64, 17, 0, socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2"))
udp = struct.pack("!HHHH", 40000, 53, 13, 0) + b"query"
head = b"\xff" * 6 + bytes.fromhex("020000000001")
for _ in range(30): wire.send(head + b"\x81\x00\x00\x0a" + b"\x08\x00" + ip + udp)
for _ in range(20): wire.send(head + b"\x08\x00" + ip + udp)'
sleep 1
kill -INT "$capture"; wait "$capture" || true
read_back() { tcpdump -nr file.pcap "$@" 2>/dev/null | wc -l; }
all=$(read_back) same=$(read_back 'udp port 53') both=$(read_back 'udp port 53 or (vlan and udp port 53)')
echo "captured with 'udp port 53': $all frames; the file read with 'udp port 53': $same; with '... or (vlan and ...)': $both"
[ "$all" = 50 ] && [ "$same" = 20 ] && [ "$both" = 50 ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: the filter that made the file does not find all of it"
