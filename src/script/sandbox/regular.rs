//! `re`: regular expressions that take time in proportion to the text, for logs.

use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use mlua::{Function, Integer, Lua, LuaString, MultiValue, Table, Value};
use regex::bytes::{Captures, Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::arguments::room;
use super::outside::Hold;
use super::record::{STOPPED, locked};
use crate::sys::lua_hook::Signal;

/// Bytes that a compiled expression may take: what people write takes far less, and the time of a match grows with it.
const SIZE: usize = 256 * 1024;
/// Bytes of an expression as it is written: reading one takes time, too, and cannot be stopped either.
const LENGTH: usize = 16 * 1024;
/// Expressions that are kept compiled.
const KEPT: usize = 32;
/// States that one search may pass, at worst one for each byte of the text and each part of the expression: it cannot be
/// stopped from outside.
const WORK: usize = 1_000_000_000;

/// A compiled expression, shared because a copy would begin without what searches have prepared; and how many parts it has.
type Compiled = (Arc<Regex>, usize);

#[derive(Clone)]
struct Expressions {
    compiled: Arc<Mutex<IndexMap<Vec<u8>, Compiled>>>,
    signal: Arc<Signal>,
    limit: usize,
}

impl Expressions {
    fn get(&self, pattern: &LuaString, text: &[u8]) -> mlua::Result<Arc<Regex>> {
        if self.signal.is_stopped() {
            return Err(mlua::Error::runtime(STOPPED));
        }
        let pattern = pattern.as_bytes();
        let mut compiled = locked(&self.compiled);
        let (expression, parts) = match compiled.get(&*pattern) {
            Some(found) => found.clone(),
            None => {
                let new = compile(std::str::from_utf8(&pattern).map_err(|_| wrong("it is not UTF-8"))?)?;
                if compiled.len() >= KEPT {
                    compiled.shift_remove_index(0);
                }
                compiled.insert(pattern.to_vec(), new.clone());
                new
            }
        };
        if parts.saturating_mul(text.len()) > WORK {
            let message = "the text is too long for this regular expression: take it line by line, or repeat less";
            return Err(mlua::Error::runtime(message));
        }
        Ok(expression)
    }
}

/// Bytes, because a log line need not be UTF-8; `(?u)` asks for letters of all scripts.
fn compile(source: &str) -> mlua::Result<Compiled> {
    if source.len() > LENGTH {
        return Err(wrong(format!("it is longer than {LENGTH} bytes")));
    }
    let expression = RegexBuilder::new(source).unicode(false).size_limit(SIZE).dfa_size_limit(SIZE).build();
    let expression = expression.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => wrong("it is too large; repeat less, or split it"),
        other => wrong(other),
    })?;
    let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(source);
    Ok((Arc::new(expression), parsed.map_or(SIZE, |hir| parts(&hir))))
}

/// How many parts an expression has when its repetitions are written out.
fn parts(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len().saturating_mul(4),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            parts(&repetition.sub).saturating_mul(usize::try_from(times).unwrap_or(usize::MAX))
        }
        HirKind::Capture(capture) => parts(&capture.sub).saturating_add(1),
        HirKind::Concat(all) | HirKind::Alternation(all) => {
            all.iter().fold(1, |sum, part| sum.saturating_add(parts(part)))
        }
    }
}

fn wrong(why: impl std::fmt::Display) -> mlua::Error {
    mlua::Error::runtime(format!("wrong regular expression: {why}"))
}

/// The captures as a table: the whole match under 0, groups under 1, 2, …, named ones under their names too.
fn table(lua: &Lua, expression: &Regex, captures: &Captures<'_>) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(captures.len(), 1)?;
    for (index, (name, group)) in expression.capture_names().zip(captures.iter()).enumerate() {
        let value = match group {
            Some(group) => Value::String(lua.create_string(group.as_bytes())?),
            // A group that took no part is false, so that the others keep their places.
            None => Value::Boolean(false),
        };
        if let Some(name) = name {
            table.raw_set(name, &value)?;
        }
        table.raw_set(index, value)?;
    }
    Ok(table)
}

/// The captures one by one, or the whole match where there are none, as `string.match` gives them. A group that took no part
/// is false, so that the others keep their places.
fn captures_of(lua: &Lua, captures: &Captures<'_>) -> mlua::Result<MultiValue> {
    let mut values = MultiValue::new();
    let from = usize::from(captures.len() > 1);
    for group in captures.iter().skip(from) {
        values.push_back(match group {
            Some(group) => Value::String(lua.create_string(group.as_bytes())?),
            None => Value::Boolean(false),
        });
    }
    Ok(values)
}

fn nothing() -> MultiValue {
    MultiValue::from_iter([Value::Nil])
}

fn place(offset: usize) -> Integer {
    Integer::try_from(offset).unwrap_or(Integer::MAX)
}

/// The module.
pub(super) fn module(lua: &Lua, limit: usize, signal: &Arc<Signal>) -> mlua::Result<Table> {
    let expressions = Expressions { compiled: Arc::default(), signal: Arc::clone(signal), limit };
    let module = lua.create_table()?;
    let own = expressions.clone();
    let test = move |_: &Lua, (text, pattern): (LuaString, LuaString)| {
        let text = text.as_bytes();
        Ok(own.get(&pattern, &text)?.is_match(&text))
    };
    module.raw_set("test", lua.create_function(test)?)?;
    let own = expressions.clone();
    let find = move |lua: &Lua, (text, pattern, start): (LuaString, LuaString, Option<usize>)| {
        let text = text.as_bytes();
        let start = start.unwrap_or(1).saturating_sub(1);
        if start > text.len() {
            return Ok(nothing());
        }
        let expression = own.get(&pattern, &text)?;
        let Some(captures) = expression.captures_at(&text, start) else { return Ok(nothing()) };
        let Some(whole) = captures.get(0) else { return Ok(nothing()) };
        let mut values = if captures.len() > 1 { captures_of(lua, &captures)? } else { MultiValue::new() };
        values.push_front(Value::Integer(place(whole.end())));
        values.push_front(Value::Integer(place(whole.start() + 1)));
        Ok(values)
    };
    module.raw_set("find", lua.create_function(find)?)?;
    let own = expressions.clone();
    let first = move |lua: &Lua, (text, pattern): (LuaString, LuaString)| {
        let text = text.as_bytes();
        let expression = own.get(&pattern, &text)?;
        expression.captures(&text).map_or_else(|| Ok(nothing()), |captures| captures_of(lua, &captures))
    };
    module.raw_set("match", lua.create_function(first)?)?;
    let own = expressions.clone();
    let groups = move |lua: &Lua, (text, pattern): (LuaString, LuaString)| {
        let text = text.as_bytes();
        let expression = own.get(&pattern, &text)?;
        expression.captures(&text).map(|captures| table(lua, &expression, &captures)).transpose()
    };
    module.raw_set("groups", lua.create_function(groups)?)?;
    let own = expressions.clone();
    let each = move |lua: &Lua, (text, pattern): (LuaString, LuaString)| {
        let expression = own.get(&pattern, &text.as_bytes())?;
        let (mut start, mut last) = (0, None);
        let own = own.clone();
        let hold = Hold::one::<[Expressions; 6]>(lua)?;
        lua.create_function_mut(move |lua, ()| {
            let _held = &hold;
            let bytes = text.as_bytes();
            while start <= bytes.len() && !own.signal.is_stopped() {
                let Some(captures) = expression.captures_at(&bytes, start) else { break };
                let Some(whole) = captures.get(0) else { break };
                start = if whole.is_empty() { whole.end() + 1 } else { whole.end() };
                if whole.is_empty() && last == Some(whole.end()) {
                    continue;
                }
                last = Some(whole.end());
                return captures_of(lua, &captures);
            }
            start = bytes.len() + 1;
            Ok(nothing())
        })
    };
    module.raw_set("gmatch", lua.create_function(each)?)?;
    let own = expressions;
    let replace = move |lua: &Lua, (text, pattern, by, most): (LuaString, LuaString, Value, Option<usize>)| {
        let expression = own.get(&pattern, &text.as_bytes())?;
        substitute(lua, &own, &expression, &text, &by, most.unwrap_or(usize::MAX))
    };
    module.raw_set("gsub", lua.create_function(replace)?)?;
    let escape = |lua: &Lua, text: mlua::BorrowedStr| match text.len() {
        0..=LENGTH => lua.create_string(regex::escape(&text)),
        _ => Err(wrong(format!("it is longer than {LENGTH} bytes"))),
    };
    module.raw_set("escape", lua.create_function(escape)?)?;
    Ok(module)
}

/// Replaces matches: by a text with `$1` and `${name}` in it, or by what a function or a table gives for the captures.
fn substitute(
    lua: &Lua,
    own: &Expressions,
    expression: &Regex,
    text: &LuaString,
    by: &Value,
    most: usize,
) -> mlua::Result<(LuaString, Integer)> {
    let bytes = text.as_bytes();
    let room = room(lua, own.limit);
    let (mut out, mut end, mut count) = (Vec::new(), 0, 0);
    for captures in expression.captures_iter(&bytes).take(most) {
        if own.signal.is_stopped() {
            return Err(mlua::Error::runtime(STOPPED));
        }
        let Some(whole) = captures.get(0) else { break };
        out.extend_from_slice(&bytes[end..whole.start()]);
        let value = match by {
            Value::String(template) => {
                let template = template.as_bytes();
                let longest = captures.iter().flatten().map(|group| group.len()).max().unwrap_or_default();
                let groups = memchr::memchr_iter(b'$', &template).count();
                let most = groups.saturating_mul(longest).saturating_add(template.len());
                if most > room.saturating_sub(out.len()) {
                    return Err(mlua::Error::MemoryError("not enough memory".into()));
                }
                captures.expand(&template, &mut out);
                Value::Nil
            }
            Value::Function(function) => Function::call(function, captures_of(lua, &captures)?)?,
            Value::Table(values) => {
                let group = captures.get(1).unwrap_or(whole);
                values.get(lua.create_string(group.as_bytes())?)?
            }
            other => {
                let kind = other.type_name();
                return Err(mlua::Error::runtime(format!(
                    "bad argument #3 to 'gsub' (string/function/table expected, got {kind})"
                )));
            }
        };
        match (by, value) {
            (Value::String(_), _) => {}
            (_, Value::Nil | Value::Boolean(false)) => out.extend_from_slice(whole.as_bytes()),
            (_, value) => match lua.coerce_string(value)? {
                Some(value) => out.extend_from_slice(&value.as_bytes()),
                None => return Err(mlua::Error::runtime("invalid replacement value: it is neither text nor number")),
            },
        }
        (end, count) = (whole.end(), count + 1);
        if out.len() > room {
            return Err(mlua::Error::MemoryError("not enough memory".into()));
        }
    }
    out.extend_from_slice(&bytes[end..]);
    Ok((lua.create_string(out)?, count))
}
