//! A list of evidence as a Lua value: all items of a JSON array, or some of them in an order of their own.

use std::ops::Range;
use std::sync::Arc;

use mlua::{Lua, Value as LuaValue};
use serde_json::Value;

use super::item::to_lua;
use super::place::{Place, part};
use crate::script::sandbox::Hold;

/// A list of evidence.
pub(super) struct List {
    /// Where the array stands.
    pub place: Place,
    /// Items in an order of their own; all of the array in its own order when there is none.
    selection: Option<Arc<Selection>>,
    /// Which of the selection, or of the array.
    range: Range<u32>,
    /// A gap left items out: what its end would say is not known.
    incomplete: bool,
}

/// Some items of an array, by their indices.
pub(super) struct Selection {
    pub indices: Vec<u32>,
    /// What the indices cost.
    pub hold: Hold,
}

/// Bytes that a selection costs besides its indices, with what the allocator adds to both.
pub(super) const SELECTION: usize = size_of::<Selection>() + 112;

impl Drop for List {
    fn drop(&mut self) {
        self.place.source().outside.release::<Self>();
    }
}

impl List {
    fn new(place: Place, selection: Option<Arc<Selection>>, range: Range<u32>, incomplete: bool) -> Self {
        place.source().outside.hold::<Self>();
        List { place, selection, range, incomplete }
    }

    /// The whole array at a place.
    pub fn at(place: Place) -> Self {
        let length = place.value().as_array().map_or(0, Vec::len);
        let incomplete = place.is_incomplete();
        Self::new(place, None, 0..u32::try_from(length).unwrap_or(u32::MAX), incomplete)
    }

    /// Some of the same array.
    pub fn select(&self, selection: Selection) -> Self {
        let range = 0..u32::try_from(selection.indices.len()).unwrap_or(u32::MAX);
        self.share(Arc::new(selection), range)
    }

    /// Part of a selection of the same array that others hold too.
    pub fn share(&self, selection: Arc<Selection>, range: Range<u32>) -> Self {
        Self::new(self.place.clone(), Some(selection), range, self.incomplete)
    }

    /// A selection of nothing yet.
    pub fn new_selection(&self) -> Selection {
        Selection { indices: Vec::new(), hold: self.hold() }
    }

    /// To count what is made of it.
    pub fn hold(&self) -> Hold {
        Hold::none(&self.place.source().outside)
    }

    /// The first items, at most so many.
    pub fn take(&self, count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let range = self.range.start..self.range.end.min(self.range.start.saturating_add(count));
        // Items that were left out come after those that are there.
        let incomplete = self.incomplete && range.end - range.start < count;
        Self::new(self.place.clone(), self.selection.clone(), range, incomplete)
    }

    /// What was seen of it, as if that were all.
    pub fn seen(&self) -> Self {
        Self::new(self.place.clone(), self.selection.clone(), self.range.clone(), false)
    }

    /// How many items are there to be seen.
    pub fn len(&self) -> usize {
        (self.range.end - self.range.start) as usize
    }

    /// The index in the array of the item at a position, counted from 0.
    pub fn index(&self, position: usize) -> usize {
        let position = self.range.start as usize + position;
        match &self.selection {
            Some(selection) => selection.indices.get(position).map_or(usize::MAX, |index| *index as usize),
            None => position,
        }
    }

    pub fn place_of(&self, position: usize) -> Place {
        self.place.item(self.index(position))
    }

    /// The JSON of the item at a position.
    pub fn value(&self, position: usize) -> mlua::Result<&Value> {
        match self.place.value().get(self.index(position)) {
            Some(value) if !value.is_null() => Ok(value),
            _ => Err(mlua::Error::external(self.place_of(position).trail().unsaid())),
        }
    }

    /// The Lua value of the item at a position.
    pub fn get(&self, lua: &Lua, position: usize) -> mlua::Result<LuaValue> {
        to_lua(lua, self.place_of(position))
    }

    /// What stands at a path in the item at a position; none where the host has none.
    pub fn part(&self, position: usize, path: &str) -> mlua::Result<Option<&Value>> {
        let index = self.index(position);
        let here = || {
            let mut trail = self.place.trail();
            trail.enter_item(index);
            trail
        };
        part(self.value(position)?, path, self.place.source().is_whole(), here)
    }

    /// Whether it is the same list: the same items of the same evidence in the same order.
    pub fn is(&self, other: &List) -> bool {
        let same = self.place.is(&other.place) && self.len() == other.len() && self.incomplete == other.incomplete;
        same && (0..self.len()).all(|position| self.index(position) == other.index(position))
    }

    /// Says whether a path in its items is misspelt, where there is no item to say so.
    pub fn check_path(&self, path: &str) -> mlua::Result<()> {
        if self.len() > 0 {
            return Ok(());
        }
        let mut trail = self.place.trail();
        trail.enter_items();
        trail.verify(path)
    }

    /// Raises what is not known about the list as a whole.
    pub fn check_complete(&self) -> mlua::Result<()> {
        if !self.incomplete {
            return Ok(());
        }
        Err(mlua::Error::external(self.place.trail().unsaid()))
    }

    pub fn json(&self) -> Value {
        let items = self.place.value().as_array().map(Vec::as_slice).unwrap_or_default();
        (0..self.len()).filter_map(|position| items.get(self.index(position)).cloned()).collect()
    }
}
