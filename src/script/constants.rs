//! The texts that a script holds as they are written: what nobody but its author chose.

use std::collections::HashSet;

use super::syntax::{Block, Expression, Form, ItemKey, Statement, StepForm, constant, parse};

/// The texts of a script that are literals, or put together from literals alone. Of a text that cannot be read there are none.
pub fn constants(text: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    block(&parse(text).unwrap_or_default(), &mut found);
    found
}

fn block(statements: &Block, found: &mut HashSet<String>) {
    statements.iter().for_each(|statement| of_statement(statement, found));
}

fn all(expressions: &[Expression], found: &mut HashSet<String>) {
    expressions.iter().for_each(|expression| of_expression(expression, found));
}

fn of_statement(statement: &Statement, found: &mut HashSet<String>) {
    match statement {
        Statement::Local { values, .. } | Statement::Return(values) => all(values, found),
        Statement::Assign { targets, values } => {
            all(targets, found);
            all(values, found);
        }
        Statement::Call(call) => of_expression(call, found),
        Statement::Do(body) => block(body, found),
        Statement::While { condition, body } | Statement::Repeat { body, until: condition } => {
            of_expression(condition, found);
            block(body, found);
        }
        Statement::If { branches, otherwise } => {
            for (condition, body) in branches {
                of_expression(condition, found);
                block(body, found);
            }
            block(otherwise, found);
        }
        Statement::Count { bounds, body, .. } => {
            all(bounds, found);
            block(body, found);
        }
        Statement::Each { values, body, .. } => {
            all(values, found);
            block(body, found);
        }
        Statement::Function { target, function } => {
            of_expression(target, found);
            block(&function.body, found);
        }
        Statement::LocalFunction { function, .. } => block(&function.body, found),
    }
}

fn of_expression(expression: &Expression, found: &mut HashSet<String>) {
    found.extend(constant(expression));
    match &expression.form {
        Form::Function(function) => block(&function.body, found),
        Form::Table(items) => {
            for item in items {
                if let ItemKey::Value(key) = &item.key {
                    of_expression(key, found);
                }
                of_expression(&item.value, found);
            }
        }
        Form::Bracketed(inner) | Form::Signed { operand: inner, .. } => of_expression(inner, found),
        Form::Operation { operands, .. } => all(operands, found),
        Form::Path { root, steps } => {
            of_expression(root, found);
            for step in steps {
                match &step.form {
                    StepForm::Field(_) => {}
                    StepForm::Index(index) => of_expression(index, found),
                    StepForm::Call(arguments) | StepForm::Method(_, arguments) => all(arguments, found),
                }
            }
        }
        Form::Nil | Form::Boolean(_) | Form::Number(_) | Form::Text(_) | Form::Rest | Form::Name(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_script_is_found_wherever_it_stands() {
        let found = constants(
            "local a = 'one'\nlocal function f(x) if x == 'two' then return { k = [[three]] } end end\n\
             for _, y in ipairs { 'four' } do g('five', ('six\\n' .. \"seven\"):format(y .. 'eight')) end",
        );
        for text in ["one", "two", "three", "four", "five", "six\nseven", "eight"] {
            assert!(found.contains(text), "{text}: {found:?}");
        }
        assert!(!found.contains("seveneight"));
    }
}
