#!/usr/bin/env bash
# With dateext, logrotate's maxsize rotates once a day; from then on the log grows as if there were no limit.
#
# One would guess: "maxsize 100M", with logrotate run each hour, keeps a log that is flooded near 100 MB for each file. "daily"
# says when to rotate at the latest, "rotate 5" how many files are kept.
#
# True: dateext, which Red Hat's and SUSE's logrotate.conf have, names the old file by the day. The second rotation of the day
# finds that name taken: "destination ... already exists, skipping rotation", status 1, and the log is left as it is until
# tomorrow, at each further run. So in a flood of logs, when the limit is for once needed, the first 100 MB are put aside and
# the rest fills the disk. The manual tells neither at maxsize nor at size nor at dateext. Only "hourly" changes the default
# name to one with the hour; with daily and maxsize it takes "dateformat -%Y%m%d-%s".
#
# Seen with: logrotate 3.21.0-1 (bookworm), Python 3.11. prerotateSingleLog() in logrotate.c.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq logrotate=3.21.0-1 libpopt0=1.19+dfsg-1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/lib/x86_64-linux-gnu:$work/root/usr/lib/x86_64-linux-gnu"
# So that the day does not change in between.
while [ "$(date +%H%M)" -ge 2358 ]; do sleep 10; done
run() {
    mkdir -p "$1"; chmod 755 "$1"
    printf '%s/app.log {\n  daily\n  maxsize 1k\n  rotate 5\n  dateext\n%s}\n' "$work/$1" "${2:-}" > "$1.conf"
    chmod 644 "$1.conf"
    statuses=""
    for size in 5000 50000; do
        head -c "$size" /dev/zero | tr '\0' x >> "$1/app.log"
        status=0; root/usr/sbin/logrotate -s "$work/$1.state" "$1.conf" 2> "$1.said" || status=$?
        statuses+="$status "
        sleep 1.1
    done
    # The log is gone when it was rotated: nobody makes it anew here.
    left=$(stat -c %s "$1/app.log" 2>/dev/null || echo 0)
    old=$(find "$1" -name 'app.log-*' | wc -l)
    echo "$1: statuses $statuses; old files: $old; bytes left in the log: $left"
}
run plain; [ "$statuses $old $left" = "0 1  1 50000" ]; grep -q 'already exists, skipping rotation' plain.said
run seconds '  dateformat -%Y%m%d-%s
'; [ "$statuses $old $left" = "0 0  2 0" ]
echo "as described: maxsize works once a day"
