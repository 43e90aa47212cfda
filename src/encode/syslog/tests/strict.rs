//! A parser of RFC 5424 that takes nothing but what the grammar allows (section 6).

use super::Framing;

/// How a message stands in its stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    None,
    Counted,
    Line,
}

impl Frame {
    pub(super) fn of(framing: Framing) -> Self {
        match framing {
            Framing::None => Self::None,
            Framing::OctetCounting => Self::Counted,
            Framing::Newline => Self::Line,
        }
    }
}

pub(super) struct Element {
    pub(super) id: String,
    pub(super) params: Vec<(String, String)>,
}

pub(super) struct Message {
    pub(super) data: Vec<Element>,
    /// Whether a byte order mark says that the text is UTF-8.
    pub(super) marked: bool,
    pub(super) text: Vec<u8>,
}

/// Takes a frame off.
pub(super) fn unframed(frame: Frame, bytes: &[u8]) -> Result<&[u8], String> {
    match frame {
        Frame::None => Ok(bytes),
        Frame::Line => {
            let line = bytes.strip_suffix(b"\n").ok_or("no newline at the end")?;
            if line.iter().any(u8::is_ascii_control) { Err("a control character in a line".into()) } else { Ok(line) }
        }
        Frame::Counted => {
            let space = bytes.iter().position(|byte| *byte == b' ').ok_or("no length")?;
            let length = std::str::from_utf8(&bytes[..space]).map_err(|error| error.to_string())?;
            let rest = &bytes[space + 1..];
            let right = !length.starts_with('0') && length.parse() == Ok(rest.len());
            if right { Ok(rest) } else { Err(format!("{length} before {} bytes", rest.len())) }
        }
    }
}

/// Reads one message.
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
    let priority = word(7)?;
    let number =
        priority.strip_prefix('<').and_then(|text| text.strip_suffix(">1")).ok_or("no priority and version")?;
    if number.parse::<u32>().map_err(|error| error.to_string())? > 191 || (number.len() > 1 && number.starts_with('0'))
    {
        return Err(format!("priority {number}"));
    }
    let time = word(32)?;
    time.parse::<jiff::Timestamp>().map_err(|error| error.to_string())?;
    let fraction = time.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    if fraction > 6 {
        return Err(format!("{fraction} digits of a second"));
    }
    for bytes_max in [255, 48, 128, 32] {
        word(bytes_max)?;
    }
    let (data, rest) = data(rest)?;
    let text = match rest {
        [] => rest,
        [b' ', text @ ..] => text,
        _ => return Err("no space before the text".into()),
    };
    let marked = text.strip_prefix("\u{feff}".as_bytes());
    Ok(Message { data, marked: marked.is_some(), text: marked.unwrap_or(text).to_vec() })
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

/// Whether what is read back of a message is what went in: the line, and where it came from.
pub(super) fn reads_back(bytes: &[u8], frame: Frame, line: &[u8], bom: bool) -> Result<(), String> {
    let message = rfc5424(unframed(frame, bytes)?)?;
    if bom && message.marked && std::str::from_utf8(&message.text).is_err() {
        return Err("marked as UTF-8, and is not".into());
    }
    let mut want = line.to_vec();
    if frame == Frame::Line {
        want = line.iter().flat_map(|byte| if byte.is_ascii_control() { octal(*byte) } else { vec![*byte] }).collect();
    }
    let begins_marked = want.starts_with("\u{feff}".as_bytes());
    let is_text = std::str::from_utf8(&want).is_ok();
    if bom && !is_text && begins_marked {
        want = String::from_utf8_lossy(&want).into_owned().into_bytes();
    }
    if bom && message.marked != (!want.is_ascii() && (is_text || begins_marked)) {
        return Err(format!("marked: {}, text: {is_text}", message.marked));
    }
    // Without marks of our own, one that the line has is the line's.
    let got = if !bom && message.marked { ["\u{feff}".as_bytes(), &message.text].concat() } else { message.text };
    if got != want {
        return Err(format!("{:?} instead of {:?}", String::from_utf8_lossy(&got), String::from_utf8_lossy(&want)));
    }
    let place = message.data.first().filter(|element| element.id == "logskiff@32473").ok_or("no place")?;
    let named = |name: &str| place.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    if named("file") != Some("/log/app.log") || named("offset") != Some("7") {
        return Err("another place".into());
    }
    let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(line) else { return Ok(()) };
    // Every text of a JSON line is found again among the values of its fields.
    let fields = message.data.get(1).map(|element| &element.params[..]).unwrap_or_default();
    let mut texts = Vec::new();
    object.values().for_each(|value| gather(value, &mut texts));
    for text in texts {
        let text: String = if frame == Frame::Line {
            let bytes: Vec<u8> =
                text.bytes().flat_map(|b| if b.is_ascii_control() { octal(b) } else { vec![b] }).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        } else {
            text
        };
        if !fields.iter().any(|(_, value)| *value == text) {
            return Err(format!("{text:?} is in no field"));
        }
    }
    Ok(())
}

/// The texts within arrays and objects: those at the top may be the message, the level or the time.
fn gather(value: &serde_json::Value, texts: &mut Vec<String>) {
    let mut inside = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => texts.push(text.clone()),
        other => gather(other, texts),
    };
    match value {
        serde_json::Value::Array(values) => values.iter().for_each(&mut inside),
        serde_json::Value::Object(members) => members.values().for_each(&mut inside),
        _ => {}
    }
}

fn octal(byte: u8) -> Vec<u8> {
    format!("#{byte:03o}").into_bytes()
}
