#!/usr/bin/env bash
# The sysinfo crate shows the interfaces and counters of the namespace in which /sys was mounted, not of the process's own.
#
# One would guess: in a network namespace (nsenter -n into a container, unshare -n) sysinfo::Networks lists what `ip link` lists
# there, as the procfs crate does. Its counters are those of /proc/net/dev.
#
# True: it takes names and counters from /sys/class/net, and that goes by the mount: sysfs shows the network namespace of who
# mounted it, whoever reads. So after `nsenter -n` (without the container's mounts) it gives the host's eth0 with the host's
# bytes, and none of the container's interfaces; the addresses come by another way (getifaddrs) and are of the container, so
# they are missing. The procfs crate, in the same process, gives the container's. `ip netns exec` mounts /sys anew, and there
# both agree: a test by it hides the difference. The same is true of whatever reads speed, carrier or statistics in
# /sys/class/net.
#
# Seen with: sysinfo 0.37.2, procfs 0.18.0, iproute2 6.1.0-3 (bookworm), Linux 6.18.44, Rust 1.95. src/unix/linux/network.rs.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it makes network namespaces" >&2; exit 2; }
work=$(mktemp -d)
outer="outer-$$" inner="inner-$$"
trap 'ip netns del "$outer" 2>/dev/null || true; ip netns del "$inner" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
mkdir -p program/src
cat > program/Cargo.toml <<'TOML'
[package]
name = "interfaces"
version = "0.0.0"
edition = "2021"
[dependencies]
sysinfo = { version = "=0.37.2", default-features = false, features = ["network"] }
procfs = { version = "=0.18.0", default-features = false }
[workspace]
TOML
cat > program/src/main.rs <<'RS'
fn main() {
    let networks = sysinfo::Networks::new_with_refreshed_list();
    let mut one: Vec<_> = networks.keys().cloned().collect();
    let mut other: Vec<_> = procfs::net::dev_status().unwrap().into_keys().collect();
    one.sort();
    other.sort();
    println!("sysinfo: {}; procfs: {}", one.join(" "), other.join(" "));
}
RS
(cd program && nice cargo build -q --release -j1)
program="$work/program/target/release/interfaces"
apt-get download -qq iproute2=6.1.0-3 libmnl0=1.0.4-3 libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" PATH="$work/root/bin:$PATH"
ip netns add "$outer"; ip netns add "$inner"
ip -n "$outer" link add host0 type veth peer name host1
ip -n "$inner" link add pod0 type veth peer name pod1
# The outer one stands for the host: /sys is mounted there. Then the program goes into the inner one, by two ways.
entered=$(ip netns exec "$outer" nsenter --net="/run/netns/$inner" "$program")
mounted=$(ip netns exec "$inner" "$program")
echo "nsenter -n: $entered"
echo "ip netns exec: $mounted"
[ "$entered" = "sysinfo: host0 host1 lo; procfs: lo pod0 pod1" ]
[ "$mounted" = "sysinfo: lo pod0 pod1; procfs: lo pod0 pod1" ]
echo "as described: sysinfo shows the namespace of sysfs"
