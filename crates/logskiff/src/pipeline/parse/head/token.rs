//! Splits the beginning of a line into words, names in brackets and separators.

/// The longest text in brackets that is passed over.
const GROUP_BYTES_MAX: usize = 120;

/// A part of a line's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// What brackets of any kind hold, without blanks around it.
    Group(&'t [u8]),
    /// A word that is only a number, perhaps with `#`, `.` or `:`.
    Number,
    /// A separator: `-`, `|`, `--`.
    Mark,
    /// A word, with a `:` or `,` at its end.
    Word(&'t [u8]),
    /// The message has surely begun: a quote, or an open bracket.
    Text,
}

/// The parts of a line's head, in order.
#[derive(Clone)]
pub(super) struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'t [u8] {
        &self.text[self.at..]
    }

    /// Where the next part begins.
    pub(super) fn next_start(&mut self) -> Option<usize> {
        let blanks = self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.at += blanks;
        (self.at < self.text.len()).then_some(self.at)
    }

    /// The text of a bracket that begins here, and the bytes that it takes.
    fn group(&self) -> Option<(&'t [u8], usize)> {
        let rest = self.rest();
        let open = *rest.first()?;
        let close = match open {
            b'[' => b']',
            b'(' => b')',
            b'{' => b'}',
            b'<' => b'>',
            _ => return None,
        };
        let mut depth = 0_usize;
        for (at, byte) in rest.iter().enumerate().take(GROUP_BYTES_MAX) {
            depth += usize::from(*byte == open);
            depth -= usize::from(*byte == close);
            if depth == 0 {
                return Some((rest[1..at].trim_ascii(), at + 1));
            }
        }
        None
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        self.next_start()?;
        if let Some((inside, len)) = self.group() {
            self.at += len;
            return Some(Token::Group(inside));
        }
        let rest = self.rest();
        let marks = rest
            .iter()
            .take_while(|byte| matches!(byte, b'-' | b'|' | b']' | b')' | b',' | b':' | b';' | b'*'))
            .count();
        if marks > 0 {
            self.at += marks;
            return Some(Token::Mark);
        }
        if matches!(rest[0], b'"' | b'\'' | b'[' | b'(' | b'{' | b'<') {
            self.at = self.text.len();
            return Some(Token::Text);
        }
        let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'|' | b']' | b')' | b'"');
        let len = rest.iter().position(ends).unwrap_or(rest.len());
        self.at += len.max(1);
        let word = &rest[..len.max(1)];
        let is_number = word.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'#' | b'.' | b':'));
        Some(if is_number { Token::Number } else { Token::Word(word) })
    }
}
