//! The sockets that lead to a receiver, and how each is set up.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::sockopt;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram, UnixStream};

use super::address::{Address, Place, Transport};
use super::lookup::look_up;
use super::unacknowledged::unacknowledged_bytes;

/// A quiet connection is asked whether it is alive after so long, and again at the second interval, so many times.
const KEEP_ALIVE: (Duration, Duration, u32) = (Duration::from_secs(60), Duration::from_secs(10), 3);

/// A stream of bytes, in order, which the peer's kernel confirms.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Messages one by one, which nobody confirms.
#[derive(Debug)]
pub(super) enum Datagrams {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

/// A way to a receiver.
#[derive(Debug)]
pub(super) enum Socket {
    Stream(Stream),
    Datagrams(Datagrams),
}

impl Socket {
    /// Opens a socket to the address; a name is looked up now, and each of its addresses is tried in turn.
    ///
    /// Cancellation safe: a socket that is half open is closed.
    pub(super) async fn open(address: &Address) -> io::Result<Self> {
        match (&address.place, address.transport) {
            (Place::Path(path), _) => match UnixDatagram::unbound()? {
                socket if connect(&socket, path)? => Ok(Self::Datagrams(Datagrams::Unix(socket))),
                _ => Ok(Self::Stream(Stream::Unix(UnixStream::connect(path).await?))),
            },
            (Place::Host { name, port }, transport) => {
                let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                for peer in look_up(name, *port).await? {
                    match open_host(peer, transport).await {
                        Ok(socket) => return Ok(socket),
                        Err(error) => failure = error,
                    }
                }
                Err(failure)
            }
        }
    }
}

/// Connects to a path that takes datagrams; false when it takes a stream.
fn connect(socket: &UnixDatagram, path: &std::path::Path) -> io::Result<bool> {
    match socket.connect(path) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(Errno::PROTOTYPE.raw_os_error()) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn open_host(peer: SocketAddr, transport: Transport) -> io::Result<Socket> {
    if transport == Transport::Udp {
        let any: SocketAddr = match peer {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(peer).await?;
        return Ok(Socket::Datagrams(Datagrams::Udp(socket)));
    }
    let stream = TcpStream::connect(peer).await?;
    // Many messages are written at a time: none of them is to wait for another.
    stream.set_nodelay(true)?;
    let (idle, interval, count) = KEEP_ALIVE;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, idle)?;
    sockopt::set_tcp_keepintvl(&stream, interval)?;
    sockopt::set_tcp_keepcnt(&stream, count)?;
    Ok(Socket::Stream(Stream::Tcp(stream)))
}

impl Stream {
    /// Waits until there may be something to read. Cancellation safe.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Unix(stream) => stream.readable().await,
        }
    }

    /// Waits until there may be room to write. Cancellation safe.
    pub(super) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.writable().await,
            Self::Unix(stream) => stream.writable().await,
        }
    }

    /// Reads what there is; `None`: nothing for now; 0: the peer has closed.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        not_blocked(match self {
            Self::Tcp(stream) => stream.try_read(buffer),
            Self::Unix(stream) => stream.try_read(buffer),
        })
    }

    /// Writes as much as there is room for; `None`: none for now.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        not_blocked(match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        })
    }

    /// What was written and the peer does not have; `None` when the peer has hung up.
    ///
    /// A connection that ends throws away what it held, and the count falls as if the peer had it. The end can be seen before
    /// that happens: a count is true when the connection has not ended after it.
    pub(super) fn unacknowledged_bytes(&self) -> io::Result<Option<u64>> {
        let (bytes, socket) = match self {
            Self::Tcp(stream) => (unacknowledged_bytes(stream)?, stream.as_fd()),
            Self::Unix(stream) => (unacknowledged_bytes(stream)?, stream.as_fd()),
        };
        // POLLHUP and POLLERR come unasked.
        let mut looked = [PollFd::from_borrowed_fd(socket, PollFlags::RDHUP)];
        rustix::event::poll(&mut looked, Some(&Timespec::default()))?;
        let ended = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        Ok((!looked[0].revents().intersects(ended)).then_some(bytes))
    }

    /// Says that nothing more will be written.
    pub(super) fn shut_down(&self) -> io::Result<()> {
        let shut_down = |socket: &dyn AsFd| rustix::net::shutdown(socket.as_fd(), rustix::net::Shutdown::Write);
        Ok(match self {
            Self::Tcp(stream) => shut_down(stream),
            Self::Unix(stream) => shut_down(stream),
        }?)
    }
}

impl Datagrams {
    /// Waits until the system takes the message. Cancellation safe: it was taken whole or not at all.
    pub(super) async fn send(&self, message: &[u8]) -> io::Result<usize> {
        match self {
            Self::Udp(socket) => socket.send(message).await,
            Self::Unix(socket) => socket.send(message).await,
        }
    }
}

fn not_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}
