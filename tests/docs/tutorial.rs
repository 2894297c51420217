//! What a page tells its reader to type is typed, in the order of the page, and what it shows must come.
//!
//! A block under a path in backquotes is a file. A block of text with lines `$ casebook …` is a terminal: `sudo` is left out,
//! lines that begin with `>` are typed at the prompt, `# not as root` at the end takes root away, and the rest is what must be
//! shown. Figures may differ, lines may break elsewhere, and `...` stands for anything.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use regex::Regex;

use crate::page::Block;

/// The user `nobody`.
const NOBODY: u32 = 65534;

/// One command of a block, and what the page shows of its answer.
#[derive(Debug, Default)]
struct Typed {
    line: usize,
    command: String,
    prompt: String,
    shown: String,
}

/// Follows a page in an empty folder; says how many commands it typed.
pub fn follow(page: &str, blocks: &[Block]) -> usize {
    let desk = tempfile::tempdir().expect("a folder can be made");
    fs::set_permissions(desk.path(), Permissions::from_mode(0o755)).expect("nobody may read it");
    // The folder that the binary was built in may be closed to others.
    let binary = desk.path().join(".casebook");
    fs::copy(env!("CARGO_BIN_EXE_casebook"), &binary).expect("the binary can be copied");
    let mut status = None;
    let mut count = 0;
    for block in blocks {
        if let Some(file) = &block.file {
            let path = desk.path().join(file);
            fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder can be made");
            fs::write(path, &block.text).expect("a file can be written");
        } else if block.language == "text" {
            for typed in commands(block) {
                let place = format!("{page}:{}: {}", typed.line, typed.command);
                let said = match typed.command.as_str() {
                    "echo $?" => format!("{}\n", status.unwrap_or(-1)),
                    _ => {
                        let (said, ended) = run(&binary, desk.path(), &typed);
                        status = ended;
                        said
                    }
                };
                holds(&typed.shown, &said)
                    .unwrap_or_else(|part| panic!("{place}\nshould show\n{part}\nand says\n{said}"));
                count += 1;
            }
        }
    }
    count
}

/// The commands of a block.
fn commands(block: &Block) -> Vec<Typed> {
    let mut found: Vec<Typed> = Vec::new();
    for (number, line) in block.text.lines().enumerate() {
        if let Some(command) = line.strip_prefix("$ ") {
            found.push(Typed { line: block.line + number, command: command.to_owned(), ..Typed::default() });
        } else if let Some(last) = found.last_mut() {
            let (text, line) = match line.strip_prefix("> ") {
                Some(typed) => (&mut last.prompt, typed),
                None => (&mut last.shown, line),
            };
            text.push_str(line);
            text.push('\n');
        }
    }
    found
}

/// Runs a command; what it says on both of its ways out, in order, and its exit status.
fn run(binary: &Path, folder: &Path, typed: &Typed) -> (String, Option<i32>) {
    let (words, comment) = typed.command.split_once('#').unwrap_or((&typed.command, ""));
    let mut words = words.split_whitespace().peekable();
    words.next_if_eq(&"sudo");
    assert_eq!(words.next(), Some("casebook"), "{}: only casebook is run", typed.command);
    let answer = tempfile::NamedTempFile::new().expect("a file can be made");
    let out = || Stdio::from(File::options().append(true).open(answer.path()).expect("it can be written"));
    let mut command = Command::new(binary);
    command.args(words).current_dir(folder).env_clear().env("HOME", folder);
    command.stdin(Stdio::piped()).stdout(out()).stderr(out());
    if comment.trim() == "not as root" {
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut child = command.spawn().expect("the binary can be started");
    let mut stdin = child.stdin.take().expect("it has an input");
    stdin.write_all(typed.prompt.as_bytes()).expect("it reads what is typed");
    drop(stdin);
    let status = child.wait().expect("it ends");
    (fs::read_to_string(answer.path()).expect("it says text"), status.code())
}

/// Whether all that is shown was said, in that order; otherwise the part that was not.
fn holds(shown: &str, said: &str) -> Result<(), String> {
    let said = loose(said);
    let mut rest = said.as_str();
    for part in shown.split("...").map(loose).filter(|part| !part.is_empty()) {
        let at = rest.find(&part).ok_or_else(|| part.clone())?;
        rest = &rest[at + part.len()..];
    }
    Ok(())
}

/// A text without what differs from run to run: figures, and where lines break.
fn loose(text: &str) -> String {
    let figures = Regex::new(r"[0-9][0-9,.]*[0-9]|[0-9]").expect("it is a regular expression");
    let masked = figures.replace_all(text, "0");
    masked.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_shown_must_be_said_in_its_order() {
    let said = "one  12,345 two\n  three\nfour";
    assert_eq!(holds("one 9 two three", said), Ok(()));
    assert_eq!(holds("two\n...\nfour", said), Ok(()));
    assert!(holds("four\n...\none", said).is_err());
    assert!(holds("one two", said).is_err());
}
