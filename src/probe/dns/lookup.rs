//! What a look-up costs a program of this host: the order and the patience of the C library, with the answers that the
//! resolvers gave here.

use super::output::{Lookup, Outcome, Question, Resolver};

/// The patience of the C library.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Seconds for the first server.
    pub timeout_seconds: u32,
    /// Rounds over all servers.
    pub attempts: u32,
}

/// The cost of each question that was put to the resolvers.
pub fn lookups(resolvers: &[Resolver], patience: Patience) -> Vec<Lookup> {
    let Some(first) = resolvers.first() else { return Vec::new() };
    let asked = first.questions.iter().filter_map(|question| {
        let same = |it: &&Question| it.name == question.name && it.kind == question.kind;
        let answers: Option<Vec<(&Resolver, &Question)>> =
            resolvers.iter().map(|resolver| Some((resolver, resolver.questions.iter().find(same)?))).collect();
        // One that was not asked, or not to the end, could cost anything.
        let answers = answers.filter(|all| all.iter().all(|(_, it)| it.outcome != Outcome::Interrupted))?;
        Some(cost(question, &answers, patience))
    });
    asked.collect()
}

/// How the C library goes round the servers (`__res_context_send`): one that does not answer costs its patience, one that
/// fails or refuses costs its time, and the next one is asked.
fn cost(question: &Question, answers: &[(&Resolver, &Question)], patience: Patience) -> Lookup {
    let mut seconds = 0.0;
    for _ in 0..patience.attempts {
        for (index, (resolver, answer)) in answers.iter().enumerate() {
            let patient = patient_for(index, answers.len(), patience.timeout_seconds);
            match answer.outcome {
                Outcome::Answered if answer.rtt_seconds.is_some_and(|rtt| rtt < patient) => {
                    let once = answer.rtt_seconds.unwrap_or_default();
                    // A repetition over TCP takes the rest of the time.
                    seconds += if answer.tcp.is_some() { answer.seconds.max(once) } else { once };
                    let next = matches!(answer.rcode.as_deref(), Some("SERVFAIL" | "REFUSED" | "NOTIMP"));
                    if !next {
                        return found(question, seconds, Some(resolver));
                    }
                }
                Outcome::Closed | Outcome::Unreachable | Outcome::Blocked => seconds += answer.seconds.min(patient),
                _ => seconds += patient,
            }
        }
    }
    found(question, seconds, None)
}

/// Seconds that the C library waits for the server at `index` of `count` (`send_dg`).
fn patient_for(index: usize, count: usize, timeout_seconds: u32) -> f64 {
    let doubled = f64::from(timeout_seconds) * 2f64.powi(i32::try_from(index).unwrap_or(0));
    let shared = if index > 0 { (doubled / count.max(1) as f64).floor() } else { doubled };
    shared.max(1.0)
}

fn found(question: &Question, seconds: f64, by: Option<&Resolver>) -> Lookup {
    Lookup {
        name: question.name.clone(),
        kind: question.kind.clone(),
        address: question.address.clone(),
        seconds,
        answered: by.is_some(),
        resolver: by.map(|resolver| resolver.address.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(address: &str, outcome: Outcome, seconds: f64, rcode: Option<&str>) -> Resolver {
        let question = Question {
            name: "a.example".into(),
            kind: "A".into(),
            address: None,
            outcome,
            timed_out: outcome == Outcome::TimedOut,
            rtt_seconds: (outcome == Outcome::Answered).then_some(seconds),
            seconds,
            sent: 1,
            from: None,
            rcode: rcode.map(str::to_owned),
            authoritative: None,
            recursion_available: None,
            truncated: None,
            tcp: None,
            answers: Vec::new(),
            answer_count: None,
            question_bytes: 27,
            answer_bytes: None,
            amplification: None,
            strays: 0,
        };
        Resolver {
            address: address.into(),
            port: 53,
            answers: Some(outcome == Outcome::Answered),
            fastest_seconds: None,
            slowest_seconds: None,
            questions: vec![question],
        }
    }

    const USUAL: Patience = Patience { timeout_seconds: 5, attempts: 2 };

    fn cost_of(resolvers: &[Resolver]) -> (f64, bool) {
        let lookup = lookups(resolvers, USUAL).remove(0);
        (lookup.seconds, lookup.answered)
    }

    #[test]
    fn a_dead_first_resolver_costs_every_lookup_five_seconds() {
        let resolvers = [
            resolver("192.0.2.1", Outcome::TimedOut, 2.0, None),
            resolver("192.0.2.2", Outcome::Answered, 0.01, Some("NXDOMAIN")),
        ];
        assert_eq!(cost_of(&resolvers), (5.01, true));
    }

    #[test]
    fn one_dead_resolver_alone_costs_ten_seconds_and_gives_no_answer() {
        assert_eq!(cost_of(&[resolver("192.0.2.1", Outcome::TimedOut, 2.0, None)]), (10.0, false));
    }

    #[test]
    fn where_nobody_listens_nobody_waits() {
        assert_eq!(cost_of(&[resolver("192.0.2.1", Outcome::Closed, 0.0, None)]), (0.0, false));
    }

    #[test]
    fn a_resolver_that_fails_slowly_is_asked_again() {
        assert_eq!(cost_of(&[resolver("192.0.2.1", Outcome::Answered, 3.0, Some("SERVFAIL"))]), (6.0, false));
        let lookup = lookups(&[resolver("192.0.2.1", Outcome::Answered, 3.0, Some("NOERROR"))], USUAL).remove(0);
        assert_eq!((lookup.seconds, lookup.resolver.as_deref()), (3.0, Some("192.0.2.1")));
    }

    #[test]
    fn later_servers_get_their_share_of_patience() {
        assert_eq!([0, 1, 2].map(|index| patient_for(index, 3, 5)), [5.0, 3.0, 6.0]);
        assert_eq!(patient_for(1, 3, 1), 1.0, "never less than a second");
    }

    #[test]
    fn what_was_not_asked_of_everyone_has_no_estimate() {
        let mut second = resolver("192.0.2.2", Outcome::Answered, 0.01, Some("NOERROR"));
        second.questions.clear();
        assert_eq!(lookups(&[resolver("192.0.2.1", Outcome::TimedOut, 2.0, None), second], USUAL), []);
    }
}
