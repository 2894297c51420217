#!/usr/bin/env bash
# mlua makes a list of each Lua table that has an item 1, and drops all its other keys without an error.
#
# One would guess: a table that a Lua script returns, as JSON, has all that was in the table: what is no list becomes a map. The
# same content gives the same JSON; where it cannot be written, there is an error.
#
# True: from_value() asks for the table's length, and if it is above 0, it writes items 1 to there, and no more. {1, 2, name =
# "eth0"} is [1,2]. A number as a key, as for ports, CPUs or VLANs, is an accident: {[1] = "a", [3] = "c"} is ["a"], while the
# same table built as {"a", nil, "c"} is ["a",null,"c"], since Lua's length of a list with holes depends on how it was built;
# and {[2] = "b"} is refused for its key. An empty list is {}. The option detect_mixed_tables, off by default, counts the items
# instead: it keeps the holes as null, and refuses a table with both kinds of keys.
#
# Seen with: mlua 0.12.2 (Lua 5.4, vendored), serde_json 1.0.140, Rust 1.95. encode_as_array() and Serialize for Table.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"; cd "$work"
mkdir -p src
cat > Cargo.toml <<'TOML'
[package]
name = "tables"
version = "0.0.0"
edition = "2021"
[dependencies]
mlua = { version = "=0.12.2", features = ["lua54", "vendored", "serde"] }
serde_json = "=1.0.140"
[workspace]
TOML
cat > src/main.rs <<'RS'
use mlua::{Lua, LuaSerdeExt, Value};
fn main() {
    let lua = Lua::new();
    for line in std::io::stdin().lines() {
        let table: Value = lua.load(format!("return {}", line.unwrap())).eval().unwrap();
        match lua.from_value::<serde_json::Value>(table) {
            Ok(json) => println!("{json}"),
            Err(_) => println!("error"),
        }
    }
}
RS
nice cargo build -q --release -j1
cat > tables <<'LUA'
{ name = "eth0", rx = 1 }
{ 1, 2, name = "eth0" }
{ [1] = "a", [3] = "c" }
{ "a", nil, "c" }
{ [2] = "b" }
{}
LUA
cat > expected <<'JSON'
{"name":"eth0","rx":1}
[1,2]
["a"]
["a",null,"c"]
error
{}
JSON
target/release/tables < tables > got
paste -d '\t' tables got
cmp expected got
echo "as described: what is not in the list is dropped"
