//! Files of others, by every way in: refused, with who can change them and how to end that; own files keep working.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::command::{Answer, Desk, GOOD, finish, wait};
use crate::signals::{self, LONG, watching};
use crate::support::NOBODY;
use crate::support::need::{Missing, require, root, tool};

/// Somebody whom no file of accounts knows.
const STRANGER: u32 = 12345;
const SHIPPED: &str = "high-inbound-traffic";

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// An access control list that lets one more user write: the owner, that user, the group, the mask, others.
fn list_for(user: u32) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in
        [(0x01_u16, 7_u16, u32::MAX), (0x02, 7, user), (0x04, 5, u32::MAX), (0x10, 7, u32::MAX), (0x20, 5, u32::MAX)]
    {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

/// How somebody else can change a file, and what is said of it.
const WAYS: &[(&str, &[&str])] = &[
    ("owner", &["it belongs to user 12345", "`chown root "]),
    ("group", &["group 4000000 may write to it", "`chmod g-w "]),
    ("others", &["everybody may write to it", "`chmod o-w "]),
    ("list", &["its access control list lets user 12345 write to it", "`setfacl -x u:12345 "]),
    ("folder", &["it lies in ", "everybody may write to it", "`chmod o-w "]),
    ("folder's list", &["it lies in ", "lets user 12345 write to it", "`setfacl -x u:12345 "]),
    ("link", &["the link ", "belongs to user 12345", "`chown -h root "]),
];

fn set_list(path: &Path) {
    rustix::fs::setxattr(path, "system.posix_acl_access", &list_for(STRANGER), rustix::fs::XattrFlags::empty())
        .unwrap();
}

/// Lets somebody else change a file in each way, one after the other, and asks each time.
fn each_way(file: &Path, ask: impl Fn(&str, &[&str])) {
    let folder = file.parent().unwrap();
    let before = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let (file_mode, folder_mode) = (before(file), before(folder));
    let aside = file.with_extension("aside");
    for (way, said) in WAYS {
        match *way {
            "owner" => chown(file, Some(STRANGER), None).unwrap(),
            "group" => {
                chown(file, None, Some(4_000_000)).unwrap();
                mode(file, 0o664);
            }
            "others" => mode(file, 0o666),
            "list" => set_list(file),
            "folder" => mode(folder, 0o777),
            "folder's list" => {
                set_list(folder);
                // The list counts by its mask, whatever the bits of the group were.
                assert_ne!(before(folder) & 0o020, 0);
            }
            _ => {
                fs::rename(file, &aside).unwrap();
                symlink(aside.file_name().unwrap(), file).unwrap();
                lchown(file, Some(STRANGER), Some(STRANGER)).unwrap();
            }
        }
        ask(way, said);
        if fs::symlink_metadata(file).unwrap().is_symlink() {
            fs::remove_file(file).unwrap();
            fs::rename(&aside, file).unwrap();
        }
        for path in [file, folder] {
            // There may be none.
            let _ = rustix::fs::removexattr(path, "system.posix_acl_access");
        }
        chown(file, Some(0), Some(0)).unwrap();
        mode(file, file_mode);
        mode(folder, folder_mode);
    }
}

/// Each way is refused with its words, and then the file is the caller's own again and works.
fn refused_each_way(file: &Path, status: i32, waivable: bool, run: impl Fn() -> Answer, own: i32) {
    each_way(file, |way, said| {
        let answer = run();
        assert_eq!(answer.status, Some(status), "{way}: {answer:#?}");
        for words in said.iter().chain(&["somebody else decides what root does here"]) {
            assert!(answer.err.contains(words), "{way}: `{words}` is not in\n{}", answer.err);
        }
        assert_eq!(answer.err.contains("--trust"), waivable, "{way}: {}", answer.err);
    });
    let answer = run();
    assert_eq!(answer.status, Some(own), "one's own: {answer:#?}");
}

#[test]
fn a_runbook_a_check_and_a_module_that_others_can_change_are_refused() {
    require!(root());
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    refused_each_way(&desk.path("brief.yaml"), 64, true, || desk.run("run ./brief.yaml --no-keep"), 0);
    let folder = desk.path(".config/casebook/runbooks");
    fs::create_dir_all(&folder).unwrap();
    fs::rename(desk.path("brief.yaml"), folder.join("brief.yaml")).unwrap();
    refused_each_way(&folder.join("brief.yaml"), 64, true, || desk.run("run brief --no-keep"), 0);
    let check = "require 'm' return check { name = 'it', summary = 'It', run = function(cx) return cx.ok('so') end }";
    fs::create_dir_all(desk.path("lua/checks")).unwrap();
    desk.put("lua/checks/it.lua", check).put("lua/checks/m.lua", "return 1");
    for file in ["lua/checks/it.lua", "lua/checks/m.lua"] {
        refused_each_way(&desk.path(file), 64, true, || desk.run("check it --no-keep"), 0);
    }
}

#[test]
fn the_prompt_requires_no_module_that_others_can_change() {
    require!(root());
    let desk = Desk::new();
    desk.put("m.lua", "return 'loaded ' .. 'module'");
    let run = || finish(desk.command(["lua", "-e", "require('m')"]).spawn().unwrap());
    refused_each_way(&desk.path("m.lua"), 3, true, run, 0);
    chown(desk.path("m.lua"), Some(STRANGER), None).unwrap();
    assert!(!run().out.contains("loaded module"));
    let trusted = finish(desk.command(["lua", "--trust", "-e", "require('m')"]).spawn().unwrap());
    trusted.ended(0).printed(&["loaded module"]);
}

#[test]
fn a_case_that_others_can_change_is_not_run_again_by_path_or_by_name() {
    require!(root());
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).run("run brief.yaml --save a.case -q").ended(0);
    refused_each_way(&desk.path("a.case"), 64, true, || desk.run("retest a.case --no-keep -q"), 0);
    let kept = desk.kept(&desk.kept_names()[0]);
    each_way(&kept, |way, said| {
        let answer = desk.run("retest latest --no-keep -q");
        assert_eq!(answer.status, Some(64), "{way}: {answer:#?}");
        // A link is none of the kept cases.
        let said: &[&str] = if way == "link" { &["none is kept"] } else { said };
        assert!(said.iter().all(|words| answer.err.contains(words)), "{way}: {}", answer.err);
        assert!(!answer.err.contains("--trust"), "{way}: {}", answer.err);
    });
    desk.run("retest latest --no-keep -q").ended(0);
}

#[test]
fn a_journal_that_others_can_change_is_not_finished() {
    require!(root());
    let desk = signals::desk();
    let mut child = watching(&desk, &format!("run long.yaml --window {LONG} -q"));
    child.kill().unwrap();
    wait(&mut child);
    let journal = desk.kept(&desk.kept_names()[0]);
    each_way(&journal, |way, said| {
        let answer = desk.run("cases finish last");
        assert_eq!(answer.status, Some(64), "{way}: {answer:#?}");
        let said: &[&str] = if way == "link" { &["none is kept"] } else { said };
        assert!(said.iter().all(|words| answer.err.contains(words)), "{way}: {}", answer.err);
    });
    desk.run("cases finish last").ended(3);
}

#[test]
fn nothing_is_removed_or_listed_where_others_may_write() {
    require!(root());
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).run("run brief.yaml -q").ended(0);
    mode(&desk.kept(""), 0o777);
    for line in ["cases prune --keep 0", "cases", "report latest"] {
        desk.run(line).refused(&["everybody may write to it", "`chmod o-w "]);
    }
    assert_eq!(desk.kept_names().len(), 1);
    mode(&desk.kept(""), 0o700);
    desk.run("cases prune --keep 0").ended(0);
    assert!(desk.kept_names().is_empty());
}

#[test]
fn a_map_of_pseudonyms_that_others_can_change_or_read_is_not_used() {
    require!(root());
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).put("text", "nothing");
    desk.run("run brief.yaml --redact hosts --redact-map map.json --save a.case --no-keep -q").ended(0);
    let undo = || desk.run("unredact text --map map.json");
    refused_each_way(&desk.path("map.json"), 64, false, undo, 0);
    let again = || desk.run("report a.case --redact addresses --redact-map map.json");
    refused_each_way(&desk.path("map.json"), 64, false, again, 0);
    mode(&desk.path("map.json"), 0o604);
    undo().refused(&["mode 0604", "chmod 600"]);
}

#[test]
fn the_environment_alone_makes_no_files_the_callers() {
    require!(root());
    let desk = Desk::new();
    desk.put("it.lua", "return check { name = 'it', summary = 'It', run = function(cx) return cx.ok('so') end }");
    chown(desk.path("it.lua"), Some(STRANGER), None).unwrap();
    let answer = desk.run_with("check ./it.lua --no-keep", |command| {
        command.env("SUDO_UID", STRANGER.to_string()).env("SUDO_GID", STRANGER.to_string());
    });
    answer.refused(&["it belongs to user 12345"]);
}

#[test]
fn files_of_the_user_who_called_sudo_are_run() {
    require!(root());
    let login = fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    let is_of_login = login.trim().parse::<u32>().is_ok_and(|user| user != u32::MAX);
    let no_login = Missing::new("a process of no login", format!("start the tests as a service, not as user {login}"));
    require!((!is_of_login).then_some(()).ok_or(no_login));
    let desk = Desk::new();
    desk.put("it.lua", "return check { name = 'it', summary = 'It', run = function(cx) return cx.ok('so') end }");
    mode(&desk.path(""), 0o755);
    chown(desk.path("it.lua"), Some(STRANGER), None).unwrap();
    // A program of root's that a user may start, as sudo is one, below a shell of that user.
    let raise = desk.path("raise");
    fs::copy(require!(tool("setpriv")), &raise).unwrap();
    mode(&raise, 0o4755);
    let binary = desk.path("casebook");
    fs::copy(env!("CARGO_BIN_EXE_casebook"), &binary).unwrap();
    let run = |named: u32| {
        let mut command = Command::new("/bin/sh");
        let line = "./raise --reuid 0 --regid 0 --clear-groups ./casebook check ./it.lua --no-keep; exit $?";
        command.args(["-c", line]).current_dir(desk.path("")).env_clear().uid(STRANGER).gid(STRANGER);
        command.env("SUDO_UID", named.to_string());
        finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    run(STRANGER).ended(0);
    run(NOBODY).refused(&["it belongs to user 12345"]);
}

/// Runs a copy of the binary as nobody, in the folder of the desk.
fn as_nobody(desk: &Desk, binary: &Path, words: &[&str]) -> Answer {
    let mut command = Command::new(binary);
    command.args(words).current_dir(desk.path("")).env_clear().uid(NOBODY).gid(NOBODY);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A child that another test starts while the binary is copied holds it open for writing until it runs its own program.
    let started = loop {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => thread::sleep(Duration::from_millis(20)),
            started => break started.unwrap(),
        }
    };
    finish(started)
}

fn copy_of_the_binary(desk: &Desk) -> PathBuf {
    mode(&desk.path(""), 0o755);
    let binary = desk.path("casebook");
    fs::copy(env!("CARGO_BIN_EXE_casebook"), &binary).unwrap();
    binary
}

#[test]
fn a_file_that_goes_before_a_shipped_runbook_is_said_and_refused_to_everybody_when_it_is_a_strangers() {
    require!(root());
    let desk = Desk::new();
    let binary = copy_of_the_binary(&desk);
    fs::create_dir(desk.path("runbooks")).unwrap();
    let file = format!("runbooks/{SHIPPED}.yaml");
    desk.put(&file, GOOD.replace("name: brief", &format!("name: {SHIPPED}")));
    let run = |words: &[&str]| as_nobody(&desk, &binary, &[words, &["--no-keep"]].concat());
    for owner in [0, NOBODY] {
        chown(desk.path(&file), Some(owner), None).unwrap();
        let answer = run(&["run", SHIPPED]);
        answer.ended(0).printed(&[&format!("from {file}, in place of the one that ships")]);
        let said = format!("WARNING: {file} is taken in place of the runbook `{SHIPPED}` that ships");
        assert!(answer.err.contains(&said), "{}", answer.err);
    }
    let case = run(&["run", SHIPPED, "--format", "json"]);
    let case: serde_json::Value = serde_json::from_str(&case.ended(0).out).unwrap();
    assert_eq!(case["runbook"]["overrides_embedded"], file);
    desk.put("a.json", case.to_string());
    desk.run("replay a.json").ended(0).printed(&[&format!("from {file}, in place of the one that ships")]);
    // Under its own path, nobody expects the one that ships.
    let named = run(&["run", &format!("./{file}")]);
    assert!(!named.ended(0).err.contains("in place of"), "{}", named.err);
    chown(desk.path(&file), Some(STRANGER), None).unwrap();
    run(&["run", SHIPPED]).refused(&["belongs to user 12345", "somebody else decides what you run", "shipped one"]);
    as_nobody(&desk, &binary, &["list"]).ended(0).printed(&["REFUSED", "belongs to user 12345"]);
    run(&["run", SHIPPED, "--trust"]).ended(0);
    chown(desk.path(&file), Some(NOBODY), None).unwrap();
    mode(&desk.path("runbooks"), 0o777);
    run(&["run", SHIPPED]).refused(&["it lies in", "everybody may write to it"]);
}

/// A copy of the binary that reads every file and sees every packet, for whoever runs it.
fn with_capabilities(desk: &Desk) -> Option<PathBuf> {
    let setcap = require!(tool("setcap"));
    let binary = copy_of_the_binary(desk);
    let set = Command::new(setcap).arg("cap_dac_read_search,cap_net_raw+ep").arg(&binary).output().unwrap();
    let given = Missing::new("a file system with capabilities", String::from_utf8_lossy(&set.stderr));
    require!(set.status.success().then_some(Some(binary)).ok_or(given))
}

#[test]
fn a_program_with_capabilities_runs_nothing_of_strangers() {
    let desk = Desk::new();
    require!(root());
    let Some(binary) = with_capabilities(&desk) else { return };
    let run = |words: &[&str]| as_nobody(&desk, &binary, words);
    desk.put("brief.yaml", GOOD);
    fs::create_dir_all(desk.path("lua/checks")).unwrap();
    fs::create_dir(desk.path("runbooks")).unwrap();
    desk.put(
        "lua/checks/it.lua",
        "return check { name = 'it', summary = 'It', run = function(cx) return cx.ok('so') end }",
    );
    desk.put("runbooks/other.yaml", GOOD.replace("name: brief", "name: other")).put("m.lua", "return 'loaded'");
    let asks: &[(&str, &[&str], i32)] = &[
        ("brief.yaml", &["run", "./brief.yaml", "--no-keep"], 64),
        ("runbooks/other.yaml", &["run", "other", "--no-keep"], 64),
        ("lua/checks/it.lua", &["check", "it", "--no-keep"], 64),
        ("m.lua", &["lua", "-e", "require('m')"], 3),
    ];
    for (file, words, refused) in asks {
        chown(desk.path(file), Some(STRANGER), None).unwrap();
        let answer = run(words);
        assert_eq!(answer.status, Some(*refused), "{file}: {answer:#?}");
        for said in ["belongs to user 12345", "what this program's capabilities are used for", "--trust"] {
            assert!(answer.err.contains(said), "{file}: {}", answer.err);
        }
        for owner in [0, NOBODY] {
            chown(desk.path(file), Some(owner), None).unwrap();
            run(words).ended(0);
        }
    }
}

#[test]
fn a_program_with_capabilities_reads_for_its_caller_what_the_caller_may_read() {
    let desk = Desk::new();
    require!(root());
    let Some(binary) = with_capabilities(&desk) else { return };
    let run = |words: &[&str]| as_nobody(&desk, &binary, words);
    fs::create_dir(desk.path("closed")).unwrap();
    const INSIDE: &str = "Nov 22 10:00:00 host kernel: unseen";
    desk.put("mine", INSIDE).put("roots", INSIDE).put("closed/messages", INSIDE).put("roots.yaml", INSIDE);
    desk.put("roots.json", INSIDE);
    for file in ["roots", "roots.yaml", "roots.json"] {
        mode(&desk.path(file), 0o600);
    }
    mode(&desk.path("closed"), 0o700);
    let paths = |name: &str| format!("paths={}", desk.path(name).display());
    let mine = run(&["probe", "file", &paths("mine"), "--format", "json"]);
    assert!(mine.ended(0).out.contains("unseen"), "{mine:#?}");
    let (closed, within) = (format!("dir={}", desk.path("closed").display()), paths("closed/messages"));
    let file = format!("file={}", desk.path("roots").display());
    let asks: &[(&[&str], &str)] = &[
        (&["probe", "file", &paths("roots"), "--format", "json"], "with your own rights"),
        (&["probe", "file", &within, "--format", "json"], "with your own rights"),
        (&["probe", "logs", &closed, "since=9000d", "--format", "json"], "ermission denied"),
        (&["probe", "capture", &file, "--format", "json"], "with your own rights"),
        (&["lint", "roots.yaml"], "this user may not read it"),
        (&["report", "roots.json"], "this user may not read it"),
        (&["run", "./roots.yaml"], "this user may not read it"),
        (&["unredact", "roots", "--map", "mine"], "cannot use the map"),
    ];
    for (words, said) in asks {
        let answer = run(words);
        let all = format!("{}{}", answer.out, answer.err);
        assert!(all.contains(said), "{words:?}: {answer:#?}");
        assert!(!all.contains("unseen"), "{words:?}: {answer:#?}");
    }
    // What the kernel shows to capabilities is still shown.
    run(&["probe", "capture", "interface=lo", "window=100ms"]).ended(0);
}
