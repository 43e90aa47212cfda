//! From an address to a conversation that messages can be sent in.

use std::io;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::Config;
use super::address::{Address, Place, Transport};
use super::session::{Session, SessionError};
use super::socket::{Datagrams, Socket, Stream};

/// However long a connection in use may stall, a new one is made within this or not at all: another address may work.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Where a receiver cannot show that it takes us (a TLS 1.3 server that sends no session tickets refuses a client's
/// certificate only after the handshake), silence for some round trips is taken for consent: within these bounds.
const CONSENT: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));
const CONSENT_ROUND_TRIPS: u32 = 4;
/// What is read in one go: a receiver has little to say.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("no connection within {0:?}")]
    Unreachable(Duration),
    #[error(
        "connected, but no answer to the TLS handshake or to RELP's open within {0:?}; does the receiver speak {1}?"
    )]
    Unanswered(Duration, &'static str),
    #[error("nothing was taken or confirmed for {0:?}")]
    Stalled(Duration),
    #[error("LOGSKIFF_SYSLOG_FRAMING is for streams, and this socket takes datagrams")]
    Framed,
}

/// A conversation.
pub(super) enum Connection {
    Stream(Stream, Box<Session>),
    Datagrams(Datagrams),
}

impl Connection {
    /// Connects and says what comes before the first message. Cancellation safe: what is half made is closed.
    pub(super) async fn open(config: &Config, address: &Address) -> Result<Self, ConnectError> {
        let most = config.timeout.min(CONNECT_MAX);
        let opened = timeout(most, Socket::open(address)).await.map_err(|_| ConnectError::Unreachable(most))?;
        match opened? {
            Socket::Datagrams(_) if address.transport == Transport::Unix && config.framed => Err(ConnectError::Framed),
            Socket::Datagrams(socket) => Ok(Self::Datagrams(socket)),
            Socket::Stream(stream) => {
                let host = match &address.place {
                    Place::Host { name, .. } => name,
                    Place::Path(_) => "",
                };
                let mut session = Box::new(Session::new(config, address.transport, host)?);
                let greeted = timeout(most, handshake(&stream, &mut session)).await;
                greeted.map_err(|_| ConnectError::Unanswered(most, spoken(address.transport)))??;
                Ok(Self::Stream(stream, session))
            }
        }
    }
}

fn spoken(transport: Transport) -> &'static str {
    match transport {
        Transport::Relp => "RELP",
        Transport::RelpTls => "RELP over TLS",
        _ => "TLS",
    }
}

async fn handshake(stream: &Stream, session: &mut Session) -> Result<(), ConnectError> {
    let start = Instant::now();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        write_all(stream, session).await?;
        if session.is_established()? {
            break;
        }
        listen(stream, session, &mut buffer).await?;
    }
    write_all(stream, session).await?;
    let consent = (start.elapsed() * CONSENT_ROUND_TRIPS).clamp(CONSENT.0, CONSENT.1);
    while !session.is_accepted() {
        match timeout(consent, listen(stream, session, &mut buffer)).await {
            Ok(heard) => heard?,
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
            session.wrote(bytes);
        }
    }
    Ok(())
}

/// Waits for the receiver to say something; nothing is out that its words could confirm.
async fn listen(stream: &Stream, session: &mut Session, buffer: &mut [u8]) -> Result<(), ConnectError> {
    stream.readable().await?;
    match stream.read(buffer)? {
        Some(0) => Err(SessionError::Closed.into()),
        Some(bytes) => Ok(session.received(&buffer[..bytes], &mut Vec::new())?),
        None => Ok(()),
    }
}
