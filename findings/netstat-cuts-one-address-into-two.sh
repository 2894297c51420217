#!/usr/bin/env bash
# netstat cuts IPv6 addresses to other valid ones, and how far depends on the port: what reads it sees several hosts, all wrong.
#
# One would guess: a program that reads `netstat -tunap` gets the addresses, as from ss or /proc/net/tcp6. Where a column is too
# narrow, it is widened, or the cut is marked.
#
# True: without -W address and port share 22 characters, and it is the end of the address that gives way to the port. So
# 2001:db8::1234:5678:9abc:def0 is 2001:db8::1234:567 with port 7000 and 2001:db8::1234:56 with port 49021: each of them a valid
# address of somebody else, a host of its own in a count by peer, and wrong in a list of addresses to block. systeminformation,
# by which many agents and dashboards in Node.js look at a host, runs that command where netstat is installed (ss otherwise,
# which is right), so networkConnections() hands out such addresses as facts.
#
# Seen with: net-tools 2.10-0.1+deb12u2, iproute2 6.1.0-3 (bookworm), systeminformation 5.33.26, Node.js 20.20.2, Linux 6.18.44.
# addr_do_one() in netstat.c; networkConnections() in lib/network.js.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
command -v npm >/dev/null || { echo "it needs Node.js and npm" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq net-tools=2.10-0.1+deb12u2 \
    iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" systeminformation@5.33.26 >/dev/null
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
cat > look.py <<'PY'
import json, socket, subprocess
address = "2001:db8::1234:5678:9abc:def0"
listener = socket.create_server((address, 7000), family=socket.AF_INET6)
client = socket.socket(socket.AF_INET6)
client.bind((address, 49021))
client.connect((address, 7000))
server, _ = listener.accept()
def columns(*command):
    rows = [line.split() for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()]
    return sorted({row[3] for row in rows if "ESTAB" in " ".join(row)})
by_ss, wide, cut = columns("ss", "-tnH", "state", "established"), columns("netstat", "-tnW"), columns("netstat", "-tn")
script = 'require("systeminformation").networkConnections().then(list => console.log(JSON.stringify(list)))'
found = json.loads(subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True).stdout)
peers = sorted({(row["peerAddress"], row["peerPort"]) for row in found if row["state"] == "ESTABLISHED"})
print(f"netstat -tnW: {wide}; netstat -tn: {cut}")
print(f"systeminformation: {peers}")
assert wide == [f"{address}:49021", f"{address}:7000"]
assert cut == ["2001:db8::1234:567:7000", "2001:db8::1234:56:49021"]
assert peers == [("2001:db8::1234:56", "49021"), ("2001:db8::1234:567", "7000")]
PY
unshare -n sh -c 'ip link set lo up && ip addr add 2001:db8::1234:5678:9abc:def0/128 dev lo nodad && exec python3 look.py'
echo "as described: one address is cut into two"
