//! Converts bytes to the characters that syslog allows in each part of a message.

use super::sd_name::SdName;

/// A header field: printable ASCII of at most `bytes_max`; nil for an empty text.
pub(super) fn printable(text: &str, bytes_max: usize) -> String {
    let allowed = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    let text: String = text.chars().take(bytes_max).map(allowed).collect();
    if text.is_empty() { super::NIL.to_owned() } else { text }
}

/// The TAG of RFC 3164, without characters that would end it.
pub(super) fn tag(text: &str, bytes_max: usize) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_./".contains(c) { c } else { '_' };
    let text: String = text.chars().take(bytes_max).map(allowed).collect();
    if text.is_empty() { super::NIL.to_owned() } else { text }
}

/// Writes ` NAME="VALUE"` (RFC 5424, 6.3.3). Invalid UTF-8 of the value is repaired.
pub(super) fn write_param(name: SdName<'_>, value: &[u8], no_controls: bool, out: &mut Vec<u8>) {
    out.push(b' ');
    name.write(out);
    out.extend_from_slice(b"=\"");
    for chunk in value.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            match byte {
                b'"' | b'\\' | b']' => out.extend_from_slice(&[b'\\', byte]),
                control if no_controls && control.is_ascii_control() => write_octal(control, out),
                plain => out.push(plain),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// Writes text that a newline terminates: control characters become `#` and three octal digits, as in rsyslog.
pub(super) fn write_without_controls(text: &[u8], out: &mut Vec<u8>) {
    let mut copied = 0;
    for (at, byte) in text.iter().enumerate().filter(|(_, byte)| byte.is_ascii_control()) {
        out.extend_from_slice(&text[copied..at]);
        write_octal(*byte, out);
        copied = at + 1;
    }
    out.extend_from_slice(&text[copied..]);
}

fn write_octal(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'#', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]);
}

/// The last position, at or before `at`, where the bytes can be cut without splitting a UTF-8 character.
pub(super) fn boundary(bytes: &[u8], at: usize) -> usize {
    /// Maximum number of bytes of a character after its first one.
    const CONTINUED_MAX: usize = 3;
    if at >= bytes.len() {
        return bytes.len();
    }
    let is_start = |at: &usize| bytes[*at] & 0b1100_0000 != 0b1000_0000;
    (at.saturating_sub(CONTINUED_MAX)..=at).rev().find(is_start).unwrap_or(at)
}

/// The last position, at or before `at`, where text from [`write_without_controls`] can be cut without splitting an
/// escaped control character or line end.
pub(super) fn before_octal(bytes: &[u8], at: usize) -> usize {
    /// Length of an escaped control character.
    const OCTAL_BYTES: usize = 4;
    let from = at.saturating_sub(OCTAL_BYTES - 1);
    match bytes[from..at].iter().rposition(|byte| *byte == b'#') {
        _ if bytes[..at].ends_with(b"\\") => at - 1,
        Some(hash) if bytes[from + hash + 1..].iter().take(OCTAL_BYTES - 1).all(u8::is_ascii_digit) => from + hash,
        _ => at,
    }
}
