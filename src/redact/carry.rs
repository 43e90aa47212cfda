//! What a line must know of the lines before it: whether a private key is being written.
//!
//! In: the lines of one file in order. Out: which of them belong to a key that began on an earlier line. Holds no content.

use memchr::memmem;

/// A key that has not ended after so many lines is not going to: a 16,384-bit RSA key has 200 lines of 64 characters.
pub const LINES_MAX: u32 = 200;

/// So many characters of base64 in a row right behind the BEGIN line's marker mean that the key stands in the same line.
const BODY_BYTES_MIN: usize = 16;

/// What precedes the kind of a PEM block (RFC 7468).
const BEGIN: &[u8] = b"-----BEGIN";
const END: &[u8] = b"-----END";
/// What both markers of a private key hold.
const PRIVATE: &[u8] = b"PRIVATE";
/// No kind of key has a longer name.
const KIND_BYTES_MAX: usize = 64;

/// The state of one file, from line to line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carry {
    /// How many more lines may belong to the key.
    lines_left: u32,
}

impl Carry {
    /// Whether the next line belongs to a key that began earlier.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.lines_left > 0
    }

    /// Sets the state for reading on after `lookback`, the bytes of the file just before: [`LINES_MAX`] lines tell all.
    pub fn resume(&mut self, lookback: &[u8]) {
        *self = Self::default();
        if memmem::find(lookback, PRIVATE).is_none() {
            return;
        }
        let lookback = lookback.strip_suffix(b"\n").unwrap_or(lookback);
        for line in lookback.split(|&byte| byte == b'\n') {
            self.step(line, true);
        }
    }

    /// Takes the next line in and says whether it belongs to a key that began earlier. `may_begin`: a key may begin in it.
    pub(super) fn step(&mut self, line: &[u8], may_begin: bool) -> bool {
        let inside = self.is_open();
        if inside {
            self.lines_left -= 1;
            if let Some(end) = marker(END, line) {
                self.lines_left = 0;
                self.begin(&line[end..]);
            } else if marker(BEGIN, line).is_some() {
                self.begin(line);
            }
        } else if may_begin {
            self.begin(line);
        }
        inside
    }

    /// Opens when the last key that begins in `text` goes on after it.
    fn begin(&mut self, text: &[u8]) {
        let mut rest = text;
        let mut last = None;
        while let Some(at) = marker(BEGIN, rest) {
            rest = &rest[at..];
            last = Some(rest);
        }
        let Some(body) = last else { return };
        if marker(END, body).is_none() && !goes_on_in_its_line(body) {
            self.lines_left = LINES_MAX;
        }
    }
}

/// Whether a private key begins in the text.
pub(super) fn begins_in(text: &[u8]) -> bool {
    marker(BEGIN, text).is_some()
}

/// Where the first BEGIN or END marker of a private key ends.
fn marker(dashes: &[u8], text: &[u8]) -> Option<usize> {
    memmem::find_iter(text, dashes).find_map(|at| {
        let kind = &text[at + dashes.len()..];
        let kind = &kind[..kind.len().min(KIND_BYTES_MAX)];
        let length = memmem::find(kind, b"-----")?;
        memmem::find(&kind[..length], PRIVATE)?;
        Some(at + dashes.len() + length + 5)
    })
}

/// Whether base64 stands right behind the marker, or behind a line's end that is written out (`\n`, `%0A`), and is all of a string that
/// ends in the line. What stands behind blanks or a quote is another field, however much it looks like base64.
fn goes_on_in_its_line(body: &[u8]) -> bool {
    let base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let (mut rest, mut letters) = (body, 0);
    loop {
        let run = rest.iter().take_while(base64).count();
        letters += run;
        rest = &rest[run..];
        let Some(after) = line_end(rest) else { break };
        rest = after;
    }
    letters >= BODY_BYTES_MIN && matches!(rest, [b'"' | b'\'' | b'\\', ..])
}

/// What follows a line's end: as it is, or as JSON and URLs write it, once or twice escaped.
fn line_end(text: &[u8]) -> Option<&[u8]> {
    if let [b'\n' | b'\r', rest @ ..] = text {
        return Some(rest);
    }
    if let [b'%', b'0', b'A' | b'a' | b'D' | b'd', rest @ ..] = text {
        return Some(rest);
    }
    let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
    let after = text[slashes..].strip_prefix(b"n").or_else(|| text[slashes..].strip_prefix(b"r"));
    after.filter(|_| slashes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `!` before a line: it belongs to a key that began earlier.
    #[track_caller]
    fn check(lines: &[&str], open_after: bool) {
        let mut carry = Carry::default();
        for (number, line) in lines.iter().enumerate() {
            let (line, inside) = line.strip_prefix('!').map_or((*line, false), |line| (line, true));
            assert_eq!(carry.step(line.as_bytes(), true), inside, "line {number}: {line}");
        }
        assert_eq!(carry.is_open(), open_after);
        let mut resumed = Carry::default();
        let text: String = lines.iter().flat_map(|line| [line.trim_start_matches('!'), "\n"]).collect();
        resumed.resume(text.as_bytes());
        assert_eq!(resumed, carry, "resumed behind the same lines");
    }

    #[test]
    fn follows_a_key_from_begin_to_end() {
        check(&["x", "k: -----BEGIN RSA PRIVATE KEY-----", "!MIIE", "!", "!-----END RSA PRIVATE KEY-----", "y"], false);
        check(&["-----BEGIN PRIVATE KEY-----", "!MIIE"], true);
        check(&["-----BEGIN PRIVATE KEY-----", "!a -----END PRIVATE KEY----- -----BEGIN PRIVATE KEY-----", "!b"], true);
        check(&["-----BEGIN PGP PRIVATE KEY BLOCK-----", "!-----END PGP PRIVATE KEY BLOCK-----", "y"], false);
    }

    /// What a logger writes behind the BEGIN line is no part of the key.
    #[test]
    fn other_fields_of_the_line_do_not_shut_it() {
        for after in [
            r#"","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#,
            r#"\n","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#,
            r#"","caller":"internal/server/handler.go"}"#,
            r#"" thread=NioEventLoopGroupWorker"#,
            " 4bf92f3577b34da6a3ce929d0e0e4736",
            "MIIEvQIBADANBgkqhkiG9w0BAQ",
            "\r",
        ] {
            check(
                &[&format!("k -----BEGIN RSA PRIVATE KEY-----{after}"), "!MIIE", "!-----END RSA PRIVATE KEY-----", "y"],
                false,
            );
        }
    }

    #[test]
    fn stays_shut_for_what_ends_in_its_line_and_what_is_no_private_key() {
        check(&["-----BEGIN PRIVATE KEY-----MIIE-----END PRIVATE KEY-----", "y"], false);
        check(&[r#"{"k":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ"}"#, "y"], false);
        for line_end in ["", r"\n", r"\r\n", r"\\n", "%0A", "%0d%0a"] {
            check(&[&format!("'-----BEGIN PRIVATE KEY-----{line_end}MIIEvQIB{line_end}ADANBgk=' x"), "y"], false);
        }
        check(&["-----BEGIN CERTIFICATE-----", "MIIE", "-----BEGIN PUBLIC KEY-----", "MIIE"], false);
        check(&["the PRIVATE KEY-----", "y"], false);
    }

    #[test]
    fn gives_up_after_the_longest_key() {
        let mut carry = Carry::default();
        carry.step(b"-----BEGIN PRIVATE KEY-----", true);
        let inside = (0..1000).take_while(|_| carry.step(b"x", true)).count();
        assert_eq!(inside, LINES_MAX as usize);
    }
}
