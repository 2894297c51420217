//! The header of a check, `return check { … }`, as far as it is written out.

use std::ops::Range;

use super::Finding;
use super::names::Names;
use crate::script::syntax::{Block, Expression, Form, Function, Item, ItemKey, Statement, Step, StepForm, text};

/// What a script declares about itself.
#[derive(Debug, Default)]
pub(super) struct Header<'t, 'a> {
    /// Where `check` stands, and the items of its table.
    pub table: Option<(Range<usize>, &'t [Item<'a>])>,
    /// The probes that it may call, as far as all are written out.
    pub needs: Option<Vec<(String, Range<usize>)>>,
    /// Its parameters, as far as all are written out.
    pub params: Option<Vec<(String, Range<usize>)>>,
    /// Where the function of `run` begins.
    pub run: Option<usize>,
}

impl<'t, 'a> Header<'t, 'a> {
    /// The header at the end of a script that is a check.
    pub fn of(script: &'t Block<'a>, names: &Names) -> Self {
        let Some((root, arguments)) = returned_call(script) else { return Header::default() };
        let [Expression { form: Form::Table(items), .. }] = arguments else { return Header::default() };
        if root.form != Form::Name("check") || names.declaration(root.range.start).is_some() {
            return Header::default();
        }
        let run = value_of(items, "run").and_then(|value| function_of(script, value, names));
        Header {
            table: Some((root.range.clone(), items)),
            needs: listed(items),
            params: declared(items),
            run: run.map(|function| function.start),
        }
    }
}

/// The function that a script returns a call of, and the arguments.
fn returned_call<'t, 'a>(script: &'t Block<'a>) -> Option<(&'t Expression<'a>, &'t [Expression<'a>])> {
    let Some(Statement::Return(values)) = script.last() else { return None };
    let [Expression { form: Form::Path { root, steps }, .. }] = values.as_slice() else { return None };
    match steps.as_slice() {
        [Step { form: StepForm::Call(arguments), .. }] => Some((root, arguments)),
        _ => None,
    }
}

/// The name of what a script declares at its end: `check`, `runbook`.
pub(super) fn declares<'a>(script: &Block<'a>) -> Option<&'a str> {
    match returned_call(script)?.0.form {
        Form::Name(name) => Some(name),
        _ => None,
    }
}

/// A check, runbook or test that a script makes and does not return, so that nobody finds it.
pub(super) fn unreturned(script: &Block, names: &Names) -> Option<Finding> {
    if declares(script).is_some() {
        return None;
    }
    let made = |expression: &Expression| {
        let Form::Path { root, steps } = &expression.form else { return None };
        let Form::Name(name @ ("check" | "runbook" | "test")) = root.form else { return None };
        let [Step { form: StepForm::Call(arguments), .. }] = steps.as_slice() else { return None };
        let [Expression { form: Form::Table(_), .. }] = arguments.as_slice() else { return None };
        names.declaration(root.range.start).is_none().then(|| (name.to_owned(), root.range.clone()))
    };
    let found = script.iter().find_map(|statement| match statement {
        Statement::Call(call) => made(call).map(|(name, range)| (range, format!("write `return {name} {{ … }}`"))),
        Statement::Local { names, values } => names.iter().zip(values).find_map(|(local, value)| {
            let returned = matches!(script.last(), Some(Statement::Return(_)));
            let (_, range) = made(value).filter(|_| !returned)?;
            Some((range, format!("end the script with `return {}`", local.text)))
        }),
        _ => None,
    });
    found.map(|(range, help)| {
        let message = "this is made and not returned, so that nobody finds it: the script is a module as it is";
        Finding::error(range, message).help(help)
    })
}

/// The value of a key in a table.
pub(super) fn value_of<'t, 'a>(items: &'t [Item<'a>], key: &str) -> Option<&'t Expression<'a>> {
    items.iter().find(|item| key_of(item).is_some_and(|(name, _)| name == key)).map(|item| &item.value)
}

/// The key of an item, when it is a text that is written out.
pub(super) fn key_of(item: &Item) -> Option<(String, Range<usize>)> {
    match &item.key {
        ItemKey::Name(name) => Some((name.text.to_owned(), name.range())),
        ItemKey::Value(Expression { form: Form::Text(written), range }) => Some((text(written)?, range.clone())),
        _ => None,
    }
}

/// The texts of `needs`; empty when there is no such key.
fn listed(items: &[Item]) -> Option<Vec<(String, Range<usize>)>> {
    let Some(value) = value_of(items, "needs") else { return all_keys_are_known(items).then(Vec::new) };
    let Form::Table(needs) = &value.form else { return None };
    needs.iter().map(|need| Some((literal_text(&need.value)?, need.value.range.clone()))).collect()
}

/// The names in `params`; empty when there is no such key.
fn declared(items: &[Item]) -> Option<Vec<(String, Range<usize>)>> {
    let Some(value) = value_of(items, "params") else { return all_keys_are_known(items).then(Vec::new) };
    let Form::Table(params) = &value.form else { return None };
    params.iter().map(key_of).collect()
}

fn all_keys_are_known(items: &[Item]) -> bool {
    items.iter().all(|item| key_of(item).is_some())
}

/// The text of a literal.
pub(super) fn literal_text(expression: &Expression) -> Option<String> {
    match expression.form {
        Form::Text(written) => text(written),
        _ => None,
    }
}

/// The function that `run` is: written there, or a local function of the script.
fn function_of<'t, 'a>(script: &'t Block<'a>, value: &'t Expression<'a>, names: &Names) -> Option<&'t Function<'a>> {
    if let Form::Function(function) = &value.form {
        return Some(function);
    }
    let declaration = names.declaration(value.range.start).filter(|declaration| names.is_constant(*declaration))?;
    script.iter().find_map(|statement| match statement {
        Statement::LocalFunction { name, function } if name.start == declaration => Some(function),
        Statement::Local { names, values } => {
            let index = names.iter().position(|name| name.start == declaration)?;
            match &values.get(index)?.form {
                Form::Function(function) => Some(function),
                _ => None,
            }
        }
        _ => None,
    })
}
