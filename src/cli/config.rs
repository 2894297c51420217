//! Defaults from the configuration files: what no flag and no variable says, and `casebook config`.

use std::env;
use std::io::Write;

use super::arguments::{AttachArguments, CasesCommand, Command, OutputArguments, RedactArguments};
use super::{Usage, say, screen};
use crate::config::{self, BadConfig, Config};
use crate::printable::printable;

/// Fills in what the command line leaves open. Only commands that have something to fill in read the files.
pub(super) fn apply(command: &mut Command) -> Result<(), Usage> {
    match command {
        Command::Run(of) => {
            of.config = load()?;
            report(&mut of.output, &of.config);
        }
        Command::Diagnose(of) => {
            of.config = load()?;
            report(&mut of.output, &of.config);
        }
        Command::Check(of) => {
            of.config = load()?;
            report(&mut of.output, &of.config);
        }
        Command::Replay(of) => report(&mut of.output, &load()?),
        Command::Merge(of) => report(&mut of.output, &load()?),
        Command::Report(of) => report(&mut of.output, &load()?),
        Command::Cases(of) => {
            if let Some(CasesCommand::Finish { output, .. }) = &mut of.command {
                report(output, &load()?);
            }
        }
        Command::Plan(of) => of.config = load()?,
        Command::Show(of) => of.config = load()?,
        Command::Serve(of) => {
            of.config = load()?;
            if of.redact.is_empty() {
                of.redact = of.config.words("report.redact");
            }
        }
        Command::Attach(of) => {
            of.config = load()?;
            attach(of);
        }
        _ => {}
    }
    Ok(())
}

fn load() -> Result<Config, Usage> {
    told(Config::load())
}

/// The defaults, or what is wrong with them; files that may not be read are told of.
fn told(loaded: Result<Config, BadConfig>) -> Result<Config, Usage> {
    let config = loaded.map_err(|bad| Usage(bad.to_string()))?;
    for path in &config.unread {
        let path = printable(path.as_os_str().as_encoded_bytes());
        say(format_args!("casebook: this user may not read {path}; its defaults do not apply"));
    }
    Ok(config)
}

fn report(to: &mut OutputArguments, config: &Config) {
    to.format = to.format.take().or_else(|| config.text("report.format"));
    to.color = to.color.take().or_else(|| config.text("report.color"));
    to.verbose |= config.flag("report.verbose");
    redact(&mut to.redact, config);
}

fn redact(to: &mut RedactArguments, config: &Config) {
    if to.redact.is_empty() {
        to.redact = config.words("report.redact");
    }
    if !to.redact.is_empty() {
        to.redact_map = to.redact_map.take().or_else(|| config.path("report.redact_map"));
    }
}

fn attach(to: &mut AttachArguments) {
    let variable = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
    to.smtp = to.smtp.take().or_else(|| variable("CASEBOOK_SMTP")).or_else(|| to.config.text("mail.server"));
    to.from = to.from.take().or_else(|| variable("CASEBOOK_SMTP_FROM")).or_else(|| to.config.text("mail.from"));
    redact(&mut to.redact, &to.config);
}

/// `casebook config`: every default with its place, and the files that were looked for.
pub(super) fn show(loaded: Option<Result<Config, BadConfig>>) -> anyhow::Result<u8> {
    let config = told(loaded.unwrap_or_else(|| Ok(Config::default())))?;
    let mut out = screen::stdout();
    for (key, entry) in config.entries() {
        writeln!(out, "{:<36} {:<28} {entry}", printable(key), printable(entry.value.to_string()))?;
    }
    if config.entries().next().is_none() {
        writeln!(out, "No defaults are set.")?;
    }
    writeln!(out)?;
    for path in config::files().iter().rev() {
        let state = if config.unread.contains(path) {
            "not readable for this user"
        } else if config.read.contains(path) {
            "read"
        } else {
            "not there"
        };
        writeln!(out, "{:<65} {state}", printable(path.as_os_str().as_encoded_bytes()))?;
    }
    out.flush()?;
    Ok(0)
}
