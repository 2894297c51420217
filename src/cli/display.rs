//! The progress display: each probe, what is left of its window, its live figure. On stderr, on a terminal only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::screen;
use crate::engine::{Event, Progress};
use crate::glyphs::Charset;

/// Ticks of a bar per second of its window.
const TICKS_PER_SECOND: f64 = 10.0;

/// The bars of one run.
pub(super) struct Display {
    bars: Arc<Mutex<Bars>>,
}

struct Bars {
    screen: MultiProgress,
    by_step: HashMap<String, ProgressBar>,
    shown: bool,
    charset: Charset,
}

impl Display {
    /// A display that shows nothing when `quiet` or when stderr is no terminal.
    pub fn new(quiet: bool) -> Self {
        let shown = !quiet && screen::stderr_can_redraw();
        let target = if shown { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let screen = MultiProgress::with_draw_target(target);
        Display {
            bars: Arc::new(Mutex::new(Bars {
                screen,
                by_step: HashMap::new(),
                shown,
                charset: Charset::of_this_process(),
            })),
        }
    }

    /// Takes the engine's events.
    pub fn progress(&self) -> Progress {
        let bars = Arc::clone(&self.bars);
        Arc::new(move |event| bars.lock().unwrap_or_else(PoisonError::into_inner).take(event))
    }

    /// Clears the screen for the report.
    pub fn finish(&self) {
        let bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        for bar in bars.by_step.values() {
            bar.finish_and_clear();
        }
        // A screen that cannot be cleared is not worth an error.
        let _ = bars.screen.clear();
    }
}

impl Bars {
    fn take(&mut self, event: Event) {
        if !self.shown {
            return;
        }
        match event {
            Event::Started { step, title, window } => self.start(step, title, window),
            Event::Live { step, figure } => {
                if let Some(bar) = self.by_step.get(&step) {
                    bar.set_message(self.charset.shown(&figure).into_owned());
                }
            }
            Event::Ended { step, gap } => {
                if let Some(bar) = self.by_step.get(&step) {
                    bar.set_style(style("{prefix:<28.28} {wide_msg}", self.charset));
                    let said = bar.message();
                    bar.finish_with_message(match gap {
                        Some(why) => format!("? {}", self.charset.shown(&why)),
                        None => format!("done {said}").trim_end().to_owned(),
                    });
                }
            }
        }
    }

    fn start(&mut self, step: String, title: String, window: Option<Duration>) {
        let bar = match window {
            Some(window) => {
                let ticks = (window.as_secs_f64() * TICKS_PER_SECOND).ceil().max(1.0) as u64;
                let bar = self.screen.add(ProgressBar::new(ticks));
                bar.set_style(style("{prefix:<28.28} {bar:20} {eta:>4} {wide_msg}", self.charset));
                bar
            }
            None => {
                let bar = self.screen.add(ProgressBar::new_spinner());
                bar.set_style(style("{prefix:<28.28} {spinner} {wide_msg}", self.charset));
                bar
            }
        };
        bar.set_prefix(self.charset.shown(&title).into_owned());
        advance(&bar, window.is_some());
        self.by_step.insert(step, bar);
    }
}

/// Moves a bar along with the clock until it is full or done; one without a window only turns.
fn advance(bar: &ProgressBar, has_window: bool) {
    let bar = bar.downgrade();
    let tick = Duration::from_secs_f64(1.0 / TICKS_PER_SECOND);
    let move_along = move || {
        while let Some(bar) = bar.upgrade() {
            if bar.is_finished() {
                break;
            }
            if has_window && bar.length().is_some_and(|length| bar.position() + 1 < length) {
                bar.inc(1);
            }
            bar.tick();
            drop(bar);
            std::thread::sleep(tick);
        }
    };
    // Without the thread the bar stands still, and the run goes on.
    let _ = std::thread::Builder::new().name("progress".into()).spawn(move_along);
}

fn style(template: &str, charset: Charset) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    match charset {
        Charset::Unicode => style.progress_chars("━╸ "),
        Charset::Ascii => style.progress_chars("#> ").tick_chars("|/-\\ "),
    }
}
