//! Who answers the steps: the live host, or a record of it.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::Value;

use super::probe_threads::{ProbeThreads, Task, Turn};
use super::progress::{Event, Progress};
use super::trim::{memory, trim};
use super::wait::{Gone, Wait};
use crate::case::{Evidence, Gap, Observed, Reason, Typed};
use crate::probe::{AnyProbe, Cancel, Context, Inputs, ResourceLimits, Rights, StartBarrier, Wrote};
use crate::runbook::Runbook;
use crate::sys::thread::Thread;
use crate::sys::usage;

/// How long a probe may take to finish after the operator has ended the run.
const AFTER_CANCEL: Duration = Duration::from_secs(2);

/// What is asked of a probe.
#[derive(Clone)]
pub struct ProbeRequest {
    /// The step that asks.
    pub step: String,
    /// The step's title.
    pub title: String,
    /// The probe.
    pub probe: &'static dyn AnyProbe,
    /// Its parameters, all of them.
    pub params: Value,
    /// How long it will watch.
    pub window: Option<Duration>,
    /// When the answer must be there, from now.
    pub time_limit: Duration,
    /// The evidence that it may use.
    pub inputs: Inputs,
    /// A check asks: a record answers only if it was asked the same.
    pub by_check: bool,
    /// Names of the parameters that somebody's runbook or check filled from what was observed.
    pub derived: Vec<String>,
    /// Whether the result is wanted as its probe's own type alone, to be printed.
    pub typed_alone: bool,
}

/// Answers the steps of one wave, together.
pub trait Observer: Sync {
    /// The evidence for each ask, in their order.
    fn observe(&self, asks: Vec<ProbeRequest>) -> Vec<Evidence>;

    /// All was asked: what comes now is judging, for which the host need not wait.
    fn observed(&self) {}

    /// What a record has of a step.
    fn recorded(&self, _step: &str) -> Option<&Evidence> {
        None
    }
}

/// Takes each answer as it comes, with the name that it is filed under. Secrets are still in it.
pub type OnEvidence = Box<dyn Fn(&str, &mut Evidence) + Send + Sync>;

/// The host itself.
pub struct Live {
    cancel: Arc<Cancel>,
    progress: Progress,
    on_evidence: Option<OnEvidence>,
    resources: ResourceLimits,
    rights: Rights,
    wrote: Wrote,
    threads: Arc<ProbeThreads>,
    not_before: Option<Instant>,
}

impl Live {
    /// An observer of this host that `cancel` can end early.
    pub fn new(cancel: Arc<Cancel>, progress: Progress) -> Self {
        Live {
            cancel,
            progress,
            on_evidence: None,
            resources: ResourceLimits::unbounded(),
            rights: Rights::default(),
            wrote: Wrote::default(),
            threads: Arc::default(),
            not_before: None,
        }
    }

    /// Lets the probes take no more of the host than `resources` allow.
    #[must_use]
    pub fn with_limits(mut self, resources: ResourceLimits) -> Self {
        self.resources = resources;
        self
    }

    /// Lets the probes do what these rights allow; by default none does.
    #[must_use]
    pub fn allowing(mut self, rights: Rights) -> Self {
        self.rights = rights;
        self
    }

    /// Why the operator's rights do not let a probe do what it is asked, if so.
    fn refusal(&self, ask: &ProbeRequest) -> Option<Gap> {
        ask.probe.uses(&ask.params, &ask.derived).iter().find_map(|it| it.refusal(&self.rights))
    }

    /// Lets the probes run on these threads, with the rights that they have.
    #[must_use]
    pub fn on(mut self, threads: impl Into<Arc<ProbeThreads>>) -> Self {
        self.threads = threads.into();
        self
    }

    /// Lets no window begin before this moment.
    #[must_use]
    pub fn not_before(mut self, moment: Option<Instant>) -> Self {
        self.not_before = moment;
        self
    }

    /// Hands each answer to `noted` as soon as it is there, long before the run ends.
    #[must_use]
    pub fn on_evidence(mut self, on_evidence: OnEvidence) -> Self {
        self.on_evidence = Some(on_evidence);
        self
    }

    /// Has the files that the probes write left in `wrote`.
    #[must_use]
    pub fn leaving(mut self, wrote: Wrote) -> Self {
        self.wrote = wrote;
        self
    }

    fn note(&self, ask: &ProbeRequest, evidence: &mut Evidence) {
        if let Some(on_evidence) = &self.on_evidence {
            on_evidence(&ask.step, evidence);
        }
    }

    /// The task of asking one probe, whose answer goes to `told`.
    fn task(&self, index: usize, ask: &ProbeRequest, barrier: &Arc<StartBarrier>, told: &Sender<Told>) -> Task {
        (self.progress)(Event::Started { step: ask.step.clone(), title: ask.title.clone(), window: ask.window });
        let (progress, cancel, barrier, told) =
            (Arc::clone(&self.progress), Arc::clone(&self.cancel), Arc::clone(barrier), told.clone());
        let (resources, wrote, ask) = (self.resources, self.wrote.clone(), ask.clone());
        let name = format!("probe {}", ask.probe.name());
        let lowers_priority = resources.lowers_priority() && !ask.probe.keeps_up();
        let work = move |turn: Turn| {
            let _ = told.send(Told::Began(index));
            // Who comes after the others has a window of its own, and they need not wait for it.
            let own = match turn {
                Turn::AtOnce => Arc::clone(&barrier),
                Turn::AfterOthers => Arc::new(StartBarrier::new(1)),
            };
            let (live, step) = (Arc::clone(&progress), ask.step.clone());
            let figure = move |figure| live(Event::Live { step: step.clone(), figure });
            let cx = Context::new(own, cancel, ask.inputs.clone(), figure)
                .with_limits(resources)
                .within(Instant::now(), ask.time_limit)
                .leaving(wrote);
            if lowers_priority && turn == Turn::AtOnce {
                Thread::current().give_way();
            }
            let mut evidence = observe_one(&ask, &cx);
            trim(&mut evidence, resources.memory_bytes());
            if ask.window.is_some() {
                barrier.leave();
                if turn == Turn::AfterOthers && evidence.gap.is_none() {
                    evidence.loss.push(AFTER_OTHERS.to_owned());
                }
            }
            let gap = evidence.gap.as_ref().map(|gap| gap.why.clone());
            progress(Event::Ended { step: ask.step, gap });
            // Nobody listens any more when the answer comes too late.
            let _ = told.send(Told::Answer(index, Box::new(evidence)));
        };
        Task { name, work: Box::new(work) }
    }
}

/// What is lost by a window of its own.
const AFTER_OTHERS: &str = "no further thread could be made (`ulimit -u`, pids.max), so it watched after the others and not in \
                            the same window";

/// What a probe tells while it is asked.
enum Told {
    /// It began: its time runs.
    Began(usize),
    /// It has answered.
    Answer(usize, Box<Evidence>),
}

/// Evidence that is nothing but a gap.
fn unstarted(ask: &ProbeRequest, reason: Reason, why: &str) -> Evidence {
    Evidence {
        probe: ask.probe.name().to_owned(),
        params: ask.params.clone(),
        started: Timestamp::now(),
        seconds: 0.0,
        cpu_seconds: None,
        peak_memory_bytes: None,
        output: None,
        gap: Some(Gap::new(reason, format!("ask probe {}", ask.probe.name()), why)),
        missing: Vec::new(),
        loss: Vec::new(),
        typed: Default::default(),
    }
}

/// Asks one probe and waits for its answer. A probe that panics has failed, and nothing else has.
pub fn observe_one(ask: &ProbeRequest, cx: &Context) -> Evidence {
    let (started, clock, cpu) = (Timestamp::now(), Instant::now(), usage::thread_cpu_seconds());
    let look = || {
        let Observed { output: typed, missing, loss } = ask.probe.observe_typed(&ask.params, cx)?;
        let output = if ask.typed_alone { None } else { Some(ask.probe.as_json(&typed)?) };
        Ok((Observed { output, missing, loss }, typed))
    };
    let answer = catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let why = match said {
            Some(message) => format!("the probe panicked: {message}"),
            None => "the probe panicked without a message".to_owned(),
        };
        Err(Gap::new(Reason::Failed, format!("ask probe {}", ask.probe.name()), why)
            .to_fix("this is an error in casebook; please report it with this line"))
    });
    let cpu_seconds = usage::thread_cpu_seconds().zip(cpu).map(|(after, before)| after - before + cx.helpers_seconds());
    let (output, typed, gap, missing, loss) = match answer {
        Ok((Observed { output, missing, loss }, typed)) => (output, typed, None, missing, loss),
        Err(gap) => (None, Typed::default(), Some(gap), Vec::new(), Vec::new()),
    };
    Evidence {
        probe: ask.probe.name().to_owned(),
        params: ask.params.clone(),
        started,
        seconds: clock.elapsed().as_secs_f64(),
        cpu_seconds,
        peak_memory_bytes: Some(usage::process().peak_memory_bytes).filter(|bytes| *bytes > 0),
        output,
        gap,
        missing,
        loss,
        typed,
    }
}

impl Observer for Live {
    fn observed(&self) {
        self.threads.observed();
        if self.resources.lowers_priority() {
            Thread::current().give_way();
        }
    }

    fn observe(&self, asks: Vec<ProbeRequest>) -> Vec<Evidence> {
        let mut evidence: HashMap<usize, Evidence> = HashMap::new();
        for (index, ask) in asks.iter().enumerate() {
            if let Some(gap) = self.refusal(ask) {
                (self.progress)(Event::Ended { step: ask.step.clone(), gap: Some(gap.why.clone()) });
                let mut refused = Evidence { gap: Some(gap), ..unstarted(ask, Reason::Denied, "") };
                self.note(ask, &mut refused);
                evidence.insert(index, refused);
            }
        }
        let allowed = || asks.iter().enumerate().filter(|(index, _)| !evidence.contains_key(index));
        let barrier = StartBarrier::new(allowed().filter(|(_, ask)| ask.window.is_some()).count());
        let barrier = Arc::new(barrier.not_before(self.not_before));
        let (sender, told) = channel();
        let tasks = allowed().map(|(index, ask)| self.task(index, ask, &barrier, &sender)).collect();
        drop(sender);
        self.threads.run(tasks);
        let mut wait = Wait::new(asks.iter().map(|ask| ask.time_limit).collect());
        evidence.keys().for_each(|index| wait.answered(*index));
        let mut cancelled_at = None;
        while evidence.len() < asks.len() {
            let first = match wait.next(&told) {
                Ok(first) => first,
                Err(Gone) => break,
            };
            // What has arrived is in time, however long it lay there while this process did not run.
            for news in first.into_iter().chain(told.try_iter()) {
                match news {
                    Told::Began(index) => wait.began(index),
                    Told::Answer(index, mut answer) => {
                        wait.answered(index);
                        if let Some(sentence) = wait.sentence().filter(|_| answer.gap.is_none()) {
                            answer.loss.push(sentence);
                        }
                        self.note(&asks[index], &mut answer);
                        evidence.entry(index).or_insert(*answer);
                    }
                }
            }
            if self.cancel.is_cancelled() {
                cancelled_at.get_or_insert_with(|| wait.now());
            }
            let cancelled = cancelled_at.is_some_and(|at| wait.now().saturating_sub(at) > AFTER_CANCEL);
            for (index, ask) in asks.iter().enumerate() {
                if evidence.contains_key(&index) || !(cancelled || wait.is_late(index)) {
                    continue;
                }
                let limit = crate::units::span(ask.time_limit.as_secs_f64());
                let mut answer = match cancelled_at {
                    Some(_) => unstarted(ask, Reason::Cancelled, "the run was ended before it answered"),
                    None if !wait.has_begun(index) => unstarted(
                        ask,
                        Reason::TimedOut,
                        "no thread could be made for it, and the probe before it does not end",
                    ),
                    None => unstarted(ask, Reason::TimedOut, &format!("it did not answer within {limit}")),
                };
                answer.seconds = wait.elapsed().as_secs_f64();
                wait.answered(index);
                (self.progress)(Event::Ended {
                    step: ask.step.clone(),
                    gap: answer.gap.as_ref().map(|gap| gap.why.clone()),
                });
                evidence.insert(index, answer);
            }
        }
        asks.iter()
            .enumerate()
            .map(|(index, ask)| {
                evidence
                    .remove(&index)
                    .unwrap_or_else(|| unstarted(ask, Reason::Failed, "its thread ended without an answer"))
            })
            .collect()
    }
}

/// Asks a probe that looks at nothing but the evidence of others.
pub fn derive(ask: &ProbeRequest) -> Evidence {
    let cx = Context::new(Arc::new(StartBarrier::new(1)), Arc::default(), ask.inputs.clone(), |_| {});
    observe_one(ask, &cx)
}

/// Says why a record has no answer of a probe.
type Lacking = Box<dyn Fn(&str) -> Gap + Send + Sync>;

/// A record of an earlier run. Probes that derive their result from other evidence derive it again.
pub struct Recorded {
    evidence: IndexMap<String, Evidence>,
    /// Steps that have a record of their own to answer from.
    steps: HashSet<String>,
    lacking: Lacking,
    /// Bytes of answers that may still be given: a runbook of a stranger can ask for the same answer without end.
    left: AtomicU64,
}

/// How often over the whole record may be answered, and how many bytes beside.
const TIMES_OVER: u64 = 2;
const BESIDE: u64 = 64_000_000;

impl Recorded {
    /// An observer that answers a runbook from recorded evidence: by the step's id, else by the probe's name, where a runbook
    /// with other steps was recorded.
    pub fn new(evidence: IndexMap<String, Evidence>, runbook: &Runbook) -> Self {
        let lacking =
            |probe: &str| Gap::new(Reason::Absent, format!("ask probe {probe}"), "the case has no record of it");
        let steps = runbook.steps.iter().map(|step| step.id.clone()).collect();
        let whole: u64 = evidence.values().map(memory).sum();
        let left = AtomicU64::new(whole.saturating_mul(TIMES_OVER).saturating_add(BESIDE));
        Recorded { evidence, steps, lacking: Box::new(lacking), left }
    }

    /// Says by `lacking` why the record has no answer of a probe.
    #[must_use]
    pub fn lacking(mut self, lacking: impl Fn(&str) -> Gap + Send + Sync + 'static) -> Self {
        self.lacking = Box::new(lacking);
        self
    }

    /// What the record has for an ask.
    pub(super) fn find(&self, ask: &ProbeRequest) -> Option<&Evidence> {
        let fits = |evidence: &&Evidence| {
            evidence.probe == ask.probe.name() && (!ask.by_check || asked_the_same(&evidence.params, &ask.params))
        };
        // What was recorded for another step of this runbook is that step's answer and nobody else's.
        let free = || self.evidence.iter().filter(|(step, _)| ask.by_check || !self.steps.contains(*step));
        self.evidence.get(&ask.step).filter(fits).or_else(|| free().map(|(_, found)| found).find(fits))
    }

    /// Takes an answer's memory from what is left; the gap when too little is.
    fn take(&self, bytes: u64) -> Result<(), Gap> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(drop).map_err(|_| {
            let why = "the runbook asks so often that the answers take too much memory";
            Gap::new(Reason::Failed, "answer every step from the record", why).to_fix("ask each probe in one step")
        })
    }

    /// The evidence for an ask.
    pub fn answer(&self, ask: &ProbeRequest) -> Evidence {
        let recorded = self.find(ask);
        let refused = |gap: Gap| Evidence {
            started: Timestamp::UNIX_EPOCH,
            gap: Some(gap),
            ..unstarted(ask, Reason::Failed, "it takes too much memory")
        };
        if let Err(gap) = recorded.map_or(Ok(()), |recorded| self.take(memory(recorded))) {
            return refused(gap);
        }
        if !ask.probe.derives_from().is_empty() {
            let derived = derive(ask);
            if let Err(gap) = self.take(memory(&derived)) {
                return refused(gap);
            }
            return match recorded {
                // When and how long are the record's: the same evidence gives the same case.
                Some(recorded) => Evidence {
                    started: recorded.started,
                    seconds: recorded.seconds,
                    cpu_seconds: recorded.cpu_seconds,
                    peak_memory_bytes: recorded.peak_memory_bytes,
                    // Why there was too little to derive it from is the record's to say, too.
                    gap: derived.gap.map(|gap| recorded.gap.clone().unwrap_or(gap)),
                    ..derived
                },
                None => derived,
            };
        }
        recorded.cloned().unwrap_or_else(|| {
            let gap = (self.lacking)(ask.probe.name());
            let mut evidence = unstarted(ask, gap.reason, &gap.why);
            evidence.started = Timestamp::UNIX_EPOCH;
            evidence.gap = Some(gap);
            evidence
        })
    }
}

/// Whether the recorded parameters are those that are asked for; parameters that came later do not count.
fn asked_the_same(recorded: &Value, asked: &Value) -> bool {
    match (recorded, asked) {
        (Value::Object(recorded), Value::Object(asked)) => {
            recorded.iter().all(|(name, value)| asked.get(name).is_none_or(|asked| asked == value))
        }
        _ => recorded == asked,
    }
}

impl Observer for Recorded {
    fn observe(&self, asks: Vec<ProbeRequest>) -> Vec<Evidence> {
        asks.iter().map(|ask| self.answer(ask)).collect()
    }

    fn recorded(&self, step: &str) -> Option<&Evidence> {
        self.evidence.get(step)
    }
}
