//! What is wrong with lines of JSON that are read all the same, and the one escape that can be half of a character.

/// A fault of a line of JSON that is repaired in its record; a bounded set, fit for a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Bytes of a string that are not UTF-8: U+FFFD stands for them.
    InvalidUtf8,
    /// Half of a surrogate pair, as `\ud83d` alone: U+FFFD stands for it.
    LoneSurrogate,
    /// A control character of a string that is not escaped: it is escaped.
    ControlCharacter,
    /// `NaN`, `Infinity` and their kind: `null` stands for them.
    NotANumber,
    /// Two members of one object with the same name: the later one has another.
    DuplicateKey,
    /// A name that is empty, or is between two of its dots: `_` stands for nothing.
    EmptyKey,
}

impl Repair {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::InvalidUtf8,
        Self::LoneSurrogate,
        Self::ControlCharacter,
        Self::NotANumber,
        Self::DuplicateKey,
        Self::EmptyKey,
    ];

    /// The name that is written to metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        &self.flag()["json_".len()..]
    }

    /// The name that is written to `log.flags`.
    #[must_use]
    pub fn flag(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "json_invalid_utf8",
            Self::LoneSurrogate => "json_lone_surrogate",
            Self::ControlCharacter => "json_control_character",
            Self::NotANumber => "json_not_a_number",
            Self::DuplicateKey => "json_duplicate_key",
            Self::EmptyKey => "json_empty_key",
        }
    }
}

/// A set of [`Repair`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs(u8);

impl Repairs {
    /// Those that are of the bytes of strings.
    const STRINGS: u8 =
        1 << Repair::InvalidUtf8 as u8 | 1 << Repair::LoneSurrogate as u8 | 1 << Repair::ControlCharacter as u8;

    /// Adds one.
    pub fn add(&mut self, repair: Repair) {
        self.0 |= 1 << repair as u8;
    }

    /// Those of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn has(self, repair: Repair) -> bool {
        self.0 & 1 << repair as u8 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the strings of the text are to be repaired where they are written.
    #[must_use]
    pub fn is_of_strings(self) -> bool {
        self.0 & Self::STRINGS != 0
    }

    /// Each of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Repair> {
        Repair::ALL.into_iter().filter(move |repair| self.has(*repair))
    }
}

/// The `\uXXXX` that `rest` starts with, or the two that are one character, and their length; no character: it is half of
/// a pair.
#[must_use]
pub fn unicode_escape(rest: &[u8]) -> Option<(Option<char>, usize)> {
    let unit = |at: usize| {
        let digits = rest.get(at..at + 6)?.strip_prefix(br"\u")?;
        digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
    };
    let high = unit(0)?;
    if (0xd800..0xdc00).contains(&high)
        && let Some(low @ 0xdc00..0xe000) = unit(6)
    {
        return Some((char::from_u32(0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00))), 12));
    }
    Some((char::from_u32(high), 6))
}
