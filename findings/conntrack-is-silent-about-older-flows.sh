#!/usr/bin/env bash
# `conntrack -E` tells nothing of the connections that were there before it was started, not even that they end.
#
# One would guess: it shows each NEW, UPDATE and DESTROY from its start on, whatever the age of the connection. So one starts it
# in an incident and sees which connections close, or are deleted; a logger of flows that is started again (ulogd, an exporter)
# misses no end.
#
# True: with net.netfilter.nf_conntrack_events=2, which is the default since Linux 5.19, a new entry is made ready for events
# only if somebody listens in this namespace at that moment. An older entry stays mute for its whole life. Its changes of state
# make no UPDATE, its end makes no DESTROY, and `conntrack -D` deletes it without an event. With 1 there are events for each
# entry that was made since; nothing helps those that are there already.
#
# Seen with: Linux 6.18.44, conntrack 1:1.4.7-1+b2, nftables 1.0.6-2+deb12u2, iproute2 6.1.0-3 (bookworm), Python 3.11.
# nf_ct_ecache_ext_add() in nf_conntrack_ecache.c.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d)
name="one-$$"
jobs=()
trap 'kill "${jobs[@]}" 2>/dev/null || true; ip netns del "$name" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 \
    conntrack=1:1.4.7-1+b2 libnetfilter-conntrack3=1.0.9-3 libnfnetlink0=1.0.2-2 \
    nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 libxtables12=1.8.9-2 libjansson4=2.14-2 \
    libedit2=3.1-20221030-2 libbsd0=0.11.7-2 libmd0=1.0.4-2 libgmp10=2:6.2.1+dfsg1-1.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$work/root/usr/sbin:$PATH"
ip netns add "$name"; ip -n "$name" link set lo up
# Connections are tracked as soon as a rule asks for their state.
ip netns exec "$name" nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in ct state new counter'
mode=$(ip netns exec "$name" cat /proc/sys/net/netfilter/nf_conntrack_events)
cat > talk.py <<'PY'
import os, socket, time
def pair(port):
    client = socket.socket()
    client.bind(("127.0.0.1", port))
    client.connect(listener.getsockname())
    return client, listener.accept()[0]
listener = socket.create_server(("127.0.0.1", 7000))
older = pair(7001)
open("older", "w").close()
while not os.path.exists("listening"):
    time.sleep(0.05)
newer = pair(7002)
for connection in older + newer:
    connection.close()
PY
ip netns exec "$name" python3 talk.py & talk=$!; jobs+=("$talk")
for _ in $(seq 100); do [ -e older ] && break; sleep 0.1; done
ip netns exec "$name" conntrack -E > events 2>/dev/null & jobs+=($!)
sleep 1
touch listening
wait "$talk"
sleep 0.5
states=$(ip netns exec "$name" conntrack -L 2>/dev/null | awk '{print $4}' | sort | uniq -c | xargs)
ip netns exec "$name" conntrack -D >/dev/null 2>&1
sleep 1
count() { grep -E "^ *\[$1\]" events | grep -c "sport=$2" || true; }
echo "nf_conntrack_events=$mode; both closed: $states; then both were deleted"
echo "began before conntrack -E: UPDATE $(count UPDATE 7001), DESTROY $(count DESTROY 7001)"
echo "began after it: UPDATE $(count UPDATE 7002), DESTROY $(count DESTROY 7002)"
[ "$mode" = 2 ] && [ "$states" = "2 TIME_WAIT" ] || { echo "no longer as described" >&2; exit 1; }
[ "$(count UPDATE 7001)" = 0 ] && [ "$(count DESTROY 7001)" = 0 ] || { echo "no longer as described" >&2; exit 1; }
[ "$(count UPDATE 7002)" -ge 3 ] && [ "$(count DESTROY 7002)" = 1 ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: older flows make no events"
