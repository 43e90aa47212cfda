//! Sets of bytes, and how rare they are in logs.

use std::ops::RangeInclusive;

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    /// The set of one byte.
    pub(super) fn of(byte: u8) -> Self {
        Self::range(byte..=byte)
    }

    pub(super) fn range(bytes: RangeInclusive<u8>) -> Self {
        let mut set = Self::default();
        set.add(bytes);
        set
    }

    pub(super) fn add(&mut self, bytes: RangeInclusive<u8>) {
        for (at, word) in self.0.iter_mut().enumerate() {
            let bit = |byte: u8| usize::from(byte).checked_sub(at * 64);
            let first = bit(*bytes.start()).unwrap_or(0);
            if let Some(last) = bit(*bytes.end()).map(|last| last.min(63))
                && first <= last
            {
                *word |= (u64::MAX >> (63 - last)) & (u64::MAX << first);
            }
        }
    }

    /// Removes a byte; returns whether the set contained it.
    pub(super) fn remove(&mut self, byte: u8) -> bool {
        let had = self.contains(byte);
        self.0[usize::from(byte / 64)] &= !(1 << (byte % 64));
        had
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte / 64)] & 1 << (byte % 64) != 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    /// The bytes as ranges, in order.
    pub(super) fn ranges(&self) -> Vec<RangeInclusive<u8>> {
        let mut ranges: Vec<RangeInclusive<u8>> = Vec::new();
        for (word, first) in self.0.into_iter().zip([0_u8, 64, 128, 192]) {
            let (mut rest, mut at) = (word, 0);
            while rest != 0 {
                let start = at + rest.trailing_zeros();
                let length = (word >> start).trailing_ones();
                at = start + length;
                rest = word.checked_shr(at).unwrap_or(0);
                let [start, end] = [start, at - 1].map(|bit| first + u8::try_from(bit).unwrap_or(63));
                match ranges.last_mut() {
                    Some(last) if last.end().checked_add(1) == Some(start) => *last = *last.start()..=end,
                    _ => ranges.push(start..=end),
                }
            }
        }
        ranges
    }

    /// How rare its bytes are in logs, in bits: 1 for a set of half of them.
    pub(super) fn bits(&self) -> f64 {
        let mut sum = 0;
        for (at, mut word) in self.0.into_iter().enumerate() {
            while word != 0 {
                sum += u32::from(WEIGHT[at * 64 + word.trailing_zeros() as usize]);
                word &= word - 1;
            }
        }
        -(f64::from(sum) / f64::from(WEIGHTS)).log2()
    }
}

/// The sum of all weights.
const WEIGHTS: u32 = 11_743;

/// How many of [`WEIGHTS`] bytes of logs are each one, about.
const WEIGHT: [u16; 256] = {
    let (mut all, mut byte) = ([0; 256], 0_u8);
    while byte < u8::MAX {
        all[byte as usize] = weight(byte);
        byte += 1;
    }
    all[u8::MAX as usize] = weight(u8::MAX);
    all
};

const fn weight(byte: u8) -> u16 {
    match byte {
        b' ' => 900,
        b'0'..=b'2' => 350,
        b'e' => 550,
        b'a' | b'i' | b'n' | b'o' | b'r' | b's' | b't' => 380,
        b'3'..=b'9' | b'c' | b'd' | b'l' | b'm' | b'p' | b'u' => 200,
        b'b' | b'f' | b'g' | b'h' | b'k' | b'v' | b'w' | b'y' => 90,
        b'j' | b'q' | b'x' | b'z' => 20,
        b'"' | b',' | b'-' | b'.' | b'/' | b':' | b'=' => 170,
        b'(' | b')' | b'[' | b']' | b'_' => 60,
        b'A'..=b'Z' => 35,
        0x21..=0x7e => 15,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_a_share() {
        assert_eq!(WEIGHT.iter().map(|weight| u32::from(*weight)).sum::<u32>(), WEIGHTS);
        assert!(ByteSet::range(0..=u8::MAX).bits().abs() < 1e-9);
        assert!(ByteSet::default().bits().is_infinite());
    }

    #[test]
    fn ranges_are_the_bytes_of_the_set() {
        let mut set = ByteSet::range(b'a'..=b'f');
        set.add(0xff..=0xff);
        assert!(set.remove(b'c') && !set.remove(b'c'));
        assert_eq!(set.ranges(), [b'a'..=b'b', b'd'..=b'f', 0xff..=0xff]);
        for (start, end) in [(0, 0), (0, 255), (63, 64), (64, 127), (100, 200), (1, 63), (255, 255)] {
            let set = ByteSet::range(start..=end);
            assert_eq!(set.ranges(), [start..=end]);
            assert!((0..=u8::MAX).all(|byte| set.contains(byte) == (start..=end).contains(&byte)));
        }
    }
}
