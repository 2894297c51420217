#!/usr/bin/env bash
# The shell of Debian's static busybox runs its own applets before anything on PATH. That of the other package, of the same version, does not.
#
# One would guess: a shell looks a command up on PATH, whatever it is built into. So a root with busybox for a shell and procps beside it has
# the ps of procps, a wrapper in a folder at the front of PATH is used, and both packages of one version do the same.
#
# True: busybox-static is built to be a shell without any file around it. A name of an applet is that applet, also behind `exec`, also with an
# empty PATH, and `command -v` prints the bare name in place of a path. busybox, linked dynamically, looks on PATH as any shell. So a
# collection script that runs well in a container with one fails in a rescue system or an initramfs with the other (`ps: invalid option -- 'p'`),
# with the right tool installed, and a wrapper that is meant to shield a script from a command is passed by. A path with a slash is what it says.
#
# Seen with: busybox and busybox-static 1:1.35.0-4+deb12u1+b1 (bookworm).
set -euo pipefail
version=1:1.35.0-4+deb12u1+b1
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
for package in busybox busybox-static; do
    apt-get download -qq "$package=$version" 2>/dev/null
    dpkg-deb -x "$package"_*.deb "$package"
done
mkdir front
printf '#!/bin/bash\necho "the one on PATH, asked for $*"\n' > front/ps
chmod 755 front/ps
cat > script <<'SH'
ps -p 1
command -v ps
(exec ps -p 1)
SH

# says PACKAGE: what a script hears of its commands.
says() { PATH="$work/front" "$(find "$work/$1" -path '*/bin/busybox' -type f | head -1)" sh script 2>&1 | grep -v '^$' || true; }

for package in busybox busybox-static; do echo "$package:"; says "$package" | sed 's/^/    /'; done
expected=$(printf 'the one on PATH, asked for -p 1\n%s/front/ps\nthe one on PATH, asked for -p 1' "$work")
[ "$(says busybox)" = "$expected" ] || { echo "changed: busybox does not look on PATH" >&2; exit 1; }
static=$(says busybox-static)
[ "$(grep -c "^ps: invalid option -- 'p'" <<<"$static")" = 2 ] && grep -qx ps <<<"$static" && ! grep -q 'on PATH' <<<"$static" ||
    { echo "changed: the shell of busybox-static looks on PATH" >&2; exit 1; }
echo "as stated"
