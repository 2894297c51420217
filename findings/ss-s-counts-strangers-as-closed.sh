#!/usr/bin/env bash
# In a container `ss -s` shows the TCP sockets of the whole machine, as its own closed ones.
#
# One would guess: "TCP: 102 (estab 0, closed 102, ...)" speaks of the namespace in which ss runs, as its other lines do, and as
# `ss -ta` does. So a container that says closed 102 has a program that leaks sockets, which are neither connected nor bound.
#
# True: the first number comes from the TCP line of /proc/net/sockstat: its field alloc, which counts the sockets of all
# namespaces, as orphan and mem beside it do. The fields inuse and tw, in the same line, are of this namespace alone. What ss
# calls closed is alloc less inuse. In an empty namespace that is each socket of the host and of all other containers. On the
# host, the open connections of the containers stand among its closed ones, and come and go with them.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3 (bookworm), Python 3.11. sockstat_seq_show(); print_summary() in ss.c.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes two network namespaces" >&2; exit 2; }
work=$(mktemp -d)
one="one-$$" two="two-$$" holder=""
trap 'kill $holder 2>/dev/null || true; ip netns del "$one" 2>/dev/null || true; ip netns del "$two" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
ip netns add "$one"; ip netns add "$two"
ip -n "$one" link set lo up; ip -n "$two" link set lo up
# Fifty connections over the loopback of the first: a hundred sockets.
ip netns exec "$one" python3 -c '
import socket, time
listener = socket.create_server(("127.0.0.1", 0)); kept = []
for _ in range(50):
    kept += [socket.create_connection(listener.getsockname()), listener.accept()]
open("ready", "w").close()
time.sleep(30)' & holder=$!
for _ in $(seq 50); do [ -e ready ] && break; sleep 0.1; done
closed() { ip netns exec "$1" ss -s | sed -n 's/^TCP: .*closed \([0-9]*\),.*/\1/p'; }
listed=$(ip netns exec "$two" ss -taH | wc -l)
before=$(closed "$two")
echo "an empty namespace beside one with fifty connections: ss -ta lists $listed sockets there"
ip netns exec "$two" ss -s | grep ^TCP:
ip netns exec "$two" grep ^TCP: /proc/net/sockstat
kill "$holder"; wait "$holder" 2>/dev/null || true; holder=""
sleep 0.5
after=$(closed "$two")
echo "closed, while the other namespace has its connections: $before; when it has none: $after"
[ "$listed" = 0 ] && [ "$before" -ge 101 ] && [ $((before - after)) -ge 90 ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: ss -s counts the sockets of others as closed"
