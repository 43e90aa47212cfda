//! Sends HTTP requests to a sidecar, as a probe or Prometheus does, and to other programs of a test.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::sidecar::Sidecar;
use super::wait_until;

/// An answer on loopback takes milliseconds; an answer that waits for the shipper takes less than a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// The address of a sidecar with `LOGSKIFF_HTTP_LISTEN=127.0.0.1:0`, from its log.
#[track_caller]
pub fn address(sidecar: &Sidecar) -> String {
    let mut found = None;
    wait_until("the address in its log", PATIENCE, || {
        let log = sidecar.stderr();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        found = lines
            .find(|line| line["message"] == "answering HTTP")
            .and_then(|line| line["address"].as_str().map(ToOwned::to_owned));
        found.is_some()
    });
    found.expect("found")
}

/// The status and the body of an answer; `None` without a connection. Metrics are `OpenMetrics`.
pub fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    send(address, "GET", path, &[("Accept", accept)], "")
}

/// The body for a client that accepts any format.
pub fn get_plain(address: &str, path: &str) -> Option<String> {
    send(address, "GET", path, &[("Accept", "*/*")], "").map(|(_, body)| body)
}

/// The status and the body of the answer to a request; `None` without a connection.
pub fn send(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The samples of a scrape, by name and labels as written; `None` without an answer.
pub fn scrape(address: &str) -> Option<BTreeMap<String, f64>> {
    let (status, text) = get(address, "/metrics")?;
    assert_eq!(status, 200);
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    Some(samples.map(|line| sample(line).unwrap_or_else(|| panic!("{line:?} is no sample"))).collect())
}
