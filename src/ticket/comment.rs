//! A comment on an issue: found again by its marker, and then updated instead of written twice.

use serde_json::Value;

use super::http::{Client, Failure, Request, with_retry};
use super::tracker::{Comment, IssueTracker};
use super::{Delivered, DeliveryConfig, TicketReport};
use crate::bounded_json;

/// Pages of a hundred comments that are searched for the marker.
const PAGES: u32 = 50;

/// Writes the comment, or updates the one of the same case.
pub fn deliver(report: &TicketReport, tracker: &IssueTracker, config: &DeliveryConfig) -> Result<Delivered, Failure> {
    let client = Client::new(&config.credential, &config.retry);
    let (text, cut) = tracker.text(report);
    let mut notes = Vec::new();
    if cut {
        notes.push(format!(
            "the report was cut to the {} characters that it takes; the rest is in the case",
            tracker.limit()
        ));
    }
    // Found anew in every attempt: one whose answer was lost may have written the comment.
    with_retry(&config.retry, || {
        let mut notes = notes.clone();
        let earlier = find(&client, tracker, report)?;
        let before = earlier.as_ref().map_or("", |comment| comment.text.as_str());
        let text = match case(&client, tracker, report, before) {
            Ok(Some(reference)) => format!("{text}\n\n{CASE}{reference}\n"),
            Ok(None) => text.clone(),
            Err(Failure::Refused(why)) => {
                notes.push(format!("the case was not taken, the report goes alone: {why}"));
                text.clone()
            }
            Err(later) => return Err(later),
        };
        let (request, what) = match &earlier {
            Some(comment) => (tracker.update(&comment.id, &text), "comment updated"),
            None => (tracker.create(&text), "commented"),
        };
        let answer = client.send(&request)?;
        let link = bounded_json::answer::<Value>(&answer.body).ok().and_then(|body| tracker.link(&body));
        Ok(Delivered { what, link, notes })
    })
}

/// What stands before the link to the case.
const CASE: &str = "The case: ";

/// Brings the case to the issue unless it is there already, and says how the comment refers to it, if it must.
fn case(
    client: &Client<'_>,
    tracker: &IssueTracker,
    report: &TicketReport,
    earlier: &str,
) -> Result<Option<String>, Failure> {
    let Some(content) = &report.case else { return Ok(None) };
    let name = report.case_name();
    let Some(upload) = tracker.upload(&name, content) else { return Ok(None) };
    let mut lines = earlier.lines().rev().filter_map(|line| line.strip_prefix(CASE));
    if let Some(reference) = lines.find(|line| line.contains(&name)) {
        return Ok(Some(reference.to_owned()));
    }
    let understood = |body: &str| bounded_json::answer::<Value>(body).unwrap_or_default();
    if let Some(list) = tracker.files()
        && tracker.has_file(&understood(&client.send(&list)?.body), &name)
    {
        return Ok(None);
    }
    Ok(tracker.reference(&understood(&client.send(&upload)?.body)))
}

/// The comment that an earlier attach of this case wrote.
fn find(client: &Client<'_>, tracker: &IssueTracker, report: &TicketReport) -> Result<Option<Comment>, Failure> {
    let marker = tracker.marker(&report.id);
    for page in 1..=PAGES {
        let answer = client.send(&tracker.list(page))?;
        let body: Value = bounded_json::answer(&answer.body)
            .map_err(|error| Failure::Refused(format!("the list of comments is not understood: {error}")))?;
        let (comments, last) = tracker.comments(&body, page);
        // Only at its beginning: a report may quote the marker of another.
        let own = comments.into_iter().find(|comment| comment.text.starts_with(&marker));
        if own.is_some() {
            return Ok(own);
        }
        if last {
            break;
        }
    }
    Ok(None)
}

/// What would be asked and sent.
pub fn dry_run(report: &TicketReport, tracker: &IssueTracker, config: &DeliveryConfig) -> String {
    let shown = |request: Request| request.shown(&config.credential);
    let (text, _) = tracker.text(report);
    let upload = report.case.as_ref().and_then(|case| tracker.upload(&report.case_name(), case));
    let upload = upload.map(|upload| format!("\n3. The case, unless it is there already:\n\n{}", shown(upload)));
    format!(
        "1. Is there a comment of this case already?\n\n{}\n2. If not, this is written; if so, the same body replaces it:\n\n{}{}",
        shown(tracker.list(1)),
        shown(tracker.create(&text)),
        upload.unwrap_or_default(),
    )
}
