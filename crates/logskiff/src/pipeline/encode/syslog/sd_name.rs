//! Names of structured data (RFC 5424, 6.3.3): at most 32 characters, and different for different fields.

/// The longest SD-NAME.
const BYTES_MAX: usize = 32;
/// The number of hexadecimal digits that stand for the rest of a longer name, after a `_`.
const DIGEST_DIGITS: usize = 8;
/// Maximum length of a UTF-8 character. Invalid UTF-8 of at most three bytes becomes one character.
const CHARACTER_BYTES_MAX: usize = 4;

/// A digest of a name, to which bytes can be added: FNV-1a, the same in each process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// The digest of the name with these bytes added.
    pub(super) fn with(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
    }
}

/// A name of any length, and its digest.
#[derive(Clone, Copy, Debug)]
pub(super) struct SdName<'n> {
    pub(super) text: &'n [u8],
    pub(super) digest: Digest,
}

impl<'n> From<&'n str> for SdName<'n> {
    fn from(text: &'n str) -> Self {
        Self { text: text.as_bytes(), digest: Digest::default().with(text.as_bytes()) }
    }
}

impl SdName<'_> {
    /// Writes the name. Invalid characters become `_`, and the end of a name that is too long becomes its digest. Reads
    /// only as much of the name as it writes: the values of an array share one name of any length.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let start = out.len();
        // One character more than fits, which shows that the name is too long.
        let text = &self.text[..self.text.len().min((BYTES_MAX + 1) * CHARACTER_BYTES_MAX)];
        for chunk in text.utf8_chunks() {
            let broken = (!chunk.invalid().is_empty()).then_some('_');
            for c in chunk.valid().chars().chain(broken) {
                let allowed = c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"');
                out.push(u8::try_from(c).ok().filter(|_| allowed).unwrap_or(b'_'));
            }
        }
        if out.len() == start {
            out.push(b'_');
        } else if out.len() - start > BYTES_MAX {
            out.truncate(start + BYTES_MAX - DIGEST_DIGITS - 1);
            let folded = (self.digest.0 >> 32) ^ (self.digest.0 & 0xffff_ffff);
            out.extend_from_slice(format!("_{folded:08x}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &[u8], want: &str) {
        let mut out = Vec::new();
        SdName { text: name, digest: Digest::default().with(name) }.write(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), want);
    }

    #[test]
    fn names_that_are_too_long_end_with_their_digest() {
        check(b"order.shipping.address.street_no", "order.shipping.address.street_no");
        check(b"order.shipping.address.street_name", "order.shipping.address._73cf3b65");
        check(b"order.shipping.address.street_number", "order.shipping.address._9a0cfaf2");
        check("é".repeat(32).as_bytes(), &"_".repeat(32));
        check(b"", "_");
        check(b"a b=c]\"d\xff\xc3", "a_b_c__d__");
    }

    #[test]
    fn a_digest_can_be_made_in_parts() {
        assert_eq!(Digest::default().with(b"a").with(b".b"), Digest::default().with(b"a.b"));
    }
}
