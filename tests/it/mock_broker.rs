//! The tests' own broker: what other tests rely on.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::support::mock::Mock;

/// Goal: a broker that goes down ends its connections, even if a child process of another test has inherited them.
#[test]
fn a_broker_that_goes_down_ends_its_connections() {
    let mock = Mock::start(&["logs"]);
    let mut connection = TcpStream::connect(mock.bootstrap()).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // The broker accepts connections in order: it has accepted this one when it answers a later one.
    assert_eq!(mock.topics(), ["logs"]);
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    mock.down();
    let read = connection.read(&mut [0]);
    child.kill().unwrap();
    child.wait().unwrap();
    let has_ended = match &read {
        Ok(bytes) => *bytes == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    };
    assert!(has_ended, "{read:?}");
}
