#!/usr/bin/env bash
# ss counts the SYN and the FIN as bytes: bytes_acked is above bytes_sent, and Recv-Q is 1 where no byte waits.
#
# One would guess: bytes_sent - bytes_acked is what is under way, at least 0. Recv-Q is how many bytes the program has not read,
# so a socket in CLOSE-WAIT with Recv-Q 1 has a program that leaves its last byte unread; and bytes_received is what came in.
#
# True: these figures come from sequence numbers, and SYN and FIN take one each. On the side that connected bytes_acked is one
# more than bytes_sent, so the difference is -1 (1.8e19 without a sign); on the side that accepted it is right. As soon as the
# peer has closed, bytes_received and Recv-Q are one more. Recv-Q 1 in CLOSE-WAIT means that all data were read and the program
# has not yet asked again; when its read has returned 0, Recv-Q is 0. So the two tell apart a program that does not look and one
# that knows of the end and does not close: the same leak with two causes.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3 (bookworm), Python 3.11. tcp_snd_una_update(), tcp_queue_rcv() and
# tcp_diag_get_info(): rcv_nxt - copied_seq.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
cat > look.py <<'PY'
import re, socket, subprocess, time
def look(port):
    time.sleep(0.3)
    command = ["ss", "-tinOH", "state", "connected", f"sport = :{port}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    numbers = {name: int(value) for name, value in re.findall(r" (bytes_\w+):(\d+)", text)}
    return text.split()[0], int(text.split()[1]), numbers
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
client.sendall(b"x" * 1000)
server.sendall(b"x" * 500)
assert len(server.recv(2000)) == 1000 and len(client.recv(2000)) == 500
_, _, connected = look(client.getsockname()[1])
_, read, accepted = look(server.getsockname()[1])
client.close()
state, closed, later = look(server.getsockname()[1])
assert server.recv(2000) == b""
_, known, _ = look(server.getsockname()[1])
print(f"who connected: {connected}")
print(f"who accepted, with all data read: {accepted}, Recv-Q {read}")
print(f"the peer closed ({state}): bytes_received {later['bytes_received']}, Recv-Q {closed}; when a read gave 0: Recv-Q {known}")
assert connected == {"bytes_sent": 1000, "bytes_acked": 1001, "bytes_received": 500}
assert accepted == {"bytes_sent": 500, "bytes_acked": 500, "bytes_received": 1000} and read == 0
assert state == "CLOSE-WAIT" and later["bytes_received"] == 1001 and closed == 1 and known == 0
PY
unshare -n sh -c 'ip link set lo up && exec python3 look.py'
echo "as described: SYN and FIN count as bytes"
