//! What may stand before a JSON object: the cookie of syslog's CEE, and the name that Docker Compose writes.

use event::TextRange;

/// The longest name of a container.
const NAME_BYTES_MAX: usize = 128;

/// What stands before an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    pub(super) len: usize,
    /// The name of the container that wrote the object.
    pub(super) source: Option<TextRange>,
}

/// The prefix of a text that may be an object; `None` if it is none.
pub(super) fn of_object(text: &[u8]) -> Option<Prefix> {
    let (len, source) = match text.first()? {
        b'{' => return Some(Prefix { len: 0, source: None }),
        b'@' => (text.strip_prefix(b"@cee:").map(|rest| text.len() - rest.len())?, None),
        _ => compose(text).unwrap_or((0, None)),
    };
    let blanks = text[len..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    (text.get(len + blanks) == Some(&b'{')).then_some(Prefix { len: len + blanks, source })
}

/// `web-1  | `.
fn compose(text: &[u8]) -> Option<(usize, Option<TextRange>)> {
    let is_of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let name = text.iter().take(NAME_BYTES_MAX).take_while(is_of_name).count();
    let blanks = text[name..].iter().take_while(|byte| **byte == b' ').count();
    let bar = name + blanks;
    (name > 0 && blanks > 0 && text[bar..].starts_with(b"| ")).then(|| (bar + 1, Some(TextRange::new(0, name))))
}
