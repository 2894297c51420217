//! `dns`: how long look-ups take, and whom a server resolves for.
//!
//! The one probe that must send questions. They go to the name servers of resolv.conf, or to the server that was named, and
//! nowhere else; how many is bounded and in the result.

mod configuration;
mod exchange;
mod lookup;
mod message;
mod output;
mod stranger;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use domain::base::iana::Rtype;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use output::{Dns as Output, Lookup, Outcome, Question, Record, Resolver, Stranger, System};

use super::{Context, Need, Probe};
use crate::case::{Gap, Observed, Reason};
use crate::sys::identity;
use crate::sys::text_file::{self, Unreadable};
use crate::units::Span;
use configuration::{MOST_SERVERS, ResolvConf, Server};
use exchange::Way;
use lookup::Patience;
use message::Asked;

/// Questions per resolver; what is asked for beyond that is said.
const MOST_QUESTIONS: usize = 32;
/// Sendings per question, whatever is asked for.
const MOST_ATTEMPTS: u32 = 3;
/// The longest wait for one sending, whatever is asked for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The longest configuration file that is read.
const LARGEST_FILE: u64 = 1 << 20;
/// The size of answer that look-ups allow when resolv.conf says `edns0`, as the C library does.
const EDNS_OF_LOOKUPS: u16 = 1200;
/// The size of answer that those allow who abuse a resolver.
const EDNS_OF_STRANGERS: u16 = 4096;
/// Where systemd-resolved says whom it asks.
const RESOLVED: &str = "/run/systemd/resolve/resolv.conf";
/// Where the order of the sources of names stands.
const NSSWITCH: &str = "/etc/nsswitch.conf";

/// The probe `dns`.
pub struct DnsProbe;

/// What the probe `dns` is asked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Names to look up. If there is nothing else to ask, the host's own name.
    pub names: Vec<String>,
    /// Types to look names up with: `A`, `AAAA`, `MX`.
    pub types: Vec<String>,
    /// Addresses whose names to look up (reverse look-ups).
    pub addresses: Vec<String>,
    /// The server to ask, an address. Unless given: the name servers of resolv.conf, the first three.
    pub server: Option<String>,
    /// The port of the servers.
    pub port: u16,
    /// Also ask for recursion as somebody else would: at this host's own addresses, or at `server`.
    pub as_stranger: bool,
    /// The name that `as_stranger` asks for, one that the server is not the authority for.
    pub stranger_name: String,
    /// The type that `as_stranger` asks for.
    pub stranger_type: String,
    /// How long to wait for the answer to one sending; 10 s at most.
    pub timeout: Span,
    /// How often to send a question that is not answered; 3 at most.
    pub attempts: u32,
    /// How long to ask at most, all in all. What was not asked by then is said.
    pub budget: Span,
    /// The configuration of the system's resolver.
    pub resolv_conf: String,
}

impl Default for Params {
    fn default() -> Self {
        Params {
            names: Vec::new(),
            types: vec!["A".to_owned()],
            addresses: Vec::new(),
            server: None,
            port: 53,
            as_stranger: false,
            stranger_name: ".".to_owned(),
            stranger_type: "NS".to_owned(),
            timeout: Span::seconds(2),
            attempts: 2,
            budget: Span::seconds(10),
            resolv_conf: "/etc/resolv.conf".to_owned(),
        }
    }
}

/// A question and the address that it is about.
type Item = (Asked, Option<IpAddr>);

impl Probe for DnsProbe {
    const NAME: &'static str = "dns";
    const ABOUT: &'static str =
        "how long forward and reverse look-ups take per resolver, and whether a server resolves for strangers";
    const SOURCE: &'static str = "questions that it sends to the name servers of /etc/resolv.conf, or to the server that \
                                  is named, and nowhere else: at most 32 per server, each at most 3 times; \
                                  /etc/nsswitch.conf";
    const REPLACES: &'static [&'static str] = &["dig", "host", "nslookup", "getent hosts"];
    const NEEDS: &'static [Need] = &[];
    type Params = Params;
    type Output = Output;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Output>, Gap> {
        let started = Instant::now();
        let mut observed = Observed::whole(Output {
            system: System::unknown(),
            resolvers: None,
            lookups: None,
            strangers: None,
            questions_sent: 0,
        });
        let conf = read_system(&params, &mut observed);
        let search = conf.as_ref().and_then(|conf| conf.search.first().cloned());
        let mut items = items(&params, search.as_deref())?;
        let stranger_question = asked("stranger_name", &params.stranger_name, kind(&params.stranger_type)?)?;
        let left_out = items.len().saturating_sub(MOST_QUESTIONS);
        items.truncate(MOST_QUESTIONS);
        let stop = || cx.cancelled();
        let way = |server, from| Way {
            server,
            from,
            timeout: params.timeout.0.min(LONGEST_WAIT),
            attempts: params.attempts.clamp(1, MOST_ATTEMPTS),
            payload: None,
            tcp: true,
            deadline: started + params.budget.0,
            stop: &stop,
        };

        if left_out > 0 {
            let gap = Gap::new(Reason::Failed, "ask all questions", format!("{left_out} are more than are asked"));
            observed.miss(&["resolvers.questions", "lookups"], gap.way_out("ask in several steps"));
        }
        let named = params.server.as_deref().map(|text| named_server(text, params.port)).transpose()?;
        let servers = match (&named, &conf) {
            (Some(server), _) => Some(vec![*server]),
            (None, Some(conf)) => {
                Some(conf.servers.iter().filter_map(|it| it.at(params.port)).take(MOST_SERVERS).collect())
            }
            (None, None) => None,
        };
        if let Some(servers) = servers.filter(|_| !items.is_empty()) {
            cx.live(format!("{} questions to {} resolvers", items.len(), servers.len()));
            let edns0 = named.is_none() && conf.as_ref().is_some_and(|conf| conf.edns0);
            let resolvers = ask_all(&servers, &items, &mut observed, |server| Way {
                payload: edns0.then_some(EDNS_OF_LOOKUPS),
                ..way(server, None)
            });
            let order = observed.output.system.hosts_order.as_deref();
            if let (None, Some(conf), true) = (&named, &conf, order.is_none_or(configuration::asks_dns)) {
                let patience = Patience { timeout_seconds: conf.timeout_seconds, attempts: conf.attempts };
                observed.output.lookups = Some(lookup::lookups(&resolvers, patience));
            }
            observed.output.resolvers = Some(resolvers);
        }
        if params.as_stranger {
            ask_as_stranger(&stranger_question, &params, named.map(|server| server.ip()), &mut observed, way);
        }
        observed.output.questions_sent = sent(&observed.output);
        Ok(observed)
    }
}

impl System {
    fn unknown() -> Self {
        System {
            resolv_conf_exists: None,
            nameservers: None,
            ignored_nameservers: None,
            search: None,
            options: None,
            timeout_seconds: None,
            attempts: None,
            upstreams: None,
            hosts_order: None,
        }
    }
}

/// Reads how the system looks names up; what resolv.conf says is given back as well.
fn read_system(params: &Params, observed: &mut Observed<Output>) -> Option<ResolvConf> {
    let system = &mut observed.output.system;
    let text = match text_file::read(Path::new(&params.resolv_conf), LARGEST_FILE) {
        Ok(text) => Ok((true, text)),
        Err(Unreadable::Absent) => Ok((false, String::new())),
        Err(error) => Err(error),
    };
    let conf = text.map(|(exists, text)| {
        let conf = ResolvConf::read(&text);
        let used: Vec<&Server> = conf.servers.iter().filter(|it| it.address.is_some()).take(MOST_SERVERS).collect();
        let ignored = conf.servers.iter().filter(|it| !used.contains(it));
        system.resolv_conf_exists = Some(exists);
        system.ignored_nameservers = Some(ignored.map(|it| it.written.clone()).collect());
        system.nameservers = Some(conf.servers.iter().map(|it| it.written.clone()).collect());
        system.search = Some(conf.search.clone());
        system.options = Some(conf.options.clone());
        system.timeout_seconds = Some(conf.timeout_seconds);
        system.attempts = Some(conf.attempts);
        conf
    });
    let resolved = conf.as_ref().is_ok_and(|conf| conf.servers.iter().any(Server::is_resolved));
    let upstreams = resolved.then(|| text_file::read(Path::new(RESOLVED), LARGEST_FILE));
    match &upstreams {
        Some(Ok(text)) => {
            system.upstreams = Some(ResolvConf::read(text).servers.into_iter().map(|it| it.written).collect());
        }
        Some(Err(Unreadable::Absent)) => system.upstreams = Some(Vec::new()),
        None if conf.is_ok() => system.upstreams = Some(Vec::new()),
        _ => {}
    }
    let order = text_file::read(Path::new(NSSWITCH), LARGEST_FILE);
    if let Ok(text) = &order {
        system.hosts_order = configuration::hosts_order(text);
    }
    let mut miss = |path: &str, fields: &[&str], error: Unreadable| {
        let reason = if matches!(error, Unreadable::Denied) { Reason::Denied } else { Reason::Failed };
        observed.miss(fields, Gap::new(reason, format!("read {path}"), error.to_string()));
    };
    match upstreams {
        Some(Err(error)) if !matches!(error, Unreadable::Absent) => miss(RESOLVED, &["system.upstreams"], error),
        _ => {}
    }
    match order {
        Err(error) if !matches!(error, Unreadable::Absent) => miss(NSSWITCH, &["system.hosts_order"], error),
        _ => {}
    }
    match conf {
        Ok(conf) => Some(conf),
        Err(error) => {
            let fields = [
                "system.resolv_conf_exists",
                "system.nameservers",
                "system.ignored_nameservers",
                "system.search",
                "system.options",
                "system.timeout_seconds",
                "system.attempts",
                "system.upstreams",
                "lookups",
            ];
            let asked: &[&str] = if params.server.is_none() { &["resolvers"] } else { &[] };
            miss(&params.resolv_conf, &[&fields, asked].concat(), error);
            None
        }
    }
}

/// The questions for the resolvers.
fn items(params: &Params, search: Option<&str>) -> Result<Vec<Item>, Gap> {
    let kinds: Vec<Rtype> = params.types.iter().map(|text| kind(text)).collect::<Result<_, _>>()?;
    let mut names = params.names.clone();
    if names.is_empty() && params.addresses.is_empty() && !params.as_stranger {
        names.push(own_name(&identity::host().name, search));
    }
    let mut items = Vec::new();
    for name in names {
        for kind in &kinds {
            items.push((asked("names", &name, *kind)?, None));
        }
    }
    for text in &params.addresses {
        let bad = |why: String| malformed("addresses", text, why).way_out("write it like 192.0.2.1 or 2001:db8::1");
        let address: IpAddr = text.trim().parse().map_err(|_| bad("it is not an address".to_owned()))?;
        items.push((Asked::reverse(address).map_err(bad)?, Some(address)));
    }
    // Every question once: an answer is found by its question.
    let mut once: Vec<Item> = Vec::new();
    for item in items {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    Ok(once)
}

/// The name to ask for when none was given: the host's own, with the domain that is tried behind short names. A name that
/// resolvers do not know of says nothing, so the root stands in for it.
fn own_name(name: &str, search: Option<&str>) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let speaks = plain && Asked::forward(name, Rtype::A).is_ok() && name.split('.').next() != Some("localhost");
    match search {
        _ if !speaks => ".".to_owned(),
        Some(domain) if !name.contains('.') && domain != "." => format!("{name}.{domain}"),
        _ => name.to_owned(),
    }
}

fn malformed(param: &str, text: &str, why: String) -> Gap {
    Gap::new(Reason::Malformed, format!("read the parameter `{param}`: `{}`", text.escape_debug()), why)
}

fn asked(param: &str, name: &str, kind: Rtype) -> Result<Asked, Gap> {
    Asked::forward(name.trim(), kind)
        .map_err(|why| malformed(param, name, why).way_out("write it like www.example.org"))
}

fn kind(text: &str) -> Result<Rtype, Gap> {
    let bad = |why: &str| malformed("types", text, why.to_owned()).way_out("write it like A, AAAA, MX, TXT, NS or ANY");
    let kind = Rtype::from_str(text.trim()).map_err(|_| bad("it is not a type of record"))?;
    match kind {
        Rtype::AXFR | Rtype::IXFR => Err(bad("whole zones are not asked for")),
        kind => Ok(kind),
    }
}

fn named_server(text: &str, port: u16) -> Result<SocketAddr, Gap> {
    let at = Server::read(text.trim()).at(port);
    at.ok_or_else(|| {
        malformed("server", text, "it is not an address".to_owned())
            .way_out("write it like 192.0.2.53; names are not looked up")
    })
}

/// Asks every resolver every question: the resolvers side by side, their questions one after another.
fn ask_all<'a>(
    servers: &[SocketAddr],
    items: &[Item],
    observed: &mut Observed<Output>,
    way: impl Fn(SocketAddr) -> Way<'a>,
) -> Vec<Resolver> {
    let answers: Vec<(Vec<Question>, Vec<Gap>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = servers
            .iter()
            .map(|server| {
                let way = way(*server);
                std::thread::Builder::new().spawn_scoped(scope, move || ask_one(items, &way))
            })
            .collect();
        let failed = |why: &str| (Vec::new(), vec![Gap::new(Reason::Failed, "ask a resolver", why)]);
        threads
            .into_iter()
            .map(|thread| match thread {
                Ok(thread) => thread.join().unwrap_or_else(|_| failed("its thread ended early")),
                Err(error) => failed(&error.to_string()),
            })
            .collect()
    });
    let mut resolvers = Vec::new();
    for (server, (questions, gaps)) in servers.iter().zip(answers) {
        gaps.into_iter().for_each(|gap| observed.miss(&["resolvers.questions", "lookups"], gap));
        let answered = || questions.iter().filter(|it| it.outcome == Outcome::Answered);
        resolvers.push(Resolver {
            address: with_scope(server),
            port: server.port(),
            answers: (!questions.is_empty()).then(|| answered().next().is_some()),
            fastest_seconds: answered().filter_map(|it| it.rtt_seconds).min_by(f64::total_cmp),
            slowest_seconds: questions.iter().map(|it| it.seconds).max_by(f64::total_cmp),
            questions,
        });
    }
    resolvers
}

/// The address with the number of its interface, where it needs one.
fn with_scope(server: &SocketAddr) -> String {
    match server {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        other => other.ip().to_string(),
    }
}

/// Asks one resolver its questions, as far as the budget goes.
fn ask_one(items: &[Item], way: &Way<'_>) -> (Vec<Question>, Vec<Gap>) {
    let mut questions = Vec::new();
    let mut gaps = Vec::new();
    for (index, (asked, address)) in items.iter().enumerate() {
        let tried = || format!("ask {} {} of {} questions", way.server, items.len() - index, items.len());
        if (way.stop)() {
            gaps.push(Gap::new(Reason::Cancelled, tried(), "the run was ended"));
            break;
        }
        if way.deadline.saturating_duration_since(Instant::now()) < way.timeout && index > 0 {
            let gap = Gap::new(Reason::TimedOut, tried(), "the time for all questions was over");
            gaps.push(gap.way_out("give a longer `budget`, or fewer questions"));
            break;
        }
        match exchange::ask(asked, *address, way) {
            Ok(question) => questions.push(question),
            Err(gap) => gaps.push(gap),
        }
    }
    (questions, gaps)
}

/// Asks as somebody else would.
fn ask_as_stranger<'a>(
    asked: &Asked,
    params: &Params,
    server: Option<IpAddr>,
    observed: &mut Observed<Output>,
    way: impl Fn(SocketAddr, Option<IpAddr>) -> Way<'a>,
) {
    let own = match stranger::own_addresses() {
        Ok(own) => own,
        Err(gap) => return observed.miss(&["strangers"], gap),
    };
    let mut strangers = Vec::new();
    for place in stranger::places(server, &own) {
        let server = SocketAddr::new(place.server, params.port);
        let way = Way { payload: Some(EDNS_OF_STRANGERS), tcp: false, ..way(server, place.from) };
        let question = match exchange::ask(asked, None, &way) {
            Ok(question) => question,
            Err(gap) => {
                observed.miss(&["strangers"], gap);
                continue;
            }
        };
        let recursion = stranger::recursion(&question, place.server);
        let answers = question.outcome == Outcome::Answered;
        let software = answers.then(|| software(&Way { attempts: 1, payload: None, ..way })).flatten();
        strangers.push(Stranger {
            server: place.server.to_string(),
            port: params.port,
            stranger_like: place.stranger_like,
            recursion: recursion.as_ref().ok().copied(),
            software,
            question,
        });
        if let Err(gap) = recursion {
            observed.miss(&["strangers.recursion"], gap);
        }
    }
    observed.output.strangers = Some(strangers);
}

/// Which program the server says it is.
fn software(way: &Way<'_>) -> Option<String> {
    let question = exchange::ask(&Asked::software().ok()?, None, way).ok()?;
    let answer = question.answers.into_iter().find(|record| record.kind == "TXT")?;
    Some(answer.data.trim_matches('"').to_owned())
}

/// Questions that were sent, as far as the result tells.
fn sent(output: &Output) -> u32 {
    let lookups = output.resolvers.iter().flatten().flat_map(|resolver| &resolver.questions);
    let sent: u32 = lookups.map(|question| question.sent + u32::from(question.tcp.is_some())).sum();
    let strangers = output.strangers.iter().flatten();
    sent + strangers.map(|it| it.question.sent + u32::from(it.question.outcome == Outcome::Answered)).sum::<u32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_name_is_asked_for_unless_it_says_nothing() {
        assert_eq!(own_name("web1", Some("example.org")), "web1.example.org");
        assert_eq!(own_name("web1.example.org", Some("example.net")), "web1.example.org");
        assert_eq!(own_name("web1", None), "web1");
        assert_eq!(own_name("localhost", Some("example.org")), ".");
        assert_eq!(own_name("(none) of them", None), ".");
    }

    #[test]
    fn a_question_that_cannot_be_asked_says_how_to_write_it() {
        let refused = |params: Params| items(&params, None).unwrap_err();
        let gap = refused(Params { addresses: vec!["example.org".into()], ..Params::default() });
        assert!(gap.to_string().contains("`example.org`") && gap.way_out.is_some(), "{gap}");
        refused(Params { names: vec!["a..b".into()], ..Params::default() });
        refused(Params { types: vec!["AXFR".into()], names: vec!["a".into()], ..Params::default() });
        assert!(named_server("dns.example.org", 53).is_err());
        assert_eq!(named_server("::1", 53).unwrap().to_string(), "[::1]:53");
    }

    #[test]
    fn every_question_is_asked_once() {
        let params = Params { names: vec!["a".into(), "a".into(), "A.".into()], ..Params::default() };
        assert_eq!(items(&params, None).unwrap().len(), 1);
    }
}
