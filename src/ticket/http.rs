//! Requests over HTTPS, tried a bounded number of times: no redirect to another host, no token in a message.

use std::fmt::Write as _;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use ureq::http as wire;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::credential::Credential;
use super::tls;
use crate::bounded_json;
use crate::printable::printable;

/// How long and how often to try.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts in all.
    pub attempts: u32,
    /// The wait after the first; each further one is twice as long.
    pub first_wait: Duration,
    /// The longest single wait, also when the server asks for more.
    pub longest_wait: Duration,
    /// How long one request may take.
    pub request: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            attempts: 4,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            request: Duration::from_secs(30),
        }
    }
}

/// Why it did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something of the caller's is wrong or missing.
    #[error("{0}")]
    Usage(String),
    /// The other side said no.
    #[error("{0}")]
    Refused(String),
    /// It may succeed later.
    #[error("{why}")]
    Retryable {
        /// What went wrong.
        why: String,
        /// When the server wants to be asked again.
        after: Option<Duration>,
    },
}

impl Failure {
    /// A failure that may pass.
    pub fn retryable(why: impl Into<String>) -> Self {
        Failure::Retryable { why: why.into(), after: None }
    }
}

/// Tries until it succeeds, fails for good, or the attempts are used up.
pub fn with_retry<T>(retry: &RetryPolicy, mut attempt: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut wait = retry.first_wait;
    for number in 1.. {
        match attempt() {
            Err(Failure::Retryable { why, after }) => {
                let pause = after.unwrap_or(wait);
                if pause > retry.longest_wait {
                    let seconds = pause.as_secs();
                    return Err(Failure::Refused(format!("{why}; it asks to wait {seconds} s: try again then")));
                }
                if number >= retry.attempts {
                    return Err(Failure::Refused(format!("{why}; gave up after {number} attempts")));
                }
                std::thread::sleep(pause);
                wait = (wait * 2).min(retry.longest_wait);
            }
            other => return other,
        }
    }
    Err(Failure::Refused("no attempt was made".into()))
}

/// A request before it is sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, POST, PUT or PATCH.
    pub method: &'static str,
    /// Where.
    pub url: String,
    /// Headers that are no secret.
    pub headers: Vec<(&'static str, String)>,
    /// The header that carries the credential, and what stands before it there.
    pub authorization: Option<(&'static str, Scheme)>,
    /// What is sent.
    pub body: Option<Vec<u8>>,
}

/// How a credential stands in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `Bearer TOKEN`
    Bearer,
    /// `Basic` of user and token
    Basic,
    /// The token alone.
    Bare,
}

impl Request {
    /// What leaves, as text: the credential is named and not shown.
    pub fn shown(&self, credential: &Credential) -> String {
        let mut text = format!("{} {}\n", self.method, self.url);
        for (name, value) in &self.headers {
            let _ = writeln!(text, "{name}: {value}");
        }
        if let (Some((name, scheme)), Some(_)) = (self.authorization, credential.secret()) {
            let word = match scheme {
                Scheme::Bearer => "Bearer ",
                Scheme::Basic => "Basic ",
                Scheme::Bare => "",
            };
            let _ = writeln!(text, "{name}: {word}{}", credential.shown());
        }
        if let Some(body) = &self.body {
            let _ = writeln!(text, "\n{}", String::from_utf8_lossy(body));
        }
        text
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, as far as it is read.
    pub body: String,
    /// When the server wants to be asked again.
    retry_after: Option<Duration>,
    /// `x-ratelimit-remaining: 0`
    exhausted: bool,
    location: Option<String>,
}

/// The most that is read of an answer: a page of a hundred long comments.
const LARGEST_ANSWER: u64 = 32 << 20;
/// Redirects on the same host that are followed.
const REDIRECTS: usize = 3;
/// Characters of an answer that a message repeats.
const REPEATED: usize = 300;

/// Sends requests with one credential.
pub struct Client<'a> {
    agent: ureq::Agent,
    credential: &'a Credential,
}

impl<'a> Client<'a> {
    /// A client; TLS trusts what the host trusts.
    pub fn new(credential: &'a Credential, retry: &RetryPolicy) -> Self {
        let roots: Vec<Certificate<'static>> =
            tls::roots().iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(tls::provider())
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("casebook/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(retry.request))
            .timeout_connect(Some(retry.request.min(Duration::from_secs(10))))
            .build()
            .new_agent();
        Client { agent, credential }
    }

    /// Sends one request; an answer that is no success is a failure with what the server said.
    pub fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let host = host_of(&request.url);
        let mut url = request.url.clone();
        for _ in 0..=REDIRECTS {
            let answer = self.once(request, &url)?;
            match (answer.status, &answer.location) {
                (200..=299, _) => return Ok(answer),
                // Other redirects would turn a POST into a GET.
                (301 | 302 | 307 | 308, Some(to)) => {
                    let next =
                        if to.starts_with('/') && !to.starts_with("//") { format!("{host}{to}") } else { to.clone() };
                    if host_of(&next) != host {
                        return Err(Failure::Refused(format!(
                            "{host} redirects to {}, and a report goes only where it was sent; if that is right, name it",
                            printable(host_of(&next))
                        )));
                    }
                    url = next;
                }
                _ => return Err(self.refusal(&host, &answer)),
            }
        }
        Err(Failure::Refused(format!("{host} redirects in circles")))
    }

    fn once(&self, request: &Request, url: &str) -> Result<Answer, Failure> {
        let host = host_of(url);
        validate(url).map_err(Failure::Usage)?;
        let mut builder = wire::Request::builder().method(request.method).uri(url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let (Some((name, scheme)), Some(secret)) = (request.authorization, self.credential.secret()) {
            let value = match scheme {
                Scheme::Bearer => format!("Bearer {secret}"),
                Scheme::Bare => secret.to_owned(),
                Scheme::Basic => {
                    let both = format!("{}:{secret}", self.credential.user.as_deref().unwrap_or_default());
                    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both.as_bytes()))
                }
            };
            let mut value = wire::HeaderValue::from_str(&value)
                .map_err(|_| Failure::Usage("the token holds characters that no header can carry".into()))?;
            value.set_sensitive(true);
            builder = builder.header(name, value);
        }
        let body = request.body.clone();
        let built = |_| Failure::Usage(format!("{host} is no address that can be asked"));
        let began = Instant::now();
        let answer = match body {
            Some(body) => self.agent.run(builder.body(body).map_err(built)?),
            None => self.agent.run(builder.body(()).map_err(built)?),
        };
        let mut answer = answer.map_err(|error| self.trouble(&host, &error, began.elapsed()))?;
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (retry_after, location) = (header("retry-after").and_then(|text| wait_of(&text)), header("location"));
        let exhausted = header("x-ratelimit-remaining").is_some_and(|left| left.trim() == "0");
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        answer.body_mut().as_reader().take(LARGEST_ANSWER).read_to_end(&mut bytes).map_err(|error| {
            Failure::retryable(format!("the answer of {host} broke off: {}", self.said(&error.to_string())))
        })?;
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer { status, body, retry_after, exhausted, location })
    }

    /// What another side said, fit for a message.
    fn said(&self, text: &str) -> String {
        let short: String = text.chars().take(REPEATED).collect();
        self.credential.hidden(&printable(short))
    }

    fn trouble(&self, host: &str, error: &ureq::Error, after: Duration) -> Failure {
        let said = self.said(&error.to_string());
        if is_tls(error) {
            return Failure::Refused(format!(
                "no safe connection to {host}: {said}; a private certificate authority is trusted through SSL_CERT_FILE"
            ));
        }
        match error {
            ureq::Error::Timeout(_) => {
                Failure::retryable(format!("{host} did not answer within {:.0} s", after.as_secs_f64()))
            }
            ureq::Error::HostNotFound => Failure::retryable(format!("the name of {host} is not known")),
            ureq::Error::Io(_) | ureq::Error::ConnectionFailed => {
                Failure::retryable(format!("cannot reach {host}: {said}"))
            }
            _ => Failure::Refused(format!("{host}: {said}")),
        }
    }

    fn refusal(&self, host: &str, answer: &Answer) -> Failure {
        let message = bounded_json::answer::<serde_json::Value>(&answer.body).ok().and_then(|body| {
            let text = |field: &str| body.get(field).map(|said| said.as_str().map_or(said.to_string(), str::to_owned));
            text("message").or_else(|| text("errorMessages")).or_else(|| text("error"))
        });
        let said = self.said(message.as_deref().unwrap_or(&answer.body));
        let said = if said.trim().is_empty() { String::new() } else { format!(": {}", said.trim()) };
        let status = answer.status;
        match status {
            403 if answer.exhausted || answer.retry_after.is_some() => Failure::Retryable {
                why: format!("{host} is asked too often ({status}){said}"),
                after: answer.retry_after,
            },
            401 | 403 => Failure::Refused(format!(
                "{host} does not let the token {} in ({status}){said}",
                self.credential.shown()
            )),
            404 | 410 => {
                Failure::Refused(format!("{host} has no such ticket, or the token does not see it ({status}){said}"))
            }
            408 | 429 | 500 | 502 | 503 | 504 => {
                Failure::Retryable { why: format!("{host} answered {status}{said}"), after: answer.retry_after }
            }
            _ => Failure::Refused(format!("{host} refused it ({status}){said}")),
        }
    }
}

fn is_tls(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => true,
        ureq::Error::Io(error) => error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()),
        _ => false,
    }
}

/// `Retry-After`: seconds, or a date.
fn wait_of(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let then = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    let seconds = then.as_second().saturating_sub(jiff::Timestamp::now().as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// The scheme, host and port of a URL; the rest may be secret.
pub fn host_of(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{}://{}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase())
        }
        None => "(no address)".to_owned(),
    }
}

/// Refuses a URL to which nothing may be sent: in the clear only to this machine itself.
pub fn validate(url: &str) -> Result<(), String> {
    let bad = |_| "it is no URL".to_owned();
    let uri: wire::Uri = url.parse().map_err(bad)?;
    let host = uri.host().unwrap_or_default();
    if host.is_empty() {
        return Err("it names no host".into());
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("a password in a URL is seen by everybody who sees the URL; give it by the environment".into());
    }
    let here = matches!(host, "localhost" | "[::1]")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if here => Ok(()),
        Some("http") => Err("it would travel in the clear; use https (http is for this machine itself only)".into()),
        _ => Err("use https".into()),
    }
}

/// A part of a path, with every byte written out that is not safe in one.
pub fn path_part(text: &str) -> String {
    text.bytes().fold(String::new(), |mut shown, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            shown.push(char::from(byte));
        } else {
            let _ = write!(shown, "%{byte:02X}");
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_written_to_in_the_clear() {
        for good in ["https://example.org/x", "http://127.0.0.1:8080/", "http://localhost/", "http://[::1]:80/x"] {
            assert_eq!(validate(good), Ok(()), "{good}");
        }
        for bad in
            ["http://example.org/", "http://127.0.0.1.example.org/", "https://u:p@example.org/", "file:///etc", "x"]
        {
            assert!(validate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wait_is_given_in_seconds_or_as_a_date() {
        assert_eq!(wait_of("3"), Some(Duration::from_secs(3)));
        assert_eq!(wait_of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(wait_of("soon"), None);
    }

    #[test]
    fn patience_ends() {
        let retry = RetryPolicy { attempts: 3, first_wait: Duration::ZERO, ..RetryPolicy::default() };
        let mut asked = 0;
        let failed = with_retry(&retry, || {
            asked += 1;
            Err::<(), _>(Failure::retryable("busy"))
        });
        assert_eq!((failed.unwrap_err().to_string(), asked), ("busy; gave up after 3 attempts".into(), 3));
        let long = with_retry(&retry, || {
            Err::<(), _>(Failure::Retryable { why: "busy".into(), after: Some(Duration::from_secs(3600)) })
        });
        assert!(long.unwrap_err().to_string().contains("3600 s"));
    }
}
