//! Where the fields of the running kernel's structures stand: BTF, the kernel's own description of its types.
//!
//! Only what is asked for is looked up. The text is read once, at most 64 MiB of it, or mapped, and given back with the value. What it
//! says is taken as the kernel's word, but no number in it is followed out of the text or round in a circle.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use memchr::memmem;

use super::text::Text;

/// Where the kernel describes its types (`CONFIG_DEBUG_INFO_BTF`).
pub const PATH: &str = "/sys/kernel/btf/vmlinux";
/// The most bytes that are read. A kernel's are some six million.
const MOST_BYTES: u64 = 64 << 20;
/// How many structures without a name may lie within each other, and names stand for each other.
const DEEPEST: u32 = 16;
/// The most values of an enumeration.
const MOST_VALUES: usize = 4096;

/// Bytes that each type begins with.
const HEADER: usize = 12;

/// `BTF_KIND_*`, as far as they are looked into.
mod kind {
    pub const INTEGER: u32 = 1;
    pub const POINTER: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCTURE: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUMERATION: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONSTANT: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const FUNCTION: u32 = 12;
    pub const PROTOTYPE: u32 = 13;
    pub const FLOAT: u32 = 16;
    pub const TYPE_TAG: u32 = 18;
}

/// The types of a kernel.
#[derive(Debug)]
pub struct KernelTypes {
    bytes: Text,
    strings: Range<usize>,
    /// Where each type begins; the first is type 1.
    starts: Vec<u32>,
}

/// A structure of a kernel.
#[derive(Clone, Copy)]
pub struct Structure<'a> {
    types: &'a KernelTypes,
    id: u32,
}

/// A field of a structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Bytes from the beginning of the structure.
    pub offset: i16,
    /// How long it is.
    pub bytes: u32,
}

/// A tracepoint, as programs see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracepoint {
    /// The number of its type, which a program is loaded with.
    pub id: u32,
    /// What each of its arguments is, or points to: `sk_buff`, `int`; empty for what has no name. The arguments themselves have
    /// none in the kernel's description. Each takes eight bytes.
    pub arguments: Vec<String>,
}

/// One type: its header, and what follows it.
#[derive(Clone, Copy)]
struct Type {
    name: u32,
    kind: u32,
    /// How many members, values or parameters it has.
    entries: usize,
    /// The members' offsets hold a width in bits in their upper byte.
    with_widths: bool,
    /// Its size, or the type that it stands for.
    size_or_type: u32,
    /// Where its entries begin.
    rest: usize,
}

impl KernelTypes {
    /// The types of the running kernel. Who asks while another still uses them gets the same. Fails with `NotFound` where the
    /// kernel does not describe them.
    pub fn of_running_kernel() -> io::Result<Arc<Self>> {
        static IN_USE: Mutex<Weak<KernelTypes>> = Mutex::new(Weak::new());
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(types) = in_use.upgrade() {
            return Ok(types);
        }
        let types = Arc::new(KernelTypes::read()?);
        *in_use = Arc::downgrade(&types);
        Ok(types)
    }

    fn read() -> io::Result<Self> {
        let text = Text::of(File::open("/sys/kernel/btf/vmlinux")?, MOST_BYTES)?;
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, format!("{PATH} is written in an unknown way"));
        KernelTypes::of(text).ok_or_else(malformed)
    }

    /// The types that a text holds; none if it is of another form.
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        KernelTypes::of(Text::Read(bytes))
    }

    fn of(bytes: Text) -> Option<Self> {
        let number = |at| word(&bytes, at).and_then(|number| usize::try_from(number).ok());
        if bytes.get(..2)? != 0xeb9f_u16.to_ne_bytes() || *bytes.get(2)? != 1 {
            return None;
        }
        let header = number(4)?;
        let part = |offset: usize, length: usize| {
            let begin = header.checked_add(offset)?;
            let end = begin.checked_add(length)?;
            (end <= bytes.len()).then_some(begin..end)
        };
        let (types, strings) = (part(number(8)?, number(12)?)?, part(number(16)?, number(20)?)?);
        let mut starts = Vec::with_capacity(types.len() / 24);
        let mut at = types.start;
        while at < types.end {
            starts.push(u32::try_from(at).ok()?);
            at = at.checked_add(HEADER)?.checked_add(length_of_rest(word(&bytes, at + 4)?)?)?;
        }
        (at == types.end).then_some(())?;
        Some(KernelTypes { bytes, strings, starts })
    }

    /// A structure by its name. All of the kernel's types are gone through: who needs several fields asks once.
    pub fn structure(&self, name: &str) -> Option<Structure<'_>> {
        Some(Structure { types: self, id: self.find(name, |kind| kind == kind::STRUCTURE)? })
    }

    /// The names of the values of an enumeration.
    pub fn enumeration(&self, name: &str) -> Option<BTreeMap<u32, String>> {
        let it = self.get(self.find(name, |kind| kind == kind::ENUMERATION)?)?;
        let mut values = BTreeMap::new();
        for entry in 0..it.entries.min(MOST_VALUES) {
            let at = it.rest + entry * 8;
            values.insert(word(&self.bytes, at + 4)?, self.string(word(&self.bytes, at)?)?.to_owned());
        }
        Some(values)
    }

    /// A tracepoint of the kernel itself, not of a module. Its first argument, which programs do not see, is left out.
    pub fn tracepoint(&self, name: &str) -> Option<Tracepoint> {
        let id = self.find(&format!("btf_trace_{name}"), |kind| kind == kind::TYPEDEF)?;
        let pointer = self.get(self.get(id)?.size_or_type).filter(|it| it.kind == kind::POINTER)?;
        let prototype = self.get(pointer.size_or_type).filter(|it| it.kind == kind::PROTOTYPE)?;
        let argument = |entry: usize| self.called(word(&self.bytes, prototype.rest + entry * 8 + 4)?, DEEPEST);
        Some(Tracepoint { id, arguments: (1..prototype.entries).map(argument).collect::<Option<_>>()? })
    }

    /// The number of the type of a function of the kernel itself, not of a module.
    pub fn function(&self, name: &str) -> Option<u32> {
        self.find(name, |kind| kind == kind::FUNCTION)
    }

    /// The name of a type, or of that which it points to.
    fn called(&self, id: u32, deep: u32) -> Option<String> {
        if id == 0 {
            return Some(String::new()); // void
        }
        let it = self.get(id)?;
        match it.kind {
            kind::POINTER | kind::VOLATILE | kind::CONSTANT | kind::RESTRICT | kind::TYPE_TAG => {
                self.called(it.size_or_type, deep.checked_sub(1)?)
            }
            _ => self.string(it.name).map(str::to_owned),
        }
    }

    fn get(&self, id: u32) -> Option<Type> {
        let at = self.starts.get(usize::try_from(id.checked_sub(1)?).ok()?)?;
        type_at(&self.bytes, usize::try_from(*at).ok()?)
    }

    fn string(&self, offset: u32) -> Option<&str> {
        let text = self.bytes.get(self.strings.clone())?.get(usize::try_from(offset).ok()?..)?;
        std::str::from_utf8(&text[..text.iter().position(|byte| *byte == 0)?]).ok()
    }

    /// Where a string stands among the strings. Each is there once.
    fn place_of(&self, name: &str) -> Option<u32> {
        let whole: Vec<u8> = [&[0], name.as_bytes(), &[0]].concat();
        let at = memmem::find(self.bytes.get(self.strings.clone())?, &whole)? + 1;
        u32::try_from(at).ok()
    }

    /// The first type of that name and kind.
    fn find(&self, name: &str, wanted: impl Fn(u32) -> bool) -> Option<u32> {
        let place = self.place_of(name)?;
        let name = place.to_ne_bytes();
        let is_it = |at: &u32| {
            let at = *at as usize;
            self.bytes.get(at..at + 4) == Some(&name[..]) && type_at(&self.bytes, at).is_some_and(|it| wanted(it.kind))
        };
        let index = self.starts.iter().position(is_it)?;
        u32::try_from(index + 1).ok()
    }

    /// Where a member stands, in bits, and its type.
    fn member(&self, structure: u32, name: &str, deep: u32) -> Option<(u32, u32)> {
        let it = self.get(self.named(structure, deep)?)?;
        if !matches!(it.kind, kind::STRUCTURE | kind::UNION) {
            return None;
        }
        for entry in 0..it.entries {
            let at = it.rest + entry * 12;
            let (called, of, offset) = (word(&self.bytes, at)?, word(&self.bytes, at + 4)?, word(&self.bytes, at + 8)?);
            let (width, offset) = if it.with_widths { (offset >> 24, offset & 0x00ff_ffff) } else { (0, offset) };
            if called == 0 {
                let within = deep.checked_sub(1).and_then(|deep| self.member(of, name, deep));
                if let Some((inner, of)) = within {
                    return Some((offset.checked_add(inner)?, of));
                }
            } else if width == 0 && self.string(called) == Some(name) {
                return Some((offset, of));
            }
        }
        None
    }

    /// What a name or a qualifier stands for in the end.
    fn named(&self, mut id: u32, deep: u32) -> Option<u32> {
        for _ in 0..=deep {
            let it = self.get(id)?;
            match it.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONSTANT | kind::RESTRICT | kind::TYPE_TAG => {
                    id = it.size_or_type;
                }
                _ => return Some(id),
            }
        }
        None
    }

    fn size(&self, id: u32, deep: u32) -> Option<u32> {
        let it = self.get(self.named(id, deep)?)?;
        match it.kind {
            kind::POINTER => Some(size_of::<usize>() as u32),
            kind::ARRAY => {
                let of = word(&self.bytes, it.rest)?;
                self.size(of, deep.checked_sub(1)?)?.checked_mul(word(&self.bytes, it.rest + 8)?)
            }
            kind::INTEGER | kind::STRUCTURE | kind::UNION | kind::ENUMERATION | kind::FLOAT | 19 => {
                Some(it.size_or_type)
            }
            _ => None,
        }
    }
}

impl Structure<'_> {
    /// A field by its name, and by those of the fields that it lies in: `["__sk_common", "skc_num"]`. Looks into structures and
    /// unions that have no name. None where there is no such field, or it does not begin at a byte.
    pub fn field(self, path: &[&str]) -> Option<Field> {
        let mut inside = self.id;
        let mut offset = 0u32;
        for name in path {
            let (at, of) = self.types.member(inside, name, DEEPEST)?;
            (offset, inside) = (offset.checked_add(at)?, of);
        }
        let bytes = self.types.size(inside, DEEPEST)?;
        offset.is_multiple_of(8).then(|| Some(Field { offset: i16::try_from(offset / 8).ok()?, bytes }))?
    }

    /// Where a field of so many bytes stands; none where there is no such field, or it has another size.
    pub fn offset(self, path: &[&str], bytes: u32) -> Option<i16> {
        self.field(path).filter(|field| field.bytes == bytes).map(|field| field.offset)
    }
}

/// The bytes that follow the header of a type, by its second word; none for a kind that is not known, whose length nobody
/// can tell.
fn length_of_rest(info: u32) -> Option<usize> {
    let each = match info >> 24 & 0x1f {
        2 | 7..=12 | 16 | 18 => return Some(0),
        1 | 14 | 17 => return Some(4),
        3 => return Some(12),
        4 | 5 | 15 | 19 => 12,
        6 | 13 => 8,
        _ => return None,
    };
    usize::try_from(info & 0xffff).ok()?.checked_mul(each)
}

fn type_at(bytes: &[u8], at: usize) -> Option<Type> {
    let (name, info, size_or_type) = (word(bytes, at)?, word(bytes, at + 4)?, word(bytes, at + 8)?);
    Some(Type {
        name,
        kind: info >> 24 & 0x1f,
        entries: usize::try_from(info & 0xffff).ok()?,
        with_widths: info >> 31 == 1,
        size_or_type,
        rest: at + HEADER,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(word.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text of types: 1 `u32`, 2 a structure without a name `{ u32 inner; }`, 3 `struct outer { u32 first; 2; u32 bit: 3; }`,
    /// 4 `typedef outer alias`, 5 `struct whole { alias part; u32 list[3]; }`, 6 the array, 7 `enum why { NONE, FULL = 7 }`,
    /// 8 `void (void *, u32)`, 9 its pointer, 10 `typedef 9 btf_trace_lost`.
    fn text() -> Vec<u8> {
        let mut strings = vec![0u8];
        let mut name = |text: &str| {
            let at = strings.len() as u32;
            strings.extend(text.bytes().chain([0]));
            at
        };
        let header =
            |name: u32, kind: u32, entries: u32, flag: u32, size: u32| [name, flag << 31 | kind << 24 | entries, size];
        let mut words: Vec<u32> = Vec::new();
        words.extend(header(name("u32"), 1, 0, 0, 4));
        words.push(32);
        words.extend(header(0, 4, 1, 0, 4));
        words.extend([name("inner"), 1, 0]);
        words.extend(header(name("outer"), 4, 3, 1, 12));
        words.extend([name("first"), 1, 0, 0, 2, 32, name("bit"), 1, 3 << 24 | 64]);
        words.extend(header(name("alias"), 8, 0, 0, 3));
        words.extend(header(name("whole"), 4, 2, 0, 24));
        words.extend([name("part"), 4, 0, name("list"), 6, 96]);
        words.extend(header(0, 3, 0, 0, 0));
        words.extend([1, 1, 3]);
        words.extend(header(name("why"), 6, 2, 0, 4));
        words.extend([name("NONE"), 0, name("FULL"), 7]);
        words.extend(header(0, 13, 2, 0, 0));
        words.extend([0, 0, 0, 1]);
        words.extend(header(0, 2, 0, 0, 8));
        words.extend(header(name("btf_trace_lost"), 8, 0, 0, 9));
        let types: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let lengths = [24, 0, types.len() as u32, types.len() as u32, strings.len() as u32];
        let magic = [&0xeb9f_u16.to_ne_bytes()[..], &[1, 0]].concat();
        [magic, lengths.iter().flat_map(|word| word.to_ne_bytes()).collect(), types, strings].concat()
    }

    #[test]
    fn a_field_is_found_inside_structures_without_a_name_and_behind_names_for_others() {
        let types = KernelTypes::parse(text()).unwrap();
        let (outer, whole) = (types.structure("outer").unwrap(), types.structure("whole").unwrap());
        assert_eq!(outer.field(&["inner"]), Some(Field { offset: 4, bytes: 4 }));
        assert_eq!(whole.field(&["part", "inner"]), Some(Field { offset: 4, bytes: 4 }));
        assert_eq!(whole.field(&["list"]), Some(Field { offset: 12, bytes: 12 }));
        assert_eq!((outer.offset(&["inner"], 4), outer.offset(&["inner"], 8)), (Some(4), None));
        assert_eq!(outer.field(&["bit"]), None, "it is a few bits");
        assert_eq!(outer.field(&["gone"]), None);
        assert!(types.structure("alias").is_none(), "that is no structure's own name");
    }

    #[test]
    fn values_and_arguments_are_called_as_the_kernel_calls_them() {
        let types = KernelTypes::parse(text()).unwrap();
        assert_eq!(types.enumeration("why").unwrap()[&7], "FULL");
        let lost = Tracepoint { id: 10, arguments: vec!["u32".to_owned()] };
        assert_eq!(types.tracepoint("lost"), Some(lost));
        assert_eq!(types.tracepoint("found"), None);
    }

    #[test]
    fn types_that_lie_in_themselves_come_to_an_end() {
        // The structure without a name holds itself, and the alias stands for itself.
        let mut circle = text();
        let at = |id: usize| usize::try_from(KernelTypes::parse(text()).unwrap().starts[id - 1]).unwrap();
        circle[at(2) + 12..at(2) + 20].copy_from_slice(&[0, 0, 0, 0, 2, 0, 0, 0]);
        circle[at(4) + 8..at(4) + 12].copy_from_slice(&4u32.to_ne_bytes());
        let types = KernelTypes::parse(circle).unwrap();
        assert_eq!(types.structure("outer").unwrap().field(&["gone"]), None);
        assert_eq!(types.structure("whole").unwrap().field(&["part", "first"]), None);
    }

    #[test]
    fn this_kernel_says_where_the_port_of_a_socket_stands() {
        match KernelTypes::of_running_kernel() {
            Ok(types) => {
                let port = types.structure("sock").unwrap().field(&["__sk_common", "skc_num"]).unwrap();
                assert_eq!(port.bytes, 2);
                assert_eq!(types.tracepoint("kfree_skb").unwrap().arguments[..2], ["sk_buff", ""]);
                assert!(types.function("bpf_iter_task_file").is_some());
                assert_eq!(types.function("sock"), None, "that is a structure");
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}"),
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(cut in 0usize..600, at in 0usize..600, byte: u8) {
            let mut changed = text();
            let length = changed.len();
            changed[at % length] = byte;
            changed.truncate(cut.max(length - 8));
            if let Some(types) = KernelTypes::parse(changed) {
                let _ = types.structure("whole").map(|it| (it.field(&["part", "inner"]), it.field(&["list"])));
                let _ = (types.enumeration("why"), types.tracepoint("lost"));
            }
        }
    }
}
