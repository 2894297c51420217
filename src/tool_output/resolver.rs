//! What systemd-resolved says: `resolvectl status`, `resolvectl query` (`systemd-resolve` of old).

use super::here::Here;
use super::told::Told;
use crate::printable::printable;

/// Lines that are looked at.
const MOST: usize = 2000;
/// Names of which it is told.
const TOLD: usize = 4;
/// Characters of a name or a reason.
const LONGEST: usize = 100;
/// Words in which somebody complains of it.
const ABOUT: &str = "dns, resolve";

/// The state of the resolver, or what became of a question, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    query(here).or_else(|| status(here)).or_else(|| unresolved(here))
}

/// `ping: web1.example: Temporary failure in name resolution`, `curl: (6) Could not resolve host: web1.example`: what a program that
/// was run by hand says of a name. That there is no such name is an answer.
fn unresolved(here: &Here<'_>) -> Option<(usize, Told)> {
    const SAYS: [&str; 3] =
        ["Temporary failure in name resolution", "Could not resolve host", "Temporary failure resolving"];
    const PROGRAMS: [&str; 9] = ["ping:", "ping6:", "wget:", "ssh:", "git:", "fatal:", "Err:", "W:", "traceroute:"];
    let document = here.document;
    let mut place = here.at;
    let mut told = Told { tool: "resolver", about: ABOUT, ..Told::default() };
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place).trim();
        let named = PROGRAMS.iter().any(|program| line.starts_with(program));
        if !named || line.len() > 400 || document.ends_within(place) || !SAYS.iter().any(|says| line.contains(says)) {
            break;
        }
        if told.stands_out.len() < TOLD {
            told.stands_out.push(format!("a name was not resolved: `{}`", short(line)));
        }
        place += 1;
    }
    (place > here.at).then_some((place - here.at, told))
}

fn short(text: &str) -> String {
    printable(text.chars().take(LONGEST).collect::<String>())
}

/// `shop.example: resolve call failed: All attempts to contact name servers or networks failed`
fn query(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let mut told = Told { tool: "resolvectl", ..Told::default() };
    let mut place = here.at;
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place).trim();
        let Some((name, why)) = line.split_once(": resolve call failed: ") else { break };
        if name.contains(char::is_whitespace) || document.ends_within(place) {
            break;
        }
        if told.stands_out.len() < TOLD {
            told.stands_out.push(format!("resolvectl: {} was not resolved: {}", short(name), meaning(name, why)));
        }
        place += 1;
    }
    if place > here.at {
        told.about = ABOUT;
        return Some((place - here.at, told));
    }
    // `shop.example: 192.0.2.7    -- link: eth0`, more addresses, and what it took.
    let answered = |at: usize| document.line(at).contains("  -- link: ");
    if !answered(here.at) || !document.line(here.at).contains(": ") {
        return None;
    }
    place += 1;
    let is_more = |line: &str| {
        let trimmed = line.trim();
        trimmed.starts_with("-- Information acquired")
            || trimmed.starts_with("-- Data is ")
            || line.starts_with("    ") && !trimmed.is_empty()
    };
    while place < document.len()
        && place - here.at < MOST
        && (is_more(document.line(place))
            || document.line(place).trim().is_empty() && document.line(place + 1).starts_with("-- "))
    {
        place += 1;
    }
    Some((place - here.at, told))
}

/// What the reason of a failure says.
fn meaning(name: &str, why: &str) -> String {
    let said = short(why);
    let meant = match why {
        _ if why.starts_with("All attempts to contact") => "no name server answers, or none is known",
        _ if why.contains("timed out") => "no name server answered in time",
        _ if why.starts_with("No appropriate name servers") => "no link and no setting names a server for it",
        _ if why.starts_with("DNSSEC validation failed") => {
            "its answer is not believed: signatures that have run out, a clock that is off, or a server that strips them"
        }
        _ if why.ends_with("not found") && why.contains(name) => "a server says that there is no such name",
        _ if why.contains("SERVFAIL") => "its server could not find an answer itself",
        _ if why.contains("REFUSED") => "its server does not answer this host",
        _ => return format!("`{said}`"),
    };
    format!("{meant} ({said})")
}

/// `Global`, `Link 2 (eth0)`, and what stands below them.
fn status(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let link = |at: usize| -> Option<&str> {
        let rest = document.line(at).trim().strip_prefix("Link ")?;
        let (number, name) = rest.split_once(" (")?;
        (number.bytes().all(|byte| byte.is_ascii_digit()) && !number.is_empty()).then(|| name.strip_suffix(')'))?
    };
    const FIELDS: [&str; 16] = [
        "Protocols",
        "resolv.conf mode",
        "Current Scopes",
        "Current DNS Server",
        "DNS Servers",
        "DNS Domain",
        "Fallback DNS Servers",
        "DefaultRoute setting",
        "LLMNR setting",
        "MulticastDNS setting",
        "DNSOverTLS setting",
        "DNSSEC setting",
        "DNSSEC supported",
        "DNSSEC NTA",
        "Default Route",
        "DNS over TLS",
    ];
    let field = |at: usize| -> Option<(&str, &str)> {
        let (key, value) = document.line(at).split_once(':')?;
        FIELDS.contains(&key.trim()).then(|| (key.trim(), value.trim()))
    };
    let global = document.line(here.at).trim() == "Global";
    if !(global || link(here.at).is_some()) || field(here.at + 1).is_none() {
        return None;
    }
    let (mut place, mut servers, mut links, mut foreign, mut fallback) = (here.at, 0, 0, false, false);
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place);
        if let Some((key, value)) = field(place) {
            servers += usize::from(matches!(key, "DNS Servers" | "Current DNS Server") && !value.is_empty());
            fallback |= key == "Fallback DNS Servers" && !value.is_empty();
            foreign |= key == "resolv.conf mode" && matches!(value, "foreign" | "missing");
        } else if link(place).is_some() {
            links += 1;
        } else if line.trim().is_empty() {
            if link(place + 1).is_none() {
                break;
            }
        } else if !(line.starts_with("        ") || place == here.at && global) {
            break;
        }
        place += 1;
    }
    let whole = !document.ends_within(place - 1) && global && links > 0;
    let mut told = Told { tool: "resolvectl", ..Told::default() };
    if whole && servers == 0 {
        let and = match (fallback, foreign) {
            (true, _) => "; it asks those that are built in (Fallback DNS Servers)",
            (false, true) => "; what /etc/resolv.conf names is somebody else's, and programs that read it ask those",
            (false, false) => ": what asks it gets no answer",
        };
        told.stands_out.push(format!("resolvectl: no link and no setting names a DNS server{and}"));
        told.about = ABOUT;
    }
    Some((place - here.at, told))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stands_out, taken};

    const NONE: &str = "Global\n         Protocols: -LLMNR -mDNS -DNSOverTLS DNSSEC=no/unsupported\n  resolv.conf mode: stub\n\nLink 2 (enp3s0)\n    Current Scopes: none\n         Protocols: -DefaultRoute -LLMNR -mDNS -DNSOverTLS DNSSEC=no/unsupported\n";

    #[test]
    fn a_resolver_without_servers_is_told_and_one_with_some_is_calm() {
        assert_eq!(
            stands_out(NONE),
            ["resolvectl: no link and no setting names a DNS server: what asks it gets no answer"]
        );
        assert!(
            stands_out(&NONE.replace("mode: stub", "mode: foreign"))[0].contains("programs that read it ask those")
        );
        let calm = format!(
            "{NONE}Current DNS Server: 192.0.2.1\n       DNS Servers: 192.0.2.1 192.0.2.9\n                    2001:db8::1\n        DNS Domain: lan\n"
        );
        let (lines, told) = taken(super::take, &calm).unwrap();
        assert_eq!((lines, told.stands_out.len()), (11, 0));
        // The half of it says nothing of the other.
        let half = NONE.split_once("\n\n").unwrap().1;
        assert_eq!(taken(super::take, half).unwrap().1.stands_out, [""; 0]);
    }

    #[test]
    fn a_program_that_got_no_address_is_heard() {
        let text = "$ ping web1.example\nping: web1.example: Temporary failure in name resolution\n";
        assert_eq!(
            stands_out(text),
            ["a name was not resolved: `ping: web1.example: Temporary failure in name resolution`"]
        );
        assert!(taken(super::take, "ping: nope.example: Name or service not known\n").is_none());
    }

    #[test]
    fn what_became_of_a_question_is_told() {
        for (line, said) in [
            (
                "shop.example: resolve call failed: All attempts to contact name servers or networks failed",
                "resolvectl: shop.example was not resolved: no name server answers, or none is known (All attempts to contact name servers or networks failed)",
            ),
            (
                "nope.example: resolve call failed: 'nope.example' not found",
                "resolvectl: nope.example was not resolved: a server says that there is no such name ('nope.example' not found)",
            ),
        ] {
            assert_eq!(stands_out(&format!("$ resolvectl query x.example\n{line}\n")), [said]);
        }
        let fine = "shop.example: 192.0.2.7                        -- link: enp3s0\n              2001:db8::7                      -- link: enp3s0\n\n-- Information acquired via protocol DNS in 12.1ms.\n-- Data is authenticated: no\n";
        assert_eq!(taken(super::take, fine).unwrap().0, 5);
    }
}
