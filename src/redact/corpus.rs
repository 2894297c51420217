//! Texts as hosts write them, with secrets and without: what the rules are measured by. The texts are in `tests/redaction`.

use super::secret::without;

/// Texts and their secrets.
pub(super) fn secrets() -> Vec<(String, Vec<String>)> {
    lines(include_str!("../../tests/redaction/secrets.txt")).map(marked).collect()
}

/// Texts that look like secrets and hold none.
fn lookalikes() -> Vec<String> {
    lines(include_str!("../../tests/redaction/lookalikes.txt")).collect()
}

fn lines(file: &'static str) -> impl Iterator<Item = String> {
    let said = file.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("# "));
    said.map(|(number, line)| {
        drawn(&line.replace("\\\\n", "\u{0}").replace("\\n", "\n").replace('\u{0}', "\\n"), number)
    })
}

/// The text with each `{hex:40}` drawn: always the same for the same line.
fn drawn(line: &str, number: usize) -> String {
    const SETS: [(&str, &str); 7] = [
        ("hex", "0123456789abcdef"),
        ("dig", "1234567890"),
        ("up", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
        ("low", "abcdefghijklmnopqrstuvwxyz"),
        ("an", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
        ("b64", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"),
        ("url", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"),
    ];
    let mut state = number as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let (mut out, mut rest) = (String::new(), line);
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let form = rest.find('}').and_then(|close| Some((rest[1..close].split_once(':')?, close)));
        let set = form.and_then(|((name, count), close)| {
            let set = SETS.iter().find(|(other, _)| *other == name)?.1.as_bytes();
            Some((set, count.parse::<usize>().ok()?, close))
        });
        match set {
            Some((set, count, close)) => {
                out.extend((0..count).map(|_| char::from(set[next() % set.len()])));
                rest = &rest[close + 1..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

/// The text without its marks, and what stood between them.
fn marked(line: String) -> (String, Vec<String>) {
    let secrets: Vec<String> =
        line.split('«').skip(1).map(|part| part.split('»').next().unwrap_or_default().to_owned()).collect();
    assert!(!secrets.is_empty() && secrets.iter().all(|secret| secret.len() > 3), "{line}");
    (line.replace(['«', '»'], ""), secrets)
}

#[test]
fn nearly_all_secrets_are_found() {
    let all = secrets();
    assert!(all.len() >= 300);
    let left = |(text, secrets): &(String, Vec<String>)| {
        let clean = without(text, false).map_or_else(|| text.clone(), |(clean, _)| clean);
        secrets.iter().any(|secret| clean.contains(secret)).then_some(clean)
    };
    let missed: Vec<_> = all.iter().filter_map(left).collect();
    missed.iter().for_each(|text| println!("not found: {text}"));
    let share = 100.0 * (all.len() - missed.len()) as f64 / all.len() as f64;
    println!("{} of {} texts with secrets: {share:.1} % found", all.len() - missed.len(), all.len());
    assert!(share >= 97.0, "{share:.1} %");
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let all = lookalikes();
    assert!(all.len() >= 300);
    let changed: Vec<_> = all.iter().filter_map(|text| Some((text, without(text, false)?.0))).collect();
    changed.iter().for_each(|(text, clean)| println!("changed: {text} -> {clean}"));
    let share = 100.0 * changed.len() as f64 / all.len() as f64;
    println!("{} of {} texts without secrets: {share:.1} % changed", changed.len(), all.len());
    assert!(share <= 1.0, "{share:.1} %");
}

#[test]
fn what_was_taken_out_of_a_text_is_not_taken_out_again() {
    for (text, _) in secrets() {
        if let Some((clean, _)) = without(&text, false) {
            assert_eq!(without(&clean, false), None, "{text}\n{clean}");
        }
    }
}
