//! The values of literals as they are written.

use serde_json::Value;

use super::tree::{Expression, Form};

/// The text of a string literal; none when it holds escapes of bytes, which need not be a text.
pub(in crate::script) fn text(written: &str) -> Option<String> {
    if let Some(inner) = written.strip_prefix('[') {
        let level = inner.find('[')?;
        let body = inner.get(level + 1..inner.len().checked_sub(level + 2)?)?;
        return Some(body.strip_prefix("\r\n").or(body.strip_prefix('\n')).unwrap_or(body).to_owned());
    }
    let inner = written.get(1..written.len().checked_sub(1)?)?;
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        text.push(match rest.next()? {
            'n' | '\n' => '\n',
            't' => '\t',
            'r' => '\r',
            quote @ ('\\' | '"' | '\'') => quote,
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            // White space up to the next character is no part of the text.
            'z' => {
                rest = rest.as_str().trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}').chars();
                continue;
            }
            'x' => {
                let digits = rest.as_str().get(..2)?;
                rest = rest.as_str().get(2..)?.chars();
                ascii(u32::from_str_radix(digits, 16).ok()?)?
            }
            'u' => {
                let (digits, after) = rest.as_str().strip_prefix('{')?.split_once('}')?;
                rest = after.chars();
                char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
            }
            digit if digit.is_ascii_digit() => {
                let more = rest.as_str().bytes().take(2).take_while(u8::is_ascii_digit).count();
                let digits = format!("{digit}{}", rest.as_str().get(..more)?);
                rest = rest.as_str().get(more..)?.chars();
                ascii(digits.parse().ok()?)?
            }
            _ => return None,
        });
    }
    Some(text)
}

/// The character of a byte that stands for itself in UTF-8.
fn ascii(byte: u32) -> Option<char> {
    char::from_u32(byte).filter(char::is_ascii)
}

/// The text that an expression has whatever the script does: a literal, or several put together.
pub(in crate::script) fn constant(expression: &Expression) -> Option<String> {
    match &expression.form {
        Form::Text(written) => text(written),
        Form::Bracketed(inner) => constant(inner),
        Form::Operation { operands, operators } if operators.iter().all(|operator| *operator == "..") => {
            operands.iter().map(constant).collect()
        }
        _ => None,
    }
}

/// The value of a number literal.
pub(in crate::script) fn number(written: &str) -> Option<Value> {
    if let Some(digits) = written.strip_prefix("0x").or(written.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok().map(Value::from);
    }
    if let Ok(whole) = written.parse::<i64>() {
        return Some(Value::from(whole));
    }
    let is_plain =
        written.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    is_plain.then(|| written.parse::<f64>().ok()).flatten().map(Value::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn literals_have_the_values_that_lua_gives_them() {
        assert_eq!(text(r#""a\"b\n""#).as_deref(), Some("a\"b\n"));
        assert_eq!(text("'x'").as_deref(), Some("x"));
        assert_eq!(text("[==[\na]]b]==]").as_deref(), Some("a]]b"));
        assert_eq!(text(r"'\x41\066\u{43}\z   D\9'").as_deref(), Some("ABCD\t"));
        assert_eq!(text(r"'\xff'"), None, "not a text");
        assert_eq!(
            (number("0x10"), number("5"), number("1e3")),
            (Some(json!(16)), Some(json!(5)), Some(json!(1000.0)))
        );
        assert_eq!(number("0x1p4"), None);
    }
}
