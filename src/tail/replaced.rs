//! What became of a file's content: another file in its place that holds it, or other bytes in the same file.
//!
//! Enters: open files, and what is found under their names. Leaves: from where on what is there now is new. What is not proved to be
//! the same is read from its start.

use std::io;
use std::time::Instant;

use super::content::Content;
use super::discover::{Candidate, Class};
use super::file::Displaced;
use super::{Known, Phase, Tail, TailFile, identity};

/// As much of two files is compared at their starts, and as much before an offset.
const COMPARED_BYTES: usize = 64 * 1024;

/// So much of a file's start tells whether it is text.
const TOLD_BY_BYTES: usize = 1024;

pub(super) const OVERWRITTEN: &str = "a rotated file that was overwritten; what stands in it now is no log";

/// What a file is that stands under the name of one that was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replacement {
    /// It holds what the other held, and goes on behind this offset.
    From(u64),
    /// It is being written, or the other is not read to its end yet.
    Unready,
}

impl Tail {
    /// Whether a file is the same log in a new file, as `rsync`, `sed -i` and `kubectl cp` make it.
    pub(super) fn replacement(&mut self, found: &Candidate, handle: &Content, now: Instant) -> Option<Replacement> {
        let replaced = |file: &&TailFile| {
            file.path == found.path && file.phase == Phase::Deleted && !file.handle.is_stream() && file.at().offset > 0
        };
        let former = { self.files() }.filter(replaced).max_by_key(|file| file.changed_at)?;
        let (whole, read) = (former.handle.length().ok()?, former.at());
        let here = handle.length().ok()?;
        if here == 0 || !begin_alike(&former.handle, handle, here.min(whole)).unwrap_or(false) {
            return None;
        }
        if here < whole {
            return self.waits(found, now).then_some(Replacement::Unready);
        }
        Some(if read.offset < whole { Replacement::Unready } else { Replacement::From(read.offset) })
    }

    /// Whether a file that was read and closed under a rotated name holds other bytes now, which are neither a copy that is
    /// awaited nor text: `shred` writes such before it deletes. A new file may have got the inode: the birth time tells.
    pub(super) fn overwritten(&mut self, input: usize, found: &Candidate, handle: &Content) -> bool {
        let Some(Known { mark, .. }) = self.known.get(&found.inode) else { return false };
        let same_file = handle.birth() != (0, 0)
            && identity::origin(&self.scope, handle, found.inode, mark.incarnation) == mark.origin;
        if found.class == Class::Match || found.size < mark.offset || !same_file || is_text(handle) {
            return false;
        }
        let whole = mark.whole;
        self.know(input, found, handle, whole);
        self.refuse(found.path.clone(), OVERWRITTEN);
        true
    }
}

impl TailFile {
    /// Whether the file begins with all that `other` holds.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(super) fn begins_with(&self, other: &Content) -> io::Result<bool> {
        let length = other.length()?;
        Ok(length <= self.handle.length()? && begin_alike(&self.handle, other, length)?)
    }

    /// Whether a file that does not hold what was read of it was overwritten after its rotation, and not begun anew.
    pub(super) fn is_overwritten(&self) -> bool {
        let is_shorter = self.handle.length().is_ok_and(|length| length < self.at().offset);
        self.displaced != Displaced::No && !is_shorter
    }
}

/// Whether a file begins with what may be a log. A program may write one anew in the file of a rotated one.
fn is_text(file: &Content) -> bool {
    let Ok(start) = identity::read_at(file, 0, TOLD_BY_BYTES) else { return true };
    // A character may be cut in two.
    let is_utf8 = std::str::from_utf8(&start).map_or_else(|error| error.error_len().is_none(), |_| true);
    is_utf8 && !start.contains(&0)
}

/// Whether two files hold the same bytes at their starts and before `end`.
fn begin_alike(one: &Content, other: &Content, end: u64) -> io::Result<bool> {
    let start = usize::try_from(end).unwrap_or(usize::MAX).min(COMPARED_BYTES);
    for at in [0, end - start as u64] {
        if identity::read_at(one, at, start)? != identity::read_at(other, at, start)? {
            return Ok(false);
        }
    }
    Ok(true)
}
