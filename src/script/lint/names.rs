//! Which name means which local variable, and which names are global.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::script::syntax::{Block, Expression, Form, Function, ItemKey, Name, Statement, StepForm};

/// Where each name of a script leads. Local variables are known by the place of their declaration.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    /// From the place of a use to the place of the declaration.
    uses: HashMap<usize, usize>,
    /// Local variables that get another value after their declaration.
    reassigned: HashSet<usize>,
    /// Global names that are read, in the order of the text.
    pub read: Vec<(&'a str, Range<usize>)>,
    /// Global names that are given a value, in the order of the text.
    pub written: Vec<(&'a str, Range<usize>)>,
    /// Fields that the script itself adds to globals: `string.trim`.
    pub added: HashSet<(&'a str, &'a str)>,
    /// The script makes its own environment: nothing can be said of globals.
    pub has_own_environment: bool,
}

impl<'a> Names<'a> {
    pub fn of(script: &Block<'a>) -> Self {
        let mut walk = Walk { names: Names::default(), scope: Vec::new(), declared: HashMap::new() };
        walk.block(script);
        walk.names
    }

    /// The declaration that the name at this place means; none for a global.
    pub fn declaration(&self, start: usize) -> Option<usize> {
        self.uses.get(&start).copied()
    }

    /// Whether the local variable keeps its first value.
    pub fn is_constant(&self, declaration: usize) -> bool {
        !self.reassigned.contains(&declaration)
    }
}

struct Walk<'a> {
    names: Names<'a>,
    /// The names in scope, the innermost last.
    scope: Vec<&'a str>,
    /// The declarations of each name that are in scope, the innermost last.
    declared: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Walk<'a> {
    fn declare(&mut self, name: &Name<'a>) {
        self.names.has_own_environment |= name.text == "_ENV";
        self.scope.push(name.text);
        self.declared.entry(name.text).or_default().push(name.start);
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.declared.get(name).and_then(|declared| declared.last()).copied()
    }

    /// What stands inside is out of scope after it.
    fn scoped(&mut self, walk: impl FnOnce(&mut Self)) {
        let before = self.scope.len();
        walk(self);
        for name in self.scope.drain(before..).rev() {
            self.declared.get_mut(name).map(Vec::pop);
        }
    }

    fn block(&mut self, block: &Block<'a>) {
        self.scoped(|walk| block.iter().for_each(|statement| walk.statement(statement)));
    }

    fn expressions(&mut self, all: &[Expression<'a>]) {
        all.iter().for_each(|expression| self.expression(expression));
    }

    fn statement(&mut self, statement: &Statement<'a>) {
        match statement {
            Statement::Local { names, values } => {
                self.expressions(values);
                names.iter().for_each(|name| self.declare(name));
            }
            Statement::Assign { targets, values } => {
                self.expressions(values);
                targets.iter().for_each(|target| self.target(target));
            }
            Statement::Call(call) => self.expression(call),
            Statement::Do(body) => self.block(body),
            Statement::While { condition, body } => {
                self.expression(condition);
                self.block(body);
            }
            Statement::Repeat { body, until } => self.scoped(|walk| {
                body.iter().for_each(|statement| walk.statement(statement));
                walk.expression(until);
            }),
            Statement::If { branches, otherwise } => {
                for (condition, body) in branches {
                    self.expression(condition);
                    self.block(body);
                }
                self.block(otherwise);
            }
            Statement::Count { name, bounds, body } => {
                self.expressions(bounds);
                self.scoped(|walk| {
                    walk.declare(name);
                    walk.block(body);
                });
            }
            Statement::Each { names, values, body } => {
                self.expressions(values);
                self.scoped(|walk| {
                    names.iter().for_each(|name| walk.declare(name));
                    walk.block(body);
                });
            }
            Statement::Function { target, function } => {
                self.target(target);
                self.function(function);
            }
            Statement::LocalFunction { name, function } => {
                self.declare(name);
                self.function(function);
            }
            Statement::Return(values) => self.expressions(values),
        }
    }

    fn target(&mut self, target: &Expression<'a>) {
        match &target.form {
            Form::Name(name) => match self.find(name) {
                Some(declaration) => {
                    self.names.uses.insert(target.range.start, declaration);
                    self.names.reassigned.insert(declaration);
                }
                None => {
                    self.names.has_own_environment |= *name == "_ENV";
                    self.names.written.push((name, target.range.clone()));
                }
            },
            Form::Path { root, steps } => {
                if let (Form::Name(name), [step]) = (&root.form, steps.as_slice())
                    && let StepForm::Field(field) = &step.form
                    && self.find(name).is_none()
                {
                    self.names.added.insert((name, field.text));
                }
                self.expression(target);
            }
            _ => self.expression(target),
        }
    }

    fn function(&mut self, function: &Function<'a>) {
        self.scoped(|walk| {
            function.parameters.iter().for_each(|name| walk.declare(name));
            walk.block(&function.body);
        });
    }

    fn expression(&mut self, expression: &Expression<'a>) {
        match &expression.form {
            Form::Name(name) => match self.find(name) {
                Some(declaration) => {
                    self.names.uses.insert(expression.range.start, declaration);
                }
                None => {
                    self.names.has_own_environment |= *name == "_ENV";
                    self.names.read.push((name, expression.range.clone()));
                }
            },
            Form::Function(function) => self.function(function),
            Form::Table(items) => {
                for item in items {
                    if let ItemKey::Value(key) = &item.key {
                        self.expression(key);
                    }
                    self.expression(&item.value);
                }
            }
            Form::Bracketed(inner) | Form::Signed { operand: inner, .. } => self.expression(inner),
            Form::Operation { operands, .. } => self.expressions(operands),
            Form::Path { root, steps } => {
                self.expression(root);
                for step in steps {
                    match &step.form {
                        StepForm::Field(_) => {}
                        StepForm::Index(index) => self.expression(index),
                        StepForm::Call(arguments) | StepForm::Method(_, arguments) => self.expressions(arguments),
                    }
                }
            }
            Form::Nil | Form::Boolean(_) | Form::Number(_) | Form::Text(_) | Form::Rest => {}
        }
    }
}
