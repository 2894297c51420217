//! What is printed for people leaves here: in colour where that is wanted, in ASCII where the locale has no more.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::glyphs::Charset;

/// Bytes that are written at a time where there are many lines.
const BUFFER: usize = 64 * 1024;

/// Standard output as text for people. Glyphs that the locale lacks leave as their twins in ASCII.
pub(super) struct Screen<W: Write> {
    out: W,
    charset: Charset,
    /// The beginning of a character whose end was not written yet.
    begun: Vec<u8>,
}

/// Standard output as it is. Who shares it, as an `ssh` or a script beside casebook, may have made it one that nobody waits for
/// (`O_NONBLOCK` is of the open file, not of a process): where it is full it is waited for all the same.
pub(super) struct Out(StdoutLock<'static>);

/// Standard output, for data.
pub(super) fn out() -> Out {
    Out(io::stdout().lock())
}

impl Out {
    /// What `write` gives once there is room for it. What was refused for want of room was not taken at all.
    fn waiting<T>(&mut self, mut write: impl FnMut(&mut StdoutLock<'static>) -> io::Result<T>) -> io::Result<T> {
        loop {
            match write(&mut self.0) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
            let wanted = PollFd::new(self.0.as_fd(), PollFlags::POLLOUT);
            match poll(&mut [wanted], PollTimeout::NONE) {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting(|out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.waiting(Write::flush)
    }
}

/// Standard output, for text.
pub(super) fn stdout() -> Screen<Out> {
    Screen::of(out())
}

/// Standard output, for text of many lines.
pub(super) fn buffered() -> Screen<BufWriter<Out>> {
    Screen::of(BufWriter::with_capacity(BUFFER, out()))
}

impl<W: Write> Screen<W> {
    fn of(out: W) -> Self {
        Screen { out, charset: Charset::of_this_process(), begun: Vec::new() }
    }

    /// The same for data, which leaves as it is: JSON, YAML, XML.
    pub fn of_data(self, is_data: bool) -> Self {
        Screen { charset: if is_data { Charset::Unicode } else { self.charset }, ..self }
    }

    /// What it writes to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.charset == Charset::Unicode {
            return self.out.write(bytes);
        }
        self.begun.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.begun) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.begun.len(),
        };
        let text: Vec<u8> = self.begun.drain(..whole).collect();
        self.out.write_all(self.charset.shown(&String::from_utf8_lossy(&text)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Whether something may be coloured: what the operator says, else what the environment says, else whether it is a terminal
/// that knows colours.
pub(super) fn color(when: Option<&str>, terminal: bool) -> bool {
    color_by(when, terminal, |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
}

fn color_by(when: Option<&str>, terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    match when {
        Some("always") => true,
        Some("never") => false,
        _ if set("NO_COLOR").is_some() => false,
        _ if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        _ => {
            terminal
                && set("CLICOLOR").is_none_or(|value| value != "0")
                && set("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// Whether what is printed may be coloured.
pub(super) fn stdout_color() -> bool {
    color(None, io::stdout().is_terminal())
}

/// Whether messages on stderr may be coloured.
pub(super) fn stderr_color() -> bool {
    color(None, io::stderr().is_terminal())
}

/// Whether stderr is a terminal on which a line can be drawn again.
pub(super) fn stderr_can_redraw() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_goes_before_the_environment_and_that_before_the_terminal() {
        let by = |when, terminal, set: &[(&str, &str)]| {
            color_by(when, terminal, |name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(by(None, true, &[]) && !by(None, false, &[]));
        assert!(!by(None, true, &[("TERM", "dumb")]));
        assert!(!by(None, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(by(None, true, &[("NO_COLOR", "")]));
        assert!(by(None, false, &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")]));
        assert!(!by(None, false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!by(None, true, &[("CLICOLOR", "0")]));
        assert!(by(Some("always"), false, &[("NO_COLOR", "1")]));
        assert!(!by(Some("never"), true, &[("CLICOLOR_FORCE", "1")]));
    }

    #[test]
    fn a_character_that_comes_in_two_pieces_is_one() {
        let mut screen = Screen { out: Vec::new(), charset: Charset::Ascii, begun: Vec::new() };
        for piece in ["…".as_bytes().split_at(1).0, &"… ok".as_bytes()[1..], b" \xff!"] {
            screen.write_all(piece).unwrap();
        }
        assert_eq!(String::from_utf8(screen.into_inner()).unwrap(), "... ok \\u{fffd}!");
    }
}
