//! Input: the container's memory limit. Output: the default limit of bytes in flight.

/// With less, reading waits for every round trip to the broker.
const BUDGET_BYTES_MIN: u64 = 512 << 10;

/// The default limit, lowered to a sixth of the memory limit if that is less.
pub(super) fn budget_bytes(default_bytes: usize, limit_bytes: Option<u64>) -> usize {
    let Some(limit_bytes) = limit_bytes else { return default_bytes };
    // An output may take twice as much for a moment, and the program itself needs some.
    let share = usize::try_from((limit_bytes / 6).max(BUDGET_BYTES_MIN)).unwrap_or(usize::MAX);
    share.min(default_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_a_sixth_of_a_small_limit() {
        let default_bytes = 6 << 20;
        assert_eq!(budget_bytes(default_bytes, None), default_bytes);
        assert_eq!(budget_bytes(default_bytes, Some(u64::MAX)), default_bytes);
        assert_eq!(budget_bytes(default_bytes, Some(64 << 20)), default_bytes);
        assert_eq!(budget_bytes(default_bytes, Some(12 << 20)), 2 << 20);
        assert_eq!(budget_bytes(default_bytes, Some(1 << 20)), 512 << 10);
    }
}
