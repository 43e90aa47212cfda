//! Parses the access log of nginx and Apache.
//!
//! Input: a line in the format "common" or "combined", the latter also with the addition of nginx's official image (the
//! quoted `X-Forwarded-For`) and a request time after it. The virtual host (Apache's `vhost_combined`) may stand first,
//! and a list of addresses in the place of one. Output: text nodes and the range of the timestamp. `-` and an empty
//! value mean that there is no value. The scanner implements these expressions, the first match counts (the tests
//! compare both), two to three times as fast as their captures:
//!
//! ```text
//! ^ORIGIN (USER) \[([^\]]*)\] "QUOTED" (\d{3}) (\d+|-)( "QUOTED" "QUOTED"( "QUOTED")?( (\d+(\.\d+)?|-))?)?$ ORIGIN =
//! ([^ ,]+) -  |  (LIST) -  |  (HOST)(:\d{1,5})? (ADDRESS|LIST) -  |  (HOST):\d{1,5} ([^ ,]+) -  |  ([^ ,]+) [^ ,]+
//! HOST   = [^ ,]+      LIST   = (ADDRESS|unknown|-)(, ?(ADDRESS|unknown|-))+ USER   = [^\[]+      QUOTED =
//! ([^"\\]|\\.)*     REQUEST = ^([A-Z][A-Z_-]*) ([^ ].*?)( HTTP/(\d+(\.\d+)?))?$
//! ```
//!
//! An ADDRESS is an IPv4 or IPv6 address, with or without a port; a HOST is none. In the last form of ORIGIN the second
//! word is identd's answer, and so no ADDRESS; a USER after it is one word. A USER of several words contains no `-` and
//! no ADDRESS: such a line has more fields than these formats, and the client's is unknown. It is of another format.
//!
//! A request line of another form (a TLS handshake, a scan) has no parts; the rest of the line is still parsed.

mod origin;

use memchr::{memchr, memchr2, memrchr};

use event::{Key, Kind, Node, TextRange};

use super::Type;
use super::number::digits;

/// The fields: the names of the Elastic Common Schema where it has one.
pub(super) const NAMES: [&str; 14] = [
    "source.address",
    "user.name",
    "http.request.method",
    "url.original",
    "http.version",
    "http.response.status_code",
    "http.response.body.bytes",
    "http.request.referrer",
    "user_agent.original",
    "nginx.forwarded_for",
    "nginx.request_time",
    "url.domain",
    "url.port",
    "nginx.remote_addresses",
];

/// The fields that are numbers.
pub(super) const TYPES: [(&str, Type); 4] = [
    ("http.response.status_code", Type::Int),
    ("http.response.body.bytes", Type::Int),
    ("nginx.request_time", Type::Float),
    ("url.port", Type::Int),
];

/// Fills `nodes`, which must be empty, and returns the timestamp; `None`, and no nodes, if the line is of another
/// format.
pub(super) fn read<'t>(text: &'t [u8], nodes: &mut Vec<Node>) -> Option<&'t [u8]> {
    let stamp = Scan { text, at: 0, nodes }.line();
    if stamp.is_none() {
        nodes.clear();
    }
    stamp
}

struct Scan<'t, 'n> {
    text: &'t [u8],
    at: usize,
    nodes: &'n mut Vec<Node>,
}

impl<'t> Scan<'t, '_> {
    fn line(&mut self) -> Option<&'t [u8]> {
        self.origin()?;
        self.expect(b" ")?;
        // A user name may contain blanks; the timestamp's bracket ends it.
        let user = self.until(b'[')?;
        let blank = user.end.checked_sub(1).filter(|end| *end > user.start && self.text[*end as usize] == b' ')?;
        let user = TextRange { end: blank, ..user };
        if !origin::is_user(&self.text[user.indices()]) {
            return None;
        }
        self.push(1, user);
        self.expect(b"[")?;
        let stamp = self.until(b']')?;
        self.expect(b"] ")?;
        let request = self.quoted()?;
        self.request(request);
        self.expect(b" ")?;
        let status = self.digits();
        if status.end - status.start != 3 {
            return None;
        }
        self.push(5, status);
        self.expect(b" ")?;
        let bytes = self.digits();
        self.dash_unless(bytes)?;
        self.push(6, bytes);
        self.extras()?;
        Some(&self.text[stamp.indices()])
    }

    /// The additional fields of "combined", to the line's end.
    fn extras(&mut self) -> Option<()> {
        for field in 7..10 {
            if self.at == self.text.len() && field != 8 {
                return Some(());
            }
            if field == 9 && self.text.get(self.at + 1) != Some(&b'"') {
                break;
            }
            self.expect(b" ")?;
            let value = self.quoted()?;
            self.push(field, value);
        }
        if self.at == self.text.len() {
            return Some(());
        }
        self.expect(b" ")?;
        let mut seconds = self.digits();
        if seconds.start < seconds.end && self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            let decimals = self.digits();
            if decimals.start == decimals.end {
                return None;
            }
            seconds.end = decimals.end;
        }
        self.dash_unless(seconds)?;
        self.push(10, seconds);
        (self.at == self.text.len()).then_some(())
    }

    /// The parts of a request line of the usual form.
    fn request(&mut self, at: TextRange) {
        let line = &self.text[at.indices()];
        let Some(blank) = memchr(b' ', line) else { return };
        let (method, target) = (&line[..blank], blank + 1);
        let is_method = method.first().is_some_and(u8::is_ascii_uppercase)
            && method.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'_' | b'-'));
        if !is_method || matches!(line.get(target), None | Some(b' ')) {
            return;
        }
        let version = memrchr(b' ', &line[target..]).and_then(|blank| version(line, target + blank));
        let target_end = version.map_or(line.len(), |version| version - b" HTTP/".len());
        let start = at.start as usize;
        self.push(2, TextRange::new(start, start + blank));
        self.push(3, TextRange::new(start + target, start + target_end));
        if let Some(version) = version {
            self.push(4, TextRange::new(start + version, start + line.len()));
        }
    }

    /// Adds a field, unless it is empty.
    fn push(&mut self, name: u16, at: TextRange) {
        if !matches!(&self.text[at.indices()], b"" | b"-") {
            self.nodes.push(Node::Value { key: Key::Name(name), at, kind: Kind::Text });
        }
    }

    fn expect(&mut self, wanted: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(wanted).then(|| self.at += wanted.len())
    }

    /// Moves to the next `end`.
    fn until(&mut self, end: u8) -> Option<TextRange> {
        let start = self.at;
        self.at += memchr(end, &self.text[start..])?;
        Some(TextRange::new(start, self.at))
    }

    /// Moves past digits.
    fn digits(&mut self) -> TextRange {
        let start = self.at;
        self.at += digits(&self.text[start..]);
        TextRange::new(start, self.at)
    }

    /// In place of a missing number there must be a dash.
    fn dash_unless(&mut self, number: TextRange) -> Option<()> {
        if number.start == number.end { self.expect(b"-") } else { Some(()) }
    }

    /// Moves past a quoted text; returns the range of its content.
    fn quoted(&mut self) -> Option<TextRange> {
        self.expect(b"\"")?;
        let start = self.at;
        loop {
            self.at += memchr2(b'"', b'\\', self.text.get(self.at..)?)?;
            if self.text[self.at] == b'"' {
                self.at += 1;
                return Some(TextRange::new(start, self.at - 1));
            }
            self.at += 2;
        }
    }
}

/// Where the version begins if ` HTTP/` and a version stand from `blank` to the end.
fn version(line: &[u8], blank: usize) -> Option<usize> {
    let version = line[blank..].strip_prefix(b" HTTP/")?;
    let major = digits(version);
    let is_version = match version.get(major..)? {
        [] => major > 0,
        [b'.', minor @ ..] => major > 0 && !minor.is_empty() && digits(minor) == minor.len(),
        _ => false,
    };
    is_version.then(|| line.len() - version.len())
}

#[cfg(test)]
mod tests;
