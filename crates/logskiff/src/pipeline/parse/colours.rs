//! Leaves out the sequences that colour a text on a terminal (CSI, ECMA-48 section 5.4).

const ESCAPE: u8 = 0x1b;

/// Whether a text may have such sequences.
pub(super) fn may_have(text: &[u8]) -> bool {
    memchr::memchr(ESCAPE, text).is_some()
}

/// The positions of the bytes that are part of no sequence.
pub(super) fn kept(text: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while text.get(at) == Some(&ESCAPE) && text.get(at + 1) == Some(&b'[') {
            let parameters = text[at + 2..].iter().take_while(|byte| matches!(byte, b' '..=b'?')).count();
            at += 2 + parameters + 1;
        }
        at += 1;
        (at <= text.len()).then(|| at - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn sequences_are_left_out() {
        let check = |text: &str, want: &str| {
            let found: Vec<u8> = kept(text.as_bytes()).map(|at| text.as_bytes()[at]).collect();
            assert_eq!(String::from_utf8(found).unwrap(), want, "{text:?}");
        };
        check("plain", "plain");
        check("\u{1b}[32mINFO\u{1b}[0m x\u{1b}[1;31m", "INFO x");
        check("\u{1b}[0m\u{1b}[2ma\u{1b}[0m", "a");
        check("a\u{1b}", "a\u{1b}");
        check("a\u{1b}[", "a");
        check("a\u{1b}[1", "a");
    }
}
