//! Defaults that an operator keeps in files: of the system, then of the user, the latter by key.

mod keys;
mod read;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

pub use keys::{KEYS, Key, SECTIONS, Takes};

use crate::printable::printable;
use crate::runbook::{ParamSpec, ParamType, Runbook};
use crate::suggest::Suggestion;
use crate::sys::config_home;
use crate::sys::text_file::{self, Unreadable};
use crate::sys::trust::Trust;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 64 * 1024;
/// The name of each file, in its folder.
const NAME: &str = "config.toml";

/// The defaults of all files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    entries: BTreeMap<String, Entry>,
    /// Files that were read.
    pub read: Vec<PathBuf>,
    /// Files that there are and this user may not read.
    pub unread: Vec<PathBuf>,
}

/// One default, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its value: a text, a flag, or a list of texts.
    pub value: Value,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", printable(self.file.as_os_str().as_encoded_bytes()), self.line)
    }
}

/// What is wrong with the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct BadConfig(Vec<String>);

/// The files that are read, those that go before others last.
pub fn files() -> Vec<PathBuf> {
    let folders = [Some(PathBuf::from(config_home::SYSTEM)), config_home::user()];
    folders.into_iter().flatten().map(|folder| folder.join(NAME)).collect()
}

impl Config {
    /// Reads the files that are there. Each must be root's or the caller's, and nobody else's to change: it decides where
    /// reports go.
    ///
    /// # Errors
    /// Names the file and the line of all that is wrong.
    pub fn load() -> Result<Self, BadConfig> {
        let mut config = Config::default();
        let mut wrong = Vec::new();
        for path in files() {
            match text_file::read_trusted(&path, LARGEST, Trust::Own) {
                Ok(text) => match read::entries(&text, &path) {
                    Ok(entries) => {
                        config.entries.extend(entries);
                        config.read.push(path);
                    }
                    Err(problems) => wrong.extend(problems),
                },
                Err(Unreadable::Absent) => {}
                // The home of a service is often /dev/null.
                Err(Unreadable::Other(error)) if error.kind() == std::io::ErrorKind::NotADirectory => {}
                Err(Unreadable::Denied) => config.unread.push(path),
                Err(why) => {
                    wrong.push(format!("the configuration {}: {why}", printable(path.as_os_str().as_encoded_bytes())));
                }
            }
        }
        if wrong.is_empty() { Ok(config) } else { Err(BadConfig(wrong)) }
    }

    /// Every default, by its key as it is written with dots: `report.format`.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(key, entry)| (key.as_str(), entry))
    }

    /// The text of a key.
    pub fn text(&self, key: &str) -> Option<String> {
        self.entries.get(key)?.value.as_str().map(str::to_owned)
    }

    /// The flag of a key; false, when it is not set.
    pub fn flag(&self, key: &str) -> bool {
        self.entries.get(key).and_then(|entry| entry.value.as_bool()).unwrap_or_default()
    }

    /// The words of a key.
    pub fn words(&self, key: &str) -> Vec<String> {
        let words = self.entries.get(key).and_then(|entry| entry.value.as_array()).into_iter().flatten();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The path of a key: from the home where it begins with `~/`, else from the folder of the file.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        let entry = self.entries.get(key)?;
        let text = entry.value.as_str()?;
        let home = || std::env::var_os("HOME").map(PathBuf::from);
        match text.strip_prefix("~/") {
            Some(below) => home().map(|home| home.join(below)),
            None => Some(entry.file.parent().unwrap_or(Path::new("/")).join(text)),
        }
    }

    /// Whether any parameter has a default here.
    pub fn has_params(&self) -> bool {
        self.entries.keys().any(|key| key.starts_with("params."))
    }

    /// The default of a runbook's parameter: that of `[params.RUNBOOK]`, else of `[params]`.
    pub fn param(&self, runbook: &str, name: &str) -> Option<&Entry> {
        let of_runbook = self.entries.get(&format!("params.{runbook}.{name}"));
        of_runbook.or_else(|| self.entries.get(&format!("params.{name}")).filter(|_| !name.contains('.')))
    }

    /// The parameters that a runbook has defaults for here, as they are written.
    ///
    /// # Errors
    /// Names the file and the line of a parameter that the runbook does not have, of a value that it cannot have, and of a
    /// secret.
    pub fn params(&self, runbook: &Runbook) -> Result<Map<String, Value>, BadConfig> {
        let mut wrong = Vec::new();
        let own = format!("params.{}.", runbook.name);
        for (key, entry) in &self.entries {
            let Some(name) = key.strip_prefix(&own).filter(|name| !runbook.params.contains_key(*name)) else {
                continue;
            };
            let suggestion = Suggestion::of(name, runbook.params.keys().map(String::as_str));
            let said = format!("{entry}: {} has no parameter `{}`", runbook.name, printable(name));
            wrong.push(suggestion.or_list_behind(&said));
        }
        let mut params = Map::new();
        for (name, spec) in &runbook.params {
            let Some(entry) = self.param(&runbook.name, name) else { continue };
            match fault(name, spec, entry) {
                Some(why) => wrong.push(format!("{entry}: {why}")),
                None => drop(params.insert(name.clone(), entry.value.clone())),
            }
        }
        if wrong.is_empty() { Ok(params) } else { Err(BadConfig(wrong)) }
    }
}

/// Why an entry cannot be the default of a parameter.
fn fault(name: &str, spec: &ParamSpec, entry: &Entry) -> Option<String> {
    if spec.secret {
        return Some(format!("`{name}` is a secret, which has no place in this file: give it with --set {name}=..."));
    }
    spec.read(name, &entry.value).err().map(|bad| bad.to_string()).or_else(|| bare_rate(name, spec, &entry.value))
}

/// Bits per second from which on a bare number is taken for them: reports show rates so, and nobody types a million for one.
const SURELY_BITS: f64 = 1e6;

/// Why a rate without a unit is refused: it would be bits per second, which nobody means.
pub fn bare_rate(name: &str, spec: &ParamSpec, value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let is_bare =
        spec.kind == ParamType::Bitrate && text.parse::<f64>().is_ok_and(|number| number > 0.0 && number < SURELY_BITS);
    is_bare.then(|| format!("{name} is a rate: say {text}Mbit/s, or {text}bit/s if that is meant"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(texts: &[(&str, &str)]) -> Config {
        let mut config = Config::default();
        for (file, text) in texts {
            config.entries.extend(read::entries(text, Path::new(file)).unwrap());
        }
        config
    }

    #[test]
    fn the_users_file_goes_before_the_systems_by_key() {
        let config = config(&[
            ("/etc/casebook/config.toml", "[report]\nformat = \"text\"\ncolor = \"never\"\n"),
            ("/home/u/.config/casebook/config.toml", "[report]\n\nformat = \"markdown\"\nredact = [\"users\"]\n"),
        ]);
        assert_eq!(config.text("report.format").as_deref(), Some("markdown"));
        assert_eq!(config.text("report.color").as_deref(), Some("never"));
        assert_eq!(config.words("report.redact"), ["users"]);
        let places: Vec<String> = config.entries().map(|(key, entry)| format!("{key} {entry}")).collect();
        assert_eq!(places[1], "report.format /home/u/.config/casebook/config.toml:3");
    }

    #[test]
    fn a_runbooks_own_section_goes_before_the_one_for_all() {
        let config =
            config(&[("/c", "[params]\nhigh = \"1Gbit/s\"\nwindow = 5\n[params.floods]\nhigh = \"2Mbit/s\"\n")]);
        assert_eq!(config.param("floods", "high").unwrap().value, "2Mbit/s");
        assert_eq!(config.param("other", "high").unwrap().value, "1Gbit/s");
        assert_eq!(config.param("floods", "window").unwrap().value, "5");
        assert!(config.param("floods", "nothing").is_none() && config.has_params());
    }

    #[test]
    fn a_path_begins_at_the_folder_of_its_file() {
        let config = config(&[("/etc/casebook/config.toml", "[tracker.github]\ntoken_file = \"github.token\"\n")]);
        assert_eq!(config.path("tracker.github.token_file"), Some("/etc/casebook/github.token".into()));
    }
}
