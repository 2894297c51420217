//! Where tickets live: the report of a case goes to an issue, a mailbox or a webhook.
//!
//! What leaves is a [`TicketReport`], made before anything is sent; a [`Target`] is where it goes. A second report of the same case
//! finds the comment of the first by its marker and takes its place.

mod comment;
mod credential;
mod cut;
mod http;
mod mail;
mod smtp;
mod target;
mod tls;
mod tracker;
mod webhook;

pub use credential::{BadToken, Credential, token_file};
pub use http::{Failure, RetryPolicy};
pub use smtp::{BadServer, Server};
pub use target::{BadTarget, Target};

use ring::digest;

use crate::case::Case;
use tracker::IssueTracker;

/// All that leaves for a ticket.
#[derive(Debug, Clone)]
pub struct TicketReport {
    /// The case's id: the same for every report of it.
    pub id: String,
    /// The subject: verdict, runbook, host.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// The word of the verdict.
    pub verdict: &'static str,
    /// The host, as the case names it.
    pub host: String,
    /// The report as text.
    pub text: String,
    /// The report as Markdown.
    pub markdown: String,
    /// The report as HTML, where there is such a renderer.
    pub html: Option<String>,
    /// The case itself: JSON.
    pub case: Option<String>,
}

impl TicketReport {
    /// The name of the case's file: another for another content, so that a place that has it needs it no second time.
    pub fn case_name(&self) -> String {
        let content = self.case.as_deref().map(|case| format!("-{}", hash(case))).unwrap_or_default();
        format!("casebook-{}{content}.json", self.id)
    }

    /// Every text of it that comes from the case, to be changed before it leaves.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let TicketReport { id: _, title, summary, verdict: _, host, text, markdown, html, case } = self;
        [title, summary, host, text, markdown].into_iter().chain(html).chain(case)
    }

    /// Every text of it, each with what it is, for a last look before it leaves.
    pub fn texts(&self) -> Vec<(&'static str, &str)> {
        let mut texts = vec![
            ("the title", self.title.as_str()),
            ("the summary", &self.summary),
            ("the report as text", &self.text),
            ("the report as Markdown", &self.markdown),
        ];
        texts.extend(self.html.as_deref().map(|html| ("the report as HTML", html)));
        texts
    }
}

/// The id of a case: from when it was begun and by which runbook, which no redaction changes, and nothing else.
pub fn id(case: &Case) -> String {
    hash(&format!("{}\n{}", case.started, case.runbook.name))
}

/// Twelve figures of the text's SHA-256.
fn hash(text: &str) -> String {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// How to get there: servers, credentials, how often to try.
pub struct DeliveryConfig {
    /// The base of GitHub's API: `https://api.github.com`.
    pub github: String,
    /// The base of GitLab: `https://gitlab.com`.
    pub gitlab: String,
    /// The base of Jira.
    pub jira: Option<String>,
    /// The token, or for mail and Jira the user with a password.
    pub credential: Credential,
    /// The mail server.
    pub smtp: Option<Server>,
    /// The sender of mail.
    pub from: Option<String>,
    /// How long and how often to try.
    pub retry: RetryPolicy,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivered {
    /// "commented", "comment updated", "sent".
    pub what: &'static str,
    /// Where it can be seen, if the server said.
    pub link: Option<String>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// Sends the report.
pub fn deliver(report: &TicketReport, target: &Target, config: &DeliveryConfig) -> Result<Delivered, Failure> {
    match target {
        Target::Mail(to) => smtp::deliver(report, to, config),
        Target::Webhook(url) => webhook::deliver(report, url, config),
        Target::GitHub { .. } | Target::GitLab { .. } | Target::Jira { .. } => {
            let tracker = IssueTracker::of(target, config)?;
            tracker.validate_credential(config)?;
            comment::deliver(report, &tracker, config)
        }
    }
}

/// All that would leave, as text; credentials are named and not shown.
pub fn dry_run(report: &TicketReport, target: &Target, config: &DeliveryConfig) -> Result<String, Failure> {
    match target {
        Target::Mail(to) => smtp::dry_run(report, to, config),
        Target::Webhook(url) => Ok(webhook::request(report, url, config)?.shown(&config.credential)),
        Target::GitHub { .. } | Target::GitLab { .. } | Target::Jira { .. } => {
            let tracker = IssueTracker::of(target, config)?;
            let lacks = tracker.validate_credential(config).err().map(|why| format!("\nNot yet to be sent: {why}\n"));
            Ok(comment::dry_run(report, &tracker, config) + lacks.as_deref().unwrap_or_default())
        }
    }
}
