//! Searches lines: one thread's own tool.

use memchr::memmem;

use super::Patterns;
use super::form::Part;
use super::sieve::Sieve;
use super::words::Next;
use crate::probe::journal::claimed;
use crate::probe::logs::access::Access;
use crate::probe::logs::frame::LineFrame;
use crate::probe::logs::kind::Kind;
use crate::probe::logs::repeat::{self, Repeat};
use crate::probe::logs::single::Single;

/// What a line is to the patterns.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack: a box would be allocated for each hit")]
pub(in crate::probe::logs) enum Look<'l> {
    /// None matches it.
    Nothing,
    /// Some match it; [`Searcher::matched`] says which.
    Hits(Seen<'l>),
    /// The line before came so many times more, on that host.
    Repeats(u64, Option<&'l [u8]>),
}

/// A line that patterns match.
#[derive(Debug, Clone, Copy)]
pub(in crate::probe::logs) struct Seen<'l> {
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

    /// Reads the frame of a line of a file of that kind, which that program keeps alone; of a message that is told with how often
    /// it came, that message. Of a request, its fields.
    fn take_apart(&mut self, kind: Kind, program: Option<&str>) {
        if kind == Kind::Access {
            self.access = Access::parse(self.line);
            return;
        }
        self.frame = match program {
            Some(program) => LineFrame::of_daemon(self.line, program.as_bytes()),
            None => LineFrame::parse(self.line),
        };
        let Some(frame) = &mut self.frame else {
            self.access = Access::parse(self.line);
            return;
        };
        if frame.kind == Kind::Syslog
            && let Some(Repeat::Same(times, message)) = repeat::of(frame)
        {
            (self.times, frame.message) = (times, message);
        }
        self.access = Access::of_proxy(frame).or_else(|| Access::parse(frame.message));
    }
}

/// Searches lines, one thread's own.
#[derive(Debug)]
pub(in crate::probe::logs) struct Searcher<'a> {
    patterns: &'a Patterns,
    /// What kind of file it is that the lines are of, and which program keeps it alone.
    kind: Kind,
    program: Option<&'static str>,
    framed: Sieve,
    /// Of a file of requests.
    requests: Option<Sieve>,
    /// Where the lines that may match come next, and which members of the sieve the line may match.
    next: Next,
    maybe: Vec<bool>,
    each: Vec<Option<Single>>,
    /// The forms that match the line, by index; one of each pattern at most.
    matched: Vec<usize>,
    /// The request whose fields stand apart in the line.
    joined: Vec<u8>,
}

impl<'a> Searcher<'a> {
    pub(super) fn new(patterns: &'a Patterns) -> Self {
        Searcher {
            patterns,
            kind: Kind::Application,
            program: None,
            framed: patterns.framed.clone(),
            requests: None,
            next: Next::default(),
            maybe: Vec::new(),
            each: patterns.forms.iter().map(|_| None).collect(),
            matched: Vec::new(),
            joined: Vec::new(),
        }
    }

    /// The lines that follow are of a file of that kind, which that program keeps alone.
    pub(in crate::probe::logs) fn turn_to(&mut self, kind: Kind, program: Option<&'static str>) {
        (self.kind, self.program) = (kind, program);
        if kind == Kind::Access && self.requests.is_none() {
            self.requests = Some(self.patterns.requests().clone());
        }
    }

    fn sieve(&self) -> &Sieve {
        self.requests.as_ref().filter(|_| self.kind == Kind::Access).unwrap_or(&self.framed)
    }

    /// A place in the next of the lines that may match, at `from` or after it. The lines are the same until `from` is 0 again.
    pub(in crate::probe::logs) fn next_candidate(&mut self, lines: &[u8], from: usize) -> Option<usize> {
        let mut next = std::mem::take(&mut self.next);
        let found = self.sieve().next_candidate(lines, from, &mut next);
        self.next = next;
        found
    }

    /// Which patterns match the line.
    pub(in crate::probe::logs) fn look<'l>(&mut self, line: &'l [u8]) -> Look<'l> {
        self.matched.clear();
        let patterns = self.patterns;
        let mut maybe = std::mem::take(&mut self.maybe);
        let told = self.sieve().mark(line, &mut maybe);
        self.maybe = maybe;
        let matched_at_once = self.sieve().which.is_some();
        let (members, repeats) = (self.sieve().members.len(), self.sieve().repeats);
        let mut seen = Seen { line, frame: None, access: None, times: 1 };
        // Taken apart when the first form needs it.
        let mut taken = false;
        for place in 0..members {
            if told && self.maybe.get(place) != Some(&true) {
                continue;
            }
            let Some(&index) = self.sieve().members.get(place) else { continue };
            let Some(form) = patterns.forms.get(index) else { continue };
            if self.last_matched() == Some(form.pattern) {
                continue;
            }
            let matches = match &form.bound {
                None => matched_at_once || self.try_on(index, line),
                Some(_) => {
                    if !taken {
                        taken = true;
                        seen.take_apart(self.kind, self.program);
                    }
                    if form.of_requests() {
                        let request = seen.access.filter(|access| self.is_told(access));
                        request.is_some_and(|access| form.text.is_none() || self.try_on_request(index, &access))
                    } else if form.of_any_program() {
                        // What a request says is its client's, wherever it is logged. What goes on below a line has no frame.
                        self.kind != Kind::Access && seen.access.is_none() && self.try_on(index, seen.message())
                    } else {
                        seen.frame.is_some_and(|frame| {
                            form.is_about(self.kind, self.program, &frame) && self.try_on(index, frame.message)
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

    /// The pattern whose form was the last to match: those of one pattern stand together.
    fn last_matched(&self) -> Option<usize> {
        self.matched.last().and_then(|index| self.patterns.forms.get(*index)).map(|form| form.pattern)
    }

    /// Whether a request counts in a file of this kind: of a logger's file those that a proxy hands to the logger.
    fn is_told(&self, access: &Access<'_>) -> bool {
        self.kind == Kind::Access || (access.of_proxy && (self.kind == Kind::Syslog || self.program.is_some()))
    }

    /// The pattern that is the `nth` that matches the line, by index.
    pub(in crate::probe::logs) fn matched(&self, nth: usize) -> Option<usize> {
        self.matched.get(nth).and_then(|index| self.patterns.forms.get(*index)).map(|form| form.pattern)
    }

    /// Which of its forms a pattern matches the line in.
    #[cfg(test)]
    pub(in crate::probe::logs) fn form(&self, pattern: usize) -> Option<usize> {
        let forms = &self.patterns.forms;
        let index = self.matched.iter().find(|index| forms[**index].pattern == pattern)?;
        Some(forms[..*index].iter().filter(|form| form.pattern == pattern).count())
    }

    /// How often a line that a pattern matches came; `again`: so many times more, as the next line says. For a pattern of no
    /// author each line is one.
    pub(in crate::probe::logs) fn times(&self, pattern: usize, seen: &Seen<'_>, again: Option<u64>) -> u64 {
        let bound = self.patterns.each.get(pattern).is_some_and(|pattern| pattern.bound);
        match again {
            Some(times) if bound => times,
            Some(_) => 0,
            None if bound => seen.times,
            None => 1,
        }
    }

    /// What tells a line from others, in whatever file it is.
    pub(in crate::probe::logs) fn mark(&self, line: &[u8]) -> u64 {
        self.patterns.key.bytes(line)
    }

    /// What tells a message from others, whenever it came and in whatever form its logger wrote it: program, process and what was
    /// said.
    pub(in crate::probe::logs) fn text(&self, seen: &Seen<'_>) -> u64 {
        let key = self.patterns.key;
        let Some(frame) = seen.frame.or_else(|| LineFrame::parse(seen.line)) else { return key.bytes(seen.line) };
        let author = key.words(key.bytes(claimed(frame.program.unwrap_or_default())), frame.pid.map_or(0, u64::from));
        key.words(author, key.bytes(frame.message))
    }

    /// Gives the text of each group of a pattern that matches the line and took part in it, by its place among the groups.
    pub(in crate::probe::logs) fn captures(
        &mut self,
        pattern: usize,
        seen: &Seen<'_>,
        mut capture: impl FnMut(usize, &[u8]),
    ) {
        let patterns = self.patterns;
        let of_pattern = |index: &&usize| patterns.forms.get(**index).is_some_and(|form| form.pattern == pattern);
        let Some(&index) = self.matched.iter().find(of_pattern) else { return };
        let Some(form) = patterns.forms.get(index) else { return };
        let joined = std::mem::take(&mut self.joined);
        let text = match (&form.bound, seen.access) {
            (None, _) => seen.line,
            (Some(_), Some(access)) if form.of_requests() => {
                if access.method.is_some() {
                    joined.as_slice()
                } else {
                    access.request
                }
            }
            (Some(_), _) => seen.message(),
        };
        // Of a form that was tried on this line, the locations are those that were found then.
        let free_of_many = form.bound.is_none() && self.sieve().which.is_some();
        if form.parts.is_empty() || form.is_cut(text) || (free_of_many && !self.try_on(index, text)) {
            self.joined = joined;
            return;
        }
        let single = self.each.get(index).and_then(Option::as_ref);
        for (place, part) in &form.parts {
            let text = match (part, &seen.access) {
                (Part::Group(number), _) => single.and_then(|single| single.group(*number, text)),
                (Part::Client, Some(access)) => access.client,
                (Part::Path, Some(access)) => access.path(),
                (Part::Agent, Some(access)) => access.agent,
                (Part::Status, Some(access)) => Some(access.status),
                (Part::Forwarded, Some(access)) => access.forwarded,
                (_, None) => None,
            };
            if let Some(text) = text {
                capture(*place, text);
            }
        }
        self.joined = joined;
    }

    /// Whether a form matches a request; one whose fields stand apart is joined as a web server would have written it.
    fn try_on_request(&mut self, index: usize, access: &Access<'_>) -> bool {
        let Some(method) = access.method else { return self.try_on(index, access.request) };
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        joined.extend([method, b" ", access.request, b" "].concat());
        let matches = self.try_on(index, &joined);
        self.joined = joined;
        matches
    }

    /// Whether a form matches the text; where its groups are is kept.
    fn try_on(&mut self, index: usize, text: &[u8]) -> bool {
        let (Some(form), Some(place)) = (self.patterns.forms.get(index), self.each.get_mut(index)) else {
            return false;
        };
        if place.is_none() {
            place.clone_from(form.single.get_or_init(|| form.compile().ok().flatten()));
        }
        match place {
            Some(single) if form.parts.is_empty() => single.is_match(text),
            Some(single) => single.find(text),
            None => false,
        }
    }
}
