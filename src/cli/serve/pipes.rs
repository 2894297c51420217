//! The two pipes to the client: a message a line, as the protocol's transport by standard input and output has it.
//!
//! Lines are read on a thread of their own, with a bound for each and a count of its values before one is built, and handed over one
//! at a time. Nothing else is written to standard output.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rmcp::model::CallToolRequestParams;
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::super::{say, screen};
use crate::bounded_json::{self, Budget, Unread};
use crate::printable::printable;
use crate::sys::thread;

/// The most bytes of a message: a pasted text, and little else.
pub(super) const LARGEST_MESSAGE: usize = 4 * 1024 * 1024;
/// Memory for the values of a message.
const VALUES: u64 = 8_000_000;
/// The most bytes of the name that a client gives a request or its progress: it comes back with each answer.
pub(super) const LONGEST_ID: usize = 256;
/// How long answers that are on their way may take when the client has gone.
const FAREWELL: Duration = Duration::from_secs(1);

/// Codes of the protocol for what is no request.
const NO_JSON: i64 = -32700;
const NO_REQUEST: i64 = -32600;
const WRONG_PARAMETERS: i64 = -32602;
/// The method that calls a tool.
const CALL: &str = "tools/call";

/// The pipes of this process.
pub(super) struct Pipes {
    messages: Receiver<RxJsonRpcMessage<RoleServer>>,
    gone: Option<Box<dyn FnOnce() + Send>>,
}

impl Pipes {
    /// Begins to read. When the client has closed its end, `gone` is called, and the process ends soon after, whatever it does then.
    pub fn open(gone: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (sender, messages) = channel(1);
        thread::start("client", sender, |sender| read(&mut BufReader::new(io::stdin()), &sender)).map_err(no_thread)?;
        // Who waits for room in a pipe that nobody empties does not see that the other one was closed.
        thread::start("farewell", (), |()| {
            hung_up();
            end_soon();
        })
        .map_err(no_thread)?;
        Ok(Pipes { messages, gone: Some(Box::new(gone)) })
    }
}

fn no_thread<T>(_: T) -> io::Error {
    io::Error::other("no thread can be made")
}

/// Ends the process, by and by: what was asked before has a moment to be answered.
fn end_soon() {
    std::thread::sleep(FAREWELL);
    std::process::exit(0);
}

/// Waits until the other end of standard input is closed.
fn hung_up() {
    let stdin = io::stdin();
    // Of a socket, as some `sshd` gives, one end can be closed by itself.
    let half = PollFlags::from_bits_retain(libc::POLLRDHUP);
    let mut watched = [PollFd::new(stdin.as_fd(), half)];
    let closed = PollFlags::POLLHUP | half | PollFlags::POLLERR | PollFlags::POLLNVAL;
    loop {
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) if watched[0].revents().is_some_and(|events| events.intersects(closed)) => return,
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

/// Reads messages until there are no more. What is none is answered here.
fn read(input: &mut impl BufRead, sender: &Sender<RxJsonRpcMessage<RoleServer>>) {
    let mut begun = false;
    loop {
        let line = match line(input) {
            Ok(Some(line)) => line,
            Ok(None) => return,
            Err(error) => return say(format_args!("casebook: cannot read what the client says: {error}")),
        };
        match message(&line) {
            Ok(None) => {}
            // Before the first request nothing else means anything, and the crate would end over it.
            Ok(Some(message)) if !begun && !matches!(message, RxJsonRpcMessage::<RoleServer>::Request(_)) => {}
            Ok(Some(message)) => {
                begun = true;
                if sender.blocking_send(message).is_err() {
                    return;
                }
            }
            Err(refused) => {
                if write(&refused).is_err() {
                    return;
                }
            }
        }
    }
}

/// What a line came to.
enum Line {
    Whole(Vec<u8>),
    /// More than is read.
    TooLong,
}

/// The next line, without its end; none at the end of the input. What is too long is passed over and not kept.
fn line(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let (mut too_long, mut any) = (false, false);
    loop {
        let piece = match input.fill_buf() {
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        // A line that nobody ended was cut off.
        if piece.is_empty() {
            return Ok((any && too_long).then_some(Line::TooLong).or((!line.is_empty()).then_some(Line::Whole(line))));
        }
        any = true;
        let end = memchr::memchr(b'\n', piece);
        let taken = &piece[..end.unwrap_or(piece.len())];
        if line.len() + taken.len() > LARGEST_MESSAGE {
            too_long = true;
            line = Vec::new();
        } else if !too_long {
            line.extend_from_slice(taken);
        }
        let used = end.map_or(piece.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(Some(if too_long { Line::TooLong } else { Line::Whole(line) }));
        }
    }
}

/// The message of a line; none of an empty one. An error: what the client is answered.
fn message(line: &Line) -> Result<Option<RxJsonRpcMessage<RoleServer>>, Value> {
    let Line::Whole(bytes) = line else {
        let most = crate::units::bytes(LARGEST_MESSAGE as f64);
        return Err(refusal(
            &Value::Null,
            NO_REQUEST,
            &format!("a message longer than {most} is not read; put a long text below a folder given with --folder"),
        ));
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let value: Value = bounded_json::from_slice(bytes, &mut Budget::new(VALUES)).map_err(|why| match why {
        Unread::TooMuch(_) => refusal(&Value::Null, NO_REQUEST, "the message holds more values than are read"),
        Unread::Json(error) => refusal(&Value::Null, NO_JSON, &format!("not JSON: {error}")),
    })?;
    let id = value.get("id").cloned().unwrap_or_default();
    let is_id = match &id {
        Value::Null => value.get("id").is_none(),
        Value::String(text) => text.len() <= LONGEST_ID,
        Value::Number(number) => number.is_i64(),
        _ => false,
    };
    if !is_id {
        let why = format!("the id of a request is a whole number, or a text of at most {LONGEST_ID} bytes");
        return Err(refusal(&Value::Null, NO_REQUEST, &why));
    }
    if value.get("method").is_some_and(|method| !method.is_string()) {
        return Err(refusal(&id, NO_REQUEST, "a method is a text"));
    }
    // The crate takes a call that it cannot read for one of a method that it does not know.
    if value.get("method").is_some_and(|method| method == CALL)
        && let Err(why) = CallToolRequestParams::deserialize(value.get("params").unwrap_or(&Value::Null))
    {
        let why: String = printable(why.to_string().as_bytes()).chars().take(200).collect();
        let how = "the parameters of a call are {\"name\": a tool, \"arguments\": an object}";
        return Err(refusal(&id, WRONG_PARAMETERS, &format!("{how}: {why}")));
    }
    RxJsonRpcMessage::<RoleServer>::deserialize(value)
        .map(Some)
        .map_err(|_| refusal(&id, NO_REQUEST, "neither a request nor a notification of the Model Context Protocol"))
}

fn refusal(id: &Value, code: i64, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

/// Writes a message. A client that reads no more has gone.
fn write(message: &impl serde::Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut out = screen::out();
    let written = out.write_all(&line).and_then(|()| out.flush());
    if written.is_err() {
        std::process::exit(0);
    }
    written
}

impl Transport<RoleServer> for Pipes {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        // At once, so that answers leave in the order in which they were made.
        std::future::ready(write(&item))
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let message = self.messages.recv().await;
        if message.is_none()
            && let Some(gone) = self.gone.take()
        {
            gone();
            // A file ends without hanging up.
            let _ = thread::start("farewell", (), |()| end_soon());
        }
        message
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.messages.close();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Option<usize>> {
        let mut input = BufReader::with_capacity(7, text);
        std::iter::from_fn(|| line(&mut input).unwrap())
            .map(|line| match line {
                Line::Whole(bytes) => Some(bytes.len()),
                Line::TooLong => None,
            })
            .collect()
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_is_read() {
        let mut text = vec![b'x'; LARGEST_MESSAGE + 1];
        text.extend(b"\nabc\n\nab");
        assert_eq!(lines(&text), [None, Some(3), Some(0), Some(2)]);
        assert_eq!(lines(&vec![b'x'; LARGEST_MESSAGE]), [Some(LARGEST_MESSAGE)]);
        assert_eq!(lines(&vec![b'x'; LARGEST_MESSAGE + 8]), [None]);
        assert_eq!(lines(b""), []);
    }

    fn refused(text: &str) -> (Value, i64) {
        let answer = message(&Line::Whole(text.as_bytes().to_vec())).expect_err(text);
        (answer["id"].clone(), answer["error"]["code"].as_i64().unwrap())
    }

    #[test]
    fn what_is_no_request_is_answered_with_its_id_where_that_can_be_told() {
        assert_eq!(refused("{"), (Value::Null, NO_JSON));
        assert_eq!(refused(&"[".repeat(1000)), (Value::Null, NO_JSON));
        assert_eq!(refused("[]"), (Value::Null, NO_REQUEST));
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":7}"#), (json!(7), NO_REQUEST));
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":7,"method":[]}"#), (json!(7), NO_REQUEST));
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}"#), (Value::Null, NO_REQUEST));
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#), (Value::Null, NO_REQUEST));
        let long = format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(LONGEST_ID + 1));
        assert_eq!(refused(&long), (Value::Null, NO_REQUEST));
        let many = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":[{}0]}}"#, "0,".repeat(1_000_000));
        assert_eq!(refused(&many), (Value::Null, NO_REQUEST));
        for params in ["[]", "7", "{}", r#"{"name":7}"#, r#"{"name":"list_cases","arguments":[]}"#] {
            let call = format!(r#"{{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{params}}}"#);
            assert_eq!(refused(&call), (json!(8), WRONG_PARAMETERS), "{params}");
        }
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":9,"method":"tools/call"}"#), (json!(9), WRONG_PARAMETERS));
        assert!(message(&Line::Whole(b" \r".to_vec())).unwrap().is_none());
        assert!(message(&Line::Whole(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.to_vec())).unwrap().is_some());
    }
}
