//! A mail: the report as text and HTML, and the case attached. Every part is base64, so that no line is too long and nothing in
//! a report can end the message.

use std::time::SystemTime;

use lettre::Message;
use lettre::address::Address;
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::TicketReport;
use crate::printable::printable;

/// A mail.
pub struct Mail<'a> {
    /// The sender.
    pub from: &'a Address,
    /// The mailboxes it goes to.
    pub to: &'a [Address],
    /// What it carries.
    pub report: &'a TicketReport,
    /// When it is written.
    pub date: SystemTime,
}

impl Mail<'_> {
    /// Its id: the same for every mail of the case, by which mail programs know a copy.
    fn id(&self) -> String {
        format!("<casebook.{}@{}>", self.report.id, self.from.domain())
    }

    /// Its bytes, lines ended by CR LF. Error: a header that no mail may have.
    pub fn bytes(&self, with_case: bool) -> Result<Vec<u8>, lettre::error::Error> {
        let report = self.report;
        let base64 = |kind: ContentType, text: &str| {
            SinglePart::builder().header(kind).header(ContentTransferEncoding::Base64).body(text.to_owned())
        };
        let mut texts = MultiPart::alternative().singlepart(base64(ContentType::TEXT_PLAIN, &report.text));
        if let Some(html) = &report.html {
            texts = texts.singlepart(base64(ContentType::TEXT_HTML, html));
        }
        let mut parts = MultiPart::mixed().multipart(texts);
        if let Some(case) = report.case.as_ref().filter(|_| with_case) {
            let json = ContentType::parse("application/json").unwrap_or(ContentType::TEXT_PLAIN);
            let file = SinglePart::builder()
                .header(ContentDisposition::attachment(&report.case_name()))
                .header(json)
                .header(ContentTransferEncoding::Base64);
            parts = parts.singlepart(file.body(case.clone()));
        }
        let header = |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
        let mut message = Message::builder()
            .from(Mailbox::new(Some("casebook".to_owned()), self.from.clone()))
            .subject(one_line(&report.title))
            .date(self.date)
            .message_id(Some(self.id()))
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Casebook-Case", &report.id));
        for mailbox in self.to {
            message = message.to(Mailbox::new(None, mailbox.clone()));
        }
        Ok(message.multipart(parts)?.formatted())
    }
}

/// A subject has one line, whatever a host's name holds, and shows what would turn the writing direction or hide a letter.
fn one_line(text: &str) -> String {
    printable(text.replace(['\r', '\n', '\t'], " "))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn mail(title: &str) -> String {
        let report = TicketReport {
            id: "0a1b2c".into(),
            title: title.into(),
            summary: "s".into(),
            verdict: "ok",
            host: "h".into(),
            text: ".\r\nQUIT\r\n--boundary--\r\n".into(),
            markdown: String::new(),
            html: Some("<p>ü".into()),
            case: Some("{}".into()),
        };
        let to = ["a@b.example".parse().unwrap(), "c@d.example".parse().unwrap()];
        let date = UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        let mail = Mail { from: &"x@y.example".parse().unwrap(), to: &to, report: &report, date };
        String::from_utf8(mail.bytes(true).unwrap()).unwrap()
    }

    #[test]
    fn nothing_in_a_report_can_end_the_mail_or_become_a_header() {
        let text = mail("a\r\nBcc: evil@example.org\r\n\r\nhello");
        assert!(!text.contains("\nBcc:") && !text.contains("QUIT"), "{text}");
        assert!(text.split("\r\n").all(|line| line != "." && line.len() <= 998 && !line.contains('\n')), "{text}");
        assert!(!text.contains("--boundary--"), "{text}");
    }

    #[test]
    fn a_subject_shows_what_would_turn_the_writing_direction() {
        let text = mail("ok on web\u{202e}gnp.exe\u{200b}");
        let subject = text.split("\r\n").find_map(|line| line.strip_prefix("Subject: ")).unwrap();
        assert_eq!(subject, "ok on web\\u{202e}gnp.exe\\u{200b}");
    }

    #[test]
    fn a_subject_beyond_ascii_is_encoded_in_short_lines() {
        let text = mail(&"Überlastung durch ".repeat(8));
        let subject: Vec<&str> = text.split("\r\n").skip_while(|line| !line.starts_with("Subject")).take(3).collect();
        assert!(subject.iter().all(|line| line.len() <= 78 && line.contains("=?utf-8?b?")), "{subject:?}");
        assert!(text.contains("Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n"), "{text}");
    }
}
