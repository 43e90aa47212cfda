//! Whether a value of comma-separated ones is still open at a line's end (RFC 4180).

const QUOTE: u8 = b'"';

/// Whether a quote is open at the end of `line`. `is_open`: one is open at its start. Only a quote at a value's beginning opens
/// one, so that a stray quote (`5" disk`) joins no lines.
pub(super) fn is_open_after(line: &[u8], is_open: bool) -> bool {
    let mut at = 0;
    if is_open {
        match close(line, 0) {
            Some(end) => at = end,
            None => return true,
        }
    } else if line.first() != Some(&QUOTE) {
        at = next_value(line, 0).unwrap_or(line.len());
    }
    // `at` is where a value begins, or behind the quote that closes one.
    while at < line.len() {
        if line[at] == QUOTE && (at == 0 || line[at - 1] == b',') {
            match close(line, at + 1) {
                Some(end) => at = end,
                None => return true,
            }
        }
        at = next_value(line, at).unwrap_or(line.len());
    }
    false
}

/// Where the value after the next comma begins.
fn next_value(line: &[u8], from: usize) -> Option<usize> {
    Some(from + memchr::memchr(b',', line.get(from..)?)? + 1)
}

/// The position behind the quote that closes the value in which `from` is; doubled quotes are part of it.
fn close(line: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr::memchr(QUOTE, line.get(at..)?)? + 1;
        if line.get(at) != Some(&QUOTE) {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::is_open_after;

    #[test]
    fn only_a_value_in_quotes_is_open() {
        for (line, is_open, want) in [
            ("a,b", false, false),
            ("a,\"b", false, true),
            ("\"a", false, true),
            ("a,\"b \"\"c\"\"", false, true),
            ("a,\"b\",c", false, false),
            ("a,5\" disk,c", false, false),
            ("5\" disk,\"b", false, true),
            ("b\",c", true, false),
            ("b\",\"c", true, true),
            ("b \"\"x\"\" c", true, true),
            ("", true, true),
            ("", false, false),
            ("a,\"\"", false, false),
            ("a,\"\"\"", false, true),
        ] {
            assert_eq!(is_open_after(line.as_bytes(), is_open), want, "{line} {is_open}");
        }
    }
}
