//! Where the inbound bytes of all hosts went: their ledgers, added up.

use indexmap::IndexMap;

use super::said::{median, plural};
use super::summary::{KeptEntry, Summary};
use crate::case::{Account, Entry};

/// Entries that a merged ledger has at most; the rest stays in those of the hosts.
const MOST_ENTRIES: usize = 64;

/// What makes the ends of several hosts one: label, protocol, port.
type End<'a> = (&'a str, Option<&'a str>, Option<u16>);

/// The sum of the hosts' ledgers; none where no host has one. What is the same on several hosts is one entry.
pub(super) fn summed(members: &[Summary]) -> Option<Account> {
    let books: Vec<_> = members.iter().filter_map(|member| member.books.as_ref()).collect();
    let seconds = median(books.iter().map(|books| books.seconds))?;
    let sum = |figures: &mut dyn Iterator<Item = u64>| figures.fold(0, u64::saturating_add);
    let bytes = sum(&mut books.iter().map(|books| books.bytes));
    let share = |part: u64| if bytes > 0 { part as f64 / bytes as f64 } else { 0.0 };
    let mut ends: IndexMap<End<'_>, (&KeptEntry, u64, u64, usize)> = IndexMap::new();
    for entry in books.iter().flat_map(|books| &books.entries) {
        let key = (entry.label.as_str(), entry.protocol.as_deref(), entry.port);
        let end = ends.entry(key).or_insert((entry, 0, 0, 0));
        end.1 = end.1.saturating_add(entry.bytes);
        end.2 = end.2.saturating_add(entry.packets);
        end.3 += 1;
    }
    let mut entries: Vec<Entry> = ends
        .into_values()
        .map(|(of, bytes, packets, hosts)| Entry {
            kind: of.kind,
            label: format!("{} (on {})", of.label, plural(hosts, "host")),
            bytes,
            packets,
            share: share(bytes),
            protocol: of.protocol.clone(),
            address: None,
            port: of.port,
            process: None,
            rule: None,
            container: None,
        })
        .collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.bytes));
    entries.truncate(MOST_ENTRIES);
    // What is in no entry that is listed is not thereby unexplained on its host; here it is not accounted for.
    let listed = sum(&mut entries.iter().map(|entry| entry.bytes));
    let unexplained = bytes.saturating_sub(listed);
    let mut disagreements = Vec::new();
    let own = sum(&mut books.iter().map(|books| books.unexplained));
    if unexplained > own {
        let left_out = crate::units::bytes((unexplained - own) as f64);
        disagreements
            .push(format!("{left_out} of what is unexplained here is in small entries of the hosts' own ledgers"));
    }
    if books.len() < members.len() {
        let without = plural(members.len() - books.len(), "host");
        disagreements.push(format!("{without} without a ledger: what came in there is in no sum"));
    }
    Some(Account {
        interface: plural(books.len(), "host"),
        interfaces: Vec::new(),
        bytes,
        packets: sum(&mut books.iter().map(|books| books.packets)),
        seconds,
        entries,
        unexplained_bytes: unexplained,
        unexplained_share: (bytes > 0).then(|| share(unexplained)),
        disagreements,
        outbound: None,
    })
}
