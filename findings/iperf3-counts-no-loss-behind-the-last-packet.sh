#!/usr/bin/env bash
# `iperf3 -u` says 0 % loss of a test whose second half was lost altogether.
#
# One would guess: Lost/Total of the receiver is what the sender sent less what came. If the path dies halfway through the test
# (a firewall, a full table of connections, a neighbour that is gone), half is lost, and both ends print 50 %.
#
# True: a loss is counted when a later packet comes: the receiver adds up the gaps in the numbers, and Total is the highest
# number that it saw. What is behind the last packet that came is neither lost nor part of the total. So a path that is sound
# and one that dies in the middle read alike: 0/1500 (0%) on the sender's line, which knows of no losses and has 0 always, and
# 0/750 (0%) on the receiver's. -J has lost_packets 0 and lost_percent 0. Losses at the end of a short test are left out in the
# same way. What tells is the difference of the two totals, or of the two bitrates.
#
# Seen with: iperf3 3.12-1+deb12u2, nftables 1.0.6-2+deb12u2, iproute2 6.1.0-3 (bookworm), Linux 6.18.44, as run here; iperf3
# 3.18-2 (trixie). iperf_udp_recv() in iperf_udp.c: cnt_error by packet_count.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iperf3=3.12-1+deb12u2 libiperf0=3.12-1+deb12u2 libsctp1=1.0.19+dfsg-2 \
    iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 \
    nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 libxtables12=1.8.9-2 libjansson4=2.14-2 \
    libedit2=3.1-20221030-2 libbsd0=0.11.7-2 libmd0=1.0.4-2 libgmp10=2:6.2.1+dfsg1-1.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/usr/bin:$work/root/usr/sbin:$PATH"
cat > inside.sh <<'SH'
set -euo pipefail
ip link set lo up
nft 'add table inet t; add chain inet t in { type filter hook input priority 0; }'
iperf3 -s -1 > server.log & server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 50); do ss -tlnH 'sport = :5201' | grep -q . && break; sleep 0.1; done
# 250 datagrams of 1,000 bytes a second, for 6 seconds; from about the third second on all are dropped.
(sleep 3; nft add rule inet t in udp dport 5201 counter drop) & rule=$!
iperf3 -J -c 127.0.0.1 -u -b 2M -l 1000 -t 6 > client.json
wait "$rule" "$server"
dropped=$(nft list chain inet t in | awk '/counter/ {for (i = 1; i < NF; i++) if ($i == "packets") print $(i + 1)}')
python3 - "$dropped" <<'PY'
import json, sys
end = json.load(open("client.json"))["end"]
sent, received, both = end["sum_sent"]["packets"], end["sum_received"]["packets"], end["sum"]
dropped = int(sys.argv[1])
print(f"sent {sent}, dropped by the rule {dropped}; receiver: lost {end['sum_received']['lost_packets']} of {received}, "
      f"{end['sum_received']['lost_percent']} %; sum: lost {both['lost_packets']}, {both['lost_percent']} %")
assert dropped > sent * 0.3 and abs(sent - received - dropped) < 20
assert end["sum_received"]["lost_packets"] == 0 and end["sum_received"]["lost_percent"] == 0
assert both["lost_packets"] == 0 and both["lost_percent"] == 0
PY
SH
unshare -n bash inside.sh
echo "as described: what is behind the last packet is not lost"
