//! Instants as syslog writes them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Format;

/// Writes instants; remembers the last second, which most messages share with the one before.
#[derive(Debug)]
pub(super) struct Clock {
    format: Format,
    zone: TimeZone,
    second: Option<i64>,
    written: String,
    offset: String,
}

impl Clock {
    pub(super) fn new(format: Format, zone: TimeZone) -> Self {
        Self { format, zone, second: None, written: String::new(), offset: String::new() }
    }

    /// Writes `time_ns`, nanoseconds since the Unix epoch: as RFC 3339 with milliseconds, or microseconds where they say
    /// more (RFC 5424, 6.2.3), or as RFC 3164 has it (4.1.2).
    pub(super) fn write(&mut self, time_ns: i64, out: &mut Vec<u8>) {
        let (second, nanosecond) = (time_ns.div_euclid(1_000_000_000), time_ns.rem_euclid(1_000_000_000));
        if self.second != Some(second) {
            self.second = Some(second);
            let instant =
                Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned_datetime(self.zone.clone());
            let format = if self.format == Format::Rfc5424 { "%Y-%m-%dT%H:%M:%S" } else { "%b %e %H:%M:%S" };
            self.written = instant.strftime(format).to_string();
            self.offset = if instant.offset().is_zero() { "Z".to_owned() } else { instant.strftime("%:z").to_string() };
            // Offsets of long ago had seconds, which RFC 3339 has no place for.
            self.offset.truncate("+00:00".len());
        }
        out.extend_from_slice(self.written.as_bytes());
        if self.format == Format::Rfc3164 {
            return;
        }
        let (mut unit, value) = match nanosecond / 1_000 {
            microsecond if microsecond % 1_000 == 0 => (100, microsecond / 1_000),
            microsecond => (100_000, microsecond),
        };
        out.push(b'.');
        while unit > 0 {
            out.push(b'0' + u8::try_from(value / unit % 10).unwrap_or_default());
            unit /= 10;
        }
        out.extend_from_slice(self.offset.as_bytes());
    }
}
