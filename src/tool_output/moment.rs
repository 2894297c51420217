//! When something was, as `date` prints it in some languages.

use jiff::civil::{Date, DateTime};

use super::here::moment_of;
use super::samples;
use super::text::words_of;

/// Months by the beginnings of their names, in English, German, Spanish, French, Portuguese, Italian, Dutch, Polish, Czech, Swedish
/// and Russian.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen", "sty", "led", "янв"],
    &["feb", "fév", "fev", "lut", "úno", "фев"],
    &["mar", "mär", "mrt", "maa", "bře", "мар"],
    &["apr", "avr", "abr", "kwi", "dub", "апр"],
    &["may", "mai", "mei", "mag", "maj", "kvě", "май", "мая"],
    &["jun", "juin", "giu", "cze", "čen", "июн"],
    &["jul", "juil", "lug", "lip", "čec", "июл"],
    &["aug", "ago", "aoû", "sie", "srp", "авг"],
    &["sep", "set", "wrz", "zář", "сен"],
    &["oct", "okt", "out", "ott", "paź", "říj", "окт"],
    &["nov", "lis", "ноя"],
    &["dec", "dez", "dic", "déc", "gru", "pro", "дек"],
];

/// Days of the week by the beginnings of their names.
const DAYS: &[&str] = &[
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", "mo", "di", "mi", "do", "fr", "sa", "so", "lun", "mar", "mer",
    "jeu", "ven", "sam", "dim", "mié", "mie", "jue", "vie", "sáb", "dom", "seg", "ter", "qua", "qui", "sex", "пн",
    "вт", "ср", "чт", "пт", "сб", "вс", "星期", "pon", "wto", "śro", "czw", "pią", "pt", "sob", "nie", "nd", "gio",
    "sab", "lör", "sön", "mån", "tis", "tor", "fre", "月曜", "火曜", "水曜", "木曜", "金曜", "土曜", "日曜", "za",
    "zo", "ma", "woe",
];

/// The month of that name, from 1.
pub(super) fn month(word: &str) -> Option<i8> {
    let word = word.trim_end_matches(['.', ',']).to_lowercase();
    let at =
        MONTHS.iter().position(|names| names.iter().any(|name| word.starts_with(name)) && word.chars().count() <= 9)?;
    i8::try_from(at + 1).ok()
}

/// `Mon Feb 14 23:57:00 CET 2011`, `Mo 14. Feb 23:57:00 CET 2011`, `lun. 14 févr. 2011 23:57:00 CET`, `2011年 02月 14日 星期一
/// 23:57:00 CST`, `2026-11-28T23:57:00+00:00`: a line with nothing else.
pub(super) fn date(line: &str) -> Option<DateTime> {
    let line = line.trim();
    if line.len() > 64 || !line.bytes().any(|byte| byte == b':') && !line.contains('时') {
        return None;
    }
    let words = words_of(line);
    if let [only] = words.as_slice() {
        let only = only.trim_end_matches('Z');
        let local = only.get(..19)?;
        let zone = only.get(19..)?;
        return (zone.is_empty() || zone.starts_with(['+', '-', '.', ','])).then(|| local.parse().ok()).flatten();
    }
    if !(3..=8).contains(&words.len()) {
        return None;
    }
    let (mut day, mut mon, mut year, mut time) = (None, None, None, None);
    for (place, word) in words.iter().enumerate() {
        let is_half = ["AM", "PM", "上午", "下午"].contains(word);
        if is_half {
        } else if let Some(at) =
            samples::clock(&[word.trim_end_matches(','), words.get(place + 1).copied().unwrap_or_default()])
        {
            let half = place
                .checked_sub(1)
                .and_then(|before| words.get(before))
                .copied()
                .filter(|word| ["上午", "下午"].contains(word));
            let at = half.and_then(|half| samples::clock(&[half, word])).unwrap_or(at);
            time.replace(at).is_none().then_some(())?;
        } else if let Some(of) = month(word)
            .filter(|_| mon.is_none() && !(place == 0 && DAYS.iter().any(|day| word.to_lowercase().starts_with(day))))
        {
            mon = Some(of);
        } else if is_zone(word) {
        } else if let Ok(number) = word.trim_end_matches(['.', ',', '年', '月', '日']).parse::<i16>() {
            match () {
                () if word.ends_with('月') => mon = Some(i8::try_from(number).ok()?),
                () if (1..=31).contains(&number) && day.is_none() => day = Some(i8::try_from(number).ok()?),
                () if (1970..2200).contains(&number) => year = Some(number),
                () => return None,
            }
        } else if let Some((date, _)) = samples::date(word) {
            (day, mon, year) = (Some(date.day()), Some(date.month()), Some(date.year()));
        } else if !(DAYS.iter().any(|day| word.to_lowercase().starts_with(day)) || ["de", "г.", "г"].contains(word)) {
            return None;
        }
    }
    moment_of(Date::new(year?, mon?, day?).ok()?, time?)
}

/// `CET`, `UTC`, `+01`, `-0300`.
fn is_zone(word: &str) -> bool {
    (2..=5).contains(&word.len())
        && (word.bytes().all(|byte| byte.is_ascii_uppercase())
            || word.strip_prefix(['+', '-']).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_is_read_in_every_language_and_nothing_else_is_a_date() {
        for line in [
            "Mon Feb 14 23:57:00 CET 2011",
            "Mon Feb 14 11:57:00 PM CET 2011",
            "Mon 14 Feb 2011 11:57:00 PM CET",
            "Mo 14. Feb 23:57:00 CET 2011",
            "lun. 14 févr. 2011 23:57:00 CET",
            "lun feb 14 23:57:00 CET 2011",
            "lun 14 feb 2011 23:57:00 CET",
            "seg 14 fev 2011 23:57:00 -03",
            "Пн 14 фев 2011 23:57:00 MSK",
            "lun 14 feb 2011, 23:57:00, CET",
            "pon, 14 lut 2011, 23:57:00 CET",
            "2011年 02月 14日 月曜日 23:57:00 JST",
            "mån 14 feb 2011 23:57:00 CET",
            "2011年 02月 14日 星期一 23:57:00 CST",
            "2011-02-14T23:57:00+00:00",
            "2011-02-14T23:57:00Z",
        ] {
            assert_eq!(date(line).map(|at| at.to_string()).as_deref(), Some("2011-02-14T23:57:00"), "{line}");
        }
        for line in ["Mon Feb 14", "10:00:01 eth0 1 2 3", "up 10:00:00 since Feb 14 2011 he said", "23:57:00", ""] {
            assert_eq!(date(line), None, "{line}");
        }
    }
}
