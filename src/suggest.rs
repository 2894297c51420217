//! Which name was probably meant: "did you mean …?", or what there is.

/// A longer name is not compared.
const LONGEST: usize = 200;

/// How many names are listed when none is like the one that was written.
const LISTED: usize = 24;

/// What was probably meant by a name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion<'a> {
    near: Option<&'a str>,
    known: Vec<&'a str>,
}

impl<'a> Suggestion<'a> {
    /// What was probably meant by `name`, of these.
    pub fn of(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let whole = known
            .iter()
            .copied()
            .filter(|known| known.strip_prefix(name).is_some_and(|rest| rest.starts_with(SEPARATORS)));
        let whole: Vec<&str> = whole.collect();
        let near = beginning(name, &whole)
            .or_else(|| nearest(name, known.iter().copied()))
            .or_else(|| beginning(name, &known));
        Suggestion { near, known }
    }

    /// The name itself.
    pub fn name(&self) -> Option<&'a str> {
        self.near
    }

    /// "did you mean `NAME`?"
    pub fn question(&self) -> Option<String> {
        self.near.map(|near| format!("did you mean `{near}`?"))
    }

    /// The question, or what there is when no name is like it; nothing, when there are no names.
    pub fn or_list(&self) -> Option<String> {
        self.question().or_else(|| {
            let more = if self.known.len() > LISTED { ", …" } else { "" };
            let shown = &self.known[..self.known.len().min(LISTED)];
            (!shown.is_empty()).then(|| format!("there are: {}{more}", shown.join(", ")))
        })
    }

    /// The question or the list for what takes parameters: it may take none.
    pub fn or_none(&self) -> String {
        self.or_list().unwrap_or_else(|| "it takes none".to_owned())
    }

    /// The message, with the question behind it.
    pub fn behind(&self, message: &str) -> String {
        self.near.map_or_else(|| message.to_owned(), |near| format!("{message}; did you mean `{near}`?"))
    }

    /// The message, with the question or the list behind it.
    pub fn or_list_behind(&self, message: &str) -> String {
        self.or_list().map_or_else(|| message.to_owned(), |help| format!("{message}; {help}"))
    }
}

/// The candidate that is most like `name`, if any is like it at all: a letter wrong, and one more for every five.
fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = name.chars().count();
    candidates
        .into_iter()
        // Comparing takes time in proportion to both lengths; a name may be as long as a script makes it.
        .filter(|candidate| letters.abs_diff(candidate.chars().count()) <= 1 + candidate.len().max(name.len()) / 5)
        .filter(|candidate| candidate.len().max(name.len()) <= LONGEST)
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        // A name of which hardly a letter is left was not meant.
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(name.len()) / 5 && *distance < name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What stands between the parts of a name.
const SEPARATORS: [char; 3] = ['-', '_', '.'];

/// Letters that a beginning or a part of a name has at least.
const BEGINNING: usize = 3;

/// The shortest name that begins with what was written, or has it as a whole part between dashes, dots or underscores.
fn beginning<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let fits = |known: &&&str| {
        let parts = || known.split(SEPARATORS).any(|part| part == name);
        known.starts_with(name) || parts()
    };
    let long = name.chars().count() >= BEGINNING && name.len() <= LONGEST;
    known.iter().filter(|_| long).filter(fits).min_by_key(|known| (!known.starts_with(name), known.len())).copied()
}

#[cfg(test)]
mod tests {
    use super::{Suggestion, nearest};

    #[test]
    fn a_suggestion_asks_or_lists_what_there_is() {
        let asked = Suggestion::of("eht1", ["eth0", "eth1"]);
        assert_eq!(asked.or_list().as_deref(), Some("did you mean `eth1`?"));
        assert_eq!(asked.behind("there is no `eht1`"), "there is no `eht1`; did you mean `eth1`?");
        let listed = Suggestion::of("xyz", ["lo", "eth0"]);
        assert_eq!((listed.question(), listed.or_none().as_str()), (None, "there are: lo, eth0"));
        assert_eq!(listed.behind("no"), "no");
        assert_eq!(Suggestion::of("xyz", []).or_none(), "it takes none");
    }

    #[test]
    fn letters_in_the_wrong_order_are_one_mistake() {
        assert_eq!(nearest("eht1", ["eth0", "eth1"]), Some("eth1"));
    }

    #[test]
    fn a_name_of_one_letter_is_like_no_other_letter() {
        assert_eq!(nearest("c", ["a", "b"]), None);
    }

    #[test]
    fn the_beginning_of_a_name_and_a_whole_part_of_it_mean_it() {
        let near = |name| Suggestion::of(name, ["high-inbound-traffic", "high-outbound", "lo"]).name();
        assert_eq!(near("high-inbound"), Some("high-inbound-traffic"));
        assert_eq!(near("high"), Some("high-outbound"));
        assert_eq!(near("high-inbound-trafic"), Some("high-inbound-traffic"));
        assert_eq!(near("traffic"), Some("high-inbound-traffic"));
        assert_eq!(near("hi"), None);
        assert_eq!(near("raffi"), None);
    }

    #[test]
    fn what_is_like_nothing_has_no_nearest() {
        assert_eq!(nearest("xyz", ["lo", "eth0"]), None);
        assert_eq!(nearest("eth0", []), None);
    }
}
