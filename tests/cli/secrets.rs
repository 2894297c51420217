//! A secret parameter is seen by the probe that needs it and by nobody else.

use crate::command::Desk;

const RUNBOOK: &str = "\
name: discreet
title: Discreet
params:
  window: {type: duration, default: 1s, help: How long to watch.}
  dir: {type: path, secret: true, required: true, help: Where the logs are.}
let:
  whole: params.dir
steps:
  - id: logs
    title: What the logs say
    probe: logs
    with: {dir: \"{{ params.dir }}\"}
    outcomes:
      - verdict: warning
        say: \"in {{ params.dir }}, {{ whole }}, {{ logs.dir }}\"
        remedy: {do: \"look into {{ params.dir }}\", run: \"ls {{ params.dir }}\"}
  - id: never
    title: Never
    probe: host
    when: params.dir == 1
    otherwise: \"not for {{ params.dir }}\"
    outcomes:
      - verdict: ok
        say: fine
causes:
  - id: it-is-there
    title: It is in {{ params.dir }}
    subject: {dir: params.dir}
    signs:
      - for: decisive
        when: params.dir ~= 1
        say: \"{{ params.dir }} it is\"
    remedies:
      - {do: \"see {{ params.dir }}\", run: \"cat {{ params.dir }}/x\"}
";

/// A text that stands nowhere else.
const SECRET: &str = "hunter2-folder";

#[test]
fn it_appears_in_no_case_no_report_and_no_message() {
    let desk = Desk::new();
    desk.put("discreet.yaml", RUNBOOK);
    std::fs::create_dir(desk.path(SECRET)).unwrap();
    desk.put(&format!("{SECRET}/messages"), "Nov 22 10:00:00 host kernel: line\n");
    let answer = desk
        .run(&format!("run discreet.yaml --set dir={SECRET} --save case.json -o a.md -o a.json -o a.txt --verbose"));
    answer.ended(2);
    for name in ["case.json", "a.md", "a.json", "a.txt"] {
        assert!(!desk.text(name).contains(SECRET), "{name}: {}", desk.text(name));
    }
    assert!(!answer.out.contains(SECRET) && !answer.err.contains(SECRET), "{answer:#?}");
    let case: serde_json::Value = serde_json::from_str(&desk.text("case.json")).unwrap();
    assert_eq!(case["params"]["dir"], "(secret dir)");
    assert_eq!(case["evidence"]["logs"]["params"]["dir"], "(secret dir)");
    assert_eq!(case["evidence"]["logs"]["output"]["files"].as_array().unwrap().len(), 1, "the probe got the real one");
}

#[test]
fn a_gap_does_not_tell_it_either() {
    let desk = Desk::new();
    desk.put("discreet.yaml", RUNBOOK);
    let answer = desk.run(&format!("run discreet.yaml --set dir=/nowhere/{SECRET} --save case.json"));
    answer.reported();
    assert!(!desk.text("case.json").contains(SECRET), "{}", desk.text("case.json"));
    assert!(!answer.out.contains(SECRET) && !answer.err.contains(SECRET), "{answer:#?}");
}

#[test]
fn its_case_is_judged_again_without_it() {
    let desk = Desk::new();
    desk.put("discreet.yaml", RUNBOOK);
    std::fs::create_dir(desk.path(SECRET)).unwrap();
    desk.run(&format!("run discreet.yaml --set dir={SECRET} --save a.case")).ended(2);
    desk.run("replay a.case").ended(2).printed(&["(secret dir)"]);
}

#[test]
fn one_with_a_default_or_without_a_text_type_is_refused_by_lint() {
    let desk = Desk::new();
    desk.put("told.yaml", RUNBOOK.replace("required: true", "default: /root"));
    desk.run("lint told.yaml").refused(&["told.yaml:5:44", "the secret `dir` has a default", "required: true"]);
    desk.put("figure.yaml", RUNBOOK.replace("type: path", "type: integer"));
    desk.run("lint figure.yaml").refused(&["figure.yaml:5:15", "`dir` cannot be secret"]);
}
