//! The named patterns that lines are searched for, compiled once for all files.

use std::convert::Infallible;
use std::sync::OnceLock;

use grep_matcher::{LineMatchKind, Matcher as _};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use indexmap::IndexMap;
use regex::bytes::{RegexSet, RegexSetBuilder};
use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{Ast, GroupKind, Visitor, visit};

use crate::case::{Gap, Reason};
use crate::order::Order as _;
use crate::probe::hash::KeyedHash;

use super::single::Single;

/// What is searched when nothing is asked for: lines that bear on inbound traffic and on what it does to a host.
const USUAL: &[(&str, &str)] = &[
    // The user's name is the client's choice: the last " from " before the port is sshd's own.
    (
        "ssh_failed_password",
        r"sshd(?:-session)?\[\d+\]: (?:error: PAM: )?Failed (?:password|keyboard-interactive/pam|none) for (?:invalid user )?(?P<user>.*) from (?P<address>[0-9A-Fa-f:.]+) port \d+",
    ),
    (
        "ssh_invalid_user",
        r"sshd(?:-session)?\[\d+\]: Invalid user (?P<user>.*) from (?P<address>[0-9A-Fa-f:.]+)(?: port \d+)?\s*$",
    ),
    // The common and the combined format of web servers' access logs.
    (
        "http_request",
        r#"^(?P<client>[0-9A-Fa-f:.]+) \S+ [^\[]*\[[^\]]+\] "(?:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH) (?P<path>[^ ?"]*)[^"]*" \d{3} (?:\d+|-)(?: "[^"]*" "(?P<agent>[^"]*)")?"#,
    ),
    ("conntrack_full", r"(?:nf|ip)_conntrack: (?:nf_conntrack: )?table full, dropping packet"),
    ("syn_flooding", r"[Pp]ossible SYN flooding on port (?P<port>[0-9A-Fa-f.:\[\]]*\d)"),
    (
        "martian_source",
        r"martian source (?P<destination>[0-9A-Fa-f.:]+) from (?P<source>[0-9A-Fa-f.:]+), on dev (?P<device>\S+)",
    ),
    ("out_of_memory", r"[Oo]ut of memory: Kill(?:ed)? process \d+,? \((?P<process>[^)]*)\)|invoked oom-killer"),
    (
        "firewall_log",
        r"IN=(?P<interface>\S*) OUT=\S* .*SRC=(?P<source>[0-9A-Fa-f.:]+) DST=(?P<destination>[0-9A-Fa-f.:]+) .*PROTO=(?P<protocol>\w+)(?:.* DPT=(?P<port>\d+))?",
    ),
    ("dns_edns", r"success resolving '(?P<name>[^']*)' .*after (?:disabling EDNS|reducing the advertised EDNS)"),
    (
        "dns_failure",
        r"(?:timed out|unreachable|connection refused|SERVFAIL|REFUSED|FORMERR|lame server|unexpected RCODE \(?\w+\)?|\))\)? resolving '(?P<name>[^']*)'",
    ),
    ("neighbour_overflow", r"[Nn]eighbou?r table overflow"),
    ("link_change", r"(?P<device>[A-Za-z][\w.@-]*):? (?:NIC )?[Ll]ink (?:is )?(?P<state>[Dd]own|[Uu]p)\b"),
    ("udp_bad_checksum", r"UDP(?:v6)?: bad checksum\. From (?P<source>\S+):\d+ to \S+:(?P<port>\d+)"),
    ("tcp_memory", r"TCP: out of memory -- consider tuning tcp_mem|TCP: too many (?:of )?orphaned sockets"),
    (
        "lines_suppressed",
        r"callbacks suppressed|imuxsock.*(?:lost|begin to drop)|rate-limiting|Suppressed \d+ messages",
    ),
];

/// The longest line that is matched, in bytes; the rest of a longer one is not looked at.
pub(super) const LONGEST_LINE: usize = 64 * 1024;

/// Up to so many patterns are tried on a line one after another, which costs less than asking for all of them at once and
/// then for the captures of each that matched.
const FEW: usize = 8;

/// The patterns that are searched when none are given.
pub(super) fn usual() -> IndexMap<String, String> {
    USUAL.iter().map(|(name, pattern)| ((*name).to_owned(), (*pattern).to_owned())).collect()
}

/// Patterns, compiled together; of many, what a single one needs is compiled when a line matches it.
#[derive(Debug)]
pub(super) struct Patterns {
    /// Finds lines that may match any of them, by the literals that they need.
    any: RegexMatcher,
    /// Says which of them match a line, when they are many.
    which: Option<RegexSet>,
    each: Vec<Pattern>,
    /// Tells lines apart; keyed anew in each run, so that nobody can write lines that look the same.
    key: KeyedHash,
}

/// One pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Its name.
    pub name: String,
    text: String,
    /// Compiled by itself: of few at once, of many when a line first needs it.
    single: OnceLock<Option<Single>>,
    /// Its named groups.
    pub groups: Vec<Group>,
}

/// A named group of a pattern.
#[derive(Debug)]
pub(super) struct Group {
    /// Its name.
    pub name: String,
    /// Its number in the expression.
    index: usize,
    /// Where its name stands in the expression.
    offset: usize,
}

impl Patterns {
    /// Compiles them: bytes, not characters (`.` is any byte, `\w` and `\d` are ASCII), a line at a time.
    pub(super) fn compile(patterns: &IndexMap<String, String>) -> Result<Self, Gap> {
        let mut each = Vec::with_capacity(patterns.len());
        let mut texts = Vec::with_capacity(patterns.len());
        for (name, pattern) in patterns {
            let groups = groups(pattern).map_err(|error| bad(name, &error.to_string()))?;
            texts.push(apart(pattern, each.len(), &groups));
            each.push(Pattern { name: name.clone(), text: pattern.clone(), single: OnceLock::new(), groups });
        }
        // An error of all together is told as that of the one that causes it.
        let blame = |all: String| {
            let alone = patterns.iter().find_map(|(name, pattern)| {
                let error = line_matcher(&[pattern]).map(drop).map_err(|error| error.to_string());
                let error = error.and_then(|()| set(&[pattern]).map(drop).map_err(|error| error.to_string()));
                error.err().map(|error| bad(name, &error))
            });
            alone.unwrap_or_else(|| Gap::new(Reason::Malformed, "compile the patterns together", all))
        };
        let which = if each.len() > FEW {
            Some(set(&texts).map_err(|error| blame(error.to_string()))?)
        } else {
            for Pattern { name, text, single, .. } in &each {
                let compiled = Single::compile(text).map_err(|error| bad(name, &error.to_string()))?;
                single.get_or_init(|| Some(compiled));
            }
            None
        };
        Ok(Patterns {
            any: line_matcher(&texts).map_err(|error| blame(error.to_string()))?,
            which,
            each,
            key: KeyedHash::from_kernel(),
        })
    }

    /// Each of them.
    pub(super) fn each(&self) -> &[Pattern] {
        &self.each
    }

    /// What hashes whatever comes from lines.
    pub(super) fn key(&self) -> KeyedHash {
        self.key
    }

    /// One thread's tool to search for them: what threads share, they wait for.
    pub(super) fn searcher(&self) -> Searcher<'_> {
        Searcher {
            patterns: self,
            any: self.any.clone(),
            which: self.which.clone(),
            each: self.each.iter().map(|_| None).collect(),
            matched: Vec::new(),
        }
    }
}

/// Searches lines, one thread's own.
#[derive(Debug)]
pub(super) struct Searcher<'a> {
    patterns: &'a Patterns,
    any: RegexMatcher,
    which: Option<RegexSet>,
    each: Vec<Option<Single>>,
    /// The patterns that match the line, by index.
    matched: Vec<usize>,
}

impl Searcher<'_> {
    /// A place in the next line that may match, or none.
    pub(super) fn next_candidate(&self, lines: &[u8]) -> Option<usize> {
        match self.any.find_candidate_line(lines) {
            Ok(Some(LineMatchKind::Confirmed(at) | LineMatchKind::Candidate(at))) => Some(at),
            Ok(None) | Err(_) => None,
        }
    }

    /// Whether any of them matches the line; [`Self::matched`] says which.
    pub(super) fn matches(&mut self, line: &[u8]) -> bool {
        self.matched.clear();
        if let Some(which) = &self.which {
            self.matched.extend(which.matches(line).iter());
        } else {
            for index in 0..self.patterns.each.len() {
                if self.try_on(index, line) {
                    self.matched.push(index);
                }
            }
        }
        !self.matched.is_empty()
    }

    /// The pattern that is the `nth` that matches the line, by index.
    pub(super) fn matched(&self, nth: usize) -> Option<usize> {
        self.matched.get(nth).copied()
    }

    /// What tells a line from others, in whatever file it is.
    pub(super) fn mark(&self, line: &[u8]) -> u64 {
        self.patterns.key.bytes(line)
    }

    /// Gives the text of each named group of a pattern that matches the line and took part in it, by its place among the
    /// groups.
    pub(super) fn captures(&mut self, index: usize, line: &[u8], mut capture: impl FnMut(usize, &[u8])) {
        let Some(groups) = self.patterns.each.get(index).map(|pattern| &pattern.groups) else { return };
        // Of few patterns, the locations are those that were found when they were tried on this line.
        if groups.is_empty() || (self.which.is_some() && !self.try_on(index, line)) {
            return;
        }
        let Some(Some(single)) = self.each.get(index) else { return };
        for (place, group) in groups.iter().enumerate() {
            if let Some(text) = single.group(group.index, line) {
                capture(place, text);
            }
        }
    }

    /// Whether a pattern matches the line; where its groups are is kept.
    fn try_on(&mut self, index: usize, line: &[u8]) -> bool {
        let (Some(pattern), Some(place)) = (self.patterns.each.get(index), self.each.get_mut(index)) else {
            return false;
        };
        if place.is_none() {
            place.clone_from(pattern.single.get_or_init(|| Single::compile(&pattern.text).ok()));
        }
        match place {
            Some(single) if pattern.groups.is_empty() => single.is_match(line),
            Some(single) => single.find(line),
            None => false,
        }
    }
}

/// The named groups of a pattern, in their order.
fn groups(pattern: &str) -> Result<Vec<Group>, Box<regex_syntax::ast::Error>> {
    struct Groups(Vec<Group>);
    impl Visitor for Groups {
        type Output = Vec<Group>;
        type Err = Infallible;
        fn finish(self) -> Result<Vec<Group>, Infallible> {
            Ok(self.0)
        }
        fn visit_pre(&mut self, ast: &Ast) -> Result<(), Infallible> {
            if let Ast::Group(group) = ast
                && let GroupKind::CaptureName { name, .. } = &group.kind
            {
                let (index, offset) = (name.index as usize, name.span.start.offset);
                self.0.push(Group { name: name.name.clone(), index, offset });
            }
            Ok(())
        }
    }
    let ast = Parser::new().parse(pattern).map_err(Box::new)?;
    let Ok(mut groups) = visit(&ast, Groups(Vec::new()));
    groups.order_by_key(|group| group.offset);
    Ok(groups)
}

/// The pattern with names of groups that are its own: in one expression with others, no name may come twice.
fn apart(pattern: &str, number: usize, groups: &[Group]) -> String {
    let mut text = pattern.to_owned();
    for group in groups.iter().rev() {
        text.insert_str(group.offset, &format!("p{number}_"));
    }
    text
}

fn set<P: AsRef<str>>(patterns: &[P]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns).unicode(false).build()
}

fn line_matcher<P: AsRef<str>>(patterns: &[P]) -> Result<RegexMatcher, grep_regex::Error> {
    RegexMatcherBuilder::new().unicode(false).multi_line(true).crlf(true).build_many(patterns)
}

fn bad(name: &str, error: &str) -> Gap {
    Gap::new(Reason::Malformed, format!("compile the pattern `{name}`"), error)
        .way_out("write it as a Rust regular expression for one line; (?u) turns Unicode classes on")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The patterns that match the line, with their captures.
    fn seen(line: &str) -> Vec<(String, Vec<String>)> {
        seen_by(&usual(), line)
    }

    fn seen_by(patterns: &IndexMap<String, String>, line: &str) -> Vec<(String, Vec<String>)> {
        let patterns = Patterns::compile(patterns).unwrap();
        let mut searcher = patterns.searcher();
        if searcher.matches(line.as_bytes()) {
            assert!(searcher.next_candidate(line.as_bytes()).is_some(), "the fast search overlooks: {line}");
        }
        let hits: Vec<usize> = (0..).map_while(|nth| searcher.matched(nth)).collect();
        hits.into_iter()
            .map(|index| {
                let mut captures = Vec::new();
                let pattern = &patterns.each()[index];
                searcher.captures(index, line.as_bytes(), |group, text| {
                    captures.push(format!("{}={}", pattern.groups[group].name, String::from_utf8_lossy(text)));
                });
                (pattern.name.clone(), captures)
            })
            .collect()
    }

    #[test]
    fn few_patterns_find_what_they_find_among_many() {
        let many = usual();
        assert!(many.len() > FEW);
        for line in [
            "h sshd[9]: Failed password for invalid user admin from 203.0.113.9 port 4022 ssh2",
            "kernel: nf_conntrack: table full, dropping packet; callbacks suppressed",
            "kernel: eth0: link down, neighbor table overflow",
            "nothing of interest",
        ] {
            let alone = |(name, text): (&String, &String)| IndexMap::from([(name.clone(), text.clone())]);
            let apart: Vec<_> = many.iter().flat_map(|pattern| seen_by(&alone(pattern), line)).collect();
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
                "h sshd[9]: Invalid user oracle from 203.0.113.9 port 4022\r",
                "ssh_invalid_user",
                "user=oracle address=203.0.113.9",
            ),
            (
                r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "GET /shop?id=7 HTTP/1.1" 200 512 "-" "curl/8""#,
                "http_request",
                "client=203.0.113.9 path=/shop agent=curl/8",
            ),
            (
                r#"2001:db8::9 - bob [22/Nov/2026:15:04:05 +0000] "POST / HTTP/1.0" 404 -"#,
                "http_request",
                "client=2001:db8::9 path=/",
            ),
            ("kernel: nf_conntrack: nf_conntrack: table full, dropping packet", "conntrack_full", ""),
            (
                "kernel: TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:80. Sending cookies.",
                "syn_flooding",
                "port=0.0.0.0:80",
            ),
            ("kernel: possible SYN flooding on port 80. Sending cookies.", "syn_flooding", "port=80"),
            (
                "kernel: IPv4: martian source 192.0.2.1 from 127.0.0.1, on dev eth0",
                "martian_source",
                "destination=192.0.2.1 source=127.0.0.1 device=eth0",
            ),
            ("kernel: Out of memory: Killed process 77 (mysqld) total-vm:1kB", "out_of_memory", "process=mysqld"),
            (
                "kernel: [UFW BLOCK] IN=eth0 OUT= MAC=aa:bb SRC=203.0.113.9 DST=192.0.2.1 LEN=40 TOS=0x00 PROTO=TCP SPT=5 DPT=23 WINDOW=1",
                "firewall_log",
                "interface=eth0 source=203.0.113.9 destination=192.0.2.1 protocol=TCP port=23",
            ),
            (
                "named[5]: success resolving 'a.example/A' (in 'example'?) after reducing the advertised EDNS UDP packet size to 512 octets",
                "dns_edns",
                "name=a.example/A",
            ),
            ("named[5]: timed out resolving 'a.example/A/IN': 192.0.2.1#53", "dns_failure", "name=a.example/A/IN"),
            ("named[5]: network unreachable resolving './NS/IN': 2001:db8::1#53", "dns_failure", "name=./NS/IN"),
            ("kernel: neighbour: arp_cache: neighbor table overflow!", "neighbour_overflow", ""),
            ("kernel: e1000e 0000:00:19.0 eth0: NIC Link is Down", "link_change", "device=eth0 state=Down"),
            (
                "kernel: UDP: bad checksum. From 203.0.113.9:53 to 192.0.2.1:4444 ulen 40",
                "udp_bad_checksum",
                "source=203.0.113.9 port=4444",
            ),
            ("kernel: TCP: out of memory -- consider tuning tcp_mem", "tcp_memory", ""),
            ("kernel: net_ratelimit: 12 callbacks suppressed", "lines_suppressed", ""),
        ] {
            let seen = seen(line);
            assert_eq!(seen.len(), 1, "{line}: {seen:?}");
            assert_eq!((seen[0].0.as_str(), seen[0].1.join(" ").as_str()), (name, captures), "{line}");
        }
        assert_eq!(seen("Nov 22 15:04:05 h sshd[9]: Accepted publickey for root from 192.0.2.9 port 4"), []);
    }

    #[test]
    fn a_user_name_cannot_blame_another_address() {
        let line = "h sshd[9]: Failed password for invalid user x from 198.51.100.1 port 22 ssh2 from 203.0.113.9 port 4022 ssh2";
        assert_eq!(seen(line)[0].1[1], "address=203.0.113.9");
    }

    #[test]
    fn bytes_that_are_not_text_hide_no_line() {
        let patterns = Patterns::compile(&usual()).unwrap();
        let mut searcher = patterns.searcher();
        assert!(searcher.matches(b"h sshd[9]: Failed password for \xff\xfe from 203.0.113.9 port 4022 ssh2"));
        assert_eq!(searcher.matched(0), Some(0));
    }

    #[test]
    fn a_bad_pattern_is_named_with_its_error() {
        let gap = Patterns::compile(&[("mine".to_owned(), "(".to_owned())].into_iter().collect()).unwrap_err();
        assert_eq!(gap.reason, Reason::Malformed);
        assert!(gap.to_string().contains("`mine`") && gap.to_string().contains("unclosed group"), "{gap}");
        let gap = Patterns::compile(&[("two".to_owned(), r"a\nb".to_owned())].into_iter().collect()).unwrap_err();
        assert!(gap.tried.contains("`two`"), "{gap}");
    }
}
