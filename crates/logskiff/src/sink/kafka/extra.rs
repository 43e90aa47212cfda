//! The bytes that follow a record in the batch: what its message has besides the payload.
//!
//! Enters: an [`Extra`], or its bytes. Leaves: the bytes, or the [`Extra`]. A record for the default topic without key,
//! id and headers has only its time there.

/// The maximum length of a key and of a header's value in bytes. Longer ones are truncated, so that each record fits
/// into a message.
pub(super) const VALUE_BYTES_MAX: usize = 256;

/// What a message has besides the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extra<'b> {
    /// The topic's number.
    pub(super) topic: u16,
    /// The number of messages that the record is sent as.
    pub(super) parts: u16,
    /// The message's time, in milliseconds since the Unix epoch.
    pub(super) time_ms: i64,
    /// The key.
    pub(super) key: Option<&'b [u8]>,
    /// The event id, or empty if it is not a message header.
    pub(super) id: &'b [u8],
    /// The values of the configured headers, from [`push_value`].
    pub(super) values: &'b [u8],
}

impl<'b> Extra<'b> {
    /// Reads the bytes from [`Self::write`].
    pub(super) fn read(bytes: &'b [u8]) -> Self {
        let Some((time_ms, rest)) = bytes.split_first_chunk() else { return Self { parts: 1, ..Self::default() } };
        let plain = Self { parts: 1, time_ms: i64::from_le_bytes(*time_ms), ..Self::default() };
        let Some(([t0, t1, p0, p1], rest)) = rest.split_first_chunk() else { return plain };
        let (key, rest) = split_value(rest);
        let (id, values) = split_value(rest);
        let key = Some(key).filter(|key| !key.is_empty());
        Self { topic: u16::from_le_bytes([*t0, *t1]), parts: u16::from_le_bytes([*p0, *p1]), key, id, values, ..plain }
    }

    /// Appends the bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let key = self.key.unwrap_or_default();
        out.extend_from_slice(&self.time_ms.to_le_bytes());
        if self.topic == 0 && self.parts == 1 && [key, self.id, self.values].iter().all(|part| part.is_empty()) {
            return;
        }
        out.extend_from_slice(&self.topic.to_le_bytes());
        out.extend_from_slice(&self.parts.to_le_bytes());
        push_value(key, out);
        push_value(self.id, out);
        out.extend_from_slice(self.values);
    }
}

/// Appends a value with its length before it.
pub(super) fn push_value(value: &[u8], out: &mut Vec<u8>) {
    let bytes = u16::try_from(value.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&bytes.to_le_bytes());
    out.extend_from_slice(&value[..usize::from(bytes)]);
}

/// The first value from [`push_value`], and the bytes after it.
pub(super) fn split_value(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk() else { return (&[], &[]) };
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).unwrap_or((rest, &[]))
}

/// A text, truncated at the end of a character if it is too long for a key or a header.
pub(super) fn truncate(text: &str) -> &[u8] {
    let end_max = text.len().min(VALUE_BYTES_MAX);
    let end = (0..=end_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text.as_bytes()[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(extra: Extra<'_>, want_bytes: usize) {
        let mut bytes = Vec::new();
        extra.write(&mut bytes);
        assert_eq!(Extra::read(&bytes), extra, "{bytes:?}");
        assert_eq!(bytes.len(), want_bytes, "{extra:?}");
    }

    #[test]
    fn what_is_written_is_read() {
        let plain = Extra { parts: 1, time_ms: 1_700_000_000_123, ..Extra::default() };
        check(plain, 8);
        check(Extra { topic: 0x201, ..plain }, 16);
        check(Extra { parts: 3, ..plain }, 16);
        check(Extra { key: Some(b"ke"), id: b"id", ..plain }, 20);
        check(Extra { values: b"\x01\x00v", ..plain }, 19);
        check(Extra { time_ms: -1, key: Some(&[b'k'; VALUE_BYTES_MAX]), ..plain }, 16 + VALUE_BYTES_MAX);
    }

    #[test]
    fn a_long_value_is_truncated_at_a_character() {
        assert_eq!(truncate("kéy"), "kéy".as_bytes());
        let long = "é".repeat(VALUE_BYTES_MAX);
        assert_eq!(truncate(&format!("a{long}")).len(), VALUE_BYTES_MAX - 1);
    }
}
