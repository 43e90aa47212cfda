//! Encodes redacted lines as syslog messages with their framing, directly into the batch's buffer.
//!
//! No message exceeds its limit. A longer text is truncated at a character's end and marked, and structured data is
//! omitted by whole values, so that a strict parser reads every message.

mod clock;
mod data;
mod sd_name;
mod text;

use std::borrow::Cow;

use jiff::tz::TimeZone;

use self::clock::Clock;
use self::data::Data;
use super::raw::{LineEnds, write_raw};
use super::template::Template;
use super::text::write_number;
use super::{Ansi, Encoder, Encoding, Envelope, RedactedLine, flags};
use event::{Level, LineFlags, TimeSource};
use redact::Redacted;

/// The message format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 5424.
    Rfc5424,
    /// RFC 3164, as most receivers parse it.
    Rfc3164,
}

/// The content of the message part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The redacted line only.
    Raw,
    /// The whole record as one JSON object.
    Json,
}

/// How messages are separated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Not at all: the transport separates them.
    None,
    /// Each after its length in bytes and a space (RFC 6587, 3.4.1; RFC 5425, 4.3).
    OctetCounting,
    /// Each followed by a newline (RFC 6587, 3.4.2); line ends within it and control characters are escaped.
    Newline,
}

/// How messages are encoded.
#[derive(Clone, Debug)]
pub struct Config {
    /// The format.
    pub format: Format,
    /// The facility's number, 0 to 23.
    pub facility: u8,
    /// HOSTNAME.
    pub hostname: Template,
    /// APP-NAME.
    pub app_name: Template,
    /// PROCID; `None`: nil.
    pub proc_id: Option<Template>,
    /// MSGID; `None`: nil.
    pub msg_id: Option<Template>,
    /// MSG.
    pub message: Message,
    /// The private enterprise number in the SD-IDs; `None`: no structured data.
    pub structured_data: Option<u32>,
    /// Whether a message with non-ASCII UTF-8 begins with a byte order mark, as RFC 5424 requires.
    pub bom: bool,
    /// A longer message is truncated and marked; without the framing.
    pub bytes_max: usize,
    /// The longest TAG of RFC 3164. Its own limit is 32 characters (4.1.3).
    pub tag_bytes_max: usize,
    /// How messages are separated.
    pub framing: Framing,
    /// The time zone of timestamps.
    pub zone: TimeZone,
}

/// Ends a truncated message.
const TRUNCATED: &[u8] = b" [truncated]";
/// Marks a message as UTF-8 (RFC 5424, 6.4).
const BOM: &[u8] = "\u{feff}".as_bytes();
/// A field without a value (RFC 5424, 6).
const NIL: &str = "-";
/// Maximum length of HOSTNAME, APP-NAME, PROCID and MSGID (RFC 5424, 6).
const NAME_BYTES_MAX: [usize; 4] = [255, 48, 128, 32];

/// The constant parts of the messages of one file.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// The names after the time; `None`: they differ from record to record.
    names: Option<Vec<u8>>,
    /// The beginning of the first element of structured data.
    element: Vec<u8>,
    /// Where the name of that element ends, and each of its values.
    ends: Vec<usize>,
}

impl Header {
    /// Collects the constant parts for a file; `params` are names and values that may be output.
    pub(super) fn new(config: &Config, envelope: &Envelope, params: &[(&str, Option<&str>)]) -> Self {
        let templates =
            [Some(&config.hostname), Some(&config.app_name), config.proc_id.as_ref(), config.msg_id.as_ref()];
        let by_record = templates.into_iter().flatten().any(Template::by_record);
        let names = (!by_record).then(|| names(config, envelope, None));
        let mut header = Self { names, element: Vec::new(), ends: Vec::new() };
        if let Some(number) = config.structured_data {
            header.element.extend_from_slice(format!("[logskiff@{number}").as_bytes());
            header.ends.push(header.element.len());
            for (name, value) in params.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
                header.add(config, name, value);
            }
        }
        header
    }

    /// Adds a constant parameter to the structured data, if there is any.
    pub(super) fn add(&mut self, config: &Config, name: &str, value: &str) {
        if config.structured_data.is_some() {
            let in_one_line = config.framing == Framing::Newline;
            text::write_param(name.into(), value.as_bytes(), in_one_line, &mut self.element);
            self.ends.push(self.element.len());
        }
    }
}

/// HOSTNAME and the following fields, up to the structured data or the message.
fn names(config: &Config, envelope: &Envelope, redacted: Option<&Redacted<'_>>) -> Vec<u8> {
    let render = |template: Option<&Template>, bytes_max: usize| {
        let rendered = template.map(|template| envelope.render(template, redacted)).unwrap_or_default();
        text::printable(&rendered, bytes_max)
    };
    let [host, app, process, id] = NAME_BYTES_MAX;
    let host = render(Some(&config.hostname), host);
    let process = render(config.proc_id.as_ref(), process);
    match config.format {
        Format::Rfc5424 => {
            let (app, id) = (render(Some(&config.app_name), app), render(config.msg_id.as_ref(), id));
            format!("{host} {app} {process} {id} ").into_bytes()
        }
        Format::Rfc3164 => {
            let tag = text::tag(&envelope.render(&config.app_name, redacted), config.tag_bytes_max);
            let process = if process == NIL { String::new() } else { format!("[{process}]") };
            format!("{host} {tag}{process}: ").into_bytes()
        }
    }
}

/// Writes syslog messages.
#[derive(Debug)]
pub(super) struct Writer {
    config: Config,
    with_id: bool,
    clock: Clock,
    /// Number of digits of the last message's length.
    digits: usize,
    scratch: Vec<u8>,
    data: Data,
}

impl Writer {
    pub(super) fn new(config: &Config, with_id: bool) -> Self {
        let clock = Clock::new(config.format, config.zone.clone());
        let data = Data::new(config);
        Self { config: config.clone(), with_id, clock, digits: 3, scratch: Vec::new(), data }
    }
}

/// A line, and what is the same in all messages of its file.
#[derive(Clone, Copy)]
struct Source<'s> {
    line: &'s RedactedLine<'s>,
    header: &'s Header,
}

impl Encoder {
    /// Appends the framed syslog message of one line to `out`; nothing if syslog is not configured. Returns whether the
    /// message was truncated.
    pub fn syslog(&mut self, line: &RedactedLine<'_>, out: &mut Vec<u8>) -> bool {
        let Some(header) = &line.envelope.syslog else { return false };
        let Some(mut writer) = self.syslog.take() else { return false };
        let source = Source { line, header };
        let frame = out.len();
        let counted = writer.config.framing == Framing::OctetCounting;
        if counted {
            // The length is known at the end; it mostly has as many digits as the previous one.
            out.resize(frame + writer.digits + 1, b' ');
        }
        let start = out.len();
        writer.write_header(source, None, out);
        self.write_message(&mut writer, source, out);
        let cut = out.len() - start > writer.config.bytes_max;
        if cut {
            out.truncate(start);
            self.write_truncated(&mut writer, source, out);
        }
        if counted {
            writer.count(frame, start, out);
        } else if writer.config.framing == Framing::Newline {
            out.push(b'\n');
        }
        self.syslog = Some(writer);
        cut
    }

    /// Writes MSG.
    fn write_message(&mut self, writer: &mut Writer, source: Source<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        match writer.config.message {
            Message::Raw => {
                let redacted = source.line.redacted;
                let strips = self.ansi == Ansi::Strip;
                if writer.config.framing == Framing::Newline {
                    writer.scratch.clear();
                    write_raw(redacted, LineEnds::Spelled, strips, &mut writer.scratch);
                    text::write_without_controls(&writer.scratch, out);
                } else {
                    write_raw(redacted, LineEnds::Newlines, strips, out);
                }
            }
            Message::Json => {
                let encoding = std::mem::replace(&mut self.encoding, Encoding::Json);
                if writer.config.framing == Framing::Newline {
                    writer.scratch.clear();
                    self.encode(source.line, &mut writer.scratch);
                    text::write_without_controls(&writer.scratch, out);
                } else {
                    self.encode(source.line, out);
                }
                self.encoding = encoding;
            }
        }
        if writer.config.format == Format::Rfc5424 && writer.config.bom && !out[start..].is_ascii() {
            write_bom(start, out);
        }
    }

    /// Writes a message that must be truncated.
    fn write_truncated(&mut self, writer: &mut Writer, source: Source<'_>, out: &mut Vec<u8>) {
        let bytes_max = writer.config.bytes_max;
        let start = out.len();
        writer.write_header(source, Some(bytes_max / 2), out);
        let message = out.len();
        self.write_message(writer, source, out);
        let most = (start + bytes_max).saturating_sub(TRUNCATED.len()).max(message);
        let mut most = text::boundary(out, most);
        if writer.config.framing == Framing::Newline {
            most = text::before_octal(out, most);
        }
        out.truncate(most);
        out.extend_from_slice(TRUNCATED);
    }
}

/// Inserts a byte order mark before a message that is UTF-8. Any other message must not look like UTF-8.
fn write_bom(start: usize, out: &mut Vec<u8>) {
    if std::str::from_utf8(&out[start..]).is_err() {
        if !out[start..].starts_with(BOM) {
            return;
        }
        let repaired = String::from_utf8_lossy(&out[start..]).into_owned();
        out.truncate(start);
        out.extend_from_slice(repaired.as_bytes());
    }
    out.splice(start..start, BOM.iter().copied());
}

impl Writer {
    /// Writes everything before MSG, its space included. `cut`: the message will be truncated, and this part may take
    /// at most that many bytes.
    fn write_header(&mut self, source: Source<'_>, cut: Option<usize>, out: &mut Vec<u8>) {
        let start = out.len();
        let parsed = source.line.redacted.parsed();
        out.push(b'<');
        let severity = parsed.level.unwrap_or(Level::Info).syslog_severity();
        write_number(u64::from(self.config.facility) * 8 + u64::from(severity), out);
        out.extend_from_slice(if self.config.format == Format::Rfc5424 { b">1 " } else { b">" });
        self.clock.write(source.line.time().0, out);
        out.push(b' ');
        let names = match &source.header.names {
            Some(names) => Cow::Borrowed(names),
            None => Cow::Owned(names(&self.config, source.line.envelope, Some(source.line.redacted))),
        };
        let fits = cut.is_none_or(|most| out.len() - start + names.len() <= most);
        match self.config.format {
            _ if fits => out.extend_from_slice(&names),
            Format::Rfc5424 => out.extend_from_slice(b"- - - - "),
            Format::Rfc3164 => out.extend_from_slice(b"- -: "),
        }
        if self.config.format == Format::Rfc3164 {
            return;
        }
        if self.config.structured_data.is_some() {
            self.write_data(source, cut.map(|most| start + most), out);
        } else {
            out.push(b'-');
        }
        out.push(b' ');
    }

    /// Writes the structured data; `end`: not beyond this position, as far as possible.
    fn write_data(&mut self, source: Source<'_>, end: Option<usize>, out: &mut Vec<u8>) {
        let parsed = source.line.redacted.parsed();
        let span = source.line.span;
        header_element(source.header, end, out);
        out.extend_from_slice(b" offset=\"");
        write_number(span.start, out);
        out.push(b'"');
        if self.with_id {
            out.extend_from_slice(b" id=\"");
            super::write_event_id(source.line, out);
            out.push(b'"');
        }
        let (_, time_source) = source.line.time();
        if time_source != TimeSource::Line {
            out.extend_from_slice(b" time_source=\"");
            out.extend_from_slice(time_source.name().as_bytes());
            out.push(b'"');
        }
        let cut = if end.is_some() { LineFlags::TRUNCATED } else { LineFlags::NONE };
        let line = RedactedLine { flags: source.line.flags.and(cut), ..*source.line };
        for flag in flags(&line, parsed.repairs) {
            out.extend_from_slice(b" flag=\"");
            out.extend_from_slice(flag.as_bytes());
            out.push(b'"');
        }
        if let Some(failure) = parsed.failure {
            out.extend_from_slice(b" error=\"");
            out.extend_from_slice(failure.name().as_bytes());
            out.push(b'"');
        }
        out.push(b']');
        if !parsed.nodes.is_empty() {
            self.data.write(source.line.redacted, end, out);
        }
    }

    /// Writes a message's length into the reserved place.
    fn count(&mut self, frame: usize, start: usize, out: &mut Vec<u8>) {
        self.scratch.clear();
        write_number((out.len() - start) as u64, &mut self.scratch);
        if self.scratch.len() == self.digits {
            out[frame..frame + self.digits].copy_from_slice(&self.scratch);
        } else {
            self.digits = self.scratch.len();
            out.splice(frame..start - 1, self.scratch.iter().copied());
        }
    }
}

/// Writes the beginning of the first element, with the values that do not extend beyond `end`.
fn header_element(header: &Header, end: Option<usize>, out: &mut Vec<u8>) {
    let Some(end) = end else { return out.extend_from_slice(&header.element) };
    let mut from = 0;
    for to in &header.ends {
        let part = &header.element[from..*to];
        if from == 0 || out.len() + part.len() < end {
            out.extend_from_slice(part);
        }
        from = *to;
    }
}

#[cfg(test)]
mod tests;
