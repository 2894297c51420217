//! The text in which the kernel describes the tracepoint `skb:kfree_skb`.

use std::collections::BTreeMap;

/// More names of reasons than any kernel has.
const MOST_NAMES: usize = 1024;

/// The field that says why a packet was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonField {
    /// Where it stands in the record, in bytes.
    pub offset: i16,
    /// The kernel's name of each reason. The numbers differ from kernel to kernel.
    pub names: BTreeMap<u32, String>,
}

/// Finds the reason in the description of the tracepoint; none before Linux 5.17, or if it is described in a way that we
/// do not know.
pub fn reason_field(format: &str) -> Option<ReasonField> {
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
    let (_, list) = format.split_once("__print_symbolic(REC->reason,")?;
    let names = list.split('{').skip(1).take(MOST_NAMES).filter_map(named_number).collect();
    Some(ReasonField { offset: layout("offset").filter(|offset| *offset >= 8)?, names })
        .filter(|it| !it.names.is_empty())
}

/// One reason as it stands in the list: ` 3, "NO_SOCKET" }, `.
fn named_number(text: &str) -> Option<(u32, String)> {
    let (number, rest) = text.split_once(',')?;
    let name = rest.split('"').nth(1)?;
    let name = name.strip_prefix("SKB_DROP_REASON_").unwrap_or(name);
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    // `MAX` only marks the end of the list.
    (plain && !name.is_empty() && name != "MAX").then(|| Some((number.trim().parse().ok()?, name.to_owned())))?
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
        let field = reason_field(FORMAT).unwrap();
        assert_eq!(field.offset, 36);
        assert_eq!(field.names.get(&3).map(String::as_str), Some("NO_SOCKET"));
        assert_eq!(field.names.get(&12).map(String::as_str), Some("NETFILTER_DROP"));
        assert_eq!(field.names.len(), 3);
    }

    #[test]
    fn a_kernel_that_gives_no_reason_has_no_such_field() {
        assert_eq!(reason_field(&FORMAT.replace("skb_drop_reason reason", "int mark")), None);
    }

    #[test]
    fn names_without_numbers_tell_nothing() {
        let unresolved = FORMAT.replace("{ 2,", "{ A,").replace("{ 3,", "{ B,").replace("{ 12,", "{ C,");
        assert_eq!(reason_field(&unresolved), None);
    }

    proptest! {
        #[test]
        fn no_description_makes_it_panic(text in "(?s).*", cut in 0..FORMAT.len()) {
            let _ = reason_field(&text);
            let _ = reason_field(&FORMAT[..cut]);
            let _ = reason_field(&format!("field:int reason;{text}\n__print_symbolic(REC->reason,{text}"));
        }
    }
}
