//! What came of tests, as JUnit's XML, which most build servers read.

use std::fmt::Write;
use std::time::Duration;

use indexmap::IndexMap;

use super::show::{Shown, details};
use super::trial::Trial;

/// The XML. Each file is a suite; a file that cannot be read is a suite with an error.
pub fn junit(trials: &[Trial], broken: &[(String, String)], took: Duration) -> String {
    let failed = |trials: &[&Trial]| trials.iter().filter(|trial| !trial.passed()).count();
    let all: Vec<&Trial> = trials.iter().collect();
    let mut suites: IndexMap<&str, Vec<&Trial>> = IndexMap::new();
    for trial in trials {
        suites.entry(&trial.origin).or_default().push(trial);
    }
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    // Writing to a text cannot fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"casebook\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{:.3}\">",
        trials.len() + broken.len(),
        failed(&all),
        broken.len(),
        took.as_secs_f64()
    );
    for (origin, trials) in suites {
        let time: f64 = trials.iter().map(|trial| trial.took.as_secs_f64()).sum();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\" time=\"{time:.3}\">",
            escape(origin),
            trials.len(),
            failed(&trials)
        );
        for trial in trials {
            case(&mut xml, trial);
        }
        xml.push_str("  </testsuite>\n");
    }
    for (origin, why) in broken {
        let origin = escape(origin);
        let message = escape(why.lines().next().unwrap_or_default());
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{origin}\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\" time=\"0\">\n    \
             <testcase classname=\"{origin}\" name=\"can be read\" time=\"0\">\n      \
             <error message=\"{message}\" type=\"broken\">{}</error>\n    </testcase>\n  </testsuite>",
            content(why)
        );
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn case(xml: &mut String, trial: &Trial) {
    let (class, name) = trial.name.split_once("::").unwrap_or(("", &trial.name));
    let _ = write!(
        xml,
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\"{} time=\"{:.3}\"",
        escape(class),
        escape(name),
        escape(&trial.origin),
        trial.line.map(|line| format!(" line=\"{line}\"")).unwrap_or_default(),
        trial.took.as_secs_f64()
    );
    let Some(first) = trial.differences.first() else {
        xml.push_str("/>\n");
        return;
    };
    let message = format!("{}: expected {}, found {}", first.what, first.expected, first.found);
    let _ = writeln!(
        xml,
        ">\n      <failure message=\"{}\" type=\"difference\">{}</failure>\n    </testcase>",
        escape(&message),
        content(&details(trial, Shown { color: false }))
    );
}

/// Text between tags: its lines can stay.
fn content(text: &str) -> String {
    escape(text).replace("&#10;", "\n")
}

/// Text that can stand anywhere in XML: what has a meaning there is written otherwise, what cannot stand there is left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_has_a_meaning_in_xml_is_written_otherwise() {
        assert_eq!(escape("a < \"b\" & c\n\u{1b}[1m"), "a &lt; &quot;b&quot; &amp; c&#10;[1m");
    }

    proptest::proptest! {
        #[test]
        fn no_text_leaves_its_place(text in "\\PC{0,40}") {
            let escaped = escape(&text);
            proptest::prop_assert!(!escaped.contains(['<', '>', '"', '\n']));
        }
    }
}
