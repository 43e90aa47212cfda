//! One stream without its socket: messages in, bytes out; the peer's acknowledgements in, acks out.
//!
//! Each message has an end position in the stream: behind its last byte, after compression and TLS. A message is
//! delivered once the peer has acknowledged the stream up to that position. With RELP, it is delivered once its
//! response has come.

use std::collections::VecDeque;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::address::Transport;
use super::{Config, relp, tls};
use crate::pipeline::batch::{Batch, Entry};
use crate::sink::Ack;
use event::{Outcome, Ticket};
use relp::Relp;

/// At most this many bytes are framed, compressed or encrypted before the socket takes them.
const READY_BYTES: usize = 64 * 1024;
/// One call encrypts this many bytes: the largest content of a TLS record (RFC 8446, 5.1).
const PORTION_BYTES: usize = 16 * 1024;
/// Compressed output may be this much longer than its input: headers and the marker of a flush.
const COMPRESSED_EXTRA_BYTES: usize = 1024;

/// Why a session failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error(transparent)]
    Tls(#[from] tls::Error),
    #[error(transparent)]
    Relp(#[from] relp::Error),
    #[error("the receiver has closed the connection")]
    Closed,
    #[error("the stream cannot be compressed")]
    Compression,
}

/// One stream's state.
pub(super) struct Session {
    tls: Option<tls::Session>,
    speaks_relp: bool,
    /// `None` until RELP's open command is sent, which follows the TLS handshake.
    relp: Option<Relp>,
    relp_options: relp::Options,
    zlib: Option<Compress>,
    framed: bool,
    /// The batch in progress, and its first entry that is not encoded yet.
    current: Option<(Batch, usize)>,
    /// Bytes for the socket, from `ready_start` on.
    ready: Vec<u8>,
    ready_start: usize,
    /// The number of bytes that the socket has taken.
    written: u64,
    /// Messages in flight, each with its end position in the stream.
    in_flight: VecDeque<(u64, Ticket)>,
    /// A buffer that is kept for its allocation.
    plain: Vec<u8>,
}

impl Session {
    /// Begins a session with a host. Its first bytes are ready to be written.
    pub(super) fn new(config: &Config, transport: Transport, host: &str) -> Result<Self, SessionError> {
        let tls = transport.is_tls().then(|| tls::Session::new(&config.tls, host)).transpose()?;
        let mut session = Self {
            tls,
            speaks_relp: transport.is_relp(),
            relp: None,
            relp_options: relp::Options { window: config.relp_window, refused: config.refused.outcome() },
            zlib: config.compression.then(|| Compress::new(Compression::fast(), true)),
            framed: config.framed,
            current: None,
            ready: Vec::new(),
            ready_start: 0,
            written: 0,
            in_flight: VecDeque::new(),
            plain: Vec::new(),
        };
        session.advance_handshake()?;
        Ok(session)
    }

    /// Advances the TLS handshake, and sends RELP's open command once TLS is open.
    fn advance_handshake(&mut self) -> Result<(), SessionError> {
        let encrypted = match &mut self.tls {
            Some(tls) => tls.handshake()?,
            None => true,
        };
        if encrypted && self.speaks_relp && self.relp.is_none() {
            let mut first = Vec::new();
            self.relp = Some(Relp::new(self.relp_options, &mut first));
            self.send_plain(&first)?;
        }
        self.take_ciphertext();
        Ok(())
    }

    /// Whether messages may be sent.
    pub(super) fn is_established(&self) -> bool {
        let is_encrypted = self.tls.as_ref().is_none_or(tls::Session::is_open);
        is_encrypted && (!self.speaks_relp || self.relp.as_ref().is_some_and(Relp::is_open))
    }

    /// Whether the peer has shown that it accepts the client. Some peers never show it.
    pub(super) fn is_accepted(&self) -> bool {
        self.speaks_relp || self.tls.as_ref().is_none_or(tls::Session::is_accepted)
    }

    /// Whether the kernel's count of unacknowledged bytes shows which messages are delivered.
    pub(super) fn is_counted(&self) -> bool {
        !self.speaks_relp
    }

    /// Whether it can start a batch.
    pub(super) fn is_idle(&self) -> bool {
        self.current.is_none()
    }

    /// Whether anything is unacknowledged.
    pub(super) fn is_pending(&self) -> bool {
        let awaited = self.relp.as_ref().is_some_and(|relp| relp.pending() > 0);
        self.current.is_some() || !self.to_write().is_empty() || !self.in_flight.is_empty() || awaited
    }

    /// Starts to send a batch; only when idle.
    pub(super) fn start_batch(&mut self, batch: Batch) {
        debug_assert!(self.current.is_none(), "one batch at a time");
        self.current = Some((batch, 0));
    }

    /// Makes bytes ready for the socket. Returns the batch once all of its messages are.
    pub(super) fn fill(&mut self) -> Result<Option<Batch>, SessionError> {
        if self.ready_start == self.ready.len() {
            self.ready.clear();
            self.ready_start = 0;
        }
        while self.to_write().len() < READY_BYTES {
            let Some((batch, from)) = self.current.take() else { return Ok(None) };
            let uses_buffer = self.is_unchanged() && self.ready.is_empty();
            let (batch, next) =
                if uses_buffer { self.send_buffer(batch, from) } else { self.encode_portion(batch, from)? };
            if next >= batch.entries.len() {
                return Ok(Some(batch));
            }
            self.current = Some((batch, next));
            if next == from {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Whether the socket gets messages as they stand in the batch.
    fn is_unchanged(&self) -> bool {
        self.tls.is_none() && !self.speaks_relp && self.zlib.is_none() && self.framed
    }

    /// Sends a batch's own buffer: no byte is copied.
    fn send_buffer(&mut self, mut batch: Batch, from: usize) -> (Batch, usize) {
        std::mem::swap(&mut self.ready, &mut batch.bytes);
        self.ready_start = batch.entries.get(from).map_or(self.ready.len(), |entry| entry.payload.start);
        let (base, start) = (self.written, self.ready_start);
        let with_end = |entry: &Entry| (base + (entry.payload.end - start) as u64, entry.ticket);
        self.in_flight.extend(batch.entries[from..].iter().map(with_end));
        let all = batch.entries.len();
        (batch, all)
    }

    /// Makes a portion of a batch ready; nothing while the RELP window is full.
    fn encode_portion(&mut self, batch: Batch, from: usize) -> Result<(Batch, usize), SessionError> {
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        let mut next = from;
        while let Some(entry) = batch.entries.get(next).filter(|_| plain.len() < PORTION_BYTES) {
            let message = &batch.bytes[entry.payload.clone()];
            match &mut self.relp {
                Some(relp) if relp.free_window() > 0 => relp.send(message, entry.ticket, &mut plain),
                Some(_) => break,
                None => {
                    if !self.framed {
                        plain.extend_from_slice(message.len().to_string().as_bytes());
                        plain.push(b' ');
                    }
                    plain.extend_from_slice(message);
                }
            }
            next += 1;
        }
        if next > from {
            self.send_plain(&plain)?;
            if self.is_counted() {
                let end = self.written + self.to_write().len() as u64;
                self.in_flight.extend(batch.entries[from..next].iter().map(|entry| (end, entry.ticket)));
            }
        }
        self.plain = plain;
        Ok((batch, next))
    }

    /// Compresses or encrypts plain bytes, and makes them ready for the socket.
    fn send_plain(&mut self, plain: &[u8]) -> Result<(), SessionError> {
        if let Some(tls) = &mut self.tls {
            tls.write(plain)?;
            self.take_ciphertext();
            return Ok(());
        }
        let Some(zlib) = &mut self.zlib else {
            self.ready.extend_from_slice(plain);
            return Ok(());
        };
        let before = zlib.total_in();
        loop {
            self.ready.reserve(plain.len() + COMPRESSED_EXTRA_BYTES);
            let done = usize::try_from(zlib.total_in() - before).unwrap_or(usize::MAX);
            let status = zlib.compress_vec(&plain[done.min(plain.len())..], &mut self.ready, FlushCompress::Sync);
            let Ok(Status::Ok | Status::BufError) = status else { return Err(SessionError::Compression) };
            let all_in = zlib.total_in() - before == plain.len() as u64;
            // Free capacity shows that the flush is complete.
            if all_in && self.ready.len() < self.ready.capacity() {
                return Ok(());
            }
        }
    }

    fn take_ciphertext(&mut self) {
        if let Some(tls) = &mut self.tls {
            self.ready.append(tls.outgoing());
        }
    }

    /// The bytes that are ready for the socket.
    pub(super) fn to_write(&self) -> &[u8] {
        &self.ready[self.ready_start..]
    }

    /// The socket has taken this many bytes.
    pub(super) fn mark_written(&mut self, bytes: usize) {
        self.ready_start += bytes;
        self.written += bytes as u64;
    }

    /// The number of bytes that the socket has taken.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The peer has acknowledged all written bytes but the last `unacknowledged`: acknowledges their messages.
    pub(super) fn acknowledge(&mut self, unacknowledged: u64, acks: &mut Vec<Ack>) {
        let acknowledged = self.written.saturating_sub(unacknowledged);
        while let Some((_, ticket)) = self.in_flight.front().copied().filter(|(end, _)| *end <= acknowledged) {
            self.in_flight.pop_front();
            acks.push(Ack::new(ticket, Outcome::Delivered));
        }
    }

    /// Processes bytes from the peer.
    pub(super) fn receive(&mut self, bytes: &[u8], acks: &mut Vec<Ack>) -> Result<(), SessionError> {
        let mut closed = false;
        let mut decrypted = Vec::new();
        let mut plain = bytes;
        if let Some(tls) = &mut self.tls {
            tls.receive(bytes);
            self.advance_handshake()?;
            if let Some(tls) = self.tls.as_mut().filter(|_| !bytes.is_empty()) {
                if tls.is_open() {
                    closed = tls.read(&mut decrypted)?;
                }
                plain = &decrypted;
            }
            self.take_ciphertext();
        }
        if let Some(relp) = &mut self.relp {
            relp.receive(plain, acks)?;
        }
        if closed { Err(SessionError::Closed) } else { Ok(()) }
    }

    /// The status of a message that the receiver refused since the last call.
    pub(super) fn take_refused_status(&mut self) -> Option<u16> {
        self.relp.as_mut()?.take_refused_status()
    }

    /// Makes the protocols' closing messages ready.
    pub(super) fn close(&mut self) -> Result<(), SessionError> {
        let mut last = Vec::new();
        if let Some(relp) = &mut self.relp {
            relp.close(&mut last);
            self.send_plain(&last)?;
        }
        if let Some(tls) = &mut self.tls {
            tls.close();
        }
        self.take_ciphertext();
        Ok(())
    }

    /// The tickets of all messages that are unacknowledged, in order.
    pub(super) fn into_unacknowledged(self) -> Vec<Ticket> {
        let mut tickets: Vec<Ticket> = self.in_flight.into_iter().map(|(_, ticket)| ticket).collect();
        if let Some(mut relp) = self.relp {
            tickets.extend(relp.take_unacknowledged());
        }
        if let Some((batch, from)) = self.current {
            tickets.extend(batch.entries[from..].iter().map(|entry| entry.ticket));
        }
        tickets
    }
}
