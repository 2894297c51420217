#!/usr/bin/env bash
# /proc/net/route, and so netstat -rn and route, has one gateway of two, none that is IPv6, and a blackhole like any route.
#
# One would guess: the old tools lack the other tables of policy routing; but the main table they show as it is: each gateway of
# a default route, G where there is one, and "!" where packets are refused.
#
# True: /proc/net/route has a line for each route, and room for one next hop: of a multipath route it gives the first. So half
# of the connections go by a gateway that is in no line. A gateway that is an IPv6 address (via inet6, as BGP unnumbered and FRR
# make them) is 0.0.0.0, which everywhere else means "on this link"; only the G is left of it. A blackhole route has the flags
# of any other ("U", on the interface "*"); only unreachable and prohibit have "!", so a swallowed network looks as if it were
# reached. Many libraries that tell "the default gateway" read this file.
#
# Seen with: Linux 6.18.44, net-tools 2.10-0.1+deb12u2, iproute2 6.1.0-3 (bookworm), Python 3.11. fib_route_seq_show() and
# fib_flag_trans() in fib_trie.c.
set -euo pipefail
# Says what is otherwise now, and ends.
is() { [ "$@" ] || { echo "no longer as described: $*" >&2; exit 1; }; }
export -f is
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq net-tools=2.10-0.1+deb12u2 \
    iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
cat > inside.sh <<'SH'
set -euo pipefail
ip link add e0 type veth peer name p0; ip link add e1 type veth peer name p1
for device in e0 p0 e1 p1; do ip link set "$device" up; done
ip addr add 192.0.2.1/30 dev e0; ip addr add 192.0.2.5/30 dev e1
ip route add default nexthop via 192.0.2.2 dev e0 nexthop via 192.0.2.6 dev e1
ip route add 198.51.100.0/25 via inet6 fe80::1 dev e0
ip route add blackhole 198.51.100.128/25
ip route add unreachable 203.0.113.0/24
# By which gateway each of 64 addresses is reached.
via() { for last in $(seq 64); do ip route get "203.0.114.$last" | sed -n 's/.* via \([0-9.]*\) .*/\1/p'; done; }
ways=$(via | sort | uniq -c | awk '{print $2 ":" $1}' | xargs)
netstat -rn > table
line() { awk -v net="$1" '$1 == net {print $2, $4, $8}' table; }
echo "gateways that are used: $ways; netstat -rn: $(line 0.0.0.0)"
echo "by an IPv6 next hop: $(line 198.51.100.0); blackhole: $(line 198.51.100.128); unreachable: $(line 203.0.113.0)"
is "$(wc -w <<< "$ways")" = 2
is "$(line 0.0.0.0)" = "192.0.2.2 UG e0"
is "$(cat table /proc/net/route | grep -c -e 192.0.2.6 -e 060200C0 || true)" = 0
is "$(line 198.51.100.0)" = "0.0.0.0 UG e0"
is "$(line 198.51.100.128)" = "0.0.0.0 U *"
is "$(line 203.0.113.0)" = "- ! -"
SH
unshare -n bash inside.sh
echo "as described: one gateway of two"
