//! Reads the lines that container runtimes write.
//!
//! Input: a line of a container's log file. Output: what the container printed, when, and to which stream. The formats are those
//! of the Container Runtime Interface (a line is `TIME STREAM TAG[:TAG…] TEXT`; the first tag is `P` if the line goes on in the
//! next one of its stream, else `F`) and of Docker's logging driver `json-file` (an object with `log`, `stream`, `time` and perhaps
//! `attrs`; `log` ends with a newline unless the line goes on).

use std::borrow::Cow;
use std::collections::BTreeMap;

use event::{Framing, Printed, Stream};

/// What a container printed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unwrapped<'t> {
    pub(super) text: Cow<'t, [u8]>,
    pub(super) printed: Printed,
    /// Whether the line goes on in the next one of its stream.
    pub(super) is_partial: bool,
}

/// An object of Docker's logging driver. Other members make it another log.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct DockerLine<'t> {
    #[serde(borrow)]
    log: Cow<'t, str>,
    #[serde(borrow)]
    stream: Cow<'t, str>,
    #[serde(borrow)]
    time: Cow<'t, str>,
    #[serde(default, borrow)]
    attrs: Option<&'t serde_json::value::RawValue>,
}

/// The attributes of a container are repeated in each of its records: more bytes than these are left out.
const ATTRS_BYTES_MAX: usize = 4096;

/// The framing of a file whose first line this is.
#[must_use]
pub fn detect(first_line: &[u8]) -> Framing {
    let is = |framing: &Framing| unwrap(*framing, first_line).is_some_and(|line| line.printed.time_ns.is_some());
    [Framing::Cri, Framing::Docker].into_iter().find(is).unwrap_or(Framing::Lines)
}

/// Reads a line without its line end. `None`: it has another form.
pub(super) fn unwrap(framing: Framing, line: &[u8]) -> Option<Unwrapped<'_>> {
    match framing {
        Framing::Lines => None,
        Framing::Cri => cri(line),
        Framing::Docker => docker(line),
    }
}

fn cri(line: &[u8]) -> Option<Unwrapped<'_>> {
    let mut parts = line.splitn(4, |byte| *byte == b' ');
    let (time, stream, tags) = (parts.next()?, Stream::from_name(parts.next()?)?, parts.next()?);
    let is_partial = match tags.split(|byte| *byte == b':').next()? {
        b"P" => true,
        b"F" => false,
        _ => return None,
    };
    let printed = Printed { stream, time_ns: time_ns(time) };
    Some(Unwrapped { text: Cow::Borrowed(parts.next().unwrap_or_default()), printed, is_partial })
}

fn docker(line: &[u8]) -> Option<Unwrapped<'_>> {
    if line.first() != Some(&b'{') {
        return None;
    }
    let DockerLine { log, stream, time, .. } = serde_json::from_slice(line).ok()?;
    let printed = Printed { stream: Stream::from_name(stream.as_bytes())?, time_ns: time_ns(time.as_bytes()) };
    let is_partial = !log.ends_with('\n');
    // A line end that is an escape makes the text an owned one.
    let text = match log {
        Cow::Borrowed(log) => Cow::Borrowed(log.as_bytes()),
        Cow::Owned(mut log) => {
            let line = log.strip_suffix('\n').map_or(log.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
            log.truncate(line);
            Cow::Owned(log.into_bytes())
        }
    };
    Some(Unwrapped { text, printed, is_partial })
}

/// The labels and environment variables of the container in a line of Docker: they are the same in each line. `None`: the line has
/// another form.
#[must_use]
pub fn attrs(line: &[u8]) -> Option<BTreeMap<String, String>> {
    let DockerLine { attrs, .. } = serde_json::from_slice(line).ok()?;
    let attrs = attrs.and_then(|attrs| serde_json::from_str::<BTreeMap<String, String>>(attrs.get()).ok());
    let mut left = ATTRS_BYTES_MAX;
    let fits = |(name, value): &(String, String)| {
        let rest = left.checked_sub(name.len() + value.len());
        left = rest.unwrap_or(left);
        rest.is_some()
    };
    Some(attrs.unwrap_or_default().into_iter().filter(fits).collect())
}

fn time_ns(text: &[u8]) -> Option<i64> {
    let time: jiff::Timestamp = std::str::from_utf8(text).ok()?.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(framing: Framing, line: &str) -> Option<(String, Stream, bool)> {
        let line = unwrap(framing, line.as_bytes())?;
        Some((String::from_utf8(line.text.into_owned()).unwrap(), line.printed.stream, line.is_partial))
    }

    #[test]
    fn lines_of_the_runtimes_are_read() {
        let cri = |line| text(Framing::Cri, line);
        assert_eq!(
            cri("2026-11-30T03:10:00.123456789Z stdout F a  b "),
            Some(("a  b ".to_owned(), Stream::Stdout, false))
        );
        assert_eq!(cri("2026-11-30T03:10:00+01:00 stderr P half"), Some(("half".to_owned(), Stream::Stderr, true)));
        assert_eq!(cri("2026-11-30T03:10:00Z stdout F:x "), Some((String::new(), Stream::Stdout, false)));
        assert_eq!(cri("2026-11-30T03:10:00Z stdout F"), Some((String::new(), Stream::Stdout, false)));
        assert_eq!(cri("2026-11-30T03:10:00Z stdlog F a"), None);
        assert_eq!(cri("2026-11-30T03:10:00Z stdout G a"), None);
        let docker = |line| text(Framing::Docker, line);
        assert_eq!(
            docker(r#"{"log":"a \"b\"\n\n","stream":"stdout","time":"2026-11-30T03:10:00Z"}"#),
            Some(("a \"b\"\n".to_owned(), Stream::Stdout, false))
        );
        assert_eq!(
            docker(r#"{"log":"half","stream":"stderr","attrs":{"a":"b"},"time":"2026-11-30T03:10:00Z"}"#),
            Some(("half".to_owned(), Stream::Stderr, true))
        );
        assert_eq!(
            docker(r#"{"log":"a\r\n","stream":"stdout","time":"2026-11-30T03:10:00Z"}"#),
            Some(("a".to_owned(), Stream::Stdout, false))
        );
        assert_eq!(docker(r#"{"log":"a\n","stream":"stdout","time":"x","level":"info"}"#), None);
        assert_eq!(docker(r#"{"log":"a\n","stream":"stdout"}"#), None);
    }

    #[test]
    fn attributes_of_a_container_are_read_up_to_a_limit() {
        let of = |attrs: &str| {
            attrs_of(&format!(r#"{{"log":"a\n","stream":"stdout",{attrs}"time":"2026-11-30T03:10:00Z"}}"#))
        };
        let some = of(r#""attrs":{"tag":"shop","a":"\u00e9"},"#);
        assert_eq!(some, Some(vec![("a".to_owned(), "\u{e9}".to_owned()), ("tag".to_owned(), "shop".to_owned())]));
        assert_eq!((of(""), of(r#""attrs":{"a":1},"#)), (Some(vec![]), Some(vec![])));
        let long = format!(r#""attrs":{{"a":"{}","b":"c"}},"#, "x".repeat(ATTRS_BYTES_MAX));
        assert_eq!(of(&long), Some(vec![("b".to_owned(), "c".to_owned())]));
        assert_eq!(attrs_of("plain"), None);
    }

    fn attrs_of(line: &str) -> Option<Vec<(String, String)>> {
        Some(attrs(line.as_bytes())?.into_iter().collect())
    }

    #[test]
    fn only_a_line_of_a_runtime_tells_the_framing() {
        assert_eq!(detect(b"2026-11-30T03:10:00.1Z stdout F a"), Framing::Cri);
        assert_eq!(detect(br#"{"log":"a\n","stream":"stdout","time":"2026-11-30T03:10:00Z"}"#), Framing::Docker);
        assert_eq!(detect(br#"{"log":"a\n","stream":"stdout","time":"noon"}"#), Framing::Lines);
        assert_eq!(detect(b"2026-11-30 stdout F a"), Framing::Lines);
        assert_eq!(detect(b""), Framing::Lines);
    }
}
