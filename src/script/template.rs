//! Sentences and commands with `{{ expression }}` in them.

use std::fmt;
use std::sync::OnceLock;

use super::expression::{Care, Expression};
use super::lexer::SyntaxError;

/// A text with expressions in it.
#[derive(Clone)]
pub struct Template {
    /// The template as written.
    pub text: String,
    /// Where it stands, for messages.
    place: String,
    /// Of what has been read with care before, only when it is asked for: most sentences of a runbook are never said.
    pieces: OnceLock<Vec<Piece>>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        f.debug_struct("Template")
            .field("text", &self.text)
            .field("place", place)
            .field("pieces", &self.pieces())
            .finish()
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, &self.place) == (&other.text, &other.place)
    }
}

impl Eq for Template {}

#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(String),
    Value {
        expression: Expression,
        /// Where the expression stands in the template, in bytes.
        offset: usize,
    },
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str, place: &str) -> Result<Self, SyntaxError> {
        Template::read(text, place, Care::Whole)
    }

    /// The same, with as much care as whoever wrote it needs.
    pub fn read(text: &str, place: &str, care: Care) -> Result<Self, SyntaxError> {
        let pieces = match care {
            Care::Whole => OnceLock::from(pieces(text, place, care)?),
            Care::Form => OnceLock::new(),
        };
        Ok(Template { text: text.to_owned(), place: place.to_owned(), pieces })
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        // What cannot be read, though it has been, is said as it is written.
        let read = || pieces(&self.text, &self.place, Care::Form);
        self.pieces.get_or_init(|| read().unwrap_or_else(|_| vec![Piece::Text(self.text.clone())]))
    }

    /// The expressions in it, each with its offset in the template.
    pub fn expressions(&self) -> impl Iterator<Item = (&Expression, usize)> {
        self.pieces().iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value { expression, offset } => Some((expression, *offset)),
        })
    }

    /// The expression, when the template is one expression and nothing else.
    pub fn sole_expression(&self) -> Option<&Expression> {
        match self.pieces() {
            [Piece::Value { expression, .. }] => Some(expression),
            _ => None,
        }
    }
}

fn pieces(text: &str, place: &str, care: Care) -> Result<Vec<Piece>, SyntaxError> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find("{{").map(|open| at + open) {
        if open > at {
            pieces.push(Piece::Text(text[at..open].to_owned()));
        }
        let begin = open + 2;
        let end = end_of_expression(&text[begin..])
            .map(|end| begin + end)
            .ok_or_else(|| SyntaxError { message: "`{{` is not closed by `}}`".into(), offset: open })?;
        let expression = Expression::read(&text[begin..end], place, care)
            .map_err(|error| SyntaxError { offset: begin + error.offset, ..error })?;
        pieces.push(Piece::Value { expression, offset: begin });
        at = end + 2;
    }
    if at < text.len() {
        pieces.push(Piece::Text(text[at..].to_owned()));
    }
    Ok(pieces)
}

/// Where `}}` ends the expression: outside of strings, and not the end of a table in a table.
fn end_of_expression(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut quote = None;
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth > 0 => depth -= 1,
            (None, '}') => return text[index..].starts_with("}}").then_some(index),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_expressions_alternate() {
        let template = Template::parse("{{ a.b }} in, {{ f({1, {2}}, '}}') }} out", "test").unwrap();
        let found: Vec<_> =
            template.expressions().map(|(expression, offset)| (expression.text.trim(), offset)).collect();
        assert_eq!(found, [("a.b", 2), ("f({1, {2}}, '}}')", 16)]);
        assert_eq!(template.sole_expression(), None);
    }

    #[test]
    fn an_open_expression_says_where_it_began() {
        assert_eq!(Template::parse("ab {{ c", "test").unwrap_err().offset, 3);
    }
}
