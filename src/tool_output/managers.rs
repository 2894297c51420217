//! Services by managers that are not systemd: `supervisorctl status`, `rc-status` of OpenRC.

use super::here::Here;
use super::told::Told;
use crate::printable::printable;

/// Rows that are looked at.
const MOST: usize = 1000;
/// Services that are told.
const TOLD: usize = 6;
/// Characters of what is told of one.
const LONGEST: usize = 80;

/// A list of services, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    supervisor(here).or_else(|| openrc(here))
}

fn short(text: &str) -> String {
    printable(text.chars().take(LONGEST).collect::<String>())
}

/// What is told of several services, and how many more there are.
fn tell(told: &mut Told, mut said: Vec<String>) {
    let more = said.len().saturating_sub(TOLD);
    said.truncate(TOLD);
    told.about = if said.is_empty() { "" } else { "unresponsive" };
    told.stands_out = said;
    if more > 0 {
        told.stands_out.push(format!("{}: and {more} more that do not run", told.tool));
    }
}

/// `gunicorn    FATAL     Exited too quickly (process log may have details)`
fn supervisor(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let mut place = here.at;
    let (mut said, mut runs) = (Vec::new(), 0_usize);
    while place < document.len() && place - here.at < MOST {
        let words = here.words(place);
        let (Some(name), Some(state)) = (words.first(), words.get(1)) else { break };
        let rest = words.get(2..).unwrap_or_default().join(" ");
        let meaning = match *state {
            "RUNNING" if rest.starts_with("pid ") => "",
            "STARTING" | "STOPPING" if rest.is_empty() => "",
            "FATAL" => "could not be started, and is tried no more",
            "BACKOFF" => "ends as soon as it is started, and is tried again",
            "EXITED" => "has ended by itself",
            "STOPPED" => "is stopped: somebody did that, or it is not started by itself",
            "UNKNOWN" if place > here.at => "is in a state that supervisord does not know",
            _ => break,
        };
        if name.len() > 128 || !document.line(place).contains(&format!(" {state}")) {
            break;
        }
        place += 1;
        if document.ends_within(place - 1) {
            continue;
        }
        runs += usize::from(meaning.is_empty());
        let of = |why: &str| format!("supervisorctl: {} {meaning}{why}", short(name));
        match *state {
            "FATAL" | "BACKOFF" if !rest.is_empty() => said.push((0, of(&format!(" ({})", short(&rest))))),
            "FATAL" | "BACKOFF" | "UNKNOWN" => said.push((0, of(""))),
            "EXITED" | "STOPPED" => {
                said.push((1, of(&if rest.is_empty() { String::new() } else { format!(", {}", short(&rest)) })))
            }
            _ => {}
        }
    }
    // A word in capitals behind another one is no list yet.
    let asked = here.command.first() == Some(&"supervisorctl");
    if place == here.at
        || !(asked || runs > 0 || place - here.at >= 2 || said.iter().any(|(_, text)| text.contains('(')))
    {
        return None;
    }
    said.sort_by_key(|(weight, _)| *weight);
    let mut told = Told { tool: "supervisorctl", ..Told::default() };
    tell(&mut told, said.into_iter().map(|(_, text)| text).collect());
    Some((place - here.at, told))
}

/// ` nginx     [  crashed  ]` below `Runlevel: default`; or ` * status: crashed`, of one service.
fn openrc(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let mut told = Told { tool: "rc-status", ..Told::default() };
    if let Some(state) = document.line(here.at).trim().strip_prefix("* status: ") {
        let name = here.command.get(1).filter(|_| matches!(here.command.first(), Some(&("rc-service" | "service"))));
        let name = name.map_or_else(|| "the service".to_owned(), |name| short(name));
        match state {
            "crashed" => tell(
                &mut told,
                vec![format!("rc-service: {name} has crashed: its process is gone, and nobody stopped it")],
            ),
            "stopped" => tell(&mut told, vec![format!("rc-service: {name} does not run")]),
            "started" | "inactive" | "starting" | "stopping" => {}
            _ => return None,
        }
        return Some((1, told));
    }
    let row = |at: usize| -> Option<(&str, &str)> {
        let (name, state) = document.line(at).trim().split_once(char::is_whitespace)?;
        let state = state.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
        let word = state.split_whitespace().next()?;
        matches!(
            word,
            "started" | "stopped" | "crashed" | "inactive" | "starting" | "stopping" | "scheduled" | "unsupervised"
        )
        .then_some((name, word))
    };
    let level = |at: usize| document.line(at).trim().strip_prefix("Runlevel: ");
    let dynamic = |at: usize| document.line(at).trim().starts_with("Dynamic Runlevel: ");
    if !(level(here.at).is_some() || dynamic(here.at) || row(here.at).is_some() && row(here.at + 1).is_some()) {
        return None;
    }
    let (mut place, mut wanted, mut said) = (here.at, None, Vec::new());
    while place < document.len() && place - here.at < MOST {
        if let Some(name) = level(place) {
            wanted = Some(name);
        } else if dynamic(place) {
            wanted = None;
        } else if let Some((name, state)) = row(place) {
            let whole = !document.ends_within(place);
            match (state, wanted) {
                ("crashed", _) if whole => {
                    said.push((
                        0,
                        format!("rc-status: {} has crashed: its process is gone, and nobody stopped it", short(name)),
                    ));
                }
                ("stopped", Some(level)) if whole => {
                    said.push((
                        1,
                        format!(
                            "rc-status: {} does not run, although the runlevel {} wants it",
                            short(name),
                            short(level)
                        ),
                    ));
                }
                _ => {}
            }
        } else {
            break;
        }
        place += 1;
    }
    said.sort_by_key(|(weight, _)| *weight);
    tell(&mut told, said.into_iter().map(|(_, text)| text).collect());
    Some((place - here.at, told))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stands_out, taken};

    #[test]
    fn supervisor_tells_what_does_not_run_and_words_in_capitals_are_none() {
        let text = "celery                           RUNNING   pid 1021, uptime 12 days, 3:04:11\ngunicorn                         FATAL     Exited too quickly (process log may have details)\nmailer                           BACKOFF   Exited too quickly (process log may have details)\nworker:worker_01                 STOPPED   Nov 28 10:11 AM\n";
        assert_eq!(
            stands_out(text),
            [
                "supervisorctl: gunicorn could not be started, and is tried no more (Exited too quickly (process log may have details))",
                "supervisorctl: mailer ends as soon as it is started, and is tried again (Exited too quickly (process log may have details))",
                "supervisorctl: worker:worker_01 is stopped: somebody did that, or it is not started by itself, Nov 28 10:11 AM",
            ]
        );
        let calm = "celery                           RUNNING   pid 1021, uptime 12 days, 3:04:11\n";
        assert_eq!(taken(super::take, calm).unwrap().1.stands_out, [""; 0]);
        for text in ["it FATAL\n", "PROCESS UNKNOWN to me\n", "web RUNNING away\n", "STOPPED\n"] {
            assert!(taken(super::take, text).is_none(), "{text}");
        }
    }

    #[test]
    fn openrc_tells_what_crashed_and_what_its_runlevel_wants() {
        let text = "Runlevel: default\n crond                                [  started  ]\n nginx                                [  crashed  ]\n postgresql                           [  stopped  ]\nDynamic Runlevel: hotplugged\nDynamic Runlevel: manual\n chronyd                              [  stopped  ]\n";
        assert_eq!(
            stands_out(text),
            [
                "rc-status: nginx has crashed: its process is gone, and nobody stopped it",
                "rc-status: postgresql does not run, although the runlevel default wants it",
            ]
        );
        assert_eq!(stands_out("alpine:~# rc-service nginx status\n * status: crashed\n").len(), 1);
    }
}
