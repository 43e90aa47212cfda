//! A parser of RFC 5424 that accepts only what the grammar allows (section 6).

use super::encode::syslog::Framing;

/// An element of structured data.
pub(super) struct Element {
    pub(super) id: String,
    pub(super) params: Vec<(String, String)>,
}

/// A parsed message.
pub(super) struct Message {
    pub(super) priority: u32,
    pub(super) time: jiff::Timestamp,
    /// HOSTNAME, APP-NAME, PROCID and MSGID.
    pub(super) names: [String; 4],
    pub(super) data: Vec<Element>,
    /// Whether a byte order mark marks the text as UTF-8.
    pub(super) marked: bool,
    pub(super) text: Vec<u8>,
}

/// Removes the framing.
pub(super) fn remove_framing(framing: Framing, bytes: &[u8]) -> Result<&[u8], String> {
    match framing {
        Framing::None => Ok(bytes),
        Framing::Newline => {
            let line = bytes.strip_suffix(b"\n").ok_or("no newline at the end")?;
            if line.iter().any(u8::is_ascii_control) { Err("a control character in a line".into()) } else { Ok(line) }
        }
        Framing::OctetCounting => {
            let space = bytes.iter().position(|byte| *byte == b' ').ok_or("no length")?;
            let length = std::str::from_utf8(&bytes[..space]).map_err(|error| error.to_string())?;
            let rest = &bytes[space + 1..];
            let right = !length.starts_with('0') && length.parse() == Ok(rest.len());
            if right { Ok(rest) } else { Err(format!("{length} before {} bytes", rest.len())) }
        }
    }
}

/// Parses one message.
pub(super) fn rfc5424(bytes: &[u8]) -> Result<Message, String> {
    let mut rest = bytes;
    let mut word = |bytes_max: usize| {
        let end = rest.iter().position(|byte| *byte == b' ').ok_or("a header field has no end")?;
        let word = &rest[..end];
        rest = &rest[end + 1..];
        let printable = word.iter().all(u8::is_ascii_graphic);
        if word.is_empty() || word.len() > bytes_max || !printable {
            return Err(format!("a header field of {} bytes", word.len()));
        }
        Ok(String::from_utf8_lossy(word).into_owned())
    };
    let number = word(7)?;
    let number = number.strip_prefix('<').and_then(|text| text.strip_suffix(">1")).ok_or("no priority and version")?;
    let priority = number.parse::<u32>().map_err(|error| error.to_string())?;
    if priority > 191 || priority.to_string() != number {
        return Err(format!("priority {number}"));
    }
    let time = time(&word(32)?)?;
    let names = [word(255)?, word(48)?, word(128)?, word(32)?];
    let (data, rest) = data(rest)?;
    let text = match rest {
        [] => rest,
        [b' ', text @ ..] => text,
        _ => return Err("no space before the text".into()),
    };
    let marked = text.strip_prefix("\u{feff}".as_bytes());
    Ok(Message { priority, time, names, data, marked: marked.is_some(), text: marked.unwrap_or(text).to_vec() })
}

/// Parses a timestamp: two digits for each number, a fraction of one to six digits, upper case letters, `:` in the
/// offset.
fn time(text: &str) -> Result<jiff::Timestamp, String> {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let rest = shape.strip_prefix("0000-00-00T00:00:00").ok_or("another form of time")?;
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches('0'),
        None => rest,
    };
    if rest.len() - offset.len() == 1 || rest.len() - offset.len() > 7 {
        return Err(format!("a fraction of {} digits", rest.len() - offset.len() - 1));
    }
    if !["Z", "+00:00", "-00:00"].contains(&offset) {
        return Err("another form of offset".into());
    }
    text.parse().map_err(|error: jiff::Error| error.to_string())
}

fn data(bytes: &[u8]) -> Result<(Vec<Element>, &[u8]), String> {
    if let Some(rest) = bytes.strip_prefix(b"-") {
        return Ok((Vec::new(), rest));
    }
    let (mut elements, mut rest): (Vec<Element>, _) = (Vec::new(), bytes);
    while let Some(inside) = rest.strip_prefix(b"[") {
        let (id, after) = name(inside)?;
        rest = after;
        let mut params = Vec::new();
        while let Some(param) = rest.strip_prefix(b" ") {
            let (name, after) = name(param)?;
            let (value, after) = value(after.strip_prefix(b"=\"").ok_or("a name without a value")?)?;
            params.push((name, value));
            rest = after;
        }
        rest = rest.strip_prefix(b"]").ok_or("an element without an end")?;
        if elements.iter().any(|known| known.id == id) {
            return Err("an element twice".into());
        }
        elements.push(Element { id, params });
    }
    if elements.is_empty() { Err("no structured data".into()) } else { Ok((elements, rest)) }
}

fn name(bytes: &[u8]) -> Result<(String, &[u8]), String> {
    let allowed = |byte: &u8| byte.is_ascii_graphic() && !b"=]\"".contains(byte);
    let length = bytes.iter().take_while(|byte| allowed(byte)).count();
    if length == 0 || length > 32 {
        return Err(format!("a name of {length} bytes"));
    }
    Ok((String::from_utf8_lossy(&bytes[..length]).into_owned(), &bytes[length..]))
}

fn value(bytes: &[u8]) -> Result<(String, &[u8]), String> {
    let mut value = Vec::new();
    let mut rest = bytes;
    loop {
        match rest {
            [b'"', after @ ..] => {
                let value = String::from_utf8(value).map_err(|_| "a value that is not UTF-8")?;
                return Ok((value, after));
            }
            [b'\\', escaped @ (b'"' | b'\\' | b']'), after @ ..] => {
                value.push(*escaped);
                rest = after;
            }
            [b']' | b'\\', ..] => return Err("a value that is not escaped".into()),
            [byte, after @ ..] => {
                value.push(*byte);
                rest = after;
            }
            [] => return Err("a value without an end".into()),
        }
    }
}
