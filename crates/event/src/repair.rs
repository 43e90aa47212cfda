//! Errors in JSON lines that are repaired, and `\uXXXX` escapes, which can be half of a character.

/// An error in a JSON line that is repaired in its record; a bounded set, usable as a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Invalid UTF-8 in a string: replaced by U+FFFD.
    InvalidUtf8,
    /// Half of a surrogate pair, such as a single `\ud83d`: replaced by U+FFFD.
    LoneSurrogate,
    /// An unescaped control character in a string: escaped.
    ControlCharacter,
    /// `NaN`, `Infinity` and similar: replaced by `null`.
    NotANumber,
    /// Two members of an object with the same name: the later one is renamed.
    DuplicateKey,
    /// A name with an empty part: replaced by `_`.
    EmptyKey,
}

impl Repair {
    /// All repairs, in the order of their discriminants.
    pub const ALL: [Self; 6] = [
        Self::InvalidUtf8,
        Self::LoneSurrogate,
        Self::ControlCharacter,
        Self::NotANumber,
        Self::DuplicateKey,
        Self::EmptyKey,
    ];

    /// The name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        &self.flag()["json_".len()..]
    }

    /// The name in `log.flags`.
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
    /// The repairs within strings.
    const STRINGS: u8 =
        1 << Repair::InvalidUtf8 as u8 | 1 << Repair::LoneSurrogate as u8 | 1 << Repair::ControlCharacter as u8;

    /// Adds a repair.
    pub fn add(&mut self, repair: Repair) {
        self.0 |= 1 << repair as u8;
    }

    /// The union of both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the set contains the repair.
    #[must_use]
    pub fn has(self, repair: Repair) -> bool {
        self.0 & 1 << repair as u8 != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether strings of the text must be repaired when they are written.
    #[must_use]
    pub fn is_of_strings(self) -> bool {
        self.0 & Self::STRINGS != 0
    }

    /// The repairs, in order.
    pub fn iter(self) -> impl Iterator<Item = Repair> {
        Repair::ALL.into_iter().filter(move |repair| self.has(*repair))
    }
}

/// Decodes the `\uXXXX` at the start of `rest`, or a surrogate pair of two; returns the character (`None`: half of a
/// pair) and the length.
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
