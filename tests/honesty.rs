//! "Could not look" never reads as "fine": whatever piece of evidence is taken away, no finding turns ok, no cause is ruled
//! out, and the exit status is not 0.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use casebook::case::{Case, Evidence, Gap, Likelihood, Missing, Reason, Verdict};
use casebook::probe;
use casebook::runbook::Runbook;
use indexmap::IndexMap;
use serde_json::Value;
use support::recorded;

/// A gap as a probe would give it.
fn gap() -> Gap {
    Gap::denied("look at what was erased", "CAP_TEST")
}

/// What was said with all the evidence, to be held against what is said with less.
struct Baseline {
    verdicts: BTreeMap<String, Verdict>,
    likelihoods: BTreeMap<String, Likelihood>,
}

impl Baseline {
    fn of(case: &Case) -> Self {
        Baseline {
            verdicts: case.findings.iter().map(|finding| (finding.step.clone(), finding.verdict)).collect(),
            likelihoods: case.diagnosis.causes.iter().map(|cause| (cause.id.clone(), cause.likelihood)).collect(),
        }
    }

    /// What is claimed with less evidence that was not claimed with all of it.
    fn claims(&self, blinder: &Case) -> Vec<String> {
        let findings = blinder
            .findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Ok && self.verdicts.get(&finding.step) != Some(&Verdict::Ok))
            .map(|finding| format!("finding {} turned ok: {}", finding.step, finding.sentence));
        let causes = blinder
            .diagnosis
            .causes
            .iter()
            .filter(|cause| cause.likelihood == Likelihood::RuledOut)
            .filter(|cause| self.likelihoods.get(&cause.id) != Some(&Likelihood::RuledOut))
            .map(|cause| format!("cause {} is ruled out, it was {}", cause.id, self.likelihoods[&cause.id]));
        findings.chain(causes).collect()
    }
}

fn is_derived(evidence: &Evidence) -> bool {
    probe::find(&evidence.probe).is_some_and(|probe| !probe.derives_from().is_empty())
}

/// Takes evidence away in every way that `erasures` knows and gathers what is claimed then.
fn faults(erasures: impl Fn(&str, &Runbook, &Case, &Baseline) -> Vec<String> + Sync) -> Vec<String> {
    let cases = recorded::all();
    let one = |(name, case): &(String, Case)| -> Vec<String> {
        let runbook = recorded::shipped(&case.runbook.name);
        let whole = recorded::judge(&runbook, case, case.evidence.clone());
        let faults = erasures(name, &runbook, case, &Baseline::of(&whole));
        faults.into_iter().map(|fault| format!("{name}: {fault}")).collect()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = cases.iter().map(|case| scope.spawn(|| one(case))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a judgement does not panic")).collect()
    })
}

fn assert_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

/// Every step's evidence erased by `erase`, one at a time.
fn faults_without_a_step(erase: impl Fn(&mut IndexMap<String, Evidence>, &str) + Sync) -> Vec<String> {
    faults(|_, runbook, case, whole| {
        let mut faults = Vec::new();
        for (step, erased) in case.evidence.iter().filter(|(_, evidence)| !is_derived(evidence)) {
            let mut evidence = case.evidence.clone();
            erase(&mut evidence, step);
            let blinder = recorded::judge(runbook, case, evidence);
            let mut claims = whole.claims(&blinder);
            if blinder.verdict.exit_status() == 0 {
                claims.push("the exit status is 0".to_owned());
            }
            let of_it = blinder.findings.iter().find(|finding| finding.step == *step).map(|finding| finding.verdict);
            if of_it != Some(Verdict::Unknown) {
                claims.push(format!("its own finding is {of_it:?}"));
            }
            faults.extend(claims.into_iter().map(|claim| format!("without {step} ({}): {claim}", erased.probe)));
        }
        faults
    })
}

#[test]
fn a_step_that_is_not_in_the_record_reassures_nobody() {
    assert_none(faults_without_a_step(|evidence, step| {
        evidence.shift_remove(step);
    }));
}

#[test]
fn a_probe_that_could_not_look_reassures_nobody() {
    assert_none(faults_without_a_step(|evidence, step| {
        let erased = &mut evidence[step];
        (erased.output, erased.gap) = (None, Some(gap()));
        erased.missing.clear();
    }));
}

#[test]
fn a_host_of_which_nothing_was_seen_is_unknown_and_every_cause_is_possible() {
    for (name, case) in recorded::all() {
        let judged = recorded::judge(&recorded::shipped(&case.runbook.name), &case, IndexMap::new());
        assert_eq!(judged.verdict, Verdict::Unknown, "{name}");
        for cause in &judged.diagnosis.causes {
            let open = matches!(cause.likelihood, Likelihood::Possible | Likelihood::Unlikely);
            assert!(open, "{name}: {} is {}", cause.id, cause.likelihood);
        }
    }
}

/// A way from the output of a step to a value in it.
type Path = Vec<Key>;

#[derive(Debug, Clone, PartialEq)]
enum Key {
    Field(String),
    Index(usize),
}

fn spelled(path: &[Key]) -> String {
    let mut text = String::new();
    for key in path {
        match key {
            Key::Field(name) if text.is_empty() => text.push_str(name),
            Key::Field(name) => text.extend([".", name]),
            Key::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// The path as probes name it in their gaps: without indices.
fn gap_path(path: &[Key]) -> String {
    let fields = path.iter().filter_map(|key| match key {
        Key::Field(name) => Some(name.as_str()),
        Key::Index(_) => None,
    });
    fields.collect::<Vec<_>>().join(".")
}

/// Items of a list that are looked into: what holds for two rows holds for all.
const ITEMS: usize = 2;

/// The paths of all that is not null, `levels` of fields deep.
fn paths(value: &Value, levels: usize, here: &Path, found: &mut Vec<Path>) {
    let below = |key: Key| here.iter().cloned().chain([key]).collect::<Path>();
    match value {
        Value::Object(fields) if levels > 0 => {
            for (name, field) in fields.iter().filter(|(_, field)| !field.is_null()) {
                let path = below(Key::Field(name.clone()));
                found.push(path.clone());
                paths(field, levels - 1, &path, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().take(ITEMS) {
                paths(item, levels, &below(Key::Index(index)), found);
            }
        }
        _ => {}
    }
}

fn set_null(value: &mut Value, path: &[Key]) {
    let target = path.iter().fold(value, |value, key| match key {
        Key::Field(name) => &mut value[name.as_str()],
        Key::Index(index) => &mut value[*index],
    });
    *target = Value::Null;
}

/// Fields whose absence says something by itself, so that erasing them forges evidence rather than losing it: a packet
/// without a port is a later fragment, and a TCP listener has no count of lost datagrams.
const ABSENCE_IS_AN_ANSWER: &[(&str, &str)] = &[("traffic", "endpoints.port"), ("sockets", "listeners.drops")];

/// One in how many of the cases that have a field it is erased in; all of them take long. The first is always among them.
/// The environment variable `CASEBOOK_HONESTY=all` erases every field of every case.
const EVERY: usize = 8;

/// The step, and the path as it is spelled.
type Place = (String, String);

/// For each case, the places to erase.
fn chosen(levels: usize) -> BTreeMap<String, BTreeSet<Place>> {
    let every = if std::env::var_os("CASEBOOK_HONESTY").is_some_and(|word| word == "all") { 1 } else { EVERY };
    let mut cases_of: BTreeMap<Place, Vec<String>> = BTreeMap::new();
    for (name, case) in recorded::all() {
        for (step, evidence) in case.evidence.iter().filter(|(_, evidence)| !is_derived(evidence)) {
            let mut all = Vec::new();
            evidence.output.iter().for_each(|output| paths(output, levels, &Path::new(), &mut all));
            for path in all {
                cases_of.entry((step.clone(), spelled(&path))).or_default().push(name.clone());
            }
        }
    }
    let mut chosen: BTreeMap<String, BTreeSet<Place>> = BTreeMap::new();
    for (number, (place, names)) in cases_of.into_iter().enumerate() {
        for (at, name) in names.into_iter().enumerate() {
            if at == 0 || (at + number).is_multiple_of(every) {
                chosen.entry(name).or_default().insert(place.clone());
            }
        }
    }
    chosen
}

/// Every field erased, one at a time, `levels` deep; with a gap that says so, or without a word.
fn faults_without_a_field(levels: usize, with_gap: bool) -> Vec<String> {
    let chosen = chosen(levels);
    faults(|name, runbook, case, whole| {
        let mut faults = Vec::new();
        for (step, whole_evidence) in case.evidence.iter().filter(|(_, evidence)| !is_derived(evidence)) {
            let Some(output) = &whole_evidence.output else { continue };
            let mut all = Vec::new();
            paths(output, levels, &Path::new(), &mut all);
            for path in all {
                let is_chosen = chosen.get(name).is_some_and(|places| places.contains(&(step.clone(), spelled(&path))));
                if !is_chosen || ABSENCE_IS_AN_ANSWER.contains(&(step.as_str(), gap_path(&path).as_str())) {
                    continue;
                }
                let mut evidence = case.evidence.clone();
                let erased = &mut evidence[step.as_str()];
                set_null(erased.output.as_mut().expect("it has an output"), &path);
                if with_gap {
                    erased.missing.push(Missing { fields: vec![gap_path(&path)], gap: gap() });
                }
                let claims = whole.claims(&recorded::judge(runbook, case, evidence));
                faults.extend(claims.into_iter().map(|claim| format!("without {step}.{}: {claim}", spelled(&path))));
            }
        }
        faults
    })
}

#[test]
fn a_field_that_could_not_be_seen_reassures_nobody() {
    assert_none(faults_without_a_field(3, true));
}

#[test]
fn a_field_that_is_silently_missing_reassures_nobody() {
    assert_none(faults_without_a_field(2, false));
}

#[test]
fn what_is_derived_is_derived_again_and_never_read_from_the_record() {
    for (name, case) in recorded::all() {
        let runbook = recorded::shipped(&case.runbook.name);
        let mut evidence = case.evidence.clone();
        evidence.retain(|_, evidence| !is_derived(evidence));
        let judged = recorded::judge(&runbook, &case, evidence);
        let verdicts = |case: &Case| Baseline::of(case).verdicts;
        assert_eq!(verdicts(&judged), verdicts(&case), "{name}");
        assert!(judged.findings.iter().flat_map(|finding| &finding.gaps).all(|gap| gap.reason != Reason::Malformed));
    }
}
