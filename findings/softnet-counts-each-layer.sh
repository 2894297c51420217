#!/usr/bin/env bash
# The first column of /proc/net/softnet_stat counts a packet once for each device that it passes, so a bridge doubles it.
#
# One would guess: the first column ("processed", packets by CPU) is the number of frames that came in, so its sum over all
# CPUs is what the interfaces counted, and the share of one CPU in it is that CPU's share of the traffic.
#
# True: it grows each time a packet goes through the receive path, and a port of a bridge sends it through a second time, as the
# bridge's own. 20,000 datagrams count 20,000 on a veth, and 40,000 when the veth is a port of br0 and the bridge has the
# address. A host of containers or virtual machines so shows twice the packets that it receives.
#
# Seen with: Linux 6.18.44, iproute2 6.1.0-3 (bookworm), Python 3.11. __netif_receive_skb_core(): softnet_data.processed.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes two network namespaces" >&2; exit 2; }
work=$(mktemp -d)
one="one-$$" two="two-$$"
trap 'ip netns del "$one" 2>/dev/null || true; ip netns del "$two" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
ip netns add "$one"; ip netns add "$two"
ip -n "$one" link add e0 type veth peer name e0 netns "$two"
for name in "$one" "$two"; do ip -n "$name" link set lo up; ip -n "$name" link set e0 up; done
ip -n "$one" addr add 192.0.2.1/24 dev e0; ip -n "$two" addr add 192.0.2.2/24 dev e0
cat > send.py <<'PY'
import socket, time
def processed():
    return sum(int(line.split()[0], 16) for line in open("/proc/net/softnet_stat"))
before = processed()
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(20_000):
    sender.sendto(b"x" * 100, ("192.0.2.2", 9))
    if number % 100 == 99:
        time.sleep(0.002)
time.sleep(0.2)
print(processed() - before)
PY
# Something waits at the port, so that no answer is sent that would count, too.
ip netns exec "$two" python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 9))
time.sleep(60)' & listener=$!
trap 'kill "$listener" 2>/dev/null || true; ip netns del "$one" 2>/dev/null || true; ip netns del "$two" 2>/dev/null || true; rm -rf "$work"' EXIT
sleep 1
plain=$(ip netns exec "$one" python3 send.py)
ip -n "$two" link add br0 type bridge
ip -n "$two" addr del 192.0.2.2/24 dev e0
ip -n "$two" link set e0 master br0; ip -n "$two" link set br0 up; ip -n "$two" addr add 192.0.2.2/24 dev br0
sleep 2
bridged=$(ip netns exec "$one" python3 send.py)
echo "20,000 datagrams to a veth: $plain processed; to a bridge whose port the veth is: $bridged"
# The column is of the whole machine, so other traffic adds a little.
[ "$plain" -ge 20000 ] && [ "$plain" -lt 30000 ] && [ "$bridged" -ge 40000 ] && [ "$bridged" -lt 60000 ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: each layer counts the packet once more"
