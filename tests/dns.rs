//! The `dns` probe against servers that this test plays itself, on loopback and in network namespaces of its own.

mod support;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use casebook::case::{Observed, Reason};
use casebook::probe::dns::{DnsProbe, Outcome, Output, Params};
use casebook::probe::{Cancel, Context, Inputs, Probe, StartBarrier};
use casebook::units::Span;
use support::namespace::{in_namespace, ip};
use support::need::{Missing, ipv6, require, tool};

/// What a server does with a question.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    Answers,
    AnswersAfter(Duration),
    AnswersWith(u8),
    SaysNothing,
    Truncates,
    SendsGarbage,
    SendsAWrongIdFirst,
    AnswersFromElsewhere,
    LosesTheFirst,
    Cuts,
}

/// A server on a thread, which ends with the process.
struct Server {
    at: SocketAddr,
    asked: Arc<AtomicU32>,
}

impl Server {
    fn start(at: impl Into<SocketAddr>, manner: Manner) -> Self {
        // A free port for UDP may be taken for TCP.
        let at = at.into();
        let (socket, listener) = (0..20)
            .find_map(|_| {
                let socket = UdpSocket::bind(at).unwrap();
                let listener = TcpListener::bind(socket.local_addr().unwrap()).ok()?;
                Some((socket, listener))
            })
            .expect("a port that is free for UDP and TCP");
        let at = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let first = count.fetch_add(1, Ordering::SeqCst) == 0;
                serve(&socket, &buffer[..length], from, manner, first);
            }
        });
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut question = vec![0; u16::from_be_bytes(length).into()];
                stream.read_exact(&mut question).unwrap();
                let answer = answer(&question, 0, 3);
                stream.write_all(&(answer.len() as u16).to_be_bytes()).unwrap();
                stream.write_all(&answer).unwrap();
            }
        });
        Server { at, asked }
    }

    fn on_loopback(manner: Manner) -> Self {
        Server::start((Ipv4Addr::LOCALHOST, 0), manner)
    }

    fn params(&self) -> Params {
        Params {
            names: vec!["a.example".into()],
            server: Some(self.at.ip().to_string()),
            port: self.at.port(),
            timeout: Span(Duration::from_millis(300)),
            attempts: 1,
            ..Params::default()
        }
    }
}

fn serve(socket: &UdpSocket, question: &[u8], from: SocketAddr, manner: Manner, first: bool) {
    let send = |bytes: &[u8]| {
        socket.send_to(bytes, from).unwrap();
    };
    match manner {
        Manner::Answers => send(&answer(question, 0, 1)),
        Manner::AnswersAfter(time) => {
            std::thread::sleep(time);
            send(&answer(question, 0, 1));
        }
        Manner::AnswersWith(rcode) => send(&answer(question, rcode, 0)),
        Manner::SaysNothing => {}
        Manner::Truncates => {
            let mut answer = answer(question, 0, 0);
            answer[2] |= 0x02;
            send(&answer);
        }
        Manner::SendsGarbage => send(b"not a dns message at all"),
        Manner::SendsAWrongIdFirst => {
            let mut wrong = answer(question, 3, 0);
            wrong[0] ^= 0xff;
            send(&wrong);
            send(&answer(question, 0, 1));
        }
        Manner::AnswersFromElsewhere => {
            let other = UdpSocket::bind((socket.local_addr().unwrap().ip(), 0)).unwrap();
            other.send_to(&answer(question, 0, 1), from).unwrap();
        }
        Manner::LosesTheFirst if first => {}
        Manner::LosesTheFirst => send(&answer(question, 0, 1)),
        Manner::Cuts => {
            let answer = answer(question, 0, 2);
            send(&answer[..answer.len() - 5]);
        }
    }
}

/// The answer to a question, byte for byte: recursion available, `count` records `A 192.0.2.N`.
fn answer(question: &[u8], rcode: u8, count: u8) -> Vec<u8> {
    let name_end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let mut answer = question[..name_end + 4].to_vec();
    answer[2] = 0x81;
    answer[3] = 0x80 | rcode;
    answer[7] = count;
    answer[11] = 0;
    for host in 1..=count {
        answer.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02");
        answer.push(host);
    }
    answer
}

fn observe(params: Params) -> Observed<Output> {
    DnsProbe.observe(params, &Context::alone()).unwrap()
}

/// The only question to the only resolver.
fn question(observed: &Observed<Output>) -> &casebook::probe::dns::Question {
    assert!(observed.missing.is_empty(), "{:?}", observed.missing);
    let [resolver] = observed.output.resolvers.as_deref().unwrap() else { panic!("not one resolver") };
    let [question] = &resolver.questions[..] else { panic!("not one question") };
    question
}

#[test]
fn an_answer_comes_with_its_time_and_records() {
    let observed = observe(Server::on_loopback(Manner::Answers).params());
    let question = question(&observed);
    assert_eq!((question.outcome, question.rcode.as_deref()), (Outcome::Answered, Some("NOERROR")));
    assert_eq!((question.answers[0].kind.as_str(), question.answers[0].data.as_str()), ("A", "192.0.2.1"));
    assert_eq!((question.question_bytes, question.answer_bytes), (27, Some(43)));
    assert_eq!(question.from.as_deref(), Some("127.0.0.1"));
    assert_eq!(question.recursion_available, Some(true));
    assert!(question.rtt_seconds.unwrap() < 0.3 && !question.timed_out);
    assert_eq!(observed.output.questions_sent, 1);
    assert_eq!(observed.output.lookups, None, "a named server says nothing about the system's look-ups");
}

#[test]
fn a_server_is_asked_over_ipv6_as_well() {
    require!(ipv6());
    in_namespace(|| {
        let observed = observe(Server::start((Ipv6Addr::LOCALHOST, 53), Manner::Truncates).params());
        let question = question(&observed);
        assert_eq!((question.outcome, question.tcp), (Outcome::Answered, Some(Outcome::Answered)));
        assert_eq!(question.from.as_deref(), Some("::1"));
    });
}

#[test]
fn a_slow_answer_takes_its_time() {
    let slow = Server::on_loopback(Manner::AnswersAfter(Duration::from_millis(200)));
    let observed = observe(Params { timeout: Span::seconds(5), ..slow.params() });
    assert!(question(&observed).rtt_seconds.unwrap() >= 0.2);
    assert!(observed.output.resolvers.as_ref().unwrap()[0].fastest_seconds.unwrap() >= 0.2);
}

#[test]
fn failures_and_refusals_are_answers() {
    for (rcode, word) in [(2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED")] {
        let observed = observe(Server::on_loopback(Manner::AnswersWith(rcode)).params());
        assert_eq!(question(&observed).rcode.as_deref(), Some(word));
        assert_eq!(observed.output.resolvers.as_ref().unwrap()[0].answers, Some(true));
    }
}

#[test]
fn silence_is_a_fact_with_the_time_that_it_cost() {
    let server = Server::on_loopback(Manner::SaysNothing);
    let observed = observe(Params { attempts: 2, ..server.params() });
    let question = question(&observed);
    assert!(question.timed_out && question.rtt_seconds.is_none() && question.rcode.is_none());
    assert!((0.6..2.0).contains(&question.seconds), "{}", question.seconds);
    assert_eq!((question.sent, server.asked.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(observed.output.resolvers.as_ref().unwrap()[0].answers, Some(false));
}

#[test]
fn a_lost_question_is_sent_again_and_its_answer_is_timed_from_then() {
    let server = Server::on_loopback(Manner::LosesTheFirst);
    let observed = observe(Params { attempts: 2, ..server.params() });
    let question = question(&observed);
    assert_eq!((question.outcome, question.sent), (Outcome::Answered, 2));
    assert!(question.rtt_seconds.unwrap() < 0.3 && question.seconds >= 0.3, "{question:?}");
}

#[test]
fn where_nobody_listens_nobody_waits() {
    let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let server = Server { at: closed, asked: Arc::default() };
    let observed = observe(Params { timeout: Span::seconds(5), ..server.params() });
    let question = question(&observed);
    assert_eq!(question.outcome, Outcome::Closed);
    assert!(question.seconds < 2.0 && !question.timed_out);
}

#[test]
fn what_does_not_fit_is_asked_for_over_tcp() {
    let observed = observe(Server::on_loopback(Manner::Truncates).params());
    let question = question(&observed);
    assert_eq!((question.truncated, question.tcp), (Some(true), Some(Outcome::Answered)));
    assert_eq!((question.answer_count, question.answers.len()), (Some(3), 3));
    assert_eq!(observed.output.questions_sent, 2);
}

#[test]
fn forged_and_foreign_messages_are_not_taken_for_the_answer() {
    let observed = observe(Server::on_loopback(Manner::SendsAWrongIdFirst).params());
    assert_eq!((question(&observed).rcode.as_deref(), question(&observed).strays), (Some("NOERROR"), 1));

    let observed = observe(Server::on_loopback(Manner::SendsGarbage).params());
    assert_eq!((question(&observed).outcome, question(&observed).strays), (Outcome::TimedOut, 1));

    let observed = observe(Server::on_loopback(Manner::AnswersFromElsewhere).params());
    assert_eq!((question(&observed).outcome, question(&observed).strays), (Outcome::TimedOut, 0));
}

#[test]
fn an_answer_that_cannot_be_read_is_told_from_silence() {
    let observed = observe(Server::on_loopback(Manner::Cuts).params());
    assert_eq!(question(&observed).outcome, Outcome::Malformed);
}

#[test]
fn a_dead_first_resolver_shows_in_what_lookups_cost() {
    let dead = Server::start((Ipv4Addr::new(127, 0, 0, 71), 0), Manner::SaysNothing);
    let port = dead.at.port();
    let _good = Server::start((Ipv4Addr::new(127, 0, 0, 72), port), Manner::Answers);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolv.conf");
    let text = "nameserver 127.0.0.71\nnameserver 127.0.0.72\nsearch example.org\noptions timeout:3\n";
    std::fs::write(&path, text).unwrap();
    let params = Params { server: None, resolv_conf: path.to_str().unwrap().into(), ..dead.params() };
    let output = observe(Params { addresses: vec!["192.0.2.12".into()], ..params }).output;
    let answers: Vec<_> = output.resolvers.as_ref().unwrap().iter().map(|it| it.answers).collect();
    assert_eq!(answers, [Some(false), Some(true)]);
    assert_eq!(output.system.search.as_deref(), Some(&["example.org".to_owned()][..]));
    // With nss-resolve in front nobody asks these servers.
    if let Some(lookups) = output.lookups {
        assert_eq!(lookups.len(), 2);
        assert!((3.0..3.5).contains(&lookups[0].seconds), "{lookups:?}");
        assert_eq!(lookups[1].address.as_deref(), Some("192.0.2.12"));
        assert_eq!(lookups[1].resolver.as_deref(), Some("127.0.0.72"));
    }
}

#[test]
fn what_the_budget_does_not_reach_is_a_gap() {
    let server = Server::on_loopback(Manner::SaysNothing);
    let names = (0..10).map(|number| format!("n{number}.example")).collect();
    let params = Params { names, budget: Span(Duration::from_millis(700)), ..server.params() };
    let before = Instant::now();
    let observed = observe(params);
    assert!(before.elapsed() < Duration::from_secs(3));
    let [missing] = &observed.missing[..] else { panic!("{:?}", observed.missing) };
    assert_eq!(missing.gap.reason, Reason::TimedOut);
    assert!(observed.output.resolvers.unwrap()[0].questions.len() < 10);
}

#[test]
fn the_end_of_the_run_ends_the_waiting() {
    let before = Instant::now();
    let silent = Server::on_loopback(Manner::SaysNothing);
    let asked = Arc::clone(&silent.asked);
    let cancel = Arc::new(Cancel::default());
    let end = Arc::clone(&cancel);
    std::thread::spawn(move || {
        while asked.load(Ordering::SeqCst) == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        end.cancel();
    });
    let cx = Context::new(Arc::new(StartBarrier::new(1)), cancel, Inputs::new(), |_| {});
    let params = Params { timeout: Span::seconds(10), ..silent.params() };
    let observed = DnsProbe.observe(params, &cx).unwrap();
    assert!(before.elapsed() < Duration::from_secs(5));
    assert_eq!(observed.output.resolvers.unwrap()[0].questions[0].outcome, Outcome::Interrupted);
    assert_eq!(observed.missing[0].gap.reason, Reason::Cancelled);
}

/// A name server of the distribution, stopped at the end.
struct Dnsmasq(Child);

impl Dnsmasq {
    fn start(arguments: &[&str]) -> Result<Self, Missing> {
        let mut command = Command::new(tool("dnsmasq")?);
        command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"]);
        command.args(["--pid-file=", "--log-facility=-"]).args(arguments).stderr(Stdio::null());
        Ok(Dnsmasq(command.spawn().unwrap()))
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks until the server is there.
fn once_it_listens(params: Params, listens: impl Fn(&Output) -> bool) -> Observed<Output> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let observed = observe(params.clone());
        if listens(&observed.output) || Instant::now() >= until {
            return observed;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn answered(output: &Output) -> bool {
    output.strangers.as_ref().unwrap().iter().all(|it| it.question.outcome == Outcome::Answered)
}

#[test]
fn an_open_resolver_is_found_from_an_address_that_is_not_loopback() {
    in_namespace(|| {
        ip("addr add 192.0.2.7/32 dev lo");
        let _server = require!(Dnsmasq::start(&["--address=/example/192.0.2.80", "--port=53"]));
        let params = Params {
            as_stranger: true,
            stranger_name: "a.example".into(),
            stranger_type: "A".into(),
            ..Params::default()
        };
        let observed = once_it_listens(params, answered);
        let [stranger] = &observed.output.strangers.as_ref().unwrap()[..] else { panic!("{observed:#?}") };
        assert_eq!((stranger.server.as_str(), stranger.question.from.as_deref()), ("192.0.2.7", Some("192.0.2.7")));
        assert!(stranger.stranger_like);
        assert!(stranger.software.as_deref().is_some_and(|it| it.starts_with("dnsmasq")), "{stranger:?}");
        assert!(stranger.question.amplification.is_some_and(|it| it > 1.0));
    });
}

#[test]
fn recursion_for_strangers_is_told_from_its_refusal_and_from_silence() {
    in_namespace(|| {
        ip("addr add 192.0.2.7/32 dev lo");
        let at: IpAddr = "192.0.2.7".parse().unwrap();
        for (port, manner, recursion) in [
            (5301, Manner::Answers, Some(true)),
            (5302, Manner::AnswersWith(5), Some(false)),
            (5303, Manner::AnswersWith(2), None),
            (5304, Manner::SaysNothing, None),
        ] {
            let server = Server::start((at, port), manner);
            let params = Params { as_stranger: true, names: Vec::new(), ..server.params() };
            let observed = observe(params);
            let [stranger] = &observed.output.strangers.as_ref().unwrap()[..] else { panic!("{observed:#?}") };
            assert_eq!((stranger.recursion, stranger.stranger_like), (recursion, true), "{manner:?}");
            let gap = observed.missing.iter().any(|missing| missing.fields == ["strangers.recursion"]);
            assert_eq!(gap, recursion.is_none(), "{manner:?}");
        }
        let params = Params { as_stranger: true, port: 5305, server: Some("192.0.2.7".into()), ..Params::default() };
        let strangers = observe(params).output.strangers.unwrap();
        assert_eq!((strangers[0].question.outcome, strangers[0].recursion), (Outcome::Closed, Some(false)));
    });
}

#[test]
fn a_resolver_without_a_way_to_it_is_unreachable_and_one_that_the_firewall_blocks_is_blocked() {
    in_namespace(|| {
        let away = Server { at: "203.0.113.53:53".parse().unwrap(), asked: Arc::default() };
        assert_eq!(question(&observe(away.params())).outcome, Outcome::Unreachable);
        let rules = "add table ip t; add chain ip t o { type filter hook output priority 0; }; \
                     add rule ip t o udp dport 53 drop";
        assert!(Command::new(require!(tool("nft"))).arg(rules).status().unwrap().success());
        let here = Server { at: "127.0.0.1:53".parse().unwrap(), asked: Arc::default() };
        assert_eq!(question(&observe(here.params())).outcome, Outcome::Blocked);
    });
}
