//! Lines in which a logger says that a message came several times.

use super::frame::LineFrame;

/// Figures of a count that are read.
const MOST_FIGURES: usize = 9;

/// What every line of the second kind holds.
pub(super) const LAST: &str = "last message repeated ";

/// A message that stands for several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat<'l> {
    /// `message repeated 4 times: [ Failed password …]`, as rsyslog writes it, with the message.
    Same(u64, &'l [u8]),
    /// `last message repeated 4 times`: the line before.
    Last(u64),
}

/// How often the message of a line came, if its logger says so.
pub(super) fn of<'l>(frame: &LineFrame<'l>) -> Option<Repeat<'l>> {
    if let Some(rest) = frame.message.strip_prefix(b"message repeated ") {
        let (times, rest) = times(rest)?;
        let inner = rest.strip_prefix(b": [")?;
        let inner = inner.strip_suffix(b"]")?;
        return Some(Repeat::Same(times, inner.strip_prefix(b" ").unwrap_or(inner)));
    }
    // A logger says it of no program, so that no program can say it.
    let message = frame.message.strip_prefix(b"--- ").unwrap_or(frame.message);
    let rest = message.strip_prefix(LAST.as_bytes()).filter(|_| frame.program.is_none())?;
    let (times, rest) = times(rest)?;
    matches!(rest, b"" | b" ---").then_some(Repeat::Last(times))
}

/// `4 times`, and what follows it.
fn times(text: &[u8]) -> Option<(u64, &[u8])> {
    let figures = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(figures);
    let times = std::str::from_utf8(digits).ok().filter(|digits| digits.len() <= MOST_FIGURES)?.parse().ok()?;
    let rest = rest.strip_prefix(b" time")?;
    Some((times, rest.strip_prefix(b"s").unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(u64, Option<String>)> {
        match of(&LineFrame::parse(line.as_bytes())?)? {
            Repeat::Same(times, message) => Some((times, Some(String::from_utf8_lossy(message).into_owned()))),
            Repeat::Last(times) => Some((times, None)),
        }
    }

    #[test]
    fn what_loggers_say_of_repetitions_is_read() {
        let same =
            "Nov 22 15:04:05 h sshd[9]: message repeated 4 times: [ Failed password for a from 192.0.2.9 port 4 ssh2]";
        assert_eq!(read(same), Some((4, Some("Failed password for a from 192.0.2.9 port 4 ssh2".to_owned()))));
        assert_eq!(read("Nov 22 15:04:05 h last message repeated 12 times"), Some((12, None)));
        assert_eq!(read("Nov 22 15:04:05 h last message repeated 1 time"), Some((1, None)));
        assert_eq!(read("Nov 22 15:04:05 h --- last message repeated 3 times ---"), Some((3, None)));
    }

    #[test]
    fn no_program_can_say_that_the_line_before_it_came_again() {
        for line in [
            "Nov 22 15:04:05 h app[9]: last message repeated 12 times",
            "Nov 22 15:04:05 h last message repeated 9999999999 times",
            "Nov 22 15:04:05 h last message repeated 12 times, says the client",
            "Nov 22 15:04:05 h sshd[9]: Invalid user message repeated 4 times: [ x]",
            "Nov 22 15:04:05 h sshd[9]: message repeated many times: [ x]",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
