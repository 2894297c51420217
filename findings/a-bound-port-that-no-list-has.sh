#!/usr/bin/env bash
# A TCP port that a program holds by bind() alone is in no list: not in ss -a, netstat -a or /proc/net/tcp; yet it is in use.
#
# One would guess: "Address already in use" means that `ss -tan` shows who has the port: a listener, a connection, or one in
# TIME-WAIT. If there is none, it was a race that is over, and another try will do.
#
# True: a TCP socket is put into the tables which these lists show when it listens or connects, not when it is bound. A program
# that hangs between bind() and listen(), keeps a port for later, or takes a fixed port before it connects, holds it unseen for
# as long as it lives. SO_REUSEADDR does not help. fuser finds nobody, and lsof says "protocol: TCP" without a port. A UDP
# socket in the same state is listed. `ss -s` has it among "closed", with much else. Only `ss -B` (--bound-inactive: Linux and
# iproute2 6.8 or later) lists it, and not by -a.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3, net-tools 2.10-0.1+deb12u2 (bookworm), Python 3.11; ss -B of iproute2 6.15.0-1
# (trixie). inet_csk_get_port() against inet_hash(); tcp_diag by TCPF_BOUND_INACTIVE.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq net-tools=2.10-0.1+deb12u2 iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
cat > look.py <<'PY'
import errno, socket, subprocess
def lines(*command):
    return sum(":8080 " in line for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())
def lists(kind):
    table = {"t": "tcp", "u": "udp"}[kind]
    proc = sum(":1F90 " in line for line in open(f"/proc/net/{table}"))
    return lines("ss", f"-{kind}an"), lines("netstat", f"-{kind}an"), proc
holder = socket.socket()
holder.bind(("127.0.0.1", 8080))
other = socket.socket()
other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    other.bind(("127.0.0.1", 8080))
    refused = None
except OSError as error:
    refused = error.errno
bound = lists("t")
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("127.0.0.1", 8080))
udp = lists("u")
holder.listen()
listening = lists("t")
print(f"a second bind: {errno.errorcode.get(refused)}; lines in ss -a, netstat -a, /proc/net: bound {bound}, listening {listening}, UDP bound {udp}")
assert refused == errno.EADDRINUSE
assert bound == (0, 0, 0), "in use, and in no list"
assert listening == udp == (1, 1, 1)
PY
unshare -n sh -c 'ip link set lo up && exec python3 look.py'
echo "as described: a bound port is in no list"
