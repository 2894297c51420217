#!/usr/bin/env bash
# sar shows all that an interface ever counted as the traffic of one interval, when it was renamed or came from a container.
#
# One would guess: sar -n DEV gives the difference of two samples by their time. An interface that is new in a sample has no
# sample before it, so it has no rate there; or it was made anew, and its counters began at 0.
#
# True: an interface that was not in the sample before is taken to have been at 0 then. That fits one that was made; but one
# that was renamed (udev, NetworkManager, a bonding script, "ip link set eth0 name wan0") or moved into this network namespace
# brings its counters along. So 200 GB of the last month become the rate of ten minutes, 330 MB/s on a link of 100 Mbit/s, and
# stand in the files of sa for good: a peak that nobody sent, at the very time of the change one looks into. The day's average
# has it, too. sadf gives it in all formats.
#
# Seen with: sysstat 12.6.1-1, iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Python 3.11. print_net_dev_stats() in pr_stats.c:
# check_net_dev_reg() below 0.
set -euo pipefail
# Says what is otherwise now, and ends.
is() { [ "$@" ] || { echo "no longer as described: $*" >&2; exit 1; }; }
[ "$(id -u)" = 0 ] || { echo "run as root: it makes a network namespace" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq sysstat=12.6.1-1 libsensors5=1:3.6.0-7.1 \
    iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
cat > inside.sh <<'SH'
set -euo pipefail
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link add eth0 type veth peer name peer0; ip link set eth0 up; ip link set peer0 up
send() {
    python3 -c '
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); wire.bind((sys.argv[1], 0))
for _ in range(int(sys.argv[2])): wire.send(b"\xff" * 6 + bytes.fromhex("02000000000188b5") + b"x" * 986)' "$1" "$2"
}
sample() { root/usr/lib/sysstat/sadc 1 1 sa; }
send eth0 10000
sample; sleep 2
sample; sleep 2
ip link set eth0 down; ip link set eth0 name wan0; ip link set wan0 up
sample; sleep 2
send wan0 10
sample
SH
unshare -n bash inside.sh
# Packets sent in each interval: rate by time.
root/usr/bin/sadf -d -U -- -n DEV sa | awk -F ';' '$4 == "eth0" || $4 == "wan0" {printf "%s %.0f\n", $4, $6 * $2}' > intervals
kilobytes=$(root/usr/bin/sadf -d -U -- -n DEV sa | awk -F ';' '$4 == "wan0" {printf "%.0f", $8 * $2; exit}')
average=$(LC_ALL=C root/usr/bin/sar.sysstat -n DEV -f sa | awk '$1 == "Average:" && $2 == "wan0" {printf "%.0f", $4}')
echo "eth0 sends 10,000 packets before the first sample; it is renamed; wan0 sends 10"
echo "sent in each interval, by sar: $(xargs < intervals); kB in that of the new name: $kilobytes; average of wan0: $average packets/s"
is "$(sed -n 1p intervals)" = "eth0 0"
is "$average" -ge 500
read -r name packets <<< "$(sed -n 2p intervals)"
is "$name" = wan0
is "$packets" -ge 7000
is "$packets" -le 13000
is "$kilobytes" -gt 6800
read -r name packets <<< "$(sed -n 3p intervals)"
is "$name" = wan0
is "$packets" -le 20
echo "as described: a rename becomes a rate"
