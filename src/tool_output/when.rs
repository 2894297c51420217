//! When the texts were made.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::data::Data;
use super::here::moment_of;
use super::pieces::Pieces;
use crate::probe::logs;

/// When texts were made.
pub(super) struct Moment {
    pub at: Timestamp,
    pub said: String,
    /// Nothing in the texts tells it.
    pub unknown: bool,
}

impl Moment {
    /// When the texts were made: what `date` says; the heading of `sar`; the time of `uptime` with the day of a log; the last line
    /// of a log; else the last change of the file, else now. It is said which.
    pub(super) fn of(pieces: &Pieces, now: Timestamp) -> Self {
        let utc = |at: DateTime| at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        let known = |at: Timestamp, how: &str| Moment {
            at,
            said: format!("{}, by {how}; the clock of the outputs is taken for UTC", at.strftime("%Y-%m-%d %H:%M:%S")),
            unknown: false,
        };
        if let Some(at) = pieces.data().find_map(|data| if let Data::Moment(at) = data { utc(*at) } else { None }) {
            return known(at, "what date printed");
        }
        let renewed = pieces.data().find_map(|data| match data {
            Data::Told(told) => told.moment.and_then(utc).map(|at| (at, told.tool)),
            _ => None,
        });
        if let Some((at, "timedatectl")) = renewed {
            return known(at, "what timedatectl printed");
        }
        let chosen = pieces.chosen();
        if let Some(at) = chosen.end().and_then(utc) {
            let ambiguous = pieces.data().any(|data| matches!(data, Data::Rates(report) if report.date_ambiguous));
            let doubt = if ambiguous { " (the month is taken to stand first)" } else { "" };
            return known(at, &format!("the heading and the times of sar{doubt}"));
        }
        let heading = pieces.data().find_map(|data| match data {
            Data::Rates(report) => report.date.zip(report.end).and_then(|(date, end)| moment_of(date, end)),
            _ => None,
        });
        if let Some(at) = heading.and_then(utc) {
            return known(at, "the heading and the times of sar");
        }
        let reference = pieces.reference().max(Timestamp::UNIX_EPOCH);
        let mut last: Option<(Timestamp, bool)> = None;
        for text in pieces.log_texts() {
            if let Some((_, at, inferred)) = logs::span(text.text.as_bytes(), reference).filter(|_| !text.timeless) {
                last =
                    Some(last.map_or(
                        (at, inferred),
                        |last: (Timestamp, bool)| if at > last.0 { (at, inferred) } else { last },
                    ));
            }
        }
        let time = pieces
            .data()
            .find_map(|data| if let Data::Machine(machine) = data { machine.time } else { None })
            .or_else(|| chosen.end_time());
        if let Some((at, inferred)) = last {
            let year = if inferred { ", which names no year: the latest that fits is taken" } else { "" };
            let with_time = time
                .and_then(|time| moment_of(at.to_zoned(TimeZone::UTC).date(), time))
                .and_then(utc)
                .filter(|with| *with >= at);
            return match with_time {
                Some(at) => {
                    known(at, &format!("the time of uptime or sar, and the day of the last line of a log{year}"))
                }
                None => known(at, &format!("the last line of a log{year}")),
            };
        }
        let day = pieces.data().find_map(|data| match data {
            Data::Packets(packets) => packets.iter().rev().find_map(|packet| packet.day.zip(packet.at)),
            _ => None,
        });
        if let Some(at) =
            day.and_then(|(day, nanos)| moment_of(day, u32::try_from(nanos / 1_000_000_000).ok()?)).and_then(utc)
        {
            return known(at, "the times of tcpdump");
        }
        if let Some((at, _)) = renewed {
            return known(at, "when vnstat renewed its figures");
        }
        // `iostat` and `pidstat` print the day above what they show, and no time of day.
        let day = pieces.data().find_map(|data| match data {
            Data::Rates(report) => report.date.map(|date| (date, report.date_ambiguous)),
            _ => None,
        });
        if let Some((date, ambiguous)) = day
            && let Some(at) = moment_of(date, time.unwrap_or_default()).and_then(utc)
        {
            let doubt = if ambiguous { " (the month is taken to stand first)" } else { "" };
            let of_day =
                if time.is_some() { "and the time of uptime or sar" } else { "whose time of day is not shown" };
            return known(at, &format!("the day of a heading{doubt}, {of_day}"));
        }
        let changed = pieces.gathered.documents.iter().filter_map(|document| document.modified).max();
        let at = changed.unwrap_or(now);
        let of_day = time.and_then(|time| moment_of(at.to_zoned(TimeZone::UTC).date(), time)).and_then(utc);
        let of_day_said = of_day.map(|_| " The time of day is that of the outputs.").unwrap_or_default();
        let at = of_day.unwrap_or(at);
        let what = if changed.is_some() { "the last change of the file" } else { "when it was read" };
        Moment {
            at,
            said: format!(
                "unknown: the text shows no day. The case bears {what}, {}.{of_day_said}",
                at.strftime("%Y-%m-%d %H:%M:%S UTC")
            ),
            unknown: true,
        }
    }
}
