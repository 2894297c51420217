#!/usr/bin/env bash
# nf_conntrack_count has entries whose time is over, for up to a minute, while `conntrack -L` lists none of them.
#
# One would guess: nf_conntrack_count (`conntrack -C`, node_exporter's node_nf_conntrack_entries) is the number of lines that
# `conntrack -L` has. With a timeout of 2 seconds for UDP the entries of a flood are gone 2 seconds after it.
#
# True: an entry has no timer of its own. When its time is over it is passed over by look-ups and lists, but stays in the table,
# and in the count, until something comes by and takes it away: a packet that meets it in its bucket, a dump, or the collector,
# whose rounds may be a minute apart. So after a flood the count stands still at its height and then falls at once, which looks
# as if the flood had lasted longer; and a shorter timeout seems to help nothing. And `conntrack -L` changes what it measures:
# it takes away what it does not list, so the count is low after it was asked.
#
# Seen with: Linux 6.18.44, conntrack 1:1.4.7-1+b2, nftables 1.0.6-2+deb12u2, iproute2 6.1.0-3 (bookworm), Python 3.11.
# gc_worker() in nf_conntrack_core.c, GC_SCAN_INTERVAL_MAX; ctnetlink_dump_table().
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 \
    conntrack=1:1.4.7-1+b2 libnetfilter-conntrack3=1.0.9-3 libnfnetlink0=1.0.2-2 \
    nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 libxtables12=1.8.9-2 libjansson4=2.14-2 \
    libedit2=3.1-20221030-2 libbsd0=0.11.7-2 libmd0=1.0.4-2 libgmp10=2:6.2.1+dfsg1-1.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/usr/sbin:$PATH"
cat > inside.sh <<'SH'
set -euo pipefail
ip link set lo up
nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in ct state new counter'
echo 2 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout
# The collector may come by just then: three tries.
for attempt in 1 2 3; do
    python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(20000, 23000): s.sendto(b"x", ("127.0.0.1", port))'
    sleep 6
    count=$(conntrack -C)
    [ "$count" -lt 3000 ] || break
done
listed=$(conntrack -L 2>/dev/null | wc -l)
after=$(conntrack -C)
for _ in $(seq 80); do [ "$after" -gt 0 ] || break; sleep 1; after=$(conntrack -C); done
echo "3,000 flows with a timeout of 2 s; 6 s later nf_conntrack_count is $count, conntrack -L lists $listed; in the end $after are counted"
[ "$count" -ge 3000 ] && [ "$listed" = 0 ] && [ "$after" = 0 ]
SH
unshare -n bash inside.sh
echo "as described: the dead are counted"
