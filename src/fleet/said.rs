//! How many hosts are named in a line: the count, and the few that differ.

use crate::case::Agreement;

/// Hosts that are named one by one.
const MOST_NAMED: usize = 6;

/// `1 host`, `12 hosts`.
pub(super) fn plural(count: usize, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}

/// `db-3`, `web-1, web-2 and web-4`, `web-1, web-2 … and 9 more`.
pub(super) fn hosts_of<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = names.len();
    let named: Vec<&str> = names.take(if count > MOST_NAMED { MOST_NAMED - 1 } else { count }).collect();
    match named.as_slice() {
        [] => "no host".to_owned(),
        [one] if count == 1 => (*one).to_owned(),
        named if count > named.len() => format!("{} and {} more", named.join(", "), count - named.len()),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// What hosts agree on in a line, and who differs: `6.1.0 (31 hosts); db-3 differs: 5.10.0`.
pub(super) fn in_a_line(agreement: &Agreement) -> String {
    let Some((most, others)) = agreement.groups.split_first() else { return String::new() };
    if others.is_empty() {
        return most.what.clone();
    }
    let differ = others.iter().take(MOST_NAMED).map(|group| {
        let word = if group.hosts.len() == 1 { "differs" } else { "differ" };
        format!("{} {word}: {}", hosts_of(group.hosts.iter().map(String::as_str)), group.what)
    });
    let left = others.len().saturating_sub(MOST_NAMED);
    let left = (left > 0).then(|| format!("and {left} more answers"));
    let rest: Vec<String> = differ.chain(left).collect();
    format!("{} agree ({}); {}", most.hosts.len(), most.what, rest.join("; "))
}

/// The figure in the middle.
pub(super) fn median(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let mut all: Vec<f64> = figures.filter(|figure| figure.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    match all.len() {
        0 => None,
        odd if odd % 2 == 1 => all.get(middle).copied(),
        _ => Some((all[middle - 1] + all[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Agreed;

    #[test]
    fn few_hosts_are_named_and_many_are_counted() {
        let named = |names: &[&str]| hosts_of(names.iter().copied());
        assert_eq!(named(&["a"]), "a");
        assert_eq!(named(&["a", "b", "c"]), "a, b and c");
        assert_eq!(named(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }

    #[test]
    fn the_odd_one_is_named_beside_those_that_agree() {
        let agreed = |what: &str, hosts: &[&str]| Agreed {
            what: what.into(),
            example: String::new(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        };
        let mut agreement = Agreement { of: "kernel".into(), groups: vec![agreed("6.1", &["a", "b"])] };
        assert_eq!(in_a_line(&agreement), "6.1");
        agreement.groups.push(agreed("5.10", &["db-3"]));
        assert_eq!(in_a_line(&agreement), "2 agree (6.1); db-3 differs: 5.10");
    }

    #[test]
    fn the_median_of_nothing_is_none() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3.0, 1.0, f64::NAN].into_iter()), Some(2.0));
        assert_eq!(median([3.0, 1.0, 9.0].into_iter()), Some(3.0));
    }
}
