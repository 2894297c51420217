//! Where expressions are evaluated: a Lua state that holds parameters, evidence and helpers, and nothing else.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use super::vocabulary::{self, HELPERS};
use crate::case::{Evidence, Gap, Reason, Truth};
use crate::suggest::Suggestion;
use crate::sys::usage;
use crate::units;

/// Memory that all expressions of one run may use together.
const MEMORY_LIMIT: usize = 64 * 1024 * 1024;
/// CPU time that one expression may take: on a host that is on its knees the clock on the wall says little.
const TIME_LIMIT: Duration = Duration::from_secs(1);
/// An expression that took less by the clock, or was held up for less, is counted by the clock.
const AT_ONCE: Duration = Duration::from_millis(1);
/// How many names may hide behind one another's parameters.
const DEEPEST: usize = 32;
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

/// A name that expressions can use.
enum Root {
    /// Evidence that is converted when it is first used.
    Evidence { evidence: Arc<Evidence>, schema: Option<Arc<Value>>, converted: Option<LuaValue> },
    /// What is worked out when it is first used: of a runbook's values and facts, most are asked for by no cause that is weighed.
    Later(Later),
    /// A value; nil is a value too.
    Value(LuaValue),
    /// A value that could not be told.
    Unknown(Vec<Gap>),
}

/// A name was met that stands for something that is not worked out yet.
#[derive(Debug, thiserror::Error)]
#[error("{name} is not worked out yet")]
struct Unsettled {
    name: String,
}

/// The name, when that is what an error says.
fn unsettled(error: &mlua::Error) -> Option<&Unsettled> {
    match error {
        mlua::Error::CallbackError { cause, .. } => unsettled(cause),
        mlua::Error::WithContext { cause, .. } => unsettled(cause),
        other => other.downcast_ref(),
    }
}

/// How long an expression may go on, in CPU time of its thread.
struct Deadline {
    limit: Duration,
    /// Known once Lua has done so much that it is worth asking for the time.
    until: Option<Duration>,
}

/// What a name stands for that was not asked for yet.
enum Later {
    /// The value of an expression.
    Value(Expression),
    /// What a condition comes to.
    Fact(Condition),
    /// A table of what is known of these.
    Table(Vec<(String, Expression)>),
}

impl Later {
    /// The names that it uses.
    fn uses(&self) -> Vec<&str> {
        fn of(expression: &Expression) -> impl Iterator<Item = &str> {
            expression.uses().iter().map(|used| used.name.as_str())
        }
        match self {
            Later::Value(expression) => of(expression).collect(),
            Later::Fact(condition) => condition.atoms().into_iter().flat_map(of).collect(),
            Later::Table(fields) => fields.iter().flat_map(|(_, expression)| of(expression)).collect(),
        }
    }
}

type Roots = Arc<Mutex<HashMap<String, Root>>>;

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

    /// Makes evidence known under a step's id. `schema` describes its output.
    pub fn set_evidence(&self, name: &str, evidence: Arc<Evidence>, schema: Option<Arc<Value>>) {
        locked(&self.roots).insert(name.to_owned(), Root::Evidence { evidence, schema, converted: None });
    }

    /// Makes a value known under a name.
    pub fn set_value(&self, name: &str, value: Result<Value, Unknown>) {
        let root = match value {
            Ok(value) => self.root_of(name, &value),
            Err(unknown) => Root::Unknown(unknown.gaps),
        };
        locked(&self.roots).insert(name.to_owned(), root);
    }

    fn root_of(&self, name: &str, value: &Value) -> Root {
        match Converter::new(&self.lua).and_then(|c| c.convert(&self.lua, value, None, name, &|_| false)) {
            Ok(value) => Root::Value(value),
            Err(error) => Root::Unknown(vec![failure(name, &error)]),
        }
    }

    /// Makes the value of an expression known under a name, without a way through JSON. It is worked out when the name is first used.
    pub fn set_expression(&self, name: &str, expression: &Expression) {
        self.set_later(name, Later::Value(expression.clone()));
    }

    /// What was left unknown because all expressions together had used up what a run may take.
    pub fn lacking(&self) -> Vec<Gap> {
        self.budget.lacking()
    }

    /// Makes what a condition comes to known under a name: yes, no, or unknown for the same reasons. It is judged when the name is
    /// first used.
    pub fn set_fact(&self, name: &str, condition: &Condition) {
        self.set_later(name, Later::Fact(condition.clone()));
    }

    /// Makes a table known under a name, of the values that are known when it is first used.
    pub fn set_table(&self, name: &str, fields: Vec<(String, Expression)>) {
        self.set_later(name, Later::Table(fields));
    }

    /// The fields whose values are known, and are not nil.
    pub fn table<'f>(&self, fields: impl Iterator<Item = (&'f str, &'f Expression)>) -> Map<String, Value> {
        let known = fields.filter_map(|(name, expression)| Some((name.to_owned(), self.value(expression).ok()?)));
        known.filter(|(_, value)| !value.is_null()).collect()
    }

    fn set_later(&self, name: &str, later: Later) {
        locked(&self.roots).insert(name.to_owned(), Root::Later(later));
    }

    /// Works out what a name stands for, if nobody has yet, and before it what that uses: one after another, however many hang on each
    /// other.
    fn settle(&self, name: &str) {
        if !matches!(locked(&self.roots).get(name), Some(Root::Later(_))) {
            return;
        }
        let mut open = vec![name.to_owned()];
        let mut seen = HashSet::from([name.to_owned()]);
        while let Some(last) = open.last() {
            let before: Vec<String> = {
                let roots = locked(&self.roots);
                let is_later = |name: &&str| matches!(roots.get(*name), Some(Root::Later(_)));
                let used = match roots.get(last.as_str()) {
                    Some(Root::Later(later)) => later.uses(),
                    _ => Vec::new(),
                };
                let new = used.into_iter().filter(is_later).filter(|name| seen.insert((*name).to_owned()));
                new.map(str::to_owned).collect()
            };
            if !before.is_empty() {
                open.extend(before);
            } else if let Some(name) = open.pop() {
                self.work_out(&name);
            }
        }
    }

    /// Works out what a name stands for. Until then it is not known: what uses itself, which no checked runbook has, ends there.
    fn work_out(&self, name: &str) {
        let later = {
            let mut roots = locked(&self.roots);
            let Some(root @ Root::Later(_)) = roots.get_mut(name) else { return };
            let itself =
                Gap::new(Reason::Failed, format!("work out `{name}`"), "it uses itself, or hangs on too many others");
            match std::mem::replace(root, Root::Unknown(vec![itself])) {
                Root::Later(later) => later,
                _ => return,
            }
        };
        if self.depth.fetch_add(1, Ordering::Relaxed) < DEEPEST {
            let root = self.worked_out(later, name);
            locked(&self.roots).insert(name.to_owned(), root);
        }
        self.depth.fetch_sub(1, Ordering::Relaxed);
    }

    fn worked_out(&self, later: Later, name: &str) -> Root {
        match later {
            Later::Value(expression) => match self.evaluate(&expression) {
                Ok(value) => Root::Value(value),
                Err(unknown) => Root::Unknown(unknown.gaps),
            },
            Later::Fact(condition) => {
                let Judged { truth, gaps } = self.judge(&condition);
                match truth {
                    Truth::Yes => Root::Value(LuaValue::Boolean(true)),
                    Truth::No => Root::Value(LuaValue::Boolean(false)),
                    Truth::Unknown => Root::Unknown(gaps),
                }
            }
            Later::Table(fields) => {
                let table = self.table(fields.iter().map(|(name, value)| (name.as_str(), value)));
                self.root_of(name, &Value::Object(table))
            }
        }
    }

    /// Forgets a name.
    pub fn unset(&self, name: &str) {
        locked(&self.roots).remove(name);
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

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `listeners[3].process` as probes name it in their gaps: `listeners.process`.
fn without_indices(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
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

fn look_up(lua: &Lua, converter: &Converter, roots: &Roots, name: &str) -> mlua::Result<LuaValue> {
    let mut roots = locked(roots);
    match roots.get_mut(name) {
        Some(Root::Value(value)) => Ok(value.clone()),
        Some(Root::Later(_)) => Err(mlua::Error::external(Unsettled { name: name.to_owned() })),
        Some(Root::Unknown(_)) => Err(mlua::Error::external(NotKnown { path: name.to_owned() })),
        Some(Root::Evidence { evidence, schema, converted }) => {
            let Some(output) = &evidence.output else {
                return Err(mlua::Error::external(NotKnown { path: name.to_owned() }));
            };
            if let Some(value) = converted {
                return Ok(value.clone());
            }
            let rest = |path: &str| without_indices(path.get(name.len() + 1..).unwrap_or_default());
            let has_gap = |path: &str| !evidence.missing.is_empty() && evidence.gap_at(&rest(path)).is_some();
            let value = converter.convert(lua, output, schema.as_deref(), name, &has_gap)?;
            *converted = Some(value.clone());
            Ok(value)
        }
        None => {
            let mut names: Vec<&str> = roots.keys().map(String::as_str).collect();
            for helper in HELPERS {
                names.push(helper.name());
            }
            Err(mlua::Error::runtime(Suggestion::of(name, names).behind(&format!("nothing is named `{name}`"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope() -> Scope {
        let scope = Scope::new().unwrap();
        let evidence = Evidence {
            probe: "test".into(),
            params: json!({}),
            started: jiff::Timestamp::UNIX_EPOCH,
            seconds: 1.0,
            cpu_seconds: None,
            peak_memory_bytes: None,
            output: Some(
                json!({"seen": 5, "unseen": null, "none": null, "partial": [{"port": 53}], "rows": [{"port": 53, "name": "dns"}, {"port": 80, "name": null}]}),
            ),
            gap: None,
            missing: vec![crate::case::Missing {
                fields: vec!["unseen".into(), "rows.name".into(), "partial".into()],
                gap: Gap::denied("look", "CAP_TEST"),
            }],
            loss: vec![],
            typed: Default::default(),
        };
        scope.set_evidence("step", Arc::new(evidence.clone()), None);
        scope.set_evidence(
            "blind",
            Arc::new(Evidence { output: None, gap: Some(Gap::denied("look at all", "CAP_ALL")), ..evidence }),
            None,
        );
        scope.set_value("params", Ok(json!({"high": 4})));
        scope
    }

    fn truth(text: &str) -> Truth {
        scope().judge(&Condition::parse(text, "test").unwrap()).truth
    }

    #[test]
    fn what_was_not_seen_is_unknown_and_never_false() {
        assert_eq!(truth("step.seen > params.high"), Truth::Yes);
        assert_eq!(truth("step.unseen > 1"), Truth::Unknown);
        assert_eq!(truth("step.unseen == 1"), Truth::Unknown);
        assert_eq!(truth("not (step.unseen == 1)"), Truth::Unknown);
        assert_eq!(truth("blind.anything.at.all"), Truth::Unknown);
        assert_eq!(truth("any(step.rows, {name = 'ntp'})"), Truth::Unknown);
        for _ in 0..8 {
            assert_eq!(truth("any(take(step.rows, 2), {port = 1, name = 'ntp'})"), Truth::No, "a port that differs");
        }
    }

    #[test]
    fn what_a_name_stands_for_is_worked_out_when_it_is_used_and_once() {
        let scope = scope();
        let expression = |text: &str| Expression::parse(text, "test").unwrap();
        let holds = |text: &str| scope.judge(&Condition::parse(text, "test").unwrap()).truth;
        scope.set_expression("port", &expression("sum(step.rows, 'port')"));
        scope.set_expression("more", &expression("port + 1"));
        scope.set_fact("many", &Condition::parse("more > 100 and step.seen > 1", "test").unwrap());
        scope.set_expression("wrong", &expression("step.sene"));
        scope.set_expression("itself", &expression("itself + 1"));
        assert_eq!(holds("many and more == 134"), Truth::Yes);
        scope.set_value("step", Ok(Value::Null));
        assert_eq!(holds("more == 134"), Truth::Yes, "once");
        assert_eq!(holds("wrong == 1"), Truth::Unknown);
        assert_eq!(holds("itself == 1"), Truth::Unknown);
        // Inside of the function it is another one.
        scope.set_expression("row", &expression("7"));
        assert_eq!(holds("first({1, 2}, function(row) return row == 2 end) + row == 9"), Truth::Yes);
        assert_eq!(holds("any({1, 9}, function(it) return it > row end)"), Truth::Yes);
        // However many hang on each other.
        scope.set_expression("n0", &expression("1"));
        for number in 1..5000 {
            scope.set_expression(&format!("n{number}"), &expression(&format!("n{} + 1", number - 1)));
        }
        assert_eq!(holds("n4999 == 5000"), Truth::Yes);
        scope.set_expression("h0", &expression("1"));
        for number in 1..100 {
            let hidden = format!("h{}", number - 1);
            scope.set_expression(
                &format!("h{number}"),
                &expression(&format!("#where({{}}, function({hidden}) end) + {hidden} + 1")),
            );
        }
        assert_eq!((holds("h20 == 21"), holds("h99 == 100")), (Truth::Yes, Truth::Unknown));
        // A field or a parameter that is called as what uses the expression makes no circle.
        scope.set_expression("worst", &expression("most(where({{to = 3}}, function(to) return to.to > 1 end), 'to')"));
        scope.set_expression("to", &expression("worst.to"));
        assert_eq!(holds("worst.to == 3 and to == 3"), Truth::Yes);
    }

    #[test]
    fn absence_is_an_answer_only_where_no_gap_was_recorded() {
        assert_eq!(truth("value_or(step, 'seen', 0) == 5"), Truth::Yes);
        assert_eq!(truth("value_or(step, 'none', 0) == 0"), Truth::Yes);
        assert_eq!(truth("value_or(step, 'unseen', 0) == 0"), Truth::Unknown);
        assert_eq!(truth("value_or(step.rows[2], 'name', '') == ''"), Truth::Unknown);
        assert_eq!(truth("seen_or(step, 'unseen', 0) == 0"), Truth::Yes);
        assert_eq!(truth("value_or(step, 'unseen', 1, 0) == 0"), Truth::Yes);
        assert_eq!(truth("value_or(step, 'unseen', 1, nil) == nil"), Truth::Yes);
        assert_eq!(truth("value_or(step, 'none', 1, 0) == 1"), Truth::Yes);
        assert_eq!(truth("value_or(step.rows[1], 'name', '') == 'dns'"), Truth::Yes);
        assert_eq!(truth("value_or(nil, 'name', '') == ''"), Truth::Yes);
        assert_eq!(truth("value_or(step, 'sene', 0) == 0"), Truth::Unknown, "a misspelt field is no absence");
        assert_eq!(truth("value_or({a = step}, 'a.seen', 0) == 5"), Truth::Yes);
        assert_eq!(truth("value_or({a = step}, 'a.unseen', 0) == 0"), Truth::Unknown);
        assert_eq!(truth("value_or(step.partial, 9, 0) == 0"), Truth::Unknown);
    }

    #[test]
    fn a_named_condition_means_what_it_means_where_it_stands() {
        let conditions = ["step.unseen > 1", "step.seen > 1", "step.seen < 1", "step.unseen > 1 or step.seen == 5"];
        for condition in conditions {
            for frame in [
                "@",
                "not (@)",
                "@ and step.seen == 5",
                "@ and step.unseen == 1",
                "step.seen == 1 and @",
                "@ or step.seen == 5",
                "known(@)",
            ] {
                let scope = scope();
                scope.set_fact("fact", &Condition::parse(condition, "test").unwrap());
                let written = |with: &str| scope.judge(&Condition::parse(&frame.replace('@', with), "test").unwrap());
                let (named, whole) = (written("fact"), written(&format!("({condition})")));
                assert_eq!((named.truth, named.gaps.len()), (whole.truth, whole.gaps.len()), "{condition} in {frame}");
            }
        }
    }

    #[test]
    fn a_fact_that_is_unknown_says_why_in_facts_that_use_it() {
        let scope = scope();
        scope.set_fact("one", &Condition::parse("step.unseen > 1", "test").unwrap());
        scope.set_fact("two", &Condition::parse("one and step.seen == 5", "test").unwrap());
        let judged = scope.judge(&Condition::parse("two", "test").unwrap());
        assert_eq!((judged.truth, judged.gaps), (Truth::Unknown, vec![Gap::denied("look", "CAP_TEST")]));
    }

    #[test]
    fn an_incomplete_list_shows_what_is_in_it_and_never_what_is_not() {
        assert_eq!(truth("any(step.partial, {port = 53})"), Truth::Yes);
        assert_eq!(truth("any(step.partial, {port = 80})"), Truth::Unknown);
        assert_eq!(truth("first(step.partial, {port = 80}) == nil"), Truth::Unknown);
        assert_eq!(truth("#step.partial == 1"), Truth::Unknown);
        assert_eq!(truth("sum(step.partial, 'port') > 50"), Truth::Unknown);
        assert_eq!(truth("step.partial[1].port == 53"), Truth::Yes);
        assert_eq!(truth("step.partial[2] == nil"), Truth::Unknown);
        assert_eq!(truth("#take(step.partial, 1) == 1"), Truth::Yes);
        assert_eq!(
            scope().judge(&Condition::parse("#step.partial == 1", "test").unwrap()).gaps,
            [Gap::denied("look", "CAP_TEST")]
        );
    }

    #[test]
    fn a_known_operand_can_settle_what_an_unknown_one_cannot() {
        assert_eq!(truth("step.unseen > 1 or step.seen == 5"), Truth::Yes);
        assert_eq!(truth("step.unseen > 1 and step.seen == 4"), Truth::No);
        assert_eq!(truth("step.unseen > 1 and step.seen == 5"), Truth::Unknown);
        assert_eq!(truth("known(step.unseen) or known(step.seen)"), Truth::Yes);
        assert_eq!(truth("known(blind.x)"), Truth::No);
    }

    #[test]
    fn the_gap_of_an_unknown_field_is_the_one_that_the_probe_gave() {
        let scope = scope();
        let judged = scope.judge(&Condition::parse("step.rows[2].name == 'x'", "test").unwrap());
        assert_eq!(judged.gaps, [Gap::denied("look", "CAP_TEST")]);
        let judged = scope.judge(&Condition::parse("blind.x", "test").unwrap());
        assert_eq!(judged.gaps, [Gap::denied("look at all", "CAP_ALL")]);
    }

    #[test]
    fn a_misspelt_field_is_named_with_the_nearest() {
        let judged = scope().judge(&Condition::parse("step.sen > 1", "test").unwrap());
        assert_eq!(judged.truth, Truth::Unknown);
        assert!(judged.gaps[0].why.contains("did you mean `seen`?"), "{:?}", judged.gaps);
    }

    #[test]
    fn an_endless_expression_is_stopped() {
        let judged = scope().judge(&Condition::parse("(function() while true do end end)()", "test").unwrap());
        assert!(judged.gaps[0].why.contains("ran longer"), "{:?}", judged.gaps);
    }

    #[test]
    fn expressions_that_loop_use_up_the_budget_of_the_run_and_what_follows_is_unknown() {
        let scope = Scope { budget: Budget::of(Duration::from_millis(50)), ..scope() };
        let judge = |text: &str| scope.judge(&Condition::parse(text, "test").unwrap());
        assert_eq!(judge("step.seen == 5").truth, Truth::Yes);
        assert_eq!(scope.lacking(), []);
        let looping = judge("(function() while true do end end)()");
        assert!(looping.gaps[0].why.contains("budget for conditions is used up"), "{looping:?}");
        for text in ["step.seen == 5", "known(step.seen)", "not known(step.unseen)", "true"] {
            let after = judge(text);
            assert_eq!((after.truth, after.gaps), (Truth::Unknown, scope.lacking()), "{text}");
        }
        let (text, gaps) = scope.render(&Template::parse("{{ step.seen }}", "test").unwrap());
        assert_eq!((text.as_str(), gaps), ("(not seen)", scope.lacking()));
    }

    #[test]
    fn a_text_that_grows_is_cut_and_all_texts_together_have_an_end() {
        let scope = scope();
        scope.set_value("long", Ok(json!("x".repeat(60_000))));
        let long = Template::parse("{{ long }}{{ long }}{{ long }}", "test").unwrap();
        let (text, gaps) = scope.render(&long);
        assert!(text.ends_with("… (cut: a text has 65.5 kB at most)") && gaps.is_empty(), "{}", text.len());
        assert!(scope.render_command(&long).is_err(), "half a command is none");
        let mut texts = (0..1000).map(|_| scope.render(&long));
        let (text, gaps) = texts.find(|(_, gaps)| !gaps.is_empty()).unwrap();
        assert!(text.len() < 200 && gaps[0].why.contains("budget for texts is used up"), "{text} {gaps:?}");
        assert_eq!(scope.lacking().len(), 1);
    }

    #[test]
    fn the_gaps_of_a_condition_are_told_once_and_not_without_end() {
        let one = vec!["step.unseen > 1"; 500].join(" or ");
        assert_eq!(scope().judge(&Condition::parse(&one, "test").unwrap()).gaps.len(), 1);
        let many = (0..500).map(|number| format!("step.x{number} > 1")).collect::<Vec<_>>().join(" or ");
        assert_eq!(scope().judge(&Condition::parse(&many, "test").unwrap()).gaps.len(), Gap::MOST);
    }

    #[test]
    fn expressions_reach_nothing_of_the_host() {
        for name in ["os", "io", "require", "load", "debug", "print", "setmetatable", "_G"] {
            let judged = scope().judge(&Condition::parse(name, "test").unwrap());
            assert!(judged.gaps.first().is_some_and(|gap| gap.why.contains("nothing is named")), "{name}: {judged:?}");
        }
        assert_eq!(truth("('x').rep == nil and string.find == nil"), Truth::Yes);
    }

    #[test]
    fn every_helper_in_the_list_exists() {
        let scope = scope();
        for helper in HELPERS.iter().filter(|helper| helper.name() != "known") {
            let kind = Expression::parse(&format!("type({})", helper.name()), "test").unwrap();
            assert_eq!(scope.value(&kind).unwrap(), json!("function"), "{}", helper.signature);
        }
    }

    #[test]
    fn commands_quote_what_an_attacker_chose() {
        let scope = scope();
        scope.set_value("name", Ok(json!("x'; rm -rf /; '")));
        let command = Template::parse("kill {{ step.seen }} # {{ name }}", "test").unwrap();
        assert_eq!(scope.render_command(&command).unwrap(), r"kill 5 # 'x'\''; rm -rf /; '\'''");
        let quoted = Template::parse("nft add '{ device {{ name }} }'", "test").unwrap();
        assert!(scope.render_command(&quoted).is_err(), "quotes inside quotes would end them");
        scope.set_value("name", Ok(json!("eth0")));
        assert_eq!(scope.render_command(&quoted).unwrap(), "nft add '{ device eth0 }'");
        let unknown = Template::parse("kill {{ step.unseen }}", "test").unwrap();
        assert!(scope.render_command(&unknown).is_err());
    }

    #[test]
    fn sentences_say_what_was_not_seen() {
        let (text, gaps) =
            scope().render(&Template::parse("{{ bitrate(step.seen) }}, {{ step.unseen }}", "test").unwrap());
        assert_eq!(text, "5 bit/s, (not seen)");
        assert_eq!(gaps.len(), 1);
    }
}
