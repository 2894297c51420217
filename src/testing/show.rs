//! What came of tests, for people.

use std::fmt::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::trial::Trial;

/// How it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// With colours.
    pub color: bool,
}

impl Shown {
    fn paint(self, text: &str, color: AnsiColor) -> String {
        let style = if self.color { color.on_default() } else { Style::new() };
        format!("{style}{text}{style:#}")
    }

    fn verdict(self, passed: bool, good: &str, bad: &str) -> String {
        if passed { self.paint(good, AnsiColor::Green) } else { self.paint(bad, AnsiColor::Red) }
    }
}

/// One test in a line.
pub fn line(trial: &Trial, shown: Shown) -> String {
    format!("test {} ... {}", trial.name, shown.verdict(trial.passed(), "ok", "FAILED"))
}

/// What is wrong with the tests that failed.
pub fn failures(trials: &[Trial], shown: Shown) -> String {
    let failed: Vec<&Trial> = trials.iter().filter(|trial| !trial.passed()).collect();
    if failed.is_empty() {
        return String::new();
    }
    let mut text = "failures:\n".to_owned();
    // Writing to a text cannot fail.
    for trial in &failed {
        let _ = writeln!(text, "\n---- {} ----\n{}", trial.name, details(trial, shown));
    }
    text.push_str("\nfailures:\n");
    for trial in failed {
        let _ = writeln!(text, "    {}", trial.name);
    }
    text
}

/// What is wrong with one test.
pub(super) fn details(trial: &Trial, shown: Shown) -> String {
    let line = trial.line.map(|line| format!(":{line}")).unwrap_or_default();
    let mut text = format!("{}{line}\n", trial.origin);
    let mut block = |name: &str, content: &str| {
        let mut lines = content.lines();
        let _ = writeln!(text, "{name:>12} {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "{:>12} {line}", "");
        }
    };
    for difference in &trial.differences {
        block("", &format!("{}:", difference.what));
        block("expected", &shown.paint(&difference.expected, AnsiColor::Green));
        block("found", &shown.paint(&difference.found, AnsiColor::Red));
        for gap in &difference.gaps {
            block("because", gap);
        }
    }
    for unanswered in &trial.unanswered {
        let (key, params) = (&unanswered.key, &unanswered.params);
        block("asked", &format!("`{key}`, for which the test gives no evidence; with {params}"));
    }
    for line in &trial.printed {
        block("printed", line);
    }
    text.trim_end().to_owned()
}

/// The last line: how many passed, how many failed, and how long it took.
pub fn summary(trials: &[Trial], left_out: usize, broken: usize, took: Duration, shown: Shown) -> String {
    let failed = trials.iter().filter(|trial| !trial.passed()).count();
    let verdict = shown.verdict(failed == 0 && broken == 0, "ok", "FAILED");
    let broken = match broken {
        0 => String::new(),
        1 => "1 file cannot be read; ".to_owned(),
        broken => format!("{broken} files cannot be read; "),
    };
    format!(
        "test result: {verdict}. {} passed; {failed} failed; {left_out} filtered out; {broken}finished in {:.2}s",
        trials.len() - failed,
        took.as_secs_f64()
    )
}
