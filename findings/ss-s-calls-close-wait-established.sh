#!/usr/bin/env bash
# The "estab" of `ss -s` has the connections in CLOSE-WAIT, so the commonest leak of sockets looks like open connections.
#
# One would guess: estab is the number of lines that `ss -t state established` lists. A program that does not close what its
# clients have closed would show among "closed".
#
# True: ss takes the figure from CurrEstab of the Tcp lines in /proc/net/snmp. That counts ESTABLISHED and CLOSE-WAIT, as the
# old MIB (RFC 1213) has it. Linux has done so only since June 2024: 6.10, and the stable kernels of that month, 6.1 among them.
# So a graph of CurrEstab (nstat, node_exporter) can rise by a small update of the kernel. Thirty connections that the clients
# closed and the server did not are "estab 30", while none is established. Nor are these what ss calls closed.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3 (bookworm), Python 3.11. tcp_set_state(); print_summary() in ss.c.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
cat > look.py <<'PY'
import re, socket, subprocess, time
def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
listener = socket.create_server(("127.0.0.1", 0))
forgotten = []
for _ in range(30):
    client = socket.create_connection(listener.getsockname())
    forgotten.append(listener.accept()[0])
    client.close()
time.sleep(0.5)
summary = re.search(r"^TCP: .*", run("ss", "-s"), re.M)[0]
established = len(run("ss", "-tanH", "state", "established").splitlines())
waiting = len(run("ss", "-tanH", "state", "close-wait").splitlines())
names, values = [line.split()[1:] for line in open("/proc/net/snmp") if line.startswith("Tcp:")]
current = int(dict(zip(names, values))["CurrEstab"])
print(f"established {established}, close-wait {waiting}; CurrEstab {current}; ss -s: {summary}")
assert (established, waiting) == (0, 30)
assert current == 30 and "(estab 30," in summary, "CLOSE-WAIT counts as established"
PY
unshare -n sh -c 'ip link set lo up && exec python3 look.py'
echo "as described: CLOSE-WAIT counts as established"
