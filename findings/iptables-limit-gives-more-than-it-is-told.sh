#!/usr/bin/env bash
# `iptables -m limit --limit 6000/sec` lets 10,000 packets a second through, and 9,000 and 5,001 as well.
#
# One would guess: --limit 6000/sec is 6,000 a second, as "limit rate 6000/second" is in nft; the only limits are the burst and
# "Rate too fast" above 10,000.
#
# True: iptables turns the rate into the time between two packets, in whole ten-thousandths of a second, and rounds it down. So
# there are but few rates at the upper end: 10,000, 5,000, 3,333, 2,500, 2,000, 1,666, 1,428 ... What is asked for in between
# becomes the next higher one: up to twice as much above 5,000, a third more at 2,501. It is so with iptables-nft, too, which
# writes an nft rule: the wrong number is computed before. No message tells; `iptables -S` and iptables-save show 10000/sec, so
# a saved file is loaded as that. -m hashlimit counts in millionths and is near to what it is told.
#
# Seen with: iptables 1.8.9-2, nftables 1.0.6-2+deb12u2, iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11, as run here;
# iptables 1.8.11-2 (trixie). parse_rate() in libxt_limit.c, XT_LIMIT_SCALE.
set -euo pipefail
# Says what is otherwise now, and ends.
is() { [ "$@" ] || { echo "no longer as described: $*" >&2; exit 1; }; }
export -f is
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iptables=1.8.9-2 libip4tc2=1.8.9-2 libip6tc2=1.8.9-2 libnetfilter-conntrack3=1.0.9-3 libnfnetlink0=1.0.2-2 \
    iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 \
    nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 libxtables12=1.8.9-2 libjansson4=2.14-2 \
    libedit2=3.1-20221030-2 libbsd0=0.11.7-2 libmd0=1.0.4-2 libgmp10=2:6.2.1+dfsg1-1.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/usr/sbin:$PATH"
export XTABLES_LIBDIR="$work/root/usr/lib/x86_64-linux-gnu/xtables"
cat > inside.sh <<'SH'
set -euo pipefail
ip link set lo up
iptables() { xtables-nft-multi iptables "$@"; }
iptables -N rates
for rate in 2501 5000 5001 6000 9000; do iptables -A rates -m limit --limit "$rate/sec" -j RETURN; done
listed=$(iptables -S rates | sed -n 's/.* --limit \([0-9]*\)\/sec .*/\1/p' | xargs)
# The same limit twice: port 10 by iptables, port 11 by nft.
iptables -A INPUT -p udp --dport 10 -m limit --limit 6000/sec --limit-burst 2000 -j ACCEPT
iptables -A INPUT -p udp --dport 10 -j DROP
nft 'add table inet t; add chain inet t in { type filter hook input priority 0; }
add rule inet t in udp dport 11 limit rate 6000/second burst 2000 packets counter accept
add rule inet t in udp dport 11 counter drop'
# To each 8,000 datagrams a second, for three seconds.
python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); sent = 0
start = time.monotonic()
while sent < 24000:
    while sent < min(24000, (time.monotonic() - start) * 8000):
        s.sendto(b"x", ("127.0.0.1", 10)); s.sendto(b"x", ("127.0.0.1", 11)); sent += 1
    time.sleep(0.005)'
by_iptables=$(iptables -L INPUT -v -x -n | awk '$3 == "DROP" {print $1}')
by_nft=$(nft -j list chain inet t in | python3 -c '
import json, sys
rules = [item["rule"]["expr"] for item in json.load(sys.stdin)["nftables"] if "rule" in item]
print(next(part["counter"]["packets"] for rule in rules if {"drop": None} in rule for part in rule if "counter" in part))')
echo "asked for 2501 5000 5001 6000 9000; listed: $listed"
echo "24,000 datagrams in three seconds, limit 6000/sec: dropped by iptables $by_iptables, by nft $by_nft"
is "$listed" = "3333 5000 10000 10000 10000"
is "$by_iptables" -le 500
is "$by_nft" -ge 2500
SH
unshare -n bash inside.sh
echo "as described: the limit is a higher one"
