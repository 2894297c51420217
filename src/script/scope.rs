//! Where expressions are evaluated: a Lua state that holds parameters, evidence and helpers, and nothing else.

mod names;
mod settle;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mlua::chunk::ChunkMode;
use mlua::{Function, HookTriggers, Lua, LuaOptions, StdLib, Table, Value as LuaValue, VmState};
use serde_json::{Map, Value};

use super::budget::Budget;
use super::condition::{Condition, Node};
use super::evidence::{Converter, NotKnown, not_known};
use super::expression::Expression;
use super::json::{Bounds, display, to_json};
use super::shell::push_value;
use super::template::{Piece, Template};
use super::vocabulary;
use crate::case::{Gap, Reason, Truth};
use crate::sys::usage;
use crate::units;
use names::{Root, Roots, Unsettled, locked, look_up, unsettled, without_indices};

/// Memory that all expressions of one run may use together.
const MEMORY_LIMIT: usize = 64 * 1024 * 1024;
/// CPU time that one expression may take: on a host that is on its knees the clock on the wall says little.
const TIME_LIMIT: Duration = Duration::from_secs(1);
/// An expression that took less by the clock, or was held up for less, is counted by the clock.
const AT_ONCE: Duration = Duration::from_millis(1);
/// How large a value may be that an expression gives back.
const VALUE: Bounds = Bounds { depth: 8, items: 4096, bytes: 1024 * 1024 };
/// Bytes of one sentence or command.
const LONGEST_TEXT: usize = 64 * 1024;
/// Characters of an expression that a gap repeats.
const LONGEST_QUOTE: usize = 200;

/// Where Lua keeps the modules that it has loaded (`LUA_LOADED_TABLE` in lauxlib.h).
const LOADED_MODULES: &str = "_LOADED";
/// Standard modules that expressions can use, without what could hang or exhaust.
const MODULES: &[(&str, &[&str])] = &[
    ("math", &["abs", "ceil", "floor", "max", "min", "huge", "log", "sqrt", "tointeger", "type"]),
    ("string", &["byte", "char", "format", "len", "lower", "reverse", "sub", "upper"]),
    ("table", &["concat", "unpack"]),
];

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// What could not be seen, or what is wrong with the expression.
    pub gaps: Vec<Gap>,
}

/// What a condition says about the evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Whether it holds.
    pub truth: Truth,
    /// Why it is unknown, when it is.
    pub gaps: Vec<Gap>,
}

impl From<bool> for Judged {
    fn from(holds: bool) -> Self {
        Judged { truth: holds.into(), gaps: Vec::new() }
    }
}

/// How long an expression may go on, in CPU time of its thread.
struct Deadline {
    limit: Duration,
    /// Known once Lua has done so much that it is worth asking for the time.
    until: Option<Duration>,
}

/// A Lua state with the names that expressions can use.
pub struct Scope {
    lua: Lua,
    environment: Table,
    roots: Roots,
    compiled: Mutex<HashMap<String, Function>>,
    deadline: Arc<Mutex<Deadline>>,
    /// How many names are being worked out, each because another one met it.
    depth: AtomicUsize,
    /// The thread's CPU time when it was last asked for.
    asked_at: Mutex<Duration>,
    overrun: Arc<AtomicBool>,
    budget: Budget,
}

impl Scope {
    /// A scope with the helpers and nothing else.
    pub fn new() -> mlua::Result<Self> {
        let lua = Lua::new_with(StdLib::MATH | StdLib::STRING | StdLib::TABLE, LuaOptions::default())?;
        lua.set_memory_limit(MEMORY_LIMIT)?;
        // An error that a helper raises is given a traceback, for which Lua looks every function up among the modules. What was not
        // seen is such an error, many times a run, and nobody reads its traceback: without modules there is nothing to look through.
        lua.set_named_registry_value(LOADED_MODULES, lua.create_table()?)?;
        let deadline = Arc::new(Mutex::new(Deadline { limit: TIME_LIMIT, until: None }));
        let overrun = Arc::new(AtomicBool::new(false));
        let (until, over) = (Arc::clone(&deadline), Arc::clone(&overrun));
        lua.set_hook(HookTriggers::new().every_nth_instruction(10_000), move |_, _| {
            let (now, mut deadline) = (cpu_time(), locked(&until));
            let latest = now + deadline.limit;
            if now > *deadline.until.get_or_insert(latest) {
                over.store(true, Ordering::Relaxed);
                return Err(mlua::Error::runtime(format!("it ran longer than {} s", TIME_LIMIT.as_secs())));
            }
            Ok(VmState::Continue)
        })?;
        let roots = Roots::default();
        let environment = environment(&lua, &roots)?;
        let budget = Budget::new();
        let asked_at = Mutex::new(cpu_time());
        Ok(Scope {
            lua,
            environment,
            roots,
            compiled: Mutex::default(),
            deadline,
            depth: AtomicUsize::new(0),
            asked_at,
            overrun,
            budget,
        })
    }

    /// What was left unknown because all expressions together had used up what a run may take.
    pub fn lacking(&self) -> Vec<Gap> {
        self.budget.lacking()
    }

    /// The fields whose values are known, and are not nil.
    pub fn table<'f>(&self, fields: impl Iterator<Item = (&'f str, &'f Expression)>) -> Map<String, Value> {
        let known = fields.filter_map(|(name, expression)| Some((name.to_owned(), self.value(expression).ok()?)));
        known.filter(|(_, value)| !value.is_null()).collect()
    }

    /// Checks an expression's grammar.
    pub fn check(&self, expression: &Expression) -> Result<(), String> {
        let Err(error) = self.compile(expression) else { return Ok(()) };
        // The brackets that an expression is compiled in are not its author's: without them the message speaks of its own.
        let bare = self.lua.load(format!("return {}", expression.text)).set_mode(ChunkMode::Text);
        Err(first_line(&bare.into_function().err().unwrap_or(error)))
    }

    /// Judges a condition.
    pub fn judge(&self, condition: &Condition) -> Judged {
        self.judge_node(condition.node())
    }

    fn judge_node(&self, node: &Node) -> Judged {
        match node {
            Node::And(parts) => self.judge_joint(parts, Truth::Yes, Truth::and, Truth::No),
            Node::Or(parts) => self.judge_joint(parts, Truth::No, Truth::or, Truth::Yes),
            Node::Not(inner) => {
                let inner = self.judge_node(inner);
                Judged { truth: !inner.truth, gaps: inner.gaps }
            }
            // Nobody looked whether it is known, when the run has used up what expressions may take.
            Node::Known(inner) => match (self.judge_node(inner).truth, self.budget.stopped()) {
                (Truth::Unknown, Some(gap)) => Judged { truth: Truth::Unknown, gaps: vec![gap] },
                (truth, _) => (truth != Truth::Unknown).into(),
            },
            Node::Atom(expression) => match self.evaluate(expression) {
                Ok(LuaValue::Nil | LuaValue::Boolean(false)) => false.into(),
                Ok(_) => true.into(),
                Err(unknown) => Judged { truth: Truth::Unknown, gaps: unknown.gaps },
            },
        }
    }

    /// Judges the operands from left to right until one settles it, as Lua would.
    fn judge_joint(&self, parts: &[Node], empty: Truth, join: fn(Truth, Truth) -> Truth, settled: Truth) -> Judged {
        let mut whole = Judged { truth: empty, gaps: Vec::new() };
        for part in parts {
            let part = self.judge_node(part);
            whole.truth = join(whole.truth, part.truth);
            Gap::gather(&mut whole.gaps, part.gaps);
            if whole.truth == settled {
                return Judged { truth: settled, gaps: Vec::new() };
            }
        }
        whole
    }

    /// The value of an expression, as JSON; nil is null.
    pub fn value(&self, expression: &Expression) -> Result<Value, Unknown> {
        let value = self.evaluate(expression)?;
        let value =
            to_json(&value, VALUE).map_err(|error| Unknown { gaps: vec![failure(expression.text.trim(), &error)] })?;
        self.budget.spend_bytes(size(&value)).map_err(|gap| Unknown { gaps: vec![gap] })?;
        Ok(value)
    }

    /// A command with its figures filled in, each quoted for the shell by `push_value`. With a value that cannot stand where
    /// the template wants it there is no command.
    pub fn render_command(&self, template: &Template) -> Result<String, Unknown> {
        let mut text = String::new();
        for piece in template.pieces() {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Value { expression, .. } => {
                    let value = self.value(expression)?;
                    push_value(&mut text, &value).map_err(|why| {
                        let tried = format!("fill `{}` into a command", expression.text.trim());
                        Unknown { gaps: vec![Gap::new(Reason::Malformed, tried, why)] }
                    })?;
                }
            }
        }
        if text.len() > LONGEST_TEXT {
            let why = format!("it has more than {}", units::bytes(LONGEST_TEXT as f64));
            return Err(Unknown { gaps: vec![Gap::new(Reason::Failed, "fill in a command", why)] });
        }
        self.budget.spend_bytes(text.len()).map_err(|gap| Unknown { gaps: vec![gap] })?;
        Ok(text)
    }

    /// A sentence with its figures filled in. What is not known reads "(not seen)"; the gaps say why. One that is too long
    /// is cut, and says so.
    pub fn render(&self, template: &Template) -> (String, Vec<Gap>) {
        let mut text = String::new();
        let mut gaps = Vec::new();
        for piece in template.pieces() {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Value { expression, .. } => match self.value(expression) {
                    Ok(value) => text.push_str(&display(&value)),
                    Err(unknown) => {
                        text.push_str("(not seen)");
                        Gap::gather(&mut gaps, unknown.gaps);
                    }
                },
            }
            if text.len() > LONGEST_TEXT {
                text.truncate(text.floor_char_boundary(LONGEST_TEXT));
                text.push_str(&format!("… (cut: a text has {} at most)", units::bytes(LONGEST_TEXT as f64)));
                break;
            }
        }
        if let Err(gap) = self.budget.spend_bytes(text.len()) {
            text = format!("(not shown: {})", gap.why);
            Gap::gather(&mut gaps, [gap]);
        }
        (text, gaps)
    }

    fn compile(&self, expression: &Expression) -> mlua::Result<Function> {
        // White space that keeps offsets makes no difference to Lua.
        let text = expression.text.trim();
        if let Some(function) = locked(&self.compiled).get(text) {
            return Ok(function.clone());
        }
        let function = self
            .lua
            .load(format!("return ({text}\n)"))
            .set_mode(ChunkMode::Text)
            .set_name(format!("={}", expression.place))
            .set_environment(self.environment.clone())
            .into_function()?;
        locked(&self.compiled).insert(text.to_owned(), function.clone());
        Ok(function)
    }

    fn evaluate(&self, expression: &Expression) -> Result<LuaValue, Unknown> {
        let left = self.budget.time().map_err(|gap| Unknown { gaps: vec![gap] })?;
        if let Some(told) = self.told(expression) {
            return told;
        }
        expression.uses().iter().for_each(|used| self.settle(&used.name));
        let began = Instant::now();
        *locked(&self.deadline) = Deadline { limit: left.min(TIME_LIMIT), until: None };
        self.overrun.store(false, Ordering::Relaxed);
        let value = self.compile(expression).and_then(|function| self.call(&function));
        self.budget.spend_time(self.cpu_time_of(began.elapsed()));
        value.map_err(|error| {
            let for_the_run = self.overrun.load(Ordering::Relaxed) && left < TIME_LIMIT;
            match self.budget.stopped().filter(|_| for_the_run) {
                Some(gap) => Unknown { gaps: vec![gap] },
                None => Unknown { gaps: self.gaps_of(expression, &error) },
            }
        })
    }

    /// Calls an expression. A function's parameter may be called as something else is outside of it, which then is not among the names
    /// that were worked out before: it is worked out when it is met, and the expression begins anew.
    fn call(&self, function: &Function) -> mlua::Result<LuaValue> {
        loop {
            match function.call::<LuaValue>(()) {
                Err(error) => match unsettled(&error) {
                    Some(Unsettled { name }) => self.settle(name),
                    None => return Err(error),
                },
                value => return value,
            }
        }
    }

    /// The CPU time of an expression that took so long by the clock, or a little more. To ask the kernel for it takes longer than most
    /// expressions do: what was over at once took no more than that, and of another it is the thread's since it was last asked for.
    fn cpu_time_of(&self, elapsed: Duration) -> Duration {
        if elapsed < AT_ONCE {
            return elapsed;
        }
        let now = cpu_time();
        let before = std::mem::replace(&mut *locked(&self.asked_at), now);
        elapsed.min(now.saturating_sub(before))
    }

    /// What can be told of an expression without Lua: that the first of its values is not known, which ends it, whatever stands behind;
    /// or that it is a name alone. Most conditions are one of the two where little could be seen.
    fn told(&self, expression: &Expression) -> Option<Result<LuaValue, Unknown>> {
        let is_helper =
            |name: &str| vocabulary::find(name).is_some() || MODULES.iter().any(|(module, _)| *module == name);
        let first = expression.uses().iter().find(|used| !is_helper(&used.name))?;
        // What stands in a function is looked at when that is called.
        if expression.text.get(..first.offset.checked_sub(expression.start)?)?.contains("function") {
            return None;
        }
        self.settle(&first.name);
        let unseen = match locked(&self.roots).get(first.name.as_str())? {
            Root::Value(value) if expression.text.trim() == first.name => return Some(Ok(value.clone())),
            Root::Unknown(_) => true,
            Root::Evidence { evidence, .. } => evidence.output.is_none(),
            Root::Value(_) | Root::Later(_) => false,
        };
        unseen.then(|| Err(Unknown { gaps: self.unseen(&first.name) }))
    }

    /// Why an expression has no value: what it needs was not seen, or it is wrong.
    fn gaps_of(&self, expression: &Expression, error: &mlua::Error) -> Vec<Gap> {
        let Some(NotKnown { path }) = not_known(error) else {
            return vec![failure(expression.text.trim(), error)];
        };
        self.unseen(path)
    }

    /// Why what stands at a path was not seen.
    fn unseen(&self, path: &str) -> Vec<Gap> {
        let (root, rest) = path.split_once(['.', '[']).unwrap_or((path, ""));
        match locked(&self.roots).get(root) {
            Some(Root::Unknown(gaps)) => gaps.clone(),
            Some(Root::Evidence { evidence, .. }) => match evidence.gap_at(&without_indices(rest)) {
                Some(gap) => vec![gap.clone()],
                None => vec![Gap::new(Reason::Absent, format!("see {path}"), "the host did not say")],
            },
            _ => vec![Gap::new(Reason::Absent, format!("see {path}"), "the host did not say")],
        }
    }
}

/// CPU time of this thread; expressions run on the thread that asks for them.
fn cpu_time() -> Duration {
    usage::thread_cpu_seconds().map_or(Duration::ZERO, Duration::from_secs_f64)
}

/// About how many bytes a value takes.
fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(list) => list.iter().map(size).sum(),
            Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// The message of a Lua error without its traceback.
fn first_line(error: &mlua::Error) -> String {
    let root = match error {
        mlua::Error::CallbackError { cause, .. } => return first_line(cause),
        mlua::Error::SyntaxError { message, .. } => message.clone(),
        mlua::Error::RuntimeError(message) => message.clone(),
        other => other.to_string(),
    };
    root.lines().next().unwrap_or_default().to_owned()
}

fn failure(text: &str, error: &mlua::Error) -> Gap {
    let quoted = match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    };
    Gap::new(Reason::Failed, format!("evaluate `{quoted}`"), first_line(error))
        .to_fix("mend the expression in the runbook: `casebook lint` finds most such errors")
}

/// The table that stands for the global names of every expression.
fn environment(lua: &Lua, roots: &Roots) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let globals = lua.globals();
    for name in ["tostring", "tonumber", "type", "ipairs", "pairs"] {
        table.raw_set(name, globals.get::<LuaValue>(name)?)?;
    }
    for (module, functions) in MODULES {
        let source: Table = globals.get(*module)?;
        let kept = lua.create_table()?;
        for function in *functions {
            kept.raw_set(*function, source.get::<LuaValue>(*function)?)?;
        }
        if *module == "string" {
            // Methods of strings, as in ("x"):upper(), come from the metatable: the same functions and no more.
            lua.load("getmetatable('').__index = ...").call::<()>(&kept)?;
        }
        table.raw_set(*module, kept)?;
    }
    vocabulary::install(lua, &table)?;
    let meta = lua.create_table()?;
    let roots = Arc::clone(roots);
    let converter = Converter::new(lua)?;
    let look_up = move |lua: &Lua, (_, name): (Table, String)| look_up(lua, &converter, &roots, &name);
    meta.raw_set("__index", lua.create_function(look_up)?)?;
    let refuse = |_: &Lua, (_, name, _): (Table, String, LuaValue)| -> mlua::Result<()> {
        Err(mlua::Error::runtime(format!("an expression cannot set `{name}`")))
    };
    meta.raw_set("__newindex", lua.create_function(refuse)?)?;
    table.set_metatable(Some(meta))?;
    Ok(table)
}

#[cfg(test)]
mod tests;
