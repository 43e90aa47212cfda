//! Redacted lines into syslog messages.

use jiff::tz::TimeZone;

use super::template::Template;

/// The message format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 5424.
    Rfc5424,
    /// RFC 3164, as most receivers read it.
    Rfc3164,
}

/// What the message part holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The redacted line alone.
    Raw,
    /// The whole record as one JSON object.
    Json,
}

/// How messages stand one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each alone: the transport keeps them apart.
    None,
    /// Each after its length in bytes and a space (RFC 6587, 3.4.1; RFC 5425, 4.3).
    OctetCounting,
    /// Each with a newline behind it (RFC 6587, 3.4.2); control characters are escaped.
    Newline,
}

/// How messages are written.
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
    /// Whether a message that is UTF-8 beyond ASCII begins with a byte order mark, as RFC 5424 wants it.
    pub bom: bool,
    /// A longer message is cut and marked; without the framing.
    pub bytes_max: usize,
    /// How messages stand one after the other.
    pub framing: Framing,
    /// The zone of the time stamps.
    pub zone: TimeZone,
}
