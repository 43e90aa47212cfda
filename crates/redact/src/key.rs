//! Keyed tokens: equal values have equal tokens, and without the key nobody can recover the value.
//!
//! Input: a key, its id, and matched values. Output: 80 bits of HMAC-SHA-256 (RFC 2104, FIPS 180-4) in base 32. The key
//! is never written anywhere.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A shorter key would be weaker than the hash (RFC 2104, section 3).
const KEY_BYTES_MIN: usize = 32;

/// Ids are short because each token contains one.
const ID_CHARS_MAX: usize = 32;

/// 16 characters of base 32 are 80 bits: among a billion values, two share a token with a probability of 1 in two
/// million.
const TOKEN_CHARS: usize = 16;

/// Length of a derived id: enough to distinguish the keys of one installation.
const ID_CHARS: usize = 6;

/// Input of the hash for a derived id. It contains a newline, so that no value of a line equals it.
const ID_INPUT: &[u8] = b"logskiff key id\n";

/// The alphabet of RFC 4648 in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A key for tokens, and its id, which is part of each token.
#[derive(Clone)]
pub struct TokenKey {
    id: String,
    mac: Hmac<Sha256>,
}

impl PartialEq for TokenKey {
    fn eq(&self, other: &Self) -> bool {
        // Compares the hashes of the empty value, in constant time.
        self.id == other.id && self.mac.clone().finalize() == other.mac.clone().finalize()
    }
}

impl Eq for TokenKey {}

/// Why a key cannot be used. Contains nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key is too short.
    #[error("the key is shorter than {KEY_BYTES_MIN} characters; create one with `openssl rand -hex 32`")]
    Short,
    /// The id has invalid characters or a wrong length.
    #[error("a key id must have 1 to {ID_CHARS_MAX} characters from a-z, A-Z, 0-9, _ and -")]
    Id,
}

impl TokenKey {
    /// Creates a key. Without an id, one is derived from the key; it does not reveal the key.
    ///
    /// # Errors
    /// If the key is too short, or the id is invalid.
    pub fn new(secret: &str, id: Option<&str>) -> Result<Self, KeyError> {
        if secret.len() < KEY_BYTES_MIN {
            return Err(KeyError::Short);
        }
        // HMAC accepts keys of any length, so this cannot fail.
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| KeyError::Short)?;
        let mut key = Self { id: String::new(), mac };
        match id {
            Some(id) if is_id(id) => id.clone_into(&mut key.id),
            Some(_) => return Err(KeyError::Id),
            None => {
                let mut derived = String::new();
                key.write_digest(ID_INPUT, ID_CHARS, &mut derived);
                key.id = derived;
            }
        }
        Ok(key)
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Appends the token `KEYID:DIGEST` of a value to `out`.
    pub(super) fn write(&self, value: &[u8], out: &mut String) {
        out.push_str(&self.id);
        out.push(':');
        self.write_digest(value, TOKEN_CHARS, out);
    }

    fn write_digest(&self, value: &[u8], chars: usize, out: &mut String) {
        let digest = self.mac.clone().chain_update(value).finalize().into_bytes();
        let (mut bits, mut bit_count) = (0_u32, 0);
        let mut written = 0;
        for byte in digest {
            bits = bits << 8 | u32::from(byte);
            bit_count += 8;
            while bit_count >= 5 && written < chars {
                bit_count -= 5;
                out.push(char::from(ALPHABET[(bits >> bit_count & 31) as usize]));
                written += 1;
            }
        }
    }
}

/// Whether `text` is a valid key id.
fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(fits)
}

/// Whether `text` has the form of a token's digest.
pub(super) fn is_digest(text: &str) -> bool {
    text.len() == TOKEN_CHARS && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// Goal: a token can be reproduced with other tools, by `printf %s VALUE | openssl dgst -sha256 -hmac KEY -binary |
    /// base32`.
    #[test]
    fn a_token_is_the_hmac_of_the_value() {
        let key = TokenKey::new(SECRET, Some("k1")).unwrap();
        let mut token = String::new();
        key.write(b"ada@example.org", &mut token);
        assert_eq!(token, "k1:xt5gvjlef5x7ucrv");
        assert!(is_digest(&token[3..]) && is_id("k1"));
    }

    #[test]
    fn keys_differ_and_show_only_their_ids() {
        let one = TokenKey::new(SECRET, None).unwrap();
        let other = TokenKey::new("0123456789abcdef0123456789abcdeg", None).unwrap();
        assert!(is_id(one.id()) && one.id().len() == ID_CHARS);
        assert_ne!(one.id(), other.id());
        assert_eq!(one.id(), TokenKey::new(SECRET, None).unwrap().id());
        assert_eq!(format!("{:?}", TokenKey::new(SECRET, Some("a-B_1")).unwrap()), "TokenKey(a-B_1)");
    }

    #[test]
    fn short_keys_and_odd_ids_are_refused() {
        assert_eq!(TokenKey::new(&SECRET[1..], None).unwrap_err(), KeyError::Short);
        for id in ["", "a b", "a:b", "a>", "ä", &"x".repeat(33)] {
            assert_eq!(TokenKey::new(SECRET, Some(id)).unwrap_err(), KeyError::Id, "{id}");
        }
    }
}
