//! `dns`: how long look-ups take, and whom a server resolves for.
//!
//! The one probe that must send questions. They go to the name servers of resolv.conf, or to the server that was named, and
//! nowhere else; how many is bounded and in the result.

mod configuration;
mod exchange;
mod lookup;
mod message;
mod output;
mod questions;
mod stranger;
mod system;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use output::{Dns as Output, Lookup, Outcome, Question, Record, Resolver, Stranger, System};

use super::rights::{is_remote, own_addresses};
use super::{Context, Need, Probe, Right, Use};
use crate::case::{Gap, Observed, Reason};
use crate::printable::printable;
use crate::units::Span;
use configuration::MOST_SERVERS;
use exchange::Way;
use lookup::Patience;
use message::Asked;
use questions::Item;

/// Questions per resolver; what is asked for beyond that is said.
const MOST_QUESTIONS: usize = 32;
/// Sendings per question, whatever is asked for.
const MOST_ATTEMPTS: u32 = 3;
/// The longest wait for one sending, whatever is asked for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The size of answer that look-ups allow when resolv.conf says `edns0`, as the C library does.
const EDNS_OF_LOOKUPS: u16 = 1200;
/// The size of answer that those allow who abuse a resolver.
const EDNS_OF_STRANGERS: u16 = 4096;

/// The configuration of the system's resolver.
const RESOLV_CONF: &str = "/etc/resolv.conf";

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
    /// The server to ask, an address. Unless given: the name servers of resolv.conf, the first three. Another host that is not
    /// among them is asked with `--allow remote` alone.
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
            resolv_conf: RESOLV_CONF.to_owned(),
        }
    }
}

impl Probe for DnsProbe {
    const NAME: &'static str = "dns";
    const ABOUT: &'static str =
        "how long forward and reverse look-ups take per resolver, and whether a server resolves for strangers";
    const SOURCE: &'static str = "questions that it sends to the name servers of /etc/resolv.conf, or to the server that \
                                  is named, and nowhere else: at most 32 per server, each at most 3 times; \
                                  /etc/nsswitch.conf";
    const REPLACES: &'static [&'static str] = &["dig", "host", "nslookup", "getent hosts"];
    const NEEDS: &'static [Need] = &[];
    const RIGHTS: &'static [Right] = &[Right::Remote];
    type Params = Params;
    type Output = Output;

    fn uses(params: &Params, derived: &[String]) -> Vec<Use> {
        let mut uses = Vec::new();
        let own = own_addresses();
        let usual = system::configured();
        let is_usual = |address: &IpAddr| usual.contains(address) || !is_remote(*address, &own);
        let is_derived = |name: &str| derived.iter().any(|it| it == name);
        match &params.server {
            Some(server) => {
                let what = format!("ask the name server {}", printable(server));
                match questions::named_server(server, params.port) {
                    Ok(server) if is_usual(&server.ip()) => uses.push(Use::free(what)),
                    _ => uses.push(Use::needing(Right::Remote, what)),
                }
            }
            None if is_derived("server") => {
                uses.push(Use::needing(
                    Right::Remote,
                    "ask the name server that evidence names, where that is another host",
                ));
            }
            None if params.resolv_conf == RESOLV_CONF => uses.push(Use::free("ask the name servers of this host")),
            None => {
                let what = format!("ask the name servers that {} names", printable(&params.resolv_conf));
                let servers = system::named_in(&params.resolv_conf);
                let usual = servers.is_some_and(|servers| servers.iter().all(is_usual));
                uses.push(if usual { Use::free(what) } else { Use::needing(Right::Remote, what) });
            }
        }
        // A name server asks others in turn: what stands in a question leaves this host.
        for name in ["names", "addresses", "stranger_name"].into_iter().filter(|name| is_derived(name)) {
            uses.push(Use::needing(Right::Remote, format!("send what was observed to name servers (`{name}`)")));
        }
        uses
    }

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Output>, Gap> {
        let started = Instant::now();
        let mut observed = Observed::whole(Output {
            system: System::unknown(),
            resolvers: None,
            lookups: None,
            strangers: None,
            questions_sent: 0,
        });
        let conf = system::read(&params, &mut observed);
        let search = conf.as_ref().and_then(|conf| conf.search.first().cloned());
        let mut items = questions::items(&params, search.as_deref())?;
        let stranger_question = questions::of_stranger(&params)?;
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
            observed.miss(&["resolvers.questions", "lookups"], gap.to_fix("ask in several steps"));
        }
        let named = params.server.as_deref().map(|text| questions::named_server(text, params.port)).transpose()?;
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
            // The question that it ended in has said so already.
            if gaps.is_empty() {
                gaps.push(Gap::new(Reason::Cancelled, tried(), "the run was ended"));
            }
            break;
        }
        if way.deadline.saturating_duration_since(Instant::now()) < way.timeout && index > 0 {
            let gap = Gap::new(Reason::TimedOut, tried(), "the time for all questions was over");
            gaps.push(gap.to_fix("give a longer `budget`, or fewer questions"));
            break;
        }
        match exchange::ask(asked, *address, way) {
            Ok(question) => {
                if question.outcome == Outcome::Interrupted {
                    gaps.push(Gap::new(Reason::Cancelled, tried(), "the run was ended"));
                }
                questions.push(question);
            }
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
    let own = match own_addresses() {
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
