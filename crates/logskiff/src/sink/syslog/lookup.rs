//! Resolves a host name to its addresses.
//!
//! The system's resolver blocks, so each query runs in its own thread. If no thread can be started (`podPidsLimit`),
//! that is an error, and logskiff retries. tokio's own resolver would end the process.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use tokio::sync::{Semaphore, oneshot};

/// At most two queries may wait for an answer: a resolver that hangs keeps their threads. With two, one name that is
/// not answered does not block the query for the next address.
static QUERIES: Semaphore = Semaphore::const_new(2);

/// The addresses of a host name; an IP address is returned as it is.
///
/// Cancellation safe: an answer that nobody waits for is dropped.
///
/// # Errors
/// The resolver's error, or the reason why no query can be made.
pub(super) async fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let permit = QUERIES.acquire().await.map_err(io::Error::other)?;
    let (sender, answer) = oneshot::channel();
    let name = name.to_owned();
    let query = move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
        drop(permit);
        // It fails if nobody waits for the answer any more.
        _ = sender.send(found);
    };
    std::thread::Builder::new().name("look-up".into()).spawn(query)?;
    answer.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_names_and_addresses_and_refuses_invalid_names() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let query = |name| runtime.block_on(resolve(name, 514));
        assert_eq!(query("::1").unwrap(), ["[::1]:514".parse().unwrap()]);
        assert!(query("localhost").unwrap().iter().all(|address| address.ip().is_loopback() && address.port() == 514));
        for _ in 0..5 {
            assert!(query("a name with spaces").is_err(), "each query gives its permit back");
        }
    }
}
