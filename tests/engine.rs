//! The engine with probes that misbehave: each is a gap, and the others are not held up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use casebook::case::{Evidence, Gap, Observed, Reason};
use casebook::engine::{Event, Live, Observer, ProbeRequest};
use casebook::probe::{Cancel, Context, Inputs, Need, Probe};
use casebook::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Longer than any of these tests takes; only what hangs reaches it.
const LONG: Duration = Duration::from_secs(300);

/// Parameters of every probe here.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Watch {
    window: Span,
}

/// What every probe here saw.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Seen {
    whole: bool,
    waited_seconds: f64,
}

/// What a probe does.
enum Way {
    Watches,
    Panics,
    PanicsWithoutWords,
    HangsBeforeTheWindow,
    HangsDeafToCancelling,
    Fails,
}

struct Actor {
    way: Way,
}

impl Probe for Actor {
    const NAME: &'static str = "actor";
    const ABOUT: &'static str = "plays a part";
    const SOURCE: &'static str = "nothing";
    const NEEDS: &'static [Need] = &[];
    type Params = Watch;
    type Output = Seen;

    fn observe(&self, params: Watch, cx: &Context) -> Result<Observed<Seen>, Gap> {
        let came = Instant::now();
        match self.way {
            Way::Watches => {
                let start = cx.start_window();
                let waited_seconds = came.elapsed().as_secs_f64();
                cx.live("watching");
                let whole = cx.sleep_until(start + params.window.0);
                Ok(Observed::whole(Seen { whole, waited_seconds }))
            }
            Way::Panics => panic!("the part of {} was lost", Self::NAME),
            Way::PanicsWithoutWords => std::panic::panic_any(7_u8),
            Way::HangsBeforeTheWindow => loop {
                thread::park_timeout(LONG);
            },
            Way::HangsDeafToCancelling => {
                cx.start_window();
                loop {
                    thread::park_timeout(LONG);
                }
            }
            Way::Fails => Err(Gap::denied("play a part", "CAP_STAGE")),
        }
    }
}

fn ask(way: Way, window: Duration, time_limit: Duration) -> ProbeRequest {
    ProbeRequest {
        step: "step".into(),
        title: "Step".into(),
        probe: Box::leak(Box::new(Actor { way })),
        params: json!({ "window": window.as_secs_f64() }),
        window: Some(window),
        time_limit,
        inputs: Inputs::new(),
        by_check: false,
        typed_alone: false,
        derived: Vec::new(),
    }
}

fn brief(way: Way) -> ProbeRequest {
    ask(way, Duration::from_millis(50), LONG)
}

fn observe(asks: Vec<ProbeRequest>) -> Vec<Evidence> {
    Live::new(Arc::new(Cancel::default()), Arc::new(|_| {})).observe(asks)
}

fn seen(evidence: &Evidence) -> Seen {
    assert_eq!(evidence.gap, None);
    serde_json::from_value(evidence.output.clone().unwrap()).unwrap()
}

fn reason(evidence: &Evidence) -> Reason {
    assert_eq!(evidence.output, None);
    evidence.gap.as_ref().unwrap().reason
}

#[test]
fn a_probe_that_panics_is_a_gap_and_the_others_go_on() {
    let evidence = observe(vec![brief(Way::Panics), brief(Way::Watches), brief(Way::PanicsWithoutWords)]);
    let gap = evidence[0].gap.as_ref().unwrap();
    assert_eq!(gap.reason, Reason::Failed);
    assert!(gap.why.contains("the part of actor was lost"), "{gap}");
    assert!(gap.to_fix.as_ref().unwrap().contains("report it"), "{gap}");
    assert!(seen(&evidence[1]).whole);
    assert_eq!(reason(&evidence[2]), Reason::Failed);
}

#[test]
fn a_probe_that_hangs_past_its_time_limit_is_a_gap_and_the_others_answer() {
    let limit = Duration::from_millis(400);
    let hangs = || ask(Way::HangsDeafToCancelling, Duration::from_millis(50), limit);
    let evidence = observe(vec![hangs(), brief(Way::Watches)]);
    assert_eq!(reason(&evidence[0]), Reason::TimedOut);
    assert!(evidence[0].gap.as_ref().unwrap().why.contains("400 ms"), "{:?}", evidence[0].gap);
    assert!(seen(&evidence[1]).whole);
}

#[test]
fn a_probe_that_is_never_ready_holds_up_the_window_only_briefly() {
    let never = ask(Way::HangsBeforeTheWindow, Duration::from_millis(50), Duration::from_secs(2));
    let evidence = observe(vec![never, brief(Way::Watches)]);
    assert_eq!(reason(&evidence[0]), Reason::TimedOut);
    assert!(seen(&evidence[1]).waited_seconds < 2.0, "it did not wait for the other's time limit");
}

#[test]
fn a_probe_that_fails_early_keeps_its_own_gap() {
    let evidence = observe(vec![brief(Way::Fails), brief(Way::Watches)]);
    assert_eq!(evidence[0].gap, Some(Gap::denied("play a part", "CAP_STAGE")));
    assert!(seen(&evidence[1]).whole);
}

#[test]
fn many_probes_share_one_window_and_answer_in_their_order() {
    let window = Duration::from_millis(300);
    let asks = (0..100).map(|n| ProbeRequest { step: format!("step{n}"), ..ask(Way::Watches, window, LONG) });
    let started = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&started);
    let live = Live::new(
        Arc::new(Cancel::default()),
        Arc::new(move |event| {
            if matches!(event, Event::Started { .. }) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }),
    );
    let evidence = live.observe(asks.collect());
    assert_eq!((evidence.len(), started.load(Ordering::Relaxed)), (100, 100));
    assert!(evidence.iter().all(|evidence| seen(evidence).whole));
    let first = evidence.iter().map(|evidence| evidence.started).min().unwrap();
    let last = evidence.iter().map(|evidence| evidence.started).max().unwrap();
    // One after the other they would take half a minute; the machine may be busy, but not that busy.
    assert!(last.duration_since(first).as_secs_f64() < 10.0);
}

#[test]
fn cancelling_in_mid_run_ends_the_watching_with_what_was_seen() {
    let cancel = Arc::new(Cancel::default());
    let on_live = Arc::clone(&cancel);
    let live = Live::new(
        Arc::clone(&cancel),
        Arc::new(move |event| {
            if matches!(event, Event::Live { .. }) {
                on_live.cancel();
            }
        }),
    );
    let evidence = live.observe(vec![ask(Way::Watches, LONG, LONG * 2), ask(Way::Watches, LONG, LONG * 2)]);
    assert!(evidence.iter().all(|evidence| !seen(evidence).whole));
}

#[test]
fn a_probe_that_is_deaf_to_cancelling_is_given_up() {
    let cancel = Arc::new(Cancel::default());
    cancel.cancel();
    let live = Live::new(cancel, Arc::new(|_| {}));
    let evidence = live.observe(vec![ask(Way::HangsDeafToCancelling, LONG, LONG * 2), brief(Way::Watches)]);
    assert_eq!(reason(&evidence[0]), Reason::Cancelled);
    assert!(!seen(&evidence[1]).whole);
}

#[test]
fn wrong_parameters_are_a_gap_and_no_crash() {
    let wrong = ProbeRequest { params: json!({ "window": "soon", "zzz": 1 }), ..brief(Way::Watches) };
    let evidence = observe(vec![wrong, brief(Way::Watches)]);
    assert_eq!(reason(&evidence[0]), Reason::Malformed);
    assert!(seen(&evidence[1]).whole);
}
