#!/usr/bin/env bash
# One dependency that wants arbitrary_precision turns serde_json's numbers into maps, for other formats, in a whole program.
#
# One would guess: the feature arbitrary_precision of serde_json keeps numbers exact where someone asked for it. A value of JSON
# that is written as YAML (TOML, MessagePack, ...) stays what it was, and reading a struct does not depend on it.
#
# True: features of a crate are those that anybody in the tree asks for. With this one a number is a struct with one field that
# only serde_json itself knows, so each other format writes that: `rx: 1` becomes a map with the key
# "$serde_json::private::Number" and the text "1". And a struct with a flattened map of f64, which was read well, is refused as
# soon as a number has a fraction: "invalid type: map, expected f64". So a tool's reports change, or its reading of `sadf -j`
# fails, when a dependency of a dependency is updated. The compiler says nothing.
#
# Seen with: serde_json 1.0.140, serde 1.0.219, serde_yaml 0.9.34, Rust 1.95. Serialize for Number, and any_number.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
mkdir -p src
cat > Cargo.toml <<'TOML'
[package]
name = "numbers"
version = "0.0.0"
edition = "2021"
[features]
# Stands for a dependency that asks for it.
elsewhere = ["serde_json/arbitrary_precision"]
[dependencies]
serde = { version = "=1.0.219", features = ["derive"] }
serde_json = "=1.0.140"
serde_yaml = "=0.9.34"
[workspace]
TOML
cat > src/main.rs <<'RS'
use std::collections::BTreeMap;
#[derive(serde::Deserialize)]
struct Counters {
    #[serde(flatten)]
    by_name: BTreeMap<String, f64>,
}
fn main() {
    let text = r#"{"rx": 1, "tx": 1.5}"#;
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let read = match serde_json::from_str::<Counters>(text) {
        Ok(counters) => format!("{:?}", counters.by_name),
        Err(error) => error.to_string(),
    };
    let yaml = serde_yaml::to_string(&value).unwrap();
    println!("as YAML: {}; read: {read}", yaml.split_whitespace().collect::<Vec<_>>().join(" "));
}
RS
nice cargo build -q --release -j1
without=$(target/release/numbers)
nice cargo build -q --release -j1 --features elsewhere
with=$(target/release/numbers)
echo "without: $without"
echo "with:    $with"
[ "$without" = 'as YAML: rx: 1 tx: 1.5; read: {"rx": 1.0, "tx": 1.5}' ]
case "$with" in
    "as YAML: rx: \$serde_json::private::Number: '1' tx: \$serde_json::private::Number: '1.5'; read: invalid type: map, expected f64"*) ;;
    *) exit 1 ;;
esac
echo "as described: numbers become maps"
