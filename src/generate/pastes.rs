//! The page of the outputs that `casebook read` takes, out of its recognisers.

use std::fmt::Write;

use crate::tool_output::RECOGNISERS;

/// The page.
pub(super) fn page() -> String {
    let mut page = String::from(
        "# What `casebook read` understands\n\n\
         Paste it all into one text, as it is: prompts, outputs, words between them, quoted or not.\n\n\
         ```console\n$ xclip -o | casebook read -\n$ casebook read ticket.txt\n$ casebook read ./sosreport-web1\n```\n\n\
         An output is known by its content, wherever it stands and whatever its file is called. What is recognised is listed, and so is\n\
         what is not, by file and line. What an output does not show is unknown, never zero: `ss -lun` says nothing of TCP. Counters since\n\
         boot are never rates; two outputs with times between them, or with a `sleep`\n\
         between their commands, give one. A text that ends without an end of line may end within a\n\
         figure: that figure is not taken.\n\n\
         When the text was made is told by `date`, by the heading and the times of `sar`, by the time of `uptime` with the day of a log, by\n\
         the last line of a log, in this order. Where nothing tells it, the report says so and bears the last change of the file, or the\n\
         moment of reading. Times are taken for UTC.\n\n\
         | output | what is taken | what it gives |\n|---|---|---|\n",
    );
    for recogniser in RECOGNISERS {
        let cell = |text: &str| text.replace('|', "\\|");
        let _ =
            writeln!(page, "| {} | {} | {} |", cell(recogniser.name), cell(recogniser.takes), cell(recogniser.gives));
    }
    page.push_str(
        "\nA text in which nothing is known ends with status 64. `--at 17:40` picks a time of a recorded day of `sar`; without it the times\n\
         that stand out are judged, and the report says which.\n",
    );
    page
}
