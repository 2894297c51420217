#!/usr/bin/env bash
# The Recv-Q of a UDP socket in ss is memory of the kernel, not the bytes that wait.
#
# One would guess: Recv-Q is "the count of bytes not copied by the user program connected to this socket", as the manual of
# netstat has it, and as it is for TCP. So 8 MB in Recv-Q are 8 MB of datagrams, and a queue of small datagrams that holds
# 200 kB holds thousands of them.
#
# True: for UDP it is what the datagrams cost in memory (sk_rmem_alloc: buffer and header of each sk_buff), the same figure as
# the r of skmem and as rx_queue in /proc/net/udp. Ten datagrams of one byte are 8,320 here, 832 each, while ten bytes of TCP
# are 10. The limit that the queue meets (rmem_default, rb of skmem) is one of memory, too, so a flood of tiny datagrams fills
# it after a few hundred: what waits is a small part of what Recv-Q says. The size of what one read gives (FIONREAD) is
# the next datagram's alone.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3 (bookworm), Python 3.11. udp_diag.c: sk_rmem_alloc_get() by udp_rqueue_get().
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu"
cat > look.py <<'PY'
import array, fcntl, socket, subprocess
def recv_q(kind, port):
    lines = subprocess.run(["root/bin/ss", kind, "-anH", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return max(int(line.split()[1]) for line in lines.splitlines())
reader = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
reader.bind(("127.0.0.1", 0))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(10):
    sender.sendto(b"x", reader.getsockname())
waits = array.array("i", [0])
fcntl.ioctl(reader, 0x541B, waits)  # FIONREAD
udp = recv_q("-u", reader.getsockname()[1])
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1)
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
for _ in range(10):
    client.send(b"x")
tcp = recv_q("-t", listener.getsockname()[1])
print(f"ten bytes wait: TCP Recv-Q {tcp}, UDP Recv-Q {udp}, FIONREAD of the UDP socket {waits[0]}")
assert tcp == 10, "TCP counts bytes"
assert udp >= 10 * 256, "UDP counts memory"
assert waits[0] == 1, "FIONREAD gives the next datagram's size"
PY
unshare -n sh -c 'root/bin/ip link set lo up && exec python3 look.py'
echo "as described: UDP's Recv-Q is memory"
