#!/usr/bin/env bash
# Debian 12's awk prints no number above 2,147,483,647: "%d" stops there, and a sum has six digits. busybox's %d is negative.
#
# One would guess: awk counts in doubles, so the bytes of /proc/net/dev, up to 9e15, are added and printed exactly, as gawk
# does; `printf "%d"` is how to print them.
#
# True: "awk" of Debian 12 is a mawk that prints by the int of C. `printf "%d"` of anything above 2^31 is 2147483647, and print
# of a sum or product is by "%.6g": 2.22222e+11. A counter that is only passed through ($2) stays as it was, so a test with one
# interface looks right; the sum of two is wrong, on every host that has moved 2 GB. Two samples with 0.2 MB between them print
# as the same text, and a rate made of them is 0. The awk of busybox (Alpine's, so that of most containers) prints sums well,
# and for "%d" -2147483648. `printf "%.0f"` is right in all three. The mawk of trixie is mended; busybox 1.37 is not.
#
# Seen with: mawk 1.3.4.20200120-3.1, gawk 1:5.2.1-2, busybox 1:1.35.0-4+deb12u1 (bookworm), as run here; mawk 1.3.4.20250131-1
# and busybox 1:1.37.0-6 (trixie). print_cell() and do_printf() in mawk's print.c, by d_to_I(); awk_printf() in busybox's awk.c.
set -euo pipefail
# Says what is otherwise now, and ends.
is() { [ "$@" ] || { echo "no longer as described: $*" >&2; exit 1; }; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
apt-get download -qq mawk=1.3.4.20200120-3.1 gawk=1:5.2.1-2 libsigsegv2=2.14-1 libreadline8=8.2-1.3 libmpfr6=4.2.0-1 \
    libgmp10=2:6.2.1+dfsg1-1.1 busybox=1:1.35.0-4+deb12u1+b1 2>/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu"
# Bytes of two interfaces, as in /proc/net/dev; then the same some seconds and 200,000 bytes later.
printf 'eth0 123456789012\neth1 98765432101\n' > before
printf 'eth0 123456889012\neth1 98765532101\n' > after
mawk=root/usr/bin/mawk gawk=root/usr/bin/gawk busybox=root/bin/busybox
words='NR == 1 {printf "%s %d", $2, $2} {sum += $2} END {printf " "; print sum}'
precise='{sum += $2} END {printf "%.0f\n", sum}'
by_mawk=$($mawk "$words" before) by_gawk=$($gawk "$words" before) by_busybox=$($busybox awk "$words" before)
first=$($mawk '{sum += $2} END {print sum}' before) second=$($mawk '{sum += $2} END {print sum}' after)
echo "eth0's counter as it is, by %d, and the sum of both: gawk $by_gawk; mawk $by_mawk; busybox $by_busybox"
echo "mawk's sum before and after 200,000 bytes more: $first, $second"
is "$by_gawk" = "123456789012 123456789012 222222221113"
is "$by_mawk" = "123456789012 2147483647 2.22222e+11"
is "$first" = "$second"
is "$by_busybox" = "123456789012 -2147483648 222222221113"
for awk in "$mawk" "$gawk" "$busybox awk"; do is "$($awk "$precise" before)" = 222222221113; done
echo "as described: awk stops at two billion"
