#!/usr/bin/env bash
# The table of neighbours (ARP) and its limit are of all network namespaces together, while `ip neigh` shows one's own.
#
# One would guess: each namespace has its own table, as `ip neigh` lists it, with its own gc_thresh3. A host with three
# neighbours is far from "neighbor table overflow"; if the kernel's log says that, somebody scans the host's own network.
#
# True: a hundred neighbours of a container, behind a veth that the host does not have, raise the number of entries of the host
# by a hundred (/proc/net/stat/arp_cache, lnstat), while `ip neigh` there shows not one more. The limits (gc_thresh1 to 3) are
# of the whole machine: they are in /proc/sys of the first namespace only. So one container with a wide network, or that is
# scanned, keeps the host and all others from talking to new neighbours. In the container the file of the figures is not even
# there. Nothing of this is in `ip -s neigh`, on either side.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3 (bookworm). neigh_alloc(), neigh_table_init() and neigh_stat_seq_show().
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
[ -e /proc/net/stat/arp_cache ] || { echo "run in the first network namespace: only there are the figures" >&2; exit 2; }
work=$(mktemp -d)
name="one-$$"
trap 'ip netns del "$name" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
entries() { awk 'NR == 2 {print $1}' /proc/net/stat/arp_cache | { read -r hex; echo $((16#$hex)); }; }
ip netns add "$name"
ip -n "$name" link add e0 type veth peer name e1
ip -n "$name" link set e0 up; ip -n "$name" link set e1 up
ip -n "$name" addr add 192.0.2.1/24 dev e0
before=$(entries) listed=$(ip -4 neigh | wc -l)
for last in $(seq 2 101); do echo "neigh add 192.0.2.$last lladdr 02:00:00:00:00:01 dev e0 nud stale"; done | ip -n "$name" -batch -
inside=$(ip -n "$name" -4 neigh | wc -l)
with=$(entries) still=$(ip -4 neigh | wc -l)
if ip netns exec "$name" test -e /proc/net/stat/arp_cache; then file=yes; else file=no; fi
if ip netns exec "$name" test -e /proc/sys/net/ipv4/neigh/default/gc_thresh3; then limit=yes; else limit=no; fi
ip netns del "$name"
sleep 2
after=$(entries)
echo "the namespace has $inside neighbours; figures of the table there: $file, its limit: $limit"
echo "the host lists $listed before and $still with them; entries of its table: $before, $with with them, $after when they are gone"
grew=$((with - before)) fell=$((with - after)) more=$((still - listed))
[ "$inside" = 100 ] && [ "$file" = no ] && [ "$limit" = no ] || { echo "no longer as described" >&2; exit 1; }
[ "$grew" -ge 95 ] && [ "$grew" -le 110 ] && [ "$fell" -ge 90 ] && [ "$more" -le 5 ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: one table of neighbours for all namespaces"
