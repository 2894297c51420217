//! `casebook attach`: a case and its report to where the ticket is.

use std::env;
use std::io::Write;
use std::path::Path;

use super::arguments::AttachArguments;
use super::output::read_enough;
use super::redact::Redaction;
use super::{Usage, case_file, say, screen};
use crate::bounded_json::Budget;
use crate::case::Case;
use crate::printable::printable;
use crate::redact;
use crate::report::{self, Options};
use crate::sys::trust::Trust;
use crate::ticket::{self, Credential, DeliveryConfig, RetryPolicy, Target, TicketReport};

/// A secret is in what would leave (`EX_DATAERR`).
const SECRET: u8 = 65;
/// It did not arrive (`EX_UNAVAILABLE`).
const NOT_THERE: u8 = 69;

fn read(path: &Path, budget: &mut Budget) -> Result<Case, Usage> {
    case_file::read(&path.to_string_lossy(), Trust::Waived, budget).map(|read| read.case)
}

pub(super) fn attach(arguments: &AttachArguments) -> anyhow::Result<u8> {
    let targets = targets(arguments)?;
    let redaction = Redaction::prepare(&arguments.redact)?;
    let recorded = read(&arguments.case, &mut arguments.reading.budget())?;
    // Of the case as it is recorded, so that a redacted report of it finds the earlier comment, too.
    let id = ticket::id(&recorded);
    let mut case = recorded;
    case.foreign_commands = !case_file::is_kept(&arguments.case.to_string_lossy());
    redact::secrets(&mut case);
    let case = match &redaction {
        Some(redaction) => {
            let (case, map) = redaction.apply(case)?;
            map.map(|()| case)?
        }
        None => case,
    };
    let mut ticket_report = ticket_report(&case, id, !arguments.without_case)?;
    if let Some(redaction) = &redaction {
        for text in ticket_report.texts_mut() {
            *text = String::from_utf8_lossy(&redaction.clean(std::mem::take(text).into_bytes())?).into_owned();
        }
    }
    if let Some(why) = secret(&case, &ticket_report) {
        say(format_args!("casebook: nothing was sent: {why}"));
        return Ok(SECRET);
    }
    let mut status = 0;
    for (target, config) in &targets {
        status = status.max(send(&ticket_report, target, config, arguments.dry_run)?);
    }
    Ok(status)
}

/// Every target with its configuration, complete before anything is sent.
fn targets(arguments: &AttachArguments) -> Result<Vec<(Target, DeliveryConfig)>, Usage> {
    let mut targets = Vec::new();
    for text in &arguments.targets {
        let target: Target = text.parse().map_err(|error: ticket::BadTarget| Usage(error.to_string()))?;
        let config = config(&target, arguments)?;
        targets.push((target, config));
    }
    Ok(targets)
}

/// Sends to one target, or shows what would be sent there.
fn send(ticket_report: &TicketReport, target: &Target, config: &DeliveryConfig, dry_run: bool) -> anyhow::Result<u8> {
    let failed = |error: ticket::Failure| match error {
        ticket::Failure::Usage(why) => Err(Usage(format!("{target}: {why}")).into()),
        error => {
            say(format_args!("casebook: {target}: {error}"));
            Ok(NOT_THERE)
        }
    };
    if dry_run {
        return match ticket::dry_run(ticket_report, target, config) {
            Ok(text) => {
                let mut out = screen::out();
                read_enough(writeln!(out, "# {target}: this would leave\n\n{text}").and_then(|()| out.flush()))?;
                Ok(0)
            }
            Err(error) => failed(error),
        };
    }
    match ticket::deliver(ticket_report, target, config) {
        Ok(delivered) => {
            let link = delivered.link.map(|link| format!(": {link}")).unwrap_or_default();
            say(format_args!("{target}: {}{link}", delivered.what));
            delivered.notes.iter().for_each(|note| say(format_args!("{target}: {note}")));
            Ok(0)
        }
        Err(error) => failed(error),
    }
}

/// A variable of the environment that says something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The token of the file, or of the first variable that is set.
fn credential(file: Option<&Path>, names: &[&str]) -> Result<Credential, Usage> {
    if let Some(path) = file {
        let shown = path.display();
        let token = ticket::token_file(path).map_err(|error| Usage(format!("the token file {shown} {error}")))?;
        return Ok(Credential::new(Some(token), &shown.to_string()));
    }
    let found = names.iter().find_map(|name| Some((variable(name)?, *name)));
    Ok(match found {
        Some((token, name)) => Credential::new(Some(token), name),
        None => Credential::default(),
    })
}

/// Where the credential of a target stands: variables of the environment, and keys of the configuration.
struct Keeping {
    variables: &'static [&'static str],
    user: Option<(&'static str, &'static str)>,
    file: &'static str,
    env: &'static str,
}

impl Keeping {
    const fn of(target: &Target) -> Self {
        let (variables, user, file, env): (&'static [&'static str], _, _, _) = match target {
            Target::GitHub { .. } => {
                (&["GITHUB_TOKEN", "GH_TOKEN"], None, "tracker.github.token_file", "tracker.github.token_env")
            }
            Target::GitLab { .. } => (&["GITLAB_TOKEN"], None, "tracker.gitlab.token_file", "tracker.gitlab.token_env"),
            Target::Jira { .. } => {
                let user = Some(("JIRA_USER", "tracker.jira.user"));
                (&["JIRA_TOKEN"], user, "tracker.jira.token_file", "tracker.jira.token_env")
            }
            Target::Webhook(_) => {
                (&["CASEBOOK_WEBHOOK_TOKEN"], None, "tracker.webhook.token_file", "tracker.webhook.token_env")
            }
            Target::Mail(_) => {
                let user = Some(("CASEBOOK_SMTP_USER", "mail.user"));
                (&["CASEBOOK_SMTP_PASSWORD"], user, "mail.password_file", "mail.password_env")
            }
        };
        Keeping { variables, user, file, env }
    }

    /// The flag goes before the usual variables, and these before what the configuration names.
    fn credential(&self, arguments: &AttachArguments) -> Result<Credential, Usage> {
        let config = &arguments.config;
        let known = self.variables.iter().any(|name| variable(name).is_some());
        let file = arguments.token_file.clone().or_else(|| config.path(self.file).filter(|_| !known));
        let named = config.text(self.env);
        let names: Vec<&str> = self.variables.iter().copied().chain(named.as_deref()).collect();
        let mut credential = credential(file.as_deref(), &names)?;
        credential.user = self.user.and_then(|(name, key)| variable(name).or_else(|| config.text(key)));
        Ok(credential)
    }
}

fn config(target: &Target, arguments: &AttachArguments) -> Result<DeliveryConfig, Usage> {
    let smtp = arguments.smtp.as_deref().map(str::parse);
    let smtp = smtp.transpose().map_err(|error: ticket::BadServer| Usage(error.to_string()))?;
    let url = |name: &str, key: &str| variable(name).or_else(|| arguments.config.text(key));
    let github = url("GITHUB_API_URL", "tracker.github.url");
    let gitlab = url("CASEBOOK_GITLAB_URL", "tracker.gitlab.url");
    Ok(DeliveryConfig {
        github: github.unwrap_or_else(|| "https://api.github.com".to_owned()),
        gitlab: gitlab.unwrap_or_else(|| "https://gitlab.com".to_owned()),
        jira: url("CASEBOOK_JIRA_URL", "tracker.jira.url"),
        credential: Keeping::of(target).credential(arguments)?,
        smtp,
        from: arguments.from.clone(),
        retry: RetryPolicy { request: arguments.timeout.0, ..RetryPolicy::default() },
    })
}

fn rendered(case: &Case, format: &str) -> anyhow::Result<Option<String>> {
    let Some(renderer) = report::by_name(format) else { return Ok(None) };
    let mut bytes = Vec::new();
    renderer.render(case, &Options::default(), &mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn ticket_report(case: &Case, id: String, with_case: bool) -> anyhow::Result<TicketReport> {
    let runbook = &case.runbook.name;
    Ok(TicketReport {
        id,
        title: printable(format!("{}: {runbook} on {}", case.verdict, case.host.name)),
        summary: printable(&case.diagnosis.summary),
        verdict: case.verdict.word(),
        host: printable(&case.host.name),
        text: rendered(case, "text")?.unwrap_or_default(),
        markdown: rendered(case, "markdown")?.unwrap_or_default(),
        html: rendered(case, "html")?,
        case: with_case.then(|| serde_json::to_string(case)).transpose()?,
    })
}

/// What still looks like a secret in what is about to leave.
fn secret(case: &Case, ticket_report: &TicketReport) -> Option<String> {
    let remaining = redact::remaining(case);
    if remaining > 0 {
        return Some(format!("{remaining} texts of the case still look like secrets"));
    }
    let found = ticket_report.texts().into_iter().find_map(|(what, text)| Some((what, redact::scan(text)?)));
    found.map(|(what, rule)| {
        format!("{what} holds what looks like a secret ({rule}); take it out of the case and attach it again")
    })
}
