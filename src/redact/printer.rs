//! A value printed as JSON while its secrets are taken out: each text goes from the value's own type to the paper, and no tree of
//! values is made of it. What is printed is, sign for sign, what the tree without its secrets would be.

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::{Error, Map, Value};

use super::scrub::Scrubber;
use super::texts::{Place, Visitor, of_value};

/// Blanks by which a line is moved in for each thing that it stands within.
const STEP: usize = 2;

/// JSON that is being printed, a field or an item a line.
pub struct Printer {
    out: Vec<u8>,
    /// The most bytes of it.
    most: usize,
    depth: usize,
    /// Takes the secrets out; none while what is printed has lost its own already.
    scrubber: Option<Scrubber>,
    /// Where the next value stands.
    place: At,
    /// The text that is looked at.
    text: String,
}

/// A place in what is printed, by the names that types have for their fields.
#[derive(Clone, Copy)]
struct At {
    field: &'static str,
    item: Option<usize>,
}

impl At {
    /// A field within what stands here.
    fn field(self, name: &'static str) -> Self {
        At { field: if name == "value" { self.field } else { name }, item: None }
    }

    fn place(&self) -> Place<'static> {
        match self.item {
            Some(number) => Place::Item(self.field, number),
            None => Place::Field(self.field),
        }
    }
}

/// Prints the fields of an object; none where that would take more than `most` bytes.
pub fn object(most: u64, fields: impl FnOnce(&mut Fields<'_>) -> Result<(), Error>) -> Result<Option<Vec<u8>>, Error> {
    let place = At { field: "", item: None };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut printer = Printer { out: Vec::new(), most, depth: 0, scrubber: None, place, text: String::new() };
    let mut object = Fields(printer.begin(b'{', b'}'));
    let printed = fields(&mut object);
    object.0.end();
    printer.out.push(b'\n');
    match printed {
        Err(_) if printer.out.len() > most => Ok(None),
        printed => printed.map(|()| Some(printer.out)),
    }
}

/// The fields of the object that is printed.
pub struct Fields<'a>(Parts<'a>);

impl Fields<'_> {
    /// A field that has lost its secrets already.
    pub fn field(&mut self, name: &'static str, value: &impl Serialize) -> Result<(), Error> {
        self.0.field(name, value)
    }

    /// A field whose secrets are taken out.
    pub fn scrubbed(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.0.printer.scrubber = Some(Scrubber::default());
        self.0.key(name)?;
        self.0.printer.place = At { field: "", item: None };
        let printed = value.serialize(&mut *self.0.printer);
        self.0.printer.scrubber = None;
        printed
    }
}

impl Printer {
    fn line(&mut self) {
        self.out.push(b'\n');
        self.out.resize(self.out.len() + STEP * self.depth, b' ');
    }

    /// A text in quotes.
    fn quoted(&mut self, text: &str) -> Result<(), Error> {
        // What JSON escapes; nearly no name has any of it.
        if text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
            return serde_json::to_writer(&mut self.out, text);
        }
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'"');
        Ok(())
    }

    /// A text that stands at the place of the value.
    fn said(&mut self, text: &str) -> Result<(), Error> {
        let Some(scrubber) = &mut self.scrubber else { return self.quoted(text) };
        self.text.clear();
        self.text.push_str(text);
        scrubber.text(self.place.place(), &mut self.text);
        let text = std::mem::take(&mut self.text);
        let printed = self.quoted(&text);
        self.text = text;
        printed
    }

    fn number(&mut self, number: impl Serialize) -> Result<(), Error> {
        serde_json::to_writer(&mut self.out, &number)
    }

    /// A tree of values as it stands.
    fn tree(&mut self, value: &Value) -> Result<(), Error> {
        match value {
            Value::String(text) => self.quoted(text),
            Value::Array(items) => {
                let mut parts = self.begin(b'[', b']');
                for item in items {
                    parts.line()?;
                    parts.printer.tree(item)?;
                }
                parts.end();
                Ok(())
            }
            Value::Object(fields) => {
                let mut parts = self.begin(b'{', b'}');
                for (name, field) in fields {
                    parts.key(name)?;
                    parts.printer.tree(field)?;
                }
                parts.end();
                Ok(())
            }
            other => self.number(other),
        }
    }

    /// Begins an object or a list.
    fn begin(&mut self, opens: u8, closes: u8) -> Parts<'_> {
        self.out.push(opens);
        self.depth += 1;
        Parts { at: self.place, printer: self, count: 0, closes, outer: false }
    }

    /// Begins the object or list of a variant, in an object of which it is the only field.
    fn begin_variant(&mut self, variant: &'static str, opens: u8, closes: u8) -> Result<Parts<'_>, Error> {
        let at = self.place;
        let mut outer = self.begin(b'{', b'}');
        outer.key(variant)?;
        let printer = outer.printer;
        printer.place = at.field(variant);
        Ok(Parts { outer: true, ..printer.begin(opens, closes) })
    }
}

/// The parts of an object or a list, one after the other.
pub struct Parts<'a> {
    printer: &'a mut Printer,
    /// Where the whole stands.
    at: At,
    count: usize,
    closes: u8,
    /// Whether an object stands around it.
    outer: bool,
}

impl Parts<'_> {
    fn line(&mut self) -> Result<(), Error> {
        if self.printer.out.len() > self.printer.most {
            return Err(Error::custom("it is too long to be printed"));
        }
        if self.count > 0 {
            self.printer.out.push(b',');
        }
        self.count += 1;
        self.printer.line();
        Ok(())
    }

    fn key(&mut self, name: &str) -> Result<(), Error> {
        self.line()?;
        self.printer.quoted(name)?;
        self.printer.out.extend_from_slice(b": ");
        Ok(())
    }

    fn field(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.key(name)?;
        self.printer.place = self.at.field(name);
        value.serialize(&mut *self.printer)
    }

    fn item(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.printer.place = At { item: Some(self.count), ..self.at };
        self.line()?;
        value.serialize(&mut *self.printer)
    }

    fn end(self) {
        self.printer.depth -= 1;
        if self.count > 0 {
            self.printer.line();
        }
        self.printer.out.push(self.closes);
        if self.outer {
            self.printer.depth -= 1;
            self.printer.line();
            self.printer.out.push(b'}');
        }
    }
}

/// An object whose keys are no names of fields: they may have been observed, and are looked at together.
pub struct Keyed<'a> {
    printer: &'a mut Printer,
    fields: Map<String, Value>,
    key: Option<String>,
}

impl<'a> Serializer for &'a mut Printer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Keyed<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.number(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.said(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.said(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.said(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let mut parts = self.begin(b'{', b'}');
        parts.field(variant, value)?;
        parts.end();
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(self.begin(b'[', b']'))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Error> {
        Ok(self.begin(b'[', b']'))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Error> {
        Ok(self.begin(b'[', b']'))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Error> {
        self.begin_variant(variant, b'[', b']')
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Keyed<'a>, Error> {
        Ok(Keyed { printer: self, fields: Map::new(), key: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Error> {
        Ok(self.begin(b'{', b'}'))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Error> {
        self.begin_variant(variant, b'{', b'}')
    }
}

impl SerializeSeq for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<(), Error> {
        Parts::end(self);
        Ok(())
    }
}

impl SerializeTuple for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<(), Error> {
        Parts::end(self);
        Ok(())
    }
}

impl SerializeTupleStruct for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<(), Error> {
        Parts::end(self);
        Ok(())
    }
}

impl SerializeTupleVariant for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<(), Error> {
        Parts::end(self);
        Ok(())
    }
}

impl SerializeStruct for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Error> {
        Parts::end(self);
        Ok(())
    }
}

impl SerializeStructVariant for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Error> {
        Parts::end(self);
        Ok(())
    }
}

impl SerializeMap for Keyed<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        // What a key may be, a number or a text, the tree knows.
        let tree = serde_json::to_value(Key(key))?;
        self.key = tree.as_object().and_then(|only| only.keys().next().cloned());
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = self.key.take().ok_or_else(|| Error::custom("a value without its key"))?;
        self.fields.insert(key, serde_json::to_value(value)?);
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        let mut tree = Value::Object(self.fields);
        if let Some(scrubber) = &mut self.printer.scrubber {
            of_value(&mut tree, self.printer.place.place(), scrubber);
        }
        self.printer.tree(&tree)
    }
}

/// An object with one key and nothing behind it.
struct Key<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Key<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0, &())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use serde::Serialize;

    use super::*;

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
