//! A text without its colours, and the way back to the positions in the text.

use event::{Kind, Node, Parsed, TextRange};

use super::super::colours;

/// Reused from text to text.
#[derive(Default)]
pub(super) struct Coloured {
    /// The text without its colours.
    pub(super) plain: Vec<u8>,
    /// The position in the text of each byte.
    origins: Vec<u32>,
}

impl Coloured {
    /// Takes the colours out of a text.
    pub(super) fn strip(&mut self, text: &[u8]) {
        self.plain.clear();
        self.origins.clear();
        for at in colours::kept(text) {
            self.plain.push(text[at]);
            self.origins.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
    }

    /// Moves all ranges of what was read from the plain text to the text. A number with colours in it becomes text; a name
    /// with colours in it cannot be one: `false`, and nothing is left.
    pub(super) fn restore(&self, into: &mut Parsed) -> bool {
        for node in &mut into.nodes {
            let is_changed = |at: TextRange| self.origin(at).indices().len() != at.indices().len();
            if node.text_key().is_some_and(is_changed) {
                into.clear();
                return false;
            }
            if let Node::Value { at, kind, .. } = node
                && is_changed(*at)
                && !matches!(kind, Kind::Code(_))
            {
                *kind = Kind::Text;
            }
            node.map_ranges(|at| self.origin(at));
        }
        for at in [&mut into.trace_id, &mut into.span_id].into_iter().flatten() {
            *at = self.origin(*at);
        }
        if let Some((at, kind)) = &mut into.message {
            let plain = at.indices().len();
            *at = self.origin(*at);
            if at.indices().len() > plain {
                *kind = Kind::Text;
            }
        }
        true
    }

    /// Where a range of the plain text is in the text, without colours around it.
    fn origin(&self, at: TextRange) -> TextRange {
        let of = |at: usize| self.origins.get(at).copied();
        let (start, end) = (at.indices().start, at.indices().end);
        let last = end.checked_sub(1).and_then(of).map_or(0, |last| last + 1);
        if start == end {
            // An empty range stands where the byte before it ends.
            return TextRange { start: last, end: last };
        }
        TextRange { start: of(start).unwrap_or(last), end: last }
    }
}
