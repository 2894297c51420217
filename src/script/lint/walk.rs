//! Follows what a script does with `cx`, evidence and findings.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::abstract_value::{AbstractValue, Observer, Part, Shape, observers};
use super::header::{Header, literal_text};
use super::names::Names;
use super::{Finding, MOST, globals, suggestion};
use crate::script::api::{
    ABOUT, CX, EVIDENCE, Entry, FIELD_METHODS, FINDING, GAP, LIST, PATTERN_METHODS, RE, STANDARD, VERDICTS,
};
use crate::script::syntax::{Block, Expression, Form, Function, ItemKey, Name, Statement, Step, StepForm};
use crate::script::vocabulary::{self, Gives, On, Takes};

pub(super) fn check<'a>(script: &Block<'a>, names: &Names<'a>) -> Vec<Finding> {
    let observers = observers();
    let header = Header::of(script, names);
    let mut walk = Walk {
        names,
        header: &header,
        observers: &observers,
        known: HashMap::new(),
        findings: Vec::new(),
        asked: HashSet::new(),
        params_used: HashSet::new(),
        hides_probes: false,
        hides_params: false,
        tells_needs: true,
    };
    walk.check_header();
    walk.block(script);
    walk.check_unused();
    walk.findings
}

pub(super) struct Walk<'w, 'a> {
    pub names: &'w Names<'a>,
    pub header: &'w Header<'w, 'a>,
    pub observers: &'w [Observer],
    /// What is known of local variables, by their declaration.
    known: HashMap<usize, AbstractValue<'w>>,
    findings: Vec<Finding>,
    /// Probes that are called by a name that is written out.
    pub asked: HashSet<&'static str>,
    pub params_used: HashSet<String>,
    /// Whether probes may be called where it cannot be seen, and parameters used.
    pub hides_probes: bool,
    pub hides_params: bool,
    /// That there is no `needs` at all is told once.
    pub tells_needs: bool,
}

impl<'w, 'a> Walk<'w, 'a> {
    pub fn report(&mut self, finding: Finding) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
        }
    }

    fn block(&mut self, block: &Block<'a>) {
        block.iter().for_each(|statement| self.statement(statement));
    }

    pub fn all(&mut self, expressions: &[Expression<'a>]) -> Vec<AbstractValue<'w>> {
        expressions.iter().map(|expression| self.value(expression)).collect()
    }

    fn statement(&mut self, statement: &Statement<'a>) {
        match statement {
            Statement::Local { names, values } => {
                let values = self.all(values);
                names.iter().zip(values).for_each(|(name, value)| self.learn(name, value));
            }
            Statement::Assign { targets, values } => {
                self.all(values);
                for target in targets.iter().filter(|target| !matches!(target.form, Form::Name(_))) {
                    self.value(target);
                }
            }
            Statement::Call(call) => {
                self.value(call);
            }
            Statement::Do(body) => self.block(body),
            Statement::While { condition, body } => {
                self.value(condition);
                self.block(body);
            }
            Statement::Repeat { body, until } => {
                self.block(body);
                self.value(until);
            }
            Statement::If { branches, otherwise } => {
                for (condition, body) in branches {
                    self.value(condition);
                    self.block(body);
                }
                self.block(otherwise);
            }
            Statement::Count { bounds, body, .. } => {
                self.all(bounds);
                self.block(body);
            }
            Statement::Each { names, values, body } => {
                let item = self.iterated(values);
                if let (Some(name), Some(item)) = (names.get(1), item) {
                    self.learn(name, item);
                }
                self.block(body);
            }
            Statement::Function { target, function } => {
                if !matches!(target.form, Form::Name(_)) {
                    self.value(target);
                }
                self.function(function, None);
            }
            Statement::LocalFunction { function, .. } => self.function(function, None),
            Statement::Return(values) => {
                self.all(values);
            }
        }
    }

    /// What the second variable of a loop stands for.
    fn iterated(&mut self, values: &[Expression<'a>]) -> Option<AbstractValue<'w>> {
        let [Expression { form: Form::Path { root, steps }, .. }] = values else {
            self.all(values);
            return None;
        };
        let [Step { form: StepForm::Call(arguments), .. }] = steps.as_slice() else {
            self.all(values);
            return None;
        };
        let function = self.global(root).filter(|name| ["ipairs", "pairs"].contains(name));
        let (Some(function), [argument]) = (function, arguments.as_slice()) else {
            self.all(values);
            return None;
        };
        match (function, self.value(argument)) {
            (_, AbstractValue::Part(part)) => part.item().or_else(|| part.entry()).map(AbstractValue::Part),
            ("pairs", AbstractValue::Groups(list)) => Some(AbstractValue::Part(list)),
            _ => None,
        }
    }

    /// Remembers what a local variable stands for, when it keeps its value.
    fn learn(&mut self, name: &Name<'a>, value: AbstractValue<'w>) {
        if self.names.is_constant(name.start) && !matches!(value, AbstractValue::Nothing) {
            self.known.insert(name.start, value);
        }
    }

    /// A function; `first` is what it is known to be called with.
    fn function(&mut self, function: &Function<'a>, first: Option<AbstractValue<'w>>) {
        let is_run = self.header.run == Some(function.start);
        for (index, name) in function.parameters.iter().enumerate() {
            let value = match index {
                0 if is_run => AbstractValue::Cx,
                1 if is_run => AbstractValue::Params,
                0 if first.is_some() => first.clone().unwrap_or(AbstractValue::Nothing),
                _ if name.text == "cx" && self.header.table.is_some() => AbstractValue::Cx,
                _ => AbstractValue::Nothing,
            };
            self.learn(name, value);
        }
        self.block(&function.body);
    }

    /// The name, when it is a global's.
    pub fn global(&self, expression: &Expression<'a>) -> Option<&'a str> {
        match expression.form {
            Form::Name(name) if self.names.declaration(expression.range.start).is_none() => Some(name),
            _ => None,
        }
    }

    /// Looks at an expression and all in it, and says what is known of its value.
    pub fn value(&mut self, expression: &Expression<'a>) -> AbstractValue<'w> {
        match &expression.form {
            Form::Name(_) => {
                let known = self.variable(expression);
                // From here on it may be used in ways that cannot be followed.
                self.hides_probes |= matches!(known, AbstractValue::Cx);
                self.hides_params |= matches!(known, AbstractValue::Cx | AbstractValue::Params);
                known
            }
            Form::Function(function) => {
                self.function(function, None);
                AbstractValue::Nothing
            }
            Form::Table(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    if let ItemKey::Value(key) = &item.key {
                        self.value(key);
                    }
                    values.push(self.value(&item.value));
                }
                self.check_commands(items, &values);
                AbstractValue::Nothing
            }
            Form::Bracketed(inner) => self.value(inner),
            Form::Signed { operand, .. } => {
                self.value(operand);
                AbstractValue::Nothing
            }
            Form::Operation { operands, .. } => {
                self.all(operands);
                if self.is_raw(expression) { AbstractValue::Raw } else { AbstractValue::Nothing }
            }
            Form::Path { root, steps } => match self.path(root, steps) {
                AbstractValue::Nothing if self.is_raw(expression) => AbstractValue::Raw,
                known => known,
            },
            Form::Nil | Form::Boolean(_) | Form::Number(_) | Form::Text(_) | Form::Rest => AbstractValue::Nothing,
        }
    }

    pub fn variable(&self, name: &Expression<'a>) -> AbstractValue<'w> {
        let declaration = self.names.declaration(name.range.start);
        declaration.and_then(|declaration| self.known.get(&declaration)).cloned().unwrap_or(AbstractValue::Nothing)
    }

    fn path(&mut self, root: &Expression<'a>, steps: &[Step<'a>]) -> AbstractValue<'w> {
        let mut known = match root.form {
            Form::Name(_) => self.variable(root),
            _ => self.value(root),
        };
        let mut rest = steps;
        if let (Some(global), [first, after @ ..]) = (self.global(root), steps) {
            known = self.global_step(global, first);
            rest = after;
        }
        for (index, step) in rest.iter().enumerate() {
            let is_called = matches!(rest.get(index + 1).map(|next| &next.form), Some(StepForm::Call(_)));
            known = self.step(known, step, is_called);
        }
        if let AbstractValue::Member("probe" | "together") = known {
            self.hides_probes = true;
        }
        if let AbstractValue::Params = known {
            self.hides_params = true;
        }
        known
    }

    /// The first step from a global name.
    fn global_step(&mut self, global: &'a str, step: &Step<'a>) -> AbstractValue<'w> {
        match &step.form {
            StepForm::Field(field) => {
                self.module_member(global, field);
                AbstractValue::Nothing
            }
            StepForm::Call(arguments) => self.global_call(global, arguments),
            StepForm::Index(index) => {
                self.value(index);
                AbstractValue::Nothing
            }
            StepForm::Method(_, arguments) => {
                self.all(arguments);
                AbstractValue::Nothing
            }
        }
    }

    fn module_member(&mut self, module: &'a str, field: &Name<'a>) {
        if self.names.has_own_environment || self.names.added.contains(&(module, field.text)) {
            return;
        }
        let members: Vec<&'static str> = match STANDARD.iter().find(|standard| standard.name == module) {
            Some(standard) => standard.members.to_vec(),
            None if module == "re" => RE.iter().map(Entry::name).collect(),
            None => return,
        };
        if members.contains(&field.text) || self.names.written.iter().any(|(name, _)| *name == module) {
            return;
        }
        let path = format!("{module}.{}", field.text);
        self.report(match globals::blocked(&path) {
            Some(blocked) => Finding::error(field.range(), format!("`{path}` is not available in checks"))
                .help(blocked.instead.to_owned()),
            None => Finding::error(field.range(), format!("`{module}` has no function `{}`", field.text))
                .help(suggestion(field.text, members)),
        });
    }

    /// One step further: a field, an index, a call.
    fn step(&mut self, known: AbstractValue<'w>, step: &Step<'a>, is_called: bool) -> AbstractValue<'w> {
        match &step.form {
            StepForm::Field(name) => self.field(&known, name.text, name.range(), is_called),
            StepForm::Index(index) => {
                self.value(index);
                match (&known, literal_text(index)) {
                    (AbstractValue::Together(_), None) => self.index(known, index),
                    (_, Some(name)) => self.field(&known, &name, index.range.clone(), is_called),
                    (_, None) => self.index(known, index),
                }
            }
            StepForm::Call(arguments) => match known {
                AbstractValue::Member(member) => self.cx_call(member, arguments),
                _ => {
                    self.all(arguments);
                    AbstractValue::Nothing
                }
            },
            StepForm::Method(name, arguments) => self.method(known, name, arguments),
        }
    }

    /// An index that is not a text that is written out.
    fn index(&mut self, known: AbstractValue<'w>, index: &Expression<'a>) -> AbstractValue<'w> {
        match known {
            AbstractValue::Part(part) => {
                part.item().or_else(|| part.entry()).map_or(AbstractValue::Nothing, AbstractValue::Part)
            }
            AbstractValue::Groups(list) => AbstractValue::Part(list),
            AbstractValue::Together(all) => match index.form {
                Form::Number(digits) => {
                    let nth = digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                    let mut lists = all.iter().filter(|(key, _)| key.is_none());
                    nth.and_then(|nth| lists.nth(nth)).map_or(AbstractValue::Nothing, |(_, known)| known.clone())
                }
                _ => AbstractValue::Nothing,
            },
            AbstractValue::Params => {
                self.hides_params = true;
                AbstractValue::Nothing
            }
            _ => AbstractValue::Nothing,
        }
    }

    fn field(
        &mut self,
        known: &AbstractValue<'w>,
        name: &str,
        range: Range<usize>,
        is_called: bool,
    ) -> AbstractValue<'w> {
        match known {
            AbstractValue::Cx => match CX.iter().find(|entry| entry.name() == name) {
                Some(entry) if entry.name() == "params" => AbstractValue::Params,
                Some(entry) => AbstractValue::Member(entry.name()),
                None => {
                    let message = format!("`cx` has no {} `{name}`", if is_called { "function" } else { "field" });
                    self.report(Finding::error(range, message).help(suggestion(name, CX.iter().map(Entry::name))));
                    AbstractValue::Nothing
                }
            },
            AbstractValue::Params => {
                self.param(name, range);
                AbstractValue::Nothing
            }
            AbstractValue::Evidence(observer) => {
                let part = Part { schema: &observer.output, path: observer.probe.name().to_owned() };
                match EVIDENCE.iter().find(|entry| entry.name() == name) {
                    Some(entry) if entry.name() == "gap" => AbstractValue::Gap,
                    Some(_) => AbstractValue::Nothing,
                    None => self.part_field(&part, name, range),
                }
            }
            AbstractValue::Part(part) => self.part_field(part, name, range),
            AbstractValue::Groups(list) => AbstractValue::Part(list.clone()),
            AbstractValue::Gap => self.one_of(GAP, "a gap", name, range),
            AbstractValue::About => self.one_of(ABOUT, "what cx.about gives", name, range),
            AbstractValue::Together(all) => {
                if let Some((_, known)) = all.iter().find(|(key, _)| key.as_deref() == Some(name)) {
                    return known.clone();
                }
                let keys = all.iter().filter_map(|(key, _)| key.as_deref());
                let finding = Finding::error(range, format!("cx.together was not asked for `{name}`"));
                let finding = finding.help(suggestion(name, keys));
                self.report(finding);
                AbstractValue::Nothing
            }
            AbstractValue::Finding | AbstractValue::Raw | AbstractValue::Member(_) | AbstractValue::Nothing => {
                AbstractValue::Nothing
            }
        }
    }

    fn one_of(&mut self, entries: &'static [Entry], what: &str, name: &str, range: Range<usize>) -> AbstractValue<'w> {
        if !entries.iter().any(|entry| entry.name() == name) {
            let help = suggestion(name, entries.iter().map(Entry::name));
            self.report(Finding::error(range, format!("{what} has no field `{name}`")).help(help));
        }
        AbstractValue::Nothing
    }

    /// A field of evidence.
    pub fn part_field(&mut self, part: &Part<'w>, name: &str, range: Range<usize>) -> AbstractValue<'w> {
        // A path of fields in one text is left alone.
        if name.contains('.') {
            return AbstractValue::Nothing;
        }
        if let Some(field) = part.field(name) {
            return AbstractValue::Part(field);
        }
        let path = &part.path;
        match part.shape() {
            Shape::Fields(fields) => {
                let help = suggestion(name, fields.keys().map(String::as_str));
                self.report(Finding::error(range, format!("{path} has no field `{name}`")).help(help));
            }
            Shape::List(_) if !LIST.iter().any(|method| method.name() == name) => {
                let finding = Finding::error(range, format!("{path} is a list, it has no field `{name}`"));
                self.report(finding.help(format!("take an item: {path}:first{{…}}.{name}")));
            }
            Shape::Single => {
                self.report(Finding::error(range, format!("{path} is a single value, it has no field `{name}`")));
            }
            Shape::List(_) | Shape::Map | Shape::Open => {}
        }
        AbstractValue::Nothing
    }

    fn method(&mut self, known: AbstractValue<'w>, name: &Name<'a>, arguments: &[Expression<'a>]) -> AbstractValue<'w> {
        match known {
            AbstractValue::Cx => {
                self.all(arguments);
                let finding = Finding::error(name.range(), format!("cx.{} is called with a dot", name.text));
                self.report(finding.help(format!("write `cx.{}(…)`", name.text)));
                AbstractValue::Nothing
            }
            AbstractValue::Finding => {
                if !FINDING.iter().any(|method| method.name() == name.text) {
                    let finding = Finding::error(name.range(), format!("a finding has no method `{}`", name.text));
                    self.report(finding.help(suggestion(name.text, FINDING.iter().map(Entry::name))));
                }
                if let ("remedy", [Expression { form: Form::Table(items), range }]) = (name.text, arguments) {
                    self.check_remedy(items, range);
                }
                self.all(arguments);
                AbstractValue::Finding
            }
            AbstractValue::Evidence(_) => {
                self.all(arguments);
                self.field(&known, name.text, name.range(), true);
                AbstractValue::Nothing
            }
            AbstractValue::Part(part) => match part.shape() {
                Shape::List(_) => self.list_method(&part, name, arguments),
                Shape::Fields(_) => {
                    self.all(arguments);
                    self.part_field(&part, name.text, name.range());
                    AbstractValue::Nothing
                }
                _ => {
                    self.all(arguments);
                    AbstractValue::Nothing
                }
            },
            _ => {
                self.all(arguments);
                AbstractValue::Nothing
            }
        }
    }

    fn list_method(&mut self, list: &Part<'w>, name: &Name<'a>, arguments: &[Expression<'a>]) -> AbstractValue<'w> {
        let Some(item) = list.item() else { return AbstractValue::Nothing };
        if !LIST.iter().any(|method| method.name() == name.text) {
            let finding = Finding::error(name.range(), format!("a list has no method `{}`", name.text));
            self.report(finding.help(suggestion(name.text, LIST.iter().map(Entry::name))));
        }
        self.list_arguments(&item, name.text, arguments);
        match name.text {
            "first" => AbstractValue::Part(item),
            "where" | "top" | "sort" | "take" | "seen" => AbstractValue::Part(list.clone()),
            "group" => AbstractValue::Groups(list.clone()),
            _ => AbstractValue::Nothing,
        }
    }

    /// The pattern or field that a function on a list is given.
    pub fn list_arguments(&mut self, item: &Part<'w>, function: &str, arguments: &[Expression<'a>]) {
        let mut rest = arguments;
        if let [first, after @ ..] = arguments {
            let takes = |wanted| match vocabulary::find(function).map(|helper| helper.on) {
                Some(On::List(takes, _)) => takes == wanted,
                _ => false,
            };
            let takes_pattern = PATTERN_METHODS.contains(&function) || takes(Takes::Pattern);
            let takes_field = FIELD_METHODS.contains(&function) || takes(Takes::Field);
            match &first.form {
                Form::Function(inner) if takes_pattern || takes_field => {
                    self.function(inner, Some(AbstractValue::Part(item.clone())));
                    rest = after;
                }
                Form::Table(items) if takes_pattern => self.check_pattern(item, items),
                Form::Text(_) if takes_field => {
                    if let Some(name) = literal_text(first)
                        && let Shape::Fields(_) = item.shape()
                    {
                        self.part_field(item, &name, first.range.clone());
                    }
                }
                _ => {}
            }
        }
        self.all(rest);
    }

    fn cx_call(&mut self, member: &'static str, arguments: &[Expression<'a>]) -> AbstractValue<'w> {
        match member {
            "probe" => self.probe_call(arguments),
            "together" => self.together_call(arguments),
            "about" => {
                self.all(arguments);
                AbstractValue::About
            }
            verdict if VERDICTS.contains(&verdict) => {
                self.all(arguments);
                AbstractValue::Finding
            }
            _ => {
                self.all(arguments);
                AbstractValue::Nothing
            }
        }
    }

    /// A call of a global function: a helper on lists, `require`.
    fn global_call(&mut self, name: &'a str, arguments: &[Expression<'a>]) -> AbstractValue<'w> {
        let is_overwritten = self.names.written.iter().any(|(written, _)| *written == name);
        if is_overwritten {
            self.all(arguments);
            return AbstractValue::Nothing;
        }
        if name == "require" {
            self.check_require(arguments);
        }
        let helper = vocabulary::find(name).filter(|helper| helper.on != On::Values);
        let Some(helper) = helper else {
            self.all(arguments);
            return AbstractValue::Nothing;
        };
        let [list, rest @ ..] = arguments else { return AbstractValue::Nothing };
        let list = self.value(list);
        let AbstractValue::Part(part) = &list else {
            self.all(rest);
            return AbstractValue::Nothing;
        };
        if helper.on == On::Field {
            if let (Some(field), Shape::Fields(_)) = (rest.first().and_then(literal_text), part.shape()) {
                let range = rest.first().map_or(0..0, |first| first.range.clone());
                self.part_field(part, &field, range);
            }
            self.all(rest);
            return AbstractValue::Nothing;
        }
        let Some(item) = part.item() else {
            self.all(rest);
            return AbstractValue::Nothing;
        };
        self.list_arguments(&item, name, rest);
        match helper.on {
            On::List(_, Gives::Item) => AbstractValue::Part(item),
            // A plain table of the same items.
            On::List(_, Gives::List) => list,
            _ => AbstractValue::Nothing,
        }
    }
}
