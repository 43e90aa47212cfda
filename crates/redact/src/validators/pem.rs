//! Private keys: their extent after their markers, and the members of JSON Web Keys.

use std::ops::Range;

use super::super::pem::{Edge, is_body, marker, stretch};
use super::Text;

/// How far from a private member its key's type is searched.
const KEY_BYTES_MAX: usize = 4096;

/// Masks a key from its BEGIN marker, which is `found` (or from the end of `found`, if that is empty), to its END
/// marker if only a body stands between, else to the end of the Base64 text.
pub(in super::super) fn private_key(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let rest = &text[found.end..];
    let end = marker(Edge::End, rest);
    text.charge(end.as_ref().map_or(rest.len(), |end| 2 * end.end));
    let length = match end {
        Some(end) if is_body(&rest[..end.start]) => end.end,
        _ => stretch(rest).bytes,
    };
    if found.start < found.end + length {
        mask(found.start..found.end + length);
    }
}

/// Keeps the private members of a JSON Web Key (RFC 7518, section 6). Its type stands in the same object.
pub(in super::super) fn private_member(text: Text<'_>, found: Range<usize>, mask: &mut dyn FnMut(Range<usize>)) {
    let near = found.start.saturating_sub(KEY_BYTES_MAX)..text.len().min(found.end + KEY_BYTES_MAX);
    text.charge(near.len());
    if memchr::memmem::find(&text[near], b"kty").is_some() {
        mask(found);
    }
}
