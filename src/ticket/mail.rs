//! A mail as its bytes: MIME with the report as text and HTML, and the case attached. Everything is base64, so that no line is
//! too long, none begins with a dot, and nothing in a report can end the message or become a header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Zoned;

use super::Parcel;
use crate::printable::printable;

/// Columns of encoded lines (RFC 2045).
const COLUMNS: usize = 76;
/// Bytes in one encoded word of a header, so that the line stays below 76.
const WORD: usize = 42;

/// Base64 on one line.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn lines(bytes: &[u8]) -> String {
    let encoded = base64(bytes);
    let mut text = String::with_capacity(encoded.len() + encoded.len() / 32);
    for line in encoded.as_bytes().chunks(COLUMNS) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push_str("\r\n");
    }
    text
}

/// A header's text, encoded if it holds more than plain characters (RFC 2047).
fn header(text: &str) -> String {
    let plain = |c: char| c == ' ' || c.is_ascii_graphic();
    if text.chars().all(plain) && text.len() <= 66 && !text.contains("=?") {
        return text.to_owned();
    }
    let (mut words, mut word) = (Vec::new(), String::new());
    // Line breaks and tabs are blanks; what turns the writing direction or hides a letter is spelled out.
    let text = printable(text.replace(['\r', '\n', '\t'], " "));
    for c in text.chars() {
        if word.len() + c.len_utf8() > WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let words: Vec<String> = words.iter().map(|word| format!("=?utf-8?B?{}?=", base64(word.as_bytes()))).collect();
    words.join("\r\n ")
}

/// A mail.
pub struct Mail<'a> {
    /// The sender.
    pub from: &'a str,
    /// The mailboxes it goes to.
    pub to: &'a [String],
    /// What it carries.
    pub parcel: &'a Parcel,
    /// When it is written.
    pub date: &'a Zoned,
}

impl Mail<'_> {
    /// Its id: the same for every mail of the case, by which mail programs know a copy.
    pub fn id(&self) -> String {
        let domain = self.from.rsplit('@').next().unwrap_or("localhost");
        format!("<casebook.{}@{domain}>", self.parcel.id)
    }

    /// Its bytes, lines ended by CR LF.
    pub fn text(&self, with_case: bool) -> String {
        let Mail { from, to, parcel, date } = self;
        let (mixed, alternative) = (format!("casebook-{}-a", parcel.id), format!("casebook-{}-b", parcel.id));
        let date = jiff::fmt::rfc2822::to_string(date).unwrap_or_default();
        let mut text = format!(
            "From: casebook <{from}>\r\nTo: {}\r\nSubject: {}\r\nDate: {date}\r\nMessage-ID: {}\r\nMIME-Version: 1.0\r\n\
             Auto-Submitted: auto-generated\r\nX-Casebook-Case: {}\r\n\
             Content-Type: multipart/mixed; boundary=\"{mixed}\"\r\n\r\n\
             --{mixed}\r\nContent-Type: multipart/alternative; boundary=\"{alternative}\"\r\n\r\n",
            to.join(",\r\n "),
            header(&parcel.title),
            self.id(),
            parcel.id,
        );
        let mut part = |boundary: &str, kind: &str, more: &str, bytes: &[u8]| {
            text.push_str(&format!(
                "--{boundary}\r\nContent-Type: {kind}\r\n{more}Content-Transfer-Encoding: base64\r\n\r\n{}",
                lines(bytes)
            ));
        };
        part(&alternative, "text/plain; charset=utf-8", "", parcel.text.as_bytes());
        if let Some(html) = &parcel.html {
            part(&alternative, "text/html; charset=utf-8", "", html.as_bytes());
        }
        text.push_str(&format!("--{alternative}--\r\n"));
        if let Some(case) = parcel.case.as_ref().filter(|_| with_case) {
            let name = parcel.case_name();
            let disposition = format!("Content-Disposition: attachment; filename=\"{name}\"\r\n");
            let mut part = String::new();
            part.push_str(&format!(
                "--{mixed}\r\nContent-Type: application/json; name=\"{name}\"\r\n{disposition}Content-Transfer-Encoding: base64\r\n\r\n"
            ));
            part.push_str(&lines(case.as_bytes()));
            text.push_str(&part);
        }
        text.push_str(&format!("--{mixed}--\r\n"));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(title: &str) -> Parcel {
        Parcel {
            id: "0a1b2c".into(),
            title: title.into(),
            summary: "s".into(),
            verdict: "ok",
            host: "h".into(),
            text: ".\r\nQUIT\r\n--casebook-0a1b2c-a--\r\n".into(),
            markdown: String::new(),
            html: Some("<p>ü".into()),
            case: Some("{}".into()),
        }
    }

    fn mail(title: &str) -> String {
        let (parcel, to) = (parcel(title), ["a@b".to_owned(), "c@d".to_owned()]);
        let date = "2026-01-02T03:04:05[UTC]".parse::<Zoned>().unwrap();
        Mail { from: "x@y.org", to: &to, parcel: &parcel, date: &date }.text(true)
    }

    #[test]
    fn nothing_in_a_report_can_end_the_mail_or_become_a_header() {
        let text = mail("a\r\nBcc: evil@example.org\r\n\r\nhello");
        assert!(!text.contains("Bcc:") && !text.contains("QUIT"), "{text}");
        assert!(text.split("\r\n").all(|line| line != "." && line.len() <= 998 && !line.contains('\n')), "{text}");
        assert_eq!(text.matches("--casebook-0a1b2c-a--").count(), 1);
    }

    #[test]
    fn a_subject_shows_what_would_turn_the_writing_direction() {
        let text = mail("ok on web\u{202e}gnp.exe\u{200b}");
        let subject = text.split("\r\n").find_map(|line| line.strip_prefix("Subject: ")).unwrap();
        let words = subject.split("=?utf-8?B?").skip(1).map(|word| word.split('?').next().unwrap());
        let shown: Vec<u8> = words.flat_map(|word| STANDARD.decode(word).unwrap()).collect();
        assert_eq!(String::from_utf8(shown).unwrap(), "ok on web\\u{202e}gnp.exe\\u{200b}");
    }

    #[test]
    fn a_subject_beyond_ascii_is_encoded_in_short_lines() {
        let text = mail(&"Überlastung durch ".repeat(8));
        let subject: Vec<&str> = text.split("\r\n").skip_while(|line| !line.starts_with("Subject")).take(3).collect();
        assert!(subject.iter().all(|line| line.len() <= 78) && subject[1].starts_with(" =?utf-8?B?"), "{subject:?}");
        assert!(text.contains("Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n"), "{text}");
    }
}
