//! `--begin`: the moment at which the windows of many hosts begin together.

use std::str::FromStr;
use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::{Usage, say};
use crate::probe::Cancel;
use crate::units::{self, Span};

/// The furthest moment that is waited for: who means one beyond it has mistaken the day or the zone.
const FURTHEST: SignedDuration = SignedDuration::from_hours(1);
/// How long before the moment probes are asked, so that they are ready when it comes. Their time limits run from there.
const AHEAD: Duration = Duration::from_millis(250);
/// How long is slept between two looks at the clock, which may be set meanwhile.
const LOOK: Duration = Duration::from_secs(1);

/// When to begin, as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Begin {
    /// So long from now: `+5s`.
    After(Duration),
    /// A moment: RFC 3339.
    At(Timestamp),
    /// A time of the day, with its distance from UTC: `18:54:30Z`, `20:54:30+02:00`.
    Daily(jiff::civil::Time, Offset),
}

impl FromStr for Begin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(span) = text.strip_prefix('+') {
            return Ok(Begin::After(span.parse::<Span>().map_err(|error| error.to_string())?.0));
        }
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Begin::At(moment));
        }
        let (time, zone) = text.split_at(text.find(['Z', 'z', '+', '-']).unwrap_or(text.len()));
        if let Ok(time) = clock_time(time.trim()) {
            return match zone {
                "" => {
                    Err(format!("`{text}` is another moment in each time zone: write {text}Z for UTC, or {text}+02:00"))
                }
                zone => offset(zone).map(|offset| Begin::Daily(time, offset)),
            };
        }
        if text.parse::<DateTime>().is_ok() {
            return Err(format!(
                "`{text}` is another moment in each time zone: write {text}Z for UTC, or {text}+02:00"
            ));
        }
        Err("write it like +5s, 18:54:30Z, 20:54:30+02:00 or 2026-11-22T18:54:30Z".to_owned())
    }
}

/// `18:54` or `18:54:30`.
fn clock_time(text: &str) -> Result<jiff::civil::Time, ()> {
    let is_clock = text.split(':').count() >= 2 && text.chars().all(|c| c.is_ascii_digit() || ":.".contains(c));
    if is_clock { text.parse().map_err(drop) } else { Err(()) }
}

/// `Z`, `+02:00` or `-0330`.
fn offset(text: &str) -> Result<Offset, String> {
    let bad = || format!("`{text}` is no distance from UTC: write Z, +02:00 or -03:30");
    if text.eq_ignore_ascii_case("z") {
        return Ok(Offset::UTC);
    }
    let (sign, digits) = match text.split_at(1) {
        ("+", digits) => (1, digits.replace(':', "")),
        (_, digits) => (-1, digits.replace(':', "")),
    };
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<i32>().ok());
    let is_plain = matches!(digits.len(), 2 | 4) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let hours = number(digits.get(..2)).filter(|_| is_plain).ok_or_else(bad)?;
    let minutes = number(digits.get(2..).filter(|rest| !rest.is_empty()).or(Some("0"))).ok_or_else(bad)?;
    // The furthest zones are 14 hours ahead and 12 behind.
    if minutes > 59 || hours > 14 {
        return Err(bad());
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).map_err(|_| bad())
}

impl Begin {
    /// The moment that is meant. One too far ahead is refused; one that has passed is not.
    pub fn moment(self) -> Result<Timestamp, Usage> {
        self.moment_from(Timestamp::now())
    }

    fn moment_from(self, now: Timestamp) -> Result<Timestamp, Usage> {
        let out_of_range = |_| Usage("the moment of --begin is none that a clock can show".to_owned());
        let moment = match self {
            Begin::After(span) => now.checked_add(span).map_err(out_of_range)?,
            Begin::At(moment) => moment,
            // Shortly after midnight, the time that is meant may be yesterday's, and before it tomorrow's: the nearest.
            Begin::Daily(time, offset) => {
                let zone = TimeZone::fixed(offset);
                let today = now.to_zoned(zone.clone()).date();
                let days = [today.yesterday().ok(), Some(today), today.tomorrow().ok()];
                let moments =
                    days.into_iter().flatten().filter_map(|day| day.to_datetime(time).to_zoned(zone.clone()).ok());
                let distance = |moment: &Timestamp| now.duration_since(*moment).unsigned_abs();
                moments.map(|moment| moment.timestamp()).min_by_key(distance).unwrap_or(now)
            }
        };
        let ahead = moment.duration_since(now);
        if ahead > FURTHEST {
            return Err(Usage(format!(
                "--begin is {} ahead, at {}: no more than an hour is waited for; is the day right, and the zone?",
                units::span(ahead.as_secs_f64()),
                shown(moment)
            )));
        }
        Ok(moment)
    }
}

fn shown(moment: Timestamp) -> impl std::fmt::Display {
    moment.strftime("%Y-%m-%d %H:%M:%S UTC")
}

/// Waits until shortly before the moment, and gives the instant at which the window is to begin; none where it has passed, which
/// is said, or where the operator ended the waiting.
pub(super) fn wait_until(moment: Timestamp, quiet: bool, cancel: &Cancel) -> Option<Instant> {
    let ahead = || moment.duration_since(Timestamp::now());
    let late = -ahead();
    if late > SignedDuration::ZERO {
        say(format_args!(
            "casebook: the moment of --begin, {}, passed {} ago by the clock of this host: it begins at once",
            shown(moment),
            units::span(late.as_secs_f64())
        ));
        return None;
    }
    if !quiet {
        say(format_args!("the window begins at {}, in {}", shown(moment), units::span(ahead().as_secs_f64())));
    }
    loop {
        // The clock may be set while we wait: it is the clock that decides.
        let left = ahead().unsigned_abs();
        if ahead() <= SignedDuration::ZERO {
            return None;
        }
        if left <= AHEAD {
            return Instant::now().checked_add(left);
        }
        if !cancel.sleep_until(Instant::now() + (left - AHEAD).min(LOOK)) {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn meant(text: &str, now: &str) -> String {
        match text.parse::<Begin>().and_then(|begin| begin.moment_from(at(now)).map_err(|error| error.to_string())) {
            Ok(moment) => moment.to_string(),
            Err(why) => why,
        }
    }

    #[test]
    fn a_moment_is_the_same_on_hosts_of_all_zones() {
        let now = "2026-11-22T18:54:00Z";
        for (text, wanted) in [
            ("18:54:30Z", "2026-11-22T18:54:30Z"),
            ("20:54:30+02:00", "2026-11-22T18:54:30Z"),
            ("15:24:30-0330", "2026-11-22T18:54:30Z"),
            ("18:55z", "2026-11-22T18:55:00Z"),
            ("+5s", "2026-11-22T18:54:05Z"),
            ("2026-11-22T19:54:30+01:00", "2026-11-22T18:54:30Z"),
            // Yesterday's and tomorrow's, where these are nearer.
            ("18:53:59Z", "2026-11-22T18:53:59Z"),
        ] {
            assert_eq!(meant(text, now), wanted, "{text}");
        }
        assert_eq!(meant("23:59:58Z", "2026-11-22T00:00:03Z"), "2026-11-21T23:59:58Z");
        assert_eq!(meant("00:00:10Z", "2026-11-21T23:59:50Z"), "2026-11-22T00:00:10Z");
    }

    #[test]
    fn what_is_ambiguous_or_far_is_refused_and_says_what_to_write() {
        let now = "2026-11-22T18:54:00Z";
        for (text, said) in [
            ("18:54:30", "write 18:54:30Z for UTC, or 18:54:30+02:00"),
            ("2026-11-22T18:54:30", "another moment in each time zone"),
            ("18:54:30+25:00", "no distance from UTC"),
            ("18:54:30+02:75", "no distance from UTC"),
            ("soon", "write it like +5s, 18:54:30Z"),
            ("+2h", "no more than an hour is waited for"),
            ("20:00Z", "at 2026-11-22 20:00:00 UTC"),
            ("2026-11-23T18:54:30Z", "is the day right, and the zone?"),
        ] {
            let answer = meant(text, now);
            assert!(answer.contains(said), "{text}: {answer}");
        }
    }

    #[test]
    fn waiting_ends_shortly_before_the_moment_or_when_it_is_cancelled() {
        let cancel = Cancel::default();
        let moment = Timestamp::now() + Duration::from_millis(400);
        let begins = wait_until(moment, true, &cancel).unwrap();
        let (left, ahead) = (begins - Instant::now(), moment.duration_since(Timestamp::now()));
        assert!(
            left <= AHEAD && ahead.as_millis().unsigned_abs().abs_diff(left.as_millis()) < 50,
            "{left:?} {ahead:?}"
        );
        assert!(wait_until(Timestamp::now() - Duration::from_secs(5), true, &cancel).is_none(), "it has passed");
        cancel.cancel();
        assert!(wait_until(Timestamp::now() + Duration::from_secs(600), true, &cancel).is_none());
    }
}
