//! Lint points at what is wrong: the place to the column, the reason, and what was probably meant.

use crate::command::Desk;

/// A good runbook whose one step is judged by these outcomes.
fn judged_by(outcomes: &str) -> String {
    format!(
        "name: x\ntitle: X\nsteps:\n  - id: a\n    title: A\n    probe: host\n    outcomes:\n{outcomes}      - verdict: ok\n        say: fine\n"
    )
}

/// All that lint says of the text, as a file `x.yaml`.
fn said(text: &str) -> String {
    let desk = Desk::new();
    let answer = desk.put("x.yaml", text).run("lint x.yaml");
    answer.refused(&["x.yaml"]);
    answer.err
}

/// The one place that lint points at, as what stands there in the source.
#[track_caller]
fn pointed_at(text: &str) -> String {
    let said = said(text);
    let places: Vec<&str> = said.lines().filter_map(|line| line.split_once("--> x.yaml:")).map(|(_, at)| at).collect();
    assert_eq!(places.len(), 1, "{said}");
    let (line, column) = places[0].split_once(':').unwrap();
    let line = text.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap();
    let rest: String = line.chars().skip(column.parse::<usize>().unwrap() - 1).collect();
    let marks = said.lines().map(|line| line.matches('^').count()).max().unwrap();
    rest.chars().take(marks).collect()
}

#[test]
fn it_points_into_a_plain_scalar() {
    assert_eq!(pointed_at(&judged_by("      - {when: a.load.one > a.lod.one, verdict: ok, say: s}\n")), "lod");
    let folded = "      - when: a.load.one > 1 and\n          a.lod.one > 2\n        verdict: ok\n        say: s\n";
    assert_eq!(pointed_at(&judged_by(folded)), "lod");
}

#[test]
fn it_points_into_a_quoted_scalar() {
    assert_eq!(pointed_at(&judged_by("      - {when: \"a.load.one > a.lod.one\", verdict: ok, say: s}\n")), "lod");
    assert_eq!(pointed_at(&judged_by("      - {when: 'a.kernel == ''lod'' or a.lod', verdict: ok, say: s}\n")), "lod");
    assert_eq!(
        pointed_at(&judged_by("      - {when: \"a.kernel == \\\"l\\u006fd\\\" or a.lod\", verdict: ok, say: s}\n")),
        "lod"
    );
}

#[test]
fn it_points_into_a_folded_and_a_literal_block() {
    for mark in [">", ">-", "|", "|-", ">+ # with a comment about lod"] {
        let outcome = format!(
            "      - when: {mark}\n          a.load.one > 1\n\n          and a.lod.one > 2\n        verdict: ok\n        say: s\n"
        );
        assert_eq!(pointed_at(&judged_by(&outcome)), "lod", "{mark}");
    }
}

#[test]
fn it_points_into_the_template_of_a_sentence() {
    let say = "      - {verdict: warning, say: \"lod {{ a.load.one }} lod {{ bytes(a.lod) }} lod\"}\n";
    assert_eq!(pointed_at(&judged_by(&say.replace("- {", "- {when: true, "))), "lod");
    let block = "      - when: 'true'\n        verdict: ok\n        say: |\n          lod {{ a.load.one }}\n            lod {{ a.lod }}\n";
    assert_eq!(pointed_at(&judged_by(block)), "lod");
}

#[test]
fn it_points_at_the_right_one_of_many_alike() {
    assert_eq!(pointed_at(&judged_by("      - {when: \"a.load.one > 1 and l > 1\", verdict: ok, say: s}\n")), "l");
    let text = judged_by("      - {when: \"a.load.one > 1 and l > 1\", verdict: ok, say: s}\n");
    assert!(said(&text).contains("x.yaml:8:36"), "{}", said(&text));
}

#[test]
fn it_points_at_characters_and_not_at_bytes() {
    let text = judged_by("      - {when: \"contains('größe', a.lod)\", verdict: ok, say: s}\n");
    assert_eq!(pointed_at(&text), "lod");
}

#[test]
fn it_points_at_an_alias_where_the_text_is_written_elsewhere() {
    let text = judged_by(
        "      - {when: &c \"known(a.load)\", verdict: ok, say: s}\n      - {when: *c, verdict: ok, say: &s \"{{ a.load.one }}\"}\n",
    );
    Desk::new().put("x.yaml", text.as_str()).run("lint x.yaml").ended(0);
    let text = text.replace("a.load)", "a.lod)");
    let said = said(&text);
    assert!(said.contains("x.yaml:8:28") && said.contains("x.yaml:9:16"), "{said}");
}

#[test]
fn it_points_at_names_and_values_of_a_probes_parameters() {
    let with =
        |with: &str| judged_by("").replace("    probe: host\n", &format!("    probe: capture\n    with: {with}\n"));
    assert_eq!(pointed_at(&with("{interfac: lo}")), "interfac");
    assert_eq!(pointed_at(&with("{interface: lo, \"windo\": 1s}")), "windo");
    assert_eq!(pointed_at(&with("{interface: lo, window: soon}")), "soon");
    assert_eq!(pointed_at(&with("{interface: \"{{ params.iface }}\"}")), "iface");
}

#[test]
fn it_points_at_names_that_do_not_exist() {
    assert_eq!(pointed_at(&judged_by("").replace("host", "hots")), "hots");
    assert_eq!(pointed_at(&judged_by("").replace("    outcomes", "    needs: [b]\n    outcomes")), "b");
    assert_eq!(pointed_at(&judged_by("").replace("    outcomes", "    timeout: soon\n    outcomes")), "soon");
    assert_eq!(pointed_at(&judged_by("").replace("verdict: ok", "verdict: fine")), "fine");
    assert_eq!(pointed_at(&judged_by("").replace("title: A", "titel: A")), "titel");
}

#[test]
fn it_points_at_names_that_cannot_be() {
    for (id, what) in
        [("end", "a word of Lua's own"), ("A", "cannot be the name of a step"), ("count", "casebook's own")]
    {
        let text = judged_by("").replace("id: a", &format!("id: {id}"));
        assert_eq!(pointed_at(&text), id);
        assert!(said(&text).contains(what), "{}", said(&text));
    }
    let twice =
        judged_by("").replace("steps:", "let: {b: 1}\nsteps:") + judged_by("").split_once("steps:\n").unwrap().1;
    assert!(said(&twice).contains("the name `a` is taken already"), "{}", said(&twice));
}

#[test]
fn it_points_at_the_values_of_a_declared_parameter() {
    let with = |param: &str| judged_by("").replace("steps:", &format!("params:\n  p: {param}\nsteps:"));
    assert_eq!(pointed_at(&with("{type: duraton, help: h}")), "duraton");
    assert_eq!(pointed_at(&with("{type: duration, default: 5kg, help: h}")), "5kg");
    assert_eq!(pointed_at(&with("{type: duration, min: 2s, default: 1s, help: h}")), "1s");
    assert_eq!(pointed_at(&with("{type: bitrate, max: much, help: h}")), "much");
    assert_eq!(pointed_at(&with("{type: string, min: 1, help: h}")), "1");
    assert_eq!(pointed_at(&with("{type: port, choices: [80, 99999], help: h}")), "99999");
}

#[test]
fn steps_that_need_one_another_are_named() {
    let step = |id: &str, need: &str| {
        format!("  - {{id: {id}, title: T, probe: host, needs: [{need}], outcomes: [{{verdict: ok, say: s}}]}}\n")
    };
    let text = format!("name: x\ntitle: X\nsteps:\n{}{}", step("a", "b"), step("b", "a"));
    assert!(said(&text).contains("steps need one another: a needs b; b needs a"), "{}", said(&text));
}

#[test]
fn lines_that_end_as_on_windows_are_read_and_counted() {
    let text = judged_by("      - {when: a.lod.one > 1, verdict: ok, say: s}\n").replace('\n', "\r\n");
    assert!(said(&text).contains("x.yaml:8:18"), "{}", said(&text));
}

#[test]
fn several_problems_are_told_at_once_in_the_order_of_the_text() {
    insta::assert_snapshot!(said(
        "\
name: Several Problems
title: X
params:
  window: {type: durration, help: h}
steps:
  - id: a
    title: A
    probe: hots
    outcomes:
      - {verdict: ok, say: s}
  - id: b
    title: B
    probe: host
    outcomes:
      - {when: b.memory.used_shar > 0.9, verdict: critical, say: \"{{ percent(b.memory.used_share }}\"}
      - {when: b.memory.used_share >, verdict: ok, say: s}
"
    ));
}

#[test]
fn each_kind_of_broken_yaml_has_its_message() {
    for (name, text) in [
        ("empty", ""),
        ("tab", "name: x\n\ttitle: [\n"),
        ("open list", "name: x\ntitle: t\ntags: [a, b\nsteps: []\n"),
        ("open quote", "name: x\ntitle: \"t\nsteps: []\n"),
        ("key given twice", "name: x\nname: y\ntitle: t\nsteps: []\n"),
        ("unknown key", "name: x\ntitle: t\nstepz: []\n"),
        ("missing key", "name: x\ntitle: t\n"),
        ("mapping for a list", "name: x\ntitle: t\nsteps: {a: b}\n"),
        ("list for a text", "name: [x]\ntitle: t\nsteps: []\n"),
        ("unknown alias", "name: x\ntitle: *t\nsteps: []\n"),
        ("two documents", "name: x\ntitle: t\nsteps: []\n---\nname: y\n"),
        ("wrong indentation", "name: x\n title: t\nsteps: []\n"),
        ("text for a flag", "name: x\ntitle: t\nparams: {p: {type: string, help: h, secret: perhaps}}\nsteps: []\n"),
        ("text for a number", "name: x\ntitle: t\nsteps: []\ncauses: [{id: c, title: t, rank: high, signs: []}]\n"),
    ] {
        insta::assert_snapshot!(name.replace(' ', "_"), said(text));
    }
}

#[test]
fn what_other_languages_have_is_answered_with_what_to_write() {
    for (when, at, write) in [
        ("a.load.one != 1", "!=", "write `~=`"),
        ("a.load.one > 1 && a.load.five > 1", "&&", "write `and`"),
        ("a.load.one > 1 || a.load.five > 1", "||", "write `or`"),
        ("not a.load.one = 1", "=", "write `==`"),
        ("a.load.one > 20Mbit/s", "20Mbit/s", "write 20000000 (bits per second)"),
        ("a.load.one == null", "null", "`known(x)`"),
        ("a.load.one == None", "None", "`known(x)`"),
    ] {
        let text = judged_by(&format!("      - {{when: '{when}', verdict: ok, say: s}}\n"));
        assert_eq!(pointed_at(&text), at, "{when}");
        let said = said(&text);
        assert!(said.contains(write), "{when}: {said}");
    }
    let text = judged_by("      - {when: '!known(a.load)', verdict: ok, say: s}\n");
    assert!(said(&text).contains("write `not x`"), "{}", said(&text));
    let text = judged_by("      - {when: 'true', verdict: ok, say: \"{{ f'{a.load.one} is much' }}\"}\n");
    assert!(said(&text).contains("no f-strings"), "{}", said(&text));
}

#[test]
fn a_template_without_quotes_is_answered_with_quotes() {
    let text = judged_by("      - verdict: ok\n        say: {{ a.load.one }} is much\n");
    let said = said(&text);
    assert!(said.contains("write the text in quotes: \"{{ a.load.one }} is much\""), "{said}");
    assert!(said.contains("x.yaml:9:14"), "{said}");
}

#[test]
fn evidence_that_is_held_against_nil_is_warned_of() {
    let desk = Desk::new();
    let text = judged_by("      - {when: a.load.one == nil, verdict: ok, say: s}\n");
    let answer = desk.put("x.yaml", text).run("lint x.yaml");
    assert!(answer.ended(0).err.contains("ask `known(a.load.one)`"), "{}", answer.err);
}

#[test]
fn without_words_it_judges_what_lies_here_and_what_is_found_by_name() {
    let desk = Desk::new();
    desk.run("lint").refused(&["nothing to judge here, nor in runbooks, ", ".config/casebook/checks"]);
    desk.put("good.yaml", judged_by("")).put("compose.yaml", "services: {}\n").put("notes.lua", "print('x')\n");
    let answer = desk.run("lint");
    answer.ended(0).printed(&["good.yaml: good"]);
    assert!(!answer.out.contains("compose") && !answer.out.contains("notes"), "{}", answer.out);
    std::fs::create_dir_all(desk.path("lua/checks")).unwrap();
    std::fs::create_dir_all(desk.path(".config/casebook/runbooks")).unwrap();
    desk.put(
        "lua/checks/lost.lua",
        "check { name = 'lost', summary = 's', run = function(cx) return cx.ok('') end }\n",
    );
    desk.put(".config/casebook/runbooks/mine.yaml", judged_by("").replace("probe: host", "probe: hots"));
    let answer = desk.run("lint");
    answer.refused(&[
        "this is made and not returned",
        "write `return check {",
        "mine.yaml:6:12",
        "did you mean `host`?",
    ]);
    answer.printed(&["good.yaml: good"]);
}

#[test]
fn slips_in_a_script_are_answered_with_lua() {
    let script = |body: &str| {
        format!("return check {{ name = 'x', summary = 's', run = function(cx)\n{body}\nreturn cx.ok('') end }}\n")
    };
    for (body, said) in [
        ("local n = 0 n += 1", "write `x = x + y`"),
        ("local n = 0 n++", "write `x = x + 1`"),
        ("if 1 != 2 then end", "write `~=`"),
        ("if 1 == 2 then elif 2 == 3 then end", "write `elseif`"),
        ("local n = 0 if n = 1 then end", "write `==`"),
        ("if a() then b() else if c() then b() end", "write `elseif`"),
        ("local n = null", "`known(x)`"),
        ("local s = f\"{n} packets\"", "no f-strings"),
    ] {
        let desk = Desk::new();
        desk.put("x.lua", script(body)).run("lint x.lua").refused(&["x.lua:", said]);
    }
}

/// Nothing says so later: a pattern that cannot be searched for is one that no line has.
#[test]
fn it_reads_the_patterns_of_lines_and_of_steps() {
    let with = |lines: &str| {
        judged_by("")
            .replace("steps:", &format!("complaints: [zebra]\nsuspect: [{{say: calm}}]\nlines: {lines}\nsteps:"))
    };
    assert!(
        said(&with("{torn: '(unclosed'}")).contains("`lines` cannot take this: could not compile the pattern `torn`")
    );
    assert!(said(&with("{out_of_memry: {}}")).contains("could not understand the pattern `out_of_memry`"));
    let step = |with: &str| judged_by("").replace("probe: host", &format!("probe: {with}"));
    assert!(
        said(&step("logs\n    with: {patterns: {torn: '(unclosed'}}")).contains("could not compile the pattern `torn`")
    );
    assert!(said(&step("file\n    with: {paths: [/etc/hosts], pattern: '(unclosed'}")).contains("unclosed"));
}
