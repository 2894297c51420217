//! Manual pages: one for casebook and one for each command, out of what clap knows, with the files and variables that each uses.

use std::fmt::Write;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// Commands that a file or variable concerns; none: all.
type Concerns = &'static [&'static str];

const SEARCHES: Concerns = &["run", "check", "plan", "show", "list", "lint", "test", "replay"];
const KEEPS: Concerns = &["run", "check", "retest", "replay", "report", "diff", "cases", "attach"];
const CONFIGURED: Concerns =
    &["run", "check", "plan", "show", "replay", "report", "merge", "cases", "attach", "doctor", "config"];

/// Files, what each is, and for whom.
const FILES: &[(&str, &str, Concerns)] = &[
    ("/etc/casebook/config.toml", "Defaults of the system: parameters, reports, mail, trackers.", CONFIGURED),
    (
        "~/.config/casebook/config.toml",
        "Defaults of the user, which go before those of the system. $XDG_CONFIG_HOME takes the place of ~/.config.",
        CONFIGURED,
    ),
    ("./runbooks, ~/.config/casebook/runbooks, /etc/casebook/runbooks", "Where runbooks are found by name.", SEARCHES),
    ("./lua/checks, ~/.config/casebook/checks, /etc/casebook/checks", "Where checks are found by name.", SEARCHES),
    (
        "~/.local/state/casebook/cases, for root /var/lib/casebook/cases",
        "Cases of earlier runs, and journals of runs that were not finished. $XDG_STATE_HOME takes the place of ~/.local/state.",
        KEEPS,
    ),
];

/// Variables, what each does, and for whom.
const VARIABLES: &[(&str, &str, Concerns)] = &[
    (
        "LC_ALL, LC_CTYPE, LANG",
        "What a terminal can show: ASCII alone where the first that is set names no UTF-8.",
        &[],
    ),
    ("NO_COLOR, CLICOLOR_FORCE, CLICOLOR, TERM", "Whether there are colours, where --color does not say.", &[]),
    ("TZ, TZDIR", "The local time zone.", &["run", "check", "retest", "probe", "lua", "replay"]),
    ("XDG_CONFIG_HOME, HOME", "Where the user's configuration, runbooks and checks are.", SEARCHES),
    ("XDG_STATE_HOME, HOME", "Where cases are kept.", KEEPS),
    (
        "GITHUB_TOKEN, GH_TOKEN, GITLAB_TOKEN, JIRA_TOKEN, JIRA_USER, CASEBOOK_WEBHOOK_TOKEN",
        "Credentials of trackers.",
        &["attach"],
    ),
    ("CASEBOOK_SMTP_USER, CASEBOOK_SMTP_PASSWORD", "Credentials of the mail server.", &["attach"]),
    ("GITHUB_API_URL, CASEBOOK_GITLAB_URL, CASEBOOK_JIRA_URL", "Servers of trackers.", &["attach"]),
    ("CASEBOOK_SMTP, CASEBOOK_SMTP_FROM", "The mail server, and the sender.", &["attach"]),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "Certificate authorities, in place of the host's.", &["attach"]),
    ("ALL_PROXY, HTTPS_PROXY, HTTP_PROXY", "A proxy for trackers.", &["attach"]),
    (
        "COMPLETE",
        "Set by a shell that asks for completions; COMPLETE=bash casebook prints what bash evaluates.",
        &["completions"],
    ),
];

/// What a command without words of its own ends with.
const STATUS: &str = "0 it was done, 64 bad usage, 70 internal error.";

/// Every page: the name of its file, and its text.
pub fn pages(mut command: Command) -> Vec<(String, String)> {
    command.build();
    let mut pages = vec![("casebook.1".to_owned(), page(&command, None))];
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set()) {
        pages.push((format!("casebook-{}.1", sub.get_name()), page(sub, Some(sub.get_name()))));
    }
    pages
}

/// A page; `name` is the subcommand's.
fn page(command: &Command, name: Option<&str>) -> String {
    let title = name.map_or_else(|| "casebook".to_owned(), |name| format!("casebook-{name}"));
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let command = command.clone().disable_help_subcommand(true).after_help(None::<&str>);
    let man = Man::new(command.clone().display_name(title.clone()))
        .title(title.to_uppercase())
        .source(format!("casebook {}", env!("CARGO_PKG_VERSION")))
        .manual("casebook");
    let mut out = Vec::new();
    // Writing to memory does not fail.
    let _ = man.render_title(&mut out);
    let _ = man.render_name_section(&mut out);
    let usage = command.clone().render_usage().to_string();
    out.extend(section("SYNOPSIS", usage.trim_start_matches("Usage: ")).into_bytes());
    let _ = man.render_description_section(&mut out);
    if command.get_arguments().next().is_some() {
        let _ = man.render_options_section(&mut out);
    }
    if command.get_subcommands().next().is_some() {
        let _ = man.render_subcommands_section(&mut out);
    }
    let text = String::from_utf8_lossy(&out).into_owned();
    let mut text = format!("{PREAMBLE}{}", text.replace(PREAMBLE, ""));
    let mut status = None;
    for part in after.split("\n\n").map(str::trim_end).filter(|part| !part.is_empty()) {
        match part.split_once(':') {
            Some(("Examples", lines)) => text.push_str(&examples(lines)),
            Some((head, rest)) if head.starts_with("Exit status") => status = Some(rest.trim().to_owned()),
            _ => text.push_str(&section("NOTES", part)),
        }
    }
    let concerned = |concerns: Concerns| name.is_none_or(|name| concerns.is_empty() || concerns.contains(&name));
    text.push_str(&listed("FILES", FILES.iter().filter(|(.., concerns)| concerned(concerns))));
    text.push_str(&listed("ENVIRONMENT", VARIABLES.iter().filter(|(.., concerns)| concerned(concerns))));
    text.push_str(&section("EXIT STATUS", status.as_deref().unwrap_or(STATUS)));
    let others = if name.is_some() { "casebook(1)" } else { "casebook-run(1), casebook-doctor(1), casebook-config(1)" };
    text.push_str(&section("SEE ALSO", others));
    text
}

fn section(head: &str, text: &str) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [head]).text([roman(text.split_whitespace().collect::<Vec<_>>().join(" "))]);
    roff.render().replace(PREAMBLE, "")
}

fn examples(lines: &str) -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        roff.text([roman(line.trim_start().to_owned())]);
    }
    roff.control("fi", []);
    roff.render().replace(PREAMBLE, "")
}

fn listed<'t>(head: &str, items: impl Iterator<Item = &'t (&'t str, &'t str, Concerns)>) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [head]);
    for (name, about, _) in items {
        roff.control("TP", []).text([bold(*name)]).text([roman(*about)]);
    }
    roff.render().replace(PREAMBLE, "")
}

/// What the crate begins each text with, and a page needs once.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// The reference of the configuration files.
pub(super) fn config_page() -> String {
    use crate::config::{KEYS, SECTIONS};
    let mut page = String::from(
        "# The configuration\n\nDefaults for what the command line leaves open, as TOML in two files: `/etc/casebook/config.toml`, then\n\
         `~/.config/casebook/config.toml` (`$XDG_CONFIG_HOME` takes the place of `~/.config`). A key of the second goes before\n\
         the same key of the first. A flag goes before a variable of the environment, and that before both files.\n\n\
         A key or section that is not listed here is an error, with its file and line.\n\n| section | holds |\n|---|---|\n",
    );
    for (section, about) in SECTIONS {
        let _ = writeln!(page, "| `[{section}]` | {about} |");
    }
    page.push_str(
        "\n## params\n\nEach key is the name of a parameter, and its value what would stand behind `--set NAME=`. `[params.RUNBOOK]` holds\n\
         those of one runbook or check, which go before those of `[params]`. Secrets have no place here.\n",
    );
    let mut before = "";
    for key in KEYS {
        if key.section != before {
            let _ =
                writeln!(page, "\n## {}\n\n| key | takes | goes before it | meaning |\n|---|---|---|---|", key.section);
            before = key.section;
        }
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", key.name, key.takes_word(), key.before, key.about);
    }
    page.push_str("\nA path begins at the folder of its file, or with `~/` at the home of the user.\n");
    page
}
