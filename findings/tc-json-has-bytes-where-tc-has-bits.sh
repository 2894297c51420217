#!/usr/bin/env bash
# `tc -j` gives a rate in bytes a second, which `tc` itself shows in bits: 125000 for 1Mbit, without a unit.
#
# One would guess: -j has the same figures as the text, without the prefix: "rate": 1000000 for "rate 1Mbit", as "tc qdisc add
# ... rate 1000000" means bits.
#
# True: for JSON tc prints what the kernel stores. That is bytes a second for rate and ceil (125000), and microseconds for what
# the text has in milliseconds ("lat": 70000 for "lat 70ms"); only the burst is the same. A report that takes the number for
# bits says that a line of 1 Mbit/s is shaped to 0.125; one that writes it back ("tc ... rate 125000") makes that true, since
# without a unit tc reads bits. And `tc -j class show` of this version prints HTB's classes as plain text, with status 0 (a list
# of JSON in trixie's, with the rates in bytes, too).
#
# Seen with: iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11, as run here; iproute2 6.15.0-1 (trixie). tc_print_rate()
# in tc_util.c; tbf_print_opt() in q_tbf.c.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/sbin:$PATH"
cat > look.py <<'PY'
import json, subprocess
def tc(*words):
    return subprocess.run(("tc",) + words, capture_output=True, text=True, check=True).stdout
def options():
    (qdisc,) = json.loads(tc("-j", "qdisc", "show", "dev", "e0"))
    return qdisc["options"]
def words():
    text = tc("qdisc", "show", "dev", "e0").split()
    return {name: text[text.index(name) + 1] for name in ("rate", "burst", "lat")}
tc("qdisc", "add", "dev", "e0", "root", "tbf", "rate", "1mbit", "burst", "10k", "latency", "70ms")
text, first = words(), options()
# The number is written back as it was read.
tc("qdisc", "replace", "dev", "e0", "root", "tbf", "rate", str(first["rate"]), "burst", "10k", "latency", "70ms")
again, second = words(), options()
tc("qdisc", "del", "dev", "e0", "root")
tc("qdisc", "add", "dev", "e0", "root", "handle", "1:", "htb", "default", "10")
tc("class", "add", "dev", "e0", "parent", "1:", "classid", "1:10", "htb", "rate", "8mbit", "ceil", "16mbit")
classes = tc("-j", "class", "show", "dev", "e0")
try:
    kind = "rate " + str(json.loads(classes)[0]["rate"])
except ValueError:
    kind = "plain text"
print(f"tc: {text}; tc -j: {first}")
print(f"that rate written back: {again['rate']}, {second['rate']}; tc -j of a class of HTB: {kind}")
assert text == {"rate": "1Mbit", "burst": "10Kb", "lat": "70ms"}
assert first["rate"] == 125_000 and first["burst"] == 10_240 and 69_000 <= first["lat"] <= 71_000
assert again["rate"] == "125Kbit" and second["rate"] == 15_625
assert kind == "plain text"
PY
unshare -n sh -c 'ip link add e0 type veth peer name e1 && ip link set e0 up && exec python3 look.py'
echo "as described: JSON has bytes, the text has bits"
