//! What a case says first: its summary, its ledger, and the span that it is about.

use indexmap::IndexMap;

use crate::case::{
    Account, Cause, Coverage, Evidence, Finding, Gap, Likelihood, Reading, Reason, SignSide, Truth, Verdict, Weight,
};
use crate::runbook::Runbook;
use crate::script::Scope;
use crate::units;

/// The span of the capture file that was read instead of watching.
fn file_seconds(evidence: &IndexMap<String, Evidence>) -> Option<f64> {
    let outputs = evidence.values().filter(|evidence| evidence.probe == "capture").filter_map(|e| e.output.as_ref());
    outputs
        .filter(|output| output.get("file").is_some_and(|file| !file.is_null()))
        .find_map(|o| o.get("seconds")?.as_f64())
}

/// The share of a window from which on it counts as whole: clocks are read one after the other.
const WHOLE: f64 = 0.95;

/// How long was watched: what a capture file spans, else the longest window of a probe that answered, else 0. A probe that
/// was ended early has watched as long as it ran, whatever it was asked for.
pub(super) fn watched_seconds(evidence: &IndexMap<String, Evidence>) -> f64 {
    file_seconds(evidence).unwrap_or_else(|| {
        let watched = evidence.values().filter(|evidence| evidence.output.is_some()).filter_map(|evidence| {
            let asked = evidence.params.get("window")?.as_f64()?;
            let whole = evidence.seconds >= asked * WHOLE;
            Some(if whole { asked } else { (evidence.seconds * 10.0).round() / 10.0 })
        });
        watched.fold(0.0, f64::max)
    })
}

pub(super) fn ledger(evidence: &IndexMap<String, Evidence>) -> Option<Account> {
    let output = evidence.values().find(|evidence| evidence.probe == "ledger")?.output.as_ref()?;
    serde_json::from_value(output.clone()).ok()
}

/// The sentence with an end.
fn ended(mut sentence: String) -> String {
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// The weightiest sign that speaks for a cause that is no more than possible; none where it is open for want of evidence
/// alone, or where anything speaks against it.
fn borne_out(cause: &Cause) -> Option<&str> {
    let holds = |side: SignSide| cause.signs.iter().filter(move |sign| sign.side == side && sign.holds == Truth::Yes);
    let open = cause.likelihood == Likelihood::Possible && holds(SignSide::Against).next().is_none();
    let sign = holds(SignSide::For).filter(|_| open).rev().max_by_key(|sign| sign.weight)?;
    (sign.weight >= Weight::Strong && !sign.say.is_empty()).then_some(sign.say.as_str())
}

/// How many steps could not look, and who would see more.
fn blindness(findings: &[Finding], coverage: Coverage) -> Option<String> {
    let blind = coverage.applicable - coverage.looked;
    let denied = |finding: &Finding| {
        finding.verdict == Verdict::Unknown && finding.gaps.iter().any(|gap| gap.reason == Reason::Denied)
    };
    let root = if findings.iter().any(denied) { "; root shows more" } else { "" };
    (blind > 0).then(|| format!("{blind} of {} steps could not look{root}.", coverage.applicable))
}

pub(super) fn summary(
    runbook: &Runbook,
    causes: &[Cause],
    findings: &[Finding],
    coverage: Coverage,
    limits: &[Gap],
    scope: &Scope,
) -> String {
    let likely: Vec<_> = causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely).collect();
    if let Some((first, others)) = likely.split_first() {
        let sure = if first.likelihood == Likelihood::Certain { "Almost certain" } else { "Very likely" };
        let mut summary = format!("{sure}: {}.", first.title.trim_end_matches('.'));
        // That a unit failed is told once, by whichever cause knows most of it.
        if let Some(second) = others.iter().find(|other| unit_of(other).is_none_or(|unit| unit_of(first) != Some(unit)))
        {
            summary.push_str(&format!(" Beside it: {}.", second.title.trim_end_matches('.')));
        }
        return summary;
    }
    if let Some(gap) = limits.first() {
        return format!("Not an all-clear: not all was judged, {}.", gap.why);
    }
    if let (true, [only]) = (runbook.causes.is_empty(), findings) {
        return ended(only.sentence.clone());
    }
    let all_clear =
        runbook.all_clear.as_ref().map(|all_clear| scope.render(all_clear)).filter(|(_, gaps)| gaps.is_empty());
    let grave = |finding: &&Finding| matches!(finding.verdict, Verdict::Critical | Verdict::Warning);
    // The gravest, of equals the first.
    let trouble = findings.iter().filter(grave).rev().max_by_key(|finding| finding.verdict.gravity());
    let trouble = trouble.map(|finding| finding.sentence.trim_end_matches('.'));
    let blind = coverage.applicable - coverage.looked;
    if let Some((cause, why)) = causes.iter().find_map(|cause| Some((cause, borne_out(cause)?))) {
        let blindness = blindness(findings, coverage).map_or_else(String::new, |blindness| blindness + " ");
        let trouble = trouble.map_or_else(String::new, |trouble| format!(" {trouble}."));
        let name = cause.title.trim_end_matches('.');
        let word = if blind > 0 { "probably" } else { "possibly" };
        return format!("{blindness}{}: {word} {name}.{trouble}", why.trim_end_matches('.'));
    }
    match (all_clear, trouble) {
        (_, Some(trouble)) if blind > 0 => {
            let blindness = blindness(findings, coverage).unwrap_or_default();
            format!("{blindness} No known cause stands out, but: {trouble}.")
        }
        (_, Some(trouble)) => format!("No known cause stands out, but: {trouble}."),
        (_, None) if blind > 0 => not_clear(findings, coverage),
        (Some((all_clear, _)), None) => all_clear,
        (None, None) => {
            format!("No cause stands out; {} of {} steps could look.", coverage.looked, coverage.applicable)
        }
    }
}

/// The unit that a cause is about.
fn unit_of(cause: &Cause) -> Option<&str> {
    ["service", "unit"].iter().find_map(|name| cause.subject.get(*name)?.as_str())
}

/// Titles of steps that are told in the first sentence.
const TITLES: usize = 6;

/// The first sentence where nothing stands out in what was seen, and not all was.
fn not_clear(findings: &[Finding], coverage: Coverage) -> String {
    let blind = coverage.applicable - coverage.looked;
    let mut titles: Vec<&str> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.verdict == Verdict::Unknown) {
        if !titles.contains(&finding.title.as_str()) {
            titles.push(&finding.title);
        }
    }
    let more = titles.len().saturating_sub(TITLES);
    titles.truncate(TITLES);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    // "Nothing unusual" is not said where most of it was not seen: what was, is.
    let seen = findings.iter().filter(|finding| finding.verdict == Verdict::Ok);
    let seen: Vec<&str> = seen.map(|finding| finding.sentence.trim_end_matches('.')).take(3).collect();
    let seen = if seen.is_empty() { String::new() } else { format!(" In what was seen: {}.", seen.join("; ")) };
    let of = coverage.applicable;
    format!("Not an all-clear: {blind} of {of} steps could not run: {}{more}.{seen}", titles.join(", "))
}

/// The first sentence where outputs were read in place of a host and no cause is likely: what is suspected, or what stands out.
pub(super) fn read_summary(causes: &[Cause], findings: &[Finding], reading: &Reading) -> Option<String> {
    if causes.iter().any(|cause| cause.likelihood >= Likelihood::Likely) {
        return None;
    }
    let speaks = |cause: &&Cause| {
        cause.likelihood == Likelihood::Possible
            && cause
                .signs
                .iter()
                .any(|sign| sign.side == SignSide::For && sign.holds == Truth::Yes && sign.weight >= Weight::Moderate)
    };
    let suspects: Vec<&str> =
        causes.iter().filter(speaks).map(|cause| cause.title.trim_end_matches('.')).take(3).collect();
    let first = reading.stands_out.first().map(|told| format!(" {}.", told.trim_end_matches('.'))).unwrap_or_default();
    if !suspects.is_empty() {
        return Some(format!("Suspected, not proven: {}.{first}", suspects.join("; ")));
    }
    let trouble = findings.iter().any(|finding| matches!(finding.verdict, Verdict::Critical | Verdict::Warning));
    if trouble {
        return None;
    }
    let fine =
        findings.iter().filter(|finding| finding.verdict == Verdict::Ok).map(|finding| finding.sentence.as_str());
    let fine: Vec<&str> = fine.take(3).map(|sentence| sentence.trim_end_matches('.')).collect();
    // What stands out may be what a step says anyway.
    let told = first.trim().trim_end_matches('.');
    let first = if fine.iter().any(|sentence| sentence.contains(told)) { String::new() } else { first.clone() };
    // What was seen is fine, what was not seen is not known.
    let fine = if fine.is_empty() { String::new() } else { format!(" In what they show: {}.", fine.join("; ")) };
    let unread = match reading.unrecognised_lines {
        0 => String::new(),
        1 => " One line was not recognised: what it says is not judged.".to_owned(),
        lines => format!(" {} lines were not recognised: what they say is not judged.", units::count(lines as f64)),
    };
    let recognised = if unread.is_empty() { "" } else { "that was recognised " };
    Some(if first.is_empty() && fine.is_empty() {
        format!(
            "These outputs show no cause, and nothing in them {recognised}stands out; what to run next is below.{unread}"
        )
    } else {
        format!("These outputs show no cause.{first}{fine}{unread}")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn finding(verdict: Verdict) -> Finding {
        let title = format!("Whether {verdict} is seen");
        Finding {
            step: verdict.to_string(),
            title,
            verdict,
            sentence: format!("it is {verdict}"),
            gaps: Vec::new(),
            remedies: Vec::new(),
            data: Map::new(),
            besides: Vec::new(),
        }
    }

    #[test]
    fn what_was_seen_in_part_is_no_all_clear_whether_there_is_a_sentence_for_it_or_not() {
        let scope = Scope::new().unwrap();
        let steps = "steps:\n  - {id: a, title: A, probe: host, outcomes: [ok: fine]}\n";
        for clear in ["", "all_clear: nothing unusual\n", "all_clear: \"{{ a.load.one }} is known\"\n"] {
            let runbook = crate::runbook::load(&format!("name: x\ntitle: T\n{clear}{steps}"), "x").unwrap();
            let findings = [finding(Verdict::Ok), finding(Verdict::Unknown)];
            let said = summary(&runbook, &[], &findings, Coverage::of(&findings), &[], &scope);
            let expected =
                "Not an all-clear: 1 of 2 steps could not run: Whether unknown is seen. In what was seen: it is ok.";
            assert_eq!(said, expected, "{clear}");
        }
    }
}
