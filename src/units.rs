//! Quantities as people write and read them: spans of time, bit rates, sizes, shares.
//!
//! Reading accepts what an operator types (`10s`, `20Mbit/s`, `1.5GiB`, `5%`); printing gives what a ticket wants
//! (`84.2 Mbit/s`, `56.4 MB`). Rates and sizes are decimal, as the field's tools and link speeds are.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Text that is not the quantity that it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}: {why}; write it like {example}")]
pub struct BadQuantity {
    text: String,
    kind: &'static str,
    why: String,
    example: &'static str,
}

/// A span of time, written `10s`, `1m30s`, `500ms`; a bare number means seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub Duration);

/// A bit rate, written `20Mbit/s`, `1.5Gbps`, `900kbit/s`; a bare number means bits per second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct BitRate(pub f64);

/// A size in bytes, written `64MiB`, `10kB`, `1500`; a bare number means bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size(pub u64);

/// A share of a whole, written `5%` or `0.05`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Share(pub f64);

impl Span {
    /// A span of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Span(Duration::from_secs(seconds))
    }

    /// A span of seconds, if it is one that clocks can count: up to a hundred years, so that adding it to any moment stays
    /// in range.
    fn of_seconds(seconds: f64) -> Option<Self> {
        const LONGEST: f64 = 100.0 * 366.0 * 86_400.0;
        Duration::try_from_secs_f64(seconds).ok().filter(|span| span.as_secs_f64() <= LONGEST).map(Span)
    }
}

/// Splits `12.5 MB` into the number and its unit.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    number.is_finite().then(|| (number, text[end..].trim()))
}

impl FromStr for Span {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let bad = |why: &str| BadQuantity {
            text: text.to_owned(),
            kind: "a span of time",
            why: why.to_owned(),
            example: "10s, 500ms, 15m or 1h30m",
        };
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(bad("it is empty"));
        }
        let mut seconds = 0.0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
            let number: f64 = rest[..digits].parse().map_err(|_| bad("a number is missing"))?;
            rest = rest[digits..].trim_start();
            let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
            let scale = match &rest[..letters] {
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "" | "s" | "sec" | "second" | "seconds" => 1.0,
                "m" | "min" | "minute" | "minutes" => 60.0,
                "h" | "hour" | "hours" => 3600.0,
                "d" | "day" | "days" => 86400.0,
                unit => return Err(bad(&format!("`{unit}` is not a unit of time"))),
            };
            seconds += number * scale;
            rest = rest[letters..].trim_start();
        }
        Span::of_seconds(seconds).ok_or_else(|| bad("it is longer than 100 years"))
    }
}

impl FromStr for BitRate {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let bad = |why: String| BadQuantity {
            text: text.to_owned(),
            kind: "a bit rate",
            why,
            example: "20Mbit/s, 900kbit/s or 1.5Gbit/s",
        };
        let (number, unit) = number_and_unit(text).ok_or_else(|| bad("a number is missing".into()))?;
        let scale = match unit {
            "" | "bit/s" | "bps" | "b/s" => 1.0,
            "k" | "kbit" | "kbit/s" | "kbps" | "Kbit/s" | "Kbps" | "kb/s" => 1e3,
            "M" | "Mbit" | "Mbit/s" | "Mbps" | "mbit/s" | "mbps" | "Mb/s" => 1e6,
            "G" | "Gbit" | "Gbit/s" | "Gbps" | "gbit/s" | "gbps" | "Gb/s" => 1e9,
            "T" | "Tbit" | "Tbit/s" | "Tbps" => 1e12,
            "B/s" => 8.0,
            "kB/s" | "KB/s" => 8e3,
            "MB/s" => 8e6,
            "GB/s" => 8e9,
            unit => return Err(bad(format!("`{unit}` is not a unit of bit rate"))),
        };
        Ok(BitRate(number * scale))
    }
}

impl FromStr for Size {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let bad =
            |why: String| BadQuantity { text: text.to_owned(), kind: "a size", why, example: "1500, 10kB or 64MiB" };
        let (number, unit) = number_and_unit(text).ok_or_else(|| bad("a number is missing".into()))?;
        let scale = match unit {
            "" | "B" => 1.0,
            "k" | "kB" | "KB" => 1e3,
            "M" | "MB" => 1e6,
            "G" | "GB" => 1e9,
            "T" | "TB" => 1e12,
            "KiB" | "kiB" => 1024.0,
            "MiB" => 1024.0 * 1024.0,
            "GiB" => 1024.0 * 1024.0 * 1024.0,
            unit => return Err(bad(format!("`{unit}` is not a unit of size"))),
        };
        Ok(Size((number * scale) as u64))
    }
}

impl FromStr for Share {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let bad = |why: &str| BadQuantity {
            text: text.to_owned(),
            kind: "a share",
            why: why.to_owned(),
            example: "5% or 0.05",
        };
        let (number, unit) = number_and_unit(text).ok_or_else(|| bad("a number is missing"))?;
        let share = match unit {
            "" => number,
            "%" => number / 100.0,
            _ => return Err(bad("only % may follow the number")),
        };
        if (0.0..=1.0).contains(&share) { Ok(Share(share)) } else { Err(bad("it is outside 0 to 1")) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&span(self.0.as_secs_f64()))
    }
}

impl fmt::Display for BitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bitrate(self.0))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bytes(self.0 as f64))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&percent(self.0))
    }
}

/// Scales by thousands: the figure with three digits that count, and the prefix.
fn scaled(value: f64, prefixes: &[&'static str]) -> (String, &'static str) {
    let mut scaled = value;
    let mut index = 0;
    while scaled.abs() >= 999.5 && index + 1 < prefixes.len() {
        scaled /= 1000.0;
        index += 1;
    }
    (three_digits(scaled, index == 0), prefixes[index])
}

fn three_digits(value: f64, whole: bool) -> String {
    if whole && value.fract() == 0.0 || value.abs() >= 99.95 {
        grouped(value.round())
    } else if value.abs() >= 9.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A whole number with commas between thousands: `9,957`.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0.0 {
        out.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A bit rate for people: `84.2 Mbit/s`.
pub fn bitrate(bits_per_second: f64) -> String {
    let (figure, prefix) = scaled(bits_per_second, &["", "k", "M", "G", "T"]);
    format!("{figure} {prefix}bit/s")
}

/// A size for people, in decimal units: `56.4 MB`.
pub fn bytes(bytes: f64) -> String {
    let (figure, prefix) = scaled(bytes, &["", "k", "M", "G", "T"]);
    format!("{figure} {prefix}B")
}

/// A share for people: `99.4 %`. Shares that are not quite all or not quite nothing never read as 100 % or 0 %.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.05 {
        "< 0.1 %".to_owned()
    } else if (99.95..100.0).contains(&percent) {
        "> 99.9 %".to_owned()
    } else if percent.fract() == 0.0 || percent.abs() >= 99.95 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}

/// A count or rate of things for people: `9,957`, `0.33`.
pub fn count(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 99.5 {
        grouped(value)
    } else if value.abs() >= 9.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A span of time for people: `10 s`, `250 ms`, `6 h 30 min`.
pub fn span(seconds: f64) -> String {
    let minutes = |seconds: f64| (seconds / 60.0).floor();
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 120.0 => {
            if (s - s.round()).abs() < 0.05 {
                format!("{s:.0} s")
            } else {
                format!("{s:.1} s")
            }
        }
        s if s < 7200.0 => format!("{:.0} min", minutes(s)),
        s if s < 172_800.0 => format!("{:.0} h {:.0} min", (s / 3600.0).floor(), minutes(s % 3600.0)),
        s => format!("{:.0} d {:.0} h", (s / 86400.0).floor(), ((s % 86400.0) / 3600.0).floor()),
    }
}

/// Gives a quantity its place in JSON: written as text or as a bare number, kept as text or as a number.
macro_rules! quantity_in_json {
    ($type:ident, $kind:literal, $description:literal, $number:expr, $serialize:expr, $json_type:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                        f.write_str($kind)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$type, E> {
                        self.visit_f64(number as f64)
                    }
                    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<$type, E> {
                        self.visit_f64(number as f64)
                    }
                    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<$type, E> {
                        let convert: fn(f64) -> Option<$type> = $number;
                        convert(number).ok_or_else(|| {
                            E::custom(format_args!("{number} is out of range for {}", $kind))
                        })
                    }
                }
                deserializer.deserialize_any(Visitor)
            }
        }

        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let convert: fn(&$type) -> serde_json::Value = $serialize;
                convert(self).serialize(serializer)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": ["string", "number"],
                    "format": $json_type,
                    "description": $description,
                })
            }
        }
    };
}

quantity_in_json!(
    Span,
    "a span of time like 10s",
    "A span of time like 10s, 500ms or 15m; a bare number means seconds.",
    Span::of_seconds,
    |span| serde_json::json!(span.0.as_secs_f64()),
    "span"
);
quantity_in_json!(
    BitRate,
    "a bit rate like 20Mbit/s",
    "A bit rate like 20Mbit/s; a bare number means bits per second.",
    |bits| (bits >= 0.0).then_some(BitRate(bits)),
    |rate| serde_json::json!(rate.0),
    "bitrate"
);
quantity_in_json!(
    Size,
    "a size like 64MiB",
    "A size like 64MiB; a bare number means bytes.",
    |bytes| (0.0..=u64::MAX as f64).contains(&bytes).then_some(Size(bytes as u64)),
    |size| serde_json::json!(size.0),
    "size"
);
quantity_in_json!(
    Share,
    "a share like 5%",
    "A share like 5% or 0.05.",
    |share| (0.0..=1.0).contains(&share).then_some(Share(share)),
    |share| serde_json::json!(share.0),
    "share"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, seconds) in [("10s", 10.0), ("500ms", 0.5), ("1h30m", 5400.0), ("15 min", 900.0), ("7", 7.0)] {
            assert_eq!(text.parse::<Span>().unwrap().0.as_secs_f64(), seconds, "{text}");
        }
        for text in ["", "s", "10 parsecs", "-3s", "1e99d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn rates_know_bits_from_bytes() {
        assert_eq!("20Mbit/s".parse::<BitRate>().unwrap().0, 20e6);
        assert_eq!("2.5 MB/s".parse::<BitRate>().unwrap().0, 20e6);
        let refused = "20 Mparsec".parse::<BitRate>().unwrap_err().to_string();
        assert!(refused.contains("`Mparsec` is not a unit of bit rate"), "{refused}");
    }

    #[test]
    fn figures_read_like_a_ticket() {
        assert_eq!(bitrate(84_200_000.0), "84.2 Mbit/s");
        assert_eq!(bitrate(999_999.0), "1.00 Mbit/s");
        assert_eq!(bitrate(0.0), "0 bit/s");
        assert_eq!(bytes(56_400_000.0), "56.4 MB");
        assert_eq!(count(9957.0), "9,957");
        assert_eq!(count(0.333), "0.33");
        assert_eq!(span(23400.0), "6 h 30 min");
        assert_eq!(span(10.02), "10 s");
    }

    #[test]
    fn nearly_all_never_reads_as_all() {
        assert_eq!(percent(0.9999), "> 99.9 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.0001), "< 0.1 %");
        assert_eq!(percent(0.994), "99.4 %");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_quantity_panic(text in ".{0,24}") {
            let _ = text.parse::<Span>();
            let _ = text.parse::<BitRate>();
            let _ = text.parse::<Size>();
            let _ = text.parse::<Share>();
        }
    }
}
