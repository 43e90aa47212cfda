//! Which partition a key belongs to.
//!
//! Enters: a key, and the number of its topic's partitions. Leaves: the partition. The functions are those of Kafka's
//! Java clients and of librdkafka, so that other producers put the same key into the same partition.

use flate2::Crc;

/// The function from keys to partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioner {
    /// As Java producers and Kafka Streams.
    Murmur2,
    /// As librdkafka's `consistent_random`.
    Crc32,
}

impl Partitioner {
    /// The partition of a key, below `partitions`.
    #[must_use]
    pub fn partition(self, key: &[u8], partitions: u32) -> u32 {
        let hash = match self {
            Self::Murmur2 => murmur2(key) & 0x7fff_ffff,
            Self::Crc32 => {
                let mut crc = Crc::new();
                crc.update(key);
                crc.sum()
            }
        };
        hash % partitions.max(1)
    }

    /// The name of the same function in librdkafka, which chooses while the number of partitions is not known.
    #[must_use]
    pub fn property(self) -> &'static str {
        match self {
            Self::Murmur2 => "murmur2_random",
            Self::Crc32 => "consistent_random",
        }
    }
}

/// `org.apache.kafka.common.utils.Utils.murmur2`: `MurmurHash` 2 by Austin Appleby, with Kafka's seed.
#[must_use]
pub fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const MIX: u32 = 0x5bd1_e995;
    let scramble = |word: u32| {
        let word = word.wrapping_mul(MIX);
        (word ^ (word >> 24)).wrapping_mul(MIX)
    };
    // Java's arrays are not longer than this either.
    let mut hash = SEED ^ u32::try_from(key.len()).unwrap_or(u32::MAX);
    let (words, rest) = key.as_chunks::<4>();
    for word in words {
        hash = hash.wrapping_mul(MIX) ^ scramble(u32::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(MIX);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MIX);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of Kafka's own test, `UtilsTest.testMurmur2`.
    #[test]
    fn murmur2_is_kafka_s() {
        let cases: [(&[u8], i32); 7] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
            (b"", 275_646_681),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key).cast_signed(), hash, "{}", key.escape_ascii());
        }
    }

    /// Goal: what librdkafka would choose, which does so while the number of partitions is not known.
    #[test]
    #[allow(unsafe_code, reason = "these functions of librdkafka read nothing but the key")]
    fn keys_go_where_librdkafka_puts_them() {
        use rdkafka::bindings::{rd_kafka_msg_partitioner_consistent, rd_kafka_msg_partitioner_murmur2};
        let mut key = Vec::new();
        for length in 0..300_u32 {
            key.push((length.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]);
            for partitions in [1, 2, 3, 30, 1_000] {
                let none = std::ptr::null_mut::<std::ffi::c_void>();
                let count = i32::try_from(partitions).unwrap();
                // SAFETY: the key is valid for its length, and nothing else is read.
                let wants = unsafe {
                    [
                        rd_kafka_msg_partitioner_murmur2(
                            none.cast(),
                            key.as_ptr().cast(),
                            key.len(),
                            count,
                            none,
                            none,
                        ),
                        rd_kafka_msg_partitioner_consistent(
                            none.cast(),
                            key.as_ptr().cast(),
                            key.len(),
                            count,
                            none,
                            none,
                        ),
                    ]
                };
                let is = [Partitioner::Murmur2, Partitioner::Crc32].map(|by| by.partition(&key, partitions));
                assert_eq!(is.map(|partition| i32::try_from(partition).unwrap()), wants, "{partitions}, {key:?}");
            }
        }
    }
}
