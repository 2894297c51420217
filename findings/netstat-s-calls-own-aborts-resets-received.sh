#!/usr/bin/env bash
# "connection resets received" of `netstat -s` counts the connections that this host itself aborted.
#
# One would guess: "30 connection resets received" means 30 RSTs from peers, load balancers or firewalls, and beside it "30
# resets sent" are others, for ports where nobody listens.
#
# True: the figure is EstabResets of the Tcp lines in /proc/net/snmp: connections that went straight from ESTABLISHED or
# CLOSE-WAIT to CLOSED, whoever did it. A program that closes with unread data or with SO_LINGER 0, or that is killed with data
# in its socket, sends a RST and counts as "reset received", though no RST came. On both ends the same 30 stand there, and each
# blames the other. Only "resets sent" (OutRsts), which has the answers to unwanted segments as well, and TCPAbortOnData and
# TCPAbortOnClose tell who began; the first of the two is printed as "connections reset due to unexpected data", also for
# SO_LINGER 0, where there was none. A RST that comes for a connection in another state (FIN-WAIT, SYN-SENT) is not in it.
#
# Seen with: net-tools 2.10-0.1+deb12u2, iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11. tcp_set_state():
# TCP_MIB_ESTABRESETS; statistics.c of net-tools.
set -euo pipefail
# Says what is otherwise now, and ends.
is() { [ "$@" ] || { echo "no longer as described: $*" >&2; exit 1; }; }
[ "$(id -u)" = 0 ] || { echo "run as root: it makes two network namespaces" >&2; exit 2; }
work=$(mktemp -d)
one="one-$$" two="two-$$"
jobs=()
trap 'kill "${jobs[@]}" 2>/dev/null || true; ip netns del "$one" 2>/dev/null || true; ip netns del "$two" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq net-tools=2.10-0.1+deb12u2 \
    iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
ip netns add "$one"; ip netns add "$two"
ip -n "$one" link add e0 type veth peer name e0 netns "$two"
for name in "$one" "$two"; do ip -n "$name" link set lo up; ip -n "$name" link set e0 up; done
ip -n "$one" addr add 192.0.2.1/24 dev e0; ip -n "$two" addr add 192.0.2.2/24 dev e0
# The other end accepts, and keeps what it has.
ip netns exec "$two" python3 -c '
import socket, time
listener = socket.create_server(("192.0.2.2", 5000)); kept = []
open("ready", "w").close()
for _ in range(30): kept.append(listener.accept())
time.sleep(30)' & jobs+=($!)
for _ in $(seq 50); do [ -e ready ] && break; sleep 0.1; done
# This end aborts each connection; no byte is sent.
ip netns exec "$one" python3 -c '
import socket, struct
for _ in range(30):
    s = socket.create_connection(("192.0.2.2", 5000))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()'
sleep 0.5
figure() { ip netns exec "$1" netstat -s | sed -n "s/^ *\([0-9]*\) $2$/\1/p"; }
received=$(figure "$one" 'connection resets received') sent=$(figure "$one" 'resets sent')
unexpected=$(figure "$one" 'connections reset due to unexpected data')
other=$(figure "$two" 'connection resets received') back=$(figure "$two" 'resets sent')
echo "one end aborts 30 connections; netstat -s there: received $received, sent $sent, due to unexpected data $unexpected"
echo "on the other end, which sent none: received $other, sent $back"
is "$received" = 30
is "$sent" = 30
is "$unexpected" = 30
is "$other" = 30
is "$back" = 0
echo "as described: own aborts are resets received"
