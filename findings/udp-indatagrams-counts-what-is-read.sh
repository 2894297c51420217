#!/usr/bin/env bash
# Udp InDatagrams counts datagrams when a program reads them, not when they come in; what nobody reads is counted nowhere.
#
# One would guess: InDatagrams (nstat UdpInDatagrams) grows as datagrams come in for a socket, so what IP delivered (InDelivers)
# is found again as InDatagrams, NoPorts or InErrors. If it stands still while datagrams come, a firewall took them.
#
# True: the counter is moved by the read, in recvmsg(). A hundred datagrams for a program that is stopped, swaps or waits for a
# lock move none of the UDP counters until its queue is full; then RcvbufErrors begins. When it reads forty, the counter grows
# by forty. When it then closes the socket, or dies, the other sixty stay in InDelivers alone: no error, no drop. A reader that
# catches up shows a burst in InDatagrams which never came over the wire at that rate.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3 (bookworm), Python 3.11. udp_recvmsg(): UDP_MIB_INDATAGRAMS.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
cat > look.py <<'PY'
import socket
def counters(group):
    names, values = [line.split()[1:] for line in open("/proc/net/snmp") if line.startswith(group + ":")]
    return dict(zip(names, map(int, values)))
def show(when):
    udp, ip = counters("Udp"), counters("Ip")
    errors = sum(udp[name] for name in ("NoPorts", "InErrors", "RcvbufErrors", "InCsumErrors", "MemErrors"))
    print(f"{when}: Ip InDelivers {ip['InDelivers']}, Udp InDatagrams {udp['InDatagrams']}, all errors {errors}")
    return ip["InDelivers"], udp["InDatagrams"], errors
reader = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
reader.bind(("127.0.0.1", 0))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(100):
    sender.sendto(b"x", reader.getsockname())
arrived = show("a hundred came in")
for _ in range(40):
    reader.recv(10)
read = show("forty were read")
reader.close()
closed = show("the socket was closed")
assert arrived == (100, 0, 0)
assert read == (100, 40, 0)
assert closed == (100, 40, 0)
PY
unshare -n sh -c 'ip link set lo up && exec python3 look.py'
echo "as described: InDatagrams counts what is read"
