//! Why files that exist are not read.
//!
//! Input: the files that the last check found, and refusals since. Output: for each file that waits, is left out or is
//! refused, the reason. Some are named, all are counted. No reason contains text of a line.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::discovery::{Candidate, Class, FoundFile, REFUSED_MAX};
use super::open_beneath::UNREADABLE;
use super::{ClosedFile, Event, FileSource, protected, quiet_files, replaced, walk};

/// This many files of each kind are named. The others are only counted.
/// Why a file is left out that no glob matches, and that is no rotated copy of a log.
pub(super) const NOT_NAMED: &str =
    "its name is that of a rotated file, and no glob names it; if it is a log of its own, add it to the paths";

/// Why a file is left out whose log a glob names.
pub(super) const NOT_ROTATED: &str =
    "its name is that of a rotated file, but it is older than logskiff, or its log was followed and not rotated";

pub(super) const PACKED: &str = "compressed, but not with gzip: it is not read";

const NAMED_MAX: usize = 100;

/// What happens to a file that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It waits, and each check examines it again.
    Held,
    /// It is left out.
    Skipped,
    /// It cannot be read, or must not be.
    Refused,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Held, Self::Skipped, Self::Refused];

    /// The name in the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
        }
    }
}

/// A file that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The number of its input, if known.
    pub input: Option<usize>,
    /// Its path as it was found.
    pub path: PathBuf,
    /// What happens to it.
    pub verdict: Verdict,
    /// The reason.
    pub why: String,
}

/// The files that are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnreadFiles {
    /// Some of them.
    pub named: Vec<Unread>,
    /// How many there are of each verdict, by its number.
    pub counts: [u64; Verdict::ALL.len()],
}

impl UnreadFiles {
    fn add(&mut self, verdict: Verdict, file: impl FnOnce() -> (Option<usize>, PathBuf, String)) {
        let count = &mut self.counts[verdict as usize];
        *count += 1;
        if *count <= NAMED_MAX as u64 {
            let (input, path, why) = file();
            self.named.push(Unread { input, path, verdict, why });
        }
    }
}

/// A file that cannot be read, or is left out.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The reason that was logged.
    pub(super) why: String,
    /// The check of the directories that last found it.
    pub(super) round: u64,
    /// Its input and its size in bytes, if that check saw them.
    pub(super) seen: Option<(usize, u64)>,
}

const TOO_MANY_OPEN: &str = "too many files are open; it is read once another file is closed";
const SOURCE: &str = "the original file is still open, and is read from there";
const COPY: &str = "all its bytes are those of a file that is still open, and is read from there";
const FRESH_GZIP: &str = "a compressed file whose original was never seen: it is read once it has been still for 10 s";
const REPLACES: &str =
    "it may be an incomplete copy, or an incomplete new file of the same log: logskiff waits until it is complete";
const MAY_BE_COPY: &str =
    "it may be an incomplete copy, or its rotation is not seen yet: logskiff waits until that is known";
const SHIPPED: &str = "its content is shipped already, or existed before logskiff";
const NOT_OURS: &str = "a copy of a shipped file, or it existed before logskiff";
/// Reasons of files that are left out. All other reasons are errors.
const LEFT_OUT: [&str; 7] =
    [NOT_NAMED, NOT_ROTATED, PACKED, quiet_files::TOO_MANY, replaced::OVERWRITTEN, protected::OWN, walk::HIDDEN];

/// The files that cannot be read, or are left out.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    pub(super) refused: HashMap<PathBuf, Refusal>,
    /// The files that the last check of the directories found and did not open, and why.
    pub(super) unread: UnreadFiles,
    /// How many checks of the directories there were.
    pub(super) round: u64,
}

impl Refusals {
    /// Notes that a file cannot be read, or is left out. Returns the event to log, once for each reason.
    fn refuse(&mut self, path: PathBuf, why: &str) -> Option<Event> {
        if self.refused.len() >= REFUSED_MAX {
            // Names that appear and disappear are not remembered for ever. Those that still exist are logged again.
            self.refused.clear();
        }
        let round = self.round;
        match self.refused.get_mut(&path) {
            Some(refusal) if refusal.why == why => {
                refusal.round = round;
                None
            }
            _ => {
                self.refused.insert(path.clone(), Refusal { why: why.to_owned(), round, seen: None });
                Some(Event::Refused(path, why.to_owned()))
            }
        }
    }

    /// Whether the last check of the directories refused a file.
    fn is_refused(&self, path: &Path) -> bool {
        self.refused.get(path).is_some_and(|refusal| refusal.round == self.round)
    }
}

impl FileSource {
    /// The files that are not read, and why.
    #[must_use]
    pub fn unread_files(&self) -> UnreadFiles {
        let mut files = self.refusals.unread.clone();
        let mut refused: Vec<(&PathBuf, &Refusal)> =
            self.refusals.refused.iter().filter(|(_, refusal)| refusal.round == self.refusals.round).collect();
        refused.sort_unstable_by_key(|(path, _)| *path);
        for (path, Refusal { why, seen, .. }) in refused {
            let verdict = if is_left_out(why) { Verdict::Skipped } else { Verdict::Refused };
            files.add(verdict, || (seen.map(|(input, _)| input), path.clone(), why.clone()));
        }
        files.counts[Verdict::Held as usize] += self.not_offered() as u64;
        // One of these is named.
        files.counts[Verdict::Skipped as usize] += self.left_out_files().saturating_sub(1) as u64;
        files
    }

    /// The files of an input whose permissions do not let logskiff read them: how many, and their bytes.
    #[must_use]
    pub fn unreadable(&self, input: usize) -> (u64, u64) {
        let round = self.refusals.round;
        let unreadable =
            self.refusals.refused.values().filter(|refusal| refusal.round == round && refusal.why == UNREADABLE);
        let of_input = unreadable.filter_map(|refusal| refusal.seen).filter(|(of, _)| *of == input);
        of_input.fold((0, 0), |(files, bytes), (_, size)| (files + 1, bytes + size))
    }

    /// Notes that a file cannot be read, or is left out. Each reason is an event once.
    pub(super) fn refuse(&mut self, path: PathBuf, why: &str, events: &mut Vec<Event>) {
        events.extend(self.refusals.refuse(path, why));
    }

    /// Forgets a refusal: the file can be read.
    pub(super) fn clear_refusal(&mut self, path: &Path) {
        self.refusals.refused.remove(path);
    }

    /// Notes why found files are not read. Refusals are noted already.
    pub(super) fn note_unread(&mut self, candidates: &[FoundFile]) {
        if !self.refusals.refused.is_empty() {
            for FoundFile { input, found } in candidates {
                if let Some(refusal) = self.refusals.refused.get_mut(&found.path) {
                    refusal.seen = Some((*input, found.size));
                }
            }
        }
        let mut files = UnreadFiles::default();
        let open = self.open_inodes();
        for FoundFile { input, found } in
            candidates.iter().filter(|FoundFile { found, .. }| !open.contains(&found.inode))
        {
            // Most files have no reason: their names are not compared.
            if let Some((verdict, why)) = self.why_unread(found)
                && !self.refusals.is_refused(&found.path)
            {
                files.add(verdict, || (Some(*input), found.path.clone(), why.to_owned()));
            }
        }
        self.refusals.unread = files;
    }

    fn why_unread(&self, found: &Candidate) -> Option<(Verdict, &str)> {
        if self.open_limit.waiting.contains_key(&found.inode) {
            return Some((Verdict::Held, TOO_MANY_OPEN));
        }
        if self.index.copies.contains_key(&found.inode) {
            return Some((Verdict::Held, COPY));
        }
        // A file that became known no longer waits. Another file may have its inode since.
        let is_same = |closed: &&ClosedFile| closed.changed == Some(found.changed) && closed.entry.offset == found.size;
        let Some(closed) = self.index.closed.get(&found.inode).filter(is_same) else {
            let why = match found.class {
                Class::Gzip(_) if self.pending.waiting.contains_key(&found.inode) => FRESH_GZIP,
                Class::Gzip(_) if found.size > 0 => SOURCE,
                Class::Match if self.pending.waiting.contains_key(&found.inode) => REPLACES,
                _ if self.pending.waiting.contains_key(&found.inode) => MAY_BE_COPY,
                _ => return None,
            };
            return Some((Verdict::Held, why));
        };
        // A log that was read and closed is known by the name that it had before its rotation.
        if found.class == Class::Match || closed.entry.path != found.path {
            return None;
        }
        let logged =
            self.refusals.refused.get(&found.path).map(|refusal| refusal.why.as_str()).filter(|why| is_left_out(why));
        let usual = if matches!(found.class, Class::Gzip(_)) {
            Some(SHIPPED)
        } else {
            (!closed.entry.read_from_start).then_some(NOT_OURS)
        };
        Some((Verdict::Skipped, logged.or(usual)?))
    }
}

fn is_left_out(why: &str) -> bool {
    LEFT_OUT.iter().any(|left_out| why.starts_with(left_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_files_are_forgotten() {
        let mut refusals = Refusals::default();
        for name in 0..3 * REFUSED_MAX {
            refusals.refuse(format!("{name}.log").into(), "a symbolic link");
        }
        assert!(refusals.refused.len() <= REFUSED_MAX);
        assert!(refusals.refuse("0.log".into(), "a symbolic link").is_some());
        assert!(refusals.refuse("0.log".into(), "a symbolic link").is_none(), "each is logged once");
    }
}
