//! What DNS messages came and went.

use super::count::Count;
use super::payload_signature::Question;

/// What DNS messages say.
#[derive(Debug, Clone, Default)]
pub struct DnsCounts {
    pub queries: Count,
    pub answers: Count,
    pub tx_queries: Count,
    pub tx_answers: Count,
    /// By the type that is asked for, of queries that came in and of answers that came in.
    pub query_types: Vec<(u16, u64)>,
    pub answer_types: Vec<(u16, u64)>,
}

/// DNS types that are counted one by one; forged ones can have 65,536.
const DNS_TYPES: usize = 32;

impl DnsCounts {
    pub fn add(&mut self, question: Question, outgoing: bool, amount: Count) {
        match (outgoing, question.answered) {
            (false, false) => self.queries.add(amount),
            (false, true) => self.answers.add(amount),
            (true, false) => self.tx_queries.add(amount),
            (true, true) => self.tx_answers.add(amount),
        }
        let (Some(kind), false) = (question.kind, outgoing) else { return };
        let types = if question.answered { &mut self.answer_types } else { &mut self.query_types };
        match types.iter().position(|(known, _)| *known == kind) {
            Some(place) => types[place].1 += amount.packets,
            None if types.len() < DNS_TYPES => types.push((kind, amount.packets)),
            None => {}
        }
    }
}
