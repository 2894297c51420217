//! One Lua expression, and the names that it uses.

use std::fmt;
use std::sync::{Arc, OnceLock};

use compact_str::CompactString;
use smallvec::SmallVec;

use super::lexer::{Kind, SyntaxError, Token, tokens};
use super::slips;

/// A Lua expression of a runbook.
#[derive(Clone)]
pub struct Expression {
    /// The expression as written.
    pub text: String,
    /// Where it stands, for messages: "runbooks/x.yaml:12:9".
    pub place: Arc<str>,
    /// Where it begins in the text that it was read from, in bytes.
    pub start: usize,
    /// Of what has been read with care before, only when it is asked for.
    uses: OnceLock<Vec<NameUse>>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Expression { text, place, start: _, uses: _ } = self;
        f.debug_struct("Expression").field("text", text).field("place", place).field("uses", &self.uses()).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.start, &self.place) == (&other.text, other.start, &other.place)
    }
}

impl Eq for Expression {}

/// How much is looked for in an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// What people write who come from other languages, too.
    Whole,
    /// Its form alone: it has been read with care before.
    Form,
}

impl Care {
    /// The first thing in the text that Lua does not have, with what to write.
    pub(super) fn look(self, text: &str) -> Result<(), SyntaxError> {
        match self {
            Care::Whole => slips::find(text, slips::Place::Expression).map_or(Ok(()), |slip| Err(slip.into())),
            Care::Form => Ok(()),
        }
    }
}

/// A free name in an expression and the path that follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameUse {
    /// The name.
    pub name: CompactString,
    /// Where it stands in the text that the expression was read from, in bytes.
    pub offset: usize,
    /// What follows: `.rx`, `[1]`.
    pub path: SmallVec<[PathPart; 2]>,
    /// The name itself is called: `bitrate(…)`.
    pub called: bool,
}

/// A step from a value to one of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPart {
    /// `.name` or `["name"]`, and where the name stands.
    Field(CompactString, usize),
    /// `[…]`.
    Index,
}

impl Expression {
    /// Reads the expression; its grammar is Lua's to check, when it is compiled.
    pub fn parse(text: &str, place: &str) -> Result<Self, SyntaxError> {
        Expression::read(text, place, Care::Whole)
    }

    /// The same, with as much care as whoever wrote it needs.
    pub fn read(text: &str, place: &str, care: Care) -> Result<Self, SyntaxError> {
        care.look(text)?;
        if care == Care::Form {
            return Ok(Expression { text: text.to_owned(), place: place.into(), start: 0, uses: OnceLock::new() });
        }
        let tokens = tokens(text)?;
        if tokens.is_empty() {
            return Err(SyntaxError { message: "the expression is empty".into(), offset: 0 });
        }
        Ok(Self::of(text, 0, &place.into(), &tokens))
    }

    /// The expression that begins so many bytes into the text that these tokens are of.
    pub(super) fn of(text: &str, start: usize, place: &Arc<str>, tokens: &[Token<'_>]) -> Self {
        let (text, place) = (text.to_owned(), Arc::clone(place));
        Expression { text, place, start, uses: OnceLock::from(name_uses(tokens)) }
    }

    /// The free names that it uses.
    pub fn uses(&self) -> &[NameUse] {
        // What cannot be read, though it has been, is left to Lua, which says so.
        self.uses.get_or_init(|| tokens(&self.text).map(|tokens| name_uses(&tokens)).unwrap_or_default())
    }
}

fn name_uses(tokens: &[Token<'_>]) -> Vec<NameUse> {
    let bound = bound_names(tokens);
    let mut uses = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        let is_field = before.is_some_and(|token| token.is(".") || token.is(":"));
        let is_key = tokens.get(index + 1).is_some_and(|next| next.is("="));
        if token.kind != Kind::Name || is_field || is_key || bound.contains(&token.text) {
            continue;
        }
        let (path, next) = path_after(&tokens[index + 1..]);
        uses.push(NameUse {
            name: token.text.into(),
            offset: token.start,
            called: path.is_empty() && next.is_some_and(|token| token.is("(")),
            path,
        });
    }
    uses
}

/// Names that the expression binds itself: parameters of functions, `local` and `for` variables.
fn bound_names<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let mut bound = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Keyword {
            continue;
        }
        let names = &tokens[index + 1..];
        let end = match token.text {
            "function" => ")",
            "local" => "=",
            "for" => "in",
            _ => continue,
        };
        let until = names.iter().position(|token| token.is(end) || token.is("=")).unwrap_or(0);
        bound.extend(names[..until].iter().filter(|token| token.kind == Kind::Name).map(|token| token.text));
    }
    bound
}

/// The path at the start of the tokens, and the token that ends it.
fn path_after<'t, 'a>(tokens: &'t [Token<'a>]) -> (SmallVec<[PathPart; 2]>, Option<&'t Token<'a>>) {
    let mut path = SmallVec::new();
    let mut at = 0;
    loop {
        match (tokens.get(at), tokens.get(at + 1), tokens.get(at + 2)) {
            (Some(dot), Some(name), _) if dot.is(".") && name.kind == Kind::Name => {
                path.push(PathPart::Field(name.text.into(), name.start));
                at += 2;
            }
            (Some(open), Some(key), Some(close)) if open.is("[") && close.is("]") && key.kind == Kind::String => {
                path.push(PathPart::Field(key.text[1..key.text.len() - 1].into(), key.start + 1));
                at += 3;
            }
            (Some(open), Some(_), _) if open.is("[") => {
                path.push(PathPart::Index);
                at += balanced(&tokens[at..]);
            }
            (next, _, _) => return (path, next),
        }
    }
}

/// How many tokens the bracket at the start spans, its end included.
pub(super) fn balanced(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate() {
        if token.kind == Kind::Symbol {
            match token.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return index + 1;
            }
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, usize)> {
        let expression = Expression::parse(text, "test").unwrap();
        expression.uses().iter().map(|used| (used.name.to_string(), used.path.len())).collect()
    }

    #[test]
    fn names_are_found_with_their_paths() {
        assert_eq!(
            names("rates.watched.rx > params.high and first(a.list, {port = p})[1].x"),
            [("rates", 2), ("params", 1), ("first", 0), ("a", 1), ("p", 0)].map(|(n, l)| (n.to_owned(), l))
        );
    }

    #[test]
    fn a_function_binds_its_own_names() {
        assert_eq!(names("any(a, function(e) return e.x == b end)").len(), 3);
    }

    #[test]
    fn an_index_continues_the_path() {
        let expression = Expression::parse("t.list[#t.list].x.y['z']", "test").unwrap();
        assert_eq!(expression.uses()[0].path.len(), 5);
    }
}
