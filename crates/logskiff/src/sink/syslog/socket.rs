//! Opens sockets to a receiver, and sets their options.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::sockopt;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram, UnixStream};

use super::address::Transport;
use super::unacknowledged::{unacknowledged_bytes, unsent_bytes};

/// An idle connection gets its first keep-alive probe after this time.
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(60);
/// The interval between two probes that are not answered.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// The connection ends after this many probes without an answer.
const KEEP_ALIVE_PROBES: u32 = 3;

/// An ordered stream of bytes. The peer's kernel acknowledges them.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// What a connection has taken, and its peer has not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// All of it.
    pub(super) unacknowledged: u64,
    /// The part that was sent. The rest waits until the peer has room for it.
    pub(super) on_the_way: u64,
}

/// Single messages without acknowledgements.
#[derive(Debug)]
pub(super) enum Datagrams {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

/// A socket that is connected to a receiver.
#[derive(Debug)]
pub(super) enum Socket {
    Stream(Stream),
    Datagrams(Datagrams),
}

impl Socket {
    /// Opens a socket to a path. Cancellation safe: an unfinished socket is closed.
    pub(super) async fn open_path(path: &Path) -> io::Result<Self> {
        match UnixDatagram::unbound()? {
            socket if connect_datagrams(&socket, path)? => Ok(Self::Datagrams(Datagrams::Unix(socket))),
            _ => Ok(Self::Stream(Stream::Unix(UnixStream::connect(path).await?))),
        }
    }

    /// Opens a socket to an address of the network. Cancellation safe: an unfinished socket is closed.
    pub(super) async fn open_peer(peer: SocketAddr, transport: Transport) -> io::Result<Self> {
        if transport == Transport::Udp {
            let any: SocketAddr = match peer {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let socket = UdpSocket::bind(any).await?;
            socket.connect(peer).await?;
            return Ok(Self::Datagrams(Datagrams::Udp(socket)));
        }
        let stream = TcpStream::connect(peer).await?;
        // One write holds many messages, so Nagle's algorithm would only delay them.
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&stream, true)?;
        sockopt::set_tcp_keepidle(&stream, KEEP_ALIVE_IDLE)?;
        sockopt::set_tcp_keepintvl(&stream, KEEP_ALIVE_INTERVAL)?;
        sockopt::set_tcp_keepcnt(&stream, KEEP_ALIVE_PROBES)?;
        Ok(Self::Stream(Stream::Tcp(stream)))
    }
}

/// Connects to a path that takes datagrams. Returns false if it takes a stream.
fn connect_datagrams(socket: &UnixDatagram, path: &Path) -> io::Result<bool> {
    match socket.connect(path) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(Errno::PROTOTYPE.raw_os_error()) => Ok(false),
        Err(error) => Err(error),
    }
}

impl Stream {
    /// Waits until there may be something to read. Cancellation safe.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Unix(stream) => stream.readable().await,
        }
    }

    /// Waits until the socket may take bytes. Cancellation safe.
    pub(super) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.writable().await,
            Self::Unix(stream) => stream.writable().await,
        }
    }

    /// Reads the bytes that have come. `None`: nothing for now; 0: the peer has closed.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        none_if_blocked(match self {
            Self::Tcp(stream) => stream.try_read(buffer),
            Self::Unix(stream) => stream.try_read(buffer),
        })
    }

    /// Writes as many bytes as the socket takes; `None`: none for now.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        none_if_blocked(match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        })
    }

    /// The number of written bytes that the peer has not acknowledged; `None` if the peer has hung up.
    ///
    /// A connection that ends discards its buffer, and the count falls as if the peer had acknowledged it. The end is
    /// visible before the count falls, so a count is correct if the connection is still open after it.
    pub(super) fn unacknowledged_bytes(&self) -> io::Result<Option<u64>> {
        let (bytes, socket) = match self {
            Self::Tcp(stream) => (unacknowledged_bytes(stream)?, stream.as_fd()),
            Self::Unix(stream) => (unacknowledged_bytes(stream)?, stream.as_fd()),
        };
        // POLLHUP and POLLERR are always reported.
        let mut polled = [PollFd::from_borrowed_fd(socket, PollFlags::RDHUP)];
        rustix::event::poll(&mut polled, Some(&Timespec::default()))?;
        let ended = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        Ok((!polled[0].revents().intersects(ended)).then_some(bytes))
    }

    /// The written bytes that were not acknowledged, and of them those that were sent and may be lost. `None`: a local
    /// stream, which loses nothing.
    pub(super) fn sent_bytes(&self) -> io::Result<Option<Sent>> {
        let Self::Tcp(stream) = self else { return Ok(None) };
        let unacknowledged = unacknowledged_bytes(stream)?;
        Ok(Some(Sent { unacknowledged, on_the_way: unacknowledged.saturating_sub(unsent_bytes(stream)?) }))
    }

    /// Closes the writing side of the connection.
    pub(super) fn shut_down(&self) -> io::Result<()> {
        let shut_down = |socket: &dyn AsFd| rustix::net::shutdown(socket.as_fd(), rustix::net::Shutdown::Write);
        Ok(match self {
            Self::Tcp(stream) => shut_down(stream),
            Self::Unix(stream) => shut_down(stream),
        }?)
    }
}

impl Datagrams {
    /// Waits until the system takes the message. Cancellation safe: the system takes a whole message or nothing.
    pub(super) async fn send(&self, message: &[u8]) -> io::Result<usize> {
        match self {
            Self::Udp(socket) => socket.send(message).await,
            Self::Unix(socket) => socket.send(message).await,
        }
    }
}

fn none_if_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}
