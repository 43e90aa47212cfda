//! The client's side of RELP, without a socket: messages in, frames out; responses in, acks out.
//!
//! The protocol is librelp's (`doc/relp.html`): a frame is `TXNR SP COMMAND SP DATALEN [SP DATA] LF`, and each command is
//! answered by an `rsp` with its number. No content is ever said.

use std::collections::VecDeque;

use crate::sink::Ack;
use event::{Outcome, Ticket};

/// The largest transaction number; the one after it is 1.
const NUMBER_MAX: u32 = 999_999_999;
/// A frame's header is at most two numbers of nine digits and a command of 32 characters.
const HEADER_BYTES_MAX: usize = 9 + 1 + 32 + 1 + 9 + 1;
/// No response says more.
const DATA_BYTES_MAX: usize = 64 * 1024;
/// A receiver's reason is shown up to here.
const REASON_CHARS_MAX: usize = 120;

/// Why a conversation cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// Bytes that are no frame.
    #[error("the receiver does not speak RELP")]
    NotRelp,
    /// The open command was answered by another status than 200.
    #[error("the receiver refuses the RELP session: {0}")]
    Refused(String),
    /// The receiver offers no `syslog` command.
    #[error("the receiver speaks RELP, but does not offer its syslog command")]
    NoSyslog,
    /// The receiver is about to close.
    #[error("the receiver has closed the RELP session")]
    Closed,
    /// A response to nothing.
    #[error("the receiver answered a RELP transaction that is not open")]
    Unasked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The response to the open command is awaited.
    Opening,
    Open,
    /// The close command was sent.
    Closing,
}

/// A session.
#[derive(Debug)]
pub(super) struct Relp {
    state: State,
    window: usize,
    next: u32,
    /// Transactions without a response, in order; `None`: answered, behind one that is not.
    awaited: VecDeque<Option<Ticket>>,
    /// The number of `awaited[0]`.
    first: u32,
    /// How many of them have no response.
    pending: usize,
    received: Vec<u8>,
    /// Closed before the response to the open command came; it may still come.
    opens: bool,
}

/// One frame of the receiver.
struct Frame<'b> {
    number: u32,
    command: &'b [u8],
    data: &'b [u8],
}

impl Relp {
    /// Begins a session in which so many messages may wait for their responses; its first words go to `out`.
    pub(super) fn new(window: usize, out: &mut Vec<u8>) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let offers = format!("relp_version=0\nrelp_software=logskiff,{version}\ncommands=syslog");
        write_frame(1, "open", offers.as_bytes(), out);
        Self {
            state: State::Opening,
            window: window.max(1),
            next: 2,
            awaited: VecDeque::new(),
            first: 2,
            pending: 0,
            received: Vec::new(),
            opens: false,
        }
    }

    /// Whether messages may be sent.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// How many messages may be sent now.
    pub(super) fn room(&self) -> usize {
        if self.is_open() { self.window.saturating_sub(self.awaited.len()) } else { 0 }
    }

    /// Sends a message; only while there is room.
    pub(super) fn message(&mut self, data: &[u8], ticket: Ticket, out: &mut Vec<u8>) {
        write_frame(self.next, "syslog", data, out);
        self.next = after(self.next);
        self.awaited.push_back(Some(ticket));
        self.pending += 1;
    }

    /// How many messages have no response yet.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// Takes bytes of the receiver, however they are cut.
    ///
    /// # Errors
    /// When the session cannot go on. A message that is refused is no error: it is reported as refused.
    pub(super) fn received(&mut self, bytes: &[u8], acks: &mut Vec<Ack>) -> Result<(), Error> {
        self.received.extend_from_slice(bytes);
        let buffer = std::mem::take(&mut self.received);
        let mut at = 0;
        while let Some((frame, length)) = read_frame(&buffer[at..])? {
            self.answer(&frame, acks)?;
            at += length;
        }
        self.received = buffer;
        self.received.drain(..at);
        Ok(())
    }

    fn answer(&mut self, frame: &Frame<'_>, acks: &mut Vec<Ack>) -> Result<(), Error> {
        match (frame.number, frame.command) {
            (0, b"serverclose") => Err(Error::Closed),
            // Hints that we do not know are not for us.
            (0, _) => Ok(()),
            (1, b"rsp") if self.state == State::Opening => self.opened(frame.data),
            (number, b"rsp") => self.responded(number, status(frame.data), acks),
            _ => Err(Error::NotRelp),
        }
    }

    fn opened(&mut self, data: &[u8]) -> Result<(), Error> {
        if status(data) != Some(200) {
            let shown = |c: char| if c.is_control() { ' ' } else { c };
            return Err(Error::Refused(
                String::from_utf8_lossy(data).chars().take(REASON_CHARS_MAX).map(shown).collect(),
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

    fn responded(&mut self, number: u32, status: Option<u16>, acks: &mut Vec<Ack>) -> Result<(), Error> {
        if self.state == State::Closing && (number == self.next || (number == 1 && std::mem::take(&mut self.opens))) {
            return Ok(());
        }
        let place = distance(self.first, number);
        let ticket = self.awaited.get_mut(place).and_then(Option::take).ok_or(Error::Unasked)?;
        self.pending -= 1;
        let outcome = if status == Some(200) { Outcome::Delivered } else { Outcome::Refused };
        acks.push(Ack::new(ticket, outcome));
        while let Some(None) = self.awaited.front() {
            self.awaited.pop_front();
            self.first = after(self.first);
        }
        Ok(())
    }

    /// The messages without a response, in order; they are awaited no longer.
    pub(super) fn unconfirmed(&mut self) -> Vec<Ticket> {
        self.pending = 0;
        self.first = self.next;
        self.awaited.drain(..).flatten().collect()
    }

    /// Ends the session; its last words go to `out`, once.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        if self.state == State::Closing {
            return;
        }
        self.opens = self.state == State::Opening;
        write_frame(self.next, "close", b"", out);
        self.state = State::Closing;
    }
}

fn after(number: u32) -> u32 {
    if number == NUMBER_MAX { 1 } else { number + 1 }
}

/// How many transactions after `first` the one of this number is.
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

/// The first frame and its length; `None`: it is not whole yet.
fn read_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Error> {
    let head = &bytes[..bytes.len().min(HEADER_BYTES_MAX)];
    // Any byte that cannot stand in a header says at once that this is something else.
    let mut words = [0..0, 0..0, 0..0];
    let (mut word, mut start) = (0, 0);
    for (at, byte) in head.iter().enumerate() {
        let ends = *byte == b' ' || (*byte == b'\n' && word == 2);
        let fits = if word == 1 { byte.is_ascii_alphanumeric() } else { byte.is_ascii_digit() && at - start < 9 };
        if ends && at > start {
            words[word] = start..at;
            (word, start) = (word + 1, at + 1);
            if word == 3 {
                return whole(bytes, &words, at);
            }
        } else if !fits {
            return Err(Error::NotRelp);
        }
    }
    if head.len() == HEADER_BYTES_MAX { Err(Error::NotRelp) } else { Ok(None) }
}

/// A frame whose header ends at `end`, with a space or a newline.
fn whole<'b>(
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
    // Without data there need be no space: librelp writes `0 serverclose 0` and a newline.
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
