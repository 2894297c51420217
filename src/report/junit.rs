//! The report for a build server: each step is a test, and so is each likely cause.

use std::io;

use super::sections::{Depth, Sections, Step};
use super::suites::{End, Suite, Suites, Test, Trouble};
use super::{Options, Renderer};
use crate::case::{Case, Verdict};

/// JUnit's XML.
pub struct Junit;

impl Renderer for Junit {
    fn name(&self) -> &'static str {
        "junit"
    }

    fn about(&self) -> &'static str {
        "for a build server: each step is a test; warnings and worse fail, what could not look is an error"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["xml", "junit"]
    }

    fn render(&self, case: &Case, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
        let sections = Sections::of(case, Depth::Short);
        let runbook = sections.about.runbook.clone();
        let mut tests: Vec<Test> = sections.steps.steps.iter().map(|step| of_step(case, &sections, step)).collect();
        tests.push(conclusion(case, &sections));
        let suites = Suites {
            name: "casebook".to_owned(),
            seconds: case.cost.wall_seconds,
            suites: vec![Suite {
                name: runbook,
                timestamp: Some(case.started.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
                hostname: Some(sections.opening.host.clone()),
                seconds: case.cost.wall_seconds,
                properties: properties(case, &sections),
                tests,
                output: sections.opening.headlines.join("\n"),
            }],
        };
        suites.write(out)
    }
}

fn properties(case: &Case, sections: &Sections) -> Vec<(String, String)> {
    let about = &sections.about;
    let mut properties: Vec<(String, String)> = [
        ("verdict", case.verdict.to_string()),
        ("coverage", sections.steps.coverage.clone()),
        ("casebook", about.versions.clone()),
        ("again", about.again.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    properties.extend(about.params.iter().map(|(name, value)| (format!("param.{name}"), value.clone())));
    properties
}

fn of_step(case: &Case, sections: &Sections, step: &Step) -> Test {
    let seconds = case.evidence.get(&step.id).map_or(0.0, |evidence| evidence.seconds);
    let text = std::iter::once(step.sentence.clone()).chain(step.details()).collect::<Vec<_>>().join("\n");
    Test {
        class: sections.about.runbook.split(':').next().unwrap_or_default().to_owned(),
        name: format!("{}: {}", step.id, step.title),
        place: None,
        seconds,
        end: end(step.verdict, &step.sentence, text),
        output: if matches!(step.verdict, Verdict::Ok) { step.sentence.clone() } else { String::new() },
    }
}

/// The run as a whole, so that what fails is named even where every step passes.
fn conclusion(case: &Case, sections: &Sections) -> Test {
    let mut text: Vec<String> = sections.opening.vantage.iter().cloned().collect();
    text.push(sections.opening.summary.clone());
    text.extend(sections.advice.warning.map(|warning| format!("\n{warning}")));
    for advised in &sections.advice.remedies {
        text.push(format!("\n{}: {}", advised.urgency.word(), advised.action));
        text.extend(advised.warning.map(str::to_owned));
        text.extend(advised.run.iter().map(|line| format!("    {line}")));
    }
    Test {
        class: sections.about.runbook.split(':').next().unwrap_or_default().to_owned(),
        name: "conclusion".to_owned(),
        place: None,
        seconds: 0.0,
        end: end(case.verdict, &sections.opening.summary, text.join("\n")),
        output: String::new(),
    }
}

fn end(verdict: Verdict, message: &str, text: String) -> End {
    let trouble = || Trouble { message: message.to_owned(), kind: verdict.to_string(), text };
    match verdict {
        Verdict::Ok => End::Passed,
        Verdict::Skipped => End::Skipped { message: message.to_owned() },
        Verdict::Warning | Verdict::Critical => End::Failed(trouble()),
        Verdict::Unknown => End::Errored(trouble()),
    }
}
