//! From a name to its addresses.
//!
//! The system's resolver waits, so a thread of its own asks it, for that one question. Where no thread can be had (`podPidsLimit`),
//! or the resolver has not answered earlier questions, that is an error like any other: it is tried again. tokio's own look-up
//! would end the process.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use tokio::sync::{Semaphore, oneshot};

/// So many questions may be unanswered: a resolver that hangs keeps their threads. Two, so that a name that is not answered does not
/// keep the next address's from being asked for.
static QUESTIONS: Semaphore = Semaphore::const_new(2);

/// Looks a name up; an address is its own.
///
/// Cancellation safe: the answer to a question that nobody waits for any more is dropped.
///
/// # Errors
/// What the resolver says, or why it cannot be asked.
pub(super) async fn look_up(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let question = QUESTIONS.acquire().await.map_err(io::Error::other)?;
    let (answers, answer) = oneshot::channel();
    let name = name.to_owned();
    let ask = move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
        drop(question);
        // Nobody waits any more.
        _ = answers.send(found);
    };
    std::thread::Builder::new().name("look-up".into()).spawn(ask)?;
    answer.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_looked_up_and_a_name_that_is_none_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let look_up = |name| runtime.block_on(look_up(name, 514));
        assert_eq!(look_up("::1").unwrap(), ["[::1]:514".parse().unwrap()]);
        assert!(
            look_up("localhost").unwrap().iter().all(|address| address.ip().is_loopback() && address.port() == 514)
        );
        for _ in 0..5 {
            assert!(look_up("a name with spaces").is_err(), "and none of the questions stays unanswered");
        }
    }
}
