#!/usr/bin/env bash
# Where the clock was set back, a time window of journalctl has what came before the step, and with -r what came after it.
#
# One would guess: --since A --until B shows each entry whose time lies between, as a search by time does. Where the clock was
# set back by an hour (the first NTP answer after a boot, a VM that was resumed), that hour is there twice, and so is what was
# logged in it. -r shows the same, the newest first.
#
# True: entries of one boot are sorted by the monotonic clock, --since is where to begin, and --until where to stop: the first
# entry past it ends the output. So all after the step is missing, though it lies in the window. With -r the search begins at
# the other end, and it is the entries before the step that are missing. Forward 11 entries, backward 10, none of them the same;
# 21 lie in the window. And `-n 5 --until B` shows nothing at all (257 of trixie shows five entries; all else is the same
# there). What was logged in the window after the clock was mended is not shown, without a word. `journalctl -b -o
# short-monotonic`, without a window, is safe.
#
# Seen with: systemd 252.39-1~deb12u2 (bookworm), Python 3.11. The two files are as journald makes them: it begins a new one
# where its clock went back. show() in journalctl.c, compare_locations() in sd-journal.c.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq systemd=252.39-1~deb12u2 systemd-journal-remote=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2 \
    libmicrohttpd12=0.9.75-6 libip4tc2=1.8.9-2 libkmod2=30+20221128-1 libseccomp2=2.5.4-1+deb12u1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu/systemd:$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu"
mkdir journal
# An entry a minute from 09:00 on; at 10:00 the clock is set to 09:00:30, and an hour more is logged.
python3 -c '
start, boot = 1767258000, "0123456789abcdef0123456789abcdef"  # 2026-01-01 09:00 UTC
for name, first, offset in (("before", 0, 0), ("after", 60, 30)):
    with open(name, "w") as out:
        for minute in range(60):
            out.write(f"__REALTIME_TIMESTAMP={(start + minute * 60 + offset) * 1000000}\n"
                      f"__MONOTONIC_TIMESTAMP={(100 + (first + minute) * 60) * 1000000}\n_BOOT_ID={boot}\n"
                      f"SYSLOG_IDENTIFIER=app\nPRIORITY=6\nMESSAGE={name} the step\n\n")'
for name in before after; do root/lib/systemd/systemd-journal-remote -o "journal/$name.journal" - < "$name" 2>/dev/null; done
export TZ=UTC
ask() { root/bin/journalctl -q -D journal -o cat "$@" | sort | uniq -c | awk '{printf "%s%s %s", sep, $1, $2; sep = ", "} END {print sep ? "" : "nothing"}'; }
all=$(ask)
forward=$(ask --since '2026-01-01 09:30' --until '2026-01-01 09:40')
backward=$(ask --since '2026-01-01 09:30' --until '2026-01-01 09:40' -r)
last=$(ask --until '2026-01-01 09:40' -n 5)
lie=$(root/bin/journalctl -q -D journal -o short-unix | awk '$1 >= 1767259800 && $1 <= 1767260400' | wc -l)
echo "in the journal: $all; of 09:30 to 09:40: $lie"
echo "--since 09:30 --until 09:40: $forward; the same with -r: $backward; --until 09:40 -n 5: $last"
[ "$all" = "60 after, 60 before" ] && [ "$lie" = 21 ] || { echo "no longer as described" >&2; exit 1; }
[ "$forward" = "11 before" ] && [ "$backward" = "10 after" ] && [ "$last" = nothing ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: the window ends at the step"
