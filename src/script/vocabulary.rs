//! The functions that conditions, sentences and checks share: figures for people, and questions to lists.

use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, ObjectLike, Table, Value};

use super::evidence::value_or;
use crate::units;

/// A function that expressions can call.
#[derive(Debug, Clone, Copy)]
pub struct Helper {
    /// Its name and parameters.
    pub signature: &'static str,
    /// What it gives.
    pub about: &'static str,
}

impl Helper {
    /// Its name alone.
    pub fn name(&self) -> &'static str {
        self.signature.split('(').next().unwrap_or(self.signature)
    }
}

/// The functions that expressions can call.
pub const HELPERS: &[Helper] = &[
    Helper { signature: "bitrate(bits_per_second)", about: "a bit rate for people: 84.2 Mbit/s" },
    Helper { signature: "bytes(bytes)", about: "a size for people: 56.4 MB" },
    Helper { signature: "percent(share)", about: "a share for people: 99.4 %" },
    Helper { signature: "count(number)", about: "a number for people: 9,957" },
    Helper { signature: "span(seconds)", about: "a span of time for people: 6 h 30 min" },
    Helper { signature: "who(process)", about: "a process for people: sshd (pid 1822, ssh.service)" },
    Helper { signature: "socket(address, port)", about: "address and port: 192.0.2.1:53 or [2001:db8::1]:53" },
    Helper {
        signature: "first(list, pattern)",
        about: "the first item that fits, or nil; a pattern is a table of fields or a function",
    },
    Helper { signature: "where(list, pattern)", about: "the items that fit" },
    Helper { signature: "any(list, pattern)", about: "whether an item fits" },
    Helper { signature: "all(list, pattern)", about: "whether all items fit" },
    Helper { signature: "sum(list, field)", about: "the sum of a field over a list" },
    Helper { signature: "map(list, field)", about: "the list of one field" },
    Helper { signature: "most(list, field)", about: "the item whose field is largest, or nil" },
    Helper { signature: "take(list, count)", about: "the first items" },
    Helper { signature: "join(list, separator, count)", about: "the items in one text, at most count of them" },
    Helper { signature: "contains(whole, part)", about: "whether a list has an item, or a text a part" },
    Helper { signature: "ratio(a, b)", about: "a / b, and 0 when b is 0" },
    Helper { signature: "plural(count, one, many)", about: "1 packet, 2 packets" },
    Helper { signature: "index(list, field)", about: "a map from a field's value to the first item that has it" },
    Helper {
        signature: "value_or(item, field, default)",
        about: "a field, or the default where its absence is an answer; unknown where a gap says that it could not be seen",
    },
    Helper {
        signature: "seen_or(item, field, default)",
        about: "a field, or the default for whatever reason it is not known: for words in sentences, never for a judgement",
    },
    Helper { signature: "known(x)", about: "whether x could be seen; in conditions only, never unknown itself" },
    Helper { signature: "tostring(x)", about: "Lua's own" },
    Helper { signature: "tonumber(x)", about: "Lua's own" },
    Helper { signature: "type(x)", about: "Lua's own" },
    Helper { signature: "ipairs(list)", about: "Lua's own" },
    Helper { signature: "pairs(map)", about: "Lua's own" },
];

/// Puts the functions into a table. They keep Lua's own functions as they are now, whatever becomes of the globals.
pub(super) fn install(lua: &Lua, target: &Table) -> mlua::Result<()> {
    let globals = lua.globals();
    type Format = fn(f64) -> String;
    let formats: [(&str, Format); 5] = [
        ("bitrate", units::bitrate),
        ("bytes", units::bytes),
        ("percent", units::percent),
        ("count", units::count),
        ("span", units::span),
    ];
    for (name, format) in formats {
        target.raw_set(name, lua.create_function(move |_, figure: f64| Ok(format(figure)))?)?;
    }
    target.raw_set("who", lua.create_function(|_, process: Value| who(&process))?)?;
    let socket = |_: &Lua, (address, port): (String, Option<i64>)| {
        let address = if address.contains(':') && port.is_some() { format!("[{address}]") } else { address };
        Ok(port.map_or(address.clone(), |port| format!("{address}:{port}")))
    };
    target.raw_set("socket", lua.create_function(socket)?)?;
    type Choice = (Table, Value, Value);
    let value_or = |_: &Lua, (item, field, default): Choice| value_or(&item, field, default);
    target.raw_set("value_or", lua.create_function(value_or)?)?;
    let seen_or = |_: &Lua, (item, field, default): Choice| match item.raw_get::<Value>(field)? {
        Value::Nil => Ok(default),
        value => Ok(value),
    };
    target.raw_set("seen_or", lua.create_function(seen_or)?)?;

    let own = lua.create_table()?;
    for name in ["ipairs", "pairs", "rawget", "tostring", "type"] {
        own.raw_set(name, globals.raw_get::<Value>(name)?)?;
    }
    for (module, function) in [("math", "min"), ("table", "concat")] {
        let kept = lua.create_table()?;
        kept.raw_set(function, globals.raw_get::<Table>(module)?.raw_get::<Value>(function)?)?;
        own.raw_set(module, kept)?;
    }
    own.raw_set("count", target.raw_get::<Value>("count")?)?;
    let contains = lua.create_function(|_, (whole, part): (String, String)| Ok(whole.contains(&part)))?;
    own.raw_set("text_contains", contains)?;
    let helpers: Table = lua
        .load(include_str!("../../lua/casebook/expressions.lua"))
        .set_mode(ChunkMode::Text)
        .set_name("=lua/casebook/expressions.lua")
        .set_environment(own)
        .eval()?;
    for pair in helpers.pairs::<String, Function>() {
        let (name, helper) = pair?;
        target.raw_set(name, helper)?;
    }
    Ok(())
}

/// A process for people. What could not be seen of it is left out.
fn who(process: &Value) -> mlua::Result<String> {
    let text = |name: &str| match process {
        Value::Table(table) => table.raw_get::<Option<String>>(name).ok().flatten(),
        Value::UserData(row) => row.get::<Option<String>>(name).ok().flatten(),
        _ => None,
    };
    if !matches!(process, Value::Table(_) | Value::UserData(_)) {
        return Err(mlua::Error::runtime(format!("who wants a process, not a {}", process.type_name())));
    }
    let name = text("name").unwrap_or_else(|| "a process".into());
    let pid = text("pid").map(|pid| format!("pid {pid}"));
    let details: Vec<String> = pid.into_iter().chain(text("unit")).collect();
    Ok(if details.is_empty() { name } else { format!("{name} ({})", details.join(", ")) })
}
