//! The short answer: what fits a screen. What is left out is counted, and `-v` shows it.

use textwrap::core::display_width;

use super::{INDENT, INSIDE, Page};
use crate::case::{Urgency, Verdict};
use crate::report::layout::{Cell, Tone, wrap};
use crate::report::sections::{Advice, Causes, Considered, LedgerSection, Pictures, Sections, Step, Way};
use crate::units;

/// Lines that the report of a quiet host may take: one screen.
const SCREEN: usize = 24;
/// Lines that another report may take.
const ALARM: usize = 40;
/// So few steps are shown in full.
const FEW_STEPS: usize = 3;
/// Senders that are named.
const MOST_SENDERS: usize = 3;
/// A sender below this share of the inbound bytes tells nothing.
const TELLING: f64 = 0.05;

/// How much of each section is shown.
pub(super) struct Limits {
    /// Entries of the side of the ledger that tells less.
    other_side: usize,
    /// Remedies that help now, with their commands; others are named.
    now: usize,
    /// Lines of a letter to a provider.
    letter: usize,
    /// Causes that stand.
    standing: usize,
    /// Signs for each of them.
    signs: usize,
    /// Ways to see what could not be seen.
    ways: usize,
    /// Lines of what was lost; it is counted in any case.
    lost: usize,
    /// Lines that name the steps that are fine.
    titles: usize,
    /// Whether sentences may take more than a line.
    whole: bool,
}

/// From roomy to tight: the first that fits is taken.
const LIMITS: [Limits; 6] = [
    Limits { other_side: 3, now: 12, letter: 5, standing: 3, signs: 2, ways: 4, lost: 2, titles: 3, whole: true },
    Limits { other_side: 2, now: 12, letter: 5, standing: 2, signs: 2, ways: 4, lost: 1, titles: 2, whole: false },
    Limits { other_side: 2, now: 12, letter: 4, standing: 2, signs: 1, ways: 2, lost: 1, titles: 2, whole: false },
    Limits { other_side: 1, now: 12, letter: 3, standing: 1, signs: 1, ways: 1, lost: 1, titles: 1, whole: false },
    Limits { other_side: 1, now: 1, letter: 2, standing: 1, signs: 1, ways: 1, lost: 0, titles: 0, whole: false },
    Limits { other_side: 0, now: 1, letter: 1, standing: 1, signs: 1, ways: 0, lost: 0, titles: 0, whole: false },
];

impl Page<'_> {
    /// Draws the short answer with the widest limits that fit.
    pub(super) fn brief(&mut self, sections: &Sections) {
        let most =
            if sections.steps.verdict == Verdict::Ok && sections.causes.standing.is_empty() { SCREEN } else { ALARM };
        for limits in &LIMITS {
            self.lines.clear();
            self.within(sections, limits);
            if self.lines.len() <= most {
                return;
            }
        }
    }

    fn within(&mut self, sections: &Sections, limits: &Limits) {
        self.opening(sections);
        if let Some(read) = &sections.read {
            self.read(read);
        }
        let mut sides: Vec<&LedgerSection> = sections.books.iter().chain(&sections.sent_books).collect();
        sides.sort_by_key(|side| !side.leads);
        for (place, side) in sides.into_iter().enumerate() {
            self.books(side, (place > 0).then_some(limits.other_side));
        }
        if !sections.causes.standing.is_empty() {
            self.senders(&sections.pictures);
        }
        self.brief_advice(&sections.advice, limits);
        if let Some(read) = &sections.read {
            self.run_next(read);
        }
        self.brief_steps(sections, limits);
        self.brief_causes(&sections.causes, &sections.opening.summary, limits);
        self.brief_unseen(sections, limits);
        self.again(&sections.about);
    }

    /// Who sends most, where single senders carry a share worth a name.
    fn senders(&mut self, pictures: &Pictures) {
        let Some(remotes) = &pictures.remotes else { return };
        let telling = remotes.top.iter().filter_map(|(address, _, share)| {
            share.filter(|share| *share >= TELLING).map(|share| format!("{address} {}", units::percent(share)))
        });
        let telling: Vec<String> = telling.take(MOST_SENDERS).collect();
        if !telling.is_empty() {
            let of = remotes.distinct.filter(|distinct| *distinct > telling.len() as f64);
            let of = of.map(|distinct| format!(" (of {} addresses)", units::count(distinct))).unwrap_or_default();
            let text = self.fit(&format!("From {}{of}", telling.join(", ")), self.width - INSIDE);
            self.paragraph(INSIDE, &text, Tone::Plain);
        }
    }

    fn brief_advice(&mut self, advice: &Advice, limits: &Limits) {
        if let Some(instead) = &advice.instead {
            self.blank();
            self.row(INDENT, vec![Cell::new("What to do", Tone::Strong, 10)], instead, Tone::Plain);
            return;
        }
        let room = self.width - INDENT - 10;
        let in_full = advice.remedies.iter().filter(|advised| advised.urgency == Urgency::Now).count().min(limits.now);
        let cut = advice.remedies[in_full..].iter().any(|advised| {
            !advised.run.is_empty()
                || !advised.undo.is_empty()
                || advised.risk.is_some()
                || wrap(&advised.action, room).len() > 1
        });
        self.heading_with("What to do", if cut { "commands, undo and risk of the rest: -v" } else { "" }, Tone::Faint);
        if let Some(warning) = advice.warning {
            self.paragraph(INDENT, warning, Tone::Strong);
        }
        let mut before = None;
        let mut now = 0;
        for advised in &advice.remedies {
            let named = before != Some(advised.urgency);
            before = Some(advised.urgency);
            let most = match advised.urgency {
                Urgency::Now if now < limits.now => {
                    now += 1;
                    self.advised(advised, named);
                    continue;
                }
                Urgency::Now | Urgency::Lasting => 1,
                Urgency::Upstream => limits.letter,
            };
            let word = if named { advised.urgency.word() } else { "" };
            let text = self.fit_lines(&advised.action, room, most);
            self.row(INDENT, vec![Cell::new(word, Tone::Strong, 8)], &text, Tone::Plain);
        }
        if advice.more > 0 {
            self.paragraph(INDENT, &format!("{} more in the markdown and JSON reports", advice.more), Tone::Faint);
        }
    }

    fn brief_steps(&mut self, sections: &Sections, limits: &Limits) {
        let steps = &sections.steps.steps;
        if steps.len() <= FEW_STEPS {
            return self.steps(sections);
        }
        self.steps_heading(&sections.steps);
        // What a text does not show is most of it: the steps that could not look are named, and what to run stands above.
        let quiet = |step: &&Step| fine(step) || (sections.read.is_some() && step.verdict == Verdict::Unknown);
        let loud: Vec<&Step> = steps.iter().filter(|step| !quiet(step)).collect();
        let title = self.column(loud.iter().map(|step| step.title.as_str()));
        let mark =
            |page: &Self, verdict| Cell::new((page.look.mark)(verdict), Tone::Verdict(verdict), page.look.mark_width);
        for step in loud {
            let room = self.width.saturating_sub(INDENT + 1 + self.look.mark_width + 2 + title + 2);
            let more = match step.details().len() {
                0 => String::new(),
                more => format!(" (and {more} more: -v)"),
            };
            // Why a step could not look is said in full.
            let sentence = if limits.whole || step.verdict == Verdict::Unknown {
                step.sentence.clone()
            } else {
                self.fit(&step.sentence, room.saturating_sub(display_width(&more)))
            };
            let cells = vec![mark(self, step.verdict), Cell::new(&step.title, Tone::Plain, title)];
            self.row(INDENT + 1, cells, &format!("{sentence}{more}"), Tone::Plain);
        }
        if limits.titles == 0 {
            let count = |verdict| steps.iter().filter(|step| step.verdict == verdict).count();
            let text = format!("{} ok, {} skipped", count(Verdict::Ok), count(Verdict::Skipped));
            self.row(INDENT + 1, vec![mark(self, Verdict::Ok)], &text.replace(", 0 skipped", ""), Tone::Faint);
            return;
        }
        for (verdict, lines) in [(Verdict::Ok, limits.titles), (Verdict::Skipped, 1), (Verdict::Unknown, 2)] {
            let titles: Vec<&str> = steps
                .iter()
                .filter(|step| step.verdict == verdict && quiet(step))
                .map(|step| step.title.as_str())
                .collect();
            if !titles.is_empty() {
                let room = self.width.saturating_sub(INDENT + 1 + self.look.mark_width + 2);
                let text = named(&format!("{} {verdict}: ", titles.len()), &titles, room, lines);
                self.row(INDENT + 1, vec![mark(self, verdict)], &text, Tone::Faint);
            }
        }
    }

    fn brief_causes(&mut self, causes: &Causes, summary: &str, limits: &Limits) {
        if causes.is_empty() {
            return;
        }
        let mut counts = causes.counts();
        let hint = "; every sign: -v";
        let room = self.width.saturating_sub(INDENT + "Causes considered".len() + 2);
        if !causes.all().all(Considered::has_no_signs) && display_width(&counts) + hint.len() <= room {
            counts.push_str(hint);
        }
        self.headed("Causes considered", &counts, Tone::Faint);
        let (shown, more) = causes.standing.split_at(causes.standing.len().min(limits.standing));
        for cause in shown {
            // The summary has said it already.
            let title = if summary.contains(&cause.title) { &cause.id } else { &cause.title };
            let from = if cause.from.is_empty() { String::new() } else { format!(" {}", cause.from) };
            let room = self.width.saturating_sub(INSIDE + 11 + display_width(&from));
            let title = format!("{}{from}", self.fit(title, room));
            self.row(INSIDE, vec![Cell::new(cause.likelihood_word(), Tone::Strong, 9)], &title, Tone::Strong);
            let signs = cause.speaks_for.iter().take(limits.signs).map(|sign| ("+", Tone::For, sign));
            for (mark, tone, sign) in
                signs.chain(cause.speaks_against.iter().take(1).map(|it| ("-", Tone::Against, it)))
            {
                let say = self.fit(&sign.say, self.width.saturating_sub(INSIDE + 11 + 3));
                self.row(INSIDE + 11, vec![Cell::new(mark, tone, 1)], &say, Tone::Plain);
            }
        }
        let ids = |causes: &[Considered]| causes.iter().map(|cause| cause.id.clone()).collect::<Vec<_>>();
        // Those that something speaks for; the others are open for want of evidence, and no list of them helps.
        let borne_out = |cause: &&Considered| !cause.speaks_for.is_empty();
        let possible: Vec<String> = causes.open.iter().filter(borne_out).map(|cause| cause.id.clone()).collect();
        let unjudged = causes.open.len() - possible.len();
        let kinds = [("", ids(more)), ("possible: ", possible)].into_iter().filter(|(_, ids)| !ids.is_empty());
        let mut others: Vec<String> = kinds.map(|(word, ids)| format!("{word}{}", ids.join(", "))).collect();
        if unjudged > 0 {
            others.push(format!("{unjudged} could not be judged"));
        }
        if !others.is_empty() {
            // All of them are counted in the heading.
            let text = self.fit(&others.join("; "), self.width.saturating_sub(INSIDE + 11));
            self.row(INSIDE, vec![Cell::new("also", Tone::Plain, 9)], &text, Tone::Plain);
        }
    }

    fn brief_unseen(&mut self, sections: &Sections, limits: &Limits) {
        let unseen = &sections.unseen;
        let causes = sections.causes.standing.iter().chain(&sections.causes.open);
        let signs: usize = causes.map(|cause| cause.unseen).sum();
        if unseen.is_empty() && signs == 0 {
            return;
        }
        let count = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {many}")),
        };
        let gaps = unseen.blind.iter().map(|blind| blind.gaps.len()).sum();
        let counts = [
            count(gaps, "gap", "gaps"),
            count(unseen.lost.len(), "loss", "losses"),
            count(signs, "sign of causes", "signs of causes"),
        ];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        self.headed("What could not be seen", &format!("{}; in full: -v", counts.join(", ")), Tone::Faint);
        let room = self.width - INSIDE;
        let (shown, more) = unseen.blind.split_at(unseen.blind.len().min(limits.ways));
        for blind in shown {
            let heading = blind.way.heading();
            let heading = heading.trim_end_matches(':');
            let gaps = blind.gaps.len();
            let text = match blind.way {
                // What would show most is told in full.
                Way::Root(_) | Way::Unconfined(_) => {
                    format!("{heading} ({gaps} {})", if gaps == 1 { "gap" } else { "gaps" })
                }
                _ => {
                    let mut titles: Vec<&str> = blind.gaps.iter().map(|(title, _)| title.as_str()).collect();
                    titles.dedup();
                    let whole = named(&format!("{heading}: "), &titles, room, 1);
                    if display_width(&whole) <= room { whole } else { self.fit(heading, room) }
                }
            };
            self.paragraph(INSIDE, &text, Tone::Plain);
        }
        if !more.is_empty() && limits.ways > 0 {
            let ways = if more.len() == 1 { "way" } else { "ways" }; // all of their gaps are counted above
            self.paragraph(INSIDE, &format!("and {} more {ways} to see more: -v", more.len()), Tone::Faint);
        }
        if let Some((title, loss)) = unseen.lost.first().filter(|_| limits.lost > 0) {
            let text = format!("Lost while looking: {title}: {loss}");
            let text = self.fit_lines(&text, room, limits.lost);
            self.paragraph(INSIDE, &text, Tone::Plain);
        }
    }

    /// The text, or as much of it as fits a line.
    fn fit(&self, text: &str, room: usize) -> String {
        self.fit_lines(text, room, 1)
    }

    /// The text, or as much of it as fits so many lines.
    fn fit_lines(&self, text: &str, room: usize, most: usize) -> String {
        if wrap(text, room).len() <= most {
            return text.to_owned();
        }
        let cut = self.look.cut;
        let lines = wrap(text, room.saturating_sub(display_width(cut)).max(2));
        let kept = lines.into_iter().take(most).collect::<Vec<_>>().join(" ");
        format!("{}{cut}", kept.trim_end_matches([',', ';', ':', ' ']))
    }
}

/// A step of which nothing needs to be said but its title.
fn fine(step: &Step) -> bool {
    matches!(step.verdict, Verdict::Ok | Verdict::Skipped)
}

/// As many of the names as fit so many lines, and how many more there are.
fn named(before: &str, names: &[&str], room: usize, lines: usize) -> String {
    let text = |shown: usize| {
        let list = names[..shown].join(", ");
        match names.len() - shown {
            0 => format!("{before}{list}"),
            more if shown == 0 && before.is_empty() => format!("{more} of them: -v"),
            _ if shown == 0 => before.trim_end_matches(": ").to_owned(),
            more => format!("{before}{list} and {more} more"),
        }
    };
    (0..=names.len()).rev().map(text).find(|text| wrap(text, room).len() <= lines).unwrap_or_else(|| text(0))
}
