//! The reference of the command line, out of what clap knows of it.

use std::fmt::Write;

use clap::{Arg, Command};

/// The page.
pub(super) fn page(mut command: Command) -> String {
    command.build();
    let mut page = String::from("# The command line\n\n");
    about(&mut page, &command);
    page.push_str("\n| command | does |\n|---|---|\n");
    for sub in subcommands(&command) {
        let _ = writeln!(page, "| [{0}](#casebook-{0}) | {1} |", sub.get_name(), sub.get_about().unwrap_or_default());
    }
    after(&mut page, &command);
    for sub in subcommands(&command) {
        let _ = writeln!(page, "\n## casebook {}\n", sub.get_name());
        about(&mut page, sub);
        let usage = sub.clone().render_usage().to_string();
        let _ = writeln!(page, "\n    {}", usage.trim_start_matches("Usage: "));
        let arguments: Vec<&Arg> =
            sub.get_arguments().filter(|argument| !argument.is_hide_set() && argument.get_id() != "help").collect();
        if !arguments.is_empty() {
            page.push_str("\n| argument | meaning |\n|---|---|\n");
        }
        for argument in arguments {
            let _ = writeln!(page, "| {} | {} |", name(argument), meaning(argument));
        }
        after(&mut page, sub);
    }
    page
}

fn subcommands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set())
}

fn about(page: &mut String, command: &Command) {
    if let Some(about) = command.get_long_about().or(command.get_about()) {
        let _ = writeln!(page, "{}.", about.to_string().trim_end_matches('.'));
    }
}

/// What stands at the end of its help: examples, exit statuses.
fn after(page: &mut String, command: &Command) {
    if let Some(text) = command.get_after_help() {
        page.push('\n');
        for line in text.to_string().lines() {
            let end = if line.ends_with(':') { "\n" } else { "" };
            let code = line.strip_prefix("  ");
            let _ = match code {
                Some(code) => writeln!(page, "    {code}"),
                None => writeln!(page, "{line}{end}"),
            };
        }
    }
}

/// `-o`, `--output FILE`, or `[RUNBOOK]`.
fn name(argument: &Arg) -> String {
    let values: Vec<&str> = argument.get_value_names().into_iter().flatten().map(|value| value.as_str()).collect();
    let value = if argument.get_action().takes_values() { values.join(" ") } else { String::new() };
    let Some(long) = argument.get_long() else { return format!("`{value}`") };
    let long = format!("`--{long} {value}").trim_end().to_owned() + "`";
    match argument.get_short() {
        Some(short) => format!("`-{short}`, {long}"),
        None => long,
    }
}

fn meaning(argument: &Arg) -> String {
    let mut text = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|default| format!("`{}`", default.to_string_lossy())).collect();
    if !defaults.is_empty() && argument.get_action().takes_values() {
        let _ = write!(text, "; default {}", defaults.join(", "));
    }
    text.replace('|', "\\|")
}
