//! Manual pages: one for each command, that the formatter of the system reads without a complaint.

use std::process::Command;

use crate::command::{Desk, casebook};
use crate::support::need::{require, tool};

#[test]
fn every_command_has_a_page_with_its_files_variables_and_statuses() {
    let desk = Desk::new();
    let written = desk.run("generate man pages").ended(0).out.clone();
    let names: Vec<&str> = written.lines().filter_map(|path| path.strip_prefix("pages/")).collect();
    for name in ["casebook.1", "casebook-run.1", "casebook-attach.1", "casebook-config.1", "casebook-man.1"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for name in &names {
        let page = desk.text(&format!("pages/{name}"));
        let sections = ["NAME", "SYNOPSIS", "DESCRIPTION", "ENVIRONMENT", "\"EXIT STATUS\"", "\"SEE ALSO\""];
        for section in sections {
            assert!(page.contains(&format!(".SH {section}\n")), "{name} has no {section}:\n{page}");
        }
    }
    let run = desk.text("pages/casebook-run.1");
    for said in ["/etc/casebook/config.toml", "XDG_STATE_HOME", "1 warning, 2 critical", ".SH EXAMPLES", ".SH FILES"] {
        assert!(run.contains(said), "{said} is not in\n{run}");
    }
    let attach = desk.text("pages/casebook-attach.1");
    assert!(attach.contains("GITHUB_TOKEN") && attach.contains("65 a secret would leave"), "{attach}");
}

#[test]
fn the_pages_can_be_formatted() {
    require!(tool("groff"));
    let desk = Desk::new();
    desk.run("generate man .").ended(0);
    for name in ["casebook.1", "casebook-run.1", "casebook-attach.1"] {
        let out = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(desk.path(name)).output().unwrap();
        assert!(out.status.success() && out.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn man_prints_the_page_of_a_command() {
    casebook("man").ended(0).printed(&[".TH CASEBOOK 1"]);
    casebook("man run").ended(0).printed(&[".TH CASEBOOK-RUN 1", "casebook run [OPTIONS] <RUNBOOK>"]);
    casebook("man rnu").refused(&["no command `rnu`", "did you mean `run`?"]);
}
