//! A text that is no longer than its place allows.

/// The text cut to so many UTF-16 units, at the end of a line, with what it opened closed, and whether it was cut.
pub fn cut(text: &str, limit: usize, farewell: &str) -> (String, bool) {
    let length = |text: &str| text.encode_utf16().count();
    if length(text) <= limit {
        return (text.to_owned(), false);
    }
    // Room for the farewell and for what has to be closed.
    const CLOSING: usize = 200;
    let room = limit.saturating_sub(length(farewell) + CLOSING);
    let (mut kept, mut used) = (String::new(), 0);
    for line in text.split_inclusive('\n') {
        used += length(line);
        if used > room {
            break;
        }
        kept.push_str(line);
    }
    if kept.is_empty() {
        kept = text.chars().take(room / 2).collect();
    }
    let fences = kept.lines().filter(|line| line.trim_start().starts_with("```")).count();
    if fences % 2 == 1 {
        kept.push_str("\n```\n");
    }
    let open = kept.matches("<details").count().saturating_sub(kept.matches("</details>").count());
    kept.push_str(&"\n</details>\n".repeat(open.min(8)));
    kept.push_str(farewell);
    (kept, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_line_and_closes_what_it_opened() {
        let text = format!("<details>\n```\n{}", "a line of it\n".repeat(1000));
        let (short, cut_it) = cut(&text, 1000, "\nthe rest is elsewhere\n");
        assert!(cut_it && short.encode_utf16().count() <= 1000, "{}", short.len());
        assert!(short.ends_with("```\n\n</details>\n\nthe rest is elsewhere\n"), "{short}");
        assert_eq!(cut("short", 10, "x"), ("short".into(), false));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_longer_than_the_limit(text in "(.{0,40}\n?){0,60}", limit in 300usize..2000) {
            proptest::prop_assert!(cut(&text, limit, "\nbye\n").0.encode_utf16().count() <= limit);
        }
    }
}
