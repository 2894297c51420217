//! A place in evidence: the JSON that stands there, held together with the evidence that owns it, and the way to it.
//!
//! To go to a part costs nothing that grows with the evidence. Names, gaps and schemas are looked up only when something is
//! not there.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Map, Value};
use yoke::Yoke;

use super::{NotKnown, Outside};
use crate::case::{Evidence, Gap, Reason};
use crate::script::evidence::{field_schema, is_map, item_schema, properties};
use crate::suggest::Suggestion;

/// Steps that are kept without an allocation of their own; probes nest hardly deeper.
const NEAR: usize = 6;

/// Letters of a name, or of a path of them, that a message shows.
const LONGEST_NAME: usize = 200;

static NULL: Value = Value::Null;

/// What a probe brought, under the name that scripts know it by.
pub(super) struct Source {
    /// The first word of every path: `sockets`.
    pub name: String,
    pub evidence: Arc<Evidence>,
    /// Describes the output.
    pub schema: Option<Arc<Value>>,
    /// What the Lua state holds outside Lua.
    pub outside: Arc<Outside>,
}

impl Source {
    /// Why nothing could be seen, if so.
    pub fn gap(&self) -> Option<Gap> {
        let unsaid = || Gap::new(Reason::Absent, format!("see {}", self.name), "the host did not say");
        match (&self.evidence.gap, &self.evidence.output) {
            (Some(gap), _) => Some(gap.clone()),
            (None, None) => Some(unsaid()),
            (None, Some(_)) => None,
        }
    }

    fn output(&self) -> &Value {
        self.evidence.output.as_ref().unwrap_or(&NULL)
    }

    /// Whether anything in it could have a gap.
    pub fn is_whole(&self) -> bool {
        self.evidence.gap.is_none() && self.evidence.missing.is_empty()
    }
}

/// The way from the output to a part: at each step the number of the field or item, from 0.
#[derive(Clone)]
enum Way {
    Near([u32; NEAR], u8),
    Far(Arc<[u32]>),
}

impl Way {
    fn steps(&self) -> &[u32] {
        match self {
            Way::Near(steps, depth) => steps.get(..usize::from(*depth)).unwrap_or_default(),
            Way::Far(steps) => steps,
        }
    }

    fn and(&self, step: usize) -> Self {
        let step = u32::try_from(step).unwrap_or(u32::MAX);
        if let Way::Near(steps, depth) = self
            && usize::from(*depth) < NEAR
        {
            let mut steps = *steps;
            steps[usize::from(*depth)] = step;
            return Way::Near(steps, depth + 1);
        }
        Way::Far(self.steps().iter().copied().chain([step]).collect())
    }
}

/// A place in evidence.
#[derive(Clone)]
pub(super) struct Place {
    node: Yoke<&'static Value, Arc<Source>>,
    way: Way,
}

impl Place {
    /// The whole output.
    pub fn root(source: Arc<Source>) -> Self {
        Place { node: Yoke::attach_to_cart(source, |source| source.output()), way: Way::Near([0; NEAR], 0) }
    }

    pub fn is_root(&self) -> bool {
        self.way.steps().is_empty()
    }

    pub fn value(&self) -> &Value {
        self.node.get()
    }

    pub fn source(&self) -> &Arc<Source> {
        self.node.backing_cart()
    }

    /// The place of a list's item, counted from 0.
    pub fn item(&self, index: usize) -> Self {
        let node = self.node.map_project_cloned(|value, _| value.get(index).unwrap_or(&NULL));
        Place { node, way: self.way.and(index) }
    }

    /// The place of an object's field.
    pub fn field(&self, name: &str) -> Self {
        let position = self.value().as_object().and_then(|fields| fields.keys().position(|key| key == name));
        let node = self.node.map_project_cloned(|value, _| value.get(name).unwrap_or(&NULL));
        Place { node, way: self.way.and(position.unwrap_or(usize::MAX)) }
    }

    /// The place at a path of names, of which the last may have dots in it.
    pub fn below(&self, path: &str) -> Self {
        match path.split_once('.') {
            Some((name, below)) if self.value().get(path).is_none() => self.field(name).below(below),
            _ => self.field(path),
        }
    }

    /// The place of an object's field, counted from 0, and its name.
    pub fn nth_field(&self, position: usize) -> Option<(&str, Self)> {
        let name = self.value().as_object()?.keys().nth(position)?;
        let node = self.node.map_project_cloned(|value, _| {
            value.as_object().and_then(|fields| fields.values().nth(position)).unwrap_or(&NULL)
        });
        Some((name, Place { node, way: self.way.and(position) }))
    }

    /// Whether both are the same place of the same evidence.
    pub fn is(&self, other: &Place) -> bool {
        std::ptr::eq(self.value(), other.value()) && Arc::ptr_eq(self.source(), other.source())
    }

    /// The names on the way here.
    pub fn trail(&self) -> Trail<'_> {
        let source = self.source();
        let mut trail =
            Trail { source, shown: source.name.clone(), bare: String::new(), schema: source.schema.as_deref() };
        let mut value = source.output();
        for step in self.way.steps() {
            let step = *step as usize;
            value = match value {
                Value::Array(items) => {
                    trail.enter_item(step);
                    items.get(step).unwrap_or(&NULL)
                }
                Value::Object(fields) => match fields.iter().nth(step) {
                    Some((name, field)) => {
                        trail.enter(name);
                        field
                    }
                    None => &NULL,
                },
                _ => &NULL,
            };
        }
        trail
    }

    /// The gap that left the list or map at this place incomplete, if one did.
    pub fn incomplete(&self) -> Option<NotKnown> {
        if self.source().is_whole() {
            return None;
        }
        self.trail().not_known()
    }

    /// Of a path that leads through a list: whether no gap kept the field of its items from being seen. None for other
    /// paths.
    pub fn is_known_of_items(&self, path: &str) -> Option<mlua::Result<bool>> {
        let (mut place, mut rest) = (self.clone(), path);
        while !place.value().is_array() {
            let (name, below) = rest.split_once('.')?;
            (place, rest) = (place.field(name), below);
        }
        let mut trail = place.trail();
        trail.enter_items();
        if let Err(misspelt) = trail.clone().verify(rest) {
            return Some(Err(misspelt));
        }
        let mut known = trail.not_known().is_none();
        for name in rest.split('.') {
            trail.enter(name);
            known &= trail.not_known().is_none();
        }
        Some(Ok(known))
    }

    pub fn is_incomplete(&self) -> bool {
        self.incomplete().is_some()
    }
}

/// The names on the way to a place, for messages and for gaps, and the schema of what stands there.
#[derive(Clone)]
pub(super) struct Trail<'a> {
    source: &'a Source,
    /// As scripts write it: `sockets.listeners[3].process`.
    pub shown: String,
    /// As probes name it in their gaps: `listeners.process`.
    bare: String,
    schema: Option<&'a Value>,
}

impl<'a> Trail<'a> {
    pub fn enter(&mut self, name: &str) {
        self.shown.push('.');
        self.shown.push_str(name);
        if !self.bare.is_empty() {
            self.bare.push('.');
        }
        self.bare.push_str(name);
        self.schema = self.schema.and_then(|schema| field_schema(schema, name));
    }

    /// Goes to an item, counted from 0.
    pub fn enter_item(&mut self, index: usize) {
        let _ = write!(self.shown, "[{}]", index + 1);
        self.schema = self.schema.and_then(item_schema);
    }

    /// Goes to any item of a list.
    pub fn enter_items(&mut self) {
        self.schema = self.schema.and_then(item_schema);
    }

    /// What to raise when a gap explains what stands here.
    pub fn not_known(&self) -> Option<NotKnown> {
        let gap = self.source.evidence.gap_at(&self.bare)?;
        Some(NotKnown { path: self.shown.clone(), gap: gap.clone() })
    }

    /// What to raise when the host did not say what stands here, though it must be something.
    pub fn unsaid(&self) -> NotKnown {
        self.not_known().unwrap_or_else(|| NotKnown {
            path: self.shown.clone(),
            gap: Gap::new(Reason::Absent, format!("see {}", self.shown), "the host did not say"),
        })
    }

    /// Whether what stands here has names that are data.
    pub fn is_map(&self) -> bool {
        self.schema.is_some_and(is_map)
    }

    /// Whether a field that is not there could be: the schema has it, or the data, or its name is data.
    pub fn may_have(&self, fields: Option<&Map<String, Value>>, name: &str) -> bool {
        fields.is_some_and(|fields| fields.contains_key(name))
            || self.schema.and_then(properties).is_some_and(|known| known.contains_key(name))
            || self.is_map()
    }

    fn misspelt(&self, fields: Option<&Map<String, Value>>, name: &str) -> mlua::Error {
        let known = self.schema.and_then(properties).into_iter().flat_map(Map::keys);
        let names = fields.into_iter().flat_map(Map::keys).chain(known).map(String::as_str);
        no_field(&self.shown, name, Suggestion::of(name, names).name())
    }

    /// Answers for a field of the object here that is null or not there: an error where it is misspelt or not known,
    /// nothing where the host simply has none. `rest` is the path below it that was asked for.
    pub fn absent(&self, fields: &Map<String, Value>, name: &str, rest: &str) -> mlua::Result<()> {
        if !self.may_have(Some(fields), name) {
            return Err(self.misspelt(Some(fields), name));
        }
        let mut trail = self.clone();
        trail.enter(name);
        match trail.not_known() {
            Some(unknown) => Err(mlua::Error::external(unknown)),
            None => trail.verify(rest),
        }
    }

    /// Says whether a path below here is misspelt, as far as the schema tells.
    pub fn verify(mut self, path: &str) -> mlua::Result<()> {
        let mut rest = path;
        while !rest.is_empty() && self.schema.and_then(properties).is_some() {
            let (name, below) = rest.split_once('.').unwrap_or((rest, ""));
            if !self.may_have(None, name) {
                return Err(self.misspelt(None, name));
            }
            self.enter(name);
            rest = below;
        }
        Ok(())
    }
}

/// As much of a name as a message needs.
fn cut(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()).into(),
        None => name.into(),
    }
}

pub(super) fn no_field(path: &str, name: &str, near: Option<&str>) -> mlua::Error {
    let (path, name) = (cut(path), cut(name));
    mlua::Error::runtime(match near {
        Some(near) => format!("{path} has no field `{name}`; did you mean `{near}`?"),
        None => format!("{path} has no field `{name}`"),
    })
}

/// The value at a path of names below `value`, null and missing ones as none. `trail` leads to `value`; it is asked only
/// when something is not there.
pub(super) fn part<'v, 't>(
    mut value: &'v Value,
    path: &str,
    is_whole: bool,
    trail: impl Fn() -> Trail<'t>,
) -> mlua::Result<Option<&'v Value>> {
    let mut done = 0;
    loop {
        let rest = path.get(done..).unwrap_or_default();
        let here = || {
            let mut trail = trail();
            for name in
                path.get(..done.saturating_sub(1)).unwrap_or_default().split('.').filter(|name| !name.is_empty())
            {
                trail.enter(name);
            }
            trail
        };
        let Value::Object(fields) = value else {
            let near = None;
            return Err(no_field(&format!("{} is {} and", here().shown, kind(value)), rest, near));
        };
        // The name of a map's entry may have dots in it: `eth0.100`.
        let (name, below) = match rest.split_once('.') {
            Some((name, below)) if !fields.contains_key(rest) => (name, below),
            _ => (rest, ""),
        };
        match fields.get(name) {
            Some(Value::Null) if is_whole && below.is_empty() => return Ok(None),
            None | Some(Value::Null) => return here().absent(fields, name, below).map(|()| None),
            Some(field) if below.is_empty() => return Ok(Some(field)),
            Some(field) => value = field,
        }
        done += name.len() + 1;
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
