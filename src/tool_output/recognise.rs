//! Goes through a text, and tells outputs, commands and words of somebody apart.

use std::collections::VecDeque;

use super::data::Data;
use super::here::Here;
use super::piece::{Piece, Unrecognised};
use super::prompt::Prompt;
use super::recognisers::{RECOGNISERS, Recogniser};
use super::sockets;
use super::text::{Document, words_of};

/// Bytes of a line that can be one of a tool or a logger.
const LONGEST: usize = 32 * 1024;
/// The recogniser of sockets in a `lsof`.
const OF_SOCKETS: &str = "lsof -i";

/// What is in a text.
#[derive(Default)]
pub(super) struct Recognised {
    /// The outputs; their command lines are counted from the text's beginning.
    pub pieces: Vec<Piece>,
    pub unrecognised: Vec<Unrecognised>,
    /// The host that the first prompt names.
    pub host: Option<String>,
}

/// Goes through a text once.
pub(super) fn recognise(document: &Document, number: usize) -> Recognised {
    let Recognised { mut pieces, mut unrecognised, mut host } = Recognised::default();
    let file = document.name.rsplit('/').next().unwrap_or_default();
    let file = ["txt", "log", "out", "text"]
        .iter()
        .find_map(|ending| file.strip_suffix(&format!(".{ending}")))
        .unwrap_or(file);
    let of_name: Vec<&str> = file.split(['-', '_', '.', ' ', ',']).filter(|word| !word.is_empty()).collect();
    let mut commands = vec![of_name.clone()];
    let (mut by_name, mut slept) = (true, None);
    // What was slept between the last output and the next.
    let mut rested = 0.0;
    // The outputs of one command line come in the order of its commands.
    let (mut line_of, mut before) = (0, 0);
    let mut at = 0;
    let all = document.len();
    let mut typed = Typed { document, seen: 0, lines: VecDeque::new() };
    // Behind a packet whose payload was printed as text comes what its sender wrote, and nothing of it is an output or a prompt.
    let mut in_payload = false;
    let mut typed_at: Option<&str> = None;
    while at < all {
        // What a tool printed ends where somebody typed the next command.
        document.end_at(typed.next_prompt(at));
        let line = document.line(at);
        let trimmed = line.trim();
        if trimmed.is_empty() {
            at += 1;
            continue;
        }
        let prompt = typed.at(at);
        let prompt = prompt.filter(|prompt| !in_payload || typed_at.is_some() && prompt.host == typed_at);
        if let Some(prompt) = prompt {
            (in_payload, typed_at) = (false, prompt.host);
            if host.is_none() {
                host = prompt.host.map(crate::printable::printable);
            }
            let before_it;
            (commands, slept, before_it) = prompt.commands();
            rested += before_it;
            by_name = false;
            (line_of, before) = (line_of + 1, pieces.len());
            at += 1;
            continue;
        }
        let command = commands.get(pieces.len() - before).or(commands.last()).cloned().unwrap_or_default();
        let words = words_of(line);
        let here = Here { document, at, command, by_name, words: &words };
        // No tool but one that prints JSON has lines so long.
        let bracket = trimmed.starts_with(['{', '[']);
        let readable = match trimmed.contains(char::is_alphanumeric) {
            true => bracket || line.len() <= LONGEST,
            false => bracket && document.may_hold_json(),
        };
        let may_take = |recogniser: &&Recogniser| readable && (!in_payload || recogniser.name == OF_PACKETS);
        let taken = RECOGNISERS.iter().filter(may_take).find_map(|recogniser| {
            let (lines, data) = (recogniser.take)(&here)?;
            (lines > 0).then_some((recogniser, lines, data))
        });
        if let Some((recogniser, lines, data)) = taken {
            let (first, after) = (at, at + lines);
            in_payload = recogniser.name == OF_PACKETS && prints_payload(&here, after);
            let beside = beside(&here, &data);
            pieces.push(Piece { recogniser, document: number, first, after, command: line_of, slept, rested, data });
            if let Some((recogniser, data)) = beside {
                // It is of the same command.
                before += 1;
                pieces.push(Piece {
                    recogniser,
                    document: number,
                    first,
                    after,
                    command: line_of,
                    slept,
                    rested: 0.0,
                    data,
                });
            }
            rested = 0.0;
            at += lines;
            continue;
        }
        let prose = is_prose(trimmed, &words);
        match unrecognised.last_mut() {
            Some(last) if last.document == number && last.after == at && last.prose == prose => last.after = at + 1,
            _ => unrecognised.push(Unrecognised { document: number, first: at, after: at + 1, prose }),
        }
        if prose {
            (commands, by_name, slept) = (vec![of_name.clone()], true, None);
            (line_of, before) = (line_of + 1, pieces.len());
        }
        at += 1;
    }
    document.end_at(None);
    Recognised { pieces, unrecognised, host }
}

/// What an output holds of another kind: a whole `lsof` has sockets beside deleted files.
fn beside(here: &Here<'_>, data: &Data) -> Option<(&'static Recogniser, Data)> {
    let recogniser = || RECOGNISERS.iter().find(|recogniser| recogniser.name == OF_SOCKETS);
    match data {
        Data::Deleted(_) => sockets::take_lsof(here).and_then(|(_, table)| Some((recogniser()?, Data::Sockets(table)))),
        _ => None,
    }
}

/// The lines in which somebody typed; each line is looked at once.
struct Typed<'d> {
    document: &'d Document,
    /// The first line that was not looked at.
    seen: usize,
    /// Those that were found and not yet passed, and whether what stands before the command is that of a shell.
    lines: VecDeque<(usize, bool)>,
}

impl<'d> Typed<'d> {
    /// What was typed in a line.
    fn of(&self, at: usize) -> Option<Prompt<'d>> {
        Prompt::of(self.document.line(at)).filter(|prompt| !is_rule(prompt.command))
    }

    /// The next line behind that one which begins with a shell's prompt.
    fn next_prompt(&mut self, at: usize) -> Option<usize> {
        while self.lines.front().is_some_and(|(line, _)| *line < at) {
            self.lines.pop_front();
        }
        let known = self.lines.iter().find(|(line, shell)| *line > at && *shell);
        if let Some((line, _)) = known {
            return Some(*line);
        }
        self.seen = self.seen.max(at);
        while self.seen < self.document.len() {
            let line = self.seen;
            self.seen += 1;
            let Some(prompt) = self.of(line) else { continue };
            let shell = prompt.host.is_some() || self.document.line(line).trim_start().starts_with(['$', '#']);
            self.lines.push_back((line, shell));
            if shell && line > at {
                return Some(line);
            }
        }
        None
    }

    /// What was typed in that line, behind which the next prompt was asked for.
    fn at(&self, at: usize) -> Option<Prompt<'d>> {
        self.lines.front().filter(|(line, _)| *line == at).and_then(|_| self.of(at))
    }
}

/// The recogniser of packets.
const OF_PACKETS: &str = "tcpdump";

/// Whether the payload of packets was printed as text: `tcpdump -A` was asked for, or a header of IP stands there as text.
fn prints_payload(here: &Here<'_>, after: usize) -> bool {
    let is_flag = |word: &&str| word.starts_with('-') && !word.starts_with("--") && word.contains('A');
    let asked = here.command.first() == Some(&"tcpdump") && here.command.iter().skip(1).any(is_flag);
    let is_header = |line: &str| line.starts_with("E.") || line.starts_with("`.");
    let ended = here.document.line(after - 1).ends_with(" dropped by kernel");
    !ended && (asked || (here.at..=after).any(|at| is_header(here.document.line(at))))
}

/// `iptables -A …` is a rule, pasted as it was typed.
fn is_rule(command: &str) -> bool {
    let mut words = command.split_whitespace().skip_while(|word| *word == "sudo");
    matches!(words.next(), Some("iptables" | "ip6tables")) && words.any(|word| matches!(word, "-A" | "-I" | "-P"))
}

/// Whether a line is words of somebody and no output.
fn is_prose(line: &str, words: &[&str]) -> bool {
    let plain = |word: &&&str| {
        let word = word.trim_matches(|c: char| c.is_ascii_punctuation());
        !word.is_empty() && word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '-'))
    };
    let plains = words.iter().filter(plain).count();
    if line.contains("  ") && plains < words.len() {
        return false;
    }
    words.len() <= 3 && plains == words.len()
        || (words.len() >= 3 && plains * 10 >= words.len() * 7)
        || line.chars().all(|c| c.is_ascii_punctuation())
}
