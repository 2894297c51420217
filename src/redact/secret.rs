//! Secrets taken out of one text.

use super::rules::{RULES, is_name, matching};

/// What stands where a secret was.
pub fn stand_in(name: &str) -> String {
    format!("({name} left out)")
}

/// Stand-ins that others leave: the probe of files, and the secret parameters of a run.
const OTHERS: &[&str] = &["(left out)", "(secret "];
/// The longest stand-in, in characters.
const LONGEST_STAND_IN: usize = 40;
/// No secret is shorter than this together with what makes it one.
const SHORTEST: usize = 6;

/// The text without its secrets and how many they were; none if it has none. In program text (`source`) only the rules count
/// that need no context.
pub fn without(text: &str, source: bool) -> Option<(String, u64)> {
    if text.len() < SHORTEST {
        return None;
    }
    // A rule that does not compile hides all, not nothing.
    let Ok(matched) = matching(text, source) else { return Some((stand_in("text"), 1)) };
    if matched.is_empty() {
        return None;
    }
    let (mut clean, mut count) = (text.to_owned(), 0);
    for (index, regex) in matched {
        let rule = &RULES[index];
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for found in regex.captures_iter(&clean) {
            for (begin, end) in rule.secrets(&clean, &found) {
                if spans.last().is_some_and(|(_, last)| *last > begin) || is_stand_in(&clean[begin..]) {
                    continue;
                }
                let end = if rule.id == "private-key" { end_of_key(&clean, end) } else { end };
                spans.push(without_quotes(&clean, begin, end));
            }
        }
        for (begin, end) in spans.into_iter().rev() {
            clean.replace_range(begin..end, &stand_in(rule.name));
            count += 1;
        }
    }
    (count > 0).then_some((clean, count))
}

/// The place without the quotes around it, also where they are escaped.
fn without_quotes(text: &str, begin: usize, end: usize) -> (usize, usize) {
    let inner = &text[begin..end];
    for quote in ["\"", "'", "\\\"", "\\'"] {
        if inner.len() > 2 * quote.len() && inner.starts_with(quote) && inner.ends_with(quote) {
            return (begin + quote.len(), end - quote.len());
        }
    }
    (begin, end)
}

/// Whether a stand-in begins here. Reports may have escaped its parenthesis or broken its line.
fn is_stand_in(text: &str) -> bool {
    let text: String = text.trim_start_matches(['\\', '"', '\'']).chars().take(LONGEST_STAND_IN).collect();
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let ours = flat.starts_with('(')
        && flat.split(')').next().is_some_and(|inside| inside.trim_end_matches('\\').ends_with(" left out"));
    ours || OTHERS.iter().any(|other| flat.starts_with(other.trim_end()))
}

/// Where the key that began ends: behind its last line, or with what can still be a part of it.
fn end_of_key(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    if let Some(last) = rest.find("-----END ") {
        let close = rest[last + 9..].find("-----").map_or(rest.len(), |close| last + 9 + close + 5);
        return from + close;
    }
    let part = |c: char| c.is_ascii_alphanumeric() || "+/=\\ \r\n\t:,-.".contains(c);
    from + rest.find(|c| !part(c)).unwrap_or(rest.len())
}

/// Whether a private key begins in the text and goes on in the next: logs have a line for each of its lines.
pub fn opens_key(text: &str) -> bool {
    text.rfind("PRIVATE KEY").is_some_and(|at| text[..at].contains("-----BEGIN ") && !text[at..].contains("-----END "))
        && !text.contains("-----END ")
}

/// Whether the private key that began before ends here.
pub fn closes_key(text: &str) -> bool {
    text.contains("-----END ")
}

/// The longest run of characters that can be a line of a key, when it is long enough to be one.
pub fn line_of_key(text: &str) -> Option<std::ops::Range<usize>> {
    /// A line of a key has 64; the last may be short and tells little.
    const LINE: usize = 16;
    let mut best: Option<std::ops::Range<usize>> = None;
    let mut begin = 0;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let bytes = text.as_bytes();
    for at in 0..=bytes.len() {
        if bytes.get(at).is_some_and(|byte| is_part(*byte)) {
            continue;
        }
        if at - begin >= LINE && best.as_ref().is_none_or(|best| best.len() < at - begin) {
            best = Some(begin..at);
        }
        begin = at + 1;
    }
    best
}

/// Whether the value of a field, setting or parameter of this name is a secret.
pub fn is_secret_name(name: &str) -> bool {
    is_name(name)
}

/// The name of the first rule that finds a secret in the text.
pub fn first(text: &str, source: bool) -> Option<&'static str> {
    without(text, source)?;
    let matched = matching(text, source).unwrap_or_default();
    matched.first().map(|(index, _)| RULES[*index].name)
}

/// Whether a value that stands for itself, under the name of a secret, is one.
pub fn is_secret_value(value: &str) -> bool {
    !value.is_empty() && !is_stand_in(value) && !matches!(value, "yes" | "no" | "true" | "false" | "none" | "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_out_is_not_taken_out_again() {
        for text in
            ["password=hunter2 x", "Authorization: Bearer 12345678901234567", "https://a:b@c/", "Cookie: a=b; c=d"]
        {
            let (clean, _) = without(text, false).unwrap();
            assert_eq!(without(&clean, false), None, "{clean}");
        }
        for text in ["password=(left out)", "password: (secret dir)", "token=\\(password left\nout\\)"] {
            assert_eq!(without(text, false), None, "{text}");
        }
    }

    #[test]
    fn the_rest_of_the_text_stays() {
        let shown = |text| without(text, false).unwrap().0;
        assert_eq!(shown("a --password=x1 -v"), "a --password=(password left out) -v");
        assert_eq!(shown("{\"token\":\"abc\",\"n\":1}"), "{\"token\":\"(password left out)\",\"n\":1}");
        assert_eq!(shown("postgres://app:pw@db/x"), "postgres://app:(password left out)@db/x");
    }

    #[test]
    fn two_secrets_in_a_text_are_both_found() {
        let (clean, count) = without("a_token=x1 b_secret=y2 AKIAIOSFODNN7EXAMPLE", false).unwrap();
        assert_eq!(
            (clean.contains("x1") || clean.contains("y2") || clean.contains("AKIA"), count),
            (false, 3),
            "{clean}"
        );
    }

    #[test]
    fn the_time_grows_with_the_text_and_not_with_its_square() {
        let began = std::time::Instant::now();
        for text in ["password".repeat(20_000), "a=".repeat(80_000), "-----BEGIN PRIVATE KEY-----".repeat(5_000)] {
            without(&text, false);
        }
        // Generous: a build without optimisation on a busy machine. A square would take hours.
        assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_clean_stays_clean(text in ".{0,200}") {
            if let Some((clean, _)) = without(&text, false) {
                without(&clean, false);
            }
            line_of_key(&text);
        }

        #[test]
        fn no_password_survives(secret in "[!-~]{0,3}[0-9A-Z]{5}[!#-&(-~]{0,12}") {
            for text in [format!("x --password={secret} y"), format!("DB_PASSWORD={secret}"), format!("a api_key={secret}\nb")] {
                let clean = without(&text, false).map_or(text.clone(), |(clean, _)| clean);
                // Values that begin like a reference, a template or the path of a file are none; `=>` and `==` are equals signs, too.
                if !secret.trim_start_matches(['>', '=']).starts_with(['{', '$', '<', '(', '"', '\'', '\\', '/']) {
                    proptest::prop_assert!(!clean.contains(&secret), "{}", clean);
                }
            }
        }
    }
}
