//! The table against lines that the daemons themselves wrote.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::probe::logs::origin::LogOrigin;
use crate::probe::logs::patterns::{Look, Patterns};
use crate::probe::logs::timestamp::Clock;

/// The recorded lines: `NAME-VERSION.log`, each as the daemon or its logger wrote it, but for names of hosts.
fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemons");
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "log") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Where such a file would lie on a host: `named-9.18.49.own.log` is the daemon's own file, the others are a logger's.
fn origin_of(path: &Path) -> LogOrigin {
    let name = path.file_name().unwrap().to_str().unwrap();
    let daemon = name.split('-').next().unwrap();
    if name.contains(".own.") {
        LogOrigin::of(Path::new(&format!("/var/log/{daemon}/{daemon}.log")))
    } else if name.contains(".access.") {
        LogOrigin { kind: Some(Kind::Access), program: None }
    } else {
        LogOrigin::of(Path::new("/var/log/syslog"))
    }
}

#[test]
fn the_lines_of_real_daemons_are_what_they_are() {
    let patterns = Patterns::compile(&all()).unwrap();
    let clock = Clock::new(TimeZone::UTC, "2026-12-01T00:00:00Z".parse().unwrap());
    let clock = clock.started_at("2026-11-28T00:00:00Z".parse().unwrap());
    let mut found = BTreeSet::new();
    for path in recordings() {
        let text = fs::read(&path).unwrap();
        let mut searcher = patterns.searcher();
        let origin = origin_of(&path);
        searcher.turn_to(origin.judge(text.split(|byte| *byte == b'\n')), origin.program);
        let mut told = String::new();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let at: Option<Timestamp> = clock.read(line).map(|(at, _)| at);
            assert!(at.is_some(), "{}: no time: {}", path.display(), String::from_utf8_lossy(line));
            let look = searcher.look(line);
            let names: Vec<usize> = (0..).map_while(|nth| searcher.matched(nth)).collect();
            let said = names.iter().map(|index| {
                let pattern = &patterns.each()[*index];
                let mut said = pattern.name.clone();
                found.insert((pattern.name.clone(), searcher.form(*index)));
                if let Look::Hits(seen) = &look {
                    searcher.captures(*index, seen, |group, text| {
                        let _ = write!(said, " {}={}", pattern.groups[group], String::from_utf8_lossy(text));
                    });
                    if seen.times > 1 {
                        let _ = write!(said, " x{}", seen.times);
                    }
                }
                said
            });
            let said: Vec<String> = said.collect();
            // A request to a forward proxy, with a password, or one that HAProxy could not pass on, is a request, too.
            let is_request = |said: &String| {
                ["http_proxy_request", "http_wordpress_login", "web_upstream", "web_full"]
                    .iter()
                    .any(|name| said.starts_with(name))
            };
            let proxied = said.iter().any(is_request);
            assert!(said.len() < 2 || proxied, "{}: {said:?}", path.display());
            assert!(
                said.is_empty() || searcher.next_candidate(line, 0).is_some(),
                "the fast search overlooks: {}",
                String::from_utf8_lossy(line)
            );
            let shown = if said.is_empty() { "-".to_owned() } else { said.join("; ") };
            let _ = writeln!(told, "{shown}\n    {}", String::from_utf8_lossy(line));
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        insta::with_settings!({
            snapshot_path => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemons/read"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, told);
        });
    }
    for usual in table() {
        for form in 0..usual.lines.len() {
            assert!(
                found.contains(&(usual.name.to_owned(), Some(form))),
                "tests/daemons has no line of form {form} of {}",
                usual.name
            );
        }
    }
}

#[test]
fn each_pattern_is_told_in_whole_words() {
    let mut names = BTreeSet::new();
    for usual in table() {
        assert!(names.insert(usual.name), "{} is there twice", usual.name);
        assert!(usual.lines.iter().all(|lines| !lines.of.is_empty()), "{}", usual.name);
        let groups: Vec<&str> = usual.by.iter().map(|by| by.group).collect();
        let patterns = Patterns::compile(&IndexMap::from([(usual.name.to_owned(), Wanted::Bound(Bound::default()))]));
        let patterns = patterns.unwrap();
        for group in groups {
            assert!(patterns.each()[0].groups.iter().any(|name| name == group), "{}: {group}", usual.name);
        }
    }
}
