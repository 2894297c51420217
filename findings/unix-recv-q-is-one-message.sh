#!/usr/bin/env bash
# For a datagram socket of the Unix family, as /dev/log is, the Recv-Q of ss is the size of the next message alone.
#
# One would guess: Recv-Q is all that waits, as for TCP and for stream sockets of the Unix family. So a Recv-Q of 24 at /dev/log
# is no backlog. If the reader of logs hung, there would be a great number.
#
# True: the kernel gives for them what a single read would return: the length of the first message. Eleven messages of 10,024
# bytes together show as 24 here. That is a full queue (net.unix.max_dgram_qlen is 10): the next writer is put to sleep in
# send(), and with it each program that calls syslog(). Nothing in the line of the socket tells; skmem is 0 as well. What tells
# is the other end: the Send-Q of each writer, which is memory, and stays above 0 until its messages are read.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3 (bookworm), Python 3.11. unix_inq_len() in af_unix.c, by sk_diag_show_rqlen().
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
cat > look.py <<'PY'
import socket, subprocess
reader = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
reader.bind("log")
writer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
writer.connect("log")
writer.setblocking(False)
sent = 0
waiting = 0
try:
    while waiting < 1000:
        message = b"<13>app: the first line." if waiting == 0 else b"<13>app: " + b"x" * 991
        writer.send(message)
        sent += len(message)
        waiting += 1
except BlockingIOError:
    pass
stream, other = socket.socketpair()
for _ in range(10):
    stream.send(b"x" * 1000)
rows = [line.split() for line in subprocess.run(["ss", "-xanH"], capture_output=True, text=True, check=True).stdout.splitlines()]
recv_q = next(int(row[2]) for row in rows if row[4] == "log")
send_q = max(int(row[3]) for row in rows if row[0] == "u_dgr")
streams = max(int(row[2]) for row in rows if row[0] == "u_str")
limit = int(open("/proc/sys/net/unix/max_dgram_qlen").read())
print(f"{waiting} messages, {sent} bytes, wait, and the next writer would sleep: Recv-Q {recv_q}; Send-Q of the writer {send_q}")
print(f"a stream with 10,000 bytes: Recv-Q {streams}")
assert waiting == limit + 1 and sent > 1000 * limit
assert recv_q == 24, "the first message alone"
assert send_q > sent, "memory, at the writer"
assert streams == 10_000
PY
unshare -n python3 look.py
echo "as described: Recv-Q is the first message"
