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

/// The named groups of a pattern, in their order.
pub(super) fn named(pattern: &str) -> Result<Vec<Named>, Box<regex_syntax::ast::Error>> {
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
    let ast = Parser::new().parse(pattern).map_err(Box::new)?;
    let Ok(mut groups) = visit(&ast, Groups(Vec::new()));
    groups.sort_by_key(|group| group.offset);
    Ok(groups)
}

/// The pattern with names of groups that are its own: in one expression with others, no name may come twice.
pub(super) fn apart(pattern: &str, number: usize) -> String {
    let mut text = pattern.to_owned();
    for group in named(pattern).into_iter().flatten().rev() {
        text.insert_str(group.offset, &format!("p{number}_"));
    }
    text
}
