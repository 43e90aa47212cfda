//! What goes over one stream: messages in, bytes out; the peer's confirmations in, acks out. No socket.
//!
//! A message is marked with the position in the stream behind its last byte, whatever stands between it and the session:
//! compression, TLS. It is delivered when the peer has confirmed the stream up to there; with RELP, when its response has
//! come.

use std::collections::VecDeque;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::address::Transport;
use super::{Config, relp, tls};
use crate::pipeline::batch::Batch;
use crate::sink::Ack;
use event::{Outcome, Ticket};
use relp::Relp;

/// No more than this is encrypted, compressed or given RELP's frame ahead of what the socket takes.
const READY_BYTES: usize = 64 * 1024;
/// So much is encrypted in one go: the most that a TLS record holds (RFC 8446, 5.1).
const PORTION_BYTES: usize = 16 * 1024;
/// What compressing needs besides the size of what it is given: headers and the marker of a flush.
const COMPRESSED_EXTRA_BYTES: usize = 1024;

/// Why a conversation failed.
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
    /// There once RELP's first words are said, which wait for the TLS handshake.
    relp: Option<Relp>,
    relp_window: usize,
    zlib: Option<Compress>,
    framed: bool,
    /// The batch that is being put on the connection, and its first entry that is not yet.
    current: Option<(Batch, usize)>,
    /// Bytes for the socket, from `at` on.
    ready: Vec<u8>,
    at: usize,
    /// How many bytes the socket has taken.
    written: u64,
    /// Messages that are on the connection, each with the position behind it.
    marks: VecDeque<(u64, Ticket)>,
    plain: Vec<u8>,
}

impl Session {
    /// Begins a conversation with a host; what opens it is ready to be written.
    pub(super) fn new(config: &Config, transport: Transport, host: &str) -> Result<Self, SessionError> {
        let tls = transport.is_tls().then(|| tls::Session::new(&config.tls, host)).transpose()?;
        let mut session = Self {
            tls,
            speaks_relp: transport.is_relp(),
            relp: None,
            relp_window: config.relp_window,
            zlib: config.compression.then(|| Compress::new(Compression::fast(), true)),
            framed: config.framed,
            current: None,
            ready: Vec::new(),
            at: 0,
            written: 0,
            marks: VecDeque::new(),
            plain: Vec::new(),
        };
        session.open()?;
        Ok(session)
    }

    /// Says what is to be said first, as far as it is time.
    fn open(&mut self) -> Result<(), SessionError> {
        let encrypted = match &mut self.tls {
            Some(tls) => tls.handshake()?,
            None => true,
        };
        if encrypted && self.speaks_relp && self.relp.is_none() {
            let mut first = Vec::new();
            self.relp = Some(Relp::new(self.relp_window, &mut first));
            self.say(&first)?;
        }
        self.take_ciphertext();
        Ok(())
    }

    /// Whether messages may be sent.
    pub(super) fn is_established(&mut self) -> Result<bool, SessionError> {
        let encrypted = match &mut self.tls {
            Some(tls) => tls.handshake()?,
            None => true,
        };
        Ok(encrypted && (!self.speaks_relp || self.relp.as_ref().is_some_and(Relp::is_open)))
    }

    /// Whether the peer has shown that it takes us; where it cannot show it, silence has to do.
    pub(super) fn is_accepted(&self) -> bool {
        self.speaks_relp || self.tls.as_ref().is_none_or(tls::Session::accepted)
    }

    /// Whether the kernel's count tells what is delivered.
    pub(super) fn is_counted(&self) -> bool {
        !self.speaks_relp
    }

    /// Whether a batch can be taken.
    pub(super) fn is_idle(&self) -> bool {
        self.current.is_none()
    }

    /// Whether anything is not confirmed.
    pub(super) fn is_pending(&self) -> bool {
        let awaited = self.relp.as_ref().is_some_and(|relp| relp.pending() > 0);
        self.current.is_some() || self.at < self.ready.len() || !self.marks.is_empty() || awaited
    }

    /// Takes a batch to be sent; only when idle.
    pub(super) fn take(&mut self, batch: Batch) {
        debug_assert!(self.current.is_none(), "one batch at a time");
        self.current = Some((batch, 0));
    }

    /// Makes bytes ready for the socket. Returns the batch once all of it is.
    pub(super) fn fill(&mut self) -> Result<Option<Batch>, SessionError> {
        if self.at == self.ready.len() {
            self.ready.clear();
            self.at = 0;
        }
        while self.ready.len() - self.at < READY_BYTES {
            let Some((batch, from)) = self.current.take() else { return Ok(None) };
            let swap = self.is_bare() && self.ready.is_empty();
            let (batch, next) = if swap { self.swap(batch, from) } else { self.put(batch, from)? };
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

    /// Whether messages go to the socket as they stand in the batch.
    fn is_bare(&self) -> bool {
        self.tls.is_none() && !self.speaks_relp && self.zlib.is_none() && self.framed
    }

    /// Sends a batch's own buffer: no byte is copied.
    fn swap(&mut self, mut batch: Batch, from: usize) -> (Batch, usize) {
        std::mem::swap(&mut self.ready, &mut batch.bytes);
        self.at = batch.entries.get(from).map_or(self.ready.len(), |entry| entry.payload.start);
        let base = self.written;
        let start = self.at;
        let mark = |entry: &crate::pipeline::batch::Entry| (base + (entry.payload.end - start) as u64, entry.ticket);
        self.marks.extend(batch.entries[from..].iter().map(mark));
        let all = batch.entries.len();
        (batch, all)
    }

    /// Puts a portion of a batch on the connection; nothing while the window is full.
    fn put(&mut self, batch: Batch, from: usize) -> Result<(Batch, usize), SessionError> {
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        let mut next = from;
        while let Some(entry) = batch.entries.get(next).filter(|_| plain.len() < PORTION_BYTES) {
            let message = &batch.bytes[entry.payload.clone()];
            match &mut self.relp {
                Some(relp) if relp.room() > 0 => relp.message(message, entry.ticket, &mut plain),
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
            self.say(&plain)?;
            if self.is_counted() {
                let end = self.written + (self.ready.len() - self.at) as u64;
                self.marks.extend(batch.entries[from..next].iter().map(|entry| (end, entry.ticket)));
            }
        }
        self.plain = plain;
        Ok((batch, next))
    }

    /// Compresses or encrypts, and makes ready.
    fn say(&mut self, plain: &[u8]) -> Result<(), SessionError> {
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
            // The flush is complete when it has left room behind it.
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

    /// What the socket is to take.
    pub(super) fn to_write(&self) -> &[u8] {
        &self.ready[self.at..]
    }

    /// The socket has taken so much.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.at += bytes;
        self.written += bytes as u64;
    }

    /// The peer does not have the last so many bytes; what stands before them is delivered.
    pub(super) fn unacknowledged(&mut self, bytes: u64, acks: &mut Vec<Ack>) {
        let confirmed = self.written.saturating_sub(bytes);
        while let Some((_, ticket)) = self.marks.front().copied().filter(|(end, _)| *end <= confirmed) {
            self.marks.pop_front();
            acks.push(Ack::new(ticket, Outcome::Delivered));
        }
    }

    /// The peer has sent something.
    pub(super) fn received(&mut self, bytes: &[u8], acks: &mut Vec<Ack>) -> Result<(), SessionError> {
        let mut closed = false;
        let mut decrypted = Vec::new();
        let mut plain = bytes;
        if let Some(tls) = &mut self.tls {
            tls.received(bytes);
            self.open()?;
            if let Some(tls) = self.tls.as_mut().filter(|_| !bytes.is_empty()) {
                if tls.handshake()? {
                    closed = tls.read(&mut decrypted)?;
                }
                plain = &decrypted;
            }
            self.take_ciphertext();
        }
        if let Some(relp) = &mut self.relp {
            relp.received(plain, acks)?;
        }
        if closed { Err(SessionError::Closed) } else { Ok(()) }
    }

    /// Takes leave, as far as the protocol knows how to.
    pub(super) fn close(&mut self) -> Result<(), SessionError> {
        let mut last = Vec::new();
        if let Some(relp) = &mut self.relp {
            relp.close(&mut last);
            self.say(&last)?;
        }
        if let Some(tls) = &mut self.tls {
            tls.close();
        }
        self.take_ciphertext();
        Ok(())
    }

    /// Everything that is not confirmed, in order.
    pub(super) fn into_unconfirmed(self) -> Vec<Ticket> {
        let mut tickets: Vec<Ticket> = self.marks.into_iter().map(|(_, ticket)| ticket).collect();
        if let Some(mut relp) = self.relp {
            tickets.extend(relp.unconfirmed());
        }
        if let Some((batch, from)) = self.current {
            tickets.extend(batch.entries[from..].iter().map(|entry| entry.ticket));
        }
        tickets
    }
}
