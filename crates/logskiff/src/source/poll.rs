//! Polls the open files: which of them have unread bytes.

use std::path::Path;
use std::time::{Duration, Instant};

use super::tracked_file::{Phase, PollResult};
use super::{Event, FileSource, Polled, TrackedFile, fingerprint};
use event::{FileId, Watermark};

/// Up to this many files are polled in every pass.
const FEW_FILES: usize = 32;
/// With more files, polling all of them is followed by a pause of this many times its duration. During the pause only
/// files with unread bytes are polled.
const PAUSE_TIMES: u32 = 50;
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_millis(100);

impl FileSource {
    /// Polls the open files.
    pub fn poll(&mut self, now: Instant) -> Polled {
        let mut events = Vec::new();
        self.unpack(&mut events);
        // While one file is read at full speed, there is a poll for each batch.
        let pauses = now < self.schedule.poll_all_at && self.files().any(TrackedFile::has_more);
        let mut ready = self.poll_files(now, pauses, &mut events);
        let live = |id: &FileId| self.file(*id).is_some_and(|file| file.placement.phase == Phase::Live);
        ready.sort_by_key(live);
        Polled { ready, events }
    }

    /// Returns the files that may have unread bytes. `pauses`: polls only files that are known to have such bytes.
    pub(super) fn poll_files(&mut self, now: Instant, pauses: bool, events: &mut Vec<Event>) -> Vec<FileId> {
        let mut ready = Vec::new();
        self.schedule.polled_at = now;
        let began = Instant::now();
        let (mut broken, mut truncated) = (Vec::new(), Vec::new());
        for file in self.table.iter_mut().filter(|file| !pauses || file.has_more()) {
            let lost_bytes = file.seen.lost_bytes;
            let phase = file.placement.phase;
            match file.poll(now) {
                Ok(PollResult::Changed) => ready.push(file.id),
                Ok(PollResult::Unchanged) => {}
                Ok(PollResult::Truncated) => truncated.push((file.id, None)),
                Ok(PollResult::Rewritten) => truncated.push((file.id, Some(Watermark::default()))),
                Err(error) => broken.push((file.path.clone(), error.to_string())),
            }
            if file.seen.lost_bytes > lost_bytes {
                events.push(Event::Lost(file.path.clone(), file.seen.lost_bytes - lost_bytes));
            }
            self.schedule.reconcile_due |= file.placement.phase != phase;
            broken.extend(file.problem().map(|why| (file.path.clone(), why.to_owned())));
        }
        if !pauses && self.table.files.len() > FEW_FILES {
            self.schedule.pause_polling(now, (began.elapsed() * PAUSE_TIMES).min(PAUSE_MAX));
        }
        for (path, error) in broken {
            self.refuse(path, &error, events);
        }
        for (id, at) in truncated {
            ready.extend(self.begin_at(id, at, now, events));
        }
        ready.retain(|id| self.resolve_appended(*id, now, events));
        ready
    }

    /// Notes that the file at `path` was written to. If it looks unchanged, it was rewritten with the same bytes.
    pub fn note_write(&mut self, path: &Path) {
        if let Ok(metadata) = path.symlink_metadata()
            && let Some(file) = self.open_mut(fingerprint::inode_from_metadata(&metadata))
        {
            file.note_write();
        }
    }

    /// The next poll treats every file with unread bytes as changed: an incomplete last line is no longer waited for.
    pub fn recheck_unread(&mut self) {
        self.schedule.poll_all_at = self.schedule.polled_at;
        self.table.iter_mut().for_each(TrackedFile::recheck_unread);
    }
}
