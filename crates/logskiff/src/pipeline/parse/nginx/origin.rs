//! The client of a request, and the virtual host.
//!
//! Input: the beginning of a line. Output: the nodes for the host, its port and the client's addresses. Ambiguous text
//! is not parsed.

use std::net::{IpAddr, SocketAddr};

use memchr::memchr;

use super::Scan;
use event::TextRange;

/// Maximum number of digits of a port.
const PORT_DIGITS_MAX: usize = 5;

/// Proxies and servers write these for an unknown client.
const UNKNOWN: [&[u8]; 2] = [b"unknown", b"-"];

/// The placeholder for identd's answer, which nobody requests, and the blanks around it.
const NO_IDENT: &[u8] = b" - ";

impl Scan<'_, '_> {
    /// Moves to the blank before the user's name.
    pub(super) fn origin(&mut self) -> Option<()> {
        let first = self.word()?;
        let is_list = self.has_comma(first);
        if !is_list && self.is_next(NO_IDENT) {
            self.push(0, first);
            return self.expect(b" -");
        }
        if is_list {
            self.at = first.start as usize;
            self.addresses()?;
            return self.expect(b" -");
        }
        self.expect(b" ")?;
        let second = self.word()?;
        // After an address two names follow, of which the second may contain blanks; after a host and an address, the
        // same.
        let is_virtual = self.has_comma(second) || self.is_next(NO_IDENT) && !self.is_next(b" - [");
        if !is_virtual {
            let behind = &self.text[self.at + 1..];
            let is_one_word = memchr(b' ', behind).is_some_and(|blank| behind[blank..].starts_with(b" ["));
            self.push(0, first);
            return (is_one_word && !is_address(&self.text[second.indices()])).then_some(());
        }
        let host = &self.text[first.indices()];
        if is_address_alone(host) {
            return None;
        }
        let port = port(host);
        if let Some(port) = port {
            self.push(11, TextRange { end: first.end - len(port) - 1, ..first });
            self.push(12, TextRange { start: first.end - len(port), ..first });
        } else {
            self.push(11, first);
        }
        if self.has_comma(second) {
            self.at = second.start as usize;
            self.addresses()?;
        } else if port.is_some() || is_address(&self.text[second.indices()]) {
            self.push(0, second);
        } else {
            return None;
        }
        self.expect(b" -")
    }

    /// Moves past comma-separated addresses: the first valid one is the client's.
    fn addresses(&mut self) -> Option<()> {
        let start = self.at;
        let mut client = None;
        loop {
            let word = self.word()?;
            let mut from = word.start as usize;
            let text = &self.text[word.indices()];
            // A blank may follow a comma; a comma at the end is followed by text after the blank.
            let goes_on = text.ends_with(b",");
            for part in text.strip_suffix(b",").unwrap_or(text).split(|byte| *byte == b',') {
                let at = TextRange::new(from, from + part.len());
                from = at.end as usize + 1;
                if is_address(part) {
                    client.get_or_insert(at);
                } else if !UNKNOWN.contains(&part) {
                    return None;
                }
            }
            if !goes_on {
                break;
            }
            self.expect(b" ")?;
        }
        if let Some(client) = client {
            self.push(0, client);
        }
        self.push(13, TextRange::new(start, self.at));
        Some(())
    }

    /// Moves to the next blank.
    fn word(&mut self) -> Option<TextRange> {
        self.until(b' ').filter(|at| at.start < at.end)
    }

    fn has_comma(&self, at: TextRange) -> bool {
        memchr(b',', &self.text[at.indices()]).is_some()
    }

    fn is_next(&self, text: &[u8]) -> bool {
        self.text[self.at..].starts_with(text)
    }
}

/// Whether this can be a user name: it may contain blanks, but no word of another field.
pub(super) fn is_user(name: &[u8]) -> bool {
    memchr(b' ', name).is_none() || name.split(|byte| *byte == b' ').all(|word| word != b"-" && !is_address(word))
}

fn len(text: &[u8]) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// The port after a host's last colon.
fn port(host: &[u8]) -> Option<&[u8]> {
    let port = &host[memchr::memrchr(b':', host).filter(|colon| *colon > 0)? + 1..];
    let is_port = !port.is_empty() && port.len() <= PORT_DIGITS_MAX && port.iter().all(u8::is_ascii_digit);
    is_port.then_some(port)
}

/// Whether it is an address, with or without a port.
fn is_address(text: &[u8]) -> bool {
    is_address_alone(text) || std::str::from_utf8(text).is_ok_and(|text| text.parse::<SocketAddr>().is_ok())
}

/// Whether it is an address without a port; an IPv6 address may name its interface.
fn is_address_alone(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<IpAddr>().is_ok()
}
