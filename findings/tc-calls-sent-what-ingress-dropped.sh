#!/usr/bin/env bash
# "Sent" of an ingress or clsact qdisc has all that was dropped there; "Sent" of a root qdisc has none of it.
#
# One would guess: `tc -s qdisc` says how many packets went through (Sent) and how many were dropped, so the loss is dropped /
# (Sent + dropped), for each qdisc. "Sent 10000 bytes 100 pkt (dropped 100" is a loss of a half, and 100 packets came through.
#
# True: a root qdisc counts a packet as sent when it leaves, so what is dropped is not in it. ingress and clsact have no queue:
# they count each packet that passes the filters, before these speak, and then the drops as well. Where a filter or a BPF
# program of tc drops everything, Sent grows as if everything went on. And no other figure tells: the interface has counted the
# packets as received, its rx_dropped stands still, and IP never saw them. In JSON it is the same ("packets", "drops").
#
# Seen with: iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11. sch_handle_ingress() and tc_run() in net/core/dev.c:
# mini_qdisc_bstats_cpu_update() and mini_qdisc_qstats_cpu_drop().
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/sbin:$PATH"
cat > look.py <<'PY'
import json, pathlib, socket, subprocess, time
def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
def send():
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("e0", 0))
        for _ in range(100):
            try:
                wire.send(b"\xff" * 6 + bytes.fromhex("02000000000188b5") + b"x" * 986)
            except OSError:  # the queue is full
                pass
    time.sleep(1.5)
def qdisc(device, kind):
    found = next(entry for entry in json.loads(run("tc", "-s", "-j", "qdisc", "show", "dev", device)) if entry["kind"] == kind)
    return found["packets"], found["drops"]
pathlib.Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
run("ip", "link", "add", "e0", "type", "veth", "peer", "name", "e1")
run("ip", "link", "set", "e0", "up")
run("ip", "link", "set", "e1", "up")
# A filter that drops each packet: it returns 2, TC_ACT_SHOT.
run("tc", "qdisc", "add", "dev", "e1", "clsact")
run("tc", "filter", "add", "dev", "e1", "ingress", "bpf", "da", "bytecode", "1,6 0 0 2")
send()
ingress = qdisc("e1", "clsact")
text = [line.strip() for line in run("tc", "-s", "qdisc", "show", "dev", "e1").splitlines() if "Sent" in line][-1]
received = json.loads(run("ip", "-s", "-j", "link", "show", "e1"))[0]["stats64"]["rx"]
# And a root qdisc with room for a few.
run("tc", "qdisc", "add", "dev", "e0", "root", "tbf", "rate", "100kbit", "burst", "2k", "limit", "3k")
send()
root = qdisc("e0", "tbf")
print(f"clsact, whose filter drops all of 100: {text}")
print(f"the interface: rx_packets {received['packets']}, rx_dropped {received['dropped']}")
print(f"a root qdisc that is given 100: Sent {root[0]}, dropped {root[1]}")
assert ingress == (100, 100), "what was dropped is sent"
assert received["packets"] == 100 and received["dropped"] == 0
assert sum(root) == 100 and root[1] >= 50, "what was dropped is not sent"
PY
unshare -n python3 look.py
echo "as described: Sent has what was dropped"
