#!/usr/bin/env bash
# `iftop -t -s 1` shows half of the traffic, and a Mb of iftop is 1,048,576 bits, so a steady flow always reads as too little.
#
# One would guess: with -t (text) and -s 1 iftop counts for a second and prints the rates; Mb is a million bits a second, as for
# links, quotas and the other tools. 4.11 Mbit/s are shown as 4.11Mb, or a bit more with the headers of Ethernet.
#
# True: it counts in slots of two seconds and divides by two, also what came in the one second since its start. So -s 1 and -s 2
# show half in all three columns ("2s", "10s", "40s"), and that first slot counts as whole in the averages of 10 and 40 seconds
# until it leaves them. And its units go by 1,024: 5 % less at Mb, 7 % at Gb, where 10 Gbit/s are 9.3Gb. The length is that of
# the IP packet, without the header of Ethernet, so small packets lose up to a third against the interface's counter.
#
# Seen with: iftop 1.0~pre4-9, iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11. tick() in iftop.c, RESOLUTION;
# readable_size() in ui_common.c.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes two network namespaces" >&2; exit 2; }
work=$(mktemp -d)
one="one-$$" two="two-$$"
jobs=()
trap 'kill "${jobs[@]}" 2>/dev/null || true; ip netns del "$one" 2>/dev/null || true; ip netns del "$two" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iftop=1.0~pre4-9 libpcap0.8=1.10.3-1 libdbus-1-3=1.14.10-1~deb12u1 libncurses6=6.4-4 libtinfo6=6.4-4 \
    iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/lib/x86_64-linux-gnu:$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/usr/sbin:$PATH"
ip netns add "$one"; ip netns add "$two"
ip -n "$one" link add e0 type veth peer name e0 netns "$two"
for name in "$one" "$two"; do ip -n "$name" link set lo up; ip -n "$name" link set e0 up; done
ip -n "$one" addr add 192.0.2.1/24 dev e0; ip -n "$two" addr add 192.0.2.2/24 dev e0
ip netns exec "$one" python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("192.0.2.1", 9000))
s.settimeout(60)
while True: s.recv(2000)' 2>/dev/null & jobs+=($!)
sleep 1
# 500 datagrams of 1,028 bytes a second: 4,112,000 bits.
ip netns exec "$two" python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); start = time.time(); sent = 0
while time.time() - start < 30:
    while sent < (time.time() - start) * 500:
        s.sendto(b"x" * 1000, ("192.0.2.1", 9000)); sent += 1
    time.sleep(0.002)' & jobs+=($!)
sleep 1
# The three columns of "Total receive rate", in hundredths of Mb.
rates() { ip netns exec "$one" timeout 30 iftop -t -n -N -s "$1" -i e0 2>/dev/null | awk '/^Total receive rate:/ {for (i = 4; i <= 6; i++) printf "%d ", $i * 100}'; }
read -r short short10 short40 <<< "$(rates 1)"
read -r long long10 long40 <<< "$(rates 9)"
echo "4,112,000 bit/s come in. -s 1: 2s $short, 10s $short10, 40s $short40; -s 9: 2s $long, 10s $long10, 40s $long40 (hundredths of Mb)"
# 4,112,000 / 1,048,576 is 3.92.
[ "$short" -gt 150 ] && [ "$short" -lt 240 ] && [ "$short10" = "$short" ] && [ "$short40" = "$short" ] || { echo "no longer as described" >&2; exit 1; }
[ "$long" -gt 375 ] && [ "$long" -lt 405 ] && [ "$long40" -lt $((long - 20)) ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: half at first, and 5 % less from then on"
