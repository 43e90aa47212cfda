//! Where a syslog receiver listens: `tls://logs.example:6514`, `unix:///dev/log`.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

/// How messages get to a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram a message (RFC 5426).
    Udp,
    /// A stream (RFC 6587).
    Tcp,
    /// A stream over TLS (RFC 5425).
    Tls,
    /// A local socket, for datagrams or a stream.
    Unix,
    /// RELP, a protocol with acknowledgements (librelp's `doc/relp.html`).
    Relp,
    /// RELP over TLS.
    RelpTls,
}

impl Transport {
    /// All transports, by the scheme of their addresses.
    pub const SCHEMES: [(&'static str, Self); 6] = [
        ("udp", Self::Udp),
        ("tcp", Self::Tcp),
        ("tls", Self::Tls),
        ("unix", Self::Unix),
        ("relp", Self::Relp),
        ("relp+tls", Self::RelpTls),
    ];

    /// The scheme of its addresses.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        Self::SCHEMES.iter().find(|(_, transport)| *transport == self).map_or("", |(scheme, _)| scheme)
    }

    /// Whether it runs over TLS.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::RelpTls)
    }

    /// Whether the receiver acknowledges each message.
    #[must_use]
    pub fn is_relp(self) -> bool {
        matches!(self, Self::Relp | Self::RelpTls)
    }
}

/// A place on the network or in the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A host name or an IP address (IPv6 without brackets), and a port.
    Host {
        /// The name or address.
        name: String,
        /// The port.
        port: u16,
    },
    /// A socket's path.
    Path(PathBuf),
}

/// A receiver's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The protocol.
    pub transport: Transport,
    /// The host or path.
    pub place: Place,
}

/// A mistake in an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `://`.
    #[error("has no scheme; known are udp://, tcp://, tls://, unix://, relp://, relp+tls://")]
    NoScheme,
    /// A scheme that does not exist.
    #[error("has an unknown scheme; known are udp://, tcp://, tls://, unix://, relp://, relp+tls://")]
    Scheme,
    /// No port.
    #[error("has no port")]
    NoPort,
    /// An invalid port.
    #[error("has a port that is not a number from 1 to 65535")]
    Port,
    /// No host, or an invalid one.
    #[error("is not scheme://host:port")]
    Host,
    /// Not an absolute path.
    #[error("is not unix:// and an absolute path")]
    Path,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::NoScheme)?;
        let known = Transport::SCHEMES.iter().find(|(known, _)| *known == scheme);
        let (_, transport) = *known.ok_or(AddressError::Scheme)?;
        let place = if transport == Transport::Unix { path(rest)? } else { host(rest)? };
        Ok(Self { transport, place })
    }
}

fn path(text: &str) -> Result<Place, AddressError> {
    if text.starts_with('/') && text.len() > 1 { Ok(Place::Path(text.into())) } else { Err(AddressError::Path) }
}

fn host(text: &str) -> Result<Place, AddressError> {
    let (name, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (name, rest) = bracketed.split_once(']').ok_or(AddressError::Host)?;
            name.parse::<Ipv6Addr>().map_err(|_| AddressError::Host)?;
            if rest.is_empty() {
                return Err(AddressError::NoPort);
            }
            (name, rest.strip_prefix(':').ok_or(AddressError::Host)?)
        }
        None => text.split_once(':').ok_or(AddressError::NoPort)?,
    };
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_valid) {
        return Err(AddressError::Host);
    }
    if port.is_empty() {
        return Err(AddressError::NoPort);
    }
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| is_number && *port > 0).ok_or(AddressError::Port)?;
    Ok(Place::Host { name: name.to_owned(), port })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.transport.scheme())?;
        match &self.place {
            Place::Host { name, port } if name.contains(':') => write!(f, "[{name}]:{port}"),
            Place::Host { name, port } => write!(f, "{name}:{port}"),
            Place::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_printed_and_mistakes_are_errors() {
        #[track_caller]
        fn check(text: &str, want: Result<(), AddressError>) {
            match text.parse::<Address>() {
                Ok(address) => assert_eq!((want, address.to_string().as_str()), (Ok(()), text)),
                Err(error) => assert_eq!(Err(error), want, "{text}"),
            }
        }
        for valid in ["udp://a:1", "tcp://10.0.0.1:514", "tls://[::1]:6514", "relp+tls://logs.example:2514"] {
            check(valid, Ok(()));
        }
        check("unix:///dev/log", Ok(()));
        check("relp://r_1-2.example:65535", Ok(()));
        check("logs:514", Err(AddressError::NoScheme));
        check("http://logs:514", Err(AddressError::Scheme));
        check("TCP://logs:514", Err(AddressError::Scheme));
        check("tcp://logs", Err(AddressError::NoPort));
        check("tcp://logs:", Err(AddressError::NoPort));
        check("tcp://[::1]", Err(AddressError::NoPort));
        check("tcp://logs:0", Err(AddressError::Port));
        check("tcp://logs:+5", Err(AddressError::Port));
        check("tcp://logs:65536", Err(AddressError::Port));
        check("tcp://logs:514/x", Err(AddressError::Port));
        check("tcp://:514", Err(AddressError::Host));
        check("tcp://user@logs:514", Err(AddressError::Host));
        check("tcp://[1]:514", Err(AddressError::Host));
        check("tcp://::1:514", Err(AddressError::Host));
        check("unix://run/log", Err(AddressError::Path));
        check("unix:///", Err(AddressError::Path));
    }
}
