//! Runbooks that are not what they should be: nothing hangs, nothing exhausts memory or stack, each is told its reason.

use nix::sys::stat::Mode;

use crate::command::{Desk, GOOD};

/// Lints the text as `x.yaml`.
fn lint(text: impl AsRef<[u8]>) -> crate::command::Answer {
    let desk = Desk::new();
    desk.put("x.yaml", text).run("lint x.yaml")
}

/// A good runbook with another condition.
fn with_condition(condition: &str) -> String {
    GOOD.replace("rates.watched.rx.bits_per_second >= params.high", condition)
}

#[test]
fn an_empty_runbook_is_told_how_to_begin() {
    lint("").refused(&["x.yaml:1:1", "empty", "`name:`"]);
    lint("\n# nothing\n\n").refused(&["x.yaml"]);
}

#[test]
fn text_that_is_no_mapping_is_refused() {
    lint("just text").refused(&["x.yaml:1:1", "a mapping (`field: value`) is wanted"]);
    lint("- a\n- b\n").refused(&["x.yaml:1:1", "a mapping"]);
    lint(b"\xff\xfe\x00").refused(&["x.yaml", "it is not text: byte 0 is not UTF-8"]);
}

#[test]
fn a_folder_a_pipe_and_a_device_are_refused_at_once() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("folder.yaml")).unwrap();
    nix::unistd::mkfifo(&desk.path("pipe.yaml"), Mode::S_IRWXU).unwrap();
    for command in ["lint", "run", "show", "plan"] {
        let said = if command == "lint" { "there are no runbooks" } else { "it is a folder" };
        desk.run(&format!("{command} folder.yaml")).refused(&["folder.yaml", said]);
        desk.run(&format!("{command} pipe.yaml")).refused(&["pipe.yaml", "it is a pipe"]);
        desk.run(&format!("{command} /dev/zero")).refused(&["/dev/zero", "it is a device"]);
    }
}

#[test]
fn a_pipe_among_the_runbooks_holds_up_no_list() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("runbooks")).unwrap();
    nix::unistd::mkfifo(&desk.path("runbooks/pipe.yaml"), Mode::S_IRWXU).unwrap();
    desk.run("list").ended(0).printed(&["runbooks/pipe.yaml: it is a pipe", "high-inbound-traffic"]);
    desk.run("run zzz").refused(&["no runbook `zzz`"]);
}

#[test]
fn a_huge_runbook_is_not_read() {
    let huge = format!("name: x\ntitle: t\nsummary: \"{}\"\nsteps: []\n", "a".repeat(10_000_000));
    lint(huge).refused(&["x.yaml", "it is larger than"]);
}

#[test]
fn aliases_that_multiply_are_stopped() {
    let mut bomb = String::from("name: x\ntitle: t\nsymptoms:\n  - &a0 lol\n");
    let mut with = String::from("      a0: &b0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..12 {
        let before = format!("*b{}", level - 1);
        with.push_str(&format!("      a{level}: &b{level} [{}]\n", [before.as_str(); 10].join(", ")));
    }
    bomb.push_str(&format!("steps:\n  - id: a\n    title: A\n    probe: host\n    with:\n{with}    outcomes: []\n"));
    lint(bomb).refused(&["x.yaml:", "too large from here on", "aliases multiply"]);
}

#[test]
fn nesting_without_end_exhausts_no_stack() {
    lint(format!("name: x\ntitle: {}\n", "[".repeat(100_000))).refused(&["x.yaml:2"]);
    lint(format!("name: x\ntitle: t\nsteps: {}\n", "[".repeat(100_000))).refused(&["x.yaml:3"]);
    lint(with_condition(&format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000)))).refused(&["nests too deep"]);
    lint(with_condition(&format!("{}true", "not ".repeat(3_000)))).refused(&["nests too deep"]);
    lint(with_condition(&format!("{}1{}", "f(".repeat(5_000), ")".repeat(5_000)))).refused(&["Lua cannot read this"]);
}

#[test]
fn a_condition_without_end_is_refused() {
    lint(with_condition(&vec!["rates.seconds > 1"; 5_000].join(" and "))).refused(&["the condition is longer than"]);
}

#[test]
fn more_steps_than_can_look_at_once_are_refused() {
    let (head, step) = GOOD.split_once("  - id: rates").unwrap();
    let steps: String =
        (0..1000).map(|n| format!("  - id: rates{n}{}", step.replace("rates.", &format!("rates{n}.")))).collect();
    lint(format!("{head}{steps}")).refused(&["the runbook has 1000 steps", "split it"]);
}

#[test]
fn an_expression_without_end_is_a_gap_and_no_hang() {
    let desk = Desk::new();
    desk.put("endless.yaml", with_condition("(function() while true do end end)()"));
    desk.run("run endless.yaml").ended(3).printed(&["it ran longer than 1 s"]);
}

#[test]
fn an_expression_that_eats_memory_is_a_gap() {
    let desk = Desk::new();
    desk.put(
        "hungry.yaml",
        with_condition("(function() local t = {} while true do t[#t + 1] = {1, 2, 3, 4, 5, 6, 7, 8} end end)()"),
    );
    desk.run("run hungry.yaml").ended(3).printed(&["could not"]);
}
