//! `service`: how long a local service takes to be connected to, and to say its first byte.
//!
//! It connects, waits, and closes; it says nothing unless it was told to ask over HTTP.

mod banner;
mod conversation;
mod output;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use output::{Outcome, Service, Services as Output};

use super::rights::{is_remote, own_addresses};
use super::{Context, Need, Probe, Right, Use};
use crate::case::{Gap, Observed, Reason};
use crate::printable::printable;
use crate::units::Span;
use conversation::Manner;

/// Services that are connected to at most, side by side.
const MOST_TARGETS: usize = 16;
/// The longest that a service is waited for, whatever is asked for.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// The probe `service`.
pub struct ServiceProbe;

/// What the probe `service` is asked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The address of the service, one of this host's. `0.0.0.0` and `::` mean loopback.
    pub address: String,
    /// Its TCP port.
    pub port: u16,
    /// Several services instead: `127.0.0.1:22`, `[::1]:25`; 16 at most.
    pub targets: Vec<String>,
    /// What to say when the connection stands.
    pub request: Request,
    /// The path that `request: http` asks for.
    pub path: String,
    /// The host that `request: http` names; unless given, the address.
    pub host: Option<String>,
    /// The address of this host to connect from, so that the service looks up that one's name; unless given, the kernel
    /// chooses, for a service at loopback a loopback address, whose name stands in /etc/hosts.
    pub from: Option<String>,
    /// How long to wait for the connection and the first byte together; 2 minutes at most.
    pub timeout: Span,
    /// Asks to connect to other hosts; that takes `--allow remote`, too.
    pub allow_remote: bool,
}

/// What to say when the connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Nothing: SSH, SMTP, FTP, POP3 and IMAP speak first.
    #[default]
    None,
    /// `HEAD PATH HTTP/1.1`, and nothing after it.
    Http,
}

impl Default for Params {
    fn default() -> Self {
        Params {
            address: "127.0.0.1".to_owned(),
            port: 22,
            targets: Vec::new(),
            request: Request::None,
            path: "/".to_owned(),
            host: None,
            from: None,
            timeout: Span::seconds(5),
            allow_remote: false,
        }
    }
}

impl Probe for ServiceProbe {
    const NAME: &'static str = "service";
    const ABOUT: &'static str = "how long local services take to be connected to and to say their first byte";
    const SOURCE: &'static str = "one TCP connection to each service that is named, on this host unless allowed otherwise; \
                                  the service may log it";
    const REPLACES: &'static [&'static str] = &["nc", "telnet", "curl -w %{time_starttransfer}"];
    const NEEDS: &'static [Need] = &[];
    const RIGHTS: &'static [Right] = &[Right::Remote];
    type Params = Params;
    type Output = Output;

    fn uses(params: &Params, derived: &[String]) -> Vec<Use> {
        let own = own_addresses();
        let is_derived = |name: &str| derived.iter().any(|it| it == name);
        let mut uses: Vec<Use> = Vec::new();
        // A target that evidence names is judged when it is known; a plan has the default in its place.
        if is_derived("address") || is_derived("targets") {
            uses.push(Use::free("connect to services that evidence names"));
        }
        if !is_derived("address") || *params.address != *Params::default().address || !params.targets.is_empty() {
            for target in targets(params).into_iter().flatten().take(MOST_TARGETS) {
                uses.push(match (is_remote(target.ip(), &own), params.allow_remote) {
                    (false, _) => Use::free(format!("connect to {target}")),
                    (true, true) => Use::needing(Right::Remote, format!("connect to {target}")),
                    (true, false) => {
                        Use::free(format!("leave out {target}: it is another host, and `allow_remote` is not set"))
                    }
                });
            }
        }
        if params.request == Request::Http {
            let host = params.host.as_deref().map(|host| format!(" of host {}", printable(host))).unwrap_or_default();
            uses.push(Use::free(format!("ask over HTTP for {}{host}", printable(&params.path))));
        }
        // A service of this host may pass on what it is told.
        for name in ["path", "host"].into_iter().filter(|name| params.request == Request::Http && is_derived(name)) {
            uses.push(Use::needing(Right::Remote, format!("send what was observed to a service (`{name}`)")));
        }
        if params.allow_remote && uses.iter().all(|it| it.right.is_none()) {
            uses.push(Use::needing(Right::Remote, "connect to other hosts (`allow_remote`)"));
        }
        uses
    }

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Output>, Gap> {
        let from = params.from.as_deref().map(|text| address("from", text)).transpose()?;
        let own = own_addresses();
        let mut observed = Observed::whole(Output { services: Vec::new() });
        let named = targets(&params)?;
        if named.len() > MOST_TARGETS {
            let why = format!("{} were named, and {MOST_TARGETS} are connected to at most", named.len());
            let gap = Gap::new(Reason::Failed, "connect to all services", why);
            observed.miss(&["services"], gap.to_fix("ask in several steps"));
        }
        let mut targets = Vec::new();
        let mut refusals = Vec::new();
        for target in named.into_iter().take(MOST_TARGETS) {
            match allowed(target.ip(), &own, params.allow_remote) {
                Ok(()) => targets.push(target),
                Err(gap) => refusals.push(gap),
            }
        }
        match refusals.pop() {
            Some(gap) if targets.is_empty() => return Err(gap),
            last => refusals.extend(last),
        }
        refusals.into_iter().for_each(|gap| observed.miss(&["services"], gap));

        cx.live(format!("{} services", targets.len()));
        let stop = || cx.cancelled();
        let requests: Vec<Option<Vec<u8>>> = targets.iter().map(|target| request(&params, *target)).collect();
        let answers = std::thread::scope(|scope| {
            let threads: Vec<_> = targets
                .iter()
                .zip(&requests)
                .map(|(target, request)| {
                    let timeout = params.timeout.0.min(LONGEST_WAIT);
                    let manner = Manner { from, request: request.as_deref(), timeout, stop: &stop };
                    std::thread::Builder::new().spawn_scoped(scope, move || conversation::hold(*target, &manner))
                })
                .collect();
            let ended = |_| Err(std::io::Error::other("its thread ended early"));
            threads
                .into_iter()
                .map(|thread| thread.and_then(|thread| thread.join().unwrap_or_else(ended)))
                .collect::<Vec<_>>()
        });
        for (target, answer) in targets.iter().zip(answers) {
            match answer {
                Ok(service) => {
                    if service.outcome == Outcome::Interrupted {
                        let fields = ["connect_seconds", "first_byte_seconds", "banner", "protocol", "http_status"];
                        let fields = fields.map(|field| format!("services.{field}"));
                        let gap = Gap::new(Reason::Cancelled, format!("wait for {target}"), "the run was ended");
                        observed.miss(&fields.each_ref().map(String::as_str), gap);
                    }
                    observed.output.services.push(service);
                }
                Err(error) => observed.miss(&["services"], Gap::io(format!("connect to {target}"), &error)),
            }
        }
        Ok(observed)
    }
}

/// The services that are named.
fn targets(params: &Params) -> Result<Vec<SocketAddr>, Gap> {
    if params.targets.is_empty() {
        return Ok(vec![on_this_host(SocketAddr::new(address("address", &params.address)?, params.port))]);
    }
    let read = |text: &String| {
        let target = text.trim().parse().map_err(|_| {
            bad("targets", text, "it is not an address with a port").to_fix("write it like 127.0.0.1:22 or [::1]:22")
        })?;
        Ok(on_this_host(target))
    };
    params.targets.iter().map(read).collect()
}

/// What a listener on all addresses is reached by.
fn on_this_host(target: SocketAddr) -> SocketAddr {
    match target.ip() {
        IpAddr::V4(address) if address.is_unspecified() => (Ipv4Addr::LOCALHOST, target.port()).into(),
        IpAddr::V6(address) if address.is_unspecified() => (Ipv6Addr::LOCALHOST, target.port()).into(),
        _ => target,
    }
}

fn address(param: &str, text: &str) -> Result<IpAddr, Gap> {
    text.trim().parse().map_err(|_| {
        bad(param, text, "it is not an address").to_fix("write it like 127.0.0.1 or ::1; names are not looked up")
    })
}

fn bad(param: &str, text: &str, why: &str) -> Gap {
    Gap::new(Reason::Malformed, format!("read the parameter `{param}`: `{}`", text.escape_debug()), why)
}

/// Whether this address may be connected to.
fn allowed(address: IpAddr, own: &Result<Vec<IpAddr>, Gap>, remote: bool) -> Result<(), Gap> {
    if remote || !is_remote(address, own) {
        return Ok(());
    }
    own.as_ref().map_err(Gap::clone)?;
    Err(Gap::new(Reason::Denied, format!("connect to {address}"), "it is not an address of this host")
        .to_fix("set `allow_remote`, and run with --allow remote, to connect to other hosts"))
}

/// What to say to the service, if anything.
fn request(params: &Params, target: SocketAddr) -> Option<Vec<u8>> {
    match params.request {
        Request::None => None,
        Request::Http => {
            // One word each: a space or a line's end would make another request of it.
            let word = |text: &str| printable(text).replace(char::is_whitespace, "%20");
            let host = params.host.as_deref().map_or_else(|| target.to_string(), word);
            let agent = concat!("casebook/", env!("CARGO_PKG_VERSION"));
            let path = word(&params.path);
            let slash = if path.starts_with('/') { "" } else { "/" };
            let lines = format!(
                "HEAD {slash}{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
            );
            Some(lines.into_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_hosts_are_refused_unless_allowed() {
        let own = Ok(vec!["192.0.2.7".parse().unwrap()]);
        let is_allowed = |text: &str, remote| allowed(text.parse().unwrap(), &own, remote);
        is_allowed("127.0.0.9", false).unwrap();
        is_allowed("192.0.2.7", false).unwrap();
        is_allowed("192.0.2.8", true).unwrap();
        let gap = is_allowed("192.0.2.8", false).unwrap_err();
        assert!(gap.to_fix.as_ref().is_some_and(|it| it.contains("allow_remote")), "{gap}");
    }

    #[test]
    fn a_listener_on_all_addresses_is_reached_by_loopback() {
        let params = Params { targets: vec!["0.0.0.0:22".into(), "[::]:25".into()], ..Params::default() };
        let targets: Vec<_> = targets(&params).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(targets, ["127.0.0.1:22", "[::1]:25"]);
    }

    #[test]
    fn a_path_cannot_smuggle_a_second_request() {
        let params = Params { request: Request::Http, path: "a b\r\nX: y".into(), ..Params::default() };
        let request = String::from_utf8(request(&params, "127.0.0.1:80".parse().unwrap()).unwrap()).unwrap();
        assert!(request.starts_with("HEAD /a%20b\\r\\nX:%20y HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"), "{request}");
    }
}
