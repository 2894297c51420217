//! The prompt, as far as it can be used without a terminal.

use std::io::Write;
use std::process::Stdio;

use crate::command::{Answer, Desk, finish};

/// What the prompt answers to these lines.
fn typed(options: &str, lines: &str) -> Answer {
    let desk = Desk::new();
    let mut command = desk.command(format!("lua {options}").split_whitespace());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    finish(child)
}

#[test]
fn expressions_show_their_values_and_names_live_on() {
    let answer = typed(
        "",
        "x = 20\nx * 2 + 2\nbitrate(94e6), 'text'\nprint('one', 2)\nfor i = 1, 2 do\n  print('n' .. i)\nend\n{}\n",
    );
    answer.ended(0);
    let lines: Vec<&str> = answer.out.lines().collect();
    assert_eq!(lines, ["42", "94.0 Mbit/s", "text", "one    2", "n1", "n2", "{}"]);
}

#[test]
fn probes_are_at_hand() {
    let answer = typed("--json", "e = cx.probe('interfaces', { interface = 'lo', window = '1s' })\ne.watched.name\n");
    answer.ended(0);
    assert_eq!(answer.out.trim(), "\"lo\"");
}

#[test]
fn a_mistake_is_said_and_the_session_goes_on() {
    let answer = typed("", "cx.prob('sockets')\nlocal x = = 1\n7\n");
    answer.ended(3);
    assert!(answer.err.contains("did you mean `probe`?") && answer.err.contains("unexpected symbol"), "{answer:?}");
    assert_eq!(answer.out.trim(), "7");
}

#[test]
fn a_line_without_end_is_stopped_and_a_new_state_begins() {
    let answer = typed("--script-time 200ms", "x = 1\nwhile true do end\nrawget(_G, 'x') == nil\n");
    answer.ended(3);
    assert!(answer.err.contains("it ran longer than"), "{answer:?}");
    assert_eq!(answer.out.trim(), "true");
}

#[test]
fn lines_can_stand_on_the_command_line() {
    let desk = Desk::new();
    let command = desk.command(["lua", "-e", "y = 3", "-e", "y + 1"]).spawn().unwrap();
    let answer = finish(command);
    answer.ended(0);
    assert_eq!(answer.out.trim(), "4");
}
