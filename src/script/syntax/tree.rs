//! The tree. Every part knows where it stands, as bytes of the text.
//!
//! Chains that a script can make as long as it likes are flat, so that depth is bounded by what the parser allows.

use std::ops::Range;

/// A name where it is written.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::script) struct Name<'a> {
    pub text: &'a str,
    pub start: usize,
}

impl Name<'_> {
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

/// Statements in a row.
pub(in crate::script) type Block<'a> = Vec<Statement<'a>>;

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::script) enum Statement<'a> {
    Local { names: Vec<Name<'a>>, values: Vec<Expression<'a>> },
    Assign { targets: Vec<Expression<'a>>, values: Vec<Expression<'a>> },
    Call(Expression<'a>),
    Do(Block<'a>),
    While { condition: Expression<'a>, body: Block<'a> },
    Repeat { body: Block<'a>, until: Expression<'a> },
    If { branches: Vec<(Expression<'a>, Block<'a>)>, otherwise: Block<'a> },
    Count { name: Name<'a>, bounds: Vec<Expression<'a>>, body: Block<'a> },
    Each { names: Vec<Name<'a>>, values: Vec<Expression<'a>>, body: Block<'a> },
    Function { target: Expression<'a>, function: Function<'a> },
    LocalFunction { name: Name<'a>, function: Function<'a> },
    Return(Vec<Expression<'a>>),
}

/// A function's parameters and body.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::script) struct Function<'a> {
    /// Where `function` stands.
    pub start: usize,
    /// `self` of a method included.
    pub parameters: Vec<Name<'a>>,
    pub body: Block<'a>,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::script) struct Expression<'a> {
    pub form: Form<'a>,
    pub range: Range<usize>,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::script) enum Form<'a> {
    Nil,
    Boolean(bool),
    /// As written.
    Number(&'a str),
    /// As written, quotes included.
    Text(&'a str),
    Rest,
    Name(&'a str),
    Function(Function<'a>),
    Table(Vec<Item<'a>>),
    Bracketed(Box<Expression<'a>>),
    /// A name or bracketed expression and what is done with it: `a.b[1]:c(2)`.
    Path {
        root: Box<Expression<'a>>,
        steps: Vec<Step<'a>>,
    },
    /// Operators before an operand: `not not x`.
    Signed {
        signs: Vec<&'a str>,
        operand: Box<Expression<'a>>,
    },
    /// Operands with operators between them, in the order of the text: one operator less than operands.
    Operation {
        operands: Vec<Expression<'a>>,
        operators: Vec<&'a str>,
    },
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::script) struct Step<'a> {
    pub form: StepForm<'a>,
    /// Where the path ends after this step.
    pub end: usize,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::script) enum StepForm<'a> {
    Field(Name<'a>),
    Index(Expression<'a>),
    Call(Arguments<'a>),
    Method(Name<'a>, Arguments<'a>),
}

/// The arguments of a call.
pub(in crate::script) type Arguments<'a> = Vec<Expression<'a>>;

/// One item of a table.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::script) struct Item<'a> {
    pub key: ItemKey<'a>,
    pub value: Expression<'a>,
}

/// The key of an item.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::script) enum ItemKey<'a> {
    Position,
    Name(Name<'a>),
    Value(Expression<'a>),
}
