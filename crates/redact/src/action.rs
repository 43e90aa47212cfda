//! The modes: what replaces a match.

/// The mode of a rule: what replaces a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Action {
    /// `<redacted:NAME>`.
    #[default]
    Mask,
    /// The match is removed.
    Remove,
    /// `<redacted:NAME:1234>`: the last characters of a long match; else as [`Action::Mask`].
    Partial,
    /// `<redacted:NAME:KEYID:…>`: the same for the same value, as long as the key is the same.
    Token,
    /// The whole record is dropped.
    Drop,
}

impl Action {
    /// All modes, in the order of their discriminants.
    pub const ALL: [Self; 5] = [Self::Mask, Self::Remove, Self::Partial, Self::Token, Self::Drop];

    /// The name in the configuration and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Remove => "remove",
            Self::Partial => "partial",
            Self::Token => "token",
            Self::Drop => "drop",
        }
    }
}

/// Minimum length of a match in characters for its end to be shown: two thirds of it stay hidden.
pub(super) const PARTIAL_CHARS_MIN: usize = 12;

/// Number of shown characters.
pub(super) const PARTIAL_CHARS: usize = 4;

/// Values that people choose, or that are keys themselves: their end would help to guess the rest.
const NEVER_PARTIAL: [&str; 19] = [
    "private_key",
    "password",
    "url_password",
    "basic_auth",
    "digest_auth",
    "connection_string",
    "command_password",
    "call_password",
    "setup_password",
    "netrc",
    "sql_password",
    "redis_password",
    "smtp_auth",
    "card_code",
    "cookie",
    "session",
    super::FIELD,
    super::UNDECODABLE,
    super::BUDGET,
];

/// The effective mode of a rule with the mode `configured`; `keyed`: there is a key for tokens.
pub(super) fn effective(name: &str, configured: Action, keyed: bool) -> Action {
    match configured {
        // Withheld values show nothing; with a key they become tokens.
        Action::Mask | Action::Partial if [super::UNDECODABLE, super::BUDGET].contains(&name) && keyed => Action::Token,
        Action::Partial if NEVER_PARTIAL.contains(&name) => Action::Mask,
        configured => configured,
    }
}

/// The characters of a match that [`Action::Partial`] shows: the last ones, if the match is long enough and they are
/// plain, so that they fit any string.
pub(super) fn visible_end(value: &[u8]) -> Option<&str> {
    let long = value.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() >= PARTIAL_CHARS_MIN;
    let end = &value[value.len().checked_sub(PARTIAL_CHARS)?..];
    if long && end.iter().copied().all(is_plain) { std::str::from_utf8(end).ok() } else { None }
}

/// Whether a character needs no escape in any record, and does not end a label.
pub(super) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'=' | b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Option<&str>) {
        assert_eq!(visible_end(value.as_bytes()), expected, "{value}");
    }

    #[test]
    fn the_end_of_a_long_match_is_shown_if_it_is_plain() {
        check("4111111111111111", Some("1111"));
        check("4111 1111 1111 1111", Some("1111"));
        check("ada@example.org", Some(".org"));
        check("elevenchars", None);
        check("twelve-chars", Some("hars"));
        // Twelve bytes, eleven characters.
        check("ééééééabcde", None);
        for unfit in ["abcdefghijk\"", "abcdefghijk\\n", "abcdefghijké", "abcdefghij>klm", "abc", ""] {
            check(unfit, None);
        }
    }

    #[test]
    fn chosen_values_are_never_shown_partially() {
        let known = |name: &str| crate::detectors().any(|detector| detector.name == name);
        assert!(
            NEVER_PARTIAL.iter().all(|name| known(name)
                || [super::super::FIELD, super::super::UNDECODABLE, super::super::BUDGET].contains(name))
        );
        assert_eq!(effective("password", Action::Partial, false), Action::Mask);
        assert_eq!(effective("field", Action::Partial, true), Action::Mask);
        assert_eq!(effective("card", Action::Partial, true), Action::Partial);
        assert_eq!(effective("undecodable", Action::Mask, true), Action::Token);
        assert_eq!(effective("undecodable", Action::Mask, false), Action::Mask);
        assert_eq!(effective("undecodable", Action::Drop, true), Action::Drop);
    }
}
