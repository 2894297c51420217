//! The named groups of an expression.

use std::convert::Infallible;

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{Ast, GroupKind, Visitor, visit};

/// A named group as it stands in an expression.
#[derive(Debug)]
pub(super) struct Named {
    pub name: String,
    /// Its number.
    pub index: usize,
    /// Where its name stands.
    offset: usize,
}

/// What a pattern is made of.
pub(super) fn parsed(pattern: &str) -> Result<Ast, Box<regex_syntax::ast::Error>> {
    Parser::new().parse(pattern).map_err(Box::new)
}

/// The named groups of a pattern, in their order.
pub(super) fn named(ast: &Ast) -> Vec<Named> {
    struct Groups(Vec<Named>);
    impl Visitor for Groups {
        type Output = Vec<Named>;
        type Err = Infallible;
        fn finish(self) -> Result<Vec<Named>, Infallible> {
            Ok(self.0)
        }
        fn visit_pre(&mut self, ast: &Ast) -> Result<(), Infallible> {
            if let Ast::Group(group) = ast
                && let GroupKind::CaptureName { name, .. } = &group.kind
            {
                let (index, offset) = (name.index as usize, name.span.start.offset);
                self.0.push(Named { name: name.name.clone(), index, offset });
            }
            Ok(())
        }
    }
    let Ok(mut groups) = visit(ast, Groups(Vec::new()));
    groups.sort_by_key(|group| group.offset);
    groups
}

/// The pattern with names of groups that are its own: in one expression with others, no name may come twice.
pub(super) fn apart(pattern: &str, number: usize) -> String {
    let mut text = pattern.to_owned();
    let groups = parsed(pattern).map(|ast| named(&ast)).unwrap_or_default();
    for group in groups.into_iter().rev() {
        text.insert_str(group.offset, &format!("p{number}_"));
    }
    text
}
