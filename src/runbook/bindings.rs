//! The order of names that stand for values and conditions: each behind those that it uses, wherever it is written.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use super::model::{Binding, Bound};
use crate::script::NameUse;

/// The free names in a binding.
fn uses(binding: &Binding) -> impl Iterator<Item = &NameUse> {
    let expressions = match &binding.meaning {
        Bound::Value(expression) => vec![expression],
        Bound::Fact(condition) => condition.atoms(),
    };
    expressions.into_iter().flat_map(|expression| expression.uses())
}

/// For each binding the places of the others that it uses.
fn links(bindings: &[Binding]) -> Vec<BTreeSet<usize>> {
    let places = places(bindings);
    bindings.iter().map(|one| uses(one).filter_map(|used| places.get(used.name.as_str()).copied()).collect()).collect()
}

/// For each binding the places of the others whose names are words of its text: all that it uses, and maybe some that a string
/// names. It is found without a reader of expressions.
fn mentions(bindings: &[Binding]) -> Vec<BTreeSet<usize>> {
    let names = || bindings.iter().map(|binding| binding.name.as_bytes());
    let mut places: Vec<(&[u8], usize)> = names().zip(0..).collect();
    places.sort_unstable();
    // Most words begin or are as long as none of the names.
    let mut shapes = [0_u64; 256];
    let shape = |word: &[u8]| (word.first().copied().map_or(0, usize::from), 1_u64 << word.len().min(63));
    for (first, length) in names().map(shape) {
        shapes[first] |= length;
    }
    let place = |word: &[u8]| {
        let (first, length) = shape(word);
        let known = || places.binary_search_by_key(&word, |(name, _)| *name).ok();
        (shapes[first] & length != 0).then(known).flatten().map(|at| places[at].1)
    };
    let of = |binding: &Binding| {
        let text = match &binding.meaning {
            Bound::Value(expression) => expression.text.as_bytes(),
            Bound::Fact(condition) => condition.text.as_bytes(),
        };
        words(text).filter_map(place).collect()
    };
    bindings.iter().map(of).collect()
}

/// The words of an expression that may be names: fields behind a dot are none, nor is a text of one word.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let before = |start: usize, back: usize| start.checked_sub(back).and_then(|place| text.get(place));
    let mut end = 0;
    let all = std::iter::from_fn(move || {
        let start = end + text[end..].iter().position(is_part)?;
        end = start + text[start..].iter().position(|byte| !is_part(byte)).unwrap_or(text.len() - start);
        Some((start, end))
    });
    let may_be_name = move |(start, end): &(usize, usize)| match before(*start, 1) {
        Some(b'.') => before(*start, 2) == Some(&b'.'),
        Some(quote @ (b'"' | b'\'')) => text.get(*end) != Some(quote),
        _ => true,
    };
    all.filter(may_be_name).map(|(start, end)| &text[start..end])
}

fn places(bindings: &[Binding]) -> HashMap<&str, usize> {
    bindings.iter().enumerate().map(|(place, binding)| (binding.name.as_str(), place)).collect()
}

/// Puts each binding behind those that it uses, and otherwise leaves them in the order in which they are written. Names that
/// use one another are told as a chain that ends where it began; they come last.
pub(super) fn in_order(bindings: Vec<Binding>) -> (Vec<Binding>, Option<Vec<String>>) {
    let mut links = mentions(&bindings);
    let (mut order, mut open) = behind_links(&links);
    // What is only mentioned may be a circle that is none.
    if order.len() < bindings.len() {
        links = self::links(&bindings);
        (order, open) = behind_links(&links);
    }
    let circle = open.iter().position(|open| *open > 0).map(|first| chain(first, &links, &open, &bindings));
    order.extend(open.iter().enumerate().filter(|(_, open)| **open > 0).map(|(place, _)| place));
    let mut bindings: Vec<Option<Binding>> = bindings.into_iter().map(Some).collect();
    (order.into_iter().filter_map(|place| bindings[place].take()).collect(), circle)
}

/// The places behind what they are linked to; and for each place how many of its links are still open in the end.
fn behind_links(links: &[BTreeSet<usize>]) -> (Vec<usize>, Vec<usize>) {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); links.len()];
    let mut open: Vec<usize> = links.iter().map(BTreeSet::len).collect();
    for (place, used) in links.iter().enumerate() {
        used.iter().for_each(|used| users[*used].push(place));
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        open.iter().enumerate().filter(|(_, open)| **open == 0).map(|(place, _)| Reverse(place)).collect();
    let mut order = Vec::with_capacity(links.len());
    while let Some(Reverse(place)) = ready.pop() {
        order.push(place);
        for user in &users[place] {
            open[*user] -= 1;
            if open[*user] == 0 {
                ready.push(Reverse(*user));
            }
        }
    }
    (order, open)
}

/// The names of a circle, beginning and ending with the same one.
fn chain(first: usize, links: &[BTreeSet<usize>], open: &[usize], bindings: &[Binding]) -> Vec<String> {
    let mut walked = vec![first];
    loop {
        // Whatever is open uses something that is open, so the walk comes back to where it has been.
        let last = walked[walked.len() - 1];
        let Some(next) = links[last].iter().copied().find(|used| open[*used] > 0) else { break };
        if let Some(begin) = walked.iter().position(|place| *place == next) {
            walked.drain(..begin);
            walked.push(next);
            break;
        }
        walked.push(next);
    }
    walked.into_iter().map(|place| bindings[place].name.clone()).collect()
}

/// The places of the bindings that these names stand for, with all that they use, in order.
pub(super) fn behind<'a>(names: impl Iterator<Item = &'a str>, bindings: &[Binding]) -> Vec<usize> {
    let mut open: Vec<usize> =
        names.filter_map(|name| bindings.iter().position(|binding| binding.name == name)).collect();
    if open.is_empty() {
        return open;
    }
    let places = places(bindings);
    let mut found = BTreeSet::new();
    while let Some(place) = open.pop() {
        if found.insert(place) {
            open.extend(uses(&bindings[place]).filter_map(|used| places.get(used.name.as_str()).copied()));
        }
    }
    found.into_iter().collect()
}

/// The names that a binding uses.
pub(super) fn names(binding: &Binding) -> impl Iterator<Item = &str> {
    uses(binding).map(|used| used.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Condition, Expression};

    fn value(name: &str, text: &str) -> Binding {
        Binding { name: name.to_owned(), meaning: Bound::Value(Expression::parse(text, "test").unwrap()) }
    }

    fn fact(name: &str, text: &str) -> Binding {
        Binding { name: name.to_owned(), meaning: Bound::Fact(Condition::parse(text, "test").unwrap()) }
    }

    fn names(bindings: &[Binding]) -> Vec<&str> {
        bindings.iter().map(|binding| binding.name.as_str()).collect()
    }

    #[test]
    fn a_name_comes_behind_what_it_uses_and_the_rest_stays_as_written() {
        let (ordered, circle) =
            in_order(vec![fact("a", "b and step.x"), value("b", "c + 1"), value("c", "1"), value("d", "2")]);
        assert_eq!((names(&ordered), circle), (vec!["c", "b", "a", "d"], None));
        assert_eq!(behind(["a"].into_iter(), &ordered), [0, 1, 2]);
        assert_eq!(behind(["d"].into_iter(), &ordered), [3]);
    }

    #[test]
    fn names_that_use_one_another_are_told_as_a_circle() {
        let (_, circle) = in_order(vec![value("z", "a"), fact("a", "b or x"), fact("b", "not c"), fact("c", "a")]);
        assert_eq!(circle.unwrap(), ["a", "b", "c", "a"]);
        let (_, own) = in_order(vec![value("a", "a + 1")]);
        assert_eq!(own.unwrap(), ["a", "a"]);
    }

    #[test]
    fn a_name_that_a_function_binds_itself_is_no_use() {
        let (_, circle) = in_order(vec![value("a", "map(x, function(a) return a.b end)")]);
        assert_eq!(circle, None);
    }

    #[test]
    fn what_an_expression_uses_is_among_the_words_that_may_be_names() {
        for (text, wanted) in [
            ("a.b and c..d", vec!["a", "and", "c", "d"]),
            ("value_or(a, \"b\", 'c') ..d", vec!["value_or", "a", "d"]),
            ("\"b c\" == é", vec!["b", "c"]),
            ("", vec![]),
        ] {
            assert_eq!(words(text.as_bytes()).map(|word| str::from_utf8(word).unwrap()).collect::<Vec<_>>(), wanted);
        }
        let names = ["a", "b", "c", "d"].map(|name| value(name, "a.b + c['d'] .. f'b'"));
        let (mentioned, used) = (mentions(&names), links(&names));
        assert!(used.iter().zip(&mentioned).all(|(used, mentioned)| used.is_subset(mentioned)), "{mentioned:?}");
    }

    #[test]
    fn a_long_chain_exhausts_no_stack() {
        let mut all: Vec<Binding> = (0..20_000).map(|n| value(&format!("n{n}"), &format!("n{}", n + 1))).collect();
        all.push(value("n20000", "1"));
        assert_eq!(in_order(all).0[0].name, "n20000");
    }
}
