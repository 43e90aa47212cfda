//! What a re-read needs to know to form the same records: what the grammar has learned, and where records were cut.

use std::collections::VecDeque;

use super::multiline::State;
use event::{Cut, GroupMark};

/// At most this many marks are saved for the next start. More are there only if very many records are cut in an outage.
const SAVED_MAX: usize = 1024;

/// The state of the grammar where a record begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Where the record begins, in bytes from the file's start.
    offset: u64,
    pub(super) state: State,
    /// What cut the record before. Then `state` still has that record open.
    pub(super) cut: Option<Cut>,
}

/// The marks of one file from its watermark on, by offset. There is a new one where the grammar has learned something, and
/// where a record was cut.
#[derive(Clone, Debug, Default)]
pub struct Marks(VecDeque<Mark>);

impl Marks {
    /// The marks of a checkpoint. States of another version are forgotten: the grammar learns again.
    #[must_use]
    pub fn restore(saved: &[GroupMark]) -> Self {
        let restore = |mark: &GroupMark| {
            let state = State::from_text(&mark.state).unwrap_or_default();
            Mark { offset: mark.offset, state, cut: mark.cut }
        };
        Self(saved.iter().map(restore).collect())
    }

    /// The marks for a checkpoint, if the file's watermark is at `watermark`.
    #[must_use]
    pub fn save(&self, watermark: u64) -> Vec<GroupMark> {
        let save =
            |mark: &Mark| GroupMark { offset: mark.offset, stream: None, state: mark.state.to_text(), cut: mark.cut };
        self.0.iter().skip(self.settled(watermark)).take(SAVED_MAX).map(save).collect()
    }

    /// Forgets marks that no re-read from `watermark` on needs.
    pub fn settle(&mut self, watermark: u64) {
        self.0.drain(..self.settled(watermark));
    }

    /// How many marks come before the last one at or before `watermark`.
    fn settled(&self, watermark: u64) -> usize {
        self.0.partition_point(|mark| mark.offset <= watermark).saturating_sub(1)
    }

    /// What the grammar has learned where a record begins at `offset`.
    pub(super) fn learned_at(&self, offset: u64) -> State {
        let known = self.0.partition_point(|mark| mark.offset <= offset);
        known.checked_sub(1).map(|last| self.0[last].state.closed()).unwrap_or_default()
    }

    /// What cut the record before the one that begins at `offset`, and the state that has it open. In the file of a container,
    /// lines of the other stream may stand between them.
    pub(super) fn cut_before(&self, offset: u64) -> Option<(State, Cut)> {
        let last = self.0.back().filter(|last| last.offset <= offset);
        let mark = match last {
            Some(last) => last,
            None => &self.0[self.0.partition_point(|mark| mark.offset <= offset).checked_sub(1)?],
        };
        Some((mark.state, mark.cut?))
    }

    /// Whether there may be marks at `offset` or behind it.
    #[inline]
    pub(super) fn reach(&self, offset: u64) -> bool {
        self.0.back().is_some_and(|last| last.offset >= offset)
    }

    /// The first cut after `offset`.
    pub(super) fn next_cut(&self, offset: u64) -> Option<(u64, Cut)> {
        self.0.back().filter(|last| last.offset > offset)?;
        let after = self.0.partition_point(|mark| mark.offset <= offset);
        self.0.range(after..).find_map(|mark| Some((mark.offset, mark.cut?)))
    }

    /// Notes where a record begins after one that was not cut.
    #[inline]
    pub(super) fn begin(&mut self, offset: u64, state: State) {
        let is_same = |last: &Mark| offset <= last.offset || (last.cut.is_none() && last.state == state);
        let is_known = self.0.back().map_or(state == State::default(), is_same);
        if !is_known {
            self.0.push_back(Mark { offset, state, cut: None });
        }
    }

    /// Notes that a record was cut at `offset`; `state` still has it open. A cut that is known stays.
    pub(super) fn cut(&mut self, offset: u64, state: State, cut: Cut) {
        if self.0.back().is_none_or(|last| last.offset < offset) {
            self.0.push_back(Mark { offset, state, cut: Some(cut) });
        }
    }
}
