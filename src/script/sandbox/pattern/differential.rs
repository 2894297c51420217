//! The port against Lua's own library: the same answers, the same errors.

use std::sync::Arc;

use mlua::{Function, Lua, LuaOptions, StdLib, Table};
use proptest::prelude::*;

use crate::sys::lua_hook::Signal;

/// Compares what each function gives in both libraries, errors without their places.
const COMPARE: &str = r#"
local own, theirs = ...
local function told(...)
  local values = table.pack(...)
  for i = 1, values.n do values[i] = tostring(values[i]) end
  return table.concat(values, "|", 1, values.n)
end
local function outcome(f, ...)
  local values = table.pack(pcall(f, ...))
  if values[1] then return told(table.unpack(values, 1, values.n)) end
  local message = tostring(values[2]):gsub("\nstack traceback:.*", ""):gsub("^runtime error: ", "")
  return "error " .. message:gsub("^[^ ]*:%d+: ", "")
end
local function all(gmatch, ...)
  local found = {}
  for a, b, c in gmatch(...) do
    found[#found + 1] = told(a, b, c)
    if #found > 100 then break end
  end
  return table.concat(found, ";")
end
local function swap(a, b) return b or a and a .. "!" end
return function(text, pattern, replacement, start, most)
  for _, call in ipairs({
    { "find", text, pattern, start }, { "find", text, pattern, start, true }, { "match", text, pattern, start },
    { "gsub", text, pattern, replacement }, { "gsub", text, pattern, replacement, most }, { "gsub", text, pattern, swap },
    { "gsub", text, pattern, { a = "b", ab = false, [""] = "-" } },
  }) do
    local name = call[1]
    local a, b = outcome(own[name], table.unpack(call, 2, 5)), outcome(theirs[name], table.unpack(call, 2, 5))
    if a ~= b then return name .. ": " .. a .. " instead of " .. b end
  end
  local a, b = outcome(all, own.gmatch, text, pattern, start), outcome(all, theirs.gmatch, text, pattern, start)
  if a ~= b then return "gmatch: " .. a .. " instead of " .. b end
  return ""
end
"#;

fn comparison() -> (Lua, Function) {
    let lua = Lua::new_with(StdLib::STRING | StdLib::TABLE, LuaOptions::default()).unwrap();
    let theirs: Table = lua.globals().get("string").unwrap();
    let own = lua.create_table().unwrap();
    super::install(&lua, &own, usize::MAX, &Arc::new(Signal::default())).unwrap();
    let compare = lua.load(COMPARE).call((own, theirs)).unwrap();
    (lua, compare)
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"aab(c)x1 .%\0\xff-]".to_vec()), 0..12)
}

fn pattern() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "a", "b", "c", ".", "%a", "%d", "%S", "%w", "%%", "%.", "[ab]", "[^a]", "[a-c]", "[%a-]", "[]", "[^]", "(",
        ")", "()", "*", "+", "-", "?", "^", "$", "%1", "%2", "%0", "%b()", "%bxa", "%f[%w]", "%f[%W]", "%f", "%b", "%",
        "[", "]", "[a", "[%", "\0", "%z", "%g", "%X", "x",
    ]);
    prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat().into_bytes())
}

fn replacement() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec!["x", "%0", "%1", "%2", "%%", "%", "%z", "-", "%9"]);
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_port_answers_as_the_library_does(
        cases in prop::collection::vec((text(), pattern(), replacement(), -5i64..14, 0i64..4), 100)
    ) {
        let (lua, compare) = comparison();
        for (text, pattern, replacement, start, most) in cases {
            let shown = format!("{:?} {:?} {:?} {start} {most}", lossy(&text), lossy(&pattern), lossy(&replacement));
            let bytes = |bytes: Vec<u8>| lua.create_string(bytes).unwrap();
            let difference: String = compare.call((bytes(text), bytes(pattern), bytes(replacement), start, most)).unwrap_or_else(|e| e.to_string());
            prop_assert!(difference.is_empty(), "{shown}: {difference}");
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
