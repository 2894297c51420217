//! Outputs as XML, of `sadf -x` and `vnstat --xml`: they say what the same tools print as JSON, and are read as such.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value, json};

use super::data::Data;
use super::here::Here;
use super::{sadf, vnstat};

/// Lines and bytes of XML that are read, how deep it may be, and elements of it.
const MOST_LINES: usize = 500_000;
const LONGEST: usize = 8 * 1024 * 1024;
const DEPTH: usize = 24;
const MOST: usize = 400_000;

/// An output as XML from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let first = document.line(here.at).trim();
    let begins = first.starts_with("<?xml") || first.starts_with("<sysstat") || first.starts_with("<vnstat ");
    if !begins {
        return None;
    }
    let is = |at: usize, sign: &str| document.line(at).trim_start().starts_with(sign);
    let root = (here.at..document.len().min(here.at + 8))
        .find_map(|at| ["sysstat", "vnstat"].into_iter().find(|root| is(at, &format!("<{root}"))))?;
    let end = format!("</{root}>");
    let last =
        (here.at..document.len().min(here.at + MOST_LINES)).find(|at| document.line(*at).trim_end().ends_with(&end))?;
    let lines = last + 1 - here.at;
    let text = document.slice(here.at, last + 1);
    let value = tree(Some(text).filter(|text| text.len() <= LONGEST)?)?;
    let data = match root {
        "sysstat" => Data::Rates(sadf::of_json(&statistics(&value["sysstat"]))?),
        _ => Data::Told(vnstat::of_json(&json!({
            "vnstatversion": value["vnstat"]["version"],
            "jsonversion": "2",
            "interfaces": each(&value["vnstat"]["interface"]).into_iter().map(interface).collect::<Vec<_>>(),
        }))),
    };
    Some((lines, data))
}

/// An element as an object: its attributes and children by name, several of one name as a list, a text alone as itself.
fn tree(text: &str) -> Option<Value> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<(String, Map<String, Value>, String)> = vec![Default::default()];
    for _ in 0..MOST {
        match reader.read_event().ok()? {
            Event::Start(element) if open.len() <= DEPTH => {
                open.push((name_of(&element), attributes(&element)?, String::new()));
            }
            Event::Start(_) => return None,
            Event::Empty(element) => {
                let value = Value::Object(attributes(&element)?);
                put(&mut open.last_mut()?.1, name_of(&element), value);
            }
            Event::Text(text) => open.last_mut()?.2.push_str(text.trim()),
            Event::End(_) => {
                let (name, fields, text) = open.pop()?;
                let value = if fields.is_empty() { figure(&text) } else { Value::Object(fields) };
                put(&mut open.last_mut()?.1, name, value);
            }
            Event::Eof => return open.pop().filter(|_| open.is_empty()).map(|(_, fields, _)| Value::Object(fields)),
            _ => {}
        }
    }
    None
}

fn name_of(element: &BytesStart<'_>) -> String {
    element.name().as_ref().to_owned()
}

fn attributes(element: &BytesStart<'_>) -> Option<Map<String, Value>> {
    let mut fields = Map::new();
    for attribute in element.attributes().take(64) {
        let attribute = attribute.ok()?;
        fields.insert(attribute.key.as_ref().to_owned(), figure(&attribute.value));
    }
    Some(fields)
}

fn put(fields: &mut Map<String, Value>, name: String, value: Value) {
    match fields.get_mut(&name) {
        Some(Value::Array(all)) => all.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
        None => drop(fields.insert(name, value)),
    }
}

/// A number where the text is one, else the text.
fn figure(text: &str) -> Value {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text.parse::<u64>() {
        Ok(whole) => json!(whole),
        Err(_) if plain => text.parse::<f64>().map_or_else(|_| json!(text), |figure| json!(figure)),
        Err(_) => json!(text),
    }
}

/// What may be one or a list.
fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(all) => all.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// `sadf -x` as `sadf -j` would have it.
fn statistics(sysstat: &Value) -> Value {
    let of_host = |host: &Value| {
        let timestamps = each(&host["statistics"]["timestamp"]).into_iter().map(|at| {
            let devices = |name: &str| each(&at["network"][name]).into_iter().cloned().collect::<Vec<Value>>();
            json!({
                "timestamp": {"date": at["date"], "time": at["time"]},
                "network": {"net-dev": devices("net-dev"), "net-edev": devices("net-edev")},
            })
        });
        json!({
            "nodename": host["nodename"],
            "release": host["release"],
            "number-of-cpus": host["number-of-cpus"],
            "file-date": host["file-date"],
            "statistics": timestamps.collect::<Vec<_>>(),
        })
    };
    json!({"sysstat": {"hosts": each(&sysstat["host"]).into_iter().map(of_host).collect::<Vec<_>>()}})
}

/// An interface of `vnstat --xml` as `vnstat --json` would have it.
fn interface(of: &Value) -> Value {
    let hours: Vec<&Value> = each(&of["traffic"]["hours"]["hour"]);
    json!({
        // It stands there twice, as an attribute and as an element.
        "name": each(&of["name"]).first().and_then(|name| name.as_str()).or_else(|| of["id"].as_str()),
        "updated": of["updated"],
        "traffic": {"total": of["traffic"]["total"], "hour": hours},
    })
}
