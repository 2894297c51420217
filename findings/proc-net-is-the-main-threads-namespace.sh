#!/usr/bin/env bash
# A thread that enters a network namespace still reads the old one in /proc/net, so one psutil gives figures of both.
#
# One would guess: a thread may enter a container's namespace by setns(), as exporters and agents in Go, Rust or Python do, and
# then all that it asks the kernel is of the container: netlink, ioctl, /proc/net/dev.
#
# True: /proc/net is a link to self/net, and "self" is the process, whose namespace is that of its main thread. Netlink and
# ioctl go by the thread that calls. In such a thread psutil.net_io_counters(), which reads /proc/net/dev, gives the host's
# interfaces and counters, while net_if_addrs() gives the container's. net_if_stats() asks for the host's names, and gets what
# the container has under them, if it has. Nothing fails, and eth0 is in both. /proc/thread-self/net is the thread's own, and a
# child that it starts is in its namespace, /proc/net and all; so a test with "cat /proc/net/dev" from there shows nothing
# wrong. The procfs crate reads /proc/net, too.
#
# Seen with: psutil 7.0.0, iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11. proc_tgid_net_lookup() in proc_net.c.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes network namespaces" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
python3 -m pip install -q --root-user-action=ignore --disable-pip-version-check --no-deps --target lib psutil==7.0.0
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH" PYTHONPATH="$work/lib"
cat > look.py <<'PY'
import ctypes, psutil, subprocess, threading
def link(one, other):
    subprocess.run(["ip", "link", "add", one, "type", "veth", "peer", "name", other], check=True)
def names(lines):
    return sorted(line.split(":")[0].strip() for line in lines if ":" in line)
seen = {}
def inside():
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:  # CLONE_NEWNET, for this thread alone
        return
    link("inner0", "inner1")
    seen["counters"] = sorted(psutil.net_io_counters(pernic=True))
    seen["addresses"] = sorted(psutil.net_if_addrs())
    seen["stats"] = sorted(psutil.net_if_stats())
    seen["thread-self"] = names(open("/proc/thread-self/net/dev"))
    seen["child"] = names(subprocess.run(["cat", "/proc/net/dev"], capture_output=True, text=True).stdout.splitlines())
link("outer0", "outer1")
thread = threading.Thread(target=inside)
thread.start()
thread.join()
for what, interfaces in seen.items():
    print(f"{what}: {' '.join(interfaces)}")
inner, outer = ["inner0", "inner1", "lo"], ["lo", "outer0", "outer1"]
assert seen["counters"] == outer, "the main thread's"
assert seen["addresses"] == inner, "the thread's own"
assert seen["stats"] == ["lo"], "the names of the one that the other has, too"
assert seen["thread-self"] == seen["child"] == inner
PY
# In a namespace of its own, so that the names are known.
unshare -n python3 look.py
echo "as described: /proc/net is the main thread's"
