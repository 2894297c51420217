#!/usr/bin/env bash
# Datagrams that the queueing discipline of an interface drops count as UDP send buffer errors, and the program is told that they
# were sent.
#
# One would guess: "send buffer errors" of netstat -s (UdpSndbufErrors) is sockets whose send buffer was full, so that
# net.core.wmem_max or SO_SNDBUF is too small; a drop by tc is counted by tc alone, behind the socket.
#
# True: what the discipline (or a filter at its egress) drops comes back as ENOBUFS. For a socket that did not ask for errors
# (IP_RECVERR) the kernel makes 0 of that, so that sendto() gives the whole length, and counts a send buffer error. The datagram is
# in neither OutDatagrams nor the socket's buffer, which a larger wmem would help. A drop by a rule at the hook `output` of the
# firewall is another: it is an error of sendto() (EPERM), and counts nothing here. On a shaped link the two figures to hold
# against each other are those of tc -s and UdpSndbufErrors: they are the same drops.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3, net-tools 2.10-0.1+deb12u2, nftables 1.0.6-2+deb12u2 (bookworm). udp_send_skb() in
# net/ipv4/udp.c, ip_send_skb() and net_xmit_errno().
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq net-tools=2.10-0.1+deb12u2 iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 \
    nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 libjansson4=2.14-2 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/sbin:$work/root/usr/sbin:$PATH"
cat > send.py <<'PY'
import json, re, socket, subprocess
def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
def errors():
    found = re.search(r"(\d+) send buffer errors|send buffer errors: (\d+)", run("netstat", "-su"))
    return int(found[1] or found[2]) if found else 0
def sent_by_udp():
    return int(re.search(r"(\d+) packets sent", run("netstat", "-su"))[1])
def dropped():
    return sum(one.get("drops", 0) for one in json.loads(run("tc", "-s", "-j", "qdisc", "show", "dev", "out")))
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
def burst():
    before = errors(), sent_by_udp(), dropped()
    told, refused = 0, 0
    for _ in range(100):
        try:
            told += out.sendto(b"x" * 1000, ("192.0.2.2", 9)) == 1000
        except PermissionError:
            refused += 1
    after = errors(), sent_by_udp(), dropped()
    return told, refused, *(b - a for a, b in zip(before, after))
shaped = burst()
print("shaped to 8 kbit/s: sendto() said 'sent' %d times, refused %d; send buffer errors %d, datagrams sent %d, drops of tc %d" % shaped)
told, refused, errors_of, sent, drops = shaped
assert told == 100 and refused == 0 and errors_of == drops >= 90 and sent == 100 - drops
run("tc", "qdisc", "del", "dev", "out", "root")
run("nft", "add table ip t; add chain ip t o { type filter hook output priority 0; }; add rule ip t o udp dport 9 drop")
ruled = burst()
print("dropped by a rule at output: sendto() said 'sent' %d times, refused %d; send buffer errors %d, datagrams sent %d" % ruled[:4])
assert ruled[1] == 100 and ruled[2] == 0
PY
unshare -n sh -ec '
    ip link set lo up; ip link add out type veth peer name far; ip address add 192.0.2.1/24 dev out
    ip link set out up; ip link set far up; ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev out
    tc qdisc add dev out root tbf rate 8kbit burst 1600 limit 1600
    exec python3 send.py'
echo "as described: drops of the queue read as a small send buffer"
