//! `casebook test`: tests that pass, fail and cannot be read.

use crate::command::{Answer, Desk, casebook};

const CHECK: &str = r#"return check {
  name = "waiting",
  summary = "How many wait",
  params = { many = { type = "integer", default = 10, help = "How many are many." } },
  needs = { "sockets", "kernel" },
  run = function(cx, params)
    local e = cx.probe("sockets")
    local worst = e.listeners:top("queue", 1)[1]
    if worst == nil then return cx.ok("nothing listens") end
    print("the worst waits at " .. worst.port)
    if worst.queue > params.many then
      return cx.warning(worst.queue .. " wait"):data { port = worst.port }:remedy { ["do"] = "Read faster" }
    end
    return cx.ok(worst.queue .. " wait")
  end,
}
"#;

const GOOD: &str = "\
check: waiting
tests:
  - name: many are a warning
    evidence: {sockets: {output: {listeners: [{port: 80, queue: 25}]}}}
    expect: {verdict: warning, sentence: 25 wait, data: {port: 80}, remedies: [Read faster]}
  - name: what many are is a parameter
    params: {many: 100}
    evidence: {sockets: {output: {listeners: [{port: 80, queue: 25}]}}}
    expect: {verdict: ok, remedies: []}
  - name: a gap is unknown
    evidence: {sockets: {gap: {tried: list sockets, reason: denied, why: the kernel refused}}}
    expect: {verdict: unknown, sentence: the kernel refused}
";

/// What comes of these tests of the check `waiting`, which lies beside them.
fn tested(tests: &str, arguments: &str) -> Answer {
    let desk = Desk::new();
    desk.put("waiting.lua", CHECK).put("waiting.test.yaml", tests);
    desk.run(&format!("test ./waiting.test.yaml {arguments}"))
}

/// One test with this evidence and expectation, which is refused; what is said of it.
fn refused(rest: &str, said: &[&str]) {
    tested(&format!("check: waiting\ntests:\n  - name: a\n{rest}"), "").refused(said);
}

#[test]
fn tests_that_pass_are_counted_and_what_they_never_reach_is_told() {
    tested(GOOD, "").ended(0).printed(&[
        "running 3 tests",
        "test waiting::many are a warning ... ok",
        "Never held in any test: waiting line 9: if worst == nil then return cx.ok(\"nothing listens\") end",
        "coverage: 2 of 3",
        "test result: ok. 3 passed; 0 failed; 0 filtered out",
    ]);
}

#[test]
fn a_test_that_fails_says_what_came_instead_and_why() {
    let answer = tested(&GOOD.replace("verdict: warning, sentence: 25 wait", "verdict: ok, sentence: 26 wait"), "");
    answer.ended(1).printed(&[
        "test waiting::many are a warning ... FAILED",
        "---- waiting::many are a warning ---- ./waiting.test.yaml:3",
        "verdict: expected ok found warning",
        "sentence: expected 26 wait found 25 wait",
        "printed the worst waits at 80",
        "failures: waiting::many are a warning",
        "test result: FAILED. 2 passed; 1 failed",
    ]);
}

#[test]
fn evidence_that_the_test_does_not_give_is_a_gap_and_named() {
    let tests = "check: waiting\ntests:\n  - {name: a, expect: {verdict: ok}}\n";
    tested(tests, "").ended(1).printed(&[
        "because could not ask probe sockets: the test gives no evidence for it; add `sockets:` to its `evidence:`",
        "asked `sockets`, for which the test gives no evidence; with {",
    ]);
}

#[test]
fn a_field_that_the_probe_does_not_have_is_an_error_at_its_place() {
    refused(
        "    evidence: {sockets: {output: {listners: []}}}\n    expect: {verdict: ok}\n",
        &["sockets has no field `listners`", "./waiting.test.yaml:4:35", "did you mean `listeners`?"],
    );
    refused(
        "    evidence: {sockets: {output: {listeners: [{port: http}]}}}\n    expect: {verdict: ok}\n",
        &["sockets.listeners[1].port is a whole number, not a text", "./waiting.test.yaml:4:54"],
    );
}

#[test]
fn names_and_values_that_cannot_be_are_errors() {
    let ok = "    expect: {verdict: ok}\n";
    for (given, said) in [
        ("    params: {mny: 1}\n", "did you mean `many`?"),
        ("    params: {many: lots}\n", "`lots` is not a whole number"),
        ("    now: yesterday\n", "`yesterday` is not a time"),
        ("    without: [sockets]\n", "there is no recorded evidence to leave out"),
        ("    recorded: ./none.json\n", "cannot read the case ./none.json: there is no such file"),
        ("    evidence: {sokets: {output: {}}}\n", "did you mean `sockets`?"),
        ("    evidence: {firewall: {output: {}}}\n", "the check waiting asks no probe `firewall`"),
        ("    evidence: {'sockets#1': {output: {}}}\n", "the second call of a check is `sockets#2`"),
        ("    evidence: {sockets: {}}\n", "`sockets` says nothing"),
        ("    evidnce: {}\n", "did you mean `evidence`?"),
    ] {
        refused(&format!("{given}{ok}"), &[said]);
    }
    for (expect, said) in [
        ("{}", "the test expects nothing"),
        ("{verdict: fine}", "`fine` is not a word that can stand here"),
        ("{sentence: {matches: '('}}", "this is not a regular expression: unclosed group"),
        ("{findings: {a: {verdict: ok}}}", "a check has no steps"),
        ("{causes: {a: certain}}", "there is no cause `a`"),
    ] {
        refused(&format!("    expect: {expect}\n"), &[said]);
    }
}

#[test]
fn a_file_that_says_nothing_of_its_subject_is_refused() {
    tested("tests: [{name: a, expect: {verdict: ok}}]\n", "")
        .refused(&["does not say what it tests", "`check: waiting`"]);
    tested("check: waitin\ntests: [{name: a, expect: {verdict: ok}}]\n", "").refused(&["did you mean `waiting`?"]);
    tested("check: waiting\ntests: []\n", "").refused(&["there are no tests here"]);
    tested("", "").refused(&["the tests are empty"]);
}

#[test]
fn what_can_be_read_is_tested_although_another_file_cannot() {
    let desk = Desk::new();
    desk.put("waiting.lua", CHECK).put("waiting.test.yaml", GOOD).put("other.test.yaml", "check: other\ntests: []\n");
    desk.run("test .")
        .refused(&["there is no check `other`"])
        .printed(&["3 passed; 0 failed", "1 file cannot be read"]);
}

#[test]
fn a_check_without_tests_says_how_to_write_them() {
    let desk = Desk::new();
    desk.put("waiting.lua", CHECK);
    desk.run("test ./waiting.lua").refused(&["waiting.test.yaml"]);
    casebook("test").refused(&["there are no tests in ./runbooks and ./lua/checks"]);
}

#[test]
fn tests_are_found_by_the_file_of_what_they_test_and_filtered_by_words() {
    let desk = Desk::new();
    desk.put("waiting.lua", CHECK).put("waiting.test.yaml", GOOD);
    desk.run("test ./waiting.lua parameter").ended(0).printed(&["running 1 test", "2 filtered out"]);
    desk.run("test ./waiting.lua --filter gap").ended(0).printed(&["waiting::a gap is unknown ... ok"]);
    desk.run("test ./waiting.lua nothing-like-it").refused(&["no test is named `nothing-like-it`"]);
}

#[test]
fn tests_in_lua_can_be_made_by_a_loop() {
    let tests = r#"
local tests = {}
for _, queue in ipairs { 11, 500 } do
  tests[#tests + 1] = {
    name = queue .. " are many",
    evidence = { sockets = { output = { listeners = { { port = 80, queue = queue } } } } },
    expect = { verdict = "warning", data = { port = 80 } },
  }
end
tests[#tests + 1] = {
  name = "nothing listens",
  evidence = { sockets = { output = { listeners = {} } } },
  expect = { verdict = "ok", sentence = "nothing" },
}
return test { check = "waiting", tests = tests }
"#;
    let desk = Desk::new();
    desk.put("waiting.lua", CHECK).put("waiting.test.lua", tests);
    desk.run("test ./waiting.lua").ended(0).printed(&["waiting::500 are many ... ok", "3 passed"]);
    desk.put("waiting.test.lua", tests.replace("queue = queue", "quue = queue"));
    desk.run("test ./waiting.lua").refused(&["sockets.listeners[1] has no field `quue`", "./waiting.test.lua:6:"]);
    desk.put("waiting.test.lua", CHECK);
    desk.run("test ./waiting.lua").refused(&["this file holds no tests"]);
}

#[test]
fn a_build_server_reads_what_failed() {
    let desk = Desk::new();
    desk.put("waiting.lua", CHECK).put("waiting.test.yaml", GOOD.replace("25 wait", "<26> wait"));
    desk.run("test ./waiting.lua -q -o junit.xml").ended(1);
    let xml = desk.text("junit.xml");
    assert!(xml.contains("<testsuites name=\"casebook\" tests=\"3\" failures=\"1\" errors=\"0\""), "{xml}");
    assert!(xml.contains("<failure message=\"sentence: expected &lt;26&gt; wait, found 25 wait\""), "{xml}");
    let answer = desk.run("test ./waiting.lua --format junit");
    assert!(answer.out.starts_with("<?xml"), "{answer:?}");
}

#[test]
fn too_little_coverage_fails_when_it_is_asked_for() {
    tested(GOOD, "--min-coverage 60%").ended(0);
    let answer = tested(GOOD, "--min-coverage 70% -q");
    answer.ended(1);
    assert!(answer.err.contains("cover 66.7 %, less than the 70 %"), "{answer:?}");
    tested(GOOD, "--coverage").ended(0).printed(&["1 line 12:", "0 line 9:"]);
}

const RUNBOOK: &str = "\
name: brief
title: Brief
steps:
  - id: host
    title: Load
    probe: host
    outcomes:
      - {when: host.load.one > 8, verdict: warning, say: \"load {{ host.load.one }}\", remedy: {do: Wait}}
      - {verdict: ok, say: \"load {{ host.load.one }}\"}
  - id: queue
    title: Who waits
    check: waiting
causes:
  - id: overload
    title: Overload
    signs:
      - {for: decisive, when: host.load.one > 8}
      - {against: strong, when: host.load.one < 1}
    remedies: [{do: Add CPUs}]
";

#[test]
fn a_runbook_is_tested_by_its_steps_and_causes() {
    let tests = "\
runbook: brief
tests:
  - name: a load is told
    evidence:
      host: {output: {load: {one: 9.5}}}
      queue.sockets: {output: {listeners: []}}
    expect:
      verdict: critical
      sentence: {matches: \"^Almost certain: Overload\"}
      findings: {host: {verdict: warning, sentence: load 9.5, remedies: [Wait]}, queue: {sentence: nothing listens}}
      causes: {overload: certain}
      first_cause: overload
      remedies: [Add CPUs]
  - name: no load is none
    evidence:
      host: {output: {load: {one: 0.5}}}
      sockets: {output: {listeners: []}}
    expect: {verdict: ok, first_cause: none, causes: {overload: <= ruled-out}}
";
    let desk = Desk::new();
    desk.put("waiting.lua", CHECK).put("brief.yaml", RUNBOOK).put("brief.test.yaml", tests);
    desk.run("test ./brief.yaml").ended(0).printed(&["2 passed", "coverage: 6 of 6"]);
    desk.put("brief.test.yaml", tests.replace("first_cause: none", "first_cause: overload"));
    desk.run("test ./brief.yaml").ended(1).printed(&["first cause: expected overload found none"]);
    desk.put("brief.test.yaml", tests.replace("queue.sockets", "quee.sockets"));
    desk.run("test ./brief.yaml")
        .refused(&["the runbook brief has no evidence `quee.sockets`", "did you mean `queue.sockets`?"]);
}

#[test]
fn shipped_tests_run_by_name_from_anywhere() {
    casebook("test high-inbound-traffic --filter quiet").ended(0).printed(&["a quiet host is fine ... ok"]);
}
