#!/usr/bin/env bash
# `rg error DIR` finds nothing, and says nothing, in a log that logrotate's copytruncate has cut.
#
# One would guess: rg searches each text file below the folder, and a log is text. If it leaves one out as binary it says so, as
# grep does ("binary file matches"); status 1 and no output mean that no line fits.
#
# True: copytruncate sets the length to 0 under a program that goes on writing where it was (a file opened without O_APPEND, as
# by a shell's "> log"). So the new log begins with a hole as long as the old one, which reads as zero bytes. For rg a zero byte
# means a binary file, and one that it found by itself, in a folder, it leaves at once: no output, status 1, nothing on stderr.
# The same file, when it is named, "matches", without its lines. grep -r says at least that. rg -a shows the lines. So after the
# first rotation the freshest log is the one that is not searched.
#
# Seen with: ripgrep 13.0.0-4+b2, logrotate 3.21.0-1 (bookworm). BinaryDetection::quit in grep-searcher.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq ripgrep=13.0.0-4+b2 logrotate=3.21.0-1 libpopt0=1.19+dfsg-1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/lib/x86_64-linux-gnu:$work/root/usr/lib/x86_64-linux-gnu"
mkdir logs; chmod 755 logs
printf '%s/logs/app.log {\n  rotate 3\n  copytruncate\n}\n' "$work" > rotate.conf; chmod 644 rotate.conf
# The program's output stays open all the while.
{
    for number in $(seq 3000); do echo "line $number: all is well"; done
    root/usr/sbin/logrotate -f -s "$work/state" rotate.conf >&2
    echo "error: the disk is full"; echo "error: still full"
} > logs/app.log
size=$(stat -c %s logs/app.log) text=$(tr -d '\0' < logs/app.log | wc -c)
status=0; folder=$(root/usr/bin/rg error logs 2>&1) || status=$?
named=$(root/usr/bin/rg error logs/app.log 2>&1)
grepped=$(grep -r error logs 2>&1)
forced=$(root/usr/bin/rg -a --no-filename --count error logs)
echo "the log after copytruncate: $size bytes, $text of them text"
echo "rg error logs: '$folder', status $status; rg error logs/app.log: '$named'"
echo "grep -r error logs: '$grepped'; rg -a: $forced lines"
[ "$text" -lt 100 ] && [ "$size" -gt 50000 ] || { echo "no longer as described" >&2; exit 1; }
[ -z "$folder" ] && [ "$status" = 1 ] && [ "$forced" = 2 ] || { echo "no longer as described" >&2; exit 1; }
case "$named" in *"binary file matches"*) ;; *) exit 1 ;; esac
case "$grepped" in *"binary file matches"*) ;; *) exit 1 ;; esac
echo "as described: rg is silent about it"
