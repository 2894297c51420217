//! The command line: one file per subcommand. Results go to stdout, progress and messages to stderr.

mod arguments;
mod attach;
mod begin;
mod case_file;
mod cases;
mod check;
mod complete;
mod config;
mod confinement;
mod diagnose;
mod diff;
mod display;
mod doctor;
mod fleet_file;
mod generate;
mod given;
mod lint;
mod list;
mod lua;
mod merge;
mod new;
mod output;
mod place;
mod plan;
mod probe;
mod read;
mod redact;
mod replay;
mod report;
mod retest;
mod run;
mod screen;
mod serve;
mod shelf;
mod store;
mod test;
mod unredact;

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::glyphs::{self, Charset};
use crate::printable;
use crate::probe::ResourceLimits;
use crate::sys::{clock, confine, memory, names};
use arguments::{Arguments, Command};

/// Bad usage, or a bad runbook (`EX_USAGE`).
const BAD_USAGE: u8 = 64;
/// An error of casebook's own (`EX_SOFTWARE`).
const INTERNAL: u8 = 70;

/// An error that is the caller's to mend: exit status 64.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// The command line as clap describes it, for manuals and completions.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    memory::share_one_arena();
    names::without_modules();
    let clock = clock::discipline();
    confine::process();
    if complete::answered() {
        return ExitCode::SUCCESS;
    }
    quiet_probe_panics();
    let mut arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let status = if error.use_stderr() { BAD_USAGE } else { 0 };
            print_usage(&error);
            return ExitCode::from(status);
        }
    };
    // Read before rights are given up: what stands in it decides what is reached. Nobody but root and the caller wrote it.
    if let Err(error) = config::apply(&mut arguments.command) {
        say(format_args!("casebook: {error}"));
        return ExitCode::from(BAD_USAGE);
    }
    ResourceLimits::memory_by_default();
    let start = confinement::start(&arguments.command, clock);
    let result = match arguments.command {
        Command::Diagnose(arguments) => diagnose::diagnose(&arguments, start),
        Command::Run(arguments) => run::run(&arguments, start),
        Command::List(arguments) => list::list(&arguments),
        Command::Show(arguments) => list::show(&arguments),
        Command::Plan(arguments) => plan::plan(&arguments),
        Command::New(arguments) => new::new(&arguments),
        Command::Lint(arguments) => lint::lint(&arguments),
        Command::Check(arguments) => check::check(&arguments, start),
        Command::Test(arguments) => test::test(&arguments),
        Command::Lua(arguments) => lua::lua(&arguments, start),
        Command::Probe(arguments) => probe::probe(&arguments, start),
        Command::Read(arguments) => read::read(&arguments),
        Command::Merge(arguments) => merge::merge(&arguments),
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Diff(arguments) => diff::diff(&arguments),
        Command::Retest(arguments) => retest::retest(&arguments, start),
        Command::Cases(arguments) => cases::cases(&arguments),
        Command::Attach(arguments) => attach::attach(&arguments),
        Command::Unredact(arguments) => unredact::unredact(&arguments),
        Command::Serve(arguments) => serve::serve(&arguments, start),
        Command::Doctor => doctor::doctor(start),
        Command::Config => config::show(start.configured),
        Command::Schema(arguments) => generate::schema(&arguments),
        Command::Generate(arguments) => generate::generate(&arguments),
        Command::Completions(arguments) => generate::completions(&arguments),
        Command::Man(arguments) => generate::man(&arguments),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            if is_closed_pipe(&error) {
                return ExitCode::SUCCESS;
            }
            let hint = if is_too_large(&error) {
                "; the session limits the size of files (`ulimit -f`): raise that, or write less"
            } else {
                ""
            };
            say(format_args!("casebook: {error:#}{hint}"));
            ExitCode::from(if error.is::<Usage>() { BAD_USAGE } else { INTERNAL })
        }
    }
}

/// Prints help, or what clap says of a wrong command line.
fn print_usage(error: &clap::Error) {
    // A reader that closed the pipe has read enough.
    let _ = match Charset::of_this_process() {
        Charset::Unicode => error.print(),
        Charset::Ascii if error.use_stderr() => {
            write!(io::stderr().lock(), "{}", glyphs::ascii(&error.render().to_string()))
        }
        Charset::Ascii => write!(screen::stdout(), "{}", error.render()),
    };
}

/// Says something on stderr. That nobody listens there is no reason to fail.
fn say(message: impl fmt::Display) {
    let message = harmless(&message.to_string(), screen::stderr_color());
    let _ = writeln!(io::stderr().lock(), "{}", Charset::of_this_process().shown(&message));
}

/// The message with nothing in it that a terminal obeys: names of files, and what others wrote, stand in many. Colours stay,
/// where there are any; hidden text does not.
fn harmless(message: &str, color: bool) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(c) = rest.chars().next() {
        let colored = rest.strip_prefix("\u{1b}[").filter(|_| color).and_then(|inside| {
            let length = inside.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            let hides = inside[..length].split(';').any(|part| part == "8");
            (inside[length..].starts_with('m') && !hides).then_some(length + 3)
        });
        match colored {
            Some(length) => {
                out.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
            None if matches!(c, '\n' | '\t') => out.push(c),
            None => printable::push_visible(&mut out, c),
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == closed)
            || cause.downcast_ref::<serde_json::Error>().is_some_and(|error| error.io_error_kind() == Some(closed))
    })
}

/// Whether a write failed at the limit of the session on the size of files, whose signal is ignored.
fn is_too_large(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::FileTooLarge))
}

/// A probe that breaks down is a gap in the report; its panic message would only tear the progress display.
fn quiet_probe_panics() {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !std::thread::current().name().is_some_and(|name| name.starts_with("probe ") || name == "probes") {
            loud(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_message_keeps_its_lines_and_colours_and_nothing_else_that_a_terminal_obeys() {
        assert_eq!(harmless("a\u{202e}b\n\tc\u{1b}[2Jd", true), "a\\u{202e}b\n\tc\\u{1b}[2Jd");
        assert_eq!(harmless("\u{1b}[1;31mred\u{1b}[0m", true), "\u{1b}[1;31mred\u{1b}[0m");
        assert_eq!(harmless("\u{1b}[31mred", false), "\\u{1b}[31mred");
        assert_eq!(harmless("\u{1b}[8mhidden", true), "\\u{1b}[8mhidden");
    }
}
