//! Keyed tokens: the same value gives the same token, and nobody without the key can tell which value it was.
//!
//! In: a key, its id, and matched values. Out: 80 bits of HMAC-SHA-256 (RFC 2104, FIPS 180-4) in base 32. The key leaves
//! by no path.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A shorter key would be weaker than the hash (RFC 2104, section 3).
const KEY_BYTES_MIN: usize = 32;

/// Ids are to be short; they stand in each token.
const ID_CHARS_MAX: usize = 32;

/// So many characters of base 32 are 80 bits: among a billion values two share a token with a probability of 1 in two million.
const TOKEN_CHARS: usize = 16;

/// So many characters tell the keys of one installation apart.
const ID_CHARS: usize = 6;

/// What an id is made of where none is given. No value of a line can be taken for it: it holds a line end.
const ID_OF: &[u8] = b"logskiff key id\n";

/// The alphabet of RFC 4648 in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A key for tokens, and its id, which stands in each of them.
#[derive(Clone)]
pub struct TokenKey {
    id: String,
    mac: Hmac<Sha256>,
}

impl PartialEq for TokenKey {
    fn eq(&self, other: &Self) -> bool {
        // What the keys make of nothing at all is compared, in constant time.
        self.id == other.id && self.mac.clone().finalize() == other.mac.clone().finalize()
    }
}

impl Eq for TokenKey {}

/// Why a key cannot be used. Shows nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is too short to be a secret.
    #[error("the key has fewer than {KEY_BYTES_MIN} characters; make one with `openssl rand -hex 32`")]
    Short,
    /// The id would not fit a token.
    #[error("an id has 1 to {ID_CHARS_MAX} of a-z, A-Z, 0-9, _ and -")]
    Id,
}

impl TokenKey {
    /// A key with an id; without one it gets an id that is made of the key and says nothing of it.
    ///
    /// # Errors
    /// When the key is too short, or the id would not fit a token.
    pub fn new(secret: &str, id: Option<&str>) -> Result<Self, KeyError> {
        if secret.len() < KEY_BYTES_MIN {
            return Err(KeyError::Short);
        }
        // HMAC takes keys of any length; the error is of its type alone.
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| KeyError::Short)?;
        let mut key = Self { id: String::new(), mac };
        match id {
            Some(id) if is_id(id) => id.clone_into(&mut key.id),
            Some(_) => return Err(KeyError::Id),
            None => {
                let mut made = String::new();
                key.write_digest(ID_OF, ID_CHARS, &mut made);
                key.id = made;
            }
        }
        Ok(key)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Writes `KEYID:…` for a value to the end of `out`.
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

/// Whether `text` may be the id of a key.
fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(fits)
}

/// Whether `text` may be the rest of a token.
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

    /// Goal: a token can be made outside, by `printf %s VALUE | openssl dgst -sha256 -hmac KEY -binary | base32`.
    #[test]
    fn a_token_is_the_hmac_of_the_value() {
        let key = TokenKey::new(SECRET, Some("k1")).unwrap();
        let mut token = String::new();
        key.write(b"ada@example.org", &mut token);
        assert_eq!(token, "k1:xt5gvjlef5x7ucrv");
        assert!(is_digest(&token[3..]) && is_id("k1"));
    }

    #[test]
    fn keys_are_told_apart_and_shown_by_their_ids_alone() {
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
