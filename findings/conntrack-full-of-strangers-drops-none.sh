#!/usr/bin/env bash
# A table of tracked connections that a flood filled drops nothing: each new flow pushes a one-way flow out. It drops all new
# flows when what fills it was answered.
#
# One would guess: when nf_conntrack_count reaches nf_conntrack_max, new connections are lost ("nf_conntrack: table full, dropping
# packet"). So a flood of forged sources that fills the table locks the host's clients out, and a count at the limit is the proof that
# they are, for which the limit is raised.
#
# True: for a new flow beyond the limit the kernel looks for one to give up (early_drop) among those that nobody answered for long,
# and a flood consists of nothing else. The count stays at the limit, the column `early_drop` of /proc/net/stat/nf_conntrack grows, `drop`
# stands still, and every new client is served. Only where the table is full of flows that were answered ([ASSURED]) is a new one
# dropped, each of them; the count is the same in both cases. So the count tells nothing: `drop` does.
#
# Seen with: Linux 6.18.44, nftables 1.0.6-2+deb12u2, iproute2 6.1.0-3 (bookworm), Python 3.11. early_drop(), __nf_conntrack_alloc().
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 \
    nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 libxtables12=1.8.9-2 libjansson4=2.14-2 \
    libedit2=3.1-20221030-2 libbsd0=0.11.7-2 libmd0=1.0.4-2 libgmp10=2:6.2.1+dfsg1-1.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/usr/sbin:$PATH"
cat > inside.py <<'PY'
import socket, struct, sys, time

full = int(open("/proc/sys/net/netfilter/nf_conntrack_max").read())
count = lambda: int(open("/proc/sys/net/netfilter/nf_conntrack_count").read())

def statistics():
    lines = open("/proc/thread-self/net/stat/nf_conntrack").read().splitlines()
    names = lines[0].split()
    rows = [[int(figure, 16) for figure in line.split()] for line in lines[1:]]
    return {name: sum(row[at] for row in rows) for at, name in enumerate(names)}

def clients():
    """1,000 new flows to a server: how many datagrams it gets, and what the kernel counts."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
    server.bind(("127.0.0.9", 9)); server.setblocking(False)
    before, got = statistics(), 0
    for _ in range(1000):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try: client.sendto(b"hello", ("127.0.0.9", 9))
        except PermissionError: pass
        client.close()
    time.sleep(0.2)
    while True:
        try: server.recv(10)
        except BlockingIOError: break
        got += 1
    after = statistics()
    return got, after["drop"] - before["drop"], after["early_drop"] - before["early_drop"]

if sys.argv[1] == "strangers":
    # Datagrams to sockets that never answer, each a flow of its own.
    sent = 0
    for host in range(1, 1000):
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); sink.bind((f"127.1.{host >> 8}.{host & 255}", 5000))
        for port in range(1100, 5000):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.bind(("127.2.0.1", port))
            one.sendto(b"x", sink.getsockname()); one.close(); sent += 1
        sink.close()
        if sent > full * 1.02: break
else:
    # Flows that were answered: made as such (ctnetlink), since that takes seconds for each otherwise.
    door = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    def attribute(kind, value):
        return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)
    def flow(kind, a, b):
        ports = attribute(1, b"\x11") + attribute(2, struct.pack("!H", a[1])) + attribute(3, struct.pack("!H", b[1]))
        return attribute(kind | 0x8000, attribute(0x8001, attribute(1, a[0]) + attribute(2, b[0])) + attribute(0x8002, ports))
    batch = b""
    for number in range(full):
        a, b = (struct.pack("!I", 0xC6120000 + number // 50000), 10000 + number % 50000), (b"\x7f\0\0\1", 53)
        body = b"\2\0\0\0" + flow(1, a, b) + flow(2, b, a) + attribute(3, struct.pack("!I", 14)) + attribute(7, struct.pack("!I", 300))
        batch += struct.pack("=IHHII", 16 + len(body), 256, 0x401, 0, 0) + body
        if len(batch) > 30000 or number == full - 1: door.send(batch); batch = b""
counted = count()
print(counted, full, *clients())
PY
cat > inside.sh <<'SH'
set -euo pipefail
ip link set lo up
nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in ct state new counter'
echo 300 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout
python3 inside.py "$1"
SH
read -r count full got dropped early < <(unshare -n bash inside.sh strangers)
echo "full of flows that nobody answered: count $count of $full; of 1,000 new flows $got were served, drop grew by $dropped, early_drop by $early"
[ "$count" -ge $((full - 64)) ] && [ "$got" = 1000 ] && [ "$dropped" = 0 ] && [ "$early" -ge 900 ] || { echo "no longer as described" >&2; exit 1; }
read -r count full got dropped early < <(unshare -n bash inside.sh answered)
echo "full of flows that were answered:   count $count of $full; of 1,000 new flows $got were served, drop grew by $dropped, early_drop by $early"
[ "$count" -ge $((full - 64)) ] && [ "$got" = 0 ] && [ "$dropped" = 1000 ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: the same count, and only one of them loses anything"
