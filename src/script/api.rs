//! What a Lua check can use, each fact in one table: the header's keys, `cx`, findings, evidence, lists, `re`, the standard
//! library that is left, and the names that are not there with what to use instead.
//!
//! The sandbox, `lint`, the LuaLS definitions, the reference manual and the prompt's completion read these tables. Helpers that
//! checks share with expressions are in [`super::HELPERS`].

/// One name that scripts can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// How it is written, with its parameters: `cx.probe(name, params)`, `:where(pattern)`, `cx.now`.
    pub signature: &'static str,
    /// What it is, does or gives.
    pub about: &'static str,
    /// Its type as LuaLS writes it: `fun(sentence: string): casebook.Finding`.
    pub luals: &'static str,
}

impl Entry {
    /// Its name alone: `probe`, `where`, `now`.
    pub fn name(&self) -> &'static str {
        let path = self.signature.split(['(', '{', ' ']).next().unwrap_or(self.signature);
        path.rsplit(['.', ':']).next().unwrap_or(path)
    }
}

/// A key of a table that a script writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Whether the table must have it.
    pub required: bool,
    /// What it means.
    pub about: &'static str,
    /// Its type as LuaLS writes it.
    pub luals: &'static str,
}

/// A standard module, as far as checks have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module {
    /// Its name.
    pub name: &'static str,
    /// Its members.
    pub members: &'static [&'static str],
}

/// A name of Lua that checks do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// The name: `os`, `string.dump`.
    pub name: &'static str,
    /// What to use instead, as the rest of a sentence that begins with the name and "is not available in checks; ".
    pub instead: &'static str,
}

const fn key(name: &'static str, luals: &'static str, about: &'static str) -> Key {
    Key { name, required: false, about, luals }
}

const fn must(name: &'static str, luals: &'static str, about: &'static str) -> Key {
    Key { name, required: true, about, luals }
}

const fn entry(signature: &'static str, luals: &'static str, about: &'static str) -> Entry {
    Entry { signature, about, luals }
}

/// The keys of `check { … }`.
pub const CHECK_KEYS: &[Key] = &[
    must("name", "string", "the name by which it is called: lower case, digits and `_`; the file is called so, too"),
    must("summary", "string", "what it finds out, in one line"),
    key("tags", "string[]", "words that it is found by"),
    key("symptoms", "string[]", "complaints that call for it: \"the server is slow\""),
    key("params", "table<string, casebook.Param>", "what can be set when it is run, by name"),
    key("needs", "casebook.ProbeName[]", "the probes that it may call; calling another is an error"),
    must(
        "run",
        "fun(cx: casebook.Context, params: table): casebook.Finding|casebook.Finding[]",
        "looks and judges: gives back a finding or a list of them, of which the gravest counts",
    ),
];

/// The keys of one parameter, in `params = { NAME = { … } }`.
pub const PARAM_KEYS: &[Key] = &[
    must("type", "casebook.ParamType", "what its value must be"),
    key("default", "any", "its value when none is given; without one it is false until it is given"),
    key("min", "any", "the least value"),
    key("max", "any", "the greatest value"),
    key("choices", "any[]", "the values that it can have"),
    key("help", "string", "what it is for, and the reason for its default"),
    key("required", "boolean", "its value must be given"),
    key("secret", "boolean", "its value is kept out of cases and reports"),
];

/// The types that a parameter can have, as in a YAML runbook.
pub const PARAM_TYPES: &[&str] = &[
    "interface",
    "duration",
    "bitrate",
    "size",
    "share",
    "integer",
    "number",
    "string",
    "path",
    "address",
    "port",
    "boolean",
];

/// The members of `cx`, the first argument of `run`.
pub const CX: &[Entry] = &[
    entry(
        "cx.probe(name, params)",
        "fun(name: string, params?: table): casebook.Evidence",
        "looks: runs a probe and gives its evidence. A probe that watches takes its window's time",
    ),
    entry(
        "cx.together(calls)",
        "fun(calls: casebook.Calls): casebook.Answers",
        "runs several probes over one window: { sockets = {…}, capture = {…} } gives evidence by the same keys, \
         { {\"sockets\", {…}}, … } a list",
    ),
    entry(
        "cx.about(evidence)",
        "fun(evidence: casebook.Evidence): casebook.About",
        "where evidence comes from: probe, seconds, params, loss",
    ),
    entry(
        "cx.known(evidence, path)",
        "fun(evidence: table, path: string): boolean",
        "whether a field could be seen, as in cx.known(e, \"listeners.process\"); never an error itself",
    ),
    entry("cx.ok(sentence)", "fun(sentence: string): casebook.Finding", "a finding: looked, and fine"),
    entry("cx.warning(sentence)", "fun(sentence: string): casebook.Finding", "a finding: looked, and worth attention"),
    entry("cx.critical(sentence)", "fun(sentence: string): casebook.Finding", "a finding: looked, and bad"),
    entry("cx.unknown(sentence)", "fun(sentence: string): casebook.Finding", "a finding: could not look or not judge"),
    entry("cx.skipped(sentence)", "fun(sentence: string): casebook.Finding", "a finding: does not apply here"),
    entry("cx.params", "table<string, any>", "the parameters, the same as the second argument of run"),
    entry("cx.now", "number", "seconds since 1970, UTC; in a replay the recorded time"),
    entry("cx.window", "number", "the window of the run, in seconds"),
];

/// The names of `cx` that make a finding.
pub const VERDICTS: &[&str] = &["ok", "warning", "critical", "unknown", "skipped"];

/// The methods of a finding. Each gives the finding back, so that they chain.
pub const FINDING: &[Entry] = &[
    entry(
        ":data(figures)",
        "fun(self: casebook.Finding, figures: table<string, any>): casebook.Finding",
        "keeps figures with the finding, by name",
    ),
    entry(
        ":remedy(remedy)",
        "fun(self: casebook.Finding, remedy: casebook.Remedy): casebook.Finding",
        "says what to do; may be called more than once",
    ),
    entry(
        ":evidence(…)",
        "fun(self: casebook.Finding, ...: casebook.Evidence): casebook.Finding",
        "names the evidence that it rests on, when that is not all that the check has seen",
    ),
];

/// The keys of a remedy.
pub const REMEDY_KEYS: &[Key] = &[
    key("urgency", "\"now\"|\"lasting\"|\"upstream\"", "when and where it helps; now, when it is not said"),
    must("do", "string", "what to do, as a sentence; `do` is a word of Lua's own, so it is written [\"do\"]"),
    key(
        "run",
        "casebook.Commands",
        "commands, ready to paste: a text that stands in the script, sh(text, values) where something is filled in, or a list \
         of both, one for each line",
    ),
    key("undo", "casebook.Commands", "commands that take it back, written like run"),
    key("risk", "string", "what may go wrong: none, low, medium or high, and why"),
];

/// The urgencies of a remedy.
pub const URGENCIES: &[&str] = &["now", "lasting", "upstream"];

/// What all evidence has beside the fields of its probe's output.
pub const EVIDENCE: &[Entry] = &[
    entry("evidence.available", "boolean", "false when the probe could not look at all; gap says why"),
    entry("evidence.gap", "casebook.Gap?", "why the probe could not look; nil when it could"),
];

/// The fields of a gap.
pub const GAP: &[Entry] = &[
    entry("gap.tried", "string", "what was tried"),
    entry("gap.reason", "string", "the kind of failure: denied, absent, timed_out, malformed, cancelled or failed"),
    entry("gap.why", "string", "why it failed"),
    entry("gap.to_fix", "string?", "what would let it succeed"),
];

/// The fields of what `cx.about` gives.
pub const ABOUT: &[Entry] = &[
    entry("about.probe", "string", "the probe that looked"),
    entry("about.started", "number", "when it began to look, in seconds since 1970"),
    entry("about.seconds", "number", "how long it looked"),
    entry("about.params", "table<string, any>", "its parameters, defaults filled in"),
    entry("about.loss", "string[]", "what was lost while looking, as sentences"),
    entry("about.missing", "table[]", "what could not be seen: fields and gap of each part"),
];

/// The methods of lists in evidence. A pattern is a table of fields that must be equal, or a function of the item. `T` stands
/// for the item, `L` for a list of such items, `P` for a pattern.
pub const LIST: &[Entry] = &[
    entry(":first(pattern)", "fun(self: L, pattern?: P): T?", "the first item that fits, or nil"),
    entry(":where(pattern)", "fun(self: L, pattern: P): L", "the items that fit"),
    entry(":any(pattern)", "fun(self: L, pattern?: P): boolean", "whether an item fits"),
    entry(":all(pattern)", "fun(self: L, pattern: P): boolean", "whether all items fit"),
    entry(":count(pattern)", "fun(self: L, pattern?: P): integer", "how many items fit"),
    entry(
        ":top(field, n)",
        "fun(self: L, field: string|(fun(item: T): any), n: integer): L",
        "the n items whose field is largest",
    ),
    entry(":sum(field)", "fun(self: L, field: string): number", "the sum of a field"),
    entry(":group(field)", "fun(self: L, field: string): table<any, L>", "lists of the items by a field's value"),
    entry(":map(field)", "fun(self: L, field: string|fun(item: T): any): any[]", "a list of one field"),
    entry(
        ":sort(field, order)",
        "fun(self: L, field: string, order?: \"asc\"|\"desc\"): L",
        "the items in the order of a field",
    ),
    entry(":take(n)", "fun(self: L, n: integer): L", "the first n items"),
    entry(":seen()", "fun(self: L): L", "the items that were seen, as if the list were complete"),
    entry(":totable()", "fun(self: L): T[]", "the items as plain tables, converted at once"),
];

/// The methods of lists whose first argument is a pattern.
pub const PATTERN_METHODS: &[&str] = &["first", "where", "any", "all", "count"];
/// The methods of lists whose first argument is the name of a field.
pub const FIELD_METHODS: &[&str] = &["top", "sum", "group", "map", "sort"];

/// The members of `re`: regular expressions in linear time, with Rust's syntax.
pub const RE: &[Entry] = &[
    entry("re.test(text, pattern)", "fun(text: string, pattern: string): boolean", "whether the text has a match"),
    entry(
        "re.match(text, pattern)",
        "fun(text: string, pattern: string): string?, ...",
        "the captures of the first match, or all of it where there are none; nil without a match. A group that took no \
         part is false",
    ),
    entry(
        "re.groups(text, pattern)",
        "fun(text: string, pattern: string): table<string|integer, string|false>?",
        "the first match as a table: [0] all of it, [1] the first group, and groups with a name by it: \
         re.groups(line, \"from (?P<address>\\\\S+)\").address; nil without a match",
    ),
    entry(
        "re.find(text, pattern, init)",
        "fun(text: string, pattern: string, init?: integer): integer?, integer?, ...",
        "where the first match begins and ends, in bytes from 1, and its captures",
    ),
    entry(
        "re.gmatch(text, pattern)",
        "fun(text: string, pattern: string): fun(): string?, ...",
        "the captures of every match, for a loop",
    ),
    entry(
        "re.gsub(text, pattern, replacement)",
        "fun(text: string, pattern: string, replacement: string|table|fun(...: string): string?, n?: integer): string, \
         integer",
        "the text with its matches replaced, and how many there were",
    ),
    entry("re.escape(text)", "fun(text: string): string", "the pattern that matches this text alone"),
];

/// Global names of checks beside the helpers of expressions and the standard library.
pub const GLOBALS: &[Entry] = &[
    entry("check { … }", "fun(header: casebook.Check): casebook.Check", "declares a check: return check { … }"),
    entry(
        "runbook { … }",
        "fun(header: casebook.Runbook): casebook.Runbook",
        "declares a runbook: return runbook { … }",
    ),
    entry(
        "test { … }",
        "fun(tests: casebook.test.Tests): casebook.test.Tests",
        "declares tests of a check or runbook: return test { … }",
    ),
    entry(
        "require(name)",
        "fun(name: string): any",
        "a module: \"casebook.NAME\" of the shipped library, or NAME.lua beside the script",
    ),
    entry("log(…)", "fun(...: any)", "writes a line to stderr, bounded"),
    entry("print(…)", "fun(...: any)", "the same as log"),
    entry(
        "about(evidence)",
        "fun(evidence: casebook.Evidence): casebook.About",
        "the same as cx.about: where evidence comes from",
    ),
    entry(
        "sh(text, values)",
        "fun(text: string, values?: table<string, string|number>): casebook.Command",
        "a command for `run` and `undo`: the text with {{ name }} filled in from the values, each quoted for the shell",
    ),
    entry(
        "shell(word)",
        "fun(word: any): string",
        "the word quoted for the shell, for a sentence; commands take it by sh",
    ),
];

/// The basic functions of Lua that checks have.
pub const BASE: &[&str] = &[
    "_G",
    "_VERSION",
    "assert",
    "collectgarbage",
    "error",
    "getmetatable",
    "ipairs",
    "next",
    "pairs",
    "pcall",
    "print",
    "rawequal",
    "rawget",
    "rawlen",
    "rawset",
    "require",
    "select",
    "setmetatable",
    "tonumber",
    "tostring",
    "type",
    "xpcall",
];

/// The standard modules that checks have.
pub const STANDARD: &[Module] = &[
    Module {
        name: "string",
        members: &[
            "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack", "packsize", "rep",
            "reverse", "sub", "unpack", "upper",
        ],
    },
    Module { name: "table", members: &["concat", "insert", "move", "pack", "remove", "sort", "unpack"] },
    Module {
        name: "math",
        members: &[
            "abs",
            "acos",
            "asin",
            "atan",
            "ceil",
            "cos",
            "deg",
            "exp",
            "floor",
            "fmod",
            "huge",
            "log",
            "max",
            "maxinteger",
            "min",
            "mininteger",
            "modf",
            "pi",
            "rad",
            "random",
            "randomseed",
            "sin",
            "sqrt",
            "tan",
            "tointeger",
            "type",
            "ult",
        ],
    },
    Module { name: "utf8", members: &["char", "charpattern", "codepoint", "codes", "len", "offset"] },
    Module {
        name: "coroutine",
        members: &["close", "create", "isyieldable", "resume", "running", "status", "wrap", "yield"],
    },
];

const fn blocked(name: &'static str, instead: &'static str) -> Blocked {
    Blocked { name, instead }
}

/// Names of Lua that checks do not have, each with what to use instead; members of a module that has more to say than the
/// module itself stand beside it.
pub const BLOCKED: &[Blocked] = &[
    blocked("os", "the time is cx.now; for the rest ask a probe: cx.probe(\"host\", {…}), `casebook list` names them"),
    blocked("os.time", "use cx.now, seconds since the epoch"),
    blocked("os.clock", "use cx.now, seconds since the epoch"),
    blocked("os.date", "use cx.now, seconds since the epoch"),
    blocked("os.difftime", "use cx.now, seconds since the epoch"),
    blocked("os.getenv", "declare what it needs under `params`"),
    blocked("os.execute", NO_COMMANDS),
    blocked("os.exit", "return a finding, or call error(…)"),
    blocked("os.remove", NO_CHANGES),
    blocked("os.rename", NO_CHANGES),
    blocked("os.tmpname", NO_CHANGES),
    blocked("io", "it reads no files; ask a probe: cx.probe(\"logs\", {…}), `casebook list` names them"),
    blocked("io.popen", NO_COMMANDS),
    blocked("io.write", USE_LOG),
    blocked("io.stdout", USE_LOG),
    blocked("io.stderr", USE_LOG),
    blocked("debug", "errors name the file, the line and the calls by themselves; use log(…) to see values"),
    blocked("package", "use require(\"name\") for a file beside the script or the shipped library (`casebook.…`)"),
    blocked("load", USE_REQUIRE),
    blocked("loadstring", USE_REQUIRE),
    blocked("loadfile", USE_REQUIRE),
    blocked("dofile", USE_REQUIRE),
    blocked("module", USE_REQUIRE),
    blocked("newproxy", "use setmetatable(…)"),
    blocked("warn", "use log(…)"),
    blocked("unpack", "use table.unpack(…)"),
    blocked("string.dump", "compiled code cannot be loaded here"),
    blocked("setfenv", "give values as arguments"),
    blocked("getfenv", "give values as arguments"),
];

const NO_COMMANDS: &str = "it runs no commands; ask a probe: cx.probe(\"sockets\", {…}), `casebook list` names them";
const NO_CHANGES: &str = "it changes nothing on the host";
const USE_LOG: &str = "use log(…), or return a finding";
const USE_REQUIRE: &str = "put the code into a file beside the script and use require(\"name\")";

/// What to use instead of a name, or of a member of a module, that checks do not have.
pub fn instead(name: &str) -> Option<&'static str> {
    let of = |name: &str| BLOCKED.iter().find(|blocked| blocked.name == name).map(|blocked| blocked.instead);
    of(name).or_else(|| of(name.split_once('.')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::sandbox::{self, Caller, Limits, Modules};
    use crate::script::{HELPERS, rows};

    #[test]
    fn the_name_of_an_entry_is_what_stands_before_its_parameters() {
        let names: Vec<_> = [CX[0], CX[9], FINDING[0], GLOBALS[0], RE[0]].iter().map(Entry::name).collect();
        assert_eq!(names, ["probe", "params", "data", "check", "test"]);
    }

    #[test]
    fn a_helper_without_a_type_is_luas_own() {
        for helper in HELPERS.iter().filter(|helper| helper.is_lua()) {
            assert!(BASE.contains(&helper.name()), "{}", helper.name());
        }
    }

    #[test]
    fn methods_with_patterns_and_fields_are_methods_of_lists() {
        for name in PATTERN_METHODS.iter().chain(FIELD_METHODS) {
            assert!(LIST.iter().any(|method| method.name() == *name), "{name}");
        }
    }

    /// What `type` says of each expression in a state where checks run.
    fn kinds(expressions: Vec<String>) -> Vec<(String, String)> {
        let work = move |lua: &mlua::Lua, _: &Caller<(), ()>| {
            rows::install(lua, &lua.globals())?;
            let kind = |text: String| {
                // A name that is blocked raises, or is nil.
                let kind =
                    lua.load(format!("return type({text})")).call::<String>(()).unwrap_or_else(|_| "none".into());
                (text, kind)
            };
            Ok(expressions.into_iter().map(kind).collect())
        };
        sandbox::run(&Limits::default(), &Modules::default(), work, |()| ()).expect("the names can be asked for").value
    }

    #[test]
    fn what_the_tables_name_is_there_and_nothing_else_of_luas_own() {
        let members = |module: &Module| -> Vec<String> {
            module.members.iter().map(|member| format!("{}.{member}", module.name)).collect()
        };
        let mut names: Vec<String> = STANDARD.iter().flat_map(members).collect();
        names.extend(BASE.iter().filter(|name| **name != "require").map(|name| (*name).to_owned()));
        names.extend(RE.iter().map(|entry| format!("re.{}", entry.name())));
        names.extend(["log", "shell", "sh", "about"].map(str::to_owned));
        names.extend(HELPERS.iter().map(|helper| helper.name().to_owned()));
        for (name, kind) in kinds(names) {
            assert!(!["nil", "none"].contains(&kind.as_str()), "{name} is {kind}");
        }
    }

    #[test]
    fn what_is_blocked_says_what_to_use_instead() {
        let work = |lua: &mlua::Lua, _: &Caller<(), ()>| {
            let said = |name: &str| match lua.load(format!("local _ = {name} {name}()")).exec() {
                Ok(()) => "nothing".to_owned(),
                Err(error) => error.to_string(),
            };
            Ok(BLOCKED.iter().map(|blocked| (blocked, said(blocked.name))).collect::<Vec<_>>())
        };
        let ran = sandbox::run(&Limits::default(), &Modules::default(), work, |()| ()).expect("it can be asked for");
        for (blocked, said) in ran.value {
            let wanted = format!("`{}` is not available in checks; {}", blocked.name, blocked.instead);
            assert!(said.contains(&wanted), "{}: {said}", blocked.name);
        }
    }

    #[test]
    fn there_is_no_global_name_that_the_tables_do_not_have() {
        let work = |lua: &mlua::Lua, _: &Caller<(), ()>| {
            rows::install(lua, &lua.globals())?;
            Ok(lua.globals().pairs::<String, mlua::Value>().flatten().map(|(name, _)| name).collect::<Vec<_>>())
        };
        let ran = sandbox::run(&Limits::default(), &Modules::default(), work, |()| ()).expect("it can be asked for");
        let known: Vec<&str> = BASE
            .iter()
            .copied()
            .chain(STANDARD.iter().map(|module| module.name))
            .chain(GLOBALS.iter().map(Entry::name))
            .chain(HELPERS.iter().map(|helper| helper.name()))
            .chain(BLOCKED.iter().map(|blocked| blocked.name))
            .chain(["re"])
            .collect();
        for name in ran.value {
            assert!(known.contains(&name.as_str()), "{name}");
        }
    }

    #[test]
    fn what_is_blocked_is_not_in_the_standard_library() {
        for blocked in BLOCKED {
            assert!(!BASE.contains(&blocked.name), "{}", blocked.name);
            assert!(!STANDARD.iter().any(|module| module.name == blocked.name), "{}", blocked.name);
        }
    }
}
