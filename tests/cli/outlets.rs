//! Where results go when others had a say in it: their links and pipes, permissions, names that are taken.

use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::command::{Desk, GOOD, finish};
use crate::support::need::{require, root, tool};

const STRANGER: u32 = 65534;

fn brief() -> Desk {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    desk
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A folder like /tmp on the desk.
fn sticky(desk: &Desk) {
    fs::create_dir(desk.path("tmp")).unwrap();
    fs::set_permissions(desk.path("tmp"), Permissions::from_mode(0o1777)).unwrap();
}

#[test]
fn the_link_of_a_stranger_is_refused_before_the_run_and_nothing_is_written_behind_it() {
    require!(root());
    let desk = brief();
    sticky(&desk);
    fs::create_dir(desk.path("victim")).unwrap();
    desk.put("victim/there.md", "untouched");
    for (target, link) in
        [("../victim/there.md", "tmp/there.md"), ("../victim/new.md", "tmp/new.md"), ("../victim", "tmp/folder")]
    {
        symlink(target, desk.path(link)).unwrap();
        lchown(desk.path(link), Some(STRANGER), Some(STRANGER)).unwrap();
    }
    for line in [
        "run brief.yaml -o tmp/there.md",
        "run brief.yaml -o tmp/new.md",
        "run brief.yaml -o tmp/folder/x.md",
        "run brief.yaml --save tmp/new.md",
        "run brief.yaml --redact users --redact-map tmp/new.md",
        "test brief.yaml -o tmp/new.md",
        "new runbook x --dir tmp/folder",
        "generate --types tmp/folder",
    ] {
        let answer = desk.run(line);
        assert!(!matches!(answer.status, Some(0..=3)), "{line}: {answer:#?}");
        assert!(
            answer.err.contains("is a link of user 65534") && answer.err.contains("name the place itself"),
            "{line}: {}",
            answer.err
        );
    }
    assert_eq!(desk.text("victim/there.md"), "untouched");
    assert_eq!(fs::read_dir(desk.path("victim")).unwrap().count(), 1);
}

#[test]
fn a_pipe_that_nobody_reads_does_not_hang() {
    let desk = brief();
    sticky(&desk);
    mkfifo(&desk.path("tmp/pipe.md"), Mode::from_bits_truncate(0o666)).unwrap();
    desk.run("run brief.yaml -o tmp/pipe.md").refused(&["a pipe that nobody reads from", "start its reader first"]);
}

#[test]
fn the_pipe_of_a_stranger_is_refused() {
    require!(root());
    let desk = brief();
    sticky(&desk);
    mkfifo(&desk.path("tmp/pipe.md"), Mode::from_bits_truncate(0o666)).unwrap();
    chown(desk.path("tmp/pipe.md"), Some(STRANGER), Some(STRANGER)).unwrap();
    for flag in ["-o", "--save"] {
        desk.run(&format!("run brief.yaml {flag} tmp/pipe.md"))
            .refused(&["a pipe of user 65534, who could read along"]);
    }
}

#[test]
fn an_own_pipe_gets_the_whole_report() {
    let desk = brief();
    mkfifo(&desk.path("pipe.html"), Mode::from_bits_truncate(0o600)).unwrap();
    let reader = std::thread::spawn({
        let pipe = desk.path("pipe.html");
        move || fs::read_to_string(pipe).unwrap()
    });
    desk.run("run brief.yaml -q -o pipe.html").ended(0);
    let html = reader.join().unwrap();
    assert!(html.contains("</html>") && html.contains("brief"), "{html}");
    assert_eq!(desk.names(), ["brief.yaml", "pipe.html"]);
}

#[test]
fn descriptors_that_the_shell_hands_over_are_written_to() {
    let bash = require!(tool("bash"));
    let desk = brief();
    let shell = |script: &str| {
        let mut command = Command::new(&bash);
        command.args(["-c", script, env!("CARGO_BIN_EXE_casebook")]).current_dir(desk.path("")).env_clear();
        command.env("HOME", desk.path("")).env("XDG_STATE_HOME", desk.path("state")).env("PATH", "/usr/bin:/bin");
        finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    let answer = shell("\"$0\" run brief.yaml -q --format text --save /dev/null -o /dev/fd/3 3> three.json");
    // Nothing but an ending names the format.
    answer.refused(&["the ending of /dev/fd/3 names no format"]);
    shell("\"$0\" run brief.yaml -q --save /dev/fd/3 3> three.case").ended(0);
    desk.run("replay three.case").ended(0);
    shell("\"$0\" run brief.yaml -q --save >(cat > four.case); sleep 0.5; wait").ended(0);
    desk.run("replay four.case").ended(0);
    let answer = shell("\"$0\" replay three.case --save /dev/stderr 2>&1 >/dev/null | head -c 4 | od -An -tx1");
    assert!(answer.ended(0).out.contains("28 b5 2f fd"), "{}", answer.out);
    shell("\"$0\" run brief.yaml -q --save /dev/fd/77").refused(&["descriptor 77 was not given to casebook"]);
    shell("\"$0\" run brief.yaml -q --save /dev/stdout < /dev/null | tail -c +1 > five").ended(0);
    let mut five = Vec::new();
    fs::File::open(desk.path("five")).unwrap().read_to_end(&mut five).unwrap();
    assert!(five.windows(4).any(|at| at == [0x28, 0xb5, 0x2f, 0xfd]), "the case stands beside the report");
}

#[test]
fn what_root_writes_is_for_root_and_an_own_file_keeps_its_permissions() {
    let desk = brief();
    desk.put("old.md", "old");
    fs::set_permissions(desk.path("old.md"), Permissions::from_mode(0o640)).unwrap();
    let answer = finish({
        let mut command = Command::new("sh");
        let casebook = desk.command("run brief.yaml -q -o new.md -o old.md --save new.case".split_whitespace());
        command.args(["-c", "umask 022; exec \"$0\" \"$@\""]).arg(casebook.get_program()).args(casebook.get_args());
        command.current_dir(desk.path("")).env("XDG_STATE_HOME", desk.path("state"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    answer.ended(0);
    let new = if nix::unistd::geteuid().is_root() { 0o600 } else { 0o644 };
    for name in ["new.md", "new.case"] {
        assert_eq!(mode(&desk.path(name)), new, "{name}");
    }
    assert_eq!(mode(&desk.path("old.md")), 0o640);
    assert!(desk.text("old.md").contains("brief"));
}

#[test]
fn a_dangling_link_has_a_name_that_is_taken() {
    let desk = Desk::new();
    fs::create_dir(desk.path("runbooks")).unwrap();
    symlink("../made.yaml", desk.path("runbooks/x.yaml")).unwrap();
    desk.run("new runbook x").refused(&["runbooks/x.yaml is there already; take another name"]);
    assert!(!desk.path("made.yaml").exists());
    desk.run("new runbook y").ended(0).printed(&["wrote runbooks/y.yaml"]);
    desk.run("test runbooks/y.test.yaml").ended(0);
}

#[test]
fn a_file_named_like_a_kept_case_does_not_stand_in_for_it() {
    let desk = brief();
    desk.put("latest", "{\"format\": 999}").put("2", "{\"format\": 999}");
    desk.run("report latest")
        .refused(&["of the kept cases, there is none", "to take the file of that name, write ./latest"]);
    desk.run("run brief.yaml -q").ended(0);
    desk.run("report latest").ended(0).printed(&["brief"]);
    desk.run("replay 2").ended(0).printed(&["brief"]);
    desk.run("report ./latest").refused(&["has form 999"]);
    desk.run("report nothing").refused(&["there is none of that name"]);
}

#[test]
fn the_state_directory_is_reached_over_no_link_of_a_stranger() {
    require!(root());
    let desk = brief();
    fs::create_dir_all(desk.path("victim/cases")).unwrap();
    fs::create_dir(desk.path("home")).unwrap();
    symlink("../victim", desk.path("home/casebook")).unwrap();
    let with = |line: &str| {
        desk.run_with(line, |command| {
            command.env("XDG_STATE_HOME", desk.path("home"));
        })
    };
    with("run brief.yaml -q").ended(0);
    assert_eq!(fs::read_dir(desk.path("victim/cases")).unwrap().count(), 1, "an own link is followed");
    lchown(desk.path("home/casebook"), Some(STRANGER), Some(STRANGER)).unwrap();
    let answer = with("run brief.yaml");
    assert!(
        answer.ended(0).err.contains("this run is not kept") && answer.err.contains("is a link of user 65534"),
        "{}",
        answer.err
    );
    with("cases prune --keep 0").refused(&["is a link of user 65534"]);
    with("replay latest").refused(&["is a link of user 65534"]);
    assert_eq!(fs::read_dir(desk.path("victim/cases")).unwrap().count(), 1);
}
