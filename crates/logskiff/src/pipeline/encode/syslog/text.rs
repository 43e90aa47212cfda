//! Bytes into what syslog allows at each place.

/// A header field: printable ASCII, at most so long; nil where there is nothing.
pub(super) fn printable(text: &str, bytes_max: usize) -> String {
    let allowed = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    let text: String = text.chars().take(bytes_max).map(allowed).collect();
    if text.is_empty() { super::NIL.to_owned() } else { text }
}

/// The TAG of RFC 3164: nothing in it may end it.
pub(super) fn tag(text: &str, bytes_max: usize) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_./".contains(c) { c } else { '_' };
    let text: String = text.chars().take(bytes_max).map(allowed).collect();
    if text.is_empty() { super::NIL.to_owned() } else { text }
}

/// The longest SD-NAME (RFC 5424, 6.3.3).
const SD_NAME_BYTES_MAX: usize = 32;

/// The longest character of UTF-8.
const CHARACTER_BYTES_MAX: usize = 4;

/// Writes ` NAME="VALUE"` (RFC 5424, 6.3.3): what a name cannot hold becomes `_`, what is not UTF-8 is repaired. Of the name it reads
/// no more than it writes: the values of an array share one, however long that is.
pub(super) fn write_param(name: &[u8], value: &[u8], no_controls: bool, out: &mut Vec<u8>) {
    let name = &name[..name.len().min(SD_NAME_BYTES_MAX * CHARACTER_BYTES_MAX)];
    out.push(b' ');
    let start = out.len();
    for chunk in name.utf8_chunks() {
        let broken = (!chunk.invalid().is_empty()).then_some('_');
        for c in chunk.valid().chars().chain(broken) {
            let allowed = c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"');
            out.push(u8::try_from(c).ok().filter(|_| allowed).unwrap_or(b'_'));
            if out.len() - start == SD_NAME_BYTES_MAX {
                break;
            }
        }
    }
    out.truncate(start + SD_NAME_BYTES_MAX);
    if out.len() == start {
        out.push(b'_');
    }
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

/// Writes text that a newline ends: control characters become `#` and three octal digits, as rsyslog writes them.
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

/// The last place, not after `at`, where the bytes can be cut without cutting a character of UTF-8 in two.
pub(super) fn boundary(bytes: &[u8], at: usize) -> usize {
    /// A character has at most so many bytes after its first.
    const CONTINUED_MAX: usize = 3;
    if at >= bytes.len() {
        return bytes.len();
    }
    let is_start = |at: &usize| bytes[*at] & 0b1100_0000 != 0b1000_0000;
    (at.saturating_sub(CONTINUED_MAX)..=at).rev().find(is_start).unwrap_or(at)
}

/// The last place, not after `at`, where text from [`write_without_controls`] can be cut without cutting what stands for
/// a control character.
pub(super) fn before_octal(bytes: &[u8], at: usize) -> usize {
    /// What stands for a control character has so many bytes.
    const OCTAL_BYTES: usize = 4;
    let from = at.saturating_sub(OCTAL_BYTES - 1);
    match bytes[from..at].iter().rposition(|byte| *byte == b'#') {
        Some(hash) if bytes[from + hash + 1..].iter().take(OCTAL_BYTES - 1).all(u8::is_ascii_digit) => from + hash,
        _ => at,
    }
}
