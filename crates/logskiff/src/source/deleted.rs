//! Deleted files that are still open. They use disk space that no limit of the volume counts.
//!
//! Input: how much disk space they may use, and which are acknowledged. Output: how much they use, and which have to
//! be closed: first acknowledged files, then files with a compressed copy, then those without a write for the longest
//! time.

use std::collections::HashMap;
use std::time::Instant;

use super::lost_files::LostFile;
use super::tracked_file::{Displaced, Phase};
use super::{FileSource, TrackedFile};
use event::{CheckpointEntry, FileId};

/// Deleted files use at most this part of a volume in memory. The application needs the rest for its own writes.
const MEMORY_SHARE: u64 = 4;

/// How much disk space deleted files may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletedBound {
    /// On all volumes together, in bytes.
    pub bytes: u64,
    /// The machine's memory, in bytes.
    pub machine_bytes: u64,
    /// The memory limit of this container, in bytes. It stands for that of the application, which cannot be seen.
    pub limit_bytes: Option<u64>,
}

impl DeletedBound {
    /// The bound on a volume in memory of this size. A volume without a size of its own reports half of the machine's
    /// memory or more, which is not the pod's limit: there this container's limit applies too.
    #[must_use]
    pub fn in_memory(&self, size_bytes: u64) -> u64 {
        let has_own_size = (1..self.machine_bytes / 2).contains(&size_bytes);
        let most = if has_own_size { None } else { self.limit_bytes };
        let share = if size_bytes == 0 { self.machine_bytes } else { size_bytes } / MEMORY_SHARE;
        share.min(most.unwrap_or(u64::MAX)).min(self.bytes)
    }
}

/// How much the unacknowledged deleted files of an input use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeletedOpen {
    /// Bytes on the disk.
    pub bytes: u64,
    /// What the nearest bound counts, together with files of other inputs, and that bound: both in bytes.
    pub of: Option<(u64, u64)>,
}

/// What happens to the bytes of a file that is closed before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// They are read from a compressed copy.
    Copied,
    /// They are lost.
    Gone,
}

/// The deleted files of one volume.
#[derive(Clone, Copy, Debug, Default)]
struct Volume {
    bytes: u64,
    /// Where it is in memory: its bound in bytes.
    bound: Option<u64>,
}

impl FileSource {
    /// Sets how much disk space deleted files may use.
    pub fn set_deleted_bound(&mut self, bound: Option<DeletedBound>) {
        self.deleter.bound = bound;
    }

    /// The bound of a volume in bytes; `memory_bytes` is its size where it is in memory.
    #[must_use]
    pub fn deleted_bound(&self, memory_bytes: Option<u64>) -> Option<u64> {
        self.deleter.bound.map(|bound| memory_bytes.map_or(bound.bytes, |size| bound.in_memory(size)))
    }

    fn deleted_files(&self) -> impl Iterator<Item = &TrackedFile> {
        self.files().filter(|file| {
            file.placement.phase == Phase::Deleted && !file.handle.is_stream() && file.seen.disk_bytes > 0
        })
    }

    /// How much these files use on each device.
    fn volumes<'f>(&self, files: impl Iterator<Item = &'f TrackedFile>) -> HashMap<u64, Volume> {
        let mut volumes: HashMap<u64, Volume> = HashMap::new();
        for file in files {
            let bound = || file.handle.memory_volume_bytes().and_then(|size| self.deleted_bound(Some(size)));
            let volume = volumes.entry(file.inode.device).or_insert_with(|| Volume { bytes: 0, bound: bound() });
            volume.bytes += file.seen.disk_bytes;
        }
        volumes
    }

    /// For each input, how much its unacknowledged deleted files use.
    #[must_use]
    pub fn deleted_open(&self, is_settled: impl Fn(FileId) -> bool) -> Vec<DeletedOpen> {
        let mut by_input = vec![DeletedOpen::default(); self.discovery.inputs.len()];
        let unsettled = || self.deleted_files().filter(|file| !(file.is_at_end() && is_settled(file.id)));
        if unsettled().next().is_none() {
            return by_input;
        }
        let volumes = self.volumes(unsettled());
        let total = (volumes.values().map(|volume| volume.bytes).sum(), self.deleted_bound(None));
        for file in unsettled() {
            let volume = volumes.get(&file.inode.device).map(|volume| (volume.bytes, volume.bound));
            let bounds = [Some(total), volume].into_iter().flatten().filter_map(|(bytes, bound)| Some((bytes, bound?)));
            let open = &mut by_input[file.input];
            open.bytes += file.seen.disk_bytes;
            open.of = open.of.into_iter().chain(bounds).min_by_key(|(bytes, bound)| bound.saturating_sub(*bytes));
        }
        by_input
    }

    /// The deleted files that have to be closed, so that the others are within the bound.
    #[must_use]
    pub fn deleted_surplus(&self, is_settled: impl Fn(FileId) -> bool) -> Vec<FileId> {
        let Some(bound) = self.deleter.bound else { return Vec::new() };
        // The next check of the directories may find a copy of a file that was just deleted.
        if self.schedule.reconcile_due || self.deleted_files().next().is_none() {
            return Vec::new();
        }
        let mut volumes = self.volumes(self.deleted_files());
        let mut total: u64 = volumes.values().map(|volume| volume.bytes).sum();
        let mut files: Vec<&TrackedFile> = self.deleted_files().collect();
        files.sort_by_cached_key(|file| {
            let is_settled = file.is_at_end() && is_settled(file.id);
            (
                !is_settled,
                file.placement.displaced != Displaced::Compressed,
                file.placement.changed_at,
                file.written_at(),
            )
        });
        let mut surplus = Vec::new();
        for file in files {
            let Some(volume) = volumes.get_mut(&file.inode.device) else { continue };
            if total > bound.bytes || volume.bound.is_some_and(|bound| volume.bytes > bound) {
                surplus.push(file.id);
                volume.bytes -= file.seen.disk_bytes;
                total -= file.seen.disk_bytes;
            }
        }
        surplus
    }

    /// Closes a deleted file that is not acknowledged; `settled_bytes` after its position are acknowledged already. Its
    /// number stays in use until the ledger has closed its account.
    pub fn abandon(&mut self, id: FileId, settled_bytes: u64, now: Instant) -> Option<Abandoned> {
        let mut file = self.table.remove(id)?;
        let at = file.position();
        if file.placement.displaced != Displaced::Compressed {
            self.table.retire(id, file.path, at.offset);
            return Some(Abandoned::Gone);
        }
        let fingerprint = file.fingerprint();
        let entry = CheckpointEntry { fingerprint, ..file.checkpoint_entry(at.into()) };
        self.index.lost.push(LostFile { settled_bytes, ..LostFile::from_open(&file, entry, now) });
        self.schedule.reconcile_due = true;
        Some(Abandoned::Copied)
    }

    /// Whether a file is closed for good and its number is still in use.
    #[must_use]
    pub fn is_retired(&self, id: FileId) -> bool {
        self.table.retired(id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_volume_in_memory_has_its_own_bound() {
        #[track_caller]
        fn check(what: &str, limit_mib: Option<u64>, size_mib: u64, expected_mib: u64) {
            let bound = DeletedBound {
                bytes: 1024 * MIB,
                machine_bytes: 16 * 1024 * MIB,
                limit_bytes: limit_mib.map(|limit| limit * MIB),
            };
            assert_eq!(bound.in_memory(size_mib * MIB) / MIB, expected_mib, "{what}");
        }
        check("its own size", Some(64), 256, 64);
        check("its own size, above this container's limit", Some(64), 2_048, 512);
        check("more than the setting", None, 6_000, 1_024);
        check("half of the machine's memory: no size of its own", Some(64), 8 * 1024, 64);
        check("all that pods may have", Some(64), 15 * 1024, 64);
        check("no size, no limit", None, 15 * 1024, 1_024);
        check("mounted without any size", Some(64), 0, 64);
    }
}
