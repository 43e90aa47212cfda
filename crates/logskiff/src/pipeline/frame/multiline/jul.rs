//! The two lines that java.util.logging prints for an event.

use super::head::{Head, Kind};
use super::text::Text;

/// The first line of java.util.logging: after the stamp a class and a method, and nothing else.
pub(super) fn is_jul_stamp(text: &Text<'_>, head: &Head) -> bool {
    if head.kind != Kind::Stamp {
        return false;
    }
    let rest = text.start()[head.end..].trim_ascii();
    let mut words = rest.rsplit(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let (Some(method), Some(class)) = (words.next(), words.next()) else { return false };
    let name = |word: &[u8]| {
        word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'<' | b'>'))
    };
    let before = words.next().is_none_or(|word| word.len() <= 5) && words.next().is_none();
    before && class.contains(&b'.') && name(class) && name(method) && !method.contains(&b'.')
}

/// `SEVERE: text`, the second line of java.util.logging, in any language.
pub(super) fn is_jul_level(text: &Text<'_>) -> bool {
    let start = text.start();
    let count = start.iter().take_while(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()).count();
    count > 2 && start[count..].starts_with(b": ")
}
