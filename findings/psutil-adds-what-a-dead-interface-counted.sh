#!/usr/bin/env bash
# psutil adds the counters of an interface that is gone to those of a new one of the same name.
#
# One would guess: psutil.net_io_counters(pernic=True) gives the kernel's figures, the same as `ip -s link`. Where a veth was
# made anew under its name, as for a container that was started again, they begin at 0, and an agent can see that.
#
# True: its default nowrap=True remembers what it read last, and takes a lower value for a counter that wrapped: it adds the old
# one, for as long as the agent lives. 100,000 bytes on the old e0 and 10,000 on the new are 110,000, where the kernel says
# 10,000. Two agents, or an agent before and after its own start, differ for ever. It forgets the old ones only if it was asked
# while there was no such interface. disk_io_counters() does the same with a disk that was taken out. nowrap=False gives what
# the kernel says.
#
# Seen with: psutil 7.0.0, iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11. _WrapNumbers in psutil/_common.py.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
python3 -m pip install -q --root-user-action=ignore --disable-pip-version-check --no-deps --target lib psutil==7.0.0
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH" PYTHONPATH="$work/lib"
cat > look.py <<'PY'
import json, pathlib, psutil, socket, subprocess
def ip(*words):
    return subprocess.run(("ip",) + words, capture_output=True, text=True, check=True).stdout
def make():
    ip("link", "add", "e0", "type", "veth", "peer", "name", "e1")
    ip("link", "set", "e0", "up")
    ip("link", "set", "e1", "up")
def send(frames):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("e0", 0))
        for _ in range(frames):
            wire.send(b"\xff" * 6 + bytes.fromhex("02000000000188b5") + b"x" * 986)
def sent(**how):
    kernel = json.loads(ip("-s", "-j", "link", "show", "e0"))[0]["stats64"]["tx"]["bytes"]
    return kernel, psutil.net_io_counters(pernic=True, **how)["e0"].bytes_sent
pathlib.Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
make()
send(100)
first = sent()
ip("link", "del", "e0")
make()
send(10)
second = sent()
plain = sent(nowrap=False)
print(f"ip -s and psutil: {first}; e0 made anew: {second}; with nowrap=False: {plain}")
assert first == (100_000, 100_000)
assert second == (10_000, 110_000), "the old counter is added"
assert plain == (10_000, 10_000)
PY
unshare -n python3 look.py
echo "as described: psutil adds what a dead interface counted"
