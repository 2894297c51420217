//! `require`: the shipped library, and plain names in the script's own folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mlua::{Lua, Table, Value};

use super::load::{LONGEST_SCRIPT, load};
use super::record::RunRecord;
use crate::embedded;
use crate::suggest::Suggestion;
use crate::sys::text_file::{self, Unreadable};
use crate::sys::trust::{self, Trust};

/// The library that is shipped.
const LIBRARY: &str = "lua/casebook";
/// What stands in front of its names.
const SHIPPED: &str = "casebook";
/// Files of the library that are not for `require`.
const INTERNAL: &[&str] = &["check", "expressions"];

/// Where `require` finds modules.
#[derive(Debug, Clone, Default)]
pub struct Modules {
    /// The script's own folder.
    pub folder: Option<PathBuf>,
    /// Texts kept in a case, by the name that they were required by. They win over the folder.
    pub recorded: BTreeMap<String, String>,
    /// Whether others may be able to change the files of the folder.
    pub trust: Trust,
}

/// A module's text and the name that errors give it.
struct Source {
    text: String,
    name: String,
    is_own: bool,
}

/// The names of the shipped library: `casebook.net`.
pub fn shipped() -> Vec<String> {
    let files = embedded::names(LIBRARY).filter_map(|name| name.strip_suffix(".lua"));
    files.filter(|name| !INTERNAL.contains(name)).map(|name| format!("{SHIPPED}.{name}")).collect()
}

/// The text of a shipped module, for lint and documentation.
pub fn shipped_text(name: &str) -> Option<String> {
    let name = name.strip_prefix(SHIPPED)?.strip_prefix('.')?;
    if INTERNAL.contains(&name) {
        return None;
    }
    embedded::text(&format!("{LIBRARY}/{name}.lua"))
}

impl Modules {
    fn find(&self, name: &str) -> Result<Source, String> {
        let is_plain = name
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')));
        if !is_plain || name.len() > 200 {
            let shown: String = name.chars().take(60).collect();
            return Err(format!(
                "`{shown}` is no name for require: small letters, digits and `_`, with dots between, name a file beside the \
                 script (`tables` is tables.lua, `net.rates` is net/rates.lua) or of the shipped library (`casebook.…`)"
            ));
        }
        if name == SHIPPED || name.starts_with("casebook.") {
            let text = shipped_text(name).ok_or_else(|| {
                let names = shipped();
                let suggestion = Suggestion::of(name, names.iter().map(String::as_str));
                suggestion.behind(&format!("the shipped library has no module `{name}`"))
            })?;
            return Ok(Source { text, name: format!("lua/{}.lua", name.replace('.', "/")), is_own: false });
        }
        let path = format!("{}.lua", name.replace('.', "/"));
        let shown = |folder: &Path| folder.join(&path).to_string_lossy().into_owned();
        if let Some(text) = self.recorded.get(name) {
            let name = self.folder.as_deref().map_or_else(|| path.clone(), shown);
            return Ok(Source { text: text.clone(), name, is_own: true });
        }
        let folder = self.folder.as_deref().ok_or_else(|| {
            format!("there is no module `{name}`: this script has no folder, so only the shipped library (`casebook.…`) is here")
        })?;
        let text = self.read(folder, &path).map_err(|why| format!("module `{name}` ({}): {why}", shown(folder)))?;
        Ok(Source { text, name: shown(folder), is_own: true })
    }

    fn read(&self, folder: &Path, path: &str) -> Result<String, Unreadable> {
        let file = trust::open_beneath(folder, Path::new(path), self.trust)?;
        text_file::text_of(file, LONGEST_SCRIPT as u64)
    }
}

/// Makes `require`.
pub(super) fn install(lua: &Lua, globals: &Table, modules: &Modules, record: &Arc<RunRecord>) -> mlua::Result<()> {
    let modules = modules.clone();
    let record = Arc::clone(record);
    let cache = lua.create_table()?;
    let waiting = lua.create_table()?;
    let require = move |lua: &Lua, name: mlua::LuaString| -> mlua::Result<Value> {
        let name = name.to_string_lossy();
        match cache.raw_get::<Value>(name.as_str())? {
            Value::Nil => {}
            value => return Ok(value),
        }
        if waiting.raw_get::<Option<bool>>(name.as_str())?.is_some() {
            return Err(mlua::Error::runtime(format!("module `{name}` requires itself, maybe through another one")));
        }
        let source = modules.find(&name).map_err(mlua::Error::runtime)?;
        if source.is_own {
            record.add_loaded(&name, &source.text);
        }
        waiting.raw_set(name.as_str(), true)?;
        let value = load(lua, &source.text, &source.name).and_then(|chunk| chunk.call::<Value>(name.as_str()));
        waiting.raw_set(name.as_str(), Value::Nil)?;
        let value = match value? {
            Value::Nil => Value::Boolean(true),
            value => value,
        };
        cache.raw_set(name.as_str(), &value)?;
        Ok(value)
    };
    globals.raw_set("require", lua.create_function(require)?)
}
