//! Checks and runbooks in Lua, as an operator runs them.

use std::os::unix::fs::{PermissionsExt, chown};

use crate::command::{Desk, GOOD};
use crate::support::need::{require, root};

/// A check that looks once and briefly.
const LISTENERS: &str = r#"
return check {
  name = "listeners",
  summary = "How many sockets listen",
  tags = { "sockets" },
  params = { most = { type = "integer", default = 100000, help = "How many are too many." } },
  needs = { "sockets" },
  run = function(cx, params)
    local e = cx.probe("sockets", { window = "1s" })
    if not e.available then return cx.unknown("no socket could be seen") end
    local count = #e.listeners
    log("counted", count)
    if count > params.most then
      return cx.warning("too many listen: " .. count):data { count = count }
        :remedy { urgency = "lasting", ["do"] = "Stop some", run = "systemctl stop x", risk = "medium" }
    end
    return cx.ok(plural(count, "socket listens", "sockets listen")):data { count = count }
  end,
}
"#;

fn said(sentence: &str, verdict: &str) -> String {
    format!("return check {{ name = 'it', summary = 'It', run = function(cx) return cx.{verdict}('{sentence}') end }}")
}

#[test]
fn a_check_is_run_by_hand_and_its_verdict_is_the_exit_status() {
    let desk = Desk::new();
    desk.put("listeners.lua", LISTENERS);
    let calm = desk.run("check ./listeners.lua");
    assert_eq!(calm.status, Some(0), "{calm:?}");
    assert!(calm.err.contains("counted "), "{calm:?}");
    let many = desk.run("check ./listeners.lua most=-1 --format json");
    assert_eq!(many.status, Some(1), "{many:?}");
    let case: serde_json::Value = serde_json::from_str(&many.out).unwrap();
    assert_eq!(case["findings"][0]["remedies"][0]["run"], "systemctl stop x");
    assert!(case["findings"][0]["data"]["count"].is_u64());
    assert!(case["evidence"]["listeners.sockets"]["output"]["listeners"].is_array());
    for (verdict, status) in [("ok", 0), ("warning", 1), ("critical", 2), ("unknown", 3)] {
        desk.put("it.lua", said("so", verdict));
        assert_eq!(desk.run("check ./it.lua").status, Some(status), "{verdict}");
    }
}

#[test]
fn a_check_that_fails_or_is_stopped_is_unknown_and_says_where() {
    let desk = Desk::new();
    desk.put(
        "it.lua",
        "local function deep(x)\n  return x.y.z\nend\nreturn check { name = 'it', summary = 'It', run = function(cx)\n  local x = deep({})\n  return cx.ok(x)\nend }",
    );
    let failed = desk.run("check ./it.lua");
    assert_eq!(failed.status, Some(3), "{failed:?}");
    failed.printed(&["./it.lua:2:"]);
    assert!(failed.err.contains("return x.y.z"), "the source line: {failed:?}");
    assert!(failed.err.contains("called from ./it.lua:5"), "the way there: {failed:?}");
    assert!(!failed.err.contains("[C]") && !failed.err.contains("engine"), "{failed:?}");
    desk.put("it.lua", "return check { name = 'it', summary = 'It', run = function() while true do end end }");
    let endless = desk.run("check ./it.lua --script-time 200ms");
    assert_eq!(endless.status, Some(3), "{endless:?}");
    endless.printed(&["./it.lua:1: it ran longer than"]);
    desk.put("it.lua", "return check { name = 'it', summary = 'It', run = function() end }");
    let silent = desk.run("check ./it.lua");
    assert_eq!(silent.status, Some(3), "{silent:?}");
    silent.printed(&["must return a finding"]);
}

#[test]
fn what_a_check_could_not_see_makes_it_unknown_with_the_gap() {
    let desk = Desk::new();
    desk.put(
        "it.lua",
        "return check { name = 'it', summary = 'It', needs = { 'capture' }, run = function(cx)
           local e = cx.probe('capture', { interface = 'no-such-interface', window = '1s' })
           if e.available then return cx.critical('how?') end
           return cx.ok('none: ' .. e.packets)
         end }",
    );
    let blind = desk.run("check ./it.lua");
    assert_eq!(blind.status, Some(3), "{blind:?}");
    blind.printed(&["no-such-interface"]);
    assert!(!blind.out.contains("it.lua:"), "a gap is no fault of the script: {blind:?}");
}

#[test]
fn a_check_that_cannot_be_read_is_bad_usage_with_the_line() {
    let desk = Desk::new();
    for (text, wanted) in [
        ("return check {\n  name = 'it' summary = 'x' }", "it.lua:2"),
        ("return 5", "return check"),
        ("return check { name = 'it', summary = 'x' }", "run = function"),
        ("return check { name = 'it', sumary = 'x', run = function() end }", "did you mean `summary`?"),
        ("return check { name = 'other', summary = 'x', run = function() end }", "its file is `it.lua`"),
        ("return check { name = 'it', summary = 'x', needs = { 'socket' }, run = function() end }", "`sockets`"),
        (
            "return check { name = 'it', summary = 'x', params = { p = { type = 'prt', help = 'x' } }, run = function() end }",
            "did you mean `port`?",
        ),
        ("return runbook { name = 'it', title = 'x', steps = {} }", "not a check"),
    ] {
        desk.put("it.lua", text);
        let answer = desk.run("check ./it.lua");
        assert_eq!(answer.status, Some(64), "{text}: {answer:?}");
        assert!(answer.err.contains(wanted), "{text}: {answer:?}");
    }
    let unknown = desk.run("check no_such_check");
    assert_eq!(unknown.status, Some(64));
    assert!(unknown.err.contains("casebook list --checks"), "{unknown:?}");
    desk.put("it.lua", said("so", "ok"));
    let param = desk.run("check ./it.lua x=1");
    assert_eq!(param.status, Some(64));
    assert!(param.err.contains("`x`"), "{param:?}");
}

#[test]
fn calls_of_probes_are_checked_with_the_nearest_name() {
    let desk = Desk::new();
    for (call, wanted) in [
        ("cx.probe('sokets')", "did you mean `sockets`?"),
        ("cx.probe('sockets', { windw = '1s' })", "did you mean `window`?"),
        ("cx.probe('logs')", "needs = { \"sockets\", \"logs\" }"),
        ("cx.prob('sockets')", "did you mean `probe`?"),
        ("cx.ok('x'):dta{}", "did you mean `data`?"),
        ("cx.ok('x'):remedy{ ['do'] = 'x', rn = 'y' }", "did you mean `run`?"),
        ("params.mst", "did you mean `most`?"),
        ("cx.ok('')", "an empty one"),
    ] {
        desk.put(
            "it.lua",
            format!(
                "return check {{ name = 'it', summary = 'It', needs = {{ 'sockets' }}, params = {{ most = {{ type = 'integer', help = 'x' }} }},
                 run = function(cx, params)\n  local x = {call}\n  return x\nend }}"
            ),
        );
        let answer = desk.run("check ./it.lua");
        assert_eq!(answer.status, Some(3), "{call}: {answer:?}");
        assert!(answer.err.contains(wanted), "{call}: {answer:?}");
    }
}

#[test]
fn the_nearest_of_several_checks_wins_and_the_list_says_which() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("lua/checks")).unwrap();
    std::fs::create_dir_all(desk.path("config/casebook/checks")).unwrap();
    desk.put("config/casebook/checks/it.lua", said("from the user", "ok"));
    let config = |command: &mut std::process::Command| {
        command.env("XDG_CONFIG_HOME", desk.path("config"));
    };
    let answer = desk.run_with("check it", config);
    answer.printed(&["from the user"]);
    desk.put("lua/checks/it.lua", said("from the folder", "ok"));
    let answer = desk.run_with("check it", config);
    answer.printed(&["from the folder"]);
    let list = desk.run_with("list --checks", config);
    assert_eq!(list.status, Some(0), "{list:?}");
    list.printed(&["from lua/checks/it.lua, before "]);
    // Beside the runbook it wins over all.
    std::fs::create_dir_all(desk.path("books")).unwrap();
    desk.put("books/it.lua", said("from beside", "ok"));
    desk.put("books/book.yaml", "name: book\ntitle: Book\nsteps:\n  - {id: it, title: It, check: it}\n");
    let answer = desk.run_with("run books/book.yaml", config);
    assert_eq!(answer.status, Some(0), "{answer:?}");
    answer.printed(&["from beside"]);
}

#[test]
fn a_step_can_judge_what_a_check_found() {
    let desk = Desk::new();
    desk.put(
        "it.lua",
        "return check { name = 'it', summary = 'It', params = { n = { type = 'integer', required = true, help = 'n' } },
           run = function(cx, params) return { cx.ok('fine'):data { twice = params.n * 2 }, cx.warning('not so fine') } end }",
    );
    let book = |when: &str| {
        format!(
            "name: book\ntitle: Book\nsteps:\n  - id: it\n    title: It\n    check: it\n    with: {{n: 21}}\n    outcomes:\n      - when: {when}\n        verdict: critical\n        say: \"twice is {{{{ it.findings[2].data.twice }}}}\"\n      - {{verdict: ok, say: fine}}\n"
        )
    };
    desk.put("book.yaml", book("it.verdict == 'warning' and it.findings[2].data.twice == 42"));
    let answer = desk.run("run ./book.yaml");
    assert_eq!(answer.status, Some(2), "{answer:?}");
    answer.printed(&["twice is 42"]);
    desk.put("book.yaml", book("it.data.thrice == 42"));
    assert_eq!(desk.run("run ./book.yaml").status, Some(3), "what a check did not say is not known");
    desk.put("book.yaml", "name: book\ntitle: Book\nsteps:\n  - {id: it, title: It, check: it}\n");
    let answer = desk.run("run ./book.yaml");
    assert_eq!(answer.status, Some(64), "{answer:?}");
    assert!(answer.err.contains("needs the parameter `n`"), "{answer:?}");
}

#[test]
fn a_runbook_in_lua_runs_as_its_twin_in_yaml_does() {
    let desk = Desk::new();
    desk.put(
        "book.lua",
        r#"
local steps = {}
for _, name in ipairs { "lo" } do
  steps[#steps + 1] = {
    id = "rates_" .. name, title = "Rates of " .. name, probe = "interfaces", with = { interface = name, window = "1s" },
    outcomes = {
      { when = "rates_" .. name .. ".watched.rx.bits_per_second < 0", verdict = "critical", say = "impossible" },
      { verdict = "ok", say = "calm" },
    },
  }
end
return runbook { name = "book", title = "Book", steps = steps }
"#,
    );
    let answer = desk.run("run ./book.lua --save case.json");
    assert_eq!(answer.status, Some(0), "{answer:?}");
    // The case is judged again without the file.
    std::fs::remove_file(desk.path("book.lua")).unwrap();
    let replayed = desk.run("replay case.json --format json");
    assert_eq!(replayed.status, Some(0), "{replayed:?}");
    let (before, mut after): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&desk.text("case.json")).unwrap(), serde_json::from_str(&replayed.out).unwrap());
    // Read from a file, its commands are those of whoever wrote it.
    assert_eq!(after.as_object_mut().unwrap().shift_remove("foreign_commands"), Some(true.into()));
    assert_eq!(before, after);
}

#[test]
fn what_is_wrong_with_a_runbook_in_lua_is_shown_in_its_own_text() {
    let desk = Desk::new();
    desk.put(
        "book.lua",
        "return runbook { name = 'book', title = 'Book', steps = {\n  { id = 'rates', title = 'Rates', probe = 'interfaces', outcomes = {\n    { when = 'rates.watchd.rx.packets > 1', verdict = 'ok', say = 'x' },\n    { verdict = 'ok', say = 'y' } } } } }",
    );
    let answer = desk.run("run ./book.lua");
    assert_eq!(answer.status, Some(64), "{answer:?}");
    assert!(answer.err.contains("./book.lua:3:") && answer.err.contains("did you mean `watched`?"), "{answer:?}");
}

#[test]
fn a_replayed_check_says_the_same_of_the_same_evidence() {
    let desk = Desk::new();
    desk.put("module.lua", "return { word = 'seen' }");
    desk.put(
        "it.lua",
        "local m = require('module')
         return check { name = 'it', summary = 'It', needs = { 'interfaces', 'host' }, run = function(cx)
           local both = cx.together { interfaces = { interface = 'lo', window = '1s' }, host = { window = '1s' } }
           return cx.warning(m.word .. ' at ' .. cx.now .. ': ' .. #both.interfaces.interfaces):data { up = both.host.uptime_seconds }
         end }",
    );
    let live = desk.run("check ./it.lua --save case.json");
    assert_eq!(live.status, Some(1), "{live:?}");
    std::fs::remove_file(desk.path("module.lua")).unwrap();
    std::fs::remove_file(desk.path("it.lua")).unwrap();
    let replayed = desk.run("replay case.json --format json");
    let (before, mut after): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&desk.text("case.json")).unwrap(), serde_json::from_str(&replayed.out).unwrap());
    // Read from a file, its commands are those of whoever wrote it.
    assert_eq!(after.as_object_mut().unwrap().shift_remove("foreign_commands"), Some(true.into()));
    assert_eq!(before, after);
    // Without the evidence of a probe the check does not know.
    let mut erased = before.clone();
    erased["evidence"].as_object_mut().unwrap().remove("it.interfaces");
    desk.put("erased.json", erased.to_string());
    assert_eq!(desk.run("replay erased.json").status, Some(3));
}

#[test]
fn root_does_not_run_what_others_can_write() {
    require!(root());
    let desk = Desk::new();
    let path = desk.path("it.lua");
    desk.put("it.lua", said("so", "ok"));
    let refused = |why: &str| {
        let answer = desk.run("check ./it.lua");
        assert_eq!(answer.status, Some(64), "{answer:?}");
        assert!(answer.err.contains(why) && answer.err.contains("--trust"), "{answer:?}");
        assert_eq!(desk.run("check ./it.lua --trust").status, Some(0));
    };
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    refused("everybody may write to it");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    chown(&path, Some(12345), None).unwrap();
    refused("it belongs to user 12345");
    chown(&path, Some(0), None).unwrap();
    assert_eq!(desk.run("check ./it.lua").status, Some(0));
    // A module, and a runbook, too.
    desk.put("module.lua", "return 1").put("it.lua", format!("require('module') {}", said("so", "ok")));
    chown(desk.path("module.lua"), Some(12345), None).unwrap();
    let module = desk.run("check ./it.lua");
    assert_eq!(module.status, Some(64), "{module:?}");
    desk.put("book.yaml", GOOD);
    chown(desk.path("book.yaml"), Some(12345), None).unwrap();
    let book = desk.run("run ./book.yaml");
    assert_eq!(book.status, Some(64), "{book:?}");
    assert!(book.err.contains("user 12345"), "{book:?}");
    // A folder that others can write to lets them replace the file.
    std::fs::create_dir(desk.path("open")).unwrap();
    std::fs::set_permissions(desk.path("open"), std::fs::Permissions::from_mode(0o777)).unwrap();
    desk.put("open/it.lua", said("so", "ok"));
    let open = desk.run("check open/it.lua");
    assert_eq!(open.status, Some(64), "{open:?}");
    assert!(open.err.contains("it lies in"), "{open:?}");
}
