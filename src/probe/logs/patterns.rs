//! The patterns that lines are searched for, compiled once for all files, and whose lines they are about.
//!
//! What a pattern needs is looked for in the whole line first, which is fast. Only a line that has it is taken apart: then its
//! author must be the pattern's, and its message must begin with the expression.

use std::convert::Infallible;
use std::sync::OnceLock;

use grep_matcher::{LineMatchKind, Matcher as _};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use indexmap::IndexMap;
use memchr::memmem;
use regex::bytes::{RegexSet, RegexSetBuilder};
use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{Ast, GroupKind, Visitor, visit};

use crate::case::{Gap, Reason};
use crate::probe::hash::KeyedHash;

use super::access::Access;
use super::frame::LineFrame;
use super::journal::claimed;
use super::kind::Kind;
use super::repeat::{self, Repeat};
use super::single::{self, Single};
use super::usual;
use super::wanted::{Bound, Wanted};

/// The longest line that is matched, in bytes; the rest of a longer one is not looked at.
pub(super) const LONGEST_LINE: usize = 64 * 1024;

/// Up to so many patterns are tried on a line one after another, which costs less than asking for all of them at once and
/// then for the captures of each that matched.
const FEW: usize = 8;

/// Programs and loggers cut messages at 1 KiB, headers included. Of one that may have been cut, the end is not the program's own
/// any more: an expression that goes to the end captures nothing from it.
const MAYBE_CUT: usize = 900;

/// Patterns, compiled together; of many, what a single one needs is compiled when a line matches it.
#[derive(Debug)]
pub(super) struct Patterns {
    each: Vec<Pattern>,
    /// What finds lines in logs whose lines have frames, and in access logs.
    framed: Sieve,
    requests: Sieve,
    /// Tells lines apart; keyed anew in each run, so that nobody can write lines that look the same.
    key: KeyedHash,
}

/// Finds the lines that patterns may match.
#[derive(Debug, Clone)]
struct Sieve {
    /// The patterns, by index.
    members: Vec<usize>,
    /// Whether each line has to be looked at.
    all: bool,
    /// Finds lines that may match any of them, by the literals that they need.
    any: Option<RegexMatcher>,
    /// Says which of them a line may match, when they are many, by their place among the members.
    which: Option<RegexSet>,
    /// Whether lines may say that the one before came again.
    repeats: bool,
}

/// One pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Its name.
    pub name: String,
    /// Whose lines it is about; none where any line counts.
    pub bound: Option<Bound>,
    /// Its expression; none where every request of an access log counts.
    text: Option<String>,
    /// Compiled by itself: of few at once, of many when a line first needs it.
    single: OnceLock<Option<Single>>,
    /// What is counted by value.
    pub groups: Vec<Group>,
}

/// What a pattern captures.
#[derive(Debug)]
pub(super) struct Group {
    /// Its name.
    pub name: String,
    part: Part,
}

/// Where a captured text comes from.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// A group of the expression, by its number.
    Group(usize),
    Client,
    Path,
    Agent,
    Status,
}

/// What is captured of each request, unless the expression has a group of that name.
const OF_REQUESTS: &[(&str, Part)] =
    &[("client", Part::Client), ("path", Part::Path), ("agent", Part::Agent), ("status", Part::Status)];

/// A named group as it stands in an expression.
struct Named {
    name: String,
    /// Its number.
    index: usize,
    /// Where its name stands.
    offset: usize,
}

/// What a line is to the patterns.
#[derive(Debug)]
pub(super) enum Look<'l> {
    /// None matches it.
    Nothing,
    /// Some match it; [`Searcher::matched`] says which.
    Hits(Seen<'l>),
    /// The line before came so many times more, on that host.
    Repeats(u64, Option<&'l [u8]>),
}

/// A line that patterns match.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'l> {
    line: &'l [u8],
    frame: Option<LineFrame<'l>>,
    access: Option<Access<'l>>,
    /// How often it came, as its logger says.
    pub times: u64,
}

impl<'l> Seen<'l> {
    /// What the program said.
    fn message(&self) -> &'l [u8] {
        self.frame.map_or(self.line, |frame| frame.message)
    }
}

impl Patterns {
    /// Compiles them: bytes, not characters (`.` is any byte, `\w` and `\d` are ASCII), a line at a time.
    pub(super) fn compile(patterns: &IndexMap<String, Wanted>) -> Result<Self, Gap> {
        let each: Vec<Pattern> =
            patterns.iter().map(|(name, wanted)| Pattern::new(name, wanted)).collect::<Result<_, _>>()?;
        let of = |access: bool| -> Vec<usize> {
            let fits = |pattern: &Pattern| pattern.bound.as_ref().is_none_or(|bound| of_requests(bound) == access);
            each.iter().enumerate().filter(|(_, pattern)| fits(pattern)).map(|(index, _)| index).collect()
        };
        let (framed, requests) = (of(false), of(true));
        let same = framed == requests;
        let framed = Sieve::new(&each, framed)?;
        let requests = if same { framed.clone() } else { Sieve::new(&each, requests)? };
        Ok(Patterns { each, framed, requests, key: KeyedHash::from_kernel() })
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
            kind: Kind::Application,
            program: None,
            framed: self.framed.clone(),
            requests: self.requests.clone(),
            each: self.each.iter().map(|_| None).collect(),
            matched: Vec::new(),
        }
    }
}

fn of_requests(bound: &Bound) -> bool {
    bound.kind == Some(Kind::Access)
}

impl Pattern {
    fn new(name: &str, wanted: &Wanted) -> Result<Self, Gap> {
        let (text, bound) = match wanted {
            Wanted::Free(text) => (Some(text.clone()), None),
            Wanted::Bound(bound) => {
                let bound = resolved(name, bound)?;
                (bound.expression.clone(), Some(bound))
            }
        };
        let mut groups = Vec::new();
        if let Some(text) = &text {
            let named = named(text).map_err(|error| bad(name, &error.to_string()))?;
            groups.extend(named.into_iter().map(|group| Group { name: group.name, part: Part::Group(group.index) }));
        }
        if bound.as_ref().is_some_and(of_requests) {
            for (name, part) in OF_REQUESTS {
                if groups.iter().all(|group| group.name != *name) {
                    groups.push(Group { name: (*name).to_owned(), part: *part });
                }
            }
        }
        Ok(Pattern { name: name.to_owned(), bound, text, single: OnceLock::new(), groups })
    }

    fn compile(&self) -> Result<Option<Single>, regex::Error> {
        let Some(text) = &self.text else { return Ok(None) };
        if self.bound.is_some() { Single::compile_at_beginning(text) } else { Single::compile(text) }.map(Some)
    }

    /// What a whole line holds that may match, with names of groups that are the pattern's own: in one expression with others, no
    /// name may come twice.
    fn in_line(&self, number: usize) -> Option<String> {
        let text = self.text.as_ref()?;
        if self.bound.is_none() {
            return Some(apart(text, number));
        }
        let text = text.strip_prefix(".*?").unwrap_or(text);
        // A message that is told with how often it came has a bracket behind it.
        Some(match text.strip_suffix('$').filter(|rest| !rest.ends_with('\\')) {
            Some(rest) => apart(&format!(r"(?:{rest})(?:\]\s*)?$"), number),
            None => apart(text, number),
        })
    }

    /// Whether a line that the file's origin or the frame names counts.
    fn is_about(&self, kind: Kind, origin: Option<&str>, frame: &LineFrame<'_>) -> bool {
        let Some(bound) = &self.bound else { return true };
        let in_place = match bound.kind {
            Some(Kind::Kernel) => frame.is_kernel(),
            Some(wanted) => frame.kind == wanted,
            None => true,
        };
        // A logger's file holds lines of loggers, and an application's file none.
        let fits = match frame.kind {
            Kind::Syslog => kind == Kind::Syslog,
            Kind::Kernel => matches!(kind, Kind::Kernel | Kind::Syslog),
            _ => kind == Kind::Application,
        };
        let program = frame.program.or(origin.filter(|_| frame.kind == Kind::Application).map(str::as_bytes));
        let named = bound.program.is_empty()
            || program.is_some_and(|program| bound.program.iter().any(|wanted| wanted.as_bytes() == program));
        in_place && fits && named
    }

    /// Whether the program's own words at the end of the message may be missing.
    fn is_cut(&self, message: &[u8]) -> bool {
        message.len() > MAYBE_CUT && self.text.as_ref().is_some_and(|text| text.ends_with('$'))
    }
}

/// The pattern as it is asked for, with what the built-in one of that name says where it says nothing.
fn resolved(name: &str, bound: &Bound) -> Result<Bound, Gap> {
    let mut bound = bound.clone();
    if bound.expression.is_none()
        && let Some(usual) = usual::by_name(name)
    {
        bound.expression = usual.expression;
        bound.kind = bound.kind.or(usual.kind);
        if bound.program.is_empty() {
            bound.program = usual.program;
        }
    }
    let refused = |why: &str, to_fix: &str| {
        Err(Gap::new(Reason::Malformed, format!("understand the pattern `{name}`"), why).to_fix(to_fix))
    };
    let access = of_requests(&bound);
    if !access && bound.expression.is_none() {
        return refused("it has no `match`", "give it an expression, or the name of a built-in pattern");
    }
    if !access && bound.program.is_empty() && bound.kind.is_none() {
        return refused(
            "it has neither `program` nor `kind`",
            "say whose lines count, or write the expression alone for lines of anybody",
        );
    }
    if access && !bound.program.is_empty() {
        return refused("requests of an access log name no program", "leave `program` out");
    }
    Ok(bound)
}

impl Sieve {
    fn new(each: &[Pattern], members: Vec<usize>) -> Result<Self, Gap> {
        let own = || members.iter().filter_map(|index| each.get(*index));
        let all = own().any(|pattern| pattern.text.is_none());
        let repeats = own().any(|pattern| pattern.bound.as_ref().is_some_and(|bound| !of_requests(bound)));
        let texts: Vec<String> =
            own().zip(&members).map(|(pattern, index)| pattern.in_line(*index).unwrap_or_default()).collect();
        let compiled = || -> Result<_, (String, Gap)> {
            let together = |error: String| {
                let gap = Gap::new(Reason::Malformed, "compile the patterns together", error.clone());
                (error, gap)
            };
            let which = if members.len() > FEW {
                Some(set(&texts).map_err(|error| together(error.to_string()))?)
            } else {
                None
            };
            let any = if all || texts.is_empty() {
                None
            } else {
                let mut texts = texts.clone();
                texts.extend(repeats.then(|| format!(r"{}\d", repeat::LAST)));
                Some(line_matcher(&texts).map_err(|error| together(error.to_string()))?)
            };
            Ok((any, which))
        };
        let (any, which) = match compiled() {
            Ok(compiled) => compiled,
            // An error of all together is told as that of the one that causes it.
            Err((_, all)) => {
                let alone = own().zip(&texts).find_map(|(pattern, text)| {
                    let error = line_matcher(&[text]).map(drop).map_err(|error| error.to_string());
                    let error = error.and_then(|()| set(&[text]).map(drop).map_err(|error| error.to_string()));
                    error.err().map(|error| bad(&pattern.name, &error))
                });
                return Err(alone.unwrap_or(all));
            }
        };
        // Of few, each is tried on each line that may match; of many, what takes part in a text at its beginning only might fail
        // to compile where the text alone does not.
        for pattern in own() {
            if which.is_none() {
                let compiled = pattern.compile().map_err(|error| bad(&pattern.name, &error.to_string()))?;
                pattern.single.get_or_init(|| compiled);
            } else if let Some(text) = pattern.text.as_ref().filter(|_| pattern.bound.is_some()) {
                Parser::new()
                    .parse(&single::at_beginning(text))
                    .map_err(|error| bad(&pattern.name, &error.to_string()))?;
            }
        }
        Ok(Sieve { members, all, any, which, repeats })
    }
}

/// Searches lines, one thread's own.
#[derive(Debug)]
pub(super) struct Searcher<'a> {
    patterns: &'a Patterns,
    /// What kind of file it is that the lines are of, and which program keeps it alone.
    kind: Kind,
    program: Option<&'static str>,
    framed: Sieve,
    requests: Sieve,
    each: Vec<Option<Single>>,
    /// The patterns that match the line, by index.
    matched: Vec<usize>,
}

impl Searcher<'_> {
    /// The lines that follow are of a file of that kind, which that program keeps alone.
    pub(super) fn turn_to(&mut self, kind: Kind, program: Option<&'static str>) {
        (self.kind, self.program) = (kind, program);
    }

    fn sieve(&self) -> &Sieve {
        if self.kind == Kind::Access { &self.requests } else { &self.framed }
    }

    /// A place in the next line that may match, or none.
    pub(super) fn next_candidate(&self, lines: &[u8]) -> Option<usize> {
        let sieve = self.sieve();
        if sieve.all {
            return Some(0);
        }
        match sieve.any.as_ref()?.find_candidate_line(lines) {
            Ok(Some(LineMatchKind::Confirmed(at) | LineMatchKind::Candidate(at))) => Some(at),
            Ok(None) | Err(_) => None,
        }
    }

    /// Which patterns match the line.
    pub(super) fn look<'l>(&mut self, line: &'l [u8]) -> Look<'l> {
        self.matched.clear();
        let patterns = self.patterns;
        let sieve = if self.kind == Kind::Access { &self.requests } else { &self.framed };
        let maybe = sieve.which.as_ref().map(|which| which.matches(line));
        let (members, repeats) = (sieve.members.len(), sieve.repeats);
        let mut seen = Seen { line, frame: None, access: None, times: 1 };
        // Taken apart when the first pattern needs it.
        let mut taken = false;
        for place in 0..members {
            let sieve = if self.kind == Kind::Access { &self.requests } else { &self.framed };
            let Some(&index) = sieve.members.get(place) else { continue };
            let Some(pattern) = patterns.each.get(index) else { continue };
            let confirmed = match &maybe {
                Some(maybe) if !maybe.matched(place) && pattern.text.is_some() => continue,
                maybe => maybe.is_some(),
            };
            let matches = match &pattern.bound {
                None => confirmed || self.try_on(index, line),
                Some(bound) => {
                    if !taken {
                        taken = true;
                        if self.kind == Kind::Access {
                            seen.access = Access::parse(line);
                        } else {
                            seen.take_apart();
                        }
                    }
                    if of_requests(bound) {
                        seen.access.is_some_and(|access| pattern.text.is_none() || self.try_on(index, access.request))
                    } else {
                        seen.frame.is_some_and(|frame| {
                            pattern.is_about(self.kind, self.program, &frame) && self.try_on(index, frame.message)
                        })
                    }
                }
            };
            if matches {
                self.matched.push(index);
            }
        }
        if !self.matched.is_empty() {
            return Look::Hits(seen);
        }
        if repeats
            && self.kind == Kind::Syslog
            && memmem::find(line, repeat::LAST.as_bytes()).is_some()
            && let Some(frame) = LineFrame::parse(line)
            && let Some(Repeat::Last(times)) = repeat::of(&frame)
        {
            return Look::Repeats(times, frame.host);
        }
        Look::Nothing
    }

    /// The pattern that is the `nth` that matches the line, by index.
    pub(super) fn matched(&self, nth: usize) -> Option<usize> {
        self.matched.get(nth).copied()
    }

    /// How often a line that a pattern matches came; `again`: so many times more, as the next line says. For a pattern of no
    /// author each line is one.
    pub(super) fn times(&self, index: usize, seen: &Seen<'_>, again: Option<u64>) -> u64 {
        let bound = self.patterns.each.get(index).is_some_and(|pattern| pattern.bound.is_some());
        match again {
            Some(times) if bound => times,
            Some(_) => 0,
            None if bound => seen.times,
            None => 1,
        }
    }

    /// What tells a line from others, in whatever file it is.
    pub(super) fn mark(&self, line: &[u8]) -> u64 {
        self.patterns.key.bytes(line)
    }

    /// What tells a message from others, whenever it came and in whatever form its logger wrote it: program, process and what was
    /// said.
    pub(super) fn text(&self, seen: &Seen<'_>) -> u64 {
        let key = self.patterns.key;
        let Some(frame) = seen.frame.or_else(|| LineFrame::parse(seen.line)) else { return key.bytes(seen.line) };
        let author = key.words(key.bytes(claimed(frame.program.unwrap_or_default())), frame.pid.map_or(0, u64::from));
        key.words(author, key.bytes(frame.message))
    }

    /// Gives the text of each group of a pattern that matches the line and took part in it, by its place among the groups.
    pub(super) fn captures(&mut self, index: usize, seen: &Seen<'_>, mut capture: impl FnMut(usize, &[u8])) {
        let Some(pattern) = self.patterns.each.get(index) else { return };
        let text = match &pattern.bound {
            None => seen.line,
            Some(bound) if of_requests(bound) => seen.access.map_or(seen.line, |access| access.request),
            Some(_) => seen.message(),
        };
        // Of a pattern that was tried on this line, the locations are those that were found then.
        let free_of_many = pattern.bound.is_none() && self.sieve().which.is_some();
        if pattern.groups.is_empty() || pattern.is_cut(text) || (free_of_many && !self.try_on(index, text)) {
            return;
        }
        let single = self.each.get(index).and_then(Option::as_ref);
        for (place, group) in pattern.groups.iter().enumerate() {
            let text = match (group.part, &seen.access) {
                (Part::Group(number), _) => single.and_then(|single| single.group(number, text)),
                (Part::Client, Some(access)) => access.client,
                (Part::Path, Some(access)) => access.path(),
                (Part::Agent, Some(access)) => access.agent,
                (Part::Status, Some(access)) => Some(access.status),
                (_, None) => None,
            };
            if let Some(text) = text {
                capture(place, text);
            }
        }
    }

    /// Whether a pattern matches the text; where its groups are is kept.
    fn try_on(&mut self, index: usize, text: &[u8]) -> bool {
        let (Some(pattern), Some(place)) = (self.patterns.each.get(index), self.each.get_mut(index)) else {
            return false;
        };
        if place.is_none() {
            place.clone_from(pattern.single.get_or_init(|| pattern.compile().ok().flatten()));
        }
        match place {
            Some(single) if pattern.groups.is_empty() => single.is_match(text),
            Some(single) => single.find(text),
            None => false,
        }
    }
}

impl Seen<'_> {
    /// Reads the frame of the line; of a message that is told with how often it came, that message.
    fn take_apart(&mut self) {
        self.frame = LineFrame::parse(self.line);
        if let Some(frame) = &mut self.frame
            && let Some(Repeat::Same(times, message)) = repeat::of(frame)
        {
            (self.times, frame.message) = (times, message);
        }
    }
}

/// The named groups of a pattern, in their order.
fn named(pattern: &str) -> Result<Vec<Named>, Box<regex_syntax::ast::Error>> {
    struct Groups(Vec<Named>);
    impl Visitor for Groups {
        type Output = Vec<Named>;
        type Err = Infallible;
        fn finish(self) -> Result<Vec<Named>, Infallible> {
            Ok(self.0)
        }
        fn visit_pre(&mut self, ast: &Ast) -> Result<(), Infallible> {
            if let Ast::Group(group) = ast
                && let GroupKind::CaptureName { name, .. } = &group.kind
            {
                let (index, offset) = (name.index as usize, name.span.start.offset);
                self.0.push(Named { name: name.name.clone(), index, offset });
            }
            Ok(())
        }
    }
    let ast = Parser::new().parse(pattern).map_err(Box::new)?;
    let Ok(mut groups) = visit(&ast, Groups(Vec::new()));
    groups.sort_by_key(|group| group.offset);
    Ok(groups)
}

/// The pattern with names of groups that are its own.
fn apart(pattern: &str, number: usize) -> String {
    let mut text = pattern.to_owned();
    for group in named(pattern).into_iter().flatten().rev() {
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
        .to_fix("write it as a Rust regular expression for one line; (?u) turns Unicode classes on")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The patterns that match the line in a file of that kind, with their captures.
    fn seen_in(kind: Kind, line: &str) -> Vec<(String, Vec<String>)> {
        seen_by(&usual::all(), kind, None, line)
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
        let patterns = Patterns::compile(patterns).unwrap();
        let mut searcher = patterns.searcher();
        searcher.turn_to(kind, program);
        let Look::Hits(seen) = searcher.look(line.as_bytes()) else { return Vec::new() };
        assert!(searcher.next_candidate(line.as_bytes()).is_some(), "the fast search overlooks: {line}");
        let hits: Vec<usize> = (0..).map_while(|nth| searcher.matched(nth)).collect();
        hits.into_iter()
            .map(|index| {
                let mut captures = Vec::new();
                let pattern = &patterns.each()[index];
                searcher.captures(index, &seen, |group, text| {
                    captures.push(format!("{}={}", pattern.groups[group].name, String::from_utf8_lossy(text)));
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
            ("Nov 22 15:04:05 h kernel: net_ratelimit: 12 callbacks suppressed", "lines_suppressed", ""),
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
        for bad in [Bound::default(), Bound { expression: Some("x".into()), ..Bound::default() }] {
            let gap = Patterns::compile(&wanted(&[("mine", Wanted::Bound(bad))])).unwrap_err();
            assert!(gap.tried.contains("`mine`") && gap.to_fix.is_some(), "{gap}");
        }
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
        let patterns = Patterns::compile(&usual::all()).unwrap();
        let mut searcher = patterns.searcher();
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
        let patterns = Patterns::compile(&usual::all()).unwrap();
        let mut searcher = patterns.searcher();
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
}
