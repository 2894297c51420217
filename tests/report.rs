//! Reports of invented cases, as their readers see them.

#[path = "report/browser.rs"]
mod browser;
#[path = "report/case.rs"]
mod case;
#[path = "report/html.rs"]
mod html;
#[path = "report/pictures.rs"]
mod pictures;
#[path = "report/programs.rs"]
mod programs;
mod support;

use case::{HOSTILE, calm, empty, flood, hostile, huge, partial, without_root};
use casebook::case::{Case, Coverage, EntryKind, Likelihood, Urgency, Verdict};
use casebook::report::{Options, RENDERERS, by_name};
use serde_json::json;
use textwrap::core::display_width;

fn render(case: &Case, format: &str, options: &Options) -> String {
    let mut out = Vec::new();
    by_name(format).unwrap().render(case, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn render_plainly(case: &Case, format: &str) -> String {
    render(case, format, &Options::default())
}

fn terminal(case: &Case, width: usize) -> String {
    render(case, "terminal", &Options { width, ..Options::default() })
}

fn text(case: &Case) -> String {
    render(case, "text", &Options::default())
}

fn markdown(case: &Case) -> String {
    render(case, "markdown", &Options::default())
}

fn verbose(case: &Case, format: &str) -> String {
    render(case, format, &Options { verbose: true, ..Options::default() })
}

/// Every case, by name.
fn cases() -> Vec<(&'static str, Case)> {
    vec![
        ("flood", flood()),
        ("calm", calm()),
        ("without_root", without_root()),
        ("partial", partial()),
        ("empty", empty()),
        ("hostile", hostile()),
    ]
}

/// Everything in a case that is there to be pasted.
fn commands(case: &Case) -> Vec<String> {
    let causes = case.diagnosis.causes.iter().flat_map(|cause| &cause.remedies);
    let remedies = causes.chain(case.findings.iter().flat_map(|finding| &finding.remedies));
    let texts = remedies.flat_map(|remedy| [&remedy.run, &remedy.undo]).flatten();
    texts.flat_map(|text| text.lines()).map(str::to_owned).collect()
}

/// Whether a terminal would obey this character, or a reader not see it.
fn obeyed(c: char) -> bool {
    !matches!(c, '\n' | '\t') && c.is_control() // a tab stays in a command: here-documents need it
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2060}'..='\u{206f}').contains(&c)
        || c == '\u{feff}'
}

/// The Markdown without its fenced blocks and code spans.
fn outside_code(markdown: &str) -> String {
    let mut fence: Option<String> = None;
    let mut out = String::new();
    for line in markdown.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                let spans = line.replace("\\`", "").replace("\\|", "").replace("\\\\", "");
                let kept: Vec<&str> = spans.split('`').step_by(2).collect();
                out.push_str(&kept.concat());
                out.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "a fence that does not close");
    out
}

#[test]
fn reports_read_as_they_did() {
    for (name, case) in [("flood", flood()), ("without_root", without_root()), ("calm", calm()), ("partial", partial())]
    {
        for width in [80, 100, 120] {
            insta::assert_snapshot!(format!("{name}_terminal_{width}"), terminal(&case, width));
        }
        insta::assert_snapshot!(format!("{name}_text"), text(&case));
        insta::assert_snapshot!(format!("{name}_markdown"), markdown(&case));
    }
    insta::assert_snapshot!("flood_terminal_verbose", verbose(&flood(), "terminal"));
    insta::assert_snapshot!("empty_terminal_100", terminal(&empty(), 100));
    insta::assert_snapshot!("empty_markdown", markdown(&empty()));
    insta::assert_snapshot!("hostile_terminal_80", terminal(&hostile(), 80));
    insta::assert_snapshot!("hostile_markdown", markdown(&hostile()));
    let colors = render(&flood(), "terminal", &Options { color: true, ..Options::default() });
    insta::assert_snapshot!("flood_terminal_in_colour", colors.replace('\u{1b}', "ESC"));
}

#[test]
fn the_conclusion_comes_first_and_what_to_do_before_how_we_know() {
    let kernel = "kernel 6.1.0-13-amd64";
    for (report, last) in [
        (verbose(&flood(), "terminal"), kernel),
        (markdown(&flood()), kernel),
        (terminal(&flood(), 100), "Again"),
        (text(&flood()), "Again"),
    ] {
        let places: Vec<usize> = [
            "Very likely: a UDP flood",
            "eth0 receives 45.1 Mbit/s",
            "Where the inbound bytes went",
            "What to do",
            "Steps",
            "Causes considered",
            "What could not be seen",
            last,
            "casebook run high-inbound-traffic --set high=20Mbit/s",
        ]
        .iter()
        .map(|part| report.find(part).unwrap_or_else(|| panic!("no `{part}` in\n{report}")))
        .collect();
        assert!(places.is_sorted(), "{places:?}\n{report}");
    }
}

#[test]
fn every_verdict_has_its_mark_and_its_word() {
    let marks = [
        (Verdict::Ok, "✔", "[ok]"),
        (Verdict::Warning, "⚠", "[WARN]"),
        (Verdict::Critical, "✖", "[CRIT]"),
        (Verdict::Unknown, "?", "[?]"),
        (Verdict::Skipped, "–", "[-]"),
    ];
    for (verdict, mark, plain) in marks {
        let mut case = empty();
        case.findings = vec![case::finding(verdict, "step", "The title", "the sentence")];
        case.coverage = Coverage::of(&case.findings);
        case.verdict = verdict;
        assert!(terminal(&case, 80).contains(&format!("   {mark}  The title  the sentence\n")), "{verdict}");
        assert!(text(&case).contains(&format!("   {plain:6}  The title  the sentence\n")), "{verdict}");
        assert!(markdown(&case).contains(&format!("| {mark} {verdict} | The title | the sentence |\n")), "{verdict}");
        assert!(render(&case, "json", &Options::default()).contains(&format!("\"verdict\": \"{verdict}\"")));
    }
}

#[test]
fn no_line_is_wider_than_the_screen_but_for_commands() {
    for (name, case) in cases() {
        for width in [20, 40, 79, 80, 100, 120, 300] {
            let limit = width.clamp(40, 120);
            for verbose in [false, true] {
                let report = render(&case, "terminal", &Options { width, verbose, ..Options::default() });
                for line in report.lines().filter(|line| display_width(line) > limit) {
                    let bare = line.trim_start().trim_start_matches("undo: ").trim_start_matches("Again   ");
                    let pasted = commands(&case).iter().any(|command| command == bare)
                        || bare.starts_with("casebook run")
                        || name == "hostile" && line.contains("\\u{1b}]0;owned");
                    assert!(pasted, "{name} at {width}: {line}");
                }
            }
        }
        for line in text(&case).lines().filter(|_| name != "hostile") {
            let pasted = commands(&case).iter().any(|command| line.ends_with(command)) || line.contains("casebook run");
            assert!(display_width(line) <= 80 || pasted, "{name}: {line}");
        }
    }
}

#[test]
fn no_line_ends_in_spaces_and_no_two_lines_are_empty() {
    for (name, case) in cases() {
        let report = terminal(&case, 80);
        assert!(!report.contains("\n\n\n"), "{name}\n{report}");
        for line in report.lines() {
            assert_eq!(line.trim_end(), line, "{name}");
        }
    }
}

#[test]
fn commands_stand_on_lines_of_their_own_as_they_were_written() {
    let case = flood();
    for command in commands(&case).iter().filter(|command| !command.contains("disable nftables")) {
        for report in [verbose(&case, "terminal"), verbose(&case, "text")] {
            let found = report.lines().any(|line| line.trim_start().trim_start_matches("undo: ") == command);
            assert!(found, "{command}\n{report}");
        }
        assert!(markdown(&case).lines().any(|line| line == command), "{command}");
    }
}

#[test]
fn a_command_with_backticks_does_not_leave_its_fence() {
    let mut case = flood();
    case.diagnosis.causes[0].remedies[0].run = Some("echo `date`\n```\n@everyone <b>\n````".into());
    let report = markdown(&case);
    assert!(report.contains("`````text\necho `date`\n```\n@everyone <b>\n````\n`````\n"), "{report}");
    assert!(!outside_code(&report).contains("everyone"));
}

#[test]
fn the_same_command_is_advised_once_and_what_helps_now_comes_first() {
    for report in [terminal(&flood(), 100), text(&flood()), markdown(&flood())] {
        assert_eq!(report.matches("nft add table netdev casebook").count(), 1, "{report}");
        assert!(!report.contains("Move the drop to the ingress hook"), "{report}");
        let places: Vec<usize> = ["Drop it before", "Keep the rule", "No rule on this host relieves"]
            .iter()
            .map(|action| report.find(action).unwrap())
            .collect();
        assert!(places.is_sorted(), "{report}");
    }
}

#[test]
fn remedies_of_mere_possibilities_are_not_advised_and_those_of_findings_are() {
    let mut case = calm();
    let possible = case::remedy(Urgency::Now, "Do not say this.", None, None, "low");
    case.diagnosis.causes[0].remedies = vec![possible];
    case.findings[1].remedies = vec![case::remedy(Urgency::Lasting, "Watch the rate.", Some("sar -n DEV 1"), None, "")];
    for report in [terminal(&case, 100), markdown(&case)] {
        assert!(!report.contains("Do not say this"));
        assert!(report.contains("Watch the rate."));
        assert!(!report.contains("Nothing needs doing"));
    }
    for report in [verbose(&case, "terminal"), markdown(&case)] {
        assert!(report.contains("sar -n DEV 1"), "{report}");
    }
}

#[test]
fn nothing_needs_doing_only_where_everything_was_looked_at() {
    for format in ["terminal", "text", "markdown"] {
        let says_so = |case: &Case| render(case, format, &Options::default()).contains("Nothing needs doing");
        assert!(says_so(&calm()), "{format}");
        for (name, case) in cases().into_iter().filter(|(name, _)| *name != "calm") {
            assert!(!says_so(&case), "{format} of {name}");
        }
        for verdict in [Verdict::Warning, Verdict::Critical, Verdict::Unknown] {
            assert!(!says_so(&Case { verdict, ..calm() }), "{format} of a run that is {verdict}");
        }
        let mut likely = calm();
        likely.diagnosis.causes[0].likelihood = Likelihood::Likely;
        assert!(!says_so(&likely), "{format}");
        let coverage = Coverage { looked: 2, applicable: 3 };
        assert!(!says_so(&Case { coverage, ..calm() }), "{format} of a run that was blind in part");
    }
}

#[test]
fn a_worrying_run_without_a_likely_cause_says_where_to_look() {
    let mut case = calm();
    case.verdict = Verdict::Warning;
    case.findings[1].verdict = Verdict::Warning;
    let report = terminal(&case, 100);
    assert!(report.contains("No cause is likely enough to advise on; look at: How much arrives."), "{report}");
}

#[test]
fn a_partial_run_says_so_at_the_top() {
    for report in [terminal(&partial(), 120), text(&partial()), markdown(&partial())] {
        let top: Vec<&str> = report.lines().take(8).collect();
        assert!(top.join("\n").contains("PARTIAL: the run ended early"), "{report}");
        assert!(report.contains("window 3.2 s"), "{report}");
    }
    assert!(!terminal(&calm(), 120).contains("PARTIAL"));
}

#[test]
fn without_a_ledger_nothing_is_said_about_it() {
    for format in ["terminal", "text", "markdown"] {
        let case = Case { ledger: None, ..calm() };
        assert!(!render(&case, format, &Options::default()).contains("inbound bytes went"));
    }
}

#[test]
fn an_interface_that_saw_nothing_has_a_sentence_instead_of_bars() {
    let case = Case { ledger: Some(case::account(0, 0, vec![])), ..calm() };
    for report in [terminal(&case, 100), text(&case), markdown(&case)] {
        assert!(report.contains("Nothing came in: eth0 counted no packet in 10.0 s."), "{report}");
        assert!(!report.contains("unexplained"), "{report}");
    }
}

#[test]
fn small_ends_of_the_ledger_are_summed_up_and_the_unexplained_always_stands_last() {
    let ledger = |count: u64| {
        let entries =
            (0..count).map(|n| case::entry(EntryKind::Process, &format!("process {n}"), 50, 1, 1000)).collect();
        Case { ledger: Some(case::account(1000, 99, entries)), ..calm() }
    };
    let report = terminal(&ledger(15), 80);
    assert!(report.contains("process 2\n") && !report.contains("process 3\n"), "{report}");
    assert!(report.contains("60 %  12 others\n"), "{report}");
    assert!(report.contains("25 %  unexplained\n"), "{report}");
    assert!(verbose(&ledger(15), "terminal").contains("process 14\n"));
    // A single one beyond the limit is shown: a row for "others" would take as much room.
    let report = terminal(&ledger(4), 80);
    assert!(report.contains("process 3\n") && !report.contains("others"), "{report}");
    assert!(
        markdown(&ledger(15)).contains("| 35 % | 350 B | 7 | _7 others_ |\n| 25 % | 250 B |  | **unexplained** |\n")
    );
}

#[test]
fn sources_that_disagree_are_named() {
    let mut case = calm();
    case.ledger.as_mut().unwrap().disagreements = vec!["the ring saw 120 packets, the interface 130".into()];
    for report in [terminal(&case, 100), text(&case), markdown(&case)] {
        assert!(report.contains("Sources disagree") && report.contains("the ring saw 120 packets"), "{report}");
    }
}

#[test]
fn every_gap_and_loss_is_told_once_under_its_way_out() {
    let report = render(&without_root(), "terminal", &Options { width: 120, verbose: true, ..Options::default() });
    let unseen = &report[report.find("What could not be seen").unwrap()..];
    let unseen: String = unseen.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "To see it, run with sudo, or give a group-restricted binary CAP_NET_RAW, CAP_NET_ADMIN and CAP_PERFMON:",
        "could not read /proc/812/fd: permission denied; not known: owners, processes",
        "not known: tcp.a, tcp.b, tcp.c, tcp.d and 1 more",
        "To see it: mount -t tracefs nodev /sys/kernel/tracing",
        "3 processes ended while they were looked at",
        "no outcome of this step holds",
    ] {
        assert_eq!(unseen.matches(part).count(), 1, "{part}\n{unseen}");
    }
    assert_eq!(unseen.matches("open a packet socket").count(), 1, "two steps, one gap:\n{unseen}");
    assert!(unseen.contains("run without root"));
}

/// A recorded case, judged by the runbook that ships.
fn replayed(name: &str, more: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_casebook"));
    let case = format!("{}/tests/cases/{name}.json", env!("CARGO_MANIFEST_DIR"));
    command.args(["replay", &case, "high-inbound-traffic"]).args(more).env("COLUMNS", "80");
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn a_quiet_host_is_told_on_one_screen() {
    let reports = [
        terminal(&calm(), 80),
        text(&calm()),
        replayed("quiet", &["--format", "text"]),
        replayed("quiet", &["--format", "terminal"]),
    ];
    for report in reports {
        assert!(report.contains("What to do"), "{report}");
        assert!(report.lines().count() <= 24, "{} lines:\n{report}", report.lines().count());
    }
}

#[test]
fn a_flooded_host_is_told_in_forty_lines() {
    let mut reports = vec![terminal(&flood(), 80), text(&flood())];
    for name in ["udp-flood-closed-port", "syn-flood", "dropped-by-nft"] {
        for format in ["terminal", "text"] {
            reports.push(replayed(name, &["--format", format]));
        }
    }
    for report in reports {
        for part in ["What to do", "could look", "Causes considered", "dismissed", "What could not be seen", "Again"] {
            assert!(report.contains(part), "no `{part}` in\n{report}");
        }
        assert!(report.lines().count() <= 40, "{} lines:\n{report}", report.lines().count());
    }
}

#[test]
fn the_short_answer_counts_what_it_leaves_out() {
    let report = terminal(&without_root(), 80);
    let count = |report: &str| {
        let line = report.lines().find(|line| line.contains("What could not be seen")).unwrap().to_owned();
        line.split_whitespace().find_map(|word| word.parse::<usize>().ok()).unwrap()
    };
    let full = verbose(&without_root(), "text");
    let gaps = full[full.find("What could not be seen").unwrap()..].matches("could not ").count();
    assert!(count(&report) >= gaps - 1 && report.contains("CAP_NET_RAW"), "{report}\n{full}");
    assert!(report.contains("run without root"), "{report}");
    let report = terminal(&flood(), 80);
    assert!(report.contains("1 gap, 1 loss, 2 signs of causes; in full: -v"), "{report}");
    assert!(report.contains("6 ok, 1 skipped"), "{report}");
}

#[test]
fn no_condition_is_shown_to_a_reader() {
    const CONDITION: &str = "(traffic.unasked or 0) > 3 and rates";
    let mut case = flood();
    for cause in &mut case.diagnosis.causes {
        for sign in cause.signs.iter_mut().filter(|sign| sign.holds != casebook::case::Truth::Yes) {
            sign.say = CONDITION.into();
        }
    }
    for format in ["terminal", "text", "markdown", "html", "junit", "nagios", "openmetrics"] {
        for verbose in [false, true] {
            let report = render(&case, format, &Options { verbose, ..Options::default() });
            assert!(!report.contains("traffic.unasked"), "{format}:\n{report}");
        }
    }
    let full = verbose(&case, "terminal");
    assert!(full.contains("could not ask the resolver") && full.contains("1 sign is not there"), "{full}");
}

#[test]
fn those_who_send_most_are_named_where_a_cause_stands() {
    let seen = json!({"remotes": {"distinct": 1773, "top": [
        {"address": "198.51.100.7", "bytes": 620, "share": 0.62},
        {"address": "198.51.100.8", "bytes": 1, "share": 0.001},
    ]}});
    let with = |mut case: Case| {
        case.evidence.insert("traffic".into(), case::evidence("capture", json!({})));
        case.evidence["traffic"].output = Some(seen.clone());
        terminal(&case, 80)
    };
    let report = with(flood());
    assert!(report.contains("From 198.51.100.7 62 % (of 1,773 addresses)\n"), "{report}");
    assert!(!with(calm()).contains("From "));
}

#[test]
fn where_everything_was_seen_there_is_no_word_about_gaps() {
    let mut case = calm();
    case.diagnosis
        .causes
        .iter_mut()
        .for_each(|cause| cause.signs.retain(|sign| sign.holds != casebook::case::Truth::Unknown));
    for report in [terminal(&case, 100), text(&case), markdown(&case)] {
        assert!(!report.contains("could not be seen"), "{report}");
    }
}

#[test]
fn coverage_stands_flush_right_above_the_steps() {
    for width in [80, 100, 120] {
        let report = terminal(&flood(), width);
        let line = report.lines().find(|line| line.trim_start().starts_with("Steps")).unwrap();
        assert!(line.ends_with("critical · 9 of 10 could look"), "{line}");
        assert_eq!(display_width(line), width);
    }
}

#[test]
fn a_dismissed_cause_shows_the_weightiest_sign_against_it() {
    let report = markdown(&flood());
    let folded = report.find("<summary>Causes that are unlikely or ruled out").unwrap();
    assert!(report[folded..].contains("source ports are random"), "{report}");
    assert!(!report[..folded].contains("source ports are random"), "a ruled-out cause on the face:\n{report}");
    let face = terminal(&flood(), 120);
    assert!(!face.contains("packets are small") && face.contains("7: 1 certain, 1 likely, 1 possible, 4 dismissed"));
    assert!(markdown(&flood()).contains("packets are small"), "the details have every sign");
    assert!(verbose(&flood(), "terminal").contains("packets are small"));
}

#[test]
fn nothing_a_terminal_obeys_survives_in_any_format() {
    for case in [hostile(), huge(HOSTILE)] {
        for renderer in RENDERERS {
            for verbose in [false, true] {
                let report = render(&case, renderer.name(), &Options { verbose, ..Options::default() });
                let found = report.chars().find(|c| obeyed(*c));
                assert_eq!(found, None, "{}", renderer.name());
            }
        }
    }
}

#[test]
fn hostile_text_stays_text_in_markdown() {
    for case in [hostile(), huge(HOSTILE)] {
        let report = outside_code(&markdown(&case));
        let own =
            ["<details><summary>", "</summary>", "</details>"].iter().fold(report, |rest, tag| rest.replace(tag, ""));
        assert!(!own.contains('<') && !own.contains('>'), "HTML");
        assert!(!own.contains("@root") && !own.contains("#4"), "a mention or a reference");
        assert!(!own.contains("http://") && !own.contains("www.evil"), "a link");
        assert!(
            !own.lines().any(|line| line.starts_with("# heading") || line.starts_with("- item")),
            "a line of its own"
        );
        assert!(!own.contains("[a](") && !own.contains("~~s~~") && !own.contains("$x$"), "markup");
    }
}

#[test]
fn every_row_of_a_markdown_table_has_as_many_cells_as_its_head() {
    for (name, case) in cases() {
        let report = markdown(&case);
        let mut cells = None;
        for line in report.lines() {
            let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
            match cells {
                _ if !line.starts_with('|') => cells = None,
                None => cells = Some(bars),
                Some(head) => assert_eq!(bars, head, "{name}: {line}"),
            }
        }
    }
}

#[test]
fn markdown_fits_on_a_ticket_however_large_the_case() {
    // The first ones grow more than any other text on their way into Markdown.
    for text in ["$a".repeat(350), "@a".repeat(350), "日".repeat(350), "```".repeat(350), HOSTILE.to_owned()] {
        let case = huge(&text);
        for verbose in [false, true] {
            let report = render(&case, "markdown", &Options { verbose, ..Options::default() });
            assert!(report.len() < 60_000, "{} bytes of {}", report.len(), &text[..6]);
            assert!(report.contains("… and "), "what was left out is said");
            assert!(report.ends_with("</details>\n"), "the end is there");
            let prose = outside_code(&report);
            assert_eq!(prose.matches("<details>").count(), prose.matches("</details>").count());
        }
    }
}

#[test]
fn plain_text_is_ascii_where_the_evidence_is() {
    for case in [flood(), calm(), without_root(), partial(), empty()] {
        let report = text(&case);
        assert!(report.is_ascii(), "{:?}", report.chars().find(|c| !c.is_ascii()));
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let coloured = render(&flood(), "terminal", &Options { color: true, ..Options::default() });
    assert!(coloured.contains("\u{1b}[31m✖\u{1b}[0m"), "{coloured:?}");
    let mut plain = String::new();
    for (index, piece) in coloured.split('\u{1b}').enumerate() {
        plain.push_str(if index == 0 { piece } else { piece.split_once('m').unwrap().1 });
    }
    assert_eq!(plain, terminal(&flood(), 100));
}

#[test]
fn json_is_the_case_and_reads_back_as_it_was() {
    for (name, case) in cases() {
        let report = render(&case, "json", &Options::default());
        assert!(report.ends_with("}\n") && !report.ends_with("\n\n"), "{name}");
        assert!(report.starts_with("{\n  \"format\": 1,\n"), "{name}");
        let plain = serde_json::to_string(&case).unwrap();
        let read = |text: &str| serde_json::from_str::<Case>(text).unwrap();
        assert_eq!(read(&report), read(&plain), "{name}");
    }
}

#[test]
fn the_command_that_runs_it_again_is_quoted_for_the_shell() {
    let mut case = calm();
    case.given = case::params(&[
        ("interface", json!("eth0; rm -rf /")),
        ("high", json!(2.5)),
        ("quick", json!(true)),
        ("unset", json!(null)),
        ("ports", json!([80, 443])),
    ]);
    let again = "casebook run high-inbound-traffic --set 'interface=eth0; rm -rf /' --set high=2.5 --set quick=true \
        --set 'ports=[80,443]'\n";
    for report in [terminal(&case, 80), text(&case), markdown(&case)] {
        assert!(report.contains(again), "{report}");
    }
}
