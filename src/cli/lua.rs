//! `casebook lua`: a prompt with the probes at hand.

mod complete;
mod lines;

use std::io::Write;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::arguments::LuaArguments;
use super::confinement::Start;
use super::display::Display;
use super::run::end_on_signals;
use super::{output, say, screen};
use crate::engine::{Live, ScriptProbeBridge, Secrets};
use crate::probe::{Cancel, PROBES, ResourceLimits};
use crate::report;
use crate::script::sandbox::{Modules, ScriptStop};
use crate::script::{Answer, Given, Question, Shown, session};
use lines::Lines;
pub(super) use lines::history;

pub(super) fn lua(arguments: &LuaArguments, start: Start) -> anyhow::Result<u8> {
    let mut lines = Lines::open(&arguments.evaluate)?;
    let cancel = Arc::new(Cancel::default());
    end_on_signals(Arc::clone(&cancel));
    let display = Display::new(false);
    let observer = Live::new(cancel, display.progress())
        .with_limits(ResourceLimits::default())
        .allowing(arguments.allow.rights())
        .on(start.threads);
    let secrets = Secrets::default();
    let mut failed = false;
    loop {
        let given = Given {
            params: Map::new(),
            needs: PROBES.iter().map(|probe| probe.name()).collect(),
            now: Timestamp::now(),
            window_seconds: arguments.window.0.as_secs_f64(),
        };
        let mut asker = ScriptProbeBridge::new(&observer, &secrets, arguments.window.0, given.now);
        let mut broken = None;
        let modules = Modules { folder: Some(".".into()), trust: arguments.scripts.trusting(), ..Modules::default() };
        let ended = session(given, &modules, &arguments.scripts.limits(), |question| match question {
            Question::Line(goes_on) => Answer::Line(lines.next(goes_on)),
            Question::Probes(calls) => Answer::Probes(asker.answer(calls)),
            Question::Show(values) => {
                if let Err(error) = output::read_enough(show(&values, arguments.json)) {
                    broken.get_or_insert(error);
                    return Answer::Line(None);
                }
                Answer::Done
            }
            Question::Wrong(why) => {
                failed = true;
                say(why);
                Answer::Done
            }
        });
        if let Some(error) = broken {
            return Err(error.into());
        }
        match ended {
            Ok(()) => break,
            Err(ScriptStop::NoThread(why)) => anyhow::bail!("cannot start Lua: {why}"),
            Err(stopped) => {
                failed = true;
                say(format_args!("{stopped}"));
                if lines.are_over() {
                    break;
                }
                say("What was defined is gone; go on with a new state.");
            }
        }
    }
    lines.keep();
    // At a prompt a mistake is nothing to report.
    Ok(if failed && !lines.are_typed() { 3 } else { 0 })
}

fn show(values: &[Shown], as_json: bool) -> std::io::Result<()> {
    let mut out = screen::stdout().of_data(as_json);
    let width = terminal_size::terminal_size().map_or(120, |(width, _)| width.0.into());
    for value in values {
        match value {
            Shown::Words(words) => writeln!(out, "{words}")?,
            Shown::Data(data) if as_json => report::json_lines(data, &mut out)?,
            Shown::Data(Value::String(text)) => writeln!(out, "{}", crate::printable::printable(text))?,
            Shown::Data(Value::Null) => writeln!(out, "nil")?,
            Shown::Data(Value::Object(none)) if none.is_empty() => writeln!(out, "{{}}")?,
            Shown::Data(Value::Array(items)) if items.iter().any(Value::is_object) => {
                let list = Value::Object(Map::from_iter([(String::new(), Value::Array(items.clone()))]));
                write!(out, "{}", report::table(&list, width).trim_start_matches('\n'))?;
            }
            Shown::Data(data @ Value::Object(_)) => write!(out, "{}", report::table(data, width))?,
            Shown::Data(data) => writeln!(out, "{}", crate::printable::printable(data.to_string()))?,
        }
    }
    out.flush()
}
