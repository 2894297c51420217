//! What people say of a host in trouble, held against the words that runbooks are picked by.

/// Words of a complaint that are read.
const MOST_WORDS: usize = 256;

/// Words that say nothing by themselves, and may stand between those of a phrase.
const SMALL: [&str; 29] = [
    "a", "all", "am", "an", "and", "are", "be", "been", "but", "for", "has", "have", "i", "is", "it", "its", "my",
    "of", "our", "s", "so", "that", "the", "this", "to", "very", "was", "we", "were",
];

/// Endings that are taken off, the longest first.
const ENDINGS: [&str; 7] = ["ness", "ing", "ed", "es", "ly", "y", "s"];

/// The words of a text by which a complaint is known, without capital letters and endings.
pub fn words_in(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase);
    words.filter(|word| !SMALL.contains(&word.as_str())).take(MOST_WORDS).map(|word| stem(&word).to_owned()).collect()
}

/// The phrases that a complaint has, in their order.
pub fn matching<'p>(complaint: &str, phrases: &'p [String]) -> Vec<&'p str> {
    let said = words_in(complaint);
    phrases.iter().filter(|phrase| has(&said, &words_in(phrase))).map(String::as_str).collect()
}

/// Whether the words of a phrase follow one another. Two of the complaint may be one of the phrase: "log in", "login".
fn has(said: &[String], phrase: &[String]) -> bool {
    !phrase.is_empty() && (0..said.len()).any(|from| begins(&said[from..], phrase))
}

fn begins(said: &[String], phrase: &[String]) -> bool {
    let Some((first, rest)) = phrase.split_first() else { return true };
    let one = said.first().is_some_and(|word| word == first) && begins(&said[1..], rest);
    let two = || matches!(said, [one, two, ..] if stem(&format!("{one}{two}")) == first) && begins(&said[2..], rest);
    one || two()
}

/// A word without its ending: hangs, hanging, hang. What is left has three letters at least.
fn stem(word: &str) -> &str {
    let mut word = word;
    if !word.is_ascii() {
        return word;
    }
    for ending in ENDINGS {
        let Some(bare) = word.strip_suffix(ending).filter(|bare| bare.len() >= 3) else { continue };
        if ending == "s" && bare.ends_with(['s', 'u', 'i']) {
            break;
        }
        word = bare;
        break;
    }
    let letters = word.as_bytes();
    // lagging, lag
    if let [.., before, last] = letters
        && before == last
        && letters.len() > 3
        && !b"aeioulsf".contains(last)
    {
        word = &word[..word.len() - 1];
    }
    match word.strip_suffix('e') {
        Some(bare) if bare.len() >= 3 => bare,
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(complaint: &str, phrases: &[&str]) -> Vec<String> {
        let phrases: Vec<String> = phrases.iter().map(|phrase| (*phrase).to_owned()).collect();
        matching(complaint, &phrases).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn endings_and_capital_letters_do_not_matter() {
        for (said, word) in [
            ("SSH hangs", "hang"),
            ("it is hanging", "hang"),
            ("stalled typing", "stall"),
            ("the slowness of it", "slow"),
            ("typing lags", "lag"),
            ("typing is lagging", "lag"),
            ("time-outs everywhere", "time out"),
            ("it timed out", "time out"),
            ("web sites are down", "website"),
            ("logging in takes ages", "login"),
            ("nobody can log in", "login"),
            ("the disks are full", "disk"),
            ("NRPE checks time out", "nrpe"),
            ("the router's graph", "router graph"),
            ("write error: No space left on device", "no space left"),
            ("processes die", "process"),
        ] {
            assert_eq!(found(said, &[word]), [word], "{said}");
        }
    }

    #[test]
    fn a_word_within_a_word_and_words_apart_are_no_match() {
        for (said, word) in [
            ("diskette", "disk"),
            ("space, and no time left", "no space left"),
            ("", "ssh"),
            ("crash", "ssh"),
            ("is the", "it is"),
        ] {
            assert!(found(said, &[word]).is_empty(), "{said}");
        }
    }

    #[test]
    fn a_long_complaint_is_read_to_a_bound() {
        let long = format!("{}ssh", "word ".repeat(100_000));
        assert!(found(&long, &["ssh"]).is_empty());
        assert_eq!(words_in(&long).len(), MOST_WORDS);
    }
}
