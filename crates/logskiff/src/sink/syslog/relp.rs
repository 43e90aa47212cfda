//! The client's side of RELP, without a socket: messages in, frames out; responses in, acks out.
//!
//! The protocol is librelp's (`doc/relp.html`): a frame is `TXNR SP COMMAND SP DATALEN [SP DATA] LF`, and each command
//! is answered by an `rsp` with its number. No content is ever logged.

use std::collections::VecDeque;

use crate::sink::Ack;
use event::{Outcome, Ticket};

/// The largest transaction number; the one after it is 1.
const NUMBER_MAX: u32 = 999_999_999;
/// A frame's header is at most two numbers of nine digits and a command of 32 characters.
const HEADER_BYTES_MAX: usize = 9 + 1 + 32 + 1 + 9 + 1;
/// The longest data of a response.
const DATA_BYTES_MAX: usize = 64 * 1024;
/// The longest part of a receiver's reason that is logged.
const REASON_CHARS_MAX: usize = 120;

/// Why a session fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// Bytes that are not a frame.
    #[error("the receiver does not speak RELP")]
    NotRelp,
    /// The response to the open command has another status than 200.
    #[error("the receiver refuses the RELP session: {0}")]
    Refused(String),
    /// The receiver offers no `syslog` command.
    #[error("the receiver speaks RELP, but does not offer the syslog command")]
    NoSyslog,
    /// The receiver is about to close.
    #[error("the receiver has closed the RELP session")]
    Closed,
    /// A response to no open transaction.
    #[error("the receiver answered a RELP transaction that is not open")]
    UnknownTransaction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The open command has no response yet.
    Opening,
    Open,
    /// The close command was sent.
    Closing,
}

/// How a session treats messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// At most this many messages wait for their responses.
    pub(super) window: usize,
    /// The outcome of a message that the receiver refuses.
    pub(super) refused: Outcome,
}

/// A session.
#[derive(Debug)]
pub(super) struct Relp {
    state: State,
    options: Options,
    /// The status of the last message that was refused; 0: it could not be read.
    refused_status: Option<u16>,
    /// The number of the next transaction.
    next: u32,
    /// Open transactions in order; `None`: answered before an earlier one.
    awaited: VecDeque<Option<Ticket>>,
    /// The number of `awaited[0]`.
    first: u32,
    /// The number of transactions without a response.
    pending: usize,
    /// Bytes of an incomplete frame.
    received: Vec<u8>,
    /// Closed before the response to the open command came. It may still come.
    awaits_open_response: bool,
}

/// A frame from the receiver.
struct Frame<'b> {
    number: u32,
    command: &'b [u8],
    data: &'b [u8],
}

impl Relp {
    /// Begins a session. Appends the open command to `out`.
    pub(super) fn new(options: Options, out: &mut Vec<u8>) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let offers = format!("relp_version=0\nrelp_software=logskiff,{version}\ncommands=syslog");
        write_frame(1, "open", offers.as_bytes(), out);
        Self {
            state: State::Opening,
            options: Options { window: options.window.max(1), ..options },
            refused_status: None,
            next: 2,
            awaited: VecDeque::new(),
            first: 2,
            pending: 0,
            received: Vec::new(),
            awaits_open_response: false,
        }
    }

    /// Whether messages may be sent.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// The number of messages that may be sent now.
    pub(super) fn free_window(&self) -> usize {
        if self.is_open() { self.options.window.saturating_sub(self.awaited.len()) } else { 0 }
    }

    /// Sends a message; only while the window is not full.
    pub(super) fn send(&mut self, data: &[u8], ticket: Ticket, out: &mut Vec<u8>) {
        write_frame(self.next, "syslog", data, out);
        self.next = number_after(self.next);
        self.awaited.push_back(Some(ticket));
        self.pending += 1;
    }

    /// The number of messages without a response.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// Processes bytes from the receiver, which may end in the middle of a frame.
    ///
    /// # Errors
    /// When the session fails. A refused message is not an error: its ack says that it is refused.
    pub(super) fn receive(&mut self, bytes: &[u8], acks: &mut Vec<Ack>) -> Result<(), Error> {
        self.received.extend_from_slice(bytes);
        let buffer = std::mem::take(&mut self.received);
        let mut at = 0;
        while let Some((frame, length)) = read_frame(&buffer[at..])? {
            self.handle(&frame, acks)?;
            at += length;
        }
        self.received = buffer;
        self.received.drain(..at);
        Ok(())
    }

    fn handle(&mut self, frame: &Frame<'_>, acks: &mut Vec<Ack>) -> Result<(), Error> {
        match (frame.number, frame.command) {
            (0, b"serverclose") => Err(Error::Closed),
            // Unknown hints are ignored.
            (0, _) => Ok(()),
            (1, b"rsp") if self.state == State::Opening => self.handle_open_response(frame.data),
            (number, b"rsp") => self.handle_response(number, status(frame.data), acks),
            _ => Err(Error::NotRelp),
        }
    }

    fn handle_open_response(&mut self, data: &[u8]) -> Result<(), Error> {
        if status(data) != Some(200) {
            let printable = |c: char| if c.is_control() { ' ' } else { c };
            return Err(Error::Refused(
                String::from_utf8_lossy(data).chars().take(REASON_CHARS_MAX).map(printable).collect(),
            ));
        }
        let commands = data.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"commands="));
        let offers = |commands: &[u8]| commands.split(|byte| *byte == b',').any(|command| command == b"syslog");
        if !commands.is_some_and(offers) {
            return Err(Error::NoSyslog);
        }
        self.state = State::Open;
        Ok(())
    }

    fn handle_response(&mut self, number: u32, status: Option<u16>, acks: &mut Vec<Ack>) -> Result<(), Error> {
        let is_closing = self.state == State::Closing;
        if is_closing && (number == self.next || (number == 1 && std::mem::take(&mut self.awaits_open_response))) {
            return Ok(());
        }
        let index = distance(self.first, number);
        let ticket = self.awaited.get_mut(index).and_then(Option::take).ok_or(Error::UnknownTransaction)?;
        self.pending -= 1;
        let outcome = if status == Some(200) {
            Outcome::Delivered
        } else {
            self.refused_status = Some(status.unwrap_or_default());
            self.options.refused
        };
        acks.push(Ack::new(ticket, outcome));
        while let Some(None) = self.awaited.front() {
            self.awaited.pop_front();
            self.first = number_after(self.first);
        }
        Ok(())
    }

    /// The status of a message that was refused since the last call.
    pub(super) fn take_refused_status(&mut self) -> Option<u16> {
        self.refused_status.take()
    }

    /// Removes and returns the messages without a response, in order.
    pub(super) fn take_unacknowledged(&mut self) -> Vec<Ticket> {
        self.pending = 0;
        self.first = self.next;
        self.awaited.drain(..).flatten().collect()
    }

    /// Ends the session. The first call appends the close command to `out`.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        if self.state == State::Closing {
            return;
        }
        self.awaits_open_response = self.state == State::Opening;
        write_frame(self.next, "close", b"", out);
        self.state = State::Closing;
    }
}

fn number_after(number: u32) -> u32 {
    if number == NUMBER_MAX { 1 } else { number + 1 }
}

/// The number of transactions from `first` to `number`.
fn distance(first: u32, number: u32) -> usize {
    let ahead = if number >= first { number - first } else { NUMBER_MAX - first + number };
    usize::try_from(ahead).unwrap_or(usize::MAX)
}

fn write_frame(number: u32, command: &str, data: &[u8], out: &mut Vec<u8>) {
    use std::io::Write;
    // Writing to a vector does not fail.
    _ = write!(out, "{number} {command} {}", data.len());
    if !data.is_empty() {
        out.push(b' ');
        out.extend_from_slice(data);
    }
    out.push(b'\n');
}

/// The first frame and its length; `None`: it is incomplete.
fn read_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Error> {
    let head = &bytes[..bytes.len().min(HEADER_BYTES_MAX)];
    // A byte that cannot stand in a header shows at once that the receiver does not speak RELP.
    let mut words = [0..0, 0..0, 0..0];
    let (mut word, mut start) = (0, 0);
    for (at, byte) in head.iter().enumerate() {
        let ends = *byte == b' ' || (*byte == b'\n' && word == 2);
        let fits = if word == 1 { byte.is_ascii_alphanumeric() } else { byte.is_ascii_digit() && at - start < 9 };
        if ends && at > start {
            words[word] = start..at;
            (word, start) = (word + 1, at + 1);
            if word == 3 {
                return frame_with_data(bytes, &words, at);
            }
        } else if !fits {
            return Err(Error::NotRelp);
        }
    }
    if head.len() == HEADER_BYTES_MAX { Err(Error::NotRelp) } else { Ok(None) }
}

/// A frame whose header ends at `end`, with a space or a newline.
fn frame_with_data<'b>(
    bytes: &'b [u8],
    words: &[std::ops::Range<usize>; 3],
    end: usize,
) -> Result<Option<(Frame<'b>, usize)>, Error> {
    let number = |at: usize| {
        let digits = std::str::from_utf8(&bytes[words[at].clone()]).ok();
        digits.and_then(|digits| digits.parse::<u32>().ok()).ok_or(Error::NotRelp)
    };
    let length = usize::try_from(number(2)?).unwrap_or(usize::MAX);
    if length > DATA_BYTES_MAX {
        return Err(Error::NotRelp);
    }
    // Without data, the space is optional: librelp writes `0 serverclose 0` and a newline.
    let start = if bytes[end] == b'\n' { end } else { end + 1 };
    if bytes[end] == b'\n' && length > 0 {
        return Err(Error::NotRelp);
    }
    match bytes.get(start + length) {
        None => Ok(None),
        Some(b'\n') => {
            let frame =
                Frame { number: number(0)?, command: &bytes[words[1].clone()], data: &bytes[start..start + length] };
            Ok(Some((frame, start + length + 1)))
        }
        Some(_) => Err(Error::NotRelp),
    }
}

/// The status that a response begins with.
fn status(data: &[u8]) -> Option<u16> {
    let digits = data.get(..3)?;
    let ends = data.get(3).is_none_or(|byte| !byte.is_ascii_digit());
    std::str::from_utf8(digits).ok().filter(|_| ends)?.parse().ok()
}

#[cfg(test)]
mod tests;
