#!/usr/bin/env bash
# What is added again to an nftables set is renewed only if its timeout is another one; without one it stays for ever.
#
# One would guess: either "add element" of what is there already begins its time anew, as `ipset add -exist` does, or it changes
# nothing, as the nftables wiki has it, which says to delete it first. A program that bans an address again for the usual ten
# minutes has it banned for ten minutes from now, or gets an error.
#
# True, as seen on 6.18: the kernel compares the timeout with the stored one. The same one: nothing is changed, and the status
# is 0, so the ban ends ten minutes after the FIRST offence, whatever came since. A different one, be it a second more or far
# less, begins anew. And an element that is added again without a timeout, as by a list of addresses that is loaded, loses the
# one that it had: it stays for ever. "timeout 10m expires 10m" always renews. "create element" refuses what is there.
#
# Seen with: nftables 1.0.6-2+deb12u2 (bookworm), Linux 6.18.44. nft_add_set_elem() in nf_tables_api.c.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 libxtables12=1.8.9-2 libjansson4=2.14-2 \
    libedit2=3.1-20221030-2 libbsd0=0.11.7-2 libmd0=1.0.4-2 libgmp10=2:6.2.1+dfsg1-1.1 libmnl0=1.0.4-3 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/usr/sbin:$PATH"
cat > inside.sh <<'SH'
set -euo pipefail
# The seconds that are left of an element.
left() { nft -j list set t banned | python3 -c '
import json, sys
(found,) = [e for e in json.load(sys.stdin)["nftables"][1]["set"]["elem"] if sys.argv[1] in str(e)]
print(found["elem"]["expires"] if isinstance(found, dict) else "for-ever")' "$1"; }
nft 'add table t; add set t banned { type ipv4_addr; flags timeout; }'
nft add element t banned '{ 192.0.2.1 timeout 60s, 192.0.2.2 timeout 60s, 192.0.2.3 timeout 60s, 192.0.2.4 timeout 60s, 192.0.2.5 timeout 60s }'
sleep 6
nft add element t banned '{ 192.0.2.1 timeout 60s }'; same=$(left 192.0.2.1)
nft add element t banned '{ 192.0.2.2 timeout 61s }'; longer=$(left 192.0.2.2)
nft add element t banned '{ 192.0.2.3 timeout 20s }'; shorter=$(left 192.0.2.3)
nft add element t banned '{ 192.0.2.4 }'; none=$(left 192.0.2.4)
nft add element t banned '{ 192.0.2.5 timeout 60s expires 60s }'; both=$(left 192.0.2.5)
if nft create element t banned '{ 192.0.2.1 timeout 60s }' 2>/dev/null; then created=yes; else created=no; fi
echo "60 s, and 6 s later again: with 60 s $same are left, with 61 s $longer, with 20 s $shorter, without $none, with expires $both"
[ "$same" -le 54 ] && [ "$longer" -ge 58 ] && [ "$shorter" -le 20 ] && [ "$shorter" -ge 17 ] || { echo "no longer as described" >&2; exit 1; }
[ "$none" = for-ever ] && [ "$both" -ge 58 ] && [ "$created" = no ]
SH
unshare -n bash inside.sh
echo "as described: the same timeout renews nothing"
