//! What scripts can do with a list. The methods run in Rust: of 50,000 items only those that come out become Lua values.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;

use mlua::{Lua, MetaMethod, MultiValue, Table, UserData, UserDataMethods, UserDataRef, Value as LuaValue};
use serde_json::Value;

use super::field::{Field, Part};
use super::item::{refuse_writing, short, type_of};
use super::key::{Key, Sum};
use super::list::{List, SELECTION};
use super::not_known;
use super::pattern::Pattern;
use crate::script::api::{Entry, LIST};
use crate::suggest::Suggestion;

/// A position that belongs to no group.
const NO_GROUP: u32 = u32::MAX;

impl List {
    fn first(&self, lua: &Lua, pattern: &Pattern) -> mlua::Result<LuaValue> {
        pattern.check(self)?;
        for position in 0..self.len() {
            if pattern.fits(lua, self, position)? {
                return self.get(lua, position);
            }
        }
        self.check_complete().map(|()| LuaValue::Nil)
    }

    /// Whether an item gives `wanted` to the pattern. One that does settles it, whatever is not known of others.
    fn has(&self, lua: &Lua, pattern: &Pattern, wanted: bool) -> mlua::Result<bool> {
        pattern.check(self)?;
        let mut unknown = None;
        for position in 0..self.len() {
            match pattern.fits(lua, self, position) {
                Ok(fits) if fits == wanted => return Ok(true),
                Ok(_) => {}
                Err(error) if not_known(&error).is_some() => unknown = unknown.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        unknown.map_or(Ok(()), Err)?;
        self.check_complete().map(|()| false)
    }

    fn filter(&self, lua: &Lua, pattern: &Pattern) -> mlua::Result<List> {
        pattern.check(self)?;
        let mut chosen = self.new_selection();
        chosen.hold.add(lua, SELECTION)?;
        for position in 0..self.len() {
            if pattern.fits(lua, self, position)? {
                if chosen.indices.len() == chosen.indices.capacity() {
                    chosen.hold.add(lua, chosen.indices.len().max(4) * size_of::<u32>())?;
                    chosen.indices.reserve_exact(chosen.indices.len().max(4));
                }
                chosen.indices.push(self.index(position) as u32);
            }
        }
        Ok(self.select(chosen))
    }

    fn count(&self, lua: &Lua, pattern: &Pattern) -> mlua::Result<usize> {
        pattern.check(self)?;
        self.check_complete()?;
        let mut count = 0;
        for position in 0..self.len() {
            count += usize::from(pattern.fits(lua, self, position)?);
        }
        Ok(count)
    }

    fn sum(&self, lua: &Lua, field: &Field) -> mlua::Result<LuaValue> {
        field.check(self)?;
        self.check_complete()?;
        let mut sum = Sum::default();
        for position in 0..self.len() {
            if let Some(part) = field.of(lua, self, position)? {
                sum.add(part).map_err(|kind| self.unfit(position, field, kind, "a number to add"))?;
            }
        }
        Ok(sum.total())
    }

    fn map(&self, lua: &Lua, field: &Field) -> mlua::Result<Table> {
        field.check(self)?;
        self.check_complete()?;
        let table = lua.create_table()?;
        for position in 0..self.len() {
            match field.lua_value(lua, self, position)? {
                LuaValue::Nil => {}
                value => table.raw_push(value)?,
            }
        }
        Ok(table)
    }

    /// Sorted by a field, `largest` of them first or all in rising order; items that have none come last, or not at all.
    fn sorted(&self, lua: &Lua, field: &Field, descending: bool, largest: Option<usize>) -> mlua::Result<List> {
        field.check(self)?;
        self.check_complete()?;
        let mut hold = self.hold();
        hold.add(lua, self.len() * size_of::<(Key, u32)>())?;
        let mut keys: Vec<(Key, u32)> = Vec::with_capacity(self.len());
        let mut without = Vec::new();
        for position in 0..self.len() {
            let index = self.index(position) as u32;
            match self.key(lua, field, position)? {
                Some(key) => {
                    match key.held() {
                        0 => {}
                        held => hold.add(lua, held)?,
                    }
                    keys.push((key, index));
                }
                None => without.push(index),
            }
        }
        if descending {
            keys.sort_by(|(a, _), (b, _)| b.cmp(a));
        } else {
            keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        let mut chosen = self.new_selection();
        let count = largest.map_or(self.len(), |largest| largest.min(keys.len()));
        chosen.hold.add(lua, SELECTION + count * size_of::<u32>())?;
        let others = if largest.is_some() { Vec::new() } else { without };
        chosen.indices = keys.iter().map(|(_, index)| *index).chain(others).take(count).collect();
        Ok(self.select(chosen))
    }

    /// The lists of items that have the same value in a field, by that value; `pairs` goes in the order of the first of each.
    fn group(&self, lua: &Lua, field: &Field) -> mlua::Result<Table> {
        field.check(self)?;
        self.check_complete()?;
        let mut hold = self.hold();
        hold.add(lua, self.len() * size_of::<u32>())?;
        let mut groups: HashMap<Key, u32> = HashMap::new();
        let mut counts: Vec<u32> = Vec::new();
        let mut members: Vec<u32> = Vec::with_capacity(self.len());
        let keys = lua.create_table()?;
        for position in 0..self.len() {
            let Some(key) = self.key(lua, field, position)? else {
                members.push(NO_GROUP);
                continue;
            };
            let group = match groups.get(&key) {
                Some(group) => *group,
                None => {
                    if matches!(key, Key::Number(number, _) if number.is_nan()) {
                        return Err(self.unfit(position, field, "not a number", "a value to group by"));
                    }
                    // Twice, because a table that grows is there twice.
                    hold.add(lua, 2 * size_of::<(Key, u32)>() + key.held())?;
                    keys.raw_push(key.to_lua(lua)?)?;
                    let group = counts.len() as u32;
                    counts.push(0);
                    groups.insert(key, group);
                    group
                }
            };
            if let Some(count) = counts.get_mut(group as usize) {
                *count += 1;
            }
            members.push(group);
        }
        drop(groups);
        let mut end = 0;
        let mut ends = counts;
        let mut starts = Vec::with_capacity(ends.len());
        for count in &mut ends {
            starts.push(end);
            end += *count;
            *count = end;
        }
        let mut chosen = self.new_selection();
        chosen.hold.add(lua, SELECTION + end as usize * size_of::<u32>())?;
        chosen.indices = vec![0; end as usize];
        let mut next = starts.clone();
        for (position, group) in members.iter().enumerate() {
            if let Some(slot) = next.get_mut(*group as usize) {
                if let Some(index) = chosen.indices.get_mut(*slot as usize) {
                    *index = self.index(position) as u32;
                }
                *slot += 1;
            }
        }
        let chosen = Arc::new(chosen);
        let table = lua.create_table_with_capacity(0, ends.len())?;
        for ((key, start), end) in keys.sequence_values::<LuaValue>().zip(starts).zip(ends) {
            self.place.source().outside.settle(lua)?;
            table.raw_set(key?, lua.create_userdata(self.share(Arc::clone(&chosen), start..end))?)?;
        }
        in_order(lua, table, keys)
    }

    fn totable(&self, lua: &Lua) -> mlua::Result<Table> {
        self.check_complete()?;
        let table = lua.create_table_with_capacity(self.len(), 0)?;
        for position in 0..self.len() {
            table.raw_push(self.get(lua, position)?)?;
        }
        Ok(table)
    }

    fn key<'v>(&'v self, lua: &Lua, field: &Field, position: usize) -> mlua::Result<Option<Key<'v>>> {
        let part: Option<Part<'v>> = field.of(lua, self, position)?;
        let key = part.map(Key::read).transpose();
        key.map_err(|kind| self.unfit(position, field, kind, "a number, a text or a boolean"))
    }

    fn unfit(&self, position: usize, field: &Field, kind: &str, wanted: &str) -> mlua::Error {
        let shown = self.place_of(position).trail().shown;
        mlua::Error::runtime(match field {
            Field::Own => format!("{shown} is {kind}, not {wanted}; name a field"),
            Field::Path(path) => format!("{shown}.{path} is {kind}, not {wanted}"),
            Field::Function(_) => format!("the function gave {kind} for {shown}, not {wanted}"),
        })
    }

    /// The item that a script counts from 1; nil beyond the end of a list that is complete.
    fn at_number(&self, lua: &Lua, number: i64) -> mlua::Result<LuaValue> {
        match usize::try_from(number) {
            Ok(number @ 1..) if number <= self.len() => self.get(lua, number - 1),
            Ok(1..) => self.check_complete().map(|()| LuaValue::Nil),
            _ => Ok(LuaValue::Nil),
        }
    }

    fn no_field(&self, name: &str) -> mlua::Error {
        let mut trail = self.place.trail();
        let shown = trail.shown.clone();
        trail.enter_items();
        let is_of_items = trail.may_have(self.value(0).ok().and_then(Value::as_object), name);
        mlua::Error::runtime(match Suggestion::of(name, LIST.iter().map(Entry::name)).name() {
            _ if is_of_items => format!("{shown} is a list and has no `{name}`; its items have: {shown}[1].{name}"),
            Some(near) => format!("{shown} is a list and has no `{name}`; did you mean `:{near}(…)`?"),
            None => format!("{shown} is a list and has no `{name}`"),
        })
    }
}

/// Where the function that refuses to write to groups is kept.
const REFUSE: &str = "casebook.groups.refuse";

/// Lets `pairs` go through a table in the order of `keys`. All of it is made of Lua's own memory, which its limit counts.
fn in_order(lua: &Lua, table: Table, keys: Table) -> mlua::Result<Table> {
    let refuse: mlua::Function = match lua.named_registry_value(REFUSE) {
        Ok(refuse) => refuse,
        Err(_) => {
            let refuse =
                |_: &Lua, _: MultiValue| -> mlua::Result<()> { Err(mlua::Error::runtime("evidence is read-only")) };
            let refuse = lua.create_function(refuse)?;
            lua.set_named_registry_value(REFUSE, &refuse)?;
            refuse
        }
    };
    // The keys come as an upvalue of Lua's, not as a reference of Rust's: the collector sees them.
    let meta: Table = lua
        .load(
            "local keys, refuse = ...\n\
             local function each(groups)\n  local at = 0\n  return function()\n    at = at + 1\n    \
             local key = keys[at]\n    if key ~= nil then return key, groups[key] end\n  end\nend\n\
             return { __pairs = each, __len = function() return #keys end, __newindex = refuse, __metatable = false }",
        )
        .set_mode(mlua::chunk::ChunkMode::Text)
        .set_name("=groups")
        .call((keys, refuse))?;
    table.set_metatable(Some(meta))?;
    Ok(table)
}

/// A count that a method was given.
fn count_of(method: &str, argument: Option<&LuaValue>) -> mlua::Result<usize> {
    let count = match argument {
        Some(LuaValue::Integer(count)) => usize::try_from(*count).ok(),
        Some(LuaValue::Number(count)) if *count >= 0.0 => Some(*count as usize),
        _ => None,
    };
    count.ok_or_else(|| mlua::Error::runtime(format!("{method} takes a count of items, 0 or more")))
}

impl UserData for List {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_method("first", |lua, this, given: MultiValue| this.first(lua, &Pattern::read("first", &given)?));
        methods.add_method("where", |lua, this, given: MultiValue| this.filter(lua, &Pattern::read("where", &given)?));
        methods.add_method("any", |lua, this, given: MultiValue| this.has(lua, &Pattern::read("any", &given)?, true));
        methods.add_method("all", |lua, this, given: MultiValue| {
            this.has(lua, &Pattern::read("all", &given)?, false).map(|other| !other)
        });
        methods.add_method("count", |lua, this, given: MultiValue| this.count(lua, &Pattern::read("count", &given)?));
        methods.add_method("sum", |lua, this, given: MultiValue| this.sum(lua, &Field::read("sum", given.front())?));
        methods.add_method("map", |lua, this, given: MultiValue| this.map(lua, &Field::read("map", given.front())?));
        methods
            .add_method("group", |lua, this, given: MultiValue| this.group(lua, &Field::read("group", given.front())?));
        methods.add_method("top", |lua, this, given: MultiValue| {
            let count = count_of("top(field, count)", given.get(1))?;
            this.sorted(lua, &Field::read("top", given.front())?, true, Some(count))
        });
        methods.add_method("sort", |lua, this, given: MultiValue| {
            let descending = match given.get(1) {
                None | Some(LuaValue::Nil) => false,
                Some(LuaValue::String(order)) if *order == "desc" => true,
                Some(LuaValue::String(order)) if *order == "asc" => false,
                Some(_) => return Err(mlua::Error::runtime("sort(field, order) takes \"asc\" or \"desc\"")),
            };
            this.sorted(lua, &Field::read("sort", given.front())?, descending, None)
        });
        methods.add_method("take", |_, this, given: MultiValue| Ok(this.take(count_of("take(count)", given.front())?)));
        methods.add_method("seen", |_, this, ()| Ok(this.seen()));
        methods.add_method("totable", |lua, this, ()| this.totable(lua));
        methods.add_meta_method(MetaMethod::Index, |lua, this, key: LuaValue| match key {
            LuaValue::Integer(number) => this.at_number(lua, number),
            LuaValue::Number(number) if number.fract() == 0.0 => this.at_number(lua, number as i64),
            LuaValue::String(name) => Err(this.no_field(&name.to_string_lossy())),
            other => Err(this.no_field(type_of(&other))),
        });
        methods.add_meta_method(MetaMethod::Len, |_, this, ()| this.check_complete().map(|()| this.len()));
        methods.add_meta_method(MetaMethod::Pairs, |lua, this, ()| {
            this.place.source().outside.settle(lua)?;
            let list = this.take(usize::MAX);
            let mut number = 0;
            let next = lua.create_function_mut(move |lua, _: MultiValue| {
                number += 1;
                match list.at_number(lua, number)? {
                    LuaValue::Nil => Ok((LuaValue::Nil, LuaValue::Nil)),
                    item => Ok((LuaValue::Integer(number), item)),
                }
            })?;
            Ok((next, LuaValue::Nil, LuaValue::Nil))
        });
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| {
            // A line holds a handful of items at most.
            Ok(match this.len() {
                0..=16 => short(&this.json()),
                _ => {
                    let shown = short(&this.take(16).json());
                    if shown.ends_with('…') { shown } else { format!("{}…", shown.trim_end_matches(']')) }
                }
            })
        });
        methods.add_meta_method(MetaMethod::Eq, |_, this, other: LuaValue| {
            let other: Option<UserDataRef<List>> = other.as_userdata().and_then(|other| other.borrow().ok());
            Ok(other.is_some_and(|other| this.is(&other)))
        });
        refuse_writing(methods);
    }
}
