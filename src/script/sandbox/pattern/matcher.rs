//! Lua's patterns, matched so that a match can be stopped: Lua's own matcher backtracks for ever inside one C call.
//!
//! The same language and the same answers as Lua 5.4's, malformed patterns included.

use crate::sys::lua_hook::Signal;

/// Captures that a pattern may have.
const CAPTURES: usize = 32;
/// How deep one match may nest.
const DEPTH: usize = 200;
/// Steps between two looks at the signal.
const STRIDE: u32 = 4096;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The pattern is wrong, in Lua's words.
    Malformed(String),
    /// The script was told to stop.
    ScriptStop,
}

type Found = Result<Option<usize>, Trouble>;

/// A capture as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Unfinished,
    Position,
    Known(usize),
}

/// A capture of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capture {
    /// The bytes from here to there.
    Text(usize, usize),
    /// A position, from 1.
    Position(usize),
}

/// One pattern at work on one text.
#[derive(Debug)]
pub struct Matcher<'a> {
    text: &'a [u8],
    pattern: &'a [u8],
    level: usize,
    captures: [(usize, Length); CAPTURES],
    depth: usize,
    steps: u32,
    signal: Option<&'a Signal>,
}

fn malformed<T>(message: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Malformed(message.into()))
}

impl<'a> Matcher<'a> {
    /// A matcher that stops with the signal.
    pub fn new(text: &'a [u8], pattern: &'a [u8], signal: Option<&'a Signal>) -> Self {
        let captures = [(0, Length::Unfinished); CAPTURES];
        Matcher { text, pattern, level: 0, captures, depth: DEPTH, steps: 0, signal }
    }

    /// Where the match ends that begins exactly there.
    pub fn match_at(&mut self, start: usize) -> Found {
        self.level = 0;
        self.depth = DEPTH;
        self.matches(start, 0)
    }

    /// How many values the captures are; without any, the whole match is one.
    pub fn count(&self) -> usize {
        self.level
    }

    /// A capture of the match from `start` to `end`, from 0.
    pub fn capture(&self, index: usize, start: usize, end: usize) -> Result<Capture, Trouble> {
        if index >= self.level {
            if index != 0 {
                return malformed(format!("invalid capture index %{}", index + 1));
            }
            return Ok(Capture::Text(start, end));
        }
        match self.captures[index] {
            (_, Length::Unfinished) => malformed("unfinished capture"),
            (begin, Length::Position) => Ok(Capture::Position(begin + 1)),
            (begin, Length::Known(length)) => Ok(Capture::Text(begin, begin + length)),
        }
    }

    fn step(&mut self) -> Result<(), Trouble> {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(STRIDE) && self.signal.is_some_and(Signal::is_stopped) {
            return Err(Trouble::ScriptStop);
        }
        Ok(())
    }

    fn at(&self, index: usize) -> Option<u8> {
        self.pattern.get(index).copied()
    }

    fn matches(&mut self, text: usize, pattern: usize) -> Found {
        if self.depth == 0 {
            return malformed("pattern too complex");
        }
        self.depth -= 1;
        let found = self.match_here(text, pattern);
        self.depth += 1;
        found
    }

    fn match_here(&mut self, mut s: usize, mut p: usize) -> Found {
        loop {
            self.step()?;
            let Some(first) = self.at(p) else { return Ok(Some(s)) };
            match (first, self.at(p + 1)) {
                (b'(', Some(b')')) => return self.start_capture(s, p + 2, Length::Position),
                (b'(', _) => return self.start_capture(s, p + 1, Length::Unfinished),
                (b')', _) => return self.end_capture(s, p + 1),
                (b'$', None) => return Ok((s == self.text.len()).then_some(s)),
                (b'%', Some(b'b')) => match self.balance(s, p + 2)? {
                    Some(end) => (s, p) = (end, p + 4),
                    None => return Ok(None),
                },
                (b'%', Some(b'f')) => {
                    p += 2;
                    if self.at(p) != Some(b'[') {
                        return malformed("missing '[' after '%f' in pattern");
                    }
                    let end = self.class_end(p)?;
                    let before = s.checked_sub(1).and_then(|index| self.text.get(index)).copied().unwrap_or(0);
                    let here = self.text.get(s).copied().unwrap_or(0);
                    if self.in_set(before, p, end - 1) || !self.in_set(here, p, end - 1) {
                        return Ok(None);
                    }
                    p = end;
                }
                (b'%', Some(digit @ b'0'..=b'9')) => match self.same_again(s, digit)? {
                    Some(end) => (s, p) = (end, p + 2),
                    None => return Ok(None),
                },
                _ => {
                    let end = self.class_end(p)?;
                    let suffix = self.at(end);
                    let fits = self.single(s, p, end);
                    match suffix {
                        Some(b'*' | b'?' | b'-') if !fits => p = end + 1,
                        _ if !fits => return Ok(None),
                        Some(b'?') => {
                            if let Some(found) = self.matches(s + 1, end + 1)? {
                                return Ok(Some(found));
                            }
                            p = end + 1;
                        }
                        Some(b'+') => return self.most(s + 1, p, end),
                        Some(b'*') => return self.most(s, p, end),
                        Some(b'-') => return self.fewest(s, p, end),
                        _ => (s, p) = (s + 1, end),
                    }
                }
            }
        }
    }

    /// Where the single class at `p` ends in the pattern.
    fn class_end(&self, mut p: usize) -> Result<usize, Trouble> {
        let first = self.at(p);
        p += 1;
        match first {
            Some(b'%') if self.at(p).is_none() => malformed("malformed pattern (ends with '%')"),
            Some(b'%') => Ok(p + 1),
            Some(b'[') => {
                if self.at(p) == Some(b'^') {
                    p += 1;
                }
                loop {
                    let Some(c) = self.at(p) else { return malformed("malformed pattern (missing ']')") };
                    p += 1;
                    if c == b'%' && self.at(p).is_some() {
                        p += 1;
                    }
                    if self.at(p) == Some(b']') {
                        return Ok(p + 1);
                    }
                }
            }
            _ => Ok(p),
        }
    }

    fn single(&self, s: usize, p: usize, end: usize) -> bool {
        let (Some(&c), Some(first)) = (self.text.get(s), self.at(p)) else { return false };
        match first {
            b'.' => true,
            b'%' => in_class(c, self.at(p + 1).unwrap_or(0)),
            b'[' => self.in_set(c, p, end - 1),
            literal => literal == c,
        }
    }

    /// Whether the set from `[` at `p` to `]` at `last` has the byte.
    fn in_set(&self, c: u8, mut p: usize, last: usize) -> bool {
        let mut wanted = true;
        if self.at(p + 1) == Some(b'^') {
            wanted = false;
            p += 1;
        }
        p += 1;
        while p < last {
            let here = self.at(p).unwrap_or(0);
            if here == b'%' {
                p += 1;
                if in_class(c, self.at(p).unwrap_or(0)) {
                    return wanted;
                }
            } else if self.at(p + 1) == Some(b'-') && p + 2 < last {
                p += 2;
                if here <= c && c <= self.at(p).unwrap_or(0) {
                    return wanted;
                }
            } else if here == c {
                return wanted;
            }
            p += 1;
        }
        !wanted
    }

    fn balance(&mut self, s: usize, p: usize) -> Found {
        let (Some(open), Some(close)) = (self.at(p), self.at(p + 1)) else {
            return malformed("malformed pattern (missing arguments to '%b')");
        };
        if self.text.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1usize;
        for index in s + 1..self.text.len() {
            self.step()?;
            let c = self.text[index];
            if c == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(index + 1));
                }
            } else if c == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    fn most(&mut self, s: usize, p: usize, end: usize) -> Found {
        let mut count = 0;
        while self.single(s + count, p, end) {
            self.step()?;
            count += 1;
        }
        loop {
            if let Some(found) = self.matches(s + count, end + 1)? {
                return Ok(Some(found));
            }
            if count == 0 {
                return Ok(None);
            }
            count -= 1;
        }
    }

    fn fewest(&mut self, mut s: usize, p: usize, end: usize) -> Found {
        loop {
            if let Some(found) = self.matches(s, end + 1)? {
                return Ok(Some(found));
            }
            if !self.single(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn start_capture(&mut self, s: usize, p: usize, length: Length) -> Found {
        if self.level >= CAPTURES {
            return malformed("too many captures");
        }
        self.captures[self.level] = (s, length);
        self.level += 1;
        let found = self.matches(s, p)?;
        if found.is_none() {
            self.level -= 1;
        }
        Ok(found)
    }

    fn end_capture(&mut self, s: usize, p: usize) -> Found {
        let Some(open) = self.captures[..self.level].iter().rposition(|(_, length)| *length == Length::Unfinished)
        else {
            return malformed("invalid pattern capture");
        };
        self.captures[open].1 = Length::Known(s - self.captures[open].0);
        let found = self.matches(s, p)?;
        if found.is_none() {
            self.captures[open].1 = Length::Unfinished;
        }
        Ok(found)
    }

    fn same_again(&mut self, s: usize, digit: u8) -> Found {
        let index = usize::from(digit).wrapping_sub(usize::from(b'1'));
        let capture = self.captures[..self.level].get(index).filter(|(_, length)| *length != Length::Unfinished);
        let Some(&(begin, length)) = capture else {
            return malformed(format!("invalid capture index %{}", i32::from(digit) - i32::from(b'0')));
        };
        let Length::Known(length) = length else { return Ok(None) };
        let again = self.text.get(s..s + length) == self.text.get(begin..begin + length);
        Ok(again.then_some(s + length))
    }
}

/// Whether a byte is in a class like `%a`; what is no class stands for itself.
fn in_class(c: u8, class: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => c.is_ascii_alphabetic(),
        b'c' => c.is_ascii_control(),
        b'd' => c.is_ascii_digit(),
        b'g' => c.is_ascii_graphic(),
        b'l' => c.is_ascii_lowercase(),
        b'p' => c.is_ascii_punctuation(),
        b's' => matches!(c, b' ' | 0x09..=0x0d),
        b'u' => c.is_ascii_uppercase(),
        b'w' => c.is_ascii_alphanumeric(),
        b'x' => c.is_ascii_hexdigit(),
        b'z' => c == 0,
        _ => return class == c,
    };
    is_in != class.is_ascii_uppercase()
}
