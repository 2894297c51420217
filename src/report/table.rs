//! Any probe's result as a table for the terminal: fields in lines, lists of records in columns.

use std::fmt::Write;

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr;

use super::escape;
use crate::units;

/// Rows of a list that are shown.
const ROWS: usize = 40;
/// Characters of a field's name: of what was observed it may be a stranger's word.
const NAME: usize = 120;
/// The widest cell.
const WIDEST: usize = 48;

/// The result as text, at most `width` columns wide where lists allow.
pub fn table(output: &Value, width: usize) -> String {
    let mut text = String::new();
    match output {
        Value::Object(fields) => record(&mut text, fields, "", width),
        other => line(&mut text, "", &cell("", other)),
    }
    text
}

fn record(text: &mut String, fields: &Map<String, Value>, prefix: &str, width: usize) {
    for (name, value) in fields {
        let name = &escape::line(name, NAME);
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Object(inner) => record(text, inner, &name, width),
            Value::Array(items) if items.iter().any(Value::is_object) => list(text, &name, items, width),
            value => line(text, &name, &cell(&name, value)),
        }
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{name:<36} {value}");
}

/// A list of records: one row each, one column for each field that some row has.
fn list(text: &mut String, name: &str, items: &[Value], width: usize) {
    let _ = writeln!(text, "\n{name} ({})", items.len());
    let mut columns: Vec<String> = Vec::new();
    let rows: Vec<Map<String, Value>> = items.iter().take(ROWS).map(flat).collect();
    for row in &rows {
        for (column, value) in row {
            if !value.is_null() && !columns.contains(column) {
                columns.push(column.clone());
            }
        }
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            columns.iter().map(|column| row.get(column).map_or(String::new(), |value| cell(column, value))).collect()
        })
        .collect();
    let mut shown = Vec::new();
    let mut left = width.saturating_sub(2);
    for (index, column) in columns.iter().enumerate() {
        let widest = cells.iter().map(|row| row[index].width()).chain([column.width()]).max().unwrap_or(0);
        if widest + 2 > left && !shown.is_empty() {
            break;
        }
        left = left.saturating_sub(widest + 2);
        shown.push((index, widest));
    }
    let head: Vec<String> = shown.iter().map(|(index, widest)| pad(&columns[*index], *widest)).collect();
    let _ = writeln!(text, "  {}", head.join("  ").trim_end());
    for row in &cells {
        let row: Vec<String> = shown.iter().map(|(index, widest)| pad(&row[*index], *widest)).collect();
        let _ = writeln!(text, "  {}", row.join("  ").trim_end());
    }
    if items.len() > ROWS {
        let _ = writeln!(text, "  … and {} more rows (--format json shows all)", items.len() - ROWS);
    }
    if shown.len() < columns.len() {
        let _ = writeln!(text, "  … and columns {} (--format json shows all)", columns[shown.len()..].join(", "));
    }
    text.push('\n');
}

/// Fields of inner records as columns of their own.
fn flat(item: &Value) -> Map<String, Value> {
    let mut row = Map::new();
    let Some(fields) = item.as_object() else {
        row.insert("value".into(), item.clone());
        return row;
    };
    for (name, value) in fields {
        match value.as_object() {
            Some(inner) => row.extend(inner.iter().map(|(field, value)| {
                (format!("{}.{}", escape::line(name, NAME), escape::line(field, NAME)), value.clone())
            })),
            None => {
                row.insert(escape::line(name, NAME), value.clone());
            }
        }
    }
    row
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// A value for people; the unit follows from the field's name.
fn cell(name: &str, value: &Value) -> String {
    let name = name.rsplit('.').next().unwrap_or(name);
    match value {
        Value::Null => "not seen".to_owned(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => {
            let figure = number.as_f64().unwrap_or(0.0);
            if name.ends_with("bits_per_second") {
                units::bitrate(figure)
            } else if name.ends_with("bytes_per_second") {
                format!("{}/s", units::bytes(figure))
            } else if name.ends_with("bytes") {
                units::bytes(figure)
            } else if name.ends_with("share") {
                units::percent(figure)
            } else if name.ends_with("seconds") {
                units::span(figure)
            } else if number.is_f64() {
                units::count(figure)
            } else {
                number.to_string()
            }
        }
        Value::String(text) => {
            let text = escape::line(text, 4 * WIDEST);
            if text.chars().count() > WIDEST {
                format!("{}…", text.chars().take(WIDEST - 1).collect::<String>())
            } else {
                text
            }
        }
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => {
            let shown: Vec<String> = items.iter().take(4).map(|item| cell(name, item)).collect();
            let more = if items.len() > 4 { format!(" and {} more", items.len() - 4) } else { String::new() };
            format!("{}{more}", shown.join(", "))
        }
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(field, value)| format!("{} {}", escape::line(field, NAME), cell(field, value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_fields_are_made_harmless_like_values() {
        let evil = "a\u{202e}b\u{1b}[2J";
        let shown = table(&json!({evil: 1, "x": {evil: "y"}, "rows": [{evil: {evil: 2}}, {"n": [{evil: 3}]}]}), 200);
        assert!(!shown.chars().any(|c| c != '\n' && crate::printable::is_hazard(c)), "{shown:?}");
        assert_eq!(shown.matches("a\\u{202e}b").count(), 5, "{shown}");
    }
}
