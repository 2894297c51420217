#!/usr/bin/env bash
# What serde_yaml writes as a string PyYAML may read as a number, and the other way round: a VM's MAC address, a commit's id.
#
# One would guess: a string that one library writes without quotes is a string for the other. Each puts quotes where they are
# needed, and both keep to YAML.
#
# True: each knows only its own kinds of number. For PyYAML (YAML 1.1) numbers with colons are to the base of 60, so
# 52:54:00:12:34:56 is 41135085296; and 52:54:00 is how the MAC addresses of QEMU and KVM begin: of random ones each 78th has no
# letter, and no pair above 59. serde_yaml (1.2) writes it bare, likewise 22:22, 1_000, 2026-01-01, yes and on. Backwards,
# PyYAML writes 471234e8 bare, as a short commit id may be, and serde_yaml reads 47123400000000.0. So a runbook, a report or an
# inventory that goes from one to the other changes for a few hosts alone, and no one sees an error.
#
# Seen with: serde_yaml 0.9.34, Rust 1.95, PyYAML 6.0.2, Python 3.11. resolver.py of PyYAML; de.rs and ser.rs of serde_yaml.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
mkdir -p program/src
cat > program/Cargo.toml <<'TOML'
[package]
name = "scalars"
version = "0.0.0"
edition = "2021"
[dependencies]
serde_yaml = "=0.9.34"
[workspace]
TOML
cat > program/src/main.rs <<'RS'
use serde_yaml::Value;
// With "write", each line as a string into a list of YAML; otherwise that list is read, and the kind of each item told.
fn main() {
    let input = std::io::read_to_string(std::io::stdin()).unwrap();
    if std::env::args().nth(1).as_deref() == Some("write") {
        print!("{}", serde_yaml::to_string(&input.lines().collect::<Vec<_>>()).unwrap());
        return;
    }
    for item in serde_yaml::from_str::<Vec<Value>>(&input).unwrap() {
        match item {
            Value::String(text) => println!("string {text}"),
            Value::Number(number) => println!("number {number}"),
            other => println!("other {other:?}"),
        }
    }
}
RS
(cd program && nice cargo build -q --release -j1)
scalars="$work/program/target/release/scalars"
python3 -m pip install -q --root-user-action=ignore --disable-pip-version-check --no-deps --target lib PyYAML==6.0.2
export PYTHONPATH="$work/lib"
printf '%s\n' 52:54:00:12:34:56 22:22 1_000 yes 52:54:00:ab:34:56 471234e8 > strings
"$scalars" write < strings > by-rust.yaml
python3 -c 'import yaml; yaml.safe_dump(open("strings").read().split(), open("by-python.yaml", "w"))'
# Each reads its own back as the strings that they were.
"$scalars" < by-rust.yaml | sed -n 's/^string //p' | cmp - strings
python3 -c 'import yaml; assert yaml.safe_load(open("by-python.yaml")) == open("strings").read().split()'
read_by_python=$(python3 -c 'import yaml; print(*(repr(item) for item in yaml.safe_load(open("by-rust.yaml"))))')
read_by_rust=$("$scalars" < by-python.yaml | xargs)
echo "strings: $(xargs < strings)"
echo "written by serde_yaml, read by PyYAML: $read_by_python"
echo "written by PyYAML, read by serde_yaml: $read_by_rust"
[ "$read_by_python" = "41135085296 1342 1000 True '52:54:00:ab:34:56' '471234e8'" ]
[ "$read_by_rust" = "string 52:54:00:12:34:56 string 22:22 string 1_000 string yes string 52:54:00:ab:34:56 number 47123400000000.0" ]
echo "as described: a string of one is a number of the other"
