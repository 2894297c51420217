//! When outputs were made: what `date` printed, else the date and the last time of `sar`.

use jiff::civil::{Date, DateTime, Time};

use super::Printed;
use super::samples;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The moment, on the clock of the outputs.
pub(super) fn of(outputs: &[Printed]) -> Option<DateTime> {
    let first_lines = || outputs.iter().flat_map(|output| output.text.lines().take(3));
    first_lines().find_map(date).or_else(|| outputs.iter().find_map(|output| sar(&output.text)))
}

/// `Mon Feb 14 23:57:00 CET 2011`.
fn date(line: &str) -> Option<DateTime> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, month, day, time, rest @ ..] = words.as_slice() else { return None };
    let half = rest.first().copied().filter(|word| matches!(*word, "AM" | "PM"));
    if !(1..=3).contains(&rest.len()) {
        return None;
    }
    let month = MONTHS.iter().position(|name| name == month)? + 1;
    let date = Date::new(rest.last()?.parse().ok()?, i8::try_from(month).ok()?, day.parse().ok()?).ok()?;
    Some(date.to_datetime(of_day(samples::clock(time, half)?)?))
}

/// The date in the heading of `sar`, and the time of its last sample.
fn sar(text: &str) -> Option<DateTime> {
    let heading = text.lines().take(3).find(|line| line.starts_with("Linux "))?;
    let date = heading.split_whitespace().find_map(|word| {
        if let Some((month, rest)) = word.split_once('/') {
            let (day, year) = rest.split_once('/')?;
            return Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok();
        }
        word.parse::<Date>().ok().filter(|_| word.len() == 10)
    })?;
    let rates = samples::read(text);
    let last = rates.values().flat_map(|rates| &rates.samples).filter_map(|sample| sample.at).max()?;
    Some(date.to_datetime(of_day(last)?))
}

fn of_day(seconds: u32) -> Option<Time> {
    let part = |value: u32| i8::try_from(value).ok();
    Time::new(part(seconds / 3600)?, part(seconds / 60 % 60)?, part(seconds % 60)?, 0).ok()
}
