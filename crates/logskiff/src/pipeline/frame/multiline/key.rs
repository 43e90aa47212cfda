//! Keys: a cheap check that a line has the head of the line before.

use super::text::len_with_escapes;

/// Bytes that a key can cover.
const KEY_BYTES: usize = 32;
const KEY_WORDS: usize = KEY_BYTES / 8;
/// An address of IPv6 and the blank after it.
const ADDRESS_BYTES: usize = 40;
/// The longest name of a user and the blank after it.
const USER_BYTES: usize = 33;
/// The key of all lines of an access log that begin with an address.
pub(super) const ACCESS_KEY: u32 = 1;

/// A key of a line whose head ends at `end`, escape codes not counted: lines of one key surely have the same head. 0 if there is
/// none, because the head is too long, or the line is too short. The key holds how long the head is, for [`has_key`].
pub(super) fn key(line: &[u8], end: usize) -> u32 {
    let covered = len_with_escapes(line, end + 1);
    if covered > KEY_BYTES {
        return 0;
    }
    line.first_chunk().map_or(0, |bytes| hash(bytes, covered) & !0xff | small(covered))
}

/// Whether the line has this key, which is not 0. It costs some 40 instructions.
#[inline]
pub(super) fn has_key(line: &[u8], key: u32) -> bool {
    if key == ACCESS_KEY {
        return is_access(line);
    }
    let covered = key & 0xff;
    line.first_chunk().is_some_and(|bytes| (hash(bytes, covered as usize) ^ key) & !0xff == 0)
}

/// The same byte in each place of a word.
const fn every(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The bytes of a key that count, by how many are covered.
const MASKS: [[u64; KEY_WORDS]; KEY_BYTES + 1] = masks();

const fn masks() -> [[u64; KEY_WORDS]; KEY_BYTES + 1] {
    let (mut masks, mut covered) = ([[0; KEY_WORDS]; KEY_BYTES + 1], 0);
    while covered <= KEY_BYTES {
        let mut byte = 0;
        while byte < covered {
            masks[covered][byte / 8] |= 0xff << (8 * (byte % 8));
            byte += 1;
        }
        covered += 1;
    }
    masks
}

/// A hash of the first `covered` bytes where digits are alike, in the upper bits.
#[inline]
fn hash(bytes: &[u8; KEY_BYTES], covered: usize) -> u32 {
    const FACTORS: [u64; KEY_WORDS] =
        [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63];
    let masks = &MASKS[covered.min(KEY_BYTES)];
    let (words, _) = bytes.as_chunks();
    let mut hash = 0_u64;
    for at in 0..KEY_WORDS {
        let word = same_digits(u64::from_le_bytes(words[at])) & masks[at];
        hash = hash.wrapping_add(word.wrapping_mul(FACTORS[at]));
    }
    (hash >> 32) as u32
}

/// The word with `0` for each digit.
#[inline]
fn same_digits(word: u64) -> u64 {
    let from_zero = word ^ every(b'0');
    // The upper bit of each byte that is no digit: 10 or more, counted from `0`.
    let others = (((from_zero & every(0x7f)) + every(0x80 - 10)) | from_zero) & every(0x80);
    let digits = (every(0x80) ^ others) >> 7;
    word & !(digits * 0x0f)
}

/// A line of an access log that begins with an address.
#[inline]
pub(super) fn is_access(line: &[u8]) -> bool {
    let (words, _) = line[..line.len().min(ADDRESS_BYTES)].as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let blanks = u64::from_le_bytes(*word) ^ every(b' ');
        let found = blanks.wrapping_sub(every(1)) & !blanks & every(0x80);
        if found != 0 {
            let blank = 8 * at + (found.trailing_zeros() / 8) as usize;
            return blank > 0 && is_after_address(&line[blank..]);
        }
    }
    false
}

/// ` - - [29/Nov/2026:09:00:00 +0000`, or a user's name for the second dash.
#[inline]
fn is_after_address(text: &[u8]) -> bool {
    const NO_USER: u64 = u64::from_le_bytes(*b" - - [\0\0");
    let Some(first) = text.first_chunk() else { return false };
    if u64::from_le_bytes(*first) << 16 == NO_USER << 16 {
        return is_clf_stamp(&text[6..]);
    }
    text.strip_prefix(b" - ").is_some_and(has_user_and_stamp)
}

/// `user [29/Nov/2026:09:00:00 +0000`.
fn has_user_and_stamp(text: &[u8]) -> bool {
    let most = &text[..text.len().min(USER_BYTES)];
    let stamp = memchr::memchr(b' ', most).filter(|user| *user > 0).and_then(|user| text[user..].strip_prefix(b" ["));
    stamp.is_some_and(is_clf_stamp)
}

/// `29/Nov/2026:09:00:00 +0000`.
#[inline]
pub(super) fn is_clf_stamp(text: &[u8]) -> bool {
    let Some(stamp) = text.first_chunk::<20>() else { return false };
    stamp[0].is_ascii_digit() && stamp[2] == b'/' && stamp[6] == b'/' && stamp[11] == b':'
}

fn small(covered: usize) -> u32 {
    u32::try_from(covered).unwrap_or(0)
}
