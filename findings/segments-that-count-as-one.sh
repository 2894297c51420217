#!/usr/bin/env bash
# Between containers rx_packets, Ip InReceives and Tcp InSegs count a merged packet of 64 kB as one; only the ECN counters of
# IpExt tell how many segments there were.
#
# One would guess: rx_packets counts frames of at most the MTU, and Tcp InSegs counts segments, so bytes by packets is a packet's
# size (at most 1,514 with an MTU of 1500), and packets per second can be held against what a link or a firewall takes.
#
# True: on a veth (every container and pod) the sender's TCP hands packets of up to 64 kB on, for nobody cuts them there
# (TSO), and each counts as one packet: rx_packets, Ip InReceives, InDelivers, Tcp InSegs. Here 20 MB were some 400 packets
# of 52,000 bytes, with an MTU of 1500. InNoECTPkts of IpExt in /proc/net/netstat (InECT0Pkts and so on, for marked packets)
# adds the number of segments in each, 14,500 here: the only one of these that counts what a wire would have seen. On a
# real card it is the same behind GRO: rx_packets of the card are frames, Ip InReceives are not.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3 (bookworm), Python 3.11. ip_rcv_core(): IPSTATS_MIB_NOECTPKTS by gso_segs.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes two network namespaces" >&2; exit 2; }
work=$(mktemp -d)
one="one-$$" two="two-$$"
trap 'ip netns del "$one" 2>/dev/null || true; ip netns del "$two" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
ip netns add "$one"; ip netns add "$two"
ip -n "$one" link add e0 type veth peer name e0 netns "$two"
for name in "$one" "$two"; do ip -n "$name" link set lo up; ip -n "$name" link set e0 up; done
ip -n "$one" addr add 192.0.2.1/24 dev e0; ip -n "$two" addr add 192.0.2.2/24 dev e0
cat > receive.py <<'PY'
import json, socket, subprocess
listener = socket.create_server(("192.0.2.2", 5001))
print("ready", flush=True)
connection, _ = listener.accept()
total = 0
while piece := connection.recv(1 << 16):
    total += len(piece)
def counters(path, group):
    names, values = [line.split()[1:] for line in open(path) if line.startswith(group + ":")]
    return dict(zip(names, map(int, values)))
link = json.loads(subprocess.run(["ip", "-s", "-j", "link", "show", "e0"], capture_output=True, check=True).stdout)[0]
packets = link["stats64"]["rx"]["packets"]
received = counters("/proc/net/snmp", "Ip")["InReceives"]
segments = counters("/proc/net/snmp", "Tcp")["InSegs"]
wire = counters("/proc/net/netstat", "IpExt")["InNoECTPkts"]
print(f"{total:,} bytes, MTU {link['mtu']}: rx_packets {packets:,}, Ip InReceives {received:,}, Tcp InSegs {segments:,}, IpExt InNoECTPkts {wire:,}")
assert total == 20 * (1 << 20)
assert total / packets > 10 * link["mtu"] and total / segments > 10 * link["mtu"], "merged packets count once"
assert total / wire <= link["mtu"], "the ECN counters count segments"
PY
coproc SERVER { exec ip netns exec "$two" python3 receive.py; }
server=$SERVER_PID
exec {from_server}<&"${SERVER[0]}"
read -r _ <&"$from_server"
ip netns exec "$one" python3 -c '
import socket
s = socket.create_connection(("192.0.2.2", 5001))
for _ in range(320):
    s.sendall(b"x" * 65536)
s.close()'
cat <&"$from_server"
wait "$server"
echo "as described: merged packets count as one"
