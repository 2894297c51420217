//! From text to a checked runbook: every name exists, every expression compiles, every parameter fits, or all that is wrong
//! is said at once.

mod arguments;
mod causes;
mod params;
mod steps;
mod suspects;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use serde_json::Value;

use super::bindings;
use super::document::{CheckDocument, Document, RemedyDocument, Text};
use super::fields::{self, Meaning, Names};
use super::model::{Binding, Bound, Check, RemedyPlan, Runbook, Written};
use super::parts::{self, NoList, Part, ReadPart, Refused};
use super::place::{byte_offset, in_source};
use super::problem::{Problem, Problems, SourceFile};
use super::yaml::{self, Depth};
use crate::case::Urgency;
use crate::probe;
use crate::script::{Care, Condition, Expression, Scope, Script, SyntaxError, Template, find_helper, is_keyword};
use crate::suggest::Suggestion;

/// Finds the checks that a runbook's steps call, by name.
pub(super) type FindCheck<'a> = &'a dyn Fn(&str) -> Result<Arc<Check>, NoCheck>;

/// Why a check cannot be called: what is wrong, and what to do about it.
pub(super) struct NoCheck {
    pub message: String,
    pub help: Option<String>,
}

/// Reads and checks a runbook.
pub(super) fn runbook(
    file: SourceFile,
    depth: Depth,
    find: FindCheck<'_>,
    read_part: ReadPart<'_>,
) -> Result<Runbook, Problems> {
    checked(file, depth, find, |check, mut document: Document| {
        let (parts, refused) = parts::read(&mut document, &check.file, read_part);
        for refused in refused {
            match refused {
                Refused::Place(place, message) => {
                    check.report(document.include.get(place).map(|path| check.range(path)), message, None);
                }
                Refused::Text(problem) => check.problems.push(problem),
            }
        }
        check.runbook(document, parts)
    })
}

/// Checks a runbook that includes nothing and is known as a document: `file` is what stands for its text.
pub(super) fn document(
    file: SourceFile,
    mut document: Document,
    depth: Depth,
    find: FindCheck<'_>,
) -> Result<Runbook, Problems> {
    let file = Arc::new(file);
    let nowhere = |_: &str| Err(String::new());
    let (parts, _) = parts::read(&mut document, &file, &nowhere);
    checked_document(file, depth, find, document, |check, document| check.runbook(document, parts))
}

/// Reads and checks the header of a check, which has come to be YAML.
pub(super) fn header(file: SourceFile, script: &Script) -> Result<Check, Problems> {
    let none = |_: &str| Err(NoCheck { message: String::new(), help: None });
    checked(file, Depth::Whole, &none, |check, document: CheckDocument| check.header(document, script))
}

fn checked<D: serde::de::DeserializeOwned, T>(
    file: SourceFile,
    depth: Depth,
    find: FindCheck<'_>,
    check_all: impl FnOnce(&mut Checker<'_>, D) -> T,
) -> Result<T, Problems> {
    let file = Arc::new(file);
    let problems = |problems| Problems { origin: file.origin.clone(), text: file.text.clone(), problems };
    let document: D = yaml::document(&file, depth)
        .map_err(|error| problems(vec![yaml::problem(&file.text, &error, yaml::Form::Runbook)]))?;
    checked_document(file, depth, find, document, check_all)
}

fn checked_document<D, T>(
    file: Arc<SourceFile>,
    depth: Depth,
    find: FindCheck<'_>,
    document: D,
    check_all: impl FnOnce(&mut Checker<'_>, D) -> T,
) -> Result<T, Problems> {
    let problems = |problems| Problems { origin: file.origin.clone(), text: file.text.clone(), problems };
    let mut check = Checker {
        main: Arc::clone(&file),
        file: Arc::clone(&file),
        depth,
        scope: None,
        find,
        problems: Vec::new(),
        warnings: Vec::new(),
        names: Vec::new(),
        bindings: Vec::new(),
        data: IndexMap::new(),
        live_when: None,
    };
    let whole = check_all(&mut check, document);
    if check.problems.is_empty() {
        return Ok(whole);
    }
    check.problems.append(&mut check.warnings);
    check.problems.sort_by_key(|problem| problem.range.as_ref().map_or(0, |range| range.start));
    check.problems.dedup();
    Err(problems(check.problems))
}

/// The last boundary of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn first_word(text: &str) -> usize {
    text.find(char::is_whitespace).unwrap_or(text.len())
}

/// The schema of a list of data, by what its entries have.
fn list_schema(rows: &Value) -> Value {
    serde_json::json!({"type": "array", "items": entry_schema(rows)})
}

/// The schema of its entries: the fields of the first, where all are alike.
fn entry_schema(rows: &Value) -> Value {
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(first) = rows.first().and_then(Value::as_object) else { return Value::Bool(true) };
    let alike = |row: &Value| row.as_object().is_some_and(|row| row.keys().eq(first.keys()));
    if !rows.iter().all(alike) {
        return Value::Bool(true);
    }
    let fields: serde_json::Map<String, Value> = first.keys().map(|key| (key.clone(), Value::Bool(true))).collect();
    serde_json::json!({"type": "object", "properties": fields})
}

/// How many steps a runbook can have: each takes a thread while it looks.
const STEPS: usize = 256;
/// How many problems are told at once.
const PROBLEMS: usize = 50;

struct Checker<'a> {
    /// The runbook's first file, and the one that is being checked.
    main: Arc<SourceFile>,
    file: Arc<SourceFile>,
    depth: Depth,
    scope: Option<Scope>,
    find: FindCheck<'a>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    names: Names,
    /// The names that the whole runbook shares, in order.
    bindings: Vec<Binding>,
    data: IndexMap<String, Value>,
    live_when: Option<Condition>,
}

impl Checker<'_> {
    fn report(&mut self, range: Option<Range<usize>>, message: impl Into<String>, help: Option<String>) {
        // More help nobody; the first ones often explain the rest.
        if self.problems.len() >= PROBLEMS {
            return;
        }
        let problem = self.problem(range, message.into(), help);
        self.problems.push(problem);
    }

    /// Says what works, but should be written otherwise.
    fn warn(&mut self, range: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        if self.warnings.len() < PROBLEMS {
            let problem = self.problem(Some(range), message.into(), Some(help.into()));
            self.warnings.push(Problem { is_warning: true, ..problem });
        }
    }

    /// A key that has a newer name.
    fn old_key(&mut self, key: &str, text: &Text, new: &str) {
        let range = self.range(text);
        self.warn(range, format!("`{key}` is the old name of `{new}`"), format!("write `{new}:`"));
    }

    fn problem(&self, range: Option<Range<usize>>, message: String, help: Option<String>) -> Problem {
        let file = (!Arc::ptr_eq(&self.file, &self.main)).then(|| Arc::clone(&self.file));
        Problem { file, ..Problem::new(range, message).help(help) }
    }

    /// Where a text stands.
    fn range(&self, text: &Text) -> Range<usize> {
        let location = text.referenced;
        let start = byte_offset(&self.file.text, location.line() as usize, location.column() as usize);
        let source = &self.file.text[start..];
        // A text that differs in the source, by quotes or folding, is shown by its first line.
        let line = source.lines().next().unwrap_or_default().len();
        let length = if source.starts_with(&text.value) { text.value.len() } else { line.min(text.value.len() + 2) };
        start..floor(&self.file.text, start + length)
    }

    /// Where `part`, which stands `offset` bytes into the text, is in the source; the alias, where the text is one.
    fn range_of(&self, text: &Text, offset: usize, part: &str) -> Range<usize> {
        let whole = self.range(text);
        let source = self.file.text.get(whole.start..).unwrap_or_default();
        match in_source(source, &text.value, offset) {
            Some(at) => {
                let start = whole.start + at;
                // A part that is folded or escaped is longer in the source: its first word is enough to find it.
                let same = self.file.text.get(start..).is_some_and(|rest| rest.starts_with(part));
                let length = if same { part.len() } else { first_word(source.get(at..).unwrap_or_default()) };
                start..(start + length).min(self.file.text.len())
            }
            None => whole.start..whole.start + first_word(source),
        }
    }

    fn place(&self, text: &Text) -> String {
        let (line, column) = (text.referenced.line(), text.referenced.column());
        // What was not read for its places has none.
        if line == 0 { self.file.origin.clone() } else { format!("{}:{line}:{column}", self.file.origin) }
    }

    fn runbook(&mut self, document: Document, mut parts: Vec<Part>) -> Runbook {
        self.identifier(&document.name, "runbook", '-');
        if self.depth == Depth::Head {
            return self.head(document, parts);
        }
        let mut count = parts.iter().map(|part| part.document.steps.len()).sum::<usize>();
        if count > STEPS {
            let message = format!("the runbook has {count} steps, more than the {STEPS} there can be");
            self.report(Some(self.range(&document.name)), message, Some("split it".to_owned()));
            parts.iter_mut().for_each(|part| part.document.steps.clear());
            count = 1;
        }
        // They may be in a file that was refused.
        if count == 0 && parts.len() > document.include.len() {
            self.report(Some(self.range(&document.name)), "the runbook has no steps", None);
        }
        self.lists(&parts);
        let written = match &self.main.whole {
            Some(path) => Written::Packed(path.clone(), OnceLock::new()),
            None if document.include.is_empty() && parts.iter().all(Part::writes_its_lists) => {
                Written::Here(self.main.text.clone())
            }
            None => Written::Here(parts::whole(&document, &parts, &self.data).unwrap_or_else(|why| {
                self.report(None, format!("the runbook cannot be written as one document: {why}"), None);
                String::new()
            })),
        };
        let mut params = IndexMap::new();
        for part in &mut parts {
            self.file = Arc::clone(&part.file);
            for (name, spec) in self.params(std::mem::take(&mut part.document.params)) {
                if params.contains_key(&name) {
                    self.report(None, format!("the parameter `{name}` is declared in another file already"), None);
                }
                params.insert(name, spec);
            }
        }
        self.names.push(("params".into(), Meaning::Params(params.keys().cloned().collect())));
        self.file = Arc::clone(&self.main);
        let complaints = self.complaints(&document.complaints);
        let suspect = self.suspects(document.suspect, &document.name);
        let lines = self.lines(document.lines);
        self.live_when = document.live_when.as_ref().and_then(|text| self.condition(text));
        let mut ids = Vec::new();
        for part in &parts {
            self.file = Arc::clone(&part.file);
            for step in &part.document.steps {
                self.lua_name(&step.id, "step");
                self.free(&step.id);
                ids.push(step.id.value.clone());
                // Nobody asks what a field of what ships means: its schema is not made.
                let whole = step.probe.as_ref().filter(|_| self.depth == Depth::Whole);
                let probe = whole.and_then(|probe| probe::find(&probe.value));
                let meaning = probe.map_or(Meaning::Value, Meaning::Probe);
                self.names.push((step.id.value.clone(), meaning));
            }
        }
        for (name, rows) in &self.data {
            self.names.push((name.clone(), Meaning::Evidence(Arc::new(list_schema(rows)))));
        }
        self.bindings = self.named(&mut parts);
        let mut steps = Vec::new();
        for part in &mut parts {
            self.file = Arc::clone(&part.file);
            steps.extend(std::mem::take(&mut part.document.steps).into_iter().map(|step| self.step(step, &ids)));
        }
        self.file = Arc::clone(&self.main);
        self.cycles(&steps, &document.name);
        let headlines = document.headlines.iter().filter_map(|text| self.template(text)).collect();
        if let Some(calm) = &document.calm {
            self.old_key("calm", calm, "all_clear");
        }
        let all_clear = document.all_clear.as_ref().or(document.calm.as_ref()).and_then(|text| self.template(text));
        let mut causes = Vec::new();
        for part in parts {
            self.file = part.file;
            causes.extend(part.document.causes.into_iter().flat_map(|cause| self.causes(cause)));
        }
        self.file = Arc::clone(&self.main);
        Runbook {
            name: document.name.value,
            title: document.title,
            summary: document.summary,
            tags: document.tags,
            symptoms: document.symptoms,
            complaints,
            suspect,
            lines,
            params,
            data: std::mem::take(&mut self.data).into_iter().collect(),
            bindings: std::mem::take(&mut self.bindings),
            steps,
            headlines,
            all_clear,
            causes,
            wraps_check: None,
            overrides_embedded: false,
            ships: false,
            choice: None,
            origin: self.main.origin.clone(),
            written,
            warnings: std::mem::take(&mut self.warnings),
        }
    }

    /// The parameters of a runbook, and what it is picked by.
    fn head(&mut self, document: Document, parts: Vec<Part>) -> Runbook {
        let mut params = IndexMap::new();
        for part in parts {
            self.file = part.file;
            params.extend(self.params(part.document.params));
        }
        self.file = Arc::clone(&self.main);
        self.names.push(("params".into(), Meaning::Params(params.keys().cloned().collect())));
        let complaints = self.complaints(&document.complaints);
        let suspect = self.suspects(document.suspect, &document.name);
        let lines = self.lines(document.lines);
        Runbook {
            name: document.name.value,
            title: document.title,
            summary: document.summary,
            tags: document.tags,
            symptoms: document.symptoms,
            complaints,
            suspect,
            lines,
            params,
            data: Vec::new(),
            bindings: Vec::new(),
            steps: Vec::new(),
            headlines: Vec::new(),
            all_clear: None,
            causes: Vec::new(),
            wraps_check: None,
            overrides_embedded: false,
            ships: false,
            choice: None,
            origin: self.main.origin.clone(),
            written: Written::Here(String::new()),
            warnings: Vec::new(),
        }
    }

    /// The lists of all files, those that probes know put in.
    fn lists(&mut self, parts: &[Part]) {
        for part in parts {
            self.file = Arc::clone(&part.file);
            for (name, value) in &part.document.data {
                self.lua_name(name, "list");
                self.free(name);
                let rows = match parts::data(value) {
                    Ok(rows) => rows,
                    Err(NoList::Unknown) => {
                        let known = value.value.as_str().unwrap_or_default();
                        let help = Suggestion::of(known, probe::KNOWN_LISTS.iter().map(|(name, _)| *name)).or_list();
                        self.report(Some(self.range(name)), format!("no probe knows a list `{known}`"), help);
                        continue;
                    }
                    Err(NoList::Wrong) => {
                        let help = "write a list, or the name of one that a probe knows: `capture.reflectors`";
                        self.report(Some(self.range(name)), "a list is wanted here", Some(help.to_owned()));
                        continue;
                    }
                };
                self.data.insert(name.value.clone(), rows);
            }
        }
    }

    /// The names under `let` and `facts` of all files. Each may use any other, in whatever order they are written.
    fn named(&mut self, parts: &mut [Part]) -> Vec<Binding> {
        let mut written = Vec::new();
        for part in parts {
            self.file = Arc::clone(&part.file);
            let values = std::mem::take(&mut part.document.bindings).into_iter().map(|(key, text)| (key, text, false));
            let facts = std::mem::take(&mut part.document.facts).into_iter().map(|(key, text)| (key, text, true));
            for (key, text, is_fact) in values.chain(facts) {
                self.new_name(&key);
                written.push((Arc::clone(&self.file), key, text, is_fact));
            }
        }
        self.meanings(written)
    }

    /// The same for the names of one cause.
    fn own_names(&mut self, values: IndexMap<Text, Text>, facts: IndexMap<Text, Text>) -> Vec<Binding> {
        let values = values.into_iter().map(|(key, text)| (key, text, false));
        let mut written = Vec::new();
        for (key, text, is_fact) in values.chain(facts.into_iter().map(|(key, text)| (key, text, true))) {
            self.new_name(&key);
            written.push((Arc::clone(&self.file), key, text, is_fact));
        }
        self.meanings(written)
    }

    fn new_name(&mut self, key: &Text) {
        self.lua_name(key, "value");
        self.free(key);
        self.names.push((key.value.clone(), Meaning::Value));
    }

    fn meanings(&mut self, written: Vec<(Arc<SourceFile>, Text, Text, bool)>) -> Vec<Binding> {
        let mut bindings = Vec::new();
        let mut keys = Vec::new();
        for (file, key, text, is_fact) in written {
            self.file = file;
            let meaning = match is_fact {
                true => self.condition(&text).map(Bound::Fact),
                false => self.expression(&text).map(Bound::Value),
            };
            if let Some(meaning) = meaning {
                bindings.push(Binding { name: key.value.clone(), meaning });
            }
            keys.push((Arc::clone(&self.file), key));
        }
        let (bindings, circle) = bindings::in_order(bindings);
        if let Some(circle) = circle
            && let Some((file, key)) = keys.into_iter().find(|(_, key)| Some(&key.value) == circle.first())
        {
            let here = std::mem::replace(&mut self.file, file);
            let help = Some("a name is known when all that it uses is known: write one of them out".to_owned());
            let message = format!("names use one another: {}", circle.join(" uses "));
            self.report(Some(self.range(&key)), message, help);
            self.file = here;
        }
        bindings
    }

    /// Ids are lower case words joined by one kind of character.
    fn identifier(&mut self, text: &Text, what: &str, joint: char) {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint;
        let id = &text.value;
        if id.is_empty() || !id.chars().all(fits) || !id.starts_with(|c: char| c.is_ascii_lowercase()) {
            let range = self.range(text);
            self.report(
                Some(range),
                format!("`{id}` cannot be the name of a {what}"),
                Some(format!("use lower case letters, digits and `{joint}`, beginning with a letter")),
            );
        }
    }

    /// Names that expressions use are Lua's: words joined by `_`, and none of its own.
    fn lua_name(&mut self, text: &Text, what: &str) {
        if self.depth != Depth::Whole {
            return;
        }
        if is_keyword(&text.value) {
            let help = Some(format!("use another word, such as `the_{}`", text.value));
            self.report(Some(self.range(text)), format!("`{}` is a word of Lua's own", text.value), help);
        } else {
            self.identifier(text, what, '_');
        }
    }

    /// A name stands for one thing.
    fn free(&mut self, text: &Text) {
        if self.depth != Depth::Whole {
            return;
        }
        let name = &text.value;
        if self.names.iter().any(|(taken, _)| taken == name) {
            let help = Some("take another name; each stands for one thing".to_owned());
            self.report(Some(self.range(text)), format!("the name `{name}` is taken already"), help);
        } else if fields::is_built_in(name) || name == "subject" {
            let help = Some("take another name".to_owned());
            self.report(Some(self.range(text)), format!("the name `{name}` is one of casebook's own"), help);
        }
    }

    fn header(&mut self, document: CheckDocument, script: &Script) -> Check {
        self.lua_name(&document.name, "check");
        let params = self.params(document.params);
        let mut needs = Vec::new();
        if document.needs.len() > probe::PROBES.len() {
            let message = format!("the check needs {} probes, more than there are", document.needs.len());
            self.report(Some(self.range(&document.name)), message, Some("name each once".to_owned()));
        }
        for need in document.needs.iter().take(probe::PROBES.len()) {
            match probe::find(&need.value) {
                Some(probe) => needs.push(probe.name()),
                None => {
                    let help = Suggestion::of(&need.value, probe::PROBES.iter().map(|probe| probe.name())).question();
                    self.report(Some(self.range(need)), format!("there is no probe `{}`", need.value), help);
                }
            }
        }
        Check {
            overrides_embedded: false,
            name: document.name.value,
            summary: document.summary,
            tags: document.tags,
            symptoms: document.symptoms,
            params,
            declared_params: Value::Null,
            needs,
            script: script.clone(),
        }
    }

    fn remedy(&mut self, document: RemedyDocument) -> Option<RemedyPlan> {
        let forms = [
            (document.now, Some(Urgency::Now)),
            (document.lasting, Some(Urgency::Lasting)),
            (document.upstream, Some(Urgency::Upstream)),
            (document.action, None),
        ];
        let mut given = forms.into_iter().filter_map(|(text, urgency)| Some((text?, urgency)));
        let (text, urgency) = match (given.next(), given.next()) {
            (Some(one), None) => one,
            (one, other) => {
                let range = other.or(one).map(|(text, _)| self.range(&text));
                let help = "write one of `now:`, `lasting:` and `upstream:` with the sentence".to_owned();
                self.report(range, "a remedy says what to do in one sentence", Some(help));
                return None;
            }
        };
        if let (Some(_), Some(_)) = (urgency, document.urgency) {
            let help = Some("leave `urgency` out: the name of the sentence says it".to_owned());
            self.report(Some(self.range(&text)), "the urgency is given twice", help);
        }
        let urgency = urgency.or(document.urgency).unwrap_or(Urgency::Now);
        let when = document.when.as_ref().and_then(|text| self.condition(text));
        let when = self.live(document.live_only, when, &text);
        let run = document.run.as_ref().and_then(|text| self.template(text));
        let undo = document.undo.as_ref().and_then(|text| self.template(text));
        let risk = document.risk.as_ref().and_then(|text| self.template(text));
        let action = self.template(&text)?;
        Some(RemedyPlan { urgency, when, action, run, undo, risk })
    }

    /// The condition of what is for a live host only, where it says so.
    fn live(&mut self, live_only: bool, when: Option<Condition>, at: &Text) -> Option<Condition> {
        if !live_only {
            return when;
        }
        let Some(live) = self.live_when.clone() else {
            let help = "add `live_when:` to the head, a condition over parameters: `live_when: not params.pcap`";
            let message = "the runbook does not say when it looks at a live host";
            self.report(Some(self.range(at)), message, Some(help.to_owned()));
            return when;
        };
        Some(match when {
            Some(when) => live.and(when),
            None => live,
        })
    }

    /// Where expressions are compiled and evaluated: made for the first.
    fn scope(&mut self) -> Option<&Scope> {
        if self.scope.is_none() {
            match Scope::new() {
                Ok(scope) => self.scope = Some(scope),
                Err(error) => self.report(None, format!("cannot start Lua to check expressions: {error}"), None),
            }
        }
        self.scope.as_ref()
    }

    fn care(&self) -> Care {
        if self.depth == Depth::Whole { Care::Whole } else { Care::Form }
    }

    fn condition(&mut self, text: &Text) -> Option<Condition> {
        self.condition_from(text, 0)
    }

    /// The condition that begins so many bytes into a text.
    fn condition_from(&mut self, text: &Text, start: usize) -> Option<Condition> {
        // White space in front keeps every offset that of the whole text.
        let condition = format!("{}{}", " ".repeat(start), text.value.get(start..).unwrap_or_default());
        match Condition::read(&condition, &self.place(text), self.care()) {
            Ok(condition) => {
                // Asking for its atoms would read them.
                if self.depth == Depth::Whole {
                    condition.atoms().into_iter().for_each(|atom| self.names_and_grammar(atom, text, 0));
                }
                Some(condition)
            }
            Err(error) => self.syntax(text, &error),
        }
    }

    fn expression(&mut self, text: &Text) -> Option<Expression> {
        match Expression::read(&text.value, &self.place(text), self.care()) {
            Ok(expression) => {
                if self.depth == Depth::Whole {
                    self.names_and_grammar(&expression, text, 0);
                }
                Some(expression)
            }
            Err(error) => self.syntax(text, &error),
        }
    }

    fn template(&mut self, text: &Text) -> Option<Template> {
        match Template::read(&text.value, &self.place(text), self.care()) {
            Ok(template) => {
                // Asking for its expressions would read them.
                if self.depth == Depth::Whole {
                    for (expression, offset) in template.expressions() {
                        self.names_and_grammar(expression, text, offset);
                    }
                }
                Some(template)
            }
            Err(error) => self.syntax(text, &error),
        }
    }

    fn syntax<T>(&mut self, text: &Text, error: &SyntaxError) -> Option<T> {
        let rest = text.value.get(error.offset..).unwrap_or_default();
        let part = rest.split(char::is_whitespace).next().unwrap_or_default();
        let range = self.range_of(text, error.offset, part);
        self.report(Some(range), error.message.clone(), None);
        None
    }

    /// Warns of evidence that is held against nil: a field that is null makes a condition unknown, and any other is not nil.
    fn nil_comparisons(&mut self, expression: &Expression, text: &Text, offset: usize) {
        for used in expression.uses().iter().filter(|used| !used.path.is_empty()) {
            let evidence = |(name, meaning): &(String, Meaning)| {
                *name == used.name && matches!(meaning, Meaning::Evidence(_) | Meaning::Probe(_))
            };
            let rest = expression.text.get(used.offset - expression.start..).unwrap_or_default();
            let path = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_.".contains(c))).unwrap_or(rest.len());
            let behind = rest[path..].trim_start();
            let compared = ["==", "~="].iter().find_map(|sign| behind.strip_prefix(sign)).map(str::trim_start);
            let is_nil = compared.and_then(|right| right.strip_prefix("nil"));
            let is_nil = is_nil.is_some_and(|end| !end.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
            if is_nil && self.names.iter().any(evidence) {
                let range = self.range_of(text, offset + used.offset, &rest[..path]);
                let message = "evidence is never nil: where it could not be seen, the condition is unknown";
                self.warn(range, message, format!("ask `known({})`", &rest[..path]));
            }
        }
    }

    fn names_and_grammar(&mut self, expression: &Expression, text: &Text, offset: usize) {
        if let Some(Err(message)) = self.scope().map(|scope| scope.check(expression)) {
            let range = self.range_of(text, offset + expression.start, expression.text.trim());
            // Lua's message begins with the chunk's name and a line that counts from the expression.
            let message = message.rsplit_once(": ").map_or(message.clone(), |(_, said)| said.to_owned());
            self.report(Some(range), format!("Lua cannot read this expression: {message}"), None);
            return;
        }
        self.nil_comparisons(expression, text, offset);
        for used in expression.uses() {
            if let Some((helper, instead)) = find_helper(&used.name).and_then(|helper| Some((helper, helper.instead?)))
            {
                let range = self.range_of(text, offset + used.offset, &used.name);
                self.warn(range, format!("`{}` is {}", used.name, helper.about), instead);
            }
            if let Err(misnomer) = fields::check(used, &self.names) {
                let range = self.range_of(text, offset + misnomer.offset, &misnomer.name);
                self.report(Some(range), misnomer.message, misnomer.help);
            }
        }
    }
}
