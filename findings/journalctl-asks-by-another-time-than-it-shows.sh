#!/usr/bin/env bash
# The time that journalctl shows is not the time by which --since and --until choose: they take when journald got to the line.
#
# One would guess: an entry that is shown with 09:00:00 is in --until 09:00:02, and is not in --since 09:00:02.
#
# True: what is shown is _SOURCE_REALTIME_TIMESTAMP, when the line was sent. The window is one of __REALTIME_TIMESTAMP, when
# journald read it, and the two differ by as long as the line waited. That is nothing on a quiet host. In a flood of logs, with
# a slow disk or too little CPU journald lags by seconds or minutes, and then a window that ends with the incident has not the
# lines of its last part, while one that begins after it shows lines from before its beginning. -o json has both times. Lines
# that come through stdout have no time of sending, so beside them the times that are shown go back and forth.
#
# Seen with: systemd 252.39-1~deb12u2 (bookworm), Linux 6.18.44, Python 3.11. journald is only halted for some seconds here.
# get_display_realtime() in logs-show.c; sd_journal_get_realtime_usec() in journalctl.c.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: it runs a journald of its own, in namespaces" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq systemd=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2 \
    libip4tc2=1.8.9-2 libkmod2=30+20221128-1 libseccomp2=2.5.4-1+deb12u1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu/systemd:$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu"
cat > inside.sh <<'SH'
set -euo pipefail
mount --make-rprivate /
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/log
mkdir -p /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=\nForwardToSyslog=no\nForwardToWall=no\n' > /run/systemd/journald.conf.d/finding.conf
root/lib/systemd/systemd-journald & journald=$!
for _ in $(seq 50); do [ -S /run/systemd/journal/dev-log ] && break; sleep 0.1; done
send() { python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect("/run/systemd/journal/dev-log")
s.send(b"<14>app: " + sys.argv[1].encode())' "$1"; }
send warm-up; sleep 1
kill -STOP "$journald"
send halted
sleep 2; border=$(date +%s); sleep 2
kill -CONT "$journald"
sleep 1
show() { root/bin/journalctl -q -t app -o short-unix "$@" | awk -v border="$border" '/halted/ {print ($1 < border ? "earlier" : "later")}'; }
shown=$(show) until=$(show --until "@$border") since=$(show --since "@$border")
kill "$journald"
echo "a line that journalctl shows with a time $shown than T: in --until T ${until:-no}, in --since T ${since:+yes}"
[ "$shown" = earlier ] && [ -z "$until" ] && [ "$since" = earlier ]
SH
unshare -n -m -p -f --mount-proc bash inside.sh
echo "as described: the window is one of another time"
