#!/usr/bin/env bash
# journalctl --utc shows times in UTC, and still takes --since and --until as local ones.
#
# One would guess: --utc, "express time in UTC", holds for both. So one takes the time of a line that `journalctl --utc` showed,
# or of an incident that is told in UTC, and asks by `journalctl --utc --since`.
#
# True: it changes the output alone. What is asked for is local time. In Tokyo `--utc --since 12:00` begins with a line that
# shows 03:00; asked for by the time that it shows, a line is not among the answers, or hours of others are. West of Greenwich
# the answer begins hours too late, and a recent window is empty. Only "UTC" behind the time itself helps: --since '2026-01-01
# 12:00 UTC'. The form of -o short-iso, with an offset, is refused by this version.
#
# Seen with: systemd 252.39-1~deb12u2 (bookworm), as run here, and 257.13-1~deb13u1 (trixie); Python 3.11. parse_timestamp() in
# time-util.c; arg_utc in journalctl.c.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq systemd=252.39-1~deb12u2 systemd-journal-remote=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2 \
    libmicrohttpd12=0.9.75-6 libip4tc2=1.8.9-2 libkmod2=30+20221128-1 libseccomp2=2.5.4-1+deb12u1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu/systemd:$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu"
# An entry an hour, of one day of UTC.
python3 -c '
for hour in range(24):
    print(f"__REALTIME_TIMESTAMP={(1767225600 + hour * 3600) * 1000000}\n__MONOTONIC_TIMESTAMP={(100 + hour * 3600) * 1000000}\n"
          f"_BOOT_ID=0123456789abcdef0123456789abcdef\nSYSLOG_IDENTIFIER=app\nMESSAGE=hour {hour}\n")' > entries
root/lib/systemd/systemd-journal-remote -o day.journal - < entries 2>/dev/null
ask() { TZ=$1 root/bin/journalctl -q --file day.journal --utc --since "$2" -n 100 | awk 'NR == 1 {first = $3} END {print NR " lines, the first " first}'; }
tokyo=$(ask JST-9 '2026-01-01 12:00')
york=$(ask EST5 '2026-01-01 12:00')
named=$(ask JST-9 '2026-01-01 12:00 UTC')
echo "--utc --since '2026-01-01 12:00' in Tokyo: $tokyo; in New York: $york"
echo "--utc --since '2026-01-01 12:00 UTC' in Tokyo: $named"
[ "$tokyo" = "21 lines, the first 03:00:00" ] && [ "$york" = "7 lines, the first 17:00:00" ] && [ "$named" = "12 lines, the first 12:00:00" ] || { echo "no longer as described" >&2; exit 1; }
echo "as described: --utc is for what is shown, not for what is asked"
