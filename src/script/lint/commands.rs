//! Commands of remedies: texts of the script, or what `sh` makes of them.

use super::Finding;
use super::abstract_value::AbstractValue;
use super::header::{key_of, value_of};
use super::walk::Walk;
use crate::script::syntax::{Expression, Form, Item, StepForm, constant};

/// Methods of texts that give another text.
const METHODS: [&str; 7] = ["format", "gsub", "lower", "rep", "reverse", "sub", "upper"];
/// Functions that give a text.
const FUNCTIONS: [&str; 4] = ["join", "shell", "socket", "tostring"];
/// Operators that give one of their operands.
const CHOICES: [&str; 2] = ["and", "or"];
/// Operators whose value is no text.
const COMPARISONS: [&str; 6] = ["==", "~=", "<", ">", "<=", ">="];

impl<'w, 'a> Walk<'w, 'a> {
    /// What is wrong with the commands of a table, if it is a remedy.
    pub fn check_commands(&mut self, items: &[Item<'a>], values: &[AbstractValue<'w>]) {
        if value_of(items, "do").is_none() {
            return;
        }
        for (item, known) in items.iter().zip(values) {
            let Some((key, _)) = key_of(item).filter(|(key, _)| key == "run" || key == "undo") else { continue };
            if matches!(known, AbstractValue::Raw | AbstractValue::Part(_)) || self.is_raw(&item.value) {
                let message =
                    format!("`{key}` is put together by the check: what it fills in is not quoted for the shell");
                let help =
                    "let casebook fill it in: sh(\"… {{ name }} …\", { name = name }); a list has one for each line";
                self.report(Finding::error(item.value.range.clone(), message).help(help.to_owned()));
            }
        }
    }

    /// Whether the text is plainly made while the check runs, out of more than literals.
    pub fn is_raw(&self, expression: &Expression<'a>) -> bool {
        if constant(expression).is_some() {
            return false;
        }
        match &expression.form {
            Form::Bracketed(inner) => self.is_raw(inner),
            Form::Table(lines) => lines.iter().any(|line| self.is_raw(&line.value)),
            Form::Name(_) => matches!(self.variable(expression), AbstractValue::Raw | AbstractValue::Part(_)),
            Form::Operation { operands, operators } => self.is_raw_operation(operands, operators),
            Form::Path { root, steps } => match (self.global(root), steps.as_slice()) {
                (Some("sh"), [step]) => match &step.form {
                    StepForm::Call(arguments) => arguments.first().is_some_and(|text| self.is_raw(text)),
                    _ => false,
                },
                (Some("string"), [_, call]) => matches!(call.form, StepForm::Call(_)),
                (Some("table"), [member, call]) => {
                    matches!((&member.form, &call.form), (StepForm::Field(name), StepForm::Call(_)) if name.text == "concat")
                }
                (Some(function), [call]) if matches!(call.form, StepForm::Call(_)) => FUNCTIONS.contains(&function),
                (_, [.., last]) => matches!(&last.form, StepForm::Method(name, _) if METHODS.contains(&name.text)),
                _ => false,
            },
            _ => false,
        }
    }

    /// What stands before `and` is only asked whether it is there: it is the value only where it is nil or false.
    fn is_raw_operation(&self, operands: &[Expression<'a>], operators: &[&str]) -> bool {
        let mut start = 0;
        for end in 1..=operands.len() {
            let choice = operators.get(end - 1).filter(|operator| CHOICES.contains(operator));
            if choice.is_none() && end < operands.len() {
                continue;
            }
            let (part, between) = (&operands[start..end], &operators[start..end - 1]);
            start = end;
            if choice == Some(&"and") || between.iter().any(|operator| COMPARISONS.contains(operator)) {
                continue;
            }
            let is_raw = match part {
                [one] => self.is_raw(one),
                many => !many.iter().all(|one| constant(one).is_some()),
            };
            if is_raw {
                return true;
            }
        }
        false
    }
}
