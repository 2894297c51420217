//! The page of what services write into logs, out of the built-in patterns.

use std::fmt::Write;

use crate::probe::logs::{Format, ServiceLine, service_lines};

/// The page.
pub(super) fn page() -> String {
    let mut page = String::from(
        "# What casebook reads in logs\n\n\
         `casebook probe logs`, the step \"What the logs say\" of a runbook and `casebook read` know the lines below without being told. Each\n\
         counts only where the logger, or the daemon's own file, says that the program wrote it: what a client sent is never taken for\n\
         a line of a daemon ([whose lines a pattern counts](runbooks.md#whose-lines-a-pattern-counts)). Of each pattern there is how often\n\
         it came, the first and the last time, how many per minute, and the most frequent values of what it captures.\n\n\
         ```console\n$ casebook probe logs since=1h\n$ casebook probe logs dir=./web1/var/log since=30d\n```\n\n\
         A pattern is `grave` where one line is one too many, `trouble` where many are, `aside` where a healthy host writes such lines all\n\
         day. A release is named where its own lines are the test (`tests/daemons`); a card that was not at hand, or a daemon that could\n\
         not be made to say it, is taken from the source of its release.\n\n\
         ## Lines\n\n\
         | service | pattern | what a line means | captures | weight | written by | tested with |\n|---|---|---|---|---|---|---|\n",
    );
    for line in service_lines() {
        let ServiceLine { service, pattern, programs, means, captures, weight, of } = line;
        let programs = if programs.is_empty() { "access logs".to_owned() } else { listed(&programs) };
        let captures: Vec<&str> = captures.iter().map(String::as_str).collect();
        let _ = writeln!(
            page,
            "| {service} | `{pattern}` | {means} | {} | {weight} | {programs} | {} |",
            listed(&captures),
            of.join("; ")
        );
    }
    page.push_str(
        "\n## Times\n\n\
         How the time of a line is written. Where no year is written, it is that of the last such day before the file's last change, so that\n\
         lines of December count as last year's in January; where no zone is written, it is the host's, and UTC in a folder from elsewhere.\n\n\
         | format | how it looks |\n|---|---|\n",
    );
    let schema = schemars::schema_for!(Format);
    for form in schema.get("oneOf").and_then(|forms| forms.as_array()).into_iter().flatten() {
        let text = |key: &str| form.get(key).and_then(|text| text.as_str()).unwrap_or_default();
        let _ = writeln!(page, "| `{}` | {} |", text("const"), text("description").replace('\n', " "));
    }
    page
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
