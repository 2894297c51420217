//! The functions that conditions, sentences and checks share: figures for people, and questions to lists.

use std::collections::HashMap;
use std::sync::LazyLock;

use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, ObjectLike, Table, Value, Variadic};

use super::evidence::{look, not_known};
use crate::units;

/// A function that expressions and checks can call.
#[derive(Debug, Clone, Copy)]
pub struct Helper {
    /// Its name and parameters.
    pub signature: &'static str,
    /// Its type as LuaLS writes it; empty, where it is Lua's own.
    pub luals: &'static str,
    /// What it works on.
    pub on: On,
    /// What it gives.
    pub about: &'static str,
    /// What to write instead, when it is the old name of another.
    pub instead: Option<&'static str>,
}

/// What a helper works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Values of any kind.
    Values,
    /// A field of an item: `value_or(item, field, …)`.
    Field,
    /// A list: what it takes beside it, and what it gives.
    List(Takes, Gives),
}

/// What a helper on lists takes beside the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A pattern: a table of fields or a function of the item.
    Pattern,
    /// The name of a field or a function of the item.
    Field,
    /// Something that says nothing of the items.
    Value,
}

/// What a helper on lists gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// An item of the list.
    Item,
    /// A list of the same items.
    List,
    /// Something else.
    Value,
}

impl Helper {
    /// Its name alone.
    pub fn name(&self) -> &'static str {
        self.signature.split('(').next().unwrap_or(self.signature)
    }

    /// Whether it is Lua's own.
    pub fn is_lua(&self) -> bool {
        self.luals.is_empty()
    }
}

const fn helper(signature: &'static str, luals: &'static str, on: On, about: &'static str) -> Helper {
    Helper { signature, luals, on, about, instead: None }
}

const fn lua(signature: &'static str) -> Helper {
    helper(signature, "", On::Values, "Lua's own")
}

/// The functions that expressions and checks can call: the one table from which the vocabulary, lint, the types for editors and
/// the tables of the manual are made.
pub const HELPERS: &[Helper] = &[
    helper(
        "bitrate(bits_per_second)",
        "fun(bits_per_second: number): string",
        On::Values,
        "a bit rate for people: 84.2 Mbit/s",
    ),
    helper("bytes(bytes)", "fun(bytes: number): string", On::Values, "a size for people: 56.4 MB"),
    helper("percent(share)", "fun(share: number): string", On::Values, "a share for people: 99.4 %"),
    helper("count(number)", "fun(number: number): string", On::Values, "a number for people: 9,957"),
    helper("span(seconds)", "fun(seconds: number): string", On::Values, "a span of time for people: 6 h 30 min"),
    helper(
        "plural(count, one, many)",
        "fun(count: number, one: string, many?: string): string",
        On::Values,
        "1 packet, 2 packets",
    ),
    helper(
        "who(process)",
        "fun(process: table): string",
        On::Values,
        "a process for people: sshd (pid 1822, ssh.service)",
    ),
    helper(
        "socket(address, port)",
        "fun(address: string, port?: integer): string",
        On::Values,
        "address and port: 192.0.2.1:53 or [2001:db8::1]:53",
    ),
    helper(
        "first(list, pattern)",
        "fun(list: table, pattern?: table|fun(item: any): boolean): any",
        On::List(Takes::Pattern, Gives::Item),
        "the first item that fits, or nil; a pattern is a table of fields or a function",
    ),
    helper(
        "where(list, pattern)",
        "fun(list: table, pattern: table|fun(item: any): boolean): table",
        On::List(Takes::Pattern, Gives::List),
        "the items that fit",
    ),
    helper(
        "any(list, pattern)",
        "fun(list: table, pattern?: table|fun(item: any): boolean): boolean",
        On::List(Takes::Pattern, Gives::Value),
        "whether an item fits",
    ),
    helper(
        "all(list, pattern)",
        "fun(list: table, pattern: table|fun(item: any): boolean): boolean",
        On::List(Takes::Pattern, Gives::Value),
        "whether all items fit",
    ),
    helper(
        "most(list, field)",
        "fun(list: table, field: string|fun(item: any): number): any",
        On::List(Takes::Field, Gives::Item),
        "the item whose field is largest, or nil",
    ),
    helper(
        "sum(list, field)",
        "fun(list: table, field?: string|fun(item: any): number): number",
        On::List(Takes::Field, Gives::Value),
        "the sum of a field over a list",
    ),
    helper(
        "map(list, field)",
        "fun(list: table, field: string|fun(item: any): any): table",
        On::List(Takes::Field, Gives::Value),
        "the list of one field",
    ),
    helper(
        "index(list, field)",
        "fun(list: table, field: string|fun(item: any): any): table",
        On::List(Takes::Field, Gives::Value),
        "a map from a field's value to the first item that has it",
    ),
    helper(
        "take(list, count)",
        "fun(list: table, count: integer): table",
        On::List(Takes::Value, Gives::List),
        "the first items",
    ),
    helper(
        "join(list, separator, count)",
        "fun(list: table, separator?: string, count?: integer): string",
        On::Values,
        "the items in one text, at most count of them",
    ),
    helper(
        "contains(whole, part)",
        "fun(whole: table|string, part: any): boolean",
        On::Values,
        "whether a list has an item, or a text a part",
    ),
    helper("ratio(a, b)", "fun(a: number, b: number): number", On::Values, "a / b, and 0 when b is 0"),
    helper(
        "value_or(item, field, absent, unseen)",
        "fun(item: table?, field: string|integer, absent: any, unseen?: any): any",
        On::Field,
        "a field, or `absent` where the host says that there is none. Where a gap says that it could not be seen the whole is \
         unknown; with a fourth argument it is `unseen` then: for words in sentences, never for a judgement",
    ),
    helper(
        "known(x)",
        "fun(item: any, field: string|integer): boolean",
        On::Values,
        "in conditions: whether x could be seen, never unknown itself; in checks `known(item, field)`",
    ),
    lua("tostring(x)"),
    lua("tonumber(x)"),
    lua("type(x)"),
    lua("ipairs(list)"),
    lua("pairs(map)"),
    Helper {
        signature: "seen_or(item, field, default)",
        luals: "fun(item: table?, field: string|integer, default: any): any",
        on: On::Field,
        about: "the old name of `value_or(item, field, default, default)`",
        instead: Some(
            "write `value_or(item, field, default, default)`, or leave the last argument out where the value is judged",
        ),
    },
];

/// The helper of that name.
pub fn find(name: &str) -> Option<&'static Helper> {
    static BY_NAME: LazyLock<HashMap<&str, &Helper>> =
        LazyLock::new(|| HELPERS.iter().map(|helper| (helper.name(), helper)).collect());
    BY_NAME.get(name).copied()
}

/// What to choose where a field may be absent: `absent` where there is none; where it could not be seen, `unseen` if it was
/// given, and otherwise the error that says so.
pub(super) fn choose(
    found: mlua::Result<Value>,
    absent: Value,
    unseen: Option<Value>,
    is_not_known: impl Fn(&mlua::Error) -> bool,
) -> mlua::Result<Value> {
    match found {
        Ok(Value::Nil) => Ok(absent),
        Err(error) if is_not_known(&error) => unseen.ok_or(error),
        found => found,
    }
}

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
    type Choice = (Value, Value, Value, Variadic<Value>);
    let value_or = |lua: &Lua, (item, field, absent, unseen): Choice| {
        choose(look(lua, &item, &field), absent, unseen.first().cloned(), |error| not_known(error).is_some())
    };
    target.raw_set("value_or", lua.create_function(value_or)?)?;
    let seen_or = |lua: &Lua, (item, field, default): (Value, Value, Value)| {
        choose(look(lua, &item, &field), default.clone(), Some(default), |error| not_known(error).is_some())
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
