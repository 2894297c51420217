//! Whether a server resolves for strangers: where to ask it from, and what its answer means.

use std::net::{IpAddr, Ipv4Addr};

use super::output::{Outcome, Question};
use crate::case::{Gap, Reason};

/// Addresses that are asked at most.
const MOST_PLACES: usize = 4;

/// A server's address and the address to ask it from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The server's address.
    pub server: IpAddr,
    /// The address to ask from; the kernel chooses unless given.
    pub from: Option<IpAddr>,
    /// Whether the asker is an address of this host that strangers' rules may apply to.
    pub stranger_like: bool,
}

/// Where to ask: a server of this host at the addresses that strangers reach it at, and from those; another server as it
/// comes.
pub fn places(server: Option<IpAddr>, own: &[IpAddr]) -> Vec<Place> {
    let reachable = |address: &IpAddr| match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    };
    let as_itself = |address: IpAddr| Place { server: address, from: Some(address), stranger_like: true };
    match server {
        Some(address) if !address.is_loopback() && own.contains(&address) => vec![as_itself(address)],
        Some(address) if !address.is_loopback() => {
            vec![Place { server: address, from: None, stranger_like: false }]
        }
        _ => {
            let mut places = Vec::new();
            for address in own.iter().copied().filter(reachable).map(as_itself) {
                if places.len() < MOST_PLACES && !places.contains(&address) {
                    places.push(address);
                }
            }
            if places.is_empty() {
                // Nobody else can reach this host, but the server can be asked.
                let server = server.unwrap_or(Ipv4Addr::LOCALHOST.into());
                places.push(Place { server, from: None, stranger_like: false });
            }
            places
        }
    }
}

/// Whether the server resolved for the one that asked.
pub fn recursion(question: &Question, server: IpAddr) -> Result<bool, Gap> {
    let tried = || format!("tell whether {server} resolves for {}", question.from.as_deref().unwrap_or("this host"));
    let unknown = |reason, why: String, to_fix: &str| Err(Gap::new(reason, tried(), why).to_fix(to_fix));
    let name = &question.name;
    match question.outcome {
        Outcome::Closed => Ok(false),
        Outcome::Answered => {
            let rcode = question.rcode.as_deref().unwrap_or_default();
            let answered = question.answer_count.is_some_and(|count| count > 0);
            if rcode == "REFUSED" || question.recursion_available == Some(false) {
                Ok(false)
            } else if question.authoritative == Some(true) {
                unknown(
                    Reason::Failed,
                    format!("it is the authority for {name} itself"),
                    "give `stranger_name` a name of somebody else",
                )
            } else if rcode == "NXDOMAIN" || rcode == "NOERROR" && answered {
                Ok(true)
            } else {
                unknown(
                    Reason::Failed,
                    format!("it offers recursion, but its answer for {name} is {rcode} without records"),
                    "give `stranger_name` a name that it can resolve",
                )
            }
        }
        Outcome::TimedOut => unknown(
            Reason::TimedOut,
            format!("no answer came within {}", crate::units::span(question.seconds)),
            "it may be down, or drop the questions of strangers: ask it from loopback as well (`server`)",
        ),
        Outcome::Blocked => unknown(
            Reason::Denied,
            "this host's firewall does not let the question out".to_owned(),
            "see the rules of the OUTPUT hook (probe firewall)",
        ),
        Outcome::Unreachable => {
            unknown(Reason::Failed, "there is no way to it".to_owned(), "see the routes of this host")
        }
        Outcome::Malformed => unknown(Reason::Malformed, "its answer cannot be read".to_owned(), "look at it with dig"),
        Outcome::Interrupted => unknown(Reason::Cancelled, "the run was ended".to_owned(), "run again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn answer(rcode: &str, available: bool, authoritative: bool, count: u32) -> Question {
        Question {
            name: ".".into(),
            kind: "NS".into(),
            address: None,
            outcome: Outcome::Answered,
            timed_out: false,
            rtt_seconds: Some(0.001),
            seconds: 0.001,
            sent: 1,
            from: Some("192.0.2.1".into()),
            rcode: Some(rcode.into()),
            authoritative: Some(authoritative),
            recursion_available: Some(available),
            truncated: Some(false),
            tcp: None,
            answers: Vec::new(),
            answer_count: Some(count),
            question_bytes: 28,
            answer_bytes: Some(239),
            amplification: Some(8.5),
            strays: 0,
        }
    }

    #[test]
    fn a_local_server_is_asked_where_strangers_reach_it() {
        let own = ["127.0.0.1", "192.0.2.1", "::1", "fe80::1", "2001:db8::1", "192.0.2.1"].map(ip);
        let itself = |text| Place { server: ip(text), from: Some(ip(text)), stranger_like: true };
        assert_eq!(places(None, &own), [itself("192.0.2.1"), itself("2001:db8::1")]);
        assert_eq!(places(Some(ip("127.0.0.1")), &own), places(None, &own));
        assert_eq!(places(Some(ip("2001:db8::1")), &own), [itself("2001:db8::1")]);
    }

    #[test]
    fn one_that_asks_from_loopback_or_asks_another_host_is_no_stranger() {
        let lone = places(None, &[ip("127.0.0.1")]);
        assert_eq!(lone, [Place { server: ip("127.0.0.1"), from: None, stranger_like: false }]);
        let remote = places(Some(ip("198.51.100.53")), &[ip("192.0.2.1")]);
        assert_eq!(remote, [Place { server: ip("198.51.100.53"), from: None, stranger_like: false }]);
    }

    #[test]
    fn recursion_is_the_flag_and_an_actual_answer() {
        let server = ip("192.0.2.1");
        assert_eq!(recursion(&answer("NOERROR", true, false, 13), server), Ok(true));
        assert_eq!(recursion(&answer("NXDOMAIN", true, false, 0), server), Ok(true));
        assert_eq!(recursion(&answer("REFUSED", true, false, 0), server), Ok(false));
        assert_eq!(recursion(&answer("NOERROR", false, false, 0), server), Ok(false), "a referral");
    }

    #[test]
    fn what_proves_nothing_is_a_gap() {
        let server = ip("192.0.2.1");
        for (question, why) in [
            (answer("SERVFAIL", true, false, 0), "SERVFAIL"),
            (answer("NOERROR", true, true, 1), "authority"),
            (Question { outcome: Outcome::TimedOut, ..answer("", false, false, 0) }, "no answer came"),
        ] {
            let gap = recursion(&question, server).unwrap_err();
            assert!(gap.why.contains(why) && gap.to_fix.is_some(), "{gap}");
        }
    }
}
