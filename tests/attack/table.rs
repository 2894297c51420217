//! What came of each corpus, as a row, and as the table of a page.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Summary;

const BEGIN: &str = "<!-- attack: begin; `just attack` writes this table -->";
const END: &str = "<!-- attack: end -->";

/// A corpus in one line.
pub fn row(summary: &Summary) -> String {
    let Summary { name, about, inputs, statuses: [ok, warning, critical, unknown, refused, _], longest, memory_kb } =
        summary;
    let (seconds, megabytes) = (longest.as_secs_f64(), memory_kb / 1024);
    format!(
        "| {name} | {about} | {inputs} | {} | {refused} | {seconds:.1} s | {megabytes} MB |",
        ok + warning + critical + unknown
    )
}

/// Writes the table between its marks in a page.
pub fn write(page: &Path, summaries: &[Summary], took: Duration) {
    let text = fs::read_to_string(page).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the page has the mark where the table begins");
    let (_, after) = rest.split_once(END).expect("the page has the mark where the table ends");
    let inputs: usize = summaries.iter().map(|summary| summary.inputs).sum();
    let rows: Vec<String> = summaries.iter().map(row).collect();
    let table = format!(
        "{before}{BEGIN}\n\n| corpus | what is damaged | inputs | judged | refused | longest | peak memory so far |\n|---|---|--:|--:|--:|--:|--:|\n{}\n\n\
         {inputs} inputs in {} s: no panic, no signal, no status but those of the manual, nothing written, no file read that nobody named.\n\n{END}{after}",
        rows.join("\n"),
        took.as_secs(),
    );
    fs::write(page, table).unwrap();
}
