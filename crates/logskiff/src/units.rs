//! Units of durations and sizes.
//!
//! Enters: a duration or a size. Leaves: its shortest text, which `config` reads back.

use std::time::Duration;

/// The units of a duration, in milliseconds.
pub const DURATION_UNITS_MS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// The units of a size, in bytes. `Ki`, `Mi` and `Gi` are Kubernetes' names for `KiB`, `MiB` and `GiB`.
pub const SIZE_UNITS_BYTES: [(&str, u64); 10] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
];

/// A duration in the largest unit that divides it.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let ms = duration.as_millis();
    let unit = DURATION_UNITS_MS.iter().rev().find(|(_, factor)| ms > 0 && ms.is_multiple_of(u128::from(*factor)));
    unit.map_or_else(|| format!("{ms}ms"), |(name, factor)| format!("{}{name}", ms / u128::from(*factor)))
}

/// A size in the largest binary unit that divides it.
#[must_use]
pub fn bytes_text(bytes: usize) -> String {
    let binary = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = binary.iter().find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
    unit.map_or_else(|| format!("{bytes}B"), |(name, factor)| format!("{}{name}", bytes / factor))
}
