//! From where casebook looks is said before what it saw.

use crate::command::Desk;
use crate::support::namespace::in_namespace;
use crate::support::need::{require, root, tool};

/// A runbook that asks for as little as can be.
const LITTLE: &str = "name: little\ntitle: Little\nsteps:\n  - id: host\n    title: Host\n    probe: host\n    with: {window: 100ms}\n    outcomes:\n      - verdict: ok\n        say: seen\n";

#[test]
fn in_a_network_namespace_the_first_sentence_is_that_it_is_not_the_host() {
    require!(root());
    in_namespace(|| {
        let desk = Desk::new();
        desk.put("little.yaml", LITTLE);
        let said = desk.run("run little.yaml --no-keep").out;
        let (view, found) = (said.find("This is the view from"), said.find("with a network of its own"));
        assert!(view.is_some() && view < found, "{said}");
        let markdown = desk.run("run little.yaml --no-keep --format markdown").out;
        assert!(markdown.lines().nth(2).is_some_and(|line| line.starts_with("This is the view from")), "{markdown}");
        desk.run("doctor").printed(&["with a network of its own"]);
    });
}

#[test]
fn without_the_hosts_processes_they_are_said_to_be_missed() {
    require!(root());
    require!(tool("unshare"));
    let desk = Desk::new();
    let flags = ["--pid", "--fork", "--mount-proc"];
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(flags).arg(env!("CARGO_BIN_EXE_casebook")).arg("doctor").current_dir(desk.path("."));
    let answer = unshare.output().unwrap();
    let said = String::from_utf8_lossy(&answer.stdout);
    // The host that the tests run on may itself be a network namespace.
    let unseen =
        said.split("and processes of its own. Not seen from here: ").nth(1).unwrap_or_else(|| panic!("{said}"));
    assert!(unseen.lines().next().is_some_and(|line| line.contains("the processes outside.")), "{said}");
}
