//! What the first stage finds in a chunk: the lines that may have a match, and those that may hold something encoded.
//!
//! Input: ranges of whole lines of a chunk. Output: for a text of the chunk, whether one of its lines is among them.

use super::{SETS, merge};

/// So many bytes are looked through at once for special ones.
const BLOCK_BYTES: usize = 64;

/// What the first stage found in one chunk; reused for each chunk.
#[derive(Clone, Debug, Default)]
pub struct Hits {
    /// The lines that may have a match of each set of patterns: start and end, in positions of the chunk.
    lines: [Vec<(usize, usize)>; SETS],
    /// The blocks with special bytes, likewise.
    special: Vec<(usize, usize)>,
}

/// What the first stage found in one text of a chunk.
#[derive(Clone, Copy, Debug)]
pub struct TextHits<'h> {
    lines: [&'h [(usize, usize)]; SETS],
    special: &'h [(usize, usize)],
    /// Where the text starts in the chunk.
    start: usize,
}

impl Hits {
    /// What was found in `start..end` of the chunk.
    #[must_use]
    pub fn of(&self, start: usize, end: usize) -> TextHits<'_> {
        let lines = self.lines.each_ref().map(|lines| overlapping(lines, start, end));
        TextHits { lines, special: overlapping(&self.special, start, end), start }
    }

    /// Looks through a chunk: `add_lines` finds the lines that may have a match of a set of patterns.
    pub(super) fn renew(&mut self, chunk: &[u8], add_lines: impl Fn(usize, &mut Vec<(usize, usize)>)) {
        for (set, lines) in self.lines.iter_mut().enumerate() {
            lines.clear();
            add_lines(set, lines);
            merge(lines);
        }
        self.special.clear();
        let (blocks, rest) = chunk.as_chunks::<BLOCK_BYTES>();
        let blocks = blocks.iter().map(|block| (are_special(block), BLOCK_BYTES));
        let mut start = 0;
        for (is_special, length) in blocks.chain([(are_special(rest), rest.len())]) {
            let end = start + length;
            if is_special {
                match self.special.last_mut().filter(|before| before.1 == start) {
                    Some(before) => before.1 = end,
                    None => self.special.push((start, end)),
                }
            }
            start = end;
        }
    }
}

impl TextHits<'_> {
    /// Every line may have a match and hold something encoded; this is always correct.
    pub const ALL: TextHits<'static> =
        TextHits { lines: [&[(0, usize::MAX)]; SETS], special: &[(0, usize::MAX)], start: 0 };

    /// Whether some line may have a match.
    #[must_use]
    pub fn is_hit(self) -> bool {
        self.lines.iter().any(|lines| !lines.is_empty())
    }

    /// Whether some line may have a match of a set.
    pub(super) fn is_hit_by(self, set: usize) -> bool {
        !self.lines[set].is_empty()
    }

    /// What was found in `start..end` of the text.
    pub(crate) fn part(self, start: usize, end: usize) -> Self {
        let (start, end) = (self.start + start, self.start + end);
        let lines = self.lines.map(|lines| overlapping(lines, start, end));
        Self { lines, special: overlapping(self.special, start, end), start }
    }

    /// Whether a byte may be special: without one, the text is no UTF-16, has no characters beyond ASCII, and stands for
    /// itself in every encoding of [`crate::decode::normal`].
    pub(crate) fn may_be_special(self) -> bool {
        !self.special.is_empty()
    }
}

/// Whether one of the bytes is special. All are looked at, which takes fewer instructions than to stop at the first one.
#[inline]
fn are_special(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |found, byte| found | u8::from(is_special(*byte))) != 0
}

/// Whether a byte is NUL, beyond ASCII, or may begin an escape, a code of a terminal or an encoded character.
#[expect(clippy::needless_bitwise_bool, reason = "without branches, many bytes are compared at once")]
fn is_special(byte: u8) -> bool {
    // `\` and `^` differ in one bit.
    let backslash_or_caret = byte & !2 == b'\\';
    (byte == 0)
        | (byte >= 0x80)
        | (byte == 0x1b)
        | backslash_or_caret
        | (byte == b'%')
        | (byte == b'&')
        | (byte == b'#')
}

/// The ranges that overlap `start..end`, of ranges in order.
fn overlapping(ranges: &[(usize, usize)], start: usize, end: usize) -> &[(usize, usize)] {
    let ranges = &ranges[ranges.partition_point(|range| range.1 <= start)..];
    &ranges[..ranges.partition_point(|range| range.0 < end)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(chunk: &[u8]) -> Hits {
        let mut hits = Hits::default();
        hits.renew(chunk, |_, _| {});
        hits
    }

    #[test]
    fn every_special_byte_is_found() {
        let plain = |byte: u8| byte.is_ascii() && byte != 0 && byte != 0x1b && !b"\\%&^#".contains(&byte);
        for byte in 0..=u8::MAX {
            for at in [0, 5, 63, 64, 127, 129] {
                let mut chunk = [b'x'; 130];
                chunk[at] = byte;
                assert_eq!(hits(&chunk).of(at, at + 1).may_be_special(), !plain(byte), "{byte} at {at}");
            }
        }
    }

    #[test]
    fn a_part_has_the_hits_that_overlap_it() {
        let hits = Hits { lines: [Vec::new(), vec![(10, 20), (30, 40)], Vec::new()], special: vec![(64, 128)] };
        let text = hits.of(5, 100);
        assert_eq!(text.lines, [&[][..], &[(10, 20), (30, 40)], &[]]);
        assert_eq!([0, 1, 2].map(|set| text.part(5, 10).is_hit_by(set)), [false, true, false]);
        assert_eq!(
            [text.part(0, 5).is_hit(), text.part(0, 6).is_hit(), text.part(15, 25).is_hit()],
            [false, true, false]
        );
        assert_eq!([text.part(0, 59).may_be_special(), text.part(0, 60).may_be_special()], [false, true]);
        assert!(TextHits::ALL.part(7, 8).is_hit() && TextHits::ALL.part(7, 8).may_be_special());
    }
}
