//! One test for each rule, and scripts that must be left alone.

use super::*;

/// A check that sees nothing wrong with itself, around a body of `run`.
fn check(body: &str) -> String {
    format!(
        "return check {{\n  name = \"x\", summary = \"X\",\n  params = {{ port = {{ type = \"port\" }} }},\n  needs = {{ \"sockets\" }},\n  \
         run = function(cx, params)\n    local e = cx.probe(\"sockets\", {{ window = \"2s\" }})\n    {body}\n    return cx.ok(\"port \" .. params.port)\n  end,\n}}\n"
    )
}

/// Each finding as `place: message; help`, where place is the text that it points at.
fn said(text: &str) -> Vec<String> {
    let show = |finding: Finding| {
        let help = finding.help.map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}: {}{help}", &text[finding.range.clone()], finding.message)
    };
    lint(text, "x.lua").into_iter().map(show).collect()
}

#[track_caller]
fn says(text: &str, wanted: &[&str]) {
    let said = said(text);
    assert_eq!(said.len(), wanted.len(), "{said:#?}");
    for (said, wanted) in said.iter().zip(wanted) {
        assert!(said.starts_with(wanted), "{said}\ninstead of\n{wanted}");
    }
}

#[track_caller]
fn body_says(body: &str, wanted: &[&str]) {
    says(&check(body), wanted);
}

#[test]
fn syntax_errors_have_a_place() {
    says("local x = \nreturn x", &["return: a value is expected here, not `return`"]);
    says("if x then\n  y()\n", &[": `end`, to close the `if` of line 1, is expected, but the script ends"]);
    says("local t = { 1, 2\nlocal u = 1", &["local: `}`, to close the `{` of line 1, is expected here"]);
    says("x = \"a", &["\"a: the string is not closed"]);
    says("goto nowhere", &["goto nowhere: no visible label 'nowhere'"]);
    says("local x <const> = 1\nx = 2", &["x = 2: attempt to assign to const variable 'x'"]);
}

#[test]
fn names_that_nothing_defines_are_told_with_the_nearest() {
    body_says("local a = bitrat(5)", &["bitrat: nothing is named `bitrat`; did you mean `bitrate`?"]);
    body_says("local a = string.uper('x')", &["uper: `string` has no function `uper`; did you mean `upper`?"]);
    body_says("local a = re.mach('x', 'y')", &["mach: `re` has no function `mach`; did you mean `match`?"]);
}

#[test]
fn names_that_checks_do_not_have_are_told_with_what_to_use_instead() {
    body_says("local t = os.time()", &["os: `os` is not available in checks; the time is cx.now"]);
    body_says("local f = io.open('x')", &["io: `io` is not available in checks; "]);
    body_says("local f = load('x')", &["load: `load` is not available in checks; "]);
    body_says("local f = string.dump(print)", &["dump: `string.dump` is not available in checks; "]);
}

#[test]
fn a_variable_that_was_not_declared_is_a_warning() {
    let text = check("total = 0; total = total + 1");
    let findings = lint(&text, "x.lua");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].level, findings[0].message.as_str()), (Level::Warning, "`total` is global"));
    assert_eq!(findings[0].help.as_deref(), Some("write `local total`"));
}

#[test]
fn probes_are_known_and_needed() {
    body_says("cx.probe('sokets')", &["'sokets': there is no probe `sokets`; did you mean `sockets`?"]);
    body_says(
        "cx.probe('host')",
        &["'host': probe `host` is not in `needs`; write `needs = { \"sockets\", \"host\" }`"],
    );
    body_says("cx.together { sokets = {} }", &["sokets: there is no probe `sokets`"]);
    body_says(
        "cx.together { {'sockets', {windo = 1}} }",
        &["windo: probe sockets has no parameter `windo`; did you mean"],
    );
    says(
        "return check { name = 'x', summary = 'x', needs = { 'sokets' }, run = function(cx) return cx.ok('') end }",
        &["'sokets': there is no probe `sokets`"],
    );
    says(
        "return check { name = 'x', summary = 'x', run = function(cx) cx.probe('host') cx.probe('host') return cx.ok('') end }",
        &["check: the check calls probe `host`, but needs none; add `needs = { \"host\" }`"],
    );
}

#[test]
fn parameters_of_probes_are_checked_where_they_are_written_out() {
    body_says("cx.probe('sockets', { window = 'soon' })", &["'soon': parameter `window` of probe sockets: "]);
    body_says("cx.probe('sockets', { window = true })", &["true: parameter `window` of probe sockets: "]);
    body_says(
        "cx.probe('sockets', { window = cx.window, wndow = 1 })",
        &["wndow: probe sockets has no parameter `wndow`"],
    );
    body_says("cx.probe('sockets', { '2s' })", &["'2s': this has no name"]);
    body_says("local name = 'window'; cx.probe('sockets', { [name] = 'soon' })", &[]);
}

#[test]
fn fields_of_evidence_are_followed_through_the_schema() {
    body_says("local a = e.listenrs", &["listenrs: sockets has no field `listenrs`; did you mean `listeners`?"]);
    body_says("local a = e.listeners[1].prt", &["prt: sockets.listeners[…] has no field `prt`; did you mean `port`?"]);
    body_says("for _, l in ipairs(e.listeners) do log(l.prt) end", &["prt: sockets.listeners[…] has no field `prt`"]);
    body_says("local l = e.listeners:first{} log(l.prt)", &["prt: sockets.listeners[…] has no field `prt`"]);
    body_says("local l = e.listeners:where{}:top('port', 3)[1] log(l.prt)", &["prt: "]);
    body_says("local l = first(e.listeners, {}) log(l.prt)", &["prt: "]);
    body_says("local l = e.listeners:where(function(l) return l.prt == 5 end)", &["prt: "]);
    body_says("for _, ls in pairs(e.listeners:group('port')) do log(ls[1].prt) end", &["prt: "]);
    body_says("log(cx.probe('sockets').listenrs)", &["listenrs: "]);
    body_says("local r = cx.together { sockets = {} } log(r.sockets.listenrs)", &["listenrs: "]);
    body_says(
        "local r = cx.together { sockets = {} } log(r.socket)",
        &["socket: cx.together was not asked for `socket`"],
    );
    body_says("local r = cx.together { { 'sockets', {} } } log(r[1].listenrs)", &["listenrs: "]);
    body_says("log(e['listenrs'])", &["'listenrs': sockets has no field"]);
    body_says("log(e.listeners.port)", &["port: sockets.listeners is a list, it has no field `port`; take an item"]);
    body_says("log(e.listeners[1].port.x)", &["x: sockets.listeners[…].port is a single value, it has no field `x`"]);
    body_says("log(e:first())", &["first: sockets has no field `first`"]);
    body_says("log(value_or(e.listeners[1], 'prt', 0))", &["'prt': sockets.listeners[…] has no field `prt`"]);
    body_says("log(e.gap.wy)", &["wy: a gap has no field `wy`; did you mean `why`?"]);
    body_says("log(cx.about(e).los)", &["los: what cx.about gives has no field `los`; did you mean `loss`?"]);
}

#[test]
fn patterns_and_fields_of_lists_are_checked() {
    body_says("e.listeners:where{ prt = 53 }", &["prt: sockets.listeners[…] has no field `prt`"]);
    body_says("any(e.listeners, { prt = 53 })", &["prt: "]);
    body_says("e.listeners:sum('prt')", &["'prt': "]);
    body_says("e.listeners:frst{}", &["frst: a list has no method `frst`; did you mean `first`?"]);
}

#[test]
fn members_of_cx_and_of_findings_are_checked() {
    body_says("cx.prob('sockets')", &["prob: `cx` has no function `prob`; did you mean `probe`?"]);
    body_says("cx:probe('sockets')", &["probe: cx.probe is called with a dot; write `cx.probe(…)`"]);
    body_says("cx.ok('x'):dat{}", &["dat: a finding has no method `dat`; did you mean `data`?"]);
    body_says("local f = cx.warning('x') f:remdy{}", &["remdy: "]);
}

#[test]
fn remedies_are_checked() {
    body_says("cx.ok('x'):remedy{ ['do'] = 'x', rnu = 'y' }", &["rnu: a remedy has no key `rnu`; did you mean `run`?"]);
    body_says("cx.ok('x'):remedy{ run = 'y' }", &["{: the remedy has no `do`"]);
    body_says("cx.ok('x'):remedy{ ['do'] = 'x', urgency = 'soon' }", &["'soon': there is no urgency `soon`"]);
}

#[test]
fn the_header_is_checked() {
    says(
        "return check { name = 'x', sumary = 'x', run = function(cx) return cx.ok('') end }",
        &["check: the check has no `summary`", "sumary: a check has no key `sumary`; did you mean `summary`?"],
    );
    says(
        "return check { name = 'x', summary = 'x', params = { a = { type = 'prt', hlp = '' }, b = {} }, run = function(cx, params) return cx.ok(params.a .. params.b) end }",
        &[
            "'prt': there is no type `prt` of parameters; did you mean `port`?",
            "hlp: a parameter has no key `hlp`; did you mean `help`?",
            "b: parameter `b` has no `type`",
        ],
    );
}

#[test]
fn parameters_that_were_not_declared_are_told() {
    body_says("log(params.prt)", &["prt: the check has no parameter `prt`; did you mean `port`?"]);
    body_says("log(cx.params.prt)", &["prt: "]);
    body_says("log(params['prt'])", &["'prt': "]);
}

#[test]
fn what_is_declared_and_never_used_is_a_warning() {
    says(
        "return check { name = 'x', summary = 'x', params = { a = { type = 'port' } }, needs = { 'host' }, run = function(cx, params) return cx.ok('') end }",
        &["a: parameter `a` is never used", "'host': probe `host` is never called"],
    );
    // Where it could be used out of sight, nothing is said.
    says(
        "local m = require 'm'\nreturn check { name = 'x', summary = 'x', params = { a = { type = 'port' } }, needs = { 'host' }, run = function(cx, params) return m.look(cx, params) end }",
        &[],
    );
}

#[test]
fn a_run_that_is_a_function_of_its_own_is_followed() {
    says(
        "local function run(cx, params)\n  return cx.ok(params.a .. cx.probe('host').lod)\nend\nreturn check { name = 'x', summary = 'x', needs = { 'host' }, run = run }",
        &["a: the check has no parameter `a`", "lod: host has no field `lod`; did you mean `load`?"],
    );
}

#[test]
fn modules_of_the_shipped_library_are_known() {
    let found = said("local net = require \"casebook.nowhere\"\nreturn net");
    assert!(found[0].starts_with("\"casebook.nowhere\": there is no module `casebook.nowhere`"), "{found:?}");
    says("local own = require \"my_module\"\nreturn own", &[]);
}

#[test]
fn what_a_script_decides_while_it_runs_is_left_alone() {
    for body in [
        "local name = 'sok' .. 'ets'; local x = cx.probe(name); log(x.anything.at[1].all)",
        "local x = e; if params.port then x = {} end; log(x.anything)",
        "local l = e.listeners:first{} or {}; log(l.anything)",
        "local ok, x = pcall(cx.probe, 'sockets', {}); log(x.anything)",
        "local rows = e.listeners:totable(); rows[1].mine = 1; log(rows[1].mine)",
        "for name, x in pairs({}) do log(x.y, name) end",
        "local e = { listenrs = 1 }; log(e.listenrs)",
        "do local os = { time = 1 }; log(os.time) end",
        "local t = setmetatable({}, { __index = function(_, key) return key end }); log(t.x)",
        "local key = 'x'; log(params[key])",
        "log(cx.now, cx.window, e.available, e.gap and e.gap.why)",
        "log(known(e, 'listeners'), about(e).started, e['counts.udp'], e.listeners:where { ['process.name'] = 'x' })",
        "log(e.listeners:seen():take(3):all { port = 5 }, e.listeners:group('process.name'))",
        "e.listeners:sort('port', 'desc'):map(function(l) return l.port end)",
    ] {
        body_says(body, &[]);
    }
    says("local _ENV = { x = 1 }\nreturn x + y", &[]);
    says("function string.trim(s) return s end\nreturn string.trim", &[]);
}

#[test]
fn a_first_line_for_the_shell_is_passed_over() {
    says("#!/usr/bin/env casebook\nreturn bitrat", &["bitrat: "]);
    says("#!/usr/bin/env casebook\nreturn )", &["): "]);
}

#[test]
fn scripts_that_nest_deep_or_are_huge_end_soon() {
    for text in [
        "(".repeat(500_000),
        "{".repeat(500_000),
        "-".repeat(500_001),
        "return ".to_owned() + &"not ".repeat(200_000) + "x",
        "function f() ".repeat(70_000),
        "return a".to_owned() + &".a".repeat(400_000),
        "return a".to_owned() + &"()".repeat(400_000),
        "return 1".to_owned() + &"+1".repeat(400_000),
        "return 'a'".to_owned() + &"..'a'".repeat(150),
        "if x then else ".repeat(70_000),
        "return x".to_owned() + &" or x".repeat(200_000),
        "[[".repeat(500_000),
        "--[[".repeat(250_000),
        "x = 1 ".repeat(170_000),
        "a1 = b1\n".repeat(100_000),
        "x".repeat(LARGEST + 1),
    ] {
        let started = std::time::Instant::now();
        let findings = lint(&text, "x.lua");
        assert!(findings.len() <= MOST);
        assert!(started.elapsed() < PATIENCE * 3, "{}: {:?}", &text[..20], started.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_lint_panic(text in "\\PC{0,60}") {
        lint(&text, "x.lua");
    }

    #[test]
    fn no_row_of_tokens_makes_lint_panic_and_lua_reads_what_we_read(
        words in proptest::collection::vec(proptest::sample::select(WORDS), 0..24)
    ) {
        let text = words.join(" ");
        lint(&text, "x.lua");
        if compile(&text, "x").is_ok() {
            proptest::prop_assert!(parse(&text).is_ok(), "{text}: {:?}", parse(&text));
        }
    }

    #[test]
    fn no_line_of_a_check_makes_lint_panic(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..12)) {
        lint(&check(&words.join(" ")), "x.lua");
    }
}

const WORDS: &[&str] = &[
    "and",
    "break",
    "do",
    "else",
    "elseif",
    "end",
    "false",
    "for",
    "function",
    "goto",
    "if",
    "in",
    "local",
    "nil",
    "not",
    "or",
    "repeat",
    "return",
    "then",
    "true",
    "until",
    "while",
    "+",
    "-",
    "#",
    "~",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ";",
    ":",
    ",",
    ".",
    "..",
    "...",
    "=",
    "==",
    "::",
    "<",
    ">",
    "a",
    "b",
    "cx",
    "params",
    "e",
    "probe",
    "'sockets'",
    "listeners",
    "first",
    "1",
    "0x1p4",
    "'x'",
    "[[y]]",
    "ipairs",
    "--[[c]]",
];

#[test]
fn a_command_that_a_check_puts_together_is_an_error_with_its_fix() {
    for run in [
        "('ip link set %s up'):format(e.name)",
        "'ip link set ' .. e.name",
        "string.format('x %s', e.name)",
        "table.concat({ 'a', e.name }, '\\n')",
        "shell(e.name)",
        "sh('ip link set ' .. e.name)",
        "e.name and ('x %s'):format(e.name) or nil",
        "e.name == 'x' and 'a' or 'b' .. e.name",
        "{ 'nft add table t', 'nft add rule ' .. e.name }",
    ] {
        let body = format!("local e = params; cx.ok('x'):remedy{{ ['do'] = 'x', run = {run} }}");
        let found = lint(&check(&body), "check.lua");
        let found = found.iter().find(|it| it.message.contains("put together")).unwrap_or_else(|| panic!("{run}"));
        assert_eq!(found.level, Level::Error);
        assert!(found.help.as_ref().is_some_and(|help| help.contains("sh(")), "{found:?}");
    }
    let by_table = "local e = params; local r = { ['do'] = 'x', undo = 'a' .. e.name }; cx.ok('x'):remedy(r)";
    assert!(lint(&check(by_table), "check.lua").iter().any(|it| it.message.starts_with("`undo` is put together")));
    let by_name = "local e = params; local c = 'a' .. e.name; cx.ok('x'):remedy{ ['do'] = 'x', run = c }";
    assert!(lint(&check(by_name), "check.lua").iter().any(|it| it.message.starts_with("`run` is put together")));
}

#[test]
fn texts_of_the_script_and_what_sh_makes_are_commands() {
    for run in [
        "'ss -lnt'",
        "'a\\n' .. 'b'",
        "sh('x {{ n }}', { n = e.name })",
        "e.name and sh('x {{ n }}', { n = e.name .. 'y' }) or nil",
        "e.name == 'x' and 'a' or 'b'",
        "{ 'a', sh('x {{ n }}', { n = e.name }) }",
        "nil",
    ] {
        let body = format!("local e = params; cx.ok('x'):remedy{{ ['do'] = 'x', run = {run} }}");
        let found = lint(&check(&body), "check.lua");
        assert!(!found.iter().any(|it| it.message.contains("put together")), "{run}: {found:?}");
    }
}
