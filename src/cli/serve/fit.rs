//! Answers that are too long for their client: the largest lists and texts end earlier, and what was left out is named.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How often an answer is shortened: each time its largest part.
const TIMES: usize = 64;
/// A text of fewer bytes is not shortened, while there is anything else.
const SHORT: usize = 200;
/// A text of fewer bytes never is: times, verdicts and other words of types have less.
const SHORTEST: usize = 48;
/// What an entry of `left_out` takes beside its two texts.
const ENTRY: usize = 19;
/// Where values lie whose fields nobody counts on.
const UNTYPED: &[&str] = &["evidence.output", "value", "probes[0].params_schema", "probes[0].output_schema"];
/// Parts whose keys come from a runbook, a check or a probe.
const KEYED: &[&str] = &[".subject", ".data", ".params", ".output"];
/// What says most of a conclusion: it is cut when nothing else can be.
const ESSENCE: &[&str] = &["summary", "causes[0].title"];
/// What stands where a text was cut.
const CUT: char = '…';
/// Parts that are named one by one.
const NAMED: usize = 8;
/// Bytes that the names of what was left out may take at most.
pub(super) const NAMES: usize = 500;

/// A part that was left out of an answer because it would have been too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) struct LeftOut {
    /// Where it was: `evidence.output.connections`.
    pub what: String,
    /// What is kept and what there was: `the first 20 of 4096`.
    pub kept: String,
}

/// How far parts are shortened.
struct Least {
    /// A text of so many bytes stays.
    text: usize,
    /// So do so many entries of a list.
    entries: usize,
    /// Whether keys of what a runbook or a probe names go, wherever they are.
    keys: bool,
    /// Whether [`ESSENCE`] is shortened, too.
    essence: bool,
}

/// First what can be spared; then all that a type allows, and the essence last.
const LEASTS: [Least; 3] = [
    Least { text: SHORT, entries: 1, keys: false, essence: false },
    Least { text: SHORTEST, entries: 0, keys: true, essence: false },
    Least { text: SHORTEST, entries: 0, keys: true, essence: true },
];

/// Shortens the value until it takes no more than `most` bytes as JSON. What has a type keeps its fields: their names, figures and
/// short texts may still be more.
pub(super) fn fit(value: &mut Value, most: usize) -> Vec<LeftOut> {
    let mut left_out: Vec<LeftOut> = Vec::new();
    let mut taken = length(value);
    for least in LEASTS {
        for _ in 0..TIMES {
            if taken <= most {
                break;
            }
            let Some(cut) = shorten(value, String::new(), taken - most, &least) else { break };
            match left_out.iter_mut().find(|before| before.what == cut.what) {
                // Of a list that was shortened twice, the first figure tells what there was.
                Some(before) => {
                    let there_was = before.kept.rsplit(" of ").next().unwrap_or_default().to_owned();
                    let kept = cut.kept.split(" of ").next().unwrap_or_default();
                    before.kept = format!("{kept} of {there_was}");
                }
                None => left_out.push(cut),
            }
            taken = length(value);
        }
    }
    // What cannot be shortened enough part by part is left out as a whole.
    for root in UNTYPED {
        if taken <= most {
            break;
        }
        if let Some(bytes) = leave_out(value, root) {
            left_out.push(LeftOut { what: (*root).to_owned(), kept: format!("nothing of {bytes} bytes") });
            taken = length(value);
        }
    }
    // What lies in a part that was left out itself is not told beside it.
    let whole: Vec<String> = left_out
        .iter()
        .filter(|cut| cut.kept.starts_with("nothing") || cut.kept.starts_with("none"))
        .flat_map(|cut| [format!("{}.", cut.what), format!("{}[", cut.what)])
        .collect();
    left_out.retain(|cut| !whole.iter().any(|above| cut.what.starts_with(above.as_str())));
    left_out
}

/// Takes the part at a path of [`UNTYPED`] away, and tells how many bytes it had.
fn leave_out(value: &mut Value, path: &str) -> Option<usize> {
    let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
    let pointer: String =
        above.split(['.', '[', ']']).filter(|part| !part.is_empty()).map(|part| format!("/{part}")).collect();
    let gone = value.pointer_mut(&pointer)?.as_object_mut()?.shift_remove(key)?;
    Some(length(&gone))
}

/// Names what was left out in so many bytes of JSON: the first parts, and how many more there are.
pub(super) fn named(mut left_out: Vec<LeftOut>, most: usize) -> Vec<LeftOut> {
    let bytes = |cut: &LeftOut| quoted(&cut.what) + quoted(&cut.kept) + ENTRY;
    let all = left_out.len();
    let mut told = false;
    while all > 0 && (left_out.len() > NAMED || left_out.iter().map(bytes).sum::<usize>() + 2 > most) {
        left_out.truncate(left_out.len().saturating_sub(1 + usize::from(told)));
        told = true;
        let more = all - left_out.len();
        let parts = match (left_out.len(), more) {
            (0, _) => "parts",
            (_, 1) => "more part",
            _ => "more parts",
        };
        left_out.push(LeftOut { what: format!("{more} {parts}"), kept: "in part".to_owned() });
        if left_out.len() == 1 {
            break;
        }
    }
    left_out
}

/// Bytes of a value as JSON.
pub(super) fn length(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        Value::Bool(flag) => {
            if *flag {
                4
            } else {
                5
            }
        }
        Value::Number(number) => number.to_string().len(),
        Value::String(text) => quoted(text),
        Value::Array(list) => 2 + list.iter().map(length).sum::<usize>() + list.len().saturating_sub(1),
        Value::Object(object) => {
            2 + object.iter().map(|(key, value)| quoted(key) + 1 + length(value)).sum::<usize>()
                + object.len().saturating_sub(1)
        }
    }
}

/// Bytes of a text as JSON.
pub(super) fn quoted(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..=31 => 6,
        _ => 1,
    };
    2 + text.bytes().map(escaped).sum::<usize>()
}

/// Shortens the largest part of a value by about so many bytes. Nothing, where no part can be.
fn shorten(value: &mut Value, path: String, by: usize, least: &Least) -> Option<LeftOut> {
    match value {
        Value::Array(list) if !list.is_empty() => {
            // The list that was asked for keeps one: from there on a client goes on.
            let fewest = if path.contains(['.', '[']) { least.entries } else { 1 };
            let sizes: Vec<usize> = list.iter().map(|value| length(value) + 1).collect();
            let whole: usize = sizes.iter().sum();
            let heaviest = (0..sizes.len()).max_by_key(|place| sizes[*place])?;
            // Of a list of few large things one of these is the large one.
            if (sizes[heaviest] > whole / 2 || list.len() <= fewest)
                && let Some(cut) = shorten(&mut list[heaviest], format!("{path}[{heaviest}]"), by, least)
            {
                return Some(cut);
            }
            let before = list.len();
            let mut gone = 0;
            while list.len() > fewest && gone < by {
                gone += sizes[list.len() - 1];
                list.pop();
            }
            let kept = match list.len() {
                0 => format!("none of {before}"),
                kept => format!("the first {kept} of {before}"),
            };
            (list.len() < before).then_some(LeftOut { what: path, kept })
        }
        Value::Object(object) => {
            let mut sizes: Vec<(String, usize)> =
                object.iter().map(|(key, value)| (key.clone(), length(value))).collect();
            sizes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
            // What has a type of its own keeps all of its fields; what a probe says of itself need not.
            let is_untyped = UNTYPED.iter().any(|root| path.starts_with(root));
            let is_keyed = least.keys && KEYED.iter().any(|of| path.ends_with(of));
            for (key, bytes) in sizes {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let part = object.get_mut(&key)?;
                if let Some(cut) = shorten(part, below.clone(), by, least) {
                    return Some(cut);
                }
                // Objects all the way down, and not a list in them.
                if is_keyed || (is_untyped && part.is_object() && bytes >= least.text) {
                    object.shift_remove(&key);
                    return Some(LeftOut { what: below, kept: format!("nothing of {bytes} bytes") });
                }
            }
            None
        }
        Value::String(text) if text.len() > least.text && (least.essence || !ESSENCE.contains(&path.as_str())) => {
            let before = text.len();
            let mut end = before.saturating_sub(by + CUT.len_utf8()).max(least.text - CUT.len_utf8());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            text.push(CUT);
            Some(LeftOut { what: path, kept: format!("the first {end} of {before} bytes") })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_length_is_that_of_the_json() {
        for value in [
            json!(null),
            json!({"a": [1, -2.5, true, false, null], "b\"\n": {}, "c": [], "é\u{1b}": "\u{7}\\\u{8}"}),
            json!([[], {}, "", 1e300]),
        ] {
            assert_eq!(length(&value), serde_json::to_string(&value).unwrap().len(), "{value}");
        }
    }

    #[test]
    fn the_largest_list_ends_earlier_and_is_named_with_what_there_was() {
        let rows: Vec<Value> = (0..4096).map(|port| json!({"port": port, "state": "listen"})).collect();
        let mut value = json!({"seconds": 3.0, "sockets": {"listeners": rows, "counts": [1, 2, 3]}});
        let left_out = fit(&mut value, 2000);
        let kept = value["sockets"]["listeners"].as_array().unwrap().len();
        assert!(length(&value) <= 2000 && kept > 40, "{kept}");
        assert_eq!(value["sockets"]["counts"], json!([1, 2, 3]));
        let named = LeftOut { what: "sockets.listeners".into(), kept: format!("the first {kept} of 4096") };
        assert_eq!(left_out, [named]);
    }

    #[test]
    fn texts_are_cut_between_characters_and_objects_without_lists_are_left_out_whole() {
        let mut value = json!({"text": "é".repeat(5000)});
        let left_out = fit(&mut value, 1000);
        assert!(length(&value) <= 1000 && left_out[0].kept.ends_with(" of 10000 bytes"), "{left_out:?}");
        let deep: Value = (0..100)
            .map(|n| (format!("counter_{n}"), json!({"now": n, "grew": n})))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let mut value = json!({"evidence": {"output": {"tcp": deep.clone(), "udp": deep, "seconds": 1}, "params": {}}});
        let left_out = fit(&mut value, 4000);
        assert!(length(&value) <= 4000, "{left_out:?}");
        assert!(left_out.iter().any(|cut| cut.what.starts_with("evidence.output.")));
        assert_eq!(value["evidence"]["output"]["seconds"], json!(1));
        let typed = json!({"diagnosis": {"counts": {"a": {"b": {"c": "d"}}}}});
        let mut value = typed.clone();
        assert!(fit(&mut value, 10).is_empty() && value == typed, "a type keeps its fields");
    }

    #[test]
    fn what_says_most_is_cut_last() {
        let said = "web (pid 812) accepts too slowly on port 8080: 9 connections wait, 8 may, and none is taken";
        let cause = json!({"title": said, "signs": ["a sign that takes some room", "another one of the same kind"]});
        let conclusion =
            json!({"summary": said, "causes": [cause], "not_seen": ["much that could not be seen ".repeat(6)]});
        let mut value = conclusion.clone();
        fit(&mut value, 340);
        assert!(length(&value) <= 340, "{value}");
        assert_eq!((&value["summary"], &value["causes"][0]["title"]), (&json!(said), &json!(said)));
        let mut value = conclusion;
        fit(&mut value, 240);
        assert!(length(&value) <= 240, "whoever chose a long name: {value}");
    }

    #[test]
    fn names_of_what_was_left_out_end_with_how_many_more_there_are() {
        let cut = |n: usize| LeftOut { what: format!("part_{n}"), kept: format!("the first 1 of {n}") };
        let all: Vec<LeftOut> = (0..20).map(cut).collect();
        let told = named(all.clone(), 10_000);
        assert_eq!((told.len(), told[NAMED - 1].what.as_str()), (NAMED, "13 more parts"));
        let few = named(all[..2].to_vec(), 89);
        assert_eq!(few.iter().map(|cut| cut.what.as_str()).collect::<Vec<_>>(), ["part_0", "1 more part"]);
        assert_eq!(named(all, 10)[0].what, "20 parts");
        assert!(named(Vec::new(), 0).is_empty());
    }

    #[test]
    fn what_fits_stays_and_what_cannot_be_shortened_is_left() {
        let whole = json!({"a": [1, 2], "b": "text"});
        let mut value = whole.clone();
        assert!(fit(&mut value, 1000).is_empty() && value == whole);
        let mut value = json!({"a": 1, "b": 2});
        assert!(fit(&mut value, 3).is_empty());
    }
}
