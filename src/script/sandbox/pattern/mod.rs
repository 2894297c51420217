//! `string.find`, `match`, `gmatch` and `gsub` that can be stopped, with Lua's own answers.

#[cfg(test)]
mod differential;
mod matcher;

use std::sync::{Arc, Mutex};

use mlua::{Integer, Lua, LuaString, MultiValue, Table, Value};

use self::matcher::{Capture, Matcher, Trouble};
use super::arguments::{Arguments, room};
use super::outside::Hold;
use super::record::{STOPPED, locked};
use crate::sys::lua_hook::Signal;

/// Bytes with a meaning in patterns.
const SPECIAL: &[u8] = b"^$*+?.([%-";

impl From<Trouble> for mlua::Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Malformed(message) => mlua::Error::runtime(message),
            Trouble::ScriptStop => mlua::Error::runtime(STOPPED),
        }
    }
}

/// Replaces the four functions in the string library.
pub(super) fn install(lua: &Lua, string: &Table, limit: usize, signal: &Arc<Signal>) -> mlua::Result<()> {
    for (name, wants_place) in [("find", true), ("match", false)] {
        let signal = Arc::clone(signal);
        let function = move |lua: &Lua, arguments: MultiValue| search(lua, &signal, name, wants_place, arguments);
        string.raw_set(name, lua.create_function(function)?)?;
    }
    let stop = Arc::clone(signal);
    string.raw_set("gmatch", lua.create_function(move |lua, arguments: MultiValue| gmatch(lua, &stop, arguments))?)?;
    let stop = Arc::clone(signal);
    let gsub = move |lua: &Lua, arguments: MultiValue| gsub(lua, &stop, limit, arguments);
    string.raw_set("gsub", lua.create_function(gsub)?)
}

/// Where a search begins, from 0; may lie behind the end.
fn begin(position: Integer, length: usize) -> usize {
    match position {
        0 => 0,
        1.. => usize::try_from(position - 1).unwrap_or(usize::MAX),
        _ => usize::try_from(position.unsigned_abs()).ok().and_then(|back| length.checked_sub(back)).unwrap_or(0),
    }
}

fn push(lua: &Lua, values: &mut MultiValue, text: &[u8], capture: Capture) -> mlua::Result<()> {
    values.push_back(match capture {
        Capture::Text(from, to) => Value::String(lua.create_string(&text[from..to])?),
        Capture::Position(position) => Value::Integer(Integer::try_from(position).unwrap_or(Integer::MAX)),
    });
    Ok(())
}

/// Adds the captures, or the whole match when there are none and `whole` says so.
fn push_all(
    lua: &Lua,
    values: &mut MultiValue,
    text: &[u8],
    matcher: &Matcher<'_>,
    (start, end): (usize, usize),
    whole: bool,
) -> mlua::Result<()> {
    let count = if matcher.count() == 0 && whole { 1 } else { matcher.count() };
    for index in 0..count {
        push(lua, values, text, matcher.capture(index, start, end)?)?;
    }
    Ok(())
}

fn search(lua: &Lua, signal: &Signal, name: &str, wants_place: bool, values: MultiValue) -> mlua::Result<MultiValue> {
    let mut arguments = Arguments::new(lua, name, values);
    let (text, pattern) = (arguments.string()?, arguments.string()?);
    let start = arguments.integer_or(1)?;
    let is_plain = arguments.flag();
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let mut start = begin(start, text.len());
    let nothing = || MultiValue::from_iter([Value::Nil]);
    if start > text.len() {
        return Ok(nothing());
    }
    let place = |from: usize, to: usize| {
        [from + 1, to].map(|index| Value::Integer(Integer::try_from(index).unwrap_or(Integer::MAX)))
    };
    if wants_place && (is_plain || !pattern.iter().any(|byte| SPECIAL.contains(byte))) {
        let found = memchr::memmem::find(&text[start..], &pattern);
        let values = found.map(|at| MultiValue::from_iter(place(start + at, start + at + pattern.len())));
        return Ok(values.unwrap_or_else(nothing));
    }
    let anchored = pattern.strip_prefix(b"^");
    let mut matcher = Matcher::new(&text, anchored.unwrap_or(&pattern), Some(signal));
    loop {
        if let Some(end) = matcher.match_at(start)? {
            let mut values = MultiValue::new();
            if wants_place {
                values.extend(place(start, end));
            }
            push_all(lua, &mut values, &text, &matcher, (start, end), !wants_place)?;
            return Ok(values);
        }
        if start >= text.len() || anchored.is_some() {
            return Ok(nothing());
        }
        start += 1;
    }
}

fn gmatch(lua: &Lua, signal: &Arc<Signal>, values: MultiValue) -> mlua::Result<mlua::Function> {
    let mut arguments = Arguments::new(lua, "gmatch", values);
    let (text, pattern) = (arguments.string()?, arguments.string()?);
    let start = begin(arguments.integer_or(1)?, text.as_bytes().len());
    // Where the next search begins, and where the last match ended.
    let state = Mutex::new((start, None));
    let signal = Arc::clone(signal);
    let hold = Hold::one::<[Matcher<'_>; 2]>(lua)?;
    lua.create_function(move |lua, ()| {
        let _held = &hold;
        let bytes = text.as_bytes();
        let pattern = pattern.as_bytes();
        let mut state = locked(&state);
        let (mut start, last): (usize, Option<usize>) = *state;
        let mut matcher = Matcher::new(&bytes, &pattern, Some(&signal));
        let mut values = MultiValue::new();
        while start <= bytes.len() {
            if let Some(end) = matcher.match_at(start)?.filter(|end| Some(*end) != last) {
                *state = (end, Some(end));
                push_all(lua, &mut values, &bytes, &matcher, (start, end), true)?;
                return Ok(values);
            }
            start += 1;
        }
        *state = (start, last);
        Ok(values)
    })
}

/// What a match is replaced by.
enum Replacement {
    Text(LuaString),
    Table(Table),
    Function(mlua::Function),
}

fn gsub(lua: &Lua, signal: &Signal, limit: usize, values: MultiValue) -> mlua::Result<(LuaString, Integer)> {
    let mut arguments = Arguments::new(lua, "gsub", values);
    let (whole, pattern) = (arguments.string()?, arguments.string()?);
    let replacement = match arguments.any() {
        Value::Table(table) => Replacement::Table(table),
        Value::Function(function) => Replacement::Function(function),
        other => match lua.coerce_string(other.clone())? {
            Some(text) => Replacement::Text(text),
            None => return Err(arguments.mismatch("string/function/table", &other)),
        },
    };
    let text = whole.as_bytes();
    let most = arguments.integer_or(Integer::try_from(text.len()).unwrap_or(Integer::MAX).saturating_add(1))?;
    let pattern = pattern.as_bytes();
    let anchored = pattern.strip_prefix(b"^");
    let mut matcher = Matcher::new(&text, anchored.unwrap_or(&pattern), Some(signal));
    let mut out = Builder { bytes: Vec::new(), room: room(lua, limit) };
    let (mut start, mut last, mut count, mut changed) = (0, None, 0, false);
    while count < most {
        match matcher.match_at(start)?.filter(|end| Some(*end) != last) {
            Some(end) => {
                count += 1;
                changed |= replace(lua, &mut out, &text, &matcher, (start, end), &replacement)?;
                (start, last) = (end, Some(end));
            }
            None if start < text.len() => {
                out.add(&text[start..=start])?;
                start += 1;
            }
            None => break,
        }
        if anchored.is_some() {
            break;
        }
    }
    if !changed {
        return Ok((whole.clone(), count));
    }
    out.add(&text[start..])?;
    Ok((lua.create_string(out.bytes)?, count))
}

/// A text that grows within the script's memory.
struct Builder {
    bytes: Vec<u8>,
    room: usize,
}

impl Builder {
    fn add(&mut self, bytes: &[u8]) -> mlua::Result<()> {
        if bytes.len() > self.room.saturating_sub(self.bytes.len()) {
            return Err(mlua::Error::MemoryError("not enough memory".into()));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Adds what stands for one match; says whether that is something else than the match.
fn replace(
    lua: &Lua,
    out: &mut Builder,
    text: &[u8],
    matcher: &Matcher<'_>,
    (start, end): (usize, usize),
    replacement: &Replacement,
) -> mlua::Result<bool> {
    let mut values = MultiValue::new();
    let value = match replacement {
        Replacement::Text(template) => {
            return fill(out, text, matcher, (start, end), &template.as_bytes()).map(|()| true);
        }
        Replacement::Table(table) => {
            push(lua, &mut values, text, matcher.capture(0, start, end)?)?;
            table.get::<Value>(values.pop_front().unwrap_or(Value::Nil))?
        }
        Replacement::Function(function) => {
            push_all(lua, &mut values, text, matcher, (start, end), true)?;
            function.call::<Value>(values)?
        }
    };
    match value {
        Value::Nil | Value::Boolean(false) => out.add(&text[start..end]).map(|()| false),
        Value::String(value) => out.add(&value.as_bytes()).map(|()| true),
        value => {
            let kind = value.type_name();
            let kind = if kind == "integer" { "number" } else { kind };
            match (kind, lua.coerce_string(value)?) {
                ("number", Some(value)) => out.add(&value.as_bytes()).map(|()| true),
                _ => Err(mlua::Error::runtime(format!("invalid replacement value (a {kind})"))),
            }
        }
    }
}

/// Adds a template with its `%1` filled in.
fn fill(
    out: &mut Builder,
    text: &[u8],
    matcher: &Matcher<'_>,
    (start, end): (usize, usize),
    template: &[u8],
) -> mlua::Result<()> {
    let mut rest = template;
    while let Some(at) = memchr::memchr(b'%', rest) {
        out.add(&rest[..at])?;
        match rest.get(at + 1) {
            Some(b'%') => out.add(b"%")?,
            Some(b'0') => out.add(&text[start..end])?,
            Some(digit @ b'1'..=b'9') => match matcher.capture(usize::from(digit - b'1'), start, end) {
                Ok(Capture::Text(from, to)) => out.add(&text[from..to])?,
                Ok(Capture::Position(position)) => out.add(position.to_string().as_bytes())?,
                Err(trouble) => return Err(trouble.into()),
            },
            _ => return Err(mlua::Error::runtime("invalid use of '%' in replacement string")),
        }
        rest = &rest[at + 2..];
    }
    out.add(rest)
}
