//! Parameters of a runbook: typed, checked before anything runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::units::{BitRate, Share, Size, Span};

/// The types that a parameter can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
    /// A network interface, or `auto`.
    Interface,
    /// A span of time: 10s.
    Duration,
    /// A bit rate: 20Mbit/s.
    Bitrate,
    /// A size: 64MiB.
    Size,
    /// A share: 5%.
    Share,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Any text.
    String,
    /// The path of a file or folder.
    Path,
    /// An IP address.
    Address,
    /// A port number.
    Port,
    /// `true` or `false`.
    Boolean,
}

impl ParamType {
    /// Every type, for messages.
    pub const ALL: &[ParamType] = &[
        ParamType::Interface,
        ParamType::Duration,
        ParamType::Bitrate,
        ParamType::Size,
        ParamType::Share,
        ParamType::Integer,
        ParamType::Number,
        ParamType::String,
        ParamType::Path,
        ParamType::Address,
        ParamType::Port,
        ParamType::Boolean,
    ];

    /// The word that runbooks use.
    pub const fn word(self) -> &'static str {
        match self {
            ParamType::Interface => "interface",
            ParamType::Duration => "duration",
            ParamType::Bitrate => "bitrate",
            ParamType::Size => "size",
            ParamType::Share => "share",
            ParamType::Integer => "integer",
            ParamType::Number => "number",
            ParamType::String => "string",
            ParamType::Path => "path",
            ParamType::Address => "address",
            ParamType::Port => "port",
            ParamType::Boolean => "boolean",
        }
    }

    /// Whether its values are texts, which can be told apart from other figures and so kept out of reports.
    pub const fn can_be_secret(self) -> bool {
        matches!(self, ParamType::String | ParamType::Path | ParamType::Address)
    }

    /// Whether its values can be compared with a least and a greatest one.
    pub(super) const fn has_range(self) -> bool {
        use ParamType::{Bitrate, Duration, Integer, Number, Port, Share, Size};
        matches!(self, Duration | Bitrate | Size | Share | Integer | Number | Port)
    }

    /// Reads a value of this type: from a text as people write it, or from a bare number or flag. Quantities become
    /// numbers in their base unit: seconds, bits per second, bytes, shares.
    pub fn read(self, value: &Value) -> Result<Value, String> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return Err("it is not a single value".into()),
        };
        let number = |result: Result<f64, String>| result.map(|number| json!(number));
        let message = |error: crate::units::BadQuantity| error.to_string();
        match self {
            ParamType::Duration => number(text.parse().map(|Span(span)| span.as_secs_f64()).map_err(message)),
            ParamType::Bitrate => number(text.parse().map(|BitRate(rate)| rate).map_err(message)),
            ParamType::Size => text.parse().map(|Size(size)| json!(size)).map_err(message),
            ParamType::Share => number(text.parse().map(|Share(share)| share).map_err(message)),
            ParamType::Integer => {
                text.parse::<i64>().map(|n| json!(n)).map_err(|_| format!("`{text}` is not a whole number"))
            }
            ParamType::Number => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(json!(number)),
                _ => Err(format!("`{text}` is not a number")),
            },
            ParamType::Port => {
                text.parse::<u16>().map(|n| json!(n)).map_err(|_| format!("`{text}` is not a port: 0 to 65535"))
            }
            ParamType::Address => text
                .parse::<std::net::IpAddr>()
                .map(|address| json!(address.to_string()))
                .map_err(|_| format!("`{text}` is not an IP address like 192.0.2.1 or 2001:db8::1")),
            ParamType::Boolean => match text.as_str() {
                "true" | "yes" | "on" | "1" => Ok(json!(true)),
                "false" | "no" | "off" | "0" => Ok(json!(false)),
                _ => Err(format!("`{text}` is neither true nor false")),
            },
            ParamType::Interface if text.is_empty() || text.len() > 64 => Err("an interface's name is missing".into()),
            ParamType::Interface | ParamType::String | ParamType::Path => Ok(json!(text)),
        }
    }
}

/// A declared parameter.
#[derive(Debug, Clone)]
pub struct ParamSpec {
    /// Its type.
    pub kind: ParamType,
    /// Its value when none is given, read.
    pub default: Option<Value>,
    /// The default as it is written in the runbook.
    pub default_text: Option<String>,
    /// The least value, read.
    pub min: Option<Value>,
    /// The greatest value, read.
    pub max: Option<Value>,
    /// The values that it can have, as written; any, when empty.
    pub choices: Vec<Value>,
    /// What it is for.
    pub help: String,
    /// Its value must be given.
    pub required: bool,
    /// Its value is kept out of reports.
    pub secret: bool,
}

/// A parameter that was given wrongly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParam {
    /// No such parameter.
    #[error("there is no parameter `{name}`; {help}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// The nearest name, or the names there are.
        help: String,
    },
    /// A value that it cannot have.
    #[error("parameter `{name}`: {why}")]
    Value {
        /// The parameter.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// It must be given.
    #[error("parameter `{name}` must be given: --set {name}=VALUE ({help})")]
    Missing {
        /// The parameter.
        name: String,
        /// What it is for.
        help: String,
    },
}

impl ParamSpec {
    /// Reads a value and checks it against the range and the choices.
    pub fn read(&self, name: &str, value: &Value) -> Result<Value, BadParam> {
        let bad = |why: String| BadParam::Value { name: name.to_owned(), why };
        let read = self.kind.read(value).map_err(|why| match self.secret {
            true => bad(format!("the secret is no {}", self.kind.word())),
            false => bad(why),
        })?;
        let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fits = |choice: &Value| self.kind.read(choice).is_ok_and(|choice| choice == read);
        if !self.choices.is_empty() && !self.choices.iter().any(fits) {
            let choices: Vec<String> = self.choices.iter().map(written).collect();
            let given = if self.secret { "the secret".to_owned() } else { format!("`{}`", written(value)) };
            return Err(bad(format!("{given} is not one of {}", choices.join(", "))));
        }
        let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_f64);
        if let Some(given) = read.as_f64() {
            if let Some(min) = number(&self.min).filter(|min| given < *min) {
                return Err(bad(format!("{} is less than the least, {}", written(value), self.show(min))));
            }
            if let Some(max) = number(&self.max).filter(|max| given > *max) {
                return Err(bad(format!("{} is more than the most, {}", written(value), self.show(max))));
            }
        }
        Ok(read)
    }

    fn show(&self, number: f64) -> String {
        match self.kind {
            ParamType::Duration => crate::units::span(number),
            ParamType::Bitrate => crate::units::bitrate(number),
            ParamType::Size => crate::units::bytes(number),
            ParamType::Share => crate::units::percent(number),
            _ => number.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(kind: ParamType) -> ParamSpec {
        ParamSpec {
            kind,
            default: None,
            default_text: None,
            min: Some(json!(1.0)),
            max: Some(json!(600.0)),
            choices: vec![],
            help: String::new(),
            required: false,
            secret: false,
        }
    }

    #[test]
    fn a_value_is_read_into_its_base_unit() {
        assert_eq!(spec(ParamType::Duration).read("window", &json!("2m")).unwrap(), json!(120.0));
        assert_eq!(spec(ParamType::Duration).read("window", &json!(5)).unwrap(), json!(5.0));
        assert_eq!(ParamType::Bitrate.read(&json!("20Mbit/s")).unwrap(), json!(20e6));
    }

    #[test]
    fn a_wrong_unit_or_range_says_so() {
        let error = spec(ParamType::Duration).read("window", &json!("10 MB")).unwrap_err().to_string();
        assert!(error.contains("parameter `window`") && error.contains("`MB` is not a unit of time"), "{error}");
        let error = spec(ParamType::Duration).read("window", &json!("1h")).unwrap_err().to_string();
        assert!(error.contains("more than the most, 10 min"), "{error}");
    }
}
