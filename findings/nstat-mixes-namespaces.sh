#!/usr/bin/env bash
# nstat takes the counters of one network namespace from those of another, and says nothing of it.
#
# One would guess: nstat shows what each counter rose by since it was last called. `ip netns exec NAME nstat` does the same for
# the container, whose counters it reads.
#
# True: the counters are those of the namespace, but the last values are in one file for each user (/tmp/.nstat.uUID, or
# NSTAT_HISTORY), whatever the namespace. In a container that has less traffic than the host nothing seems to move: a value
# below the remembered one makes nothing, without a word; one above makes a difference of two namespaces. And the call has put
# the small values into the file: the next nstat on the host shows all but these since boot, as if it had come in those seconds.
# The ifstat of iproute2 keeps its file in the same way. `nstat -as`, or a history for each namespace, helps.
#
# Seen with: iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11. dump_incr_db() and main() in nstat.c.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes two network namespaces" >&2; exit 2; }
work=$(mktemp -d)
one="one-$$" two="two-$$"
trap 'ip netns del "$one" 2>/dev/null || true; ip netns del "$two" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
# Only so that no file of the user's is touched; without it the file is in /tmp, and just as shared.
export NSTAT_HISTORY="$work/history"
ip netns add "$one"; ip netns add "$two"
ip -n "$one" link set lo up; ip -n "$two" link set lo up
send() {
    ip netns exec "$1" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
r = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); r.bind(("127.0.0.1", 9))
for _ in range(int(sys.argv[1])): s.sendto(b"x", ("127.0.0.1", 9))' "$2"
}
moved() { ip netns exec "$1" nstat | awk '$1 == "IpInReceives" {n = $2} END {print n + 0}'; }
send "$one" 5000; moved "$one" >/dev/null
send "$two" 300; small=$(moved "$two")
send "$one" 10; again=$(moved "$one")
echo "one, after 5,000 datagrams, was asked; two, after its first 300: nstat says $small"
echo "ten more in one: nstat says $again"
[ "$small" = 0 ] && [ "$again" = 4710 ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: nstat mixes namespaces"
