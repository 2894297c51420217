//! Mail by SMTP, with TLS and a password where the server has them.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use lettre::address::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, response::Response};

use super::credential::Credential;
use super::http::{Failure, with_retry};
use super::mail::Mail;
use super::{Delivered, DeliveryConfig, TicketReport};
use crate::printable::printable;

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
}

impl Server {
    /// The TCP port that it is reached at.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    /// With the connection: `smtps://`, port 465.
    Tls,
    /// After the greeting, and only this machine itself may lack it: `smtp://`, port 587.
    StartTls,
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
        let (encryption, standard, rest) = match text.split_once("://") {
            Some(("smtps", rest)) => (Encryption::Tls, 465, rest),
            Some(("smtp", rest)) => (Encryption::StartTls, 587, rest),
            Some(("plain", rest)) => (Encryption::None, 25, rest),
            Some(_) => return Err(bad()),
            None => (Encryption::StartTls, 587, text),
        };
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(bad)?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(standard), |port| port.parse().map_err(|_| bad()))?;
        let good = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c));
        if good { Ok(Server { host: host.to_owned(), port, encryption }) } else { Err(bad()) }
    }
}

/// The largest mail that is sent when the server names no limit: what most take.
const LARGEST: usize = 20 << 20;
/// How long to wait for one address of the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses of the server that are tried.
const MOST_ADDRESSES: usize = 8;

/// An open connection to a server, with what it said of itself.
struct Session<'a> {
    connection: SmtpConnection,
    name: String,
    credential: &'a Credential,
    largest: usize,
}

impl<'a> Session<'a> {
    fn open(server: &Server, config: &'a DeliveryConfig) -> Result<Self, Failure> {
        let Server { host, port, encryption } = server;
        let name = format!("the mail server {host}:{port}");
        let unreachable = |why: &dyn std::fmt::Display| {
            Failure::retryable(format!("cannot reach {name}: {}", printable(why.to_string())))
        };
        let addresses = (host.as_str(), *port).to_socket_addrs().map_err(|error| unreachable(&error))?;
        let tls = match encryption {
            Encryption::None => None,
            Encryption::Tls | Encryption::StartTls => Some(
                tls_parameters(host)
                    .map_err(|error| Failure::Refused(format!("no safe connection to {name}: {error}")))?,
            ),
        };
        let at_once = tls.as_ref().filter(|_| *encryption == Encryption::Tls);
        let mut last = unreachable(&"its name has no address");
        for address in addresses.take(MOST_ADDRESSES) {
            let hello = own_name(address);
            let timeout = config.retry.request.min(CONNECT_TIMEOUT);
            let mut connection = match SmtpConnection::connect(address, Some(timeout), &hello, at_once, None) {
                Ok(connection) => connection,
                Err(error) if error.is_tls() || error.status().is_some() => {
                    return Err(failure(&name, &config.credential, &error));
                }
                Err(error) => {
                    last = unreachable(&reason(&error));
                    continue;
                }
            };
            connection.set_timeout(Some(config.retry.request)).map_err(|error| unreachable(&error))?;
            let here = address.ip().is_loopback();
            let mut session = Session { connection, name, credential: &config.credential, largest: LARGEST };
            if let Some(tls) = tls.as_ref().filter(|_| *encryption == Encryption::StartTls) {
                session.start_tls(tls, &hello, here, server)?;
            }
            session.log_in(config, here)?;
            session.largest = largest(&session.command(Ehlo::new(hello))?);
            return Ok(session);
        }
        Err(last)
    }

    fn start_tls(&mut self, tls: &TlsParameters, hello: &ClientId, here: bool, server: &Server) -> Result<(), Failure> {
        if self.connection.can_starttls() {
            return self.connection.starttls(tls, hello).map_err(|error| failure(&self.name, self.credential, &error));
        }
        if here {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "{} offers no TLS, so the report would travel in the clear; name it plain://{}:{} to accept that",
            self.name, server.host, server.port
        )))
    }

    fn log_in(&mut self, config: &DeliveryConfig, here: bool) -> Result<(), Failure> {
        let (Some(user), Some(secret)) = (&config.credential.user, config.credential.secret()) else { return Ok(()) };
        if !self.connection.is_encrypted() && !here {
            return Err(Failure::Refused(format!("a password is not sent to {} in the clear", self.name)));
        }
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        if self.connection.server_info().get_auth_mechanism(&mechanisms).is_none() {
            return Err(Failure::Refused(format!("{} takes no password by PLAIN or LOGIN", self.name)));
        }
        let credentials = Credentials::new(user.clone(), secret.to_owned());
        let answer = self.connection.auth(&mechanisms, &credentials);
        answer.map(|_| ()).map_err(|error| failure(&self.name, self.credential, &error))
    }

    fn command(&mut self, command: impl std::fmt::Display) -> Result<Response, Failure> {
        self.connection.command(command).map_err(|error| failure(&self.name, self.credential, &error))
    }
}

/// How this machine greets: by its address and not by the host's name, which may be redacted. No packet is sent to learn it.
fn own_name(server: SocketAddr) -> ClientId {
    let any: IpAddr = if server.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let own = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect(server)?;
        socket.local_addr()
    });
    match own.map(|address| address.ip()) {
        Ok(IpAddr::V4(four)) => ClientId::Ipv4(four),
        Ok(IpAddr::V6(six)) => ClientId::Ipv6(six),
        Err(_) => ClientId::default(),
    }
}

/// TLS that trusts the certificates that the host trusts, or those of SSL_CERT_FILE and SSL_CERT_DIR.
fn tls_parameters(host: &str) -> Result<TlsParameters, Error> {
    TlsParameters::builder(host.to_owned()).build_rustls()
}

/// The most bytes of a mail that the server says it takes (RFC 1870).
fn largest(greeting: &Response) -> usize {
    let said = greeting.message().find_map(|line| line.strip_prefix("SIZE ")?.trim().parse().ok());
    said.filter(|size| *size > 0).unwrap_or(LARGEST).min(LARGEST)
}

/// The innermost reason of an error.
fn reason(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// What an error of a conversation means for whoever sends.
fn failure(name: &str, credential: &Credential, error: &Error) -> Failure {
    let said: String = credential.hidden(&printable(reason(error))).chars().take(300).collect();
    let tls = error.is_tls() || is_tls_inside(error);
    match error.status() {
        Some(code) if error.is_transient() => Failure::retryable(format!("{name} answered {code} {said}")),
        Some(code) => Failure::Refused(format!("{name} answered {code} {said}")),
        None if tls => Failure::Refused(format!(
            "no safe connection to {name}: {said}; a private certificate authority is trusted through SSL_CERT_FILE"
        )),
        None if error.is_timeout() => Failure::retryable(format!("{name} did not answer in time")),
        None if error.is_response() => Failure::Refused(format!("{name} does not speak SMTP: {said}")),
        None if error.is_client() => Failure::Refused(format!("{name}: {said}")),
        None => Failure::retryable(format!("the connection to {name} broke: {said}")),
    }
}

/// Whether TLS refused the server within an error of the connection.
fn is_tls_inside(error: &Error) -> bool {
    let mut inner: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(error) = inner {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if error.is::<rustls::Error>() || wrapped.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        inner = error.source();
    }
    false
}

fn sender(config: &DeliveryConfig) -> Result<Address, Failure> {
    let user = config.credential.user.as_deref().and_then(|user| user.parse().ok());
    match config.from.as_deref() {
        Some(from) => {
            from.parse().map_err(|_| Failure::Usage(format!("`{}` is no mailbox to send from", printable(from))))
        }
        None => user.ok_or_else(|| {
            Failure::Usage("who is the sender? Name a mailbox by --from or CASEBOOK_SMTP_FROM".to_owned())
        }),
    }
}

fn server(config: &DeliveryConfig) -> Result<&Server, Failure> {
    let missing = || Failure::Usage("which mail server? Name it by --smtp or CASEBOOK_SMTP".into());
    config.smtp.as_ref().ok_or_else(missing)
}

fn unwritable(error: impl std::fmt::Display) -> Failure {
    Failure::Usage(format!("the mail cannot be written: {error}"))
}

/// Sends the mail.
pub fn deliver(report: &TicketReport, to: &[Address], config: &DeliveryConfig) -> Result<Delivered, Failure> {
    let (from, server) = (sender(config)?, server(config)?);
    let mail = Mail { from: &from, to, report, date: SystemTime::now() };
    with_retry(&config.retry, || {
        let mut session = Session::open(server, config)?;
        let largest = session.largest;
        let mut notes = Vec::new();
        let mut bytes = mail.bytes(true).map_err(unwritable)?;
        if bytes.len() > largest {
            bytes = mail.bytes(false).map_err(unwritable)?;
            notes.push(format!(
                "the case is larger than the {largest} bytes that a mail may have; the report went alone"
            ));
        }
        session.command(MailFrom::new(Some(from.clone()), Vec::new()))?;
        let mut refused = Vec::new();
        for mailbox in to {
            match session.command(Rcpt::new(mailbox.clone(), Vec::new())) {
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
        session.command(Data)?;
        let sent = session.connection.message(&bytes);
        sent.map_err(|error| failure(&session.name, session.credential, &error))?;
        // It is delivered; how the goodbye goes changes nothing.
        let _ = session.connection.quit();
        Ok(Delivered { what: "sent", link: None, notes })
    })
}

/// What would be sent.
pub fn dry_run(report: &TicketReport, to: &[Address], config: &DeliveryConfig) -> Result<String, Failure> {
    let (from, server) = (sender(config)?, server(config)?);
    let mail = Mail { from: &from, to, report, date: SystemTime::now() };
    let text = String::from_utf8_lossy(&mail.bytes(true).map_err(unwritable)?).replace("\r\n", "\n");
    let Server { host, port, .. } = server;
    let user = config.credential.user.as_ref().map(|user| format!("as {user} {}", config.credential.shown()));
    let boxes: String = to.iter().map(|mailbox| format!("RCPT TO:<{mailbox}>\n")).collect();
    let user = user.unwrap_or_default();
    Ok(format!(
        "to {host}:{port} {user}\nMAIL FROM:<{from}>\n{boxes}DATA\n{text}.\n\nThe report as text:\n\n{}",
        report.text
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_with_their_standard_ports() {
        for (text, host, port, encryption) in [
            ("mail.example.org", "mail.example.org", 587, Encryption::StartTls),
            ("smtps://mail.example.org", "mail.example.org", 465, Encryption::Tls),
            ("plain://relay:2525", "relay", 2525, Encryption::None),
            ("smtp://[::1]:25", "::1", 25, Encryption::StartTls),
        ] {
            assert_eq!(text.parse(), Ok(Server { host: host.into(), port, encryption }));
        }
        for text in ["", "http://x", "a b", "mail:port", "[::1", "x\r\nQUIT"] {
            assert!(text.parse::<Server>().is_err(), "{text}");
        }
    }
}
