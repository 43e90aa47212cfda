//! Connects to an address, and opens a session that can send messages.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::address::{Address, Place, Transport};
use super::lookup::resolve;
use super::session::{Session, SessionError};
use super::socket::{Datagrams, Socket, Stream};
use super::{Config, peers};

/// A TLS 1.3 server refuses a client's certificate only after the handshake, and accepts it without an answer if it
/// sends no session tickets. So silence for this many round trips counts as acceptance.
const ACCEPT_ROUND_TRIPS: u32 = 4;
/// The bounds of that silence.
const ACCEPT_WAIT_MIN: Duration = Duration::from_millis(250);
const ACCEPT_WAIT_MAX: Duration = Duration::from_secs(2);
/// The size of one read: a receiver sends little.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// Why a connection failed or was lost.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("{peer}: {error}")]
    Peer { peer: SocketAddr, error: Box<Self> },
    #[error("no address of the host name within {0:?}")]
    Unresolved(Duration),
    #[error("no connection within {0:?}")]
    Unreachable(Duration),
    #[error(
        "connected, but no answer to the TLS handshake or to RELP's open within {0:?}; does the receiver speak {1}?"
    )]
    Unanswered(Duration, &'static str),
    #[error("the receiver accepted or acknowledged nothing for {0:?}")]
    Stalled(Duration),
    #[error("the network has confirmed nothing for {0:?}: the receiver or the way to it is gone")]
    Vanished(Duration),
    #[error("no response for {0:?}, but the receiver answers on a new connection")]
    Unresponsive(Duration),
    #[error("LOGSKIFF_SYSLOG_FRAMING is for streams, but this socket takes datagrams")]
    Framed,
}

impl ConnectError {
    /// Whether the other side has closed the connection. An idle connection may be closed at any time.
    pub(super) fn is_close(&self) -> bool {
        match self {
            Self::Io(error) => error.kind() == io::ErrorKind::ConnectionReset,
            Self::Session(SessionError::Closed | SessionError::Relp(super::relp::Error::Closed)) => true,
            _ => false,
        }
    }

    /// Whether the connection was silent for too long.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Stalled(_) | Self::Vanished(_) | Self::Unresponsive(_))
    }
}

/// How to connect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// The time limit for one address.
    pub(super) limit: Duration,
    /// The address of the host name that failed last.
    pub(super) avoided: Option<SocketAddr>,
}

/// A connection, and the address of the host name that it leads to.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) peer: Option<SocketAddr>,
}

/// A connection that can send messages.
pub(super) enum Connection {
    Stream(Stream, Box<Session>),
    Datagrams(Datagrams),
}

impl Connection {
    /// Connects, and completes the handshakes. A host name is resolved now, and its addresses are tried one by one, until
    /// one can send messages. Cancellation safe: an unfinished connection is closed.
    pub(super) async fn open(config: &Config, address: &Address, attempt: Attempt) -> Result<Opened, ConnectError> {
        let (name, port) = match &address.place {
            Place::Path(path) => {
                let connection = Self::establish(config, address, Socket::open_path(path), attempt.limit).await?;
                return Ok(Opened { connection, peer: None });
            }
            Place::Host { name, port } => (name, *port),
        };
        let found = timeout(attempt.limit, resolve(name, port)).await;
        let found = found.map_err(|_| ConnectError::Unresolved(attempt.limit))??;
        let limit = peers::limit_of_each(attempt.limit, found.len());
        let has_one = found.len() == 1;
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host name has no address").into();
        for peer in peers::in_order(found, attempt.avoided, &mut fastrand::Rng::new()) {
            match Self::establish(config, address, Socket::open_peer(peer, address.transport), limit).await {
                Ok(connection) => return Ok(Opened { connection, peer: Some(peer) }),
                Err(error) if has_one => failure = error,
                Err(error) => failure = ConnectError::Peer { peer, error: Box::new(error) },
            }
        }
        Err(failure)
    }

    /// Opens a socket, and completes the handshakes.
    async fn establish(
        config: &Config,
        address: &Address,
        socket: impl Future<Output = io::Result<Socket>>,
        limit: Duration,
    ) -> Result<Self, ConnectError> {
        let opened = timeout(limit, socket).await.map_err(|_| ConnectError::Unreachable(limit))?;
        match opened? {
            Socket::Datagrams(_) if address.transport == Transport::Unix && config.framed => Err(ConnectError::Framed),
            Socket::Datagrams(socket) => Ok(Self::Datagrams(socket)),
            Socket::Stream(stream) => {
                let host = match &address.place {
                    Place::Host { name, .. } => name,
                    Place::Path(_) => "",
                };
                let mut session = Box::new(Session::new(config, address.transport, host)?);
                let established = timeout(limit, handshake(&stream, &mut session)).await;
                established.map_err(|_| ConnectError::Unanswered(limit, protocol(address.transport)))??;
                Ok(Self::Stream(stream, session))
            }
        }
    }
}

fn protocol(transport: Transport) -> &'static str {
    match transport {
        Transport::Relp => "RELP",
        Transport::RelpTls => "RELP over TLS",
        _ => "TLS",
    }
}

/// Completes the handshakes, and waits until the receiver refuses the client or probably accepts it.
async fn handshake(stream: &Stream, session: &mut Session) -> Result<(), ConnectError> {
    let start = Instant::now();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        write_all(stream, session).await?;
        if session.is_established() {
            break;
        }
        receive(stream, session, &mut buffer).await?;
    }
    write_all(stream, session).await?;
    let wait = (start.elapsed() * ACCEPT_ROUND_TRIPS).clamp(ACCEPT_WAIT_MIN, ACCEPT_WAIT_MAX);
    while !session.is_accepted() {
        match timeout(wait, receive(stream, session, &mut buffer)).await {
            Ok(received) => received?,
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

/// Writes everything that is ready.
pub(super) async fn write_all(stream: &Stream, session: &mut Session) -> Result<(), ConnectError> {
    while !session.to_write().is_empty() {
        stream.writable().await?;
        if let Some(bytes) = stream.write(session.to_write())? {
            session.mark_written(bytes);
        }
    }
    Ok(())
}

/// Waits for bytes from the receiver. They acknowledge nothing, because no message is sent yet.
async fn receive(stream: &Stream, session: &mut Session, buffer: &mut [u8]) -> Result<(), ConnectError> {
    stream.readable().await?;
    match stream.read(buffer)? {
        Some(0) => Err(SessionError::Closed.into()),
        Some(bytes) => Ok(session.receive(&buffer[..bytes], &mut Vec::new())?),
        None => Ok(()),
    }
}
