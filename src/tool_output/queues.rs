//! Mail that waits: `postqueue -p`, `mailq`.

use std::collections::BTreeMap;

use super::here::Here;
use super::told::Told;
use crate::printable::printable;
use crate::units;

/// Lines that are looked at.
const MOST: usize = 200_000;
/// Characters of a reason.
const LONGEST: usize = 100;
/// Reasons that are kept apart.
const REASONS: usize = 256;

/// The queue of Postfix, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let mut told = Told { tool: "postqueue", ..Told::default() };
    if document.line(here.at).trim() == "Mail queue is empty" {
        return Some((1, told));
    }
    if here.words.first() != Some(&"-Queue") || !document.line(here.at).contains("-Sender/Recipient") {
        return None;
    }
    let mut place = here.at + 1;
    let (mut mails, mut active, mut held, mut ended) = (0_u64, 0_u64, 0_u64, false);
    // Why mails wait, of which the host of the other side is no part.
    let mut reasons: BTreeMap<String, (u64, String)> = BTreeMap::new();
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place).trim();
        let words = here.words(place);
        let is_id = |word: &str| {
            let id = word.trim_end_matches(['*', '!', '#']);
            (6..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if line.starts_with("-- ") && line.contains(" Request") {
            ended = true;
            place += 1;
            break;
        } else if words.len() >= 7 && is_id(words[0]) && words[1].parse::<u64>().is_ok() {
            mails += 1;
            active += u64::from(words[0].ends_with('*'));
            held += u64::from(words[0].ends_with('!'));
        } else if let Some(why) = line.strip_prefix('(').filter(|_| !document.ends_within(place)) {
            let why = why.trim_end_matches(')');
            let kind = why.rsplit(": ").next().unwrap_or(why).chars().take(LONGEST).collect::<String>();
            if reasons.len() < REASONS || reasons.contains_key(&kind) {
                let entry = reasons.entry(kind).or_insert_with(|| (0, why.chars().take(LONGEST).collect()));
                entry.0 += 1;
            }
        } else if !(line.is_empty()
            || words.len() == 1 && line.contains('@')
            || words.len() == 1 && document.line(place).starts_with("     "))
        {
            break;
        }
        place += 1;
    }
    if mails > 0 {
        let count = |number: u64| units::count(number as f64);
        let least = if ended { "" } else { "at least " };
        let waits = if mails == 1 { "1 mail waits".to_owned() } else { format!("{} mails wait", count(mails)) };
        let parts = [(active, "being sent"), (held, "held back by somebody")];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{} {what}", count(*number)))
            .collect();
        let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        let most = reasons.values().max_by_key(|(number, _)| *number);
        let why = most.map(|(number, why)| {
            format!(
                "; {} could not be sent, the other side or the way to it says: `{}`",
                count(*number),
                printable(why)
            )
        });
        told.stands_out.push(format!("postqueue: {least}{waits}{parts}{}", why.unwrap_or_default()));
    }
    (place > here.at + 1).then(|| (place - here.at, told))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stands_out, taken};

    #[test]
    fn mails_that_wait_are_counted_with_the_reason_of_most() {
        let text = "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n4F2C01A0B3D     2311 Sat Nov 28 10:11:12  shop@shop.example\n(connect to mx.other.example[203.0.113.25]:25: Connection timed out)\n                                         ann@other.example\n\n9A1B01A0B3E*    1890 Sat Nov 28 10:12:40  shop@shop.example\n                                         bob@other.example\n\nB71101A0B41     1890 Sat Nov 28 10:14:40  ops\n(connect to mx2.another.example[203.0.113.26]:25: Connection timed out)\n                                         root\n\n-- 6 Kbytes in 3 Requests.\n";
        assert_eq!(
            stands_out(text),
            [
                "postqueue: 3 mails wait (1 being sent); 2 could not be sent, the other side or the way to it says: `connect to mx.other.example[203.0.113.25]:25: Connection timed out`"
            ]
        );
        let cut = text.split_once("9A1B").unwrap().0;
        assert!(stands_out(cut)[0].starts_with("postqueue: at least 1 mail waits"), "{:?}", stands_out(cut));
        assert_eq!(taken(super::take, "Mail queue is empty\n").unwrap().1.stands_out, [""; 0]);
    }
}
