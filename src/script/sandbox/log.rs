//! What a script logs: lines that are harmless to print, up to a bound.

use crate::printable::printable;

/// The lines so far.
#[derive(Debug)]
pub struct Log {
    lines: Vec<String>,
    bytes: usize,
    limit: usize,
}

impl Log {
    /// An empty log that takes so many bytes.
    pub fn new(limit: usize) -> Self {
        Log { lines: Vec::new(), bytes: 0, limit }
    }

    /// Adds the lines of a text; says whether there was room.
    pub fn add(&mut self, text: &[u8]) -> bool {
        for line in text.split(|byte| *byte == b'\n') {
            // Each line costs a little, so that empty ones cannot flood either. What is cut off may be huge.
            let room = self.limit.saturating_sub(self.bytes);
            // The gap that `print` leaves between two values.
            let shown = printable(String::from_utf8_lossy(&line[..line.len().min(room)]).replace('\t', "    "));
            self.bytes += shown.len() + 1;
            if line.len() > room || self.bytes > self.limit {
                return false;
            }
            self.lines.push(shown);
        }
        true
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.clone()
    }

    /// Takes the lines so far, which leaves as much room as there was at first.
    pub fn take(&mut self) -> Vec<String> {
        self.bytes = 0;
        std::mem::take(&mut self.lines)
    }

    /// Bytes that it takes.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_ends_at_the_bound() {
        let mut log = Log::new(10);
        assert!(log.add(b"abc\nde"));
        assert!(!log.add(b"0123456789"));
        assert_eq!(log.lines(), ["abc", "de"]);
        let mut log = Log::new(3);
        assert!(!log.add(b"\n\n\n\n"));
    }

    #[test]
    fn lines_cannot_command_a_terminal() {
        let mut log = Log::new(100);
        log.add(b"a\x1b[31mb\xff");
        assert_eq!(log.lines(), ["a\\u{1b}[31mb\u{fffd}"]);
    }
}
