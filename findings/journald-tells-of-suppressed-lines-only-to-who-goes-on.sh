#!/usr/bin/env bash
# What journald's rate limit drops is told only if the same unit logs again, and not even then if another unit was first.
#
# One would guess: RateLimitBurst is for each service, and where lines are dropped "a message about the number of dropped
# messages is generated", when the interval is over. So no "Suppressed N messages from UNIT" means that nothing was dropped, and
# the sum of them is what was.
#
# True: there is no timer. The message is written when the next line of the same unit AND of the same priority comes after the
# interval. A service that floods the log and dies, or goes on at another priority, leaves nothing: thousands of its last lines
# are gone without a trace. And the count is thrown away with the unit's record as soon as any new unit logs first. Besides, the
# burst is for each of eight priorities by itself: a service that logs at two has twice the burst.
#
# Seen with: systemd 252.39-1~deb12u2 (bookworm), Linux 6.18.44, Python 3.11. journal_ratelimit_test() and
# journal_ratelimit_vacuum() in journald-rate-limit.c. The burst is multiplied by the free space, as the manual says.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it runs a journald of its own, in namespaces, and makes control groups" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq systemd=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2 \
    libip4tc2=1.8.9-2 libkmod2=30+20221128-1 libseccomp2=2.5.4-1+deb12u1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu/systemd:$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu"
# A service's name is that of its control group.
cat > log.py <<'PY'
import os, socket, sys, time
group = f"/sys/fs/cgroup/{sys.argv[1]}.service"
os.makedirs(group, exist_ok=True)
with open(group + "/cgroup.procs", "w") as procs:
    procs.write(str(os.getpid()))
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/run/systemd/journal/dev-log")
for priority in sys.argv[3:]:
    for number in range(int(sys.argv[2])):
        s.send(b"<%s>app: line %d" % (priority.encode(), number))
time.sleep(0.5)
PY
cat > inside.sh <<'SH'
set -euo pipefail
mount --make-rprivate /
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/log
mount -t cgroup2 cgroup2 /sys/fs/cgroup
trap 'rmdir /sys/fs/cgroup/finding-'"$1"'-*.service 2>/dev/null || true' EXIT
mkdir -p /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=\nForwardToSyslog=no\nForwardToWall=no\nRateLimitIntervalSec=3s\nRateLimitBurst=20\n' \
    > /run/systemd/journald.conf.d/finding.conf
root/lib/systemd/systemd-journald & journald=$!
for _ in $(seq 50); do [ -S /run/systemd/journal/dev-log ] && break; sleep 0.1; done
one="finding-$1-one" two="finding-$1-two" new="finding-$1-new"
kept() { root/bin/journalctl -q -o cat -t app "_SYSTEMD_UNIT=$1.service" | wc -l; }
told() { root/bin/journalctl -q -o cat -t systemd-journald | sed -n "s/^Suppressed \([0-9]*\) messages from $1.service$/\1/p" | xargs; }
python3 log.py "$one" 3000 14
sleep 5
kept=$(kept "$one") told=$(told "$one")
python3 log.py "$one" 1 15; other=$(told "$one")
python3 log.py "$one" 1 14; again=$(told "$one")
echo "3,000 lines of a service: $kept are kept, and five seconds later journald has told: ${told:-nothing}"
echo "one more line of it, at another priority: ${other:-nothing}; one at the same: $again"
python3 log.py "$two" 3000 14 11
both=$(kept "$two")
sleep 5
python3 log.py "$new" 1 14
python3 log.py "$two" 1 14 11
lost=$(told "$two")
echo "3,000 lines each at two priorities: $both are kept; then a new service logs, then this one again: ${lost:-nothing}"
kill "$journald"; sleep 0.5
[ "$kept" -gt 0 ] && [ "$kept" -lt 1000 ] && [ -z "$told" ] && [ -z "$other" ] && [ "$again" = $((3000 - kept)) ] || { echo "no longer as described" >&2; exit 1; }
[ "$both" = $((2 * kept)) ] && [ -z "$lost" ]
SH
unshare -n -m -p -f --mount-proc bash inside.sh $$
echo "as described: who does not go on is not told of"
