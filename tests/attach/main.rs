//! `casebook attach`, against servers that check what arrives as the real ones do.

mod issues;
mod mail;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
mod troubles;
mod webhook;
mod wire;

use std::path::Path;
use std::process::Command;

use support::command::{self, Answer, Desk};

/// A desk with a recorded case on it.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.put("a.case", recorded("syn-flood"));
    desk
}

fn recorded(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/{name}.json"))).unwrap()
}

/// A token that stands nowhere else.
const TOKEN: &str = "t0ken-xyzzy";

/// Attaches the case with these variables set, and sees to it that no message tells a token.
fn attach(desk: &Desk, line: &str, variables: &[(&str, &str)]) -> Answer {
    let answer = desk.run_with(&format!("attach a.case {line}"), |command: &mut Command| {
        command.envs(variables.iter().copied());
    });
    assert!(!answer.out.contains(TOKEN) && !answer.err.contains(TOKEN), "{answer:#?}");
    answer
}

/// The said thing stands in what it said on stderr.
#[track_caller]
fn said(answer: &Answer, text: &str) {
    let flat = answer.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(text), "`{text}` is not in\n{}", answer.err);
}
