//! The runbooks that the documentation shows can be run, what it tells the reader to type works, and its links lead somewhere.

#[path = "docs/kubernetes.rs"]
mod kubernetes;
#[path = "docs/page.rs"]
mod page;
#[path = "docs/strangers.rs"]
mod strangers;
mod support;
#[path = "docs/tutorial.rs"]
mod tutorial;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use casebook::runbook;
use serde_json::Value;
use strangers::Others;
use support::namespace::in_namespace;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder with that ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(project().join(folder)).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    let mut found: Vec<_> = paths.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    found.sort();
    found
}

fn pages() -> Vec<PathBuf> {
    let mut pages = files("docs", "md");
    pages.extend(["README.md", "CHANGELOG.md"].map(|name| project().join(name)));
    pages
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the file is text")
}

fn good(text: &str, origin: &str) {
    if let Err(problems) = runbook::load(text, origin) {
        panic!("{origin} is not a good runbook\n{problems}");
    }
}

#[test]
fn the_example_runbooks_are_good() {
    let examples = files("docs/examples", "yaml");
    assert!(!examples.is_empty(), "there are examples");
    for path in examples.iter().filter(|path| !path.to_string_lossy().contains(".test.")) {
        good(&read(path), &path.display().to_string());
    }
}

#[test]
fn whole_runbooks_in_the_pages_are_good() {
    let mut whole = 0;
    for path in pages() {
        for block in page::blocks(&read(&path)) {
            // A fragment shows a part; a runbook begins with its name. What has a file's name is run with its checks.
            if block.language == "yaml" && block.file.is_none() && block.text.starts_with("name:") {
                whole += 1;
                good(&block.text, &format!("{}:{}", path.display(), block.line));
            }
        }
    }
    assert!(whole > 0, "the pages show at least one whole runbook");
}

#[test]
fn links_between_pages_lead_to_files() {
    for path in pages() {
        let text = read(&path);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let folder = path.parent().expect("a page lies in a folder");
            assert!(folder.join(file).exists(), "{} links to {target}, which is not there", path.display());
        }
    }
}

/// Follows the parts of a page, on a host that strangers send to.
fn follow(page: &'static str, section: Option<&'static str>) {
    in_namespace(move || {
        strangers::link();
        let _strangers = Others::unasked();
        let text = read(&project().join(page));
        let part = section.map_or(text.as_str(), |heading| page::section(&text, heading));
        let typed = tutorial::follow(page, &page::blocks(part));
        assert_eq!(typed, part.matches("\n$ ").count(), "all that {page} tells the reader to type");
    });
}

#[test]
fn the_tutorial_of_lua_runs_as_it_is_written() {
    follow("docs/lua.md", None);
}

#[test]
fn what_is_said_of_checks_in_runbooks_runs_as_it_is_written() {
    follow("docs/runbooks.md", Some("## Steps that call checks"));
    follow("docs/runbooks.md", Some("## Runbooks in Lua"));
}

#[test]
fn the_check_of_the_readme_runs_as_it_is_written() {
    follow("README.md", Some("## Checks of your own"));
}

/// Runs the binary in the project's folder.
fn casebook(line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
    command.args(line.split_whitespace()).current_dir(project()).output().expect("the binary can be run")
}

#[test]
fn the_example_check_passes_its_tests_and_lint() {
    for line in ["test --trust docs/examples/unasked_udp.test.yaml", "lint docs/examples"] {
        let answer = casebook(line);
        let said = String::from_utf8_lossy(&answer.stdout);
        assert!(answer.status.success(), "{line}: {said}{}", String::from_utf8_lossy(&answer.stderr));
    }
}

#[test]
fn the_example_check_names_strangers_by_their_packets() {
    const CHECK: &str = "check --trust ./docs/examples/unasked_udp.lua window=2s some=50 --format json";
    in_namespace(|| {
        strangers::link();
        let strangers = Others::unasked();
        let answer = casebook(CHECK);
        let case: Value = serde_json::from_slice(&answer.stdout).expect("a case");
        assert_eq!(answer.status.code(), Some(1), "{case:#}");
        let data = &case["findings"][0]["data"];
        let said = case["findings"][0].to_string();
        assert_eq!(
            (&data["address"], &data["port"], &data["share"]),
            (&"192.0.2.1".into(), &27_015.into(), &1.0.into())
        );
        assert!(said.contains("most for 192.0.2.1:27015 from 198.51.100.7"), "{said}");
        assert!(said.contains("ntp reflection") && said.contains("from UDP port 123 of about 1"), "{said}");
        let seen = &case["evidence"]["unasked_udp.capture"]["output"];
        let packets = seen["endpoints"].as_array().and_then(|rows| rows.iter().find(|row| row["port"] == 27_015));
        assert_eq!(packets.expect("the port is there")["packets"], data["datagrams"], "to the last datagram");

        drop(strangers);
        let answers = Others::asked();
        let busy = casebook(CHECK);
        let case: Value = serde_json::from_slice(&busy.stdout).expect("a case");
        assert_eq!(busy.status.code(), Some(0), "answers were asked for: {case:#}");
        let received = case["findings"][0]["data"]["received"].as_u64();
        assert!(received.is_some_and(|count| count > 500), "{received:?}");

        drop(answers);
        let calm = casebook(CHECK);
        assert_eq!(calm.status.code(), Some(0), "{}", String::from_utf8_lossy(&calm.stdout));
    });
}

#[test]
fn the_report_in_the_readme_is_what_is_printed() {
    let readme = fs::read_to_string(project().join("README.md")).expect("it is there");
    let shown = readme.split_once("```text\n").and_then(|(_, rest)| rest.split_once("\n```")).expect("a report").0;
    let case = project().join("tests/cases/udp-flood-closed-port.json");
    // Elsewhere than in the project, whose folder of runbooks goes before those that are shipped.
    let elsewhere = tempfile::tempdir().expect("a temporary folder can be made");
    let output = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(["replay", "--format", "terminal"])
        .arg(case)
        .arg("high-inbound-traffic")
        .envs([("COLUMNS", "100"), ("LC_ALL", "C.UTF-8"), ("NO_COLOR", "1"), ("TERM", "xterm"), ("TZ", "UTC")])
        .current_dir(elsewhere.path())
        .output()
        .expect("the binary can be run");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(shown.trim_end(), String::from_utf8_lossy(&output.stdout).trim_end());
}

#[test]
fn the_shelf_in_the_readme_is_what_ships() {
    use casebook::runbook::{Kind, embedded};
    let readme = fs::read_to_string(project().join("README.md")).expect("it is there");
    let rows = readme.lines().skip_while(|line| *line != "| runbook | what it answers |").skip(2);
    let mut told: Vec<&str> = rows.map_while(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    told.sort_unstable();
    let mut ships: Vec<String> = embedded(Kind::Runbook).into_iter().map(|found| found.name).collect();
    ships.sort_unstable();
    assert_eq!(told, ships, "the table of the README has a row for each runbook");
}
