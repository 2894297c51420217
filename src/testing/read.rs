//! From a file of tests to tests that can be run: every name in it exists, every value fits, or all that is wrong is said
//! at once.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value};
use serde_yaml::Spanned;

use super::document::{Document, EvidenceDocument, GapDocument, TestDocument};
use super::evidence;
use super::expect::{self, Expectation};
use super::faults::Faults;
use super::find::Source;
use super::node::{self, Node, Text};
use super::subject::Subject;
use crate::case::{Case, Gap, Missing};
use crate::engine::LiteralEvidence;
use crate::probe::{self, AnyProbe};
use crate::runbook::{self, Form, Kind, Language, Problem, Problems, Runbook, Target};
use crate::suggest::Suggestion;
use crate::sys::trust::Trust;

/// The clock of a test that sets none.
const NEW_YEAR: &str = "2026-01-01T00:00:00Z";

/// A file of tests that was read.
#[derive(Debug)]
pub struct TestFile {
    /// Where it was read from.
    pub origin: String,
    /// What is tested.
    pub subject: Subject,
    /// The runbook that is run: the one that is tested, or one around the check.
    pub runbook: Runbook,
    /// The tests.
    pub tests: Vec<Test>,
}

impl TestFile {
    /// The name of what is tested.
    pub fn name(&self) -> &str {
        match &self.subject {
            Subject::Check(check) => &check.name,
            Subject::Runbook => &self.runbook.name,
        }
    }
}

/// A test that can be run.
#[derive(Debug)]
pub struct Test {
    /// The situation and its answer.
    pub name: String,
    /// Its line in the file, from 1; none for one that Lua made up.
    pub line: Option<usize>,
    /// Parameters, as they were written.
    pub params: Map<String, Value>,
    /// When it happens.
    pub now: Timestamp,
    /// What the probes saw.
    pub evidence: IndexMap<String, LiteralEvidence>,
    /// The case that the evidence is laid upon.
    pub recorded: Option<Arc<Case>>,
    /// What is left out of the case.
    pub without: Vec<String>,
    /// What must be said.
    pub(super) expect: Expectation,
}

/// Reads a file of tests, and the check or runbook that it is for.
pub fn read(source: &Source, trust: Trust) -> Result<TestFile, Problems> {
    match source.found.language {
        Language::Yaml => read_yaml(&source.found.text, source, trust),
        Language::Lua => {
            let lua = runbook::load_tests(&source.found, trust)?;
            let mut file = read_yaml(&lua.yaml, source, trust).map_err(|problems| lua.in_lua(problems))?;
            for test in &mut file.tests {
                let quoted = [format!("\"{}\"", test.name), format!("'{}'", test.name)];
                let line = |text: &str| quoted.iter().any(|quoted| text.contains(quoted));
                test.line = source.found.text.lines().position(line).map(|index| index + 1);
            }
            Ok(file)
        }
    }
}

fn read_yaml(text: &str, source: &Source, trust: Trust) -> Result<TestFile, Problems> {
    let origin = &source.found.origin;
    let problems = |problems| Problems { origin: origin.clone(), text: text.to_owned(), problems };
    let document: Document =
        node::from_yaml(text).map_err(|error| problems(vec![runbook::yaml_problem(text, &error, Form::Tests)]))?;
    let mut faults = Faults::new(text);
    let Some((subject, runbook)) = subject(&document, source, trust, &mut faults) else {
        return Err(problems(faults.problems));
    };
    let mut reader = Reader { source, subject: &subject, runbook: &runbook, faults, cases: HashMap::new() };
    let tests: Vec<Test> = document.tests.into_iter().map(|test| reader.test(test)).collect();
    let mut faults = reader.faults;
    if tests.is_empty() {
        let message = "there are no tests here".to_owned();
        faults.problems.push(Problem::new(None, message).help(Some("add one below `tests:`".to_owned())));
    }
    if faults.problems.is_empty() {
        return Ok(TestFile { origin: origin.clone(), subject, runbook, tests });
    }
    faults.problems.sort_by_key(|problem| problem.range.as_ref().map_or(0, |range| range.start));
    Err(problems(faults.problems))
}

/// What the file says that it tests.
fn subject(document: &Document, source: &Source, trust: Trust, faults: &mut Faults<'_>) -> Option<(Subject, Runbook)> {
    let (kind, name) = match (&document.check, &document.runbook) {
        (Some(check), None) => (Kind::Check, check),
        (None, Some(runbook)) => (Kind::Runbook, runbook),
        (Some(_), Some(runbook)) => {
            faults.name(runbook, "a file tests a check or a runbook, not both".to_owned(), Some("split it".to_owned()));
            return None;
        }
        (None, None) => {
            let help = format!("add `check: {0}` or `runbook: {0}`", source.found.name);
            faults.problems.push(Problem::new(None, "the file does not say what it tests").help(Some(help)));
            return None;
        }
    };
    let found = match (source.found.folder(), kind) {
        _ if name.value.contains('/') => Err(format!("`{}` is a path; a name is wanted", name.value)),
        (Some(folder), kind) => {
            runbook::find(kind, &name.value, Some(folder), trust).map_err(|error| error.to_string())
        }
        (None, kind) => runbook::embedded(kind)
            .into_iter()
            .find(|found| found.name == name.value)
            .ok_or_else(|| format!("nothing of the name `{}` is shipped", name.value)),
    };
    let loaded = found.and_then(|found| match kind {
        Kind::Check => {
            let check = runbook::load_check(&found, trust).map_err(|problems| broken(&problems))?;
            let check = Arc::new(check);
            let wrapped = runbook::wrap_check(&check).map_err(|problems| broken(&problems))?;
            Ok((Subject::Check(check), wrapped))
        }
        Kind::Runbook => {
            let runbook = runbook::load_found(&found, trust).map_err(|problems| broken(&problems))?;
            Ok((Subject::Runbook, runbook))
        }
    });
    loaded.map_err(|why| faults.name(name, why, None)).ok()
}

/// A subject that cannot be read, in one sentence.
fn broken(problems: &Problems) -> String {
    let first = problems.problems.first().map(|problem| problem.message.as_str()).unwrap_or_default();
    format!("{} is broken: {first}; `casebook lint {0}` shows all that is wrong with it", problems.origin)
}

struct Reader<'a> {
    source: &'a Source,
    subject: &'a Subject,
    runbook: &'a Runbook,
    faults: Faults<'a>,
    cases: HashMap<String, Arc<Case>>,
}

impl Reader<'_> {
    fn test(&mut self, document: TestDocument) -> Test {
        let recorded = document.recorded.as_ref().and_then(|path| self.case(path));
        let mut params: Map<String, Value> = recorded
            .iter()
            .flat_map(|case| &case.params)
            .filter(|(name, _)| self.runbook.params.contains_key(*name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        params.extend(self.params(&document.params));
        for (name, spec) in &self.runbook.params {
            if spec.required && !params.contains_key(name) {
                let message = format!("the parameter `{name}` must be given: {}", spec.help);
                let help = Some(format!("add `params: {{{name}: …}}` to the test"));
                self.faults.name(&document.name, message, help);
            }
        }
        let mut evidence = IndexMap::new();
        for (key, document) in document.evidence {
            if let Some(probe) = self.probe_of(&key) {
                let literal = self.evidence(&key, probe, document);
                evidence.insert(key.value, literal);
            }
        }
        let without = document.without.iter().filter_map(|name| self.without(name, recorded.as_deref())).collect();
        let now = document.now.as_ref().and_then(|now| self.now(now));
        let now = now.or(recorded.as_ref().map(|case| case.started)).or_else(|| NEW_YEAR.parse().ok());
        Test {
            line: Some(document.name.referenced.line() as usize),
            params,
            now: now.unwrap_or(Timestamp::UNIX_EPOCH),
            evidence,
            recorded,
            without,
            expect: expect::read(document.expect, self.subject, self.runbook, &mut self.faults),
            name: document.name.value,
        }
    }

    fn now(&mut self, now: &Text) -> Option<Timestamp> {
        let read = now.value.parse();
        if read.is_err() {
            let message = format!("`{}` is not a time", now.value);
            self.faults.name(now, message, Some("write it like 2026-01-02T03:04:05Z".to_owned()));
        }
        read.ok()
    }

    fn case(&mut self, path: &Text) -> Option<Arc<Case>> {
        if let Some(case) = self.cases.get(&path.value) {
            return Some(Arc::clone(case));
        }
        match self.source.case(&path.value) {
            Ok(case) => {
                let case = Arc::new(case);
                self.cases.insert(path.value.clone(), Arc::clone(&case));
                Some(case)
            }
            Err(why) => {
                self.faults.name(path, why, None);
                None
            }
        }
    }

    fn params(&mut self, given: &IndexMap<Text, Spanned<Node>>) -> Map<String, Value> {
        let mut params = Map::new();
        for (name, node) in given {
            let Some(spec) = self.runbook.params.get(&name.value) else {
                let help = evidence::suggestion(&name.value, self.runbook.params.keys());
                self.faults.name(name, format!("there is no parameter `{}`", name.value), help);
                continue;
            };
            let value = node.value.value();
            match spec.read(&name.value, &value) {
                Ok(_) => {
                    params.insert(name.value.clone(), value);
                }
                Err(error) => self.faults.at(node, error.to_string(), None),
            }
        }
        params
    }

    /// The probe whose evidence is filed under a key.
    fn probe_of(&mut self, key: &Text) -> Option<&'static dyn AnyProbe> {
        let (probes, keys) = (self.probes(), key.value.as_str());
        let base = match keys.split_once('#') {
            Some((base, number)) => {
                let may_repeat = probes.iter().any(|(name, _, repeats)| name == base && *repeats);
                if !may_repeat
                    || number.parse::<usize>().is_ok_and(|number| number < 2)
                    || number.parse::<u8>().is_err()
                {
                    let help = Some(format!("the second call of a check is `{base}#2`"));
                    self.faults.name(key, format!("there is no call `{keys}`"), help);
                    return None;
                }
                base
            }
            None => keys,
        };
        if let Some((_, probe, _)) = probes.iter().find(|(name, ..)| name == base) {
            return probe::find(probe);
        }
        let names: Vec<&str> = probes.iter().map(|(name, ..)| name.as_str()).collect();
        let help = Suggestion::of(base, names.iter().copied()).or_none();
        let what = if probe::find(base).is_some() { "asks no probe" } else { "has no evidence" };
        let subject = match self.subject {
            Subject::Check(check) => format!("check {}", check.name),
            Subject::Runbook => format!("runbook {}", self.runbook.name),
        };
        self.faults.name(key, format!("the {subject} {what} `{base}`"), Some(help));
        None
    }

    /// What evidence can be filed under, each with its probe, and whether it may be asked for again.
    fn probes(&self) -> Vec<(String, &'static str, bool)> {
        let mut probes: Vec<(String, &'static str, bool)> = Vec::new();
        if let Subject::Check(check) = self.subject {
            return check.needs.iter().map(|need| ((*need).to_owned(), *need, true)).collect();
        }
        for step in &self.runbook.steps {
            match &step.target {
                Target::Probe(name) => {
                    probes.push((step.id.clone(), name, false));
                    probes.push(((*name).to_owned(), name, false));
                }
                Target::Check(check) => {
                    for need in &check.needs {
                        probes.push((format!("{}.{need}", step.id), need, true));
                        probes.push(((*need).to_owned(), need, true));
                    }
                }
            }
        }
        probes.sort_by_key(|(_, _, repeats)| !repeats);
        let mut seen = std::collections::HashSet::new();
        probes.retain(|(name, ..)| seen.insert(name.clone()));
        probes
    }

    fn evidence(&mut self, key: &Text, probe: &'static dyn AnyProbe, document: EvidenceDocument) -> LiteralEvidence {
        match (&document.output, &document.gap) {
            (None, None) => {
                let help = Some("add `output:` with what the probe saw, or `gap:` with why it saw nothing".to_owned());
                self.faults.name(key, format!("`{}` says nothing", key.value), help);
            }
            (Some(output), Some(_)) => {
                let help = Some("parts that could not be seen are named by `missing:`".to_owned());
                self.faults.at(output, "there is an output or a gap, not both".to_owned(), help);
            }
            _ => {}
        }
        let schema = probe.output_schema().to_value();
        let output = document.output.map(|output| evidence::fit(&output, &schema, probe.name(), &mut self.faults));
        let mut missing = Vec::new();
        for part in document.missing {
            for path in &part.fields {
                evidence::path_exists(path, &schema, probe.name(), &mut self.faults);
            }
            let fields = part.fields.into_iter().map(|path| path.value).collect();
            missing.push(Missing { fields, gap: gap(part.gap) });
        }
        LiteralEvidence {
            output,
            gap: document.gap.map(gap),
            missing,
            loss: document.loss,
            seconds: document.seconds.filter(|seconds| seconds.is_finite()),
        }
    }

    fn without(&mut self, name: &Text, recorded: Option<&Case>) -> Option<String> {
        let Some(case) = recorded else {
            let help = Some("add `recorded:`, or name the gap below `evidence:`".to_owned());
            self.faults.name(name, "there is no recorded evidence to leave out".to_owned(), help);
            return None;
        };
        let mut known: Vec<String> = case.evidence.keys().cloned().collect();
        known.extend(case.evidence.values().map(|evidence| evidence.probe.clone()));
        if !known.contains(&name.value) {
            let help = evidence::suggestion(&name.value, known.iter());
            self.faults.name(name, format!("the case has no evidence `{}`", name.value), help);
            return None;
        }
        Some(name.value.clone())
    }
}

fn gap(document: GapDocument) -> Gap {
    let GapDocument { tried, reason, why, to_fix } = document;
    Gap { tried, reason, why, to_fix }
}
