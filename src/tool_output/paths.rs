//! What is lost on the way to somewhere: `ping` and `mtr`.

use super::data::Data;
use super::here::Here;
use super::text::split;
use super::told::Told;
use crate::printable::printable;
use crate::units;

/// Lines that are looked at.
const MOST: usize = 100_000;
/// Hops that are looked at.
const MOST_HOPS: usize = 256;
/// Characters of a name that are told.
const NAME: usize = 80;

/// `ping` or `mtr`, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Data)> {
    ping(here).or_else(|| mtr(here))
}

fn name(word: &str) -> String {
    printable(word.chars().take(NAME).collect::<String>())
}

/// `19.0%`.
fn share(word: &str) -> Option<f64> {
    word.strip_suffix('%')?.replace(',', ".").parse().ok().filter(|share| (0.0..=100.0).contains(share))
}

/// `ping`: its rows, and in any language the two lines of its end.
fn ping(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let is_end = |at: usize| {
        let line = document.line(at).trim();
        line.len() > 8 && line.starts_with("--- ") && line.ends_with(" ---") && line.to_lowercase().contains("ping")
    };
    let begins = here.words.first() == Some(&"PING") && here.words.len() >= 3;
    if !begins && !is_end(here.at) {
        return None;
    }
    let is_row = |line: &str| line.contains("seq=") || line.starts_with("From ") || line.starts_with("ping: ");
    let mut place = here.at + usize::from(begins);
    while begins && place < document.len() && place - here.at < MOST {
        let line = document.line(place).trim();
        if is_end(place)
            || !(is_row(line) || line.is_empty() && (is_end(place + 1) || is_row(document.line(place + 1))))
        {
            break;
        }
        place += 1;
    }
    let mut told = Told { tool: "ping", ..Told::default() };
    if !is_end(place) {
        return (begins && place > here.at + 1).then(|| (place - here.at, Data::Told(told)));
    }
    let to = split(document.line(place)).nth(1).map(name).unwrap_or_default();
    let sum = place + 1;
    let line = document.line(sum);
    let sent: Option<f64> = split(line).next().and_then(|word| word.parse::<u32>().ok()).map(f64::from);
    let lost = split(line).find_map(share).filter(|_| !document.ends_within(sum));
    let Some((sent, lost)) = sent.zip(lost) else { return Some((place + 1 - here.at, Data::Told(told))) };
    told.stands_out.push(match lost {
        0.0 => format!("ping: each of {} packets to {to} was answered", units::count(sent)),
        _ => format!(
            "ping: {} of {} packets to {to} were not answered",
            units::percent(lost / 100.0),
            units::count(sent)
        ),
    });
    let is_more = |line: &str| line.contains("min/avg/max") || line.starts_with("rtt ") || line.starts_with("pipe ");
    let more = (sum + 1..sum + 3).take_while(|at| is_more(document.line(*at))).count();
    Some((sum + 1 + more - here.at, Data::Told(told)))
}

/// A hop of `mtr`: its number, its name, the share that it did not answer.
struct Hop {
    number: u32,
    name: String,
    lost: f64,
}

/// `mtr -r`, or its screen. What a hop in between leaves unanswered is lost only where it is missing behind it, too.
fn mtr(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let line = document.line(here.at);
    // Its screen has a title.
    let title = usize::from(line.trim_start().starts_with("My traceroute "));
    let started = document.line(here.at + title).trim_start().starts_with("Start: ");
    let is_heading = |at: usize| {
        let words = here.words(at);
        words.first().is_some_and(|word| matches!(*word, "HOST:" | "Host"))
            && words.iter().any(|word| matches!(*word, "Loss%" | "Verlust%" | "Snt"))
    };
    let heading = here.at + title + usize::from(started);
    if !is_heading(heading) {
        return None;
    }
    let mut place = heading + 1;
    let mut hops: Vec<Hop> = Vec::new();
    while place < document.len() && hops.len() < MOST_HOPS {
        let words = here.words(place);
        let Some(first) = words.first().copied() else { break };
        if first == "|" || first.starts_with("|-") || first.starts_with('`') {
            // Another router that answered at the same hop.
            place += 1;
            continue;
        }
        let number = first.trim_end_matches("|--").trim_end_matches('.');
        let (Ok(number), true) = (number.parse::<u32>(), first.contains('.')) else { break };
        let lost = words.iter().skip(2).find_map(|word| share(word)).filter(|_| !document.ends_within(place));
        let silent = words.get(1).is_some_and(|word| matches!(*word, "???" | "(waiting"));
        match lost {
            Some(lost) if !silent => {
                hops.push(Hop { number, name: words.get(1).copied().map(name).unwrap_or_default(), lost });
            }
            _ => {}
        }
        place += 1;
    }
    let mut told = Told { tool: "mtr", ..Told::default() };
    told.stands_out.extend(lost_on_the_way(&hops));
    (place > heading + 1).then(|| (place - here.at, Data::Told(told)))
}

/// Of the way to the last hop what is lost, and from which hop on.
fn lost_on_the_way(hops: &[Hop]) -> Option<String> {
    let last = hops.last()?;
    let between = hops.iter().filter(|hop| hop.lost > last.lost + 5.0).count();
    if last.lost == 0.0 {
        let aside = match between {
            0 => "",
            _ => "; what routers on the way leave unanswered they leave for reasons of their own",
        };
        return Some(format!("mtr: nothing is lost on the way to {}{aside}", last.name));
    }
    // Behind the place where packets are lost every hop misses about as many.
    let from = hops.iter().rposition(|hop| hop.lost < 0.5 * last.lost).map_or(0, |place| place + 1);
    let first = hops.get(from).filter(|first| first.number != last.number);
    let place = match first {
        Some(first) => format!(", from hop {} on ({})", first.number, first.name),
        None => ", at the last hop alone: it may answer no more than some of them".to_owned(),
    };
    Some(format!("mtr: {} is lost on the way to {}{place}", units::percent(last.lost / 100.0), last.name))
}

#[cfg(test)]
mod tests {
    use super::super::tests::stands_out;

    #[test]
    fn what_ping_lost_is_told_in_any_language() {
        for (text, said) in [
            (
                "PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.\n64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.039 ms\n64 bytes from 127.0.0.1: icmp_seq=2 ttl=64 time=0.050 ms\n\n--- 127.0.0.1 ping statistics ---\n2 packets transmitted, 2 received, 0% packet loss, time 406ms\nrtt min/avg/max/mdev = 0.035/0.041/0.050/0.006 ms\n",
                "ping: each of 2 packets to 127.0.0.1 was answered",
            ),
            (
                "PING 192.0.2.99 (192.0.2.99) 56(84) bytes of data.\nFrom 192.0.2.10 icmp_seq=1 Destination Host Unreachable\n\n--- 192.0.2.99 ping statistics ---\n4 packets transmitted, 0 received, +4 errors, 100% packet loss, time 3060ms\npipe 3\n",
                "ping: 100 % of 4 packets to 192.0.2.99 were not answered",
            ),
            (
                "PING 127.0.0.1 (127.0.0.1): 56 data bytes\n64 bytes from 127.0.0.1: seq=0 ttl=64 time=0.045 ms\n\n--- 127.0.0.1 ping statistics ---\n4 packets transmitted, 1 packets received, 75% packet loss\nround-trip min/avg/max = 0.045/0.055/0.066 ms\n",
                "ping: 75 % of 4 packets to 127.0.0.1 were not answered",
            ),
            (
                "--- web1.example.org Ping-Statistiken ---\n10 Pakete übertragen, 4 empfangen, +6 Fehler, 60% packet loss, time 9190ms\n",
                "ping: 60 % of 10 packets to web1.example.org were not answered",
            ),
        ] {
            assert_eq!(stands_out(text), [said], "{text}");
        }
    }

    #[test]
    fn a_hop_that_is_silent_by_itself_loses_nothing() {
        let heading = "Start: 2026-11-29T16:09:40+0000\nHOST: web1                    Loss%   Snt   Last   Avg  Best  Wrst StDev\n";
        for (rows, said) in [
            (
                "  1.|-- 192.0.2.1   0.0%   100    0.4   0.5   0.3   1.9   0.2\n  2.|-- core1.example  18.0%   100   12.1  13.0  11.8  31.2   2.2\n  3.|-- 203.0.113.80  19.0%   100   12.6  13.4  12.1  29.9   2.1\n",
                "mtr: 19 % is lost on the way to 203.0.113.80, from hop 2 on (core1.example)",
            ),
            (
                "  1.|-- 192.0.2.1   0.0%   100    0.4   0.5   0.3   1.9   0.2\n  2.|-- core1.example  80.0%   100   12.1  13.0  11.8  31.2   2.2\n  3.|-- ???  100.0   100    0.0   0.0   0.0   0.0   0.0\n  4.|-- 203.0.113.80  0.0%   100   12.6  13.4  12.1  29.9   2.1\n",
                "mtr: nothing is lost on the way to 203.0.113.80; what routers on the way leave unanswered they leave for reasons of their own",
            ),
        ] {
            assert_eq!(stands_out(&format!("{heading}{rows}")), [said]);
        }
    }
}
