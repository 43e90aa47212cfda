//! Recognizes what is copied to the end of an open rotated file: `cat app.log >> app.log.1; : > app.log`.
//!
//! Enters: a rotated file with unread bytes. Leaves: whether it can be read now, and from which offset. Where the bytes
//! may be a copy, the file waits with its handle open, so nothing is lost.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::content::Content;
use super::copies::COPIED_BYTES_MIN;
use super::discovery::{Candidate, FoundFile};
use super::replaced::ContentFrom;
use super::{COPY_PATIENCE, Event, FileSource, LostFile, Phase, TrackedFile, fingerprint};
use event::{Boundary, FileId, Inode, Span, Watermark};

/// A file is emptied after it was copied. Polls may see that in another order, within this time.
const ORDER_SLACK: Duration = Duration::from_secs(1);

/// A file that may hold another's bytes.
#[derive(Debug, Default)]
pub(super) struct RotatedName {
    /// Its present name, if that may be the name of a rotated file.
    name: Option<PathBuf>,
    /// The names that it may have had before.
    origins: Vec<PathBuf>,
    /// Its unread bytes, and since when.
    grown: Option<(Span, Instant)>,
}

/// Bytes at the end of a file, which may come from another file.
struct Appended<'f> {
    file: &'f TrackedFile,
    unread: Span,
    /// When the file was first seen with them.
    since: Instant,
}

/// What they are.
enum Found {
    /// Not known: they have to be read.
    Own,
    /// They may be a copy.
    Waiting,
    /// A copy of this many bytes. If they come from a file that exists no longer, its inode.
    Copied(u64, Option<Inode>),
}

impl FileSource {
    /// Notes under which rotated names the open files were found.
    pub(super) fn note_rotated_names(&mut self, candidates: &[FoundFile], seen: &HashMap<Inode, usize>) {
        for file in self.table.iter_mut().filter(|file| matches!(file.handle, Content::Plain(_))) {
            let here = seen.get(&file.inode).map(|at| &candidates[*at].found);
            let is_rotated = |here: &&Candidate| here.path != file.path || here.is_marked();
            let here = here.filter(is_rotated);
            let (name, known) = (here.map(|here| &here.path), &mut file.seen.rotated_name);
            if known.name.as_ref() != name {
                known.name = name.cloned();
                known.origins = here.iter().flat_map(|here| here.all_origins()).cloned().collect();
            }
        }
    }

    /// Skips unread bytes that are a copy of another file's. Returns whether the file can be read now.
    pub(super) fn resolve_appended(&mut self, id: FileId, now: Instant, events: &mut Vec<Event>) -> bool {
        let Some(file) = self.table.get_mut(id).filter(|file| file.seen.rotated_name.name.is_some()) else {
            return true;
        };
        let at = file.position();
        let unread = Span { start: at.offset, end: file.handle.length().unwrap_or(0) };
        if file.placement.phase == Phase::Deleted || at.boundary != Boundary::LineStart || unread.end <= unread.start {
            return true;
        }
        let since = match file.seen.rotated_name.grown {
            Some((grown, since)) if grown == unread => since,
            _ => now,
        };
        file.seen.rotated_name.grown = Some((unread, since));
        match self.find_appended(id, unread, since, now) {
            Found::Own => true,
            Found::Waiting => false,
            Found::Copied(bytes, lost) => self.skip_copied(id, at.offset + bytes, lost, now, events),
        }
    }

    fn find_appended(&self, id: FileId, unread: Span, since: Instant, now: Instant) -> Found {
        let Some(file) = self.file(id) else { return Found::Own };
        let length = unread.bytes();
        let appended = Appended { file, unread, since };
        if let Some(lost) =
            self.index.lost.iter().filter(|lost| appended.holds_lost(lost)).max_by_key(|lost| read(lost))
        {
            // If its bytes are not acknowledged yet, this file may be the only one that holds them.
            return if lost.is_settled { Found::Copied(read(lost), Some(lost.entry.inode)) } else { Found::Waiting };
        }
        let related = || self.files().filter(|other| appended.is_related(other.inode, &other.path));
        let waits = now.saturating_duration_since(since) < COPY_PATIENCE;
        let of = related().find(|other| appended.is_held_by(other));
        if let Some(of) = of.filter(|of| length >= COPIED_BYTES_MIN || length == of.seen.size) {
            if waits {
                return Found::Waiting;
            }
            let is_proved = length >= COPIED_BYTES_MIN && of.is_settled_to(length) && appended.ends_a_line();
            return if is_proved { Found::Copied(length, None) } else { Found::Own };
        }
        let is_emptied = |other: &TrackedFile| other.is_being_cut() && other.begins_like(&file.handle, unread.start);
        if waits && related().any(is_emptied) { Found::Waiting } else { Found::Own }
    }

    /// Moves a file's position to `to`: the bytes before it are another file's. Returns whether it can be read now.
    fn skip_copied(&mut self, id: FileId, to: u64, lost: Option<Inode>, now: Instant, events: &mut Vec<Event>) -> bool {
        let at = Watermark { offset: to, boundary: Boundary::LineStart };
        let Some(file) = self.table.get_mut(id) else { return false };
        // Its account in the ledger begins again.
        if !file.is_settled() {
            return false;
        }
        let (from, end) = (file.position().offset, file.handle.length().unwrap_or(0));
        if file.skip_to(at, now).is_err() {
            return true;
        }
        events.push(Event::Opened(id, at.into()));
        let of_lost = |of: &&mut LostFile| Some(of.entry.inode) == lost && read(of) == to - from;
        if let Some(of) = self.index.lost.iter_mut().find(of_lost)
            && of.entry.writes.size <= end - from
        {
            // The rest of it is read from this file.
            of.entry.writes.size = to - from;
        }
        end > to
    }

    /// Whether an open file was emptied after it was copied to the end of a found file, and no poll has seen that yet.
    pub(super) fn is_source_being_cut(&self, found: &Candidate, handle: &Content, from: u64) -> bool {
        let related = |file: &TrackedFile| file.inode != found.inode && found.rotated_from(&file.path);
        self.files().any(|file| related(file) && file.is_being_cut() && file.begins_like(handle, from))
    }
}

/// How many bytes of a lost file need not be read again.
fn read(lost: &LostFile) -> u64 {
    lost.entry.fingerprint.offset.min(lost.entry.offset)
}

impl Appended<'_> {
    fn is_related(&self, inode: Inode, path: &Path) -> bool {
        let mut origins = self.file.seen.rotated_name.origins.iter();
        inode != self.file.inode && origins.any(|origin| origin.as_os_str() == path.as_os_str())
    }

    /// Whether they are what was read of a file that was emptied. They were there before.
    fn holds_lost(&self, lost: &LostFile) -> bool {
        let print = &lost.entry.fingerprint;
        lost.id.is_some()
            && (1..=self.unread.bytes()).contains(&print.offset)
            && self.since <= lost.since + ORDER_SLACK
            && self.is_related(lost.entry.inode, &lost.entry.path)
            && fingerprint::matches_from(&self.file.handle, self.unread.start, print).unwrap_or(false)
    }

    fn is_held_by(&self, other: &TrackedFile) -> bool {
        let content = ContentFrom { content: &self.file.handle, offset: self.unread.start };
        !self.file.handle.is_older_than(&other.handle)
            && other.begins_like(&self.file.handle, self.unread.start)
            && other.begins_with(content, self.unread.bytes()).unwrap_or(false)
    }

    fn ends_a_line(&self) -> bool {
        let end = fingerprint::read_at(&self.file.handle, self.unread.end - 1, 1);
        end.is_ok_and(|end| end == b"\n")
    }
}

impl TrackedFile {
    /// Whether it is shorter than what was read of it, and no poll has seen that yet.
    fn is_being_cut(&self) -> bool {
        !self.is_cut()
            && matches!(self.handle, Content::Plain(_))
            && self.handle.length().is_ok_and(|length| length < self.position().offset)
    }

    /// Whether the first bytes that it had follow `from` in another file.
    fn begins_like(&self, other: &Content, from: u64) -> bool {
        let bytes = fingerprint::read_at(other, from, self.head().len());
        bytes.is_ok_and(|bytes| !bytes.is_empty() && self.head().starts_with(&bytes))
    }
}
