//! A webhook: one POST of JSON with the report and the case.

use serde_json::{Value, json};

use super::http::{Client, Failure, Request, Scheme, patiently};
use super::{Delivered, Means, Parcel};
use crate::bounded_json;

/// The version of the JSON.
const FORMAT: u32 = 1;
/// The largest body; a larger one goes without the case.
const LARGEST: usize = 16 << 20;

/// The request.
pub fn request(parcel: &Parcel, url: &str, means: &Means) -> Result<Request, Failure> {
    super::http::vet(url).map_err(Failure::Usage)?;
    let case = parcel.case.as_deref().filter(|case| case.len() <= LARGEST / 2);
    let case: Option<Value> = case.and_then(|case| bounded_json::counted(case.as_bytes()).ok());
    let body = json!({
        "format": FORMAT,
        "id": parcel.id,
        "title": parcel.title,
        "verdict": parcel.verdict,
        "host": parcel.host,
        "summary": parcel.summary,
        "report": {"text": parcel.text, "markdown": parcel.markdown, "html": parcel.html},
        "case": case,
    });
    let headers = vec![
        ("Content-Type", "application/json".to_owned()),
        // A receiver that knows the draft of this header takes a repeated request for the same.
        ("Idempotency-Key", format!("\"casebook-{}\"", parcel.id)),
    ];
    let authorization = means.credential.secret().is_some().then_some(("Authorization", Scheme::Bearer));
    Ok(Request {
        method: "POST",
        url: url.to_owned(),
        headers,
        authorization,
        body: Some(body.to_string().into_bytes()),
    })
}

/// Sends it.
pub fn deliver(parcel: &Parcel, url: &str, means: &Means) -> Result<Delivered, Failure> {
    let request = request(parcel, url, means)?;
    let client = Client::new(&means.credential, &means.patience);
    patiently(&means.patience, || client.send(&request))?;
    let notes = if parcel.case.as_ref().is_some_and(|case| case.len() > LARGEST / 2) {
        vec!["the case is too large to go with it; the report went alone".to_owned()]
    } else {
        Vec::new()
    };
    Ok(Delivered { what: "sent", link: None, notes })
}
