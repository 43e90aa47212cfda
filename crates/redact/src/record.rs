//! Searches a record: a line, or several lines of a file.
//!
//! Input: the text of a record and its parsed fields. Output: matches in positions of the text. The lines of a record are
//! searched one by one, as if each were a record, and then together, for what reaches over a line's end. So whatever is
//! found in a line is also found in a record that holds it.

use std::ops::Range;

use super::decode::{Decoded, normal};
use super::fields::Walk;
use super::lines::{is_several, kept_lines, with_end};
use super::masks::Masks;
use super::prefilter::{TextHits, Which};
use super::search::has_names_in_text;
use super::validators::{Budget, Text};
use super::{ByField, PemState, Redactor, Scratch, utf16};
use event::{Parsed, TextRange};

/// A text that is searched, and what is known of it.
#[derive(Clone, Copy)]
struct Searched<'t> {
    text: Text<'t>,
    parsed: &'t Parsed,
    /// How many of its bytes may be shipped.
    keep: usize,
    hits: TextHits<'t>,
    /// The patterns that may match in it, if the prefilter hit it.
    which: Option<&'t Which>,
}

impl Searched<'_> {
    /// Whether it differs from its normalized form.
    fn differs(self) -> bool {
        self.hits.may_be_special() && normal::differs(&self.text)
    }
}

/// The buffers that a search uses.
struct Buffers<'s> {
    masks: &'s mut Masks,
    decoded: &'s mut Decoded,
    walk: &'s mut Walk,
    earlier: &'s mut Vec<TextRange>,
}

impl Redactor {
    /// Searches a record, of which the first `keep` bytes may be shipped.
    pub(super) fn search_record(
        &self,
        text: &[u8],
        keep: usize,
        parsed: &Parsed,
        hits: TextHits<'_>,
        pem_state: &mut PemState,
        scratch: &mut Scratch,
    ) {
        let budget = Budget::new(text.len());
        let text = Text::new(text, &budget);
        if is_several(&text) {
            let record = Searched { text, parsed, keep, hits, which: None };
            return self.search_lines(record, pem_state, scratch);
        }
        let which = hits.is_hit().then(|| self.stage.which(&text, hits));
        let record = Searched { text, parsed, keep, hits, which: which.as_ref() };
        let Scratch { masks, decoded, walk, earlier, .. } = scratch;
        self.search_line(record, pem_state, &mut Buffers { masks, decoded, walk, earlier });
    }

    /// Searches a record of several lines.
    fn search_lines(&self, record: Searched<'_>, pem_state: &mut PemState, scratch: &mut Scratch) {
        let Scratch { masks, decoded, walk, earlier, of_line, .. } = scratch;
        let hits = |at: &Range<usize>| record.hits.part(at.start, at.end + 1);
        let of_this = |at: Range<usize>| {
            let hits = hits(&at);
            hits.is_hit().then(|| self.stage.which(with_end(&record.text, &at), hits))
        };
        let is_any_hit = record.hits.is_hit();
        let of_lines: Vec<_> = kept_lines(&record.text, record.keep).filter(|_| is_any_hit).map(of_this).collect();
        let mut all = is_any_hit.then(|| self.stage.none());
        if let Some(all) = &mut all {
            of_lines.iter().flatten().for_each(|of_this| all.add(of_this));
        }
        let record = Searched { which: all.as_ref(), ..record };
        self.mark_by_names(record, &mut Buffers { masks, decoded, walk, earlier });
        let is_json = has_names_in_text(record.parsed);
        let unparsed = Parsed::default();
        let mut is_hit = is_json || record.parsed.has_quoted() || self.by_field != ByField::None;
        for (number, at) in kept_lines(&record.text, record.keep).enumerate() {
            let budget = Budget::new(at.len());
            let text = Text::new(&record.text[at.clone()], &budget);
            // Decoded, the next line continues this one.
            is_hit |= text.ends_with(b"\\");
            let which = of_lines.get(number).and_then(Option::as_ref);
            let line = Searched { text, parsed: &unparsed, keep: at.len(), hits: hits(&at), which };
            of_line.clear(at.len(), self.budget());
            let buffers = &mut Buffers { masks: of_line, decoded, walk, earlier };
            if is_json {
                self.search_line_of_json(line, pem_state, buffers);
            } else {
                is_hit |= self.search_line(line, pem_state, buffers);
            }
            self.merge(&text, of_line, earlier);
            masks.add_part(of_line, at.start);
        }
        if is_hit || record.which.is_some_and(Which::is_hit) {
            self.search_text(record, None, &mut Buffers { masks, decoded, walk, earlier });
        }
    }

    /// Searches a line, as written and decoded. Returns whether the prefilter hits it decoded.
    fn search_line(&self, line: Searched<'_>, pem_state: &mut PemState, buffers: &mut Buffers<'_>) -> bool {
        if self.withhold_utf16(line, buffers.masks) {
            return false;
        }
        self.mark_by_names(line, buffers);
        self.mark_key(line, pem_state, buffers);
        self.search_text(line, Some(pem_state), buffers)
    }

    /// Searches a line of a JSON object over several lines, of which only a string that holds the line's end is a text of
    /// its own.
    fn search_line_of_json(&self, line: Searched<'_>, pem_state: &mut PemState, buffers: &mut Buffers<'_>) {
        if self.withhold_utf16(line, buffers.masks) {
            return;
        }
        self.mark_key(line, pem_state, buffers);
        let Buffers { masks, decoded, earlier, .. } = buffers;
        self.mark_which(line.text, line.which, &mut |at, by| masks.add(at, by));
        self.merge(&line.text, masks, earlier);
        if self.private_key.is_some() && line.differs() {
            decoded.normalize(&line.text);
            pem_state.begin_escaped(&line.text, line.which.is_some(), decoded.bytes());
        }
    }

    /// Masks a line of UTF-16, which cannot be searched. Returns whether it is one.
    fn withhold_utf16(&self, line: Searched<'_>, masks: &mut Masks) -> bool {
        let is_utf16 = line.hits.may_be_special() && utf16::is_likely(&line.text);
        if is_utf16 {
            masks.add(TextRange::new(0, line.text.len()), self.undecodable());
            masks.merge();
        }
        is_utf16
    }

    /// Masks fields by their names, and captures. They come first: of equal matches, the first one names the mask.
    fn mark_by_names(&self, searched: Searched<'_>, buffers: &mut Buffers<'_>) {
        let Searched { text, parsed, hits, which, .. } = searched;
        let Buffers { masks, decoded, walk, .. } = buffers;
        if match self.by_field {
            ByField::None => false,
            ByField::All => true,
            ByField::Hit => {
                which.is_some_and(|which| self.stage.may_hold_name(which))
                    || hits.may_be_special() && (memchr::memchr(b'\\', &text).is_some() || !text.is_ascii())
                    || self.capture_keywords(parsed, |names| names.is_field) == Some(true)
            }
        } {
            self.mark_fields(text, parsed, walk, masks, decoded);
        }
        self.capture_keywords(parsed, |names| names.mark(&text, parsed, masks));
    }

    /// Masks what belongs to a private key over several lines.
    fn mark_key(&self, line: Searched<'_>, pem_state: &mut PemState, buffers: &mut Buffers<'_>) {
        let Buffers { masks, decoded, .. } = buffers;
        if let Some(rule) = self.private_key
            && (line.which.is_some() || pem_state.is_open())
        {
            pem_state.next_line(&line.text, line.which.is_some(), decoded, |part| {
                masks.add(TextRange::new(part.start, part.end), self.by(rule));
            });
        }
    }

    /// Searches a text as written, each of its strings decoded, and without escapes, encodings and colours. Returns whether
    /// the prefilter hits the latter. `pem_state`: in which a key may begin.
    fn search_text(&self, searched: Searched<'_>, pem_state: Option<&mut PemState>, buffers: &mut Buffers<'_>) -> bool {
        let Searched { text, parsed, hits, which, .. } = searched;
        let Buffers { masks, decoded, earlier, .. } = buffers;
        self.mark_which(text, which, &mut |at, by| masks.add(at, by));
        self.merge(&text, masks, earlier);
        if hits.may_be_special() && memchr::memchr(b'\\', &text).is_some() {
            self.mark_escaped(text, parsed, masks, decoded);
        }
        if parsed.has_quoted() {
            self.mark_quoted(text, parsed, masks, decoded);
        }
        let mut is_hit = false;
        if searched.differs() {
            is_hit = self.mark_normal(text, parsed, masks, decoded);
            if let Some(pem_state) = pem_state.filter(|_| self.private_key.is_some()) {
                pem_state.begin_escaped(&text, which.is_some(), decoded.bytes());
            }
        }
        is_hit
    }
}
