//! A webhook: one POST of JSON with the report and the case.

use serde_json::{Value, json};

use super::http::{Client, Failure, Request, Scheme, with_retry};
use super::{Delivered, DeliveryConfig, TicketReport};
use crate::bounded_json;

/// The version of the JSON.
const FORMAT: u32 = 1;
/// The largest body; a larger one goes without the case.
const LARGEST: usize = 16 << 20;

/// The request.
pub fn request(report: &TicketReport, url: &str, config: &DeliveryConfig) -> Result<Request, Failure> {
    super::http::validate(url).map_err(Failure::Usage)?;
    let case = report.case.as_deref().filter(|case| case.len() <= LARGEST / 2);
    let case: Option<Value> = case.and_then(|case| bounded_json::counted(case.as_bytes()).ok());
    let body = json!({
        "format": FORMAT,
        "id": report.id,
        "title": report.title,
        "verdict": report.verdict,
        "host": report.host,
        "summary": report.summary,
        "report": {"text": report.text, "markdown": report.markdown, "html": report.html},
        "case": case,
    });
    let headers = vec![
        ("Content-Type", "application/json".to_owned()),
        // A receiver that knows the draft of this header takes a repeated request for the same.
        ("Idempotency-Key", format!("\"casebook-{}\"", report.id)),
    ];
    let authorization = config.credential.secret().is_some().then_some(("Authorization", Scheme::Bearer));
    Ok(Request {
        method: "POST",
        url: url.to_owned(),
        headers,
        authorization,
        body: Some(body.to_string().into_bytes()),
    })
}

/// Sends it.
pub fn deliver(report: &TicketReport, url: &str, config: &DeliveryConfig) -> Result<Delivered, Failure> {
    let request = request(report, url, config)?;
    let client = Client::new(&config.credential, &config.retry);
    with_retry(&config.retry, || client.send(&request))?;
    let notes = if report.case.as_ref().is_some_and(|case| case.len() > LARGEST / 2) {
        vec!["the case is too large to go with it; the report went alone".to_owned()]
    } else {
        Vec::new()
    };
    Ok(Delivered { what: "sent", link: None, notes })
}
