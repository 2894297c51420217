//! A comment on an issue: found again by its marker, and then updated instead of written twice.

use serde_json::Value;

use super::http::{Client, Failure, Request, with_retry};
use super::tracker::IssueTracker;
use super::{Delivered, DeliveryConfig, TicketReport};
use crate::bounded_json;

/// Pages of a hundred comments that are searched for the marker.
const PAGES: u32 = 50;

/// A comment that is there.
pub struct Comment {
    /// Its id.
    pub id: String,
    /// Its text.
    pub text: String,
}

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

/// The text cut to so many UTF-16 units, at the end of a line, with what it opened closed, and whether it was cut.
pub fn cut(text: &str, limit: usize, farewell: &str) -> (String, bool) {
    let length = |text: &str| text.encode_utf16().count();
    if length(text) <= limit {
        return (text.to_owned(), false);
    }
    // Room for the farewell and for what has to be closed.
    const CLOSING: usize = 200;
    let room = limit.saturating_sub(length(farewell) + CLOSING);
    let (mut kept, mut used) = (String::new(), 0);
    for line in text.split_inclusive('\n') {
        used += length(line);
        if used > room {
            break;
        }
        kept.push_str(line);
    }
    if kept.is_empty() {
        kept = text.chars().take(room / 2).collect();
    }
    let fences = kept.lines().filter(|line| line.trim_start().starts_with("```")).count();
    if fences % 2 == 1 {
        kept.push_str("\n```\n");
    }
    let open = kept.matches("<details").count().saturating_sub(kept.matches("</details>").count());
    kept.push_str(&"\n</details>\n".repeat(open.min(8)));
    kept.push_str(farewell);
    (kept, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_line_and_closes_what_it_opened() {
        let text = format!("<details>\n```\n{}", "a line of it\n".repeat(1000));
        let (short, cut_it) = cut(&text, 1000, "\nthe rest is elsewhere\n");
        assert!(cut_it && short.encode_utf16().count() <= 1000, "{}", short.len());
        assert!(short.ends_with("```\n\n</details>\n\nthe rest is elsewhere\n"), "{short}");
        assert_eq!(cut("short", 10, "x"), ("short".into(), false));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_longer_than_the_limit(text in "(.{0,40}\n?){0,60}", limit in 300usize..2000) {
            proptest::prop_assert!(cut(&text, limit, "\nbye\n").0.encode_utf16().count() <= limit);
        }
    }
}
