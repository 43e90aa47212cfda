//! Reads a record of comma-separated values (RFC 4180).
//!
//! Input: the text of a record; a value in quotes may hold commas, newlines and doubled quotes. Output: the values in order,
//! each as a range without its quotes.

use event::{Kind, TextRange};

const QUOTE: u8 = b'"';

/// The values of a record; `None` in place of one: the text has a stray quote, or one that does not close.
pub(super) struct Values<'t> {
    text: &'t [u8],
    /// Where the next value begins; `None`: there is no further one.
    at: Option<usize>,
}

impl<'t> Values<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: Some(0) }
    }

    /// Where the value that begins with the quote at `start` ends: its closing quote; and whether it has doubled quotes.
    fn quoted(&self, start: usize) -> Option<(usize, bool)> {
        let (mut at, mut is_doubled) = (start + 1, false);
        loop {
            at += memchr::memchr(QUOTE, self.text.get(at..)?)?;
            if self.text.get(at + 1) != Some(&QUOTE) {
                return Some((at, is_doubled));
            }
            is_doubled = true;
            at += 2;
        }
    }

    fn value(&mut self, start: usize) -> Option<(TextRange, Kind)> {
        if self.text.get(start) == Some(&QUOTE) {
            let (close, is_doubled) = self.quoted(start)?;
            self.at = match self.text.get(close + 1) {
                Some(b',') => Some(close + 2),
                None => None,
                Some(_) => return None,
            };
            let kind = if is_doubled { Kind::Quoted(QUOTE) } else { Kind::Text };
            return Some((TextRange::new(start + 1, close), kind));
        }
        let len = memchr::memchr(b',', &self.text[start..]).unwrap_or(self.text.len() - start);
        let end = start + len;
        self.at = (end < self.text.len()).then_some(end + 1);
        let is_plain = memchr::memchr2(QUOTE, b'\n', &self.text[start..end]).is_none();
        is_plain.then(|| (TextRange::new(start, end), Kind::Text))
    }
}

impl Iterator for Values<'_> {
    type Item = Option<(TextRange, Kind)>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at?;
        let value = self.value(start);
        if value.is_none() {
            self.at = None;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Values;

    #[track_caller]
    fn check(text: &str, want: &[Option<&str>]) {
        let found = Values::new(text.as_bytes()).map(|value| value.map(|(at, _)| &text[at.indices()]));
        assert_eq!(found.collect::<Vec<_>>(), want, "{text}");
    }

    #[test]
    fn values_are_found() {
        check("a,b", &[Some("a"), Some("b")]);
        check("a,,", &[Some("a"), Some(""), Some("")]);
        check("", &[Some("")]);
        check(r#""a,b","c""d",e"#, &[Some("a,b"), Some(r#"c""d"#), Some("e")]);
        check("\"a\nb\",c", &[Some("a\nb"), Some("c")]);
        check(r#""""""#, &[Some(r#""""#)]);
    }

    #[test]
    fn a_stray_quote_ends_the_record() {
        check(r#"a,b"c"#, &[Some("a"), None]);
        check(r#"a,"b"c"#, &[Some("a"), None]);
        check(r#"a,"b"#, &[Some("a"), None]);
        check("a,b\nc", &[Some("a"), None]);
    }
}
