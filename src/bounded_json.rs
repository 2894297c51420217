//! JSON that somebody else wrote, and the form in which JSON is kept. Its values are counted before one of them is built: a few kilobytes of a packed file can
//! hold a hundred million of them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::ser::PrettyFormatter;

use crate::units;

/// A value as it is kept in files: a value in each line, so that `grep` and `diff` find it, and without indentation, which would be a
/// third of the whole.
pub fn in_lines(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Memory that one value takes at least, in bytes, with its place in a list or under a key. A list that grows has up to
/// twice the room that it needs.
pub const VALUE_BYTES: u64 = 128;

/// What the values of all documents that belong together may take: the members of one case, the lines of one journal.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: u64,
    left: u64,
}

impl Budget {
    /// Memory for the values of a case when nothing else is said, in bytes: what a run may take when nothing else is said.
    pub const USUAL: u64 = 128_000_000;
    /// Memory for the values of what a server answers, in bytes.
    pub const ANSWER: u64 = 32_000_000;

    /// A budget of so many bytes of memory.
    pub fn new(limit: u64) -> Self {
        Budget { limit, left: limit }
    }

    /// Bytes that are left.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Takes so many bytes out of it.
    pub fn take(&mut self, bytes: u64) -> Result<(), TooMuch> {
        self.left = self.left.checked_sub(bytes).ok_or(TooMuch { limit: self.limit })?;
        Ok(())
    }
}

impl Default for Budget {
    fn default() -> Self {
        Budget::new(Budget::USUAL)
    }
}

/// More values than the budget has room for. The message goes on from the name of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "holds more values than fit into {} of memory, so it is not read; if it comes from a run that you trust, allow more \
     with --max-memory",
    units::bytes(*limit as f64)
)]
pub struct TooMuch {
    limit: u64,
}

/// Why JSON was not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It holds too many values.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// It is not JSON, or not of the wanted form.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Counts the values of a document that comes in pieces. Within text that is JSON it never counts too few; where that ends,
/// a parser ends, too.
#[derive(Debug, Default)]
pub struct Counter {
    in_text: bool,
    escaped: bool,
}

impl Counter {
    /// Takes what the next piece of the document costs out of the budget: its bytes, and its values.
    pub fn count(&mut self, piece: &[u8], budget: &mut Budget) -> Result<(), TooMuch> {
        // A document of one value has no sign that would tell of it; its bytes are counted.
        for piece in piece.chunks(PIECE) {
            let mut values = 0;
            for byte in piece {
                if self.in_text {
                    match byte {
                        _ if self.escaped => self.escaped = false,
                        b'\\' => self.escaped = true,
                        b'"' => self.in_text = false,
                        _ => {}
                    }
                } else {
                    match byte {
                        b'"' => self.in_text = true,
                        b',' | b'[' | b'{' => values += 1,
                        _ => {}
                    }
                }
            }
            budget.take(piece.len() as u64 + values * VALUE_BYTES)?;
        }
        Ok(())
    }
}

/// How many bytes are counted between two looks at what is left.
const PIECE: usize = 64 * 1024;

/// Reads JSON whose values fit into the budget.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8], budget: &mut Budget) -> Result<T, Unread> {
    Counter::default().count(bytes, budget)?;
    counted(bytes).map_err(Unread::Json)
}

/// Reads JSON whose values were counted already.
#[allow(clippy::disallowed_methods, reason = "the one place where JSON of strangers is parsed")]
pub fn counted<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes)
}

/// Reads what a server answered.
pub fn answer<T: DeserializeOwned>(text: &str) -> Result<T, Unread> {
    from_slice(text.as_bytes(), &mut Budget::new(Budget::ANSWER))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The values of a document, by building them.
    fn built(value: &Value) -> u64 {
        1 + match value {
            Value::Array(list) => list.iter().map(built).sum(),
            Value::Object(map) => map.values().map(built).sum(),
            _ => 0,
        }
    }

    fn cost(text: &str) -> u64 {
        let mut budget = Budget::new(u64::MAX);
        Counter::default().count(text.as_bytes(), &mut budget).unwrap();
        u64::MAX - budget.left()
    }

    #[test]
    fn a_million_tiny_values_are_refused_before_they_are_built() {
        let text = format!("[{}0]", "0,".repeat(2_000_000));
        let read: Result<Value, _> = from_slice(text.as_bytes(), &mut Budget::default());
        let said = read.unwrap_err().to_string();
        assert!(said.contains("128 MB of memory") && said.contains("--max-memory"), "{said}");
        assert!(from_slice::<Value>(text.as_bytes(), &mut Budget::new(1_000_000_000)).is_ok());
    }

    #[test]
    fn signs_within_texts_are_no_values_and_a_text_ends_where_a_parser_ends_it() {
        assert_eq!(cost(r#"[",[{,[{"]"#), 10 + VALUE_BYTES);
        assert_eq!(cost(r#"["\"","\\",1]"#), 13 + 3 * VALUE_BYTES);
    }

    #[test]
    fn documents_that_belong_together_share_a_budget() {
        let mut budget = Budget::new(1_200);
        let mut read = || from_slice::<Value>(b"[1,2,3]", &mut budget).is_ok();
        assert_eq!([read(), read(), read(), read()], [true, true, true, false]);
    }

    #[test]
    fn what_nests_too_deep_is_an_error() {
        let deep = "[".repeat(100_000);
        assert!(matches!(from_slice::<Value>(deep.as_bytes(), &mut Budget::default()), Err(Unread::Json(_))));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<u32>().prop_map(Value::from), ".{0,8}".prop_map(Value::from)];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_value_is_missed(value in json(), cut in any::<prop::sample::Index>()) {
            let text = value.to_string();
            let mut budget = Budget::new(u64::MAX);
            let mut counter = Counter::default();
            let (one, two) = text.as_bytes().split_at(cut.index(text.len()));
            counter.count(one, &mut budget).unwrap();
            counter.count(two, &mut budget).unwrap();
            let counted = (u64::MAX - budget.left() - text.len() as u64) / VALUE_BYTES;
            prop_assert!(counted + 1 >= built(&value));
            prop_assert!(counted <= 2 * built(&value));
        }
    }
}
