//! DNS messages: the question as bytes, and what an answer says.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;

use domain::base::iana::{Class, Rtype};
use domain::base::message_builder::PushError;
use domain::base::{Message, MessageBuilder, Name};
use domain::rdata::AllRecordData;

use super::output::Record;
use crate::printable::printable;

/// Records of an answer that are kept; the others are counted.
const MOST_RECORDS: usize = 8;
/// Characters of a record's data that are kept.
const MOST_CHARACTERS: usize = 256;

/// What is asked: a name, a type, a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    name: Name<Vec<u8>>,
    kind: Rtype,
    class: Class,
}

impl Asked {
    /// Asks for the records of one type at a name.
    pub fn forward(name: &str, kind: Rtype) -> Result<Self, String> {
        let name = Name::vec_from_str(name).map_err(|error| error.to_string())?;
        Ok(Asked { name, kind, class: Class::IN })
    }

    /// Asks for the name of an address.
    pub fn reverse(address: IpAddr) -> Result<Self, String> {
        let name = Name::reverse_from_addr(address).map_err(|error| error.to_string())?;
        Ok(Asked { name, kind: Rtype::PTR, class: Class::IN })
    }

    /// Asks a server which program it is.
    pub fn software() -> Result<Self, String> {
        Ok(Asked { class: Class::CH, ..Asked::forward("version.bind", Rtype::TXT)? })
    }

    /// The name for people, without the dot at its end.
    pub fn name(&self) -> String {
        shown(&self.name)
    }

    /// The type: `A`, `PTR`.
    pub fn kind(&self) -> String {
        self.kind.to_string()
    }

    /// The question as bytes. With `payload` it carries EDNS, which says how large an answer may be.
    pub fn question(&self, id: u16, payload: Option<u16>) -> Result<Vec<u8>, PushError> {
        let mut builder = MessageBuilder::new_vec();
        builder.header_mut().set_id(id);
        builder.header_mut().set_rd(true);
        let mut question = builder.question();
        question.push((&self.name, self.kind, self.class))?;
        let mut additional = question.additional();
        if let Some(payload) = payload {
            additional.opt(|opt| {
                opt.set_udp_payload_size(payload);
                Ok(())
            })?;
        }
        Ok(additional.finish())
    }
}

/// A number that nobody can guess, so that a forged answer is told from a real one.
pub fn unguessable() -> u16 {
    let hash = RandomState::new().hash_one(0u8);
    (hash >> 24) as u16
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The response code: `NOERROR`.
    pub rcode: String,
    /// Flag AA.
    pub authoritative: bool,
    /// Flag RA.
    pub recursion_available: bool,
    /// Flag TC.
    pub truncated: bool,
    /// Records in the answer section.
    pub answer_count: u32,
    /// The first of them.
    pub answers: Vec<Record>,
    /// Size of the whole message.
    pub bytes: usize,
}

/// What came in at the socket that waits for an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// The answer.
    Reply(Reply),
    /// An answer to this question that cannot be read.
    Malformed,
    /// Something else: another id, another question, no answer at all.
    Stray,
}

/// Reads what came in while `question` waited for its answer.
pub fn read(bytes: &[u8], question: &[u8]) -> Received {
    let (Ok(message), Ok(question)) = (Message::from_octets(bytes), Message::from_octets(question)) else {
        return Received::Stray;
    };
    let (header, counts) = (message.header(), message.header_counts());
    if !header.qr() || header.id() != question.header().id() {
        return Received::Stray;
    }
    // Some servers leave the question out when they refuse.
    let refusal = counts.qdcount() == 0 && header.rcode() != domain::base::iana::Rcode::NOERROR;
    if !refusal && !message.is_answer(&question) {
        let readable = message.question().all(|it| it.is_ok());
        return if readable { Received::Stray } else { Received::Malformed };
    }
    let mut answers = Vec::new();
    match message.answer() {
        Ok(section) => {
            for record in section {
                let Ok(record) = record else {
                    // A truncated message may end anywhere.
                    if header.tc() {
                        break;
                    }
                    return Received::Malformed;
                };
                if answers.len() == MOST_RECORDS {
                    continue;
                }
                let data = record.to_any_record::<AllRecordData<_, _>>().map(|it| it.data().to_string());
                let data = data.unwrap_or_else(|_| "unreadable".to_owned());
                answers.push(Record {
                    kind: record.rtype().to_string(),
                    data: printable(data.chars().take(MOST_CHARACTERS).collect::<String>()),
                    ttl_seconds: record.ttl().as_secs(),
                });
            }
        }
        Err(_) if header.tc() => {}
        Err(_) => return Received::Malformed,
    }
    Received::Reply(Reply {
        rcode: if header.tc() { header.rcode().to_string() } else { message.opt_rcode().to_string() },
        authoritative: header.aa(),
        recursion_available: header.ra(),
        truncated: header.tc(),
        answer_count: counts.ancount().into(),
        answers,
        bytes: bytes.len(),
    })
}

fn shown(name: &Name<Vec<u8>>) -> String {
    let name = name.to_string();
    if name.is_empty() { ".".to_owned() } else { printable(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::rdata::{A, Ptr};

    fn answer(question: &[u8], change: impl FnOnce(&mut domain::base::Header)) -> Vec<u8> {
        let question = Message::from_octets(question).unwrap();
        let mut builder =
            MessageBuilder::new_vec().start_answer(&question, domain::base::iana::Rcode::NOERROR).unwrap();
        let name = question.first_question().unwrap().into_qname();
        for host in 1..=20 {
            builder.push((&name, 300, A::from_octets(192, 0, 2, host))).unwrap();
        }
        change(builder.header_mut());
        builder.finish()
    }

    #[test]
    fn a_question_is_the_bytes_that_servers_know() {
        let asked = Asked::forward("a.example", Rtype::A).unwrap();
        let bytes = asked.question(0x1234, None).unwrap();
        assert_eq!(bytes, b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01");
        let with_edns = asked.question(0x1234, Some(4096)).unwrap();
        assert_eq!(with_edns[27..], *b"\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00");
    }

    #[test]
    fn an_address_is_asked_for_backwards() {
        let asked = Asked::reverse("192.0.2.12".parse().unwrap()).unwrap();
        assert_eq!((asked.name(), asked.kind()), ("12.2.0.192.in-addr.arpa".into(), "PTR".into()));
        assert_eq!(Asked::forward(".", Rtype::NS).unwrap().name(), ".");
        assert!(Asked::forward("a..b", Rtype::A).is_err());
        assert!(Asked::forward(&"a".repeat(64), Rtype::A).is_err());
    }

    #[test]
    fn an_answer_is_read_and_its_records_are_bounded() {
        let question = Asked::forward("many.example", Rtype::A).unwrap().question(7, None).unwrap();
        let bytes = answer(&question, |header| header.set_ra(true));
        let Received::Reply(reply) = read(&bytes, &question) else { panic!("no reply") };
        assert_eq!((reply.rcode.as_str(), reply.recursion_available, reply.authoritative), ("NOERROR", true, false));
        assert_eq!((reply.answer_count, reply.answers.len()), (20, MOST_RECORDS));
        assert_eq!((reply.answers[0].data.as_str(), reply.answers[0].ttl_seconds), ("192.0.2.1", 300));
    }

    #[test]
    fn what_answers_another_question_is_a_stray() {
        let question = Asked::forward("one.example", Rtype::A).unwrap().question(7, None).unwrap();
        let other = Asked::forward("two.example", Rtype::A).unwrap().question(7, None).unwrap();
        assert_eq!(read(&answer(&other, |_| ()), &question), Received::Stray);
        assert_eq!(read(&answer(&question, |header| header.set_id(8)), &question), Received::Stray);
        assert_eq!(read(&question, &question), Received::Stray, "a question is no answer");
        assert_eq!(read(b"", &question), Received::Stray);
    }

    #[test]
    fn an_answer_that_ends_early_is_malformed_unless_it_says_so() {
        let question = Asked::forward("one.example", Rtype::A).unwrap().question(7, None).unwrap();
        let whole = answer(&question, |_| ());
        assert_eq!(read(&whole[..whole.len() - 3], &question), Received::Malformed);
        let cut = answer(&question, |header| header.set_tc(true));
        assert!(matches!(read(&cut[..cut.len() - 3], &question), Received::Reply(reply) if reply.truncated));
    }

    #[test]
    fn a_name_that_an_attacker_chose_cannot_move_the_cursor() {
        let question = Asked::reverse("192.0.2.1".parse().unwrap()).unwrap().question(7, None).unwrap();
        let message = Message::from_octets(&question[..]).unwrap();
        let mut builder = MessageBuilder::new_vec().start_answer(&message, domain::base::iana::Rcode::NOERROR).unwrap();
        let hostile = Name::vec_from_str("\\027[31m.example").unwrap();
        builder.push((Name::root_ref(), 300, Ptr::new(hostile))).unwrap();
        let Received::Reply(reply) = read(&builder.finish(), &question) else { panic!("no reply") };
        assert!(!reply.answers[0].data.contains('\u{1b}'), "{:?}", reply.answers[0].data);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(
            mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600),
            whole: bool,
            cuts in proptest::collection::vec((0usize..400, proptest::num::u8::ANY), 0..6),
        ) {
            let question = Asked::forward("one.example", Rtype::A).unwrap().question(7, None).unwrap();
            if whole {
                bytes = answer(&question, |header| header.set_ra(true));
                for (at, byte) in cuts {
                    if let Some(place) = bytes.get_mut(at) {
                        *place = byte;
                    }
                }
            }
            read(&bytes, &question);
        }

        #[test]
        fn no_name_makes_the_question_panic(name in ".{0,300}") {
            if let Ok(asked) = Asked::forward(&name, Rtype::A) {
                asked.question(1, Some(512)).unwrap();
                asked.name();
            }
        }
    }
}
