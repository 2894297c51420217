#!/usr/bin/env bash
# SYNs beyond net.ipv4.tcp_max_syn_backlog are in no counter of a full queue: TCPReqQFullDrop stays 0, and so does ListenOverflows.
#
# One would guess: without SYN cookies the SYNs that find no room for a half-open connection count as TcpExtTCPReqQFullDrop ("the
# request queue was full"), so `nstat` shows a SYN flood there; and the room is what tcp_max_syn_backlog says.
#
# True: TCPReqQFullDrop counts SYNs that found the queue of the *listener* full, whose length is the backlog of listen(). That of
# tcp_max_syn_backlog is another limit, asked afterwards, and only three quarters of it are for peers that the kernel does not know
# from before. What it refuses is added to TcpExtListenDrops alone ("SYNs to LISTEN sockets dropped"), which full accept queues add to as
# well, and nothing is logged. With a backlog of 4,096, as most servers ask for now, and tcp_max_syn_backlog of 128, as machines with
# little memory have it, a flood fills 97 places, and whoever alarms by TCPReqQFullDrop or "possible SYN flooding" hears nothing.
# The number of lost SYNs is ListenDrops less ListenOverflows.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3 (bookworm), Python 3.11. tcp_conn_request() in tcp_input.c.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes network namespaces" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/sbin:$PATH"
cat > send.py <<'PY'
import socket, struct, sys
def total(data):
    words = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while words >> 16: words = (words & 0xffff) + (words >> 16)
    return ~words & 0xffff
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("b0", 0))
here = socket.inet_aton("192.0.2.1")
for at in range(1000):
    peer = socket.inet_aton(f"198.18.{at // 250}.{at % 250 + 1}")
    tcp = struct.pack("!HHIIBBHHH", 20000 + at, 80, at, 0, 5 << 4, 2, 65535, 0, 0)
    check = total(peer + here + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", check) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, peer, here)
    ip = ip[:10] + struct.pack("!H", total(ip)) + ip[12:]
    wire.send(b"\2\0\0\0\0\x0a" + b"\2\0\0\0\0\x0b" + b"\x08\0" + ip + tcp)
PY
cat > inside.sh <<'SH'
set -euo pipefail
ip link set lo up
sysctl -qw net.ipv4.tcp_syncookies=0 net.ipv4.tcp_max_syn_backlog=128 net.core.somaxconn=4096
unshare -n sleep 60 & other=$!; sleep 0.5
ip link add a0 address 02:00:00:00:00:0a type veth peer name b0 address 02:00:00:00:00:0b netns $other
ip address add 192.0.2.1/24 dev a0; ip link set a0 up; nsenter -n -t $other ip link set b0 up
ip neigh replace 192.0.2.9 lladdr 02:00:00:00:00:0b dev a0; ip route add default via 192.0.2.9
python3 -c '
import socket, time
s = socket.socket(); s.bind(("192.0.2.1", 80)); s.listen(4096); time.sleep(30)' & server=$!
sleep 0.5
nsenter -n -t $other python3 send.py
sleep 0.5
counter() { awk -v name="$1" '/^TcpExt/ { if (!n) { for (i = 1; i <= NF; i++) if ($i == name) n = i } else print $n }' /proc/net/netstat; }
full=$(counter TCPReqQFullDrop) overflow=$(counter ListenOverflows) drops=$(counter ListenDrops)
open=$(ss -Htn state syn-recv | wc -l)
kill $server $other
echo "of 1,000 SYNs $open are half open: TCPReqQFullDrop $full, ListenOverflows $overflow, ListenDrops $drops"
[ "$full" = 0 ] && [ "$overflow" = 0 ] && [ "$open" -lt 100 ] && [ "$drops" -ge 850 ]
SH
unshare -n bash inside.sh
echo "as described: a full backlog of SYNs shows in ListenDrops alone"
