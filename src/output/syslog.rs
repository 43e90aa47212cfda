//! Syslog messages to a receiver, over one connection at a time.

pub mod address;
pub mod tls;

use std::time::Duration;

use self::address::Address;

/// How messages get to a receiver.
#[derive(Clone, Debug)]
pub struct Config {
    /// At least one, all of one transport; the first that can be reached is used.
    pub addresses: Vec<Address>,
    /// Whether messages come with their framing; else a stream frames them by octet counting.
    pub framed: bool,
    /// Whether the stream is compressed as one zlib stream, flushed with each write (rsyslog's `stream:always`).
    pub compression: bool,
    /// How TLS is spoken; only used by the transports that do.
    pub tls: tls::Config,
    /// How many RELP transactions may wait for their responses.
    pub relp_window: usize,
    /// How long a connection may take to be made, and one with messages out may make no progress.
    pub timeout: Duration,
    /// How often an address before the one in use is tried.
    pub return_after: Duration,
}
