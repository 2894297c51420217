//! The page for a browser, read as text. How it looks is in `browser.rs`.

use casebook::case::{Case, Verdict};
use regex::Regex;
use serde_json::json;

use crate::case::{
    HOSTILE, calm, empty, finding, flood, hostile, huge, partial, pictured, with_every_string, without_root,
};
use crate::render_plainly;

/// What strangers write who expect a web page.
pub const FOR_PAGES: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</style></title></textarea><svg onload=alert(1)>",
    "<!-- --><a href=\"javascript:alert(1)\">x</a>",
    "]]><x/>&#60;script&#62;",
    "{{7*7}}${7*7}",
    "\u{0}<\u{0}script>",
    HOSTILE,
];

fn page(case: &Case) -> String {
    render_plainly(case, "html")
}

/// The tags with the names of their attributes, in order: all that a browser could obey.
fn skeleton(page: &str) -> Vec<String> {
    let tag = Regex::new(r"<[^>]*>").unwrap();
    let value = Regex::new(r#""[^"]*""#).unwrap();
    let number = Regex::new(r"<(rect|line|polyline|polygon|text)[^>]*>").unwrap();
    tag.find_iter(page)
        .map(|tag| tag.as_str())
        .filter(|tag| !number.is_match(tag)) // how long a bar is depends on the figures alone
        .map(|tag| value.replace_all(tag, "").into_owned())
        .collect()
}

#[test]
fn hostile_text_changes_no_tag() {
    let harmless = skeleton(&page(&with_every_string("harmless")));
    assert!(harmless.len() > 200, "{}", harmless.len());
    for text in FOR_PAGES {
        assert_eq!(skeleton(&page(&with_every_string(text))), harmless, "{text}");
    }
}

#[test]
fn evidence_that_is_hostile_stays_text_and_out_of_the_pictures() {
    for text in FOR_PAGES {
        let mut case = pictured();
        let samples = json!([{"at": 1, "rx_bits_per_second": 1e300}, {"at": 2, "rx_bits_per_second": -5}, {"at": text},
            {"at": 3, "rx_bits_per_second": 7}]);
        case.evidence["rates"].output = Some(json!({"watched": {"name": text, "samples": samples}}));
        let top = json!([{"address": text, "bytes": 1e308, "share": 99}, {"address": text, "bytes": 0}]);
        let sizes = json!([{"up_to": 0, "packets": 1e300}, {"up_to": 1e300, "packets": 0}]);
        case.evidence["traffic"].output =
            Some(json!({"remotes": {"top": top, "distinct": 1e300}, "sizes": sizes, (*text): text}));
        let minutes = json!([{"at": "0001-01-01T00:00:00Z", "lines": 1}, {"at": "9999-12-31T00:00:00Z", "lines": 2}, {"at": text}]);
        case.evidence["logs"].output = Some(json!({"per_minute": minutes}));
        case.findings[0].data = crate::case::params(&[(text, json!({*text: [text, text]}))]);
        let report = page(&case);
        for bad in ["<script", "<img", "onerror=alert(1)>", "<a ", "<x/>", "NaN", "inf\""] {
            assert!(!report.contains(bad), "{bad} of {text}");
        }
    }
}

#[test]
fn a_page_asks_nobody_for_anything() {
    for case in [flood(), pictured(), hostile()] {
        let report = page(&case);
        let tags = skeleton(&report).concat();
        for asking in ["<script", "<link", "<img", "<iframe", "<object", "<base", "<form", "src=", "href=", "action="] {
            assert!(!tags.contains(asking), "{asking}");
        }
        assert!(!report.contains("@import") && !report.contains("url("), "the style sheet fetches");
        assert!(report.contains("content=\"default-src 'none'; style-src 'unsafe-inline';"), "no policy");
    }
}

#[test]
fn every_verdict_has_its_badge() {
    for verdict in Verdict::ALL {
        let mut case = empty();
        case.findings = vec![finding(verdict, "step", "The title", "the sentence")];
        case.verdict = verdict;
        let report = page(&case);
        assert!(report.contains(&format!("<span class=\"badge large {verdict}\">{verdict}</span>")), "{report}");
        assert!(report.contains(&format!("<title>{verdict}: Nothing at all on web01</title>")), "{report}");
        let row = format!("<span class=\"badge {verdict}\">{verdict}</span></span><h3>The title</h3>");
        assert!(report.contains(&row), "{report}");
    }
}

#[test]
fn the_conclusion_comes_first_and_what_to_do_before_how_we_know() {
    let report = page(&pictured());
    let places: Vec<usize> = [
        "<h1>Very likely: a UDP flood",
        "eth0 receives 45.1 Mbit/s",
        "Where the inbound bytes went",
        "What to do",
        "The window in pictures",
        "<h2>Steps",
        "Causes considered",
        "What could not be seen",
        "kernel 6.1.0-13-amd64",
        "casebook run high-inbound-traffic --set high=20Mbit/s",
    ]
    .iter()
    .map(|part| report.find(part).unwrap_or_else(|| panic!("no `{part}`")))
    .collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn what_there_is_to_draw_is_drawn_and_nothing_else() {
    let report = page(&pictured());
    let said = Regex::new("<svg[^>]*aria-label=\"([^\"]*)\"").unwrap();
    let said: Vec<&str> = said.captures_iter(&report).map(|found| found.get(1).unwrap().as_str()).collect();
    assert_eq!(
        said,
        [
            "The inbound bytes as one bar, largest part first: 99.4 % dropped by nft inet filter input #4 (udp dport 27015 drop)",
            "Rates of eth0 over 10 s: inbound up to 46.0 Mbit/s",
            "The 8 remotes that sent most, 198.51.100.1 first",
            "Packet sizes: 99.4 % of the packets have ≤ 1024 bytes",
            "Logs: 1,960 log lines in 14 min",
        ]
    );
    assert!(!page(&calm()).contains("The window in pictures"));
}

#[test]
fn commands_are_whole_and_each_stands_in_a_block_that_a_click_selects() {
    let report = page(&flood());
    assert!(report.contains("<pre class=\"command\" tabindex=\"0\">nft add table netdev casebook\nnft add chain netdev casebook in '{ type filter"));
    assert!(
        report
            .contains("To undo it</span><pre class=\"command\" tabindex=\"0\">nft delete table netdev casebook</pre>")
    );
}

#[test]
fn findings_of_a_check_show_what_it_found_besides_and_its_figures() {
    let report = page(&pictured());
    assert!(
        report.contains("<span class=\"badge warning\">warning</span>memcached (pid 912) listens on every address")
    );
    assert!(report.contains("<dt>open to all</dt><dd>0.0.0.0:6379, [::]:22</dd>"));
    let mut case = pictured();
    case.findings.last_mut().unwrap().besides = vec![case.findings.last().unwrap().besides[0].clone(); 300];
    assert!(page(&case).contains("<summary>296 more findings</summary>"));
    assert!(page(&case).contains("and 96 more in the case"));
}

#[test]
fn a_partial_run_and_what_could_not_be_seen_are_said() {
    assert!(page(&partial()).contains("PARTIAL: the run ended early"));
    let report = page(&without_root());
    assert!(report.contains(
        "To see it, run with sudo, or give a group-restricted binary CAP_NET_RAW, CAP_NET_ADMIN and CAP_PERFMON:"
    ));
    assert!(!page(&calm()).contains("could not be seen"));
}

#[test]
fn a_page_stays_small_enough_to_be_attached() {
    assert!(page(&pictured()).len() < 100_000, "{}", page(&pictured()).len());
    let largest = page(&huge(HOSTILE)).len();
    assert!(largest < 6_000_000, "{largest}");
}

#[test]
fn the_page_without_its_style_reads_as_it_did() {
    let style = Regex::new("(?s)<style>.*</style>").unwrap();
    let report = page(&pictured());
    let report = style.replace(&report, "").replace("><", ">\n<");
    insta::assert_snapshot!("pictured_html", report);
}
