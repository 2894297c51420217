//! Which lines patterns match, and whose they are.

use std::sync::LazyLock;

use super::form::MAYBE_CUT;
use super::sieve::FEW;
use super::*;
use crate::probe::logs::kind::Kind;
use crate::probe::logs::usual;
use crate::probe::logs::wanted::Bound;

static USUAL: LazyLock<Patterns> = LazyLock::new(|| Patterns::compile(&usual::all()).unwrap());

/// The patterns that match the line in a file of that kind, with their captures.
fn seen_in(kind: Kind, line: &str) -> Vec<(String, Vec<String>)> {
    seen_of(&USUAL, kind, None, line)
}

fn seen(line: &str) -> Vec<(String, Vec<String>)> {
    seen_in(Kind::Syslog, line)
}

fn seen_by(
    patterns: &IndexMap<String, Wanted>,
    kind: Kind,
    program: Option<&'static str>,
    line: &str,
) -> Vec<(String, Vec<String>)> {
    seen_of(&Patterns::compile(patterns).unwrap(), kind, program, line)
}

fn seen_of(patterns: &Patterns, kind: Kind, program: Option<&'static str>, line: &str) -> Vec<(String, Vec<String>)> {
    let mut searcher = patterns.searcher();
    searcher.turn_to(kind, program);
    let Look::Hits(seen) = searcher.look(line.as_bytes()) else { return Vec::new() };
    assert!(searcher.next_candidate(line.as_bytes(), 0).is_some(), "the fast search overlooks: {line}");
    let hits: Vec<usize> = (0..).map_while(|nth| searcher.matched(nth)).collect();
    hits.into_iter()
        .map(|index| {
            let mut captures = Vec::new();
            let pattern = &patterns.each()[index];
            searcher.captures(index, &seen, |group, text| {
                captures.push(format!("{}={}", pattern.groups[group], String::from_utf8_lossy(text)));
            });
            (pattern.name.clone(), captures)
        })
        .collect()
}

fn wanted(patterns: &[(&str, Wanted)]) -> IndexMap<String, Wanted> {
    patterns.iter().map(|(name, wanted)| ((*name).to_owned(), wanted.clone())).collect()
}

fn bound(expression: &str, program: &[&str], kind: Option<Kind>) -> Wanted {
    let program = program.iter().map(|program| (*program).to_owned()).collect();
    Wanted::Bound(Bound { expression: Some(expression.to_owned()), program, kind })
}

#[test]
fn few_patterns_find_what_they_find_among_many() {
    let many = usual::all();
    assert!(many.len() > FEW);
    for line in [
        "Nov 22 15:04:05 h sshd[9]: Failed password for invalid user admin from 203.0.113.9 port 4022 ssh2",
        "Nov 22 15:04:05 h kernel: nf_conntrack: table full, dropping packet; callbacks suppressed",
        "Nov 22 15:04:05 h kernel: eth0: link down, neighbor table overflow",
        "nothing of interest",
    ] {
        let alone = |(name, wanted): (&String, &Wanted)| IndexMap::from([(name.clone(), wanted.clone())]);
        let apart = many.iter().flat_map(|pattern| seen_by(&alone(pattern), Kind::Syslog, None, line));
        let apart: Vec<_> = apart.collect();
        assert_eq!(seen(line), apart, "{line}");
    }
}

#[test]
fn the_usual_patterns_know_the_lines_of_kernel_and_daemons() {
    for (line, name, captures) in [
        (
            "Nov 22 15:04:05 h sshd[9]: Failed password for invalid user admin from 203.0.113.9 port 4022 ssh2",
            "ssh_failed_password",
            "user=admin address=203.0.113.9",
        ),
        (
            "Nov 22 15:04:05 h sshd-session[9]: Failed password for root from 2001:db8::9 port 4022 ssh2\r",
            "ssh_failed_password",
            "user=root address=2001:db8::9",
        ),
        (
            "Nov 22 15:04:05 h sshd[9]: Invalid user oracle from 203.0.113.9 port 4022\r",
            "ssh_invalid_user",
            "user=oracle address=203.0.113.9",
        ),
        ("Nov 22 15:04:05 h kernel: nf_conntrack: nf_conntrack: table full, dropping packet", "conntrack_full", ""),
        (
            "Nov 22 15:04:05 h kernel: TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:80. Sending cookies.",
            "syn_flooding",
            "port=0.0.0.0:80",
        ),
        ("Nov 22 15:04:05 h kernel: possible SYN flooding on port 80. Sending cookies.", "syn_flooding", "port=80"),
        (
            "Nov 22 15:04:05 h kernel: IPv4: martian source 192.0.2.1 from 127.0.0.1, on dev eth0",
            "martian_source",
            "destination=192.0.2.1 source=127.0.0.1 device=eth0",
        ),
        (
            "Nov 22 15:04:05 h kernel: Out of memory: Killed process 77 (mysqld) total-vm:1kB",
            "out_of_memory",
            "process=mysqld",
        ),
        (
            "Nov 22 15:04:05 h kernel: [UFW BLOCK] IN=eth0 OUT= MAC=aa:bb SRC=203.0.113.9 DST=192.0.2.1 LEN=40 TOS=0x00 PROTO=TCP SPT=5 DPT=23 WINDOW=1",
            "firewall_log",
            "interface=eth0 source=203.0.113.9 destination=192.0.2.1 protocol=TCP port=23",
        ),
        (
            "2026-11-22T15:04:05Z h named[5]: success resolving 'a.example/A' (in 'example'?) after reducing the advertised EDNS UDP packet size to 512 octets",
            "dns_edns",
            "name=a.example/A",
        ),
        (
            "2026-11-22T15:04:05Z h named[5]: timed out resolving 'a.example/A/IN': 192.0.2.1#53",
            "dns_failure",
            "name=a.example/A/IN",
        ),
        (
            "2026-11-22T15:04:05Z h named[5]: network unreachable resolving './NS/IN': 2001:db8::1#53",
            "dns_failure",
            "name=./NS/IN",
        ),
        ("Nov 22 15:04:05 h kernel: neighbour: arp_cache: neighbor table overflow!", "neighbour_overflow", ""),
        (
            "Nov 22 15:04:05 h kernel: e1000e 0000:00:19.0 eth0: NIC Link is Down",
            "link_change",
            "device=eth0 state=Down",
        ),
        (
            "Nov 22 15:04:05 h kernel: UDP: bad checksum. From 203.0.113.9:53 to 192.0.2.1:4444 ulen 40",
            "udp_bad_checksum",
            "source=203.0.113.9 source_port=53 destination=192.0.2.1 port=4444",
        ),
        ("Nov 22 15:04:05 h kernel: TCP: out of memory -- consider tuning tcp_mem", "tcp_memory", ""),
        ("Nov 22 15:04:05 h kernel: net_ratelimit: 12 callbacks suppressed", "lines_suppressed", "lost=12"),
    ] {
        let seen = seen(line);
        assert_eq!(seen.len(), 1, "{line}: {seen:?}");
        assert_eq!((seen[0].0.as_str(), seen[0].1.join(" ").as_str()), (name, captures), "{line}");
    }
    assert_eq!(seen("Nov 22 15:04:05 h sshd[9]: Accepted publickey for root from 192.0.2.9 port 4"), []);
}

#[test]
fn requests_are_told_by_their_fields() {
    for (line, captures) in [
        (
            r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "GET /shop?id=7 HTTP/1.1" 200 512 "-" "curl/8""#,
            "client=203.0.113.9 path=/shop agent=curl/8 status=200",
        ),
        (
            r#"2001:db8::9 - bob [22/Nov/2026:15:04:05 +0000] "PROPFIND / HTTP/1.0" 404 -"#,
            "client=2001:db8::9 path=/ status=404",
        ),
        (
            r#"203.0.113.9 - [ [22/Nov/2026:15:04:05 +0000] "GET / HTTP/1.0" 401 7"#,
            "client=203.0.113.9 path=/ status=401",
        ),
    ] {
        let seen = seen_in(Kind::Access, line);
        assert_eq!(seen.len(), 1, "{line}");
        assert_eq!((seen[0].0.as_str(), seen[0].1.join(" ").as_str()), ("http_request", captures), "{line}");
    }
    let login = wanted(&[("login", bound("POST /login\\b", &[], Some(Kind::Access)))]);
    let line = |request: &str| {
        format!(r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "{request} HTTP/1.1" 200 5 "-" "POST /login""#)
    };
    assert_eq!(seen_by(&login, Kind::Access, None, &line("POST /login?a"))[0].1[0], "client=203.0.113.9");
    assert_eq!(seen_by(&login, Kind::Access, None, &line("GET /?POST /login")), []);
}

#[test]
fn what_a_line_says_does_not_make_its_author() {
    let sshd = "sshd[9]: Failed password for root from 198.51.100.7 port 22 ssh2";
    let stamped = format!("Nov 22 15:04:05 h {sshd}");
    assert_eq!(seen(&stamped).len(), 1);
    for line in [
        format!("Nov 22 15:04:05 h app[9]: {sshd}"),
        format!("Nov 22 15:04:05 h app[9]: {stamped}"),
        format!("Nov 22 15:04:05 h sshd[9]: Connection from 192.0.2.9: {sshd}"),
        format!("Nov 22 15:04:05 h kernel: {sshd}"),
        format!("2026-11-22 15:04:05 h {sshd}"),
        format!(r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "{stamped}""#),
        "Nov 22 15:04:05 h app[9]: kernel: nf_conntrack: table full, dropping packet".to_owned(),
        "Nov 22 15:04:05 h app[9]: nf_conntrack: table full, dropping packet".to_owned(),
        "Nov 22 15:04:05 h sshd[9]: Invalid user IN=eth0 OUT= SRC=198.51.100.7 DST=192.0.2.1 PROTO=TCP".to_owned(),
    ] {
        assert_eq!(seen(&line), [], "{line}");
    }
    // The same line in a file that no logger writes.
    for kind in [Kind::Access, Kind::Application, Kind::Kernel] {
        assert_eq!(seen_in(kind, &stamped), [], "{kind:?}");
    }
}

#[test]
fn a_pattern_of_an_author_is_bound_as_it_says() {
    let both = wanted(&[
        ("mine", bound("disk (?P<disk>\\w+) full", &["app", "other"], None)),
        ("kernel", bound("disk", &[], Some(Kind::Kernel))),
        ("free", Wanted::Free("disk".to_owned())),
    ]);
    let names = |kind, program, line: &str| -> Vec<String> {
        seen_by(&both, kind, program, line).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(Kind::Syslog, None, "Nov 22 15:04:05 h other[1]: disk sda full"), ["mine", "free"]);
    assert_eq!(names(Kind::Syslog, None, "Nov 22 15:04:05 h third[1]: disk sda full"), ["free"]);
    assert_eq!(names(Kind::Syslog, None, "Nov 22 15:04:05 h app[1]: no disk sda full"), ["free"]);
    assert_eq!(names(Kind::Syslog, None, "Nov 22 15:04:05 h kernel: disk sda full"), ["kernel", "free"]);
    assert_eq!(names(Kind::Kernel, None, "[   12.345678] disk sda full"), ["kernel", "free"]);
    assert_eq!(names(Kind::Application, Some("app"), "2026-11-22 15:04:05 disk sda full"), ["mine", "free"]);
    assert_eq!(names(Kind::Application, None, "2026-11-22 15:04:05 disk sda full"), ["free"]);
}

#[test]
fn a_built_in_pattern_is_asked_for_by_its_name() {
    let one = wanted(&[("ssh_invalid_user", Wanted::Bound(Bound::default()))]);
    let line = "Nov 22 15:04:05 h sshd-auth[9]: Invalid user oracle from 203.0.113.9 port 4022";
    assert_eq!(seen_by(&one, Kind::Syslog, None, line)[0].1, ["user=oracle", "address=203.0.113.9"]);
    let gap = Patterns::compile(&wanted(&[("mine", Wanted::Bound(Bound::default()))])).unwrap_err();
    assert!(gap.tried.contains("`mine`") && gap.to_fix.is_some(), "{gap}");
}

#[test]
fn an_end_that_may_have_been_cut_blames_nobody() {
    let line = format!(
        "Nov 22 15:04:05 h sshd[9]: Failed password for invalid user {} from 198.51.100.7 port 22 ssh2",
        "x".repeat(MAYBE_CUT)
    );
    assert_eq!(seen(&line), [("ssh_failed_password".to_owned(), vec![])]);
}

#[test]
fn a_message_that_came_several_times_is_found_in_its_brackets() {
    let line = "Nov 22 15:04:05 h sshd[9]: message repeated 4 times: [ Failed password for root from 203.0.113.9 port 4022 ssh2]";
    assert_eq!(seen(line)[0].1, ["user=root", "address=203.0.113.9"]);
    let mut searcher = USUAL.searcher();
    searcher.turn_to(Kind::Syslog, None);
    let Look::Hits(hit) = searcher.look(line.as_bytes()) else { panic!("no hit") };
    assert_eq!((searcher.times(0, &hit, None), searcher.times(0, &hit, Some(3))), (4, 3));
}

proptest::proptest! {
    #[test]
    fn whatever_name_a_client_gives_the_address_is_its_own(name in "[ -~]{0,40}( from 198\\.51\\.100\\.7( port 22( ssh2)?)?)?[ -~]{0,12}", invalid in proptest::bool::ANY) {
        let said = if invalid {
            format!("Invalid user {name} from 203.0.113.9 port 4022")
        } else {
            format!("Failed password for invalid user {name} from 203.0.113.9 port 4022 ssh2")
        };
        let seen = seen(&format!("Nov 22 15:04:05 h sshd[9]: {said}"));
        proptest::prop_assert_eq!(seen.len(), 1);
        proptest::prop_assert_eq!(seen[0].1[1].as_str(), "address=203.0.113.9");
    }
}

#[test]
fn a_user_name_cannot_blame_another_address() {
    let line = "Nov 22 15:04:05 h sshd[9]: Failed password for invalid user x from 198.51.100.1 port 22 ssh2 from 203.0.113.9 port 4022 ssh2";
    assert_eq!(seen(line)[0].1[1], "address=203.0.113.9");
}

#[test]
fn bytes_that_are_not_text_hide_no_line() {
    let mut searcher = USUAL.searcher();
    searcher.turn_to(Kind::Syslog, None);
    let line = b"Nov 22 15:04:05 h sshd[9]: Failed password for \xff\xfe from 203.0.113.9 port 4022 ssh2";
    assert!(matches!(searcher.look(line), Look::Hits(_)));
    assert_eq!(searcher.matched(0), Some(0));
}

#[test]
fn a_bad_pattern_is_named_with_its_error() {
    let gap = Patterns::compile(&wanted(&[("mine", Wanted::Free("(".to_owned()))])).unwrap_err();
    assert_eq!(gap.reason, Reason::Malformed);
    assert!(gap.to_string().contains("`mine`") && gap.to_string().contains("unclosed group"), "{gap}");
    let gap = Patterns::compile(&wanted(&[("two", Wanted::Free(r"a\nb".to_owned()))])).unwrap_err();
    assert!(gap.tried.contains("`two`"), "{gap}");
}

#[test]
fn what_a_request_says_is_no_line_of_a_program_wherever_it_is_logged() {
    let any = wanted(&[("no_space", bound(".*?(?i:no space left on device)", &[], None))]);
    let found = |kind, line: &str| !seen_by(&any, kind, None, line).is_empty();
    let request = r#"198.51.100.9 - - [28/Nov/2026:14:05:12 +0000] "GET /No%20space HTTP/1.1" 200 15 "-" "No space left on device""#;
    assert!(!found(Kind::Access, request));
    assert!(!found(Kind::Application, request));
    assert!(!found(Kind::Syslog, &format!("Nov 28 14:05:12 web1 nginx[81]: {request}")));
    assert!(!found(
        Kind::Syslog,
        r#"Nov 28 14:05:11 web1 haproxy[811]: 198.51.100.7:40176 [28/Nov/2026:14:05:11.101] fe~ be/s1 0/0/1/2/3 200 1531 - - ---- 1/1/0/0/0 0/0 "GET /?q=no space left on device HTTP/1.1""#
    ));
    assert!(found(
        Kind::Syslog,
        "Nov 28 14:05:12 web1 rsyslogd: file '/var/log/syslog': write error: No space left on device"
    ));
    assert!(found(Kind::Application, "2026-11-28 14:05:12 shop ERROR write failed: No space left on device"));
    // What goes on below the line of an application.
    assert!(found(Kind::Application, "OSError: [Errno 28] No space left on device: '/var/tmp/x'"));
    assert!(!Patterns::compile(&any).unwrap().each()[0].bound, "whose line it is is not known");
}
