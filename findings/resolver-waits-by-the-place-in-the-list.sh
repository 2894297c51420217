#!/usr/bin/env bash
# With three dead name servers a look-up of glibc waits 5, 3 and 6 seconds: "timeout:5" is the time of the first server only.
#
# One would guess: "timeout:n" of resolv.conf is how long each server is given before the next is asked, as its manual has it.
# So three silent servers cost 15 seconds with attempts:1 and 30 with the default of 2, and who sees a delay of 8 seconds looks
# for something else.
#
# True: the time is doubled for each place further down the list, and from the second place on divided by the number of servers,
# in whole seconds. Of 5 s that is 5, 5 with two servers, and 5, 3, 6 with three: 14 seconds a round, 28 in all. So a name that
# only the third server answers comes after 8 s, not 10; with timeout:2 after 3 s (2, 1, 2); with timeout:1 it is 1, 1, 1. A
# trace in which the queries are 5 and 3 seconds apart is the resolver's own arithmetic, no loss on the way. musl asks all
# servers at once.
#
# Seen with: glibc (libc6, libc-bin) 2.36-9+deb12u14, iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11. send_dg() in
# res_send.c: retrans << ns, by nscount.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network and a mount namespace" >&2; exit 2; }
for file in resolv.conf nsswitch.conf; do [ -e "/etc/$file" ] || { echo "there must be an /etc/$file to mount over" >&2; exit 2; }; done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq libc6=2.36-9+deb12u14 libc-bin=2.36-9+deb12u14 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" libc; done
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./iproute2*.deb ./libmnl0*.deb ./libbpf1*.deb ./libelf1*.deb; do dpkg-deb -x "$package" root; done
cat > look.py <<'PY'
import socket, subprocess, threading, time
seen = []
def listen(number):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((f"127.0.0.{number}", 53))
    def receive():
        while True:
            server.recv(1000)
            seen.append((number, time.monotonic()))
    threading.Thread(target=receive, daemon=True).start()
for number in (1, 2, 3):
    listen(number)
def waits(servers, options):
    """The seconds that each server was given, in the order in which they were asked."""
    with open("resolv.conf", "w") as conf:
        conf.write("".join(f"nameserver 127.0.0.{number}\n" for number in range(1, servers + 1)) + f"options {options}\n")
    seen.clear()
    subprocess.run(["libc/lib64/ld-linux-x86-64.so.2", "--library-path", "libc/lib/x86_64-linux-gnu",
                    "libc/usr/bin/getent", "ahostsv4", "www.example.com."], stdout=subprocess.DEVNULL)
    end = time.monotonic()
    assert [number for number, _ in seen] == list(range(1, servers + 1)) * (len(seen) // servers)
    times = [moment for _, moment in seen] + [end]
    return [round(after - before) for before, after in zip(times, times[1:])]
three, two, short = waits(3, "timeout:5 attempts:1"), waits(2, "timeout:5 attempts:1"), waits(3, "timeout:2 attempts:2")
print(f"seconds for each server: three, timeout:5 {three}; two, timeout:5 {two}; three, timeout:2 attempts:2 {short}")
assert three == [5, 3, 6]
assert two == [5, 5]
assert short == [2, 1, 2, 2, 1, 2]
PY
cat > inside.sh <<'SH'
set -euo pipefail
ip() { LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu root/bin/ip "$@"; }
ip link set lo up
# getent asks for IPv4 only where there is an address besides that of the loopback.
ip link add e0 type veth peer name e1; ip link set e0 up; ip link set e1 up; ip addr add 192.0.2.1/24 dev e0
mount --make-rprivate /
touch resolv.conf; echo 'hosts: dns' > nsswitch.conf
mount --bind resolv.conf /etc/resolv.conf; mount --bind nsswitch.conf /etc/nsswitch.conf
python3 look.py
SH
unshare -n -m bash inside.sh
echo "as described: a server's time goes by its place"
