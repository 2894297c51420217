#!/usr/bin/env bash
# The column mcast of `ip -s link` stays at 0 on a veth whatever comes in; on a macvlan it has the broadcasts, too.
#
# One would guess: mcast (rxmcst/s of sar, node_network_receive_multicast_total) is the number of multicast frames that came in,
# by destination address. So 0 says that there is no multicast, and broadcast, as of an ARP storm, is not in it.
#
# True: each driver counts what it likes. A veth, that is every interface of a container, counts nothing: under a storm of
# multicast the column is 0 on both of its ends. A bridge counts multicast, and no broadcast. A macvlan counts both as
# multicast, so a storm of ARP looks like multicast, while the device below has none of the two. The same 100 frames of each
# kind, on their way through one host, are 0, 100 and 200. A capture tells ("multicast and not broadcast" as a filter).
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3 (bookworm), Python 3.11. veth_get_stats64(); br_handle_frame_finish();
# macvlan_broadcast() by macvlan_count_rx().
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
cat > look.py <<'PY'
import json, pathlib, socket, subprocess, time
def ip(*words):
    return subprocess.run(("ip",) + words, capture_output=True, text=True, check=True).stdout
def send(device, destination):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((device, 0))
        for _ in range(100):
            wire.send(bytes.fromhex(destination) + bytes.fromhex("02000000000188b5") + b"x" * 86)
    time.sleep(0.5)
def count(device):
    received = json.loads(ip("-s", "-j", "link", "show", device))[0]["stats64"]["rx"]
    return received["packets"], received["multicast"]
pathlib.Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
for pair in "ab":
    ip("link", "add", f"{pair}0", "type", "veth", "peer", "name", f"{pair}1")
ip("link", "add", "macvlan0", "link", "a1", "type", "macvlan", "mode", "bridge")
ip("link", "add", "br0", "type", "bridge")
# A bridge that takes no part in the multicast traffic itself.
ip("link", "set", "br0", "type", "bridge", "mcast_snooping", "0")
ip("link", "set", "b1", "master", "br0")
for device in ("a0", "a1", "b0", "b1", "macvlan0", "br0"):
    ip("link", "set", device, "up")
time.sleep(1)
devices = ("a1", "macvlan0", "b1", "br0")
start = {device: count(device) for device in devices}
for first in ("a0", "b0"):
    send(first, "01005e000001")
    send(first, "ffffffffffff")
seen = {device: tuple(after - before for after, before in zip(count(device), start[device])) for device in devices}
for device, (packets, multicast) in seen.items():
    print(f"{device}: packets {packets}, mcast {multicast}")
assert seen == {"a1": (200, 0), "macvlan0": (200, 200), "b1": (200, 0), "br0": (200, 100)}
PY
unshare -n python3 look.py
echo "as described: mcast is what the driver makes of it"
