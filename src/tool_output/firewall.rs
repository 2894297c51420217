//! Firewall rules as `iptables` and `nft` list them. Their counters are sums since they were reset, so what rules counted in a
//! window stays unseen.

use serde_json::{Value, json};

use super::here::Here;
use super::text::{Words, split, words_of};
use crate::printable::printable;
use crate::units;

/// Chains and tables in the result.
const MOST: usize = 256;
/// Rules that are looked at.
const MOST_RULES: usize = 200_000;

/// The rules of one output.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rules {
    pub kind: &'static str,
    pub family: &'static str,
    pub tables: usize,
    pub rules: usize,
    pub chains: Vec<Chain>,
    /// Rules that drop or refuse, with what they counted since their counters were reset.
    pub drops: Vec<Drop>,
    /// Whether rules were printed with their counters.
    pub counted: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain {
    pub table: String,
    pub name: String,
    pub hook: String,
    pub policy: String,
    pub packets: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drop {
    pub rule: String,
    pub packets: Option<u64>,
    pub bytes: Option<u64>,
}

/// Rules from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Rules)> {
    listed(here).or_else(|| saved(here)).or_else(|| nft(here)).or_else(|| sets(here))
}

fn six(here: &Here<'_>) -> &'static str {
    let named = |word: &&str| word.contains("ip6tables");
    if here.command.iter().any(named) || here.document.name.contains("ip6tables") { "ip6" } else { "ip" }
}

/// `12K`, `3M`, as `iptables -v` writes counters without -x.
fn counter(word: &str) -> Option<u64> {
    let (digits, factor) = match word.as_bytes().last()? {
        b'K' => (&word[..word.len() - 1], 1_000),
        b'M' => (&word[..word.len() - 1], 1_000_000),
        b'G' => (&word[..word.len() - 1], 1_000_000_000),
        b'T' => (&word[..word.len() - 1], 1_000_000_000_000),
        _ => (word, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn hook(chain: &str) -> Option<&'static str> {
    Some(match chain {
        "INPUT" => "input",
        "FORWARD" => "forward",
        "OUTPUT" => "output",
        "PREROUTING" => "prerouting",
        "POSTROUTING" => "postrouting",
        _ => return None,
    })
}

/// `iptables -L`, with and without -v and -n.
fn listed(here: &Here<'_>) -> Option<(usize, Rules)> {
    let document = here.document;
    let mut rules = Rules { kind: "legacy", family: six(here), tables: 1, ..Rules::default() };
    let mut place = here.at;
    let mut chain = String::new();
    let mut ended = here.at;
    while place < document.len() && rules.rules < MOST_RULES {
        let words = here.words(place);
        let whole = !document.ends_within(place);
        match words.as_slice() {
            [] => {
                place += 1;
                continue;
            }
            ["Chain", name, rest @ ..] if rest.first().is_some_and(|word| word.starts_with('(')) => {
                chain = printable(name);
                if let (Some(hook), ["(policy", policy, rest @ ..]) = (hook(name), rest)
                    && rules.chains.len() < MOST
                {
                    let packets = if rest.get(1).is_some_and(|word| word.starts_with("packets")) {
                        rest.first().and_then(|word| counter(word))
                    } else {
                        None
                    };
                    rules.counted |= packets.is_some();
                    rules.chains.push(Chain {
                        table: "filter".into(),
                        name: chain.clone(),
                        hook: hook.into(),
                        policy: policy.trim_end_matches(')').to_ascii_lowercase(),
                        packets,
                    });
                }
            }
            ["target", "prot", ..] | ["pkts", "bytes", ..] | ["num", ..] if !chain.is_empty() => {}
            _ if chain.is_empty() => return None,
            words => {
                let words = if words[0].bytes().all(|byte| byte.is_ascii_digit())
                    && words.get(1).is_some_and(|word| !word.bytes().all(|b| b.is_ascii_digit()))
                    && counter(words[0]).is_some()
                    && words.get(1).and_then(|word| counter(word)).is_none()
                {
                    &words[1..]
                } else {
                    words
                };
                let counted = words.len() >= 8 && counter(words[0]).is_some() && counter(words[1]).is_some();
                let (packets, bytes, target, prot) = if counted {
                    (counter(words[0]), counter(words[1]), words[2], words[3])
                } else {
                    (None, None, words[0], words.get(1).copied().unwrap_or_default())
                };
                let is_prot = [
                    "tcp",
                    "udp",
                    "icmp",
                    "all",
                    "0",
                    "6",
                    "17",
                    "1",
                    "icmpv6",
                    "ipv6-icmp",
                    "58",
                    "esp",
                    "ah",
                    "gre",
                    "47",
                    "50",
                    "51",
                    "2",
                    "igmp",
                    "sctp",
                    "udplite",
                    "ipv4",
                    "41",
                    "4",
                ]
                .contains(&prot)
                    || prot == "--";
                let has_ends = words.len() >= 5 || (words.len() >= 4 && six(here) == "ip6");
                if !(is_prot || counted) || !has_ends && whole {
                    // The end of a row that mail wrapped.
                    let before = document.line(place - 1).trim_end();
                    if rules.rules > 0 && (60..=110).contains(&before.len()) && words.len() <= 8 {
                        if let Some(drop) =
                            rules.drops.last_mut().filter(|_| before.contains("DROP") || before.contains("REJECT"))
                        {
                            drop.rule = format!(
                                "{} {}",
                                drop.rule,
                                printable(words.join(" ").chars().take(80).collect::<String>())
                            );
                        }
                        place += 1;
                        ended = place;
                        continue;
                    }
                    break;
                }
                rules.counted |= counted;
                rules.rules += 1;
                if matches!(target, "DROP" | "REJECT") && whole && rules.drops.len() < MOST_RULES {
                    let tail = words.get(if counted { 8 } else { 4 }..).unwrap_or_default().join(" ");
                    let sentence = format!("{chain}: {target} {prot} {tail}");
                    rules.drops.push(Drop {
                        rule: printable(sentence.trim().chars().take(160).collect::<String>()),
                        packets,
                        bytes,
                    });
                }
            }
        }
        place += 1;
        ended = place;
    }
    (!rules.chains.is_empty() || rules.rules > 0).then(|| (ended - here.at, rules))
}

/// `iptables-save`, `iptables -S`, or rules alone.
fn saved(here: &Here<'_>) -> Option<(usize, Rules)> {
    let document = here.document;
    let mut rules = Rules { kind: "legacy", family: six(here), ..Rules::default() };
    let mut place = here.at;
    let mut ended = here.at;
    let mut table: Option<String> = None;
    let mut cut = false;
    while place < document.len() && rules.rules < MOST_RULES {
        let line = document.line(place).trim();
        let whole = !document.ends_within(place);
        let rule = line.strip_prefix("iptables ").or_else(|| line.strip_prefix("sudo iptables ")).unwrap_or(line);
        if line.starts_with("# Generated by ip")
            || line.starts_with("# Completed on")
            || (line.starts_with('#') && ended > here.at && !line.starts_with("# "))
        {
            if line.contains("ip6tables-save") {
                rules.family = "ip6";
            }
        } else if line.starts_with('*') && matches!(&line[1..], "filter" | "nat" | "mangle" | "raw" | "security") {
            rules.tables += 1;
            table = Some(line[1..].to_owned());
        } else if line == "COMMIT" && table.is_some() {
            table = None;
        } else if let Some((name, policy, packets)) = chain_of(line) {
            if let (Some(hook), true) = (hook(name), rules.chains.len() < MOST) {
                let table = table.clone().unwrap_or_else(|| "filter".into());
                rules.chains.push(Chain {
                    table,
                    name: printable(name),
                    hook: hook.into(),
                    policy: policy.to_ascii_lowercase(),
                    packets,
                });
            }
        } else if rule.starts_with("-A ")
            || rule.starts_with("-N ")
            || rule.starts_with("-I ")
            || (rule.starts_with('[') && rule.contains("] -A "))
        {
            cut |= !whole && table.is_some();
            if !rule.starts_with("-N ") {
                rules.rules += 1;
                let counts = rule
                    .strip_prefix('[')
                    .and_then(|rest| rest.split_once(']'))
                    .and_then(|(inside, _)| inside.split_once(':'));
                let (packets, bytes) =
                    counts.map_or((None, None), |(packets, bytes)| (packets.parse().ok(), bytes.parse().ok()));
                rules.counted |= packets.is_some();
                if ["-j DROP", "-j REJECT"].iter().any(|target| rule.contains(target)) && whole {
                    let text = rule.rsplit_once("] ").map_or(rule, |(_, text)| text);
                    rules.drops.push(Drop {
                        rule: printable(text.chars().take(160).collect::<String>()),
                        packets,
                        bytes,
                    });
                }
            }
        } else if line.is_empty() && ended > here.at {
            place += 1;
            continue;
        } else {
            break;
        }
        place += 1;
        ended = place;
    }
    // A table without its end was cut short: rules that are not there would read as rules that do not exist.
    if cut || (table.is_some() && !rules.chains.is_empty() && ended == document.len()) {
        return Some((ended - here.at, Rules { kind: "cut", ..Rules::default() }));
    }
    rules.tables = rules.tables.max(1);
    (rules.rules > 0 || !rules.chains.is_empty()).then(|| (ended - here.at, rules))
}

/// `:INPUT DROP [1:60]`, `-P INPUT DROP`.
fn chain_of(line: &str) -> Option<(&str, &str, Option<u64>)> {
    let words = words_of(line);
    match words.as_slice() {
        ["-P", name, policy @ ("ACCEPT" | "DROP"), ..] => Some((name, policy, None)),
        [name, policy @ ("ACCEPT" | "DROP" | "-"), counts] if name.starts_with(':') && counts.starts_with('[') => {
            Some((name.strip_prefix(':')?, policy, counts.trim_start_matches('[').split(':').next()?.parse().ok()))
        }
        _ => None,
    }
}

/// `nft list ruleset`, `nft list table`.
fn nft(here: &Here<'_>) -> Option<(usize, Rules)> {
    let document = here.document;
    // `-a` writes the handle of each behind it.
    let plain = |at: usize| {
        let line = document.line(at).trim();
        line.split_once(" # handle ").map_or(line, |(line, _)| line).trim_end()
    };
    let first = plain(here.at);
    let is_table =
        |line: &str| line.starts_with("table ") && line.ends_with('{') && line.split_whitespace().count() <= 5;
    if !is_table(first) {
        return None;
    }
    let mut rules = Rules { kind: "nftables", family: "inet", ..Rules::default() };
    let (mut table, mut chain, mut depth) = (String::new(), String::new(), 0_i32);
    let mut place = here.at;
    let mut ended = here.at;
    while place < document.len() && rules.rules < MOST_RULES {
        let line = plain(place);
        if depth == 0 {
            if line.is_empty() || line.starts_with('#') {
                place += 1;
                continue;
            }
            if !is_table(line) {
                break;
            }
            rules.tables += 1;
            table = printable(line.trim_end_matches('{').split_whitespace().skip(1).collect::<Vec<_>>().join(" "));
        }
        let words = words_of(line);
        match words.as_slice() {
            ["chain", name, "{"] => chain = printable(name),
            ["type", _, "hook", hook, ..] if rules.chains.len() < MOST => {
                let policy = line
                    .split_once("policy ")
                    .map_or("accept", |(_, rest)| rest.split(';').next().unwrap_or("accept").trim());
                rules.chains.push(Chain {
                    table: table.clone(),
                    name: chain.clone(),
                    hook: printable(hook),
                    policy: printable(policy),
                    packets: None,
                });
            }
            [] | ["}"] | ["set" | "map" | "counter" | "quota" | "flowtable", ..] => {}
            words if depth >= 2 && !chain.is_empty() => {
                rules.rules += 1;
                let figure = |name: &str| {
                    words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)?.parse::<u64>().ok())
                };
                let counts = words.contains(&"counter");
                rules.counted |= counts;
                if words.iter().any(|word| matches!(*word, "drop" | "reject")) && !document.ends_within(place) {
                    let (packets, bytes) = if counts { (figure("packets"), figure("bytes")) } else { (None, None) };
                    rules.drops.push(Drop {
                        rule: printable(format!("{table} {chain}: {line}").chars().take(200).collect::<String>()),
                        packets,
                        bytes,
                    });
                }
            }
            _ => {}
        }
        depth += i32::try_from(line.matches('{').count()).unwrap_or(0)
            - i32::try_from(line.matches('}').count()).unwrap_or(0);
        if depth == 1 {
            chain.clear();
        }
        place += 1;
        if depth == 0 {
            ended = place;
        }
        if depth < 0 {
            break;
        }
    }
    // A table that does not end was cut short.
    if depth != 0 {
        return Some((place.max(here.at + 1) - here.at, Rules { kind: "cut", ..Rules::default() }));
    }
    (rules.tables > 0 && ended > here.at).then(|| (ended - here.at, rules))
}

/// `nft -j list ruleset`.
pub(super) fn of_json(items: &[Value]) -> Rules {
    let mut rules = Rules { kind: "nftables", family: "inet", ..Rules::default() };
    for item in items.iter().take(MOST_RULES) {
        let text = |value: &Value| printable(value.as_str().unwrap_or_default().chars().take(64).collect::<String>());
        if item["table"].is_object() {
            rules.tables += 1;
        } else if let Some(chain) =
            item.get("chain").filter(|chain| chain["hook"].is_string() && rules.chains.len() < MOST)
        {
            rules.chains.push(Chain {
                table: text(&chain["table"]),
                name: text(&chain["name"]),
                hook: text(&chain["hook"]),
                policy: chain["policy"].as_str().map_or("accept".into(), printable),
                packets: None,
            });
        } else if let Some(rule) = item.get("rule") {
            rules.rules += 1;
            let expressions = rule["expr"].as_array();
            let find = |name: &str| expressions.into_iter().flatten().find_map(|expression| expression.get(name));
            if find("drop").is_some() || find("reject").is_some() {
                let counter = find("counter");
                let figure = |name: &str| counter.and_then(|counter| counter[name].as_u64());
                rules.counted |= counter.is_some();
                let name = format!("{} {} handle {}", text(&rule["table"]), text(&rule["chain"]), rule["handle"]);
                rules.drops.push(Drop { rule: printable(&name), packets: figure("packets"), bytes: figure("bytes") });
            }
        }
    }
    rules
}

/// `ipset list`, `ipset save`.
fn sets(here: &Here<'_>) -> Option<(usize, Rules)> {
    let document = here.document;
    let is_saved = |line: &str| {
        let words: Words<'_> = split(line).take(3).collect();
        matches!(words.as_slice(), ["create", _, kind] if kind.contains(':'))
            || matches!(words.as_slice(), ["add", _, _])
    };
    if document.line(here.at).starts_with("create ") && is_saved(document.line(here.at)) {
        let lines = (here.at..document.len()).take_while(|at| is_saved(document.line(*at))).count();
        return Some((lines, Rules { kind: "ipset", family: "ip", ..Rules::default() }));
    }
    if !(document.line(here.at).starts_with("Name: ") && document.line(here.at + 1).starts_with("Type: ")) {
        return None;
    }
    let mut place = here.at;
    while place < document.len() {
        let line = document.line(place).trim();
        let is_entry = line.split_whitespace().next().is_some_and(|word| {
            word.split(['/', ',', '-']).next().is_some_and(|address| address.parse::<std::net::IpAddr>().is_ok())
        });
        if !(line.is_empty()
            || is_entry
            || line.split_once(':').is_some_and(|(name, _)| {
                ["Name", "Type", "Revision", "Header", "Size in memory", "References", "Number of entries", "Members"]
                    .contains(&name)
            }))
        {
            break;
        }
        place += 1;
    }
    Some((place - here.at, Rules { kind: "ipset", family: "ip", ..Rules::default() }))
}

impl Rules {
    /// What its rules counted, in sentences: the rules that dropped most since their counters were reset.
    pub(super) fn stands_out(&self) -> Vec<String> {
        let mut drops: Vec<&Drop> =
            self.drops.iter().filter(|drop| drop.packets.is_some_and(|packets| packets > 0)).collect();
        drops.sort_by_key(|drop| std::cmp::Reverse(drop.packets));
        let told = |drop: &&Drop| {
            let bytes = drop.bytes.map(|bytes| format!(", {}", units::bytes(bytes as f64))).unwrap_or_default();
            format!(
                "firewall, since its counters were reset: {} dropped {} packets{bytes}",
                drop.rule,
                units::count(drop.packets.unwrap_or_default() as f64)
            )
        };
        drops.iter().take(3).map(told).collect()
    }
}

/// The firewall as the probe shows it; none when there are no rules.
pub(super) fn output(all: &[&Rules]) -> Option<Value> {
    let rules: Vec<&&Rules> = all.iter().filter(|rules| !matches!(rules.kind, "ipset" | "cut")).collect();
    if rules.is_empty() {
        return None;
    }
    let backends: Vec<Value> = rules
        .iter()
        .take(MOST)
        .map(|rules| json!({"family": rules.family, "kind": rules.kind, "tables": rules.tables, "rules": rules.rules}))
        .collect();
    let chain = |rules: &Rules, chain: &Chain| {
        json!({
            "backend": rules.kind, "family": rules.family, "table": chain.table, "chain": chain.name, "hook": chain.hook,
            "policy": chain.policy, "device": null,
        })
    };
    let chains: Vec<Value> =
        rules.iter().flat_map(|rules| rules.chains.iter().map(|of| chain(rules, of))).take(MOST).collect();
    Some(json!({"backends": backends, "chains": chains}))
}
