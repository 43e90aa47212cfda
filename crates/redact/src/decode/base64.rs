//! Base64 (RFC 4648, sections 4 and 5): both alphabets are read as one, with or without padding.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The number of Base64 letters at the start of a text.
pub(in super::super) fn letters(text: &[u8]) -> usize {
    let letter = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    text.iter().take_while(letter).count()
}

/// Whether all of a text is Base64 of `bytes`, with at most padding after it.
pub(in super::super) fn is_whole(text: &[u8], bytes: usize) -> bool {
    let letters = letters(text);
    let padding = &text[letters..];
    letters % 4 != 1 && letters * 3 / 4 == bytes && padding.len() <= 2 && padding.iter().all(|byte| *byte == b'=')
}

/// Appends the decoded bytes of the letters at the start of `text`; returns whether that was possible.
pub(in super::super) fn decode(text: &[u8], out: &mut Vec<u8>) -> bool {
    let standard = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let mut letters: Vec<u8> = text[..letters(text)].iter().map(standard).collect();
    // Six bits are no byte.
    if letters.len() % 4 == 1 {
        letters.pop();
    }
    ENGINE.decode_vec(&letters, out).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_both_alphabets_are_decoded_up_to_the_padding() {
        #[track_caller]
        fn check(text: &str, want: &[u8]) {
            let mut out = b"before ".to_vec();
            assert!(decode(text.as_bytes(), &mut out), "{text}");
            assert_eq!(&out[7..], want, "{text}");
        }
        check("", b"");
        check("Y", b"");
        check("YQ", b"a");
        check("YQ==", b"a");
        check("YR", b"a");
        check("YWI=", b"ab");
        check("YWJj", b"abc");
        check("YWJjZ", b"abc");
        check("+/-_", &[0xfb, 0xff, 0xbf]);
        check("YWJj.YWJj", b"abc");
    }
}
