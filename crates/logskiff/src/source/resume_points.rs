//! Offsets that reading has passed, and the bytes before them: if a file's end is rewritten, reading resumes at the
//! last such offset before which nothing changed.
//!
//! Input: the bytes before each position. Output: the last offset with unchanged bytes before it. Only hashes are
//! kept.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use super::content::Content;
use super::fingerprint::{self, BEFORE_BYTES};

/// At most this many points are kept. With more, every other one of the older half is dropped.
const PLACES_MAX: usize = 16;
/// This many line starts are kept of the bytes that were last passed.
const LINES_MAX: usize = 3;
/// This many bytes before a point are compared, if there are as many.
const COMPARED_BYTES: usize = BEFORE_BYTES / 2;

/// The start of a line, and a hash of the bytes before it.
#[derive(Clone, Copy, Debug)]
struct ResumePoint {
    offset: u64,
    bytes: usize,
    hash: u64,
}

/// The points of one file, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct ResumePoints(VecDeque<ResumePoint>);

impl ResumePoints {
    /// Notes that reading is at `offset`, where a line begins; `before` are the bytes before it.
    pub(super) fn note(&mut self, offset: u64, before: &[u8]) {
        let last = before.len().saturating_sub(1);
        let starts = memchr::memrchr_iter(b'\n', &before[..last]).map(|newline| newline + 1);
        let mut rotated_ends: Vec<usize> = starts.take(LINES_MAX - 1).collect();
        rotated_ends.reverse();
        rotated_ends.push(before.len());
        for end in rotated_ends {
            let place = offset - (before.len() - end) as u64;
            let bytes = end.min(COMPARED_BYTES);
            // Too few bytes to identify the point.
            let is_known = self.0.back().is_some_and(|last| last.offset >= place);
            if is_known || (bytes < COMPARED_BYTES && bytes as u64 != place) {
                continue;
            }
            if self.0.len() >= PLACES_MAX {
                let old = PLACES_MAX / 2;
                self.0 = self
                    .0
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| *at >= old || at % 2 == 0)
                    .map(|(_, place)| *place)
                    .collect();
            }
            self.0.push_back(ResumePoint { offset: place, bytes, hash: hash(&before[end - bytes..end]) });
        }
    }

    /// Drops the points after `offset`: reading goes back.
    pub(super) fn go_back(&mut self, offset: u64) {
        self.0.retain(|place| place.offset <= offset);
    }

    /// The last point before which the file is unchanged; `head` are the first bytes that it had.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn last_that_holds(&self, file: &Content, head: &[u8]) -> io::Result<Option<u64>> {
        let start = fingerprint::read_at(file, 0, head.len())?;
        let same_bytes = start.iter().zip(head).take_while(|(here, had)| here == had).count();
        for place in self.0.iter().rev() {
            let begins_alike = same_bytes == head.len() || place.offset <= same_bytes as u64;
            if begins_alike && place.holds(file)? {
                return Ok(Some(place.offset));
            }
        }
        Ok(None)
    }

    /// The last point in a file that became shorter, if all points up to it hold; `head` are the first bytes that it
    /// had.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn last_before_cut(&self, file: &Content, head: &[u8]) -> io::Result<Option<u64>> {
        if fingerprint::read_at(file, 0, head.len())? != head {
            return Ok(None);
        }
        let mut last = None;
        for place in &self.0 {
            if !place.holds(file)? {
                break;
            }
            last = Some(place.offset);
        }
        Ok(last)
    }
}

impl ResumePoint {
    /// Whether the bytes before it are unchanged.
    fn holds(&self, file: &Content) -> io::Result<bool> {
        let before = fingerprint::read_at(file, self.offset - self.bytes as u64, self.bytes)?;
        Ok(before.len() == self.bytes && hash(&before) == self.hash)
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn content(text: &str) -> Content {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Content::Plain(file)
    }

    #[test]
    fn the_last_unchanged_point_is_found() {
        let text: String = (1_000..2_000).fold(String::new(), |text, line| text + "line " + &line.to_string() + "\n");
        let mut resume_points = ResumePoints::default();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            at += line.len();
            resume_points.note(at as u64, &text.as_bytes()[at.saturating_sub(BEFORE_BYTES)..at]);
            assert!(resume_points.0.len() <= PLACES_MAX);
        }
        let last = |now: &str| {
            let found = resume_points.last_that_holds(&content(now), &text.as_bytes()[..256]).unwrap();
            usize::try_from(found.unwrap_or(0)).unwrap()
        };
        assert_eq!(last(&text), text.len());
        let rewritten = text.replace("line 1999\n", "LINE 1999\nmore\n");
        assert_eq!(last(&rewritten), text.len() - 10);
        let kept = text.find("line 1990").unwrap();
        let rewritten = format!("{}{}", &text[..kept], text[kept..].replace("line", "LINE"));
        assert!((kept - 1_000..=kept).contains(&last(&rewritten)), "{}", last(&rewritten));
        assert_eq!(last(&text.replace("line", "LINE")), 0);
    }
}
