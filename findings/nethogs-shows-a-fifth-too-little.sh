#!/usr/bin/env bash
# nethogs shows a fifth less than what a process receives and sends, all the time.
#
# One would guess: its KB/s are what a process received in the last seconds, divided by these seconds, so a steady flow reads as
# what it is.
#
# True: it keeps packets by the whole second in which they came, throws away those that are five seconds old, and divides what is
# left by five. It draws its list as soon as a new second begins, so what is left is of four seconds. A steady flow of 2,000 KB/s
# reads as about 1,630, its headers included.
#
# Seen with: nethogs 0.8.7-2 (bookworm), Linux 6.18.44, Python 3.11. PERIOD, and sumanddel() in packet.cpp.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes two network namespaces" >&2; exit 2; }
work=$(mktemp -d)
one="one-$$" two="two-$$"
jobs=()
trap 'kill "${jobs[@]}" 2>/dev/null || true; ip netns del "$one" 2>/dev/null || true; ip netns del "$two" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq nethogs=0.8.7-2 libpcap0.8=1.10.3-1 libncurses6=6.4-4 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu"
nethogs="$work/root/usr/sbin/nethogs"
"$nethogs" -V 2>&1 | head -1
ip netns add "$one"; ip netns add "$two"
ip -n "$one" link add e0 type veth peer name e0 netns "$two"
for name in "$one" "$two"; do ip -n "$name" link set lo up; ip -n "$name" link set e0 up; done
ip -n "$one" addr add 192.0.2.1/24 dev e0; ip -n "$two" addr add 192.0.2.2/24 dev e0
ip netns exec "$one" python3 -c '
import socket
s = socket.socket(); s.bind(("0.0.0.0", 9000)); s.listen(); c, _ = s.accept()
while c.recv(65536): pass' & jobs+=($!)
sleep 1
# 2,048,000 bytes a second: 2,000 KB/s, and a little for the headers.
ip netns exec "$two" python3 -c '
import socket, time
s = socket.create_connection(("192.0.2.1", 9000)); start = time.time(); sent = 0
while time.time() - start < 25:
    while sent < int((time.time() - start) * 200):
        s.sendall(b"x" * 10240); sent += 1
    time.sleep(0.002)' & jobs+=($!)
# `|| true`: it ends with an error where a line of its list is gone.
shown=$(ip netns exec "$one" timeout 16 "$nethogs" -t -c 12 e0 2>/dev/null | awk -F '\t' '/python3/ {kb = $3} END {print int(kb)}' || true)
echo "2,000 KB/s come in; nethogs shows $shown KB/s"
[ "$shown" -gt 1500 ] && [ "$shown" -lt 1760 ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: it divides by five what came in four seconds"
