#!/usr/bin/env bash
# vnstat adds 4.29 GB, which nobody sent, where an interface of 10 Gbit/s was made anew under its name.
#
# One would guess: where a counter is lower than before, the interface was made anew or its driver loaded again, and vnstat goes
# on from what it reads: Linux has counters of 64 bits, and its default for 64bitInterfaceCounters (-2) is to find out about
# that. At most the traffic since the last look is missing.
#
# True: it takes each lower value for a counter that wrapped: first for one of 64 bits, which gives more than the link could
# have carried; then for one of 32, which gives up to 4,294,967,295 bytes. If the link could have carried those since the last
# look, they are added. A veth says 10 Gbit/s, as many cards do; in the usual 20 seconds that is 25 GB. So 3.1 MB sent on e0 of
# a container that was started again become 4,295 MB. On a link of 1 Gbit/s the limit is lower than the wrap, and nothing is
# added: neither the 4 GB nor what was truly sent. Which of the two one gets is said only in the log.
#
# Seen with: vnstat 2.10-2, iproute2 6.1.0-3 (bookworm), as run here, and vnstat 2.13-1 (trixie); Linux 6.18.44, Python 3.11.
# countercalc() and processdatacache().
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d)
name="one-$$"
jobs=()
trap 'kill "${jobs[@]}" 2>/dev/null || true; ip netns del "$name" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq vnstat=2.10-2 libsqlite3-0=3.40.1-2+deb12u2 \
    iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
mkdir db
# A shorter interval than the usual 20 seconds, so that this ends soon: 5 seconds of 10 Gbit/s are still more than 4.29 GB.
printf 'DatabaseDir "%s/db"\nUpdateInterval 5\nPollInterval 2\nSaveInterval 1\nUseLogging 0\nDaemonUser ""\nDaemonGroup ""\n' "$work" > vnstat.conf
ip netns add "$name"
ip netns exec "$name" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
make() { ip -n "$name" link add e0 type veth peer name e1; ip -n "$name" link set e0 up; ip -n "$name" link set e1 up; }
send() {
    ip netns exec "$name" python3 -c '
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); wire.bind(("e0", 0))
for _ in range(int(sys.argv[1])): wire.send(b"\xff" * 6 + bytes.fromhex("02000000000188b5") + b"x" * 986)' "$1"
}
make
speed=$(ip netns exec "$name" cat /sys/class/net/e0/speed)
ip netns exec "$name" root/usr/sbin/vnstatd --config vnstat.conf --nodaemon > said 2>&1 & daemon=$!; jobs+=("$daemon")
sleep 6; send 3000; sleep 11
ip -n "$name" link del e0; make; send 100
sleep 11
kill "$daemon"; wait "$daemon" || true
shown=$(root/usr/bin/vnstat --config vnstat.conf --json d 1 -i e0 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["interfaces"][0]["traffic"]["total"]["tx"])')
echo "e0, $speed Mbit/s: 3,000,000 bytes were sent, it was made anew, 100,000 were sent; vnstat shows $shown"
[ "$speed" = 10000 ] && [ "$shown" = $((3000000 + 4294967295 - 3000000 + 100000)) ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: a counter that begins again is taken for one that wrapped"
