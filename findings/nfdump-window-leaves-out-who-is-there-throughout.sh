#!/usr/bin/env bash
# `nfdump -t WINDOW` leaves out each flow that began before the window or ended after it: the largest ones.
#
# One would guess: -t 00:20-00:25 shows the flows that were active in these five minutes, and its statistics tell who sent what
# then; a flow that is longer than the window is in it with all or with a part of its bytes.
#
# True: a flow must lie in the window from its first packet to its last. A transfer of half an hour, a flood that has gone on
# for ten minutes, a connection that was open before: none is there, though it made nearly all of the traffic of these minutes,
# and what remains are small flows, with percentages that add up to 100. The narrower the window around an incident, the more is
# missing. Exporters send long flows in pieces (many routers each 30 minutes, by default); each piece that crosses an edge of
# the window is left out. nfdump says nothing of it, but that it passed 2 of 4 flows. A filter by address, without -t, shows
# them.
#
# Seen with: nfdump 1.7.1-2+deb12u1, iproute2 6.1.0-3 (bookworm), Python 3.11, Linux 6.18.44, as run here; nfdump 1.7.5-2
# (trixie). process_data() in nfdump.c: twin_msecFirst, twin_msecLast.
set -euo pipefail
# Says what is otherwise now, and ends.
is() { [ "$@" ] || { echo "no longer as described: $*" >&2; exit 1; }; }
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq nfdump=1.7.1-2+deb12u1 libpcap0.8=1.10.3-1 libdbus-1-3=1.14.10-1~deb12u1 \
    iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/usr/bin:$PATH"
# NetFlow 5, of a router whose clock is at 01:00 of 2026-01-01: a transfer from 00:10 to 00:40, and three small flows.
cat > export.py <<'PY'
import socket, struct
midnight, now, uptime = 1767225600, 1767225600 + 3600, 4_000_000
def flow(first, last, packets, port):
    since_boot = [(midnight + second - now) * 1000 + uptime for second in (first, last)]
    return struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2"), bytes(4), 1, 2,
                       packets, packets * 1000, *since_boot, port, 443, 0, 0x18, 6, 0, 0, 0, 24, 24, 0)
flows = [flow(600, 2400, 100_000, 1001), flow(1210, 1220, 10, 1002), flow(1190, 1220, 10, 1003), flow(1300, 1300, 1, 1004)]
header = struct.pack("!HHIIIIBBH", 5, len(flows), uptime, now, 0, 0, 0, 0, 0)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(header + b"".join(flows), ("127.0.0.1", 9995))
PY
cat > inside.sh <<'SH'
set -euo pipefail
ip link set lo up
mkdir flows
nfcapd -w flows -p 9995 -b 127.0.0.1 > said 2>&1 & collector=$!
trap 'kill "$collector" 2>/dev/null || true' EXIT
for _ in $(seq 50); do ss -ulnH 'sport = :9995' | grep -q . && break; sleep 0.1; done
python3 export.py
sleep 1
kill "$collector"; wait "$collector" || true
SH
unshare -n bash inside.sh
export TZ=UTC
ports() { nfdump -q -r flows/nfcapd.2* -o 'fmt:%sp' "$@" | sort -n | xargs; }
window=2026/01/01.00:20:00-2026/01/01.00:25:00
all=$(ports) inside=$(ports -t "$window")
sum() { nfdump -r flows/nfcapd.2* "$@" | sed -n 's/^Summary: total flows: .*total bytes: \([^,]*\),.*/\1/p'; }
echo "flows by port: $all, $(sum) bytes; with -t 00:20 to 00:25: $inside, $(sum -t "$window") bytes"
is "$all" = "1001 1002 1003 1004"
is "$(sum)" = "100.0 M"
is "$inside" = "1002 1004"
is "$(sum -t "$window")" = 11000
echo "as described: what is there throughout is left out"
