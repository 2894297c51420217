//! A session at the prompt: lines of Lua, one after the other, in one state with the probes at hand.

use mlua::{Lua, MultiValue, Value as LuaValue};
use serde_json::Value;

use super::check::{Call, Given, context};
use super::json::{Bounds, to_json};
use super::rows;
use super::sandbox::{self, Caller, Limits, Modules, ScriptError, ScriptStop};
use crate::case::Evidence;

/// What a session asks of the one who holds it.
#[derive(Debug)]
pub enum Question {
    /// The next line; `true` when it goes on with the last one.
    Line(bool),
    /// What the probes say.
    Probes(Vec<Call>),
    /// To show the values of a line.
    Show(Vec<Shown>),
    /// To say what is wrong with a line.
    Wrong(String),
}

/// A value at the prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// Data.
    Data(Value),
    /// What has no data in it: a function, say.
    Words(String),
}

/// The answer to a [`Question`].
#[derive(Debug)]
pub enum Answer {
    /// A line; none at the end.
    Line(Option<String>),
    /// What the probes say.
    Probes(Vec<Evidence>),
    /// It was shown.
    Done,
}

/// How large a value may be that is shown.
const SHOWN: Bounds = Bounds { depth: 16, items: 200_000, bytes: 16 * 1024 * 1024 };
/// The name of a line in messages.
const CHUNK: &str = "line";

/// Holds a session until its lines end, or until it is stopped.
pub fn session(
    given: Given,
    modules: &Modules,
    limits: &Limits,
    serve: impl FnMut(Question) -> Answer,
) -> Result<(), ScriptStop> {
    let work = move |lua: &Lua, caller: &Caller<Question, Answer>| {
        let asker = caller.clone();
        let (cx, _, _) = context(lua, &given, move |calls| match asker.ask(Question::Probes(calls))? {
            Answer::Probes(evidence) => Ok(evidence),
            _ => Ok(Vec::new()),
        })?;
        lua.globals().raw_set("cx", cx)?;
        let mut text = String::new();
        loop {
            let Answer::Line(Some(line)) = caller.ask(Question::Line(!text.is_empty()))? else { return Ok(()) };
            text.push_str(&line);
            if goes_on(lua, &text) {
                text.push('\n');
                continue;
            }
            let outcome = evaluate(lua, &std::mem::take(&mut text));
            let logged = sandbox::take_log(lua);
            if !logged.is_empty() {
                caller.ask(Question::Show(logged.into_iter().map(Shown::Words).collect()))?;
            }
            let question = match outcome {
                Ok(values) if values.is_empty() => continue,
                Ok(values) => Question::Show(values.iter().map(shown).collect()),
                Err(error) => Question::Wrong(said(&error)),
            };
            caller.ask(question)?;
        }
    };
    sandbox::run(limits, modules, work, serve).map(|_| ())
}

/// What is wrong with a line, in a sentence.
fn said(error: &mlua::Error) -> String {
    if let Some(unknown) = sandbox::find::<sandbox::NotKnown>(error) {
        return unknown.to_string();
    }
    ScriptError::of(error, &[CHUNK.to_owned()]).message
}

/// Whether the text is the beginning of something longer.
fn goes_on(lua: &Lua, text: &str) -> bool {
    let incomplete = |text: &str| match sandbox::load(lua, text, CHUNK) {
        Err(mlua::Error::SyntaxError { incomplete_input, .. }) => incomplete_input,
        _ => false,
    };
    sandbox::load(lua, &format!("return {text}"), CHUNK).is_err() && incomplete(text)
}

/// The values of a line: of an expression, or of a statement that returns some.
fn evaluate(lua: &Lua, text: &str) -> mlua::Result<MultiValue> {
    let text = text.trim_start().strip_prefix('=').unwrap_or(text);
    let chunk = sandbox::load(lua, &format!("return {text}"), CHUNK).or_else(|_| sandbox::load(lua, text, CHUNK))?;
    chunk.call(())
}

fn shown(value: &LuaValue) -> Shown {
    let data = match value {
        LuaValue::UserData(handle) => rows::handle_json(handle),
        other => to_json(other, SHOWN).ok(),
    };
    data.map_or_else(|| Shown::Words(value.to_string().unwrap_or_else(|_| value.type_name().to_owned())), Shown::Data)
}
