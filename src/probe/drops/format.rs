//! How the kernel describes the tracepoint `skb:kfree_skb`: by its types (BTF), or by a text of tracefs.

use std::collections::BTreeMap;

use crate::sys::bpf::btf::KernelTypes;

/// More names of reasons than any kernel has.
const MOST_NAMES: usize = 1024;

/// The reasons that a kernel gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasons {
    /// The place of the reason among the arguments of the tracepoint.
    pub argument: i16,
    /// The kernel's name of each reason. The numbers differ from kernel to kernel.
    pub names: BTreeMap<u32, String>,
    /// The names of subsystems that have reasons of their own, by the upper half of these.
    pub subsystems: BTreeMap<u32, String>,
}

impl Reasons {
    /// What a reason is called, also one of a subsystem, whose module knows its name.
    pub fn called(&self, number: u32) -> String {
        match (self.names.get(&number), self.subsystems.get(&(number >> 16))) {
            (Some(name), _) => name.clone(),
            (None, Some(subsystem)) if number >> 16 != 0 => format!("{subsystem} {}", number & 0xffff),
            _ => format!("reason {number}"),
        }
    }
}

/// Finds the reasons among the kernel's types; none before Linux 5.17.
pub fn reasons_of_types(types: &KernelTypes) -> Option<Reasons> {
    let arguments = types.tracepoint("kfree_skb")?.arguments;
    let argument = arguments.iter().position(|argument| argument == "skb_drop_reason")?;
    let named = |(number, name): (u32, String)| Some((number, plain_name(name.strip_prefix(PREFIX)?)?));
    let names = types.enumeration("skb_drop_reason")?.into_iter().filter_map(named).collect();
    let of_subsystem = |(number, name): (u32, String)| Some((number, plain_name(name.strip_prefix(SUBSYSTEM)?)?));
    let subsystems = types.enumeration("skb_drop_reason_subsys").unwrap_or_default();
    let subsystems = subsystems.into_iter().filter_map(of_subsystem).collect();
    Some(Reasons { argument: i16::try_from(argument).ok()?, names, subsystems }).filter(|it| !it.names.is_empty())
}

/// What the kernel's source puts before each name.
const PREFIX: &str = "SKB_DROP_REASON_";
const SUBSYSTEM: &str = "SKB_DROP_REASON_SUBSYS_";

/// The name of a reason; none for what only marks the end of the list, or the numbers of subsystems.
fn plain_name(name: &str) -> Option<String> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (plain && !matches!(name, "" | "MAX" | "SUBSYS_MASK")).then(|| name.to_owned())
}

/// Finds the reasons in the text of tracefs; none before Linux 5.17, or if it is written in a way that we do not know.
pub fn reasons_of_text(format: &str) -> Option<Reasons> {
    let declared = format.lines().find_map(|line| {
        let (field, layout) = line.trim().strip_prefix("field:")?.split_once(';')?;
        field.ends_with(" reason").then_some(layout)
    })?;
    let layout = |key: &str| {
        declared.split(';').find_map(|part| part.trim().strip_prefix(key)?.strip_prefix(':')?.parse::<i16>().ok())
    };
    if layout("size") != Some(4) {
        return None;
    }
    // The arguments are the packet, the place and the reason since there is one.
    const ARGUMENT: i16 = 2;
    let (_, list) = format.split_once("__print_symbolic(REC->reason,")?;
    let names = list.split('{').skip(1).take(MOST_NAMES).filter_map(named_number).collect();
    Some(Reasons { argument: ARGUMENT, names, subsystems: BTreeMap::new() }).filter(|it| !it.names.is_empty())
}

/// One reason as it stands in the list: ` 3, "NO_SOCKET" }, `.
fn named_number(text: &str) -> Option<(u32, String)> {
    let (number, rest) = text.split_once(',')?;
    let name = rest.split('"').nth(1)?;
    Some((number.trim().parse().ok()?, plain_name(name.strip_prefix(PREFIX).unwrap_or(name))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORMAT: &str = r#"name: kfree_skb
ID: 2310
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;

	field:void * skbaddr;	offset:8;	size:8;	signed:0;
	field:unsigned short protocol;	offset:32;	size:2;	signed:0;
	field:enum skb_drop_reason reason;	offset:36;	size:4;	signed:0;

print fmt: "skbaddr=%p reason: %s", REC->skbaddr, __print_symbolic(REC->reason, { 2, "NOT_SPECIFIED" }, { 3, "NO_SOCKET" }, { 12, "NETFILTER_DROP" }, { 128, "MAX" })
"#;

    #[test]
    fn reasons_are_named_as_the_running_kernel_names_them() {
        let field = reasons_of_text(FORMAT).unwrap();
        assert_eq!(field.names.get(&3).map(String::as_str), Some("NO_SOCKET"));
        assert_eq!(field.names.get(&12).map(String::as_str), Some("NETFILTER_DROP"));
        assert_eq!(field.names.len(), 3);
    }

    #[test]
    fn the_kernels_types_and_its_text_give_the_same_reasons() {
        let text = crate::sys::tracefs::Tracefs::open().and_then(|it| it.read("events/skb/kfree_skb/format"));
        let (Ok(types), Ok(text)) = (KernelTypes::of_running_kernel(), text) else {
            assert!(std::env::var_os("CI").is_none(), "CI has the privileges for this test");
            println!("skipped: no types, or no tracefs");
            return;
        };
        let types = reasons_of_types(&types);
        assert!(types.as_ref().is_none_or(|it| it.names.values().any(|name| name == "NO_SOCKET")), "{types:?}");
        let named = reasons_of_text(&text).map(|it| it.names);
        // The text also names what is no reason to drop.
        let kept = |names: BTreeMap<u32, String>| names.into_iter().filter(|it| it.0 > 1).collect::<BTreeMap<_, _>>();
        assert_eq!(types.map(|it| kept(it.names)), named.map(kept));
    }

    #[test]
    fn a_kernel_that_gives_no_reason_has_no_such_field() {
        assert_eq!(reasons_of_text(&FORMAT.replace("skb_drop_reason reason", "int mark")), None);
    }

    #[test]
    fn names_without_numbers_tell_nothing() {
        let unresolved = FORMAT.replace("{ 2,", "{ A,").replace("{ 3,", "{ B,").replace("{ 12,", "{ C,");
        assert_eq!(reasons_of_text(&unresolved), None);
    }

    proptest! {
        #[test]
        fn no_description_makes_it_panic(text in "(?s).*", cut in 0..FORMAT.len()) {
            let _ = reasons_of_text(&text);
            let _ = reasons_of_text(&FORMAT[..cut]);
            let _ = reasons_of_text(&format!("field:int reason;{text}\n__print_symbolic(REC->reason,{text}"));
        }
    }
}
