//! Mail by SMTP (RFC 5321) with TLS (RFC 3207, RFC 8314) and a password (RFC 4954).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use jiff::{Timestamp, Zoned};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::credential::Credential;
use super::http::{Failure, patiently};
use super::mail::{Mail, base64};
use super::target::is_mailbox;
use super::{Delivered, Means, Parcel, tls};
use crate::printable::printable;
use crate::sys::time_zone;

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    host: String,
    port: u16,
    safety: Safety,
}

impl Server {
    /// The TCP port that it is reached at.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Safety {
    /// At once: `smtps://`, port 465.
    AtOnce,
    /// After the greeting, and only this machine itself may lack it: `smtp://`, port 587.
    Begun,
    /// Not at all: `plain://`, port 25.
    None,
}

/// A server that cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no mail server: write it like mail.example.org:587, smtps://mail.example.org or plain://relay:25")]
pub struct BadServer(String);

impl FromStr for Server {
    type Err = BadServer;

    fn from_str(text: &str) -> Result<Self, BadServer> {
        let bad = || BadServer(text.chars().take(80).collect());
        let (safety, standard, rest) = match text.split_once("://") {
            Some(("smtps", rest)) => (Safety::AtOnce, 465, rest),
            Some(("smtp", rest)) => (Safety::Begun, 587, rest),
            Some(("plain", rest)) => (Safety::None, 25, rest),
            Some(_) => return Err(bad()),
            None => (Safety::Begun, 587, text),
        };
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(bad)?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(standard), |port| port.parse().map_err(|_| bad()))?;
        let good = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c));
        if good { Ok(Server { host: host.to_owned(), port, safety }) } else { Err(bad()) }
    }
}

/// The longest line of a reply, and the most lines of one.
const LINE: u64 = 2048;
const LINES: usize = 128;
/// The largest mail that is sent when the server names no limit: what most take.
const LARGEST: usize = 20 << 20;

enum Wire {
    Plain(TcpStream),
    Safe(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(wire) => wire.read(bytes),
            Wire::Safe(wire) => wire.read(bytes),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(wire) => wire.write(bytes),
            Wire::Safe(wire) => wire.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(wire) => wire.flush(),
            Wire::Safe(wire) => wire.flush(),
        }
    }
}

/// A conversation with a server.
struct Session<'a> {
    wire: BufReader<Wire>,
    name: String,
    credential: &'a Credential,
}

struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl<'a> Session<'a> {
    fn open(server: &Server, means: &'a Means) -> Result<(Self, Reply), Failure> {
        let Server { host, port, safety } = server;
        let name = format!("the mail server {host}:{port}");
        let unreachable = |error: io::Error| Failure::later(format!("cannot reach {name}: {error}"));
        let timeout = means.patience.request;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "its name is not known");
        let mut stream = None;
        for address in (host.as_str(), *port).to_socket_addrs().map_err(unreachable)?.take(8) {
            match TcpStream::connect_timeout(&address, timeout.min(Duration::from_secs(10))) {
                Ok(open) => {
                    stream = Some(open);
                    break;
                }
                Err(error) => last = error,
            }
        }
        let Some(stream) = stream else { return Err(unreachable(last)) };
        stream.set_read_timeout(Some(timeout)).map_err(unreachable)?;
        stream.set_write_timeout(Some(timeout)).map_err(unreachable)?;
        let here = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
        // The address and not the host's name, which may be redacted.
        let me = stream.local_addr().map_or("[127.0.0.1]".to_owned(), |own| match own.ip() {
            std::net::IpAddr::V4(four) => format!("[{four}]"),
            std::net::IpAddr::V6(six) => format!("[IPv6:{six}]"),
        });
        let plain = |stream| BufReader::new(Wire::Plain(stream));
        let mut session = match safety {
            Safety::AtOnce => Session { wire: safe(stream, host, &name)?, name, credential: &means.credential },
            _ => Session { wire: plain(stream), name, credential: &means.credential },
        };
        session.expect(&[220])?;
        let hello = format!("EHLO {me}");
        let mut greeting = session.ask(&hello, &[250])?;
        if *safety == Safety::Begun {
            if greeting.offers("STARTTLS") {
                session.ask("STARTTLS", &[220])?;
                if !session.wire.buffer().is_empty() {
                    return Err(Failure::Refused(format!(
                        "{} sent more before TLS began than it should",
                        session.name
                    )));
                }
                let Wire::Plain(stream) = session.wire.into_inner() else {
                    return Err(Failure::Refused("TLS had begun already".into()));
                };
                session.wire = safe(stream, host, &session.name)?;
                greeting = session.ask(&hello, &[250])?;
            } else if !here {
                return Err(Failure::Refused(format!(
                    "{} offers no TLS, so the report would travel in the clear; name it plain://{host}:{port} to accept that",
                    session.name
                )));
            }
        }
        let safe = matches!(session.wire.get_ref(), Wire::Safe(_));
        if let (Some(user), Some(secret)) = (&means.credential.user, means.credential.secret()) {
            if !safe && !here {
                return Err(Failure::Refused(format!("a password is not sent to {} in the clear", session.name)));
            }
            session.log_in(&greeting, user, secret)?;
        }
        Ok((session, greeting))
    }

    fn log_in(&mut self, greeting: &Reply, user: &str, secret: &str) -> Result<(), Failure> {
        if greeting.offers_way("PLAIN") {
            let both = base64(format!("\0{user}\0{secret}").as_bytes());
            self.ask(&format!("AUTH PLAIN {both}"), &[235])?;
        } else if greeting.offers_way("LOGIN") {
            self.ask("AUTH LOGIN", &[334])?;
            self.ask(&base64(user.as_bytes()), &[334])?;
            self.ask(&base64(secret.as_bytes()), &[235])?;
        } else {
            return Err(Failure::Refused(format!("{} takes no password by PLAIN or LOGIN", self.name)));
        }
        Ok(())
    }

    fn ask(&mut self, line: &str, good: &[u16]) -> Result<Reply, Failure> {
        self.say(&format!("{line}\r\n"))?;
        self.expect(good)
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        let wire = self.wire.get_mut();
        wire.write_all(text.as_bytes()).and_then(|()| wire.flush()).map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &io::Error) -> Failure {
        if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
            return Failure::Refused(format!(
                "no safe connection to {}: {error}; a private certificate authority is trusted through SSL_CERT_FILE",
                self.name
            ));
        }
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                Failure::later(format!("{} did not answer in time", self.name))
            }
            _ => Failure::later(format!("the connection to {} broke: {error}", self.name)),
        }
    }

    fn expect(&mut self, good: &[u16]) -> Result<Reply, Failure> {
        let mut reply = Reply { code: 0, lines: Vec::new() };
        while reply.lines.len() < LINES {
            let mut line = Vec::new();
            let read = (&mut self.wire).take(LINE).read_until(b'\n', &mut line).map_err(|error| self.broken(&error))?;
            if read == 0 {
                return Err(self.broken(&io::Error::new(io::ErrorKind::UnexpectedEof, "it was closed")));
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let Some(code) = code else {
                return Err(Failure::Refused(format!("{} does not speak SMTP", self.name)));
            };
            reply.code = code;
            let more = line.as_bytes().get(3) == Some(&b'-');
            reply.lines.push(line.get(4..).unwrap_or_default().to_owned());
            if !more {
                break;
            }
        }
        if good.contains(&reply.code) {
            return Ok(reply);
        }
        let said: String = reply.lines.join(" ").chars().take(300).collect();
        let why = format!("{} answered {} {}", self.name, reply.code, self.credential.hidden(&printable(said)));
        Err(if (400..500).contains(&reply.code) { Failure::later(why) } else { Failure::Refused(why) })
    }
}

impl Reply {
    fn offers(&self, word: &str) -> bool {
        self.lines
            .iter()
            .any(|line| line.split_whitespace().next().is_some_and(|first| first.eq_ignore_ascii_case(word)))
    }

    fn offers_way(&self, way: &str) -> bool {
        self.lines.iter().any(|line| {
            let mut words = line.split([' ', '=']);
            words.next().is_some_and(|first| first.eq_ignore_ascii_case("AUTH"))
                && words.any(|word| word.eq_ignore_ascii_case(way))
        })
    }

    fn largest(&self) -> Option<usize> {
        self.lines.iter().find_map(|line| line.strip_prefix("SIZE ")?.trim().parse().ok()).filter(|size| *size > 0)
    }
}

fn safe(stream: TcpStream, host: &str, name: &str) -> Result<BufReader<Wire>, Failure> {
    let trouble = |why: &dyn std::fmt::Display| Failure::Refused(format!("no safe connection to {name}: {why}"));
    let server = ServerName::try_from(host.to_owned()).map_err(|error| trouble(&error))?;
    let connection = ClientConnection::new(tls::config().map_err(|error| trouble(&error))?, server);
    let connection = connection.map_err(|error| trouble(&error))?;
    Ok(BufReader::new(Wire::Safe(Box::new(StreamOwned::new(connection, stream)))))
}

fn sender(means: &Means) -> Result<String, Failure> {
    let user = means.credential.user.clone().filter(|user| is_mailbox(user));
    match means.from.clone().or(user) {
        Some(from) if is_mailbox(&from) => Ok(from),
        Some(from) => Err(Failure::Usage(format!("`{}` is no mailbox to send from", printable(from)))),
        None => Err(Failure::Usage("who is the sender? Name a mailbox by --from or CASEBOOK_SMTP_FROM".into())),
    }
}

fn server(means: &Means) -> Result<&Server, Failure> {
    let missing = || Failure::Usage("which mail server? Name it by --smtp or CASEBOOK_SMTP".into());
    means.smtp.as_ref().ok_or_else(missing)
}

/// The time here; the mail says how far that is from UTC.
fn now() -> Zoned {
    Timestamp::now().to_zoned(time_zone::local().zone)
}

/// Sends the mail.
pub fn deliver(parcel: &Parcel, to: &[String], means: &Means) -> Result<Delivered, Failure> {
    let (from, server) = (sender(means)?, server(means)?);
    let date = now();
    let mail = Mail { from: &from, to, parcel, date: &date };
    patiently(&means.patience, || {
        let (mut session, greeting) = Session::open(server, means)?;
        let largest = greeting.largest().unwrap_or(LARGEST).min(LARGEST);
        let mut notes = Vec::new();
        let mut text = mail.text(true);
        if text.len() > largest {
            text = mail.text(false);
            notes.push(format!(
                "the case is larger than the {largest} bytes that a mail may have; the report went alone"
            ));
        }
        session.ask(&format!("MAIL FROM:<{from}>"), &[250])?;
        let mut refused = Vec::new();
        for mailbox in to {
            match session.ask(&format!("RCPT TO:<{mailbox}>"), &[250, 251]) {
                Ok(_) => {}
                // One mailbox that is not there does not keep the mail from the others.
                Err(Failure::Refused(why)) if to.len() > 1 => refused.push(format!("{mailbox}: {why}")),
                Err(error) => return Err(error),
            }
        }
        if refused.len() == to.len() {
            return Err(Failure::Refused(refused.join("; ")));
        }
        notes.extend(refused);
        session.ask("DATA", &[354])?;
        // No line begins with a dot: headers do not, and base64 cannot.
        session.say(&text)?;
        session.ask(".", &[250])?;
        // It is delivered; how the goodbye goes changes nothing.
        let _ = session.ask("QUIT", &[221]);
        Ok(Delivered { what: "sent", link: None, notes })
    })
}

/// What would be sent.
pub fn dry_run(parcel: &Parcel, to: &[String], means: &Means) -> Result<String, Failure> {
    let (from, server) = (sender(means)?, server(means)?);
    let date = now();
    let text = Mail { from: &from, to, parcel, date: &date }.text(true).replace("\r\n", "\n");
    let Server { host, port, .. } = server;
    let user = means.credential.user.as_ref().map(|user| format!("as {user} {}", means.credential.shown()));
    let boxes: String = to.iter().map(|mailbox| format!("RCPT TO:<{mailbox}>\n")).collect();
    let user = user.unwrap_or_default();
    Ok(format!(
        "to {host}:{port} {user}\nMAIL FROM:<{from}>\n{boxes}DATA\n{text}.\n\nThe report as text:\n\n{}",
        parcel.text
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_with_their_standard_ports() {
        for (text, host, port, safety) in [
            ("mail.example.org", "mail.example.org", 587, Safety::Begun),
            ("smtps://mail.example.org", "mail.example.org", 465, Safety::AtOnce),
            ("plain://relay:2525", "relay", 2525, Safety::None),
            ("smtp://[::1]:25", "::1", 25, Safety::Begun),
        ] {
            assert_eq!(text.parse(), Ok(Server { host: host.into(), port, safety }));
        }
        for text in ["", "http://x", "a b", "mail:port", "[::1", "x\r\nQUIT"] {
            assert!(text.parse::<Server>().is_err(), "{text}");
        }
    }
}
