//! Which way packets go: `traceroute` and `tracepath`. A hop that does not answer by itself loses nothing: routers answer when they
//! have the time, and only where nothing comes from any hop behind it, something is shut or lost.

use super::data::Data;
use super::here::Here;
use super::told::Told;
use crate::printable::printable;

/// Rows that are looked at.
const MOST: usize = 256;
/// Characters of a name that are told.
const NAME: usize = 80;
/// What `traceroute` writes behind an answer that is a refusal, and what it means.
const REFUSALS: [(&str, &str); 7] = [
    ("!H", "says that the host is not to be reached"),
    ("!N", "says that the network is not to be reached"),
    ("!P", "says that the protocol is not spoken there"),
    ("!X", "says that a filter forbids it"),
    ("!A", "says that a filter forbids it"),
    ("!Z", "says that a filter forbids it"),
    ("!F", "says that packets are too large"),
];

/// `traceroute` or `tracepath`, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Data)> {
    traceroute(here).or_else(|| tracepath(here))
}

fn name(word: &str) -> String {
    printable(word.chars().take(NAME).collect::<String>())
}

/// What answered at a hop, if anything did.
struct Hop {
    number: u32,
    /// Its name, or its address.
    name: Option<String>,
    /// The refusal that it answered with.
    refusal: Option<&'static str>,
    /// It is where the packets were sent to.
    is_target: bool,
}

/// ` 3  core1.example (198.51.100.9)  11.002 ms !H  10.980 ms *`
fn hop(words: &[&str], target: Option<&str>) -> Option<Hop> {
    let (first, rest) = words.split_first()?;
    let number: u32 = first.parse().ok().filter(|number| (1..=255).contains(number))?;
    let silent = rest.iter().all(|word| *word == "*");
    let timed = rest.contains(&"ms") || rest.iter().any(|word| word.ends_with("ms") && word.len() > 2);
    if rest.is_empty() || !(silent || timed) {
        return None;
    }
    let who = rest.iter().find(|word| **word != "*").filter(|_| !silent);
    let bare = |word: &str| word.trim_matches(['(', ')']).to_owned();
    let is_target = target.is_some_and(|target| rest.iter().any(|word| bare(word) == target));
    let refusal = rest.iter().find_map(|word| REFUSALS.iter().find(|(sign, _)| sign == word)).map(|(_, means)| *means);
    Some(Hop { number, name: who.map(|who| name(who)), refusal, is_target })
}

/// `traceroute to web1.example (203.0.113.7), 30 hops max, 60 byte packets`, and its rows; or rows that follow one another.
fn traceroute(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let titled =
        matches!(here.words.first().copied(), Some("traceroute" | "traceroute6")) && here.words.get(1) == Some(&"to");
    let to = here.words.get(2).filter(|_| titled).map(|word| name(word.trim_end_matches(',')));
    let address = here.words.get(3).filter(|_| titled).map(|word| word.trim_matches(['(', ')', ',']));
    let mut place = here.at + usize::from(titled);
    let mut hops: Vec<Hop> = Vec::new();
    while place < document.len() && hops.len() < MOST && place - here.at < MOST {
        let words = here.words(place);
        match hop(&words, address.or(to.as_deref())) {
            Some(found) if hops.last().is_none_or(|last| found.number > last.number) => {
                if !document.ends_within(place) {
                    hops.push(found);
                }
            }
            // Another router that answered at the same hop stands in a row without a number.
            _ if !hops.is_empty() && document.line(place).starts_with("    ") && words.contains(&"ms") => {}
            _ => break,
        }
        place += 1;
    }
    // Numbers alone are no heading: at least rows that follow one another, and one that answered.
    let asked = here.command.first().is_some_and(|program| program.starts_with("traceroute")) && !here.by_name;
    let rows =
        hops.windows(2).all(|two| two[1].number == two[0].number + 1) && hops.iter().any(|hop| hop.name.is_some());
    if !(titled || rows && (asked && !hops.is_empty() || hops.len() >= 3)) {
        return None;
    }
    let mut told = Told { tool: "traceroute", ..Told::default() };
    if let Some((said, about)) = judged(&hops, to.as_deref(), titled) {
        told.stands_out.push(format!("traceroute: {said}"));
        told.about = about;
    }
    Some((place - here.at, Data::Told(told)))
}

fn judged(hops: &[Hop], to: Option<&str>, titled: bool) -> Option<(String, &'static str)> {
    let last = hops.last()?;
    let answered = hops.iter().rposition(|hop| hop.name.is_some());
    let target = to.unwrap_or("the target");
    if let Some((hop, means)) = hops.iter().find_map(|hop| Some((hop, hop.refusal?))) {
        let who = hop.name.as_deref().unwrap_or("a router");
        return Some((format!("{who} (hop {}) {means}", hop.number), "unreachable, timeout"));
    }
    if hops.iter().any(|hop| hop.is_target) {
        let silent = hops.iter().filter(|hop| hop.name.is_none()).count();
        let aside = match silent {
            0 => "",
            _ => "; hops that do not answer lose nothing, as those behind them show",
        };
        return Some((format!("{target} is reached at hop {}{aside}", last.number), ""));
    }
    let Some(answered) = answered else {
        // Rows of the middle show nothing of the beginning.
        let first = hops.first().is_some_and(|hop| hop.number == 1) && titled && hops.len() >= 3;
        return first.then(|| {
            let said =
                "no hop answers, not even the first: something near this host keeps the packets or the answers back";
            (said.to_owned(), "unreachable, timeout")
        });
    };
    let behind = hops.len() - 1 - answered;
    let hop = hops.get(answered)?;
    // One that is silent at the end may be slow to answer, or the output ends there.
    if behind < 3 {
        return None;
    }
    let who = hop.name.as_deref().unwrap_or_default();
    let said = format!(
        "nothing answers behind hop {} ({who}): packets to {target} are lost or kept back there, or it does not answer such packets; with the port in question (traceroute -T -p PORT) it shows",
        hop.number
    );
    Some((said, "unreachable, timeout"))
}

/// `tracepath`: what the largest packet is, and whether the end was reached.
fn tracepath(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let number =
        |words: &[&str]| -> Option<u32> { words.first()?.strip_suffix(':')?.trim_end_matches('?').parse().ok() };
    let is_row = |at: usize| {
        let words = here.words(at);
        number(&words).is_some()
            && (words.contains(&"[LOCALHOST]")
                || words.ends_with(&["no", "reply"])
                || words.iter().any(|word| word.strip_suffix("ms").is_some_and(|figure| figure.parse::<f64>().is_ok())))
    };
    let is_end = |at: usize| {
        let line = document.line(at).trim();
        line.starts_with("Resume: pmtu") || line.starts_with("Too many hops: pmtu")
    };
    if !is_row(here.at) {
        return None;
    }
    let (mut place, mut reached, mut first, mut smallest, mut last) = (here.at, None, None, None, None);
    let mut whole = false;
    while place < document.len() && place - here.at < MOST {
        let words = here.words(place);
        if is_end(place) {
            whole |= words.first() == Some(&"Resume:");
            place += 1;
            continue;
        }
        if !is_row(place) {
            break;
        }
        let pmtu = words.iter().position(|word| *word == "pmtu").and_then(|at| words.get(at + 1)?.parse::<u32>().ok());
        let pmtu = pmtu.filter(|_| !document.ends_within(place));
        first = first.or(pmtu);
        if let (Some(pmtu), Some(number)) = (pmtu, number(&words))
            && first.is_some_and(|first| pmtu < first)
        {
            smallest = Some((pmtu, number));
        }
        let who = words.get(1).copied().filter(|_| !words.ends_with(&["no", "reply"]));
        if words.last() == Some(&"reached") {
            reached = who.map(name);
        }
        last = who
            .zip(number(&words))
            .filter(|(who, _)| *who != "[LOCALHOST]")
            .map(|(who, number)| (name(who), number))
            .or(last);
        place += 1;
    }
    if place < here.at + 2 {
        return None;
    }
    let mut told = Told { tool: "tracepath", ..Told::default() };
    if let (Some((pmtu, number)), Some(first)) = (smallest, first) {
        told.stands_out.push(format!(
            "tracepath: from hop {number} on the way takes packets of {pmtu} bytes, and not of {first} as this host sends them: what is larger arrives only where the message about it (ICMP) comes back"
        ));
        told.about = "mtu";
    }
    match (reached, last) {
        (Some(to), _) => told.stands_out.push(format!("tracepath: {to} is reached")),
        (None, Some((who, number))) if whole => {
            told.stands_out.push(format!("tracepath: nothing answers behind hop {number} ({who})"));
        }
        (None, None) if whole => told.stands_out.push("tracepath: no hop answers".to_owned()),
        _ => {}
    }
    Some((place - here.at, Data::Told(told)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::stands_out;

    const HEAD: &str = "traceroute to db.example (203.0.113.7), 30 hops max, 60 byte packets\n 1  gw.lan (192.0.2.1)  0.412 ms  0.380 ms  0.366 ms\n";

    #[test]
    fn a_way_that_ends_is_told_and_a_hop_that_is_silent_by_itself_is_none() {
        for (rows, said) in [
            (
                " 2  * * *\n 3  203.0.113.7 (203.0.113.7)  11.102 ms  11.011 ms  11.223 ms\n",
                "traceroute: db.example is reached at hop 3; hops that do not answer lose nothing, as those behind them show",
            ),
            (
                " 2  198.51.100.1 (198.51.100.1)  8.102 ms\n    198.51.100.5 (198.51.100.5)  8.011 ms *\n 3  * * *\n 4  * * *\n 5  * * *\n",
                "traceroute: nothing answers behind hop 2 (198.51.100.1): packets to db.example are lost or kept back there, or it does not answer such packets; with the port in question (traceroute -T -p PORT) it shows",
            ),
            (
                " 2  core1.example (198.51.100.9)  11.002 ms !H  10.980 ms !H *\n",
                "traceroute: core1.example (hop 2) says that the host is not to be reached",
            ),
        ] {
            assert_eq!(stands_out(&format!("{HEAD}{rows}")), [said], "{rows}");
        }
        // What ends there may have been cut.
        assert_eq!(stands_out(&format!("{HEAD} 2  * * *\n")), [""; 0]);
        let middle = " 4  198.51.100.1  8.102 ms  8.011 ms  9.223 ms\n 5  * * *\n 6  198.51.100.9  9.102 ms  9.011 ms  9.223 ms\n";
        assert_eq!(
            stands_out(&format!(
                "$ uptime\n 23:51:36 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11\n$ traceroute -n db.example\n{middle}"
            )),
            ["load 0.03, 0.12, 0.11"; 0]
        );
    }

    #[test]
    fn numbers_in_rows_are_no_way() {
        use crate::tool_output::tests::taken;
        for text in ["1  apple 2 ms\n", " 1  * * *\n 2  * * *\n 3  * * *\n", "3 ms is what it takes\n"] {
            assert!(taken(super::take, text).is_none(), "{text}");
        }
    }

    #[test]
    fn tracepath_tells_where_packets_must_be_smaller() {
        let text = " 1?: [LOCALHOST]                      pmtu 1500\n 1:  gw.lan                                                0.291ms \n 2:  gw.lan                                                0.301ms pmtu 1420\n 2:  vpn1.example                                         12.047ms \n 3:  no reply\n 4:  203.0.113.7                                          14.063ms reached\n     Resume: pmtu 1420 hops 4 back 4 \n";
        assert_eq!(
            stands_out(text),
            [
                "tracepath: from hop 2 on the way takes packets of 1420 bytes, and not of 1500 as this host sends them: what is larger arrives only where the message about it (ICMP) comes back",
                "tracepath: 203.0.113.7 is reached"
            ]
        );
        let text = " 1?: [LOCALHOST]                      pmtu 1500\n 1:  no reply\n 2:  no reply\n     Too many hops: pmtu 1500\n     Resume: pmtu 1500 \n";
        assert_eq!(stands_out(text), ["tracepath: no hop answers"]);
    }
}
