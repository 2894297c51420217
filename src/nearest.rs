//! Which name was probably meant: "did you mean …?".

/// A longer name is not compared.
const LONGEST: usize = 200;

/// The candidate that is most like `name`, if any is like it at all: a letter wrong, and one more for every five.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
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

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn letters_in_the_wrong_order_are_one_mistake() {
        assert_eq!(nearest("eht1", ["eth0", "eth1"]), Some("eth1"));
    }

    #[test]
    fn a_name_of_one_letter_is_like_no_other_letter() {
        assert_eq!(nearest("c", ["a", "b"]), None);
    }

    #[test]
    fn what_is_like_nothing_has_no_nearest() {
        assert_eq!(nearest("xyz", ["lo", "eth0"]), None);
        assert_eq!(nearest("eth0", []), None);
    }
}
