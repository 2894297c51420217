//! A pattern as it is asked for: an expression, and whose lines it is about.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Serialize};

use super::kind::Kind;

/// What to look for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Wanted {
    /// A Rust regular expression for one line of whatever log. What it finds may be what a stranger chose.
    Free(String),
    /// Lines of one author, or of whatever program.
    Bound(Bound),
}

impl Wanted {
    /// Whether only lines of an author count, who is told by what the logger put around them.
    pub(super) fn names_author(&self) -> bool {
        match self {
            Wanted::Free(_) => false,
            // A built-in pattern names its programs.
            Wanted::Bound(bound) => bound.expression.is_none() || bound.names_author(),
        }
    }
}

impl Bound {
    /// Whether it says who wrote the lines.
    pub(super) fn names_author(&self) -> bool {
        self.kind.is_some() || !self.program.is_empty()
    }
}

/// Lines of one author; with `match` alone those of whatever program, and no requests, whose words are their clients'. Whoever wrote a line is told by what the logger put around the message, never by the message.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bound {
    /// A Rust regular expression that the message begins with; of an access log, the request (`POST /login`). Unless given: the
    /// expression and the programs of the built-in pattern of that name; of an access log, every request.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// The programs whose lines count, as syslog lines name them: a list, or one text with commas between them. `kernel` stands for
    /// the kernel. An application that keeps its own files is known by their folder (`named`, `bind`: named; nginx; apache2; httpd).
    #[serde(deserialize_with = "programs", skip_serializing_if = "Vec::is_empty")]
    pub program: Vec<String>,
    /// The kind of log whose lines count. Unless given: any but access logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Wanted;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a regular expression, or `match` with `program` or `kind`")
            }
            fn visit_str<E>(self, text: &str) -> Result<Wanted, E> {
                Ok(Wanted::Free(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Wanted, A::Error> {
                Bound::deserialize(MapAccessDeserializer::new(map)).map(Wanted::Bound)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A list of programs, or a text of them.
fn programs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Given::deserialize(deserializer)? {
        Given::List(names) => names,
        Given::Text(text) => text.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
    })
}
