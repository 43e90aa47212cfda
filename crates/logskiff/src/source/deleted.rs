//! Deleted files that are open: they stay on the disk, where no limit of the volume's counts them.
//!
//! Enters: how much of the disk they may take, and which are settled. Leaves: how much they take, and which have to go. What is settled goes
//! first, then what a compressed copy is known of, then what was longest without a write.

use std::collections::HashMap;
use std::time::Instant;

use super::lost_files::LostFile;
use super::tracked_file::{Displaced, Phase};
use super::{FileSource, TrackedFile};
use event::{CheckpointEntry, FileId};

/// Deleted files take no more than this part of a volume in memory: the application pays for it, and needs room for what it writes.
const MEMORY_SHARE: u64 = 4;

/// How much deleted files may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletedBound {
    /// On all volumes together.
    pub bytes: u64,
    /// The machine's memory.
    pub machine_bytes: u64,
    /// The memory limit of this container, which is of the pod's kind where that of the application cannot be seen.
    pub limit_bytes: Option<u64>,
}

impl DeletedBound {
    /// The bound on a volume in memory of this size. One that has no size of its own is said to be as large as half of the machine's memory
    /// or more, which says nothing of the pod's: there this container's limit counts as well.
    #[must_use]
    pub fn in_memory(&self, size_bytes: u64) -> u64 {
        let has_own_size = (1..self.machine_bytes / 2).contains(&size_bytes);
        let most = if has_own_size { None } else { self.limit_bytes };
        let share = if size_bytes == 0 { self.machine_bytes } else { size_bytes } / MEMORY_SHARE;
        share.min(most.unwrap_or(u64::MAX)).min(self.bytes)
    }
}

/// What deleted files of an input take that are not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeletedOpen {
    /// Of the disk.
    pub bytes: u64,
    /// With those of other inputs that one bound counts together, and that bound: the one that is nearest.
    pub of: Option<(u64, u64)>,
}

/// What became of a file that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// A compressed copy of it was seen, and is read in its place.
    Copied,
    /// Nothing more of it can be read.
    Gone,
}

/// The deleted files of one volume.
#[derive(Clone, Copy, Debug, Default)]
struct Volume {
    bytes: u64,
    /// Where it lies in memory.
    bound: Option<u64>,
}

impl FileSource {
    /// Bounds what deleted files take of the disk.
    pub fn set_deleted_bound(&mut self, bound: Option<DeletedBound>) {
        self.deleter.bound = bound;
    }

    /// The bound that holds for a volume; `memory_bytes` is the size of one in memory.
    #[must_use]
    pub fn deleted_bound(&self, memory_bytes: Option<u64>) -> Option<u64> {
        self.deleter.bound.map(|bound| memory_bytes.map_or(bound.bytes, |size| bound.in_memory(size)))
    }

    fn deleted_files(&self) -> impl Iterator<Item = &TrackedFile> {
        self.files().filter(|file| {
            file.placement.phase == Phase::Deleted && !file.handle.is_stream() && file.seen.disk_bytes > 0
        })
    }

    /// How much these take on each device.
    fn volumes<'f>(&self, files: impl Iterator<Item = &'f TrackedFile>) -> HashMap<u64, Volume> {
        let mut volumes: HashMap<u64, Volume> = HashMap::new();
        for file in files {
            let bound = || file.handle.memory_volume_bytes().and_then(|size| self.deleted_bound(Some(size)));
            let volume = volumes.entry(file.inode.device).or_insert_with(|| Volume { bytes: 0, bound: bound() });
            volume.bytes += file.seen.disk_bytes;
        }
        volumes
    }

    /// By input, what deleted files take that are not settled.
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

    /// The deleted files that have to go, so that the others are within the bound.
    #[must_use]
    pub fn deleted_surplus(&self, is_settled: impl Fn(FileId) -> bool) -> Vec<FileId> {
        let Some(bound) = self.deleter.bound else { return Vec::new() };
        // A copy of one that was just deleted is seen by the look that is due.
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

    /// Closes a deleted file that is not settled; `settled_bytes` beyond its position are settled all the same. Its number is kept until what
    /// is out is settled.
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

    /// Whether a file can be read no more, and has its number still.
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
    fn a_volume_in_memory_has_a_bound_of_its_own() {
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
