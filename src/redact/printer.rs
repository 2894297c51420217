//! A value printed as JSON while its secrets are taken out: each text goes from the value's own type to the paper, and no tree of
//! values is made of it. What is printed is, sign for sign, what the tree without its secrets would be; only names that become the same
//! without theirs stand there each, where a tree has one.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use compact_str::CompactString;
use serde::ser::{Serialize, SerializeMap as _, Serializer as _};
use serde_json::Error;
use serde_json::ser::{CharEscape, Compound, Formatter, PrettyFormatter, Serializer};

use super::scrub::Scrubber;
use super::texts::{Place, Visitor, is_observed};

/// Prints the fields of an object; none where that would take more than `most` bytes.
pub fn object(most: u64, fields: impl FnOnce(&mut Fields<'_>) -> Result<(), Error>) -> Result<Option<Vec<u8>>, Error> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let scrubs = Rc::new(Cell::new(false));
    let layout = Layout { scrubs: Rc::clone(&scrubs), ..Layout::default() };
    let mut serializer = Serializer::with_formatter(Paper { out: Vec::new(), most }, layout);
    let mut object = Fields { map: serializer.serialize_map(None)?, scrubs };
    let printed = fields(&mut object).and_then(|()| object.map.end());
    match printed {
        Err(error) if error.io_error_kind() == Some(io::ErrorKind::FileTooLarge) => Ok(None),
        Err(error) => Err(error),
        Ok(()) => {
            let mut printed = serializer.into_inner().out;
            printed.push(b'\n');
            Ok(Some(printed))
        }
    }
}

/// The fields of the object that is printed.
pub struct Fields<'a> {
    map: Compound<'a, Paper, Layout>,
    scrubs: Rc<Cell<bool>>,
}

impl Fields<'_> {
    /// A field that has lost its secrets already.
    pub fn field(&mut self, name: &'static str, value: &impl Serialize) -> Result<(), Error> {
        self.map.serialize_entry(name, value)
    }

    /// A field whose secrets are taken out.
    pub fn scrubbed(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.map.serialize_key(name)?;
        self.scrubs.set(true);
        let printed = self.map.serialize_value(value);
        self.scrubs.set(false);
        printed
    }
}

/// What was printed so far.
struct Paper {
    out: Vec<u8>,
    /// The most bytes of it.
    most: usize,
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.out.len() + bytes.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How it is laid out, a field or an item a line, and what has become of each text.
#[derive(Default)]
struct Layout {
    lines: PrettyFormatter<'static>,
    /// Whether secrets are taken out of what comes.
    scrubs: Rc<Cell<bool>>,
    scrubber: Scrubber,
    /// The field or item in which the next value stands, within those around it.
    within: Vec<At>,
    /// How many items each open list has so far.
    items: Vec<usize>,
    /// Whether the next text is the name of a field, and the last such name.
    is_name: bool,
    name: CompactString,
    /// The text that is gathered.
    text: String,
}

/// A place in what is printed.
struct At {
    field: CompactString,
    item: Option<usize>,
}

impl Layout {
    /// Brings the text that was gathered to the paper, without its secrets.
    fn print_text<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.is_name {
            self.name = self.text.as_str().into();
        }
        if self.scrubs.get() {
            let place = match self.within.last() {
                _ if self.is_name => Place::Said,
                Some(At { field, item: Some(number) }) => Place::Item(field, *number),
                Some(At { field, item: None }) => Place::Field(field),
                None => Place::Field(""),
            };
            if !self.is_name || is_observed(&self.text) {
                self.scrubber.text(place, &mut self.text);
            }
        }
        // What JSON escapes; nearly no text has any of it.
        if self.text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
            let quoted = serde_json::to_string(&self.text)?;
            writer.write_all(quoted.get(1..quoted.len() - 1).unwrap_or_default().as_bytes())?;
        } else {
            writer.write_all(self.text.as_bytes())?;
        }
        self.text.clear();
        Ok(())
    }
}

impl Formatter for Layout {
    fn end_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.print_text(writer)?;
        writer.write_all(b"\"")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, _: &mut W, fragment: &str) -> io::Result<()> {
        self.text.push_str(fragment);
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, _: &mut W, escape: CharEscape) -> io::Result<()> {
        self.text.push(match escape {
            CharEscape::Quote => '"',
            CharEscape::ReverseSolidus => '\\',
            CharEscape::Solidus => '/',
            CharEscape::Backspace => '\u{8}',
            CharEscape::FormFeed => '\u{c}',
            CharEscape::LineFeed => '\n',
            CharEscape::CarriageReturn => '\r',
            CharEscape::Tab => '\t',
            CharEscape::AsciiControl(byte) => char::from(byte),
        });
        Ok(())
    }

    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.lines.write_f64(writer, f64::from(value))
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.items.push(0);
        self.lines.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.items.pop();
        self.lines.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        let field = self.within.last().map(|at| at.field.clone()).unwrap_or_default();
        let item = self.items.last_mut().map(|count| std::mem::replace(count, *count + 1));
        self.within.push(At { field, item });
        self.lines.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.within.pop();
        self.lines.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.lines.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.lines.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.is_name = true;
        self.lines.begin_object_key(writer, first)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.is_name = false;
        self.lines.end_object_key(writer)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        // `user: [{value: ann, count: 3}]`: the value is the user. What is printed itself is no field.
        let field = match (self.name.as_str(), self.within.last()) {
            (_, None) => CompactString::default(),
            ("value", Some(around)) => around.field.clone(),
            _ => self.name.clone(),
        };
        self.within.push(At { field, item: None });
        self.lines.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.within.pop();
        self.lines.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use serde::Serialize;

    use serde_json::Value;

    use super::*;
    use crate::redact::texts::of_value;

    fn printed(value: &impl Serialize) -> String {
        String::from_utf8(object(u64::MAX, |fields| fields.scrubbed("output", value)).unwrap().unwrap()).unwrap()
    }

    fn by_the_tree(value: &impl Serialize) -> String {
        let mut tree = serde_json::to_value(value).unwrap();
        of_value(&mut tree, Place::Field(""), &mut Scrubber::default());
        serde_json::to_string_pretty(&serde_json::json!({ "output": tree })).unwrap() + "\n"
    }

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        Named(&'static str),
        Pair(u8, &'static str),
        Whole { password: &'static str, value: &'static str },
        Nothing(Option<()>),
    }

    #[derive(Serialize)]
    struct More {
        token: &'static str,
        more: u8,
    }

    #[derive(Serialize)]
    struct All {
        none: Option<u8>,
        numbers: (i8, u64, f32, f64, f64, i64),
        sign: char,
        password: &'static str,
        empty: Vec<u8>,
        nothing: BTreeMap<u8, u8>,
        lines: Vec<&'static str>,
        arguments: Vec<&'static str>,
        kinds: Vec<Kind>,
        by_number: BTreeMap<u16, Kind>,
        by_name: BTreeMap<&'static str, Vec<&'static str>>,
        address: IpAddr,
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<u8>,
        api_key: Vec<Named>,
        flat: Flat,
        unit: (),
        tree: Value,
    }

    #[derive(Serialize)]
    struct Named {
        value: &'static str,
        count: u64,
    }

    #[derive(Serialize)]
    struct Flat {
        first: u8,
        #[serde(flatten)]
        more: More,
    }

    #[test]
    fn what_is_printed_is_the_tree_without_its_secrets_sign_for_sign() {
        let all = All {
            none: None,
            numbers: (-3, u64::MAX, 0.1, 0.1, f64::NAN, i64::MIN),
            sign: '"',
            password: "hunter2",
            empty: Vec::new(),
            nothing: BTreeMap::new(),
            lines: vec![
                "-----BEGIN RSA PRIVATE KEY-----",
                "MIIEpAIBAAKCAQEAxyzzyxyzzyxyzzyxyzzyxyzzyxyzzy",
                "calm \u{1}\n",
            ],
            arguments: vec!["tool", "--password", "hunter3", "--verbose", "loud"],
            kinds: vec![
                Kind::Plain,
                Kind::Named("a_token=x1y2z3"),
                Kind::Pair(1, "calm"),
                Kind::Whole { password: "hunter4", value: "b" },
                Kind::Nothing(None),
            ],
            by_number: BTreeMap::from([(443, Kind::Plain), (80, Kind::Whole { password: "hunter5", value: "c" })]),
            by_name: BTreeMap::from([("postgres://app:hunter6@db/x", vec!["d"]), ("mysql://app:hunter7@db/x", vec![])]),
            address: "2001:db8::1".parse().unwrap(),
            left_out: None,
            api_key: vec![Named { value: "hunter8", count: 3 }],
            flat: Flat { first: 1, more: More { token: "hunter9", more: 2 } },
            unit: (),
            tree: serde_json::json!({ "secret": "hunter10", "list": [{}, [], null, 1.5] }),
        };
        let said = printed(&all);
        assert_eq!(said, by_the_tree(&all));
        assert!(!said.contains("hunter") && !said.contains("xyzzy") && !said.contains("x1y2z3"), "{said}");
        assert!(said.contains("2001:db8::1") && said.contains("\\u0001"), "{said}");
    }

    #[test]
    fn a_field_that_has_lost_its_secrets_is_printed_as_it_is() {
        let said = object(200, |fields| {
            fields.field("params", &serde_json::json!({ "password": "(password left out)" }))?;
            fields.scrubbed("output", "password=hunter2")?;
            fields.field("loss", &["password=hunter2"])
        });
        let said = String::from_utf8(said.unwrap().unwrap()).unwrap();
        assert!(said.contains("password=(password left out)") && said.contains("\"password=hunter2\"\n  ]"), "{said}");
    }

    #[test]
    fn what_is_too_long_is_not_printed_and_what_is_wrong_is_said() {
        let long = |most| object(most, |fields| fields.scrubbed("list", &vec!["calm"; 1_000])).unwrap();
        assert!(long(5_000).is_none() && long(50_000).is_some());
        // Lists are no keys.
        assert!(object(10_000, |fields| fields.scrubbed("map", &BTreeMap::from([([1, 2], 3)]))).is_err());
    }

    proptest::proptest! {
        #[test]
        fn so_is_any_text_in_any_list(texts in proptest::collection::vec("(--?password|token=|-----BEGIN PRIVATE KEY-----|.{0,12}|[A-Za-z0-9+/]{20})", 0..8)) {
            proptest::prop_assert_eq!(printed(&texts), by_the_tree(&texts));
            let named: Vec<_> = texts.iter().map(|text| BTreeMap::from([(text, text)])).collect();
            proptest::prop_assert_eq!(printed(&named), by_the_tree(&named));
        }
    }
}
