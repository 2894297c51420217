//! A condition: Lua atoms joined by `and`, `or` and `not`, judged by three-valued logic.
//!
//! Lua's own `and` stops at the first operand that is false and cannot know "unknown", so the joints are taken apart here and
//! only the atoms are left to Lua. `a.unseen > 1 or b.seen > 5` is then true when the second holds.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::expression::{Care, Expression, balanced};
use super::lexer::{Kind, SyntaxError, Token, tokens};

/// A checked condition.
#[derive(Clone)]
pub struct Condition {
    /// The condition as written, on one line.
    pub text: String,
    /// What it was read from: one text, or several that must hold together.
    written: Vec<Written>,
    /// Of what has been read with care before, only when it is asked for: most of a runbook is not judged in most commands.
    node: OnceLock<Node>,
}

/// A text and where it stands, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Written {
    text: String,
    place: Arc<str>,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("text", &self.text).field("node", self.node()).finish()
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, &self.written) == (&other.text, &other.written)
    }
}

impl Eq for Condition {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// `known(x)`: whether x can be told, never unknown itself.
    Known(Box<Node>),
    Atom(Expression),
}

impl Condition {
    /// Reads a condition.
    pub fn parse(text: &str, place: &str) -> Result<Self, SyntaxError> {
        Condition::read(text, place, Care::Whole)
    }

    /// The same, with as much care as whoever wrote it needs.
    pub fn read(text: &str, place: &str, care: Care) -> Result<Self, SyntaxError> {
        if text.len() > LENGTH {
            let message = format!("the condition is longer than {LENGTH} bytes; give parts of it names with `let`");
            return Err(SyntaxError { message, offset: 0 });
        }
        care.look(text)?;
        let place = place.into();
        let node = match care {
            Care::Whole => OnceLock::from(node(text, &place)?),
            Care::Form => OnceLock::new(),
        };
        let written = vec![Written { text: text.to_owned(), place }];
        Ok(Condition { text: on_one_line(text), written, node })
    }

    pub(super) fn node(&self) -> &Node {
        self.node.get_or_init(|| match &self.written[..] {
            [one] => one.node(),
            several => Node::And(several.iter().map(Written::node).collect()),
        })
    }

    /// Both conditions together, this one first.
    pub fn and(self, other: Condition) -> Condition {
        let text = match other.text.contains("or") && matches!(other.node(), Node::Or(_)) {
            true => format!("{} and ({})", self.text, other.text),
            false => format!("{} and {}", self.text, other.text),
        };
        let node = match (self.node.into_inner(), other.node.into_inner()) {
            (Some(one), Some(other)) => OnceLock::from(Node::And(vec![one, other])),
            _ => OnceLock::new(),
        };
        Condition { text, written: [self.written, other.written].concat(), node }
    }

    /// The expressions at its leaves, each with its offset in the condition's text.
    pub fn atoms(&self) -> Vec<&Expression> {
        fn collect<'a>(node: &'a Node, atoms: &mut Vec<&'a Expression>) {
            match node {
                Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| collect(part, atoms)),
                Node::Not(inner) | Node::Known(inner) => collect(inner, atoms),
                Node::Atom(expression) => atoms.push(expression),
            }
        }
        let mut atoms = Vec::new();
        collect(self.node(), &mut atoms);
        atoms
    }
}

impl Written {
    /// What cannot be read, though it has been, is left to Lua, which says so.
    fn node(&self) -> Node {
        let whole = |_| Node::Atom(Expression::of(&self.text, 0, &self.place, &[]));
        node(&self.text, &self.place).unwrap_or_else(whole)
    }
}

fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

fn node(text: &str, place: &Arc<str>) -> Result<Node, SyntaxError> {
    join(text, &tokens(text)?, place, 0)
}

/// How long a condition may be, in bytes.
const LENGTH: usize = 16 * 1024;
/// How deep joints and parentheses may nest: deeper than people write, and well within the stack.
const DEPTH: usize = 100;

/// The loosest joint first: `or`, then `and`, then `not`, parentheses and atoms.
fn join(text: &str, tokens: &[Token<'_>], place: &Arc<str>, depth: usize) -> Result<Node, SyntaxError> {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
        return Err(SyntaxError { message: "the condition is empty".into(), offset: 0 });
    };
    if depth > DEPTH {
        return Err(SyntaxError { message: "the condition nests too deep".into(), offset: first.start });
    }
    for (word, make) in [("or", Node::Or as fn(Vec<Node>) -> Node), ("and", Node::And)] {
        if let Some(parts) = split(tokens, word) {
            if let Some(at) = parts.iter().position(|part| part.is_empty()) {
                let offset = parts[..at].last().and_then(|part| part.last()).map_or(0, Token::end);
                return Err(SyntaxError { message: format!("`{word}` lacks an operand"), offset });
            }
            return parts.iter().map(|part| join(text, part, place, depth + 1)).collect::<Result<_, _>>().map(make);
        }
    }
    if first.is("not") && !tokens[1..].is_empty() && split_by_operator(&tokens[1..]) {
        return Ok(Node::Not(Box::new(join(text, &tokens[1..], place, depth + 1)?)));
    }
    if first.is("(") && balanced(tokens) == tokens.len() && tokens.len() > 2 && last.is(")") {
        return join(text, &tokens[1..tokens.len() - 1], place, depth + 1);
    }
    let is_known = first.is("known") && tokens.len() > 3 && balanced(&tokens[1..]) == tokens.len() - 1;
    if is_known {
        return Ok(Node::Known(Box::new(join(text, &tokens[2..tokens.len() - 1], place, depth + 1)?)));
    }
    let (start, end) = (first.start, last.end());
    Ok(Node::Atom(Expression::of(&text[start..end], start, place, tokens)))
}

/// Splits at a keyword outside all brackets and functions; none where it is not there.
fn split<'t, 'a>(tokens: &'t [Token<'a>], word: &str) -> Option<Vec<&'t [Token<'a>]>> {
    let mut parts = Vec::new();
    let (mut begin, mut depth) = (0, 0i32);
    for (index, token) in tokens.iter().enumerate() {
        match (token.kind, token.text) {
            (Kind::Symbol, "(" | "[" | "{") | (Kind::Keyword, "function") => depth += 1,
            (Kind::Symbol, ")" | "]" | "}") | (Kind::Keyword, "end") => depth -= 1,
            (Kind::Keyword, text) if depth == 0 && text == word => {
                parts.push(&tokens[begin..index]);
                begin = index + 1;
            }
            _ => {}
        }
    }
    if parts.is_empty() {
        return None;
    }
    parts.push(&tokens[begin..]);
    Some(parts)
}

/// Whether the tokens are one operand: Lua's `not` binds tighter than any operator that stands outside brackets.
fn split_by_operator(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0i32;
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" if token.kind == Kind::Symbol => depth += 1,
            ")" | "]" | "}" if token.kind == Kind::Symbol => depth -= 1,
            "==" | "~=" | "<" | ">" | "<=" | ">=" | ".." | "+" | "*" | "/" | "//" | "%" | "^"
                if token.kind == Kind::Symbol && depth == 0 =>
            {
                return false;
            }
            "-" if token.kind == Kind::Symbol && depth == 0 && index > 0 => return false,
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> String {
        fn draw(node: &Node) -> String {
            let all = |parts: &[Node]| parts.iter().map(draw).collect::<Vec<_>>().join(" ");
            match node {
                Node::And(parts) => format!("(and {})", all(parts)),
                Node::Or(parts) => format!("(or {})", all(parts)),
                Node::Not(inner) => format!("(not {})", draw(inner)),
                Node::Known(inner) => format!("(known {})", draw(inner)),
                Node::Atom(expression) => expression.text.trim().to_owned(),
            }
        }
        draw(Condition::parse(text, "test").unwrap().node())
    }

    #[test]
    fn joints_are_taken_apart_and_atoms_left_whole() {
        assert_eq!(shape("a > 1 or b and not c"), "(or a > 1 (and b (not c)))");
        assert_eq!(shape("(a or b) and c"), "(and (or a b) c)");
        assert_eq!(shape("f(a and b) > 1"), "f(a and b) > 1");
        assert_eq!(shape("not a == b"), "not a == b");
        assert_eq!(shape("not (a == b)"), "(not a == b)");
        assert_eq!(shape("known(a.b) and a.b > 2"), "(and (known a.b) a.b > 2)");
        assert_eq!(shape("any(l, function(e) return e.a and e.b end)"), "any(l, function(e) return e.a and e.b end)");
        assert_eq!(shape("\"a or b\" == c"), "\"a or b\" == c");
    }

    #[test]
    fn atoms_keep_their_offsets() {
        let condition = Condition::parse("first > 1 and second.x", "test").unwrap();
        assert_eq!(condition.atoms()[1].uses()[0].offset, 14);
    }

    #[test]
    fn a_condition_that_nests_too_deep_is_refused_and_exhausts_no_stack() {
        for deep in [format!("{}1{}", "(".repeat(3_000), ")".repeat(3_000)), format!("{}true", "not ".repeat(3_000))] {
            assert_eq!(Condition::parse(&deep, "test").unwrap_err().message, "the condition nests too deep");
        }
    }

    #[test]
    fn a_joint_without_an_operand_is_refused() {
        assert_eq!(Condition::parse("a and", "test").unwrap_err().message, "`and` lacks an operand");
    }
}
