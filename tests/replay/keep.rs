//! Makes recorded cases out of what the live incidents left: small, and free of the machine that they were played on.

use casebook::case::Case;
use serde_json::{Map, Value, json};

/// Rows of a list that are kept: enough that there is a first, a second and a rest.
const ROWS: usize = 8;
/// The kernel's release without what its builder added.
const KERNEL: &str = "6.18.0";

/// The case without what no judgement uses, and without the names of this machine.
pub fn trimmed(mut case: Case) -> Case {
    // The shipped runbook judges it.
    case.runbook.text.clear();
    case.host.name = "server".to_owned();
    case.host.kernel = KERNEL.to_owned();
    for cause in &mut case.diagnosis.causes {
        cause.signs.clear();
        cause.remedies.clear();
    }
    for (step, evidence) in &mut case.evidence {
        let Some(output) = evidence.output.as_mut().and_then(Value::as_object_mut) else { continue };
        match step.as_str() {
            "host" => {
                set(output, "hostname", json!("server"));
                set(output, "kernel", json!(KERNEL));
            }
            "logs" => set(output, "dir", json!("/var/log")),
            "traffic" => trim_capture(output),
            "rates" => {
                for side in ["watched", "loopback"] {
                    let samples = output.get_mut(side).and_then(|side| side.get_mut("samples"));
                    samples.and_then(Value::as_array_mut).into_iter().for_each(|samples| samples.truncate(ROWS));
                }
            }
            _ => {}
        }
    }
    case
}

fn set(output: &mut Map<String, Value>, field: &str, value: Value) {
    if output.get(field).is_some_and(|known| !known.is_null()) {
        output.insert(field.to_owned(), value);
    }
}

/// Long lists of packets' ends. Endpoints are folded into the sums of those that are not listed, so that all still adds up.
fn trim_capture(output: &mut Map<String, Value>) {
    let list = |output: &mut Map<String, Value>, name: &str| match output.get_mut(name) {
        Some(Value::Array(rows)) => std::mem::take(rows),
        _ => Vec::new(),
    };
    let (mut endpoints, mut others) = (list(output, "endpoints"), list(output, "other_endpoints"));
    let folded = endpoints.split_off(endpoints.len().min(ROWS));
    for endpoint in folded {
        let protocol = endpoint["protocol"].clone();
        let place = others.iter().position(|other| other["protocol"] == protocol).unwrap_or_else(|| {
            others.push(json!({"protocol": protocol, "endpoints": 0, "packets": 0, "bytes": 0}));
            others.len() - 1
        });
        let add = |other: &mut Value, field: &str, more: u64| {
            other[field] = json!(other[field].as_u64().unwrap_or(0) + more);
        };
        add(&mut others[place], "endpoints", 1);
        for field in ["packets", "bytes"] {
            add(&mut others[place], field, endpoint[field].as_u64().unwrap_or(0));
        }
    }
    output.insert("endpoints".to_owned(), endpoints.into());
    output.insert("other_endpoints".to_owned(), others.into());
    for name in ["flows", "source_ports"] {
        let mut rows = list(output, name);
        rows.truncate(ROWS);
        output.insert(name.to_owned(), rows.into());
    }
    if let Some(Value::Array(top)) = output.get_mut("remotes").and_then(|remotes| remotes.get_mut("top")) {
        top.truncate(ROWS);
    }
}

/// The levels of a case that are written on lines of their own.
const LEVELS: usize = 4;

/// The case as JSON that can be compared line by line: a line for each field of the evidence.
pub fn text(case: &Case) -> String {
    let mut text = String::new();
    write(&mut text, &serde_json::to_value(case).expect("a case is JSON"), 0);
    text.push('\n');
    text
}

fn write(text: &mut String, value: &Value, level: usize) {
    let (open, close, parts): (char, char, Vec<(String, &Value)>) = match value {
        Value::Object(fields) if level < LEVELS && !fields.is_empty() => {
            ('{', '}', fields.iter().map(|(name, field)| (format!("{}: ", json!(name)), field)).collect())
        }
        Value::Array(items) if level < LEVELS && !items.is_empty() => {
            ('[', ']', items.iter().map(|item| (String::new(), item)).collect())
        }
        flat => return text.push_str(&flat.to_string()),
    };
    text.push(open);
    for (index, (name, part)) in parts.iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&"  ".repeat(level + 1));
        text.push_str(name);
        write(text, part, level + 1);
    }
    text.push('\n');
    text.push_str(&"  ".repeat(level));
    text.push(close);
}
