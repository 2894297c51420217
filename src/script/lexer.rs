//! The tokens of a Lua expression, as far as they are needed to find names and to split a condition.

use super::slips::Slip;

/// Text that is not a Lua expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes from the start of the text.
    pub offset: usize,
}

impl From<Slip> for SyntaxError {
    fn from(slip: Slip) -> Self {
        SyntaxError { message: slip.message, offset: slip.range.start }
    }
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub start: usize,
}

impl Token<'_> {
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    #[inline]
    pub fn is(&self, text: &str) -> bool {
        self.kind != Kind::String && self.text == text
    }
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Keyword,
    Number,
    String,
    Symbol,
}

/// Whether Lua keeps the word for itself, so that nothing can be named by it.
pub fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "and"
            | "break"
            | "do"
            | "else"
            | "elseif"
            | "end"
            | "false"
            | "for"
            | "function"
            | "goto"
            | "if"
            | "in"
            | "local"
            | "nil"
            | "not"
            | "or"
            | "repeat"
            | "return"
            | "then"
            | "true"
            | "until"
            | "while"
    )
}

/// Symbols of two and three characters, the longest first.
const LONG_SYMBOLS: &[&str] = &["...", "==", "~=", "<=", ">=", "..", "//", "<<", ">>", "::"];

/// Splits an expression into its tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, SyntaxError> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::with_capacity(text.len() / 3);
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        if matches!(first, b' ' | b'\t'..=b'\r') {
            at += 1;
            continue;
        }
        let rest = &text[at..];
        let next = bytes.get(at + 1).copied().unwrap_or_default();
        let (kind, length) = match first {
            b'-' if next == b'-' => {
                at += comment(rest, at)?;
                continue;
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => {
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                let length = bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                (if is_keyword(&rest[..length]) { Kind::Keyword } else { Kind::Name }, length)
            }
            b'0'..=b'9' => (Kind::Number, number(rest)),
            b'.' if next.is_ascii_digit() => (Kind::Number, number(rest)),
            b'"' | b'\'' => (Kind::String, quoted(rest, char::from(first), at)?),
            b'[' if matches!(next, b'[' | b'=') => match long_bracket(rest, at)? {
                Some(length) => (Kind::String, length),
                None => (Kind::Symbol, 1),
            },
            b'.' | b'=' | b'~' | b'<' | b'>' | b'/' | b':' => {
                let long = LONG_SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                (Kind::Symbol, long.map_or(1, |symbol| symbol.len()))
            }
            b'+' | b'-' | b'*' | b'%' | b'^' | b'#' | b'&' | b'|' | b'(' | b')' | b'{' | b'}' | b'[' | b']' | b';'
            | b',' => (Kind::Symbol, 1),
            _ => match rest.chars().next() {
                Some(other) if other.is_whitespace() => {
                    at += other.len_utf8();
                    continue;
                }
                other => {
                    let other = other.unwrap_or_default();
                    return Err(SyntaxError {
                        message: format!("`{other}` has no place in an expression"),
                        offset: at,
                    });
                }
            },
        };
        tokens.push(Token { kind, text: &rest[..length], start: at });
        at += length;
    }
    Ok(tokens)
}

fn comment(rest: &str, at: usize) -> Result<usize, SyntaxError> {
    Ok(match long_bracket(&rest[2..], at)? {
        Some(length) => 2 + length,
        None => rest.find('\n').unwrap_or(rest.len()),
    })
}

fn number(rest: &str) -> usize {
    let mut previous = ' ';
    rest.find(|c: char| {
        let part = c.is_ascii_alphanumeric()
            || c == '.'
            || ((c == '+' || c == '-') && matches!(previous, 'e' | 'E' | 'p' | 'P'));
        previous = c;
        !part
    })
    .unwrap_or(rest.len())
}

fn quoted(rest: &str, quote: char, at: usize) -> Result<usize, SyntaxError> {
    let mut escaped = false;
    // `\z` passes over white space, ends of lines included.
    let mut passing = false;
    for (index, c) in rest.char_indices().skip(1) {
        passing &= c.is_ascii_whitespace();
        match c {
            _ if escaped => (escaped, passing) = (false, c == 'z'),
            '\n' | '\r' if !passing => break,
            '\\' => escaped = true,
            c if c == quote => return Ok(index + 1),
            _ => {}
        }
    }
    Err(SyntaxError { message: "the string is not closed".into(), offset: at })
}

/// The length of a `[[…]]` or `[=[…]=]` string at the start of the text.
fn long_bracket(rest: &str, at: usize) -> Result<Option<usize>, SyntaxError> {
    let Some(inner) = rest.strip_prefix('[') else { return Ok(None) };
    let Some(level) = inner.find(|c| c != '=').filter(|level| inner[*level..].starts_with('[')) else {
        return Ok(None);
    };
    let close = format!("]{}]", "=".repeat(level));
    match rest[level + 2..].find(&close) {
        Some(index) => Ok(Some(level + 2 + index + close.len())),
        None => Err(SyntaxError { message: format!("`{close}` is missing"), offset: at }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text).unwrap().iter().map(|token| token.text).collect()
    }

    #[test]
    fn an_expression_falls_into_its_tokens() {
        assert_eq!(
            texts("a.b[1] >= 1e-3 and not f('x and y', [[z]]) -- why"),
            ["a", ".", "b", "[", "1", "]", ">=", "1e-3", "and", "not", "f", "(", "'x and y'", ",", "[[z]]", ")"]
        );
    }

    #[test]
    fn an_open_string_says_where_it_began() {
        let error = tokens("a == \"b").unwrap_err();
        assert_eq!((error.offset, error.message.as_str()), (5, "the string is not closed"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_lexer_panic(text in "\\PC{0,40}") {
            let _ = tokens(&text);
        }
    }
}
