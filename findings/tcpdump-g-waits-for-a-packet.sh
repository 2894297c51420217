#!/usr/bin/env bash
# `tcpdump -G SECONDS -W 1` does not end after SECONDS: it looks at the clock only when a packet comes.
#
# One would guess: it is how to capture for a minute: -G closes the file every so many seconds, and -W 1 lets tcpdump end, with
# status 0, after the first. With a filter for rare packets one gets a small or empty file, in a minute.
#
# True: the time is compared for each packet that passes the filter, and only then. On a quiet link, or with a filter for what
# does not happen, it runs on for ever; with -W above 1 no file begins for the hours without packets. The packet that ends it,
# hours later, is not in the file. And the last file of a rotation stays open, with what is in the buffer not yet written, until
# the next packet. `timeout 60 tcpdump ...` ends by the clock.
#
# Seen with: tcpdump 4.99.3-1, libpcap 1.10.3-1, iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11.
# dump_packet_and_trunc() in tcpdump.c.
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
ip netns add "$name"; ip -n "$name" link set lo up
send() {
    ip netns exec "$name" python3 -c '
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))'
}
ip netns exec "$name" tcpdump -Z root -n -i lo -G 2 -W 1 -w file.pcap 'udp dst port 9' 2> said & capture=$!; jobs+=("$capture")
for _ in $(seq 100); do grep -q 'listening on' said && break; sleep 0.1; done
sleep 0.5
send
sleep 10
if kill -0 "$capture" 2>/dev/null; then after=runs; else after=ended; fi
written=$(stat -c %s file.pcap)
send
sleep 2
if kill -0 "$capture" 2>/dev/null; then later=runs; else later=ended; fi
status=0; wait "$capture" || status=$?
kept=$(tcpdump -nr file.pcap 2>/dev/null | wc -l)
echo "-G 2 -W 1, a packet, ten seconds of silence: it $after, bytes in the file: $written"
echo "another packet: it $later, status $status, packets in the file: $kept of 2"
[ "$after" = runs ] && [ "$written" = 0 ] && [ "$later" = ended ] && [ "$status" = 0 ] && [ "$kept" = 1 ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: the clock is looked at when a packet comes"
