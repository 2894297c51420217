//! A webhook receives the report and the case as JSON.

use crate::wire::{Server, fixture, plain};
use crate::{TOKEN, attach, desk, said};

#[test]
fn report_and_case_arrive_as_json() {
    let server = Server::http(|_| plain(204, ""));
    let answer =
        attach(&desk(), &format!("--to {}/hook/s3cret-path", server.url()), &[("CASEBOOK_WEBHOOK_TOKEN", TOKEN)]);
    said(answer.ended(0), "sent");
    assert!(!answer.err.contains("s3cret-path"), "{}", answer.err);
    let asked = &server.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/hook/s3cret-path"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    let body = asked.json();
    let id = body["id"].as_str().unwrap();
    assert_eq!(asked.header("idempotency-key"), Some(format!("\"casebook-{id}\"").as_str()));
    assert_eq!((body["format"].as_u64(), body["verdict"].as_str()), (Some(1), Some("critical")));
    assert!(body["report"]["markdown"].as_str().unwrap().contains("SYN flood"));
    assert_eq!(body["case"]["format"], 1);
}

#[test]
fn the_case_may_stay_behind() {
    let server = Server::http(|_| plain(200, "ok"));
    attach(&desk(), &format!("--to {}/ --without-case", server.url()), &[]).ended(0);
    assert!(server.asked()[0].json()["case"].is_null());
}

#[test]
fn several_targets_each_get_it() {
    let (one, two) = (Server::http(|_| plain(200, "")), Server::http(|_| plain(400, r#"{"message": "no"}"#)));
    let answer = attach(&desk(), &format!("--to {}/ --to {}/", two.url(), one.url()), &[]);
    said(answer.ended(69), "refused it (400): no");
    assert_eq!((one.asked().len(), two.asked().len()), (1, 1));
}

#[test]
fn https_trusts_what_the_host_trusts_and_nothing_else() {
    let server = Server::https(|_| plain(200, ""));
    let line = format!("--to https://{}/", server.address);
    let authority = fixture("authority.pem");
    attach(&desk(), &line, &[("SSL_CERT_FILE", authority.to_str().unwrap())]).ended(0);
    said(attach(&desk(), &line, &[]).ended(69), "no safe connection");
    assert_eq!(server.asked().len(), 1);
}
