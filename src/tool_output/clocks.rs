//! Whether the clock is right: `chronyc tracking`, `timedatectl`, `ntpq -p`.

use jiff::civil::DateTime;

use super::here::Here;
use super::moment;
use super::told::Told;
use crate::printable::printable;

/// Lines of such an output.
const MOST: usize = 64;
/// Seconds by which a clock is off that programs notice: tickets of Kerberos, certificates and codes bear minutes, logs that are
/// compared a fraction of a second.
const OFF: f64 = 0.5;

/// What tells of a clock, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    tracking(here).or_else(|| timedatectl(here)).or_else(|| peers(here))
}

/// `Stratum         : 3`, as key and value, of lines that follow one another.
fn fields<'d>(here: &Here<'d>) -> Vec<(&'d str, &'d str)> {
    let document = here.document;
    let lines = (here.at..document.len().min(here.at + MOST)).filter(|at| !document.ends_within(*at));
    lines
        .map_while(|at| {
            let (key, value) = document.line(at).split_once(':')?;
            let key = key.trim();
            let named = key.len() <= 32 && key.starts_with(|c: char| c.is_ascii_uppercase());
            (named && key.chars().all(|c| c.is_ascii_alphanumeric() || " ()-".contains(c))).then(|| (key, value.trim()))
        })
        .collect()
}

fn tracking(here: &Here<'_>) -> Option<(usize, Told)> {
    const KEYS: [&str; 8] = [
        "Reference ID",
        "Stratum",
        "System time",
        "Last offset",
        "RMS offset",
        "Leap status",
        "Ref time (UTC)",
        "Root delay",
    ];
    let fields: Vec<_> = fields(here);
    let known = fields.iter().take_while(|(key, _)| is_of_chrony(key)).count();
    let fields = fields.get(..known)?;
    if fields.iter().filter(|(key, _)| KEYS.contains(key)).count() < 2 {
        return None;
    }
    let of = |name: &str| fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let mut told = Told { tool: "chronyc", ..Told::default() };
    let never = of("Leap status") == Some("Not synchronised")
        || of("Reference ID").is_some_and(|id| id.starts_with("00000000"));
    if never {
        told.stands_out.push("chronyc: the clock follows no server (Not synchronised)".to_owned());
    } else if let Some((figure, way)) = of("System time").and_then(off).filter(|(figure, _)| *figure >= OFF) {
        told.stands_out.push(format!("chronyc: the clock is {figure:.1} s {way}"));
    }
    Some((known, told))
}

fn is_of_chrony(key: &str) -> bool {
    const ALL: [&str; 13] = [
        "Reference ID",
        "Stratum",
        "Ref time (UTC)",
        "System time",
        "Last offset",
        "RMS offset",
        "Frequency",
        "Residual freq",
        "Skew",
        "Root delay",
        "Root dispersion",
        "Update interval",
        "Leap status",
    ];
    ALL.contains(&key)
}

/// `41.220021312 seconds slow of NTP time`
fn off(value: &str) -> Option<(f64, &'static str)> {
    let figure: f64 = value.split_whitespace().next()?.parse().ok()?;
    let way = if value.contains("slow") {
        "slow"
    } else if value.contains("fast") {
        "fast"
    } else {
        return None;
    };
    figure.is_finite().then_some((figure.abs(), way))
}

fn timedatectl(here: &Here<'_>) -> Option<(usize, Told)> {
    let fields = fields(here);
    const ALL: [&str; 13] = [
        "Local time",
        "Universal time",
        "RTC time",
        "Time zone",
        "Timezone",
        "System clock synchronized",
        "NTP service",
        "NTP enabled",
        "NTP synchronized",
        "Network time on",
        "RTC in local TZ",
        "DST active",
        "systemd-timesyncd.service active",
    ];
    let known = fields.iter().take_while(|(key, _)| ALL.contains(key)).count();
    let fields = fields.get(..known).filter(|fields| fields.len() >= 2)?;
    let of = |names: &[&str]| fields.iter().find(|(key, _)| names.contains(key)).map(|(_, value)| *value);
    let mut told = Told { tool: "timedatectl", ..Told::default() };
    told.moment = of(&["Universal time"]).and_then(moment_of);
    let asked = of(&["NTP service", "NTP enabled", "Network time on", "systemd-timesyncd.service active"]);
    if of(&["System clock synchronized", "NTP synchronized"]) == Some("no") {
        let why = match asked {
            Some("inactive" | "no") => ", and no service of time runs",
            Some("n/a") => ", and no service of time is installed",
            Some("active" | "yes") => ", although a service of time runs",
            _ => "",
        };
        told.stands_out.push(format!("timedatectl: the clock is not synchronized{why}"));
    }
    let rtc = of(&["RTC time"]).and_then(moment_of);
    if let (Some(now), Some(rtc), Some("no")) = (told.moment, rtc, of(&["RTC in local TZ"])) {
        let apart = now.duration_since(rtc).as_secs().abs();
        if apart >= 60 {
            told.stands_out.push(format!(
                "timedatectl: the clock of the hardware is {} apart: the host starts with it",
                crate::units::span(apart as f64)
            ));
        }
    }
    Some((known, told))
}

/// `Sat 2026-11-28 13:03:02 UTC`
fn moment_of(value: &str) -> Option<DateTime> {
    let mut words = value.split_whitespace().filter(|word| word.contains(['-', ':']));
    let text = format!("{}T{}", words.next()?, words.next()?);
    text.parse().ok().or_else(|| moment::date(value))
}

/// `ntpq -p`: the servers, of which the one that is followed has a star.
fn peers(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    if !here.words.starts_with(&["remote", "refid", "st", "t", "when", "poll", "reach"]) {
        return None;
    }
    let mut place = here.at + 1 + usize::from(document.line(here.at + 1).starts_with("===="));
    let (mut rows, mut reached, mut chosen) = (0_usize, 0_usize, None);
    while place < document.len() && rows < MOST {
        let words = here.words(place);
        // A reach is octal: which of the last eight questions were answered.
        let reach =
            words.len().checked_sub(4).and_then(|at| words.get(at)).and_then(|word| u32::from_str_radix(word, 8).ok());
        let (Some(reach), 10..=11) = (reach, words.len()) else { break };
        if document.ends_within(place) {
            break;
        }
        // Pools are no servers themselves.
        if !words.contains(&".POOL.") {
            rows += 1;
            reached += usize::from(reach > 0);
            let star = document.line(place).trim_start().strip_prefix('*');
            let offset = words.get(words.len() - 2).and_then(|word| word.parse::<f64>().ok());
            chosen = chosen.or(star.and_then(|rest| Some((printable(rest.split_whitespace().next()?), offset))));
        }
        place += 1;
    }
    let mut told = Told { tool: "ntpq", ..Told::default() };
    match chosen {
        _ if rows == 0 => {}
        None if reached == 0 => told.stands_out.push(format!("ntpq: none of {rows} servers of time answers")),
        None => {
            told.stands_out.push(format!("ntpq: no server of time is followed, although {reached} of {rows} answer"))
        }
        Some((server, Some(offset))) if offset.abs() >= 1000.0 * OFF => {
            told.stands_out.push(format!("ntpq: the clock is {:.1} s apart from {server}", offset.abs() / 1000.0));
        }
        Some(_) => {}
    }
    Some((place - here.at, told))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stands_out, taken};

    #[test]
    fn a_clock_that_is_off_or_follows_nobody_is_told_and_one_that_is_right_is_not() {
        let tracking = |id: &str, time: &str, leap: &str| {
            format!(
                "Reference ID    : {id}\nStratum         : 3\nRef time (UTC)  : Sat Nov 28 14:01:10 2026\nSystem time     : {time} of NTP time\nLast offset     : -0.000011202 seconds\nFrequency       : 12.331 ppm slow\nLeap status     : {leap}\n"
            )
        };
        let said = |text: &str| taken(super::take, text).unwrap().1.stands_out;
        assert_eq!(said(&tracking("C0000201 (ntp1.example)", "0.000021312 seconds slow", "Normal")), [""; 0]);
        assert_eq!(
            said(&tracking("C0000201 (ntp1.example)", "41.220021312 seconds slow", "Normal")),
            ["chronyc: the clock is 41.2 s slow"]
        );
        assert_eq!(
            said(&tracking("00000000 ()", "0.000000000 seconds fast", "Not synchronised")),
            ["chronyc: the clock follows no server (Not synchronised)"]
        );
    }

    #[test]
    fn timedatectl_tells_the_moment_and_whether_it_is_right() {
        let text = "               Local time: Sat 2026-11-28 14:03:02 CET\n           Universal time: Sat 2026-11-28 13:03:02 UTC\n                 RTC time: Sat 2026-11-28 09:03:01\n                Time zone: Europe/Berlin (CET, +0100)\nSystem clock synchronized: no\n              NTP service: inactive\n          RTC in local TZ: no\n";
        let (lines, told) = taken(super::take, text).unwrap();
        assert_eq!((lines, told.moment.unwrap().to_string().as_str()), (7, "2026-11-28T13:03:02"));
        assert_eq!(told.stands_out[0], "timedatectl: the clock is not synchronized, and no service of time runs");
        assert!(told.stands_out[1].contains("the clock of the hardware is 4 h 0 min apart"), "{:?}", told.stands_out);
        let calm = text
            .replace("09:03:01", "13:03:01")
            .replace(": no\n              NTP service: inactive", ": yes\n              NTP service: active");
        assert_eq!(taken(super::take, &calm).unwrap().1.stands_out, [""; 0]);
    }

    #[test]
    fn of_servers_of_time_one_must_be_followed() {
        let head = "     remote           refid      st t when poll reach   delay   offset  jitter\n==============================================================================\n";
        let text = format!(
            "{head} ntp1.example    .INIT.          16 u    -   64    0    0.000    0.000   0.000\n ntp2.example    .INIT.          16 u    -   64    0    0.000    0.000   0.000\n"
        );
        assert_eq!(stands_out(&text), ["ntpq: none of 2 servers of time answers"]);
        let text = format!(
            "{head}*ntp1.example    192.0.2.5        2 u   12   64  377    1.200    0.310   0.090\n+ntp2.example    192.0.2.6        2 u   33   64  377    4.200   -0.110   0.120\n"
        );
        assert_eq!(stands_out(&text), [""; 0]);
    }
}
