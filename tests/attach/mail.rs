//! Mail: what a server of SMTP receives.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::wire::{Delivery, Manners, fixture, smtp};
use crate::{TOKEN, attach, desk, said};

/// The parts of a mail that carry something: the headers of each, and what it carries.
fn parts(data: &str) -> Vec<(String, String)> {
    let parts = data.split("\r\n--").skip(1).filter_map(|part| {
        let (head, body) = part.split_once("\r\n\r\n")?;
        let body: String = body.split_whitespace().collect();
        let carried = head.contains("base64").then(|| STANDARD.decode(body).unwrap())?;
        Some((head.to_owned(), String::from_utf8(carried).unwrap()))
    });
    parts.collect()
}

fn send(manners: Manners, line: &str, more: &[(&str, &str)]) -> (crate::command::Answer, Vec<Delivery>) {
    let (address, taken) = smtp(manners);
    let server = address.to_string();
    let mut variables = vec![("CASEBOOK_SMTP", server.as_str()), ("CASEBOOK_SMTP_FROM", "ops@example.org")];
    variables.extend(more);
    let answer = attach(&desk(), line, &variables);
    let taken = taken.lock().unwrap().clone();
    (answer, taken)
}

#[test]
fn text_and_case_arrive() {
    let (answer, taken) = send(Manners::default(), "--to mailto:noc@example.org,ann@example.org", &[]);
    said(answer.ended(0), "sent");
    let [mail] = &taken[..] else { panic!("{taken:#?}") };
    assert_eq!(mail.from, "MAIL FROM:<ops@example.org>");
    assert_eq!(mail.to, ["RCPT TO:<noc@example.org>", "RCPT TO:<ann@example.org>"]);
    let head = mail.data.split("\r\n\r\n").next().unwrap();
    for header in [
        "Subject: critical: high-inbound-traffic on",
        "MIME-Version: 1.0",
        "Message-ID: <casebook.",
        "Date: ",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(head.contains(header), "{header}: {head}");
    }
    let parts = parts(&mail.data);
    assert!(parts[0].0.contains("text/plain; charset=utf-8") && parts[0].1.contains("SYN flood"), "{parts:#?}");
    let (head, case) = parts.last().unwrap();
    // A long name stands in a line of its own (RFC 2231).
    assert!(head.contains("Content-Disposition: attachment;") && head.contains("=\"casebook-"), "{head}");
    assert!(casebook::case::Case::from_json(case).is_ok());
}

#[test]
fn tls_is_begun_where_it_is_offered_and_the_password_goes_over_it() {
    let authority = fixture("authority.pem");
    let more = [
        ("SSL_CERT_FILE", authority.to_str().unwrap()),
        ("CASEBOOK_SMTP_USER", "ann@example.org"),
        ("CASEBOOK_SMTP_PASSWORD", TOKEN),
    ];
    let manners = Manners { starttls: true, login: true, ..Manners::default() };
    let (answer, taken) = send(manners, "--to mailto:noc@example.org", &more);
    answer.ended(0);
    assert!(taken[0].safe);
    let login = taken[0].login.as_deref().unwrap().strip_prefix("AUTH PLAIN ").unwrap();
    assert_eq!(STANDARD.decode(login).unwrap(), format!("\0ann@example.org\0{TOKEN}").into_bytes());
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let manners = Manners { starttls: true, login: true, ..Manners::default() };
    let more = [("CASEBOOK_SMTP_USER", "ann"), ("CASEBOOK_SMTP_PASSWORD", TOKEN)];
    let (answer, taken) = send(manners, "--to mailto:noc@example.org", &more);
    said(answer.ended(69), "no safe connection");
    assert!(taken.is_empty());
}

#[test]
fn a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let busy = Manners::default();
    busy.busy.lock().unwrap().push("451 greylisted");
    let (answer, taken) = send(busy, "--to mailto:noc@example.org", &[]);
    answer.ended(0);
    assert_eq!(taken.len(), 1);
    let refuses = Manners::default();
    refuses.busy.lock().unwrap().push("553 sender not allowed");
    let (answer, taken) = send(refuses, "--to mailto:noc@example.org", &[]);
    said(answer.ended(69), "553 sender not allowed");
    assert!(taken.is_empty());
}

#[test]
fn one_mailbox_that_is_not_there_does_not_keep_it_from_the_others() {
    let (answer, taken) = send(Manners::default(), "--to mailto:nobody@example.org,noc@example.org", &[]);
    said(answer.ended(0), "550 no such user");
    assert_eq!(taken[0].to, ["RCPT TO:<noc@example.org>"]);
    let (answer, _) = send(Manners::default(), "--to mailto:nobody@example.org", &[]);
    said(answer.ended(69), "550 no such user");
}

#[test]
fn a_case_that_is_too_large_stays_behind() {
    let (answer, taken) =
        send(Manners { size: Some(40_000), ..Manners::default() }, "--to mailto:noc@example.org", &[]);
    said(answer.ended(0), "the report went alone");
    assert!(!taken[0].data.contains("attachment"));
}

#[test]
fn server_and_sender_must_be_named() {
    attach(&desk(), "--to mailto:noc@example.org --from a@b", &[]).refused(&["which mail server? Name it by --smtp"]);
    attach(&desk(), "--to mailto:noc@example.org --smtp relay", &[]).refused(&["who is the sender?"]);
    attach(&desk(), "--to mailto:noc@example.org --smtp http://x", &[]).refused(&["is no mail server"]);
}

#[test]
fn a_dry_run_shows_the_mail() {
    let (answer, taken) = send(Manners::default(), "--to mailto:noc@example.org --dry-run", &[]);
    answer.ended(0).printed(&[
        "RCPT TO:<noc@example.org>",
        "Subject: critical",
        "Content-Type: application/json",
        "SYN flood",
    ]);
    assert!(taken.is_empty());
}
