//! What was redacted, as the report says it.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

use crate::case::Case;

/// How the sentence begins.
const BEGIN: &str = "Redacted: ";

/// How much was redacted, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Note {
    /// Secrets that were left out.
    pub secrets: u64,
    /// Addresses that have pseudonyms.
    pub addresses: u64,
    /// Users that have pseudonyms.
    pub users: u64,
    /// Host names that have pseudonyms.
    pub hosts: u64,
}

static FIGURE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(\d{1,15}) (secret|address|user|host name)").ok());

impl Note {
    /// Whether nothing was redacted.
    pub fn is_empty(&self) -> bool {
        *self == Note::default()
    }

    fn read(sentence: &str) -> Option<Self> {
        let rest = sentence.strip_prefix(BEGIN)?;
        let mut note = Note::default();
        for found in FIGURE.as_ref()?.captures_iter(rest) {
            let figure = found.get(1)?.as_str().parse().ok()?;
            match found.get(2)?.as_str() {
                "secret" => note.secrets = figure,
                "address" => note.addresses = figure,
                "user" => note.users = figure,
                _ => note.hosts = figure,
            }
        }
        Some(note)
    }

    /// The note that the case has. It stands among the headlines, so that every report shows it.
    pub fn of(case: &Case) -> Option<Self> {
        case.diagnosis.headlines.iter().find_map(|headline| Note::read(headline))
    }

    /// Puts the note into the case, in place of the one that it has.
    pub fn put(self, case: &mut Case) {
        case.diagnosis.headlines.retain(|headline| Note::read(headline).is_none());
        if !self.is_empty() {
            case.diagnosis.headlines.push(self.to_string());
        }
    }
}

impl fmt::Display for Note {
    /// `Redacted: 1 secret was left out; 12 addresses and 2 users have pseudonyms.`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |figure: u64, one: &str, many: &str| format!("{figure} {}", if figure == 1 { one } else { many });
        let mut parts = Vec::new();
        if self.secrets > 0 {
            parts.push(format!("{} left out", count(self.secrets, "secret", "secrets")));
        }
        let named: Vec<String> = [
            (self.addresses, "address", "addresses"),
            (self.users, "user", "users"),
            (self.hosts, "host name", "host names"),
        ]
        .into_iter()
        .filter(|(figure, ..)| *figure > 0)
        .map(|(figure, one, many)| count(figure, one, many))
        .collect();
        if !named.is_empty() {
            parts.push(format!("{} under pseudonyms", named.join(", ")));
        }
        write!(f, "{BEGIN}{}", parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_is_read_back() {
        for note in [
            Note { secrets: 1, ..Note::default() },
            Note { secrets: 2, addresses: 1, users: 3, hosts: 4 },
            Note { addresses: 12, ..Note::default() },
        ] {
            assert_eq!(Note::read(&note.to_string()), Some(note), "{note}");
        }
        assert_eq!(Note::read("12 addresses attack"), None);
    }
}
